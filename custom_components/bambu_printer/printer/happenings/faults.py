"""Following errors: each is raised once and cleared once."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from ..state import PrinterState
from ..state.errors import HMS, Fault
from ..values import text
from .happening import ErrorEvent, Happening
from .memory import moment


class FaultWatcher:
    """Follows what a printer complains about."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self._standing: dict[str, datetime] | None = None
        """Codes, and since when; None before the printer was ever seen."""
        self._described: dict[str, dict[str, Any]] = {}

    def dump(self) -> dict[str, Any] | None:
        """Return what has to be remembered, as JSON."""
        if self._standing is None:
            return None
        return {
            code: {"since": since.isoformat(), **self._described.get(code, {})}
            for code, since in self._standing.items()
        }

    def load(self, raw: object) -> None:
        """Remember what `dump` returned."""
        if not isinstance(raw, Mapping):
            return
        self._standing = {}
        for code, item in raw.items():
            if isinstance(item, Mapping) and (since := moment(item.get("since"))):
                self._standing[code] = since
                self._described[code] = {
                    name: text(item.get(name), None) for name in ("severity", "module")
                }

    def look(self, state: PrinterState, now: datetime, job: str) -> Iterator[Happening]:
        """Tell what has happened since the last look."""
        errors = state.errors
        if errors.print_error is None and errors.hms is None:
            return
        first = self._standing is None
        before = self._standing or {}
        faults = {fault.text_code: fault for fault in errors.problems}
        old = self._described
        self._standing = {code: before.get(code, now) for code in faults}
        self._described = {code: _describe(fault) for code, fault in faults.items()}
        # Printers tell the two kinds apart from each other, and may not yet have told one.
        for code in before.keys() - faults.keys():
            if (errors.hms if code.startswith(HMS) else errors.print_error) is None:
                self._standing[code] = before[code]
                self._described[code] = old.get(code, {})
        if first:
            return
        for code, since in before.items():
            if code not in self._standing:
                yield Happening(
                    kind=ErrorEvent.CLEARED,
                    at=now,
                    job=job,
                    data={
                        "code": code,
                        **old.get(code, {}),
                        "seconds": round((now - since).total_seconds()),
                    },
                )
        for code in faults.keys() - before.keys():
            yield Happening(
                kind=ErrorEvent.RAISED,
                at=now,
                job=job,
                data={"code": code, **self._described[code]},
            )


def _describe(fault: Fault) -> dict[str, Any]:
    return {"severity": fault.severity.value, "module": fault.module.value}
