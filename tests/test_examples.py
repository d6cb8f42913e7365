"""The examples in the documentation: valid, and about what really exists."""

from collections.abc import Iterator
from pathlib import Path
import re
from typing import Any

from homeassistant.components.light import DOMAIN as LIGHT_DOMAIN
from homeassistant.components.script import DOMAIN as SCRIPT_DOMAIN
from homeassistant.const import STATE_UNAVAILABLE
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
import yaml

from custom_components.bambu_printer import PLATFORMS
from custom_components.bambu_printer.const import DOMAIN
from virtual_printer import VirtualPrinter

from .conftest import Rig, entry_data

ROOT = Path(__file__).parents[1]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))

_BLOCK = re.compile(r"^```yaml\n(.*?)^```", re.MULTILINE | re.DOTALL)
_OURS = re.compile(
    rf"\b(?:{'|'.join(PLATFORMS)})\.(?:workshop_x1c|atelier_h2d)[a-z0-9_]*"
)
_ACTION = re.compile(rf"action: {DOMAIN}\.(\w+)")


def blocks() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the blocks of all pages that are mappings, and where they are."""
    for page in PAGES:
        for number, text in enumerate(_BLOCK.findall(page.read_text("utf-8")), 1):
            block = yaml.safe_load(text)
            if isinstance(block, dict):
                yield f"{page.name} {number}", block


def examples(key: str) -> list[Any]:
    """Return the blocks that have this key and are whole, as parameters named by alias."""
    return [
        pytest.param(block, id=block["alias"])
        for _, block in blocks()
        if key in block and block.keys() & {"actions", "sequence"}
    ]


def fragments() -> list[Any]:
    """Return the blocks that show one part of an automation, made whole."""
    return [
        pytest.param(
            {"alias": "Test", "triggers": [], "actions": [], **block}, id=where
        )
        for where, block in blocks()
        if block.keys() <= {"triggers", "conditions"}
    ]


def pages_with_examples() -> str:
    """Return the text of all blocks with automations and scripts."""
    text = (ROOT / "docs" / "examples.md").read_text()
    return "".join(_BLOCK.findall(text))


AUTOMATIONS = examples("triggers")
SCRIPTS = examples("sequence")


@pytest.mark.parametrize("automation", [*AUTOMATIONS, *fragments()])
async def test_automation_is_valid(
    hass: HomeAssistant, automation: dict[str, Any]
) -> None:
    assert await async_setup_component(hass, "automation", {"automation": [automation]})
    await hass.async_block_till_done()
    (state,) = hass.states.async_all("automation")
    assert state.state != STATE_UNAVAILABLE, "Home Assistant finds it invalid"
    # Those that wait for a time would do so for longer than the test.
    await hass.services.async_call(
        "automation", "turn_off", {"entity_id": state.entity_id}, blocking=True
    )


@pytest.mark.parametrize("script", SCRIPTS)
async def test_script_is_valid(hass: HomeAssistant, script: dict[str, Any]) -> None:
    assert await async_setup_component(
        hass, SCRIPT_DOMAIN, {SCRIPT_DOMAIN: {"x": script}}
    )
    await hass.async_block_till_done()
    (state,) = hass.states.async_all(SCRIPT_DOMAIN)
    assert state.state != STATE_UNAVAILABLE, "Home Assistant finds it invalid"


async def test_what_they_name_exists(
    hass: HomeAssistant, integration: MockConfigEntry
) -> None:
    async with VirtualPrinter(
        model="H2D", scenario="printing", autostart_reports=False
    ) as h2d:
        entry = MockConfigEntry(
            domain=DOMAIN, title=h2d.name, unique_id=h2d.serial, data=entry_data(h2d)
        )
        entry.add_to_hass(hass)
        assert await hass.config_entries.async_setup(entry.entry_id)
        await hass.async_block_till_done()

        text = pages_with_examples()
        entity_ids = set(_OURS.findall(text))
        # One is put together in a template.
        entity_ids.discard("sensor.workshop_x1c_ams_1_tray_")
        assert len(entity_ids) > 10
        assert sorted(x for x in entity_ids if hass.states.get(x) is None) == []
        actions = set(_ACTION.findall(text))
        assert actions
        assert actions <= set(hass.services.async_services_for_domain(DOMAIN))
        await hass.config_entries.async_unload(entry.entry_id)


async def test_light_goes_on_with_the_print(hass: HomeAssistant, rig: Rig) -> None:
    (automation,) = (
        item.values[0]
        for item in AUTOMATIONS
        if item.id == "Chamber light follows the print"
    )
    await rig.call("light.turn_off", "chamber_light")
    assert await async_setup_component(hass, "automation", {"automation": [automation]})
    await rig.report({"gcode_state": "PAUSE"})
    await rig.report({"gcode_state": "RUNNING"})
    await hass.async_block_till_done()
    assert rig.state(LIGHT_DOMAIN, "chamber_light").state == "on"


async def test_door_pauses_the_print(hass: HomeAssistant, rig: Rig) -> None:
    (automation,) = (
        item.values[0]
        for item in AUTOMATIONS
        if item.id == "Pause while the door is open"
    )
    assert await async_setup_component(hass, "automation", {"automation": [automation]})
    rig.printer.clear_requests()
    await hass.services.async_call(
        "automation",
        "trigger",
        {"entity_id": "automation.pause_while_the_door_is_open"},
    )
    await hass.async_block_till_done()
    commands = [
        request["print"]["command"]
        for request in rig.printer.requests
        if "print" in request
    ]
    assert commands == ["pause"]
