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
        return str(self.body.get("command", self.section))


def get_version() -> Command:
    """Ask for the version list."""
    return Command("info", {"command": "get_version"})


def push_all() -> Command:
    """Ask for a full report; the answer is the report itself."""
    return Command("pushing", {"command": "pushall", "version": 1, "push_target": 1})


def start_reports() -> Command:
    """Ask for the periodic reports again, on firmware that has stopped sending them."""
    return Command("pushing", {"command": "start"})


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
    if target >= heat_from:
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


def skip_objects(objects: list[int]) -> Command:
    """Leave out objects of the running job, by their numbers in the sliced file."""
    return Command("print", {"command": "skip_objects", "obj_list": list(objects)})


def project_file(
    *,
    file: str,
    url: str,
    plate: int,
    name: str,
    job_number: str,
    bed_type: str,
    use_ams: bool,
    ams_mapping: list[int],
    ams_mapping2: list[dict[str, int]],
    options: dict[str, Any],
) -> Command:
    """Print a plate of a sliced project.

    `options` are those that the model knows, in its own form.  The mappings have an entry
    for each filament of the project.  Never quote numbers or booleans here: a printer takes
    another type for another value.
    """
    return Command(
        "print",
        {
            "command": "project_file",
            "param": f"Metadata/plate_{plate}.gcode",
            "url": url,
            "file": file,
            "md5": "",
            "project_id": job_number,
            "profile_id": "0",
            "task_id": job_number,
            "subtask_id": job_number,
            "subtask_name": name,
            "bed_type": bed_type,
            **options,
            "use_ams": use_ams,
            "ams_mapping": list(ams_mapping),
            "ams_mapping2": [dict(entry) for entry in ams_mapping2],
        },
    )


def refresh_nozzle() -> Command:
    """Let the printer look again which nozzles are mounted."""
    return Command("print", {"command": "refresh_nozzle"})


def set_nozzle(material: str, diameter: float) -> Command:
    """Tell the printer which nozzle is mounted; millimetres."""
    return Command(
        "system",
        {
            "command": "set_accessories",
            "accessory_type": "nozzle",
            "nozzle_type": material,
            "nozzle_diameter": diameter,
        },
    )


def change_filament(
    unit: int, slot: int, target: int, old_temp: int, new_temp: int
) -> Command:
    """Load from a slot; a slot and target of 255 unload.  Temperatures in °C."""
    return Command(
        "print",
        {
            "command": "ams_change_filament",
            "ams_id": unit,
            "slot_id": slot,
            "target": target,
            "curr_temp": old_temp,
            "tar_temp": new_temp,
        },
    )


def change_filament_legacy(target: int, old_temp: int, new_temp: int) -> Command:
    """Load or unload on firmware that only knows the number over all units."""
    return Command(
        "print",
        {
            "command": "ams_change_filament",
            "target": target,
            "curr_temp": old_temp,
            "tar_temp": new_temp,
        },
    )


def ams_control(action: str) -> Command:
    """Steer a filament change that is under way."""
    return Command("print", {"command": "ams_control", "param": action})


def ams_user_setting(
    *, read_on_power_up: bool, read_on_insert: bool, estimate_remaining: bool
) -> Command:
    """Set what the AMS does by itself; all three at once, for all units."""
    return Command(
        "print",
        {
            "command": "ams_user_setting",
            "ams_id": -1,
            "startup_read_option": read_on_power_up,
            "tray_read_option": read_on_insert,
            "calibrate_remain_flag": estimate_remaining,
        },
    )


def read_rfid(unit: int, slot: int) -> Command:
    """Read the tag of the spool in a slot."""
    return Command(
        "print", {"command": "ams_get_rfid", "ams_id": unit, "slot_id": slot}
    )


def set_filament(
    unit: int,
    slot: int,
    tray: int,
    *,
    filament_id: str,
    setting_id: str,
    kind: str,
    color: str,
    temp_min: int,
    temp_max: int,
) -> Command:
    """Describe the filament in a slot; `color` is ``RRGGBBAA``, temperatures in °C."""
    return Command(
        "print",
        {
            "command": "ams_filament_setting",
            "ams_id": unit,
            "slot_id": slot,
            "tray_id": tray,
            "tray_info_idx": filament_id,
            "setting_id": setting_id,
            "tray_color": color,
            "nozzle_temp_min": temp_min,
            "nozzle_temp_max": temp_max,
            "tray_type": kind,
        },
    )


def get_calibrations(filament_id: str, diameter: str) -> Command:
    """List the stored calibration profiles of a filament; an empty id asks for all."""
    return Command(
        "print",
        {
            "command": "extrusion_cali_get",
            "filament_id": filament_id,
            "nozzle_diameter": diameter,
        },
    )


def select_calibration(
    unit: int, slot: int, tray: int, profile: int, filament_id: str, diameter: str
) -> Command:
    """Choose the calibration profile of a slot; -1 is the default."""
    return Command(
        "print",
        {
            "command": "extrusion_cali_sel",
            "tray_id": tray,
            "ams_id": unit,
            "slot_id": slot,
            "cali_idx": profile,
            "filament_id": filament_id,
            "nozzle_diameter": diameter,
        },
    )


def set_calibration(filament: dict[str, Any], diameter: str) -> Command:
    """Store a calibration profile."""
    return Command(
        "print",
        {
            "command": "extrusion_cali_set",
            "nozzle_diameter": diameter,
            "filaments": [dict(filament)],
        },
    )


def set_calibration_legacy(tray: int, k: float) -> Command:
    """Set the pressure advance of a slot on firmware that has no profiles."""
    return Command(
        "print",
        {"command": "extrusion_cali_set", "tray_id": tray, "k_value": k, "n_coef": 1.4},
    )


def start_drying(
    unit: int,
    *,
    filament: str,
    temp: int,
    hours: int,
    rotate: bool,
    cooling_temp: int,
    accept_power_limit: bool,
) -> Command:
    """Dry what is in a unit; temperatures in °C."""
    return _drying(
        unit, 1, filament, temp, hours, rotate, cooling_temp, accept_power_limit
    )


def stop_drying(unit: int) -> Command:
    """End the drying in a unit."""
    return _drying(unit, 0, "", 0, 0, False, 0, False)


def _drying(
    unit: int,
    mode: int,
    filament: str,
    temp: int,
    hours: int,
    rotate: bool,
    cooling_temp: int,
    accept_power_limit: bool,
) -> Command:
    return Command(
        "print",
        {
            "command": "ams_filament_drying",
            "ams_id": unit,
            "mode": mode,
            "filament": filament,
            "temp": temp,
            "duration": hours,
            "humidity": 0,
            "rotate_tray": rotate,
            "cooling_temp": cooling_temp,
            "close_power_conflict": accept_power_limit,
        },
    )


def stop_all_drying() -> Command:
    """End the drying in all units."""
    return Command("print", {"command": "auto_stop_ams_dry"})


def set_detector(
    module: str, *, enabled: bool, sensitivity: str | None = None
) -> Command:
    """Switch a detector; the sensitivity goes only to those that have one."""
    body: dict[str, Any] = {
        "command": "xcam_control_set",
        "module_name": module,
        # Old firmware reads the one, new firmware the other.
        "control": enabled,
        "enable": enabled,
        "print_halt": True,
    }
    if sensitivity is not None:
        body["halt_print_sensitivity"] = sensitivity
    return Command("xcam", body)


def print_option(key: str, value: bool | int) -> Command:
    """Set one option; never two in one message."""
    body: dict[str, Any] = {"command": "print_option", key: value}
    if key == "auto_recovery":
        body["option"] = int(value)
    return Command("print", body)


def set_heating_protection(*, enabled: bool) -> Command:
    """Let the printer switch off heaters that nobody uses."""
    return Command(
        "print", {"command": "set_against_continued_heating_mode", "enable": enabled}
    )


def set_door_reaction(reaction: int) -> Command:
    """Choose what an open door does: 0 nothing, 1 warn, 2 pause."""
    return Command("system", {"command": "set_door_stat", "config": reaction})


def set_store_sent_files(*, enabled: bool) -> Command:
    """Choose whether files that are sent for printing stay on the card."""
    return Command("system", {"command": "print_cache_set", "config": enabled})


def set_camera_recording(*, enabled: bool) -> Command:
    """Record onto the card while printing."""
    return Command("camera", {"command": "ipcam_record_set", "control": _word(enabled)})


def set_timelapse(*, enabled: bool) -> Command:
    """Make a timelapse of prints."""
    return Command("camera", {"command": "ipcam_timelapse", "control": _word(enabled)})


def set_camera_resolution(resolution: str) -> Command:
    """Choose the resolution, ``720p`` or ``1080p``."""
    return Command(
        "camera", {"command": "ipcam_resolution_set", "resolution": str(resolution)}
    )


def _word(on: bool) -> str:
    return "enable" if on else "disable"


def confirm_upgrade() -> Command:
    """Install the firmware that the printer offers."""
    return Command("upgrade", {"command": "upgrade_confirm", "src_id": 1})


def clean_print_error(job_id: str, error: int) -> Command:
    """Confirm a print error."""
    return Command(
        "print",
        {"command": "clean_print_error", "subtask_id": job_id, "print_error": error},
    )


def close_error_dialog(error: int) -> Command:
    """Close the dialog of an error on the printer's screen."""
    return Command(
        "system",
        {
            "command": "uiop",
            "name": "print_error",
            "action": "close",
            "source": 1,
            "type": "dialog",
            "err": f"{error:08X}",
        },
    )


def answer_error(answer: str, error: int, job_id: str) -> Command:
    """Answer an error: ``resume`` (look again), ``ignore`` (go on all the same), ``stop``."""
    return Command(
        "print",
        {"command": answer, "err": str(error), "param": "reserve", "job_id": job_id},
    )


def dismiss_error(error: int) -> Command:
    """Dismiss a warning without going on with a job."""
    return Command("print", {"command": "idle_ignore", "err": str(error), "type": 0})


def stop_air_purification() -> Command:
    """Stop the cleaning of the air after a print."""
    return Command("print", {"command": "close_air_filt"})


def silence_alarm() -> Command:
    """Silence the fire alarm."""
    return Command("print", {"command": "buzzer_ctrl", "mode": 0, "reason": ""})


def calibrate(routines: int) -> Command:
    """Run calibrations, as a set of bits."""
    return Command("print", {"command": "calibration", "option": routines})


def home() -> Command:
    """Home all axes, on printers that know the command."""
    return Command("print", {"command": "back_to_center"})


def home_gcode() -> Command:
    """Home all axes; never one alone, as that skips the safe way there."""
    # The blank is what the maker's client sends.
    return gcode("G28 ")


def jog_gcode(axis: str, distance: float, feed_rate: int) -> Command:
    """Move an axis by a distance in mm, with the end stops on, at mm/min."""
    return gcode(
        "M211 S ",
        "M211 X1 Y1 Z1",
        "M1002 push_ref_mode",
        "G91 ",
        f"G1 {axis}{distance:.1f} F{feed_rate}",
        "M1002 pop_ref_mode",
        "M211 R",
    )


def extrude(extruder: int, length: int) -> Command:
    """Push filament, or pull it when negative; mm, on printers with two extruders."""
    return Command(
        "print",
        {
            "command": "set_extrusion_length",
            "extruder_index": extruder,
            "length": length,
        },
    )


def extrude_gcode(length: float) -> Command:
    """Push filament, or pull it when negative; mm."""
    return gcode("M83 ", f"G0 E{length:.1f} F900")


def rename(name: str) -> Command:
    """Give the printer another name; the one request without a command of its own."""
    return Command("update", {"name": name})
