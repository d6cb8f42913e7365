"""What the tests of conversations share."""

from collections.abc import Awaitable, Callable
from typing import Any

from homeassistant.components.conversation.default_agent import DefaultAgent
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
import pytest

type Say = Callable[..., Awaitable[dict[str, Any]]]


_LOAD = DefaultAgent._load_intents
_LOADED: dict[str, Any] = {}


def _load_once(agent: DefaultAgent, language: str) -> Any:
    """Read Home Assistant's own sentences once for all tests: that takes most of the time."""
    if language not in _LOADED:
        _LOADED[language] = _LOAD(agent, language)
    return _LOADED[language]


@pytest.fixture
async def conversation(
    hass: HomeAssistant, socket_enabled: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Set up Home Assistant's own agent."""
    monkeypatch.setattr(DefaultAgent, "_load_intents", _load_once)
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
