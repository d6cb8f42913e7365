"""A thousand connections, and a day full of faults: nothing grows, nothing is wrong after.

`FAULTS_AT_LENGTH=1` makes both as long as they are meant to be; without it they are
shortened to a few seconds.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import asdict, dataclass
from datetime import timedelta
import functools
import gc
import logging
import os
from pathlib import Path
import random
import sys
import tracemalloc
from typing import Any
from unittest.mock import patch

import pytest

from custom_components.bambu_printer.printer import BambuPrinter, Endpoint, PrinterState
from custom_components.bambu_printer.printer.state import (
    SECTIONS,
    Context,
    decode_sections,
)
from custom_components.bambu_printer.printer.state.network import SIGNAL_BOUND
from custom_components.bambu_printer.printer.state.temperatures import (
    TEMPERATURE_BOUND,
)
from tests.conftest import Clock
from virtual_printer import Stage, VirtualPrinter

from .support import census, until

AT_LENGTH = "FAULTS_AT_LENGTH" in os.environ
RECONNECTS = 1000 if AT_LENGTH else 200
SIMULATED_HOURS = 24
STEP = 10 if AT_LENGTH else 120
"""Simulated seconds from one report to the next."""
FAULTS = 400 if AT_LENGTH else 60

_LOGGER = logging.getLogger(__name__)
LIBRARY = "custom_components.bambu_printer.printer"


@pytest.fixture(autouse=True)
def _custom_integrations() -> None:
    """Start no Home Assistant: the library knows nothing of it."""


@pytest.fixture(autouse=True)
def _no_pauses() -> Iterator[None]:
    """Wait for nothing but the printer."""
    with (
        patch(f"{LIBRARY}.session._FIRST_DELAY", 0.001),
        patch(f"{LIBRARY}.session._LONGEST_DELAY", 0.05),
        patch(f"{LIBRARY}.session._STUCK", 0.02),
        patch(f"{LIBRARY}.mqtt.PING_INTERVAL", 0.3),
        patch(f"{LIBRARY}.mqtt.DEAD_AFTER", 2),
        patch(f"{LIBRARY}.watchdog._ANY_MESSAGE", 1),
        patch(f"{LIBRARY}.watchdog._ANY_MESSAGE_FULL", 1),
        patch(f"{LIBRARY}.watchdog.ANSWER_TIME", 1),
        patch(f"{LIBRARY}.printer._REPEAT_INTERVAL", 0.1),
    ):
        yield


@pytest.fixture(autouse=True)
def _quiet_loop(event_loop_debug_off: None, caplog: pytest.LogCaptureFixture) -> None:
    """Keep no debug log: it would be what grows."""
    caplog.set_level(logging.INFO)


@pytest.fixture
async def event_loop_debug_off() -> None:
    asyncio.get_running_loop().set_debug(False)


@pytest.fixture
async def virtual(socket_enabled: None) -> AsyncIterator[VirtualPrinter]:
    async with VirtualPrinter(
        "P1S",
        autostart_reports=False,
        ftps_port=None,
        detect_port=None,
        speed=STEP,
    ) as found:
        yield found


@pytest.fixture
async def printer(virtual: VirtualPrinter) -> AsyncIterator[BambuPrinter]:
    found = BambuPrinter(endpoint(virtual))
    await found.start_session()
    yield found
    await found.quit()


def endpoint(virtual: VirtualPrinter) -> Endpoint:
    return Endpoint(
        host="127.0.0.1",
        serial=virtual.serial,
        access_code=virtual.access_code,
        pin=virtual.ca_pem,
        mqtt_port=virtual.mqtt_port,
    )


@dataclass(frozen=True)
class Footprint:
    """What the process holds."""

    tasks: Counter[str]
    timers: int
    files: int
    objects: int
    memory: int
    """Bytes that the library has allocated."""


def footprint() -> Footprint:
    """Measure, without what the library remembers to be fast: that is bounded."""
    for name, module in list(sys.modules.items()):
        if name.startswith(LIBRARY):
            for item in vars(module).values():
                if isinstance(item, functools._lru_cache_wrapper):
                    item.cache_clear()
    gc.collect()
    snapshot = tracemalloc.take_snapshot().filter_traces(
        [tracemalloc.Filter(True, "*/bambu_printer/*")]
    )
    return Footprint(
        tasks=census(),
        timers=sum(
            not timer.cancelled()
            for timer in asyncio.get_running_loop()._scheduled  # type: ignore[attr-defined]
        ),
        files=len(list(Path("/proc/self/fd").iterdir()))
        if Path("/proc/self/fd").exists()
        else 0,
        objects=len(gc.get_objects()),
        memory=sum(trace.size for trace in snapshot.traces),
    )


@pytest.fixture
def traced() -> Iterator[None]:
    """Trace what is allocated."""
    tracemalloc.start()
    yield
    tracemalloc.stop()


async def settle(printer: BambuPrinter) -> None:
    """Wait until the printer is there, and all that follows is done."""
    await until(lambda: printer.available, 10)
    await until(lambda: printer._greeting is None or printer._greeting.done(), 10)


async def test_reconnecting(
    virtual: VirtualPrinter, printer: BambuPrinter, traced: None
) -> None:
    """No growth of tasks, timers, files, objects or memory."""

    async def reconnect(times: int) -> None:
        for _ in range(times):
            wanted = printer.counters.connected + 1
            await virtual.drop_connections()
            await until(lambda: printer.counters.connected >= wanted)  # noqa: B023
            await settle(printer)

    await reconnect(30)
    virtual.clear_requests()
    before = footprint()
    await reconnect(RECONNECTS)
    virtual.clear_requests()
    after = footprint()
    _LOGGER.info("%d reconnections: %s", RECONNECTS, difference(before, after))
    assert after.tasks == before.tasks
    assert after.timers <= before.timers + 3
    assert after.files == before.files
    assert after.objects - before.objects < 500
    assert after.memory - before.memory < 50_000
    assert printer.counters.lost == RECONNECTS + 30
    assert printer.counters.failed == 0


def difference(before: Footprint, after: Footprint) -> str:
    return (
        f"{after.tasks.total() - before.tasks.total():+} tasks, "
        f"{after.timers - before.timers:+} timers, "
        f"{after.files - before.files:+} files, "
        f"{after.objects - before.objects:+} objects, "
        f"{after.memory - before.memory:+} bytes"
    )


class Trouble:
    """Does something to a printer, by chance."""

    def __init__(self, seed: int, virtual: VirtualPrinter, clock: Clock) -> None:
        self.virtual = virtual
        self.clock = clock
        self.random = random.Random(seed)
        self.done: Counter[str] = Counter()

    async def happen(self) -> None:
        """Break something, and put it right again a moment later."""
        name = self.random.choice(
            ["drop", "power", "freeze", "silence", "garbage", "refuse", "clock_jump",
             "stage", "stage", "twice", "reload_certificate"]
        )  # fmt: skip
        self.done[name] += 1
        await getattr(self, name)()

    async def moment(self) -> None:
        await asyncio.sleep(self.random.uniform(0, 0.05))

    async def drop(self) -> None:
        await self.virtual.drop_connections()

    async def power(self) -> None:
        await self.virtual.power_off()
        await self.moment()
        await self.virtual.power_on()

    async def freeze(self) -> None:
        self.virtual.faults.frozen = True
        await self.moment()
        self.virtual.faults.frozen = False
        if self.random.random() < 0.5:
            await self.virtual.restart()

    async def silence(self) -> None:
        self.virtual.faults.silent = True
        # Reports are lost for good: only a full one can make up for it.
        await self.virtual.push()
        await asyncio.sleep(self.random.uniform(0.3, 0.5))
        self.virtual.faults.silent = False

    async def garbage(self) -> None:
        await self.virtual.publish_garbage()

    async def refuse(self) -> None:
        self.virtual.faults.refuse_login = True
        await self.virtual.drop_connections()
        await self.moment()
        self.virtual.faults.refuse_login = False

    async def clock_jump(self) -> None:
        self.clock.time += timedelta(hours=self.random.choice([-5, 5]))

    async def stage(self) -> None:
        kind = self.random.choice(["hang_at", "drop_at"])
        setattr(self.virtual.faults, kind, self.random.choice(list(Stage)))
        await self.virtual.drop_connections()
        await self.moment()
        self.virtual.faults.hang_at = self.virtual.faults.drop_at = None
        await self.virtual.drop_connections()

    async def twice(self) -> None:
        await self.virtual.push(full=True)
        await self.virtual.push(full=True)

    async def reload_certificate(self) -> None:
        self.virtual._generation += 1
        await self.virtual.restart()
        await self.moment()
        self.virtual._generation -= 1
        await self.virtual.restart()


@pytest.mark.timeout(900)
async def test_a_day_full_of_faults(
    virtual: VirtualPrinter,
    printer: BambuPrinter,
    clock: Clock,
    traced: None,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """24 simulated hours: at the end the state is the printer's, and memory is flat."""
    trouble = Trouble(20261125, virtual, clock)
    steps = SIMULATED_HOURS * 3600 // STEP
    due = sorted(trouble.random.sample(range(steps // 10, steps), FAULTS))
    before = None
    for step in range(steps):
        clock.time += timedelta(seconds=STEP)
        await virtual.tick(1)
        if virtual.simulation.job is None and step % 50 == 0:
            virtual.simulation.set_scene("preparing")
        await virtual.push()
        await asyncio.sleep(0)
        if step == steps // 10:
            await start_anew(virtual, printer)
            before = footprint()
        if due and due[0] == step:
            del due[0]
            await trouble.happen()
            printer.reconnect_now()
            await until(lambda: printer.available, 20)
    assert before
    await start_anew(virtual, printer)
    after = footprint()
    _LOGGER.info(
        "%d steps, %s, %s, %s", steps, dict(trouble.done),
        difference(before, after), printer.counters,
    )  # fmt: skip
    assert after.tasks == before.tasks
    assert after.files == before.files
    assert after.memory - before.memory < 100_000

    other = BambuPrinter(endpoint(virtual))
    await other.start_session()
    await settle(other)
    await other.quit()
    assert exact(printer) == exact(other)
    # What hovers is calmed: it may be shown a little off, and nothing else.
    assert all(
        abs(shown - told) <= max(TEMPERATURE_BOUND, SIGNAL_BOUND)
        for shown, told in differences(asdict(printer.state), asdict(other.state))
    )
    errors = [x.getMessage() for x in caplog.records if x.levelno > logging.WARNING]
    assert errors == []


async def start_anew(virtual: VirtualPrinter, printer: BambuPrinter) -> None:
    """Begin another connection, with a full report, and forget what the printer keeps."""
    lost = printer.counters.lost
    await virtual.drop_connections()
    await until(lambda: printer.counters.lost > lost)
    await settle(printer)
    virtual.clear_requests()


def exact(printer: BambuPrinter) -> PrinterState:
    """Read the merged report as if it were the first one."""
    context = Context(printer.model, printer.clock())
    state, _ = decode_sections(PrinterState(), printer.raw.data, SECTIONS, context)
    return state


TIMES = frozenset({"start_time", "finish_time"})
"""Reckoned from when something was seen, not from reports."""


def differences(one: Any, other: Any) -> Iterator[tuple[Any, Any]]:
    """Yield the single values in which two states differ."""
    if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
        for key in one.keys() - TIMES:
            yield from differences(one[key], other[key])
    elif isinstance(one, tuple) and isinstance(other, tuple) and len(one) == len(other):
        for item, counterpart in zip(one, other, strict=True):
            yield from differences(item, counterpart)
    elif one != other:
        yield one, other
