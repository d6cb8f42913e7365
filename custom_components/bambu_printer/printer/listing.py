"""Listings of folders, as ``ls -l`` prints them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
import re

from .paths import is_name, join

_MONTHS = (
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
)
_HALF_YEAR = 190
"""Days by which a date without a year may lie ahead or behind."""
_MOST_ENTRIES = 20_000
"""Of one folder; a damaged card can hold any number of them."""
# Mode, links, owner, group, size, month, day, year or time, and a name with any spaces.
_LINE = re.compile(
    r"([-d])\S* +\d+ +\S+ +\S+ +(\d+) +([A-Z][a-z]{2}) +(\d{1,2}) +(\d{1,2}:\d{2}|\d{4}) (.+)"
)


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
    folder: str,
    lines: Iterable[str],
    *,
    calendar_year: bool = False,
    today: datetime | None = None,
) -> Iterator[Entry]:
    """Read the lines of a listing; what is no entry is left out.

    `calendar_year`: a date without a year is of this calendar year, not the nearest one.
    """
    today = today or datetime.now(UTC)
    for count, line in enumerate(lines):
        if count >= _MOST_ENTRIES:
            return
        found = _LINE.fullmatch(line.rstrip("\r"))
        if found is None:
            continue
        kind, size, month, day, when, name = found.groups()
        if name in (".", "..") or "/" in name or not is_name(name):
            continue
        is_folder = kind == "d"
        yield Entry(
            path=join(folder, name),
            name=name,
            folder=is_folder,
            size=0 if is_folder else int(size),
            modified=_modified(month, day, when, today, calendar_year=calendar_year),
        )


def _modified(
    month: str, day: str, year_or_time: str, today: datetime, *, calendar_year: bool
) -> str:
    try:
        number = _MONTHS.index(month) + 1
        if ":" not in year_or_time:
            return datetime(int(year_or_time), number, int(day)).isoformat()  # noqa: DTZ001
        hour, minute = (int(part) for part in year_or_time.split(":"))
        for year in (today.year, today.year - 1, today.year + 1):
            found = datetime(year, number, int(day), hour, minute)  # noqa: DTZ001
            ahead = (found - today.replace(tzinfo=None)).days
            if ahead <= _HALF_YEAR and (calendar_year or ahead >= -_HALF_YEAR):
                return found.isoformat()
    except ValueError:
        pass
    return ""
