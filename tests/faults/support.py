"""What the tests of faults measure with."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
import logging
import time

from homeassistant.const import EVENT_STATE_CHANGED, STATE_UNAVAILABLE
from homeassistant.core import Event, EventStateChangedData, callback
import orjson
import pytest

from custom_components.bambu_printer.diagnostics import (
    async_get_config_entry_diagnostics,
)
from tests.conftest import Rig


def census() -> Counter[str]:
    """Count the tasks that are not done, by what they do."""
    current = asyncio.current_task()
    return Counter(
        getattr(task.get_coro(), "__qualname__", "?")
        for task in asyncio.all_tasks()
        if task is not current and not task.done()
    )


async def until(condition: Callable[[], object], seconds: float = 5) -> float:
    """Wait until something is so; return how long that took."""
    begun = time.monotonic()
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.005)
    return time.monotonic() - begun


class Lag:
    """How long the event loop was busy with one thing, at most."""

    worst = 0.0
    """Seconds."""


@asynccontextmanager
async def sampled_lag(interval: float = 0.002) -> AsyncIterator[Lag]:
    """Look at the event loop every few milliseconds, and how late that is."""
    lag = Lag()

    async def sample() -> None:
        while True:
            before = time.perf_counter()
            await asyncio.sleep(interval)
            late = time.perf_counter() - before - interval
            lag.worst = max(lag.worst, late)

    task = asyncio.create_task(sample())
    await asyncio.sleep(0)
    try:
        yield lag
    finally:
        # A last look: what blocked until now has not been seen yet.
        await asyncio.sleep(interval)
        task.cancel()
        await asyncio.wait([task])


@dataclass
class Timeline:
    """When which entities were lost and came back."""

    rig: Rig
    changes: dict[str, list[bool]] = field(default_factory=dict)
    """For each entity the changes of its availability, in their order."""
    times: list[tuple[float, int]] = field(default_factory=list)
    """How many entities were available, after each change; seconds from the start."""

    def __post_init__(self) -> None:
        """Listen from now on."""
        begun = time.monotonic()

        @callback
        def changed(event: Event[EventStateChangedData]) -> None:
            old, new = event.data["old_state"], event.data["new_state"]
            if old is None or new is None or new.attributes.get("restored"):
                return
            before, now = (x.state != STATE_UNAVAILABLE for x in (old, new))
            if before != now:
                self.changes.setdefault(event.data["entity_id"], []).append(now)
                self.times.append((time.monotonic() - begun, len(self.rig.available())))

        self.stop = self.rig.hass.bus.async_listen(EVENT_STATE_CHANGED, changed)


class Journal:
    """What was logged, and must not have been."""

    def __init__(self, caplog: pytest.LogCaptureFixture, *secrets: str) -> None:
        """Read along from now on."""
        caplog.set_level(logging.DEBUG)
        caplog.clear()
        self._caplog = caplog
        self._secrets = secrets

    def complaints(self) -> list[str]:
        """Return warnings and errors of ours, of asyncio and of Home Assistant."""
        return [
            f"{record.name}: {record.getMessage()}"
            for record in self._caplog.records
            # That something took long is no fault, only slow.
            if not record.getMessage().startswith("Executing <")
            and record.levelno >= (logging.INFO if record.exc_info else logging.WARNING)
        ]

    def lines(self, word: str) -> list[str]:
        """Return what the user can see by default and has the word in it."""
        return [
            record.getMessage()
            for record in self._caplog.records
            if record.levelno >= logging.INFO
            and record.name.startswith("custom_components.")
            and word in record.getMessage()
        ]

    def check_secrets(self) -> None:
        """Fail when a secret was logged, at whatever level."""
        for secret in self._secrets:
            assert secret not in self._caplog.text


async def check_diagnostics(rig: Rig, *secrets: str) -> None:
    """Fail when the diagnostics tell a secret."""
    if not hasattr(rig.entry, "runtime_data"):
        return
    found = await async_get_config_entry_diagnostics(rig.hass, rig.entry)
    text = orjson.dumps(found, default=str).decode()
    for secret in secrets:
        assert secret not in text
