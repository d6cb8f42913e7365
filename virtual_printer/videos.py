"""Timelapse videos: a few JPEG pictures in the container that the model writes."""

from functools import cache
import struct

from .pictures import frame

_FRAMES = 12
_RATE = 6


@cache
def avi(size: tuple[int, int] = (640, 360)) -> bytes:
    """Return an AVI with motion JPEG, as P1 and A1 write it."""
    width, height = size
    frames = [frame(number, _FRAMES, size) for number in range(_FRAMES)]
    largest = max(len(item) for item in frames)
    header = struct.pack(
        "<14L",
        *(1_000_000 // _RATE, largest * _RATE, 0, 0x10, len(frames), 0, 1, largest),
        *(width, height, 0, 0, 0, 0),
    )
    stream = struct.pack(
        "<4s4sLHHLLLLLLLL4H",
        *(b"vids", b"MJPG", 0, 0, 0, 0, 1, _RATE, 0, len(frames), largest, 0, 0),
        *(0, 0, width, height),
    )
    picture = struct.pack(
        "<LLLHH4sLLLLL",
        *(40, width, height, 1, 24, b"MJPG", width * height * 3, 0, 0, 0, 0),
    )
    movie, index = b"movi", b""
    for item in frames:
        index += struct.pack("<4sLLL", b"00dc", 0x10, len(movie), len(item))
        movie += _chunk(b"00dc", item)
    streams = b"strl" + _chunk(b"strh", stream) + _chunk(b"strf", picture)
    headers = b"hdrl" + _chunk(b"avih", header) + _chunk(b"LIST", streams)
    body = _chunk(b"LIST", headers) + _chunk(b"LIST", movie) + _chunk(b"idx1", index)
    return _chunk(b"RIFF", b"AVI " + body)


def _chunk(name: bytes, body: bytes) -> bytes:
    return name + struct.pack("<L", len(body)) + body + b"\0" * (len(body) % 2)


@cache
def mp4(size: tuple[int, int] = (640, 360)) -> bytes:
    """Return an MP4 with motion JPEG; the real ones are H.264, the container is the same."""
    width, height = size
    frames = [frame(number, _FRAMES, size) for number in range(_FRAMES)]
    count = len(frames)
    kind = _box(b"ftyp", b"isom\0\0\2\0isommp42")
    data = _box(b"mdat", b"".join(frames))
    matrix = struct.pack(">9L", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
    entry = struct.pack(
        ">6xH16xHHLLLH32sHh",
        *(1, width, height, 0x480000, 0x480000, 0, 1, b"\4JPEG", 24, -1),
    )
    table = b"".join(
        (
            _full(b"stsd", struct.pack(">L", 1) + _box(b"jpeg", entry)),
            _full(b"stts", struct.pack(">LLL", 1, count, 1)),
            _full(b"stsc", struct.pack(">LLLL", 1, 1, count, 1)),
            _full(b"stsz", struct.pack(f">LL{count}L", 0, count, *(map(len, frames)))),
            _full(b"stco", struct.pack(">LL", 1, len(kind) + 8)),
        )
    )
    reference = _box(b"dref", struct.pack(">LL", 0, 1) + _full(b"url ", b"", flags=1))
    media = (
        _full(b"mdhd", struct.pack(">LLLLHH", 0, 0, _RATE, count, 0x55C4, 0))
        + _full(b"hdlr", struct.pack(">L4s12x", 0, b"vide") + b"video\0")
        + _box(
            b"minf",
            _full(b"vmhd", bytes(8), flags=1)
            + _box(b"dinf", reference)
            + _box(b"stbl", table),
        )
    )
    track = _full(
        b"tkhd",
        struct.pack(">LLLLL8xHHHH", 0, 0, 1, 0, count, 0, 0, 0, 0)
        + matrix
        + struct.pack(">LL", width << 16, height << 16),
        flags=3,
    ) + _box(b"mdia", media)
    movie = struct.pack(">LLLLLH10x", 0, 0, _RATE, count, 0x10000, 0x100)
    header = _full(b"mvhd", movie + matrix + bytes(24) + struct.pack(">L", 2))
    return kind + data + _box(b"moov", header + _box(b"trak", track))


def _box(name: bytes, body: bytes) -> bytes:
    return struct.pack(">L", len(body) + 8) + name + body


def _full(name: bytes, body: bytes, flags: int = 0) -> bytes:
    return _box(name, struct.pack(">L", flags) + body)
