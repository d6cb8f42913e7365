"""A printer's states as a script writes them, for what follows states in time."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from custom_components.bambu_printer.printer import PrinterState, SlotAddress
from custom_components.bambu_printer.printer.happenings import (
    Happening,
    HappeningTracker,
)
from custom_components.bambu_printer.printer.state.ams import (
    AmsKind,
    AmsState,
    AmsUnit,
    Tray,
)
from custom_components.bambu_printer.printer.state.errors import ErrorState
from custom_components.bambu_printer.printer.state.extruders import (
    Extruder,
    ExtruderState,
)
from custom_components.bambu_printer.printer.state.job import GcodeState, JobState

START = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def tray(unit: int, slot: int, kind: str = "PLA") -> Tray:
    """Return a slot with a spool, or an empty one."""
    return Tray(
        slot=SlotAddress(unit, slot),
        present=bool(kind),
        type=kind,
        color="#FF0000" if kind else None,
    )


def loaded(slot: SlotAddress | None) -> ExtruderState:
    """Return the one extruder with what feeds it."""
    return ExtruderState(extruders=(Extruder(number=0, slot=slot),), active=0)


IDLE = PrinterState(
    job=JobState(gcode_state=GcodeState.IDLE, job_key="////"),
    errors=ErrorState(print_error=0, hms=()),
    ams=AmsState(
        units=(
            AmsUnit(unit=0, trays=tuple(tray(0, slot) for slot in range(4))),
            AmsUnit(unit=128, kind=AmsKind.HT, trays=(tray(128, 0),)),
        ),
        externals=(tray(255, 0),),
    ),
    extruders=loaded(None),
)


@dataclass
class Script:
    """A tracker, and a printer of which a test says what it shows."""

    tracker: HappeningTracker = field(default_factory=HappeningTracker)
    state: PrinterState = IDLE
    now: datetime = START
    told: list[Happening] = field(default_factory=list)

    def look(self, seconds: float = 10, **sections: Any) -> list[str]:
        """Let time pass, show other sections, and return what is told."""
        self.now += timedelta(seconds=seconds)
        self.state = replace(self.state, **sections)
        found = self.tracker.look(self.state, self.now)
        self.told += found
        return [item.kind.value for item in found]

    def job(self, seconds: float = 10, **changes: Any) -> list[str]:
        """Show another state of the job."""
        return self.look(seconds, job=replace(self.state.job, **changes))

    def settle(self) -> list[str]:
        """Look again when that is due, as often as it is."""
        found = []
        while (due := self.tracker.due) is not None:
            self.now = max(self.now, due)
            found += self.look(0)
        return found

    def restart(self) -> None:
        """Go on with another tracker that remembers what this one did."""
        remembered = self.tracker.dump()
        self.tracker = HappeningTracker()
        self.tracker.load(remembered)
