"""Following filament: slots that are filled and emptied, spools that end, drying."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ..slots import EXTERNAL_MAIN, HT_UNITS, SlotAddress
from ..state import PrinterState
from ..state.ams import DRYING_KINDS, AmsUnit, DryingPhase
from ..state.errors import HmsMessage, HmsModule
from ..values import integer
from .happening import FilamentEvent, Happening
from .jobs import filament
from .memory import moment, numbered, plain, slot

_DRYING = frozenset({DryingPhase.CHECKING, DryingPhase.DRYING})
_ABANDONED = frozenset(
    {DryingPhase.STOPPING, DryingPhase.ERROR, DryingPhase.CANNOT_STOP_HEATING}
)
_EARLY = timedelta(minutes=3)
"""Drying that ends with more time left than this was stopped, and did not finish."""

_RUNOUT_STAGE = "paused_filament_runout"
# The maker's catalogue has these for every unit and slot: what is empty was in use.
_RUNOUT_HMS = frozenset({0x0002_0001, 0x0003_0001, 0x0003_0002})
_RUNOUT_PARTS = range(0x20, 0x24)
_HT_MODULE = 0x18
_RUNOUT_ERRORS = frozenset({0x8004, 0x8011})
_EXTERNAL_NUMBERS = frozenset({0xFE, 0xFF})


@dataclass(slots=True, kw_only=True)
class _Drying:
    """Drying under way."""

    seen: datetime
    minutes: int | None
    """Left when it was last seen."""
    temperature: int | None = None
    hours: int | None = None


class FilamentWatcher:
    """Follows the AMS units and the external spools."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self._present: dict[int, list[bool]] = {}
        """Which slots of a unit have a spool."""
        self._drying: dict[int, _Drying] = {}
        self._empty: dict[str, SlotAddress] | None = None
        """What says that a spool ran out, and which; None before anything was seen."""
        self._feeding: SlotAddress | None = None

    def dump(self) -> dict[str, Any]:
        """Return what has to be remembered, as JSON."""
        return {
            "present": {str(unit): slots for unit, slots in self._present.items()},
            "drying": {
                str(unit): {
                    "seen": item.seen.isoformat(),
                    "minutes": item.minutes,
                    "temperature": item.temperature,
                    "hours": item.hours,
                }
                for unit, item in self._drying.items()
            },
            "empty": None
            if self._empty is None
            else {key: plain(where) for key, where in self._empty.items()},
            "feeding": plain(self._feeding),
        }

    def load(self, raw: Mapping[str, Any]) -> None:
        """Remember what `dump` returned."""
        self._present = {
            unit: [item is True for item in slots]
            for unit, slots in numbered(raw.get("present")).items()
            if isinstance(slots, list)
        }
        self._drying = {
            unit: _Drying(
                seen=seen,
                minutes=integer(item.get("minutes"), None),
                temperature=integer(item.get("temperature"), None),
                hours=integer(item.get("hours"), None),
            )
            for unit, item in numbered(raw.get("drying")).items()
            if isinstance(item, Mapping) and (seen := moment(item.get("seen")))
        }
        if isinstance(empty := raw.get("empty"), Mapping):
            self._empty = {
                key: where
                for key, item in empty.items()
                if (where := slot(item)) is not None
            }
        self._feeding = slot(raw.get("feeding"))

    def look(self, state: PrinterState, now: datetime, job: str) -> Iterator[Happening]:
        """Tell what has happened since the last look."""
        self._feeding = state.extruders.active_slot or self._feeding
        yield from self._look_at_slots(state, now, job)
        for unit in state.ams.units:
            yield from self._look_at_drying(unit, now)
        yield from self._look_for_empty_spools(state, now, job)

    def _look_at_slots(
        self, state: PrinterState, now: datetime, job: str
    ) -> Iterator[Happening]:
        before = self._present
        # A unit that is unplugged is forgotten: its spools were not taken out.
        self._present = {
            unit.unit: [tray.present for tray in unit.trays] for unit in state.ams.units
        }
        for unit in state.ams.units:
            known = before.get(unit.unit, [])
            if len(known) != len(unit.trays):
                continue
            for tray, was in zip(unit.trays, known, strict=True):
                if tray.present != was:
                    yield Happening(
                        kind=FilamentEvent.INSERTED
                        if tray.present
                        else FilamentEvent.REMOVED,
                        at=now,
                        job=job,
                        unit=unit.unit,
                        data={"slot": tray.slot, **filament(state, tray.slot)},
                    )

    def _look_at_drying(self, unit: AmsUnit, now: datetime) -> Iterator[Happening]:
        if unit.kind not in DRYING_KINDS:
            return
        was = self._drying.get(unit.unit)
        drying = (
            unit.drying in _DRYING if unit.drying else (unit.drying_minutes or 0) > 0
        )
        if drying:
            self._drying[unit.unit] = _Drying(
                seen=now,
                minutes=unit.drying_minutes,
                temperature=unit.drying_target or (was.temperature if was else None),
                hours=unit.drying_hours or (was.hours if was else None),
            )
        elif was:
            del self._drying[unit.unit]
            left = timedelta(minutes=was.minutes or 0) - (now - was.seen)
            if unit.drying not in _ABANDONED and left <= _EARLY:
                yield Happening(
                    kind=FilamentEvent.DRYING_FINISHED,
                    at=now,
                    unit=unit.unit,
                    data={"temperature": was.temperature, "hours": was.hours},
                )

    def _look_for_empty_spools(
        self, state: PrinterState, now: datetime, job: str
    ) -> Iterator[Happening]:
        first = self._empty is None
        before = self._empty or {}
        self._empty = {}
        for key, where in self._evidence(state).items():
            known = before.get(key)
            self._empty[key] = known or where
            told = first or known or where in before.values()
            if not told and list(self._empty.values()).count(where) == 1:
                yield Happening(
                    kind=FilamentEvent.RAN_OUT,
                    at=now,
                    job=job,
                    unit=where.unit,
                    data={"slot": where, **filament(state, where)},
                )

    def _evidence(self, state: PrinterState) -> dict[str, SlotAddress]:
        """Return what says that a spool ran out, and which spool it means.

        The codes are known from the maker's catalogue of texts, and which word of them
        numbers unit and slot from comparing its entries.
        """
        fed = self._feeding or SlotAddress(EXTERNAL_MAIN)
        found: dict[str, SlotAddress] = {}
        for message in state.errors.hms or ():
            if _says_used_up(message):
                where = _slot_of(message)
                there = state.ams.tray(where) is not None
                found[message.text_code] = where if there else fed
        value = state.errors.print_error or 0
        if value & 0xFFFF in _RUNOUT_ERRORS:
            external = value >> 16 & 0xFF in _EXTERNAL_NUMBERS
            found["print_error"] = SlotAddress(EXTERNAL_MAIN) if external else fed
        if state.job.stage == _RUNOUT_STAGE:
            found["stage"] = fed
        return found


def _says_used_up(message: HmsMessage) -> bool:
    """Tell whether a message calls the spool of a slot used up."""
    return (
        message.module is HmsModule.AMS
        and message.code in _RUNOUT_HMS
        and message.attr >> 8 & 0xFF in _RUNOUT_PARTS
    )


def _slot_of(message: HmsMessage) -> SlotAddress:
    """Return the slot that a message is about."""
    unit = message.module_number
    if message.attr >> 24 == _HT_MODULE and unit < len(HT_UNITS):
        unit += HT_UNITS.start
    return SlotAddress(unit, (message.attr >> 8 & 0xFF) - _RUNOUT_PARTS.start)
