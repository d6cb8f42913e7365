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


@callback
def state_word(
    hass: HomeAssistant, platform: str, entity: str, state: str
) -> str | None:
    """Return how Home Assistant shows a state of one of our entities, if it is translated."""
    name = f"component.{DOMAIN}.entity.{platform}.{entity}.state.{state}"
    for language in (hass.config.language, "en"):
        texts = async_get_cached_translations(hass, language, "entity", DOMAIN)
        if name in texts:
            return texts[name]
    return None


def duration_words(seconds: int) -> str:
    """Write a duration in hours and minutes, the same in every language."""
    minutes = round(seconds / 60)
    return (
        f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"
    )
