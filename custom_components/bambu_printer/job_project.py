"""Finds the file of the running job on the printer's storage, and reads what it says.

Reports only carry names.  When a job begins the file is looked for in the background; not
finding it (jobs from the cloud often lie in memory that nobody can reach) leaves
everything unknown, and is no error.
"""

import asyncio
from dataclasses import dataclass
import logging
import re
from typing import TYPE_CHECKING

from homeassistant.core import CALLBACK_TYPE, callback
from homeassistant.util import dt as dt_util

from .printer import BambuError, PrinterState
from .printer.errors import ProjectTooLargeError
from .printer.plate_picture import draw_plate
from .printer.project import Plate, ProjectInfo
from .printer.state import JobState, ProjectState
from .printer.state.job import GcodeState, PrintType

if TYPE_CHECKING:
    from .coordinator import PrinterCoordinator

_LOGGER = logging.getLogger(__name__)

SETTLE_TIME = 1.0
"""Seconds for which a job must have kept its names: they come one after the other, and some
printers take it ill when a download is broken off."""
FIRST_PAUSE = 2.0
"""Seconds until the file is looked for again; twice as many each time."""
LONGEST_PAUSE = 60.0
TRIES = 8
"""How often it is looked for: over about four minutes, which is longer than it takes any
printer to store what it was sent."""

_PLATE_FILE = re.compile(r"plate_(\d{1,3})\.gcode$")
_ARRIVED = 99
"""Percent of a download from the cloud; some printers never say 100."""
_KINDS = ("plate", "pick")


@dataclass(frozen=True, slots=True)
class _Job:
    """What tells that another job runs, or that the same is better known."""

    active: bool
    arriving: bool
    key: str
    plate: int | None


class JobProject:
    """The project of the job of one printer, and its pictures."""

    def __init__(self, coordinator: PrinterCoordinator) -> None:
        """Take the printer; nothing is looked for before it is started."""
        self._coordinator = coordinator
        self._task: asyncio.Task[None] | None = None
        self._was_active = False
        self._pictures: dict[str, bytes] = {}
        self._drawn: tuple[object, bytes | None] | None = None
        self._drawing = asyncio.Lock()

    @callback
    def async_start(self) -> CALLBACK_TYPE:
        """Look for the project of each job from now on; returns what ends it."""
        coordinator = self._coordinator
        unwatch = coordinator.async_watch(("job",), _identify, self._on_job)
        unlisten = coordinator.async_add_listener(self._on_connection)
        self._on_job(_identify(coordinator.data))

        @callback
        def stop() -> None:
            unwatch()
            unlisten()
            self._cancel()

        return stop

    @property
    def cover(self) -> bytes | None:
        """The picture of the plate (PNG); None: not known."""
        return self._pictures.get("plate")

    async def async_draw_objects(self) -> bytes | None:
        """Return the plate with its objects numbered (PNG); None: not known."""
        state = self._coordinator.data
        if (plate := state.project.plate) is None:
            return None
        skipped = state.job.skipped_objects
        pick = self._pictures.get("pick")
        async with self._drawing:
            what = (state.project, skipped)
            if self._drawn is None or self._drawn[0] != what:
                picture = await self._coordinator.hass.async_add_executor_job(
                    lambda: draw_plate(plate.objects, pick=pick, skipped=skipped)
                )
                self._drawn = (what, picture)
            return self._drawn[1]

    @callback
    def _on_job(self, job: _Job) -> None:
        begins = job.active and not self._was_active
        self._was_active = job.active
        self._cancel()
        if begins:
            # Nothing of the last job may pass for one of the new.
            self._tell(None, {})
        if job.active and not job.arriving:
            self._start()

    @callback
    def _on_connection(self) -> None:
        """Look again when the printer is back, if it was lost before anything was found."""
        if self._coordinator.last_update_success and self._task is None:
            job = _identify(self._coordinator.data)
            if job.active and self._coordinator.data.project.plate is None:
                self._on_job(job)

    @callback
    def _start(self) -> None:
        coordinator = self._coordinator
        self._task = coordinator.config_entry.async_create_background_task(
            coordinator.hass, self._find(), "bambu_printer job project"
        )

    @callback
    def _cancel(self) -> None:
        if self._task:
            self._task.cancel()
            self._task = None

    async def _find(self) -> None:
        """Look for the file, with growing pauses: it may still be on its way."""
        await asyncio.sleep(SETTLE_TIME)
        reason = "it is not there"
        for attempt in range(TRIES):
            if attempt:
                await asyncio.sleep(
                    min(FIRST_PAUSE * 2 ** (attempt - 1), LONGEST_PAUSE)
                )
            try:
                if await self._read():
                    break
            except ProjectTooLargeError as err:
                self._give_up(str(err))
                break
            except BambuError as err:
                reason = str(err)
        else:
            self._give_up(reason)
        self._task = None

    @callback
    def _give_up(self, reason: str) -> None:
        _LOGGER.debug("The file of the job is not known: %s", reason)
        self._tell(None, {})

    async def _read(self) -> bool:
        """Read the file of the job, if it is there; return whether it was."""
        printer = self._coordinator.printer
        job = printer.state.job
        path = await printer.projects.find_job_file(job)
        if path is None:
            return False
        plate = plate_of_job(job, await printer.projects.get_project_info(path))
        if plate is None:
            return False
        pictures: dict[str, bytes] = {}
        for kind in _KINDS:
            if kind in plate.pictures and (
                picture := await printer.projects.get_picture(path, plate.number, kind)
            ):
                pictures[kind] = picture
        known = printer.state.project
        if (known.path, known.plate, self._pictures) != (path, plate, pictures):
            found = dt_util.utcnow()
            self._tell(ProjectState(path=path, plate=plate, found=found), pictures)
        return True

    @callback
    def _tell(self, project: ProjectState | None, pictures: dict[str, bytes]) -> None:
        # Before the entities look.
        self._pictures = pictures
        self._coordinator.printer.set_job_project(project)


def _identify(state: PrinterState) -> _Job:
    job = state.job
    return _Job(
        active=job.active,
        arriving=job.gcode_state is GcodeState.PREPARE
        and job.print_type is PrintType.CLOUD
        and (job.prepare_progress or _ARRIVED) < _ARRIVED,
        key=job.job_key,
        plate=job.plate,
    )


def plate_of_job(job: JobState, info: ProjectInfo) -> Plate | None:
    """Return the plate that is being printed; None when the file does not have it."""
    if job.file and (found := _PLATE_FILE.search(job.file)):
        return info.plate(int(found.group(1)))
    if job.plate is not None and (plate := info.plate(job.plate)):
        return plate
    return info.plate(None)
