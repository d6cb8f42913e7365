"""The calibration profiles that a printer keeps, fetched only while somebody shows them."""

from collections.abc import Callable
import logging
from typing import TYPE_CHECKING, Any

from homeassistant.core import CALLBACK_TYPE, callback

from .printer import BambuError

if TYPE_CHECKING:
    from .coordinator import PrinterCoordinator

_LOGGER = logging.getLogger(__name__)


class ProfileList:
    """The profiles of one printer; one question serves all who show them."""

    def __init__(self, coordinator: PrinterCoordinator) -> None:
        """Know nothing yet, and ask nothing before somebody wants to know."""
        self.items: list[dict[str, Any]] = []
        self._coordinator = coordinator
        self._users: list[Callable[[], None]] = []
        self._unwatch: CALLBACK_TYPE | None = None

    @callback
    def async_use(self, update: Callable[[], None]) -> CALLBACK_TYPE:
        """Keep the list up to date, and call `update` when it changes, until released."""
        self._users.append(update)
        if self._unwatch is None:
            self._unwatch = self._coordinator.async_watch(
                ("capabilities",),
                lambda state: state.capabilities.calibration_version,
                self._refresh,
            )
            self._refresh(None)

        @callback
        def release() -> None:
            self._users.remove(update)
            if not self._users and self._unwatch:
                self._unwatch()
                self._unwatch = None

        return release

    @callback
    def _refresh(self, _version: int | None) -> None:
        self._coordinator.config_entry.async_create_background_task(
            self._coordinator.hass, self._async_fetch(), "bambu_printer profiles"
        )

    async def _async_fetch(self) -> None:
        try:
            items = await self._coordinator.printer.get_extrusion_calibration_profiles()
        except BambuError as err:
            # The default can be chosen all the same.
            _LOGGER.debug("The calibration profiles cannot be listed: %s", err)
            return
        if items != self.items:
            self.items = items
            for update in tuple(self._users):
                update()
