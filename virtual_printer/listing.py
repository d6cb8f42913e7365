"""Lines of a directory listing."""

from collections.abc import Iterable, Iterator
import os
from pathlib import Path
import stat
import time

_MONTHS = (
    *("Jan", "Feb", "Mar", "Apr", "May", "Jun"),
    *("Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
)
_HALF_A_YEAR = 182 * 86400


def entries(folder: Path, *, hidden: bool) -> list[os.DirEntry[str]]:
    """Return what is in a folder, by name."""
    with os.scandir(folder) as found:
        return sorted(
            (item for item in found if hidden or not item.name.startswith(".")),
            key=lambda item: item.name,
        )


def lines(
    items: Iterable[tuple[str, os.stat_result]], *, calendar_year: bool
) -> Iterator[str]:
    """Yield one line for each entry, in the way of `ls -l`.

    The time stands there for entries of this calendar year, or for entries of the last
    half year; otherwise the year.
    """
    now = time.time()
    for name, status in items:
        when = time.gmtime(status.st_mtime)
        if calendar_year:
            recent = when.tm_year == time.gmtime(now).tm_year
        else:
            recent = now - _HALF_A_YEAR < status.st_mtime <= now + 86400
        clock = f"{when.tm_hour:02}:{when.tm_min:02}" if recent else f"{when.tm_year:5}"
        folder = stat.S_ISDIR(status.st_mode)
        mode, links = ("drwxr-xr-x", 2) if folder else ("-rw-r--r--", 1)
        size = 4096 if folder else status.st_size
        month = _MONTHS[when.tm_mon - 1]
        yield (
            f"{mode} {links:4} 1000     1000     {size:12} {month} {when.tm_mday:2}"
            f" {clock:5} {name}\r\n"
        )


def stamp(status: os.stat_result) -> str:
    """Return the time of a file as MDTM does."""
    return time.strftime("%Y%m%d%H%M%S", time.gmtime(status.st_mtime))
