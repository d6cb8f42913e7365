"""A writer of ZIP archives as the slicer writes them.

The slicer's G-code members carry no sizes in front of their content, only behind it; other
members do. The zipfile module can do one or the other for a whole archive, can neither
take content that is compressed already nor tell lies, which tests of hostile archives need.
"""

from collections.abc import Iterable
from dataclasses import dataclass
import os
import struct
from typing import BinaryIO
import zlib

_DESCRIPTOR = 0x0008
_UTF8 = 0x0800
# 2026-11-20 12:00
_DATE = (2026 - 1980) << 9 | 11 << 5 | 20
_TIME = 12 << 11
_MAX = 0xFFFFFFFF


@dataclass(slots=True)
class Member:
    """What the directory at the end says about a member; change it to lie."""

    name: str
    flags: int
    method: int
    offset: int
    crc: int = 0
    packed: int = 0
    size: int = 0
    zip64: bool = False


class ZipWriter:
    """Writes members one after the other, then the directory."""

    def __init__(self, file: BinaryIO) -> None:
        """Begin at the present position, which counts as the start."""
        self._file = file
        self._start = file.tell()
        self.members: list[Member] = []

    def add(
        self,
        name: str,
        data: bytes | str,
        *,
        deflate: bool = True,
        descriptor: bool = False,
        zip64: bool = False,
    ) -> Member:
        """Add a member."""
        content = data.encode() if isinstance(data, str) else data
        packed = content
        if deflate:
            squeeze = zlib.compressobj(6, zlib.DEFLATED, -15)
            packed = squeeze.compress(content) + squeeze.flush()
        return self.add_packed(
            name,
            (packed,),
            method=8 if deflate else 0,
            packed=len(packed),
            size=len(content),
            crc=zlib.crc32(content),
            descriptor=descriptor,
            zip64=zip64,
        )

    def add_packed(
        self,
        name: str,
        chunks: Iterable[bytes | int],
        *,
        packed: int,
        size: int,
        crc: int,
        method: int = 8,
        descriptor: bool = True,
        zip64: bool = False,
    ) -> Member:
        """Add a member whose content is compressed already; numbers are of zeros.

        Where the file is one of the disk, they become a hole in it.
        """
        flags = _UTF8 | (_DESCRIPTOR if descriptor else 0)
        member = Member(
            name=name,
            flags=flags,
            method=method,
            offset=self._file.tell() - self._start,
            crc=crc,
            packed=packed,
            size=size,
            zip64=zip64,
        )
        shown = (0, 0, 0) if descriptor else (crc, packed, size)
        extra = b""
        if zip64:
            extra = struct.pack("<HHQQ", 1, 16, shown[2], shown[1])
            shown = shown[0], _MAX, _MAX
        encoded = name.encode()
        self._file.write(
            struct.pack(
                "<4s5H3L2H",
                b"PK\3\4",
                45 if zip64 else 20,
                flags,
                method,
                _TIME,
                _DATE,
                *shown,
                len(encoded),
                len(extra),
            )
            + encoded
            + extra
        )
        for chunk in chunks:
            if isinstance(chunk, int):
                self._file.seek(chunk, os.SEEK_CUR)
            else:
                self._file.write(chunk)
        if descriptor:
            form = "<4sLQQ" if zip64 else "<4sLLL"
            self._file.write(struct.pack(form, b"PK\7\x08", crc, packed, size))
        self.members.append(member)
        return member

    def finish(self) -> None:
        """Write the directory."""
        start = self._file.tell() - self._start
        for member in self.members:
            self._file.write(_directory_entry(member))
        length = self._file.tell() - self._start - start
        count = len(self.members)
        if any(member.zip64 for member in self.members):
            where = self._file.tell() - self._start
            sizes = (44, 45, 45, 0, 0, count, count, length, start)
            self._file.write(struct.pack("<4sQ2H2L4Q", b"PK\6\6", *sizes))
            self._file.write(struct.pack("<4sLQL", b"PK\6\7", 0, where, 1))
            length = start = _MAX
            count = 0xFFFF
        self._file.write(
            struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, count, count, length, start, 0)
        )


def _directory_entry(member: Member) -> bytes:
    encoded = member.name.encode()
    extra, packed, size, offset = b"", member.packed, member.size, member.offset
    if member.zip64:
        extra = struct.pack("<HHQQQ", 1, 24, size, packed, offset)
        packed = size = offset = _MAX
    return (
        struct.pack(
            "<4s6H3L5H2L",
            b"PK\1\2",
            45 if member.zip64 else 20,
            45 if member.zip64 else 20,
            member.flags,
            member.method,
            _TIME,
            _DATE,
            member.crc,
            packed,
            size,
            len(encoded),
            len(extra),
            0,
            0,
            0,
            0,
            offset,
        )
        + encoded
        + extra
    )
