"""The bridge between one printer and its entities."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
import logging
from pathlib import Path
from typing import Any, NoReturn, Protocol, override

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.exceptions import ConfigEntryAuthFailed, ConfigEntryError
from homeassistant.helpers.storage import STORAGE_DIR
from homeassistant.helpers.update_coordinator import DataUpdateCoordinator, UpdateFailed

from .connection import endpoint_from_data
from .const import DOMAIN
from .fault_words import FaultWords
from .happenings import HappeningFeed
from .holds import Hold
from .job_project import JobProject
from .job_store import JobStore
from .power import PowerPlug
from .printer import (
    BambuPrinter,
    ControlState,
    PrinterConnectionError,
    PrinterState,
    ServiceState,
)
from .printer.errors import (
    CertificateChangedError,
    HungUpError,
    InvalidAccessCodeError,
)
from .printer.state import SECTIONS
from .problems import (
    async_connected,
    async_note_refusal,
    async_raise_access_code,
    async_raise_certificate,
    contention_of,
)
from .profiles import ProfileList
from .release import Release
from .transfer import Transfers

_LOGGER = logging.getLogger(__name__)

type BambuConfigEntry = ConfigEntry[PrinterCoordinator]

ALL_SECTIONS = frozenset(SECTIONS)
_RESUME_LIMIT = 5.0
"""Seconds that somebody waits for a connection that goes on being tried without him."""
_FINAL_ERRORS = (InvalidAccessCodeError, CertificateChangedError)


class Watcher(Protocol):
    """Somebody who wants to know one thing about the state.

    Entities are watchers themselves: there are more than a hundred for each printer, and
    one object with two functions for each would need more memory than what it remembers.
    """

    shown: Any
    """What was told last."""

    def select(self, state: PrinterState) -> Any:
        """Take the thing from the state."""

    def on_shown(self, shown: Any) -> None:
        """Be told that it is another one."""


@dataclass(slots=True, eq=False)
class _Watch[T]:
    """A watcher made of two functions."""

    select: Callable[[PrinterState], T]
    on_shown: Callable[[T], None]
    shown: T


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
        self.printer.contention = contention_of(hass, entry)
        self.data = self.printer.state
        self._watchers: dict[str, dict[Watcher, None]] = {name: {} for name in SECTIONS}
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
        self._holds: set[Hold] = set()
        self.release = Release(self)
        self.plug = PowerPlug.from_options(self)

    @property
    def control(self) -> ControlState:
        """What can be done with the printer."""
        if Hold.RELEASED in self._holds:
            return ControlState.RELEASED
        # What is switched off was not given away.
        return ControlState.OFFLINE if self._holds else self.printer.control

    @property
    def holding(self) -> bool:
        """Whether the printer is left alone, for any reason."""
        return bool(self._holds)

    def held(self, hold: Hold) -> bool:
        """Whether the printer is left alone for this reason."""
        return hold in self._holds

    async def async_hold(self, hold: Hold) -> None:
        """Leave the printer alone: the connection is given up, and not tried again."""
        if hold in self._holds:
            return
        self._holds.add(hold)
        if self._running:
            _LOGGER.info("%s is left alone: %s", self.name, hold.value)
        await self.printer.pause_session()
        self.async_update_listeners()

    async def async_unhold(self, hold: Hold) -> None:
        """Connect again, unless there is another reason not to."""
        self._holds.discard(hold)
        if not self._holds:
            await self._async_resume(_RESUME_LIMIT)
        self.async_update_listeners()

    async def _async_resume(self, limit: float) -> None:
        """Connect, and wait for the first attempt, but not longer than so many seconds."""
        attempt = self.config_entry.async_create_background_task(
            self.hass, self.printer.resume_session(), f"{DOMAIN} resuming"
        )
        await asyncio.wait((attempt,), timeout=limit)

    async def async_wake(self) -> None:
        """Make the printer ready to be told something, as far as that can be done from here.

        A connection that was released is taken back, and a plug that was chosen in the
        options is switched on if they allow it; then it is waited for the printer.

        Raises a translated `HomeAssistantError` when the printer does not come.
        """
        if self.held(Hold.RELEASED):
            await self.release.async_take_back()
        if not self.last_update_success and self.plug:
            await self.plug.async_wake()

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
        self.async_add_watcher(sections, watch)
        return partial(self.async_remove_watcher, sections, watch)

    @callback
    def async_add_watcher(self, sections: Iterable[str], watcher: Watcher) -> None:
        """Tell a watcher whenever what it selects is not what it was told last."""
        for section in sections:
            self._watchers[section][watcher] = None

    @callback
    def async_remove_watcher(self, sections: Iterable[str], watcher: Watcher) -> None:
        """Tell a watcher nothing any more."""
        for section in sections:
            self._watchers[section].pop(watcher, None)

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

    async def async_start(self) -> None:
        """Connect to the printer and wait for its first report.

        A printer with a plug of its own need not be there: it may be switched off.
        Raises `ConfigEntryNotReady`, `ConfigEntryAuthFailed` or `ConfigEntryError`.
        """
        if self.plug is None:
            await self.async_config_entry_first_refresh()
        else:
            await self._async_start_with_plug(self.plug)

    async def _async_start_with_plug(self, plug: PowerPlug) -> None:
        """Connect if the printer is there, and wait for it in the background otherwise."""
        await self.printer.pause_session()
        if plug.is_off:
            self._holds.add(Hold.POWERED_OFF)
        else:
            await self._async_resume(self._start_limit or _RESUME_LIMIT)
            if self.printer.service_state is ServiceState.CONNECTED:
                await self.printer.wait_available(self._start_limit or _RESUME_LIMIT)
            elif isinstance(self.printer.last_error, _FINAL_ERRORS):
                self._raise(self.printer.last_error)
        self._running = True
        self.data = self.printer.state
        self.last_update_success = self.printer.available

    @override
    async def _async_setup(self) -> None:
        """Connect to the printer and wait for its first report."""
        try:
            await self.printer.start_session(limit=self._start_limit)
        except PrinterConnectionError as err:
            self._raise(err)
        self._running = True

    def _raise(self, err: PrinterConnectionError) -> NoReturn:
        """Turn what went wrong into what Home Assistant expects, and open a repair."""
        match err:
            case InvalidAccessCodeError():
                async_raise_access_code(self.hass, self.config_entry)
                raise ConfigEntryAuthFailed(
                    translation_domain=DOMAIN, translation_key=err.code
                ) from err
            case CertificateChangedError():
                async_raise_certificate(self.hass, self.config_entry)
                raise ConfigEntryError(
                    translation_domain=DOMAIN, translation_key=err.code
                ) from err
            case HungUpError():
                async_note_refusal(self)
        raise UpdateFailed(translation_domain=DOMAIN, translation_key=err.code) from err

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
        watchers = {
            watcher: None for name in changed for watcher in self._watchers[name]
        }
        for watcher in watchers:
            # What one of them does can change the state once more.
            shown = watcher.select(self.data)
            if shown != watcher.shown:
                watcher.shown = shown
                watcher.on_shown(shown)

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
                async_connected(self.hass, self.config_entry)
                self._publish(ALL_SECTIONS)
            elif not self._holds:
                _LOGGER.info("%s is lost: %s", self.name, self.printer.last_error)
        self.async_update_listeners()
        if self._holds:
            return
        match self.printer.last_error:
            case InvalidAccessCodeError():
                async_raise_access_code(self.hass, self.config_entry)
                self.config_entry.async_start_reauth(self.hass)
            case CertificateChangedError():
                # Setting up again fails as well, and shows the reason at the entry.
                self.hass.config_entries.async_schedule_reload(
                    self.config_entry.entry_id
                )


def cache_folder(hass: HomeAssistant, entry_id: str) -> Path:
    """Return where pictures of a printer's projects are kept: not served to anybody."""
    return Path(hass.config.path(STORAGE_DIR, DOMAIN, entry_id))
