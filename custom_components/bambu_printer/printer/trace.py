"""The last messages of a printer, kept so that what went wrong can be seen again.

A trace is what was known at some moment, and all messages since then.  Kept are two
halves; when the newer one is full the older one goes, so that there is always a moment to
begin with.  What is kept are the parsed messages and states themselves, which nobody
changes: keeping them costs no copy.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from .redaction import Redaction, secrets_of
from .values import Raw

_HALF: Final = 40
"""Messages in a half: a printer that prints sends one or two a second."""
_MOST_VALUES: Final = 20_000
"""Values in the messages of a half; a large report has about 700."""
_MOST_VALUES_OF_MESSAGE: Final = 5_000
VERSION: Final = 1


@dataclass(slots=True)
class _Half:
    base: Raw
    """What was known before its first message."""
    messages: list[tuple[datetime, Raw]] = field(default_factory=list)
    values: int = 0


class Trace:
    """The last messages of one printer."""

    def __init__(self) -> None:
        """Start at the beginning."""
        self._older: _Half | None = None
        self._newer = _Half({})
        self.skipped = 0
        """Messages that were too large to keep."""

    def record(self, at: datetime, message: Raw, before: Raw) -> None:
        """Keep a message, and what was known before it."""
        size = _size(message, _MOST_VALUES_OF_MESSAGE)
        if size >= _MOST_VALUES_OF_MESSAGE:
            self.skipped += 1
            # What comes after it cannot be understood without it.
            self._older, self._newer = None, _Half({})
            return
        half = self._newer
        if len(half.messages) >= _HALF or half.values + size > _MOST_VALUES:
            self._older, self._newer = half, _Half(before)
            half = self._newer
        elif not half.messages:
            half.base = before
        half.messages.append((at, message))
        half.values += size

    def to_json(
        self, *, model_code: str, serial: str, secrets: set[str]
    ) -> dict[str, Any]:
        """Return the trace without anything private, to be read by `replay`."""
        halves = [half for half in (self._older, self._newer) if half is not None]
        base = halves[0].base
        redaction = Redaction({serial, *secrets, *secrets_of(base)})
        return {
            "version": VERSION,
            "model_code": model_code,
            # The beginning of a serial number tells the model, and nothing else.
            "serial_prefix": serial[:3],
            "skipped": self.skipped,
            "base": redaction.redact(base),
            "messages": [
                {"at": at.isoformat(), "message": redaction.redact(message)}
                for half in halves
                for at, message in half.messages
            ],
        }


def _size(value: object, limit: int) -> int:
    """Count the values in a message, up to a limit."""
    count, waiting = 0, [value]
    while waiting and count < limit:
        item = waiting.pop()
        count += 1
        if isinstance(item, dict):
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)
    return count
