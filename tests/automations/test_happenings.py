"""Triggers on what happens to jobs, errors and filament."""

from typing import Any

from homeassistant.core import HomeAssistant
import pytest

from custom_components.bambu_printer.const import DOMAIN
from tests.conftest import Rig, wait_until

from .support import Automation, automation

pytestmark = pytest.mark.usefixtures("settled")


async def attach(rig: Rig, name: str, **options: Any) -> Automation:
    return await automation(
        rig.hass,
        trigger={
            "trigger": f"{DOMAIN}.{name}",
            "target": {"device_id": rig.entry.runtime_data.device_id},
            "options": options,
        },
    )


async def say(rig: Rig, **change: Any) -> None:
    await rig.report(change, full=True)
    await rig.hass.async_block_till_done()


async def only(rig: Rig, told: Automation) -> dict[str, Any]:
    """Wait until the automation ran, and return what it was told."""
    await wait_until(rig.hass, lambda: told.fired)
    (item,) = told.fired
    trigger: dict[str, Any] = item["trigger"]
    assert trigger["printer"] == rig.entry.title
    return trigger


@pytest.mark.parametrize("scenario", ["idle"])
async def test_started(rig: Rig) -> None:
    told = await attach(rig, "print_started")
    await say(
        rig, gcode_state="RUNNING", subtask_name="boat", mc_percent=0, layer_num=0
    )
    trigger = await only(rig, told)
    assert trigger["job"] == "boat"
    assert trigger["job_id"]
    assert trigger["device_id"] == rig.entry.runtime_data.device_id
    await say(rig, mc_percent=1)
    assert len(told.fired) == 1


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("print_finished", {"gcode_state": "FINISH", "mc_percent": 100}),
        ("print_failed", {"gcode_state": "FAILED", "print_error": 0x0300_8003}),
        ("print_cancelled", {"gcode_state": "FAILED", "print_error": 0x0300_400C}),
    ],
)
async def test_ended(rig: Rig, name: str, change: dict[str, Any]) -> None:
    told = await attach(rig, name)
    await say(rig, **change)
    trigger = await only(rig, told)
    assert trigger["duration"] >= 0
    assert trigger["platform"] == f"{DOMAIN}.{name}"


@pytest.mark.parametrize(
    ("name", "others"),
    [
        ("print_finished", {"gcode_state": "FAILED", "print_error": 0x0300_400C}),
        ("print_failed", {"gcode_state": "FINISH", "mc_percent": 100}),
        ("print_cancelled", {"gcode_state": "FINISH", "mc_percent": 100}),
    ],
)
async def test_ended_otherwise(rig: Rig, name: str, others: dict[str, Any]) -> None:
    told = await attach(rig, name)
    ends: list[str] = []
    rig.entry.runtime_data.happenings.async_subscribe(
        lambda happening: ends.append(happening.kind)
    )
    await say(rig, **others)
    await wait_until(rig.hass, lambda: ends)
    assert not told.fired


@pytest.mark.parametrize(
    ("reasons", "fires"),
    [
        ([], True),
        (["filament_runout"], True),
        (["by_user", "filament_runout"], True),
        (["by_user"], False),
    ],
)
async def test_paused(rig: Rig, reasons: list[str], fires: bool) -> None:
    told = await attach(rig, "print_paused", **({"reason": reasons} if reasons else {}))
    everything = await_everything(rig)
    await say(rig, gcode_state="PAUSE", stg_cur=6)
    await wait_until(rig.hass, lambda: everything)
    if fires:
        assert (await only(rig, told))["reason"] == "filament_runout"
    else:
        assert not told.fired


def await_everything(rig: Rig) -> list[str]:
    found: list[str] = []
    rig.entry.runtime_data.happenings.async_subscribe(
        lambda happening: found.append(happening.kind)
    )
    return found


@pytest.mark.parametrize("scenario", ["paused"])
async def test_resumed(rig: Rig) -> None:
    told = await attach(rig, "print_resumed")
    await say(rig, gcode_state="RUNNING", stg_cur=0)
    await only(rig, told)


async def test_first_layer(hass: HomeAssistant, rig: Rig) -> None:
    await say(rig, gcode_state="FINISH", mc_percent=100)
    await say(
        rig, gcode_state="RUNNING", subtask_name="boat", mc_percent=0, layer_num=0
    )
    told = await attach(rig, "first_layer_done")
    await say(rig, layer_num=1)
    assert not told.fired
    await say(rig, layer_num=2, mc_percent=1)
    assert (await only(rig, told))["job"] == "boat"


@pytest.mark.parametrize(
    ("severities", "fires"), [([], True), (["fatal"], True), (["serious"], False)]
)
async def test_error(rig: Rig, severities: list[str], fires: bool) -> None:
    told = await attach(rig, "error_raised", severity=severities)
    gone = await_everything(rig)
    rig.printer.raise_hms(0x0300_0100, 0x0001_0001)
    await say(rig)
    assert gone == ["raised"]
    if fires:
        trigger = await only(rig, told)
        assert trigger["severity"] == "fatal"
        assert trigger["module"] == "motion_controller"
        assert "0300" in trigger["code"]
    else:
        assert not told.fired


async def test_error_cleared(rig: Rig) -> None:
    rig.printer.raise_hms(0x0300_0100, 0x0001_0001)
    await say(rig)
    told = await attach(rig, "error_cleared")
    rig.printer.clear_hms()
    await say(rig)
    assert (await only(rig, told))["code"]


async def test_ran_out(rig: Rig) -> None:
    told = await attach(rig, "filament_ran_out")
    await say(rig, gcode_state="PAUSE", stg_cur=6)
    trigger = await only(rig, told)
    assert trigger["slot"]


@pytest.mark.parametrize(("model", "scenario"), [("H2D", "drying")])
async def test_drying_finished(rig: Rig) -> None:
    told = await attach(rig, "drying_finished")
    minutes = min(
        unit.drying_minutes
        for unit in rig.entry.runtime_data.data.ams.units
        if unit.drying_minutes
    )
    # Drying that ends long before its time was stopped.
    await rig.printer.tick((minutes - 1) * 60)
    await say(rig)
    await rig.printer.tick(120)
    await say(rig)
    # Both units of the scenario, each with its own device.
    await wait_until(rig.hass, lambda: len(told.fired) == 2)
    devices = {item["trigger"]["device_id"] for item in told.fired}
    assert len(devices) == 2
    assert rig.entry.runtime_data.device_id not in devices
