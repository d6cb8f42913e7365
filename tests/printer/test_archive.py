"""Reading members out of archives, at any place and as they pass by."""

from contextlib import suppress
import io
import os
import random
import struct
import zipfile
import zlib

import pytest

from custom_components.bambu_printer.printer import archive as archive_module
from custom_components.bambu_printer.printer.archive import (
    MAX_MEMBER_SIZE,
    ArchiveError,
    ArchiveStream,
    IncompleteArchiveError,
    SeekableArchive,
)

SMALL = {"Metadata/a.config": b"<a/>" * 50, "Metadata/b.png": os.urandom(3000)}


class Unseekable(io.RawIOBase):
    """A target that can only be written on: the writer cannot go back to fill in sizes."""

    def __init__(self):
        self.content = bytearray()

    def writable(self):
        return True

    def write(self, block):
        self.content += block
        return len(block)


def packed(members, *, seekable=True, method=zipfile.ZIP_DEFLATED):
    target = io.BytesIO() if seekable else Unseekable()
    with zipfile.ZipFile(target, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return target.getvalue() if seekable else bytes(target.content)


def streamed(content, *, block=65536, wanted=lambda _: True):
    stream = ArchiveStream(wanted)
    for start in range(0, len(content), block):
        stream.write(content[start : start + block])
    return stream


@pytest.mark.parametrize("block", [1, 7, 30, 4096, 1 << 20])
@pytest.mark.parametrize("seekable", [True, False])
def test_both_ways_read_the_same(seekable, block):
    content = packed({**SMALL, "big.gcode": os.urandom(40_000)}, seekable=seekable)
    stream = streamed(content, block=block)
    archive = SeekableArchive(io.BytesIO(content))
    assert stream.complete
    assert stream.names == archive.names == {*SMALL, "big.gcode"}
    for name in archive.names:
        assert stream.read(name) == archive.read(name)


def test_stored_members_with_known_sizes():
    content = packed(SMALL, method=zipfile.ZIP_STORED)
    stream = streamed(content, block=11)
    assert {name: stream.read(name) for name in SMALL} == SMALL


def test_empty_members():
    stream = streamed(packed({"empty": b"", **SMALL}, seekable=False), block=5)
    assert stream.read("empty") == b""
    assert stream.complete


def test_what_is_not_wanted_is_not_kept():
    content = packed({"big": bytes(5_000_000), **SMALL})
    stream = streamed(content, wanted=lambda name: name.startswith("Metadata"))
    assert stream.read("big") is None
    assert "big" in stream.names
    assert stream.read("Metadata/a.config") == SMALL["Metadata/a.config"]


def test_absent_members():
    content = packed(SMALL)
    assert streamed(content).read("nothing") is None
    assert SeekableArchive(io.BytesIO(content)).read("nothing") is None


def test_a_large_member_passes_by_in_little_memory():
    stream = ArchiveStream(lambda _: False)
    packer = zlib.compressobj(1, zlib.DEFLATED, -15)
    header = struct.pack("<4s5H3L2H", b"PK\x03\x04", 20, 8, 8, 0, 0, 0, 0, 0, 1, 0)
    stream.write(header + b"g")
    for _ in range(200):
        stream.write(packer.compress(os.urandom(1 << 16)))
        assert len(stream._buffer) < 1 << 18
    stream.write(packer.flush())
    stream.write(b"PK\x07\x08" + bytes(12) + b"PK\x01\x02")
    assert stream.complete


@pytest.mark.parametrize("size", [0, 3, 29, 35, 60])
def test_truncated_is_not_complete(size):
    content = packed(SMALL)[:size]
    assert not streamed(content).complete
    with pytest.raises(ArchiveError):
        SeekableArchive(io.BytesIO(content))


@pytest.mark.parametrize(
    "content", [b"", b"garbage garbage garbage", b"PK\x05\x06" + bytes(18)]
)
def test_no_archive(content):
    if content.startswith(b"garb"):
        with pytest.raises(ArchiveError):
            streamed(content)
    elif not content:
        assert not streamed(content).complete


@pytest.mark.parametrize(
    "name", ["../evil", "/etc/passwd", "a/../../b", "..\\evil", "\\x"]
)
def test_names_that_lead_out(name):
    content = packed({name: b"x"})
    with pytest.raises(ArchiveError, match="unsafe"):
        SeekableArchive(io.BytesIO(content))
    with pytest.raises(ArchiveError, match="unsafe"):
        streamed(content)


def test_bombs():
    content = packed({"Metadata/bomb.png": bytes(MAX_MEMBER_SIZE + 1)})
    assert len(content) < 50_000
    with pytest.raises(ArchiveError, match="too large"):
        SeekableArchive(io.BytesIO(content)).read("Metadata/bomb.png")
    with pytest.raises(ArchiveError, match="too large"):
        streamed(content)


def test_size_that_lies():
    """The directory says little, the member is a bomb."""
    content = bytearray(packed({"m": bytes(MAX_MEMBER_SIZE + 1)}))
    position = content.index(b"PK\x01\x02")
    content[position + 24 : position + 28] = (10).to_bytes(4, "little")
    archive = SeekableArchive(io.BytesIO(bytes(content)))
    try:
        found = archive.read("m")
    except ArchiveError:
        return
    assert found is not None
    assert len(found) <= 10


def test_wrong_checksum():
    content = bytearray(packed({"m": b"hello world" * 100}))
    content[14] ^= 0xFF
    position = content.index(b"PK\x01\x02")
    content[position + 16] ^= 0xFF
    with pytest.raises(ArchiveError, match="damaged"):
        SeekableArchive(io.BytesIO(bytes(content))).read("m")
    with pytest.raises(ArchiveError, match="damaged"):
        streamed(bytes(content))


def test_damaged_data():
    content = bytearray(packed({"m": os.urandom(2000)}))
    content[60:200] = bytes(140)
    with pytest.raises(ArchiveError, match="damaged"):
        streamed(bytes(content))


def test_encrypted():
    content = bytearray(packed({"m": b"x"}))
    content[6] |= 1
    with pytest.raises(ArchiveError, match="unknown way"):
        streamed(bytes(content))


METHODS = (
    zipfile.ZIP_STORED,
    zipfile.ZIP_DEFLATED,
    zipfile.ZIP_BZIP2,
    zipfile.ZIP_LZMA,
)


@pytest.mark.parametrize("method", METHODS)
def test_damage_anywhere_is_an_error_or_none(method):
    """Whatever is wrong with an archive, nobody gets to see what the libraries raise."""
    whole = packed(SMALL, method=method)
    choose = random.Random(method)
    for _ in range(300):
        content = bytearray(whole)
        places = [n for n in range(len(content) - 4) if content[n : n + 2] == b"PK"]
        for _ in range(choose.choice((1, 2, 5))):
            place = choose.choice(places) + choose.randrange(46)
            content[min(place, len(content) - 1)] = choose.choice((0, 3, 255))
        del content[choose.choice((len(content), choose.randrange(len(content)))) :]
        for read in (read_all, lambda content: streamed(content, block=999)):
            with suppress(ArchiveError):
                read(bytes(content))


def read_all(content):
    archive = SeekableArchive(io.BytesIO(content))
    for name in archive.names:
        archive.read(name)


@pytest.mark.parametrize("method", METHODS[2:])
def test_packed_in_a_way_that_no_slicer_uses(method):
    content = packed(SMALL, method=method)
    with pytest.raises(ArchiveError, match="unknown way"):
        read_all(content)
    with pytest.raises(ArchiveError, match="unknown way"):
        streamed(content)


def test_sizes_in_the_wide_form():
    content = packed(SMALL)
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, member in SMALL.items():
            with archive.open(name, "w", force_zip64=True) as file:
                file.write(member)
    stream = streamed(target.getvalue(), block=13)
    assert {name: stream.read(name) for name in SMALL} == SMALL
    assert streamed(content).names == stream.names


def test_pictures_are_bounded():
    """Of too many the rest is left out; what is needed is kept all the same."""
    members = {f"p{n}.png": os.urandom(3 << 20) for n in range(6)} | {"last": b"x"}
    content = packed(members, method=zipfile.ZIP_STORED)
    stream = ArchiveStream(lambda _: True, lambda name: name.endswith(".png"))
    stream.write(content)
    assert stream.names == set(members)
    assert stream.read("last") == b"x"
    kept = [name for name in members if stream.read(name) is not None]
    assert kept == ["p0.png", "p1.png", "p2.png", "p3.png", "last"]


def test_a_member_that_never_ends(monkeypatch):
    monkeypatch.setattr(archive_module, "MAX_INFLATED", 5 << 20)
    content = packed({"bomb": bytes(6 << 20)}, seekable=False)
    with pytest.raises(ArchiveError, match="never ends"):
        streamed(content, wanted=lambda _: False)


def test_sums_behind_members_are_checked():
    content = bytearray(packed({"m": b"hello world" * 100}, seekable=False))
    position = content.index(b"PK\x07\x08")
    content[position + 4] ^= 1
    with pytest.raises(ArchiveError, match="damaged"):
        streamed(bytes(content))


def test_directories_that_are_too_large():
    content = packed({f"{'x' * 200}{n}": b"" for n in range(4999)})
    with pytest.raises(ArchiveError, match="too many"):
        SeekableArchive(io.BytesIO(content))


def test_incomplete_or_none_at_all():
    whole = packed(SMALL)
    with pytest.raises(IncompleteArchiveError):
        SeekableArchive(io.BytesIO(whole[:-40]))
    with pytest.raises(ArchiveError) as caught:
        SeekableArchive(io.BytesIO(b"something else" * 10))
    assert not isinstance(caught.value, IncompleteArchiveError)
