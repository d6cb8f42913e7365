"""One connection: what a broker may say, and may not."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
import time
from types import SimpleNamespace

from hypothesis import given, strategies as st
import pytest

from custom_components.bambu_printer.printer import mqtt as mqtt_module
from custom_components.bambu_printer.printer.errors import (
    ConnectTimeoutError,
    HostUnreachableError,
    HungUpError,
    InvalidAccessCodeError,
    NotConnectedError,
    PrinterConnectionError,
)
from custom_components.bambu_printer.printer.mqtt import (
    MAX_MESSAGE_SIZE,
    Connection,
    Login,
    _Client,
    _Wire,
)
from custom_components.bambu_printer.printer.security import create_ssl_context
from tests.black_hole import BlackHole
from virtual_printer import Stage, VirtualPrinter

LOGIN = Login(user="bblp", password="12345678", client_id="one")
TOPIC = "device/x/report"


@pytest.fixture
async def virtual(socket_enabled) -> AsyncIterator[VirtualPrinter]:
    async with VirtualPrinter(autostart_reports=False, ftps_port=None) as printer:
        yield printer


@asynccontextmanager
async def opened(printer: VirtualPrinter, **changes) -> AsyncIterator[SimpleNamespace]:
    """Log in."""
    context = create_ssl_context(printer.serial, printer.ca_pem)
    found = SimpleNamespace(messages=[], oversized=[])
    found.connection = Connection(found.messages.append, found.oversized.append)
    where = {"host": "127.0.0.1", "port": printer.mqtt_port, **changes}
    try:
        await found.connection.open(where["host"], where["port"], context, LOGIN)
        yield found
    finally:
        await found.connection.close()


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.005)


async def test_from_hello_to_good_bye(virtual):
    async with opened(virtual) as found:
        topic = f"device/{virtual.serial}/report"
        await found.connection.subscribe(topic)
        await virtual.publish(b"first")
        await until(lambda: found.messages == [b"first"])
        await found.connection.publish(f"device/{virtual.serial}/request", b"{}")
        await until(lambda: virtual.requests == [{}])
        assert await found.connection.close()
        assert isinstance(found.connection.lost.result(), PrinterConnectionError)
    await until(lambda: virtual.connected_clients == 0)


@pytest.mark.parametrize("stage", [Stage.TLS, Stage.LOGIN])
async def test_a_peer_that_hangs_up_is_called_that_at_once(virtual, stage):
    virtual.faults.drop_at = stage
    begun = time.monotonic()
    with pytest.raises(HungUpError):
        async with opened(virtual):
            pass
    assert time.monotonic() - begun < 4


@pytest.mark.parametrize(
    ("stage", "limit"),
    [
        (Stage.TCP, "TLS_TIMEOUT"),
        (Stage.TLS, "LOGIN_TIMEOUT"),
        (Stage.LOGIN, "LOGIN_TIMEOUT"),
    ],
)
async def test_each_stage_is_bounded(virtual, stage, limit, monkeypatch):
    monkeypatch.setattr(mqtt_module, limit, 0.1)
    virtual.faults.hang_at = stage
    with pytest.raises(ConnectTimeoutError):
        async with opened(virtual):
            pass


async def test_no_answer_at_all(virtual, monkeypatch):
    monkeypatch.setattr(mqtt_module, "TCP_TIMEOUT", 0.1)
    with BlackHole() as hole, pytest.raises(ConnectTimeoutError):
        async with opened(virtual, port=hole.port):
            pass


@pytest.mark.parametrize("host", ["", "a\nb", "a\0b"])
async def test_addresses_that_cannot_be(virtual, host):
    with pytest.raises(HostUnreachableError):
        async with opened(virtual, host=host):
            pass


@pytest.mark.parametrize("code", [1, 2, 3, 4, 5, 6])
async def test_refusals(virtual, code, monkeypatch):
    monkeypatch.setattr(virtual._broker, "_authenticate", lambda *_: code)
    # A broker that does not know the version of the protocol does not speak it.
    other = NotConnectedError if code == 1 else HungUpError
    with pytest.raises(InvalidAccessCodeError if code in (4, 5) else other):
        async with opened(virtual):
            pass


async def test_a_topic_that_is_refused(virtual):
    async with opened(virtual) as found:
        with pytest.raises(NotConnectedError):
            await found.connection.subscribe("#")


async def test_silence_is_noticed(virtual, monkeypatch):
    monkeypatch.setattr(mqtt_module, "PING_INTERVAL", 0.03)
    monkeypatch.setattr(mqtt_module, "DEAD_AFTER", 0.5)
    async with opened(virtual) as found:
        await asyncio.sleep(0.8)
        assert not found.connection.lost.done()
        virtual.faults.frozen = True
        async with asyncio.timeout(10):
            assert isinstance(await found.connection.lost, ConnectTimeoutError)
        with pytest.raises(ConnectTimeoutError):
            await found.connection.publish(TOPIC, b"")


async def test_a_printer_that_does_not_read(virtual):
    async with opened(virtual) as found:
        for client in virtual._broker.clients:
            client.writer.transport.pause_reading()
            client.writer._reader._limit = 0

        async def send(count: int) -> None:
            for _ in range(count):
                await found.connection.publish(TOPIC, bytes(1 << 16))
                await asyncio.sleep(0)

        with pytest.raises(NotConnectedError, match="does not read"):
            await send(1000)
        assert found.connection.lost.done()


# ---- packets ----------------------------------------------------------------------------


def length(value: int) -> bytes:
    digits = []
    while value > 0x7F:
        digits.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*digits, value])


def packet(kind: int, body: bytes = b"", flags: int = 0) -> bytes:
    return bytes([kind << 4 | flags]) + length(len(body)) + body


def message(payload: bytes, flags: int = 0, number: bytes = b"") -> bytes:
    return packet(3, b"\0\1t" + number + payload, flags)


class FakeTransport(asyncio.Transport):
    """Takes what is sent."""

    def __init__(self) -> None:
        super().__init__()
        self.sent = b""
        self.aborted = False

    def is_closing(self) -> bool:
        return self.aborted

    def get_write_buffer_size(self) -> int:
        return 0

    def write(self, data) -> None:
        self.sent += bytes(data)

    def abort(self) -> None:
        self.aborted = True

    close = abort


def fed(data: bytes, size: int) -> SimpleNamespace:
    """Feed a connection with bytes, so many at a time."""

    async def feed() -> SimpleNamespace:
        found = SimpleNamespace(messages=[], oversized=[], transport=FakeTransport())
        connection = Connection(found.messages.append, found.oversized.append)
        connection._transport = found.transport
        wire = connection._wire = _Wire(found.transport, connection._on_oversized)
        client = connection._client = _Client(
            wire, LOGIN, connection._on_message, connection._on_protocol_end
        )
        logging_in = asyncio.ensure_future(client.log_in())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        found.transport.sent = b""
        most = 0
        for start in range(0, len(data), size):
            connection.data_received(data[start : start + size])
            most = max(most, wire.pending())
        await asyncio.sleep(0)
        logging_in.cancel()
        found.kept = most
        found.lost = connection.lost.done()
        return found

    return asyncio.run(feed())


@given(st.lists(st.binary(max_size=300), max_size=20), st.integers(1, 700))
def test_messages_in_pieces_of_any_size(payloads, size):
    found = fed(b"".join(message(x) for x in payloads), size)
    assert found.messages == payloads
    assert not found.lost


@given(st.binary(max_size=2000), st.integers(1, 100))
def test_nothing_that_arrives_raises(data, size):
    fed(data, size)


@pytest.mark.parametrize("size", [1, 1000, 1 << 18, 1 << 24])
def test_a_large_message_is_read_past(size):
    large = message(bytes(MAX_MESSAGE_SIZE * 3)) if size > 1 else message(b"a") * 2
    found = fed(message(b"1") + large + message(b"2"), size)
    assert found.messages[0] == b"1"
    assert found.messages[-1] == b"2"
    if size > 1:
        assert len(found.messages) == 2
        assert len(found.oversized) == 1
        assert found.kept < MAX_MESSAGE_SIZE


def test_a_message_that_wants_a_receipt():
    found = fed(message(b"x", 2, b"\0\7"), 100)
    assert found.messages == [b"x"]
    assert found.transport.sent == packet(4, b"\0\7")


@pytest.mark.parametrize(
    "data",
    [
        b"\x00\x00",
        b"\xf0\x00",
        packet(1),
        packet(8),
        packet(13, bytes(65)),
        packet(2),
        b"\x30\xff\xff\xff\xff",
        b"\x30\xff\xff\xff\xff\x01",
        packet(3, b"\0"),
        packet(3, b"\0\x09abc"),
    ],
)
def test_what_is_no_mqtt(data):
    found = fed(data + message(b"never"), 1000)
    assert found.lost
    assert found.transport.aborted
    assert found.messages == []


def test_answers_that_nobody_waits_for():
    found = fed(packet(9, b"\0\1\0") + packet(2, b"\0\0") + packet(11, b"\0\2"), 9)
    assert not found.lost


def test_the_code_is_not_shown():
    assert "12345678" not in repr(LOGIN)


async def test_the_buffer_of_a_connection_is_small_and_messages_may_be_larger(virtual):
    """Asyncio keeps a quarter of a megabyte for each connection unless it is told not to."""
    async with opened(virtual) as found:
        protocol = found.connection._transport._ssl_protocol
        assert len(protocol._ssl_buffer) == protocol.max_size == 1 << 15
        await found.connection.subscribe(f"device/{virtual.serial}/report")
        sizes = [1, (1 << 15) - 1, 1 << 15, 100_000, 12_000, MAX_MESSAGE_SIZE - 100]
        messages = [bytes([65 + number]) * size for number, size in enumerate(sizes)]
        for message in messages:
            await virtual.publish(message)
        await until(lambda: len(found.messages) == len(sizes))
        assert found.messages == messages
