"""The blueprints: each is loaded by Home Assistant, and run."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import PropertyMock, patch

from homeassistant.components.blueprint.models import DomainBlueprints
from homeassistant.core import HomeAssistant, ServiceCall
from homeassistant.helpers import device_registry as dr
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_mock_service,
)
import yaml

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


async def say(rig: Rig, **change: Any) -> None:
    await rig.report(change, full=True)
    await rig.hass.async_block_till_done()


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
    kind = rig.state("sensor", "ams_0_tray_1_type").state
    assert call.data["message"] == f"Only 9 % of the {kind} in ams 1 tray 1 is left."
