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
from .printer.control import CONTROL_SECTION
from .printer.operations import AmsControl, ErrorAnswer
from .printer.state.ams import AmsStatus
from .printer.state.job import GcodeState

# The session sends commands one after the other, and each waits for its own answer.
PARALLEL_UPDATES = 0


def _nothing(_part: object) -> None:
    """Return the value of a button: it has none."""


@dataclass(frozen=True, kw_only=True)
class PrinterButtonDescription(PartEntityDescription, ButtonEntityDescription):
    """Describes a button."""

    value_fn: Callable[[Any], Any] = _nothing
    control: str | None = CONTROL_SECTION
    press_fn: Callable[[BambuPrinter, Part], Awaitable[None]]


def _not_printing(state: PrinterState) -> bool:
    return not state.job.printing


def _idle(state: PrinterState) -> bool:
    return not state.job.active


def _waits_for_an_answer(state: PrinterState) -> bool:
    return state.job.gcode_state is GcodeState.PAUSE and state.errors.asking


BUTTONS: tuple[PrinterButtonDescription, ...] = (
    PrinterButtonDescription(
        key="pause",
        sections=("job",),
        usable_fn=lambda state: state.job.printing,
        press_fn=lambda printer, _: printer.pause_printing(),
    ),
    PrinterButtonDescription(
        key="resume",
        sections=("job",),
        usable_fn=lambda state: state.job.gcode_state is GcodeState.PAUSE,
        press_fn=lambda printer, _: printer.resume_printing(),
    ),
    PrinterButtonDescription(
        key="stop",
        sections=("job",),
        usable_fn=lambda state: state.job.active,
        press_fn=lambda printer, _: printer.stop_printing(),
    ),
    PrinterButtonDescription(
        key="unload_filament",
        sections=("extruders", "job"),
        usable_fn=lambda state: (
            not state.job.printing and state.extruders.active_slot is not None
        ),
        press_fn=lambda printer, _: printer.unload_filament(),
    ),
    PrinterButtonDescription(
        key="ams_retry",
        sections=("ams",),
        exists_fn=lambda printer, _: bool(printer.state.ams.units),
        usable_fn=lambda state: state.ams.status is AmsStatus.FILAMENT_CHANGE,
        press_fn=lambda printer, _: printer.send_ams_control_command(AmsControl.RESUME),
    ),
    PrinterButtonDescription(
        key="retry_error",
        sections=("errors", "job"),
        usable_fn=_waits_for_an_answer,
        press_fn=lambda printer, _: printer.answer_print_error(ErrorAnswer.RETRY),
    ),
    PrinterButtonDescription(
        key="ignore_error",
        sections=("errors", "job"),
        usable_fn=_waits_for_an_answer,
        press_fn=lambda printer, _: printer.answer_print_error(ErrorAnswer.IGNORE),
    ),
    PrinterButtonDescription(
        key="clear_error",
        sections=("errors",),
        usable_fn=lambda state: bool(state.errors.print_error),
        press_fn=lambda printer, _: printer.clean_print_error(),
    ),
    PrinterButtonDescription(
        key="home_axes",
        sections=("job",),
        entity_category=EntityCategory.CONFIG,
        entity_registry_enabled_default=False,
        usable_fn=_idle,
        press_fn=lambda printer, _: printer.home_axes(),
    ),
    PrinterButtonDescription(
        key="refresh_nozzles",
        sections=("job",),
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        exists_fn=lambda printer, _: printer.can_detect_nozzles,
        usable_fn=_not_printing,
        press_fn=lambda printer, _: printer.refresh_nozzles(),
    ),
    PrinterButtonDescription(
        key="refresh",
        control=None,
        entity_category=EntityCategory.DIAGNOSTIC,
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
        sections=("job",),
        usable_fn=_not_printing,
        value_fn=lambda tray: None if tray.present or tray.slot.external else ABSENT,
        press_fn=lambda printer, part: printer.load_filament(_slot_of(part)),
    ),
    PrinterButtonDescription(
        key="read_tag",
        sections=("extruders", "job"),
        usable_fn=lambda state: _idle(state) and state.extruders.active_slot is None,
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

    # As in all entities of a printer: what is the same in all of them stands in the class.
    entity_picture = None
    supported_features = None
    unit_of_measurement = None

    @override
    async def async_press(self) -> None:
        """Do it."""
        await self._async_command(
            self.entity_description.press_fn(self.printer, self._part)
        )
