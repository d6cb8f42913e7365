"""docs/entities.md against the entities that the models have."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
import re
from typing import Any

from homeassistant.const import Platform
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.bambu_printer.const import DOMAIN
from virtual_printer import VirtualPrinter
from virtual_printer.profiles import PROFILES

from .conftest import entry_data

PAGE = Path(__file__).parents[1] / "docs" / "entities.md"

_PLATFORMS = {
    "Sensors": Platform.SENSOR,
    "Binary sensors": Platform.BINARY_SENSOR,
    "Events": Platform.EVENT,
    "Images": Platform.IMAGE,
    "Heaters (climate)": Platform.CLIMATE,
    "Fans": Platform.FAN,
    "Lights": Platform.LIGHT,
    "Switches": Platform.SWITCH,
    "Selects": Platform.SELECT,
    "Numbers": Platform.NUMBER,
    "Buttons": Platform.BUTTON,
    "Camera": Platform.CAMERA,
    "Updates": Platform.UPDATE,
    "Calendars": Platform.CALENDAR,
}
_FAMILIES = {
    "X1 family": ("X1C", "X1", "X1E"),
    "H2 family": ("H2D", "H2D Pro", "H2S", "H2C"),
}


@dataclass(frozen=True)
class Row:
    """A line of the tables."""

    name: str
    where: frozenset[str] | None
    """The models; None for what all have, or what an AMS or a spool holder has."""
    enabled: frozenset[str] | bool
    category: str
    unit: str


def _models(text: str) -> frozenset[str]:
    names = text.split(", ")
    return frozenset(model for name in names for model in _FAMILIES.get(name, (name,)))


def _rows() -> Iterator[tuple[tuple[str, str], Row]]:
    """Read the tables."""
    for section in PAGE.read_text().split("\n## ")[1:]:
        platform = _PLATFORMS[section.partition("\n")[0]]
        for line in section.splitlines():
            cells = [cell.strip() for cell in line.strip("|").split(" | ")]
            if len(cells) < 6 or not cells[1].startswith("`"):
                continue
            name, key, where, default, category, unit = cells[:6]
            models = _models(where)
            _, _, some = default.partition("on for ")
            yield (
                (platform, key.strip("`")),
                Row(
                    name,
                    models if models <= set(PROFILES) else None,
                    _models(some) if some else default == "on",
                    category,
                    unit,
                ),
            )


ROWS = dict(_rows())


def _key(unique_id: str) -> str:
    """Turn the end of a unique id into the key of its row."""
    key = re.sub(r"^ams_\d+_tray_\d", "ams_<unit>_tray_<n>", unique_id)
    key = re.sub(r"^ams_\d+_", "ams_<unit>_", key)
    return re.sub(r"^nozzle_\d", "nozzle", key.replace("external_left", "external"))


@pytest.mark.usefixtures("socket_enabled")
async def test_tables_are_true(
    hass: HomeAssistant, entity_registry: er.EntityRegistry
) -> None:
    seen: dict[tuple[str, str], set[str]] = {}
    differences: list[Any] = []
    for model in PROFILES:
        async with VirtualPrinter(
            model=model, scenario="printing", autostart_reports=False
        ) as virtual:
            entry = MockConfigEntry(
                domain=DOMAIN,
                title=virtual.name,
                unique_id=virtual.serial,
                data=entry_data(virtual),
            )
            entry.add_to_hass(hass)
            assert await hass.config_entries.async_setup(entry.entry_id)
            await hass.async_block_till_done()
            for item in er.async_entries_for_config_entry(
                entity_registry, entry.entry_id
            ):
                key = (item.domain, _key(item.unique_id.partition("_")[2]))
                seen.setdefault(key, set()).add(model)
                if key not in ROWS:
                    differences.append((model, key, "no row"))
                    continue
                row = ROWS[key]
                enabled = (
                    row.enabled
                    if isinstance(row.enabled, bool)
                    else model in row.enabled
                )
                if enabled != (item.disabled_by is None):
                    differences.append((model, key, "default"))
                if row.category != (item.entity_category or ""):
                    differences.append((model, key, "category"))
                if row.unit != (item.unit_of_measurement or ""):
                    differences.append((model, key, item.unit_of_measurement))
            await hass.config_entries.async_unload(entry.entry_id)
    differences += [(key, "no model has it") for key in ROWS if key not in seen]
    differences += [
        (key, "models", row.where ^ seen[key])
        for key, row in ROWS.items()
        if key in seen and row.where is not None and row.where != seen[key]
    ]
    assert differences == []
