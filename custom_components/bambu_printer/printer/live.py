"""The live view of a printer that streams H.264 over RTSP and TLS: the side to the printer.

The certificate is verified before anything is sent, and the access code only ever
travels as a digest.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
import random
import ssl
import struct

from .camera import CONNECT_TIMEOUT, close_writer
from .errors import CameraError, CameraOffError, CameraRefusedError, CameraSilentError
from .rtsp import (
    Digest,
    Message,
    Packet,
    RtspError,
    Video,
    encode,
    encode_packet,
    number,
    read,
    read_video,
)
from .security import connection_error
from .session import USER, Endpoint

RTSPS_PORT = 322
PATH = "/streaming/live/1"

ANSWER_TIMEOUT = 5.0
SILENCE_TIMEOUT = 5.0
"""Seconds without a packet after which the stream counts as stalled."""
_ALIVE_INTERVAL = 5.0
"""Seconds between reports of what was received: without them some firmware falls silent."""
_SESSION_TIMEOUT = 60
_OK, _UNAUTHORIZED = 200, 401
_RTP, _RTCP = 0, 1
_RTP_HEADER = 12
_NAME = b"bambu_printer"


class LiveView:
    """One connection to the live view; made for one use."""

    def __init__(
        self,
        endpoint: Endpoint,
        context: ssl.SSLContext,
        on_packet: Callable[[bytes], None],
    ) -> None:
        """Know where the stream is; `on_packet` is called with each RTP packet."""
        self._endpoint = endpoint
        self._context = context
        self._on_packet = on_packet
        self._port = endpoint.camera_port or RTSPS_PORT
        host = f"[{endpoint.host}]" if ":" in endpoint.host else endpoint.host
        self._url = f"rtsps://{host}:{self._port}{PATH}"
        self._reader = asyncio.StreamReader()
        self._writer: asyncio.StreamWriter | None = None
        self._digest: Digest | None = None
        self._sequence = 0
        self._session = ""
        self._interval = _SESSION_TIMEOUT / 2
        self._ssrc = random.getrandbits(32)
        self._source = 0
        self._highest = 0

    async def open(self) -> Video:
        """Connect, and return what there is to see.

        Raises a `PrinterConnectionError` or a `CameraError`.
        """
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                self._reader, self._writer = await asyncio.open_connection(
                    self._endpoint.host, self._port, ssl=self._context
                )
        except (OSError, EOFError, UnicodeError) as err:
            raise connection_error(err) from err
        try:
            await self._request("OPTIONS", self._url)
        except CameraError as err:
            if isinstance(err.__cause__, (OSError, EOFError)):
                # So does firmware whose live view is switched off.
                raise CameraOffError("the camera hangs up at once") from err
            raise
        answer = await self._request(
            "DESCRIBE", self._url, {"Accept": "application/sdp"}
        )
        try:
            return read_video(
                answer.body, answer.headers.get("content-base", self._url)
            )
        except RtspError as err:
            raise CameraError(f"the camera describes {err}") from err

    async def play(self, video: Video) -> None:
        """Receive packets until that fails, or until cancelled.

        Raises a `CameraError`.
        """
        answer = await self._request(
            "SETUP",
            video.control,
            {"Transport": "RTP/AVP/TCP;unicast;interleaved=0-1"},
        )
        self._session, _, rest = answer.headers.get("session", "").partition(";")
        timeout = number(rest.strip().removeprefix("timeout="), _SESSION_TIMEOUT)
        self._interval = max(timeout, 4) / 2
        await self._request("PLAY", self._url, {"Range": "npt=0.000-"})
        alive = asyncio.ensure_future(self._stay_alive())
        try:
            while True:
                # What is not media answers what keeps the session alive.
                self._take(await self._read(SILENCE_TIMEOUT))
        finally:
            alive.cancel()
            await asyncio.gather(alive, return_exceptions=True)

    async def close(self) -> None:
        """Say goodbye and hang up."""
        if self._writer is not None:
            if self._session:
                self._send("TEARDOWN", self._url)
            await close_writer(self._writer)

    async def _request(
        self, method: str, url: str, headers: dict[str, str] | None = None
    ) -> Message:
        """Ask, and ask again with credentials when those are wanted."""
        for _ in range(2):
            authorized = self._digest is not None
            self._send(method, url, headers)
            answer = await self._answer()
            if answer.status == _OK:
                return answer
            if answer.status != _UNAUTHORIZED:
                raise CameraError(f"the camera answers {method} with {answer.status}")
            for challenge in answer.challenges:
                with suppress(RtspError):
                    self._digest = Digest(challenge, USER, self._endpoint.access_code)
            if authorized:
                break
        raise CameraRefusedError("the camera refuses the access code")

    async def _answer(self) -> Message:
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT):
                while True:
                    item = await self._read(ANSWER_TIMEOUT)
                    if isinstance(item, Message) and item.status:
                        return item
                    self._take(item)
        except TimeoutError as err:
            raise CameraSilentError("the camera does not answer") from err

    async def _read(self, limit: float) -> Message | Packet:
        try:
            async with asyncio.timeout(limit):
                return await read(self._reader)
        except TimeoutError as err:
            raise CameraSilentError("the camera sends nothing") from err
        except RtspError as err:
            raise CameraError(f"the camera sends {err}") from err
        except (OSError, EOFError) as err:
            raise CameraError("the camera has hung up") from err

    def _send(
        self, method: str, url: str, headers: dict[str, str] | None = None
    ) -> None:
        assert self._writer is not None
        self._sequence += 1
        fields: dict[str, object] = {
            "CSeq": self._sequence,
            "User-Agent": "bambu_printer",
        }
        if self._session:
            fields["Session"] = self._session
        if self._digest is not None:
            fields["Authorization"] = self._digest.header(method, url)
        self._writer.write(encode(f"{method} {url} RTSP/1.0", fields | (headers or {})))

    def _take(self, item: Message | Packet) -> None:
        if (
            isinstance(item, Packet)
            and item.channel == _RTP
            and len(item.data) >= _RTP_HEADER
        ):
            self._highest, _, self._source = struct.unpack_from(">HII", item.data, 2)
            self._on_packet(item.data)

    async def _stay_alive(self) -> None:
        """Report what was received, and keep the session from running out."""
        loop = asyncio.get_running_loop()
        spoken = loop.time()
        while True:
            await asyncio.sleep(min(_ALIVE_INTERVAL, self._interval))
            assert self._writer is not None
            report = self._receiver_report()
            self._writer.write(encode_packet(_RTCP, report))
            if loop.time() - spoken >= self._interval:
                spoken = loop.time()
                self._send("OPTIONS", self._url)

    def _receiver_report(self) -> bytes:
        """Return a report of reception (RFC 3550) with who sends it."""
        block = struct.pack(">IIIIII", self._source, 0, self._highest, 0, 0, 0)
        report = struct.pack(">BBHI", 0x81, 201, 7, self._ssrc) + block
        item = struct.pack(">IBB", self._ssrc, 1, len(_NAME)) + _NAME
        # At least one zero ends the list, and it fills up the last word.
        item += bytes(4 - len(item) % 4)
        return report + struct.pack(">BBH", 0x81, 202, len(item) // 4) + item
