"""The connection given up for another program, and the plug of a printer."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from unittest.mock import patch

from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import STATE_OFF, STATE_ON
from homeassistant.core import HomeAssistant, ServiceCall
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import (
    device_registry as dr,
    entity_registry as er,
    issue_registry as ir,
)
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_fire_time_changed,
)

from custom_components.bambu_printer import power
from custom_components.bambu_printer.const import DOMAIN
from custom_components.bambu_printer.printer import ServiceState
from custom_components.bambu_printer.printer.errors import NotConnectedError
from virtual_printer import VirtualPrinter

from .conftest import SESSION, Rig, wait_until

PLUG = "switch.plug"


def control(rig: Rig) -> str:
    return rig.state("sensor", "control").state


def issues(hass: HomeAssistant) -> set[str]:
    return {
        str(issue.translation_key)
        for issue in ir.async_get(hass).issues.values()
        if issue.domain == DOMAIN
    }


# Release


async def test_release(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    everything = rig.available()
    await rig.call("switch.turn_on", "release_connection")
    # The place is really free.
    await wait_until(rig.hass, lambda: rig.printer.connected_clients == 0)
    assert rig.available() == rig.always
    assert control(rig) == "released"
    assert rig.state("switch", "release_connection").state == STATE_ON
    assert rig.state("binary_sensor", "connectivity").state == STATE_OFF
    await rig.call("switch.turn_on", "release_connection")
    await asyncio.sleep(0.1)
    assert rig.printer.connected_clients == 0
    assert "is lost" not in caplog.text
    await rig.call("switch.turn_off", "release_connection")
    await wait_until(rig.hass, lambda: rig.available() == everything)
    assert rig.state("switch", "release_connection").state == STATE_OFF
    assert control(rig) == "full"
    assert rig.printer.connected_clients == 1


async def test_files_are_let_go(rig: Rig) -> None:
    """The connection to the file server that was kept, and nothing makes a new one."""
    printer, server = rig.entry.runtime_data.printer, rig.printer._ftps
    await printer.storage.list_folder()
    assert server._tasks
    await rig.call("switch.turn_on", "release_connection")
    await wait_until(rig.hass, lambda: not server._tasks)
    with pytest.raises(NotConnectedError):
        await printer.storage.list_folder()
    assert not server._tasks
    await rig.call("switch.turn_off", "release_connection")
    assert await printer.storage.list_folder()


@pytest.mark.usefixtures("quick")
async def test_taken_back_from_a_printer_that_is_gone(rig: Rig) -> None:
    everything = rig.available()
    await rig.call("switch.turn_on", "release_connection")
    await rig.printer.power_off()
    await rig.call("switch.turn_off", "release_connection")
    assert control(rig) == "offline"
    await rig.printer.power_on()
    await wait_until(rig.hass, lambda: rig.available() == everything)


async def test_returns_by_itself(hass: HomeAssistant, rig: Rig) -> None:
    everything = rig.available()
    hass.config_entries.async_update_entry(
        rig.entry, options={"release": {"return_after": 30.0}}
    )
    await hass.config_entries.async_reload(rig.entry.entry_id)
    await rig.call("switch.turn_on", "release_connection")
    returns = rig.state("switch", "release_connection").attributes["returns_at"]
    assert timedelta(minutes=29) < returns - dt_util.utcnow() <= timedelta(minutes=30)
    # Once more counts from now.
    await rig.call("switch.turn_off", "release_connection")
    await rig.call("switch.turn_on", "release_connection")
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(minutes=29))
    await hass.async_block_till_done()
    assert control(rig) == "released"
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(minutes=31))
    await wait_until(hass, lambda: rig.available() == everything)
    state = rig.state("switch", "release_connection")
    assert state.state == STATE_OFF
    assert state.attributes["returns_at"] is None


async def test_released_while_it_ends(hass: HomeAssistant, rig: Rig) -> None:
    """A restart takes the connection back; nothing waits for it."""
    hass.config_entries.async_update_entry(
        rig.entry, options={"release": {"return_after": 30.0}}
    )
    await hass.config_entries.async_reload(rig.entry.entry_id)
    await rig.call("switch.turn_on", "release_connection")
    await hass.config_entries.async_reload(rig.entry.entry_id)
    await wait_until(hass, lambda: control(rig) == "full")
    assert rig.printer.connected_clients == 1


# Power


@pytest.fixture
async def plugged(
    hass: HomeAssistant, printer: VirtualPrinter, entry: MockConfigEntry
) -> AsyncIterator[Rig]:
    """Return a printer with a plug, which is on; not set up yet."""
    hass.states.async_set(PLUG, STATE_ON)
    entry.add_to_hass(hass)
    hass.config_entries.async_update_entry(
        entry, options={"power": {"power_switch": PLUG, "wake": True, "grace": 3.0}}
    )
    with (
        patch(f"{SESSION}._FIRST_DELAY", 0.02),
        patch(f"{SESSION}._LONGEST_DELAY", 0.05),
    ):
        yield Rig(hass, printer, entry)


async def set_up(rig: Rig) -> None:
    await rig.hass.config_entries.async_setup(rig.entry.entry_id)
    await rig.hass.async_block_till_done()


async def switch(rig: Rig, state: str) -> None:
    """Switch the plug, and the printer with it."""
    rig.hass.states.async_set(PLUG, state)
    if state == STATE_ON:
        await rig.printer.power_on()
    else:
        await rig.printer.power_off()


async def test_off_is_quiet(plugged: Rig, caplog: pytest.LogCaptureFixture) -> None:
    rig = plugged
    await set_up(rig)
    assert rig.entry.state is ConfigEntryState.LOADED
    everything = rig.available()
    assert len(everything) > 20
    rig.hass.states.async_set(PLUG, STATE_OFF)
    await wait_until(rig.hass, lambda: rig.available() == rig.always)
    await rig.printer.power_off()
    printer = rig.entry.runtime_data.printer
    assert printer.service_state is ServiceState.PAUSED
    assert control(rig) == "offline"
    failed = printer.counters.failed
    async_fire_time_changed(rig.hass, dt_util.utcnow() + timedelta(minutes=10))
    await asyncio.sleep(0.2)
    await rig.hass.async_block_till_done()
    # Nothing is tried, nothing is complained about.
    assert printer.counters.failed == failed
    assert issues(rig.hass) & {"silent", "other_client"} == set()
    assert "is lost" not in caplog.text
    # What the plug does not know changes nothing.
    rig.hass.states.async_set(PLUG, "unavailable")
    await rig.hass.async_block_till_done()
    rig.hass.states.async_remove(PLUG)
    await rig.hass.async_block_till_done()
    assert printer.service_state is ServiceState.PAUSED
    await switch(rig, STATE_ON)
    await wait_until(rig.hass, lambda: rig.available() == everything)


@pytest.mark.parametrize("how", ["renamed", "removed"])
async def test_plug_is_another_one(plugged: Rig, how: str) -> None:
    """A plug that went away while it was off does not keep the printer off for ever."""
    rig, registry = plugged, er.async_get(plugged.hass)
    domain, name = PLUG.split(".")
    rig.hass.states.async_remove(PLUG)
    registry.async_get_or_create(domain, "test", "1", suggested_object_id=name)
    rig.hass.states.async_set(PLUG, STATE_ON)
    await set_up(rig)
    everything = rig.available()
    rig.hass.states.async_set(PLUG, STATE_OFF)
    await wait_until(rig.hass, lambda: rig.available() == rig.always)
    rig.hass.states.async_remove(PLUG)
    if how == "renamed":
        registry.async_update_entity(PLUG, new_entity_id="switch.other")
        rig.hass.states.async_set("switch.other", STATE_OFF)
        await wait_until(
            rig.hass,
            lambda: rig.entry.options["power"]["power_switch"] == "switch.other",
        )
        await wait_until(rig.hass, lambda: rig.entry.state is ConfigEntryState.LOADED)
        assert rig.available() == rig.always
        rig.hass.states.async_set("switch.other", STATE_ON)
    else:
        registry.async_update_entity(PLUG, name="Still there")
        await rig.hass.async_block_till_done()
        assert rig.available() == rig.always
        registry.async_remove(PLUG)
    await wait_until(rig.hass, lambda: rig.available() == everything)


async def test_off_while_it_is_set_up(
    plugged: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    rig = plugged
    await switch(rig, STATE_OFF)
    await set_up(rig)
    assert rig.entry.state is ConfigEntryState.LOADED
    assert rig.available() == rig.always
    assert control(rig) == "offline"
    assert "Retrying" not in caplog.text
    await switch(rig, STATE_ON)
    await wait_until(rig.hass, lambda: control(rig) == "full")
    # What the model alone does not tell has come as well.
    assert rig.state("sensor", "ams_0_humidity").state != "unavailable"


async def test_on_but_silent(plugged: Rig) -> None:
    rig = plugged
    await rig.printer.power_off()
    await set_up(rig)
    assert rig.entry.state is ConfigEntryState.LOADED
    assert control(rig) == "offline"
    async_fire_time_changed(rig.hass, dt_util.utcnow() + timedelta(minutes=2))
    await rig.hass.async_block_till_done()
    assert "silent" not in issues(rig.hass)
    async_fire_time_changed(rig.hass, dt_util.utcnow() + timedelta(minutes=4))
    await rig.hass.async_block_till_done()
    assert "silent" in issues(rig.hass)
    await rig.printer.power_on()
    await wait_until(rig.hass, lambda: control(rig) == "full")
    assert "silent" not in issues(rig.hass)
    # Lost later on.
    await rig.printer.power_off()
    await wait_until(rig.hass, lambda: control(rig) == "offline")
    async_fire_time_changed(rig.hass, dt_util.utcnow() + timedelta(minutes=9))
    await rig.hass.async_block_till_done()
    assert "silent" in issues(rig.hass)
    # Switched off it is not missed.
    rig.hass.states.async_set(PLUG, STATE_OFF)
    await wait_until(rig.hass, lambda: "silent" not in issues(rig.hass))


async def test_released_and_switched_off(plugged: Rig) -> None:
    rig = plugged
    await set_up(rig)
    await rig.call("switch.turn_on", "release_connection")
    rig.hass.states.async_set(PLUG, STATE_OFF)
    await rig.hass.async_block_till_done()
    await rig.call("switch.turn_off", "release_connection")
    # There still is a reason to leave it alone.
    assert rig.entry.runtime_data.printer.service_state is ServiceState.PAUSED
    assert control(rig) == "offline"
    rig.hass.states.async_set(PLUG, STATE_ON)
    await wait_until(rig.hass, lambda: control(rig) == "full")


@pytest.mark.parametrize("fault", ["code", "certificate"])
async def test_refused_while_it_is_set_up(plugged: Rig, fault: str) -> None:
    rig = plugged
    if fault == "code":
        rig.printer.change_access_code("87654321")
    else:
        await rig.printer.restart(new_certificate=True)
    await set_up(rig)
    assert rig.entry.state is ConfigEntryState.SETUP_ERROR
    expected = "access_code" if fault == "code" else "certificate_changed"
    assert issues(rig.hass) == {expected}


async def test_wake(plugged: Rig) -> None:
    rig = plugged
    await switch(rig, STATE_OFF)
    await set_up(rig)
    calls: list[Any] = []

    async def turn_on(call: ServiceCall) -> None:
        calls.append(call.data["entity_id"])
        await switch(rig, STATE_ON)

    rig.hass.services.async_register("switch", "turn_on", turn_on)
    coordinator = rig.entry.runtime_data
    await coordinator.async_wake()
    assert calls == [PLUG]
    assert coordinator.printer.available
    # Who is awake is left alone.
    await coordinator.async_wake()
    assert calls == [PLUG]
    # A released connection is taken back as well.
    await coordinator.release.async_release()
    await coordinator.async_wake()
    assert coordinator.printer.available


async def test_cannot_wake(plugged: Rig) -> None:
    rig = plugged
    await switch(rig, STATE_OFF)
    await set_up(rig)
    coordinator = rig.entry.runtime_data
    rig.hass.services.async_remove("switch", "turn_on")
    with pytest.raises(HomeAssistantError) as caught:
        await coordinator.async_wake()
    assert caught.value.translation_key == "cannot_wake"

    async def turn_on(call: ServiceCall) -> None:
        """Switch the plug on, and no printer."""
        rig.hass.states.async_set(PLUG, STATE_ON)

    rig.hass.services.async_register("switch", "turn_on", turn_on)
    with (
        patch.object(power, "WAKE_TIMEOUT", 0.2),
        pytest.raises(HomeAssistantError) as caught,
    ):
        await coordinator.async_wake()
    assert caught.value.translation_key == "wake_failed"


async def test_must_not_wake(plugged: Rig) -> None:
    rig = plugged
    options = {"power": {"power_switch": PLUG, "wake": False, "grace": 3.0}}
    rig.hass.config_entries.async_update_entry(rig.entry, options=options)
    await switch(rig, STATE_OFF)
    await set_up(rig)
    await rig.entry.runtime_data.async_wake()
    assert rig.hass.states.get(PLUG).state == STATE_OFF


async def test_print_wakes(plugged: Rig) -> None:
    """Who asks for a print need not care about the plug; who only asks what would be, does."""
    rig = plugged
    await set_up(rig)
    device = dr.async_get(rig.hass).async_get_device_by_identifier(
        (DOMAIN, rig.printer.serial), rig.entry.entry_id
    )
    assert device
    await switch(rig, STATE_OFF)
    await wait_until(rig.hass, lambda: control(rig) == "offline")
    calls: list[Any] = []

    async def turn_on(call: ServiceCall) -> None:
        calls.append(call.data["entity_id"])
        await switch(rig, STATE_ON)

    rig.hass.services.async_register("switch", "turn_on", turn_on)

    async def print_file(**data: Any) -> None:
        await rig.hass.services.async_call(
            DOMAIN,
            "print_file",
            {"device_id": device.id, "path": "/cube.3mf", **data},
            blocking=True,
            return_response=True,
        )

    with patch(
        "custom_components.bambu_printer.file_services._print", return_value={}
    ) as begun:
        with pytest.raises(HomeAssistantError):
            await print_file(dry_run=True)
        assert calls == []
        assert begun.call_count == 0
        await print_file()
    assert calls == [PLUG]
    assert begun.call_count == 1
    assert rig.entry.runtime_data.printer.available
