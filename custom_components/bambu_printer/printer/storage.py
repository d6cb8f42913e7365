"""The printer's storage: browse, fetch, send, rename and delete files.

A printer is easily overwhelmed: there is one connection to its storage, used by one
operation at a time, kept for a while and given up when nobody needs it.  Nothing is ever
listed on a timer.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
import ftplib
from pathlib import Path
import ssl
from typing import Any, BinaryIO

from .archive import ArchiveError
from .errors import (
    BambuError,
    FileMissingError,
    InvalidPathError,
    ProjectError,
    StorageDeniedError,
    TransferBrokenError,
)
from .ftps import (
    Connection,
    Progress,
    RestartIgnoredError,
    Stop,
    forget_tls_errors,
    storage_error,
)
from .listing import Entry, parse_listing
from .paths import ROOT, name_of, normalize, normalize_new, parent_of
from .ranges import TAIL, RangeFile
from .security import create_ssl_context
from .session import USER, Endpoint

IDLE_TIME = 60.0
"""Seconds for which an unused connection is kept; printers drop it after about 300."""
MAX_DEPTH = 4
"""Folders below folders that are listed; a damaged card can contain itself."""
SKIPPED_FOLDERS = frozenset(
    {"/corelogger", "/ipcam", "/logger", "/recorder", "/System Volume Information"}
)
"""Not worth listing as a whole: recordings of gigabytes, and encrypted logs."""

type Tree = dict[str, Any]
"""A folder or file: ``id`` (its path), ``name``, ``size``, and ``children`` of a folder."""


@dataclass(frozen=True, slots=True)
class FileStamp:
    """What changes when a file becomes another one."""

    size: int
    """Bytes."""
    modified: str
    """By the printer's clock, ``YYYYMMDDHHMMSS``; ``""``: not known."""


class _RestartsNotError(BambuError):
    """The server does not start in the middle of files, whatever it says."""


class _Work:
    """What an operation in the executor can be stopped by: it looks between two blocks."""

    def __init__(self) -> None:
        self._stopped = False

    def stop(self) -> None:
        self._stopped = True

    def stopped(self) -> bool:
        return self._stopped


class PrinterStorage:
    """The files on a printer's card or drive.

    Paths are absolute and case-sensitive.  All methods raise a `PrinterConnectionError`
    when the printer cannot be reached, and a `StorageError` for everything else:
    `FileMissingError`, `StorageFullError`, `StorageDeniedError`, `InvalidPathError`, or
    `TransferBrokenError` after which nothing half is left under the final name.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        """Know where the files are; nothing is asked yet."""
        self._endpoint = endpoint
        self._lock = asyncio.Lock()
        self._connection: Connection | None = None
        self._context: ssl.SSLContext | None = None
        self._idle: asyncio.TimerHandle | None = None
        self._folders: dict[str, dict[str, Entry]] = {}
        self._restarts: bool | None = None
        """Whether the server can start in the middle of a file; None: not asked yet."""

    async def close(self) -> None:
        """Give up the connection; the next operation makes another."""
        async with self._lock:
            await self._drop()

    # Looking

    async def list_folder(self, path: str = ROOT) -> tuple[Entry, ...]:
        """Return what is in a folder, folders first."""
        path = normalize(path)
        lines = await self._run(path, lambda ftp, stop: ftp.lines(path, stop))
        entries = {
            entry.path: entry for entry in parse_listing(path, lines, datetime.now(UTC))
        }
        self._folders[path] = entries
        return _sorted(entries)

    async def get_sdcard_contents(self) -> Tree:
        """Return everything as a tree; minutes on a full card of a small printer.

        Folders of recordings and logs appear without their contents.
        """
        await self._walk(ROOT, 0)
        return self._tree(ROOT, lambda _: True)

    async def get_sdcard_3mf_files(self) -> Tree:
        """Return all sliced projects as a tree, with the folders they are in."""
        await self._walk(ROOT, 0)
        return self._tree(ROOT, _is_project)

    @property
    def cached_sd_card_contents(self) -> Tree | None:
        """Everything as it was last seen; None: never listed."""
        return self._tree(ROOT, lambda _: True) if ROOT in self._folders else None

    @property
    def cached_sd_card_3mf_files(self) -> Tree | None:
        """All sliced projects as they were last seen; None: never listed."""
        return self._tree(ROOT, _is_project) if ROOT in self._folders else None

    async def sdcard_file_exists(self, path: str) -> bool:
        """Tell whether there is a file; a failure to ask is an error, not a no."""
        return await self.file_size(path) is not None

    async def file_size(self, path: str) -> int | None:
        """Return the size of a file in bytes; None when there is none."""
        path = normalize(path)
        return await self._run(path, lambda ftp, _: ftp.size(path))

    # Fetching

    async def download_sdcard_file(
        self, path: str, target: Path, progress: Progress | None = None
    ) -> int:
        """Fetch a file; return its size in bytes.

        It appears under its name when it is complete: before that, and after a failure,
        what was there stays.  `progress` is called with the bytes so far, from a thread.
        """
        path = normalize(path)
        partial = target.with_name(f".{target.name}.part")

        def fetch(ftp: Connection, stop: Stop) -> int:
            size = ftp.size(path)
            if size is None:
                raise FileMissingError(path)
            try:
                with partial.open("wb") as file:
                    done = ftp.download(path, file, stop, progress or _ignore)
                if done != size:
                    raise TransferBrokenError(path, f"{done} of {size} bytes")
                partial.replace(target)
            finally:
                partial.unlink(missing_ok=True)
            return done

        return await self._run(path, fetch)

    async def read_into(
        self, path: str, into: BinaryIO, progress: Progress | None = None
    ) -> int:
        """Write a file into a stream that need not keep it; return its size in bytes."""
        path = normalize(path)

        def fetch(ftp: Connection, stop: Stop) -> int:
            size = ftp.size(path)
            if size is None:
                raise FileMissingError(path)
            done = ftp.download(path, into, stop, progress or _ignore)
            if done != size:
                raise TransferBrokenError(path, f"{done} of {size} bytes")
            return done

        return await self._run(path, fetch)

    async def stat(self, path: str) -> FileStamp | None:
        """Return what tells a file from a later one of the same name; None: no file."""
        path = normalize(path)

        def ask(ftp: Connection, _: Stop) -> FileStamp | None:
            size = ftp.size(path)
            return None if size is None else FileStamp(size, ftp.modified(path))

        return await self._run(path, ask)

    async def can_read_pieces(self) -> bool:
        """Tell whether parts of files can be fetched; asked once and remembered."""
        if self._restarts is None:
            self._restarts = await self._run(ROOT, lambda ftp, _: ftp.can_restart())
        return self._restarts

    async def read_pieces[T](
        self, path: str, size: int, work: Callable[[RangeFile], T], *, tail: bool = True
    ) -> T | None:
        """Let `work` read a file at any place; it runs in a thread.

        Nothing but what it reads is fetched, and the end of the file first.  None: this
        printer sends only whole files.  That it starts in the middle where it says so is
        checked by that end, not believed: leave out the `tail` only if it was read before.
        """
        path = normalize(path)
        if not await self.can_read_pieces():
            return None

        def look(_: Connection, stop: Stop) -> T:
            def fetch(start: int, length: int) -> bytes:
                connection = self._connect()
                try:
                    content = connection.read_range(
                        path, start, length, stop, ends=start + length == size
                    )
                finally:
                    if not connection.usable:
                        self._hang_up()
                if len(content) != length:
                    raise TransferBrokenError(path, "the file has changed")
                return content

            count = min(size, TAIL) if tail else 0
            end = fetch(size - count, count) if count else b""
            return work(RangeFile(size, fetch, tail=end))

        try:
            return await self._run(path, look)
        except _RestartsNotError:
            self._restarts = False
            return None

    # Changing

    async def upload_sdcard_file(
        self, source: Path, path: str, progress: Progress | None = None
    ) -> int:
        """Store a file of this machine; return its size in bytes.

        The printer is asked for the size afterwards: what did not arrive as a whole is
        deleted again.
        """
        path = normalize_new(path)
        begun = False

        def note(done: int) -> None:
            nonlocal begun
            begun = True
            if progress:
                progress(done)

        def send(ftp: Connection, stop: Stop) -> int:
            with source.open("rb") as file:
                return ftp.upload(path, file, stop, note)

        try:
            sent = await self._run(path, send)
        except TransferBrokenError:
            # Perhaps only the server's last word is missing.
            sent = await asyncio.get_running_loop().run_in_executor(
                None, lambda: source.stat().st_size
            )
        except BaseException:
            if begun:
                await self._clear_away(path)
            raise
        await self._check_arrival(path, sent)
        self._remember(path, sent)
        return sent

    async def _clear_away(self, path: str) -> None:
        """Delete what is left of an upload, as far as the printer can be reached."""
        async with self._lock:
            await self._drop()
        with suppress(BambuError):
            await self.delete_sdcard_file(path)

    async def rename_sdcard_file(self, path: str, new_path: str) -> None:
        """Rename or move a file or folder."""
        path, new_path = _below_root(path), normalize_new(new_path)
        await self._run(path, lambda ftp, _: ftp.rename(path, new_path))
        entry = self._forget(path)
        siblings = self._folders.get(parent_of(new_path))
        if entry and siblings is not None:
            siblings[new_path] = replace(entry, path=new_path, name=name_of(new_path))

    async def make_sdcard_directory(self, path: str) -> None:
        """Make a folder; that it is there already is no error."""
        path = normalize_new(path)

        def make(ftp: Connection, _: Stop) -> None:
            try:
                ftp.sendcmd(f"MKD {path}")
            except ftplib.error_perm as err:
                if not str(err).startswith("550") or not _is_folder(ftp, path):
                    raise

        await self._run(path, make)
        siblings = self._folders.get(parent_of(path))
        if siblings is not None and path not in siblings:
            siblings[path] = Entry(
                path=path, name=name_of(path), folder=True, size=0, modified=""
            )
        self._folders.setdefault(path, {})

    async def delete_sdcard_file(self, path: str) -> None:
        """Delete a file."""
        path = _below_root(path)
        await self._run(path, lambda ftp, _: ftp.delete(path))
        self._forget(path)

    async def delete_sdcard_folder(self, path: str) -> None:
        """Delete a folder with everything in it.

        Stops at the first thing that cannot be deleted; what is gone by then is gone.
        """
        path = _below_root(path)
        await self._delete_tree(path, 0)

    async def _delete_tree(self, path: str, depth: int) -> None:
        if depth > MAX_DEPTH:
            raise StorageDeniedError(path, "nested too deeply")
        for entry in await self.list_folder(path):
            if entry.folder:
                await self._delete_tree(entry.path, depth + 1)
            else:
                await self.delete_sdcard_file(entry.path)
        await self._run(path, lambda ftp, _: ftp.rmd(path))
        self._forget(path)

    # Inside

    async def _walk(self, path: str, depth: int) -> None:
        if path in SKIPPED_FOLDERS or depth > MAX_DEPTH:
            return
        for entry in await self.list_folder(path):
            if entry.folder:
                await self._walk(entry.path, depth + 1)

    def _tree(self, path: str, wanted: Callable[[Entry], bool]) -> Tree:
        children: list[Tree] = []
        for entry in _sorted(self._folders.get(path, {})):
            if entry.folder:
                child = self._tree(entry.path, wanted)
                if child["children"] or wanted(entry):
                    children.append(child)
            elif wanted(entry):
                children.append(
                    {"id": entry.path, "name": entry.name, "size": entry.size}
                )
        return {"id": path, "name": name_of(path) or ROOT, "children": children}

    def _remember(self, path: str, size: int) -> None:
        siblings = self._folders.get(parent_of(path))
        if siblings is not None:
            siblings[path] = Entry(
                path=path, name=name_of(path), folder=False, size=size, modified=""
            )

    def _forget(self, path: str) -> Entry | None:
        """Correct what was listed after something is gone; return what it was."""
        for folder in [
            known
            for known in self._folders
            if known == path or known.startswith(f"{path}/")
        ]:
            del self._folders[folder]
        return self._folders.get(parent_of(path), {}).pop(path, None)

    async def _check_arrival(self, path: str, sent: int) -> None:
        """Ask whether an upload is complete, on a new connection: the old may be confused."""
        async with self._lock:
            await self._drop()
        arrived = await self.file_size(path)
        if arrived == sent:
            return
        if arrived is not None:
            await self._clear_away(path)
        raise TransferBrokenError(path, f"{arrived or 0} of {sent} bytes arrived")

    async def _run[T](self, path: str, work: Callable[[Connection, Stop], T]) -> T:
        """Do something with the connection, alone, in the executor.

        A connection that was kept may have been dropped meanwhile: then once more with a
        new one, as long as nothing was done with it.
        """
        loop = asyncio.get_running_loop()
        async with self._using() as state:
            task = loop.run_in_executor(None, self._work, path, work, state)
            try:
                # Unlike awaiting it, this does not cancel it when we are.
                await asyncio.wait((task,))
            except asyncio.CancelledError:
                # The thread notices between two blocks; nobody else may go on before.
                state.stop()
                with suppress(BambuError):
                    await task
                raise
            return task.result()

    @asynccontextmanager
    async def _using(self) -> AsyncIterator[_Work]:
        async with self._lock:
            if self._idle:
                self._idle.cancel()
                self._idle = None
            try:
                yield _Work()
            finally:
                if self._connection:
                    self._idle = asyncio.get_running_loop().call_later(
                        IDLE_TIME, self._give_up
                    )

    def _work[T](
        self, path: str, work: Callable[[Connection, Stop], T], state: _Work
    ) -> T:
        """Do it; runs in the executor."""
        kept = self._connection is not None
        connection = self._connect()
        if kept:
            try:
                connection.voidcmd("NOOP")
            except OSError, EOFError, ftplib.Error:
                self._hang_up()
                connection = self._connect()
        try:
            return work(connection, state.stopped)
        except RestartIgnoredError as err:
            raise _RestartsNotError(path) from err
        except ProjectError, ArchiveError:
            # Of what was read, not of how.
            raise
        except Exception as err:
            if not isinstance(err, ftplib.error_perm):
                # Whoever comes next cannot know where in the conversation this one is.
                self._hang_up()
                forget_tls_errors()
            raise storage_error(err, path) from err

    def _connect(self) -> Connection:
        if self._context is None:
            self._context = create_ssl_context(
                self._endpoint.serial, self._endpoint.pin
            )
            # Newer printers break, stall or cut off when more than this is offered.
            self._context.maximum_version = ssl.TLSVersion.TLSv1_2
        if self._connection is None:
            self._connection = Connection(
                self._endpoint.host,
                self._endpoint.ftps_port,
                USER,
                self._endpoint.access_code,
                self._context,
            )
        return self._connection

    def _hang_up(self) -> None:
        connection, self._connection = self._connection, None
        if connection:
            with suppress(OSError):
                connection.close()

    def _give_up(self) -> None:
        """Close a connection that nobody has used for a while."""
        self._idle = None
        if not self._lock.locked():
            # Closing a socket without a farewell does not block.
            self._hang_up()

    async def _drop(self) -> None:
        if self._idle:
            self._idle.cancel()
            self._idle = None
        await asyncio.get_running_loop().run_in_executor(None, self._hang_up)


def _ignore(_done: int) -> None:
    """Take no notice of the progress."""


def _is_project(entry: Entry) -> bool:
    return not entry.folder and entry.name.lower().endswith(".3mf")


def _is_folder(ftp: Connection, path: str) -> bool:
    try:
        ftp.voidcmd(f"CWD {path}")
    except ftplib.error_perm:
        return False
    return True


def _below_root(path: str) -> str:
    """Return the path of something that may be changed: never everything at once."""
    result = normalize(path)
    if result == ROOT:
        raise InvalidPathError(path)
    return result


def _sorted(entries: dict[str, Entry]) -> tuple[Entry, ...]:
    return tuple(
        sorted(
            entries.values(),
            key=lambda entry: (not entry.folder, entry.name.casefold()),
        )
    )
