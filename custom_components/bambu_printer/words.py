"""Words that Home Assistant itself shows nowhere but in what we put together."""

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.translation import async_get_cached_translations

from .const import DOMAIN


@callback
def word(hass: HomeAssistant, key: str, **placeholders: str) -> str:
    """Return a common text in the language of this Home Assistant, else in English.

    The key itself stands for a text that is missing.
    """
    name = f"component.{DOMAIN}.common.{key}"
    texts = (
        async_get_cached_translations(hass, language, "common", DOMAIN)
        for language in (hass.config.language, "en")
    )
    text = next((found[name] for found in texts if name in found), key)
    for placeholder, value in placeholders.items():
        text = text.replace(f"{{{placeholder}}}", value)
    return text
