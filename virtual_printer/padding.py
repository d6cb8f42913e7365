"""Empty lines by the hundred million, compressed to as many zeros.

A file of zeros takes no room on a disk that knows holes, and no time to write. Deflate
lets the writer choose the code: when all symbols from the line feed on have eight bits,
the line feed, which is the first of them, has eight zeros. So a large project is valid
through and through, and only its few interesting kilobytes are ever written.
"""

from collections.abc import Iterator

_FIRST, _END = 10, 256
_SYMBOLS = 256
# The order in which lengths of codes are given, as far as the last one that is used.
_ORDER = (16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1)


class _Bits:
    """A deflate stream under construction; the lowest bit of a byte comes first."""

    def __init__(self) -> None:
        self.bits: list[int] = []

    def number(self, value: int, width: int) -> None:
        """Add a number, its lowest bit first."""
        self.bits += (value >> place & 1 for place in range(width))

    def code(self, value: int, width: int) -> None:
        """Add a Huffman code, its highest bit first."""
        self.bits += (value >> place & 1 for place in reversed(range(width)))

    def packed(self) -> bytes:
        """Return whole bytes, the last one filled up."""
        bits = self.bits + [0] * (-len(self.bits) % 8)
        return bytes(
            sum(bit << place for place, bit in enumerate(bits[start : start + 8]))
            for start in range(0, len(bits), 8)
        )


def empty_lines(count: int) -> Iterator[bytes | int]:
    """Yield the parts of a compressed run of line feeds: bytes, and numbers of zeros.

    It starts and ends at a whole byte and is not the end of its stream.
    """
    head = _Bits()
    head.number(0, 1)  # more follows
    head.number(2, 2)  # with a code of its own
    head.number(_FIRST + _SYMBOLS - 257, 5)
    head.number(1, 5)  # two distances, never used: not everybody takes none
    head.number(len(_ORDER) - 4, 4)
    for symbol in _ORDER:
        head.number(2 if symbol in (1, 8, 16, 17) else 0, 3)
    one, eight, repeat, skip = 0, 1, 2, 3
    head.code(skip, 2)  # the symbols before the line feed have no code
    head.number(_FIRST - 3, 3)
    head.code(eight, 2)
    left = _SYMBOLS - 1
    while left:
        times = min(6, left)
        head.code(repeat, 2)
        head.number(times - 3, 2)
        left -= times
    for _ in range(2):
        head.code(one, 2)
    used = len(head.bits) % 8
    if used:
        # The first line feed shares a byte with the head, the last one with the tail.
        count -= 1
    tail = _Bits()
    tail.number(0, used)
    tail.code(_END - _FIRST, 8)
    # An empty block that is not compressed ends at a whole byte.
    tail.number(0, 3)
    yield head.packed()
    yield count
    yield tail.packed() + b"\0\0\xff\xff"


def length_of(parts: list[bytes | int]) -> int:
    """Return the bytes that the parts have together."""
    return sum(part if isinstance(part, int) else len(part) for part in parts)
