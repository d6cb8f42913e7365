"""What the printer is doing: state, stage, progress, times and the job's identity."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from ..slots import SlotAddress, from_index, from_packed
from ..values import Raw, integer, mapping, text
from .context import Context

INPUTS = frozenset(
    {
        "3D",
        "ams_mapping",
        "gcode_file",
        "gcode_file_prepare_percent",
        "gcode_start_time",
        "gcode_state",
        "layer_num",
        "mapping",
        "mc_percent",
        "mc_remaining_time",
        "plate_idx",
        "print_type",
        "s_obj",
        "spd_lvl",
        "spd_mag",
        "stg_cur",
        "subtask_id",
        "subtask_name",
        "task_id",
        "job_id",
        "total_layer_num",
    }
)

FINISH_TIME_BOUND = timedelta(minutes=2)
"""The end of a job is shown anew only when the estimate moves by this much."""


class GcodeState(StrEnum):
    """The printer's own word for its state, in lower case."""

    IDLE = "idle"
    INIT = "init"
    PREPARE = "prepare"
    SLICING = "slicing"
    RUNNING = "running"
    PAUSE = "pause"
    FINISH = "finish"
    FAILED = "failed"
    OFFLINE = "offline"


_GCODE_STATES = {state.value: state for state in GcodeState}
ACTIVE_STATES = frozenset(
    {GcodeState.PREPARE, GcodeState.SLICING, GcodeState.RUNNING, GcodeState.PAUSE}
)
"""While the printer has a job in its hands."""


class SpeedLevel(StrEnum):
    """The speed profiles; on the wire 1 to 4 in this order."""

    SILENT = "silent"
    STANDARD = "standard"
    SPORT = "sport"
    LUDICROUS = "ludicrous"


SPEED_LEVELS = dict(enumerate(SpeedLevel, start=1))

STAGES: dict[int, str] = {
    0: "printing",
    1: "auto_bed_leveling",
    2: "heatbed_preheating",
    3: "vibration_compensation",
    4: "changing_filament",
    5: "paused_by_m400",
    6: "paused_filament_runout",
    7: "heating_nozzle",
    8: "calibrating_extrusion",
    9: "scanning_bed_surface",
    10: "inspecting_first_layer",
    11: "identifying_build_plate",
    12: "calibrating_micro_lidar",
    13: "homing_toolhead",
    14: "cleaning_nozzle_tip",
    15: "checking_nozzle_temperature",
    16: "paused_by_user",
    17: "paused_front_cover_fell_off",
    18: "calibrating_micro_lidar",
    19: "calibrating_extrusion_flow",
    20: "paused_nozzle_temperature_fault",
    21: "paused_bed_temperature_fault",
    22: "unloading_filament",
    23: "paused_step_loss",
    24: "loading_filament",
    25: "cancelling_motor_noise",
    26: "paused_ams_offline",
    27: "paused_heatbreak_fan_slow",
    28: "paused_chamber_temperature_fault",
    29: "cooling_chamber",
    30: "paused_by_gcode",
    31: "motor_noise_showcase",
    32: "paused_nozzle_clumping",
    33: "paused_cutter_fault",
    34: "paused_first_layer_fault",
    35: "paused_nozzle_clog",
    36: "checking_accuracy_before_calibration",
    37: "calibrating_accuracy",
    38: "checking_accuracy_after_calibration",
    39: "calibrating_nozzle_offset",
    40: "bed_leveling_high_temperature",
    41: "checking_quick_release_lever",
    42: "checking_door_and_cover",
    43: "calibrating_laser",
    44: "checking_platform",
    45: "checking_birdseye_camera_position",
    46: "calibrating_birdseye_camera",
    47: "bed_leveling_phase_1",
    48: "bed_leveling_phase_2",
    49: "heating_chamber",
    50: "adjusting_bed_temperature",
    51: "printing_calibration_lines",
    52: "checking_material",
    53: "calibrating_live_view_camera",
    54: "waiting_for_bed_temperature",
    55: "checking_material_position",
    56: "calibrating_cutter_offset",
    57: "measuring_surface",
    58: "thermal_preconditioning",
    59: "homing_blade_holder",
    60: "calibrating_camera_offset",
    61: "calibrating_blade_holder_position",
    62: "testing_hotend_pickup",
    63: "equalizing_chamber_temperature",
    64: "preparing_hotend",
    65: "calibrating_nozzle_clumping_detection",
    66: "purifying_chamber_air",
    67: "measuring_rotary_attachment",
    68: "moving_toolhead_to_purge_chute",
    69: "cooling_nozzle",
    70: "moving_toolhead_to_bed_center",
    71: "fitting_arcs",
    72: "detecting_hotend_type",
    73: "checking_build_plate_alignment",
    74: "checking_objects_on_bed",
    75: "checking_objects_under_bed",
    76: "pre_extruding",
    77: "preparing_ams",
}
"""Stage codes by their stable names; 12 and 18 are the same stage."""

_MOST_FILAMENTS = 64
"""More than any project has."""
_CLOCK_BOUND = 3600
"""Seconds that a printer's clock may be ahead of ours."""
_NAMES_BOUND = timedelta(minutes=5)
"""Time after the start of a job within which another name is its own, arriving late."""
_LONGEST_JOB = 366 * 24 * 60
"""Minutes; whatever claims to take longer is garbage, and no date could hold it."""

STAGE_IDLE = "idle"
STAGE_NAMES = tuple(dict.fromkeys([STAGE_IDLE, *STAGES.values()]))
_IDLE_CODES = frozenset({-1, 255})


class PrintType(StrEnum):
    """Where a job came from."""

    IDLE = "idle"
    CLOUD = "cloud"
    LOCAL = "local"
    SYSTEM = "system"


_PRINT_TYPES = {kind.value: kind for kind in PrintType}


@dataclass(frozen=True, slots=True, kw_only=True)
class JobState:
    """The current or the last job.  None: never reported, or not known now."""

    gcode_state: GcodeState | None = None
    stage: str | None = None
    """A name out of `STAGE_NAMES`; None for a code that nobody knows yet."""
    stage_code: int | None = None
    progress: int | None = None
    """Percent."""
    prepare_progress: int | None = None
    """Percent of downloading and preparing the job."""
    current_layer: int | None = None
    total_layers: int | None = None
    remaining: int | None = None
    """Minutes until the end; None without a job and before there is an estimate."""
    start_time: datetime | None = None
    """When the job began: as the printer says, as it was seen to start, or, when it was
    already running at the first report, reckoned back from progress and remaining time."""
    finish_time: datetime | None = None
    """When the job will end, to the minute, shown anew after `FINISH_TIME_BOUND`.  Not
    known while paused; when it did end, after it finished."""
    name: str | None = None
    file: str | None = None
    print_type: PrintType | None = None
    job_key: str = ""
    """What tells one job from the next."""
    job_id: str = ""
    subtask_id: str = ""
    plate: int | None = None
    skipped_objects: tuple[int, ...] = ()
    filament_slots: tuple[SlotAddress | None, ...] = ()
    """Where each filament of the project comes from, used or not, as far as was told; None:
    out of no AMS."""
    speed_level: SpeedLevel | None = None
    speed_percent: int | None = None

    @property
    def active(self) -> bool:
        """Whether a job is prepared, running or paused."""
        return self.gcode_state in ACTIVE_STATES

    @property
    def printing(self) -> bool:
        """Whether a job is running, and not paused."""
        return self.active and self.gcode_state is not GcodeState.PAUSE


def decode(raw: Raw, previous: JobState, context: Context) -> JobState:
    """Read the job from a report."""
    state = _gcode_state(raw, previous)
    active = state in ACTIVE_STATES
    print_type = _print_type(raw, previous)
    progress = integer(raw.get("mc_percent"), previous.progress)
    code = integer(raw.get("stg_cur"), previous.stage_code)
    remaining = _remaining(raw, active=active, progress=progress)
    job_key = _job_key(raw)
    same_job = job_key == previous.job_key
    level = integer(raw.get("spd_lvl"), -1)
    layers = mapping(raw.get("3D"))
    return JobState(
        gcode_state=state,
        stage=_stage(code, busy=active, idle=print_type is PrintType.IDLE),
        stage_code=code,
        progress=progress,
        prepare_progress=integer(
            raw.get("gcode_file_prepare_percent"), previous.prepare_progress
        ),
        current_layer=integer(
            raw.get("layer_num", layers.get("layer_num")), previous.current_layer
        ),
        total_layers=integer(
            raw.get("total_layer_num", layers.get("total_layer_num")),
            previous.total_layers,
        ),
        remaining=remaining,
        start_time=_start_time(
            raw,
            previous,
            context,
            active=active,
            same_job=same_job,
            remaining=remaining,
        ),
        finish_time=_finish_time(
            previous, context, state, remaining, same_job=same_job
        ),
        name=text(raw.get("subtask_name"), previous.name) or None,
        file=text(raw.get("gcode_file"), previous.file) or None,
        print_type=print_type,
        job_key=job_key,
        job_id=text(raw.get("job_id"), ""),
        subtask_id=text(raw.get("subtask_id"), ""),
        plate=integer(raw.get("plate_idx"), previous.plate) or None,
        skipped_objects=tuple(
            number
            for item in raw.get("s_obj") or ()
            if (number := integer(item, None)) is not None
        ),
        filament_slots=_filament_slots(raw, previous, same_job=same_job),
        speed_level=SPEED_LEVELS.get(level, previous.speed_level),
        speed_percent=integer(raw.get("spd_mag"), previous.speed_percent),
    )


def _filament_slots(
    raw: Raw, previous: JobState, *, same_job: bool
) -> tuple[SlotAddress | None, ...]:
    """Read the slots of the job's filaments: packed, or echoed once when it began."""
    packed = raw.get("mapping")
    if isinstance(packed, list) and packed:
        return tuple(
            from_packed(integer(item, -1)) for item in packed[:_MOST_FILAMENTS]
        )
    echoed = raw.get("ams_mapping")
    if isinstance(echoed, list):
        return tuple(from_index(integer(item, -1)) for item in echoed[:_MOST_FILAMENTS])
    return previous.filament_slots if same_job else ()


def _gcode_state(raw: Raw, previous: JobState) -> GcodeState | None:
    """Read the state; an unknown or missing word leaves it unknown, not idle."""
    word = raw.get("gcode_state")
    if not isinstance(word, str):
        return previous.gcode_state
    return _GCODE_STATES.get(word.lower())


def _print_type(raw: Raw, previous: JobState) -> PrintType | None:
    word = raw.get("print_type")
    if not isinstance(word, str):
        return previous.print_type
    return _PRINT_TYPES.get(word)


def _stage(code: int | None, *, busy: bool, idle: bool) -> str | None:
    """Name a stage; 0 means printing only while there is a job."""
    if code is None:
        return None
    if code in _IDLE_CODES or (code == 0 and (idle or not busy)):
        return STAGE_IDLE
    return STAGES.get(code)


def _remaining(raw: Raw, *, active: bool, progress: int | None) -> int | None:
    """Read the minutes left; the old number stays behind after a job has failed."""
    minutes = integer(raw.get("mc_remaining_time"), None)
    if not active or minutes is None or not 0 <= minutes <= _LONGEST_JOB:
        return None
    if minutes == 0 and (progress or 0) < 99:
        return None
    return minutes


def _job_key(raw: Raw) -> str:
    """Put together what identifies a job; local jobs have only names and small ids."""
    parts = ("task_id", "subtask_id", "job_id", "gcode_file", "subtask_name")
    return "/".join(text(raw.get(part), "") for part in parts)


def _start_time(
    raw: Raw,
    previous: JobState,
    context: Context,
    *,
    active: bool,
    same_job: bool,
    remaining: int | None,
) -> datetime | None:
    told = integer(raw.get("gcode_start_time"), 0)
    # A clock that is wrong says less than what can be seen from here.
    age = context.now.timestamp() - told
    if told > 0 and -_CLOCK_BOUND <= age <= _LONGEST_JOB * 60:
        return datetime.fromtimestamp(told, UTC)
    if not active:
        # It belongs to the last job until the next one begins, or nothing is left of it:
        # a printer that was switched off in between knows of no job.
        named = raw.get("subtask_name") or raw.get("gcode_file")
        return previous.start_time if named else None
    progress = integer(raw.get("mc_percent"), None)
    # The names of a job may arrive late; it is another one when it begins anew.
    start = previous.start_time
    goes_on = (
        same_job
        or (progress or 0) >= (previous.progress or 0) > 0
        or (start is not None and context.now - start < _NAMES_BOUND)
    )
    if goes_on and previous.active and start:
        return start
    if previous.gcode_state is not None and not previous.active:
        return context.now.replace(second=0, microsecond=0)
    if remaining is None or not progress or not 0 < progress < 100:
        return None
    elapsed = timedelta(minutes=remaining * progress / (100 - progress))
    return (context.now - elapsed).replace(second=0, microsecond=0)


def _finish_time(
    previous: JobState,
    context: Context,
    state: GcodeState | None,
    remaining: int | None,
    *,
    same_job: bool,
) -> datetime | None:
    if state is GcodeState.FINISH:
        if previous.active:
            return context.now.replace(second=0, microsecond=0)
        return previous.finish_time
    if remaining is None or state is GcodeState.PAUSE:
        return None
    estimate = (context.now + timedelta(minutes=remaining)).replace(
        second=0, microsecond=0
    )
    shown = previous.finish_time
    if (
        same_job
        and previous.active
        and shown
        and abs(estimate - shown) < FINISH_TIME_BOUND
    ):
        return shown
    return estimate
