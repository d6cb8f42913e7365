"""Fans and the air duct, in percent."""

from dataclasses import dataclass
from enum import StrEnum

from ..values import Raw, field, integer, mapping, records
from .context import Context

INPUTS = frozenset(
    {
        "big_fan1_speed",
        "big_fan2_speed",
        "cooling_fan_speed",
        "device.airduct",
        "fan_gear",
        "heatbreak_fan_speed",
    }
)


class Fan(StrEnum):
    """The fans, by what they do."""

    PART = "part"
    AUX = "aux"
    CHAMBER = "chamber"
    AUX_2 = "aux_2"
    HEATBREAK = "heatbreak"


FAN_INDEX = {Fan.HEATBREAK: 0, Fan.PART: 1, Fan.AUX: 2, Fan.CHAMBER: 3, Fan.AUX_2: 10}
"""Number of each fan in commands; a part of the air duct has it times 16 as its id."""

_FLAT_KEYS = {
    Fan.PART: "cooling_fan_speed",
    Fan.AUX: "big_fan1_speed",
    Fan.CHAMBER: "big_fan2_speed",
    Fan.HEATBREAK: "heatbreak_fan_speed",
}
_GEAR_SHIFT = {Fan.PART: 0, Fan.AUX: 8, Fan.CHAMBER: 16}


class AirductMode(StrEnum):
    """What the flaps of the air duct are set for."""

    COOLING = "cooling"
    HEATING = "heating"
    EXHAUST = "exhaust"
    FULL_COOLING = "full_cooling"


AIRDUCT_MODES = dict(enumerate(AirductMode))
SETTABLE_AIRDUCT_MODES = frozenset(
    {AirductMode.COOLING, AirductMode.HEATING, AirductMode.FULL_COOLING}
)
"""The printer sets exhaust mode by itself; sources differ on what it even means."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FanState:
    """Speeds in percent; None: the printer has no such fan, or never reported it."""

    part: int | None = None
    aux: int | None = None
    chamber: int | None = None
    aux_2: int | None = None
    heatbreak: int | None = None
    airduct_mode: AirductMode | None = None
    airduct_modes: tuple[AirductMode, ...] = ()
    """The modes that can be chosen."""
    airduct_submode: int | None = None
    """1 while the filter is on, in cooling mode."""
    ducted: frozenset[Fan] = frozenset()
    """The fans that are parts of the air duct."""

    def speed(self, fan: Fan) -> int | None:
        """Return a fan's speed in percent."""
        speed: int | None = getattr(self, fan.value)
        return speed


def decode(raw: Raw, previous: FanState, context: Context) -> FanState:
    """Read the speeds, from the finest source that a report has."""
    airduct = mapping(mapping(raw.get("device")).get("airduct"))
    parts = {
        integer(part.get("id"), -1): field(integer(part.get("state"), 0), 0, 8)
        for part in records(airduct.get("parts"))
    }
    ducted = {
        fan: min(parts[index << 4], 100)
        for fan, index in FAN_INDEX.items()
        if index << 4 in parts
    }
    gear = integer(raw.get("fan_gear"), None)
    speeds = {
        fan: ducted[fan]
        if fan in ducted
        else _flat_speed(raw, fan, gear, previous.speed(fan))
        for fan in Fan
    }
    modes = (
        AIRDUCT_MODES.get(integer(mode.get("modeId"), -1))
        for mode in records(airduct.get("modeList"))
    )
    return FanState(
        part=speeds[Fan.PART],
        aux=speeds[Fan.AUX],
        chamber=speeds[Fan.CHAMBER],
        aux_2=speeds[Fan.AUX_2],
        heatbreak=speeds[Fan.HEATBREAK],
        airduct_mode=AIRDUCT_MODES.get(integer(airduct.get("modeCur"), -1)),
        airduct_modes=tuple(mode for mode in modes if mode in SETTABLE_AIRDUCT_MODES),
        airduct_submode=integer(airduct.get("subMode"), None),
        ducted=frozenset(ducted),
    )


def _flat_speed(
    raw: Raw, fan: Fan, gear: int | None, previous: int | None
) -> int | None:
    """Read a fan that is no part of an air duct: a byte of the gear word, or 0 to 15."""
    if gear is not None and gear >= 0 and fan in _GEAR_SHIFT:
        return round(field(gear, _GEAR_SHIFT[fan], 8) * 100 / 255)
    steps = integer(raw.get(_FLAT_KEYS.get(fan, "")), None)
    if steps is None or not 0 <= steps <= 15:
        return previous
    return round(steps * 100 / 15)
