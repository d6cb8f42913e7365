"""Parsing reports without parsing the same spools again every second."""

from contextlib import suppress
from json import JSONDecodeError, JSONDecoder
from typing import Any, Final

import orjson

_KEY: Final = "ams"
"""More than half of a full report, and the same for hours."""
_NAME: Final = b'"ams"'
_PLACEHOLDER: Final = "@"
_MEMBER: Final = b'"ams":"@"'


class ReportParser:
    """Parses the messages of one printer: the same result as parsing each for itself.

    The text of the AMS object is remembered with what it meant.  When it comes again, byte
    for byte, it is cut out and only the rest is parsed.  What is returned shares its
    parts with earlier results and must not be changed.
    """

    def __init__(self) -> None:
        """Start without anything to remember."""
        self._text = b""
        """The remembered member of the report, from its name on; empty: none."""
        self._value: Any = None

    def parse(self, payload: bytes | bytearray) -> Any:
        """Return what a message says; raises `orjson.JSONDecodeError`."""
        start = payload.find(_NAME)
        if start < 0:
            return _loads(payload)
        if self._text and payload.startswith(self._text, start):
            end = start + len(self._text)
            message = _loads(payload[:start] + _MEMBER + payload[end:])
            status = _status(message)
            # Anywhere else but where it is expected it means something else.
            if status.get(_KEY) == _PLACEHOLDER:
                status[_KEY] = self._value
                return message
        message = _loads(payload)
        self._remember(payload, start, _status(message).get(_KEY))
        return message

    def _remember(self, payload: bytes | bytearray, start: int, value: object) -> None:
        """Note the text of an object that was the same the last time, too.

        One that is another in each report would cost more than it saves.
        """
        if not isinstance(value, dict) or value != self._value:
            self._text, self._value = b"", value
            return
        self._text = b""
        with suppress(ValueError):
            text = payload[start:].decode()
            begin = text.index("{")
            found, end = _DECODER.raw_decode(text, begin)
            # It must be the member itself, and not the word in another place.
            if text[len(_NAME) : begin].strip() == ":" and found == value:
                self._text = text[:end].encode()


_DECODER = JSONDecoder()


def _status(message: Any) -> dict[str, Any]:
    status = message.get("print") if isinstance(message, dict) else None
    return status if isinstance(status, dict) else {}


def _loads(payload: bytes | bytearray) -> Any:
    """Parse JSON; some firmware sends file names that are no valid UTF-8."""
    try:
        return orjson.loads(payload)
    except JSONDecodeError:
        return orjson.loads(payload.decode("utf-8", "replace"))
