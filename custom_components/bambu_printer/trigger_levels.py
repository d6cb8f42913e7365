"""Triggers that fire when a value gets somewhere: progress, layer, humidity, door.

A report says of a value that it is there, that it is not, or nothing: when it is unknown,
or so near that it might be noise.  A trigger fires when a no is followed by a yes, also
when nothing was said in between because the printer was away.  What was there from the
beginning does not fire.
"""

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, override

from homeassistant.core import CALLBACK_TYPE, callback
from homeassistant.helpers.trigger import Trigger, TriggerActionRunner
import probatio

from .coordinator import PrinterCoordinator
from .printer import PrinterState
from .slot_keys import ams_key, slot_key
from .trigger_base import PrinterTrigger

CONF_LAYER = "layer"
CONF_MINUTES = "minutes"
CONF_PERCENT = "percent"
CONF_TEMPERATURE = "temperature"

_MARGIN = 2
"""Minutes, percent or °C that a value must go back before it can get there again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How one value stands."""

    key: str = ""
    """What tells it from others of the same trigger: the job, the unit, the slot."""
    there: bool | None
    """Whether it is there; None: this report says nothing."""
    unit: int | None = None
    """The AMS unit that it belongs to."""
    details: Mapping[str, Any] = field(default_factory=dict, compare=False)


class LevelTrigger(PrinterTrigger):
    """A trigger that fires when a reading turns from no to yes."""

    _sections: ClassVar[tuple[str, ...]]

    @abstractmethod
    def _readings(self, state: PrinterState) -> Iterator[Reading]:
        """Iterate over the readings in a state of the printer."""

    def _counts(self, state: PrinterState) -> bool:
        """Whether getting there is of interest now."""
        return True

    @override
    def _follow(
        self, printer: PrinterCoordinator, run_action: TriggerActionRunner
    ) -> CALLBACK_TYPE:
        last: dict[str, bool] = {}

        def take(readings: tuple[Reading, ...]) -> list[Reading]:
            """Remember the readings; return those that got there now."""
            news = [
                reading
                for reading in readings
                if reading.there and last.get(reading.key) is False
            ]
            known = {reading.key: reading.there for reading in readings}
            for key in last.keys() - known.keys():
                # Another job, or a unit that was unplugged.
                del last[key]
            last.update(
                {key: there for key, there in known.items() if there is not None}
            )
            return news

        @callback
        def update(readings: tuple[Reading, ...]) -> None:
            for reading in take(readings):
                if self._counts(printer.data):
                    self._fire(printer, run_action, reading.details, reading.unit)

        take(tuple(self._readings(printer.data)))
        return printer.async_watch(
            self._sections, lambda state: tuple(self._readings(state)), update
        )


def _at_least(value: float | None, limit: float) -> bool | None:
    return None if value is None else value >= limit


def _below(value: float | None, limit: float) -> bool | None:
    """Tell whether a value is below a limit; not clearly above it is no no."""
    if value is None:
        return None
    return True if value < limit else False if value >= limit + _MARGIN else None


def _above(value: float | None, limit: float) -> bool | None:
    if value is None:
        return None
    return True if value > limit else False if value <= limit - _MARGIN else None


def _percent(minimum: int = 1, maximum: int = 100) -> Mapping[Any, Any]:
    return {
        probatio.Required(CONF_PERCENT): probatio.All(
            probatio.Coerce(int), probatio.Range(min=minimum, max=maximum)
        )
    }


class ProgressReached(LevelTrigger):
    """A print has got to a percentage."""

    _options_schema = _percent()
    _sections = ("job",)

    @override
    def _readings(self, state: PrinterState) -> Iterator[Reading]:
        job = state.job
        yield Reading(
            key=job.job_key,
            there=_at_least(job.progress, self._options[CONF_PERCENT]),
        )


class LayerReached(LevelTrigger):
    """A print has got to a layer."""

    _options_schema = {
        probatio.Required(CONF_LAYER): probatio.All(
            probatio.Coerce(int), probatio.Range(min=1)
        )
    }
    _sections = ("job",)

    @override
    def _readings(self, state: PrinterState) -> Iterator[Reading]:
        job = state.job
        yield Reading(
            key=job.job_key,
            there=_at_least(job.current_layer, self._options[CONF_LAYER]),
            details={
                "layer": job.current_layer,
                "total_layers": job.total_layers,
            },
        )


class EndsSoon(LevelTrigger):
    """A print ends in so many minutes; one that takes no longer at all does not count."""

    _options_schema = {
        probatio.Required(CONF_MINUTES): probatio.All(
            probatio.Coerce(int), probatio.Range(min=1, max=1440)
        )
    }
    _sections = ("job",)

    @override
    def _readings(self, state: PrinterState) -> Iterator[Reading]:
        job = state.job
        # "Below" leaves out the limit itself, which is meant here.
        yield Reading(
            key=job.job_key,
            there=_below(job.remaining, self._options[CONF_MINUTES] + 1),
            details={"remaining_minutes": job.remaining},
        )

    @override
    def _counts(self, state: PrinterState) -> bool:
        return state.job.active


class FilamentLow(LevelTrigger):
    """Less than a percentage is left of a spool in an AMS."""

    _options_schema = _percent()
    _sections = ("ams",)

    @override
    def _readings(self, state: PrinterState) -> Iterator[Reading]:
        for unit in state.ams.units:
            for tray in unit.trays:
                slot = slot_key(tray.slot)
                if tray.present and slot:
                    yield Reading(
                        # Another spool is another story.
                        key=f"{slot}/{tray.tag}/{tray.filament_id}/{tray.color}",
                        there=_below(tray.remain, self._options[CONF_PERCENT]),
                        unit=unit.unit,
                        details={
                            "slot": slot,
                            "remaining": tray.remain,
                            "type": tray.type or None,
                            "color": tray.color,
                        },
                    )


class HumidityAbove(LevelTrigger):
    """The air in an AMS is more humid than a percentage."""

    _options_schema = _percent(maximum=99)
    _sections = ("ams",)

    @override
    def _readings(self, state: PrinterState) -> Iterator[Reading]:
        for unit in state.ams.units:
            yield Reading(
                key=str(unit.unit),
                there=_above(unit.humidity, self._options[CONF_PERCENT]),
                unit=unit.unit,
                details={"ams": ams_key(unit.unit), "humidity": unit.humidity},
            )


class BedCooled(LevelTrigger):
    """The bed has cooled below a temperature."""

    _options_schema = {
        probatio.Required(CONF_TEMPERATURE): probatio.All(
            probatio.Coerce(float), probatio.Range(min=20, max=120)
        )
    }
    _sections = ("temperatures",)

    @override
    def _readings(self, state: PrinterState) -> Iterator[Reading]:
        bed = state.temperatures.bed.current
        yield Reading(
            there=_below(bed, self._options[CONF_TEMPERATURE]),
            details={"temperature": bed},
        )


class DoorOpened(LevelTrigger):
    """The door or the lid was opened while there is a job."""

    _sections = ("enclosure",)

    @override
    def _readings(self, state: PrinterState) -> Iterator[Reading]:
        enclosure = state.enclosure
        for part, is_open in (
            ("door", enclosure.door_open),
            ("lid", enclosure.lid_open),
        ):
            yield Reading(key=part, there=is_open, details={"part": part})

    @override
    def _counts(self, state: PrinterState) -> bool:
        return state.job.active


TRIGGERS: dict[str, type[Trigger]] = {
    "bed_cooled": BedCooled,
    "door_opened": DoorOpened,
    "ends_soon": EndsSoon,
    "filament_low": FilamentLow,
    "humidity_above": HumidityAbove,
    "layer_reached": LayerReached,
    "progress_reached": ProgressReached,
}
