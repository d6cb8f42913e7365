"""What a bug report contains, and what it must not."""

import json
from typing import Any

from homeassistant.components.diagnostics import REDACTED
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    get_system_health_info,
)
from pytest_homeassistant_custom_component.components.diagnostics import (
    get_diagnostics_for_config_entry,
)
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from benchmarks.library import new_printer
from benchmarks.reports import full_stream
from custom_components.bambu_printer.const import DOMAIN
from custom_components.bambu_printer.printer import replay
from virtual_printer import VirtualPrinter

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
    await rig.report(
        {
            "brand_new_key": 1,
            "device": {"warp_drive": {"on": True}},
            "ipcam": {"rtsp_url": "rtsps://192.0.2.77:322/streaming/live/1"},
        }
    )
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
    serials = {
        item["sn"] for item in rig.entry.runtime_data.printer.raw.data["@modules"]
    }
    shown = {item["sn"] for item in diagnostics["modules"]}
    # Still told apart, and by the beginning what they are of.
    assert len(shown) == len(serials)
    assert not shown & (serials - {""})
    assert {sn[:3] for sn in shown} == {sn[:3] for sn in serials}
    assert diagnostics["control"] == "full"
    assert diagnostics["repairs"] == []
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


async def test_not_loaded(
    hass: HomeAssistant,
    hass_client: ClientSessionGenerator,
    printer: VirtualPrinter,
    entry: MockConfigEntry,
) -> None:
    """Most reports are about printers that do not connect."""
    assert await async_setup_component(hass, "diagnostics", {})
    await printer.restart(new_certificate=True)
    entry.add_to_hass(hass)
    await hass.config_entries.async_setup(entry.entry_id)
    diagnostics: Any = await get_diagnostics_for_config_entry(hass, hass_client, entry)
    assert diagnostics["repairs"] == ["certificate_changed"]
    assert "trace" not in diagnostics
    text = json.dumps(diagnostics)
    for secret in (printer.serial, printer.access_code, entry.title, "127.0.0.1"):
        assert secret not in text


@pytest.mark.parametrize("model", ["X1C", "P1S", "A1MINI", "H2D", "P2S", "A2L"])
async def test_trace_can_be_replayed(
    hass: HomeAssistant, hass_client: ClientSessionGenerator, rig: Rig
) -> None:
    """What somebody sends us shows the same printer that they had, less what is private."""
    assert await async_setup_component(hass, "diagnostics", {})
    original = rig.entry.runtime_data.printer
    await rig.report({"bed_temper": 47, "wifi_signal": "-71dBm"}, full=False)
    await rig.report({"mc_percent": 61, "subtask_name": "Present for Ottilie"})
    diagnostics: Any = await get_diagnostics_for_config_entry(
        hass, hass_client, rig.entry
    )
    trace = json.loads(json.dumps(diagnostics["trace"]))
    text = json.dumps(trace)
    for secret in (rig.printer.serial, rig.printer.access_code, "Ottilie"):
        assert secret not in text
    seen = replay(trace)
    assert seen.model is original.model
    assert seen.to_json()["state"] == original.to_json()["state"]
    assert seen.state.job.progress == 61
    assert seen.raw.complete


async def test_long_trace_can_be_replayed(rig: Rig) -> None:
    """When the beginning is gone, what was known then takes its place."""
    original = rig.entry.runtime_data.printer
    for number in range(150):
        original.on_message(
            {"print": {"command": "push_status", "msg": 1, "mc_percent": number % 100}}
        )
    trace = original.trace.to_json(
        model_code="", serial=original.serial, secrets={rig.printer.access_code}
    )
    assert trace["base"]["gcode_state"] == "RUNNING"
    assert 40 <= len(trace["messages"]) <= 80
    seen = replay(json.loads(json.dumps(trace)))
    assert (
        seen.to_json()["state"]["temperatures"]
        == (original.to_json()["state"]["temperatures"])
    )
    assert seen.state.job.progress == original.state.job.progress
    assert seen.model is original.model
    # It costs little.
    assert len(original.trace._newer.messages) <= 40
    original.on_message({"print": {"x": [{"y": n} for n in range(5000)]}})
    assert original.trace.skipped == 1
    assert not replay(
        original.trace.to_json(model_code="", serial="00M", secrets=set())
    ).available


@pytest.mark.parametrize("model", ["X1C", "H2D"])
def test_trace_of_full_reports_keeps_their_news(model: str) -> None:
    """Eighty whole reports would be a megabyte; what they say comes out of it all the same."""
    stream = full_stream(model, 100)
    original = new_printer(stream)
    for payload in stream.following:
        original.on_message(json.loads(payload))
    trace = original.trace.to_json(model_code="", serial=stream.serial, secrets=set())
    told = [item["message"] for item in trace["messages"]]
    assert 40 <= len(told) <= 80
    assert len(json.dumps(told)) < len(told) * 1000
    seen = replay(json.loads(json.dumps(trace)))
    assert seen.counters.full == len(told)
    for key, value in json.loads(stream.following[-1])["print"].items():
        if isinstance(value, int | float):
            # Texts may be private, and are replaced.
            assert key == "sequence_id" or seen.raw.data[key] == value
    for name in ("lights", "detectors", "enclosure", "options", "camera"):
        assert getattr(seen.state, name) == getattr(original.state, name)
    assert seen.state.job.current_layer == original.state.job.current_layer


def test_trace_keeps_reports_whole_that_leave_something_out() -> None:
    stream = full_stream("H2D", 3)
    printer = new_printer(stream)
    status = json.loads(stream.following[0])["print"]
    shorter = {key: value for key, value in status.items() if key != "spd_mag"}
    less = {**shorter, "device": {**shorter["device"]}, "sequence_id": "9000"}
    del less["device"]["extruder"]
    for said in (shorter, less):
        printer.on_message({"print": said})
    trace = printer.trace.to_json(model_code="", serial="094", secrets=set())
    assert [item["only_news"] for item in trace["messages"]] == [True, False, False]
    seen = replay(json.loads(json.dumps(trace)))
    assert seen.raw.data.keys() == printer.raw.data.keys()
    assert seen.raw.data["device"].keys() == less["device"].keys()


def test_no_trace() -> None:
    with pytest.raises(ValueError, match="no trace"):
        replay({"version": 99})


async def test_system_health(hass: HomeAssistant, rig: Rig) -> None:
    assert await async_setup_component(hass, "system_health", {})
    await hass.async_block_till_done()
    info = await get_system_health_info(hass, DOMAIN)
    assert info == {
        "printers": 1,
        "connected": 1,
        "released": 0,
        "switched_off": 0,
        "discovery_ports": "–",
        "announcements": 0,
    }
    await rig.call("switch.turn_on", "release_connection")
    info = await get_system_health_info(hass, DOMAIN)
    assert (info["connected"], info["released"]) == (0, 1)
