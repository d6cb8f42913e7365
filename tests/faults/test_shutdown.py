"""Unloading, reloading and stopping take a moment, whatever the printer is doing."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, ExitStack
import logging
from pathlib import Path
import time
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import EVENT_HOMEASSISTANT_STOP
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.bambu_printer.const import DOMAIN
from tests.black_hole import BlackHole
from tests.conftest import Rig, entry_data, wait_until
from virtual_printer import Stage, VirtualPrinter

from .process import PrinterProcess
from .support import Journal, sampled_lag

LIMIT = 1.0
"""Seconds."""
MOST_LAG = 0.05
"""Seconds that the event loop may be busy with one thing."""
SLACK = 5
"""How much slower the machine may be that runs the tests, together with the checks that
Home Assistant's test harness makes; the log tells what was measured."""

_LOGGER = logging.getLogger(__name__)

CONDITIONS = [
    "connected",
    "no answer to SYN",
    *(f"hangs at {stage}" for stage in Stage if stage is not Stage.REQUEST),
]


async def bring_about(rig: Rig, condition: str, stack: ExitStack) -> None:
    """Bring the printer and the session into a condition."""
    virtual, printer = rig.printer, rig.entry.runtime_data.printer
    if condition == "no answer to SYN":
        await virtual.power_off()
        stack.enter_context(BlackHole(port=virtual.mqtt_port))
        await wait_until(rig.hass, lambda: not printer.available)
        printer.reconnect_now()
        await wait_until(rig.hass, lambda: dialling(printer._session))
    elif condition != "connected":
        virtual.faults.hang_at = Stage(condition.removeprefix("hangs at "))
        await virtual.drop_connections()
        await wait_until(rig.hass, lambda: not printer.available)
        printer.reconnect_now()
        await wait_until(rig.hass, lambda: virtual.faults.struck)


def dialling(session) -> bool:
    return session._connection is not None and session._connection.dialling


async def unload(rig: Rig) -> None:
    assert await rig.hass.config_entries.async_unload(rig.entry.entry_id)
    assert rig.entry.state is ConfigEntryState.NOT_LOADED


async def reload(rig: Rig) -> None:
    await rig.hass.config_entries.async_reload(rig.entry.entry_id)
    assert rig.entry.state in (ConfigEntryState.LOADED, ConfigEntryState.SETUP_RETRY)


async def stop(rig: Rig) -> None:
    rig.hass.bus.async_fire(EVENT_HOMEASSISTANT_STOP)
    await rig.hass.async_block_till_done()


@pytest.fixture(autouse=True)
async def _as_in_production(hass: HomeAssistant) -> AsyncIterator[None]:
    """Switch off what makes the event loop slow in tests only."""
    hass.loop.set_debug(False)
    yield
    hass.loop.set_debug(True)


@pytest.mark.parametrize("condition", CONDITIONS)
@pytest.mark.parametrize("action", [unload, reload, stop])
async def test_it_takes_a_moment(
    rig: Rig,
    action: Callable[[Rig], Awaitable[None]],
    condition: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with ExitStack() as stack:
        await bring_about(rig, condition, stack)
        task = rig.entry.runtime_data.printer._session._task
        journal = Journal(caplog)
        async with sampled_lag() as lag:
            begun = time.perf_counter()
            await action(rig)
            took = time.perf_counter() - begun
        _LOGGER.info(
            "%s, %s: %.3f s, lag %.3f s", action.__name__, condition, took, lag.worst
        )
        assert took < LIMIT
        assert lag.worst < MOST_LAG * SLACK
        assert task.done()
        assert journal.lines("is lost") == []
        rig.printer.faults.hang_at = None
        await rig.printer.drop_connections()


@pytest.fixture
async def hung(
    hass: HomeAssistant, socket_enabled: None, tmp_path: Path
) -> AsyncIterator[MockConfigEntry]:
    """Return the entry of a printer that is stopped while it is connected."""
    async with PrinterProcess(tmp_path, "12345678") as process:
        entry = MockConfigEntry(
            domain=DOMAIN, unique_id=process.serial, data=process.entry_data
        )
        entry.add_to_hass(hass)
        assert await hass.config_entries.async_setup(entry.entry_id)
        await hass.async_block_till_done()
        process.freeze()
        yield entry


@pytest.mark.parametrize("action", [unload, reload, stop])
async def test_it_takes_a_moment_for_a_printer_that_hangs(
    hass: HomeAssistant,
    hung: MockConfigEntry,
    action: Callable[[Any], Awaitable[None]],
) -> None:
    task = hung.runtime_data.printer._session._task
    async with sampled_lag() as lag:
        begun = time.perf_counter()
        await action(SimpleNamespace(hass=hass, entry=hung))
        took = time.perf_counter() - begun
    _LOGGER.info("%s, hung: %.3f s, lag %.3f s", action.__name__, took, lag.worst)
    assert took < LIMIT
    assert lag.worst < MOST_LAG * SLACK
    assert task.done()


async def test_twenty_printers(
    hass: HomeAssistant, socket_enabled: None, caplog: pytest.LogCaptureFixture
) -> None:
    """Ten that are connected, and ten that are stuck somewhere on the way."""
    async with AsyncExitStack() as stack:
        rigs = []
        for number in range(20):
            printer = await stack.enter_async_context(
                VirtualPrinter(
                    serial=f"00M00A0000000{number:02}",
                    autostart_reports=False,
                    ftps_port=None,
                )
            )
            entry = MockConfigEntry(
                domain=DOMAIN, unique_id=printer.serial, data=entry_data(printer)
            )
            entry.add_to_hass(hass)
            rigs.append(Rig(hass, printer, entry))
        # How many entities there are does not matter here.
        with patch("custom_components.bambu_printer.PLATFORMS", []):
            await hass.config_entries.async_setup(rigs[0].entry.entry_id)
            await hass.async_block_till_done()
        with ExitStack() as others:
            for number, rig in enumerate(rigs):
                assert rig.entry.state is ConfigEntryState.LOADED
                condition = CONDITIONS[0 if number < 10 else 1 + number % 5]
                await bring_about(rig, condition, others)
            tasks = [rig.entry.runtime_data.printer._session._task for rig in rigs]
            async with sampled_lag() as lag:
                begun = time.perf_counter()
                hass.bus.async_fire(EVENT_HOMEASSISTANT_STOP)
                await asyncio.wait(tasks)
                took = time.perf_counter() - begun
        _LOGGER.info("stop with 20 printers: %.3f s, lag %.3f s", took, lag.worst)
        assert took < 3
        assert lag.worst < MOST_LAG * SLACK
        await hass.async_block_till_done()
