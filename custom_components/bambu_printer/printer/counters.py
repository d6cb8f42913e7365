"""What happened to the connection and to what arrived: figures for diagnostics."""

from dataclasses import dataclass

_CALM = 300.0
"""Seconds without a fault after which the next one is news again."""


@dataclass(slots=True)
class Counters:
    """Counted since the printer was set up."""

    full: int = 0
    """Full reports."""
    delta: int = 0
    """Reports of what changed."""
    malformed: int = 0
    """Messages that could not be read, and values of a wrong type in others."""
    oversized: int = 0
    """Those of them that were larger than any real report, and never kept."""
    repeated: int = 0
    """Reports that came again and said nothing new."""
    reordered: int = 0
    """Reports that were overtaken by later ones."""
    connected: int = 0
    """Connections made."""
    lost: int = 0
    """Connections lost."""
    failed: int = 0
    """Attempts to connect that failed."""
    questions: int = 0
    """How often a silent printer was asked whether it is still there."""
    fell_silent: int = 0
    """How often it did not answer, and was called anew."""


class Episode:
    """A row of faults that belong together, so that they are told once."""

    def __init__(self) -> None:
        """Start in peace."""
        self._last = float("-inf")

    def strike(self, now: float) -> bool:
        """Take note of a fault; return whether it is the first of its row.

        `now` is in seconds of any clock that is never set.
        """
        first = now - self._last > _CALM
        self._last = now
        return first
