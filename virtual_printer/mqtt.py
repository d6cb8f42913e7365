"""The broker inside a printer: the part of MQTT 3.1.1 that Bambu Lab printers speak.

A small codec of its own instead of a library broker: amqtt would bring ten packages for the
dozen packet kinds below, and a correct broker cannot misbehave the way a printer does (drop
a client that subscribes to the wrong topic, fall silent, freeze, send broken bytes). Only what
printers need is here: QoS 0 and 1 inbound, QoS 0 outbound, no retained messages, no sessions
that outlive the connection.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
import itertools
import logging
import ssl
import struct

from .faults import Fate, Stage
from .listening import stop_listening

_LOGGER = logging.getLogger(__name__)

CONNECT = 1
CONNACK = 2
PUBLISH = 3
PUBACK = 4
SUBSCRIBE = 8
SUBACK = 9
UNSUBSCRIBE = 10
UNSUBACK = 11
PINGREQ = 12
PINGRESP = 13
DISCONNECT = 14

ACCEPTED = 0
BAD_PROTOCOL = 1
BAD_USER = 4
NOT_AUTHORIZED = 5

# Larger than any real request (a project_file is about 1 kB), small enough to bound memory.
_MAX_PACKET = 1 << 20
# A client that does not read is dropped instead of filling the memory.
_MAX_BACKLOG = 8 << 20


class ProtocolError(Exception):
    """The client sent something that is not MQTT 3.1.1."""


def encode_packet(kind: int, flags: int, body: bytes) -> bytes:
    """Put the fixed header in front of a packet body."""
    header = bytearray([kind << 4 | flags])
    length = len(body)
    while True:
        length, digit = divmod(length, 128)
        header.append(digit | 0x80 if length else digit)
        if not length:
            return bytes(header) + body


def encode_publish(topic: str, payload: bytes) -> bytes:
    """Encode a QoS 0 publication."""
    name = topic.encode()
    return encode_packet(PUBLISH, 0, struct.pack(">H", len(name)) + name + payload)


async def read_packet(reader: asyncio.StreamReader) -> tuple[int, int, bytes]:
    """Read one packet; return its kind, flags and body."""
    first = (await reader.readexactly(1))[0]
    length = 0
    for position in range(4):
        digit = (await reader.readexactly(1))[0]
        length |= (digit & 0x7F) << (7 * position)
        if not digit & 0x80:
            break
    else:
        raise ProtocolError("remaining length")
    if length > _MAX_PACKET:
        raise ProtocolError("packet too large")
    return first >> 4, first & 0x0F, await reader.readexactly(length)


class _Fields:
    """A cursor over a packet body."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._at = 0

    def __bool__(self) -> bool:
        return self._at < len(self._body)

    def take(self, count: int) -> bytes:
        """Return the next bytes."""
        piece = self._body[self._at : self._at + count]
        if len(piece) != count:
            raise ProtocolError("packet too short")
        self._at += count
        return piece

    def byte(self) -> int:
        """Return the next byte as a number."""
        return self.take(1)[0]

    def word(self) -> int:
        """Return the next two bytes as a number."""
        return int.from_bytes(self.take(2))

    def data(self) -> bytes:
        """Return the next length-prefixed bytes."""
        return self.take(self.word())

    def text(self) -> str:
        """Return the next length-prefixed string."""
        try:
            return self.data().decode()
        except UnicodeDecodeError as err:
            raise ProtocolError("string is not UTF-8") from err

    def rest(self) -> bytes:
        """Return what is left."""
        return self.take(len(self._body) - self._at)


@dataclass(eq=False, slots=True)
class Client:
    """One connected client."""

    number: int
    writer: asyncio.StreamWriter
    client_id: str = ""
    topics: set[str] = field(default_factory=set)
    # pushing.stop switches the unsolicited reports off for one session.
    telemetry: bool = True
    # While the printer is frozen the connection is half open: bytes go nowhere.
    # (`bool()` is False: never frozen.)
    frozen: Callable[[], bool] = bool

    def send(self, data: bytes) -> None:
        """Queue bytes, or hang up when the client has stopped reading."""
        transport = self.writer.transport
        if self.frozen() or transport.is_closing():
            return
        if transport.get_write_buffer_size() > _MAX_BACKLOG:
            transport.abort()
            return
        self.writer.write(data)

    def abort(self) -> None:
        """Hang up at once, without the TLS farewell that would wait for the client."""
        # None when the client was gone right after the handshake, whatever its type says.
        transport: asyncio.WriteTransport | None = self.writer.transport
        if transport is not None:
            transport.abort()


type Authenticate = Callable[[str, str], int]
type AllowTopic = Callable[[str], bool]
type OnPublish = Callable[[Client, str, bytes], Awaitable[None]]


class Broker:
    """A TLS listener that serves MQTT clients on the running event loop."""

    def __init__(
        self,
        *,
        authenticate: Authenticate,
        allow_topic: AllowTopic,
        on_publish: OnPublish,
        frozen: Callable[[], bool] = bool,
        fate: Callable[[Stage], Fate] = lambda _stage: Fate.GO_ON,
    ) -> None:
        """Store the decisions that are the printer's, not the protocol's."""
        self._authenticate = authenticate
        self._allow_topic = allow_topic
        self._on_publish = on_publish
        self._frozen = frozen
        self._fate = fate
        self._server: asyncio.Server | None = None
        self._numbers = itertools.count(1)
        self._tasks: set[asyncio.Task[None]] = set()
        self._open: set[Client] = set()
        self.clients: set[Client] = set()

    async def start(self, host: str, port: int, context: ssl.SSLContext) -> int:
        """Listen; return the port."""
        self._server = await asyncio.start_server(
            partial(self._accept, context), host, port
        )
        address = self._server.sockets[0].getsockname()
        return int(address[1])

    async def stop(self) -> None:
        """Stop listening and hang up on everybody."""
        server, self._server = self._server, None
        if server is not None:
            await stop_listening(server)
        await self.drop()
        if server is not None:
            server.abort_clients()
            await server.wait_closed()

    async def drop(self) -> None:
        """Hang up on everybody, as a printer does whose network service restarts."""
        for client in list(self._open):
            client.abort()
        tasks = [task for task in self._tasks if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def publish(self, topic: str, payload: bytes, *, unsolicited: bool = False) -> None:
        """Send to every client that subscribed to the topic."""
        packet = encode_publish(topic, payload)
        for client in list(self.clients):
            if topic in client.topics and (client.telemetry or not unsolicited):
                client.send(packet)

    async def drain(self) -> None:
        """Wait until clients have taken most of what was sent to them."""
        for client in list(self.clients):
            with suppress(OSError):
                await client.writer.drain()

    async def _pass(self, stage: Stage, reader: asyncio.StreamReader) -> None:
        """Let a client go on, or not."""
        fate = self._fate(stage)
        if fate is Fate.HANG:
            while await reader.read(1 << 16):
                pass
        if fate is not Fate.GO_ON:
            raise ProtocolError(f"{fate} at {stage}")

    async def _accept(
        self,
        context: ssl.SSLContext,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        client = Client(next(self._numbers), writer, frozen=self._frozen)
        self._open.add(client)
        try:
            await self._pass(Stage.TCP, reader)
            # Here instead of in start_server, which reports a client that does not like
            # the certificate as an error of the event loop.
            await writer.start_tls(context, ssl_handshake_timeout=10)
            await self._serve(client, reader)
        except (ProtocolError, OSError, EOFError, AttributeError) as err:
            # AttributeError: asyncio lost the transport of a client that was gone too soon.
            _LOGGER.debug("client %s: %r", client.number, err)
        except asyncio.CancelledError:
            # Only drop() cancels; swallowing it keeps asyncio from reporting the handler.
            _LOGGER.debug("client %s dropped", client.number)
        finally:
            self.clients.discard(client)
            self._open.discard(client)
            self._tasks.discard(task)
            client.abort()

    async def _serve(self, client: Client, reader: asyncio.StreamReader) -> None:
        await self._pass(Stage.TLS, reader)
        async with asyncio.timeout(10):
            kind, _, body = await read_packet(reader)
        if kind != CONNECT:
            raise ProtocolError("first packet is not CONNECT")
        await self._pass(Stage.LOGIN, reader)
        code, keepalive = self._connect(client, _Fields(body))
        client.send(encode_packet(CONNACK, 0, bytes([0, code])))
        if code != ACCEPTED:
            # Let the client read the refusal and hang up by itself.
            async with asyncio.timeout(1):
                await reader.read()
            return
        for other in list(self.clients):
            if other.client_id == client.client_id:
                other.abort()
        self.clients.add(client)
        while True:
            async with asyncio.timeout(keepalive * 1.5 if keepalive else None):
                kind, flags, body = await read_packet(reader)
            if self._frozen():
                continue
            if kind == DISCONNECT:
                return
            if kind == SUBSCRIBE:
                await self._pass(Stage.SUBSCRIBE, reader)
            elif kind == PUBLISH:
                await self._pass(Stage.REQUEST, reader)
            await self._handle(client, kind, flags, _Fields(body))

    def _connect(self, client: Client, fields: _Fields) -> tuple[int, int]:
        """Decide about a CONNECT; return the return code and the keep-alive."""
        name, level, flags, keepalive = (
            fields.text(),
            fields.byte(),
            fields.byte(),
            fields.word(),
        )
        if (name, level) != ("MQTT", 4):
            return BAD_PROTOCOL, 0
        client.client_id = fields.text() or f"anonymous-{client.number}"
        if flags & 0x04:  # a last will: read past it, printers have no use for it
            fields.text()
            fields.data()
        user = fields.text() if flags & 0x80 else ""
        password = fields.data().decode(errors="replace") if flags & 0x40 else ""
        return self._authenticate(user, password), keepalive

    async def _handle(
        self, client: Client, kind: int, flags: int, fields: _Fields
    ) -> None:
        match kind:
            case 3:  # PUBLISH
                quality = flags >> 1 & 3
                if quality > 1:
                    raise ProtocolError("QoS 2")
                topic = fields.text()
                packet_id = fields.take(2) if quality else b""
                if packet_id:
                    client.send(encode_packet(PUBACK, 0, packet_id))
                await self._on_publish(client, topic, fields.rest())
            case 8:  # SUBSCRIBE
                packet_id, granted = fields.take(2), bytearray()
                while fields:
                    topic, _quality = fields.text(), fields.byte()
                    if not self._allow_topic(topic):
                        raise ProtocolError(f"subscription to {topic}")
                    client.topics.add(topic)
                    granted.append(0)
                client.send(encode_packet(SUBACK, 0, packet_id + granted))
            case 10:  # UNSUBSCRIBE
                packet_id = fields.take(2)
                while fields:
                    client.topics.discard(fields.text())
                client.send(encode_packet(UNSUBACK, 0, packet_id))
            case 12:  # PINGREQ
                client.send(encode_packet(PINGRESP, 0, b""))
            case 4:  # PUBACK: nothing is sent with QoS 1
                pass
            case _:
                raise ProtocolError(f"packet kind {kind}")
