"""What a bug report contains, and what it must not."""

import json
from typing import Any

from homeassistant.components.diagnostics import REDACTED
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.components.diagnostics import (
    get_diagnostics_for_config_entry,
)
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from .conftest import Rig

TAG_LENGTHS = (16, 32)


def texts(value: Any) -> set[str]:
    """Return all texts in a JSON value."""
    if isinstance(value, dict):
        return set().union(*(texts(item) for item in value.values()))
    if isinstance(value, list):
        return set().union(*(texts(item) for item in value))
    return {value} if isinstance(value, str) else set()


def values_of(value: Any, names: set[str]) -> set[str]:
    """Return the texts that stand under one of the names, at any depth."""
    if isinstance(value, dict):
        return {
            str(item)
            for name, item in value.items()
            if name in names and isinstance(item, str | int) and item
        }.union(*(values_of(item, names) for item in value.values()))
    if isinstance(value, list):
        return set().union(*(values_of(item, names) for item in value))
    return set()


@pytest.mark.parametrize("model", ["X1C", "P1S", "A1MINI", "H2D"])
async def test_nothing_private(
    hass: HomeAssistant, hass_client: ClientSessionGenerator, rig: Rig
) -> None:
    assert await async_setup_component(hass, "diagnostics", {})
    await rig.report(
        {
            "subtask_name": "Present for Ottilie",
            "gcode_file": "/data/Ottilie.gcode",
            "ipcam": {"rtsp_url": "rtsps://192.0.2.77:322/streaming/live/1"},
            "upgrade_state": {"sn": rig.printer.serial},
        }
    )
    diagnostics: Any = await get_diagnostics_for_config_entry(
        hass, hass_client, rig.entry
    )
    text = json.dumps(diagnostics)
    private = {
        rig.printer.access_code,
        rig.printer.serial,
        rig.entry.title,
        "127.0.0.1",
        "192.0.2.77",
        "Ottilie",
        *rig.printer.ca_pem.splitlines()[1:-1],
        *rig.printer.certificate_pem.splitlines()[1:-1],
    }
    # Tags of spools, serial numbers of boards and of the AMS.
    private |= values_of(rig.printer.report, {"tag_uid", "tray_uuid", "chip_id"}) - {
        "0" * length for length in TAG_LENGTHS
    }
    modules = rig.entry.runtime_data.printer.raw.data["@modules"]
    private |= values_of(modules, {"sn"})
    assert len(private) > 20
    assert {secret for secret in private if secret in text} == set()
    address = rig.entry.runtime_data.printer.state.network.address
    assert not address or address not in text


async def test_what_helps(
    hass: HomeAssistant, hass_client: ClientSessionGenerator, rig: Rig
) -> None:
    assert await async_setup_component(hass, "diagnostics", {})
    await rig.report({"brand_new_key": 1, "device": {"warp_drive": {"on": True}}})
    diagnostics: Any = await get_diagnostics_for_config_entry(
        hass, hass_client, rig.entry
    )
    assert diagnostics["model"] == "X1C"
    assert diagnostics["service_state"] == "connected"
    assert diagnostics["last_error"] is None
    assert diagnostics["unknown_keys"] == ["brand_new_key", "device.warp_drive"]
    assert diagnostics["report"]["device"]["warp_drive"] == {"on": True}
    assert diagnostics["report"]["nozzle_temper"] == 220
    assert diagnostics["counters"]["full"] >= 2
    assert diagnostics["counters"]["malformed"] == 0
    assert diagnostics["state"]["job"]["gcode_state"] == "running"
    assert diagnostics["state"]["temperatures"]["nozzles"][0]["target"] == 220
    assert {item["name"] for item in diagnostics["modules"]} >= {"ota", "mc", "ams/0"}
    assert {item["sn"] for item in diagnostics["modules"]} == {REDACTED}
    assert diagnostics["entry"]["data"]["access_code"] == REDACTED


async def test_after_it_is_lost(
    hass: HomeAssistant, hass_client: ClientSessionGenerator, rig: Rig, quick: None
) -> None:
    from .conftest import wait_until

    assert await async_setup_component(hass, "diagnostics", {})
    await rig.printer.power_off()
    await wait_until(hass, lambda: rig.available() == rig.always)
    diagnostics: Any = await get_diagnostics_for_config_entry(
        hass, hass_client, rig.entry
    )
    assert diagnostics["service_state"] == "disconnected"
    assert diagnostics["last_error"] in {"not_connected", "cannot_connect", "refused"}
