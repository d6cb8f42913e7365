"""Why something did not work, in the language of who asked."""

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.translation import async_get_translations

from ..const import DOMAIN


async def async_reason(
    hass: HomeAssistant, language: str, err: HomeAssistantError
) -> str:
    """Return the text of an error as a sentence."""
    texts = await async_get_translations(hass, language, "exceptions", [DOMAIN])
    text = texts.get(f"component.{DOMAIN}.exceptions.{err.translation_key}.message")
    reason = text.format_map(err.translation_placeholders or {}) if text else str(err)
    return reason[:1].upper() + reason[1:]
