"""AMS units, spools and drying."""

from typing import Any

from ..filaments import NO_TAG, NO_UUID
from ..profiles import Family
from .registry import Context, Json, Refused, Reply, handles, number


@handles("print", "ams_change_filament")
def change(context: Context, request: Json) -> Reply:
    """Load or unload."""
    machine, simulation = context.machine, context.simulation
    target = number(request.get("target"), 255)
    slot = number(request.get("slot_id"), 0)
    unit_id = number(request.get("ams_id"), -1)
    temperature = number(request.get("tar_temp"), 210)
    if machine.state in ("RUNNING", "PREPARE"):
        return Refused("device is busy")
    if slot == 255 or (target == 255 and unit_id not in (254, 255)):
        extruder = machine.active_extruder
        if machine.profile.dual and unit_id >= 0:
            extruder = machine.unit_extruder(unit_id)
        simulation.change_filament(None, extruder, temperature)
        return None
    if unit_id < 0:
        # Old clients send the target alone.
        unit_id, slot = (255, 0) if target == 254 else divmod(target, 4)
    if unit_id >= 254:
        slot = 0
    if machine.profile.dual and machine.unit_extruder(unit_id) not in (0, 1):
        return Refused("invalid ams_id", {"errno": -1})
    if unit_id < 254 and machine.tray(unit_id, slot) is None:
        return Refused("invalid ams_id")
    unit = machine.unit(unit_id)
    if unit is not None and int(unit.get("dry_time", 0)):
        return {
            "errno": -4,
            "soft_temp": 45,
            "result": "fail",
            "reason": "ams is drying",
        }
    simulation.change_filament(
        (unit_id, slot), machine.unit_extruder(unit_id), temperature
    )
    return None


@handles("print", "unload_filament")
def unload(context: Context, request: Json) -> Reply:
    """Unload whatever is loaded."""
    if context.machine.state not in ("RUNNING", "PREPARE"):
        context.simulation.change_filament(None, context.machine.active_extruder, 210)
    return None


@handles("print", "ams_control")
def control(context: Context, request: Json) -> Reply:
    """Steer a filament change that is under way; acknowledged without one, too."""
    simulation, machine = context.simulation, context.machine
    sequence = simulation.running("filament")
    match request.get("param"):
        case "done" | "resume" if sequence is not None:
            sequence.skip()
        case "reset" | "abort":
            simulation.stop("filament")
            machine.set_ams_status(0)
            if not machine.busy:
                machine.set_stage(machine.profile.idle_stage)
    return None


@handles("print", "ams_reset")
def reset(context: Context, request: Json) -> Reply:
    """Start the AMS over."""
    context.simulation.stop("filament")
    context.simulation.stop("rfid")
    context.machine.set_ams_status(0)
    return None


@handles("print", "manual_ams_bind")
def bind(context: Context, request: Json) -> Reply:
    """Bind units to extruders."""
    entries = request.get("bind_list")
    for entry in entries if isinstance(entries, list) else ():
        unit_id, extruder = (
            number(entry.get("ams_f_bind"), -1),
            number(entry.get("extruder"), -1),
        )
        if context.machine.profile.dual and extruder in (0, 1):
            context.machine.set_unit_info(unit_id, 8, 4, extruder)
    return None


@handles("print", "ams_user_setting")
def user_setting(context: Context, request: Json) -> Reply:
    """Change the three settings; an absent flag counts as off."""
    machine, block = context.machine, context.machine.report["ams"]
    startup = request.get("startup_read_option") is True
    insert = request.get("tray_read_option") is True
    remain = request.get("calibrate_remain_flag") is True
    block["power_on_flag"], block["insert_flag"] = startup, insert
    machine.set_home_bit(7, remain)
    machine.set_hex("cfg", 0, 1, int(insert))
    machine.set_hex("cfg", 1, 1, int(startup))
    machine.set_hex("cfg", 17, 1, int(remain))
    return None


@handles("print", "ams_get_rfid")
def get_rfid(context: Context, request: Json) -> Reply:
    """Read a tag again; says success even when it cannot."""
    context.simulation.read_tag(
        number(request.get("ams_id")), number(request.get("slot_id"))
    )
    return None


@handles("print", "ams_filament_setting")
def setting(context: Context, request: Json) -> Reply:
    """Tell the printer what is in a slot or on a holder."""
    machine = context.machine
    unit_id, slot = (
        number(request.get("ams_id"), -1),
        number(request.get("slot_id"), -1),
    )
    if unit_id >= 254:
        if (
            number(request.get("tray_id"), -1) not in (254, 255)
            and not machine.profile.dual
        ):
            return Refused("invalid tray_id")
        places = machine.external_copies(unit_id)
    else:
        if slot < 0:
            slot = number(request.get("tray_id"), -1)
        found = machine.tray(unit_id, slot)
        places = [] if found is None else [found]
    if not places:
        return Refused("invalid ams_id")
    for tray in places:
        if unit_id < 254 and tray.get("tag_uid", NO_TAG) != NO_TAG:
            continue  # the tag knows better
        _write(tray, request, machine.profile.modern_trays)
    if unit_id < 254:
        machine.touch_ams()
    return None


def _write(tray: Json, request: Json, modern: bool) -> None:
    low = number(request.get("nozzle_temp_min"))
    high = number(request.get("nozzle_temp_max"))
    color = str(request.get("tray_color", "00000000"))
    changes: dict[str, Any] = {
        "tray_info_idx": str(request.get("tray_info_idx", "")),
        "tray_type": str(request.get("tray_type", "")),
        "tray_color": color,
        "tray_sub_brands": str(request.get("tray_sub_brands", "")),
        "tray_id_name": "",
        "nozzle_temp_min": str(low),
        "nozzle_temp_max": str(high),
        "tag_uid": NO_TAG,
        "tray_uuid": NO_UUID,
        "cali_idx": -1,
    }
    if "cols" in tray or modern:
        colors = request.get("cols")
        changes["cols"] = colors if isinstance(colors, list) else [color]
    if "ctype" in request:
        changes["ctype"] = number(request["ctype"])
    tray.update(changes)


@handles("print", "ams_filament_drying")
def dry(context: Context, request: Json) -> Reply:
    """Start or stop drying a unit."""
    machine, drying = context.machine, context.simulation.drying
    if not machine.profile.remote_drying:
        return None  # acknowledged and ignored: these dry from their own screen only
    unit_id = number(request.get("ams_id"), -1)
    kind = machine.kinds.get(unit_id)
    if kind is None or not kind.value.dries:
        return Refused("invalid ams_id")
    if number(request.get("mode")) == 0:
        drying.stop(unit_id)
        return None
    unit = machine.unit(unit_id)
    if unit is not None and any(
        reason != 6 for reason in unit.get("dry_sf_reason", ())
    ):
        return Refused("drying is not possible")
    drying.start(
        unit_id,
        temperature=number(request.get("temp")),
        hours=number(request.get("duration")),
        filament=str(request.get("filament", "")),
        cool_to=number(request.get("cooling_temp"), 45),
    )
    return None


@handles("print", "auto_stop_ams_dry")
def stop_drying(context: Context, request: Json) -> Reply:
    """Stop every dryer."""
    if context.machine.profile.family not in (Family.P1, Family.A1):
        context.simulation.drying.stop_all()
    return None
