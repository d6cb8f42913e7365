"""The logbook's lines in words."""

from collections.abc import Callable, Mapping
from typing import Any

from homeassistant.components.logbook import (
    LOGBOOK_ENTRY_ENTITY_ID,
    LOGBOOK_ENTRY_MESSAGE,
    LOGBOOK_ENTRY_NAME,
)
from homeassistant.const import ATTR_DEVICE_ID, Platform
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.helpers import device_registry as dr, entity_registry as er

from .const import DOMAIN
from .logbook_events import EVENT
from .words import duration_words, state_word, word


@callback
def async_describe_events(
    hass: HomeAssistant,
    async_describe_event: Callable[
        [str, str, Callable[[Event[dict[str, Any]]], dict[str, Any]]], None
    ],
) -> None:
    """Say how events become lines."""

    @callback
    def describe(event: Event[dict[str, Any]]) -> dict[str, Any]:
        line = {
            LOGBOOK_ENTRY_NAME: _name(hass, event.data.get(ATTR_DEVICE_ID, "")),
            LOGBOOK_ENTRY_MESSAGE: _message(
                hass, event.data["event"], event.data.get("details") or {}
            ),
        }
        if entity_id := _printer_entity(hass, event.data.get(ATTR_DEVICE_ID, "")):
            line[LOGBOOK_ENTRY_ENTITY_ID] = entity_id
        return line

    async_describe_event(DOMAIN, EVENT, describe)


def _name(hass: HomeAssistant, device_id: str) -> str:
    device = dr.async_get(hass).async_get(device_id)
    return (device.name_by_user or device.name or "") if device else DOMAIN


def _printer_entity(hass: HomeAssistant, device_id: str) -> str | None:
    """Return the entity that stands for the printer itself."""
    registry = er.async_get(hass)
    return next(
        (
            entry.entity_id
            for entry in er.async_entries_for_device(registry, device_id)
            if entry.domain == Platform.SENSOR and entry.unique_id.endswith("_status")
        ),
        None,
    )


def _message(hass: HomeAssistant, kind: str, details: Mapping[str, Any]) -> str:
    """Put together what happened; unknown details leave their words out."""
    reason = details.get("reason")
    parts = {
        "job": details.get("name")
        or details.get("file")
        or word(hass, "job_without_name"),
        "duration": duration_words(details.get("duration") or 0),
        "reason": state_word(hass, "sensor", "stage", f"paused_{reason}")
        or details.get("error"),
        "error": details.get("text") or details.get("code") or details.get("error"),
        "slot": state_word(hass, "sensor", "active_tray", str(details.get("slot"))),
        "filament": details.get("filament"),
    }
    text = word(hass, f"logbook_{kind}", **{k: v or "" for k, v in parts.items()})
    # "paused Boat: " and "put in ()" for what nobody knows.
    return text.replace(" ()", "").rstrip(" :,")
