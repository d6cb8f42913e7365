"""The order of reports.

Printers number their reports.  One that comes after a later one must not bring back what
the later one has overtaken; what only it tells still counts, as printers tell many
values only once.

The numbers are not documented: in all captures they count up by one.  So nothing is done about
numbers that are missing, constant, or far from the ones before, and a series that goes on
in the past is taken for one that has started anew.
"""

from collections import deque
from collections.abc import Mapping
from typing import Any

from .values import integer

_WINDOW = 16
"""How many reports one may be late by."""
_RESTART = 3
"""So many late ones in a row are no accident."""


class ReportOrder:
    """Knows the last reports of a connection."""

    def __init__(self) -> None:
        """Start with no report."""
        self._last: deque[tuple[int, tuple[str, ...]]] = deque(maxlen=_WINDOW)
        self._newest = 0
        self._late = 0

    def forget(self) -> None:
        """Start anew, with a new connection."""
        self._last.clear()
        self._newest = self._late = 0

    def is_repeated(self, status: Mapping[str, Any]) -> bool:
        """Whether the report has the number of the newest one."""
        return 0 < self._newest == integer(status.get("sequence_id"), 0)

    def overtaken(self, status: Mapping[str, Any]) -> set[str] | None:
        """Take note of a report.

        Returns None for one that is in order, and for one that is late the keys in it that
        later reports have told already.
        """
        number = integer(status.get("sequence_id"), 0)
        late = 0 < self._newest - number < _WINDOW and number > 0
        self._late = self._late + 1 if late else 0
        if not late or self._late >= _RESTART:
            if not 0 <= number - self._newest < _WINDOW:
                self.forget()
            self._newest = number
            # Hardly any report is ever overtaken: what it takes to tell is made then.
            self._last.append((number, tuple(status)))
            return None
        told = set[str]().union(*(later for at, later in self._last if at > number))
        return status.keys() & told
