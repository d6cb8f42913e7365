"""Following jobs: each has one beginning and one end, however often the line breaks."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from ..slots import SlotAddress
from ..state import PrinterState
from ..state.errors import PrintError
from ..state.job import GcodeState, JobState
from ..values import integer, text
from .happening import Happening, JobEvent
from .memory import moment, plain, slot, slots

START_SETTLE = timedelta(seconds=1)
"""A job's names may come a moment after its beginning."""
FAILURE_SETTLE = timedelta(seconds=3)
"""The error that tells a cancelled job from a failed one may come after the state."""
END_SETTLE = timedelta(seconds=6)
"""Some firmware calls a job ended for a moment while it takes another spool."""
_NAMES_BOUND = timedelta(minutes=5)
"""Other ids within this time after the beginning are the job's own, arriving late."""

_ENDED = frozenset({GcodeState.IDLE, GcodeState.FINISH, GcodeState.FAILED})
_PREPARING = frozenset({GcodeState.PREPARE, GcodeState.SLICING})
_NO_ID = frozenset({"", "0"})
_ID_PARTS = 3
_PARTS_OF_TEN = 10
_MOST_SLOTS = 32


@dataclass(slots=True, kw_only=True)
class ObservedJob:
    """A job as it was followed so far.  None: unknown."""

    id: str
    """Tells it from all others, also from those of the same file."""
    key: str = ""
    """What the printer calls it; see `JobState.job_key`."""
    name: str | None = None
    file: str | None = None
    plate: int | None = None
    print_type: str | None = None
    opened: datetime
    """When it was first seen."""
    start: datetime | None = None
    """When it began, as far as the printer or the watching tells."""
    seen: datetime
    """When it was last seen."""
    expected_end: datetime | None = None
    progress: int | None = None
    layer: int | None = None
    total_layers: int | None = None
    slot: SlotAddress | None = None
    """What feeds the nozzle, or did last."""
    slots: list[SlotAddress] = field(default_factory=list)
    """All that has fed the nozzle, in order of their first use."""
    paused: datetime | None = None
    """Since when it is paused."""
    paused_seconds: int = 0
    """How long it was paused altogether, before that."""
    reported: bool = False
    """Whether its beginning was told."""
    first_layer: bool = False
    """Whether it was told that the first layer is done."""
    tenths: int = 0
    """How many tenths of its layers were told."""
    stale_progress: int | None = None
    """What is still the number of the job before."""
    stale_layer: int | None = None

    @property
    def began(self) -> datetime:
        """When it began, as far as anybody knows."""
        return self.start or self.opened

    def dump(self) -> dict[str, Any]:
        """Return all of it as JSON."""
        return {item.name: plain(getattr(self, item.name)) for item in fields(self)}

    @classmethod
    def load(cls, raw: object) -> ObservedJob | None:
        """Read what `dump` returned; None when it is of no use."""
        if not isinstance(raw, Mapping):
            return None
        opened, ident = moment(raw.get("opened")), text(raw.get("id"), "")
        if opened is None or not ident:
            return None
        return cls(
            id=ident,
            key=text(raw.get("key"), ""),
            name=text(raw.get("name"), None),
            file=text(raw.get("file"), None),
            plate=integer(raw.get("plate"), None),
            print_type=text(raw.get("print_type"), None),
            opened=opened,
            start=moment(raw.get("start")),
            seen=moment(raw.get("seen")) or opened,
            expected_end=moment(raw.get("expected_end")),
            progress=integer(raw.get("progress"), None),
            layer=integer(raw.get("layer"), None),
            total_layers=integer(raw.get("total_layers"), None),
            slot=slot(raw.get("slot")),
            slots=slots(raw.get("slots")),
            paused=moment(raw.get("paused")),
            paused_seconds=integer(raw.get("paused_seconds"), 0),
            reported=raw.get("reported") is True,
            first_layer=raw.get("first_layer") is True,
            tenths=integer(raw.get("tenths"), 0),
            stale_progress=integer(raw.get("stale_progress"), None),
            stale_layer=integer(raw.get("stale_layer"), None),
        )


@dataclass(slots=True)
class _End:
    """The end of a job that is still to be confirmed."""

    state: GcodeState
    since: datetime
    unwatched: bool
    """Whether it came while nobody watched."""
    settle: timedelta


class JobWatcher:
    """Follows a printer's jobs."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self.job: ObservedJob | None = None
        self.observed = False
        """Whether the printer was ever seen; what was there before then is no news."""
        self._last_key = ""
        self._end: _End | None = None
        self._cancelled = False
        self._ignore_cancelled = False

    @property
    def due(self) -> datetime | None:
        """When to look again, even if nothing is reported."""
        if self.job is None:
            return None
        if self._end:
            return self._end.since + self._end.settle
        return None if self.job.reported else self.job.opened + START_SETTLE

    def dump(self) -> dict[str, Any]:
        """Return what has to be remembered, as JSON."""
        return {
            "observed": self.observed,
            "job": self.job.dump() if self.job else None,
            "last_key": self._last_key,
        }

    def load(self, raw: Mapping[str, Any]) -> None:
        """Remember what `dump` returned."""
        self.observed = raw.get("observed") is True
        self.job = ObservedJob.load(raw.get("job"))
        self._last_key = text(raw.get("last_key"), "")

    def look(
        self, state: PrinterState, now: datetime, *, gap: bool
    ) -> Iterator[Happening]:
        """Tell what has happened since the last look.

        `gap` says that the printer was out of sight in between.
        """
        word = state.job.gcode_state
        self._note_cancelling(state)
        if state.job.active:
            if self.job and self._end and self._begins_anew(self.job, state.job):
                yield from self._tell_end(self.job, self._end, state, now)
            self._end = None
            yield from self._look_at_active(state, now, gap=gap)
        elif word in _ENDED:
            yield from self._look_at_ended(state, word, now, gap=gap)
        else:
            # Starting up, or a word that nobody knows.
            return
        self.observed = True

    def _note_cancelling(self, state: PrinterState) -> None:
        cancelled = state.errors.cancelled
        self._ignore_cancelled &= cancelled
        self._cancelled |= cancelled and not self._ignore_cancelled

    # A job in the printer's hands

    def _look_at_active(
        self, state: PrinterState, now: datetime, *, gap: bool
    ) -> Iterator[Happening]:
        job = self.job
        if job and not self._is_same(job, state.job, now, gap=gap):
            yield from self._lose(job, now)
            job = None
        if job is None:
            job = self._open(state, now, gap=gap)
        self._take_over(job, state, now)
        found = list(self._progress(job, state, now))
        if not job.reported and (found or now >= job.opened + START_SETTLE):
            yield from _started(job, now)
        yield from found

    def _is_same(
        self, job: ObservedJob, shown: JobState, now: datetime, *, gap: bool
    ) -> bool:
        """Tell whether the job that is shown is still the one that is followed."""
        if self._begins_anew(job, shown):
            return False
        if not gap:
            late = now - job.opened < _NAMES_BOUND
            return late or not _ids_differ(job.key, shown.job_key)
        if not _agrees(job, shown.job_key):
            return False
        # The same file, printed again: there is less of it than there was.
        return not (
            _went_back(job.progress, shown.progress)
            or (
                _went_back(job.layer, shown.current_layer)
                and not _went_on(job.progress, shown.progress)
            )
        )

    def _begins_anew(self, job: ObservedJob, shown: JobState) -> bool:
        """Tell whether what is shown is the beginning of a job, and this one is past it."""
        if self._end and _went_back(job.progress, shown.progress):
            return True
        return shown.gcode_state in _PREPARING and (
            self._end is not None or (job.layer or 0) > 0
        )

    def _open(self, state: PrinterState, now: datetime, *, gap: bool) -> ObservedJob:
        shown = state.job
        digest = sha256(f"{shown.job_key}@{now.isoformat()}".encode())
        self.job = job = ObservedJob(id=digest.hexdigest()[:16], opened=now, seen=now)
        self._cancelled = False
        self._ignore_cancelled = state.errors.cancelled
        if self.observed and (not gap or shown.gcode_state in _PREPARING):
            job.stale_layer, job.stale_progress = shown.current_layer, shown.progress
        if not self.observed:
            # It was there before we were: what it has done so far is no news.
            job.reported = True
            job.first_layer = (shown.current_layer or 0) > 1
            job.tenths = _tenths(shown.current_layer, shown.total_layers)
            job.paused = now if shown.gcode_state is GcodeState.PAUSE else None
        return job

    def _take_over(self, job: ObservedJob, state: PrinterState, now: datetime) -> None:
        """Remember what the printer says of the job now."""
        shown = state.job
        job.seen = now
        job.key = shown.job_key
        job.name = shown.name or job.name
        job.file = shown.file or job.file
        job.plate = shown.plate or job.plate
        job.print_type = shown.print_type or job.print_type
        if now - job.opened < _NAMES_BOUND or job.start is None:
            # Later on it is only reckoned, or the same.
            job.start = shown.start_time
        job.expected_end = shown.finish_time or job.expected_end
        job.total_layers = shown.total_layers or job.total_layers
        if shown.progress != job.stale_progress:
            job.stale_progress, job.progress = None, shown.progress
        if shown.current_layer != job.stale_layer:
            job.stale_layer, job.layer = None, shown.current_layer

    def _progress(
        self, job: ObservedJob, state: PrinterState, now: datetime
    ) -> Iterator[Happening]:
        if not job.first_layer and (job.layer or 0) > 1:
            job.first_layer = True
            yield _happening(JobEvent.FIRST_LAYER_DONE, job, now)
        tenths = _tenths(job.layer, job.total_layers)
        if tenths > job.tenths:
            job.tenths = tenths
            yield _happening(
                JobEvent.LAYER_REACHED, job, now, percent=tenths * 100 // _PARTS_OF_TEN
            )
        current = state.extruders.active_slot
        if current and current not in job.slots and len(job.slots) < _MOST_SLOTS:
            job.slots.append(current)
        if current and current != job.slot:
            previous, job.slot = job.slot, current
            if previous:
                yield _happening(
                    JobEvent.FILAMENT_CHANGED,
                    job,
                    now,
                    slot=current,
                    previous_slot=previous,
                    **filament(state, current),
                )
        paused = state.job.gcode_state is GcodeState.PAUSE
        if paused and job.paused is None:
            job.paused = now
            yield _happening(
                JobEvent.PAUSED,
                job,
                now,
                reason=_reason(state),
                error=_error_code(state),
            )
        elif job.paused and not paused:
            seconds = _seconds(job.paused, now)
            job.paused = None
            job.paused_seconds += seconds
            yield _happening(JobEvent.RESUMED, job, now, paused_seconds=seconds)

    # No job in the printer's hands

    def _look_at_ended(
        self, state: PrinterState, word: GcodeState, now: datetime, *, gap: bool
    ) -> Iterator[Happening]:
        job = self.job
        key = state.job.job_key
        idle = word is GcodeState.IDLE
        if job and gap and not idle and not _agrees(job, key):
            yield from self._lose(job, now)
            job = None
        if job is None:
            if gap and self.observed and not idle and self._is_news(key):
                yield self._tell_unseen(state, word, now)
        else:
            end = self._end
            if end is None or end.state is not word:
                self._end = end = _End(
                    state=word,
                    since=end.since if end else now,
                    unwatched=end.unwatched if end else gap,
                    settle=_settle(state, word),
                )
            if not self._cancelled and now < end.since + end.settle:
                return
            yield from self._tell_end(job, end, state, now)
        # What is idle shows no job: the next one of the same name is another one.
        self._last_key = "" if idle else key

    def _is_news(self, key: str) -> bool:
        """Tell whether a job that has ended came and went while nobody watched."""
        named = any(part not in _NO_ID for part in key.split("/"))
        return named and key != self._last_key

    def _tell_unseen(
        self, state: PrinterState, word: GcodeState, now: datetime
    ) -> Happening:
        """Tell the end of a job of which nothing else was seen."""
        job = self._open(state, now, gap=True)
        self._take_over(job, state, now)
        kind = JobEvent.FINISHED
        if word is not GcodeState.FINISH:
            cancelled = state.errors.cancelled
            kind = JobEvent.CANCELLED if cancelled else JobEvent.FAILED
        return self._close(
            kind, job, state.job.finish_time or now, now, error=_error_code(state)
        )

    def _tell_end(
        self, job: ObservedJob, end: _End, state: PrinterState, now: datetime
    ) -> Iterator[Happening]:
        """Tell the end of the job that was followed."""
        yield from _started(job, now)
        if end.state is GcodeState.FINISH:
            ended = end.since
            if end.unwatched and job.expected_end:
                ended = min(now, max(job.seen, job.expected_end))
            job.progress = 100
            job.layer = job.total_layers or job.layer
            if not job.first_layer and not end.unwatched:
                # It had but one.
                job.first_layer = True
                yield _happening(JobEvent.FIRST_LAYER_DONE, job, now)
            yield self._close(
                JobEvent.FINISHED, job, ended, now, unwatched=end.unwatched
            )
            return
        kind = JobEvent.FAILED
        if end.state is GcodeState.IDLE and end.unwatched:
            # Switched off and on again: it may have ended in any way before.
            kind = JobEvent.LOST
        elif end.state is GcodeState.IDLE or self._cancelled:
            kind = JobEvent.CANCELLED
        yield self._close(
            kind,
            job,
            job.seen if end.unwatched else end.since,
            now,
            unwatched=end.unwatched,
            error=_error_code(state),
        )

    def _lose(self, job: ObservedJob, now: datetime) -> Iterator[Happening]:
        """Tell that a job is gone."""
        yield from _started(job, now)
        yield self._close(JobEvent.LOST, job, job.seen, now)

    def _close(
        self,
        kind: JobEvent,
        job: ObservedJob,
        end: datetime,
        now: datetime,
        *,
        unwatched: bool = True,
        error: str | None = None,
    ) -> Happening:
        """Be done with a job."""
        self.job = self._end = None
        return _happening(
            kind,
            job,
            now,
            end_time=end,
            duration=_seconds(job.began, end),
            paused_seconds=job.paused_seconds
            + (_seconds(job.paused, end) if job.paused else 0),
            slots=tuple(job.slots),
            unwatched=unwatched,
            error=error if kind is JobEvent.FAILED else None,
        )


def filament(state: PrinterState, where: SlotAddress) -> dict[str, Any]:
    """Describe what is in a slot."""
    tray = state.ams.tray(where)
    return {
        "filament": (tray.name or tray.type or None) if tray else None,
        "type": (tray.type or None) if tray else None,
        "color": tray.color if tray else None,
    }


def _happening(
    kind: JobEvent, job: ObservedJob, now: datetime, **more: Any
) -> Happening:
    return Happening(
        kind=kind,
        at=now,
        job=job.id,
        data={
            "name": job.name,
            "file": job.file,
            "plate": job.plate,
            "print_type": job.print_type,
            "start_time": job.began,
            "progress": job.progress,
            "layer": job.layer,
            "total_layers": job.total_layers,
            **more,
        },
    )


def _started(job: ObservedJob, now: datetime) -> Iterator[Happening]:
    """Tell the beginning, unless it was told."""
    if not job.reported:
        job.reported = True
        yield _happening(JobEvent.STARTED, job, now)


def _seconds(start: datetime, end: datetime) -> int:
    return max(0, round((end - start).total_seconds()))


def _settle(state: PrinterState, word: GcodeState) -> timedelta:
    if word is GcodeState.FINISH and (state.job.progress or 0) >= 100:
        return timedelta()
    return FAILURE_SETTLE if word is GcodeState.FAILED else END_SETTLE


def _reason(state: PrinterState) -> str | None:
    """Say why a job is paused: the stage knows, or it is an error."""
    stage = state.job.stage
    if stage and stage.startswith("paused_"):
        return stage.removeprefix("paused_")
    return "error" if state.errors.has_print_error else None


def _error_code(state: PrinterState) -> str | None:
    """Name the error that matters most."""
    value = state.errors.print_error
    if value and (error := PrintError(value)).is_problem:
        return error.text_code
    return next((fault.text_code for fault in state.errors.problems), None)


def _tenths(layer: int | None, total: int | None) -> int:
    """Count the tenths of its layers that a job has reached."""
    if not layer or not total or layer < 0 or total < 0:
        return 0
    return min(layer, total) * _PARTS_OF_TEN // total


def _went_back(old: int | None, new: int | None) -> bool:
    return old is not None and new is not None and new < old


def _went_on(old: int | None, new: int | None) -> bool:
    return old is not None and new is not None and new > old


def _split(key: str) -> tuple[list[str], str]:
    """Split a job's key into its ids and its names."""
    parts = key.split("/", _ID_PARTS)
    return parts[:_ID_PARTS], parts[-1] if len(parts) > _ID_PARTS else ""


def _ids_differ(old: str, new: str) -> bool:
    return any(
        before != after and before not in _NO_ID and after not in _NO_ID
        for before, after in zip(_split(old)[0], _split(new)[0], strict=False)
    )


def _agrees(job: ObservedJob, key: str) -> bool:
    """Tell whether a key that is shown after a gap can be that of a job."""
    if job.key == key:
        return True
    if job.seen - job.opened >= _NAMES_BOUND or _ids_differ(job.key, key):
        return False
    # It had only just begun: some of what it is called may have come since then.
    (ids, names), (new_ids, new_names) = _split(job.key), _split(key)
    known = any(
        before == after and before not in _NO_ID
        for before, after in zip(ids, new_ids, strict=False)
    )
    return known or names == new_names or not names.strip("/")
