"""Setting up, unloading, losing and finding a printer."""

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from pytest_homeassistant_custom_component.common import MockConfigEntry


async def test_setup_and_unload(hass: HomeAssistant, integration: MockConfigEntry) -> None:
    for state in hass.states.async_all():
        print(state.entity_id, state.state, {k:v for k,v in state.attributes.items() if k not in ("options",)})
    assert integration.state is ConfigEntryState.LOADED
    assert await hass.config_entries.async_unload(integration.entry_id)
    assert integration.state is ConfigEntryState.NOT_LOADED
