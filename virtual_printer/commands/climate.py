"""Temperatures, fans, the air duct, and the G-code lines that set them."""

import re

from .registry import Context, Json, Refused, Reply, handles, number


@handles("print", "set_nozzle_temp")
def set_nozzle_temp(context: Context, request: Json) -> Reply:
    """Heat a nozzle of a printer with two."""
    machine, index = context.machine, number(request.get("extruder_index"), -1)
    if not machine.profile.dual:
        return Refused("unsupported")
    if index not in (0, 1):
        return Refused("invalid extruder_index")
    machine.set_nozzle(index, target=number(request.get("target_temp")))
    return None


@handles("print", "set_bed_temp")
def set_bed_temp(context: Context, request: Json) -> Reply:
    """Heat the bed, on firmware that knows the command."""
    if context.machine.hex_field("fun", 39):
        context.machine.set_bed(target=number(request.get("temp")))
    return None


@handles("print", "set_ctt")
def set_ctt(context: Context, request: Json) -> Reply:
    """Heat the chamber; not with a filament inside that would soften."""
    machine, target = context.machine, number(request.get("ctt_val"))
    if not machine.profile.chamber_max:
        return None
    source = machine.loaded(machine.active_extruder)
    tray = machine.tray(*source) if source is not None else None
    if (
        target > 45
        and tray is not None
        and tray.get("tray_type") in ("PLA", "PETG", "TPU")
    ):
        machine.set_chamber(target=0)
        return {"errno": -2, "result": "fail", "reason": "low temperature filament"}
    machine.set_chamber(target=target)
    return None


@handles("print", "set_fan")
def set_fan(context: Context, request: Json) -> Reply:
    """Set a fan of the air-duct generation, in percent."""
    if "airduct" in context.machine.device:
        index = number(request.get("fan_index"), -1)
        context.machine.set_fan(index, number(request.get("speed")))
    return None


@handles("print", "set_airduct")
def set_airduct(context: Context, request: Json) -> Reply:
    """Switch the air duct; acknowledged by printers without one, too."""
    submode = number(request.get("submode"), -1)
    context.machine.set_airduct(number(request.get("modeId"), -1), submode)
    return None


@handles("print", "close_air_filt")
def close_air_filt(context: Context, request: Json) -> Reply:
    """End the purification after a print."""
    for index in (3, 6):
        context.machine.set_fan(index, 0)
    return None


@handles("print", "gcode_line")
def gcode_line(context: Context, request: Json) -> Reply:
    """Run lines of G-code; what is unknown is acknowledged all the same."""
    for line in str(request.get("param", "")).splitlines():
        words = line.split(";")[0].split()
        if words:
            parameters = {}
            for word in words[1:]:
                match = re.fullmatch(r"([A-Z])(-?\d+(?:\.\d+)?)", word)
                if match:
                    parameters[match[1]] = float(match[2])
            _run(context, words[0].upper(), parameters)
    return None


def _run(context: Context, code: str, parameters: dict[str, float]) -> None:
    machine, simulation = context.machine, context.simulation
    value = int(parameters.get("S", 0))
    match code:
        case "M104" | "M109":
            index = int(parameters.get("T", machine.active_extruder))
            if index < machine.profile.extruders:
                machine.set_nozzle(index, target=value)
        case "M140" | "M190":
            machine.set_bed(target=value)
        case "M141" if machine.profile.chamber_max:
            machine.set_chamber(target=value)
        case "M145":
            machine.set_airduct(int(parameters.get("P", -1)), -1)
        case "M106":
            machine.set_fan(int(parameters.get("P", 1)), round(value * 100 / 255))
        case "M107":
            machine.set_fan(1, 0)
        case "M18" | "M84":
            for axis in (0, 1, 2):
                machine.set_home_bit(axis, False)
        case "M960":
            if parameters.get("S") == 5:
                machine.set_light("work_light", "on" if parameters.get("P") else "off")
        case "G28" if not machine.busy:
            simulation.home()
        case "M620" if "R" in parameters:
            index = int(parameters["R"])
            unit_id, slot = (index, 0) if index >= 128 else divmod(index, 4)
            simulation.read_tag(unit_id, slot)
