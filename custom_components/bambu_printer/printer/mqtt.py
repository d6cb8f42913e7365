"""One MQTT connection to a printer, on the event loop, from dialling to hanging up.

Only what printers speak: MQTT 3.1.1 over TLS, one subscription, quality of service 0.

The libraries for MQTT dial in a thread that cannot be called back, read a packet of any
size into memory, and keep the socket of an attempt that failed until the garbage collector
finds it.  A printer that hangs must not hold up Home Assistant, so the dozen packets that
are needed are made and read here, and asyncio does the rest.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
import ssl
from typing import override

from .errors import (
    ConnectTimeoutError,
    HostUnreachableError,
    HungUpError,
    InvalidAccessCodeError,
    NotConnectedError,
    PrinterConnectionError,
)
from .security import connection_error

TCP_TIMEOUT = 4.0
"""Seconds; long enough for two repetitions of a lost first packet."""
TLS_TIMEOUT = 8.0
"""Seconds; the small processors of some models need more than one for the handshake."""
LOGIN_TIMEOUT = 8.0
"""Seconds for each answer of the broker; a P1 that has just started needs up to five."""
KEEPALIVE = 10
"""Seconds of silence after which the printer may hang up on us."""
PING_INTERVAL = 5.0
DEAD_AFTER = 15.0
"""Seconds without a single byte after which the connection is taken for dead."""
FAREWELL_TIME = 0.25
"""Seconds that a printer has to take leave before it is hung up on."""
MAX_MESSAGE_SIZE = 1 << 20
"""Bytes; the largest real report has about 15,000."""
_MAX_BACKLOG = 1 << 18
"""Bytes that may wait to be sent to a printer that does not read."""
_TLS_SLACK = 5.0
"""Seconds that asyncio's own limit leaves ours, whose error says more."""

_CONNECT, _CONNACK, _PUBLISH, _PUBACK = 1, 2, 3, 4
_SUBSCRIBE, _SUBACK, _UNSUBSCRIBE, _UNSUBACK = 8, 9, 10, 11
_PINGREQ, _PINGRESP, _DISCONNECT = 12, 13, 14
_INBOUND = frozenset({_CONNACK, _PUBLISH, _PUBACK, _SUBACK, _UNSUBACK, _PINGRESP})
_WITH_ID = frozenset({_SUBACK, _UNSUBACK})
_LONGEST_ANSWER = 64
"""Bytes; of anything but a message.  More is not MQTT, and would be waited for long."""
_LEVEL = 4
"""What the protocol calls its version 3.1.1."""

_CLEAN_SESSION, _WITH_PASSWORD, _WITH_USER = 0x02, 0x40, 0x80
_REFUSED_LOGIN = frozenset({4, 5})
_REFUSED_TOPIC = 0x80


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """How to introduce oneself to a printer."""

    user: str
    password: str = field(repr=False)
    client_id: str
    """Unique: a printer throws out the older one of two clients with the same name."""


class Connection(asyncio.Protocol):
    """A connection to a printer; used once."""

    def __init__(
        self,
        on_message: Callable[[bytes], None],
        on_oversized: Callable[[int], None],
    ) -> None:
        """Prepare a connection.

        `on_message` gets the payload of each message, `on_oversized` the size of one that
        is larger than `MAX_MESSAGE_SIZE` and so was never kept.
        """
        self._loop = asyncio.get_running_loop()
        self.lost: asyncio.Future[PrinterConnectionError] = self._loop.create_future()
        """Why the connection is lost, once it is."""
        self._on_message = on_message
        self._on_oversized = on_oversized
        self._transport: asyncio.Transport | None = None
        self._answers: dict[tuple[int, int], asyncio.Future[bytes]] = {}
        self._buffer = bytearray()
        self._skip = 0
        self._packet_id = 0
        self.dialling = False
        """Whether not even the machine at the address has answered yet."""
        self._accepted = False
        self._heard = self._loop.time()
        self._pinger: asyncio.TimerHandle | None = None

    @property
    def silent_for(self) -> float:
        """Seconds since the last byte came."""
        return self._loop.time() - self._heard

    async def open(
        self, host: str, port: int, context: ssl.SSLContext, login: Login
    ) -> None:
        """Dial, make sure that it is the right printer, then introduce ourselves.

        Raises a `PrinterConnectionError` that says what went wrong; nothing is left of
        the attempt then, and neither when it is cancelled.
        """
        if not host or not host.isprintable():
            # The empty name would be this machine.
            raise HostUnreachableError("no such name can exist")
        transport: asyncio.Transport | None = None
        try:
            self.dialling = True
            async with _limit(TCP_TIMEOUT, "the address does not answer"):
                transport, _ = await self._loop.create_connection(
                    asyncio.Protocol, host, port
                )
            self.dialling = False
            await self._secure(transport, context)
            self._pinger = self._loop.call_later(PING_INTERVAL, self._ping)
            answer = await self._ask((_CONNACK, 0), _CONNECT, 0, _introduction(login))
            _check_login(answer)
        except BaseException as err:
            error = connection_error(err)
            if transport is not None:
                transport.abort()
            self.abort(error)
            if isinstance(err, OSError | EOFError | UnicodeError):
                raise error from err
            raise
        finally:
            self.dialling = False
        self._accepted = True

    async def _secure(
        self, transport: asyncio.Transport, context: ssl.SSLContext
    ) -> None:
        async with _limit(TLS_TIMEOUT, "no TLS handshake"):
            secured: asyncio.Transport | None = await self._loop.start_tls(
                transport,
                self,
                context,
                ssl_handshake_timeout=TLS_TIMEOUT + _TLS_SLACK,
                ssl_shutdown_timeout=FAREWELL_TIME,
            )
        if secured is None:
            # Gone right after the handshake, whatever the type says.
            raise HungUpError("hung up after the TLS handshake")
        self._transport = secured
        self._heard = self._loop.time()

    async def subscribe(self, topic: str) -> None:
        """Ask for the messages of a topic; return when the printer has agreed."""
        packet_id = self._take_id()
        answer = await self._ask(
            (_SUBACK, packet_id),
            _SUBSCRIBE,
            2,
            packet_id.to_bytes(2) + _text(topic) + b"\0",
        )
        if not answer or answer[0] & _REFUSED_TOPIC:
            raise NotConnectedError("the printer refuses the subscription")

    async def unsubscribe(self, topic: str) -> None:
        """Ask for no more messages of a topic."""
        packet_id = self._take_id()
        body = packet_id.to_bytes(2) + _text(topic)
        await self._ask((_UNSUBACK, packet_id), _UNSUBSCRIBE, 2, body)

    def publish(self, topic: str, payload: bytes) -> None:
        """Send a message.  Raises `NotConnectedError`."""
        self._send(_PUBLISH, 0, _text(topic) + payload)

    def check(self) -> None:
        """Have the printer's machine prove that it still knows this connection.

        One that was switched off and on in between hangs up on the first packet.
        """
        with suppress(PrinterConnectionError):
            self._send(_PINGREQ, 0, b"")

    async def close(self) -> bool:
        """Take leave; a printer that does not answer is hung up on in a moment.

        Returns whether it has answered.
        """
        answered = False
        try:
            if self._transport is not None and not self.lost.done():
                with suppress(PrinterConnectionError):
                    self._send(_DISCONNECT, 0, b"")
                self._transport.close()
                await asyncio.wait((self.lost,), timeout=FAREWELL_TIME)
                answered = self.lost.done()
        finally:
            self.abort(NotConnectedError("the session was stopped"))
        return answered

    def abort(self, error: PrinterConnectionError) -> None:
        """Hang up at once."""
        if self._transport is not None:
            self._transport.abort()
        self._lose(error)

    # What asyncio calls

    @override
    def data_received(self, data: bytes) -> None:
        """Take bytes of the printer."""
        self._heard = self._loop.time()
        if self._skip:
            skipped = min(self._skip, len(data))
            self._skip -= skipped
            data = data[skipped:]
        self._buffer += data
        try:
            self._read_packets()
        except ValueError as err:
            self.abort(NotConnectedError(f"this is not MQTT: {err}"))

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        """Take note that the printer has hung up, or the network."""
        if self._accepted:
            self._lose(NotConnectedError("the printer hung up"))
        else:
            self._lose(HungUpError("hung up before it let us in"))

    # Packets

    def _read_packets(self) -> None:
        """Take all whole packets out of the buffer."""
        buffer, start = self._buffer, 0
        try:
            while not self.lost.done() and (found := _read_head(buffer, start)):
                kind, flags, body, length = found
                end = body + length
                if length > MAX_MESSAGE_SIZE:
                    # Read past it as it comes, instead of keeping it.
                    start = min(end, len(buffer))
                    self._skip = end - start
                    self._on_oversized(length)
                elif end > len(buffer):
                    return
                else:
                    start = end
                    self._take(kind, flags, bytes(buffer[body:end]))
        finally:
            del buffer[:start]

    def _take(self, kind: int, flags: int, body: bytes) -> None:
        if kind == _PUBLISH:
            start = 2 + int.from_bytes(body[:2])
            if flags >> 1 & 3:
                # Nobody asked for a confirmed delivery, but this ends its repetition.
                with suppress(PrinterConnectionError):
                    self._send(_PUBACK, 0, body[start : start + 2])
                start += 2
            if start > len(body):
                raise ValueError("a message without a topic")
            self._on_message(body[start:])
            return
        number = int.from_bytes(body[:2]) if kind in _WITH_ID else 0
        # An answer may come when nobody waits for it any more.
        answer = self._answers.get((kind, number))
        if answer is not None and not answer.done():
            answer.set_result(body[2:] if kind in _WITH_ID else body)

    async def _ask(
        self, key: tuple[int, int], kind: int, flags: int, body: bytes
    ) -> bytes:
        """Send a packet and wait for the one that answers it."""
        answer: asyncio.Future[bytes] = self._loop.create_future()
        self._answers[key] = answer
        try:
            self._send(kind, flags, body)
            async with _limit(LOGIN_TIMEOUT, "the printer does not answer"):
                await asyncio.wait((answer, self.lost), return_when="FIRST_COMPLETED")
            if not answer.done():
                raise self.lost.result()
            return answer.result()
        finally:
            del self._answers[key]

    def _send(self, kind: int, flags: int, body: bytes) -> None:
        transport = self._transport
        if transport is None or transport.is_closing() or self.lost.done():
            if self.lost.done():
                raise self.lost.result()
            raise NotConnectedError("the connection broke")
        if transport.get_write_buffer_size() > _MAX_BACKLOG:
            error = NotConnectedError("the printer does not read what is sent")
            self.abort(error)
            raise error
        transport.write(bytes([kind << 4 | flags]) + _length(len(body)) + body)

    def _take_id(self) -> int:
        self._packet_id = self._packet_id % 0xFFFF + 1
        return self._packet_id

    def _ping(self) -> None:
        """Tell the printer that we are here, and notice when it is not."""
        if self.silent_for > DEAD_AFTER:
            self.abort(ConnectTimeoutError("not a byte comes any more"))
            return
        self._pinger = self._loop.call_later(PING_INTERVAL, self._ping)
        self.check()

    def _lose(self, error: PrinterConnectionError) -> None:
        if not self.lost.done():
            self.lost.set_result(error)
        if self._pinger is not None:
            self._pinger.cancel()
            self._pinger = None
        self._buffer.clear()


@asynccontextmanager
async def _limit(seconds: float, what: str) -> AsyncIterator[None]:
    """Bound what takes place, with an error that says what took too long."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as err:
        raise ConnectTimeoutError(what) from err


def _read_head(buffer: bytearray, start: int) -> tuple[int, int, int, int] | None:
    """Return kind, flags, where the body starts and its length, when all of it is there.

    Raises ``ValueError`` for what no printer's broker may send.
    """
    length = 0
    for position in range(4):
        at = start + 1 + position
        if at >= len(buffer):
            return None
        length |= (buffer[at] & 0x7F) << 7 * position
        if not buffer[at] & 0x80:
            kind, flags = buffer[start] >> 4, buffer[start] & 0x0F
            if kind not in _INBOUND or (
                kind != _PUBLISH and (flags or length > _LONGEST_ANSWER)
            ):
                raise ValueError(f"packet {kind}, flags {flags}, {length} bytes")
            return kind, flags, at + 1, length
    raise ValueError("a length that does not end")


def _text(value: str) -> bytes:
    encoded = value.encode()
    return len(encoded).to_bytes(2) + encoded


def _length(value: int) -> bytes:
    digits = bytearray()
    while value > 0x7F:
        digits.append(value & 0x7F | 0x80)
        value >>= 7
    digits.append(value)
    return bytes(digits)


def _introduction(login: Login) -> bytes:
    """Return the body of CONNECT."""
    return (
        _text("MQTT")
        + bytes([_LEVEL, _CLEAN_SESSION | _WITH_USER | _WITH_PASSWORD])
        + KEEPALIVE.to_bytes(2)
        + _text(login.client_id)
        + _text(login.user)
        + _text(login.password)
    )


def _check_login(answer: bytes) -> None:
    """Raise what the body of CONNACK means, if it is a refusal."""
    code = answer[1] if len(answer) > 1 else None
    if code in _REFUSED_LOGIN:
        raise InvalidAccessCodeError("the printer refuses the access code")
    if code != 0:
        raise HungUpError(f"the printer takes no client (code {code})")
