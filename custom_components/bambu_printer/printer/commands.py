"""Requests: pure functions from arguments to what is sent.

Every call returns a fresh object, so that nobody can change what somebody else is about to
send.  The session adds the sequence number.  Ranges are checked where the printer's limits
are known, in `BambuPrinter`.
"""

from typing import Any, NamedTuple

from .models import Light


class Command(NamedTuple):
    """A request: one section of the message, and its content."""

    section: str
    body: dict[str, Any]

    @property
    def name(self) -> str:
        """What the printer calls the command."""
        return str(self.body["command"])


def get_version() -> Command:
    """Ask for the version list."""
    return Command("info", {"command": "get_version"})


def push_all() -> Command:
    """Ask for a full report; the answer is the report itself."""
    return Command("pushing", {"command": "pushall", "version": 1, "push_target": 1})


def pause() -> Command:
    """Pause the job."""
    return Command("print", {"command": "pause", "param": ""})


def resume() -> Command:
    """Go on with a paused job."""
    return Command("print", {"command": "resume", "param": ""})


def stop() -> Command:
    """Cancel the job."""
    return Command("print", {"command": "stop", "param": ""})


def print_speed(level: int) -> Command:
    """Choose a speed profile, 1 to 4; the number travels as text."""
    return Command("print", {"command": "print_speed", "param": str(level)})


def gcode(*lines: str) -> Command:
    """Send lines of G-code."""
    return Command(
        "print",
        {"command": "gcode_line", "param": "".join(f"{line}\n" for line in lines)},
    )


def set_nozzle_temp(target: int, extruder: int | None = None) -> Command:
    """Heat a nozzle, °C; name the extruder only on a printer that has two."""
    if extruder is None:
        return gcode(f"M104 S{target}")
    return Command(
        "print",
        {
            "command": "set_nozzle_temp",
            "extruder_index": extruder,
            "target_temp": target,
        },
    )


def set_bed_temp(target: int, *, as_json: bool) -> Command:
    """Heat the bed, °C."""
    if as_json:
        return Command("print", {"command": "set_bed_temp", "temp": target})
    return gcode(f"M140 S{target}")


def set_chamber_temp(target: int) -> Command:
    """Heat the chamber, °C."""
    return Command("print", {"command": "set_ctt", "ctt_val": target})


def set_chamber_temp_gcode(target: int, heat_from: int = 0) -> Command:
    """Heat the chamber, °C, on firmware that does not know the newer form.

    With an air duct (`heat_from` above 0) the flaps are set together with the target.
    """
    if not heat_from:
        return gcode(f"M141 S{target}")
    if target > heat_from:
        return gcode("M145 P1", f"M141 S{target}")
    return gcode(f"M141 S{target}", "M145 P0")


def fan_gcode(index: int, percent: int) -> Command:
    """Turn a fan, in the steps of ten percent that the printer knows."""
    return gcode(f"M106 P{index} S{percent * 255 // 100}")


def set_fan(index: int, percent: int) -> Command:
    """Turn a fan that is part of an air duct; percent, in steps of ten."""
    return Command(
        "print", {"command": "set_fan", "fan_index": index, "speed": percent}
    )


def set_airduct(mode: int, submode: int = -1) -> Command:
    """Set the flaps of the air duct; a submode of -1 leaves the filter as it is."""
    return Command(
        "print", {"command": "set_airduct", "modeId": mode, "submode": submode}
    )


def set_light(light: Light, mode: str) -> Command:
    """Switch a lamp; the times must be there even where they mean nothing."""
    on_time = 0 if light is Light.HEATBED else 500
    return Command(
        "system",
        {
            "command": "ledctrl",
            "led_node": light.value,
            "led_mode": mode,
            "led_on_time": on_time,
            "led_off_time": on_time,
            "loop_times": 1 if on_time else 0,
            "interval_time": 1000 if on_time else 0,
        },
    )


def select_extruder(extruder: int) -> Command:
    """Make an extruder the active one; 0 is the right one, 1 the left."""
    return Command("print", {"command": "select_extruder", "extruder_index": extruder})
