"""Which objects are meant when somebody leaves some out of a running job."""

from collections.abc import Sequence

from .errors import (
    AmbiguousObjectError,
    InvalidValueError,
    NoSuchObjectError,
    NothingLeftError,
    NotSkippableError,
    ObjectsUnknownError,
)
from .project import Plate, ProjectObject

MOST_OBJECTS = 64
"""Objects on a plate up to which the maker's own programs offer to skip some of them."""
_MOST_NAMED = 20
"""Objects that an error names at most."""


def skippable(plate: Plate) -> bool:
    """Tell whether objects of a plate can be skipped."""
    return plate.labelled and 2 <= len(plate.objects) <= MOST_OBJECTS


def object_numbers(
    wanted: Sequence[int | str], plate: Plate | None, skipped: Sequence[int] = ()
) -> list[int]:
    """Return the numbers of objects that are given by number or name, each once.

    Names are compared as written, else without regard to case.  A name that several
    objects have is an error that lists their numbers: skipping cannot be undone, and
    somebody who wants to be rid of one failed copy does not want to lose the others.
    Numbers in text count as numbers, unless an object is called so.

    Without a plate (nobody knows the file of the job) numbers are taken as they are, and
    names are an error.  With one, what is not on it is refused, and so is leaving nothing
    to print: for that there is stopping the job.

    Raises `InvalidValueError`, `ObjectsUnknownError`, `NoSuchObjectError`,
    `AmbiguousObjectError`, `NotSkippableError` or `NothingLeftError`.
    """
    if not wanted or any(isinstance(item, bool) for item in wanted):
        raise InvalidValueError("list of objects", list(wanted))
    numbers = [
        _plain_number(item) if plate is None else _number(item, plate.objects)
        for item in wanted
    ]
    unique = list(dict.fromkeys(numbers))
    if plate is not None:
        _check(unique, plate, skipped)
    return unique


def _plain_number(item: int | str) -> int:
    if isinstance(item, str):
        if not item.strip().isdecimal():
            raise ObjectsUnknownError
        item = int(item)
    if not isinstance(item, int) or item < 0:
        raise InvalidValueError("object", item)
    return item


def _number(item: int | str, objects: Sequence[ProjectObject]) -> int:
    if isinstance(item, str):
        name = item.strip()
        found = [x.identify_id for x in objects if x.name == name] or [
            x.identify_id for x in objects if x.name.casefold() == name.casefold()
        ]
        if len(found) > 1:
            raise AmbiguousObjectError(name, ", ".join(map(str, found)))
        if found:
            return found[0]
        if not name.isdecimal():
            raise NoSuchObjectError(name, _list(objects))
        item = int(name)
    if item not in {x.identify_id for x in objects}:
        raise NoSuchObjectError(str(item), _list(objects))
    return item


def _list(objects: Sequence[ProjectObject]) -> str:
    named = [f"{x.name or '?'} ({x.identify_id})" for x in objects[:_MOST_NAMED]]
    return ", ".join(named + ["…"] * (len(objects) > _MOST_NAMED)) or "-"


def _check(numbers: Sequence[int], plate: Plate, skipped: Sequence[int]) -> None:
    if not skippable(plate):
        raise NotSkippableError(MOST_OBJECTS)
    gone = {*numbers, *skipped} | {x.identify_id for x in plate.objects if x.skipped}
    if gone >= {x.identify_id for x in plate.objects}:
        raise NothingLeftError
