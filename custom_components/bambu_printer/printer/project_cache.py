"""What is kept of projects: the few members that are read, in memory and in a folder.

A kept project is a small archive of its own.  Its file name is a hash of where it comes
from, so that nothing that an archive says becomes a name on this machine.
"""

from collections import OrderedDict
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
import hashlib
import logging
import os
from pathlib import Path
import tempfile
import zipfile

import orjson

from .archive import ArchiveError, SeekableArchive

_LOGGER = logging.getLogger(__name__)

MOST_FILES = 500
MOST_BYTES = 200 << 20
"""Of a printer's folder."""
MOST_IN_MEMORY = 4 << 20
"""Bytes; of a printer that has no folder they are all there is."""
_KEY = "key.json"
_SUFFIX = ".members"


@dataclass(frozen=True, slots=True)
class ProjectKey:
    """A file as it was at a time; another one in its place has another key."""

    path: str
    size: int
    modified: str

    @property
    def file_name(self) -> str:
        """The name of what is kept, which says nothing."""
        text = f"{self.path}\n{self.size}\n{self.modified}"
        return hashlib.sha256(text.encode()).hexdigest()[:40] + _SUFFIX


@dataclass(frozen=True, slots=True)
class KeptProject:
    """Members of an archive, without those that nobody has asked for."""

    key: ProjectKey
    names: frozenset[str]
    """Of the members that could be asked for."""
    members: Mapping[str, bytes]

    def read(self, name: str) -> bytes | None:
        """Return a member if it is kept."""
        return self.members.get(name)

    @property
    def size(self) -> int:
        """Bytes, about."""
        return sum(map(len, self.members.values())) + 100 * len(self.names)


class ProjectCache:
    """Keeps projects, the most recently used ones, within bounds.

    Blocks where there is a folder: call it in an executor, from one thread at a time.
    """

    def __init__(self, folder: Path | None) -> None:
        """Keep them in a folder, which is made when something is kept."""
        self._folder = folder
        self._memory: OrderedDict[ProjectKey, KeptProject] = OrderedDict()

    def get(self, key: ProjectKey) -> KeptProject | None:
        """Return what is kept of a project; damaged files are dropped."""
        if (known := self._memory.get(key)) is not None:
            self._memory.move_to_end(key)
            return known
        if self._folder is None:
            return None
        path = self._folder / key.file_name
        try:
            found = _load(path, key)
            os.utime(path)
        except FileNotFoundError:
            return None
        except (OSError, ArchiveError, ValueError) as err:
            _LOGGER.debug("A kept project is dropped: %s", err)
            with suppress(OSError):
                path.unlink()
            return None
        self._remember(found)
        return found

    def put(self, kept: KeptProject) -> KeptProject:
        """Keep a project, or more of it than before; return all that is kept of it."""
        known = self.get(kept.key)
        if known is not None:
            kept = replace(kept, members={**known.members, **kept.members})
        self._remember(kept)
        if self._folder is not None:
            try:
                self._folder.mkdir(parents=True, exist_ok=True)
                _save(self._folder / kept.key.file_name, kept)
                self._tidy(self._folder)
            except OSError as err:
                _LOGGER.warning(
                    "What is known of projects cannot be kept: %s", err.strerror
                )
        return kept

    def _remember(self, kept: KeptProject) -> None:
        self._memory[kept.key] = kept
        self._memory.move_to_end(kept.key)
        while len(self._memory) > 1 and (
            sum(item.size for item in self._memory.values()) > MOST_IN_MEMORY
        ):
            self._memory.popitem(last=False)

    @staticmethod
    def _tidy(folder: Path) -> None:
        """Drop what was not used for the longest time, and remnants of a crash."""
        files = []
        for path in folder.iterdir():
            if path.suffix == ".part":
                path.unlink(missing_ok=True)
            elif path.suffix == _SUFFIX:
                status = path.stat()
                files.append((status.st_mtime_ns, status.st_size, path))
        files.sort(reverse=True)
        total = 0
        for count, (_, size, path) in enumerate(files):
            total += size
            if count >= MOST_FILES or (count and total > MOST_BYTES):
                path.unlink(missing_ok=True)


def _save(path: Path, kept: KeptProject) -> None:
    """Write a file that is whole, or not there."""
    key = {
        "path": kept.key.path,
        "size": kept.key.size,
        "modified": kept.key.modified,
        "names": sorted(kept.names),
    }
    handle, name = tempfile.mkstemp(dir=path.parent, suffix=".part")
    partial = Path(name)
    try:
        with os.fdopen(handle, "wb") as file, zipfile.ZipFile(file, "w") as archive:
            archive.writestr(_KEY, orjson.dumps(key))
            for member, content in kept.members.items():
                archive.writestr(member, content)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _load(path: Path, key: ProjectKey) -> KeptProject:
    """Read a file; raises ``ValueError`` when it is not what it should be."""
    with path.open("rb") as file:
        archive = SeekableArchive(file)
        facts = orjson.loads(archive.read(_KEY) or b"")
        if not isinstance(facts, dict) or key != ProjectKey(
            str(facts.get("path")), facts.get("size", 0), str(facts.get("modified"))
        ):
            raise ValueError("it belongs to another file")
        return KeptProject(
            key=key,
            names=frozenset(map(str, facts.get("names", ()))),
            members={
                name: content
                for name in archive.names - {_KEY}
                if (content := archive.read(name)) is not None
            },
        )
