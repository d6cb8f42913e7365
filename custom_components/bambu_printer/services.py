"""The actions: what entities cannot say, for automations and scripts."""

from collections.abc import Callable, Coroutine, Mapping
from typing import Any
import warnings

from homeassistant.const import ATTR_DEVICE_ID
from homeassistant.core import (
    HomeAssistant,
    ServiceCall,
    ServiceResponse,
    SupportsResponse,
    callback,
)
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import (
    config_validation as cv,
    device_registry as dr,
    service,
)
from homeassistant.util.json import JsonValueType
import probatio

from .action import Action, Data, Run, tell
from .const import DOMAIN
from .coordinator import PrinterCoordinator
from .file_services import FILE_ACTIONS
from .helpers import translated_errors
from .job_history import HISTORY_FIELDS, async_get_history
from .printer import BambuError, BambuPrinter, PrinterState, SlotAddress
from .printer.errors import UnsupportedError
from .printer.filaments import find_filament, search_filaments
from .printer.operations import (
    AmsControl,
    AmsSetting,
    Calibration,
    DetectorKind,
    ErrorAnswer,
    PrintOption,
)
from .printer.operations.spools import parse_color
from .printer.operations.tools import DECLARABLE_MATERIALS, NOZZLE_DIAMETERS
from .printer.state.ams import AmsUnit, Tray
from .printer.state.detectors import Sensitivity
from .printer.state.extruders import NozzleMaterial
from .slot_keys import AMS_BY_KEY, SLOTS_BY_KEY, ams_key, slot_key

ATTR_ACCEPT_POWER_LIMIT = "accept_power_limit"
ATTR_AMS = "ams"
ATTR_ANSWER = "answer"
ATTR_AXIS = "axis"
ATTR_COLOR = "color"
ATTR_COMMAND = "command"
ATTR_DETECTOR = "detector"
ATTR_DIAMETER = "diameter"
ATTR_DISTANCE = "distance"
ATTR_ENABLED = "enabled"
ATTR_FILAMENT = "filament"
ATTR_GCODE = "gcode"
ATTR_HOURS = "hours"
ATTR_K = "k"
ATTR_LENGTH = "length"
ATTR_MATERIAL = "material"
ATTR_MESSAGE = "message"
ATTR_NAME = "name"
ATTR_NOZZLE_TEMP_MAX = "nozzle_temp_max"
ATTR_NOZZLE_TEMP_MIN = "nozzle_temp_min"
ATTR_OBJECTS = "objects"
ATTR_OPTION = "option"
ATTR_PROFILE = "profile"
ATTR_ROTATE_TRAY = "rotate_tray"
ATTR_ROUTINES = "routines"
ATTR_SEARCH = "search"
ATTR_SENSITIVITY = "sensitivity"
ATTR_SETTING = "setting"
ATTR_SLOT = "slot"
ATTR_TEMPERATURE = "temperature"
ATTR_TOOL = "tool"

CONFIRM_TIMEOUT = 15.0
"""Seconds within which telemetry must show what the printer has acknowledged.

A printer that was silent sends its next report after a second or two; some need several
for filament changes."""

_TOOLS = {"right": 0, "left": 1}
_CALIBRATIONS = {
    routine.name.lower(): routine for routine in Calibration if routine.name
}


@callback
def async_setup_services(hass: HomeAssistant) -> None:
    """Register the actions; they exist whether or not a printer is loaded."""
    for action in ACTIONS:
        schema = probatio.Schema(
            {probatio.Required(ATTR_DEVICE_ID): cv.string, **action.fields}
        )
        handler = _handler(action)
        if action.admin:
            service.async_register_admin_service(
                hass, DOMAIN, action.name, handler, schema, action.response
            )
        else:
            hass.services.async_register(
                DOMAIN, action.name, handler, schema, action.response
            )
    hass.services.async_register(
        DOMAIN,
        SEARCH_FILAMENTS,
        _search_filaments,
        probatio.Schema({probatio.Optional(ATTR_SEARCH, default=""): cv.string}),
        SupportsResponse.ONLY,
    )


def _handler(
    action: Action,
) -> Callable[[ServiceCall], Coroutine[Any, Any, ServiceResponse]]:
    """Return what Home Assistant calls for an action."""

    async def handle(call: ServiceCall) -> ServiceResponse:
        _, entry = service.async_get_device_and_config_entry(
            call.hass, DOMAIN, call.data[ATTR_DEVICE_ID]
        )
        coordinator: PrinterCoordinator = entry.runtime_data
        with translated_errors():
            response = await action.run(coordinator, call.data)
        if action.confirm and not await coordinator.async_wait_for(
            action.sections,
            lambda: (
                action.confirm is None or action.confirm(coordinator.printer, call.data)
            ),
            CONFIRM_TIMEOUT,
        ):
            raise HomeAssistantError(
                translation_domain=DOMAIN,
                translation_key="not_confirmed",
                translation_placeholders={"seconds": f"{CONFIRM_TIMEOUT:g}"},
            )
        return response

    return handle


def _ask(method: Callable[[BambuPrinter], Mapping[str, JsonValueType]]) -> Run:
    """Make an action that returns what is known, without asking the printer."""

    async def run(
        coordinator: PrinterCoordinator, _data: Data
    ) -> dict[str, JsonValueType]:
        if not coordinator.last_update_success:
            raise HomeAssistantError(
                translation_domain=DOMAIN, translation_key="not_connected"
            )
        return dict(method(coordinator.printer))

    return run


def _slot(data: Data) -> SlotAddress:
    return SLOTS_BY_KEY[data[ATTR_SLOT]]


def _ams(data: Data) -> int | None:
    return AMS_BY_KEY[data[ATTR_AMS]] if ATTR_AMS in data else None


def _tool(data: Data) -> int | None:
    return _TOOLS[data[ATTR_TOOL]] if ATTR_TOOL in data else None


# What the methods need beside a plain call


async def _set_spool(printer: BambuPrinter, data: Data) -> None:
    await printer.set_spool_details(
        _slot(data),
        data[ATTR_FILAMENT],
        color=_color(data.get(ATTR_COLOR)),
        nozzle_temp_min=data.get(ATTR_NOZZLE_TEMP_MIN),
        nozzle_temp_max=data.get(ATTR_NOZZLE_TEMP_MAX),
        type_=data.get(ATTR_MATERIAL),
    )


def _color(value: str | list[int] | None) -> str | None:
    """Take a colour as the selector gives it (red, green, blue), or as text."""
    return "#{:02X}{:02X}{:02X}".format(*value) if isinstance(value, list) else value


def _spool_is_set(printer: BambuPrinter, data: Data) -> bool:
    """Tell whether the slot has what was asked for: a tag would know better."""
    tray = printer.state.ams.tray(_slot(data))
    if tray is None or not tray.type:
        return False
    preset = find_filament(data[ATTR_FILAMENT])
    if tray.filament_id != (preset.id if preset else data[ATTR_FILAMENT].strip()):
        return False
    color = _color(data.get(ATTR_COLOR))
    return color is None or parse_color(color) == parse_color(tray.color or "00000000")


def _spool_is_cleared(printer: BambuPrinter, data: Data) -> bool:
    tray = printer.state.ams.tray(_slot(data))
    return tray is not None and not tray.type


async def _set_k_factor(printer: BambuPrinter, data: Data) -> None:
    with warnings.catch_warnings():
        # The action is marked as deprecated itself.
        warnings.simplefilter("ignore", DeprecationWarning)
        setting = printer.set_spool_k_factor(  # type: ignore[deprecated]
            _slot(data), data[ATTR_K]
        )
    await setting


async def _send_gcode(coordinator: PrinterCoordinator, data: Data) -> dict[str, Any]:
    return await coordinator.printer.send_gcode(data[ATTR_GCODE])


async def _send_command(coordinator: PrinterCoordinator, data: Data) -> dict[str, Any]:
    return await coordinator.printer.send_anything(data[ATTR_MESSAGE])


async def _calibration_profiles(
    coordinator: PrinterCoordinator, data: Data
) -> dict[str, JsonValueType]:
    profiles = await coordinator.printer.get_extrusion_calibration_profiles(
        data[ATTR_FILAMENT]
    )
    return {"profiles": [dict(profile) for profile in profiles]}


async def _tell_chamber_temp(coordinator: PrinterCoordinator, data: Data) -> None:
    if coordinator.data.capabilities.chamber_sensor:
        raise UnsupportedError(
            "use for another thermometer", coordinator.printer.model.key
        )
    coordinator.async_tell_chamber_temp(data[ATTR_TEMPERATURE])


async def _calibrate(printer: BambuPrinter, data: Data) -> None:
    routines = Calibration(0)
    for name in data[ATTR_ROUTINES]:
        routines |= _CALIBRATIONS[name]
    await printer.calibrate(routines)


async def _rename(coordinator: PrinterCoordinator, data: Data) -> None:
    await coordinator.printer.rename_printer(data[ATTR_NAME])
    name = data[ATTR_NAME].strip()
    coordinator.hass.config_entries.async_update_entry(
        coordinator.config_entry, title=name
    )
    dr.async_get(coordinator.hass).async_update_device(coordinator.device_id, name=name)


def _are_skipped(printer: BambuPrinter, data: Data) -> bool:
    try:
        numbers = printer.object_numbers(data[ATTR_OBJECTS])
    except BambuError:
        # Another job runs by now.
        return False
    return set(numbers) <= set(printer.state.job.skipped_objects)


def _filament_change_started(printer: BambuPrinter, _data: Data) -> bool:
    status = printer.state.ams.status
    return status is not None and status.value == "filament_change"


def _loaded(printer: BambuPrinter, data: Data) -> bool:
    extruders = printer.state.extruders
    return _filament_change_started(printer, data) or _slot(data) in (
        slot
        for extruder in extruders.extruders
        for slot in (extruder.slot, extruder.target)
    )


def _unloaded(printer: BambuPrinter, data: Data) -> bool:
    return (
        _filament_change_started(printer, data)
        or printer.state.extruders.active_slot is None
    )


def _dries(printer: BambuPrinter, data: Data) -> bool:
    unit = printer.state.ams.unit(AMS_BY_KEY[data[ATTR_AMS]])
    return unit is not None and bool(unit.is_drying or unit.drying_minutes)


def _has_stopped_drying(printer: BambuPrinter, data: Data) -> bool:
    wanted = _ams(data)
    return not any(
        unit.drying is not None and unit.drying.value in ("checking", "drying")
        for unit in printer.state.ams.units
        if wanted in (None, unit.unit)
    )


def _detector_is_set(printer: BambuPrinter, data: Data) -> bool:
    detector = printer.detector(DetectorKind(data[ATTR_DETECTOR]))
    if detector is None or detector.enabled != data[ATTR_ENABLED]:
        return False
    return (
        ATTR_SENSITIVITY not in data or detector.sensitivity == data[ATTR_SENSITIVITY]
    )


# Responses


def _describe_tray(tray: Tray) -> dict[str, JsonValueType]:
    return {
        "slot": slot_key(tray.slot),
        "present": tray.present,
        "type": tray.type or None,
        "name": tray.name or None,
        "color": tray.color,
        "colors": list(tray.colors),
        "filament_id": tray.filament_id or None,
        "remaining": tray.remain,
        "remaining_weight": tray.remaining_weight,
        "nozzle_temp_min": tray.nozzle_temp_min,
        "nozzle_temp_max": tray.nozzle_temp_max,
        "k": tray.k,
        "calibration_profile": tray.calibration,
        "tagged": bool(tray.tag),
    }


def _describe_unit(printer: BambuPrinter, unit: AmsUnit) -> dict[str, JsonValueType]:
    return {
        "ams": ams_key(unit.unit),
        "kind": unit.kind.value,
        "firmware": unit.firmware or None,
        "extruder": unit.extruder,
        "temperature": unit.temperature,
        "humidity": unit.humidity,
        "humidity_level": unit.humidity_level,
        "can_dry": printer.can_dry(unit),
        "drying": unit.drying.value if unit.drying else None,
        "drying_minutes": unit.drying_minutes,
        "drying_obstacles": [obstacle.value for obstacle in unit.drying_obstacles],
        "trays": [_describe_tray(tray) for tray in unit.trays],
    }


def _describe_ams(printer: BambuPrinter) -> Mapping[str, JsonValueType]:
    ams = printer.state.ams
    bindings: list[JsonValueType] = [
        {"ams": ams_key(item["unit"]), "extruder": item["extruder"]}
        for item in printer.get_current_bind_list()
    ]
    return {
        "units": [_describe_unit(printer, unit) for unit in ams.units],
        "external_spools": [_describe_tray(tray) for tray in ams.externals],
        "active_slot": slot_key(printer.state.extruders.active_slot),
        "bindings": bindings,
    }


def _describe_job(printer: BambuPrinter) -> Mapping[str, JsonValueType]:
    job = printer.state.job
    return {
        "state": job.gcode_state.value if job.gcode_state else None,
        "stage": job.stage,
        "name": job.name,
        "file": job.file,
        "plate": job.plate,
        "progress": job.progress,
        "current_layer": job.current_layer,
        "total_layers": job.total_layers,
        "remaining_minutes": job.remaining,
        "start_time": job.start_time.isoformat() if job.start_time else None,
        "finish_time": job.finish_time.isoformat() if job.finish_time else None,
        "speed_level": job.speed_level.value if job.speed_level else None,
        "skipped_objects": list(job.skipped_objects),
    }


def _describe_nozzles(printer: BambuPrinter) -> Mapping[str, JsonValueType]:
    state: PrinterState = printer.state
    heaters = state.temperatures.nozzles
    nozzles: list[JsonValueType] = []
    for extruder in state.extruders.extruders:
        nozzle = extruder.nozzle
        heater = heaters[extruder.number] if extruder.number < len(heaters) else None
        nozzles.append(
            {
                "extruder": extruder.number,
                "active": extruder.number == state.extruders.active,
                "material": nozzle.material.value if nozzle.material else None,
                "flow": nozzle.flow.value if nozzle.flow else None,
                "diameter": nozzle.diameter,
                "temperature": heater.current if heater else None,
                "target": heater.target if heater else None,
                "slot": slot_key(extruder.slot),
            }
        )
    return {"nozzles": nozzles}


async def _search_filaments(call: ServiceCall) -> ServiceResponse:
    found = search_filaments(call.data[ATTR_SEARCH])
    if not found:
        raise ServiceValidationError(
            translation_domain=DOMAIN,
            translation_key="no_such_filament",
            translation_placeholders={"search": call.data[ATTR_SEARCH]},
        )
    return {
        "filaments": [
            {
                "id": filament.id,
                "name": filament.name,
                "type": filament.type,
                "nozzle_temp_min": filament.temp_min,
                "nozzle_temp_max": filament.temp_max,
            }
            for filament in found
        ]
    }


SEARCH_FILAMENTS = "search_filaments"

_SLOT_FIELD = {probatio.Required(ATTR_SLOT): probatio.In(list(SLOTS_BY_KEY))}
_AMS_SLOT_FIELD = {
    probatio.Required(ATTR_SLOT): probatio.In(
        [key for key, slot in SLOTS_BY_KEY.items() if not slot.external]
    )
}
_AMS_KEYS = probatio.In(list(AMS_BY_KEY))
_COLOR = probatio.Any(
    cv.string,
    probatio.All(
        [probatio.All(probatio.Coerce(int), probatio.Range(min=0, max=255))],
        probatio.Length(min=3, max=3),
    ),
)


def _words(kind: type[Any]) -> probatio.In:
    return probatio.In([member.value for member in kind])


ACTIONS: tuple[Action, ...] = (
    Action(
        name="skip_objects",
        fields={
            probatio.Required(ATTR_OBJECTS): probatio.All(
                cv.ensure_list,
                [probatio.Any(str, cv.positive_int)],
                probatio.Length(min=1),
            )
        },
        run=tell(lambda printer, data: printer.skip_objects(data[ATTR_OBJECTS])),
        sections=("job",),
        confirm=_are_skipped,
    ),
    Action(
        name="load_filament",
        fields=_SLOT_FIELD,
        run=tell(lambda printer, data: printer.load_filament(_slot(data))),
        sections=("ams", "extruders"),
        confirm=_loaded,
    ),
    Action(
        name="unload_filament",
        fields={probatio.Optional(ATTR_AMS): _AMS_KEYS},
        run=tell(lambda printer, data: printer.unload_filament(_ams(data))),
        sections=("ams", "extruders"),
        confirm=_unloaded,
    ),
    Action(
        name="ams_control",
        fields={probatio.Required(ATTR_COMMAND): _words(AmsControl)},
        run=tell(
            lambda printer, data: printer.send_ams_control_command(
                AmsControl(data[ATTR_COMMAND])
            )
        ),
    ),
    Action(
        name="set_ams_setting",
        fields={
            probatio.Required(ATTR_SETTING): _words(AmsSetting),
            probatio.Required(ATTR_ENABLED): cv.boolean,
        },
        run=tell(
            lambda printer, data: printer.set_ams_user_setting(
                AmsSetting(data[ATTR_SETTING]), enabled=data[ATTR_ENABLED]
            )
        ),
        sections=("ams",),
        confirm=lambda printer, data: (
            getattr(printer.state.ams, data[ATTR_SETTING]) == data[ATTR_ENABLED]
        ),
    ),
    Action(
        name="read_spool_tag",
        fields=_AMS_SLOT_FIELD,
        run=tell(lambda printer, data: printer.refresh_spool_rfid(_slot(data))),
    ),
    Action(
        name="set_spool",
        fields={
            **_SLOT_FIELD,
            probatio.Required(ATTR_FILAMENT): cv.string,
            probatio.Optional(ATTR_COLOR): _COLOR,
            probatio.Optional(ATTR_MATERIAL): cv.string,
            probatio.Optional(ATTR_NOZZLE_TEMP_MIN): cv.positive_int,
            probatio.Optional(ATTR_NOZZLE_TEMP_MAX): cv.positive_int,
        },
        run=tell(_set_spool),
        sections=("ams",),
        confirm=_spool_is_set,
    ),
    Action(
        name="clear_spool",
        fields=_SLOT_FIELD,
        run=tell(lambda printer, data: printer.clear_spool_details(_slot(data))),
        sections=("ams",),
        confirm=_spool_is_cleared,
    ),
    Action(
        name="get_calibration_profiles",
        fields={probatio.Optional(ATTR_FILAMENT, default=""): cv.string},
        run=_calibration_profiles,
        response=SupportsResponse.ONLY,
    ),
    Action(
        name="select_calibration_profile",
        fields={
            **_SLOT_FIELD,
            probatio.Required(ATTR_PROFILE): probatio.All(
                probatio.Coerce(int), probatio.Range(min=-1)
            ),
        },
        run=tell(
            lambda printer, data: printer.select_extrusion_calibration_profile(
                _slot(data), data[ATTR_PROFILE]
            )
        ),
    ),
    Action(
        name="set_k_factor",
        fields={**_SLOT_FIELD, probatio.Required(ATTR_K): probatio.Coerce(float)},
        run=tell(_set_k_factor),
    ),
    Action(
        name="start_drying",
        fields={
            probatio.Required(ATTR_AMS): _AMS_KEYS,
            probatio.Required(ATTR_TEMPERATURE): probatio.Coerce(int),
            probatio.Required(ATTR_HOURS): probatio.Coerce(int),
            probatio.Optional(ATTR_FILAMENT, default=""): cv.string,
            probatio.Optional(ATTR_ROTATE_TRAY, default=False): cv.boolean,
            probatio.Optional(ATTR_ACCEPT_POWER_LIMIT, default=False): cv.boolean,
        },
        run=tell(
            lambda printer, data: printer.turn_on_ams_dryer(
                AMS_BY_KEY[data[ATTR_AMS]],
                data[ATTR_TEMPERATURE],
                data[ATTR_HOURS],
                filament=data[ATTR_FILAMENT],
                rotate_tray=data[ATTR_ROTATE_TRAY],
                accept_power_limit=data[ATTR_ACCEPT_POWER_LIMIT],
            )
        ),
        sections=("ams",),
        confirm=_dries,
    ),
    Action(
        name="stop_drying",
        fields={probatio.Optional(ATTR_AMS): _AMS_KEYS},
        run=tell(lambda printer, data: printer.turn_off_ams_dryer(_ams(data))),
        sections=("ams",),
        confirm=_has_stopped_drying,
    ),
    Action(
        name="set_detector",
        fields={
            probatio.Required(ATTR_DETECTOR): _words(DetectorKind),
            probatio.Required(ATTR_ENABLED): cv.boolean,
            probatio.Optional(ATTR_SENSITIVITY): _words(Sensitivity),
        },
        run=tell(
            lambda printer, data: printer.set_detector(
                DetectorKind(data[ATTR_DETECTOR]),
                enabled=data[ATTR_ENABLED],
                sensitivity=Sensitivity(data[ATTR_SENSITIVITY])
                if ATTR_SENSITIVITY in data
                else None,
            )
        ),
        sections=("detectors",),
        confirm=_detector_is_set,
    ),
    Action(
        name="set_print_option",
        fields={
            probatio.Required(ATTR_OPTION): _words(PrintOption),
            probatio.Required(ATTR_ENABLED): cv.boolean,
        },
        run=tell(
            lambda printer, data: printer.set_print_option(
                PrintOption(data[ATTR_OPTION]), enabled=data[ATTR_ENABLED]
            )
        ),
        sections=("options",),
        confirm=lambda printer, data: (
            getattr(printer.state.options, data[ATTR_OPTION]) == data[ATTR_ENABLED]
        ),
    ),
    Action(
        name="set_nozzle",
        fields={
            probatio.Required(ATTR_DIAMETER): probatio.All(
                probatio.Coerce(float), probatio.In(NOZZLE_DIAMETERS)
            ),
            probatio.Required(ATTR_MATERIAL): probatio.In(
                [material.value for material in DECLARABLE_MATERIALS]
            ),
        },
        run=tell(
            lambda printer, data: printer.set_nozzle_details(
                data[ATTR_DIAMETER], NozzleMaterial(data[ATTR_MATERIAL])
            )
        ),
        sections=("extruders",),
        confirm=lambda printer, data: any(
            extruder.nozzle.diameter == data[ATTR_DIAMETER]
            and extruder.nozzle.material == data[ATTR_MATERIAL]
            for extruder in printer.state.extruders.extruders
        ),
    ),
    Action(
        name="refresh_nozzles",
        run=tell(lambda printer, _: printer.refresh_nozzles()),
    ),
    Action(
        name="set_chamber_temperature",
        fields={
            probatio.Required(ATTR_TEMPERATURE): probatio.Any(
                None, probatio.Coerce(float)
            )
        },
        run=_tell_chamber_temp,
    ),
    Action(
        name="calibrate",
        fields={
            probatio.Required(ATTR_ROUTINES): probatio.All(
                cv.ensure_list,
                [probatio.In(list(_CALIBRATIONS))],
                probatio.Length(min=1),
            )
        },
        run=tell(_calibrate),
        sections=("job",),
        confirm=lambda printer, _: printer.state.job.active,
    ),
    Action(name="home_axes", run=tell(lambda printer, _: printer.home_axes())),
    Action(
        name="jog",
        fields={
            probatio.Required(ATTR_AXIS): probatio.In(["x", "y", "z"]),
            probatio.Required(ATTR_DISTANCE): probatio.Coerce(float),
        },
        run=tell(
            lambda printer, data: printer.jog(data[ATTR_AXIS], data[ATTR_DISTANCE])
        ),
    ),
    Action(
        name="extrude",
        fields={
            probatio.Required(ATTR_LENGTH): probatio.Coerce(float),
            probatio.Optional(ATTR_TOOL): probatio.In(list(_TOOLS)),
        },
        run=tell(lambda printer, data: printer.extrude(data[ATTR_LENGTH], _tool(data))),
    ),
    Action(
        name="clear_error",
        run=tell(lambda printer, _: printer.clean_print_error()),
        sections=("errors",),
        confirm=lambda printer, _: not printer.state.errors.print_error,
    ),
    Action(
        name="answer_error",
        fields={probatio.Required(ATTR_ANSWER): _words(ErrorAnswer)},
        run=tell(
            lambda printer, data: printer.answer_print_error(
                ErrorAnswer(data[ATTR_ANSWER])
            )
        ),
    ),
    Action(name="silence_alarm", run=tell(lambda printer, _: printer.silence_alarm())),
    Action(
        name="stop_air_purification",
        run=tell(lambda printer, _: printer.stop_air_purification()),
    ),
    Action(
        name="rename_printer",
        fields={probatio.Required(ATTR_NAME): cv.string},
        run=_rename,
    ),
    Action(
        name="send_gcode",
        fields={probatio.Required(ATTR_GCODE): cv.string},
        run=_send_gcode,
        response=SupportsResponse.OPTIONAL,
        admin=True,
    ),
    Action(
        name="send_command",
        fields={probatio.Required(ATTR_MESSAGE): probatio.Any(dict, cv.string)},
        run=_send_command,
        response=SupportsResponse.OPTIONAL,
        admin=True,
    ),
    Action(name="get_ams", run=_ask(_describe_ams), response=SupportsResponse.ONLY),
    Action(name="get_job", run=_ask(_describe_job), response=SupportsResponse.ONLY),
    Action(
        name="get_job_history",
        fields=HISTORY_FIELDS,
        run=async_get_history,
        response=SupportsResponse.ONLY,
    ),
    Action(
        name="get_nozzles", run=_ask(_describe_nozzles), response=SupportsResponse.ONLY
    ),
    *FILE_ACTIONS,
)
