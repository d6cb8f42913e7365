"""Telling what happened from what is: every happening exactly once."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ..state import PrinterState
from .faults import FaultWatcher
from .filament import FilamentWatcher
from .happening import Happening
from .jobs import JobWatcher, ObservedJob

SECTIONS = ("ams", "errors", "extruders", "job")
"""The sections of the state that a tracker looks at."""


class HappeningTracker:
    """Turns a printer's successive states into what happened.

    What it remembers can be dumped and loaded again, so that nothing is told twice when
    Home Assistant restarts, and what happened meanwhile is told once, as far as the
    printer still shows it.  Before the first look nothing is known, and what the printer
    shows then is no news.

    A job that went by while nobody watched is told by its end only.  One of the same
    file as the last, whose end was told, cannot be told from that one when it has come
    and gone unwatched.
    """

    def __init__(self) -> None:
        """Know nothing yet."""
        self._jobs = JobWatcher()
        self._faults = FaultWatcher()
        self._filament = FilamentWatcher()
        self._gap = True

    @property
    def job(self) -> ObservedJob | None:
        """The job under way, as far as it was followed."""
        return self._jobs.job

    @property
    def due(self) -> datetime | None:
        """When to look again, even if nothing is reported until then."""
        return self._jobs.due

    def lose_sight(self) -> None:
        """Take note that the printer is out of sight until the next look."""
        self._gap = True

    def look(self, state: PrinterState, now: datetime) -> list[Happening]:
        """Return what has happened since the last look, in order.

        `now` is aware and never goes back.
        """
        before = self._jobs.job
        found = list(self._jobs.look(state, now, gap=self._gap))
        if state.job.gcode_state is not None:
            self._gap = False
        job = self._jobs.job or before
        ident = job.id if job else ""
        found.extend(self._faults.look(state, now, ident))
        found.extend(self._filament.look(state, now, ident))
        return found

    def dump(self) -> dict[str, Any]:
        """Return what has to be remembered, as JSON."""
        return {
            "jobs": self._jobs.dump(),
            "faults": self._faults.dump(),
            "filament": self._filament.dump(),
        }

    def load(self, raw: Mapping[str, Any]) -> None:
        """Remember what `dump` returned; what is not as it should be is left out."""
        if isinstance(jobs := raw.get("jobs"), Mapping):
            self._jobs.load(jobs)
        self._faults.load(raw.get("faults"))
        if isinstance(spools := raw.get("filament"), Mapping):
            self._filament.load(spools)
