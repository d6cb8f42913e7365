"""The lamps."""

from dataclasses import dataclass
from enum import StrEnum

from ..models import Light
from ..values import Raw, bit, bits, records, text
from .context import Context

INPUTS = frozenset({"@heatbed_light", "cfg", "lights_report"})


class LightMode(StrEnum):
    """What a lamp does."""

    ON = "on"
    OFF = "off"
    FLASHING = "flashing"


_CHAMBER_BIT = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class LightState:
    """The mode of each lamp; None: the printer has none, or never reported it."""

    chamber: LightMode | None = None
    chamber_2: LightMode | None = None
    work: LightMode | None = None
    heatbed: LightMode | None = None
    """Only known from acknowledged commands: no report carries it."""

    def mode(self, light: Light) -> LightMode | None:
        """Return a lamp's mode."""
        mode: LightMode | None = getattr(self, _FIELDS[light])
        return mode


_FIELDS = {
    Light.CHAMBER: "chamber",
    Light.CHAMBER_2: "chamber_2",
    Light.WORK: "work",
    Light.HEATBED: "heatbed",
}


def decode(raw: Raw, previous: LightState, context: Context) -> LightState:
    """Read the lamps by their names: their order differs between models."""
    report = {
        text(item.get("node"), ""): item.get("mode")
        for item in records(raw.get("lights_report"))
    }
    modes = {
        light: _mode(report.get(light.value), previous.mode(light))
        for light in Light
        if light is not Light.HEATBED
    }
    if modes[Light.CHAMBER] is None:
        lit = bit(bits(raw.get("cfg"), None), _CHAMBER_BIT)
        modes[Light.CHAMBER] = (
            None if lit is None else LightMode.ON if lit else LightMode.OFF
        )
    return LightState(
        chamber=modes[Light.CHAMBER],
        chamber_2=modes[Light.CHAMBER_2],
        work=modes[Light.WORK],
        heatbed=_mode(raw.get("@heatbed_light"), previous.heatbed),
    )


def _mode(value: object, previous: LightMode | None) -> LightMode | None:
    try:
        return LightMode(value) if isinstance(value, str) else previous
    except ValueError:
        return previous
