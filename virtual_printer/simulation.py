"""The print that moves: preparation, layers, pauses, the end; and everything else that takes time."""

from collections.abc import Callable
import contextlib
from dataclasses import dataclass, field
from functools import partial
import math
from pathlib import Path
from typing import Any

from .ams import tray_bit
from .card import Card
from .drying import Drying
from .machine import SPEEDS, Machine
from .plate_reading import UnprintableError, read_plate
from .profiles import Family
from .sequence import Sequence, Step
from .thermal import Thermal

CANCELLED = 0x0300400C
SCENARIOS = ("idle", "preparing", "printing", "paused", "finished", "failed", "drying")

# What a stage of the preparation lasts at most, in seconds.
_STAGE_SECONDS = {
    1: 95,
    2: 300,
    3: 40,
    7: 60,
    8: 55,
    10: 45,
    11: 12,
    13: 22,
    14: 48,
    19: 50,
    25: 30,
    29: 20,
    39: 60,
    40: 180,
    49: 600,
    65: 45,
    12: 60,
}


@dataclass(slots=True)
class Job:
    """A print."""

    name: str
    layers: int
    seconds: float
    nozzle: int
    bed: int
    chamber: int = 0
    extruder: int = 0
    source: tuple[int, int] | None = None
    stages: list[int] = field(default_factory=list)
    elapsed: float = 0.0
    written: int = -1
    spool_start: int = -1
    # The archive on the card, where it is known, and what can be left out (None: anything).
    path: Path | None = None
    plate: int = 1
    objects: tuple[int, ...] | None = None
    # The slot of each filament, unit and slot in one number; empty: only the source.
    mapping: list[int] = field(default_factory=list)


class Simulation:
    """A printer's clockwork."""

    def __init__(self, machine: Machine) -> None:
        """Put an idle printer together."""
        self.machine = machine
        self.thermal = Thermal(machine)
        self.drying = Drying(machine)
        self.job: Job | None = None
        # The card in the printer, if there is one.
        self.card: Card | None = None
        self.sequences: list[Sequence] = []
        # Seconds of real time until the error of a cancelled job goes away.
        self._error_left = 0.0
        self._fan_phase = 0.0
        self._before_pause = "RUNNING", 0

    # ---- time --------------------------------------------------------------------------

    def advance(self, seconds: float, speed: float = 1.0) -> None:
        """Let real seconds pass; the printer's clock runs faster by the speed."""
        if self._error_left > 0:
            self._error_left -= seconds
            if (
                self._error_left <= 0
                and self.machine.report["print_error"] == CANCELLED
            ):
                self.machine.set_error(0)
        span = seconds * speed
        paused = self.machine.state == "PAUSE"
        for sequence in list(self.sequences):
            if paused and sequence.name == "prepare":
                continue
            if sequence.advance(span) and sequence in self.sequences:
                self.sequences.remove(sequence)
        self.thermal.advance(span)
        self.drying.advance(span)
        self._advance_job(span)
        self._wander()

    def run(self, sequence: Sequence) -> None:
        """Begin something that takes a while, instead of another one of the same name."""
        self.sequences = [item for item in self.sequences if item.name != sequence.name]
        self.sequences.append(sequence)
        # The first step shows at once.
        sequence.advance(0)

    def running(self, name: str) -> Sequence | None:
        """Return what is under way by its name."""
        return next((item for item in self.sequences if item.name == name), None)

    def stop(self, name: str) -> None:
        """Abandon something."""
        self.sequences = [item for item in self.sequences if item.name != name]

    def _wander(self) -> None:
        """Let the radio signal wander as it does."""
        if self.machine.rng.random() < 0.04:
            level = self.machine.profile.wifi + self.machine.rng.randint(-4, 4)
            self.machine.report["wifi_signal"] = f"{level}dBm"

    # ---- the job -----------------------------------------------------------------------

    def start(
        self, job: Job, *, file: str, print_type: str = "local", **identity: str
    ) -> None:
        """Start a print: download, preparation stages, then layers."""
        machine = self.machine
        self.job = job
        self.stop("pause")
        machine.set_error(0)
        machine.report["print_type"] = print_type
        machine.set_state("PREPARE")
        machine.report["s_obj"] = []
        machine.report["subtask_name"] = job.name
        machine.report["gcode_file"] = file
        for key in ("project_id", "profile_id", "task_id", "subtask_id"):
            machine.report[key] = identity.get(key, "0")
        plate = int(identity.get("plate", "1"))
        machine.set_if_present(
            file=file,
            job_id=identity.get("job_id", "0"),
            plate_idx=plate,
            plate_id=plate,
        )
        machine.set_if_present(job_attr=18)
        if "mapping" in machine.report and job.source is not None:
            entries = job.mapping or [job.source[0] << 8 | job.source[1]]
            length = len(machine.report["mapping"])
            missing = length - len(entries) if length > 1 else 0
            machine.report["mapping"] = entries + [65535] * missing
        machine.set_layers(0)
        machine.set_progress(0, 0, 0)
        machine.set_prepared(0)
        machine.set_speed(2)
        machine.set_stage(machine.profile.idle_stage)
        machine.report["stg"] = list(job.stages)
        steps = [
            Step(1.5, partial(machine.set_prepared, percent))
            for percent in (12, 47, 81)
        ]
        steps.append(Step(0.5, self._begin))
        steps += [self._stage_step(stage) for stage in job.stages]
        steps.append(Step(120, self._heat, until=self._hot))
        self.run(Sequence("prepare", steps, done=self._print))

    def _begin(self) -> None:
        machine, job = self.machine, self.job
        assert job is not None
        machine.set_prepared(100)
        machine.set_state("RUNNING")
        machine.set_layers(job.layers)
        machine.set_progress(0, math.ceil(job.seconds / 60), 0)
        machine.set_bed(target=job.bed)
        machine.set_fan(0, 100)
        if job.chamber:
            machine.set_airduct(1, -1)
            machine.set_chamber(target=job.chamber)

    def _stage_step(self, stage: int) -> Step:
        machine = self.machine

        def enter() -> None:
            machine.set_stage(stage)
            if stage in (8, 14, 19) and self.job is not None:
                machine.set_nozzle(self.job.extruder, target=self.job.nozzle)
            if stage == 13:
                for axis in (0, 1, 2):
                    machine.set_home_bit(axis, True)

        ready: dict[int, Callable[[], bool]] = {
            2: lambda: machine.bed_current() >= machine.bed_target() - 1,
            49: lambda: machine.chamber_current() >= machine.chamber_target() - 1,
        }
        return Step(_STAGE_SECONDS.get(stage, 20), enter, ready.get(stage))

    def _heat(self) -> None:
        assert self.job is not None
        self.machine.set_stage(7)
        self.machine.set_nozzle(self.job.extruder, target=self.job.nozzle)

    def _hot(self) -> bool:
        assert self.job is not None
        return self.machine.nozzle_current(self.job.extruder) >= self.job.nozzle - 2

    def _print(self) -> None:
        machine, job = self.machine, self.job
        assert job is not None
        machine.set_stage(0)
        machine.set_ams_status(3 if job.source and job.source[0] < 254 else 0)
        if machine.profile.dual and machine.active_extruder != job.extruder:
            machine.set_extruder_state(job.extruder, job.extruder, False)
        machine.set_target_slot(job.extruder, job.source)
        machine.set_loaded(job.extruder, job.source)
        machine.set_nozzle(job.extruder, target=job.nozzle)
        tray = None if job.source is None else machine.tray(*job.source)
        job.spool_start = int(tray.get("remain", -1)) if tray is not None else -1
        self._show_progress()

    @property
    def printing(self) -> bool:
        """Whether layers are being printed just now."""
        return (
            self.job is not None
            and self.machine.state == "RUNNING"
            and self.running("prepare") is None
            and self.running("filament") is None
        )

    def _advance_job(self, span: float) -> None:
        job, machine = self.job, self.machine
        if job is None or not self.printing:
            return
        if job.written not in (-1, machine.report["mc_percent"]):
            # Somebody wrote another percentage into the report: go on from there.
            job.elapsed = float(machine.report["mc_percent"]) * job.seconds / 100
        job.elapsed += span * SPEEDS.get(machine.report["spd_lvl"], 100) / 100
        if job.elapsed >= job.seconds:
            self.finish()
            return
        self._show_progress()
        self._use_fans(span)

    def _show_progress(self) -> None:
        job, machine = self.job, self.machine
        assert job is not None
        share = job.elapsed / job.seconds
        job.written = min(99, int(share * 100))
        pace = SPEEDS.get(machine.report["spd_lvl"], 100) / 100
        minutes = math.ceil((job.seconds - job.elapsed) / pace / 60)
        machine.set_progress(
            job.written, minutes, min(job.layers, 1 + int(share * job.layers))
        )
        if job.spool_start > 0 and job.source is not None:
            tray = machine.tray(*job.source)
            if tray is not None and tray.get("remain", -1) >= 0:
                tray["remain"] = max(1, job.spool_start - int(share * 12))

    def _use_fans(self, span: float) -> None:
        """Part cooling changes with the features of a layer, a step every minute or so."""
        self._fan_phase += span
        job, machine = self.job, self.machine
        if job is None or self._fan_phase < 50:
            return
        self._fan_phase = 0.0
        hot = job.nozzle >= 240
        machine.set_fan(1, machine.rng.choice((10, 20, 30)) if hot else 100)
        machine.set_fan(2, 0 if hot else machine.rng.choice((50, 60, 70)))
        if not job.chamber:
            machine.set_fan(3, machine.rng.choice((30, 40, 50)))

    def pause(self) -> bool:
        """Pause a running job."""
        if self.machine.state not in ("RUNNING", "PREPARE"):
            return False
        self._before_pause = self.machine.state, self.machine.report["stg_cur"]
        self.machine.set_state("PAUSE")
        self.machine.set_stage(16)
        return True

    def resume(self) -> bool:
        """Go on with a paused job."""
        if self.machine.state != "PAUSE":
            return False
        state, stage = self._before_pause
        self.machine.set_state(state)
        self.machine.set_stage(stage)
        self.machine.set_error(0)
        return True

    def cancel(self) -> bool:
        """Stop the job; the printer calls that a failure, with a well-known error."""
        if not self.machine.busy:
            return False
        machine = self.machine
        self.stop("prepare")
        self.stop("filament")
        self._cool_down()
        machine.set_state("FAILED")
        machine.set_progress(0, int(machine.report["mc_remaining_time"]), 0)
        machine.set_error(CANCELLED)
        self._error_left = 3.0
        self.job = None
        return True

    def finish(self) -> None:
        """Bring the job to a good end."""
        machine, job = self.machine, self.job
        assert job is not None
        self._cool_down()
        machine.set_state("FINISH")
        machine.set_progress(100, 0, job.layers)
        self.job = None

    def _cool_down(self) -> None:
        machine = self.machine
        for index in range(machine.profile.extruders):
            machine.set_nozzle(index, target=0)
            entry_source = machine.loaded(index)
            # The AMS pulls its filament back; an external spool stays in.
            if entry_source is not None and entry_source[0] < 254:
                machine.set_loaded(index, None)
                machine.set_target_slot(index, None)
        machine.set_bed(target=0)
        machine.set_chamber(target=0)
        for fan in (0, 1, 2, 3, 10):
            machine.set_fan(fan, 0)
        machine.set_airduct(0, -1)
        machine.set_ams_status(0)

    def job_objects(self) -> tuple[int, ...] | None:
        """Return what can be left out of the job; None when nobody has said.

        A job that ran before anybody looked into the card is looked up there now.
        """
        job = self.job
        if job is None or self.card is None or not self.card.used:
            return None
        if job.path is None and job.name == self.machine.profile.job.name:
            job.path = self.card.job_file()
        if job.objects is None and job.path is not None and job.path.suffix == ".3mf":
            with contextlib.suppress(UnprintableError):
                job.objects = read_plate(job.path, job.plate).objects
        return job.objects

    # ---- where a printer starts --------------------------------------------------------

    def demo_job(self) -> Job:
        """Return the job that the profile describes."""
        spec = self.machine.profile.job
        stages = [
            stage
            for stage in self.machine.profile.stages
            if stage != 49 or spec.chamber
        ]
        return Job(
            name=spec.name,
            layers=spec.layers,
            seconds=spec.minutes * 60,
            nozzle=spec.nozzle,
            bed=spec.bed,
            chamber=spec.chamber,
            extruder=spec.extruder,
            source=spec.source,
            stages=stages,
        )

    def set_scene(self, scenario: str) -> None:
        """Bring the printer into a starting condition."""
        if scenario not in SCENARIOS:
            raise ValueError(
                f"unknown scenario {scenario!r}; known: {', '.join(SCENARIOS)}"
            )
        if scenario == "idle":
            return
        if scenario == "drying":
            self._scene_drying()
            return
        job = self.demo_job()
        small = self.machine.profile.family in (Family.P1, Family.A1, Family.A2)
        name = f"{job.name}.gcode.3mf"
        self.start(
            job,
            file=name if small else "/data/Metadata/plate_1.gcode",
            project_id="0",
            task_id="4711",
            subtask_id="4711",
        )
        if scenario == "preparing":
            return
        self.stop("prepare")
        self._begin()
        self._print()
        if scenario == "finished":
            job.elapsed = job.seconds
            self.finish()
            return
        job.elapsed = job.seconds * (0.425 if scenario == "printing" else 0.315)
        self.thermal.settle()
        self._show_progress()
        self._fan_phase = 60.0
        self._use_fans(0)
        if scenario == "paused":
            self.pause()
        elif scenario == "failed":
            self.cancel()
            self.machine.set_error(0)
            self._error_left = 0.0

    def _scene_drying(self) -> None:
        for unit_id, kind in self.machine.kinds.items():
            if kind.value.dries:
                self.drying.start(unit_id, temperature=55, hours=8, filament="PLA")

    # ---- filament ----------------------------------------------------------------------

    def change_filament(
        self,
        source: tuple[int, int] | None,
        extruder: int,
        nozzle: int,
        unit_id: int | None = None,
    ) -> None:
        """Load from a slot or holder, or unload with None."""
        machine = self.machine
        present = machine.loaded(extruder)
        external = (source or present or (0, 0))[0] >= 254
        resume_stage = machine.report["stg_cur"]

        def enter(sub: int, stage: int) -> Any:
            def apply() -> None:
                machine.set_ams_status(1, sub, extruder)
                machine.set_stage(stage)

            return apply

        def heat() -> None:
            enter(2, 22 if source is None else 4)()
            machine.set_target_slot(extruder, source)
            machine.set_nozzle(extruder, target=nozzle or 210)
            machine.set_fan(0, 100)

        steps = [
            Step(
                90,
                heat,
                until=lambda: machine.nozzle_current(extruder) >= (nozzle or 210) - 2,
            )
        ]
        if present is not None:

            def unloaded() -> None:
                machine.set_loaded(extruder, None)

            steps += [Step(14, enter(4, 22)), Step(0.5, unloaded)]
        if source is not None:
            if external:
                # The user pushes the filament in and confirms: ams_control done.
                steps.append(Step(60, enter(3, 24)))
            else:
                steps.append(Step(18, enter(3, 24)))
            steps.append(Step(8, enter(6, 24)))

            def loaded() -> None:
                enter(7, 24)()
                machine.set_loaded(extruder, source)

            steps.append(Step(20, loaded))

        def done() -> None:
            machine.set_ams_status(3 if source and machine.busy else 0, 0, extruder)
            machine.set_stage(resume_stage)
            if source is None:
                machine.set_target_slot(extruder, None)
            if not machine.busy:
                machine.set_nozzle(extruder, target=0)
                machine.set_fan(0, 0)

        self.run(Sequence("filament", steps, done))

    def read_tag(self, unit_id: int, slot: int) -> bool:
        """Read the tag of a spool again; only without filament in the extruder."""
        machine = self.machine
        if machine.busy or any(
            machine.loaded(index) for index in range(machine.profile.extruders)
        ):
            return False
        tray = machine.tray(unit_id, slot)
        if tray is None or not tray.get("tray_type") or unit_id >= 254:
            return False
        block = machine.report["ams"]
        mask = 1 << tray_bit(unit_id, slot)

        def reading() -> None:
            block["tray_reading_bits"] = f"{mask:x}"
            block["tray_read_done_bits"] = (
                f"{int(block['tray_read_done_bits'], 16) & ~mask:x}"
            )
            machine.report["ams_rfid_status"] = 1
            machine.set_ams_status(2)

        def done() -> None:
            block["tray_reading_bits"] = "0"
            block["tray_read_done_bits"] = (
                f"{int(block['tray_read_done_bits'], 16) | mask:x}"
            )
            block["version"] += 1
            machine.report["ams_rfid_status"] = 0
            machine.set_ams_status(0)

        self.run(Sequence("rfid", [Step(12, reading)], done))
        return True

    # ---- other things that take time ---------------------------------------------------

    def home(self) -> None:
        """Home all axes."""
        machine = self.machine

        def homed() -> None:
            for axis in (0, 1, 2):
                machine.set_home_bit(axis, True)
            machine.set_stage(machine.profile.idle_stage)

        self.run(Sequence("home", [Step(15, lambda: machine.set_stage(13))], homed))

    def calibrate(
        self, stages: list[int], done: Callable[[], object] | None = None
    ) -> None:
        """Run calibration routines; the printer reports them as a job of its own."""
        machine = self.machine
        machine.report["print_type"] = "system"
        machine.report["gcode_file"] = "auto_cali_for_user.gcode"
        machine.set_state("RUNNING")
        machine.report["stg"] = stages
        steps = [self._stage_step(stage) for stage in stages]

        def finished() -> None:
            machine.set_state("FINISH")
            if done is not None:
                done()

        self.run(Sequence("prepare", steps, finished))

    def select_extruder(self, index: int) -> None:
        """Switch to another extruder, which takes the head a while."""
        machine = self.machine
        old = machine.active_extruder
        if old == index:
            return

        def arrived() -> None:
            target, current = (
                machine.nozzle_target(index),
                machine.nozzle_current(index),
            )
            machine.set_extruder_state(index, index, False)
            machine.set_nozzle(index, target=target, current=current)
            machine.set_loaded(index, machine.loaded(index))

        steps = [Step(6, lambda: machine.set_extruder_state(15, index, True))]
        self.run(Sequence("extruder", steps, arrived))

    def update_firmware(self, version: str) -> None:
        """Download, flash and come back with another version."""
        machine = self.machine
        state = machine.report["upgrade_state"]

        def show(status: str, percent: int) -> Any:
            def apply() -> None:
                state.update(
                    status=status, progress=str(percent), dis_state=2, module="ota"
                )

            return apply

        steps = [Step(4, show("DOWNLOADING", percent)) for percent in (5, 35, 70, 100)]
        steps += [Step(4, show("FLASHING", percent)) for percent in (10, 60, 100)]

        def done() -> None:
            state.update(
                status="UPGRADE_SUCCESS",
                progress="100",
                dis_state=3,
                new_version_state=2,
            )
            state["new_ver_list"] = []
            if "ota_new_version_number" in state:
                state["ota_new_version_number"] = ""
            machine.firmware = version
            machine.report["online"]["version"] += 1

        self.run(Sequence("firmware", steps, done))

    def offer_firmware(self, version: str) -> None:
        """Announce a newer firmware."""
        state = self.machine.report["upgrade_state"]
        state.update(new_version_state=1, dis_state=1)
        state["new_ver_list"] = [
            {
                "name": "ota",
                "cur_ver": self.machine.firmware,
                "new_ver": version,
                "cur_release_type": 3,
                "new_release_type": 3,
            }
        ]
        if "ota_new_version_number" in state:
            state["ota_new_version_number"] = version
