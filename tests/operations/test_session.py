"""The session: methods of `BambuPrinter` that Home Assistant calls by itself."""

import asyncio
from collections.abc import AsyncIterator
import json

import pytest

from custom_components.bambu_printer.connection import endpoint_from_data
from custom_components.bambu_printer.printer import BambuPrinter, ServiceState
from custom_components.bambu_printer.printer.errors import (
    InvalidAccessCodeError,
    NoReportError,
    NotConnectedError,
)
from tests.conftest import Rig, entry_data, wait_until
from virtual_printer import VirtualPrinter

from .support import sent

SESSION_TESTS = ("start_session", "pause_session", "resume_session", "quit", "to_json")
PUSH_ALL = {"pushing": {"command": "pushall", "version": 1, "push_target": 1}}
VERSIONS = {"info": {"command": "get_version"}}


@pytest.fixture
async def library(printer: VirtualPrinter) -> AsyncIterator[BambuPrinter]:
    """Return a printer without Home Assistant; not connected yet."""
    found = BambuPrinter(endpoint_from_data(entry_data(printer)))
    yield found
    await found.quit()


async def test_start_session(library: BambuPrinter, printer: VirtualPrinter) -> None:
    assert not library.available
    await library.start_session()
    assert library.available
    assert library.service_state is ServiceState.CONNECTED
    requests = [
        {section: {k: v for k, v in body.items() if k != "sequence_id"}}
        for request in printer.requests
        for section, body in request.items()
    ]
    assert requests == [PUSH_ALL, VERSIONS]


async def test_start_session_refused(
    library: BambuPrinter, printer: VirtualPrinter
) -> None:
    printer.faults.refuse_login = True
    with pytest.raises(InvalidAccessCodeError):
        await library.start_session()
    assert not library.available


async def test_start_session_without_answer(
    library: BambuPrinter, printer: VirtualPrinter, monkeypatch: pytest.MonkeyPatch
) -> None:
    from custom_components.bambu_printer.printer import printer as module

    monkeypatch.setattr(module, "FIRST_REPORT_TIMEOUT", 0.1)
    printer.faults.silent = True
    with pytest.raises(NoReportError):
        await library.start_session()
    assert library.service_state is ServiceState.QUIT
    assert printer.connected_clients == 0


async def test_pause_and_resume_session(rig: Rig) -> None:
    printer = rig.entry.runtime_data.printer
    await printer.pause_session()
    assert printer.service_state == "paused"
    await wait_until(rig.hass, lambda: rig.printer.connected_clients == 0)
    # What is not heard is not shown as if it were.
    assert rig.state("climate", "bed").state == "unavailable"
    rig.printer.update({"bed_target_temper": 33})
    await rig.printer.push(True)
    await printer.pause_session()
    assert rig.printer.requests == []
    await printer.resume_session()
    assert printer.service_state == "connected"
    assert rig.printer.subscribed_clients == 1
    await wait_until(
        rig.hass,
        lambda: rig.state("climate", "bed").attributes.get("temperature") == 33,
    )
    await wait_until(rig.hass, lambda: sent(rig) == [PUSH_ALL, VERSIONS])
    await printer.resume_session()
    assert sent(rig) == [PUSH_ALL, VERSIONS]


async def test_quit(rig: Rig) -> None:
    printer = rig.entry.runtime_data.printer
    rig.printer.faults.deaf = True
    waiting = asyncio.ensure_future(printer.set_bed_temp_target(50))
    await rig.printer.wait_for_request("print", "gcode_line")
    assert await rig.hass.config_entries.async_unload(rig.entry.entry_id)
    assert printer.service_state is ServiceState.QUIT
    # A command that waits for its answer fails instead of waiting on.
    with pytest.raises(NotConnectedError):
        await waiting
    await printer.quit()
    with pytest.raises(NotConnectedError):
        await printer.set_bed_temp_target(50)
    await wait_until(rig.hass, lambda: rig.printer.connected_clients == 0)


async def test_to_json(rig: Rig) -> None:
    known = rig.entry.runtime_data.printer.to_json()
    text = json.dumps(known)
    assert known["model"] == "X1C"
    assert known["available"] is True
    assert known["state"]["temperatures"]["bed"]["target"] == 60
    for secret in (
        rig.printer.serial,
        rig.printer.access_code,
        rig.printer.report["subtask_name"],
        rig.printer.report["ams"]["ams"][0]["tray"][0]["tag_uid"],
    ):
        assert secret
        assert secret not in text
    assert rig.printer.requests == []
