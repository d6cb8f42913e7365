"""Every operation of a printer: its method, action, entity, and what goes over the wire.

What the code says itself is taken from there: `problems` tells when a method, an action,
an entity that can be set, or a command has no row here.
"""

from collections.abc import Iterator
from dataclasses import dataclass
import inspect
from typing import Any

from custom_components.bambu_printer import (
    PLATFORMS,
    button,
    climate,
    fan,
    light,
    number,
    select,
    services,
    switch,
    update,
)
from custom_components.bambu_printer.entity import PartEntityDescription
from custom_components.bambu_printer.printer import BambuPrinter, commands
from custom_components.bambu_printer.printer.commands import Command
from custom_components.bambu_printer.printer.models import Light
from custom_components.bambu_printer.printer.operations import (
    AmsSetting,
    Calibration,
    DetectorKind,
    ErrorAnswer,
    PrintOption,
)
from custom_components.bambu_printer.printer.operations.watching import (
    _MODULES as DETECTOR_MODULES,
    _OPTION_KEYS as OPTION_KEYS,
    LEVELLED_DETECTORS,
)
from custom_components.bambu_printer.printer.state.fans import FAN_INDEX, Fan

DOMAIN = "bambu_printer"

PLATFORM_ACTIONS = {
    "button": ("button.press",),
    "climate": (
        "climate.set_temperature",
        "climate.set_hvac_mode",
        "climate.turn_on",
        "climate.turn_off",
    ),
    "fan": ("fan.set_percentage", "fan.turn_on", "fan.turn_off"),
    "light": ("light.turn_on", "light.turn_off"),
    "number": ("number.set_value",),
    "select": ("select.select_option",),
    "switch": ("switch.turn_on", "switch.turn_off"),
    "update": ("update.install",),
}
"""The actions of the platforms whose entities tell the printer something."""

_CONTROLS = {
    "button": button,
    "climate": climate,
    "fan": fan,
    "light": light,
    "number": number,
    "select": select,
    "switch": switch,
    "update": update,
}

NON_OPERATIONS: dict[str, str] = {
    "camera_image": "it tells the printer nothing; camera.snapshot keeps what it returns"
}
"""Public coroutine methods of `BambuPrinter` that are no operations, and why."""


@dataclass(frozen=True, kw_only=True)
class Operation:
    """A row of the table."""

    name: str
    """Unique; tests go by it."""
    methods: tuple[str, ...]
    """Of `BambuPrinter`; the first one is the name in the mission."""
    actions: tuple[str, ...] = ()
    """Of this integration, without the domain."""
    entities: tuple[str, ...] = ()
    """Platform and key of the description."""
    commands: tuple[Command, ...] = ()
    """Examples of what is sent."""
    no_action: str = ""
    """Why neither an action of ours nor one of a platform does it."""
    no_entity: str = ""
    """Why there is no entity."""
    no_command: str = "nothing is sent"
    """Why nothing goes over the wire."""

    @property
    def platform_actions(self) -> tuple[str, ...]:
        """The actions of Home Assistant's platforms that do it."""
        platforms = dict.fromkeys(entity.split(".")[0] for entity in self.entities)
        return tuple(
            action for name in platforms for action in PLATFORM_ACTIONS.get(name, ())
        )

    @property
    def wire(self) -> tuple[str, ...]:
        """Names of what is sent."""
        return tuple(dict.fromkeys(wire_name(command) for command in self.commands))


_DETAILS = {
    "ams_control": "param",
    "ledctrl": "led_node",
    "xcam_control_set": "module_name",
}
_PLAIN_KEYS = frozenset({"command", "option", "sequence_id"})


def wire_name(command: Command) -> str:
    """Name a command so that it can be told from its siblings."""
    name = f"{command.section}.{command.name}"
    if command.section == command.name:
        return f"{command.section} {'/'.join(command.body)}"
    if command.name == "gcode_line":
        lines = str(command.body["param"]).splitlines()
        return f"{name} {'/'.join(line.split()[0] for line in lines)}"
    if command.name == "print_option":
        keys = [key for key in command.body if key not in _PLAIN_KEYS]
        return f"{name} {'/'.join(keys)}"
    if detail := _DETAILS.get(command.name):
        return f"{name} {command.body[detail]}"
    return name


def _detector_method(kind: DetectorKind) -> tuple[str, ...]:
    shorthand = {
        DetectorKind.SPAGHETTI: "set_spaghetti_detector",
        DetectorKind.PURGE_CHUTE_PILEUP: "set_purgechutepileup_detector",
        DetectorKind.NOZZLE_CLUMPING: "set_nozzleclumping_detector",
        DetectorKind.AIR_PRINTING: "set_airprinting_detector",
        DetectorKind.BUILD_PLATE_MARKER: "set_buildplate_marker_detector",
        DetectorKind.FIRST_LAYER: "set_first_layer_inspection",
    }
    return (shorthand[kind], "set_detector") if kind in shorthand else ("set_detector",)


def _detector(kind: DetectorKind) -> Operation:
    levelled = kind in LEVELLED_DETECTORS
    entities = [f"switch.{kind.value}_detector"]
    if levelled:
        entities.append(f"select.{kind.value}_sensitivity")
    return Operation(
        name=f"set_detector {kind.value}",
        methods=_detector_method(kind),
        actions=("set_detector",),
        entities=tuple(entities),
        commands=(
            commands.set_detector(
                DETECTOR_MODULES[kind],
                enabled=True,
                sensitivity="medium" if levelled else None,
            ),
        ),
    )


def _option(option: PrintOption) -> Operation:
    match option:
        case PrintOption.STORE_SENT_FILES:
            command = commands.set_store_sent_files(enabled=True)
        case PrintOption.IDLE_HEATING_PROTECTION:
            command = commands.set_heating_protection(enabled=True)
        case _:
            command = commands.print_option(OPTION_KEYS[option], value=True)
    return Operation(
        name=f"set_print_option {option.value}",
        methods=("set_print_option",),
        actions=("set_print_option",),
        entities=(f"switch.{option.value}",),
        commands=(command,),
    )


def _file(*methods: str, action: str = "") -> Operation:
    return Operation(
        name=methods[0],
        methods=methods,
        actions=(action,) if action else (),
        no_action="only for programs that use the library",
        no_entity="it takes a path",
        no_command="files go through the printer's file server",
    )


_FAN_METHODS = {
    Fan.PART: "set_part_cooling_fan_speed_target_percent",
    Fan.AUX: "set_aux_fan_speed_target_percent",
    Fan.CHAMBER: "set_exhaust_fan_speed_target_percent",
}


def _fan(kind: Fan) -> Operation:
    index = FAN_INDEX[kind]
    shorthand = (_FAN_METHODS[kind],) if kind in _FAN_METHODS else ()
    sent = [commands.fan_gcode(index, 50), commands.set_fan(index, 50)]
    return Operation(
        name=f"set_fan_speed {kind.value}",
        methods=(*shorthand, "set_fan_speed"),
        entities=(f"fan.{kind.value}_fan",),
        commands=tuple(sent[:1] if kind is Fan.PART else sent),
    )


def _lamp(key: str, lamp: Light) -> Operation:
    return Operation(
        name=f"set_light_state {key}",
        methods=("set_light_state", "light_state"),
        entities=(f"light.{key}",),
        commands=(
            commands.set_light(lamp, "on"),
            *(
                [commands.set_light(Light.CHAMBER_2, "on")]
                if lamp is Light.CHAMBER
                else []
            ),
        ),
    )


_PRESSED = (ErrorAnswer.RETRY, ErrorAnswer.IGNORE)


def _answer(answer: ErrorAnswer) -> Operation:
    word = {ErrorAnswer.RETRY: "resume"}.get(answer, answer.value)
    return Operation(
        name=f"answer_print_error {answer.value}",
        methods=("answer_print_error",),
        actions=("answer_error",),
        entities=(f"button.{answer.value}_error",) if answer in _PRESSED else (),
        commands=(
            commands.dismiss_error(1)
            if answer is ErrorAnswer.DISMISS
            else commands.answer_error(word, 1, "0"),
        ),
        no_entity=""
        if answer in _PRESSED
        else "other buttons do nearly the same: stop, clear error",
    )


_SET_FILAMENT = commands.set_filament(
    0, 0, 0, filament_id="", setting_id="", kind="", color="", temp_min=0, temp_max=0
)
_START_DRYING = commands.start_drying(
    0,
    filament="PLA",
    temp=45,
    hours=8,
    rotate=False,
    cooling_temp=45,
    accept_power_limit=False,
)

OPERATIONS: tuple[Operation, ...] = (
    # The session
    Operation(
        name="start_session",
        methods=("start_session",),
        commands=(commands.push_all(), commands.get_version()),
        no_action="loading the entry does it: `homeassistant.reload_config_entry`",
        no_entity="loading the entry does it",
    ),
    Operation(
        name="pause_session",
        methods=("pause_session",),
        no_action="Home Assistant disables entries instead",
        no_entity="Home Assistant disables entries instead",
        no_command="MQTT unsubscribe",
    ),
    Operation(
        name="resume_session",
        methods=("resume_session",),
        commands=(commands.push_all(),),
        no_action="Home Assistant disables entries instead",
        no_entity="Home Assistant disables entries instead",
    ),
    Operation(
        name="quit",
        methods=("quit",),
        no_action="unloading the entry does it",
        no_entity="unloading the entry does it",
        no_command="MQTT disconnect",
    ),
    Operation(
        name="refresh",
        methods=("refresh",),
        entities=("button.refresh",),
        commands=(commands.get_version(), commands.push_all()),
    ),
    Operation(
        name="to_json",
        methods=("to_json",),
        no_action="for Python; the diagnostics of the entry have the raw report",
        no_entity="for Python; the diagnostics of the entry have the raw report",
    ),
    # The job
    Operation(
        name="pause_printing",
        methods=("pause_printing",),
        entities=("button.pause",),
        commands=(commands.pause(),),
    ),
    Operation(
        name="resume_printing",
        methods=("resume_printing",),
        entities=("button.resume",),
        commands=(commands.resume(),),
    ),
    Operation(
        name="stop_printing",
        methods=("stop_printing",),
        entities=("button.stop",),
        commands=(commands.stop(),),
    ),
    Operation(
        name="skip_objects",
        methods=("skip_objects",),
        actions=("skip_objects",),
        commands=(commands.skip_objects([]),),
        no_entity="it takes a list of objects",
    ),
    Operation(
        name="speed_level",
        methods=("speed_level", "set_speed_level"),
        entities=("select.speed_profile",),
        commands=(commands.print_speed(2),),
    ),
    Operation(
        name="get_job",
        methods=("state",),
        actions=("get_job",),
        no_entity="the sensors show it",
    ),
    Operation(
        name="get_job_history",
        methods=(),
        actions=("get_job_history",),
        no_entity="the calendar shows it",
    ),
    # What experts send
    Operation(
        name="send_gcode",
        methods=("send_gcode",),
        actions=("send_gcode",),
        commands=(commands.gcode("…"),),
        no_entity="it takes a text",
    ),
    Operation(
        name="send_anything",
        methods=("send_anything",),
        actions=("send_command",),
        no_entity="it takes an object",
        no_command="any",
    ),
    # Heat
    Operation(
        name="set_bed_temp_target",
        methods=("set_bed_temp_target",),
        entities=("climate.bed",),
        commands=(
            commands.set_bed_temp(60, as_json=False),
            commands.set_bed_temp(60, as_json=True),
        ),
    ),
    Operation(
        name="set_nozzle_temp_target",
        methods=("set_nozzle_temp_target",),
        entities=("climate.nozzle",),
        commands=(commands.set_nozzle_temp(220),),
    ),
    *(
        Operation(
            name=f"set_nozzle_temp_target {side}",
            methods=("set_nozzle_temp_target",),
            entities=(f"climate.{side}_nozzle",),
            commands=(commands.set_nozzle_temp(220, tool),),
        )
        for side, tool in (("right", 0), ("left", 1), ("auxiliary", 0), ("main", 1))
    ),
    Operation(
        name="set_chamber_temp",
        methods=("set_chamber_temp", "chamber_temp_told"),
        actions=("set_chamber_temperature",),
        no_entity="the options choose a sensor, `sensor.chamber_temperature` shows it",
    ),
    Operation(
        name="set_chamber_temp_target",
        methods=("set_chamber_temp_target",),
        entities=("climate.chamber",),
        commands=(
            commands.set_airduct(1),
            commands.set_chamber_temp(45),
            commands.set_chamber_temp_gcode(45),
            commands.set_chamber_temp_gcode(45, 40),
            commands.set_chamber_temp_gcode(0, 40),
        ),
    ),
    # Air
    *(_fan(kind) for kind in (Fan.PART, Fan.AUX, Fan.CHAMBER, Fan.AUX_2)),
    Operation(
        name="set_airduct_mode",
        methods=("set_airduct_mode",),
        entities=("select.airduct_mode",),
        commands=(commands.set_airduct(0),),
    ),
    Operation(
        name="set_air_purification",
        methods=("set_air_purification",),
        entities=("select.air_purification",),
        commands=(commands.print_option("air_purification", 1),),
    ),
    Operation(
        name="stop_air_purification",
        methods=("stop_air_purification",),
        actions=("stop_air_purification",),
        commands=(commands.stop_air_purification(),),
        no_entity="no report says that it is under way",
    ),
    # Lamps
    *(
        _lamp(description.key, description.light)
        for description in sorted(light.LIGHTS, key=lambda item: item.key)
    ),
    # Tools
    Operation(
        name="set_active_tool",
        methods=("set_active_tool",),
        entities=("select.active_tool",),
        commands=(commands.select_extruder(1),),
    ),
    Operation(
        name="set_nozzle_details",
        methods=("set_nozzle_details",),
        actions=("set_nozzle",),
        entities=("select.mounted_nozzle_diameter", "select.mounted_nozzle_material"),
        commands=(commands.set_nozzle("hardened_steel", 0.4),),
    ),
    Operation(
        name="refresh_nozzles",
        methods=("refresh_nozzles",),
        actions=("refresh_nozzles",),
        entities=("button.refresh_nozzles",),
        commands=(commands.refresh_nozzle(),),
    ),
    Operation(
        name="get_nozzles",
        methods=("state",),
        actions=("get_nozzles",),
        no_entity="the sensors show it",
    ),
    # Filament
    Operation(
        name="load_filament",
        methods=("load_filament",),
        actions=("load_filament",),
        entities=("button.load",),
        commands=(
            commands.change_filament(0, 0, 0, 0, 0),
            commands.change_filament_legacy(0, 0, 0),
        ),
    ),
    Operation(
        name="unload_filament",
        methods=("unload_filament",),
        actions=("unload_filament",),
        entities=("button.unload_filament",),
        commands=(
            commands.change_filament(0, 255, 255, 0, 0),
            commands.change_filament_legacy(255, 0, 0),
        ),
    ),
    *(
        Operation(
            name=f"send_ams_control_command {word}",
            methods=("send_ams_control_command",),
            actions=("ams_control",),
            entities=("button.ams_retry",) if word == "resume" else (),
            commands=(commands.ams_control(word),),
            no_entity=""
            if word == "resume"
            else "for the rare case: an action is enough",
        )
        for word in ("resume", "done", "pause", "reset", "abort")
    ),
    *(
        Operation(
            name=f"set_ams_user_setting {setting.value}",
            methods=("set_ams_user_setting",),
            actions=("set_ams_setting",),
            entities=(f"switch.ams_{setting.value}",),
            commands=(
                commands.ams_user_setting(
                    read_on_power_up=True, read_on_insert=True, estimate_remaining=True
                ),
            ),
        )
        for setting in AmsSetting
    ),
    Operation(
        name="refresh_spool_rfid",
        methods=("refresh_spool_rfid",),
        actions=("read_spool_tag",),
        entities=("button.read_tag",),
        commands=(commands.read_rfid(0, 0), commands.gcode("M620 R0")),
    ),
    Operation(
        name="set_spool_details",
        methods=("set_spool_details",),
        actions=("set_spool",),
        commands=(_SET_FILAMENT,),
        no_entity="it takes preset, color and temperatures together",
    ),
    Operation(
        name="clear_spool_details",
        methods=("clear_spool_details",),
        actions=("clear_spool",),
        commands=(_SET_FILAMENT,),
        no_entity="nobody should do it by mistake",
    ),
    Operation(
        name="search_filaments",
        methods=(),
        actions=("search_filaments",),
        no_entity="it takes a text and returns a list",
    ),
    Operation(
        name="set_spool_k_factor",
        methods=("set_spool_k_factor",),
        actions=("set_k_factor",),
        commands=(
            commands.set_calibration_legacy(0, 0.02),
            commands.set_calibration({}, "0.4"),
            commands.get_calibrations("", "0.4"),
            commands.select_calibration(0, 0, 0, 1, "", "0.4"),
        ),
        no_entity="deprecated: calibration profiles have taken its place",
    ),
    Operation(
        name="select_extrusion_calibration_profile",
        methods=("select_extrusion_calibration_profile",),
        actions=("select_calibration_profile",),
        entities=("select.calibration_profile",),
        commands=(commands.select_calibration(0, 0, 0, 1, "", "0.4"),),
    ),
    Operation(
        name="get_extrusion_calibration_profiles",
        methods=("get_extrusion_calibration_profiles",),
        actions=("get_calibration_profiles",),
        commands=(commands.get_calibrations("", "0.4"),),
        no_entity="`select.calibration_profile` lists them",
    ),
    Operation(
        name="turn_on_ams_dryer",
        methods=("turn_on_ams_dryer", "can_dry"),
        actions=("start_drying",),
        entities=(
            "switch.dryer",
            "number.drying_temperature",
            "number.drying_duration",
        ),
        commands=(_START_DRYING,),
    ),
    Operation(
        name="turn_off_ams_dryer",
        methods=("turn_off_ams_dryer",),
        actions=("stop_drying",),
        entities=("switch.dryer",),
        commands=(commands.stop_drying(0), commands.stop_all_drying()),
    ),
    Operation(
        name="get_current_bind_list",
        methods=("get_current_bind_list",),
        actions=("get_ams",),
        no_entity="the sensors show it",
    ),
    # What the printer watches for
    *(_detector(kind) for kind in DetectorKind),
    *(_option(option) for option in PrintOption),
    Operation(
        name="set_door_reaction",
        methods=("set_door_reaction",),
        entities=("select.door_reaction",),
        commands=(commands.set_door_reaction(1),),
    ),
    Operation(
        name="set_camera_recording",
        methods=("set_camera_recording",),
        entities=("switch.camera_recording",),
        commands=(commands.set_camera_recording(enabled=True),),
    ),
    Operation(
        name="set_timelapse",
        methods=("set_timelapse",),
        entities=("switch.timelapse",),
        commands=(commands.set_timelapse(enabled=True),),
    ),
    Operation(
        name="set_camera_resolution",
        methods=("set_camera_resolution", "can_choose_resolution"),
        entities=("select.camera_resolution",),
        commands=(commands.set_camera_resolution("720p"),),
    ),
    # Care
    Operation(
        name="install_firmware",
        methods=("install_firmware", "can_install_firmware"),
        entities=("update.firmware",),
        commands=(commands.confirm_upgrade(),),
    ),
    Operation(
        name="rename_printer",
        methods=("rename_printer",),
        actions=("rename_printer",),
        commands=(commands.rename("…"),),
        no_entity="Home Assistant names devices itself",
    ),
    Operation(
        name="clean_print_error",
        methods=("clean_print_error",),
        actions=("clear_error",),
        entities=("button.clear_error",),
        commands=(
            commands.clean_print_error("0", 1),
            commands.close_error_dialog(1),
        ),
    ),
    *(_answer(answer) for answer in ErrorAnswer),
    Operation(
        name="silence_alarm",
        methods=("silence_alarm",),
        actions=("silence_alarm",),
        commands=(commands.silence_alarm(),),
        no_entity="no report says that it sounds",
    ),
    Operation(
        name="calibrate",
        methods=("calibrate", "calibrations"),
        actions=("calibrate",),
        commands=(commands.calibrate(int(Calibration.BED_LEVELING)),),
        no_entity="it takes a list of routines",
    ),
    Operation(
        name="home_axes",
        methods=("home_axes",),
        actions=("home_axes",),
        entities=("button.home_axes",),
        commands=(commands.home(), commands.home_gcode()),
    ),
    Operation(
        name="jog",
        methods=("jog",),
        actions=("jog",),
        commands=(commands.jog_gcode("Z", 10, 900),),
        no_entity="it takes axis and distance together",
    ),
    Operation(
        name="extrude",
        methods=("extrude",),
        actions=("extrude",),
        commands=(commands.extrude(0, 10), commands.extrude_gcode(10)),
        no_entity="it takes a length",
    ),
    _file("get_sdcard_contents", "cached_sd_card_contents", action="list_files"),
    _file("get_sdcard_3mf_files", "cached_sd_card_3mf_files"),
    _file("sdcard_file_exists"),
    _file("upload_sdcard_file", action="upload_file"),
    _file("download_sdcard_file", action="download_file"),
    _file("rename_sdcard_file", action="rename_file"),
    _file("make_sdcard_directory", action="create_folder"),
    _file("delete_sdcard_file", action="delete_file"),
    _file("delete_sdcard_folder", action="delete_folder"),
    _file("get_project_info", action="get_project"),
    Operation(
        name="print_3mf_file",
        methods=("print_3mf_file", "plan_print"),
        actions=("print_file",),
        commands=(
            commands.project_file(
                file="",
                url="",
                plate=1,
                name="",
                job_number="",
                bed_type="auto",
                use_ams=False,
                ams_mapping=[],
                ams_mapping2=[],
                options={},
            ),
        ),
        no_entity="it takes a file",
    ),
)

BY_NAME = {operation.name: operation for operation in OPERATIONS}


def action_names() -> tuple[str, ...]:
    """Return all actions of the integration."""
    return (*(action.name for action in services.ACTIONS), services.SEARCH_FILAMENTS)


def descriptions(platform: str) -> Iterator[PartEntityDescription]:
    """Iterate over the tables of a platform."""
    for value in vars(_CONTROLS[platform]).values():
        if isinstance(value, tuple):
            for item in value:
                if isinstance(item, PartEntityDescription):
                    yield item


def control_keys(platform: str) -> set[str]:
    """Return the keys by which the rows name a platform's entities."""
    keys = {item.key for item in descriptions(platform)}
    if platform == "climate":
        # Nozzles have no key of their own: their part names them.
        keys |= {"nozzle"} | {f"{side}_nozzle" for side in _SIDES}
    return keys - {""}


_SIDES = ("right", "left", "auxiliary", "main")


def coroutine_methods(kind: type[Any] = BambuPrinter) -> set[str]:
    """Return the public coroutine methods."""
    return {
        name
        for name, value in inspect.getmembers(kind)
        if not name.startswith("_") and inspect.iscoroutinefunction(value)
    }


def problems() -> list[str]:
    """Return what the table and the code disagree about."""
    rows = OPERATIONS
    found: list[str] = []

    def compare(what: str, there: set[str], named: set[str]) -> None:
        found.extend(f"{what} without a row: {name}" for name in sorted(there - named))
        found.extend(f"no such {what}: {name}" for name in sorted(named - there))

    methods = {name for row in rows for name in row.methods}
    readers = {
        name for name in methods if not inspect.iscoroutinefunction(_member(name))
    }
    compare("method", coroutine_methods(), (methods - readers) | set(NON_OPERATIONS))
    found.extend(
        f"no such member: {name}" for name in sorted(readers) if not _exists(name)
    )
    compare("action", set(action_names()), {x for row in rows for x in row.actions})
    controls = {
        f"{platform}.{key}" for platform in _CONTROLS for key in control_keys(platform)
    }
    compare("entity", controls, {x for row in rows for x in row.entities})
    if silent := set(_CONTROLS) - set(PLATFORMS):
        found.append(f"no such platform: {silent}")
    if len({row.name for row in rows}) != len(rows):
        found.append("two rows have the same name")
    for row in rows:
        if not (row.actions or row.entities or row.no_action):
            found.append(f"no action, and no reason: {row.name}")
        if not (row.entities or row.no_entity):
            found.append(f"no entity, and no reason: {row.name}")
    return found


def _member(name: str) -> Any:
    return getattr(BambuPrinter, name, None)


def _exists(name: str) -> bool:
    return (
        hasattr(BambuPrinter, name)
        or name in inspect.get_annotations(BambuPrinter)
        or any(name in inspect.get_annotations(base) for base in BambuPrinter.__mro__)
    )
