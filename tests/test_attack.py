"""What must not get through to Home Assistant."""

import asyncio
from math import nan

from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import EVENT_HOMEASSISTANT_STOP
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.json import json_bytes
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.bambu_printer import async_remove_config_entry_device
from custom_components.bambu_printer.const import DOMAIN
from virtual_printer import VirtualPrinter

from .conftest import Rig, wait_until


async def test_states_fit_and_can_be_sent(
    hass: HomeAssistant, all_enabled: None, rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    report = rig.printer.report
    spool = {
        "id": "0",
        "tray_type": "T" * 1000,
        "tray_sub_brands": "S" * 3000,
        "nozzle_temp_min": 1e30,
        "tray_weight": 1e30,
        "remain": 50,
    }
    report["ams"]["ams"][0]["tray"][0] = spool
    await rig.printer.publish({"print": {**report, "msg": 0, "mc_percent": 1e30}})
    await wait_until(
        hass, lambda: rig.state("sensor", "ams_0_tray_1").state.startswith("SSS")
    )
    assert rig.state("sensor", "ams_0_tray_1_type").state == "T" * 255
    for state in rig.states().values():
        assert json_bytes(state.as_dict())
    assert "Failed to set state" not in caplog.text
    assert "ERROR" not in caplog.text


async def test_stop_while_the_first_report_is_awaited(
    hass: HomeAssistant,
    printer: VirtualPrinter,
    entry: MockConfigEntry,
    caplog: pytest.LogCaptureFixture,
) -> None:
    printer.faults.silent = True
    entry.add_to_hass(hass)
    setup = hass.async_create_task(hass.config_entries.async_setup(entry.entry_id))
    await asyncio.sleep(0.5)
    hass.bus.async_fire(EVENT_HOMEASSISTANT_STOP)
    async with asyncio.timeout(3):
        await setup
    assert "ERROR" not in caplog.text


async def test_an_ams_can_be_removed_while_the_printer_is_not_loaded(
    hass: HomeAssistant, rig: Rig
) -> None:
    await hass.config_entries.async_unload(rig.entry.entry_id)
    assert rig.entry.state is ConfigEntryState.NOT_LOADED
    devices = dr.async_entries_for_config_entry(dr.async_get(hass), rig.entry.entry_id)
    removable = {
        next(iter(device.identifiers))[1]: await async_remove_config_entry_device(
            hass, rig.entry, device
        )
        for device in devices
    }
    serial = rig.printer.serial
    assert removable[serial] is False
    assert removable[f"{serial}_ams_0"] is True
    assert all((DOMAIN, name) for name in removable)


@pytest.mark.parametrize("scenario", ["idle"])
async def test_a_target_that_is_no_number(rig: Rig) -> None:
    with pytest.raises(ServiceValidationError):
        await rig.call("climate.set_temperature", "bed", temperature=nan)
    assert rig.printer.requests == []


@pytest.mark.parametrize("scenario", ["idle"])
async def test_a_refused_target_is_not_remembered(rig: Rig) -> None:
    rig.printer.faults.refuse_next.append({"command": "gcode_line"})
    with pytest.raises(Exception, match="refuse"):
        await rig.call("climate.set_temperature", "bed", temperature=99)
    await rig.call("climate.turn_on", "bed")
    assert rig.printer.requests[-1]["print"]["param"] == "M140 S60\n"


@pytest.mark.parametrize(("percent", "shown"), [(1, 10), (5, 10), (14, 10), (0, 0)])
async def test_the_least_speed_is_not_off(rig: Rig, percent: int, shown: int) -> None:
    await rig.call("fan.set_percentage", "part_fan", percentage=percent)
    param = rig.printer.requests[-1]["print"]["param"]
    assert param == f"M106 P1 S{shown * 255 // 100}\n"


@pytest.mark.parametrize("model", ["X1C"])
async def test_drying_appears_when_the_version_comes_late(
    hass: HomeAssistant, rig: Rig
) -> None:
    """Whether this model dries is known by its firmware alone."""
    # Only the versions told below are heard.
    rig.printer.faults.deaf = True
    rig.printer.plug_ams("AMS 2 Pro", 1)
    report = rig.printer.report
    report.pop("fun2", None)

    async def tell(version: str) -> None:
        module = {"name": "ota", "sw_ver": version, "sn": "x"}
        await rig.printer.publish(
            {"info": {"command": "get_version", "module": [module]}}
        )

    await tell("01.08.00.00")
    await rig.printer.publish({"print": {**report, "msg": 0}})
    printer = rig.entry.runtime_data.printer
    await wait_until(hass, lambda: printer.state.ams.unit(1))
    assert not any("switch.ams_1" in name for name in rig.states())
    await tell("01.11.02.00")
    await wait_until(hass, lambda: printer.state.firmware.version == "01.11.02.00")
    await hass.async_block_till_done()
    assert rig.state("switch", "ams_1_dryer")
