"""Parsing reports without parsing again what they say in the same words every second."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from itertools import batched, chain
from json import JSONDecodeError, JSONDecoder
import re
from secrets import token_hex
from typing import Any, Final

import orjson

from .known import FULL_KEYS, STATUS_COMMAND

_STATUS: Final = "print"
_SHORTEST_REPORT: Final = 1_000
"""Bytes; what is shorter is parsed faster than it is compared."""
_SHORTEST_BLOCK: Final = 64
"""Bytes; likewise."""
_HEAD: Final = 48
"""Bytes at the beginning of a block by which it is found: looking for all of a long one
would cost more than parsing it."""
_PAUSE: Final = 4
"""Reports between two looks at what keeps changing: each costs as much as parsing ten."""
_FORGOTTEN_AFTER: Final = 256
"""Reports after which what has not changed again counts as standing still."""


class Status(dict[str, Any]):
    """The status of a report, most of which is known from the one before."""

    __slots__ = ("moving", "same")

    same: Mapping[str, Any]
    """What it shares with other reports: the very same object in all of them."""
    moving: Mapping[str, Any]
    """The rest."""


class ReportParser:
    """Parses the messages of one printer: the same result as parsing each for itself.

    Reports that tell everything consist of long stretches of text that stay the same, and a
    few short ones that do not.  The former are remembered with what they mean; when they
    come again, byte for byte and in the same order, only what stands between them is
    parsed.  What is returned shares its parts with earlier results and must not be changed.
    """

    def __init__(self) -> None:
        """Start without anything to remember."""
        self._count = 0
        """Reports so far that were long enough to be looked at."""
        self._looked = -_PAUSE
        """The number of the one that was last taken apart."""
        self._status: dict[str, Any] = {}
        """What that one has said."""
        self._moved: dict[str, int] = {}
        """By key: the number of the last report in which a change was noticed."""
        self._blocks: tuple[bytes, ...] = ()
        """What stays the same, from the beginning to the end of a report; empty: unknown."""
        self._same: dict[str, Any] = {}
        """What the blocks mean."""
        # Nobody who writes reports can know it: it stands only where it was put.
        self._mark = token_hex(8)
        self._joint = b'},"%s",{' % self._mark.encode()
        self._marks: list[str] = []
        """As many as there are joints between the pieces."""

    def parse(self, payload: bytes | bytearray) -> Any:
        """Return what a message says; raises `orjson.JSONDecodeError`."""
        if len(payload) < _SHORTEST_REPORT:
            return _loads(payload)
        self._count += 1
        if (
            self._blocks
            and self._count - self._looked < _FORGOTTEN_AFTER
            and (status := self._fill_in(payload)) is not None
        ):
            return {_STATUS: status}
        message = _loads(payload)
        if self._count - self._looked >= _PAUSE and _is_report(message):
            # Nested deeper than any report: garbage, and not worth more.
            with suppress(RecursionError):
                self._look_at(payload, message[_STATUS])
        return message

    def _fill_in(self, payload: bytes | bytearray) -> Status | None:
        """Parse what stands between the blocks; None when they are not where they were."""
        pieces = _between(payload, self._blocks)
        if pieces is None:
            return None
        try:
            parts = orjson.loads(b"[{%s}]" % self._joint.join(pieces)) if pieces else []
        except JSONDecodeError:
            return None
        if parts[1::2] != self._marks:
            # Brackets that are opened in one piece and closed in another.
            return None
        moving: dict[str, Any] = {}
        count = 0
        for part in parts[::2]:
            if not part:
                # Between two commas there must be something.
                return None
            count += len(part)
            moving |= part
        status = Status(self._same)
        status.same, status.moving = self._same, moving
        status.update(moving)
        # Of what is said twice the last word counts, wherever it stands.
        once = count == len(moving) == len(status) - len(self._same)
        return status if once else None

    def _look_at(self, payload: bytes | bytearray, status: dict[str, Any]) -> None:
        """Find out what has changed since the last look, and remember the rest."""
        known, self._status, self._blocks = self._status, status, ()
        if not known:
            return
        self._looked = self._count
        for key in known.keys() & status.keys():
            if known[key] == status[key]:
                # The same object as before: nothing is kept twice.
                status[key] = known[key]
            else:
                self._moved[key] = self._count
        self._moved = {
            key: at
            for key, at in self._moved.items()
            if key in status and self._count - at < _FORGOTTEN_AFTER
        }
        # Text that is no UTF-8 was read only as far as it goes.
        with suppress(ValueError):
            self._remember(payload.decode(), status)

    def _remember(self, text: str, status: Mapping[str, Any]) -> None:
        members = list(_members(text))
        if [key for key, _, _ in members] != list(status):
            # Something is said twice, and only the last word counts.
            return
        moving: list[list[int]] = []
        for key, start, end in members:
            if key not in self._moved:
                continue
            if moving and start - moving[-1][1] < _SHORTEST_BLOCK:
                moving[-1][1] = end
            else:
                moving.append([start, end])
        if sum(end - start for start, end in moving) > len(text) / 2:
            return
        edges = [0, *chain.from_iterable(moving), len(text)]
        self._blocks = tuple(
            text[start:end].encode() for start, end in batched(edges, 2, strict=True)
        )
        self._marks = [self._mark] * (len(moving) - 1)
        self._same = {
            key: status[key]
            for key, start, _ in members
            if not any(first <= start < last for first, last in moving)
        }


def _between(
    payload: bytes | bytearray, blocks: tuple[bytes, ...]
) -> list[bytes | bytearray] | None:
    """Return what stands between the blocks; None when one of them is missing."""
    first, *others = blocks
    if not others:
        return [] if payload == first else None
    if not (payload.startswith(first) and payload.endswith(last := others.pop())):
        return None
    pieces = []
    start = len(first)
    for block in others:
        head = block[:_HEAD]
        end = payload.find(head, start)
        while end >= 0 and not payload.startswith(block, end):
            end = payload.find(head, end + 1)
        if end < 0:
            return None
        pieces.append(payload[start:end])
        start = end + len(block)
    if start > (end := len(payload) - len(last)):
        return None
    pieces.append(payload[start:end])
    return pieces


def _members(text: str) -> Iterator[tuple[str, int, int]]:
    """Iterate over what a report says: each key, and where it stands with its value."""
    between = _OPENING.match(text)
    while between:
        start = between.end()
        key, end = _DECODER.raw_decode(text, start)
        if colon := _COLON.match(text, end):
            _, end = _DECODER.raw_decode(text, colon.end())
        yield key, start, end
        between = _COMMA.match(text, end)


_DECODER: Final = JSONDecoder()
_SPACE: Final = r"[ \t\n\r]*"
_COMMA: Final = re.compile(f"{_SPACE},{_SPACE}")
_COLON: Final = re.compile(f"{_SPACE}:{_SPACE}")
_OPENING: Final = re.compile(_SPACE.join(("", r"\{", f'"{_STATUS}"', ":", r"\{", "")))


def _is_report(message: Any) -> bool:
    """Whether a message is a report that tells everything, and nothing else."""
    status = message.get(_STATUS) if isinstance(message, dict) else None
    return (
        isinstance(status, dict)
        and len(message) == 1
        and len(status) >= FULL_KEYS
        and status.get("command", STATUS_COMMAND) == STATUS_COMMAND
    )


def _loads(payload: bytes | bytearray) -> Any:
    """Parse JSON; some firmware sends file names that are no valid UTF-8."""
    try:
        return orjson.loads(payload)
    except JSONDecodeError:
        return orjson.loads(payload.decode("utf-8", "replace"))
