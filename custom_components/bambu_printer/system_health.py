"""What the system health page tells of the integration."""

from typing import Any

from homeassistant.components import system_health
from homeassistant.core import HomeAssistant, callback

from .const import DOMAIN
from .discovery import async_get_discovery
from .holds import Hold


@callback
def async_register(
    hass: HomeAssistant, register: system_health.SystemHealthRegistration
) -> None:
    """Register what is asked."""
    register.async_register_info(_async_info)


async def _async_info(hass: HomeAssistant) -> dict[str, Any]:
    """Count the printers and their connections; nothing is asked over the network."""
    entries = hass.config_entries.async_entries(DOMAIN, include_ignore=False)
    loaded = [
        entry.runtime_data for entry in hass.config_entries.async_loaded_entries(DOMAIN)
    ]
    facts = async_get_discovery(hass).facts
    return {
        "printers": len(entries),
        "connected": sum(item.last_update_success for item in loaded),
        "released": sum(item.held(Hold.RELEASED) for item in loaded),
        "switched_off": sum(item.held(Hold.POWERED_OFF) for item in loaded),
        "discovery_ports": ", ".join(map(str, facts.ports)) or "–",
        "announcements": facts.announcements,
    }
