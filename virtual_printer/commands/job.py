"""Starting, pausing and ending a print."""

from pathlib import Path, PurePosixPath
import re

from ..machine import SPEEDS
from ..plate_reading import PlateFacts, UnprintableError, read_plate
from ..profiles import Family
from .registry import Context, Json, Refused, Reply, handles, number

BUSY = 0x05004004
NO_MAPPING = 0x07008012
UNREADABLE = 0x0500C010
UNPARSABLE = 0x05004003

_ELSEWHERE = ("brtc://emmc/", "https://")
_PREFIXES = (
    "file:///sdcard/",
    "file:///mnt/sdcard/",
    "file:///media/usb0/",
    "ftp://",
    *_ELSEWHERE,
)


@handles("print", "pause")
def pause(context: Context, request: Json) -> Reply:
    """Pause; acknowledged even when there is nothing to pause."""
    context.simulation.pause()
    return None


@handles("print", "resume")
def resume(context: Context, request: Json) -> Reply:
    """Go on."""
    context.simulation.resume()
    return None


@handles("print", "stop")
def stop(context: Context, request: Json) -> Reply:
    """Cancel."""
    context.simulation.cancel()
    return None


@handles("print", "print_speed")
def print_speed(context: Context, request: Json) -> Reply:
    """Change the speed level; it comes as a string."""
    param = request.get("param")
    if isinstance(param, str) and param.isdigit() and int(param) in SPEEDS:
        context.machine.set_speed(int(param))
    return None


@handles("print", "skip_objects")
def skip_objects(context: Context, request: Json) -> Reply:
    """Leave out objects; the list grows and never shrinks."""
    machine = context.machine
    objects = request.get("obj_list")
    if machine.state in ("RUNNING", "PAUSE") and isinstance(objects, list):
        known = machine.report["s_obj"]
        there = context.simulation.job_objects()
        known += [
            item
            for item in objects
            if isinstance(item, int)
            and item not in known
            and (there is None or item in there)
        ]
    return None


@handles("print", "gcode_file")
def gcode_file(context: Context, request: Json) -> Reply:
    """Print a plain G-code file."""
    simulation, path = context.simulation, str(request.get("param", ""))
    if context.machine.busy:
        return Refused("device is busy", {"err_code": BUSY})
    job = simulation.demo_job()
    job.name = PurePosixPath(path).stem
    simulation.start(job, file=path)
    return None


@handles("print", "project_file")
def project_file(context: Context, request: Json) -> Reply:
    """Print a plate of a sliced project."""
    machine, simulation = context.machine, context.simulation
    if machine.busy:
        if machine.profile.key == "A1 mini":
            # Measured: this model cancels the running job over it.
            simulation.cancel()
        machine.set_error(BUSY)
        return Refused("device is busy", {"err_code": BUSY}, result="FAIL")
    url, file = str(request.get("url", "")), str(request.get("file", ""))
    plate = re.fullmatch(r"Metadata/plate_(\d+)\.gcode", str(request.get("param", "")))
    if plate is None or (url and not url.startswith(_PREFIXES)):
        # Acknowledged at first; the failure comes later, as an error.
        machine.set_error(UNREADABLE)
        return None
    mapping, mapping2 = request.get("ams_mapping"), request.get("ams_mapping2")
    use_ams = request.get("use_ams") is True
    if not isinstance(mapping, list) or (use_ams and not machine.units):
        machine.set_error(NO_MAPPING)
        machine.set_state("FAILED")
        return None
    number_of_plate = plate.group(1)
    try:
        path, facts = _archive(context, url, file, int(number_of_plate))
    except FileNotFoundError:
        machine.set_error(UNREADABLE)
        return None
    except UnprintableError:
        machine.set_error(UNPARSABLE)
        return None
    job = simulation.demo_job()
    job.path, job.plate, job.objects = path, int(number_of_plate), facts.objects
    job.layers = facts.layers or job.layers
    job.seconds = facts.seconds or job.seconds
    name = str(request.get("subtask_name") or PurePosixPath(file or url).name)
    job.name = name.removesuffix(".3mf").removesuffix(".gcode")
    job.source = _source(context, use_ams, mapping, mapping2)
    job.extruder = 0 if job.source is None else machine.unit_extruder(job.source[0])
    tray = None if job.source is None else machine.tray(*job.source)
    low = int(tray.get("nozzle_temp_min", 0) or 0) if tray else 0
    high = int(tray.get("nozzle_temp_max", 0) or 0) if tray else 0
    job.nozzle, job.chamber = (low + high) // 2 or 220, 0
    job.bed = 80 if job.nozzle >= 240 else 60
    job.stages = [
        stage
        for stage in job.stages
        if stage not in (1, 3, 8, 10, 39, 49) or _wanted(stage, request)
    ]
    if request.get("vibration_cali") is True and 3 not in job.stages:
        job.stages.append(3)
    machine.once = {"ams_mapping": list(mapping)}
    job.mapping = _packed(mapping, mapping2)
    machine.report["ipcam"]["timelapse"] = (
        "enable" if request.get("timelapse") else "disable"
    )
    small = machine.profile.family in (Family.P1, Family.A1)
    simulation.start(
        job,
        file=file or url if small else f"/data/Metadata/plate_{number_of_plate}.gcode",
        plate=number_of_plate,
        **{
            key: str(request.get(key, "0"))
            for key in ("project_id", "profile_id", "task_id", "subtask_id")
        },
    )
    return None


def _packed(mapping: list[object], mapping2: object) -> list[int]:
    """Return the slots as newer firmware reports them: unit and slot in one number."""
    packed = []
    entries = mapping2 if isinstance(mapping2, list) else []
    for index, value in enumerate(mapping):
        entry = entries[index] if index < len(entries) else None
        if isinstance(entry, dict):
            unit, slot = (
                number(entry.get("ams_id"), 255),
                number(entry.get("slot_id"), 255),
            )
        elif isinstance(value, int) and value >= 0:
            unit, slot = (value, 0) if value >= 128 else divmod(value, 4)
        else:
            unit, slot = 255, 255
        packed.append(65535 if slot == 255 else unit << 8 | slot)
    return packed


def _archive(
    context: Context, url: str, file: str, plate: int
) -> tuple[Path | None, PlateFacts]:
    """Find the archive on the card and read it.

    As long as nobody has looked into the card everything counts as present; what lies in
    the internal memory or in the cloud always does.
    """
    card = context.simulation.card
    if url.startswith(_ELSEWHERE):
        return None, PlateFacts()
    if card is None:
        raise FileNotFoundError(file)
    if not card.used:
        return None, PlateFacts()
    path = card.locate(url, file)
    if path is None:
        raise FileNotFoundError(file)
    return path, read_plate(path, plate)


def _wanted(stage: int, request: Json) -> bool:
    """Tell whether the request asks for an optional stage of the preparation."""
    if stage == 1:
        return (
            request.get("bed_leveling") is True
            or number(request.get("auto_bed_leveling")) > 0
        )
    if stage == 3:
        return request.get("vibration_cali") is True
    if stage == 8:
        return (
            request.get("flow_cali") is True
            or number(request.get("extrude_cali_flag")) > 0
        )
    if stage == 10:
        return request.get("layer_inspect") is True
    return stage == 39 and number(request.get("nozzle_offset_cali")) > 0


def _source(
    context: Context, use_ams: bool, mapping: list[object], mapping2: object
) -> tuple[int, int] | None:
    """Return the first slot that the mapping names; newer firmware prefers the second form."""
    if isinstance(mapping2, list):
        for entry in mapping2:
            if isinstance(entry, dict):
                unit_id, slot = (
                    number(entry.get("ams_id"), 255),
                    number(entry.get("slot_id"), 255),
                )
                if slot != 255:
                    return unit_id, slot
    if use_ams:
        for value in mapping:
            if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
                return (value, 0) if value >= 128 else (value // 4, value % 4)
    return 255, 0
