"""The blueprints: each is loaded by Home Assistant, and run."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import PropertyMock, patch

from homeassistant.components.blueprint.models import DomainBlueprints
from homeassistant.core import HomeAssistant, ServiceCall, SupportsResponse
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import device_registry as dr
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_fire_time_changed,
    async_mock_service,
)
import yaml

from custom_components.bambu_printer.job_record import FilamentUse
from tests.conftest import Rig

FOLDER = Path(__file__).parents[2] / "blueprints" / "automation"
FILES = sorted(FOLDER.rglob("*.yaml"))


@pytest.fixture(autouse=True)
def _folder() -> Iterator[None]:
    """Let Home Assistant find the blueprints where they are."""
    with patch.object(
        DomainBlueprints, "blueprint_folder", PropertyMock(return_value=FOLDER)
    ):
        yield


@pytest.fixture
def phone(hass: HomeAssistant) -> str:
    """Return the device of a phone with the companion app."""
    entry = MockConfigEntry(domain="mobile_app")
    entry.add_to_hass(hass)
    device = dr.async_get(hass).async_get_or_create(
        config_entry_id=entry.entry_id,
        identifiers={("mobile_app", "phone")},
        name="My phone",
    )
    return device.id


@pytest.fixture
def told(hass: HomeAssistant) -> list[ServiceCall]:
    """Return what the phone is told."""
    return async_mock_service(hass, "notify", "mobile_app_my_phone")


async def use(rig: Rig, name: str, **inputs: Any) -> None:
    """Make an automation of a blueprint."""
    config = {
        "alias": "Test",
        "use_blueprint": {
            "path": f"bambu_printer/{name}.yaml",
            "input": {"printer": rig.entry.runtime_data.device_id, **inputs},
        },
    }
    assert await async_setup_component(rig.hass, "automation", {"automation": [config]})
    await rig.hass.async_block_till_done()
    state = rig.hass.states.get("automation.test")
    assert state
    assert state.state == "on"


def test_there_are_some() -> None:
    assert len(FILES) >= 10


class Loader(yaml.SafeLoader):
    """Reads what Home Assistant's own tag marks."""


Loader.add_constructor("!input", lambda loader, node: f"!input {node.value}")


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_head(file: Path) -> None:
    head = yaml.load(file.read_text("utf-8"), Loader)["blueprint"]
    assert head["source_url"].endswith(f"/{file.relative_to(FOLDER.parents[1])}")
    assert head["name"]
    assert head["description"].endswith(".")


async def wait(condition: Callable[[], object]) -> None:
    """Let time pass until it holds; an automation may be waiting meanwhile."""
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.01)


async def say(rig: Rig, **change: Any) -> None:
    """Let the printer report something, and automations begin to run."""
    counters = rig.entry.runtime_data.printer.raw.counters
    before = counters.full
    rig.printer.update(change)
    await rig.printer.push(True)
    await wait(lambda: counters.full > before)
    await asyncio.sleep(0.05)


@pytest.mark.parametrize("scenario", ["idle"])
@pytest.mark.parametrize("model", ["H2D"])
async def test_dry_when_humid(rig: Rig) -> None:
    ams = rig.printer.report["ams"]
    unit = ams["ams"][0]
    unit["humidity_raw"] = "20"
    await say(rig, ams=ams)
    dried = async_mock_service(rig.hass, "bambu_printer", "start_drying")
    await use(rig, "dry_when_humid", humidity=45, temperature=55, hours=6)
    unit["humidity_raw"] = "46"
    await say(rig, ams=ams)
    (call,) = dried
    assert call.data == {
        "device_id": rig.entry.runtime_data.device_id,
        "ams": "ams_1",
        "temperature": 55,
        "hours": 6,
    }


@pytest.mark.parametrize("model", ["H2D"])
async def test_nothing_is_dried_during_a_print(rig: Rig) -> None:
    ams = rig.printer.report["ams"]
    ams["ams"][0]["humidity_raw"] = "20"
    await say(rig, ams=ams)
    dried = async_mock_service(rig.hass, "bambu_printer", "start_drying")
    await use(rig, "dry_when_humid")
    ams["ams"][0]["humidity_raw"] = "70"
    await say(rig, ams=ams)
    assert not dried


@pytest.mark.parametrize("scenario", ["idle"])
async def test_light_follows_door(rig: Rig) -> None:
    await use(
        rig,
        "light_follows_door",
        door=[rig.entity_id("binary_sensor", "door")],
        light=rig.entity_id("light", "chamber_light"),
        minutes=0,
    )
    on = async_mock_service(rig.hass, "light", "turn_on")
    off = async_mock_service(rig.hass, "light", "turn_off")
    rig.printer.open_door()
    await say(rig)
    assert len(on) == 1
    rig.printer.open_door(False)
    await say(rig)
    assert len(off) == 1
    assert off[0].data["entity_id"] == [rig.entity_id("light", "chamber_light")]


async def test_light_stays_on_during_a_print(rig: Rig) -> None:
    await use(
        rig,
        "light_follows_door",
        door=[rig.entity_id("binary_sensor", "door")],
        light=rig.entity_id("light", "chamber_light"),
        minutes=0,
    )
    off = async_mock_service(rig.hass, "light", "turn_off")
    rig.printer.open_door()
    await say(rig)
    rig.printer.open_door(False)
    await say(rig)
    assert not off


async def test_filament_low(rig: Rig, told: list[ServiceCall]) -> None:
    ams = rig.printer.report["ams"]
    tray = ams["ams"][0]["tray"][0]
    tray["remain"] = 50
    await say(rig, ams=ams)
    await use(
        rig,
        "filament_alert",
        percent=10,
        notify=[
            {
                "action": "notify.mobile_app_my_phone",
                "data": {"title": "{{ title }}", "message": "{{ message }}"},
            }
        ],
    )
    tray["remain"] = 9
    await say(rig, ams=ams)
    (call,) = told
    assert call.data["title"] == rig.entry.title
    kind = tray["tray_type"]
    assert call.data["message"] == f"Only 9 % of the {kind} in ams 1 tray 1 is left."


FINISHED = {"gcode_state": "FINISH", "mc_percent": 100}
FAILED = {"gcode_state": "FAILED", "print_error": 0x0300_8003}


def press(rig: Rig, call: ServiceCall, title: str) -> None:
    """Press a button of a notification."""
    (action,) = (
        item["action"]
        for item in call.data["data"]["actions"]
        if item["title"] == title
    )
    rig.hass.bus.async_fire("mobile_app_notification_action", {"action": action})


@pytest.mark.parametrize(
    ("end", "words"), [(FINISHED, "is finished."), (FAILED, "has failed.")]
)
async def test_print_result(
    rig: Rig,
    phone: str,
    told: list[ServiceCall],
    settled: None,
    end: dict[str, Any],
    words: str,
) -> None:
    rig.hass.states.async_set(
        "camera.eye", "idle", {"entity_picture": "/api/camera_proxy/camera.eye?token=1"}
    )
    plug_off = async_mock_service(rig.hass, "switch", "turn_off")
    light_off = async_mock_service(rig.hass, "light", "turn_off")
    await say(rig, subtask_name="boat")
    await use(
        rig,
        "print_result",
        phone=phone,
        picture="camera.eye",
        plug="switch.plug",
        light="light.lamp",
    )
    await say(rig, **end)
    await wait(lambda: told)
    (call,) = told
    assert call.data["title"] == rig.entry.title
    assert call.data["message"] == f"boat {words}"
    assert call.data["data"]["image"] == "/api/camera_proxy/camera.eye?token=1"
    press(rig, call, "Power off")
    await wait(lambda: plug_off)
    assert plug_off[0].data["entity_id"] == ["switch.plug"]
    assert not light_off


async def test_print_result_without_extras(
    rig: Rig, phone: str, told: list[ServiceCall], settled: None
) -> None:
    await use(rig, "print_result", phone=phone)
    await say(rig, **FINISHED)
    await wait(lambda: told)
    assert told[0].data["data"]["image"] == ""
    assert told[0].data["data"]["actions"] == []
    await wait(
        lambda: rig.hass.states.get("automation.test").attributes["current"] == 0,
    )


@pytest.mark.parametrize(
    ("title", "answer"), [("Retry", "retry"), ("Ignore", "ignore"), ("Stop", "stop")]
)
async def test_error_with_answer(
    rig: Rig, phone: str, told: list[ServiceCall], title: str, answer: str
) -> None:
    await use(rig, "error_with_answer", phone=phone)
    answered = async_mock_service(rig.hass, "bambu_printer", "answer_error")
    rig.printer.raise_error(0x0300_8003)
    await say(rig)
    await wait(lambda: told)
    # Nobody can ask the maker here: these are our own words.
    assert told[0].data["message"] == (
        "Motion system: a problem that needs attention (0300-8003)"
    )
    press(rig, told[0], title)
    await wait(lambda: answered)
    assert answered[0].data == {
        "device_id": rig.entry.runtime_data.device_id,
        "answer": answer,
    }


async def test_first_layer_photo(
    rig: Rig, phone: str, told: list[ServiceCall], settled: None
) -> None:
    await say(rig, **FINISHED)
    await say(
        rig, gcode_state="RUNNING", subtask_name="boat", mc_percent=0, layer_num=0
    )
    await use(rig, "first_layer_photo", phone=phone, camera="camera.eye")
    await say(rig, layer_num=2, mc_percent=1)
    await wait(lambda: told)
    assert told[0].data["message"] == "boat: the first layer is done."
    assert told[0].data["data"]["image"] == "/api/camera_proxy/camera.eye"


async def test_power_off_when_cool(rig: Rig, settled: None) -> None:
    off = async_mock_service(rig.hass, "switch", "turn_off")
    await use(rig, "power_off_when_cool", plug="switch.plug", minutes=0)
    await say(rig, **FINISHED, bed_temper=60, nozzle_temper=180)
    await wait(lambda: automation_runs(rig))
    assert not off
    await say(rig, bed_temper=30, nozzle_temper=40)
    async_fire_time_changed(rig.hass, dt_util.utcnow() + timedelta(seconds=61))
    await wait(lambda: off)
    assert off[0].data["entity_id"] == ["switch.plug"]


async def test_power_stays_on_for_the_next_print(rig: Rig, settled: None) -> None:
    off = async_mock_service(rig.hass, "switch", "turn_off")
    await use(rig, "power_off_when_cool", plug="switch.plug", minutes=0)
    await say(rig, **FINISHED, bed_temper=60, nozzle_temper=180)
    await wait(lambda: automation_runs(rig))
    await say(rig, gcode_state="RUNNING", subtask_name="next", mc_percent=0)
    async_fire_time_changed(rig.hass, dt_util.utcnow() + timedelta(seconds=61))
    await wait(lambda: not automation_runs(rig))
    assert not off


def automation_runs(rig: Rig) -> bool:
    return bool(rig.hass.states.get("automation.test").attributes["current"])


@pytest.mark.parametrize(
    ("end", "stg", "words"),
    [
        (FINISHED, 0, "has finished boat."),
        (FAILED, 0, "could not finish boat."),
        ({"gcode_state": "PAUSE"}, 16, "has paused boat."),
    ],
)
async def test_announce(
    rig: Rig, settled: None, end: dict[str, Any], stg: int, words: str
) -> None:
    said = async_mock_service(rig.hass, "assist_satellite", "announce")
    spoken = async_mock_service(rig.hass, "tts", "speak")
    await say(rig, subtask_name="boat")
    await use(
        rig,
        "announce",
        satellites=["assist_satellite.kitchen"],
        speakers=["media_player.hall"],
        tts="tts.voice",
        from_time="00:00:00",
        to_time="23:59:59",
    )
    await say(rig, **end, stg_cur=stg)
    await wait(lambda: spoken)
    assert said[0].data["message"] == f"{rig.entry.title} {words}"
    assert said[0].data["entity_id"] == ["assist_satellite.kitchen"]
    assert spoken[0].data["media_player_entity_id"] == ["media_player.hall"]


@pytest.mark.parametrize(
    ("verdict", "paused"),
    [
        ({"failing": True, "confidence": 95, "reason": "spaghetti"}, True),
        ({"failing": True, "confidence": 40, "reason": "perhaps"}, False),
        ({"failing": False, "confidence": 99, "reason": "fine"}, False),
        (None, False),
    ],
)
async def test_ai_look(
    rig: Rig, settled: None, verdict: dict[str, Any] | None, paused: bool
) -> None:
    pressed = async_mock_service(rig.hass, "button", "press")
    told = async_mock_service(rig.hass, "notify", "all")
    asked: list[ServiceCall] = []

    async def generate(call: ServiceCall) -> dict[str, Any]:
        asked.append(call)
        if verdict is None:
            raise HomeAssistantError("no AI today")
        return {"data": verdict}

    rig.hass.services.async_register(
        "ai_task", "generate_data", generate, supports_response=SupportsResponse.ONLY
    )
    await say(rig, **FINISHED)
    await say(
        rig, gcode_state="RUNNING", subtask_name="boat", mc_percent=0, layer_num=0
    )
    await use(
        rig,
        "ai_look",
        camera="camera.eye",
        pause_button=rig.entity_id("button", "pause"),
        ai_task="ai_task.clever",
        notify=[{"action": "notify.all", "data": {"message": "{{ verdict.reason }}"}}],
    )
    await say(rig, layer_num=2, mc_percent=1)
    await wait(lambda: asked)
    data = asked[0].data
    assert data["entity_id"] == "ai_task.clever"
    assert data["attachments"][0]["media_content_id"].endswith("camera/camera.eye")
    assert set(data["structure"]) == {"failing", "confidence", "reason"}
    if paused:
        await wait(lambda: told)
        assert pressed[0].data["entity_id"] == [rig.entity_id("button", "pause")]
        assert told[0].data["message"] == "spaghetti"
    else:
        assert not pressed
        # It looks again later.
        assert automation_runs(rig)


@pytest.mark.parametrize(
    ("end", "used"),
    [
        (FINISHED, {12: 37.5, 7: 3.25}),
        # Nobody weighs what is on the plate: as much of it as the progress says.
        ({**FAILED, "mc_percent": 20}, {12: 7.5, 7: 0.65}),
    ],
)
async def test_spoolman(
    rig: Rig, settled: None, end: dict[str, Any], used: dict[int, float]
) -> None:
    calls = async_mock_service(rig.hass, "spoolman", "use_spool_filament")
    await use(
        rig,
        "spoolman",
        spools={"ams_1_tray_1": 7, "ams_1_tray_3": 12, "ams_2_tray_1": 99},
    )
    job = rig.entry.runtime_data.happenings.job
    assert job
    await rig.entry.runtime_data.jobs.async_set_job_details(
        job.id,
        filament=[
            FilamentUse(slot="ams_1_tray_3", grams=37.5),
            FilamentUse(slot="ams_1_tray_1", grams=3.25),
            FilamentUse(slot="ams_1_tray_4", grams=1.0),
            FilamentUse(slot="ams_2_tray_1"),
        ],
    )
    await say(rig, mc_percent=end["mc_percent"])
    await say(rig, **end)
    await wait(lambda: len(calls) == 2)
    assert {call.data["id"]: call.data["use_weight"] for call in calls} == used


async def test_spoolman_without_a_file(rig: Rig, settled: None) -> None:
    calls = async_mock_service(rig.hass, "spoolman", "use_spool_filament")
    await use(rig, "spoolman", spools={"ams_1_tray_1": 7})
    last = rig.hass.states.get("automation.test").attributes["last_triggered"]
    await say(rig, **FINISHED)
    await wait(
        lambda: (
            rig.hass.states.get("automation.test").attributes["last_triggered"] != last
        )
    )
    await wait(lambda: not automation_runs(rig))
    assert not calls
