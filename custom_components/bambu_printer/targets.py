"""Which printers a target of an automation means, and when they come and go.

A target may name entities, devices, areas, floors or labels.  What counts is the device
in the end: whoever picks any entity of a printer, or the room that it stands in, means
the printer.  A target is looked up anew whenever it matters, so that it is right after
something was renamed, moved, or added.
"""

from collections.abc import Callable, Iterator
from typing import Final

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.helpers.dispatcher import (
    async_dispatcher_connect,
    async_dispatcher_send,
)
from homeassistant.helpers.target import (
    TargetSelection,
    async_extract_referenced_entity_ids,
)
from homeassistant.util.signal_type import SignalType

from .const import DOMAIN
from .coordinator import PrinterCoordinator
from .entity import ams_device_id

_SIGNAL_LOADED: Final = SignalType[PrinterCoordinator](f"{DOMAIN}_loaded")

type Follow = Callable[[PrinterCoordinator], CALLBACK_TYPE]


@callback
def async_announce_printer(
    hass: HomeAssistant, coordinator: PrinterCoordinator
) -> None:
    """Tell those who follow all printers that there is another one."""
    async_dispatcher_send(hass, _SIGNAL_LOADED, coordinator)


@callback
def async_follow_printers(hass: HomeAssistant, follow: Follow) -> CALLBACK_TYPE:
    """Call `follow` for every printer, now and later; return what ends it.

    What `follow` returns is called when nobody wants to follow any more; a printer that
    is unloaded simply says nothing from then on.
    """
    unfollow: dict[str, CALLBACK_TYPE] = {}

    @callback
    def add(coordinator: PrinterCoordinator) -> None:
        entry_id = coordinator.config_entry.entry_id
        if previous := unfollow.pop(entry_id, None):
            previous()
        unfollow[entry_id] = follow(coordinator)

    for coordinator in loaded_printers(hass):
        add(coordinator)
    disconnect = async_dispatcher_connect(hass, _SIGNAL_LOADED, add)

    @callback
    def stop() -> None:
        disconnect()
        for end in unfollow.values():
            end()
        unfollow.clear()

    return stop


def loaded_printers(hass: HomeAssistant) -> Iterator[PrinterCoordinator]:
    """Iterate over the printers that are set up."""
    for entry in hass.config_entries.async_entries(DOMAIN):
        if entry.state is ConfigEntryState.LOADED:
            yield entry.runtime_data


@callback
def selected_devices(hass: HomeAssistant, target: TargetSelection) -> set[str]:
    """Return the ids of the devices that a target means, whoever made them."""
    selected = async_extract_referenced_entity_ids(
        hass, target, expand_group=True, primary_entities_only=False
    )
    registry = er.async_get(hass)
    return selected.referenced_devices | {
        entry.device_id
        for entity_id in selected.referenced | selected.indirectly_referenced
        if (entry := registry.async_get(entity_id)) and entry.device_id
    }


@callback
def selected_printers(
    hass: HomeAssistant, target: TargetSelection
) -> list[PrinterCoordinator]:
    """Return the printers that are set up and that a target means, in any part."""
    registry = dr.async_get(hass)
    entries = {
        device.config_entry_id
        for device_id in selected_devices(hass, target)
        if (device := registry.async_get(device_id))
    }
    return [
        coordinator
        for coordinator in loaded_printers(hass)
        if coordinator.config_entry.entry_id in entries
    ]


@callback
def device_of_part(
    hass: HomeAssistant, coordinator: PrinterCoordinator, unit: int | None
) -> str:
    """Return the id of the device of an AMS unit; of the printer without a unit."""
    if unit is not None:
        identifier = (DOMAIN, ams_device_id(coordinator.printer.serial, unit))
        device = dr.async_get(hass).async_get_device_by_identifier(
            identifier, coordinator.config_entry.entry_id
        )
        if device:
            return device.id
    return coordinator.device_id
