"""Print options, detectors and the camera."""

from .registry import Answer, Context, Json, Refused, Reply, handles, number

# option → (home_flag bit, cfg bit)
_OPTIONS: dict[str, tuple[int | None, int | None]] = {
    "auto_recovery": (4, 16),
    "auto_switch_filament": (10, 18),
    "air_print_detect": (28, None),
    "filament_tangle_detect": (20, 23),
    "nozzle_blob_detect": (24, 24),
    "sound_enable": (17, 22),
}
# detector → its bit in xcam.cfg
_DETECTORS = {
    "spaghetti_detector": 7,
    "pileup_detector": 10,
    "clump_detector": 13,
    "airprint_detector": 16,
    "plate_offset_switch": 20,
    "fod_check": 21,
    "model_movement_check": 22,
}
_LEVELS = {"low": 0, "medium": 1, "high": 2}
_CFG_LEVELS = {"never_halt": 0, "low": 1, "medium": 2, "high": 3}


@handles("print", "print_option")
def print_option(context: Context, request: Json) -> Reply:
    """Switch an option; unknown ones are echoed and ignored."""
    machine = context.machine
    for option, (home, word) in _OPTIONS.items():
        if isinstance(request.get(option), bool):
            if home is not None:
                machine.set_home_bit(home, request[option])
            if word is not None:
                machine.set_hex("cfg", word, 1, int(request[option]))
    if "nozzle_blob_detect_v2" in request:
        machine.set_hex("cfg", 43, 2, number(request["nozzle_blob_detect_v2"]))
    if "air_purification" in request:
        machine.set_hex("cfg", 36, 2, number(request["air_purification"]))
    return None


@handles("print", "set_against_continued_heating_mode")
def continued_heating(context: Context, request: Json) -> Reply:
    """Switch the protection against heating for nothing."""
    if context.machine.hex_field("fun", 62):
        context.machine.set_hex("cfg", 32, 2, int(request.get("enable") is True))
    return None


@handles("xcam", "xcam_control_set")
def detector(context: Context, request: Json) -> Reply:
    """Switch a detector."""
    machine = context.machine
    xcam = machine.report.get("xcam")
    name = str(request.get("module_name"))
    on = request.get("control") is True or request.get("enable") is True
    level = request.get("halt_print_sensitivity")
    if xcam is None or (len(xcam) == 1 and name not in xcam):
        return Refused("unsupported module")
    if name in _DETECTORS and "cfg" in xcam:
        bit = _DETECTORS[name]
        cfg = xcam["cfg"] & ~(1 << bit) | int(on) << bit
        if level in _LEVELS and bit <= 16:
            cfg = cfg & ~(3 << bit + 1) | _LEVELS[level] << bit + 1
        xcam["cfg"] = cfg
    if name in xcam and isinstance(xcam[name], bool):
        xcam[name] = on
    if name == "printing_monitor":
        machine.set_hex("cfg", 15, 1, int(on))
        if level in _CFG_LEVELS:
            machine.set_hex("cfg", 13, 2, _CFG_LEVELS[level])
    if name == "first_layer_inspector":
        machine.set_hex("cfg", 12, 1, int(on))
    if (
        name in ("printing_monitor", "spaghetti_detector")
        and "halt_print_sensitivity" in xcam
    ):
        if level in _CFG_LEVELS:
            xcam["halt_print_sensitivity"] = level
        # Without separate detectors the two names are one switch.
        if "cfg" not in xcam:
            xcam["printing_monitor"] = xcam["spaghetti_detector"] = on
            machine.set_hex("cfg", 15, 1, int(on))
    return None


@handles("camera", "ipcam_record_set", "ipcam_timelapse", "ipcam_cap_pic_set")
def camera_switch(context: Context, request: Json) -> Reply:
    """Switch recording, timelapse or snapshots."""
    machine, value = context.machine, request.get("control")
    if value not in ("enable", "disable"):
        return Refused("invalid control")
    camera = machine.report["ipcam"]
    match request["command"]:
        case "ipcam_record_set":
            camera["ipcam_record"] = value
            machine.set_home_bit(5, value == "enable")
            machine.set_hex("cfg", 3, 1, int(value == "enable"))
        case "ipcam_timelapse":
            camera["timelapse"] = value
            machine.set_hex("cfg", 5, 1, int(value == "enable"))
        case _:
            if "cap_pic_enable" in camera:
                camera["cap_pic_enable"] = value
            machine.set_hex("cfg", 38, 2, 1 if value == "enable" else 2)
    return {"result": "success", "reason": "success"}


@handles("camera", "ipcam_resolution_set")
def resolution(context: Context, request: Json) -> Reply:
    """Change the resolution."""
    value = request.get("resolution")
    if value not in ("720p", "1080p"):
        return Refused("invalid resolution")
    if context.machine.report["ipcam"]["resolution"]:
        context.machine.report["ipcam"]["resolution"] = value
        context.machine.set_hex("cfg", 4, 1, int(value == "1080p"))
    return None


@handles("camera", "ipcam_get_media_info", "ipcam_delete_oldest_timelapse")
def media(context: Context, request: Json) -> Reply:
    """Tell whether there is room for another timelapse."""
    fields: Json = {"result": 0, "is_enough": True, "file_count": 7, "peer_host": ""}
    return Answer(fields | {"sub_command": request.get("sub_command", "")})
