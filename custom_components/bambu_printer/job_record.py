"""One job as it is remembered."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any, Self

from .printer.happenings import OUTCOMES
from .printer.happenings.memory import moment
from .printer.values import integer, number, text


@dataclass(frozen=True, slots=True, kw_only=True)
class FilamentUse:
    """What a job took from one slot."""

    slot: str | None = None
    """The word for the slot, as in the actions."""
    type: str | None = None
    """Material."""
    color: str | None = None
    name: str | None = None
    """Product."""
    grams: float | None = None
    """None: unknown."""

    @classmethod
    def load(cls, raw: Mapping[str, Any]) -> Self:
        """Read what `as_dict` returned."""
        return cls(
            slot=text(raw.get("slot"), None),
            type=text(raw.get("type"), None),
            color=text(raw.get("color"), None),
            name=text(raw.get("name"), None),
            grams=number(raw.get("grams"), None),
        )

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {item.name: getattr(self, item.name) for item in fields(self)}


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRecord:
    """A job that has ended.  None: unknown."""

    job: str
    """Identifies it, as the events do."""
    outcome: str
    start: datetime
    end: datetime
    duration: int = 0
    """Seconds from start to end."""
    paused_seconds: int = 0
    """How many of them it was paused."""
    name: str | None = None
    file: str | None = None
    plate: int | None = None
    print_type: str | None = None
    progress: int | None = None
    """Percent."""
    layer: int | None = None
    total_layers: int | None = None
    error: str | None = None
    """Code of what it failed of."""
    error_text: str | None = None
    unwatched: bool = False
    """Whether its end was not seen, and is reckoned."""
    filament: tuple[FilamentUse, ...] = ()
    picture: int = 0
    """Bytes of its picture; 0: there is none."""

    @property
    def printing_seconds(self) -> int:
        """How long it was worked on."""
        return max(0, self.duration - self.paused_seconds)

    @property
    def grams(self) -> float | None:
        """How much filament it took."""
        known = [use.grams for use in self.filament if use.grams is not None]
        return round(sum(known), 2) if known else None

    def with_filament(self, planned: tuple[FilamentUse, ...]) -> JobRecord:
        """Return it with what the whole job would have taken.

        Of a job that did not finish, as much as its progress says.
        """
        if len(planned) == len(self.filament) == 1 and planned[0].slot is None:
            # The file does not say which slot, but there was only one.
            planned = (replace(planned[0], slot=self.filament[0].slot),)
        share = 1.0 if self.outcome == "finished" else (self.progress or 0) / 100
        taken = tuple(
            use
            if use.grams is None
            else replace(use, grams=round(use.grams * share, 2))
            for use in planned
        )
        return replace(self, filament=taken)

    @classmethod
    def load(cls, raw: object) -> JobRecord | None:
        """Read what `as_dict` returned; None when it is of no use."""
        if not isinstance(raw, Mapping):
            return None
        start, end = moment(raw.get("start")), moment(raw.get("end"))
        job, outcome = text(raw.get("job"), ""), text(raw.get("outcome"), "")
        if not (start and end and job and outcome in OUTCOMES):
            return None
        filament = raw.get("filament")
        return cls(
            job=job,
            outcome=outcome,
            start=start,
            end=end,
            duration=max(0, integer(raw.get("duration"), 0)),
            paused_seconds=max(0, integer(raw.get("paused_seconds"), 0)),
            name=text(raw.get("name"), None),
            file=text(raw.get("file"), None),
            plate=integer(raw.get("plate"), None),
            print_type=text(raw.get("print_type"), None),
            progress=integer(raw.get("progress"), None),
            layer=integer(raw.get("layer"), None),
            total_layers=integer(raw.get("total_layers"), None),
            error=text(raw.get("error"), None),
            error_text=text(raw.get("error_text"), None),
            picture=max(0, integer(raw.get("picture"), 0)),
            unwatched=raw.get("unwatched") is True,
            filament=tuple(
                FilamentUse.load(item)
                for item in (filament if isinstance(filament, list) else ())
                if isinstance(item, Mapping)
            ),
        )

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            **{item.name: getattr(self, item.name) for item in fields(self)},
            "start": self.start.isoformat(),
            "end": self.end.isoformat(),
            "filament": [use.as_dict() for use in self.filament],
        }
