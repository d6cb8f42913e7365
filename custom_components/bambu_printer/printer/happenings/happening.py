"""What can happen, and one thing that happened."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class JobEvent(StrEnum):
    """What happens to a job."""

    STARTED = "started"
    FIRST_LAYER_DONE = "first_layer_done"
    PAUSED = "paused"
    RESUMED = "resumed"
    FILAMENT_CHANGED = "filament_changed"
    LAYER_REACHED = "layer_reached"
    """Every tenth of the layers; of a job with fewer than ten, each layer."""
    FINISHED = "finished"
    FAILED = "failed"
    CANCELLED = "cancelled"
    LOST = "lost"
    """The job is gone, and nobody saw how it ended."""


class ErrorEvent(StrEnum):
    """What happens to an error."""

    RAISED = "raised"
    CLEARED = "cleared"


class FilamentEvent(StrEnum):
    """What happens in an AMS, or at an external spool."""

    INSERTED = "inserted"
    REMOVED = "removed"
    RAN_OUT = "ran_out"
    DRYING_FINISHED = "drying_finished"


type Kind = JobEvent | ErrorEvent | FilamentEvent

OUTCOMES = frozenset(
    {JobEvent.FINISHED, JobEvent.FAILED, JobEvent.CANCELLED, JobEvent.LOST}
)
"""How a job can end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """One thing that happened."""

    kind: Kind
    at: datetime
    """When it was seen; aware, UTC."""
    job: str = ""
    """Identifies the job that it belongs to, also among several of the same file."""
    unit: int | None = None
    """The AMS unit or external spool that it happened at."""
    data: Mapping[str, Any] = field(default_factory=dict)
    """Details: texts, numbers, `SlotAddress`, and aware datetimes; None: unknown."""
