"""The triggers that printers bring to automations."""

from homeassistant.core import HomeAssistant
from homeassistant.helpers.trigger import Trigger

from . import trigger_happenings, trigger_levels

TRIGGERS: dict[str, type[Trigger]] = {
    **trigger_happenings.TRIGGERS,
    **trigger_levels.TRIGGERS,
}


async def async_get_triggers(hass: HomeAssistant) -> dict[str, type[Trigger]]:
    """Return the triggers that printers bring."""
    return TRIGGERS
