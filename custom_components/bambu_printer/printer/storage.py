"""The printer's storage: browse, fetch, send, rename and delete files.

A printer is easily overwhelmed: there is one connection to its storage, used by one
operation at a time, kept for a while and given up when nobody needs it.  Nothing is ever
listed on a timer.
"""

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
import ftplib
import hashlib
import io
from pathlib import Path
from secrets import token_hex
import time

from .errors import (
    BambuError,
    FileMissingError,
    InvalidPathError,
    StorageDeniedError,
    StorageError,
    TransferBrokenError,
)
from .folders import Folders, Tree
from .ftps import Connection, Progress, RestartRefusedError, Sink, Stop
from .lane import Lane
from .listing import Entry, parse_listing
from .paths import ROOT, join, normalize, normalize_new, parent_of
from .ranges import TAIL, RangeFile
from .session import Endpoint

MAX_DEPTH = 4
"""Folders below folders that are listed; a damaged card can contain itself."""
MAX_ENTRIES = 50_000
"""Of a whole card; a damaged one can contain itself many times."""
SKIPPED_FOLDERS = frozenset(
    {"/corelogger", "/ipcam", "/logger", "/recorder", "/System Volume Information"}
)
"""Not worth listing as a whole: recordings of gigabytes, and encrypted logs."""
ARRIVAL_PAUSE = 1.0
"""Seconds between two looks at how much of an upload has arrived."""
_NOT_IMPLEMENTED = ("500", "501", "502", "503", "504")


@dataclass(frozen=True, slots=True)
class FileStamp:
    """What changes when a file becomes another one."""

    size: int
    """Bytes."""
    modified: str
    """By the printer's clock, ``YYYYMMDDHHMMSS``; ``""``: not known."""


class PrinterStorage:
    """The files on a printer's card or drive.

    Paths are absolute and case-sensitive.  All methods raise a `PrinterConnectionError`
    when the printer cannot be reached, and a `StorageError` for everything else:
    `FileMissingError`, `StorageFullError`, `StorageDeniedError`, `InvalidPathError`, or
    `TransferBrokenError` after which nothing half is left under the final name.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        """Know where the files are; nothing is asked yet."""
        self._lane = Lane(endpoint)
        self._folders = Folders()
        self._restarts: bool | None = None
        """Whether the server can start in the middle of a file; None: not asked yet."""
        self._renames: bool | None = None
        """Whether it can rename; None: not asked yet."""
        self._remnants: set[str] = set()
        """What could not be cleared away when the printer was out of reach."""

    def set_endpoint(self, endpoint: Endpoint) -> None:
        """Go to another address from the next connection on."""
        self._lane.set_endpoint(endpoint)

    async def close(self) -> None:
        """Stop what is being done and hang up; the next operation connects again."""
        await self._lane.close()

    async def pause(self) -> None:
        """Stop what is being done and hang up; nothing connects until `resume`."""
        self._lane.paused = True
        await self._lane.close()

    def resume(self) -> None:
        """Let operations connect again."""
        self._lane.paused = False

    @property
    def busy(self) -> bool:
        """Whether something is being done; others have to wait for it."""
        return self._lane.busy

    # Looking

    async def list_folder(self, path: str = ROOT) -> tuple[Entry, ...]:
        """Return what is in a folder, folders first; without what computers leave there."""
        path = normalize(path)
        entries = await self._run(path, lambda ftp, stop: _list(ftp, path, stop))
        self._folders.set(path, entries)
        return self._folders.entries(path)

    async def get_sdcard_contents(self) -> Tree:
        """Return everything as a tree; minutes on a full card of a small printer.

        Folders of recordings and logs appear without their contents.
        """
        await self._walk(ROOT)
        return self._folders.tree()

    async def get_sdcard_3mf_files(self) -> Tree:
        """Return all sliced projects as a tree, with the folders they are in."""
        await self._walk(ROOT)
        return self._folders.projects()

    @property
    def cached_sd_card_contents(self) -> Tree | None:
        """Everything as it was last seen; None: never listed."""
        return self._folders.tree() if ROOT in self._folders else None

    @property
    def cached_sd_card_3mf_files(self) -> Tree | None:
        """All sliced projects as they were last seen; None: never listed."""
        return self._folders.projects() if ROOT in self._folders else None

    async def sdcard_file_exists(self, path: str) -> bool:
        """Tell whether there is a file; a failure to ask is an error, not a no."""
        return await self.file_size(path) is not None

    async def file_size(self, path: str) -> int | None:
        """Return the size of a file in bytes; None when there is none."""
        path = normalize(path)
        return await self._run(path, lambda ftp, _: ftp.size(path))

    async def existing(self, paths: Iterable[str]) -> tuple[str, ...]:
        """Return those of several paths at which there is a file with something in it."""
        wanted = [normalize(path) for path in paths]
        if not wanted:
            return ()

        def ask(ftp: Connection, stop: Stop) -> tuple[str, ...]:
            return tuple(path for path in wanted if not stop() and ftp.size(path))

        return await self._run(ROOT, ask)

    async def stat(self, path: str) -> FileStamp | None:
        """Return what tells a file from a later one of the same name; None: no file."""
        path = normalize(path)

        def ask(ftp: Connection, _: Stop) -> FileStamp | None:
            size = ftp.size(path)
            return None if size is None else FileStamp(size, ftp.modified(path))

        return await self._run(path, ask)

    # Fetching

    async def download_sdcard_file(
        self, path: str, target: Path, progress: Progress | None = None
    ) -> int:
        """Fetch a file; return its size in bytes.

        It appears under its name when it is complete: before that, and after a failure,
        what was there stays.  `progress` is called with the bytes so far, from a thread.
        """
        path = normalize(path)

        def fetch(ftp: Connection, stop: Stop) -> int:
            size = _size_of_file(ftp, path)
            partial = target.with_name(f".{token_hex(8)}.part")
            # With the permissions that files here have, unlike those for secrets.
            with _open_new(partial, target) as file:
                try:
                    _download(ftp, path, size, _writer(file, target), stop, progress)
                    _finish(partial, target)
                finally:
                    partial.unlink(missing_ok=True)
            return size

        return await self._run(path, fetch)

    async def read_into(
        self, path: str, sink: Sink, progress: Progress | None = None
    ) -> int:
        """Hand a file over block by block, in a thread; return its size in bytes.

        What `sink` raises ends the transfer, and is raised.
        """
        path = normalize(path)

        def fetch(ftp: Connection, stop: Stop) -> int:
            size = _size_of_file(ftp, path)
            _download(ftp, path, size, sink, stop, progress)
            return size

        return await self._run(path, fetch)

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
        if self._restarts is False or (
            # Nothing would be proven by reading it.
            (size <= TAIL or not tail) and not await self.can_read_pieces()
        ):
            return None

        def look(_: Connection, stop: Stop) -> T | None:
            def fetch(start: int, length: int) -> bytes:
                # Breaking off may have cost the connection.
                ftp = self._lane.connection()
                content = ftp.read_range(
                    path, start, length, stop, ends=start + length == size
                )
                if len(content) != length:
                    raise TransferBrokenError(path, "the file has changed")
                return content

            count = min(size, TAIL) if tail else 0
            try:
                end = fetch(size - count, count) if count else b""
                return work(RangeFile(size, fetch, tail=end))
            except RestartRefusedError:
                return None

        found = await self._run(path, look)
        if found is None:
            self._restarts = False
        elif tail:
            self._restarts = True
        return found

    # Changing

    async def upload_sdcard_file(
        self, source: Path, path: str, progress: Progress | None = None
    ) -> int:
        """Store a file of this machine; return its size in bytes.

        Where the server can rename, it goes under another name until it is complete:
        what was there stays until then.  Where it cannot, what did not arrive as a whole
        is deleted, at once or when the printer can be reached again.

        `progress` is called with the bytes so far, from a thread.
        """
        path = normalize_new(path)

        def send(ftp: Connection, stop: Stop) -> int:
            if ftp.is_folder(path):
                raise StorageDeniedError(path, "it is a folder")
            if not ftp.is_folder(parent_of(path)):
                raise FileMissingError(parent_of(path))
            if self._renames is None:
                self._renames = _can_rename(ftp)
            name = _partial_name(path) if self._renames else path
            with _open(source) as file:
                self._remnants.add(name)
                try:
                    sent = ftp.upload(name, file, stop, progress or _ignore)
                    self._check_arrival(name, sent)
                    if name != path:
                        _move(self._lane.connection(), name, path)
                except BaseException as err:
                    # If that fails as well: before the next operation.
                    with suppress(BambuError, OSError, EOFError, ftplib.Error):
                        self._clear_away(self._lane.connection())
                    if isinstance(err, TransferBrokenError):
                        # Nobody knows the other name.
                        raise TransferBrokenError(path, err.details["reason"]) from err
                    raise
                self._remnants.discard(name)
            return sent

        sent = await self._run(path, send)
        self._folders.add(path, sent)
        return sent

    def _clear_away(self, ftp: Connection) -> None:
        """Delete what is left of uploads that failed; in a thread."""
        for name in tuple(self._remnants):
            with suppress(FileMissingError):
                _delete(ftp, name)
            self._remnants.discard(name)

    def _check_arrival(self, path: str, sent: int) -> None:
        """Ask whether an upload is complete, as long as it grows; in a thread."""
        before = -1
        while True:
            # A new one if the last word was missing: the old one would be confused.
            arrived = self._lane.connection().size(path)
            if arrived == sent:
                return
            if arrived is None or not before < arrived < sent:
                raise TransferBrokenError(
                    path, f"{arrived or 0} of {sent} bytes arrived"
                )
            # A slow card may still be written to.
            before = arrived
            time.sleep(ARRIVAL_PAUSE)

    async def rename_sdcard_file(self, path: str, new_path: str) -> None:
        """Rename or move a file or folder; nothing is overwritten."""
        path, new_path = _below_root(path), normalize_new(new_path)

        def rename(ftp: Connection, _: Stop) -> None:
            if ftp.size(new_path) is not None or ftp.is_folder(new_path):
                raise StorageDeniedError(new_path, "it exists")
            _rename(ftp, path, new_path)

        await self._run(path, rename)
        self._folders.move(path, new_path)

    async def make_sdcard_directory(self, path: str) -> None:
        """Make a folder; that it is there already is no error."""
        path = normalize_new(path)

        def make(ftp: Connection, _: Stop) -> None:
            try:
                ftp.sendcmd(f"MKD {path}")
            except ftplib.error_perm as err:
                if not str(err).startswith("550"):
                    raise
                if not ftp.is_folder(path):
                    if not ftp.is_folder(parent_of(path)):
                        raise FileMissingError(parent_of(path)) from err
                    raise StorageDeniedError(path, str(err)) from err

        await self._run(path, make)
        self._folders.add_folder(path)

    async def delete_sdcard_file(self, path: str) -> None:
        """Delete a file."""
        path = _below_root(path)
        await self._run(path, lambda ftp, _: _delete(ftp, path))
        self._folders.remove(path)

    async def delete_sdcard_folder(self, path: str) -> None:
        """Delete a folder with everything in it, also what is not listed.

        Stops at the first thing that cannot be deleted; what is gone by then is gone.
        """
        path = _below_root(path)
        gone: list[str] = []

        def remove(ftp: Connection, stop: Stop) -> None:
            _delete_tree(ftp, path, stop, gone, 0)

        try:
            await self._run(path, remove)
        finally:
            for item in gone:
                self._folders.remove(item)

    # Inside

    async def _walk(self, root: str) -> None:
        """List all folders, one operation each: others get their turn in between."""
        waiting, seen = [(root, 0)], 0
        while waiting:
            path, depth = waiting.pop()
            try:
                entries = await self.list_folder(path)
            except FileMissingError:
                if path == root:
                    raise
                # Deleted since its parent was listed.
                self._folders.remove(path)
                continue
            seen += len(entries)
            if seen > MAX_ENTRIES:
                raise StorageError(path, "there is no end to the folders")
            waiting += (
                (entry.path, depth + 1)
                for entry in entries
                if entry.folder
                and entry.path not in SKIPPED_FOLDERS
                and depth < MAX_DEPTH
            )

    async def _run[T](self, path: str, work: Callable[[Connection, Stop], T]) -> T:
        """Do something alone, after clearing away what an upload has left."""

        def clean_and_work(ftp: Connection, stop: Stop) -> T:
            if self._remnants:
                with suppress(StorageError):
                    self._clear_away(ftp)
            return work(ftp, stop)

        return await self._lane.run(path, clean_and_work)


def _writer(file: io.FileIO, path: Path) -> Sink:
    """Write to a file of this machine: its troubles are no troubles of the printer."""

    def write(block: memoryview) -> None:
        try:
            while block:
                block = block[file.write(block) :]
        except OSError as err:
            raise _local_error(path, err) from err

    return write


def _open_new(partial: Path, target: Path) -> io.FileIO:
    try:
        # Blocks are large: nothing may wait in a buffer and fail later.
        return partial.open("xb", buffering=0)
    except OSError as err:
        raise _local_error(target, err) from err


def _finish(partial: Path, target: Path) -> None:
    """Give a complete download its name."""
    try:
        partial.replace(target)
    except OSError as err:
        raise _local_error(target, err) from err


def _open(source: Path) -> io.BufferedReader:
    try:
        return source.open("rb")
    except OSError as err:
        raise _local_error(source, err) from err


def _local_error(path: Path, err: OSError) -> StorageError:
    return StorageError(str(path), err.strerror or "it cannot be used")


def _ignore(_done: int) -> None:
    """Take no notice of the progress."""


def _size_of_file(ftp: Connection, path: str) -> int:
    size = ftp.size(path)
    if size is None:
        raise FileMissingError(path)
    return size


def _download(
    ftp: Connection,
    path: str,
    size: int,
    sink: Sink,
    stop: Stop,
    progress: Progress | None,
) -> None:
    done = ftp.download(path, sink, stop, progress or _ignore)
    if done != size:
        raise TransferBrokenError(path, f"{done} of {size} bytes")


def _list(
    ftp: Connection, path: str, stop: Stop, *, hidden: bool = False
) -> list[Entry]:
    lines = ftp.lines(path, stop, hidden=hidden)
    return list(parse_listing(path, lines, calendar_year=not ftp.is_vsftpd))


def _delete(ftp: Connection, path: str) -> None:
    """Delete a file, and tell apart the reasons why that is not possible."""
    try:
        ftp.delete(path)
    except ftplib.error_perm as err:
        if ftp.is_folder(path):
            raise StorageDeniedError(path, "it is a folder") from err
        if ftp.size(path) is None:
            raise FileMissingError(path) from err
        raise StorageDeniedError(path, str(err)) from err


def _delete_tree(
    ftp: Connection, path: str, stop: Stop, gone: list[str], depth: int
) -> None:
    if depth > 2 * MAX_DEPTH:
        raise StorageDeniedError(path, "nested too deeply")
    for entry in _list(ftp, path, stop, hidden=True):
        if stop():
            raise TransferBrokenError(path, "cancelled")
        if entry.folder:
            _delete_tree(ftp, entry.path, stop, gone, depth + 1)
        else:
            _delete(ftp, entry.path)
            gone.append(entry.path)
    try:
        ftp.rmd(path)
    except ftplib.error_perm as err:
        raise StorageDeniedError(path, str(err)) from err
    gone.append(path)


def _can_rename(ftp: Connection) -> bool:
    """Ask whether files can be renamed; an answer without what should follow is no harm."""
    try:
        return ftp.sendcmd(f"RNFR {ROOT}").startswith("3")
    except ftplib.error_perm as err:
        # Another complaint may be about the root alone; only one of them is trusted.
        return ftp.is_vsftpd and not str(err).startswith(_NOT_IMPLEMENTED)


def _rename(ftp: Connection, path: str, new_path: str) -> None:
    ftp.sendcmd(f"RNFR {path}")
    try:
        ftp.voidcmd(f"RNTO {new_path}")
    except ftplib.error_perm as err:
        # It is not the file itself that is missing.
        if not ftp.is_folder(parent_of(new_path)):
            raise FileMissingError(parent_of(new_path)) from err
        raise StorageDeniedError(new_path, str(err)) from err


def _move(ftp: Connection, path: str, new_path: str) -> None:
    """Give a complete upload its name, in place of what has it."""
    try:
        _rename(ftp, path, new_path)
    except StorageDeniedError:
        # Not all file systems let a name be taken over.
        if ftp.size(new_path) is None:
            raise
        _delete(ftp, new_path)
        _rename(ftp, path, new_path)


def _partial_name(path: str) -> str:
    """Return where an upload goes until it is complete; the same for the same file."""
    digest = hashlib.sha256(path.encode()).hexdigest()[:12]
    return join(parent_of(path), f"upload-{digest}.part")


def _below_root(path: str) -> str:
    """Return the path of something that may be changed: never everything at once."""
    result = normalize(path)
    if result == ROOT:
        raise InvalidPathError(path)
    return result
