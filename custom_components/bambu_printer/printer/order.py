"""The order of reports.

Printers number their reports.  One that comes after a later one must not bring back what
the later one has overtaken; what only it tells still counts, as printers tell many
values only once.

The numbers are not documented: in all captures they count up by one.  So nothing is done about
numbers that are missing, constant, or far from the ones before, and a series that goes on
in the past is taken for one that has started anew.
"""

from collections import deque
from collections.abc import Collection, Mapping
from typing import Any

from .known import FULL_KEYS
from .values import integer

_WINDOW = 16
"""How many reports one may be late by."""
_RESTART = 3
"""So many late ones in a row are no accident."""


class ReportOrder:
    """Knows the last reports of a connection."""

    def __init__(self) -> None:
        """Start with no report."""
        self._last: deque[tuple[int, Collection[str] | None]] = deque(maxlen=_WINDOW)
        """Numbers, and the keys that were told; None: all there are."""
        self._newest = 0
        self._late = 0
        self.repeated = False
        """Whether the last report had the number of the newest one before it."""

    def forget(self) -> None:
        """Start anew, with a new connection."""
        self._last.clear()
        self._newest = self._late = 0

    def overtaken(self, status: Mapping[str, Any]) -> set[str] | None:
        """Take note of a report.

        Returns None for one that is in order, and for one that is late the keys in it that
        later reports have told already.
        """
        number = integer(status.get("sequence_id"), 0)
        ahead = number - self._newest
        self.repeated = ahead == 0 < number
        late = -_WINDOW < ahead < 0 < number
        self._late = self._late + 1 if late else 0
        if not late or self._late >= _RESTART:
            if not 0 <= ahead < _WINDOW:
                self.forget()
            self._newest = number
            # Hardly any report is ever overtaken: what it takes to tell is made then.
            self._last.append((number, _told(status)))
            return None
        told: set[str] = set()
        for at, keys in self._last:
            if at > number:
                if keys is None:
                    return set(status)
                told.update(keys)
        return status.keys() & told


def tells_everything(status: Mapping[str, Any]) -> bool:
    """Whether a report replaces all that was known: what it lacks is gone.

    Some firmware leaves ``msg`` out, also in tiny reports: only a marked report that really
    carries the state does.
    """
    return status.get("msg") in (0, "0") and "gcode_state" in status


def _told(status: Mapping[str, Any]) -> Collection[str] | None:
    """Return the keys of a report; None: all there are."""
    if len(status) < FULL_KEYS:
        # The trace keeps it anyway, so that nothing is copied.
        return status
    return None if tells_everything(status) else tuple(status)
