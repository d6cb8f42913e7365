"""Telling what happens to a printer, exactly once, also across restarts."""

from collections.abc import Callable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers.event import async_call_later
from homeassistant.helpers.start import async_at_started
from homeassistant.util import dt as dt_util

from .memory import Memory
from .printer import SlotAddress
from .printer.happenings import SECTIONS, Happening, HappeningTracker, ObservedJob
from .slot_keys import slot_key

if TYPE_CHECKING:
    from .coordinator import PrinterCoordinator

type HappeningCallback = Callable[[Happening], None]

_LATER: Final = 120.0
"""Seconds after which it is written down how far a job is."""


def _memory(hass: HomeAssistant, entry_id: str) -> Memory:
    return Memory(hass, entry_id, "happenings")


async def async_forget_happenings(hass: HomeAssistant, entry_id: str) -> None:
    """Remove what is remembered of a printer."""
    await _memory(hass, entry_id).async_remove()


def plain_data(happening: Happening) -> Mapping[str, Any]:
    """Return the details of a happening in words and numbers that JSON has."""
    details = {key: _plain(value) for key, value in happening.data.items()}
    return {"job": happening.job, **details} if happening.job else details


def _plain(value: object) -> object:
    if isinstance(value, SlotAddress):
        return slot_key(value)
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    return value.value if isinstance(value, StrEnum) else value


class HappeningFeed:
    """Looks at the state whenever it changes, and tells everybody what happened.

    It begins when Home Assistant has started: what happened while it was down is told
    when automations can hear it.
    """

    def __init__(self, coordinator: PrinterCoordinator) -> None:
        """Prepare; nothing is looked at yet."""
        self._coordinator = coordinator
        self._hass = coordinator.hass
        self._memory = _memory(self._hass, coordinator.config_entry.entry_id)
        self._tracker = HappeningTracker()
        self._callbacks: dict[HappeningCallback, None] = {}
        self._watchers: dict[Callable[[], None], None] = {}
        self._endings: list[CALLBACK_TYPE] = []
        self._cancel_timer: CALLBACK_TYPE | None = None
        self._to_be_written = False
        self._loaded = False

    @property
    def job(self) -> ObservedJob | None:
        """The job under way, as far as it was followed; not to be changed."""
        return self._tracker.job

    @callback
    def async_subscribe(self, told: HappeningCallback) -> CALLBACK_TYPE:
        """Call somebody with everything that happens; return what ends that."""
        self._callbacks[told] = None

        @callback
        def unsubscribe() -> None:
            self._callbacks.pop(told, None)

        return unsubscribe

    @callback
    def async_watch(self, looked: Callable[[], None]) -> CALLBACK_TYPE:
        """Call somebody after each look, whether or not something happened."""
        self._watchers[looked] = None

        @callback
        def unwatch() -> None:
            self._watchers.pop(looked, None)

        return unwatch

    async def async_load(self) -> None:
        """Remember what was told already."""
        self._tracker.load(await self._memory.async_load())
        self._loaded = True

    @callback
    def async_start(self) -> None:
        """Begin to look, at the latest when Home Assistant has started."""
        self._endings.append(async_at_started(self._hass, self._begin))

    async def async_stop(self) -> None:
        """Look no more, and write down what was told."""
        while self._endings:
            self._endings.pop()()
        self._drop_timer()
        if self._loaded:
            self._to_be_written = False
            await self._memory.async_save(self._tracker.dump())

    @callback
    def _begin(self, _hass: HomeAssistant) -> None:
        self._endings += [
            self._coordinator.async_watch(
                SECTIONS,
                lambda state: tuple(getattr(state, name) for name in SECTIONS),
                self._look,
            ),
            self._coordinator.async_add_listener(self._on_connection),
        ]
        self._on_connection()

    @callback
    def _on_connection(self) -> None:
        if self._coordinator.last_update_success:
            self._look()
        else:
            self._drop_timer()
            self._tracker.lose_sight()

    @callback
    def _look(self, _state: object = None) -> None:
        self._drop_timer()
        if not self._coordinator.last_update_success:
            return
        now = dt_util.utcnow()
        found = self._tracker.look(self._coordinator.data, now)
        self._write(told=bool(found))
        for happening in found:
            for told in list(self._callbacks):
                told(happening)
        for looked in list(self._watchers):
            looked()
        if due := self._tracker.due:
            delay = max(0.0, (due - now).total_seconds()) + 0.01
            self._cancel_timer = async_call_later(self._hass, delay, self._on_timer)

    @callback
    def _on_timer(self, _now: datetime) -> None:
        self._cancel_timer = None
        self._look()

    @callback
    def _drop_timer(self) -> None:
        if self._cancel_timer:
            self._cancel_timer()
            self._cancel_timer = None

    @callback
    def _write(self, *, told: bool) -> None:
        """Write down what is known: at once what was told, lest a power cut repeats it."""
        if told:
            self._hass.async_create_task(
                self._memory.async_save(self._remember()), "bambu_printer happenings"
            )
        elif not self._to_be_written:
            # Each call would put off the ones before.
            self._to_be_written = True
            self._memory.async_delay_save(self._remember, _LATER)

    @callback
    def _remember(self) -> dict[str, Any]:
        self._to_be_written = False
        return self._tracker.dump()
