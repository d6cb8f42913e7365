"""When to ask a silent printer whether it is still there, and when to give it up.

A printer without power leaves a connection that looks alive, and some firmware stops to
report on one that is.  The cheapest question comes first: for the versions, which every
printer answers.  Then the full report is asked for, as seldom as the model needs it.  A
printer that answers neither is called anew.
"""

from dataclasses import dataclass
from enum import Enum, auto

from .models import Family, PrinterModel

ANSWER_TIME = 10.0
"""Seconds that a printer has to answer before it gets the next question."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a printer may be silent, in seconds."""

    any_message: float
    """Without any message, until it is asked for its versions."""
    report: float
    """Without a report, until it is asked for a full one; answers are no reports."""
    full_report: float
    """At least between two requests for a full report."""


# Guesses within what the maker's slicer (30 s) and other clients (60 s) wait.
_ANY_MESSAGE = 30.0
_ANY_MESSAGE_FULL = 10.0
_REPORT = 60.0
_REPORT_FULL = 20.0
_CHANGES_ONLY = frozenset({Family.P1, Family.A1, Family.A2, Family.UNKNOWN})
"""Families that have nothing to say for long while they are idle."""


def patience(model: PrinterModel) -> Patience:
    """Return how long a model may be silent."""
    if model.full_reports:
        return Patience(_ANY_MESSAGE_FULL, _REPORT_FULL, model.pushall_interval)
    if model.family in _CHANGES_ONLY:
        return Patience(_ANY_MESSAGE, model.pushall_interval, model.pushall_interval)
    return Patience(_ANY_MESSAGE, _REPORT, model.pushall_interval)


class Step(Enum):
    """What is to be done about a printer."""

    WAIT = auto()
    ASK_VERSION = auto()
    ASK_REPORT = auto()
    GIVE_UP = auto()


class Watchdog:
    """Watches one connection.  All times are in seconds of the event loop's clock."""

    def __init__(self, now: float) -> None:
        """Start with a printer that has just been heard."""
        self._message = self._report = now
        self._asked: float | None = None
        self._asked_report: float | None = None

    def heard(self, now: float, *, report: bool) -> None:
        """Take note of a message."""
        self._message = now
        self._asked = None
        if report:
            self._report = now
            self._asked_report = None

    def look(
        self, now: float, patience: Patience, last_full_report: float
    ) -> tuple[Step, float]:
        """Return what is to be done, and after how many seconds to look again.

        `last_full_report` is when somebody last asked for a full report.
        """
        may_ask = now - last_full_report >= patience.full_report
        if self._asked_report is not None:
            if (left := self._asked_report + ANSWER_TIME - now) > 0:
                return Step.WAIT, left
            return Step.GIVE_UP, 0
        if self._asked is not None:
            if (left := self._asked + ANSWER_TIME - now) > 0:
                return Step.WAIT, left
            return self._ask_report(now) if may_ask else (Step.GIVE_UP, 0)
        if now - self._report >= patience.report and may_ask:
            return self._ask_report(now)
        if (left := self._message + patience.any_message - now) > 0:
            return Step.WAIT, left
        self._asked = now
        return Step.ASK_VERSION, ANSWER_TIME

    def _ask_report(self, now: float) -> tuple[Step, float]:
        self._asked_report = now
        return Step.ASK_REPORT, ANSWER_TIME
