"""One MQTT connection to a printer, on the event loop, from dialling to hanging up.

The protocol is paho-mqtt's, driven by asyncio through aiomqtt.  Only dialling is not left
to them: paho dials in a thread that cannot be called back, keeps the socket of an attempt
that failed until the garbage collector finds it, and reads a packet of any size into
memory.  A printer that hangs must not hold up Home Assistant.  So asyncio makes the
connection and TLS, each step bounded, and paho is handed what it takes for a socket.
"""

import asyncio
from asyncio.sslproto import SSLProtocol
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from copy import deepcopy
from dataclasses import dataclass, field
import logging
import ssl
from typing import Any, override

import aiomqtt
from aiomqtt.exceptions import MqttConnectError

from .errors import (
    ConnectTimeoutError,
    HostUnreachableError,
    HungUpError,
    InvalidAccessCodeError,
    NotConnectedError,
    PrinterConnectionError,
)
from .security import connection_error

_PAHO_LOGGER = logging.getLogger(f"{__name__}.paho")
# What the library takes for an error is weighed here, and told once.
_PAHO_LOGGER.setLevel(logging.CRITICAL)

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
_READ_BUFFER = 1 << 15
"""Bytes that are read from the network at once: more than a full report has."""
_TLS_SLACK = 5.0
"""Seconds that asyncio's own limit leaves ours, whose error says more."""

_REFUSED_LOGIN = frozenset({4, 5, 134, 135})
"""As the protocol numbers them, and as paho translates them: code or user not accepted."""
_REFUSED_TOPIC = 0x80


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """How to introduce oneself to a printer."""

    user: str
    password: str = field(repr=False)
    client_id: str
    """Unique: a printer throws out the older one of two clients with the same name."""


class _Wire:
    """What paho takes for a socket: a transport of asyncio, behind TLS that stands."""

    def __init__(
        self, transport: asyncio.Transport, on_oversized: Callable[[int], None]
    ) -> None:
        self._transport = transport
        self._on_oversized = on_oversized
        self._received = bytearray()
        self._skip = 0
        self.skipped = False
        """Whether paho waits for a packet that will not come."""

    def feed(self, data: bytes) -> None:
        """Take what the printer has sent."""
        self._received += data
        self._pass_over()

    def _pass_over(self) -> None:
        """Drop what comes of a packet that is too large."""
        passed = min(self._skip, len(self._received))
        del self._received[:passed]
        self._skip -= passed

    def pending(self) -> int:
        """Return how many bytes wait to be read."""
        return len(self._received)

    def recv(self, size: int) -> bytes:
        """Return the next bytes; paho asks for the rest of a packet at once."""
        if size > MAX_MESSAGE_SIZE:
            # Paho would collect it in memory, as long as it takes.
            self._skip, self.skipped = size, True
            self._pass_over()
            self._on_oversized(size)
            raise BlockingIOError
        if not self._received:
            raise BlockingIOError
        piece = bytes(self._received[:size])
        del self._received[:size]
        return piece

    def send(self, data: bytes) -> int:
        """Hand bytes to the transport, which keeps what cannot be sent yet."""
        self._transport.write(data)
        return len(data)

    def close(self) -> None:
        """Take leave."""
        self._received.clear()
        self._transport.close()

    def fileno(self) -> int:
        """Return no number: the transport has the socket."""
        return -1

    def setblocking(self, flag: bool) -> None:
        """Change nothing: nothing blocks here."""


class _Client(aiomqtt.Client):
    """The protocol on a wire; reading and writing is its owner's."""

    def __init__(
        self,
        wire: _Wire,
        login: Login,
        on_message: Callable[[bytes], None],
        on_end: Callable[[], None],
    ) -> None:
        super().__init__(
            # Both are only told to paho, which dials nothing.
            hostname="printer",
            port=1,
            username=login.user,
            password=login.password,
            identifier=login.client_id,
            protocol=aiomqtt.ProtocolVersion.V311,
            clean_session=True,
            keepalive=KEEPALIVE,
            timeout=LOGIN_TIMEOUT,
            logger=_PAHO_LOGGER,
        )
        self._wire = wire
        self._take_message = on_message
        self._on_end = on_end
        # What the library's own way of dialling calls as well.
        self._client._create_socket = lambda: wire  # type: ignore[method-assign]  # noqa: SLF001
        for outcome in (self._connected, self._disconnected):
            # Its reason is in there, too, when nobody asks.
            outcome.add_done_callback(_retrieve)

    async def log_in(self) -> None:
        """Introduce ourselves; return when the printer has let us in."""
        self._client_connect()
        # How paho stands before a packet; that is where it goes back to after it was made
        # to pass over one.
        self._no_packet = deepcopy(self._client._in_packet)  # noqa: SLF001
        await self._connected

    def read(self) -> None:
        """Take all whole packets off the wire."""
        while waiting := self._wire.pending():
            self._client.loop_read()
            if self._wire.skipped:
                self._wire.skipped = False
                self._client._in_packet = deepcopy(self._no_packet)  # noqa: SLF001
            elif self._wire.pending() == waiting:
                return

    def ping(self) -> None:
        """Ask the other end for a sign of life."""
        self._client._send_pingreq()  # noqa: SLF001

    def take_leave(self) -> None:
        """Say that we go; the wire is closed then."""
        self._client.disconnect()

    # What the library does with a file number, and a task that wakes every second

    @override
    def _on_socket_open(self, *_: Any) -> None:
        pass

    @override
    def _on_socket_close(self, *_: Any) -> None:
        pass

    @override
    def _on_socket_register_write(self, *_: Any) -> None:
        # Not at once: paho is in the middle of something.
        self._loop.call_soon(self._client.loop_write)

    @override
    def _on_socket_unregister_write(self, *_: Any) -> None:
        pass

    @override
    def _on_message(self, client: Any, userdata: Any, message: Any) -> None:
        self._take_message(message.payload)

    @override
    def _on_disconnect(self, *args: Any) -> None:
        super()._on_disconnect(*args)
        self._on_end()


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
        self._wire: _Wire | None = None
        self._client: _Client | None = None
        self._leaving = False
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
            transport = await self._secure(transport, context)
            self._wire = _Wire(transport, self._on_oversized)
            self._client = _Client(
                self._wire, login, self._on_message, self._on_protocol_end
            )
            self._pinger = self._loop.call_later(PING_INTERVAL, self._ping)
            await self._ask(self._client.log_in())
        except BaseException as err:
            error = _login_error(err)
            if transport is not None:
                transport.abort()
            self.abort(error)
            if isinstance(err, OSError | EOFError | UnicodeError | aiomqtt.MqttError):
                raise error from err
            raise
        finally:
            self.dialling = False
        self._accepted = True

    async def _secure(
        self, transport: asyncio.Transport, context: ssl.SSLContext
    ) -> asyncio.Transport:
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
        _shrink_read_buffer(secured)
        self._transport = secured
        self._heard = self._loop.time()
        return secured

    async def subscribe(self, topic: str) -> None:
        """Ask for the messages of a topic; return when the printer has agreed."""
        answer = await self._ask(self._writable().subscribe(topic))
        # Numbers from this version of the protocol, and objects from the next.
        codes = [code if isinstance(code, int) else code.value for code in answer]
        if not codes or codes[0] & _REFUSED_TOPIC:
            raise NotConnectedError("the printer refuses the subscription")

    async def publish(self, topic: str, payload: bytes) -> None:
        """Send a message.  Raises `NotConnectedError`."""
        client = self._writable()
        try:
            # Some printers never confirm a higher quality of service.
            await client.publish(topic, payload, qos=0)
        except aiomqtt.MqttError as err:
            raise NotConnectedError("the connection broke") from err

    def check(self) -> None:
        """Have the printer's machine prove that it still knows this connection.

        One that was switched off and on in between hangs up on the first packet.
        """
        with suppress(PrinterConnectionError):
            self._writable().ping()

    async def close(self) -> bool:
        """Take leave; a printer that does not answer is hung up on in a moment.

        Returns whether it has answered.
        """
        answered = False
        try:
            if self._client is not None and not self.lost.done():
                self._leaving = True
                self._client.take_leave()
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
        if self._wire is None or self._client is None or self.lost.done():
            return
        self._wire.feed(data)
        try:
            self._client.read()
        except Exception as err:  # noqa: BLE001
            # Whatever paho stumbles over, the other end does not speak its language.
            self.abort(NotConnectedError(f"this is not MQTT: {type(err).__name__}"))

    def _on_protocol_end(self) -> None:
        """Hang up when paho has given up; when it takes leave it does so itself."""
        if not self._leaving:
            self.abort(NotConnectedError("this is not MQTT"))

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        """Take note that the printer has hung up, or the network."""
        if self._accepted:
            self._lose(NotConnectedError("the printer hung up"))
        else:
            self._lose(HungUpError("hung up before it let us in"))

    # Inside

    async def _ask[T](self, question: Awaitable[T]) -> T:
        """Wait for an answer, as long as there is a connection to give it."""
        answer = asyncio.ensure_future(question)
        try:
            async with _limit(LOGIN_TIMEOUT, "the printer does not answer"):
                await asyncio.wait((answer, self.lost), return_when="FIRST_COMPLETED")
            # A refusal comes with the end of the connection.
            if not answer.done():
                raise self.lost.result()
            return answer.result()
        except aiomqtt.MqttError as err:
            raise _login_error(err) from err
        finally:
            answer.cancel()

    def _writable(self) -> _Client:
        """Return the client of a connection that stands and takes what is sent."""
        client, transport = self._client, self._transport
        if self.lost.done():
            raise self.lost.result()
        if client is None or transport is None or transport.is_closing():
            raise NotConnectedError("the connection broke")
        if transport.get_write_buffer_size() > _MAX_BACKLOG:
            error = NotConnectedError("the printer does not read what is sent")
            self.abort(error)
            raise error
        return client

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


def _shrink_read_buffer(transport: asyncio.Transport) -> None:
    """Give a TLS connection a read buffer for a report instead of one for a download.

    Asyncio allocates 256 KiB for each connection, keeps them as long as it lasts, and as
    much again for a moment for each read.  It has no setting for that; TLS itself hands
    out no more than 16 KiB at once.  Nothing is done where asyncio looks different from
    what is known, or where the system itself writes into the buffer behind its back.
    """
    protocol = getattr(transport, "_ssl_protocol", None)
    if (
        isinstance(protocol, SSLProtocol)
        and isinstance(asyncio.get_running_loop(), asyncio.SelectorEventLoop)
        and isinstance(getattr(protocol, "_ssl_buffer", None), bytearray)
        and isinstance(getattr(protocol, "_ssl_buffer_view", None), memoryview)
        and protocol.max_size > _READ_BUFFER
    ):
        buffer = bytearray(_READ_BUFFER)
        vars(protocol).update(
            max_size=_READ_BUFFER,
            _ssl_buffer=buffer,
            _ssl_buffer_view=memoryview(buffer),
        )


@asynccontextmanager
async def _limit(seconds: float, what: str) -> AsyncIterator[None]:
    """Bound what takes place, with an error that says what took too long."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as err:
        raise ConnectTimeoutError(what) from err


def _login_error(err: BaseException) -> PrinterConnectionError:
    """Say what a refusal means."""
    if isinstance(err, MqttConnectError):
        code = getattr(err.rc, "value", err.rc)
        if code in _REFUSED_LOGIN:
            return InvalidAccessCodeError("the printer refuses the access code")
        return HungUpError(f"the printer takes no client (code {code})")
    return connection_error(err)


def _retrieve(outcome: asyncio.Future[Any]) -> None:
    if not outcome.cancelled():
        outcome.exception()
