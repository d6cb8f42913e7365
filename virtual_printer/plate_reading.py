"""What the printer reads of an archive before it prints a plate."""

from dataclasses import dataclass
from pathlib import Path
import re
from xml.etree import ElementTree as ET
import zipfile
import zlib

_MOST = 4 << 20


@dataclass(frozen=True, slots=True)
class PlateFacts:
    """A plate that can be printed; zeros are unknown."""

    layers: int = 0
    seconds: int = 0
    # None: the archive does not say, whatever is asked for is left out.
    objects: tuple[int, ...] | None = None


class UnprintableError(Exception):
    """The archive cannot be read or has no such plate."""


def read_plate(path: Path, number: int) -> PlateFacts:
    """Read a plate of an archive."""
    try:
        with zipfile.ZipFile(path) as archive:
            with archive.open(f"Metadata/plate_{number}.gcode") as gcode:
                head = gcode.read(1 << 16).decode(errors="replace")
            try:
                info = archive.getinfo("Metadata/slice_info.config")
            except KeyError:
                return PlateFacts(layers=_layers(head))
            if info.file_size > _MOST:
                raise UnprintableError(path.name)
            with archive.open(info) as member:
                text = member.read(_MOST)
        return _facts(text, number, _layers(head))
    except (
        zipfile.BadZipFile,
        zlib.error,
        ET.ParseError,
        OSError,
        EOFError,
        KeyError,
        ValueError,
        NotImplementedError,
    ) as err:
        raise UnprintableError(path.name) from err


def _layers(head: str) -> int:
    found = re.search(r"^; total layer number: (\d+)", head, re.MULTILINE)
    return int(found.group(1)) if found else 0


def _facts(text: bytes, number: int, layers: int) -> PlateFacts:
    # A virtual printer reads what tests put on its card.
    for plate in ET.fromstring(text).iter("plate"):  # noqa: S314
        values = {item.get("key"): item.get("value") for item in plate.iter("metadata")}
        if values.get("index") == str(number):
            return PlateFacts(
                layers=layers,
                seconds=int(values.get("prediction") or 0),
                objects=tuple(
                    int(item.get("identify_id", "0")) for item in plate.iter("object")
                ),
            )
    return PlateFacts(layers=layers)
