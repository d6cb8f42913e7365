"""The dashboard: what docs/dashboard.md offers is what the demo shows, and all of it exists."""

from collections.abc import Iterator, Mapping
from pathlib import Path
import re
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.helpers.template import Template
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.typing import WebSocketGenerator
import yaml

from scripts.demo.cards import Device, dashboard, devices_of, printer_view

from .conftest import Rig

PAGE = Path(__file__).parents[1] / "docs" / "dashboard.md"

_BLOCK = re.compile(r"(?<=```yaml\n).*?(?=^```)", re.MULTILINE | re.DOTALL)
_ENTITY = re.compile(
    r"\b(?:binary_sensor|button|calendar|camera|climate|event|fan|image|light|select"
    r"|sensor|switch|update)\.[a-z0-9_]+(?![a-z0-9_.(])"
)
_CARDS = {
    "calendar",
    "heading",
    "history-graph",
    "logbook",
    "markdown",
    "picture-entity",
    "statistics-graph",
    "tile",
    "vertical-stack",
}
"""All of them come with Home Assistant."""


class Dumper(yaml.SafeDumper):
    """Writes templates as they are read best."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


Dumper.add_representer(str, _text)


@pytest.fixture
async def devices(rig: Rig, hass_ws_client: WebSocketGenerator) -> list[Device]:
    """Return the devices of a printer as the demo finds them."""
    assert await async_setup_component(rig.hass, "config", {})
    client = await hass_ws_client(rig.hass)
    lists = []
    for registry in ("device", "entity"):
        await client.send_json_auto_id({"type": f"config/{registry}_registry/list"})
        lists.append((await client.receive_json())["result"])
    return devices_of(rig.entry.entry_id, *lists)


@pytest.fixture
def view(devices: list[Device]) -> dict[str, Any]:
    """Return the view of a printer."""
    return printer_view(devices)


def cards(view: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield all cards, also those in others."""
    for section in view["sections"]:
        for card in section["cards"]:
            yield card
            yield from card.get("cards", ())


@pytest.mark.parametrize("model", ["X1C", "A1MINI", "P1S", "H2D", "X2D"])
async def test_what_it_shows_exists(rig: Rig, view: dict[str, Any]) -> None:
    text = yaml.dump(view, Dumper=Dumper)
    entity_ids = set(_ENTITY.findall(text)) - {"button.press"}
    assert len(entity_ids) > 30
    assert sorted(x for x in entity_ids if rig.hass.states.get(x) is None) == []
    shown = list(cards(view))
    assert {card["type"] for card in shown} <= _CARDS
    # Each entity has one place; the graph repeats the heaters.
    tiles = [card["entity"] for card in shown if card["type"] == "tile"]
    assert len(tiles) == len(set(tiles))
    assert "Stop" in next(
        card["tap_action"]["confirmation"]["text"]
        for card in shown
        if card.get("entity", "").endswith("_stop")
    )


async def test_several_printers(
    rig: Rig, devices: list[Device], view: dict[str, Any]
) -> None:
    parts = devices
    views = dashboard([parts, parts])["views"]
    assert [item["title"] for item in views] == [
        "All printers",
        rig.entry.title,
        rig.entry.title,
    ]
    assert dashboard([parts])["views"] == [view]


async def test_spools(hass: HomeAssistant, rig: Rig, view: dict[str, Any]) -> None:
    ams = rig.printer.report["ams"]
    trays = ams["ams"][0]["tray"]
    trays[0].update(cols=["FF0000FF", "00FF00FF", "0000FFFF"], ctype=1)
    await rig.report({"ams": ams}, full=True)
    tables = [
        Template(card["content"], hass).async_render()
        for card in cards(view)
        if card["type"] == "markdown" and "svg" in card["content"]
    ]
    assert len(tables) == 2
    rows = [line for line in tables[0].splitlines() if line.startswith("| ![")]
    assert len(rows) == 4
    for number, row in enumerate(rows, 1):
        tray = rig.state("sensor", f"ams_0_tray_{number}")
        colors = tray.attributes.get("colors") or [tray.attributes.get("color")]
        for color in colors:
            assert not color or f"fill%3D%22{color.replace('#', '%23')}%22" in row
        assert f"| {number} |" in row
    # The one in use is marked.
    assert [row.count("●") for row in rows] == [0, 1, 0, 0]
    left = rig.state("sensor", "ams_0_tray_2_remaining").state
    assert rows[1].endswith(f"| {left} % |")
    assert rows[3].endswith("| – |")


async def test_error_in_words(
    hass: HomeAssistant, rig: Rig, view: dict[str, Any]
) -> None:
    rig.printer.raise_error(0x0300_8003)
    await rig.report(full=True)
    (content,) = (
        card["content"]
        for card in cards(view)
        if card["type"] == "markdown" and "ha-alert" in card["content"]
    )
    words = Template(content, hass).async_render()
    assert "Motion system: a problem that needs attention" in words
    assert "0300-8003" in words
    assert "https://" in words


async def test_page(view: dict[str, Any], request: pytest.FixtureRequest) -> None:
    """What is to be copied is current: --snapshot-update writes it."""
    config = {"views": [{**view, "path": "printer"}]}
    text = yaml.dump(
        config, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=200
    )
    page = PAGE.read_text("utf-8")
    if request.config.option.update_snapshots:
        page = _BLOCK.sub(lambda _: text, page)
        PAGE.write_text(page, "utf-8")
    assert _BLOCK.findall(page) == [text]
