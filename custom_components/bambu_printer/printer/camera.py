"""Pictures from a camera that sends JPEG frames over TLS.

The small printers have it.  They serve one client, and every frame costs them time, so
there is one connection, only while somebody watches, and everybody gets its newest frame:
who is slow misses some, and nothing piles up.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
import logging
import ssl
import struct
from typing import NoReturn

from .errors import (
    BambuError,
    CameraError,
    CameraRefusedError,
    CameraReleasedError,
    CameraSilentError,
    CertificateChangedError,
)
from .security import connection_error, create_ssl_context
from .session import USER, Endpoint

_LOGGER = logging.getLogger(__name__)

CAMERA_PORT = 6000

CONNECT_TIMEOUT = 10.0
"""Seconds for the handshake; the small printers need up to five."""
FIRST_FRAME_TIMEOUT = 8.0
"""Seconds without a frame after which a fresh connection counts as starved."""
FRAME_TIMEOUT = 5.0
"""Seconds without a frame after which a stream counts as stalled; one or two are usual."""
VIEWER_LINGER = 2.0
"""Seconds for which the connection is kept when the last viewer has gone."""
STILL_LINGER = 12.0
"""The same after a still image: dashboards ask for one every ten seconds."""
STILL_AGE = 5.0
"""Seconds; a frame that is older is no answer to who asks for a still image."""
STILL_TIMEOUT = 9.0
"""Seconds for which somebody waits for a still image; Home Assistant gives it ten."""
MAX_FRAME_SIZE = 4 << 20
"""Bytes; real frames have about 100,000."""

_CLOSE_TIMEOUT = 1.0
_FIRST_DELAY, _LONGEST_DELAY = 0.5, 30.0
_HEADER = struct.Struct("<IIII")
_LOGIN = struct.Struct("<IIII32s32s")
_LOGIN_SIZE, _LOGIN_TYPE = 64, 0x3000
_BUFFER = 256 * 1024
_START, _END = b"\xff\xd8", b"\xff\xd9"


def login_packet(access_code: str) -> bytes:
    """Return what the camera wants to hear first; it never answers."""
    return _LOGIN.pack(
        _LOGIN_SIZE, _LOGIN_TYPE, 0, 0, USER.encode(), access_code.encode()
    )


class JpegCamera:
    """The camera of a small printer; connected only while somebody wants pictures."""

    def __init__(
        self, endpoint: Endpoint, on_change: Callable[[], None] | None = None
    ) -> None:
        """Know where the camera is; nothing is asked yet.

        `on_change` is called when `error` or `streaming` changes.
        """
        self.on_change = on_change
        self.error: BambuError | None = None
        """Why there were no frames when somebody last wanted some."""
        self.dropped = 0
        """How many frames were no pictures."""
        self._endpoint = endpoint
        self._context: ssl.SSLContext | None = None
        self._task: asyncio.Task[None] | None = None
        self._frame: bytes | None = None
        self._frame_time = float("-inf")
        self._news = asyncio.Event()
        """Set, and replaced, whenever there is a frame or an error."""
        self._viewers = 0
        self._failures = 0
        self._wanted_until = float("-inf")
        self._gone = asyncio.Event()
        """Set when a viewer has gone: perhaps it was the last one."""
        self._hurry = asyncio.Event()
        """Set when somebody new wants a picture: no reason to wait any longer."""
        self._streaming = False
        self._paused = False

    @property
    def streaming(self) -> bool:
        """Whether frames are arriving."""
        return self._streaming

    @property
    def viewers(self) -> int:
        """How many are watching, or waiting for a still image."""
        return self._viewers

    async def frames(self) -> AsyncGenerator[bytes]:
        """Iterate over the newest frame, again and again, until `pause`.

        While there are none, it waits; `error` says why.  Use it with
        `contextlib.aclosing`, so that it is known at once when nobody watches any more.
        """
        self._viewers += 1
        self._hurry.set()
        shown: bytes | None = None
        try:
            while not self._paused:
                self._ensure_running()
                fresh = self._fresh_frame(FRAME_TIMEOUT)
                if fresh is None or fresh is shown:
                    await self._news.wait()
                else:
                    shown = fresh
                    yield fresh
        finally:
            self._leave(VIEWER_LINGER)

    async def still(self, max_age: float = STILL_AGE) -> bytes:
        """Return a picture that is at most `max_age` seconds old.

        Raises a `PrinterConnectionError` or a `CameraError` that says why there is none.
        """
        if self._paused:
            raise CameraReleasedError
        self._viewers += 1
        self._hurry.set()
        failures = self._failures
        try:
            async with asyncio.timeout(STILL_TIMEOUT):
                while not (frame := self._fresh_frame(max_age)):
                    if self.error and failures != self._failures:
                        raise self.error
                    self._ensure_running()
                    await self._news.wait()
                    if self._paused:
                        raise CameraReleasedError
                return frame
        except TimeoutError as err:
            raise self.error or CameraSilentError("no picture in time") from err
        finally:
            self._leave(STILL_LINGER)

    def clear_error(self) -> None:
        """Forget what was wrong: it is probably mended."""
        if not self._streaming:
            self._set(None, streaming=False)

    def resume(self) -> None:
        """Let people watch again."""
        self._paused = False

    async def pause(self) -> None:
        """Hang up, and end what is being watched, until `resume`."""
        self._paused = True
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        self._wanted_until = float("-inf")
        self._frame = None
        self.error = None
        self._news.set()

    def _fresh_frame(self, max_age: float) -> bytes | None:
        age = asyncio.get_running_loop().time() - self._frame_time
        return self._frame if age <= max_age else None

    def _leave(self, linger: float) -> None:
        self._viewers -= 1
        self._gone.set()
        until = asyncio.get_running_loop().time() + linger
        self._wanted_until = max(self._wanted_until, until)

    @property
    def _wanted(self) -> bool:
        now = asyncio.get_running_loop().time()
        return self._viewers > 0 or now < self._wanted_until

    def _ensure_running(self) -> None:
        """Have the connection made, if there is none."""
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(
                self._run(), name="bambu_printer camera"
            )

    def _set(self, error: BambuError | None, *, streaming: bool) -> None:
        """Tell everybody who waits, and the owner if it is something new."""
        changed = streaming != self._streaming or type(error) is not type(self.error)
        self.error, self._streaming = error, streaming
        self._news.set()
        self._news = asyncio.Event()
        if changed and self.on_change:
            self.on_change()

    async def _run(self) -> None:
        """Keep the stream up as long as somebody wants it."""
        while self._wanted:
            stream = asyncio.ensure_future(self._stream_forever())
            try:
                await self._wait_until_unwanted()
            finally:
                stream.cancel()
                # The socket must be closed before another one may be opened.
                await asyncio.gather(stream, return_exceptions=True)
                self._set(self.error, streaming=False)

    async def _wait_until_unwanted(self) -> None:
        loop = asyncio.get_running_loop()
        while self._wanted:
            self._gone.clear()
            if self._viewers:
                await self._gone.wait()
            else:
                await asyncio.sleep(self._wanted_until - loop.time())

    async def _stream_forever(self) -> None:
        delay = _FIRST_DELAY
        while True:
            before = self._frame_time
            try:
                await self._stream()
            except BambuError as err:
                _LOGGER.debug("No pictures from the camera: %s", err)
                if self._frame_time != before:
                    # It did work: the first attempt after that is free.
                    delay = _FIRST_DELAY
                self._failures += 1
                self._set(err, streaming=False)
            self._hurry.clear()
            # Whoever is new may end the wait, but nobody can make it dial all the time.
            await asyncio.sleep(_FIRST_DELAY)
            with suppress(TimeoutError):
                async with asyncio.timeout(delay - _FIRST_DELAY):
                    await self._hurry.wait()
            delay = min(delay * 2, _LONGEST_DELAY)

    async def _stream(self) -> NoReturn:
        """Connect and take in frames until that fails."""
        reader, writer = await self._connect()
        greeted = False
        try:
            writer.write(login_packet(self._endpoint.access_code))
            deadline = asyncio.get_running_loop().time() + FIRST_FRAME_TIMEOUT
            while True:
                async with asyncio.timeout_at(deadline):
                    frame = await _read_frame(reader)
                greeted = True
                if frame is None:
                    # Neither is it a sign of life: the deadline stands.
                    self.dropped += 1
                    continue
                self._frame = frame
                self._frame_time = asyncio.get_running_loop().time()
                deadline = self._frame_time + FRAME_TIMEOUT
                self._set(None, streaming=True)
        except TimeoutError as err:
            raise CameraSilentError("the camera sends nothing") from err
        except (OSError, EOFError) as err:
            if not greeted:
                raise CameraRefusedError("the camera hangs up after the login") from err
            raise CameraError("the camera has hung up") from err
        finally:
            await close_writer(writer)

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        endpoint = self._endpoint
        if self._context is None:
            self._context = await load_context(endpoint)
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                return await asyncio.open_connection(
                    endpoint.host,
                    endpoint.camera_port or CAMERA_PORT,
                    ssl=self._context,
                    limit=_BUFFER,
                )
        except (OSError, EOFError, UnicodeError) as err:
            raise connection_error(err) from err


async def load_context(endpoint: Endpoint) -> ssl.SSLContext:
    """Return the TLS context of a printer, made where reading certificates may take time.

    Raises `CertificateChangedError` when the pinned certificate cannot be read.
    """
    try:
        return await asyncio.get_running_loop().run_in_executor(
            None, create_ssl_context, endpoint.serial, endpoint.pin
        )
    except ValueError as err:
        raise CertificateChangedError(str(err)) from err


async def _read_frame(reader: asyncio.StreamReader) -> bytes | None:
    """Read one frame; None when what came is no picture."""
    size, _, _, _ = _HEADER.unpack(await reader.readexactly(_HEADER.size))
    if not 0 < size <= MAX_FRAME_SIZE:
        # There is no telling where the next header is.
        raise CameraError(f"the camera announces a frame of {size} bytes")
    frame = await reader.readexactly(size)
    return frame if frame.startswith(_START) and frame.endswith(_END) else None


async def close_writer(writer: asyncio.StreamWriter) -> None:
    """Close in a way that the printer notices: it serves nobody else before."""
    writer.close()
    try:
        async with asyncio.timeout(_CLOSE_TIMEOUT):
            await writer.wait_closed()
    except OSError, TimeoutError:
        writer.transport.abort()
    except asyncio.CancelledError:
        writer.transport.abort()
        raise
