"""All entities and devices of several models, as Home Assistant shows them."""

from typing import Any
from unittest.mock import patch

from homeassistant.const import Platform
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr, entity_registry as er
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    snapshot_platform,
)
from syrupy.assertion import SnapshotAssertion

from custom_components.bambu_printer import PLATFORMS

MODELS = ["X1C", "P1S", "A1MINI", "H2D"]
# Platforms of which some models have nothing.
NOT_EVERYWHERE = {Platform.NUMBER}

pytestmark = pytest.mark.parametrize("model", MODELS)


@pytest.mark.usefixtures("all_enabled", "clock")
@pytest.mark.parametrize("platform", PLATFORMS)
async def test_platform(
    hass: HomeAssistant,
    entity_registry: er.EntityRegistry,
    snapshot: SnapshotAssertion,
    entry: MockConfigEntry,
    platform: Platform,
) -> None:
    entry.add_to_hass(hass)
    with (
        patch("custom_components.bambu_printer.PLATFORMS", [platform]),
        # Cameras and images have tokens in their addresses.
        patch("random.SystemRandom.getrandbits", return_value=0xC0FFEE),
    ):
        assert await hass.config_entries.async_setup(entry.entry_id)
        await hass.async_block_till_done()
    if er.async_entries_for_config_entry(entity_registry, entry.entry_id):
        await snapshot_platform(hass, entity_registry, snapshot, entry.entry_id)
    else:
        assert platform in NOT_EVERYWHERE


async def test_devices(
    device_registry: dr.DeviceRegistry,
    snapshot: SnapshotAssertion,
    integration: MockConfigEntry,
) -> None:
    entry_id = integration.entry_id
    devices = dr.async_entries_for_config_entry(device_registry, entry_id)
    children = dr.async_child_entries_for_config_entry(device_registry, entry_id)
    by_id = {device.id: device for device in [*devices, *children]}
    assert len(devices) >= 2
    assert children

    def describe(device: Any) -> dict[str, Any]:
        facts = {
            name: getattr(device, name)
            for name in (
                "name",
                "manufacturer",
                "model",
                "model_id",
                "serial_number",
                "hw_version",
                "sw_version",
            )
            if hasattr(device, name)
        }
        for link in ("via_device_id", "parent_device_id"):
            if target := getattr(device, link, None):
                facts[link] = by_id[target].name
        return {"identifiers": sorted(device.identifiers), **facts}

    assert [describe(device) for device in by_id.values()] == snapshot


async def test_nothing_deprecated(
    integration: MockConfigEntry, caplog: pytest.LogCaptureFixture
) -> None:
    """Home Assistant would name what it no longer wants to be called."""
    lines = [
        record.getMessage()
        for record in caplog.records
        if "deprecated" in record.getMessage() and "bambu" in record.getMessage()
    ]
    assert lines == []
    ours = [
        record.getMessage()
        for record in caplog.records
        if record.name.startswith("custom_components.bambu_printer")
        and record.levelname in ("WARNING", "ERROR", "CRITICAL")
    ]
    assert ours == []
