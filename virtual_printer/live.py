"""The live view of the larger printers: H.264 over RTSP and TLS, as live555 serves it.

Only what that server does for one viewer over one connection is here: digest
authentication, one video, packets between the messages.
"""

import asyncio
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import cache
import hashlib
import io
import secrets
import struct
from typing import Any, override

from .camera import CameraCounters
from .faults import Faults
from .listening import TlsService
from .pictures import camera_frames

_REALM = "LIVE555 Streaming Media"
_RATE = 12
_LARGEST_PAYLOAD = 1400


class LiveServer(TlsService):
    """Streams moving pictures to one client at a time."""

    def __init__(
        self,
        code: Callable[[], str],
        faults: Faults,
        enabled: Callable[[], bool],
        size: tuple[int, int],
    ) -> None:
        """Describe the stream: who may see it, and whether it is switched on."""
        super().__init__()
        self.counters = CameraCounters()
        self.code = code
        self.faults = faults
        self.enabled = enabled
        self.size = size

    @override
    async def _talk(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        viewer = _Viewer(self, reader, writer)
        try:
            if self.enabled():
                await viewer.serve()
        finally:
            await viewer.stop()


class _Viewer:
    """One connection."""

    def __init__(
        self,
        server: LiveServer,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self._server = server
        self._reader = reader
        self._writer = writer
        self._nonce = secrets.token_hex(16)
        self._sender: asyncio.Task[None] | None = None

    async def serve(self) -> None:
        """Answer until the client is gone."""
        while True:
            first = await self._reader.readexactly(1)
            if first == b"$":
                length = struct.unpack(">xH", await self._reader.readexactly(3))[0]
                await self._reader.readexactly(length)
                continue
            head = (first + await self._reader.readuntil(b"\r\n\r\n")).decode()
            line, *lines = head.strip().split("\r\n")
            method, url, _ = line.split(" ")
            fields = {
                name.lower(): value.strip()
                for name, _, value in (item.partition(":") for item in lines)
            }
            self._answer(method, url, fields)
            await self._writer.drain()
            if method == "TEARDOWN":
                return

    async def stop(self) -> None:
        """Send no more."""
        if self._sender is not None:
            self._sender.cancel()
            await asyncio.gather(self._sender, return_exceptions=True)
            self._server.counters.open -= 1

    def _answer(self, method: str, url: str, fields: dict[str, str]) -> None:
        headers = {"CSeq": fields["cseq"]}
        if method == "OPTIONS":
            public = "OPTIONS, DESCRIBE, SETUP, TEARDOWN, PLAY, GET_PARAMETER"
            self._write("200 OK", headers | {"Public": public})
            return
        if not self._authorized(method, url, fields.get("authorization", "")):
            if "authorization" in fields:
                self._server.counters.refused += 1
            challenge = f'Digest realm="{_REALM}", nonce="{self._nonce}"'
            self._write("401 Unauthorized", headers | {"WWW-Authenticate": challenge})
            return
        match method:
            case "DESCRIBE" if "/streaming/live/1" in url:
                body = _describe(self._server.size)
                more = {
                    "Content-Base": url.rstrip("/") + "/",
                    "Content-Type": "application/sdp",
                    "Content-Length": str(len(body)),
                }
                self._write("200 OK", headers | more, body)
            case "SETUP" if "RTP/AVP/TCP" in fields.get("transport", ""):
                more = {
                    "Session": "1A2B3C4D;timeout=65",
                    "Transport": "RTP/AVP/TCP;unicast;interleaved=0-1",
                }
                self._write("200 OK", headers | more)
            case "PLAY" if fields.get("session") == "1A2B3C4D":
                self._write("200 OK", headers | {"Session": "1A2B3C4D"})
                self._play()
            case "TEARDOWN" | "GET_PARAMETER":
                self._write("200 OK", headers)
            case _:
                self._write("404 Stream Not Found", headers)

    def _authorized(self, method: str, url: str, header: str) -> bool:
        if self._server.faults.camera_refuse_login:
            return False
        given = {
            name.strip().removeprefix("Digest ").strip(): value.strip('"')
            for name, _, value in (part.partition("=") for part in header.split(","))
        }
        secret = _md5(f"bblp:{_REALM}:{self._server.code()}")
        request = _md5(f"{method}:{given.get('uri')}")
        expected = _md5(f"{secret}:{self._nonce}:{request}")
        return given.get("uri") == url and given.get("response") == expected

    def _write(self, status: str, headers: dict[str, str], body: bytes = b"") -> None:
        lines = [f"RTSP/1.0 {status}", *(f"{k}: {v}" for k, v in headers.items())]
        self._writer.write("\r\n".join((*lines, "", "")).encode() + body)

    def _play(self) -> None:
        counters = self._server.counters
        if self._sender is None:
            counters.connections += 1
            counters.open += 1
            counters.most = max(counters.most, counters.open)
            self._sender = asyncio.ensure_future(self._send())

    async def _send(self) -> None:
        server = self._server
        pictures = await asyncio.to_thread(encoded, server.size)
        sequence, timestamp = secrets.randbelow(1 << 16), secrets.randbelow(1 << 32)
        ssrc, number = secrets.randbelow(1 << 32), 0
        first = server.counters.open == 1
        while True:
            if first and not server.faults.camera_stall:
                for payload, last in _packets(pictures[number % len(pictures)]):
                    head = struct.pack(
                        ">BBHII",
                        0x80,
                        96 | (0x80 if last else 0),
                        sequence & 0xFFFF,
                        timestamp & 0xFFFFFFFF,
                        ssrc,
                    )
                    packet = head + payload
                    self._writer.write(
                        struct.pack(">cBH", b"$", 0, len(packet)) + packet
                    )
                    sequence += 1
                await self._writer.drain()
                number += 1
                server.counters.frames += 1
            timestamp += 90_000 // _RATE
            await asyncio.sleep(1 / _RATE)


@cache
def encoded(size: tuple[int, int]) -> tuple[bytes, ...]:
    """Return a second of video, a picture each, as H.264 with start codes."""
    import av  # noqa: PLC0415
    from PIL import Image  # noqa: PLC0415

    codec = av.CodecContext.create("libx264", "w")
    codec.width, codec.height = size
    codec.pix_fmt = "yuv420p"
    codec.time_base = Fraction(1, _RATE)
    codec.options = {"preset": "ultrafast", "tune": "zerolatency", "g": str(_RATE)}
    pictures = [Image.open(io.BytesIO(frame)) for frame in camera_frames(size, _RATE)]
    packets = []
    for number, picture in enumerate(pictures):
        frame: Any = av.VideoFrame.from_image(picture)  # type: ignore[no-untyped-call]
        frame = frame.reformat(format="yuv420p")
        frame.pts = number
        packets += codec.encode(frame)
    packets += codec.encode(None)
    return tuple(bytes(packet) for packet in packets)


def _units(picture: bytes) -> Iterator[bytes]:
    """Iterate over the units between the start codes."""
    for unit in picture.split(b"\0\0\1"):
        # A longer start code leaves a zero behind.
        if stripped := unit.rstrip(b"\0"):
            yield stripped


def _packets(picture: bytes) -> Iterator[tuple[bytes, bool]]:
    """Iterate over the payloads (RFC 6184), and whether it is the picture's last."""
    units = list(_units(picture))
    for index, unit in enumerate(units):
        end = index == len(units) - 1
        if len(unit) <= _LARGEST_PAYLOAD:
            yield unit, end
            continue
        kind, body = unit[0], unit[1:]
        pieces = range(0, len(body), _LARGEST_PAYLOAD)
        for start in pieces:
            final = start == pieces[-1]
            flags = (0x80 if start == 0 else 0) | (0x40 if final else 0)
            head = bytes((kind & 0xE0 | 28, flags | kind & 0x1F))
            yield head + body[start : start + _LARGEST_PAYLOAD], end and final


def _describe(size: tuple[int, int]) -> bytes:
    return (
        'v=0\r\no=- 1700000000 1 IN IP4 127.0.0.1\r\ns=Session streamed by "live"\r\n'
        "t=0 0\r\na=tool:LIVE555 Streaming Media\r\na=type:broadcast\r\na=control:*\r\n"
        "m=video 0 RTP/AVP 96\r\nc=IN IP4 0.0.0.0\r\nb=AS:4000\r\n"
        "a=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1\r\n"
        f"a=x-dimensions:{size[0]},{size[1]}\r\na=control:track1\r\n"
    ).encode()


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
