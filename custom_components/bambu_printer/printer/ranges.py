"""A remote file that can be read at any place, out of as few and small pieces as possible.

Archives have their directory at the end, and small members are small compared with what
it costs to ask: so the end is fetched first, neighbours are fetched together, and nothing
is fetched twice.
"""

from collections.abc import Callable, Iterable
import io
from typing import override

from .archive import ArchiveError

TAIL = 160 << 10
"""Bytes at the end that are fetched first: the directory and what stands before it."""
AHEAD = 16 << 10
"""Bytes that are fetched at least."""
GAP = 48 << 10
"""Bytes between two pieces that are fetched as well rather than asking twice."""
MOST = 16 << 20
"""Bytes that may be fetched altogether: pictures and configurations never need more."""

type Fetch = Callable[[int, int], bytes]
"""Called with start and length; returns as much, all of which the file must have."""


class RangeFile(io.RawIOBase):
    """A file whose pieces are fetched when they are read, and kept until it is closed.

    Blocks; raises what `fetch` raises, and `ArchiveError` when more is read than any
    sane archive needs.
    """

    def __init__(self, size: int, fetch: Fetch, *, tail: bytes | None = None) -> None:
        """Take a file of `size` bytes, of which the end may be known already."""
        super().__init__()
        self._size = size
        self._fetch = fetch
        self._position = 0
        self._pieces: list[tuple[int, bytes]] = []
        self.moved = 0
        """Bytes that were fetched."""
        if tail:
            self._pieces.append((size - len(tail), tail))

    @override
    def readable(self) -> bool:
        """Say yes."""
        return True

    @override
    def seekable(self) -> bool:
        """Say yes."""
        return True

    @override
    def tell(self) -> int:
        """Return the place that is read next."""
        return self._position

    @override
    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Go to a place; before the beginning there is none."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}
        target = base[whence] + offset
        if target < 0:
            raise OSError("there is nothing before the beginning")
        self._position = target
        return target

    @override
    def read(self, size: int | None = -1, /) -> bytes:
        """Return the next bytes, less only at the end."""
        left = max(0, self._size - self._position)
        count = left if size is None or size < 0 else min(size, left)
        content = self._take(self._position, count) if count else b""
        self._position += count
        return content

    def expect(self, pieces: Iterable[tuple[int, int]]) -> None:
        """Fetch pieces (start and length) that are going to be read, together if near."""
        merged: list[list[int]] = []
        for start, length in sorted(pieces):
            end = min(start + length, self._size)
            if start < 0 or start >= end or self._known(start, end - start) is not None:
                continue
            if merged and start - merged[-1][1] <= GAP:
                merged[-1][1] = max(merged[-1][1], end)
            else:
                merged.append([start, end])
        for start, end in merged:
            self._get(start, end - start)

    def _take(self, start: int, length: int) -> bytes:
        if (known := self._known(start, length)) is not None:
            return known
        self._get(start, min(max(length, AHEAD), self._size - start))
        known = self._known(start, length)
        assert known is not None
        return known

    def _known(self, start: int, length: int) -> bytes | None:
        for begin, piece in reversed(self._pieces):
            if begin <= start and start + length <= begin + len(piece):
                return piece[start - begin : start - begin + length]
        return None

    def _get(self, start: int, length: int) -> None:
        if self.moved + length > MOST:
            raise ArchiveError("too much of it would have to be fetched")
        self._pieces.append((start, self._fetch(start, length)))
        self.moved += length
