"""Versions, lights, dialogs, firmware, certificates."""

from .registry import NO_ANSWER, Answer, Context, Json, Refused, Reply, handles, number


@handles("info", "get_version")
def get_version(context: Context, request: Json) -> Reply:
    """List the modules."""
    fields: Json = {"module": context.machine.modules()}
    if context.machine.profile.family in ("P1", "A1", "A2"):
        fields |= {"result": "success", "reason": ""}
    return Answer(fields)


@handles("system", "get_access_code")
def get_access_code(context: Context, request: Json) -> Reply:
    """Say the access code."""
    code = context.machine.access_code
    return Answer({"access_code": code, "result": "success", "reason": "success"})


@handles("system", "get_accessories")
def get_accessories(context: Context, request: Json) -> Reply:
    """Say what the nozzle is; P1 and A1 do not answer."""
    report = context.machine.report
    if context.machine.profile.family in ("P1", "A1", "A2"):
        return NO_ANSWER
    return Answer(
        {
            "accessory_type": request.get("accessory_type", "none"),
            "aux_part_fan": True,
            "nozzle_diameter": float(report["nozzle_diameter"]),
            # H2 answers what it was built with, not what is mounted.
            "nozzle_type": context.machine.profile.nozzle_type,
            "result": "success",
            "reason": "success",
        }
    )


@handles("system", "set_accessories")
def set_accessories(context: Context, request: Json) -> Reply:
    """Declare the nozzle, on models where the user does that."""
    machine = context.machine
    diameter, kind = request.get("nozzle_diameter"), request.get("nozzle_type")
    if diameter not in (0.2, 0.4, 0.6, 0.8) or not isinstance(kind, str):
        return Refused("invalid accessories")
    if machine.profile.family not in ("X1", "P1", "A1"):
        return None
    machine.report["nozzle_diameter"] = str(diameter)
    machine.report["nozzle_type"] = kind
    material = {
        "stainless_steel": "00",
        "hardened_steel": "01",
        "tungsten_carbide": "05",
    }
    for nozzle in machine.device.get("nozzle", {}).get("info", ()):
        nozzle["diameter"] = diameter
        nozzle["type"] = nozzle["type"][:2] + material.get(kind, "00")
    return None


@handles("system", "ledctrl")
def ledctrl(context: Context, request: Json) -> Reply:
    """Switch a light."""
    mode = request.get("led_mode")
    node = str(request.get("led_node"))
    if mode not in ("on", "off", "flashing") or not context.machine.set_light(
        node, mode
    ):
        return Refused("did not find the valid led")
    return None


@handles("system", "set_door_stat")
def set_door_stat(context: Context, request: Json) -> Reply:
    """Choose what an open door does."""
    context.machine.set_hex("cfg", 20, 2, number(request.get("config")))
    return None


@handles("system", "print_cache_set")
def print_cache_set(context: Context, request: Json) -> Reply:
    """Choose whether sent files are kept."""
    keep = request.get("config") is True
    context.machine.set_hex("cfg", 19, 1, int(keep))
    context.machine.set_home_bit(11, keep)
    return None


@handles("system", "uiop")
def close_dialog(context: Context, request: Json) -> Reply:
    """Close the error dialog on the screen."""
    machine = context.machine
    if (
        request.get("action") == "close"
        and request.get("err") == f"{_error(context):08X}"
    ):
        machine.set_error(0)
    return None


@handles("print", "clean_print_error")
def clean_print_error(context: Context, request: Json) -> Reply:
    """Confirm an error."""
    if number(request.get("print_error"), _error(context)) == _error(context):
        context.machine.set_error(0)
    return None


@handles("print", "ignore", "idle_ignore")
def ignore(context: Context, request: Json) -> Reply:
    """Ignore an error: it is named in decimal digits, nothing else is understood."""
    if str(request.get("err")) == str(_error(context)):
        context.machine.set_error(0)
        if request["command"] == "ignore":
            context.simulation.resume()
    return None


@handles("print", "buzzer_ctrl")
def buzzer(context: Context, request: Json) -> Reply:
    """Sound the alarm; acknowledged by printers without one, too."""
    return None


def _error(context: Context) -> int:
    return number(context.machine.report["print_error"])


@handles("upgrade", "get_history")
def history(context: Context, request: Json) -> Reply:
    """List earlier firmware."""
    firmware: Json = {
        "version": context.machine.firmware,
        "url": "https://example.invalid/firmware.json.sig",
        "description": "Improves stability.",
        "force_update": False,
    }
    entry: Json = {"firmware": firmware, "ams": []}
    return Answer({"result": "success", "reason": "", "firmware_optional": [entry]})


@handles("upgrade", "upgrade_confirm", "start")
def upgrade(context: Context, request: Json) -> Reply:
    """Install a firmware."""
    machine, state = context.machine, context.machine.report["upgrade_state"]
    offered = next((item["new_ver"] for item in state.get("new_ver_list", ())), "")
    version = str(
        request.get("version") or offered or state.get("ota_new_version_number", "")
    )
    if machine.busy or not version:
        return Refused(
            "no new version" if not version else "printing", {"err_code": -4}
        )
    context.simulation.update_firmware(version)
    return {"err_code": 0}


@handles("upgrade", "consistency_confirm", "wtm_upgrade", "mc_for_ams_firmware_upgrade")
def upgrade_part(context: Context, request: Json) -> Reply:
    """Install the firmware of a part."""
    context.machine.report["upgrade_state"]["consistency_request"] = False
    return {"err_code": 0}


@handles("security", "app_cert_list")
def certificates(context: Context, request: Json) -> Reply:
    """List the applications that the printer trusts."""
    return Answer({"cert_ids": ["0" * 32 + "CN=virtual.invalid"], "result": "success"})
