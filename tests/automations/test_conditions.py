"""Conditions: what a printer is doing, and whether it can be told."""

from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import condition
import pytest

from custom_components.bambu_printer.const import DOMAIN
from tests.conftest import Rig, wait_until

from .support import holds


async def true(rig: Rig, name: str, **options: Any) -> bool:
    return await holds(
        rig.hass,
        condition=f"{DOMAIN}.{name}",
        target={"device_id": rig.entry.runtime_data.device_id},
        options=options,
    )


@pytest.mark.parametrize(
    ("scenario", "expected"),
    [("printing", True), ("paused", True), ("idle", False), ("finished", False)],
)
async def test_is_printing(rig: Rig, expected: bool) -> None:
    assert await true(rig, "is_printing") is expected


@pytest.mark.parametrize("scenario", ["idle"])
async def test_is_idle_and_cool(rig: Rig) -> None:
    await rig.report({"bed_temper": 44.5, "nozzle_temper": 49.0}, full=True)
    assert await true(rig, "is_idle_and_cool")
    assert not await true(rig, "is_idle_and_cool", bed_below=40)
    assert not await true(rig, "is_idle_and_cool", nozzle_below=49)
    await rig.report({"nozzle_temper": 120.0}, full=True)
    assert not await true(rig, "is_idle_and_cool")
    await rig.report({"nozzle_temper": 30.0, "gcode_state": "RUNNING"}, full=True)
    assert not await true(rig, "is_idle_and_cool")


async def test_has_error(rig: Rig) -> None:
    assert not await true(rig, "has_error")
    rig.printer.raise_hms(0x0300_0100, 0x0001_0001)
    await rig.report(full=True)
    assert await true(rig, "has_error")
    rig.printer.clear_hms()
    await rig.report(full=True)
    assert not await true(rig, "has_error")
    rig.printer.raise_error(0x0300_8003)
    await rig.report(full=True)
    assert await true(rig, "has_error")


async def test_has_filament(rig: Rig) -> None:
    ams = rig.printer.report["ams"]
    tray = ams["ams"][0]["tray"][0]
    tray.update(tray_type="PETG", tray_color="00AE42FF")
    await rig.report({"ams": ams}, full=True)
    assert await true(rig, "has_filament", material="petg")
    assert await true(rig, "has_filament", material="PETG", color=[0, 180, 70])
    assert not await true(rig, "has_filament", material="PETG", color=[200, 30, 30])
    assert not await true(rig, "has_filament", material="PEEK")
    assert await true(rig, "has_filament", color=[0, 174, 66])
    assert await true(rig, "has_filament")


async def test_without_a_printer(hass: HomeAssistant, rig: Rig, quick: None) -> None:
    assert await true(rig, "is_printing")
    assert await true(rig, "is_printing", behavior="all")
    await rig.printer.power_off()
    await wait_until(hass, lambda: not rig.entry.runtime_data.last_update_success)
    for behavior in ("any", "all"):
        assert not await true(rig, "is_printing", behavior=behavior)
    assert await hass.config_entries.async_unload(rig.entry.entry_id)
    assert not await holds(
        hass,
        condition=f"{DOMAIN}.is_printing",
        target={"entity_id": "sensor.nobody"},
    )


async def test_changes_are_told(hass: HomeAssistant, rig: Rig) -> None:
    config = await condition.async_validate_condition_config(
        hass,
        {
            "condition": f"{DOMAIN}.is_printing",
            "target": {"device_id": rig.entry.runtime_data.device_id},
        },
    )
    checker = await condition.async_from_config(hass, config)
    told: list[bool | None] = []
    stop = await checker.async_track_changes(lambda: told.append(checker.async_check()))
    await rig.report({"gcode_state": "FINISH"}, full=True)
    await hass.async_block_till_done()
    assert told[-1] is False
    count = len(told)
    stop()
    await rig.report({"gcode_state": "RUNNING"}, full=True)
    assert len(told) == count
    checker.async_unload()


async def test_is_control_possible(hass: HomeAssistant, rig: Rig, quick: None) -> None:
    assert await true(rig, "is_control_possible")
    rig.printer.faults.refuse_control = True
    with pytest.raises(HomeAssistantError):
        await rig.call("button.press", "pause")
    assert not await true(rig, "is_control_possible")
    rig.printer.faults.refuse_control = False
    await rig.entry.runtime_data.printer.test_control()
    assert await true(rig, "is_control_possible")
    await rig.printer.power_off()
    await wait_until(hass, lambda: not rig.entry.runtime_data.last_update_success)
    assert not await true(rig, "is_control_possible")
