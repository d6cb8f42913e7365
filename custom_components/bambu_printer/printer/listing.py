"""Listings of folders, as ``ls -l`` prints them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from .paths import join

_MONTHS = [
    "Jan",
    "Feb",
    "Mar",
    "Apr",
    "May",
    "Jun",
    "Jul",
    "Aug",
    "Sep",
    "Oct",
    "Nov",
    "Dec",
]
_HALF_YEAR = 190
"""Days by which a date without a year may lie ahead or behind."""
_MOST_ENTRIES = 20_000
"""A damaged card can hold any number of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A file or folder on the printer's storage."""

    path: str
    name: str
    folder: bool
    size: int
    """Bytes; 0 for a folder."""
    modified: str
    """By the printer's clock, which may be wrong, without a time zone; ``""``: unknown.
    Good for comparing two listings, not for telling when something was."""


def parse_listing(
    folder: str, lines: Iterable[str], today: datetime
) -> Iterator[Entry]:
    """Read the lines of a listing; what is no entry is left out."""
    for count, line in enumerate(lines):
        if count >= _MOST_ENTRIES:
            return
        fields = line.split(maxsplit=8)
        if len(fields) < 9 or line[:1] not in "-d":
            continue
        name = fields[8]
        if name in (".", "..") or "/" in name or not name.isprintable():
            continue
        is_folder = line.startswith("d")
        try:
            size = 0 if is_folder else int(fields[4])
        except ValueError:
            continue
        yield Entry(
            path=join(folder, name),
            name=name,
            folder=is_folder,
            size=size,
            modified=_modified(fields[5], fields[6], fields[7], today),
        )


def _modified(month: str, day: str, year_or_time: str, today: datetime) -> str:
    """Read a date; without a year it is the one nearest to today."""
    try:
        number = _MONTHS.index(month) + 1
        if ":" not in year_or_time:
            return datetime(int(year_or_time), number, int(day)).isoformat()  # noqa: DTZ001
        hour, minute = (int(part) for part in year_or_time.split(":"))
        for year in (today.year, today.year - 1, today.year + 1):
            found = datetime(year, number, int(day), hour, minute)  # noqa: DTZ001
            if abs((found - today.replace(tzinfo=None)).days) <= _HALF_YEAR:
                return found.isoformat()
    except ValueError:
        pass
    return ""
