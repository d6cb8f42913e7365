"""A printer that is not there when its entry is set up, and comes later."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from unittest.mock import patch

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_fire_time_changed,
)

import custom_components.bambu_printer as integration_module
from custom_components.bambu_printer import retry
from virtual_printer import VirtualPrinter

from .conftest import Rig, wait_until


@pytest.fixture
def soon() -> Iterator[None]:
    """Look for printers all the time."""
    with patch.object(retry, "LOOK_INTERVAL", 0.02):
        yield


def looks() -> int:
    return sum("_async_look" in str(task.get_coro()) for task in asyncio.all_tasks())


async def missing(
    hass: HomeAssistant, printer: VirtualPrinter, entry: MockConfigEntry
) -> None:
    """Set up an entry whose printer is switched off."""
    await printer.power_off()
    entry.add_to_hass(hass)
    await hass.config_entries.async_setup(entry.entry_id)
    assert entry.state is ConfigEntryState.SETUP_RETRY
    assert looks() == 1


async def test_found_though_nothing_announces_it(
    hass: HomeAssistant, printer: VirtualPrinter, entry: MockConfigEntry, soon: None
) -> None:
    """Home Assistant's own next attempt is not waited for: no time passes for it here."""
    await missing(hass, printer, entry)
    await asyncio.sleep(0.1)
    assert entry.state is ConfigEntryState.SETUP_RETRY
    await printer.power_on()
    await wait_until(hass, lambda: entry.state is ConfigEntryState.LOADED)
    await wait_until(hass, lambda: looks() == 0)


async def test_a_stranger_at_the_address_is_told_nothing(
    hass: HomeAssistant, printer: VirtualPrinter, entry: MockConfigEntry, soon: None
) -> None:
    await missing(hass, printer, entry)
    await printer.restart(new_certificate=True)
    with patch.object(printer, "_authenticate", side_effect=AssertionError):
        await asyncio.sleep(0.2)
    assert entry.state is ConfigEntryState.SETUP_RETRY


@pytest.mark.parametrize("how", ["unloaded", "removed"])
async def test_it_ends_with_the_entry(
    hass: HomeAssistant,
    printer: VirtualPrinter,
    entry: MockConfigEntry,
    soon: None,
    how: str,
) -> None:
    await missing(hass, printer, entry)
    if how == "unloaded":
        await hass.config_entries.async_unload(entry.entry_id)
    else:
        await hass.config_entries.async_remove(entry.entry_id)
    await printer.power_on()
    await wait_until(hass, lambda: looks() == 0)
    assert entry.state is ConfigEntryState.NOT_LOADED


async def test_each_attempt_begins_to_look_anew(
    hass: HomeAssistant, printer: VirtualPrinter, entry: MockConfigEntry
) -> None:
    await missing(hass, printer, entry)
    for minutes in (1, 2, 3):
        before = hass.data[retry._LOOKS][entry.entry_id]
        async_fire_time_changed(hass, dt_util.utcnow() + timedelta(minutes=minutes))
        await wait_until(hass, before.done)
        await wait_until(hass, lambda: entry.state is ConfigEntryState.SETUP_RETRY)
        assert looks() == 1
    await hass.config_entries.async_unload(entry.entry_id)
    retry.async_stop_looking(hass, entry)


async def test_a_slow_printer_has_its_time(
    hass: HomeAssistant, printer: VirtualPrinter, entry: MockConfigEntry
) -> None:
    """Only the reload of an entry that was set up is in a hurry, and only once."""
    with patch.object(integration_module, "_RELOAD_LIMIT", 0.0):
        await missing(hass, printer, entry)
        await printer.power_on()
        async_fire_time_changed(hass, dt_util.utcnow() + timedelta(minutes=1))
        await wait_until(hass, lambda: entry.state is ConfigEntryState.LOADED)


async def test_only_one_attempt_after_a_reload_is_in_a_hurry(
    hass: HomeAssistant, rig: Rig
) -> None:
    """The next comes soon, however the first has ended, and has all its time."""
    with (
        patch.object(integration_module, "_RELOAD_LIMIT", 0.0),
        patch.object(retry, "SOON", 0.05),
        patch(
            f"{integration_module.__name__}.coordinator.BambuPrinter.parted", new=False
        ),
    ):
        await hass.config_entries.async_reload(rig.entry.entry_id)
        assert rig.entry.state is ConfigEntryState.SETUP_RETRY
        await wait_until(hass, lambda: rig.entry.state is ConfigEntryState.LOADED)
