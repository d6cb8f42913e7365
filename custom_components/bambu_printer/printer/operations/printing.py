"""Starting a print from a file on the printer's storage."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
import time
from typing import Any

from .. import commands
from ..archive import ArchiveError, SeekableArchive
from ..errors import (
    CommandRejectedError,
    NameWithSpaceError,
    NotAuthorizedError,
    ProjectError,
    UnsupportedError,
    WrongStateError,
)
from ..ftps import Progress
from ..models import Family
from ..paths import name_of, normalize
from ..print_plan import BedType, PrintPlan, make_plan
from ..project import ProjectInfo, ProjectReader
from ..projects import EXPRESS_LIMIT, ProjectStore
from ..slots import SlotAddress
from ..state.job import GcodeState
from .base import Operations

START_LIMIT = 180.0
"""Seconds that the slowest printers take from the command to the first sign of the job."""
ACK_LIMIT = 10.0
"""Seconds within which a printer acknowledges the start; it reads the archive meanwhile."""

_COMMAND = "project_file"
_READY = (GcodeState.IDLE, GcodeState.FINISH, GcodeState.FAILED)
_SDCARD_FAMILIES = frozenset({Family.X1, Family.P1, Family.A1, Family.A2})
"""Whose address of a file on the card begins with ``file:``; newer ones want ``ftp:``.
For the A2L this is inferred from where its card is mounted."""
_AUTO_FAMILIES = frozenset({Family.P2, Family.H2, Family.X2})
"""Who decides by itself whether a calibration is due, if it is left the choice."""
_LIDAR_FAMILIES = frozenset({Family.X1})
_LARGEST_NUMBER = 0x7FFFFFFF
"""Larger job numbers are cut off, and look like the one before."""


class Choice(StrEnum):
    """Whether a calibration is made before a print."""

    OFF = "off"
    ON = "on"
    AUTO = "auto"
    """If the printer finds that it is due."""


_NUMBERS = {Choice.OFF: 0, Choice.ON: 1, Choice.AUTO: 2}


class PrintingOperations(Operations):
    """Printing what is on the card."""

    projects: ProjectStore
    _starting = False
    _started: tuple[str, float, int] | None = None
    """The job that was started last: its number, when to stop waiting, the error before."""

    @property
    def can_calibrate_automatically(self) -> bool:
        """Whether it can be left to the printer if calibrations are due.

        Known of the generation with two-nozzle firmware; for others a guess, namely no.
        """
        return self.model.family in _AUTO_FAMILIES

    @property
    def can_inspect_first_layer(self) -> bool:
        """Whether there is something to look at the first layer with."""
        return (
            self.model.family in _LIDAR_FAMILIES
            or self.state.detectors.first_layer is not None
        )

    async def plan_print(
        self,
        path: str,
        plate: int | None = None,
        *,
        source: Path | None = None,
        bed_type: BedType | None = None,
        use_ams: bool | None = None,
        ams_mapping: Sequence[int | SlotAddress | None] | None = None,
    ) -> PrintPlan:
        """Return what `print_3mf_file` would do, with all that speaks against it.

        `source` is a file of this machine that is going to be stored under the path.
        Nothing is sent but the question for a file on the printer.  Raises `StorageError` for a file
        that is not there, `ProjectError` for what is no sliced project, and whatever
        `make_plan` raises.
        """
        path = normalize(path)
        if not name_of(path).lower().endswith(".3mf"):
            raise ProjectError(path, "the name does not end in .3mf")
        if source is None:
            info = await self.projects.get_project_info(path, limit=EXPRESS_LIMIT)
        else:
            info = await asyncio.get_running_loop().run_in_executor(
                None, read_local_project, source
            )
        return make_plan(
            path,
            info,
            self.state,
            self.model,
            plate=plate,
            bed_type=bed_type,
            use_ams=use_ams,
            ams_mapping=ams_mapping,
        )

    async def print_3mf_file(
        self,
        path: str,
        plate: int | None = None,
        *,
        source: Path | None = None,
        progress: Progress | None = None,
        bed_type: BedType | None = None,
        use_ams: bool | None = None,
        ams_mapping: Sequence[int | SlotAddress | None] | None = None,
        bed_leveling: Choice | None = None,
        flow_cali: Choice | None = None,
        nozzle_offset_cali: Choice | None = None,
        timelapse: bool = False,
        vibration_cali: bool = False,
        layer_inspect: bool | None = None,
        force: bool = False,
    ) -> PrintPlan:
        """Print a plate of a sliced project that is on the printer's storage.

        A `source`, a file of this machine, is stored there first, once nothing speaks
        against printing it; `progress` is called with the bytes so far, from a thread.

        Without a plate the only one is printed.  Without a bed type the one it was sliced
        for is told, as the slicer does.  `ams_mapping` names a slot for each filament of
        the project, used or not; without it slots are found automatically, in AMS units
        only or (`use_ams` false) on external spools only.

        Calibrations that are not mentioned: the printer decides where it can, else the bed
        is levelled, the flow is not calibrated.  Vibration calibration is the printer's
        own business unless asked for.  The first layer is inspected where the printer can,
        which a detector of its own still governs.

        `force` overrules that the file is for another model or nozzle, or that a chosen
        slot has another material; never that a filament is missing.

        Returns the plan, with the number that the job will report as `subtask_id`, when the
        printer has acknowledged the command.  It may take minutes until reports show
        the job, and it may still fail: then an error is reported.  Until one of both, or
        `START_LIMIT`, no other start is let through: a second one would cancel the job on
        some models.
        """
        if self._starting:
            raise WrongStateError(_COMMAND, "starting")
        self._starting = True
        try:
            self._require_ready()
            options = self._options(
                bed_leveling=bed_leveling,
                flow_cali=flow_cali,
                nozzle_offset_cali=nozzle_offset_cali,
                timelapse=timelapse,
                vibration_cali=vibration_cali,
                layer_inspect=layer_inspect,
            )
            plan = await self.plan_print(
                path,
                plate,
                source=source,
                bed_type=bed_type,
                use_ams=use_ams,
                ams_mapping=ams_mapping,
            )
            self._url(plan.path)
            for problem in plan.blockers(force=force):
                raise problem
            if source is not None:
                await self.projects.upload(source, plan.path, progress)
            # All that may have taken a while.
            self._require_ready()
            plan = replace(plan, job_number=_job_number())
            await self._start(plan, options)
        finally:
            self._starting = False
        return plan

    async def _start(self, plan: PrintPlan, options: dict[str, Any]) -> None:
        command = commands.project_file(
            file=name_of(plan.path),
            url=self._url(plan.path),
            plate=plan.plate.number,
            name=job_name(plan.path),
            job_number=plan.job_number,
            bed_type=plan.bed_type.value,
            use_ams=plan.use_ams,
            ams_mapping=plan.ams_mapping,
            ams_mapping2=plan.ams_mapping2,
            options=options,
        )
        limit = asyncio.get_running_loop().time() + START_LIMIT
        # Also when no answer comes: the printer may have understood all the same.
        self._started = plan.job_number, limit, self.state.errors.print_error or 0
        try:
            await self._command(command, limit=ACK_LIMIT)
        except CommandRejectedError:
            self._started = None
            raise

    def _require_ready(self) -> None:
        """Refuse a start that would fail, or disturb a job."""
        self._require(_COMMAND, allowed=self.state.job.gcode_state in _READY)
        if self.state.capabilities.signature_required:
            raise NotAuthorizedError(_COMMAND, "Developer Mode is off")
        if self._started is None:
            return
        number, limit, error = self._started
        if (
            self.state.job.subtask_id == number
            or (self.state.errors.print_error or 0) not in (0, error)
            or asyncio.get_running_loop().time() >= limit
        ):
            self._started = None
            return
        raise WrongStateError(_COMMAND, "starting")

    def _url(self, path: str) -> str:
        if self.model.family in _SDCARD_FAMILIES:
            return f"file:///sdcard{path}"
        if " " in path:
            raise NameWithSpaceError(path)
        return f"ftp://{path}"

    def _options(
        self,
        *,
        bed_leveling: Choice | None,
        flow_cali: Choice | None,
        nozzle_offset_cali: Choice | None,
        timelapse: bool,
        vibration_cali: bool,
        layer_inspect: bool | None,
    ) -> dict[str, Any]:
        """Put the options into the form of the model; refuse those that it has not."""
        automatic = self.can_calibrate_automatically
        dual = self.state.capabilities.extruders > 1
        if not automatic and Choice.AUTO in (bed_leveling, flow_cali):
            raise UnsupportedError("automatic choice of calibrations", self.model.key)
        if not dual and nozzle_offset_cali not in (None, Choice.OFF):
            raise UnsupportedError("nozzle offset calibration", self.model.key)
        if timelapse and self.model.camera is None:
            raise UnsupportedError("timelapse", self.model.key)
        if layer_inspect and not self.can_inspect_first_layer:
            raise UnsupportedError("first layer inspection", self.model.key)
        leveling = bed_leveling or (Choice.AUTO if automatic else Choice.ON)
        flow = flow_cali or (Choice.AUTO if automatic else Choice.OFF)
        options: dict[str, Any] = {
            "bed_leveling": leveling is Choice.ON,
            "flow_cali": flow is Choice.ON,
            "vibration_cali": vibration_cali,
            "layer_inspect": self.can_inspect_first_layer
            if layer_inspect is None
            else layer_inspect,
            "timelapse": timelapse,
        }
        if automatic:
            options["auto_bed_leveling"] = _NUMBERS[leveling]
            options["extrude_cali_flag"] = _NUMBERS[flow]
            options["cfg"] = "0"
        if dual:
            offset = nozzle_offset_cali or (Choice.AUTO if automatic else Choice.OFF)
            options["nozzle_offset_cali"] = _NUMBERS[offset]
        return options


def read_local_project(source: Path) -> ProjectInfo:
    """Read what a sliced project says of itself; blocks.

    Raises `ProjectError`, also for a file that cannot be read at all.
    """
    try:
        with source.open("rb") as file:
            return ProjectReader(SeekableArchive(file), source.name).info()
    except ArchiveError as err:
        raise ProjectError(source.name, str(err)) from err
    except OSError as err:
        raise ProjectError(source.name, err.strerror or "cannot be read") from err


def job_name(path: str) -> str:
    """Return what a job is called on the screen: the name of its file, without suffixes."""
    name = name_of(path)
    for suffix in (".3mf", ".gcode"):
        if name.lower().endswith(suffix):
            name = name[: -len(suffix)]
    return name


def _job_number() -> str:
    """Return a number that tells this job from the one before, also of the same file."""
    return str(time.time_ns() // 1_000_000 % _LARGEST_NUMBER + 1)
