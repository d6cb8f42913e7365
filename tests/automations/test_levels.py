"""Triggers on values that get somewhere."""

from collections.abc import Mapping
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.helpers import area_registry as ar, device_registry as dr
import pytest

from custom_components.bambu_printer.const import DOMAIN
from tests.conftest import Rig, wait_until

from .support import Automation, automation


async def attach(
    rig: Rig, name: str, target: Mapping[str, Any] | None = None, **options: Any
) -> Automation:
    return await automation(
        rig.hass,
        trigger={
            "trigger": f"{DOMAIN}.{name}",
            "target": target or {"device_id": rig.entry.runtime_data.device_id},
            "options": options,
        },
    )


async def say(rig: Rig, **change: Any) -> None:
    """Let the printer report something, and automations run."""
    await rig.report(change, full=True)
    await rig.hass.async_block_till_done()


async def test_progress(rig: Rig) -> None:
    await say(rig, mc_percent=10)
    told = await attach(rig, "progress_reached", percent=50)
    await say(rig, mc_percent=49)
    assert not told.fired
    await say(rig, mc_percent=50)
    await say(rig, mc_percent=51)
    (trigger,) = (item["trigger"] for item in told.fired)
    assert trigger["platform"] == f"{DOMAIN}.progress_reached"
    assert trigger["device_id"] == rig.entry.runtime_data.device_id
    assert trigger["progress"] == 50
    assert trigger["printer"] == rig.entry.title
    assert rig.entry.title in trigger["description"]


async def test_what_is_there_already_does_not_fire(rig: Rig) -> None:
    await say(rig, mc_percent=60)
    told = await attach(rig, "progress_reached", percent=50)
    await say(rig, mc_percent=61)
    assert not told.fired


async def test_next_job_fires_again(rig: Rig) -> None:
    await say(rig, mc_percent=10, subtask_name="first")
    told = await attach(rig, "progress_reached", percent=50)
    await say(rig, mc_percent=100, subtask_name="first")
    assert len(told.fired) == 1
    # The numbers of the last job stay for a while under the name of the next one.
    await say(rig, mc_percent=100, subtask_name="second")
    await say(rig, mc_percent=0, subtask_name="second")
    await say(rig, mc_percent=55, subtask_name="second")
    assert [item["trigger"]["job"] for item in told.fired] == ["first", "second"]


async def test_lost_and_back(rig: Rig, quick: None) -> None:
    """What happened while the printer was away is not missed, nor told twice."""
    await say(rig, mc_percent=10)
    told = await attach(rig, "progress_reached", percent=50)
    await rig.printer.power_off()
    await wait_until(rig.hass, lambda: not rig.entry.runtime_data.last_update_success)
    rig.printer.update({"mc_percent": 60})
    await rig.printer.power_on()
    await wait_until(rig.hass, lambda: rig.entry.runtime_data.last_update_success)
    await wait_until(rig.hass, lambda: told.fired)
    await say(rig, mc_percent=61)
    assert len(told.fired) == 1


async def test_reload(rig: Rig) -> None:
    """An automation listens on when the printer is set up again."""
    await say(rig, mc_percent=10)
    told = await attach(rig, "progress_reached", percent=50)
    assert await rig.hass.config_entries.async_reload(rig.entry.entry_id)
    await rig.hass.async_block_till_done()
    await say(rig, mc_percent=60)
    assert len(told.fired) == 1


async def test_layer(rig: Rig) -> None:
    await say(rig, layer_num=1, total_layer_num=200)
    told = await attach(rig, "layer_reached", layer=3)
    await say(rig, layer_num=2)
    assert not told.fired
    # Reports may skip some.
    await say(rig, layer_num=5)
    (trigger,) = (item["trigger"] for item in told.fired)
    assert (trigger["layer"], trigger["total_layers"]) == (5, 200)


async def test_ends_soon(rig: Rig) -> None:
    await say(rig, mc_remaining_time=30, mc_percent=50)
    told = await attach(rig, "ends_soon", minutes=10)
    await say(rig, mc_remaining_time=11)
    assert not told.fired
    await say(rig, mc_remaining_time=10)
    # An estimate that wavers is no news.
    await say(rig, mc_remaining_time=11)
    await say(rig, mc_remaining_time=9)
    (trigger,) = (item["trigger"] for item in told.fired)
    assert trigger["remaining_minutes"] == 10


async def test_filament_low(rig: Rig) -> None:
    ams = rig.printer.report["ams"]
    tray = ams["ams"][0]["tray"][1]

    async def remain(percent: int) -> None:
        tray["remain"] = percent
        await say(rig, ams=ams)

    await remain(30)
    told = await attach(rig, "filament_low", percent=10)
    await remain(10)
    assert not told.fired
    await remain(9)
    await remain(8)
    (trigger,) = (item["trigger"] for item in told.fired)
    assert trigger["slot"] == "ams_1_tray_2"
    assert trigger["remaining"] == 9
    assert trigger["type"]
    device = dr.async_get(rig.hass).async_get(trigger["device_id"])
    assert device
    assert device.id != rig.entry.runtime_data.device_id


async def test_humidity_of_one_unit_and_of_another(rig: Rig) -> None:
    """Whoever picks an AMS means that one only."""
    ams = rig.printer.report["ams"]
    unit = ams["ams"][0]

    async def humidity(percent: int) -> None:
        unit["humidity_raw"] = str(percent)
        await say(rig, ams=ams)

    await humidity(20)
    device_id = rig.entry.runtime_data.device_id
    units = [
        device
        for device in dr.async_entries_for_config_entry(
            dr.async_get(rig.hass), rig.entry.entry_id
        )
        if device.id != device_id and "AMS" in (device.name or "")
    ]
    told = await attach(rig, "humidity_above", {"device_id": units[0].id}, percent=40)
    await humidity(41)
    (trigger,) = (item["trigger"] for item in told.fired)
    assert (trigger["ams"], trigger["humidity"]) == ("ams_1", 41)
    assert trigger["device_id"] == units[0].id


async def test_bed(rig: Rig) -> None:
    await say(rig, bed_temper=60)
    told = await attach(rig, "bed_cooled", temperature=40)
    await say(rig, bed_temper=40.5)
    assert not told.fired
    await say(rig, bed_temper=39)
    (trigger,) = (item["trigger"] for item in told.fired)
    assert trigger["temperature"] == 39


async def test_door(rig: Rig) -> None:
    told = await attach(rig, "door_opened")
    rig.printer.open_door()
    await say(rig)
    (trigger,) = (item["trigger"] for item in told.fired)
    assert trigger["part"] == "door"


@pytest.mark.parametrize("scenario", ["idle"])
async def test_door_without_a_print(rig: Rig) -> None:
    told = await attach(rig, "door_opened")
    rig.printer.open_door()
    await say(rig)
    assert rig.state("binary_sensor", "door").state == "on"
    assert not told.fired


async def test_target_by_area(hass: HomeAssistant, rig: Rig) -> None:
    """A target is looked up when it matters: the printer may move in the meantime."""
    workshop = ar.async_get(hass).async_create("Workshop")
    await say(rig, mc_percent=10)
    told = await attach(rig, "progress_reached", {"area_id": workshop.id}, percent=50)
    await say(rig, mc_percent=50)
    assert not told.fired
    dr.async_get(hass).async_update_device(
        rig.entry.runtime_data.device_id, area_id=workshop.id
    )
    await say(rig, mc_percent=0)
    await say(rig, mc_percent=50)
    assert len(told.fired) == 1


async def test_target_by_entity(rig: Rig) -> None:
    await say(rig, mc_percent=10)
    told = await attach(
        rig,
        "progress_reached",
        {"entity_id": rig.entity_id("sensor", "status")},
        percent=50,
    )
    await say(rig, mc_percent=50)
    assert len(told.fired) == 1


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("progress_reached", {}),
        ("progress_reached", {"percent": 0}),
        ("layer_reached", {"layer": "many"}),
        ("ends_soon", {"minutes": -1}),
        ("bed_cooled", {"temperature": 500}),
        ("door_opened", {"surprise": 1}),
    ],
)
async def test_wrong_options(
    rig: Rig, name: str, options: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(AssertionError):
        await attach(rig, name, **options)
    assert "failed to setup" in caplog.text or "invalid" in caplog.text.lower()
