"""The bridge between one printer and its entities."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
import logging
from pathlib import Path
from typing import Any, override

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import CONF_HOST
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.exceptions import ConfigEntryAuthFailed, ConfigEntryError
from homeassistant.helpers.storage import STORAGE_DIR
from homeassistant.helpers.update_coordinator import DataUpdateCoordinator, UpdateFailed

from .const import (
    CONF_ACCESS_CODE,
    CONF_CAMERA_PORT,
    CONF_CERTIFICATE,
    CONF_DETECT_PORT,
    CONF_FTPS_PORT,
    CONF_MQTT_PORT,
    CONF_SERIAL,
    DOMAIN,
    FTPS_PORT,
)
from .fault_words import FaultWords
from .happenings import HappeningFeed
from .job_project import JobProject
from .job_store import JobStore
from .printer import (
    DETECT_PORT,
    BambuPrinter,
    Endpoint,
    PrinterConnectionError,
    PrinterState,
)
from .printer.errors import CertificateChangedError, InvalidAccessCodeError
from .printer.state import SECTIONS
from .profiles import ProfileList
from .transfer import Transfers

_LOGGER = logging.getLogger(__name__)

type BambuConfigEntry = ConfigEntry[PrinterCoordinator]

ALL_SECTIONS = frozenset(SECTIONS)


@dataclass(slots=True, eq=False)
class _Watch[T]:
    """Somebody who wants to know one thing about the state."""

    select: Callable[[PrinterState], T]
    update: Callable[[T], None]
    value: T


@dataclass(slots=True)
class DryingPlan:
    """How a unit dries when it is switched on: mild enough for every filament."""

    temperature: int = 45
    """°C"""
    hours: int = 8


class PrinterCoordinator(DataUpdateCoordinator[PrinterState]):
    """Holds the session with a printer and wakes the entities that a report concerns.

    Nothing is polled.  The standard listeners are called when the printer is lost or
    back; for everything else entities watch single values, and those whose value a
    report did not change are not called.
    """

    config_entry: BambuConfigEntry
    device_id: str
    """Of the printer, in the device registry; set before any entity is made."""

    def __init__(
        self,
        hass: HomeAssistant,
        entry: BambuConfigEntry,
        *,
        start_limit: float | None = None,
    ) -> None:
        """Prepare the session; nothing is sent yet.

        `start_limit` bounds the wait for the first report, in seconds.
        """
        super().__init__(
            hass, _LOGGER, config_entry=entry, name=entry.title, update_interval=None
        )
        self.printer = BambuPrinter(
            endpoint_from_data(entry.data),
            on_update=self._on_update,
            on_connection=self._on_connection,
            cache_folder=cache_folder(hass, entry.entry_id),
        )
        self.data = self.printer.state
        self._watches: dict[str, dict[_Watch[Any], None]] = {
            name: {} for name in SECTIONS
        }
        self._start_limit = start_limit
        self._running = False
        self.shape_revision = 0
        """Counts what changes the choice of entities beside the printer's reports."""
        self.known_shape: tuple[PrinterState, tuple[object, ...]] | None = None
        """What decides about the choice of entities, and of which state it was taken."""
        self.profiles = ProfileList(self)
        self.happenings = HappeningFeed(self)
        self.fault_words = FaultWords(self)
        self.jobs = JobStore(self)
        self.job_project = JobProject(self)
        self.transfers = Transfers()
        self._drying_plans: dict[int, DryingPlan] = {}

    def drying_plan(self, unit: int) -> DryingPlan:
        """Return how a unit is going to dry."""
        return self._drying_plans.setdefault(unit, DryingPlan())

    @callback
    def async_tell_chamber_temp(self, value: float | None) -> None:
        """Show a chamber temperature that something else measures, °C.

        Raises `OutOfRangeError` for what no chamber can have.
        """
        first = not self.printer.chamber_temp_told
        self.printer.set_chamber_temp(value)
        if first and self._running:
            self.shape_revision += 1
            self._publish(("capabilities",))

    @callback
    def async_watch[T](
        self,
        sections: Iterable[str],
        select: Callable[[PrinterState], T],
        update: Callable[[T], None],
    ) -> CALLBACK_TYPE:
        """Call `update` whenever what `select` takes from the state is another one.

        It is looked at only when one of the named sections changed.  Returns what ends it.
        """
        watch = _Watch(select, update, select(self.data))
        sections = tuple(sections)
        for section in sections:
            self._watches[section][watch] = None

        @callback
        def unwatch() -> None:
            for section in sections:
                self._watches[section].pop(watch, None)

        return unwatch

    async def async_wait_for(
        self, sections: Iterable[str], condition: Callable[[], bool], limit: float
    ) -> bool:
        """Wait until reports have made something true; return whether they did.

        The condition is looked at after each report that changed one of the sections.
        """
        done = asyncio.Event()

        @callback
        def update(true: bool) -> None:
            if true:
                done.set()

        unwatch = self.async_watch(sections, lambda _state: condition(), update)
        try:
            if condition():
                return True
            async with asyncio.timeout(limit):
                await done.wait()
        except TimeoutError:
            return False
        finally:
            unwatch()
        return True

    async def async_disconnect(self) -> None:
        """End the session."""
        self._running = False
        await self.printer.quit()

    @override
    async def _async_setup(self) -> None:
        """Connect to the printer and wait for its first report."""
        try:
            await self.printer.start_session(limit=self._start_limit)
        except InvalidAccessCodeError as err:
            raise ConfigEntryAuthFailed(
                translation_domain=DOMAIN, translation_key=err.code
            ) from err
        except CertificateChangedError as err:
            raise ConfigEntryError(
                translation_domain=DOMAIN, translation_key=err.code
            ) from err
        except PrinterConnectionError as err:
            raise UpdateFailed(
                translation_domain=DOMAIN, translation_key=err.code
            ) from err
        self._running = True

    @override
    async def _async_update_data(self) -> PrinterState:
        """Return what the printer has pushed; there is nothing to fetch."""
        if not self.printer.available:
            raise UpdateFailed(
                translation_domain=DOMAIN, translation_key="not_connected"
            )
        return self.printer.state

    @callback
    def _on_update(self, changed: frozenset[str]) -> None:
        """Wake those whose value changed; while the state is stale, nobody."""
        if self._running and self.last_update_success:
            self._publish(changed)

    @callback
    def _publish(self, changed: Iterable[str]) -> None:
        self.data = self.printer.state
        watches = {watch: None for name in changed for watch in self._watches[name]}
        for watch in watches:
            # What one of them does can change the state once more.
            value = watch.select(self.data)
            if value != watch.value:
                watch.value = value
                watch.update(value)

    @callback
    def _on_connection(self) -> None:
        """Take the printer for lost or back, and say so once."""
        if not self._running:
            return
        available = self.printer.available
        if available != self.last_update_success:
            self.last_update_success = available
            if available:
                _LOGGER.info("%s is back", self.name)
                self._publish(ALL_SECTIONS)
            else:
                _LOGGER.info("%s is lost: %s", self.name, self.printer.last_error)
            self.async_update_listeners()
        match self.printer.last_error:
            case InvalidAccessCodeError():
                self.config_entry.async_start_reauth(self.hass)
            case CertificateChangedError():
                # Setting up again fails as well, and shows the reason at the entry.
                self.hass.config_entries.async_schedule_reload(
                    self.config_entry.entry_id
                )


def endpoint_from_data(data: Any) -> Endpoint:
    """Read where a printer is from the data of its entry."""
    return Endpoint(
        host=data[CONF_HOST],
        serial=data[CONF_SERIAL],
        access_code=data[CONF_ACCESS_CODE],
        pin=data[CONF_CERTIFICATE],
        mqtt_port=data[CONF_MQTT_PORT],
        detect_port=data.get(CONF_DETECT_PORT, DETECT_PORT),
        camera_port=data.get(CONF_CAMERA_PORT),
        ftps_port=data.get(CONF_FTPS_PORT, FTPS_PORT),
    )


def cache_folder(hass: HomeAssistant, entry_id: str) -> Path:
    """Return where pictures of a printer's projects are kept: not served to anybody."""
    return Path(hass.config.path(STORAGE_DIR, DOMAIN, entry_id))
