"""An automation that writes down what its trigger told it."""

from typing import Any

from homeassistant.core import Event, HomeAssistant
from homeassistant.setup import async_setup_component

FIRED = "test_trigger_fired"


class Automation:
    """An automation with one trigger, and what came of it."""

    def __init__(self, hass: HomeAssistant) -> None:
        self.fired: list[dict[str, Any]] = []
        hass.bus.async_listen(FIRED, self._note)

    def _note(self, event: Event) -> None:
        self.fired.append(dict(event.data))


async def automation(hass: HomeAssistant, **config: Any) -> Automation:
    """Set up an automation: `trigger` and what belongs to it, or any other parts."""
    config = {
        "alias": "Test",
        "triggers": [config.pop("trigger")],
        "actions": [{"event": FIRED, "event_data": {"trigger": "{{ trigger }}"}}],
        **config,
    }
    result = Automation(hass)
    assert await async_setup_component(hass, "automation", {"automation": [config]})
    await hass.async_block_till_done()
    (entity_id,) = hass.states.async_entity_ids("automation")
    state = hass.states.get(entity_id)
    assert state
    assert state.state == "on"
    return result


async def holds(hass: HomeAssistant, **config: Any) -> bool:
    """Tell whether a condition is true now."""
    from homeassistant.helpers import condition

    valid = await condition.async_validate_condition_config(hass, config)
    checker = await condition.async_from_config(hass, valid)
    try:
        return bool(checker.async_check())
    finally:
        checker.async_unload()
