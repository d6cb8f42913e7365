"""Projects on the printer's storage: what they say, and their pictures, moving little.

Where the server can start in the middle of a file, only the members that are read are
fetched.  Where it cannot, the archive passes by once and the members that could be
wanted are kept; the archive is not.  What was uploaded from here was read before it went.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
import logging
from pathlib import Path
import re

from .archive import (
    MAX_KEPT,
    Archive,
    ArchiveError,
    ArchiveStream,
    IncompleteArchiveError,
    SeekableArchive,
)
from .errors import (
    BambuError,
    FileMissingError,
    InvalidPathError,
    ProjectError,
    ProjectIncompleteError,
    ProjectTooLargeError,
)
from .ftps import Progress
from .paths import name_of, normalize
from .project import (
    ProjectInfo,
    ProjectReader,
    is_configuration,
    is_picture,
    is_wanted,
    picture_name,
)
from .project_cache import KeptProject, ProjectCache, ProjectKey
from .ranges import RangeFile
from .sharing import Sharing, Turns
from .state.job import JobState
from .storage import PrinterStorage

_LOGGER = logging.getLogger(__name__)

BACKGROUND_LIMIT = 150 << 20
"""Bytes that are downloaded as a whole for what nobody asked for expressly."""
EXPRESS_LIMIT = 4 << 30
"""Bytes that are downloaded as a whole for what somebody asked for: as much as a file on
a card can have.  It may take many minutes."""
PICTURE_KINDS = ("plate", "small", "top", "pick")
_MOST_REFUSED = 100
_GCODE = re.compile(r"Metadata/plate_(\d{1,3})\.gcode")
_PLATE = re.compile(r"plate_(\d{1,3})\.gcode$")
_JOB_FOLDERS = ("/cache", "")
_MOUNTS = re.compile(r"^(?:file://)?/?(?:(?:mnt/)?sdcard|media/usb0)/|^ftp://")
_ILLEGAL = re.compile(r'[<>:"/\\|?*]')


class ProjectStore:
    """The projects on one printer's storage.

    All methods raise a `PrinterConnectionError` or a `StorageError` when a file cannot be
    fetched, and a `ProjectError` when it is no sliced project that can be trusted:
    `ProjectIncompleteError` while it is still being written, `ProjectTooLargeError` when
    it would have to be downloaded as a whole and has more than `limit` bytes.  With a
    limit of 0 nothing is ever downloaded as a whole.

    Requests for the same project share one fetch.  It ends when nobody waits any more.
    """

    def __init__(self, storage: PrinterStorage, cache_folder: Path | None) -> None:
        """Keep what is read in a folder that is this printer's alone, or in memory."""
        self._storage = storage
        self._cache = ProjectCache(cache_folder)
        self._turns = Turns()
        self._fetches: Sharing[ProjectKey, KeptProject] = Sharing()
        self._pictures: Sharing[tuple[ProjectKey, str], KeptProject] = Sharing()
        self._refused: OrderedDict[ProjectKey, ProjectError] = OrderedDict()
        """Files that are no good, and will not be better the next time."""

    async def get_project_info(
        self, path: str, plate: int | None = None, *, limit: int = BACKGROUND_LIMIT
    ) -> ProjectInfo:
        """Return what a project says of itself; with a plate, of that one only.

        Raises `ProjectError` when it has no such plate.
        """
        kept = await self._get(path, limit, plate)
        info = await _in_executor(lambda: ProjectReader(kept, kept.key.path).info())
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
        name = picture_name(plate, kind)
        kept = await self._get(path, limit, plate)
        if name in kept.names and name not in kept.members:
            key, known = kept.key, kept.names
            kept = await self._pictures.get(
                (key, name), lambda: self._fetch_member(key, known, name)
            )
        return ProjectReader(kept, path).picture(plate, kind)

    async def find_job_file(self, job: JobState) -> str | None:
        """Return the path of the project that is being printed.

        None when it is not found, as when it is in the printer's internal memory or the
        job has no name (any more).  The printer does not say where it is: the names are
        guesses that fit what is known of all models.
        """
        found = await self._storage.existing(job_candidates(job))
        plate = _PLATE.search(job.file or "")
        if len(found) < 2 or plate is None:
            return found[0] if found else None
        for path in found:
            try:
                await self.get_project_info(path, int(plate[1]), limit=0)
            except BambuError:
                continue
            return path
        return found[0]

    async def upload(
        self, source: Path, path: str, progress: Progress | None = None
    ) -> int:
        """Store a file of this machine; return its size in bytes.

        What is wanted of a project is read before it goes; what is none goes as well.
        """
        path = normalize(path)
        members = await _in_executor(lambda: _read_local(source, path))
        size = await self._storage.upload_sdcard_file(source, path, progress)
        if members is not None:
            stamp = await self._storage.stat(path)
            if stamp is not None and stamp.size == size:
                key = ProjectKey(path, stamp.size, stamp.modified)
                kept = replace(members, key=key)
                await self._turns.take(lambda: self._cache.put(kept))
        return size

    async def close(self) -> None:
        """Stop what is being fetched; those who wait get a `NotConnectedError`."""
        await self._pictures.close()
        await self._fetches.close()

    # Inside

    async def _get(self, path: str, limit: int, plate: int | None) -> KeptProject:
        path = normalize(path)
        stamp = await self._storage.stat(path)
        if stamp is None:
            raise FileMissingError(path)
        key = ProjectKey(path, stamp.size, stamp.modified)
        kept = await self._turns.take(lambda: self._cache.get(key))
        if kept is not None:
            return kept
        if (refused := self._refused.get(key)) is not None:
            raise type(refused)(path, refused.details["reason"])
        # Before joining one with another limit.
        if key.size > limit and not await self._storage.can_read_pieces():
            raise ProjectTooLargeError(path, key.size, limit)
        return await self._fetches.get(key, lambda: self._fetch(key, limit, plate))

    async def _fetch(
        self, key: ProjectKey, limit: int, plate: int | None
    ) -> KeptProject:
        try:
            kept = await self._storage.read_pieces(
                key.path, key.size, lambda file: _read_pieces(file, key, plate)
            )
        except ProjectIncompleteError:
            # It costs little to look again.
            raise
        except ProjectError as err:
            self._refuse(key, err)
            raise
        if kept is None:
            if key.size > limit:
                raise ProjectTooLargeError(key.path, key.size, limit)
            try:
                kept = await self._pass_by(key)
            except ProjectError as err:
                self._refuse(key, err)
                raise
        return await self._turns.take(lambda: self._cache.put(kept))

    def _refuse(self, key: ProjectKey, error: ProjectError) -> None:
        """Remember not to fetch a file again."""
        self._refused[key] = error
        if len(self._refused) > _MOST_REFUSED:
            self._refused.popitem(last=False)

    async def _pass_by(self, key: ProjectKey) -> KeptProject:
        stream = ArchiveStream(is_wanted, is_picture)

        def take(block: memoryview) -> None:
            try:
                stream.write(block)
            except ArchiveError as err:
                raise ProjectError(key.path, str(err)) from err

        await self._storage.read_into(key.path, take)
        if not stream.complete:
            raise ProjectIncompleteError(key.path, "it has no end")
        names = _interesting(stream)
        kept = KeptProject(
            key,
            names,
            {
                name: content
                for name in names
                if (content := stream.read(name)) is not None
            },
        )
        # Refused as a whole when it cannot be read.
        await _in_executor(lambda: ProjectReader(kept, key.path).info())
        return kept

    async def _fetch_member(
        self, key: ProjectKey, names: frozenset[str], name: str
    ) -> KeptProject:
        """Fetch one more member, where that can be done."""

        def read(file: RangeFile) -> bytes:
            try:
                archive = SeekableArchive(file)
                if name in archive.names:
                    file.expect((archive.place(name),))
                return archive.read(name) or b""
            except ArchiveError as err:
                raise ProjectError(key.path, str(err)) from err

        content = await self._storage.read_pieces(key.path, key.size, read)
        members = {} if content is None else {name: content}
        return await self._turns.take(
            lambda: self._cache.put(KeptProject(key, names, members))
        )


def job_candidates(job: JobState) -> tuple[str, ...]:
    """Return the paths at which the project of a job can be, the likeliest first."""
    names: dict[str, None] = {}

    def add(word: str) -> None:
        if word.lower().endswith(".3mf"):
            names.setdefault(word)
        elif word and not word.lower().endswith(".gcode"):
            names.setdefault(f"{word}.3mf")
            names.setdefault(f"{word}.gcode.3mf")

    if job.name and "metadata" not in job.name.lower():
        add(_ILLEGAL.sub("_", job.name.strip()))
    paths: dict[str, None] = {}
    if job.file and "metadata" not in job.file.lower():
        file = _MOUNTS.sub("", job.file.strip()).lstrip("/")
        if "/" in file and file.lower().endswith(".3mf"):
            paths.setdefault(f"/{file}")
        add(name_of(file))
    for name in list(names):
        names.setdefault(name.replace(" ", "_"))
    for name in names:
        for folder in _JOB_FOLDERS:
            paths.setdefault(f"{folder}/{name}")
    return tuple(path for path in paths if _is_path(path))


def _is_path(path: str) -> bool:
    try:
        return normalize(path) == path
    except InvalidPathError:
        return False


def _read_pieces(file: RangeFile, key: ProjectKey, plate: int | None) -> KeptProject:
    """Read what `info` needs, and the picture of a plate; runs in a thread."""
    try:
        archive = SeekableArchive(file)
        names = _interesting(archive)
        if plate is None:
            plate = min(
                (int(found[1]) for name in names if (found := _GCODE.fullmatch(name))),
                default=1,
            )
        cover = picture_name(plate, "plate")
        wanted = [name for name in names if is_configuration(name) or name == cover]
        file.expect(archive.place(name) for name in wanted)
        recording = _Recording(archive)
        ProjectReader(recording, key.path).info()
        recording.read(cover)
    except IncompleteArchiveError as err:
        raise ProjectIncompleteError(key.path, str(err)) from err
    except ArchiveError as err:
        raise ProjectError(key.path, str(err)) from err
    return KeptProject(key, names, recording.members)


class _Recording:
    """Keeps what is read of an archive."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self.members: dict[str, bytes] = {}

    @property
    def names(self) -> frozenset[str]:
        return self._archive.names

    def read(self, name: str) -> bytes | None:
        content = self._archive.read(name)
        if content is not None:
            self.members[name] = content
        return content


def _read_local(source: Path, path: str) -> KeptProject | None:
    """Read what is wanted of a project before it is sent; None: it is none."""
    if not path.lower().endswith(".3mf"):
        return None
    members: dict[str, bytes] = {}
    pictures = 0
    try:
        with source.open("rb") as file:
            archive = SeekableArchive(file)
            names = _interesting(archive)
            for name in sorted(filter(is_wanted, names)):
                content = archive.read(name) or b""
                pictures += len(content) * is_picture(name)
                if not is_picture(name) or pictures <= MAX_KEPT:
                    members[name] = content
        kept = KeptProject(ProjectKey(path, 0, ""), names, members)
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
