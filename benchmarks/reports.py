"""The reports that are measured with: made up by the virtual printer, the same every time."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from virtual_printer import AmsKind, Spool, VirtualPrinter
from virtual_printer.filaments import PLA_BASIC
from virtual_printer.report import difference

type Json = dict[str, Any]

_SERIALS = {
    "X1C": "00M00A000000001",
    "H2D": "0940A0000000001",
    "P1S": "01P00A000000001",
}
_AMS_UNITS = {"X1C": 3, "H2D": 3, "P1S": 1}
"""As many as make a report as long as those that owners of several units see."""
_SPOOLS = tuple(
    Spool(filament=PLA_BASIC, color=color, color_name=f"A00-X{slot}", remain=80)
    for slot, color in enumerate(("FF0000FF", "00FF00FF", "0000FFFF", "FFFFFFFF"))
)


@dataclass(frozen=True)
class Stream:
    """The reports of one printer, a second apart, in the middle of a print."""

    name: str
    serial: str
    full: bytes
    """The first one, which tells everything."""
    following: list[bytes]

    @property
    def size(self) -> float:
        """Bytes of a report that follows, in the mean."""
        return sum(map(len, self.following)) / len(self.following)


def full_stream(model: str, count: int = 200) -> Stream:
    """Return full reports, as X1 and H2 series printers send them every second."""
    first, *following = (encode(report) for report in _snapshots(model, count + 1))
    return Stream(f"{model} full", _SERIALS[model], first, following)


def delta_stream(model: str, count: int = 200) -> Stream:
    """Return a full report and the changes after it, as P1 and A1 series printers do."""
    first, *rest = _snapshots(model, 3 * count + 1)
    following, old = [], first
    for report in rest:
        change = difference(old, report)
        old = report
        if change:
            following.append(encode({**change, "command": "push_status", "msg": 1}))
    return Stream(f"{model} delta", _SERIALS[model], encode(first), following[:count])


def encode(report: Json) -> bytes:
    """Write a report as a printer does."""
    return orjson.dumps({"print": report})


def new_printer[P: VirtualPrinter](
    model: str, kind: type[P], *, serial: str | None = None, **options: Any
) -> P:
    """Return a virtual printer with as many AMS units as the measurements want."""
    printer = kind(model, serial=serial or _SERIALS[model], storage=False, **options)
    for number in range(_AMS_UNITS[model]):
        printer.plug_ams(AmsKind.AMS, number, _SPOOLS)
    return printer


def _snapshots(model: str, count: int) -> Iterator[Json]:
    """Let the time of a print pass, a second at a time."""
    printer = new_printer(model, VirtualPrinter, autostart_reports=False)
    for number in range(count):
        printer.simulation.advance(1.0)
        report = printer.report
        _hover(report, number)
        yield {**report, "msg": 0, "sequence_id": str(2000 + number)}


def _hover(report: Json, number: int) -> None:
    """Let what sensors say wobble, more than the simulation does, and without chance."""
    if "bed_temper" in report:
        report["bed_temper"] += (number * 7 % 11 - 5) / 32
    report["wifi_signal"] = f"-{50 + number // 3 * 5 % 7}dBm"
