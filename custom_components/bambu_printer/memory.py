"""What is remembered of a printer, in Home Assistant's storage."""

from collections.abc import Callable, Mapping
import logging
from typing import Any, Final

from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.storage import Store

from .const import DOMAIN

_LOGGER = logging.getLogger(__name__)

_VERSION: Final = 1


class Memory:
    """A file of one printer; that it cannot be read keeps nobody from using the printer."""

    def __init__(self, hass: HomeAssistant, entry_id: str, name: str) -> None:
        """Know where; nothing is read yet."""
        self._store: Store[dict[str, Any]] = Store(
            hass, _VERSION, f"{DOMAIN}.{entry_id}.{name}", private=True
        )
        self._foreign = False
        """Whether the file is not ours to write: a later version's, or unreadable now."""

    async def async_load(self) -> Mapping[str, Any]:
        """Return what was saved; nothing if that cannot be had."""
        stored: object = None
        try:
            stored = await self._store.async_load()
        except HomeAssistantError as err:
            self._foreign = True
            _LOGGER.warning(
                "%s; it is left as it is, and what happens now is forgotten when Home "
                "Assistant restarts",
                err,
            )
        except LookupError, TypeError:
            _LOGGER.exception("%s is damaged, and begun anew", self._store.key)
        return stored if isinstance(stored, Mapping) else {}

    async def async_save(self, data: dict[str, Any]) -> None:
        """Save at once."""
        if not self._foreign:
            await self._store.async_save(data)

    @callback
    def async_delay_save(
        self, data_func: Callable[[], dict[str, Any]], delay: float
    ) -> None:
        """Save what is the case after so many seconds, or when Home Assistant stops."""
        if not self._foreign:
            self._store.async_delay_save(data_func, delay)

    async def async_remove(self) -> None:
        """Remove the file."""
        await self._store.async_remove()
