"""Moving axes, the extruders and the nozzle rack."""

from .registry import Answer, Context, Json, Refused, Reply, handles, number


@handles("print", "back_to_center")
def back_to_center(context: Context, request: Json) -> Reply:
    """Home, on firmware that knows the command."""
    if context.machine.hex_field("fun", 32) and not context.machine.busy:
        context.simulation.home()
    return None


@handles("print", "xyz_ctrl", "set_extrusion_length")
def move(context: Context, request: Json) -> Reply:
    """Jog or extrude: acknowledged, and nothing in the telemetry shows it."""
    if (
        request["command"] == "set_extrusion_length"
        and not context.machine.profile.dual
    ):
        return Refused("unsupported")
    return None


@handles("print", "select_extruder")
def select_extruder(context: Context, request: Json) -> Reply:
    """Put another extruder to use."""
    index = number(request.get("extruder_index"), -1)
    if not context.machine.profile.dual or index not in (0, 1):
        return Refused("invalid extruder_index")
    if not context.machine.busy:
        context.simulation.select_extruder(index)
    return None


@handles(
    "print",
    "refresh_nozzle",
    "set_nozzle",
    "holder_nozzle_refresh",
    "nozzle_info_confirm",
)
def nozzle(context: Context, request: Json) -> Reply:
    """Read the nozzles again; the simulated ones never change by themselves."""
    return None


@handles("print", "nozzle_holder_ctrl")
def nozzle_holder(context: Context, request: Json) -> Reply:
    """Move the rack of the H2C."""
    holder, action = (
        context.machine.device.get("holder"),
        number(request.get("action"), -1),
    )
    if isinstance(holder, dict) and action in (0, 1, 2):
        holder["pos"] = (3, 1, 2)[action]
    return None


@handles("print", "get_auto_nozzle_mapping")
def auto_nozzle_mapping(context: Context, request: Json) -> Reply:
    """Map filaments to nozzles of the rack."""
    if not context.machine.hex_field("fun", 60):
        return Answer({"result": "fail", "reason": "unsupported", "errno": -1})
    groups = request.get("group_info")
    count = len(groups) if isinstance(groups, list) else 0
    return Answer(
        {"result": "success", "reason": "", "errno": 0, "detail": ""}
        | {"mapping": [16 + index % 4 for index in range(count)]}
    )
