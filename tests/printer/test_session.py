"""The session: connect, ask, survive, come back."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import pytest

from custom_components.bambu_printer.printer import (
    commands,
    mqtt as mqtt_module,
    session as session_module,
)
from custom_components.bambu_printer.printer.commands import Command
from custom_components.bambu_printer.printer.errors import (
    CertificateChangedError,
    CommandRejectedError,
    CommandTimeoutError,
    ConnectTimeoutError,
    InvalidAccessCodeError,
    NotAPrinterError,
    NotAuthorizedError,
    NotConnectedError,
    PortRefusedError,
    PrinterConnectionError,
)
from custom_components.bambu_printer.printer.session import Endpoint, Session
from tests.black_hole import BlackHole
from virtual_printer import VirtualPrinter

from .reports import Recorder


def light(**keys) -> Command:
    """Return a command that every virtual printer obeys."""
    body = {"command": "ledctrl", "led_node": "chamber_light", "led_mode": "on"}
    return Command("system", body | keys)


LIGHT = light()
PAUSE = commands.pause()


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Come back at once instead of after a second."""
    monkeypatch.setattr(session_module, "_FIRST_DELAY", 0.02)
    monkeypatch.setattr(session_module, "_LONGEST_DELAY", 0.1)


async def until(condition: Callable[[], object], seconds: float = 5) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.005)


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
async def session(
    printer: VirtualPrinter, recorder: Recorder
) -> AsyncIterator[Session]:
    """Return a session that has started."""
    found = Session(endpoint(printer), recorder)
    await found.start()
    yield found
    await found.stop()


def tasks() -> list[str]:
    """Return the names of the library's tasks."""
    names = [task.get_name() for task in asyncio.all_tasks()]
    return [name for name in names if name.startswith("bambu_printer")]


# ---- connecting ---------------------------------------------------------------------


async def test_it_connects_and_listens(printer, session, recorder):
    assert session.connected
    assert session.running
    assert recorder.events == ["connected"]
    await until(lambda: printer.subscribed_clients == 1)
    await printer.push(full=True)
    await until(lambda: recorder.messages)
    assert recorder.messages[0]["print"]["msg"] == 0


async def test_it_starts_only_once(printer, session, recorder):
    await session.start()
    await asyncio.sleep(0.02)
    assert printer.connected_clients == 1
    assert recorder.events == ["connected"]


async def test_it_stops_for_good_and_more_than_once(printer, session, recorder):
    await session.stop()
    await session.stop()
    assert not session.connected
    assert not session.running
    assert tasks() == []
    await until(lambda: printer.connected_clients == 0)
    assert recorder.events == ["connected"]


async def test_it_can_start_again_after_it_was_stopped(printer, session, recorder):
    await session.stop()
    await session.start()
    assert session.connected
    assert recorder.events == ["connected", "connected"]


async def refused(where: Endpoint, recorder: Recorder) -> BaseException:
    """Return why a session cannot start."""
    found = Session(where, recorder)
    with pytest.raises(PrinterConnectionError) as caught:
        await found.start()
    assert not found.running
    assert not found.connected
    assert tasks() == []
    assert recorder.events == []
    return caught.value


async def test_a_wrong_access_code(printer, recorder):
    error = await refused(endpoint(printer, access_code="00000000"), recorder)
    assert type(error) is InvalidAccessCodeError
    assert "00000000" not in str(error)


async def test_a_printer_with_another_serial_number(printer, recorder):
    where = endpoint(printer, serial="01P00A000000009")
    assert type(await refused(where, recorder)) is CertificateChangedError


async def test_a_printer_with_a_new_certificate(printer, recorder):
    where = endpoint(printer)
    await printer.restart(new_certificate=True)
    assert type(await refused(where, recorder)) is CertificateChangedError


@pytest.mark.parametrize(
    "pin",
    [
        "",
        "nonsense",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        "kaputt ü",
    ],
)
async def test_a_pin_that_is_no_certificate(printer, recorder, pin):
    assert type(await refused(endpoint(printer, pin=pin), recorder)) is (
        CertificateChangedError
    )
    assert printer.connected_clients == 0


async def test_a_printer_that_is_switched_off(printer, recorder):
    where = endpoint(printer)
    await printer.power_off()
    assert type(await refused(where, recorder)) is PortRefusedError


async def test_a_machine_that_speaks_no_tls(socket_enabled, printer, recorder):
    server = await asyncio.start_server(
        lambda r, w: w.write(b"220 hello\r\n"), "127.0.0.1"
    )
    async with server:
        port = server.sockets[0].getsockname()[1]
        error = await refused(endpoint(printer, mqtt_port=port), recorder)
        server.close_clients()
    assert type(error) is NotAPrinterError


async def test_a_machine_that_says_nothing(printer, recorder, monkeypatch):
    monkeypatch.setattr(mqtt_module, "TLS_TIMEOUT", 0.2)
    writers = []
    server = await asyncio.start_server(lambda r, w: writers.append(w), "127.0.0.1")
    async with server:
        port = server.sockets[0].getsockname()[1]
        error = await refused(endpoint(printer, mqtt_port=port), recorder)
        server.close_clients()
    assert type(error) is ConnectTimeoutError


async def test_a_start_that_is_cancelled_leaves_nothing_behind(printer, recorder):
    found = Session(endpoint(printer), recorder)
    start = asyncio.create_task(found.start())
    await asyncio.sleep(0.005)
    start.cancel()
    with pytest.raises(asyncio.CancelledError):
        await start
    assert not found.running
    assert tasks() == []
    await until(lambda: printer.connected_clients == 0)


# ---- losing the connection ----------------------------------------------------------


async def test_it_comes_back_by_itself(printer, session, recorder):
    await printer.drop_connections()
    await until(lambda: recorder.events.count("connected") == 2)
    assert recorder.events == ["connected", "disconnected", "connected"]
    assert recorder.errors
    assert session.connected
    await until(lambda: printer.subscribed_clients == 1)


async def test_it_comes_back_after_the_power_was_off(printer, session, recorder):
    await printer.power_off()
    await until(lambda: "disconnected" in recorder.events)
    assert not session.connected
    with pytest.raises(NotConnectedError):
        await session.request(PAUSE)
    await asyncio.sleep(0.2)
    assert set(recorder.events[1:]) == {"disconnected"}
    await printer.power_on()
    await until(lambda: session.connected)
    assert (await session.request(LIGHT))["command"] == "ledctrl"


async def test_pauses_between_attempts_grow_to_a_limit(printer, session, monkeypatch):
    pauses: list[float] = []

    async def record(_session: Session, delay: float) -> None:
        pauses.append(delay)
        await asyncio.sleep(0)

    monkeypatch.setattr(session_module, "_FIRST_DELAY", 1.0)
    monkeypatch.setattr(session_module, "_LONGEST_DELAY", 60.0)
    await session.stop()
    await session.start()
    monkeypatch.setattr(Session, "_rest", record)
    await printer.power_off()
    await until(lambda: len(pauses) >= 9)
    for found, wanted in zip(pauses, [1, 2, 4, 8, 16, 32, 60, 60, 60], strict=False):
        assert 0.5 * wanted <= found <= 0.95 * wanted


async def test_it_goes_on_after_a_refused_code(printer, session, recorder):
    code = printer.access_code
    printer.change_access_code("87654321")
    await printer.drop_connections()
    await until(lambda: failed(recorder, 2))
    assert type(recorder.errors[-1]) is InvalidAccessCodeError
    printer.change_access_code(code)
    await until(lambda: session.connected)


async def test_another_certificate_is_told_no_code_and_may_go_away(
    printer, session, recorder, monkeypatch
):
    """Another printer may have the address for a while."""
    logins: list[str] = []

    def log_in(user: str, password: str) -> int:
        logins.append(password)
        return 0

    await printer.restart(new_certificate=True)
    monkeypatch.setattr(printer._broker, "_authenticate", log_in)
    await until(lambda: failed(recorder, 3))
    assert type(recorder.errors[-1]) is CertificateChangedError
    assert logins == []
    printer._generation = 0
    await printer.restart()
    await until(lambda: session.connected)
    assert logins == [printer.access_code]


def failed(recorder: Recorder, times: int) -> bool:
    return len(recorder.errors) >= times


async def test_a_refused_code_is_not_tried_again_in_a_hurry(
    printer, session, recorder, monkeypatch
):
    monkeypatch.setattr(session_module, "_LONGEST_DELAY", 60.0)
    printer.change_access_code("87654321")
    await printer.drop_connections()
    await until(lambda: len(recorder.errors) == 2)
    for _ in range(5):
        session.retry_now()
        await asyncio.sleep(0.02)
    assert len(recorder.errors) == 2


async def test_it_is_called_to_hurry(printer, session, recorder, monkeypatch):
    monkeypatch.setattr(session_module, "_FIRST_DELAY", 60.0)
    await session.stop()
    await session.start()
    await printer.power_off()
    await until(lambda: "disconnected" in recorder.events)
    await printer.power_on()
    await asyncio.sleep(0.05)
    assert not session.connected
    session.retry_now()
    await until(lambda: session.connected, 2)


async def test_it_goes_to_another_address(printer, session, recorder, monkeypatch):
    monkeypatch.setattr(session_module, "_FIRST_DELAY", 60.0)
    await session.stop()
    await session.start()
    session.set_host("127.0.0.1")
    assert session.connected
    session.set_host("localhost")
    await until(lambda: recorder.events.count("connected") == 3, 2)
    assert session.connected


@pytest.mark.usefixtures("whole_loopback")
async def test_it_leaves_an_address_that_never_answers(printer, session):
    with BlackHole("127.0.0.2", printer.mqtt_port):
        session.set_host("127.0.0.2")
        await until(lambda: session._connection and session._connection.dialling)
        for host in ("127.0.0.3", "127.0.0.1"):
            session.set_host(host)
        session.retry_now()
        await until(lambda: session.connected, 2)


# ---- what arrives -------------------------------------------------------------------


async def test_garbage_is_told_and_survived(printer, session, recorder):
    await printer.publish_garbage()
    await printer.publish({"last": {}})
    await until(lambda: {"last": {}} in recorder.messages)
    assert recorder.events == ["connected"]
    assert recorder.malformed
    assert all(isinstance(message, dict) for message in recorder.messages)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"{",
        b"null",
        b"[1]",
        b'"x"',
        b"5",
        b'{"a": ' + b"[" * 5000,
        b"x" * (1 << 20),
    ],
)
async def test_what_is_no_object_is_malformed(printer, session, recorder, payload):
    await printer.publish(payload)
    await until(lambda: recorder.malformed)
    assert recorder.messages == []


async def test_a_message_that_is_too_large_is_not_even_read(printer, session, recorder):
    await printer.publish(b'{"pad": "' + b"x" * (1 << 20) + b'"}')
    await until(lambda: recorder.malformed)
    assert len(recorder.malformed) == 1
    assert recorder.malformed[0].endswith("bytes")
    await printer.publish({"next": {}})
    await until(lambda: recorder.messages)
    assert recorder.messages == [{"next": {}}]


async def test_text_that_is_no_utf8_is_read_all_the_same(printer, session, recorder):
    await printer.publish(b'{"print": {"subtask_name": "caf\xe9"}}')
    await until(lambda: recorder.messages)
    assert recorder.messages[0]["print"]["subtask_name"] == "caf\ufffd"


async def test_a_listener_that_fails_ends_nothing(
    printer, session, recorder, monkeypatch, caplog
):
    def fail(message: object) -> None:
        raise RuntimeError("a bug")

    with monkeypatch.context() as patch:
        patch.setattr(recorder, "on_message", fail)
        await printer.push(full=True)
        await until(lambda: "a bug" in caplog.text)
    await printer.push(full=True)
    await until(lambda: recorder.messages)
    assert recorder.events == ["connected"]
    caplog.clear()


# ---- asking -------------------------------------------------------------------------


async def test_a_request_gets_its_acknowledgement(printer, session):
    body = await session.request(LIGHT)
    request = printer.requests[-1]
    assert request == {
        "system": {"sequence_id": body["sequence_id"], **LIGHT.body},
    }
    assert next(iter(request["system"])) == "sequence_id"
    assert body["result"] == "success"


async def answers(printer, session, command: Command, body: dict) -> dict:
    """Send a command that is answered by hand, and return the acknowledgement."""
    printer.faults.deaf = True
    asked = asyncio.create_task(session.request(command, limit=2))
    request = await printer.wait_for_request(command.section, command.name)
    number = request[command.section]["sequence_id"]
    answer = {"command": command.name, "sequence_id": number, **body}
    await printer.publish({command.section: answer})
    return await asked


@pytest.mark.parametrize(
    "body",
    [
        {"result": "success"},
        {"result": "SUCCESS", "reason": "SUCCESS"},
        {"result": "success", "reason": "", "err_code": 0, "errno": 0},
        {"result": 0},
        {"param": "", "is_from_mqtt": True},
        {},
        {"result": None, "reason": None},
        {"errno": 3},
    ],
)
async def test_acknowledgements_that_say_yes_or_nothing(printer, session, body):
    assert (await answers(printer, session, PAUSE, body)).items() >= body.items()


@pytest.mark.parametrize(
    ("body", "reason", "code"),
    [
        ({"result": "fail", "reason": "busy"}, "busy", 0),
        ({"result": "FAIL", "reason": "busy"}, "busy", 0),
        ({"result": "failed", "reason": "busy"}, "busy", 0),
        ({"result": "success", "err_code": 83902468}, "error 83902468", 83902468),
        ({"err_code": "83902468", "reason": "no"}, "no", 83902468),
        ({"result": 5}, "error 0", 0),
        ({"errno": -2, "result": "success"}, "error -2", 0),
    ],
)
async def test_acknowledgements_that_say_no(printer, session, body, reason, code):
    with pytest.raises(CommandRejectedError) as caught:
        await answers(printer, session, PAUSE, body)
    assert type(caught.value) is CommandRejectedError
    assert caught.value.details["command"] == "pause"
    assert caught.value.details["reason"] == reason
    assert caught.value.err_code == code


@pytest.mark.parametrize(
    "body",
    [
        {"result": "failed", "reason": "mqtt message verify failed"},
        {"result": "failed", "reason": "x", "err_code": 84033543},
        {"result": "failed", "reason": "x", "err_code": 84033548},
        {"err_code": 84033545},
    ],
)
async def test_refusals_for_want_of_a_signature(printer, session, body):
    with pytest.raises(NotAuthorizedError):
        await answers(printer, session, PAUSE, body)


async def test_the_printers_own_refusal(printer, session):
    printer.faults.refuse_next.append(
        {"command": "ledctrl", "reason": "no such lamp", "err_code": 0x05004004}
    )
    with pytest.raises(CommandRejectedError, match="no such lamp") as caught:
        await session.request(LIGHT)
    assert caught.value.details["err_code"] == "0500-4004"
    await session.request(LIGHT)


async def test_only_the_right_answer_counts(printer, session):
    printer.faults.deaf = True
    asked = asyncio.create_task(session.request(PAUSE, limit=2))
    request = await printer.wait_for_request("print", "pause")
    number = request["print"]["sequence_id"]
    mine = {"command": "pause", "sequence_id": number}
    for other in (
        {"print": mine | {"sequence_id": "20007" if number != "20007" else "20008"}},
        {"print": mine | {"command": "stop"}},
        {"system": mine},
        {"print": {"command": "push_status", "sequence_id": number}},
        {"print": mine | {"command": ["pause"]}},
        {"print": mine | {"command": None}},
        {"print": [mine]},
        {"print": mine | {"sequence_id": {}}},
    ):
        await printer.publish(other)
    await asyncio.sleep(0.05)
    assert not asked.done()
    await printer.publish({"print": mine | {"sequence_id": int(number)}})
    assert (await asked)["command"] == "pause"
    await printer.publish({"print": mine | {"result": "fail"}})
    assert session.connected


async def test_an_answer_that_comes_late_but_in_time(printer, session):
    printer.faults.ack_delay = 0.1
    assert (await session.request(LIGHT, limit=2))["result"] == "success"


async def test_no_answer(printer, session):
    printer.faults.mute_acks = True
    with pytest.raises(CommandTimeoutError) as caught:
        await session.request(LIGHT, limit=0.05)
    assert caught.value.details == {"command": "ledctrl", "seconds": "0.05"}
    assert session.connected
    assert session._pending == {}


async def test_losing_the_connection_ends_the_wait(printer, session, recorder):
    printer.faults.deaf = True
    asked = [asyncio.create_task(session.request(PAUSE)) for _ in range(3)]
    await printer.wait_for_request("print", "pause")
    await printer.drop_connections()
    for task in asked:
        with pytest.raises(NotConnectedError):
            await task
    assert session._pending == {}


async def test_stopping_ends_the_wait(printer, session):
    printer.faults.deaf = True
    asked = asyncio.create_task(session.request(PAUSE))
    await printer.wait_for_request("print", "pause")
    await session.stop()
    with pytest.raises(NotConnectedError):
        await asked


async def test_a_cancelled_request_leaves_nothing_behind(printer, session):
    printer.faults.deaf = True
    asked = asyncio.create_task(session.request(PAUSE))
    await printer.wait_for_request("print", "pause")
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    assert session._pending == {}


async def test_nothing_is_kept_for_later(printer, session, recorder):
    await printer.power_off()
    await until(lambda: "disconnected" in recorder.events)
    printer.clear_requests()
    with pytest.raises(NotConnectedError):
        await session.send(PAUSE)
    with pytest.raises(NotConnectedError):
        await session.request(PAUSE)
    await printer.power_on()
    await until(lambda: session.connected)
    await asyncio.sleep(0.05)
    assert printer.requests == []


async def test_a_session_that_never_started_sends_nothing(printer, recorder):
    with pytest.raises(NotConnectedError):
        await Session(endpoint(printer), recorder).request(PAUSE)


async def test_numbers_stay_within_the_window_and_wait_for_no_answer_twice(
    printer, session
):
    session._next_id = 29_997
    found = [await session.send(commands.push_all()) for _ in range(6)]
    assert found == ["29997", "29998", "29999", "20000", "20001", "20002"]
    printer.faults.deaf = True
    session._next_id = 20_100
    asked = [asyncio.create_task(session.request(PAUSE)) for _ in range(3)]
    await asyncio.sleep(0)
    session._next_id = 20_100
    assert await session.send(PAUSE) == "20103"
    assert await session.send(commands.stop()) == "20104"
    for task in asked:
        task.cancel()
    await asyncio.gather(*asked, return_exceptions=True)


async def test_many_requests_at_once_each_get_their_own_answer(printer, session):
    printer.faults.ack_delay = 0.02
    wanted = [light(tag=number) for number in range(50)]
    bodies = await asyncio.gather(*(session.request(x) for x in wanted))
    assert [x["tag"] for x in bodies] == list(range(50))
    numbers = {x["sequence_id"] for x in bodies}
    assert len(numbers) == 50
    assert all(20_000 <= int(number) <= 29_999 for number in numbers)


async def test_two_printers_never_mix(printer, session, recorder):
    async with VirtualPrinter("P1S", autostart_reports=False) as other:
        second = Session(endpoint(other), Recorder())
        await second.start()
        second._next_id = session._next_id
        lamps = [light(tag=name) for name in ("first", "second")]
        bodies = await asyncio.gather(
            *(session.request(lamps[0]) for _ in range(10)),
            *(second.request(lamps[1]) for _ in range(10)),
        )
        await second.stop()
    assert [x["tag"] for x in bodies] == ["first"] * 10 + ["second"] * 10
    assert {x["system"]["tag"] for x in printer.requests} == {"first"}
    assert {x["system"]["tag"] for x in other.requests} == {"second"}


def test_the_access_code_is_not_shown():
    one = Endpoint(host="h", serial="s", access_code="geheim", pin="nadel")
    assert "geheim" not in repr(one)
    assert "nadel" not in repr(one)
    assert one == replace(one)
    assert one.mqtt_port == 8883
