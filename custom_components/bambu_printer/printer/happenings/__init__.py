"""What happens to jobs, errors and filament, told exactly once."""

from .happening import (
    OUTCOMES,
    ErrorEvent,
    FilamentEvent,
    Happening,
    JobEvent,
    Kind,
)
from .jobs import ObservedJob
from .tracker import SECTIONS, HappeningTracker

__all__ = [
    "OUTCOMES",
    "SECTIONS",
    "ErrorEvent",
    "FilamentEvent",
    "Happening",
    "HappeningTracker",
    "JobEvent",
    "Kind",
    "ObservedJob",
]
