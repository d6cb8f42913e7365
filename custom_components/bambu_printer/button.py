"""Buttons: the job, filament, errors, and what is done now and then."""

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
    Part,
    PartEntityDescription,
    TrayPart,
    ValueEntity,
    WholePrinter,
    async_add_part_entities,
)
from .printer import BambuPrinter, PrinterState, SlotAddress
from .printer.operations import AmsControl
from .printer.state.ams import AmsStatus
from .printer.state.job import GcodeState

# The session sends commands one after the other, and each waits for its own answer.
PARALLEL_UPDATES = 0


@dataclass(frozen=True, kw_only=True)
class PrinterButtonDescription(PartEntityDescription, ButtonEntityDescription):
    """Describes a button."""

    press_fn: Callable[[BambuPrinter, Part], Awaitable[None]]


def _when(condition: Callable[[PrinterState], bool]) -> Callable[[PrinterState], Any]:
    """Make a button available only while pressing it makes sense."""
    return lambda state: None if condition(state) else ABSENT


BUTTONS: tuple[PrinterButtonDescription, ...] = (
    PrinterButtonDescription(
        key="pause",
        sections=("job",),
        value_fn=_when(lambda state: state.job.printing),
        press_fn=lambda printer, _: printer.pause_printing(),
    ),
    PrinterButtonDescription(
        key="resume",
        sections=("job",),
        value_fn=_when(lambda state: state.job.gcode_state is GcodeState.PAUSE),
        press_fn=lambda printer, _: printer.resume_printing(),
    ),
    PrinterButtonDescription(
        key="stop",
        sections=("job",),
        value_fn=_when(lambda state: state.job.active),
        press_fn=lambda printer, _: printer.stop_printing(),
    ),
    PrinterButtonDescription(
        key="unload_filament",
        sections=("extruders", "job"),
        value_fn=_when(
            lambda state: (
                not state.job.printing and state.extruders.active_slot is not None
            )
        ),
        press_fn=lambda printer, _: printer.unload_filament(),
    ),
    PrinterButtonDescription(
        key="ams_retry",
        sections=("ams",),
        exists_fn=lambda printer, _: bool(printer.state.ams.units),
        value_fn=_when(lambda state: state.ams.status is AmsStatus.FILAMENT_CHANGE),
        press_fn=lambda printer, _: printer.send_ams_control_command(AmsControl.RESUME),
    ),
    PrinterButtonDescription(
        key="clear_error",
        sections=("errors",),
        value_fn=_when(lambda state: bool(state.errors.print_error)),
        press_fn=lambda printer, _: printer.clean_print_error(),
    ),
    PrinterButtonDescription(
        key="home_axes",
        sections=("job",),
        entity_category=EntityCategory.CONFIG,
        entity_registry_enabled_default=False,
        value_fn=_when(lambda state: not state.job.active),
        press_fn=lambda printer, _: printer.home_axes(),
    ),
    PrinterButtonDescription(
        key="refresh_nozzles",
        entity_category=EntityCategory.DIAGNOSTIC,
        exists_fn=lambda printer, _: printer.can_detect_nozzles,
        value_fn=_when(lambda _: True),
        press_fn=lambda printer, _: printer.refresh_nozzles(),
    ),
    PrinterButtonDescription(
        key="refresh",
        entity_category=EntityCategory.DIAGNOSTIC,
        value_fn=_when(lambda _: True),
        press_fn=lambda printer, _: printer.refresh(),
    ),
)


def _slot_of(part: Part) -> SlotAddress:
    if not isinstance(part, TrayPart):
        raise TypeError("only a tray has a slot")
    return part.slot


TRAY_BUTTONS: tuple[PrinterButtonDescription, ...] = (
    PrinterButtonDescription(
        key="load",
        value_fn=lambda tray: None if tray.present or tray.slot.external else ABSENT,
        press_fn=lambda printer, part: printer.load_filament(_slot_of(part)),
    ),
    PrinterButtonDescription(
        key="read_tag",
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        exists_fn=lambda _, tray: tray is not None and not tray.slot.external,
        value_fn=lambda tray: None if tray.present else ABSENT,
        press_fn=lambda printer, part: printer.refresh_spool_rfid(_slot_of(part)),
    ),
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: BambuConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Set up the buttons of a printer."""
    async_add_part_entities(
        entry,
        async_add_entities,
        {WholePrinter: BUTTONS, TrayPart: TRAY_BUTTONS},
        PrinterButton,
    )


class PrinterButton(ValueEntity[None], ButtonEntity):
    """A button."""

    entity_description: PrinterButtonDescription

    @override
    async def async_press(self) -> None:
        """Do it."""
        await self._async_command(
            self.entity_description.press_fn(self.printer, self._part)
        )
