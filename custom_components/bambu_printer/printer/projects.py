"""Projects on the printer's storage: what they say, and their pictures, moving little.

Where the server can start in the middle of a file, only the members that are read are
fetched.  Where it cannot, the archive passes by once and the members that could be
wanted are kept; the archive is not.  What was uploaded from here was read before it went.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
import logging
from pathlib import Path
import re

from .archive import Archive, ArchiveError, ArchiveStream, SeekableArchive
from .errors import (
    FileMissingError,
    ProjectError,
    ProjectIncompleteError,
    ProjectTooLargeError,
)
from .ftps import Progress
from .paths import name_of, normalize
from .project import ProjectInfo, ProjectReader, is_wanted, picture_name
from .project_cache import KeptProject, ProjectCache, ProjectKey
from .ranges import RangeFile
from .state.job import JobState
from .storage import PrinterStorage

_LOGGER = logging.getLogger(__name__)

BACKGROUND_LIMIT = 150 << 20
"""Bytes that are downloaded as a whole for what nobody asked for expressly."""
_GCODE = re.compile(r"Metadata/plate_\d{1,3}\.gcode")
_JOB_FOLDERS = ("/cache", "")
_KINDS = ("plate", "small", "top", "pick")


class ProjectStore:
    """The projects on one printer's storage.

    All methods raise a `PrinterConnectionError` or a `StorageError` when a file cannot be
    fetched, and a `ProjectError` when it is no sliced project that can be trusted:
    `ProjectIncompleteError` while it is still being written, `ProjectTooLargeError` when
    it would have to be downloaded as a whole and has more than `limit` bytes.  With a
    limit of 0 nothing is ever downloaded as a whole.
    """

    def __init__(self, storage: PrinterStorage, cache_folder: Path | None) -> None:
        """Keep what is read in a folder that is this printer's alone, or in memory."""
        self._storage = storage
        self._cache = ProjectCache(cache_folder)
        self._infos: dict[ProjectKey, ProjectInfo] = {}
        self._flights: dict[str, _Flight[KeptProject]] = {}

    async def get_project_info(
        self, path: str, plate: int | None = None, *, limit: int = BACKGROUND_LIMIT
    ) -> ProjectInfo:
        """Return what a project says of itself; with a plate, of that one only.

        Raises `ProjectError` when it has no such plate.
        """
        kept = await self._get(path, limit)
        info = await _in_executor(lambda: ProjectReader(kept, path).info())
        if plate is None:
            return info
        found = info.plate(plate)
        if found is None:
            raise ProjectError(path, f"no sliced plate {plate}")
        return replace(info, plates=(found,))

    async def get_picture(
        self,
        path: str,
        plate: int,
        kind: str = "plate",
        *,
        limit: int = BACKGROUND_LIMIT,
    ) -> bytes | None:
        """Return a picture (PNG) of a plate; None when there is none.

        `kind` is plate, small, top (seen from above) or pick (objects by colour).
        """
        if kind not in _KINDS:
            raise ValueError(kind)
        kept = await self._get(path, limit)
        name = picture_name(plate, kind)
        if name in kept.names and name not in kept.members:
            kept = await self._share(
                f"{path}\n{name}", lambda: self._read_more(kept, name)
            )
        return ProjectReader(kept, path).picture(plate, kind)

    async def find_job_file(self, job: JobState) -> str | None:
        """Return the path of the project that is being printed.

        None when it is not found, as when it is in the printer's internal memory.  The
        names are guesses that fit what is known of all models: the printer does not say.
        """
        for path in job_candidates(job):
            if await self._storage.file_size(path) is not None:
                return path
        return None

    async def upload(
        self, source: Path, path: str, progress: Progress | None = None
    ) -> int:
        """Store a file of this machine; return its size in bytes.

        What is wanted of a project is read before it goes.
        """
        path = normalize(path)
        read = await _in_executor(lambda: _read_local(source, path))
        size = await self._storage.upload_sdcard_file(source, path, progress)
        if read is not None:
            stamp = await self._storage.stat(path)
            if stamp is not None and stamp.size == size:
                read.key = ProjectKey(path, stamp.size, stamp.modified)
                await _in_executor(lambda: self._cache.put(read))
        return size

    async def close(self) -> None:
        """Stop what is being fetched."""
        flights = [flight.task for flight in self._flights.values()]
        for task in flights:
            task.cancel()
        await asyncio.gather(*flights, return_exceptions=True)

    # Inside

    async def _get(self, path: str, limit: int) -> KeptProject:
        path = normalize(path)
        stamp = await self._storage.stat(path)
        if stamp is None:
            raise FileMissingError(path)
        key = ProjectKey(path, stamp.size, stamp.modified)
        kept = await _in_executor(lambda: self._cache.get(key))
        if kept is not None:
            return kept
        return await self._share(path, lambda: self._fetch(key, limit))

    async def _fetch(self, key: ProjectKey, limit: int) -> KeptProject:
        kept = await self._storage.read_pieces(
            key.path, key.size, lambda file: _read_pieces(file, key)
        )
        if kept is None:
            kept = await self._pass_by(key, limit)
        await _in_executor(lambda: self._cache.put(kept))
        return kept

    async def _pass_by(self, key: ProjectKey, limit: int) -> KeptProject:
        if key.size > limit:
            raise ProjectTooLargeError(key.path, key.size, limit)
        stream = ArchiveStream(is_wanted)
        try:
            await self._storage.read_into(key.path, stream)
        except ArchiveError as err:
            raise ProjectError(key.path, str(err)) from err
        if not stream.complete:
            raise ProjectIncompleteError(key.path, "it has no end")
        kept = KeptProject(key, _interesting(stream))
        for name in kept.names:
            if (content := stream.read(name)) is not None:
                kept.members[name] = content
        # Refused as a whole when it cannot be read.
        await _in_executor(lambda: ProjectReader(kept, key.path).info())
        return kept

    async def _read_more(self, kept: KeptProject, name: str) -> KeptProject:
        def read(file: RangeFile) -> bytes | None:
            try:
                return SeekableArchive(file).read(name)
            except ArchiveError as err:
                raise ProjectError(kept.key.path, str(err)) from err

        content = await self._storage.read_pieces(kept.key.path, kept.key.size, read)
        if content is not None:
            kept.members[name] = content
            await _in_executor(lambda: self._cache.put(kept))
        return kept

    async def _share(
        self, name: str, work: Callable[[], Awaitable[KeptProject]]
    ) -> KeptProject:
        """Do it once for all that ask for the same; stop when nobody waits any more."""
        flight = self._flights.get(name)
        if flight is None or flight.task.done():
            flight = self._flights[name] = _Flight(work)
            flight.task.add_done_callback(lambda _: self._flights.pop(name, None))
        return await flight.join()


class _Flight[T]:
    """Work that several wait for."""

    def __init__(self, work: Callable[[], Awaitable[T]]) -> None:
        async def run() -> T:
            return await work()

        self.task = asyncio.get_running_loop().create_task(run())
        self._waiting = 0

    async def join(self) -> T:
        """Wait for it; the last one who gives up ends it."""
        self._waiting += 1
        try:
            return await asyncio.shield(self.task)
        finally:
            self._waiting -= 1
            if not self._waiting and not self.task.done():
                self.task.cancel()
                await asyncio.wait((self.task,))


def job_candidates(job: JobState) -> list[str]:
    """Return the paths at which the project of a job can be, the likeliest first."""
    names: dict[str, None] = {}
    for word in (job.name or "", job.file or ""):
        if not word or "metadata" in word.lower():
            continue
        base = name_of(word)
        for stem in (word.lstrip("/"), base):
            if stem.lower().endswith(".3mf"):
                names.setdefault(stem)
            elif not stem.lower().endswith(".gcode"):
                names.setdefault(f"{stem}.3mf")
                names.setdefault(f"{stem}.gcode.3mf")
    for name in list(names):
        names.setdefault(name.replace(" ", "_"))
    return [f"{folder}/{name}" for name in names for folder in _JOB_FOLDERS]


def _read_pieces(file: RangeFile, key: ProjectKey) -> KeptProject:
    """Read what `info` needs; runs in a thread."""
    try:
        archive = SeekableArchive(file)
    except ArchiveError as err:
        raise ProjectIncompleteError(key.path, str(err)) from err
    kept = KeptProject(key, _interesting(archive))
    ProjectReader(_Recording(archive, kept), key.path).info()
    return kept


class _Recording:
    """Keeps what is read of an archive."""

    def __init__(self, archive: Archive, kept: KeptProject) -> None:
        self._archive = archive
        self._kept = kept

    @property
    def names(self) -> frozenset[str]:
        return self._archive.names

    def read(self, name: str) -> bytes | None:
        content = self._archive.read(name)
        if content is not None:
            self._kept.members[name] = content
        return content


def _read_local(source: Path, path: str) -> KeptProject | None:
    """Read what is wanted of a project before it is sent; None: it is none."""
    if not path.lower().endswith(".3mf"):
        return None
    try:
        with source.open("rb") as file:
            archive = SeekableArchive(file)
            kept = KeptProject(ProjectKey(path, 0, ""), _interesting(archive))
            for name in filter(is_wanted, kept.names):
                if (content := archive.read(name)) is not None:
                    kept.members[name] = content
        ProjectReader(kept, path).info()
    except (OSError, ArchiveError, ProjectError) as err:
        _LOGGER.debug("Nothing is read of what is uploaded: %s", err)
        return None
    return kept


def _interesting(archive: Archive) -> frozenset[str]:
    return frozenset(
        name for name in archive.names if is_wanted(name) or _GCODE.fullmatch(name)
    )


async def _in_executor[T](work: Callable[[], T]) -> T:
    return await asyncio.get_running_loop().run_in_executor(None, work)
