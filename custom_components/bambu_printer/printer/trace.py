"""The last messages of a printer, kept so that what went wrong can be seen again.

A trace is what was known at some moment, and all messages since then.  Kept are two
halves; when the newer one is full the older one goes, so that there is always a moment to
begin with.  What is kept are the parsed values themselves, which nobody changes: keeping
them costs no copy.  Of a report that tells everything anew only the news are kept: eighty
whole ones would be a megabyte for each printer.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from .redaction import Redaction, secrets_of
from .values import Raw, mapping

_HALF: Final = 40
"""Messages in a half: a printer that prints sends one or two a second."""
_MOST_VALUES: Final = 5_000
"""Values in the messages of a half, and in one message; a large report has about 700."""
VERSION: Final = 2
_PARTS: Final = "device"
"""The one object that changes with each report of some models, though never most of it."""


type _Message = tuple[datetime, Raw, bool]
"""When it came, what it said, and whether it has told everything else, too, just as it
was known."""


@dataclass(slots=True)
class _Half:
    base: Raw
    """What was known before its first message."""
    messages: list[_Message] = field(default_factory=list)
    values: int = 0


class Trace:
    """The last messages of one printer."""

    def __init__(self) -> None:
        """Start at the beginning."""
        self._older: _Half | None = None
        self._newer = _Half({})
        self.skipped = 0
        """Messages that were too large to keep."""

    def record(
        self, at: datetime, message: Raw, before: Raw, news: Raw | None = None
    ) -> None:
        """Keep a message, and what was known before it.

        `news` is what was not known yet in one that has told everything else as well; of the
        device object only the parts that differ.
        """
        if news is not None:
            message = {
                "print": {"sequence_id": message["print"].get("sequence_id"), **news}
            }
        size = _size(message, _MOST_VALUES)
        if size >= _MOST_VALUES:
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
        half.messages.append((at, message, news is not None))
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
                {
                    "at": at.isoformat(),
                    "only_news": only_news,
                    "message": redaction.redact(message),
                }
                for half in halves
                for at, message, only_news in half.messages
            ],
        }


def whole(item: Mapping[str, Any], known: Raw) -> Raw:
    """Return the message of an item of a trace as it came; `known` is what was before it."""
    message = mapping(item.get("message"))
    if not item.get("only_news"):
        return message
    # Beside the reports there are things under names with this mark.
    rest = {key: value for key, value in known.items() if not key.startswith("@")}
    news = {**mapping(message.get("print"))}
    if _PARTS in news:
        news[_PARTS] = {**mapping(rest.get(_PARTS)), **mapping(news[_PARTS])}
    return {"print": {**rest, **news}}


def _size(value: Raw, limit: int) -> int:
    """Count the values in a message, up to a limit."""
    count = 1
    waiting: list[Any] = [value]
    for item in waiting:
        count += len(item)
        if count >= limit:
            break
        for each in item if type(item) is list else item.values():
            if isinstance(each, (dict, list)):
                waiting.append(each)  # noqa: PERF401
    return count
