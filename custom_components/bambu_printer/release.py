"""Making room for another program: the connection given up on purpose, and its return."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from homeassistant.core import CALLBACK_TYPE, callback
from homeassistant.helpers.event import async_call_later
from homeassistant.util import dt as dt_util

from .const import CONF_RELEASE, CONF_RETURN_AFTER
from .holds import Hold

if TYPE_CHECKING:
    from .coordinator import PrinterCoordinator


class Release:
    """Gives the connection up, and takes it back when it is told or after some minutes.

    It is not remembered: after a restart of Home Assistant or of the entry there is a
    connection again.
    """

    def __init__(self, coordinator: PrinterCoordinator) -> None:
        """Read from the options after how many minutes it returns; 0: never by itself."""
        self._coordinator = coordinator
        options = coordinator.config_entry.options.get(CONF_RELEASE, {})
        self._minutes = float(options.get(CONF_RETURN_AFTER, 0))
        self._cancel: CALLBACK_TYPE | None = None
        self.returns_at: datetime | None = None
        """When the connection is taken back, if it is."""

    async def async_release(self) -> None:
        """Give the connection up."""
        self.async_cancel()
        if self._minutes:
            delay = timedelta(minutes=self._minutes)
            self.returns_at = dt_util.utcnow() + delay
            self._cancel = async_call_later(
                self._coordinator.hass, delay, self._async_return
            )
        await self._coordinator.async_hold(Hold.RELEASED)

    async def async_take_back(self) -> None:
        """Connect again."""
        self.async_cancel()
        await self._coordinator.async_unhold(Hold.RELEASED)

    async def _async_return(self, _now: datetime) -> None:
        self._cancel = None
        await self.async_take_back()

    @callback
    def async_cancel(self) -> None:
        """Do not return by itself any more."""
        if self._cancel:
            self._cancel()
            self._cancel = None
        self.returns_at = None
