"""Reading few members out of large ZIP archives, from wherever their bytes are.

`SeekableArchive` reads from a file that can be read at any place, `ArchiveStream` from one
that passes by once, from its first to its last byte.  Neither believes what an archive
says of its own sizes, and neither keeps more of it than was asked for.
"""

from collections.abc import Callable
from io import RawIOBase
from typing import IO, Protocol
import zipfile
import zlib

MAX_MEMBER_SIZE = 20 << 20
"""Bytes that a picture or a configuration may have; a hundred times what is usual."""
MAX_MEMBERS = 5_000

_LOCAL, _CENTRAL, _DESCRIPTOR = b"PK\x03\x04", b"PK\x01\x02", b"PK\x07\x08"
_HEADER_SIZE = 30
_HAS_DESCRIPTOR, _ENCRYPTED = 0x08, 0x01
_STORED, _DEFLATED = 0, 8
_ZIP64 = 0xFFFFFFFF
_PIECE = 1 << 20
"""Bytes that are inflated at once while they are only passed over."""


class ArchiveError(ValueError):
    """An archive is damaged, hostile, or not what can be read here."""


class Archive(Protocol):
    """Where members come from."""

    @property
    def names(self) -> frozenset[str]:
        """The members that there are."""

    def read(self, name: str) -> bytes | None:
        """Return a member; None when there is none (or it was not asked for)."""


class SeekableArchive:
    """An archive that can be read at any place."""

    def __init__(self, file: IO[bytes] | RawIOBase) -> None:
        """Read the directory.

        Raises `ArchiveError` for what is no archive, or one that hides something.
        """
        try:
            self._archive = zipfile.ZipFile(file)
        except (zipfile.BadZipFile, ValueError, EOFError, NotImplementedError) as err:
            raise ArchiveError("not a complete archive") from err
        members = self._archive.infolist()
        if len(members) > MAX_MEMBERS:
            raise ArchiveError("too many files in it")
        for member in members:
            check_name(member.filename)
        self._members = {member.filename: member for member in members}

    @property
    def names(self) -> frozenset[str]:
        """The members that the directory lists."""
        return frozenset(self._members)

    def read(self, name: str) -> bytes | None:
        """Unpack a member, as far as it is not too large."""
        member = self._members.get(name)
        if member is None:
            return None
        if member.file_size > MAX_MEMBER_SIZE or member.flag_bits & _ENCRYPTED:
            raise ArchiveError(f"{name} is too large or encrypted")
        try:
            with self._archive.open(member) as file:
                content = file.read(MAX_MEMBER_SIZE + 1)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as err:
            raise ArchiveError(f"{name} is damaged") from err
        if len(content) > MAX_MEMBER_SIZE:
            raise ArchiveError(f"{name} is too large")
        return content


class ArchiveStream:
    """An archive that passes by: write its bytes into this, in their order.

    Slicers write the large member without telling its size beforehand; its end is
    found by unpacking it.
    """

    def __init__(self, wanted: Callable[[str], bool]) -> None:
        """Keep the members that are wanted, by their names."""
        self._wanted = wanted
        self._buffer = bytearray()
        self._step: Callable[[], bool] = self._read_header
        self._contents: dict[str, bytes] = {}
        self._names: set[str] = set()
        self._name = ""
        self._method = _STORED
        self._left = 0
        self._crc = 0
        self._descriptor = False
        self._inflater = zlib.decompressobj(-15)
        self._kept = bytearray()
        self.complete = False
        """Whether everything before the directory at the end has passed by."""

    @property
    def names(self) -> frozenset[str]:
        """The members that have begun to pass by."""
        return frozenset(self._names)

    def read(self, name: str) -> bytes | None:
        """Return a member that was wanted and has passed by."""
        return self._contents.get(name)

    def write(self, block: bytes | bytearray | memoryview) -> int:
        """Take the next bytes; raises `ArchiveError` for what cannot be read."""
        if not self.complete:
            self._buffer += block
            while self._buffer and not self.complete and self._step():
                pass
        return len(block)

    def _read_header(self) -> bool:
        """Read what stands before a member; the directory ends it all."""
        if len(self._buffer) < 4:
            return False
        if self._buffer[:4] != _LOCAL:
            if self._buffer[:4] != _CENTRAL:
                raise ArchiveError("not an archive")
            self.complete = True
            self._buffer.clear()
            return False
        if len(self._buffer) < _HEADER_SIZE:
            return False
        name_length = int.from_bytes(self._buffer[26:28], "little")
        whole = (
            _HEADER_SIZE + name_length + int.from_bytes(self._buffer[28:30], "little")
        )
        if len(self._buffer) < whole:
            return False
        flags = int.from_bytes(self._buffer[6:8], "little")
        self._method = int.from_bytes(self._buffer[8:10], "little")
        self._crc = int.from_bytes(self._buffer[14:18], "little")
        packed = int.from_bytes(self._buffer[18:22], "little")
        raw_name = bytes(self._buffer[_HEADER_SIZE : _HEADER_SIZE + name_length])
        extra = bytes(self._buffer[_HEADER_SIZE + name_length : whole])
        del self._buffer[:whole]
        self._begin(
            raw_name.decode("utf-8", "replace"), flags, _real_size(packed, extra)
        )
        return True

    def _begin(self, name: str, flags: int, packed: int) -> None:
        check_name(name)
        self._names.add(name)
        if len(self._names) > MAX_MEMBERS:
            raise ArchiveError("too many files in it")
        self._descriptor = bool(flags & _HAS_DESCRIPTOR)
        if flags & _ENCRYPTED or self._method not in (_STORED, _DEFLATED):
            raise ArchiveError(f"{name} is packed in an unknown way")
        if self._descriptor and self._method == _STORED and not packed:
            raise ArchiveError(f"the end of {name} cannot be found")
        self._name, self._left = name, packed
        self._kept = bytearray()
        self._inflater = zlib.decompressobj(-15)
        self._step = self._unpack if self._method == _DEFLATED else self._pass_on

    def _pass_on(self) -> bool:
        """Take the bytes of a member that is not packed."""
        count = min(self._left, len(self._buffer))
        self._keep(bytes(self._buffer[:count]))
        del self._buffer[:count]
        self._left -= count
        if self._left == 0:
            self._end_member()
        return True

    def _unpack(self) -> bool:
        """Inflate a member until it says that it is complete."""
        pending = bytes(self._buffer)
        self._buffer.clear()
        try:
            while pending and not self._inflater.eof:
                self._keep(self._inflater.decompress(pending, _PIECE))
                pending = self._inflater.unconsumed_tail
        except zlib.error as err:
            raise ArchiveError(f"{self._name} is damaged") from err
        if self._inflater.eof:
            self._buffer += self._inflater.unused_data
            self._end_member()
        return True

    def _keep(self, content: bytes) -> None:
        if not self._wanted(self._name):
            return
        self._kept += content
        if len(self._kept) > MAX_MEMBER_SIZE:
            raise ArchiveError(f"{self._name} is too large")

    def _end_member(self) -> None:
        if self._wanted(self._name):
            if not self._descriptor and zlib.crc32(self._kept) != self._crc:
                raise ArchiveError(f"{self._name} is damaged")
            self._contents[self._name] = bytes(self._kept)
        self._kept = bytearray()
        self._step = self._read_descriptor if self._descriptor else self._read_header

    def _read_descriptor(self) -> bool:
        """Pass over the sizes that follow a member; they have two forms, and two widths."""
        for size in (16, 24, 12, 20):
            signed = size in (16, 24)
            if len(self._buffer) < size + 4:
                return False
            follower = bytes(self._buffer[size : size + 4])
            if (self._buffer[:4] == _DESCRIPTOR) == signed and follower in (
                _LOCAL,
                _CENTRAL,
            ):
                del self._buffer[:size]
                self._step = self._read_header
                return True
        raise ArchiveError(f"the end of {self._name} cannot be found")


def check_name(name: str) -> None:
    """Refuse names that would lead out of a folder."""
    if name.startswith(("/", "\\")) or ".." in name.replace("\\", "/").split("/"):
        raise ArchiveError("a file in it has an unsafe name")


def _real_size(packed: int, extra: bytes) -> int:
    """Find the size of a large member where its header says that it stands elsewhere."""
    if packed != _ZIP64:
        return packed
    while len(extra) >= 4:
        kind = int.from_bytes(extra[:2], "little")
        length = int.from_bytes(extra[2:4], "little")
        if kind == 1 and length >= 16:
            return int.from_bytes(extra[12:20], "little")
        extra = extra[4 + length :]
    return 0
