"""Sensors that say in words what is wrong."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, override

from homeassistant.const import EntityCategory
from homeassistant.core import callback

from .base_sensor import LONGEST_STATE, PrinterSensor, PrinterSensorDescription
from .fault_words import FaultWords
from .printer.state.errors import ErrorState, HmsMessage


@dataclass(frozen=True, kw_only=True)
class FaultSensorDescription(PrinterSensorDescription):
    """Describes a sensor that needs words for faults."""

    sections: tuple[str, ...] = ("errors",)
    show_fn: Callable[[Any, FaultWords], tuple[Any, Mapping[str, Any]]]
    """Makes the state and its attributes of the value."""


def _show_worst(
    errors: ErrorState | None, words: FaultWords
) -> tuple[str | None, Mapping[str, Any]]:
    """Show the worst problem."""
    if errors is None or errors.has_problem is None:
        return None, {}
    if not (problems := errors.problems):
        return "none", {}
    text = words.describe(problems[0])
    return _cut(text), {
        "text": text,
        **words.details(problems[0]),
        "problems": len(problems),
    }


def _show_messages(
    hms: tuple[HmsMessage, ...] | None, words: FaultWords
) -> tuple[int | None, Mapping[str, Any]]:
    """Show how many messages there are, and what they say."""
    messages = [
        {"text": words.describe(message), **words.details(message)}
        for message in hms or ()
    ]
    return None if hms is None else len(messages), {"messages": messages}


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_STATE else f"{text[: LONGEST_STATE - 1]}…"


FAULT_SENSORS: tuple[FaultSensorDescription, ...] = (
    FaultSensorDescription(
        key="current_error",
        value_fn=lambda state: state.errors,
        show_fn=_show_worst,
    ),
    FaultSensorDescription(
        key="hms",
        entity_category=EntityCategory.DIAGNOSTIC,
        value_fn=lambda state: state.errors.hms,
        show_fn=_show_messages,
    ),
)


class FaultSensor(PrinterSensor):
    """A sensor that says what is wrong; the maker's words may come later."""

    entity_description: FaultSensorDescription

    @property
    def _said(self) -> tuple[Any, Mapping[str, Any]]:
        words = self.coordinator.fault_words
        return self.entity_description.show_fn(self.value, words)

    @property
    @override
    def native_value(self) -> Any:
        """Return what is wrong."""
        return self._said[0]

    @property
    @override
    def extra_state_attributes(self) -> Mapping[str, Any]:
        """Return details."""
        return self._said[1]

    @override
    async def async_added_to_hass(self) -> None:
        """Wait for the maker's words."""
        await super().async_added_to_hass()
        self.async_on_remove(self.coordinator.fault_words.async_use(self._on_words))

    @callback
    def _on_words(self) -> None:
        self.async_write_ha_state()
