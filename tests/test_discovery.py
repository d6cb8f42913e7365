"""Printers that announce themselves: found, followed, greeted; and what is not believed."""

import asyncio
from collections.abc import Iterator
import socket
from typing import Any
from unittest.mock import patch

from homeassistant.config_entries import (
    SOURCE_IGNORE,
    SOURCE_INTEGRATION_DISCOVERY,
    ConfigEntryDisabler,
    ConfigEntryState,
)
from homeassistant.const import CONF_HOST, EVENT_HOMEASSISTANT_STOP
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
from homeassistant.setup import async_setup_component
import probatio
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.bambu_printer import discovery as module
from custom_components.bambu_printer.const import (
    CONF_ACCESS_CODE,
    CONF_CAMERA_PORT,
    CONF_DETECT_PORT,
    CONF_FTPS_PORT,
    CONF_MQTT_PORT,
    DOMAIN,
)
from custom_components.bambu_printer.discovery import Discovery, async_get_discovery
from virtual_printer import VirtualPrinter
from virtual_printer.announce import Announcer, encode_announcement

from .conftest import SESSION, Rig, entry_data, wait_until

ELSEWHERE = "127.0.0.2"
DISCOVERY = "custom_components.bambu_printer.discovery"
FLOW = "custom_components.bambu_printer.config_flow"


@pytest.fixture(autouse=True)
def announcement_ports(socket_enabled: None) -> Iterator[None]:
    """Listen on a port that nobody else has."""
    with patch(f"{DISCOVERY}.ANNOUNCEMENT_PORTS", (0,)):
        yield


async def listen(hass: HomeAssistant) -> Discovery:
    assert await async_setup_component(hass, DOMAIN, {})
    return async_get_discovery(hass)


async def announce(
    hass: HomeAssistant,
    discovery: Discovery,
    packet: bytes,
    source: str = "127.0.0.1",
) -> None:
    """Send an announcement from an address, and wait until it was heard."""
    before = discovery.facts.announcements
    announcer = Announcer(("127.0.0.1", discovery.facts.ports[0]), source)
    await announcer.start()
    announcer.send(packet)
    await wait_until(hass, lambda: discovery.facts.announcements > before)
    announcer.stop()


def announcement(printer: VirtualPrinter, address: str = "127.0.0.1") -> bytes:
    return encode_announcement(
        address=address,
        serial=printer.serial,
        code=printer.profile.code,
        name=printer.name,
        version=printer.firmware,
        signal=-40,
    )


def flows(hass: HomeAssistant) -> list[Any]:
    return [
        flow
        for flow in hass.config_entries.flow.async_progress_by_handler(DOMAIN)
        if flow["context"]["source"] == SOURCE_INTEGRATION_DISCOVERY
    ]


def registered(hass: HomeAssistant, entry: MockConfigEntry) -> dict[str, str]:
    """Return the registry entries of an entry's entities."""
    return {
        item.unique_id: item.id
        for item in er.async_entries_for_config_entry(
            er.async_get(hass), entry.entry_id
        )
    }


# Found


async def test_found_and_added(hass: HomeAssistant, printer: VirtualPrinter) -> None:
    discovery = await listen(hass)
    ports = {
        probatio.Required(CONF_MQTT_PORT, default=printer.mqtt_port): int,
        probatio.Required(CONF_FTPS_PORT, default=printer.ftps_port): int,
        probatio.Required(CONF_DETECT_PORT, default=printer.detect_port): int,
        probatio.Required(CONF_CAMERA_PORT, default=printer.camera_port): int,
    }
    with patch(f"{FLOW}._PORTS_SCHEMA", probatio.Schema(ports)):
        for _ in range(3):
            await announce(hass, discovery, announcement(printer))
        await wait_until(hass, lambda: flows(hass))
        (flow,) = flows(hass)
        assert flow["context"]["unique_id"] == printer.serial
        assert flow["context"]["title_placeholders"]["name"] == printer.name
        result = await hass.config_entries.flow.async_configure(
            flow["flow_id"], {CONF_ACCESS_CODE: printer.access_code}
        )
        assert result["step_id"] == "trust"
        result = await hass.config_entries.flow.async_configure(flow["flow_id"], {})
    await hass.async_block_till_done()
    assert result["result"].state is ConfigEntryState.LOADED
    assert result["result"].data == entry_data(printer)
    # It is no news any more.
    await announce(hass, discovery, announcement(printer))
    assert flows(hass) == []


async def test_virtual_printer_announces_itself(hass: HomeAssistant) -> None:
    discovery = await listen(hass)
    target = ("127.0.0.1", discovery.facts.ports[0])
    with patch(f"{DISCOVERY}.discovery_flow.async_create_flow") as create:
        async with VirtualPrinter("A1", announce=target, announce_interval=0.05) as a1:
            await wait_until(hass, lambda: discovery.facts.announcements >= 3)
    assert create.call_count == 1
    assert create.call_args.args[3] == {
        "host": "127.0.0.1",
        "serial": a1.serial,
        "name": a1.name,
        "model_code": "N2S",
        "firmware": a1.firmware,
    }


async def test_sender_must_be_who_it_says(
    hass: HomeAssistant, printer: VirtualPrinter
) -> None:
    discovery = await listen(hass)
    with patch(f"{DISCOVERY}.discovery_flow.async_create_flow") as create:
        discovery.async_packet(announcement(printer, "192.0.2.1"), "127.0.0.1")
        discovery.async_packet(b"M-SEARCH * HTTP/1.1\r\n\r\n", "127.0.0.1")
        discovery.async_packet(b"\xff" * 70_000, "127.0.0.1")
    assert create.call_count == 0
    assert discovery.facts.announcements == 0


async def test_flood(hass: HomeAssistant) -> None:
    """However many there are, only so many are read, and so many printers offered."""
    discovery = await listen(hass)
    with patch(f"{DISCOVERY}.discovery_flow.async_create_flow") as create:
        for number in range(2_000):
            packet = encode_announcement(
                address="127.0.0.1",
                serial=f"01P00A{number:09d}",
                code="C12",
                name="x",
                version="1",
                signal=-1,
            )
            discovery.async_packet(packet, "127.0.0.1")
        assert discovery.facts.dropped >= 2_000 - 3 * module._MOST_PACKETS
        assert create.call_count <= module._MOST_STRANGERS
        # Those that were offered long ago make room for others.
        with patch.object(module, "_FORGET_AFTER", 0.0):
            discovery._packets = 0
            discovery.async_packet(packet.replace(b"01P00A", b"01P00B"), "127.0.0.1")
    assert len(discovery._strangers) <= module._MOST_STRANGERS
    assert any(serial.startswith("01P00B") for serial in discovery._strangers)


async def test_ignored_and_disabled(
    hass: HomeAssistant, printer: VirtualPrinter
) -> None:
    discovery = await listen(hass)
    ignored = MockConfigEntry(
        domain=DOMAIN, unique_id=printer.serial, source=SOURCE_IGNORE, data={}
    )
    ignored.add_to_hass(hass)
    await announce(hass, discovery, announcement(printer))
    await hass.config_entries.async_remove(ignored.entry_id)
    disabled = MockConfigEntry(
        domain=DOMAIN,
        unique_id=printer.serial,
        data={**entry_data(printer), CONF_HOST: ELSEWHERE},
        disabled_by=ConfigEntryDisabler.USER,
    )
    disabled.add_to_hass(hass)
    await announce(hass, discovery, announcement(printer))
    assert disabled.data[CONF_HOST] == ELSEWHERE
    assert flows(hass) == []


# Followed


@pytest.mark.usefixtures("whole_loopback")
async def test_moves_while_it_is_connected(hass: HomeAssistant, rig: Rig) -> None:
    """The old connection still stands when the printer is heard at another address."""
    everything, before = rig.available(), registered(hass, rig.entry)
    await rig.printer.power_off()
    rig.printer.host = ELSEWHERE
    await rig.printer.power_on()
    discovery = async_get_discovery(hass)
    await announce(hass, discovery, announcement(rig.printer, ELSEWHERE), ELSEWHERE)
    await wait_until(hass, lambda: rig.entry.data[CONF_HOST] == ELSEWHERE)
    await wait_until(
        hass,
        lambda: rig.printer.connected_clients and rig.available() == everything,
    )
    assert registered(hass, rig.entry) == before
    moved = rig.entry.runtime_data.printer
    assert moved.endpoint.host == ELSEWHERE
    for part in (moved.storage._lane, moved.jpeg_camera, moved.live_view):
        assert part._endpoint == moved.endpoint


@pytest.mark.usefixtures("whole_loopback")
async def test_moved_before_it_was_set_up(
    hass: HomeAssistant, rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    before = registered(hass, rig.entry)
    await hass.config_entries.async_unload(rig.entry.entry_id)
    hass.config_entries.async_update_entry(
        rig.entry, data={**rig.entry.data, CONF_HOST: ELSEWHERE}
    )
    await hass.config_entries.async_setup(rig.entry.entry_id)
    assert rig.entry.state is ConfigEntryState.SETUP_RETRY
    discovery = async_get_discovery(hass)
    await announce(hass, discovery, announcement(rig.printer))
    await wait_until(hass, lambda: rig.entry.state is ConfigEntryState.LOADED)
    assert rig.entry.data[CONF_HOST] == "127.0.0.1"
    assert registered(hass, rig.entry) == before
    assert rig.printer.access_code not in caplog.text


@pytest.mark.usefixtures("whole_loopback")
async def test_impostor_is_not_followed(
    hass: HomeAssistant, printer: VirtualPrinter, entry: MockConfigEntry
) -> None:
    """Somebody with the same serial number and another certificate is told nothing."""
    await printer.power_off()
    entry.add_to_hass(hass)
    await hass.config_entries.async_setup(entry.entry_id)
    assert entry.state is ConfigEntryState.SETUP_RETRY
    discovery = async_get_discovery(hass)
    impostor = VirtualPrinter(
        "X1C", serial=printer.serial, host=ELSEWHERE, mqtt_port=printer.mqtt_port
    )
    impostor._generation = 1
    async with impostor:
        with patch.object(impostor, "_authenticate", side_effect=AssertionError):
            packet = announcement(impostor, ELSEWHERE)
            await announce(hass, discovery, packet, ELSEWHERE)
            await wait_until(hass, lambda: not discovery._following)
            # And is not looked at again for a while.
            with patch.object(discovery, "_async_follow") as follow:
                await announce(hass, discovery, packet, ELSEWHERE)
    assert follow.call_count == 0
    assert entry.data[CONF_HOST] == "127.0.0.1"


async def test_many_false_addresses(hass: HomeAssistant, rig: Rig) -> None:
    """However many there are, the printer is not asked more often for it."""
    discovery = async_get_discovery(hass)
    rig.printer.clear_requests()
    for number in range(1, 40):
        host = f"127.0.1.{number}"
        await announce(hass, discovery, announcement(rig.printer, host), host)
        await wait_until(hass, lambda: not discovery._following)
    asked = [x for x in rig.printer.requests if "info" in x]
    assert 1 <= len(asked) < 10
    assert rig.entry.data[CONF_HOST] == "127.0.0.1"


@pytest.mark.usefixtures("whole_loopback")
async def test_second_address_of_a_connected_printer(
    hass: HomeAssistant, rig: Rig
) -> None:
    """Some printers are on cable and Wi-Fi, and announce themselves on both."""
    discovery = async_get_discovery(hass)
    packet = announcement(rig.printer, ELSEWHERE)
    await announce(hass, discovery, packet, ELSEWHERE)
    await wait_until(hass, lambda: not discovery._following)
    assert rig.entry.data[CONF_HOST] == "127.0.0.1"
    assert rig.printer.connected_clients == 1


async def test_name_that_leads_to_the_address(
    hass: HomeAssistant, printer: VirtualPrinter, entry: MockConfigEntry
) -> None:
    """Who has entered a name keeps it."""
    await printer.power_off()
    entry.add_to_hass(hass)
    hass.config_entries.async_update_entry(
        entry, data={**entry.data, CONF_HOST: "printer.test"}
    )
    loop = asyncio.get_running_loop()

    async def find(host: str, port: int | None, **_: Any) -> list[Any]:
        assert host == "printer.test"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port or 0))]

    with patch.object(loop, "getaddrinfo", find):
        await hass.config_entries.async_setup(entry.entry_id)
        assert entry.state is ConfigEntryState.SETUP_RETRY
        await printer.power_on()
        await announce(hass, async_get_discovery(hass), announcement(printer))
        await wait_until(hass, lambda: entry.state is ConfigEntryState.LOADED)
        assert entry.data[CONF_HOST] == "printer.test"


# Greeted


async def test_lost_printer_is_greeted(hass: HomeAssistant, rig: Rig) -> None:
    """It is not waited for the next attempt."""
    everything = rig.available()
    with (
        patch(f"{SESSION}._FIRST_DELAY", 3600),
        patch(f"{SESSION}._LONGEST_DELAY", 3600),
    ):
        await rig.printer.power_off()
        await wait_until(hass, lambda: rig.available() == rig.always)
        await rig.printer.power_on()
        await asyncio.sleep(0.1)
        assert rig.available() == rig.always
        discovery = async_get_discovery(hass)
        await announce(hass, discovery, announcement(rig.printer))
        await wait_until(hass, lambda: rig.available() == everything, 5)


async def test_greeted_while_it_is_set_up(
    hass: HomeAssistant, printer: VirtualPrinter, entry: MockConfigEntry
) -> None:
    await printer.power_off()
    entry.add_to_hass(hass)
    await hass.config_entries.async_setup(entry.entry_id)
    assert entry.state is ConfigEntryState.SETUP_RETRY
    await printer.power_on()
    await announce(hass, async_get_discovery(hass), announcement(printer))
    await wait_until(hass, lambda: entry.state is ConfigEntryState.LOADED, 5)


async def test_greeting_too_often(
    hass: HomeAssistant, printer: VirtualPrinter, entry: MockConfigEntry
) -> None:
    await printer.power_off()
    entry.add_to_hass(hass)
    await hass.config_entries.async_setup(entry.entry_id)
    discovery = async_get_discovery(hass)
    with patch.object(hass.config_entries, "async_schedule_reload") as reload:
        for _ in range(5):
            await announce(hass, discovery, announcement(printer))
    assert reload.call_count == 1


# The socket


async def test_ports_are_shared(hass: HomeAssistant, unused_udp_port: int) -> None:
    """Slicers and other programs on this machine listen there as well."""
    with patch(f"{DISCOVERY}.ANNOUNCEMENT_PORTS", (unused_udp_port,)):
        first, second = Discovery(hass), Discovery(hass)
        await first.async_start()
        await second.async_start()
        assert first.facts.ports == second.facts.ports == [unused_udp_port]
        first.async_stop()
        second.async_stop()
    assert first.facts.ports == []


@pytest.mark.parametrize("call", ["bind", "setsockopt"])
async def test_no_port_to_be_had(
    hass: HomeAssistant,
    printer: VirtualPrinter,
    entry: MockConfigEntry,
    caplog: pytest.LogCaptureFixture,
    call: str,
) -> None:
    """Then nothing is heard, and everything else works."""
    with patch.object(socket.socket, call, side_effect=OSError("in use")):
        assert await async_setup_component(hass, DOMAIN, {})
    assert async_get_discovery(hass).facts.ports == []
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    assert entry.state is ConfigEntryState.LOADED
    assert not [
        record
        for record in caplog.records
        if record.levelname in ("WARNING", "ERROR") and "bambu" in record.name
    ]


async def test_without_multicast(hass: HomeAssistant) -> None:
    real = socket.socket.setsockopt

    def refuse(self: socket.socket, level: int, name: int, value: Any) -> None:
        if name == socket.IP_ADD_MEMBERSHIP:
            raise OSError("no such device")
        real(self, level, name, value)

    with patch.object(socket.socket, "setsockopt", refuse):
        discovery = await listen(hass)
    assert discovery.facts.ports


async def test_stops_with_home_assistant(hass: HomeAssistant) -> None:
    discovery = await listen(hass)
    assert discovery.facts.ports
    hass.bus.async_fire(EVENT_HOMEASSISTANT_STOP)
    await hass.async_block_till_done()
    assert discovery.facts.ports == []
