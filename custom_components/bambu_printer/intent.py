"""Assist: what people can say to their printers."""

from homeassistant.components import conversation
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_when_setup

from .assist.intents import async_register_intents
from .assist.sentences import async_setup_sentences


async def async_setup_intents(hass: HomeAssistant) -> None:
    """Register the intents, and their sentences as soon as somebody listens."""
    async_register_intents(hass)

    async def listen(hass: HomeAssistant, _component: str) -> None:
        await async_setup_sentences(hass)

    async_when_setup(hass, conversation.DOMAIN, listen)
