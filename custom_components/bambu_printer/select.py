"""Selects: speed profile, active tool, air duct."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, override

from homeassistant.components.select import SelectEntity, SelectEntityDescription
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .coordinator import BambuConfigEntry
from .entity import (
    ABSENT,
    ControlEntity,
    PartEntityDescription,
    WholePrinter,
    async_add_part_entities,
)
from .printer import BambuPrinter, PrinterState
from .printer.state.fans import AirductMode
from .printer.state.job import SpeedLevel

# The session sends commands one after the other, and each waits for its own answer.
PARALLEL_UPDATES = 0


@dataclass(frozen=True, kw_only=True)
class PrinterSelectDescription(PartEntityDescription, SelectEntityDescription):
    """Describes a choice."""

    options_fn: Callable[[BambuPrinter], list[str]]
    option_fn: Callable[[BambuPrinter, Any], str | None] = lambda _printer, value: value
    """Turns the value into an option."""
    set_fn: Callable[[BambuPrinter, str], Awaitable[None]]


def _speed_level(state: PrinterState) -> Any:
    """Return the profile; it means something only for a job."""
    return state.job.speed_level if state.job.active else ABSENT


def _active_tool(state: PrinterState) -> Any:
    """Return the extruder's number; a running job chooses by itself."""
    return ABSENT if state.job.printing else state.extruders.active


def _tool_names(printer: BambuPrinter) -> list[str]:
    return list(printer.model.extruder_names)


def _tool_name(printer: BambuPrinter, number: int | None) -> str | None:
    names = printer.model.extruder_names
    return names[number] if number is not None and number < len(names) else None


async def _select_tool(printer: BambuPrinter, option: str) -> None:
    await printer.set_active_tool(printer.model.extruder_names.index(option))


SELECTS: tuple[PrinterSelectDescription, ...] = (
    PrinterSelectDescription(
        key="speed_profile",
        sections=("job",),
        options_fn=lambda _: [level.value for level in SpeedLevel],
        value_fn=_speed_level,
        set_fn=lambda printer, option: printer.set_speed_level(SpeedLevel(option)),
    ),
    PrinterSelectDescription(
        key="active_tool",
        sections=("extruders", "job"),
        exists_fn=lambda printer, _: (
            printer.state.capabilities.extruders > 1
            and len(printer.model.extruder_names) > 1
        ),
        options_fn=_tool_names,
        option_fn=_tool_name,
        value_fn=_active_tool,
        set_fn=_select_tool,
    ),
    PrinterSelectDescription(
        key="airduct_mode",
        sections=("fans",),
        exists_fn=lambda printer, _: bool(printer.state.fans.airduct_modes),
        options_fn=lambda printer: [
            mode.value for mode in printer.state.fans.airduct_modes
        ],
        value_fn=lambda state: state.fans.airduct_mode,
        set_fn=lambda printer, option: printer.set_airduct_mode(AirductMode(option)),
    ),
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: BambuConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Set up the choices of a printer."""
    async_add_part_entities(
        entry, async_add_entities, {WholePrinter: SELECTS}, PrinterSelect
    )


class PrinterSelect(ControlEntity[Any], SelectEntity):
    """A choice."""

    entity_description: PrinterSelectDescription

    @override
    def _setting(self, value: Any) -> str | None:
        return self.entity_description.option_fn(self.printer, value)

    @property
    @override
    def options(self) -> list[str]:
        """Return what this printer offers."""
        return self.entity_description.options_fn(self.printer)

    @property
    @override
    def current_option(self) -> str | None:
        """Return what is chosen; none while it is something that cannot be."""
        option: str | None = self.setting
        return option if option in self.options else None

    @override
    async def async_select_option(self, option: str) -> None:
        """Choose."""
        await self._async_set(
            self.entity_description.set_fn(self.printer, option), option
        )
