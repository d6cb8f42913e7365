"""What the tests of conversations share."""

from collections.abc import Awaitable, Callable
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
import pytest

type Say = Callable[..., Awaitable[dict[str, Any]]]


@pytest.fixture
async def conversation(hass: HomeAssistant, socket_enabled: None) -> None:
    """Set up Home Assistant's own agent."""
    assert await async_setup_component(hass, "homeassistant", {})
    assert await async_setup_component(hass, "conversation", {})
    await hass.async_block_till_done()


@pytest.fixture
async def say(hass: HomeAssistant, conversation: None, hass_ws_client: Any) -> Say:
    """Return a way to say something to the built-in agent, over the websocket."""
    client = await hass_ws_client(hass)

    async def ask(text: str, **more: Any) -> dict[str, Any]:
        await client.send_json_auto_id(
            {"type": "conversation/process", "text": text, **more}
        )
        message = await client.receive_json()
        assert message["success"], message
        result: dict[str, Any] = message["result"]
        return result

    return ask


def speech(result: dict[str, Any]) -> str:
    """Return what was answered."""
    text: str = result["response"]["speech"]["plain"]["speech"]
    return text
