"""Buttons: pause, resume, stop, refresh."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, override

from homeassistant.components.button import ButtonEntity, ButtonEntityDescription
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .coordinator import BambuConfigEntry
from .entity import (
    ABSENT,
    PartEntityDescription,
    ValueEntity,
    WholePrinter,
    async_add_part_entities,
)
from .printer import BambuPrinter, PrinterState
from .printer.state.job import GcodeState

# The session sends commands one after the other, and each waits for its own answer.
PARALLEL_UPDATES = 0


@dataclass(frozen=True, kw_only=True)
class PrinterButtonDescription(PartEntityDescription, ButtonEntityDescription):
    """Describes a button."""

    press_fn: Callable[[BambuPrinter], Awaitable[None]]


def _when(condition: Callable[[PrinterState], bool]) -> Callable[[PrinterState], Any]:
    """Make a button available only while pressing it makes sense."""
    return lambda state: None if condition(state) else ABSENT


BUTTONS: tuple[PrinterButtonDescription, ...] = (
    PrinterButtonDescription(
        key="pause",
        sections=("job",),
        value_fn=_when(lambda state: state.job.printing),
        press_fn=lambda printer: printer.pause_printing(),
    ),
    PrinterButtonDescription(
        key="resume",
        sections=("job",),
        value_fn=_when(lambda state: state.job.gcode_state is GcodeState.PAUSE),
        press_fn=lambda printer: printer.resume_printing(),
    ),
    PrinterButtonDescription(
        key="stop",
        sections=("job",),
        value_fn=_when(lambda state: state.job.active),
        press_fn=lambda printer: printer.stop_printing(),
    ),
    PrinterButtonDescription(
        key="refresh",
        entity_category=EntityCategory.DIAGNOSTIC,
        value_fn=_when(lambda _: True),
        press_fn=lambda printer: printer.refresh(),
    ),
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: BambuConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Set up the buttons of a printer."""
    async_add_part_entities(
        entry, async_add_entities, {WholePrinter: BUTTONS}, PrinterButton
    )


class PrinterButton(ValueEntity[None], ButtonEntity):
    """A button."""

    entity_description: PrinterButtonDescription

    @override
    async def async_press(self) -> None:
        """Do it."""
        await self._async_command(self.entity_description.press_fn(self.printer))
