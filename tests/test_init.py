"""Setting up, unloading, losing and finding a printer."""

import asyncio
from datetime import timedelta
from typing import Any
from unittest.mock import patch

from homeassistant import block_async_io
from homeassistant.config_entries import SOURCE_REAUTH, ConfigEntryState
from homeassistant.const import (
    EVENT_HOMEASSISTANT_FINAL_WRITE,
    EVENT_HOMEASSISTANT_STOP,
    STATE_OFF,
    STATE_ON,
    STATE_UNAVAILABLE,
)
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import device_registry as dr
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_fire_time_changed,
)

from custom_components.bambu_printer.const import CONF_ACCESS_CODE, DOMAIN
from custom_components.bambu_printer.coordinator import cache_folder
from custom_components.bambu_printer.printer import printer as printer_module
from custom_components.bambu_printer.printer.watchdog import Patience
from virtual_printer import PROFILES, VirtualPrinter

from .conftest import Rig, wait_until

PRINTER = "custom_components.bambu_printer.printer.printer"
WATCHDOG = "custom_components.bambu_printer.printer.watchdog"
COORDINATOR = "custom_components.bambu_printer.coordinator"


def log_lines(caplog: pytest.LogCaptureFixture, word: str) -> list[str]:
    """Return what the coordinator tells the user about the connection."""
    return [
        record.getMessage()
        for record in caplog.records
        if record.name == COORDINATOR and word in record.getMessage()
    ]


def reauth_flows(hass: HomeAssistant) -> list[Any]:
    return [
        flow
        for flow in hass.config_entries.flow.async_progress_by_handler(DOMAIN)
        if flow["context"]["source"] == SOURCE_REAUTH
    ]


# Set-up and its failures


@pytest.mark.parametrize("model", sorted(PROFILES))
async def test_every_model_sets_up(hass: HomeAssistant, rig: Rig) -> None:
    assert rig.entry.state is ConfigEntryState.LOADED
    assert rig.state("sensor", "status").state == "running"
    assert len(rig.available()) > 20
    assert rig.entry.runtime_data.printer.raw.unknown_keys == set()


async def test_unload(hass: HomeAssistant, rig: Rig) -> None:
    await rig.hass.config_entries.async_unload(rig.entry.entry_id)
    assert rig.entry.state is ConfigEntryState.NOT_LOADED
    await wait_until(hass, lambda: rig.printer.connected_clients == 0)
    assert rig.available() == set()
    assert not hasattr(rig.entry, "runtime_data")


@pytest.mark.timeout(300)
async def test_reload_ten_times(
    hass: HomeAssistant, rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    def census() -> dict[str, Any]:
        return {
            "clients": rig.printer.connected_clients,
            "subscribed": rig.printer.subscribed_clients,
            "tasks": sum(not task.done() for task in asyncio.all_tasks()),
            "listeners": {
                event: count
                for event, count in hass.bus.async_listeners().items()
                # Comes and goes with what waits to be written, registries and all.
                if event != EVENT_HOMEASSISTANT_FINAL_WRITE
            },
            "states": len(rig.states()),
            "devices": len(dr.async_get(hass).devices),
        }

    await rig.hass.config_entries.async_reload(rig.entry.entry_id)
    await wait_until(hass, lambda: rig.printer.connected_clients == 1)
    await wait_until(hass, rig.entry.runtime_data.printer._greeting.done)
    before = census()
    for _ in range(10):
        await rig.hass.config_entries.async_reload(rig.entry.entry_id)
        # On a busy machine the printer may not take leave in time; it is missed then.
        await wait_until(hass, lambda: rig.entry.state is ConfigEntryState.LOADED, 30)
        await wait_until(hass, lambda: rig.printer.connected_clients == 1)
    # What the last set-up goes on with for a while takes as long as the machine needs.
    await wait_until(hass, lambda: census() == before, 30)
    assert not log_lines(caplog, "lost")


async def test_home_assistant_stops(
    hass: HomeAssistant, rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    hass.bus.async_fire(EVENT_HOMEASSISTANT_STOP)
    await wait_until(hass, lambda: rig.printer.connected_clients == 0)
    assert not log_lines(caplog, "lost")
    # The entry can be unloaded all the same.
    assert await hass.config_entries.async_unload(rig.entry.entry_id)


async def test_unreachable(
    hass: HomeAssistant, printer: VirtualPrinter, entry: MockConfigEntry
) -> None:
    await printer.power_off()
    entry.add_to_hass(hass)
    await hass.config_entries.async_setup(entry.entry_id)
    assert entry.state is ConfigEntryState.SETUP_RETRY
    assert entry.error_reason_translation_key == "refused"
    assert entry.reason
    await printer.power_on()
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(minutes=1))
    await wait_until(hass, lambda: entry.state is ConfigEntryState.LOADED)


async def test_no_report(
    hass: HomeAssistant, printer: VirtualPrinter, entry: MockConfigEntry
) -> None:
    printer.faults.silent = True
    entry.add_to_hass(hass)
    with patch.object(printer_module, "FIRST_REPORT_TIMEOUT", 0.2):
        await hass.config_entries.async_setup(entry.entry_id)
    assert entry.state is ConfigEntryState.SETUP_RETRY
    assert entry.error_reason_translation_key == "no_report"
    await wait_until(hass, lambda: printer.connected_clients == 0)


async def test_wrong_access_code(
    hass: HomeAssistant, printer: VirtualPrinter, entry: MockConfigEntry
) -> None:
    printer.change_access_code("87654321")
    entry.add_to_hass(hass)
    await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    assert entry.state is ConfigEntryState.SETUP_ERROR
    assert entry.error_reason_translation_key == "invalid_auth"
    assert len(reauth_flows(hass)) == 1


async def test_another_certificate(
    hass: HomeAssistant,
    printer: VirtualPrinter,
    entry: MockConfigEntry,
    caplog: pytest.LogCaptureFixture,
) -> None:
    await printer.restart(new_certificate=True)
    with patch.object(printer, "_authenticate", side_effect=AssertionError):
        entry.add_to_hass(hass)
        await hass.config_entries.async_setup(entry.entry_id)
    assert entry.state is ConfigEntryState.SETUP_ERROR
    assert entry.error_reason_translation_key == "certificate_changed"
    assert entry.reason
    assert "certificate" in entry.reason
    assert printer.access_code not in caplog.text


async def test_unreadable_certificate(
    hass: HomeAssistant, entry: MockConfigEntry, printer: VirtualPrinter
) -> None:
    entry.add_to_hass(hass)
    hass.config_entries.async_update_entry(
        entry, data={**entry.data, "certificate": "nonsense"}
    )
    await hass.config_entries.async_setup(entry.entry_id)
    assert entry.state is ConfigEntryState.SETUP_ERROR
    assert entry.error_reason_translation_key == "certificate_changed"


# Lost and back


async def assert_lost(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    """Wait until only what tells of the connection is available, and said once."""
    await wait_until(rig.hass, lambda: rig.available() == rig.always)
    assert rig.state("binary_sensor", "connectivity").state == STATE_OFF
    lines = log_lines(caplog, "is lost")
    assert len(lines) == 1
    assert lines[0].startswith(rig.entry.title)
    assert not log_lines(caplog, "is back")


async def assert_back(
    rig: Rig, caplog: pytest.LogCaptureFixture, everything: set[str]
) -> None:
    await wait_until(rig.hass, lambda: rig.available() == everything)
    assert rig.state("binary_sensor", "connectivity").state == STATE_ON
    assert len(log_lines(caplog, "is lost")) == 1
    assert len(log_lines(caplog, "is back")) == 1
    problems = [
        record.getMessage()
        for record in caplog.records
        if record.levelname in ("WARNING", "ERROR") and "bambu" in record.name
    ]
    assert problems == []


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("model", ["X1C", "P1S", "A1MINI", "H2D"])
async def test_switched_off_and_on(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    everything = rig.available()
    assert len(everything) > 20
    await rig.printer.power_off()
    await assert_lost(rig, caplog)
    # What happens meanwhile shows when it is back.
    rig.printer.update({"wifi_signal": "-80dBm", "mc_percent": 77})
    await asyncio.sleep(0.2)
    assert len(log_lines(caplog, "is lost")) == 1
    await rig.printer.power_on()
    await assert_back(rig, caplog, everything)
    assert rig.state("sensor", "progress").state == "77"


@pytest.mark.usefixtures("quick")
async def test_connection_dropped(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    everything = rig.available()
    await rig.printer.drop_connections()
    await wait_until(rig.hass, lambda: log_lines(caplog, "is back"))
    await assert_back(rig, caplog, everything)
    assert rig.printer.connected_clients == 1


@pytest.mark.usefixtures("quick")
async def test_silence(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    everything = rig.available()
    with (
        patch(f"{PRINTER}.patience", lambda _model: Patience(0.1, 60, 5)),
        patch(f"{WATCHDOG}.ANSWER_TIME", 0.1),
    ):
        await rig.printer.drop_connections()  # from now on the new times count
        await wait_until(rig.hass, lambda: log_lines(caplog, "is back"))
        caplog.clear()
        rig.printer.faults.silent = True
        await assert_lost(rig, caplog)
        rig.printer.faults.silent = False
        await assert_back(rig, caplog, everything)


@pytest.mark.usefixtures("quick")
async def test_stays_quiet_but_answers(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    """Idle printers may have nothing to say: that is not a loss."""
    with (
        patch(f"{PRINTER}.patience", lambda _model: Patience(0.05, 60, 5)),
        patch(f"{WATCHDOG}.ANSWER_TIME", 0.2),
    ):
        await rig.printer.drop_connections()
        await wait_until(rig.hass, lambda: log_lines(caplog, "is back"))
        caplog.clear()
        for _ in range(3):
            await rig.printer.wait_for_request("info", "get_version")
    assert not log_lines(caplog, "is lost")
    assert rig.state("binary_sensor", "connectivity").state == STATE_ON


async def test_garbage_is_survived(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    before = rig.states()
    await rig.printer.publish_garbage()
    await rig.report({"mc_percent": 55}, full=True)
    await wait_until(rig.hass, lambda: rig.state("sensor", "progress").state == "55")
    after = rig.states()
    changed = {x: s.state for x, s in after.items() if s.state != before[x].state}
    # One of the messages renames the job: its start is estimated anew.
    changed.pop(rig.entity_id("sensor", "start_time"), None)
    assert changed == {rig.entity_id("sensor", "progress"): "55"}
    assert not log_lines(caplog, "is lost")


@pytest.mark.usefixtures("quick")
async def test_access_code_changed(hass: HomeAssistant, rig: Rig) -> None:
    everything = rig.available()
    rig.printer.change_access_code("87654321")
    await hass.async_block_till_done()
    assert rig.available() == everything
    await rig.printer.drop_connections()
    await wait_until(hass, lambda: reauth_flows(hass))
    assert rig.state("sensor", "status").state == STATE_UNAVAILABLE
    (flow,) = reauth_flows(hass)
    result = await hass.config_entries.flow.async_configure(
        flow["flow_id"], {CONF_ACCESS_CODE: "87654321"}
    )
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "reauth_successful"
    await wait_until(hass, lambda: rig.available() == everything)


@pytest.mark.usefixtures("quick")
async def test_certificate_changed_while_running(hass: HomeAssistant, rig: Rig) -> None:
    await rig.printer.restart(new_certificate=True)
    await wait_until(hass, lambda: rig.entry.state is ConfigEntryState.SETUP_ERROR)
    assert rig.entry.error_reason_translation_key == "certificate_changed"
    assert rig.printer.requests == []


async def test_update_entity_action(hass: HomeAssistant, rig: Rig) -> None:
    """There is nothing to fetch, but asking for it does no harm."""
    await hass.config_entries.async_reload(rig.entry.entry_id)
    assert await hass.config_entries.async_unload(rig.entry.entry_id)
    assert await hass.config_entries.async_setup(rig.entry.entry_id)
    from homeassistant.setup import async_setup_component

    await async_setup_component(hass, "homeassistant", {})
    before = rig.states()
    await hass.services.async_call(
        "homeassistant",
        "update_entity",
        {"entity_id": rig.entity_id("sensor", "status")},
        blocking=True,
    )
    await hass.async_block_till_done()
    assert {x: s.state for x, s in rig.states().items()} == {
        x: s.state for x, s in before.items()
    }


@pytest.mark.usefixtures("quick")
async def test_update_entity_action_while_lost(
    hass: HomeAssistant, rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    everything = rig.available()
    await rig.printer.power_off()
    await assert_lost(rig, caplog)
    await rig.entry.runtime_data.async_refresh()
    await hass.async_block_till_done()
    assert rig.state("sensor", "status").state == STATE_UNAVAILABLE
    await rig.printer.power_on()
    await wait_until(hass, lambda: rig.available() == everything)


# What it does to its host


async def test_no_blocking_calls(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    disable_block_async_io: None,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Home Assistant detects blocking calls in its event loop."""
    block_async_io.enable()
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    assert await hass.config_entries.async_reload(entry.entry_id)
    await hass.async_block_till_done()
    assert entry.state is ConfigEntryState.LOADED
    assert "blocking call" not in caplog.text


async def test_firmware_update_shows_at_the_device(
    hass: HomeAssistant, rig: Rig, device_registry: dr.DeviceRegistry
) -> None:
    device = device_registry.async_get_device_by_identifier(
        (DOMAIN, rig.printer.serial), rig.entry.entry_id
    )
    assert device
    assert device.sw_version == rig.printer.firmware
    rig.printer._machine.firmware = "02.00.00.00"
    await rig.call("button.press", "refresh")
    await wait_until(
        hass,
        lambda: (
            (found := device_registry.async_get(device.id))
            and found.sw_version == "02.00.00.00"
        ),
    )


async def test_slow_versions_do_not_keep_it_from_starting(
    hass: HomeAssistant, printer: VirtualPrinter, entry: MockConfigEntry
) -> None:
    printer.faults.mute_acks = True
    entry.add_to_hass(hass)
    with (
        patch.object(printer_module, "VERSION_TIMEOUT", 0.1),
        patch.object(printer_module, "_VERSION_INTERVAL", 0.1),
        patch.object(printer_module, "_VERSION_TRIES", 2),
    ):
        assert await hass.config_entries.async_setup(entry.entry_id)
        await hass.async_block_till_done()
        assert entry.state is ConfigEntryState.LOADED


async def test_removing_forgets_what_was_kept(
    hass: HomeAssistant, printer: VirtualPrinter, rig: Rig
) -> None:
    path = "/part.gcode.3mf"
    await hass.async_add_executor_job(printer.make_project, path)
    await rig.entry.runtime_data.printer.get_project_info(path)
    folder = cache_folder(hass, rig.entry.entry_id)
    kept = await hass.async_add_executor_job(lambda: list(folder.iterdir()))
    assert len(kept) == 1
    await hass.config_entries.async_remove(rig.entry.entry_id)
    assert not await hass.async_add_executor_job(folder.exists)
