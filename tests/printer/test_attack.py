"""What a hostile or broken printer says, and what its user does at the wrong moment."""

import asyncio
from datetime import timedelta
import ssl
from unittest.mock import patch

import orjson
import pytest

from custom_components.bambu_printer.printer import BambuPrinter, Endpoint
from custom_components.bambu_printer.printer.commands import Command
from custom_components.bambu_printer.printer.errors import (
    CommandRejectedError,
    HostUnreachableError,
    InvalidValueError,
    NotAPrinterError,
    NotConnectedError,
)
from custom_components.bambu_printer.printer.printer import ServiceState, _plain
from custom_components.bambu_printer.printer.security import (
    _read_chain,
    connection_error,
    fetch_certificate_chain,
)
from custom_components.bambu_printer.printer.session import _check
from custom_components.bambu_printer.printer.watchdog import Patience
from virtual_printer import VirtualPrinter
from virtual_printer.certificates import identity

from .reports import NOW, ZERO_TAG, ZERO_UUID, Replay, ams, decode, module, tray, unit

WATCHDOG = "custom_components.bambu_printer.printer.watchdog"
PRINTER = "custom_components.bambu_printer.printer.printer"


def endpoint(printer: VirtualPrinter, **changes) -> Endpoint:
    return Endpoint(
        **{
            "host": "127.0.0.1",
            "serial": printer.serial,
            "access_code": printer.access_code,
            "pin": printer.ca_pem,
            "mqtt_port": printer.mqtt_port,
            **changes,
        }
    )


@pytest.fixture
async def quiet(socket_enabled):
    async with VirtualPrinter(autostart_reports=False) as printer:
        yield printer


# ---- reports --------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["ota", "ams/", "n3f/"])
def test_endless_digits_in_the_version_list(name):
    digits = "9" * 5000
    state = decode(
        {"ams": ams(unit(0), plugged="1", spools="f")},
        modules=[module("ota", digits), module(f"{name}{digits}", digits)],
    )
    assert state.ams.unit(0)


def test_no_number_is_too_large_for_json():
    state = decode(
        {
            "mc_percent": 1e30,
            "layer_num": 1e25,
            "print_error": 1e30,
            "ams": ams(
                unit(0, tray(0, nozzle_temp_min=1e30, tray_weight="1e30")),
                plugged="1",
                spools="1",
            ),
        }
    )
    assert orjson.dumps(state, default=_plain)


@pytest.mark.parametrize("number", [-1, 254, 255, 256, 300, 65_535])
def test_units_that_cannot_be(number):
    """They would take the place of the external spools, for one."""
    assert decode({"ams": ams(unit(number), plugged="f", spools="f")}).ams.units == ()


def test_a_flood_of_units_becomes_no_flood_of_devices():
    units = [unit(number) for number in range(200)]
    state = decode({"ams": ams(*units, plugged="f", spools="ffff")})
    assert len(state.ams.units) == 16


def test_a_unit_that_is_told_twice():
    state = decode({"ams": ams(unit(0), unit(0) | {"id": 0}, plugged="1", spools="f")})
    assert [item.unit for item in state.ams.units] == [0]


def test_a_flood_of_messages_and_long_names():
    state = decode(
        {
            "hms": [{"attr": n, "code": n} for n in range(5000)],
            "subtask_name": "x" * 100_000,
            "ams": ams(
                unit(0, tray(0, tray_type="y" * 100_000)), plugged="1", spools="1"
            ),
        }
    )
    assert len(state.errors.hms or ()) == 64
    assert 1000 < len(state.job.name or "") < 2000
    assert len(state.ams.unit(0).trays[0].type) < 2000


def test_another_filament_without_a_tag_has_no_tag():
    replay = Replay()
    replay.full(ams=ams(unit(0), plugged="1", spools="f"))
    blank = {"tag_uid": ZERO_TAG, "tray_uuid": ZERO_UUID}

    def change(**keys):
        replay.delta(ams={"ams": [{"id": "0", "tray": [{"id": "1", **keys}]}]})
        return replay.state.ams.unit(0).trays[1]

    assert change(**blank).tag
    other = change(tray_type="PETG", tray_info_idx="GFG99", tray_sub_brands="", **blank)
    assert (other.type, other.name, other.tag) == ("PETG", "", "")


# ---- jobs -----------------------------------------------------------------------------


def test_the_name_of_a_job_may_follow_its_start():
    replay = Replay("P1S")
    replay.full(gcode_state="FINISH", mc_percent=100, subtask_name="old", task_id="1")
    replay.wait(minutes=30)
    replay.delta(gcode_state="PREPARE", mc_percent=0)
    start = replay.state.job.start_time
    assert start == (NOW + timedelta(minutes=30)).replace(second=0)
    replay.wait(seconds=70)
    replay.delta(subtask_name="new", task_id="2")
    assert replay.state.job.start_time == start
    replay.wait(minutes=9)
    replay.delta(gcode_state="RUNNING", mc_percent=1, mc_remaining_time=200)
    assert replay.state.job.start_time == start


@pytest.mark.parametrize("told", ["1", "4000000000", "99999999999999", -5])
def test_a_start_that_cannot_be_is_reckoned(told):
    job = decode(
        {
            "gcode_state": "RUNNING",
            "mc_percent": 50,
            "mc_remaining_time": 60,
            "gcode_start_time": told,
        }
    ).job
    assert job.start_time == NOW - timedelta(hours=1)


# ---- acknowledgements -----------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        {"result": True},
        {"result": 0},
        {"result": []},
        {"err_code": 1e300},
        {"errno": {}},
    ],
)
def test_what_is_no_refusal(body):
    _check(Command("print", {"command": "stop"}), body)


@pytest.mark.parametrize(
    "body",
    [{"result": False}, {"result": 5}, {"result": "FAIL", "reason": ["x"] * 9999}],
)
def test_what_is_a_refusal(body):
    with pytest.raises(CommandRejectedError) as caught:
        _check(Command("print", {"command": "stop"}), body)
    assert len(str(caught.value)) < 300


# ---- certificates and addresses -------------------------------------------------------


def test_the_reason_of_a_refused_certificate_keeps_the_serial_number():
    err = ssl.SSLCertVerificationError(1, "failed")
    err.verify_code = 62
    err.verify_message = "Hostname mismatch, certificate is not valid for 'SERIAL'."
    assert "SERIAL" not in str(connection_error(err))


@pytest.mark.parametrize("host", ["", "a\0b", "a\nb"])
async def test_a_host_that_is_none(host):
    with pytest.raises(HostUnreachableError):
        await fetch_certificate_chain(host, 8883)


@pytest.mark.parametrize("name", ["mosquitto", "LOCALHOST", "ＡＢＣＤＥＦ１２"])
def test_other_machines_are_no_printers(name):
    chain = [ssl.PEM_cert_to_DER_cert(identity(name).certificate_pem)]
    with pytest.raises(NotAPrinterError):
        _read_chain(chain)


# ---- the session ----------------------------------------------------------------------


async def hold(reader, writer):
    """Listen, and never say a word."""
    while await reader.read(1000):
        pass
    writer.close()


@pytest.mark.parametrize("phase", ["handshake", "first report"])
async def test_quit_ends_a_start_at_once(quiet, phase):
    quiet.faults.silent = True
    silent = await asyncio.start_server(hold, "127.0.0.1", 0)
    port = (
        silent.sockets[0].getsockname()[1] if phase == "handshake" else quiet.mqtt_port
    )
    printer = BambuPrinter(endpoint(quiet, mqtt_port=port))
    start = asyncio.create_task(printer.start_session())
    await asyncio.sleep(0.3)
    await printer.quit()
    async with asyncio.timeout(1):
        with pytest.raises(NotConnectedError):
            await start
    assert printer.service_state is ServiceState.QUIT
    silent.close()
    silent.abort_clients()


async def test_a_slow_report_is_asked_for_once(quiet):
    push = quiet._push_now

    def later(**keys):
        asyncio.get_running_loop().call_later(0.5, lambda: push(**keys))

    with patch.object(quiet, "_push_now", later):
        printer = BambuPrinter(endpoint(quiet))
        await printer.start_session()
        await printer.quit()
    assert sum("pushing" in request for request in quiet.requests) == 1


async def test_a_lost_question_is_asked_again(quiet):
    push, lost = quiet._push_now, [1, 2, 3]

    def forget(**keys):
        if lost:
            lost.pop()
        else:
            push(**keys)

    with (
        patch.object(quiet, "_push_now", forget),
        patch(f"{PRINTER}._REPEAT_INTERVAL", 0.05),
    ):
        printer = BambuPrinter(endpoint(quiet))
        await printer.start_session()
        assert printer.available
        await printer.quit()


async def test_a_pause_may_last(quiet):
    with (
        patch(f"{PRINTER}.patience", lambda _model: Patience(0.1, 0.1, 0)),
        patch(f"{WATCHDOG}.ANSWER_TIME", 0.1),
    ):
        printer = BambuPrinter(endpoint(quiet))
        await printer.start_session()
        await printer.pause_session()
        await asyncio.sleep(0.6)
        assert printer.service_state is ServiceState.PAUSED
        assert quiet.subscribed_clients == 0
        await printer.resume_session()
        await printer.quit()


@pytest.mark.parametrize("value", [1 << 70, "\ud800", {1: 2}, {1, 2}, "x" * 100_000])
async def test_what_cannot_be_sent_is_refused(quiet, value):
    printer = BambuPrinter(endpoint(quiet))
    await printer.start_session()
    quiet.clear_requests()
    with pytest.raises(InvalidValueError):
        await printer.send_anything({"print": {"command": "x", "value": value}})
    assert quiet.requests == []
    await printer.quit()
