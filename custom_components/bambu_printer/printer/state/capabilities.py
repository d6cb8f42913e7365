"""What a printer has: its model's row, corrected by what it reports of itself."""

from dataclasses import dataclass

from ..models import Family, Light
from ..values import (
    Raw,
    bit,
    bits,
    field,
    integer,
    mapping,
    number,
    records,
    text,
    word,
)
from .context import Context

INPUTS = frozenset(
    {
        "@modules",
        "cali_version",
        "chamber_temper",
        "device.airduct",
        "device.ctc",
        "device.extruder",
        "fun",
        "fun2",
        "home_flag",
        "hms",
        "info",
        "lights_report",
    }
)

_P1S_KIT_BIT = 26
_MAINS_220V_BIT = 3
_SIGNATURE_BIT = 29
_HOME_BIT = 32
_SET_BED_TEMP_BIT = 39
_REMOTE_DRYING_BIT = 5
_FILTER_BIT = 46
_UNSIGNED_HMS = (0x05000500, 0x00010007)


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What can be offered to the user, and how high it may go."""

    nozzle_max: int = 0
    """°C."""
    bed_max: int = 0
    """°C."""
    chamber_max: int = 0
    """°C; 0: no heater."""
    chamber_sensor: bool = False
    extruders: int = 1
    aux_fan: bool = False
    chamber_fan: bool = False
    aux_fan_2: bool = False
    airduct: bool = False
    airduct_filter: bool = False
    lights: frozenset[Light] = frozenset()
    home_command: bool = False
    """Whether homing has a command of its own, beside G-code."""
    json_bed_temp: bool = False
    """Whether the bed takes its target as JSON rather than as G-code."""
    remote_drying: bool | None = None
    """Whether an AMS can be told to dry.  None: the printer does not say."""
    calibration_version: int | None = None
    """Grows whenever a pressure advance profile changes.  None: the printer has no
    profiles, but keeps a number per slot."""
    signature_required: bool | None = None
    """Whether commands are refused unless signed (Developer Mode is off).  None: the
    printer does not say, and only a command will tell."""


def decode(raw: Raw, previous: Capabilities, context: Context) -> Capabilities:
    """Put the model's row together with the evidence."""
    model = context.model
    device = mapping(raw.get("device"))
    home = word(raw.get("home_flag"), None)
    fun = bits(raw.get("fun"), None)
    airduct = mapping(device.get("airduct"))
    parts = {integer(part.get("id"), -1) >> 4 for part in records(airduct.get("parts"))}
    modes = records(airduct.get("modeList"))
    has_airduct = bool(modes) or (model.airduct and not airduct)
    high_mains = bool(bit(fun, 2) or bit(home, _MAINS_220V_BIT))
    return Capabilities(
        nozzle_max=model.nozzle_max,
        bed_max=model.bed_max_220v
        if high_mains and model.bed_max_220v
        else model.bed_max,
        chamber_max=model.chamber_max,
        chamber_sensor=model.chamber_sensor
        or _has_chamber_sensor(raw, device, context),
        extruders=_extruders(device, model.extruders),
        aux_fan=2 in parts if modes and parts else model.aux_fan,
        chamber_fan=3 in parts
        if modes and parts
        else model.chamber_fan
        or (model.family is Family.P1 and bool(bit(home, _P1S_KIT_BIT))),
        aux_fan_2=10 in parts,
        airduct=has_airduct,
        airduct_filter=has_airduct and bool(bit(fun, _FILTER_BIT)),
        lights=_lights(raw, model.lights),
        home_command=bool(bit(fun, _HOME_BIT)),
        remote_drying=bit(bits(raw.get("fun2"), None), _REMOTE_DRYING_BIT),
        calibration_version=_positive(integer(raw.get("cali_version"), None)),
        json_bed_temp=bool(bit(fun, _SET_BED_TEMP_BIT)),
        signature_required=_signature_required(raw, fun),
    )


def _positive(value: int | None) -> int | None:
    return value if value is not None and value >= 0 else None


def _has_chamber_sensor(raw: Raw, device: Raw, context: Context) -> bool:
    """Believe an unknown model's sensor; known models without one report nonsense."""
    if context.model.serial_prefix:
        return False
    if mapping(device.get("ctc")) or "temp" in mapping(raw.get("info")):
        return True
    return number(raw.get("chamber_temper"), 5) != 5


def _extruders(device: Raw, expected: int) -> int:
    extruder = mapping(device.get("extruder"))
    state = integer(extruder.get("state"), 0)
    told = field(state, 0, 4) or len(records(extruder.get("info")))
    return min(told, 2) if told else expected


def _lights(raw: Raw, expected: frozenset[Light]) -> frozenset[Light]:
    """Take the lamps that are reported; one of them never is."""
    nodes = {text(x.get("node"), "") for x in records(raw.get("lights_report"))}
    reported = frozenset(light for light in Light if light.value in nodes)
    return reported | (expected & {Light.HEATBED}) if reported else expected


def _signature_required(raw: Raw, fun: int | None) -> bool | None:
    if any(
        (item.get("attr"), item.get("code")) == _UNSIGNED_HMS
        for item in records(raw.get("hms"))
    ):
        return True
    return bit(fun, _SIGNATURE_BIT)
