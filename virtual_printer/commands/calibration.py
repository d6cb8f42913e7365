"""Calibration routines and pressure-advance profiles."""

from typing import Any

from .registry import NO_ANSWER, Answer, Context, Json, Refused, Reply, handles, number

# Bit of the request → stage that the printer then reports.
_ROUTINES = {0: 12, 1: 1, 2: 3, 3: 25, 4: 39, 5: 40, 6: 65}
_DIAMETERS = ("0.2", "0.4", "0.6", "0.8")


@handles("print", "calibration")
def calibrate(context: Context, request: Json) -> Reply:
    """Run routines; bits that the model lacks are ignored."""
    profile = context.machine.profile
    family = profile.family.value
    lacking = {
        0: family != "X1",
        3: family not in ("A1", "A2"),
        4: not profile.dual,
        5: family in ("X1", "P1", "A1"),
        6: family != "P2",
    }
    option = number(request.get("option"))
    stages = [
        stage
        for bit, stage in _ROUTINES.items()
        if option >> bit & 1 and not lacking.get(bit, False)
    ]
    if stages and not context.machine.busy:
        context.simulation.calibrate([13, *stages])
    return None


@handles("print", "extrusion_cali_get")
def get_profiles(context: Context, request: Json) -> Reply:
    """List the stored profiles."""
    diameter = str(request.get("nozzle_diameter", "0.4"))
    wanted = str(request.get("filament_id", ""))
    found = [
        dict(item)
        for item in context.machine.cali_table
        if item["nozzle_diameter"] == diameter and wanted in ("", item["filament_id"])
    ]
    result: Json = {
        "filaments": found,
        "nozzle_diameter": diameter,
        "filament_id": wanted,
    }
    if not found:
        return Answer(result | {"result": "fail", "reason": "Not find"})
    return Answer(result | {"result": "success", "reason": "success"})


@handles("print", "extrusion_cali_set")
def set_profiles(context: Context, request: Json) -> Reply:
    """Store profiles, or on old firmware the factor of one slot."""
    machine = context.machine
    filaments = request.get("filaments")
    if not isinstance(filaments, list):
        return _set_factor(context, request)
    diameter = request.get("nozzle_diameter")
    if diameter not in _DIAMETERS:
        return Refused("invalid nozzle_diameter")
    for item in filaments:
        if number(item.get("tray_id"), -1) < 0:
            return Refused("invalid tray_id")
    for item in filaments:
        index = number(item.get("cali_idx"), -1)
        entry: dict[str, Any] = {
            "cali_idx": index,
            "filament_id": str(item.get("filament_id", "")),
            "setting_id": str(item.get("setting_id", "")),
            "name": str(item.get("name", "")),
            "k_value": str(item.get("k_value", "0.020000")),
            "n_coef": str(item.get("n_coef", "0.000000")),
            "nozzle_id": str(item.get("nozzle_id", f"HS00-{diameter}")),
            "nozzle_diameter": str(diameter),
            "extruder_id": number(item.get("extruder_id")),
            "nozzle_pos": number(item.get("nozzle_pos")),
            "nozzle_sn": "",
        }
        if index < 0:
            taken = [known["cali_idx"] for known in machine.cali_table]
            entry["cali_idx"] = max(taken, default=0) + 1
        machine.cali_table = [
            known
            for known in machine.cali_table
            if known["cali_idx"] != entry["cali_idx"]
        ]
        machine.cali_table.append(entry)
    machine.report["cali_version"] += 1
    return None


def _set_factor(context: Context, request: Json) -> Reply:
    tray = _tray(context, request)
    if tray is None:
        return Refused("invalid tray_id")
    value = request.get("k_value")
    if "k" in tray and isinstance(value, int | float):
        tray["k"] = value
    return None


def _tray(context: Context, request: Json) -> Json | None:
    index = number(request.get("tray_id"), -1)
    if "ams_id" in request:
        return context.machine.tray(
            number(request["ams_id"]), number(request.get("slot_id"))
        )
    if index in (254, 255):
        return context.machine.tray(index, 0)
    return context.machine.tray(*((index, 0) if index >= 128 else divmod(index, 4)))


@handles("print", "extrusion_cali_sel")
def select_profile(context: Context, request: Json) -> Reply:
    """Choose the profile of a slot."""
    tray = _tray(context, request)
    if tray is None:
        return Refused("invalid tray_id")
    index = number(request.get("cali_idx"), -1)
    places = [tray]
    if number(request.get("ams_id")) >= 254:
        places = context.machine.external_copies(number(request["ams_id"]))
    for place in places:
        place["cali_idx"] = index
        for known in context.machine.cali_table:
            if known["cali_idx"] == index and "k" in place:
                place["k"] = float(known["k_value"])
    return None


@handles("print", "extrusion_cali_del")
def delete_profile(context: Context, request: Json) -> Reply:
    """Forget a profile."""
    machine, index = context.machine, number(request.get("cali_idx"), -1)
    machine.cali_table = [
        item for item in machine.cali_table if item["cali_idx"] != index
    ]
    machine.report["cali_version"] += 1
    return None


@handles("print", "extrusion_cali", "flowrate_cali")
def run_calibration(context: Context, request: Json) -> Reply:
    """Print calibration lines; what they measure can be asked for afterwards."""
    machine, command = context.machine, str(request["command"])
    if request.get("nozzle_diameter", "0.4") not in _DIAMETERS:
        return Refused("invalid nozzle_diameter")
    if machine.busy:
        return None
    filaments = request.get("filaments")
    slots = filaments if isinstance(filaments, list) else [request]
    keys = ("tray_id", "ams_id", "slot_id", "extruder_id", "nozzle_id", "filament_id")
    measured: Json = {"confidence": 0, "setting_id": "", "nozzle_diameter": "0.4"}
    if command == "extrusion_cali":
        measured |= {"k_value": "0.023000", "n_coef": "1.000000"}
    else:
        measured["flow_ratio"] = "0.970000"
    results = [
        measured | {key: slot[key] for key in keys if key in slot}
        for slot in slots
        if isinstance(slot, dict)
    ]

    def keep() -> None:
        machine.cali_results[command] = results

    machine.cali_results.pop(command, None)
    stage = 8 if command == "extrusion_cali" else 19
    context.simulation.calibrate([2, 13, 14, stage], keep)
    return None


@handles("print", "extrusion_cali_get_result", "flowrate_get_result")
def calibration_result(context: Context, request: Json) -> Reply:
    """Return what the last calibration measured."""
    flow = request["command"] == "flowrate_get_result"
    if flow and context.machine.profile.family == "P2":
        return NO_ANSWER  # measured: this model never answers
    found = context.machine.cali_results.get(
        "flowrate_cali" if flow else "extrusion_cali", []
    )
    fields: Json = {
        "filaments": found,
        "nozzle_diameter": request.get("nozzle_diameter", "0.4"),
    }
    if not found:
        return Answer(fields | {"result": "fail", "reason": "Don't exist"})
    return Answer(fields | {"result": "success", "reason": "success"})
