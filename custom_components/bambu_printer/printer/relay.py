"""A door to the live view for players on this machine.

A printer serves one client, wants its access code, and presents a certificate that
players cannot verify: they do not even try.  So they get an address on the loopback
interface instead, with a key that is good for nothing else.  Behind it there is one
connection to the printer, verified, only while somebody watches, and made again when it
is lost without the players noticing more than a pause.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
import hmac
import logging
import random
from secrets import token_urlsafe
import ssl
import struct

from .camera import load_context
from .errors import BambuError, CameraError, CameraReleasedError
from .live import LiveView
from .rtsp import (
    Message,
    Packet,
    RtspError,
    Video,
    encode,
    encode_packet,
    number,
    read,
)
from .session import Endpoint

_LOGGER = logging.getLogger(__name__)

LINGER = 2.0
"""Seconds for which the printer is kept when the last player has gone."""
_DESCRIBE_TIMEOUT = 9.0
"""Seconds for which a player waits until the printer has answered."""
_FIRST_DELAY, _LONGEST_DELAY = 0.5, 30.0
_PATIENCE = 20.0
"""Seconds without a stream after which players are told to give up, and see why."""
_LONGEST_BACKLOG = 4 << 20
"""Bytes that may wait for a player; one that is slower than that is hung up on."""
_CLOCK_RATE = 90_000
_LAST_CHANNEL = 254
_LONGEST_GROUP = 5.0
"""Seconds within which a complete picture must have come; otherwise there are none."""
_METHODS = "OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN, GET_PARAMETER, SET_PARAMETER"


_CAMERA, _STILL = "camera", "still"
"""What players ask for; the pictures are the same."""


class Splice:
    """Makes one RTP stream out of several, so that a player can go on with the next."""

    def __init__(self) -> None:
        """Begin anywhere, as the standard wants it."""
        self._ssrc = random.getrandbits(32)
        self._sequence = random.getrandbits(15)
        self._timestamp = random.getrandbits(31)
        self._time = 0.0
        self._shift: tuple[int, int] | None = None

    def cut(self) -> None:
        """Expect another stream."""
        self._shift = None

    def take(self, packet: bytes, now: float) -> bytes:
        """Return a packet as a part of the whole; `now` is in seconds."""
        sequence, timestamp = struct.unpack_from(">HI", packet, 2)
        if self._shift is None:
            pause = round((now - self._time) * _CLOCK_RATE) if self._time else 0
            self._shift = (
                self._sequence + 1 - sequence,
                self._timestamp + pause - timestamp,
            )
        self._sequence = (sequence + self._shift[0]) & 0xFFFF
        self._timestamp = (timestamp + self._shift[1]) & 0xFFFFFFFF
        self._time = now
        head = struct.pack(">HII", self._sequence, self._timestamp, self._ssrc)
        return packet[:2] + head + packet[12:]


def begins_picture(packet: bytes) -> bool:
    """Tell whether decoding can begin with a packet of H.264 (RFC 6184)."""
    start = 12 + 4 * (packet[0] & 0x0F)
    head = packet[start : start + 4].ljust(4, b"\0")
    match head[0] & 0x1F:
        case 5 | 7:
            return True
        case 24:
            # Several units in one packet, each after its length.
            return head[3] & 0x1F in (5, 7)
        case 28:
            # The first piece of a unit.
            return bool(head[1] & 0x80) and head[1] & 0x1F == 5
    return False


@dataclass(slots=True, eq=False)
class _Player:
    """A connection from this machine."""

    writer: asyncio.StreamWriter
    session: str = field(default_factory=lambda: token_urlsafe(8))
    channel: int = 0
    known: bool = False
    """Whether it has shown the key."""
    ready: bool = False
    playing: bool = False
    asked: float = 0.0
    """When it wanted to play."""
    begun: bool = False
    """Whether it has been given anything."""


class RtspRelay:
    """Hands the live view on to any number of players."""

    def __init__(
        self, endpoint: Endpoint, on_change: Callable[[], None] | None = None
    ) -> None:
        """Know where the printer is; nothing listens yet.

        `on_change` is called when `error` or `streaming` changes.
        """
        self.on_change = on_change
        self.error: BambuError | None = None
        """Why there was nothing to see when somebody last wanted to."""
        self._endpoint = endpoint
        self._context: ssl.SSLContext | None = None
        self._key = token_urlsafe(16)
        self._server: asyncio.Server | None = None
        self._starting = asyncio.Lock()
        self._players: dict[_Player, asyncio.Task[None]] = {}
        self._task: asyncio.Task[None] | None = None
        self._gone = asyncio.Event()
        self._news = asyncio.Event()
        self._video: Video | None = None
        self._splice = Splice()
        self._streaming = False
        self._watched = False
        """Whether somebody who stays has begun to play."""
        self._paused = self._closed = False

    def set_endpoint(self, endpoint: Endpoint) -> None:
        """Go to another address from the next connection on."""
        self._endpoint = endpoint

    @property
    def streaming(self) -> bool:
        """Whether the printer is sending, and to somebody who watches.

        Who takes a still image does not: with an open dashboard that comes and goes every
        ten seconds, and nobody wants to find it in the history.
        """
        return self._streaming and self._watched

    @property
    def viewers(self) -> int:
        """How many players are connected."""
        return sum(player.known for player in self._players)

    async def url(self, *, still: bool = False) -> str:
        """Return the address for players on this machine, which changes with each start.

        `still` is for who takes a picture and leaves: that does not count as streaming.
        Raises `CameraReleasedError` after `close`.
        """
        async with self._starting:
            if self._closed:
                raise CameraReleasedError
            if self._server is None:
                self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        # Home Assistant hides a parameter of this name in its logs.
        return (
            f"rtsp://127.0.0.1:{port}/{_STILL if still else _CAMERA}?auth={self._key}"
        )

    def clear_error(self) -> None:
        """Forget what was wrong: it is probably mended."""
        if not self._streaming:
            self._set(None, streaming=False)

    def resume(self) -> None:
        """Let people watch again."""
        self._paused = self._closed = False

    async def pause(self) -> None:
        """Send everybody away, and let go of the printer, until `resume`.

        The address stays the same.
        """
        self._paused = True
        tasks = [*self._players.values(), *filter(None, (self._task,))]
        self._task = None
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def close(self) -> None:
        """Let go of the printer, and listen no longer, until `resume`."""
        self._closed = True
        server, self._server = self._server, None
        if server is not None:
            server.close()
        await self.pause()
        if server is not None:
            await server.wait_closed()

    # Players

    async def _accept(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        task = asyncio.current_task()
        assert task is not None
        player = _Player(writer)
        self._players[player] = task
        try:
            with suppress(OSError, EOFError, RtspError):
                while await self._serve(player, await read(reader)):
                    await writer.drain()
        except asyncio.CancelledError:
            # The server that called this would take it for a failure.
            pass
        finally:
            del self._players[player]
            self._gone.set()
            writer.close()

    async def _serve(self, player: _Player, item: Message | Packet) -> bool:
        """Answer a request; return whether to go on."""
        if isinstance(item, Packet):
            # What a player reports of its reception ends here.
            return True
        method, _, rest = item.start.partition(" ")
        url = rest.rpartition(" ")[0]
        key = url.partition("?auth=")[2].partition("/")[0]
        player.known = player.known or hmac.compare_digest(
            key.encode(), self._key.encode()
        )
        if not player.known:
            self._answer(player, item, "403 Forbidden")
            return False
        match method:
            case "OPTIONS" | "GET_PARAMETER" | "SET_PARAMETER":
                self._answer(player, item, Public=_METHODS)
            case "DESCRIBE":
                return await self._describe(player, item, url)
            case "SETUP":
                self._set_up(player, item)
            case "PLAY" if player.ready:
                self._answer(player, item, Session=player.session)
                player.playing = True
                player.asked = asyncio.get_running_loop().time()
                if f"/{_STILL}" not in url:
                    self._watch()
            case "TEARDOWN":
                self._answer(player, item)
                return False
            case _:
                self._answer(player, item, "405 Method Not Allowed", Allow=_METHODS)
        return True

    async def _describe(self, player: _Player, item: Message, url: str) -> bool:
        if not self._paused:
            self._ensure_running()
            with suppress(TimeoutError):
                async with asyncio.timeout(_DESCRIBE_TIMEOUT):
                    while self._video is None and self.error is None:
                        await self._news.wait()
        if self._video is None:
            self._answer(player, item, "503 Service Unavailable")
            return False
        self._answer(
            player,
            item,
            body=self._video.description,
            **{
                "Content-Base": url.partition("?")[0] + "/",
                "Content-Type": "application/sdp",
            },
        )
        return True

    def _set_up(self, player: _Player, item: Message) -> None:
        transport = item.headers.get("transport", "")
        _, found, channels = transport.partition("interleaved=")
        channel = number(channels.partition("-")[0], 255) if found else 0
        if "/TCP" not in transport or channel > _LAST_CHANNEL:
            self._answer(player, item, "461 Unsupported Transport")
            return
        player.channel = channel
        player.ready = True
        self._answer(
            player,
            item,
            Session=f"{player.session};timeout=60",
            Transport=(
                f"RTP/AVP/TCP;unicast;interleaved={player.channel}-{player.channel + 1}"
            ),
        )

    @staticmethod
    def _answer(
        player: _Player,
        item: Message,
        status: str = "200 OK",
        *,
        body: bytes = b"",
        **headers: str,
    ) -> None:
        fields = {"CSeq": item.headers.get("cseq", "0"), **headers}
        player.writer.write(encode(f"RTSP/1.0 {status}", fields, body))

    def _hand_on(self, packet: bytes) -> None:
        """Give a packet to all who play."""
        now = asyncio.get_running_loop().time()
        packet = self._splice.take(packet, now)
        entry = begins_picture(packet)
        if not self._streaming:
            self._set(None, streaming=True)
        for player, task in self._players.items():
            if not player.playing:
                continue
            if not player.begun:
                # What comes before means nothing to a player.
                player.begun = entry or now - player.asked > _LONGEST_GROUP
                if not player.begun:
                    continue
            if player.writer.transport.get_write_buffer_size() > _LONGEST_BACKLOG:
                task.cancel()
                player.playing = False
            else:
                player.writer.write(encode_packet(player.channel, packet))

    # The printer

    def _ensure_running(self) -> None:
        if self._task is None or self._task.done():
            # What was wrong before may be right by now.
            self.error = None
            self._task = asyncio.get_running_loop().create_task(
                self._run(), name="bambu_printer live view"
            )

    def _watch(self) -> None:
        if not self._watched:
            self._watched = True
            if self._streaming and self.on_change:
                self.on_change()

    def _set(self, error: BambuError | None, *, streaming: bool) -> None:
        changed = streaming != self._streaming or type(error) is not type(self.error)
        self.error, self._streaming = error, streaming
        self._news.set()
        self._news = asyncio.Event()
        if changed and self.on_change:
            self.on_change()

    async def _run(self) -> None:
        """Keep the stream up as long as there are players."""
        stream = asyncio.ensure_future(self._stream_forever())
        try:
            while not stream.done():
                self._gone.clear()
                gone = asyncio.ensure_future(self._gone.wait())
                try:
                    await asyncio.wait(
                        (stream, gone), return_when=asyncio.FIRST_COMPLETED
                    )
                finally:
                    gone.cancel()
                if not self.viewers:
                    await asyncio.wait((stream,), timeout=LINGER)
                    if not self.viewers:
                        break
        finally:
            stream.cancel()
            # The printer serves nobody else before this is closed.
            await asyncio.gather(stream, return_exceptions=True)
            self._video = None
            self._watched = False
            self._set(self.error, streaming=False)
            for player, task in self._players.items():
                if player.ready:
                    task.cancel()

    async def _stream_forever(self) -> None:
        loop = asyncio.get_running_loop()
        delay, since = _FIRST_DELAY, loop.time()
        while True:
            try:
                await self._stream()
            except BambuError as err:
                _LOGGER.debug("No live view: %s", err)
                if self._streaming:
                    delay, since = _FIRST_DELAY, loop.time()
                self._set(err, streaming=False)
            if loop.time() - since > _PATIENCE or self._video is None:
                return
            await asyncio.sleep(delay)
            delay = min(delay * 2, _LONGEST_DELAY)

    async def _stream(self) -> None:
        if self._context is None:
            self._context = await load_context(self._endpoint)
        self._splice.cut()
        view = LiveView(self._endpoint, self._context, self._hand_on)
        try:
            video = await view.open()
            if self._video and video.description != self._video.description:
                # Players have set up something else: they must begin anew.
                self._video = None
                raise CameraError("the stream has changed")
            self._video = video
            self._set(None, streaming=self._streaming)
            await view.play(video)
        finally:
            await view.close()
