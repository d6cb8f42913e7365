"""Reading few members out of large ZIP archives, from wherever their bytes are.

`SeekableArchive` reads from a file that can be read at any place, `ArchiveStream` from one
that passes by once, from its first to its last byte.  Neither believes what an archive
says of its own sizes, and neither keeps more of it than was asked for.
"""

from collections.abc import Callable
from io import RawIOBase
import struct
from typing import IO, Protocol, cast
import zipfile
import zlib

MAX_MEMBER_SIZE = 8 << 20
"""Bytes that a picture or a configuration may have; fifty times what is usual."""
MAX_KEPT = 12 << 20
"""Bytes of pictures that are kept of one archive; the rest of them is left out."""
MAX_MEMBERS = 5_000
MAX_DIRECTORY = 1 << 20
"""Bytes of the directory; as many members as are allowed need less than half."""
MAX_INFLATED = 16 << 30
"""Bytes that may be unpacked only to find where they end."""

_LOCAL, _CENTRAL, _DESCRIPTOR = b"PK\x03\x04", b"PK\x01\x02", b"PK\x07\x08"
_HEADER_SIZE = 30
_HAS_DESCRIPTOR, _ENCRYPTED = 0x08, 0x01
_STORED, _DEFLATED = 0, 8
_METHODS = (_STORED, _DEFLATED)
_ZIP64 = 0xFFFFFFFF
_ROOM = 256
"""Bytes for the extensions of a member's header."""
_PIECE = 1 << 20
"""Bytes that are inflated at once while they are only passed over."""


class ArchiveError(ValueError):
    """An archive is damaged, hostile, or not what can be read here."""


class IncompleteArchiveError(ArchiveError):
    """What there is looks like an archive, and has no end."""


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
        guard = _Guard(file)
        try:
            self._archive = zipfile.ZipFile(cast("IO[bytes]", guard))
        except ArchiveError:
            raise
        except (zipfile.BadZipFile, EOFError, NotImplementedError) as err:
            if _is_begun(file):
                raise IncompleteArchiveError("not a complete archive") from err
            raise ArchiveError("not an archive") from err
        except (ValueError, struct.error) as err:
            raise ArchiveError("its directory is damaged") from err
        guard.limit = None
        members = self._archive.infolist()
        if len(members) > MAX_MEMBERS:
            raise ArchiveError("too many files in it")
        for member in members:
            check_name(member.filename)
            if member.header_offset < 0:
                raise ArchiveError("its directory is damaged")
        self._members = {member.filename: member for member in members}

    @property
    def names(self) -> frozenset[str]:
        """The members that the directory lists."""
        return frozenset(self._members)

    def place(self, name: str) -> tuple[int, int]:
        """Return where a member begins, and within how many bytes it ends."""
        member = self._members[name]
        # Its header repeats the name, and has extensions of its own.
        length = _HEADER_SIZE + len(member.filename.encode()) + _ROOM
        return member.header_offset, length + min(member.compress_size, MAX_MEMBER_SIZE)

    def read(self, name: str) -> bytes | None:
        """Unpack a member, as far as it is not too large."""
        member = self._members.get(name)
        if member is None:
            return None
        if member.file_size > MAX_MEMBER_SIZE or member.flag_bits & _ENCRYPTED:
            raise ArchiveError(f"{name} is too large or encrypted")
        if member.compress_type not in _METHODS:
            # No slicer uses others, and each breaks in its own way when it is damaged.
            raise ArchiveError(f"{name} is packed in an unknown way")
        try:
            with self._archive.open(member) as file:
                content = file.read(MAX_MEMBER_SIZE + 1)
        except (
            zipfile.BadZipFile,
            zlib.error,
            EOFError,
            NotImplementedError,
            ValueError,
            struct.error,
        ) as err:
            raise ArchiveError(f"{name} is damaged") from err
        if len(content) > MAX_MEMBER_SIZE:
            raise ArchiveError(f"{name} is too large")
        return content


class ArchiveStream:
    """An archive that passes by: write its bytes into this, in their order.

    Slicers write the large member without telling its size beforehand; its end is
    found by unpacking it.
    """

    def __init__(
        self,
        wanted: Callable[[str], bool],
        spare: Callable[[str], bool] = lambda _: False,
    ) -> None:
        """Keep the members that are wanted, by their names.

        Those that can be spared are left out when there are too many.
        """
        self._spare = spare
        self._kept_size = 0
        self._inflated = 0
        self._keeping = False
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
        name = raw_name.decode("utf-8", "replace")
        self._begin(name, flags, _real_size(packed, extra))
        return True

    def _begin(self, name: str, flags: int, packed: int) -> None:
        check_name(name)
        self._names.add(name)
        if len(self._names) > MAX_MEMBERS:
            raise ArchiveError("too many files in it")
        self._descriptor = bool(flags & _HAS_DESCRIPTOR)
        if flags & _ENCRYPTED or self._method not in _METHODS:
            raise ArchiveError(f"{name} is packed in an unknown way")
        if self._descriptor and self._method == _STORED and not packed:
            raise ArchiveError(f"the end of {name} cannot be found")
        self._name, self._left = name, packed
        self._keeping = self._wanted(name)
        self._kept = bytearray()
        self._inflater = zlib.decompressobj(-15)
        # What nobody wants need not be unpacked where its end is known.
        unpack = self._method == _DEFLATED and (self._keeping or self._descriptor)
        self._step = self._unpack if unpack else self._pass_on

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
        self._inflated += len(content)
        if self._inflated > MAX_INFLATED:
            raise ArchiveError("it never ends")
        if not self._keeping:
            return
        self._kept += content
        if len(self._kept) > MAX_MEMBER_SIZE:
            raise ArchiveError(f"{self._name} is too large")

    def _end_member(self) -> None:
        if self._descriptor:
            self._step = self._read_descriptor
        else:
            self._file()
            self._step = self._read_header

    def _file(self) -> None:
        """Put a member that has ended to the others."""
        if self._keeping:
            if zlib.crc32(self._kept) != self._crc:
                raise ArchiveError(f"{self._name} is damaged")
            size = len(self._kept)
            if not self._spare(self._name):
                self._contents[self._name] = bytes(self._kept)
            elif self._kept_size + size <= MAX_KEPT:
                self._kept_size += size
                self._contents[self._name] = bytes(self._kept)
        self._kept = bytearray()

    def _read_descriptor(self) -> bool:
        """Read the sums that follow a member; they have two forms, and two widths."""
        for size in (16, 24, 12, 20):
            signed = size in (16, 24)
            if len(self._buffer) < size + 4:
                return False
            follower = bytes(self._buffer[size : size + 4])
            if (self._buffer[:4] == _DESCRIPTOR) == signed and follower in (
                _LOCAL,
                _CENTRAL,
            ):
                start = 4 if signed else 0
                self._crc = int.from_bytes(self._buffer[start : start + 4], "little")
                del self._buffer[:size]
                self._file()
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


class _Guard:
    """Lets an archive be read, but no directory that is too large.

    What an archive says of its directory stands in several places that may contradict each
    other; what the library asks for in the end is what counts.
    """

    def __init__(self, file: IO[bytes] | RawIOBase) -> None:
        self._file = file
        self.seek, self.tell = file.seek, file.tell
        self.limit: int | None = MAX_DIRECTORY

    def seekable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        if self.limit is not None and size > self.limit:
            raise ArchiveError("too many files in it")
        return self._file.read(size) or b""


def _is_begun(file: IO[bytes] | RawIOBase) -> bool:
    """Tell whether something begins as archives do."""
    file.seek(0)
    return (file.read(4) or b"") == _LOCAL
