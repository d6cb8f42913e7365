"""Only what changed is written, and parts that come and go."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from unittest.mock import patch

from homeassistant.const import (
    EVENT_STATE_CHANGED,
    EVENT_STATE_REPORTED,
    STATE_UNAVAILABLE,
)
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.helpers.entity import Entity
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.typing import WebSocketGenerator

from custom_components.bambu_printer.const import DOMAIN
from virtual_printer import AmsKind, Spool
from virtual_printer.filaments import PLA_BASIC

from .conftest import Clock, Rig, wait_until

pytestmark = pytest.mark.usefixtures("all_enabled", "clock")


class Spy:
    """Sees everything that is written."""

    def __init__(self, rig: Rig) -> None:
        self._rig = rig
        self.written: Counter[str] = Counter()
        self.events: Counter[str] = Counter()

    def count(self, entity_id: str) -> None:
        self.written[entity_id] += 1

    @callback
    def on_event(self, event: Event[Any]) -> None:
        self.events[event.data["entity_id"]] += 1

    def keys(self) -> set[str]:
        """Return which entities were written, and check that each state is new."""
        assert self.written == self.events
        registry = er.async_get(self._rig.hass)
        prefix = f"{self._rig.printer.serial}_"
        found = set()
        for entity_id in self.written:
            item = registry.async_get(entity_id)
            assert item
            found.add(f"{item.domain}.{item.unique_id.removeprefix(prefix)}")
        return found


@pytest.fixture
async def spy(rig: Rig) -> AsyncIterator[Spy]:
    """Watch all entities of the printer, also those that are off by default."""
    # What is asked for after the start arrives first.
    await asyncio.sleep(0.1)
    await rig.hass.async_block_till_done()
    seen = Spy(rig)
    original = Entity.async_write_ha_state

    def write(entity: Entity) -> None:
        seen.count(entity.entity_id)
        original(entity)

    @callback
    def every(_data: object) -> bool:
        return True

    rig.hass.bus.async_listen(EVENT_STATE_CHANGED, seen.on_event)
    rig.hass.bus.async_listen(EVENT_STATE_REPORTED, seen.on_event, event_filter=every)
    with patch.object(Entity, "async_write_ha_state", write):
        yield seen


@pytest.mark.parametrize("model", ["X1C", "P1S", "H2D"])
async def test_repeated_report_touches_nothing(rig: Rig, spy: Spy) -> None:
    assert len(rig.available()) > 40
    for _ in range(20):
        await rig.report(full=True)
    assert spy.keys() == set()


CHANGES: list[tuple[str, dict[str, Any], set[str]]] = [
    ("X1C", {"bed_temper": 66.5}, {"climate.bed", "sensor.bed_temperature"}),
    ("X1C", {"nozzle_temper": 190}, {"climate.nozzle", "sensor.nozzle_temperature"}),
    ("X1C", {"bed_target_temper": 65}, {"climate.bed"}),
    # Noise: less than the bound.
    ("X1C", {"bed_temper": 60.2}, set()),
    ("X1C", {"layer_num": 150}, {"sensor.current_layer"}),
    ("X1C", {"mc_percent": 43}, {"sensor.progress"}),
    ("X1C", {"wifi_signal": "-70dBm"}, {"sensor.wifi_signal"}),
    (
        "X1C",
        {"fan_gear": 0},
        {"fan.part_fan", "fan.aux_fan", "fan.chamber_fan"},
    ),
    ("X1C", {"spd_lvl": 3, "spd_mag": 124}, {"select.speed_profile", "sensor.speed"}),
    (
        "X1C",
        {"lights_report": [{"node": "chamber_light", "mode": "off"}]},
        {"light.chamber_light"},
    ),
    (
        "X1C",
        {"gcode_state": "PAUSE"},
        {
            "event.job",
            "sensor.status",
            "sensor.finish_time",
            "button.pause",
            "button.resume",
            "button.unload_filament",
            "button.ams_0_tray_1_load",
            "button.ams_0_tray_2_load",
            "button.ams_0_tray_3_load",
            "button.external_load",
        },
    ),
    (
        "X1C",
        {"print_error": 0x03008012},
        {
            "sensor.print_error",
            "sensor.current_error",
            "binary_sensor.problem",
            "button.clear_error",
            "event.error",
        },
    ),
    ("X1C", {"t_utc": 1, "sequence_id": "77"}, set()),
    ("P1S", {"bed_temper": 66.5}, {"climate.bed", "sensor.bed_temperature"}),
    ("P1S", {"layer_num": 80}, {"sensor.current_layer"}),
    ("P1S", {"nozzle_target_temper": 250}, {"climate.nozzle"}),
]


@pytest.mark.parametrize(
    ("model", "change", "keys"),
    CHANGES,
    ids=["-".join([row[0], *row[1]]) for row in CHANGES],
)
async def test_change_touches_what_it_concerns(
    rig: Rig, spy: Spy, change: dict[str, Any], keys: set[str]
) -> None:
    await rig.report(change)
    assert spy.keys() == keys


@pytest.mark.parametrize("model", ["X1C", "P1S", "H2D"])
async def test_ten_minutes_of_a_print(rig: Rig, spy: Spy, clock: Clock) -> None:
    """Time passes, and each entity is written only when its state is another one."""
    for _ in range(120):
        await rig.printer.tick(5)
        clock.time += timedelta(seconds=5)
        await rig.report(full=True)
    assert spy.written == spy.events
    assert 5 < sum(spy.written.values()) < 120 * 3
    assert spy.written[rig.entity_id("binary_sensor", "connectivity")] == 0
    assert spy.written[rig.entity_id("sensor", "finish_time")] <= 2


# Parts that come and go


async def test_ams_plugged_in_later(
    hass: HomeAssistant, rig: Rig, device_registry: dr.DeviceRegistry
) -> None:
    before = rig.states()
    loaded = rig.entry.runtime_data
    rig.printer.plug_ams(
        "AMS 2 Pro",
        1,
        (Spool(filament=PLA_BASIC, color="FF0000FF", color_name="A00-R0"),),
    )
    await rig.report(full=True)
    assert rig.entry.runtime_data is loaded
    # Its firmware is known when the printer has been asked for it.
    await wait_until(
        hass, lambda: any("2_pro_2_firmware" in name for name in rig.states())
    )
    new = rig.states().keys() - before.keys()
    assert rig.entity_id("sensor", "ams_1_temperature") in new
    assert rig.entity_id("sensor", "ams_1_drying_phase") in new
    assert rig.entity_id("binary_sensor", "ams_1_drying") in new
    assert rig.entity_id("sensor", "ams_1_tray_4") in new
    assert rig.state("sensor", "ams_1_tray_1").state == "PLA Basic"
    assert rig.state("sensor", "ams_1_tray_2").state == "empty"
    device = device_registry.async_get_device_by_identifier(
        (DOMAIN, f"{rig.printer.serial}_ams_1"), rig.entry.entry_id
    )
    parent = device_registry.async_get_device_by_identifier(
        (DOMAIN, rig.printer.serial), rig.entry.entry_id
    )
    assert device
    assert parent
    assert device.via_device_id == parent.id
    assert device.model == "AMS 2 Pro"
    assert device.name == f"{rig.entry.title} AMS 2 Pro 2"
    # Nothing is added twice.
    await rig.report({"wifi_signal": "-90dBm"}, full=True)
    assert rig.states().keys() - before.keys() == new


async def remove_device(
    hass: HomeAssistant, client: WebSocketGenerator, rig: Rig, identifier: str
) -> bool:
    registry = dr.async_get(hass)
    device = registry.async_get_device_by_identifier(
        (DOMAIN, f"{rig.printer.serial}{identifier}"), rig.entry.entry_id
    )
    assert device
    websocket = await client(hass)
    await websocket.send_json_auto_id(
        {
            "type": "config/device_registry/remove",
            "device_id": device.id,
        }
    )
    answer = await websocket.receive_json()
    await hass.async_block_till_done()
    assert answer.get("success") or answer["error"]["code"] != "unknown_command"
    return bool(answer["success"])


@pytest.mark.parametrize("model", ["X1C", "P1S"])
async def test_ams_unplugged_and_removed(
    hass: HomeAssistant,
    hass_ws_client: WebSocketGenerator,
    device_registry: dr.DeviceRegistry,
    rig: Rig,
) -> None:
    assert await async_setup_component(hass, "config", {})
    # What is there cannot be removed: not the unit, not the printer.
    assert not await remove_device(hass, hass_ws_client, rig, "_ams_0")
    assert not await remove_device(hass, hass_ws_client, rig, "")
    rig.printer.unplug_ams(0)
    await rig.report()
    for platform, key in (
        ("sensor", "ams_0_temperature"),
        ("sensor", "ams_0_humidity"),
        ("sensor", "ams_0_tray_1"),
        ("sensor", "ams_0_tray_4_type"),
    ):
        assert rig.state(platform, key).state == STATE_UNAVAILABLE
    assert rig.state("sensor", "external").state != STATE_UNAVAILABLE
    assert rig.state("sensor", "status").state != STATE_UNAVAILABLE
    assert await remove_device(hass, hass_ws_client, rig, "_ams_0")
    registry = er.async_get(hass)
    assert not registry.async_get_entity_id(
        "sensor", DOMAIN, f"{rig.printer.serial}_ams_0_temperature"
    )


@pytest.mark.parametrize("model", ["H2D"])
async def test_everything_of_a_unit_comes_and_goes_with_it(
    rig: Rig, entity_registry: er.EntityRegistry
) -> None:
    prefix = f"{rig.printer.serial}_ams_0"
    mine = {
        item.entity_id
        for item in er.async_entries_for_config_entry(
            entity_registry, rig.entry.entry_id
        )
        if item.unique_id.startswith(prefix)
    }
    assert len(mine) > 25
    others = rig.available() - mine
    rig.printer.unplug_ams(0)
    await rig.report(full=True)
    assert rig.available() & mine == set()
    assert rig.available() == others
    rig.printer.plug_ams("AMS 2 Pro", 0)
    await rig.report(full=True)
    for key in ("ams_0_temperature", "ams_0_drying_phase", "ams_0_tray_1"):
        assert rig.state("sensor", key).state != STATE_UNAVAILABLE
    assert rig.state("number", "ams_0_drying_duration").state != STATE_UNAVAILABLE


async def test_ams_comes_back(hass: HomeAssistant, rig: Rig) -> None:
    rig.printer.unplug_ams(0)
    await rig.report(full=True)
    assert rig.state("sensor", "ams_0_tray_1").state == STATE_UNAVAILABLE
    rig.printer.plug_ams(
        AmsKind.AMS,
        0,
        (Spool(filament=PLA_BASIC, color="FF0000FF", color_name="A00-R0"),),
    )
    await rig.report(full=True)
    assert rig.state("sensor", "ams_0_tray_1").state == "PLA Basic"
    assert rig.state("sensor", "ams_0_temperature").state != STATE_UNAVAILABLE


async def test_ams_removed_and_plugged_in_again(
    hass: HomeAssistant, hass_ws_client: WebSocketGenerator, rig: Rig
) -> None:
    """A unit whose device was removed is there again without a reload."""
    assert await async_setup_component(hass, "config", {})
    rig.printer.unplug_ams(0)
    await rig.report(full=True)
    assert await remove_device(hass, hass_ws_client, rig, "_ams_0")
    rig.printer.plug_ams(
        AmsKind.AMS,
        0,
        (Spool(filament=PLA_BASIC, color="FF0000FF", color_name="A00-R0"),),
    )
    await rig.report(full=True)
    assert rig.state("sensor", "ams_0_tray_1").state == "PLA Basic"


async def test_spool_changed(rig: Rig) -> None:
    rig.printer.set_spool(
        0,
        3,
        Spool(filament=PLA_BASIC, color="00FF00FF", color_name="A00-G1", remain=50),
    )
    await rig.report(full=True)
    assert rig.state("sensor", "ams_0_tray_4").state == "PLA Basic"
    assert rig.state("sensor", "ams_0_tray_4_color").state == "#00FF00"
    assert rig.state("sensor", "ams_0_tray_4_remaining").state == "50"
    rig.printer.set_spool(0, 3, None)
    await rig.report(full=True)
    assert rig.state("sensor", "ams_0_tray_4").state == "empty"


async def test_problems(rig: Rig) -> None:
    assert rig.state("binary_sensor", "problem").state == "off"
    rig.printer.raise_error(0x03008012)
    rig.printer.raise_hms(0x05000200, 0x00010001)
    await rig.report(full=True)
    problem = rig.state("binary_sensor", "problem")
    assert problem.state == "on"
    assert problem.attributes["code"] == "HMS_0500_0200_0001_0001"
    assert rig.state("sensor", "print_error").state == "0300-8012"
    hms = rig.state("sensor", "hms")
    assert hms.state == "1"
    words = "Mainboard: a fault that ends the job (HMS_0500_0200_0001_0001)"
    assert rig.state("sensor", "current_error").state == words
    assert hms.attributes["messages"] == [
        {
            "text": words,
            "code": "HMS_0500_0200_0001_0001",
            "severity": "fatal",
            "module": "mainboard",
            "link": "https://wiki.bambulab.com/en/hms/home"
            "#:~:text=HMS_0500%2D0200%2D0001%2D0001",
        }
    ]
    assert rig.state("binary_sensor", "hms_problem").state == "on"
    assert rig.state("binary_sensor", "hms_problem").attributes["severity"] == "fatal"
    rig.printer.update({"print_error": 0})
    await rig.report(full=True)
    assert rig.state("binary_sensor", "problem").state == "on"
    rig.printer.clear_hms()
    await rig.report(full=True)
    assert rig.state("binary_sensor", "problem").state == "off"
    assert rig.state("binary_sensor", "hms_problem").state == "off"
    assert rig.state("sensor", "print_error").state == "none"


async def test_door(rig: Rig) -> None:
    assert rig.state("binary_sensor", "door").state == "off"
    rig.printer.open_door()
    await rig.report()
    assert rig.state("binary_sensor", "door").state == "on"


async def test_unknown_words_are_unknown(rig: Rig) -> None:
    """Newer firmware may say what nobody has heard of yet."""
    await rig.report(
        {"gcode_state": "DREAMING", "print_type": "psychic", "stg_cur": 4711}
    )
    assert rig.state("sensor", "status").state == "unknown"
    assert rig.state("sensor", "stage").state == "unknown"
    assert rig.state("sensor", "print_type").state == "unknown"


async def test_long_names_fit(rig: Rig) -> None:
    await rig.report({"subtask_name": "x" * 400})
    assert rig.state("sensor", "task_name").state == "x" * 255
