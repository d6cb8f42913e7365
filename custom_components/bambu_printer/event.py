"""Events: what happens to jobs, errors, filament and files."""

from dataclasses import dataclass
from typing import Any, override

from homeassistant.components.event import EventEntity, EventEntityDescription
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .coordinator import BambuConfigEntry, PrinterCoordinator
from .entity import (
    AmsPart,
    Part,
    PartEntityDescription,
    PrinterEntity,
    TrayPart,
    WholePrinter,
    async_add_part_entities,
)
from .happening_details import happening_details
from .printer.happenings import ErrorEvent, FilamentEvent, Happening, JobEvent, Kind
from .printer.state.ams import DRYING_KINDS
from .transfer_event import TRANSFER_EVENTS, TransferEventEntity

# Nothing is fetched: the coordinator pushes.
PARALLEL_UPDATES = 0


@dataclass(frozen=True, kw_only=True)
class PrinterEventDescription(PartEntityDescription, EventEntityDescription):
    """Describes an event entity."""

    kinds: tuple[Kind, ...]
    """What it tells."""
    value_fn: Any = None


PRINTER_EVENTS: tuple[PrinterEventDescription, ...] = (
    PrinterEventDescription(key="job", kinds=tuple(JobEvent)),
    PrinterEventDescription(key="error", kinds=tuple(ErrorEvent)),
)

AMS_EVENTS: tuple[PrinterEventDescription, ...] = (
    PrinterEventDescription(
        key="filament",
        exists_fn=lambda _, unit: unit is not None and unit.kind not in DRYING_KINDS,
        kinds=(FilamentEvent.INSERTED, FilamentEvent.REMOVED, FilamentEvent.RAN_OUT),
    ),
    PrinterEventDescription(
        key="filament",
        exists_fn=lambda _, unit: unit is not None and unit.kind in DRYING_KINDS,
        kinds=tuple(FilamentEvent),
    ),
)

TRAY_EVENTS: tuple[PrinterEventDescription, ...] = (
    # Nothing sees whether there is a spool on the holder outside, only that it ends.
    PrinterEventDescription(
        key="",
        exists_fn=lambda _, tray: tray is not None and tray.slot.external,
        kinds=(FilamentEvent.RAN_OUT,),
    ),
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: BambuConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Set up the event entities of a printer."""
    async_add_part_entities(
        entry,
        async_add_entities,
        {
            WholePrinter: PRINTER_EVENTS,
            AmsPart: AMS_EVENTS,
            TrayPart: TRAY_EVENTS,
        },
        PrinterEvent,
    )
    async_add_part_entities(
        entry, async_add_entities, {WholePrinter: TRANSFER_EVENTS}, TransferEventEntity
    )


class PrinterEvent(PrinterEntity, EventEntity):
    """An event entity: each happening of its kinds, exactly once."""

    entity_description: PrinterEventDescription

    def __init__(
        self,
        coordinator: PrinterCoordinator,
        part: Part,
        description: PrinterEventDescription,
    ) -> None:
        """Know what to tell."""
        super().__init__(coordinator, part, description)
        self._attr_event_types = [kind.value for kind in description.kinds]
        if isinstance(part, AmsPart):
            self._unit: int | None = part.unit
        else:
            self._unit = part.slot.unit if isinstance(part, TrayPart) else None

    @property
    @override
    def available(self) -> bool:
        """Return True: what has happened stays true while the printer is away.

        Otherwise every reconnection would look like the last event happening again.
        """
        return True

    @override
    async def async_added_to_hass(self) -> None:
        """Listen to what happens."""
        await super().async_added_to_hass()
        self.async_on_remove(self.coordinator.happenings.async_subscribe(self._on_told))

    @callback
    @override
    def _handle_coordinator_update(self) -> None:
        """Write nothing: neither losing nor finding the printer changes the past."""

    @callback
    def _on_told(self, happening: Happening) -> None:
        if (
            happening.kind in self.entity_description.kinds
            and happening.unit == self._unit
        ):
            details = happening_details(self.coordinator, happening)
            self._trigger_event(happening.kind.value, dict(details))
            self.async_write_ha_state()
