"""Archives that no reader may stumble over, and one that every reader must take."""

from collections.abc import Callable, Iterator
import io
import itertools
import zlib

from .threemf import Plate, Project, project_bytes, slice_info
from .zipping import ZipWriter

_INFO = "Metadata/slice_info.config"
_PROJECT = Project(title="Hostile", plates=(Plate(index=1),))
_GCODE = "; HEADER_BLOCK_START\n; total layer number: 88\n; HEADER_BLOCK_END\n"


def _archive(fill: Callable[[ZipWriter], None], *, info: bool = True) -> bytes:
    buffer = io.BytesIO()
    archive = ZipWriter(buffer)
    archive.add("Metadata/plate_1.gcode", _GCODE, descriptor=True)
    if info:
        archive.add(_INFO, slice_info(_PROJECT))
    fill(archive)
    archive.finish()
    return buffer.getvalue()


def zip_bomb(inflated: int = 1 << 30, name: str = _INFO) -> bytes:
    """Return an archive with a member that inflates a thousandfold."""
    block = bytes(1 << 20)
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = squeeze.compress(block) + squeeze.flush(zlib.Z_FULL_FLUSH)
    end = squeeze.flush()
    times, crc = inflated >> 20, 0
    for _ in range(times):
        crc = zlib.crc32(block, crc)

    def fill(archive: ZipWriter) -> None:
        archive.add_packed(
            name,
            itertools.chain(itertools.repeat(packed, times), (end,)),
            packed=len(packed) * times + len(end),
            size=times << 20,
            crc=crc,
        )

    return _archive(fill, info=name != _INFO)


def lying_bomb(inflated: int = 64 << 20) -> bytes:
    """Return a bomb whose directory claims a small size."""

    def fill(archive: ZipWriter) -> None:
        archive.add(_INFO, bytes(inflated)).size = 1000

    return _archive(fill, info=False)


def entity_bomb() -> bytes:
    """Return an archive whose configuration is the billion laughs."""
    names = "abcdefghij"
    entities = ['<!ENTITY a "lol">'] + [
        f'<!ENTITY {name} "{f"&{before};" * 10}">'
        for before, name in itertools.pairwise(names)
    ]
    text = f"<!DOCTYPE config [{''.join(entities)}]><config><plate>&j;</plate></config>"
    return _archive(lambda archive: _add(archive, _INFO, text), info=False)


def external_entity(target: str = "file:///etc/hostname") -> bytes:
    """Return an archive whose configuration asks for a file of the reader."""
    text = (
        f'<!DOCTYPE config [<!ENTITY x SYSTEM "{target}">]>'
        '<config><plate><metadata key="index" value="1"/>'
        '<object identify_id="1" name="&x;" skipped="false"/></plate></config>'
    )
    return _archive(lambda archive: _add(archive, _INFO, text), info=False)


def escaping_names() -> bytes:
    """Return an archive with names that lead out of it."""

    def fill(archive: ZipWriter) -> None:
        for name in ("../escaped.txt", "/etc/escaped.txt", "..\\escaped.txt", "C:/x"):
            archive.add(name, "out")

    return _archive(fill)


def truncated(keep: float = 0.7) -> bytes:
    """Return an archive that ends too early: its directory is missing."""
    whole = project_bytes(_PROJECT)
    return whole[: int(len(whole) * keep)]


def cut_directory() -> bytes:
    """Return an archive whose directory ends in the middle."""
    whole = project_bytes(_PROJECT)
    return whole[:-60] + whole[-22:]


def wrong_crc() -> bytes:
    """Return an archive whose configuration does not have the checksum that it claims."""

    def fill(archive: ZipWriter) -> None:
        archive.add(_INFO, slice_info(_PROJECT)).crc ^= 1

    return _archive(fill, info=False)


def absurd_sizes() -> bytes:
    """Return an archive whose configuration claims almost four gigabytes."""

    def fill(archive: ZipWriter) -> None:
        member = archive.add(_INFO, slice_info(_PROJECT))
        member.size = member.packed = 0xFFFFFFF0

    return _archive(fill, info=False)


def absurd_offsets() -> bytes:
    """Return an archive whose configuration lies behind its end."""

    def fill(archive: ZipWriter) -> None:
        archive.add(_INFO, slice_info(_PROJECT)).offset = 0x7FFFFFFF

    return _archive(fill, info=False)


def many_members(count: int = 70_000) -> bytes:
    """Return an archive with more members than its directory can number."""

    def fill(archive: ZipWriter) -> None:
        for number in range(count):
            archive.add(f"Auxiliaries/{number}", b"", deflate=False)
        archive.members[-1].zip64 = True

    return _archive(fill)


def zip64() -> bytes:
    """Return a valid archive with the extensions for large files."""

    def fill(archive: ZipWriter) -> None:
        archive.add(_INFO, slice_info(_PROJECT), zip64=True)

    return _archive(fill, info=False)


def _add(archive: ZipWriter, name: str, text: str) -> None:
    archive.add(name, text)


def hostile() -> Iterator[tuple[str, bytes]]:
    """Yield every small hostile archive with a name."""
    yield "entity_bomb", entity_bomb()
    yield "external_entity", external_entity()
    yield "escaping_names", escaping_names()
    yield "truncated", truncated()
    yield "cut_directory", cut_directory()
    yield "wrong_crc", wrong_crc()
    yield "absurd_sizes", absurd_sizes()
    yield "absurd_offsets", absurd_offsets()
    yield "lying_bomb", lying_bomb(1 << 24)
    yield "zip_bomb", zip_bomb(1 << 26)
    yield "empty", b""
    yield "no_archive", b"not an archive at all"
