"""The event entity for files on their way to and from the printer."""

from dataclasses import dataclass
from typing import Any, override

from homeassistant.components.event import EventEntity, EventEntityDescription
from homeassistant.const import EntityCategory
from homeassistant.core import callback

from .entity import PartEntityDescription, PrinterEntity
from .transfer import TransferEvent


@dataclass(frozen=True, kw_only=True)
class TransferEventDescription(PartEntityDescription, EventEntityDescription):
    """Describes an event entity that tells of transfers."""


TRANSFER_EVENTS: tuple[TransferEventDescription, ...] = (
    TransferEventDescription(
        key="transfer",
        entity_category=EntityCategory.DIAGNOSTIC,
        event_types=[event.value for event in TransferEvent],
        value_fn=lambda _state: None,
    ),
)


class TransferEventEntity(PrinterEntity, EventEntity):
    """Tells of files that this integration moves."""

    entity_description: TransferEventDescription

    @override
    async def async_added_to_hass(self) -> None:
        """Listen to transfers."""
        await super().async_added_to_hass()
        transfers = self.coordinator.transfers
        self.async_on_remove(transfers.async_listen(self._on_transfer))

    @callback
    def _on_transfer(self, event: TransferEvent, details: dict[str, Any]) -> None:
        self._trigger_event(event.value, details)
        self.async_write_ha_state()
