"""The camera of the small printers: JPEG frames over TLS."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
import struct
from typing import override

from .faults import Faults
from .listening import TlsService
from .pictures import camera_frames

_HEADER = struct.Struct("<IIII")
_LOGIN_SIZE = 80


@dataclass(slots=True)
class CameraCounters:
    """What a camera did so far."""

    # Connections that logged in, ever and now, and the most at once.
    connections: int = 0
    open: int = 0
    most: int = 0
    frames: int = 0
    refused: int = 0


class JpegServer(TlsService):
    """Sends moving pictures to whoever logs in; starves all but one, as the hardware does."""

    def __init__(
        self,
        code: Callable[[], str],
        faults: Faults,
        size: tuple[int, int],
        interval: float,
    ) -> None:
        """Describe the camera: who may watch, and how often there is another frame."""
        super().__init__()
        self.counters = CameraCounters()
        self.interval = interval
        self._code = code
        self._faults = faults
        self._size = size

    @override
    async def _talk(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        async with asyncio.timeout(10):
            login = await reader.readexactly(_LOGIN_SIZE)
        await self._serve(login, reader, writer)

    async def _serve(
        self, login: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        fields = struct.unpack("<IIII32s32s", login)
        user, code = (field.rstrip(b"\0").decode() for field in fields[4:])
        wrong = fields[:4] != (64, 0x3000, 0, 0) or (user, code) != (
            "bblp",
            self._code(),
        )
        if wrong or self._faults.camera_refuse_login:
            self.counters.refused += 1
            return
        self.counters.connections += 1
        self.counters.open += 1
        self.counters.most = max(self.counters.most, self.counters.open)
        sender = asyncio.ensure_future(self._send(writer))
        try:
            # A client has nothing more to say: what comes is its end.
            await reader.read()
        finally:
            self.counters.open -= 1
            sender.cancel()
            await asyncio.gather(sender, return_exceptions=True)

    async def _send(self, writer: asyncio.StreamWriter) -> None:
        first = self.counters.open == 1
        frames = await asyncio.to_thread(camera_frames, self._size)
        number = 0
        while True:
            faults = self._faults
            if first and not faults.camera_stall:
                frame = frames[number % len(frames)]
                number += 1
                if faults.camera_garbage:
                    frame = b"\x00" + frame[1:]
                size = 1 << 31 if faults.camera_oversize else len(frame)
                writer.write(_HEADER.pack(size, 0, 1, 0))
                writer.write(frame)
                await writer.drain()
                self.counters.frames += 1
            await asyncio.sleep(self.interval)
