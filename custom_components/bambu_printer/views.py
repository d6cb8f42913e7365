"""Timelapses and pictures of plates over HTTP, streamed from the printer's storage.

Nothing is kept on this machine but the pictures of projects, in the folder that is theirs.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress
import logging
from urllib.parse import quote

from aiohttp import hdrs, web
from homeassistant.components.http import KEY_HASS, HomeAssistantView
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant, callback

from .const import DOMAIN
from .coordinator import PrinterCoordinator
from .printer import BambuError
from .printer.errors import FileMissingError, InvalidPathError, ProjectError
from .printer.paths import normalize
from .printer.projects import BACKGROUND_LIMIT
from .printer.ranges import RangeFile
from .printer.storage import PrinterStorage

_LOGGER = logging.getLogger(__name__)

TIMELAPSES = "/timelapse"
"""The folder of timelapses; nothing outside of it is served as it is."""
MIME_TYPES = {
    ".avi": "video/x-msvideo",
    ".mp4": "video/mp4",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".png": "image/png",
}
PIECE = 2 << 20
"""Bytes that are fetched at a time: between two of them others can use the storage."""
STALL_TIME = 20.0
"""Seconds after which somebody who takes nothing is left: nobody else gets any file."""

_FILE_URL = f"/api/{DOMAIN}/timelapse/{{entry_id}}/{{path:.+}}"
_PICTURE_URL = f"/api/{DOMAIN}/picture/{{entry_id}}/{{plate:[0-9]{{1,2}}}}/{{path:.+}}"
_PRIVATE = {hdrs.CACHE_CONTROL: "private, max-age=3600"}


def timelapse_url(entry_id: str, path: str) -> str:
    """Return where a file of the timelapse folder is served."""
    inside = path.removeprefix(f"{TIMELAPSES}/")
    return f"/api/{DOMAIN}/timelapse/{entry_id}/{quote(inside)}"


def picture_url(
    entry_id: str, path: str, plate: int = 0, *, known: bool = False
) -> str:
    """Return where the picture of a plate is served; 0 is the first one.

    `known`: leave it out when the whole file would have to be fetched for it.
    """
    query = "?known=1" if known else ""
    return f"/api/{DOMAIN}/picture/{entry_id}/{plate}{quote(path)}{query}"


@callback
def async_register_views(hass: HomeAssistant) -> None:
    """Serve timelapses and pictures."""
    hass.http.register_view(TimelapseView)
    hass.http.register_view(PictureView)


def find_coordinator(hass: HomeAssistant, entry_id: str) -> PrinterCoordinator | None:
    """Return a printer by its entry; None: it is not loaded, or none of ours."""
    entry = hass.config_entries.async_get_entry(entry_id)
    if (
        entry is None
        or entry.domain != DOMAIN
        or entry.state is not ConfigEntryState.LOADED
    ):
        return None
    found: PrinterCoordinator = entry.runtime_data
    return found


def _coordinator(request: web.Request, entry_id: str) -> PrinterCoordinator:
    found = find_coordinator(request.app[KEY_HASS], entry_id)
    if found is None:
        raise web.HTTPNotFound
    return found


def _http_error(err: BambuError) -> web.HTTPException:
    if isinstance(err, (FileMissingError, InvalidPathError, ProjectError)):
        return web.HTTPNotFound()
    _LOGGER.debug("A file could not be served: %s", err)
    return web.HTTPBadGateway()


class PictureView(HomeAssistantView):
    """Pictures of plates."""

    url = _PICTURE_URL
    name = f"api:{DOMAIN}:picture"

    async def get(
        self, request: web.Request, entry_id: str, plate: str, path: str
    ) -> web.Response:
        """Return a picture (PNG)."""
        projects = _coordinator(request, entry_id).printer.projects
        limit = 0 if "known" in request.query else BACKGROUND_LIMIT
        number = int(plate)
        try:
            path = normalize(path)
            if not number:
                info = await projects.get_project_info(path, limit=limit)
                number = next((item.number for item in info.plates), 0)
            picture = await projects.get_picture(path, number, limit=limit)
        except BambuError as err:
            raise _http_error(err) from err
        if picture is None:
            raise web.HTTPNotFound
        return web.Response(body=picture, content_type="image/png", headers=_PRIVATE)


class TimelapseView(HomeAssistantView):
    """Files of the timelapse folder, also in parts.

    Where the printer only sends whole files a range is answered with the whole file, as
    HTTP allows; players then cannot jump ahead.
    """

    url = _FILE_URL
    name = f"api:{DOMAIN}:timelapse"

    async def head(
        self, request: web.Request, entry_id: str, path: str
    ) -> web.StreamResponse:
        """Tell size and type."""
        return await self.get(request, entry_id, path)

    async def get(
        self, request: web.Request, entry_id: str, path: str
    ) -> web.StreamResponse:
        """Stream a file, or the part of it that is asked for."""
        storage = _coordinator(request, entry_id).printer.storage
        try:
            full_path = normalize(f"{TIMELAPSES}/{path}")
            kind = MIME_TYPES.get(full_path[full_path.rfind(".") :].lower())
            if kind is None:
                raise FileMissingError(full_path)
            size = await storage.file_size(full_path)
            if size is None:
                raise FileMissingError(full_path)
            pieces = await storage.can_read_pieces()
            start, end = _range(request, size) if pieces else (0, size)
            response = _head(kind, size, start, end, pieces=pieces)
            if request.method == hdrs.METH_HEAD:
                return response
            source = (
                _in_pieces(storage, full_path, size, start, end)
                if pieces
                else _as_a_whole(storage, full_path)
            )
            return await _stream(request, response, source)
        except BambuError as err:
            raise _http_error(err) from err


def _range(request: web.Request, size: int) -> tuple[int, int]:
    """Return the part that is asked for: first byte, and the one after the last."""
    refused = {hdrs.CONTENT_RANGE: f"bytes */{size}"}
    try:
        wanted = request.http_range
    except ValueError as err:
        raise web.HTTPRequestRangeNotSatisfiable(headers=refused) from err
    start, stop, _ = slice(wanted.start, wanted.stop).indices(size)
    if (wanted.start, wanted.stop) != (None, None) and start >= stop:
        raise web.HTTPRequestRangeNotSatisfiable(headers=refused)
    return start, stop


def _head(
    kind: str, size: int, start: int, end: int, *, pieces: bool
) -> web.StreamResponse:
    partial = (start, end) != (0, size)
    response = web.StreamResponse(status=206 if partial else 200, headers=_PRIVATE)
    response.content_type = kind
    response.content_length = end - start
    response.headers[hdrs.ACCEPT_RANGES] = "bytes" if pieces else "none"
    if partial:
        response.headers[hdrs.CONTENT_RANGE] = f"bytes {start}-{end - 1}/{size}"
    return response


async def _stream(
    request: web.Request,
    response: web.StreamResponse,
    source: AsyncGenerator[bytes],
) -> web.StreamResponse:
    """Send what comes; what goes wrong before the first byte is still an error."""
    # However it ends, the printer's storage is let go before anybody hears of it.
    async with aclosing(source):
        first = await anext(source, b"")
        await response.prepare(request)
        try:
            await response.write(first)
            async for block in source:
                await response.write(block)
            await response.write_eof()
        except BambuError as err:
            # It is too late to say so: the end that is missing must do.
            _LOGGER.debug("A file ended early: %s", err)
            if request.transport:
                request.transport.close()
    return response


async def _in_pieces(
    storage: PrinterStorage, path: str, size: int, start: int, end: int
) -> AsyncGenerator[bytes]:
    """Fetch a part of a file piece by piece, letting others to the storage in between."""
    position = start
    while position < end:
        length = min(PIECE, end - position)
        block = await storage.read_pieces(
            path, size, _part(position, length), tail=position == start
        )
        if not block:
            return
        yield block
        position += len(block)


def _part(start: int, length: int) -> Callable[[RangeFile], bytes]:
    def read(file: RangeFile) -> bytes:
        file.seek(start)
        return file.read(length)

    return read


async def _as_a_whole(storage: PrinterStorage, path: str) -> AsyncGenerator[bytes]:
    """Fetch a file from beginning to end, no faster than somebody takes it."""
    pipe = _Pipe(asyncio.get_running_loop())
    task = asyncio.ensure_future(_feed(storage, path, pipe))
    try:
        while block := await pipe.queue.get():
            yield block
        await task
    finally:
        pipe.close()
        task.cancel()
        with suppress(asyncio.CancelledError, BambuError):
            await task


async def _feed(storage: PrinterStorage, path: str, pipe: _Pipe) -> None:
    try:
        await storage.read_into(path, pipe.write)
    finally:
        if not pipe.closed:
            await pipe.queue.put(b"")


class _Pipe:
    """Takes from a thread what a coroutine takes out of the queue."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Hold no more than a few blocks."""
        self.queue: asyncio.Queue[bytes] = asyncio.Queue(4)
        self.closed = False
        self._loop = loop

    def write(self, data: memoryview) -> None:
        """Hand on a block, from a thread; blocks until there is room for it."""
        if self.closed:
            raise BrokenPipeError
        put = self.queue.put(bytes(data))
        handed = asyncio.run_coroutine_threadsafe(put, self._loop)
        try:
            handed.result(STALL_TIME)
        except TimeoutError:
            handed.cancel()
            raise

    def close(self) -> None:
        """Take nothing any more, and let go whoever waits for room."""
        self.closed = True
        while not self.queue.empty():
            self.queue.get_nowait()
