"""The camera of the small printers: JPEG frames over TLS."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
import ssl
import struct

from .faults import Faults
from .listening import stop_listening
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


class JpegServer:
    """Sends moving pictures to whoever logs in; starves all but one, as the hardware does."""

    def __init__(
        self,
        code: Callable[[], str],
        faults: Faults,
        size: tuple[int, int],
        interval: float,
    ) -> None:
        """Describe the camera: who may watch, and how often there is another frame."""
        self.counters = CameraCounters()
        self.interval = interval
        self._code = code
        self._faults = faults
        self._size = size
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self, host: str, port: int, context: ssl.SSLContext) -> int:
        """Listen; return the port."""
        # With TLS from the start, asyncio would complain of each handshake that is cut off.
        self._server = await asyncio.start_server(
            partial(self._accept, context), host, port
        )
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Stop listening and hang up on everybody."""
        server, self._server = self._server, None
        if server is not None:
            await stop_listening(server)
            self.drop()
            server.abort_clients()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await server.wait_closed()

    def drop(self) -> None:
        """Hang up on everybody."""
        for task in list(self._tasks):
            task.cancel()

    async def _accept(
        self,
        context: ssl.SSLContext,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            with suppress(OSError, EOFError, TimeoutError):
                await writer.start_tls(context, ssl_handshake_timeout=10)
                async with asyncio.timeout(10):
                    login = await reader.readexactly(_LOGIN_SIZE)
                await self._serve(login, reader, writer)
        except asyncio.CancelledError:
            pass
        finally:
            self._tasks.discard(task)
            writer.transport.abort()

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
