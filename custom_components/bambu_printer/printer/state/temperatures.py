"""Temperatures of nozzles, bed and chamber, with their targets, in °C."""

from dataclasses import dataclass

from ..values import Raw, damp, field, integer, mapping, records
from .context import Context
from .packed import temperature, unpack

INPUTS = frozenset(
    {
        "@chamber_temp",
        "@modules",
        "bed_target_temper",
        "bed_temper",
        "chamber_temper",
        "ctt",
        "device.bed",
        "device.bed_temp",
        "device.cham_temp",
        "device.ctc",
        "device.extruder",
        "device.extruder.temp",
        "info",
        "nozzle_target_temper",
        "nozzle_temper",
    }
)

TEMPERATURE_BOUND = 0.5
"""A temperature is shown anew when it moves by this much, °C."""
HELD_BOUND = 1.5
"""A heater that has reached its target is shown at the target until it is off by this much,
°C: controllers swing around it."""
WHOLE_BOUND = 1.5
"""The bound for sensors that are read in whole degrees, °C: one degree more or less may be
no more than the edge between two of them."""
COLD_BOUND = 2.5
"""The bound for such a sensor in a nozzle that is off, °C: cold ones waver most, and matter
least."""
_NO_SENSOR = 5.0
"""What printers without a chamber sensor report as its temperature."""
_PACKED_FROM = 500.0
_MOST_NOZZLES = 2


@dataclass(frozen=True, slots=True)
class Heater:
    """Something with a temperature; a target of 0 means off."""

    current: float | None = None
    target: float | None = None


_UNKNOWN = Heater()


@dataclass(frozen=True, slots=True, kw_only=True)
class TemperatureState:
    """All temperatures of the printer itself."""

    bed: Heater = _UNKNOWN
    chamber: Heater = _UNKNOWN
    """Without a value where the printer has no sensor, unless somebody told one."""
    nozzles: tuple[Heater, ...] = ()
    """By the extruder's number: 0 is the right or only one, 1 the left."""


def decode(raw: Raw, previous: TemperatureState, context: Context) -> TemperatureState:
    """Read all temperatures, from the newest form that a report has."""
    device = mapping(raw.get("device"))
    bed = _bed(raw, device, previous.bed)
    chamber = _told_chamber(raw, _chamber(raw, device, previous.chamber, context))
    nozzles = _nozzles(raw, device, previous.nozzles)
    # Temperatures come with every report, and mostly within their bounds.
    if (
        bed is previous.bed
        and chamber is previous.chamber
        and nozzles is previous.nozzles
    ):
        return previous
    return TemperatureState(bed=bed, chamber=chamber, nozzles=nozzles)


def _heater(
    current: float | None,
    target: float | None,
    previous: Heater,
    bound: float = TEMPERATURE_BOUND,
) -> Heater:
    shown = damp(current, previous.current, bound)
    if target and current is not None:
        held = previous.current == target
        if abs(current - target) < (HELD_BOUND if held else TEMPERATURE_BOUND):
            shown = target
    if shown == previous.current and target == previous.target:
        return previous
    return Heater(shown, target)


def _packed_or(
    packed: object, previous: Heater, *, cold_bound: float = WHOLE_BOUND
) -> Heater | None:
    if (
        type(packed) is int
        and packed & 0xFFFF == previous.current
        and packed >> 16 == previous.target
    ):
        # What it was before: nothing to be damped.
        return previous
    values = unpack(packed)
    if values is None:
        return None
    return _heater(*values, previous, WHOLE_BOUND if values[1] else cold_bound)


def _plain_heater(raw: Raw, current: str, target: str, previous: Heater) -> Heater:
    value, goal = raw.get(current), raw.get(target)
    if (
        (type(value) is float or type(value) is int)
        and goal
        and goal == previous.target == previous.current
        and abs(value - goal) < HELD_BOUND
    ):
        # It holds its target: what nearly every report of a print says.
        return previous
    return _heater(
        temperature(value, previous.current),
        temperature(goal, previous.target),
        previous,
    )


def _bed(raw: Raw, device: Raw, previous: Heater) -> Heater:
    # The flat keys have a fraction, the packed ones none; they never disagree otherwise.
    if "bed_temper" in raw or "bed_target_temper" in raw:
        return _plain_heater(raw, "bed_temper", "bed_target_temper", previous)
    packed = mapping(mapping(device.get("bed")).get("info")).get(
        "temp", device.get("bed_temp")
    )
    return _packed_or(packed, previous) or previous


def _chamber(raw: Raw, device: Raw, previous: Heater, context: Context) -> Heater:
    if not context.model.chamber_sensor and context.model.serial_prefix:
        return _UNKNOWN
    for packed in (
        mapping(mapping(device.get("ctc")).get("info")).get("temp"),
        mapping(raw.get("info")).get("temp"),
        device.get("cham_temp"),
    ):
        if heater := _packed_or(packed, previous):
            return heater
    flat = integer(raw.get("chamber_temper"), None)
    if flat is not None and flat > _PACKED_FROM:
        return _packed_or(flat, previous) or previous
    current = temperature(raw.get("chamber_temper"), previous.current)
    if not context.model.chamber_sensor and current == _NO_SENSOR:
        return _UNKNOWN
    return _heater(current, temperature(raw.get("ctt"), previous.target), previous)


def _told_chamber(raw: Raw, measured: Heater) -> Heater:
    """Take a temperature from outside where the printer itself measures none."""
    if "@chamber_temp" not in raw or measured.current is not None:
        return measured
    return Heater(temperature(raw.get("@chamber_temp"), None), measured.target)


def _nozzles(raw: Raw, device: Raw, previous: tuple[Heater, ...]) -> tuple[Heater, ...]:
    extruder = mapping(device.get("extruder"))
    count = _count(extruder) if extruder else 1
    if count == 1 and ("nozzle_temper" in raw or "nozzle_target_temper" in raw):
        old = previous[0] if previous else _UNKNOWN
        heater = _plain_heater(raw, "nozzle_temper", "nozzle_target_temper", old)
        return previous if heater is old and len(previous) == 1 else (heater,)
    packed = {
        integer(item.get("id"), -1): item.get("temp")
        for item in records(extruder.get("info"))
    }
    heaters = []
    for number in range(count):
        old = previous[number] if number < len(previous) else _UNKNOWN
        known = _packed_or(packed.get(number), old, cold_bound=COLD_BOUND)
        heaters.append(known or old)
    same = len(heaters) == len(previous) and all(
        new is old for new, old in zip(heaters, previous, strict=True)
    )
    return previous if same else tuple(heaters)


def _count(extruder: Raw) -> int:
    """Return how many nozzles the printer has."""
    listed = len(records(extruder.get("info")))
    told = field(integer(extruder.get("state"), 0), 0, 4)
    return min(max(told, listed, 1), _MOST_NOZZLES)
