"""The actions about files: look, move, and print."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Any

from homeassistant.core import SupportsResponse
from homeassistant.helpers import config_validation as cv
from homeassistant.util.json import JsonValueType
import probatio

from .action import Action, Data, tell
from .coordinator import PrinterCoordinator
from .job_details import BED_TYPES
from .local_files import (
    LocalFile,
    async_source,
    async_target,
    media_id,
    not_connected,
    refuse,
)
from .printer import SlotAddress
from .printer.errors import StartFailedError
from .printer.listing import Entry
from .printer.operations import Choice
from .printer.operations.printing import START_LIMIT
from .printer.paths import ROOT, join, name_of, normalize, normalize_new, parent_of
from .printer.print_plan import BedType, PrintPlan
from .printer.project import Plate, ProjectFilament
from .printer.projects import job_candidates
from .printer.skipping import skippable
from .printer.storage import MAX_DEPTH, SKIPPED_FOLDERS
from .slot_keys import NO_SLOT, SLOTS_BY_KEY, slot_key
from .transfer import Direction, Transfer

ATTR_AMS_MAPPING = "ams_mapping"
ATTR_BED_LEVELING = "bed_leveling"
ATTR_BED_TYPE = "bed_type"
ATTR_DRY_RUN = "dry_run"
ATTR_FLOW_CALIBRATION = "flow_calibration"
ATTR_FOLDER = "folder"
ATTR_FORCE = "force"
ATTR_LAYER_INSPECTION = "layer_inspection"
ATTR_LOCAL_PATH = "local_path"
ATTR_MEDIA = "media_content_id"
ATTR_NAME = "name"
ATTR_NEW_PATH = "new_path"
ATTR_NOZZLE_OFFSET_CALIBRATION = "nozzle_offset_calibration"
ATTR_OVERWRITE = "overwrite"
ATTR_PATH = "path"
ATTR_PLATE = "plate"
ATTR_RECURSIVE = "recursive"
ATTR_TARGET = "target"
ATTR_TIMELAPSE = "timelapse"
ATTR_USE_AMS = "use_ams"
ATTR_VIBRATION_CALIBRATION = "vibration_calibration"

START_TIMEOUT = START_LIMIT
"""Seconds until the reports must show the job; the slowest printers need minutes."""


# Looking


async def _list_files(
    coordinator: PrinterCoordinator, data: Data
) -> dict[str, JsonValueType]:
    path = normalize(data[ATTR_PATH])
    depth = MAX_DEPTH if data[ATTR_RECURSIVE] else 0
    return {
        "path": path,
        "files": [
            {
                "path": entry.path,
                "name": entry.name,
                "type": "folder" if entry.folder else "file",
                "size": None if entry.folder else entry.size,
                "modified": entry.modified or None,
            }
            async for entry in _walk(coordinator, path, depth)
        ],
    }


async def _walk(
    coordinator: PrinterCoordinator, path: str, depth: int
) -> AsyncIterator[Entry]:
    for entry in await coordinator.printer.storage.list_folder(path):
        yield entry
        if entry.folder and depth and entry.path not in SKIPPED_FOLDERS:
            async for below in _walk(coordinator, entry.path, depth - 1):
                yield below


async def _get_project(
    coordinator: PrinterCoordinator, data: Data
) -> dict[str, JsonValueType]:
    path = normalize(data[ATTR_PATH])
    info = await coordinator.printer.get_project_info(path, data.get(ATTR_PLATE))
    return {
        "path": path,
        "title": info.title or None,
        "slicer": info.slicer or None,
        "filament_count": info.filament_count,
        "plates": [_describe_plate(plate) for plate in info.plates],
    }


def _describe_plate(plate: Plate) -> JsonValueType:
    return {
        "plate": plate.number,
        "name": plate.name or None,
        "seconds": plate.prediction,
        "weight": plate.weight,
        "bed_type": plate.bed_type or None,
        "model": plate.model_id or None,
        "nozzle_diameters": list(plate.nozzle_diameters),
        "skippable": skippable(plate),
        "pictures": [*sorted(plate.pictures)],
        "filaments": [_describe_filament(item) for item in plate.filaments],
        "objects": [
            {
                "number": item.identify_id,
                "name": item.name or None,
                "skipped": item.skipped,
                "box": list(item.box) if item.box else None,
            }
            for item in plate.objects
        ],
    }


def _describe_filament(filament: ProjectFilament) -> dict[str, JsonValueType]:
    return {
        "filament": filament.number,
        "filament_id": filament.filament_id or None,
        "type": filament.type or None,
        "color": filament.color or None,
        "grams": filament.grams,
        "meters": filament.meters,
        "extruder": filament.extruder,
    }


# Moving


async def _upload(
    coordinator: PrinterCoordinator, data: Data
) -> dict[str, JsonValueType]:
    _require_one(data, ATTR_MEDIA, ATTR_LOCAL_PATH)
    async with _source(coordinator, data) as source:
        path = join(data[ATTR_FOLDER], data.get(ATTR_NAME, source.name))
        path = normalize_new(path)
        _refuse_in_use(coordinator, path)
        if not data[ATTR_OVERWRITE]:
            await _refuse_existing(coordinator, path)
        transfer = Transfer(Direction.UPLOAD, path, source.size)
        with coordinator.transfers.track(transfer) as progress:
            await coordinator.printer.upload_sdcard_file(source.path, path, progress)
    return transfer.describe()


async def _download(
    coordinator: PrinterCoordinator, data: Data
) -> dict[str, JsonValueType]:
    path = normalize(data[ATTR_PATH])
    target = await async_target(
        coordinator.hass,
        data[ATTR_TARGET],
        name_of(path),
        overwrite=data[ATTR_OVERWRITE],
    )
    size = await coordinator.printer.storage.file_size(path)
    transfer = Transfer(Direction.DOWNLOAD, path, size)
    with coordinator.transfers.track(transfer) as progress:
        await coordinator.printer.download_sdcard_file(path, target, progress)
    return {**transfer.describe(), "target": str(target)}


def _source(
    coordinator: PrinterCoordinator, data: Data
) -> AbstractAsyncContextManager[LocalFile]:
    return async_source(
        coordinator.hass,
        media=media_id(data[ATTR_MEDIA]) if ATTR_MEDIA in data else None,
        path=data.get(ATTR_LOCAL_PATH),
    )


def _require_one(data: Data, *names: str) -> None:
    """Refuse what names no file, or several."""
    if sum(name in data for name in names) != 1:
        raise refuse(translation_key="exactly_one", fields=", ".join(names))


async def _rename(coordinator: PrinterCoordinator, data: Data) -> None:
    path = normalize(data[ATTR_PATH])
    new_path = data[ATTR_NEW_PATH]
    if "/" not in new_path:
        new_path = join(parent_of(path), new_path)
    new_path = normalize_new(new_path)
    for item in (path, new_path):
        _refuse_in_use(coordinator, item)
    await _refuse_existing(coordinator, new_path)
    await coordinator.printer.rename_sdcard_file(path, new_path)


async def _delete_file(coordinator: PrinterCoordinator, data: Data) -> None:
    path = normalize(data[ATTR_PATH])
    _refuse_in_use(coordinator, path)
    await coordinator.printer.delete_sdcard_file(path)


async def _delete_folder(coordinator: PrinterCoordinator, data: Data) -> None:
    path = normalize(data[ATTR_PATH])
    _refuse_in_use(coordinator, path)
    await coordinator.printer.delete_sdcard_folder(path)


def _refuse_in_use(coordinator: PrinterCoordinator, path: str) -> None:
    """Refuse to touch what the running job is printed from: that would end it."""
    state = coordinator.printer.state
    if not state.job.active:
        return
    if state.project.path is not None:
        used = {state.project.path}
    else:
        used = set(job_candidates(state.job))
    if any(item == path or item.startswith(f"{path.rstrip('/')}/") for item in used):
        raise refuse(translation_key="file_in_use", path=path)


async def _refuse_existing(coordinator: PrinterCoordinator, path: str) -> None:
    if await coordinator.printer.sdcard_file_exists(path):
        raise refuse(translation_key="file_exists", path=path)


# Printing


async def _print_file(
    coordinator: PrinterCoordinator, data: Data
) -> dict[str, JsonValueType]:
    _require_one(data, ATTR_PATH, ATTR_MEDIA, ATTR_LOCAL_PATH)
    if not data[ATTR_DRY_RUN]:
        await coordinator.async_wake()
    if not coordinator.last_update_success:
        raise not_connected()
    if ATTR_PATH in data:
        return await _print(coordinator, data, normalize(data[ATTR_PATH]), None)
    async with _source(coordinator, data) as source:
        name = data.get(ATTR_NAME, source.name)
        # With a space in its name it could be stored, and then not be started.
        path = normalize_new(join(data[ATTR_FOLDER], name).replace(" ", "_"))
        if not data[ATTR_OVERWRITE] and not data[ATTR_DRY_RUN]:
            await _refuse_existing(coordinator, path)
        return await _print(coordinator, data, path, source)


async def _print(
    coordinator: PrinterCoordinator, data: Data, path: str, source: LocalFile | None
) -> dict[str, JsonValueType]:
    printer = coordinator.printer
    what: dict[str, Any] = {
        "path": path,
        "plate": data.get(ATTR_PLATE),
        "source": source.path if source else None,
        "bed_type": BedType(data[ATTR_BED_TYPE]) if ATTR_BED_TYPE in data else None,
        "use_ams": data.get(ATTR_USE_AMS),
        "ams_mapping": data.get(ATTR_AMS_MAPPING),
    }
    if data[ATTR_DRY_RUN]:
        plan = await printer.plan_print(**what)
        return _describe_plan(plan, started=False, force=data[ATTR_FORCE])
    options = {
        "bed_leveling": data.get(ATTR_BED_LEVELING),
        "flow_cali": data.get(ATTR_FLOW_CALIBRATION),
        "nozzle_offset_cali": data.get(ATTR_NOZZLE_OFFSET_CALIBRATION),
        "timelapse": data[ATTR_TIMELAPSE],
        "vibration_cali": data[ATTR_VIBRATION_CALIBRATION],
        "layer_inspect": data.get(ATTR_LAYER_INSPECTION),
        "force": data[ATTR_FORCE],
    }
    error_before = printer.state.errors.print_error or 0
    upload: dict[str, JsonValueType] | None = None
    if source is None:
        plan = await printer.print_3mf_file(**what, **options)
    else:
        transfer = Transfer(Direction.UPLOAD, path, source.size)
        with coordinator.transfers.track(transfer) as progress:
            plan = await printer.print_3mf_file(**what, **options, progress=progress)
        upload = transfer.describe()
    await _wait_for_start(coordinator, plan, error_before)
    response = _describe_plan(plan, started=True, force=data[ATTR_FORCE])
    return {**response, "upload": upload}


async def _wait_for_start(
    coordinator: PrinterCoordinator, plan: PrintPlan, error_before: int
) -> None:
    """Wait until reports show the job, or that it failed."""
    printer = coordinator.printer

    def failed() -> int:
        error = printer.state.errors.print_error or 0
        return error if error != error_before else 0

    def began() -> bool:
        job = printer.state.job
        return job.active and job.subtask_id == plan.job_number

    shown = await coordinator.async_wait_for(
        ("job", "errors"), lambda: began() or bool(failed()), START_TIMEOUT
    )
    if error := failed():
        if not began():
            raise StartFailedError(error)
    elif not shown:
        raise refuse(translation_key="not_confirmed", seconds=f"{START_TIMEOUT:g}")


def _describe_plan(
    plan: PrintPlan, *, started: bool, force: bool
) -> dict[str, JsonValueType]:
    return {
        "started": started,
        "possible": not plan.blockers(force=force),
        "path": plan.path,
        "plate": plan.plate.number,
        "bed_type": plan.bed_type.value,
        "use_ams": plan.use_ams,
        "seconds": plan.plate.prediction,
        "weight": plan.plate.weight,
        "filaments": [
            {
                **_describe_filament(item.filament),
                "slot": slot_key(item.slot),
                "reason": item.reason.value,
                "slot_type": (item.tray.type or None) if item.tray else None,
                "slot_color": item.tray.color if item.tray else None,
                "slot_remaining": item.tray.remain if item.tray else None,
                "color_distance": item.distance,
            }
            for item in plan.assignments
        ],
        "ams_mapping": [slot_key(slot) for slot in plan.slots],
        "problems": [
            {"code": problem.code, "message": str(problem)} for problem in plan.problems
        ],
    }


# What the actions take


def _mapping_entry(value: Any) -> int | SlotAddress | None:
    """Take a slot as its word, as a number over all units, or as nothing."""
    if value is None or value == NO_SLOT:
        return None
    if isinstance(value, str) and value in SLOTS_BY_KEY:
        return SLOTS_BY_KEY[value]
    if isinstance(value, (bool, float)):
        raise probatio.Invalid("expected a slot")
    return int(probatio.Coerce(int)(value))


def _choice(value: Any) -> Choice:
    """Take a choice; YAML makes booleans of the words on and off."""
    if isinstance(value, bool):
        return Choice.ON if value else Choice.OFF
    return Choice(value)


_PATH = {probatio.Required(ATTR_PATH): cv.string}
_MEDIA = probatio.Any(
    cv.string,
    probatio.Schema(
        {probatio.Required("media_content_id"): cv.string},
        extra=probatio.ALLOW_EXTRA,
    ),
)
_SOURCE = {
    probatio.Optional(ATTR_MEDIA): _MEDIA,
    probatio.Optional(ATTR_LOCAL_PATH): cv.string,
}
_CHOICE = probatio.All(
    probatio.Any(bool, probatio.In([choice.value for choice in Choice])), _choice
)
_PLATE = probatio.All(probatio.Coerce(int), probatio.Range(min=1, max=64))


FILE_ACTIONS: tuple[Action, ...] = (
    Action(
        name="list_files",
        fields={
            probatio.Optional(ATTR_PATH, default=ROOT): cv.string,
            probatio.Optional(ATTR_RECURSIVE, default=False): cv.boolean,
        },
        run=_list_files,
        response=SupportsResponse.ONLY,
    ),
    Action(
        name="get_project",
        fields={**_PATH, probatio.Optional(ATTR_PLATE): _PLATE},
        run=_get_project,
        response=SupportsResponse.ONLY,
    ),
    Action(
        name="upload_file",
        fields={
            **_SOURCE,
            probatio.Optional(ATTR_FOLDER, default=ROOT): cv.string,
            probatio.Optional(ATTR_NAME): cv.string,
            probatio.Optional(ATTR_OVERWRITE, default=False): cv.boolean,
        },
        run=_upload,
        response=SupportsResponse.OPTIONAL,
    ),
    Action(
        name="download_file",
        fields={
            **_PATH,
            probatio.Required(ATTR_TARGET): cv.string,
            probatio.Optional(ATTR_OVERWRITE, default=False): cv.boolean,
        },
        run=_download,
        response=SupportsResponse.OPTIONAL,
    ),
    Action(
        name="rename_file",
        fields={**_PATH, probatio.Required(ATTR_NEW_PATH): cv.string},
        run=_rename,
    ),
    Action(
        name="create_folder",
        fields=_PATH,
        run=tell(lambda printer, data: printer.make_sdcard_directory(data[ATTR_PATH])),
    ),
    Action(name="delete_file", fields=_PATH, run=_delete_file),
    Action(name="delete_folder", fields=_PATH, run=_delete_folder),
    Action(
        name="print_file",
        fields={
            probatio.Optional(ATTR_PATH): cv.string,
            **_SOURCE,
            probatio.Optional(ATTR_FOLDER, default=ROOT): cv.string,
            probatio.Optional(ATTR_NAME): cv.string,
            probatio.Optional(ATTR_OVERWRITE, default=True): cv.boolean,
            probatio.Optional(ATTR_PLATE): _PLATE,
            probatio.Optional(ATTR_BED_TYPE): probatio.In(
                [BedType.AUTO.value, *BED_TYPES]
            ),
            probatio.Optional(ATTR_USE_AMS): cv.boolean,
            probatio.Optional(ATTR_AMS_MAPPING): probatio.All(
                cv.ensure_list, [_mapping_entry]
            ),
            probatio.Optional(ATTR_BED_LEVELING): _CHOICE,
            probatio.Optional(ATTR_FLOW_CALIBRATION): _CHOICE,
            probatio.Optional(ATTR_NOZZLE_OFFSET_CALIBRATION): _CHOICE,
            probatio.Optional(ATTR_VIBRATION_CALIBRATION, default=False): cv.boolean,
            probatio.Optional(ATTR_LAYER_INSPECTION): cv.boolean,
            probatio.Optional(ATTR_TIMELAPSE, default=False): cv.boolean,
            probatio.Optional(ATTR_DRY_RUN, default=False): cv.boolean,
            probatio.Optional(ATTR_FORCE, default=False): cv.boolean,
        },
        run=_print_file,
        response=SupportsResponse.OPTIONAL,
    ),
)
