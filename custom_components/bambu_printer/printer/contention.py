"""Noticing that other clients hold the few connections that a printer serves.

Printers have no word for it.  They refuse the login as unavailable, or let us in and hang
up at once, again and again.
"""

from typing import Final

KICKED_WITHIN: Final = 15.0
"""Seconds after which a connection counts as one that the printer let stand."""
SETTLED_AFTER: Final = 60.0
"""Seconds after which it is clear that there is room for us."""
_KICKS: Final = 4
"""Connections in a row that must end so: a printer that starts ends one or two."""


class Contention:
    """Counts the connections that ended right after they were made."""

    def __init__(self) -> None:
        """Start without any."""
        self._kicks = 0
        self._connected_at: float | None = None

    @property
    def crowded(self) -> bool:
        """Whether others seem to hold the connections."""
        return self._kicks >= _KICKS

    def connected(self, now: float) -> None:
        """A connection stands; times are seconds of any steady clock."""
        self._connected_at = now

    def disconnected(self, now: float, *, refused: bool = False, hung_up: bool) -> None:
        """A connection has ended, or was `refused` before it was one.

        `hung_up`: the printer ended it, rather than falling silent or being unreachable.
        """
        since, self._connected_at = self._connected_at, None
        if refused:
            self._kicks += 1
        elif since is None or not hung_up:
            # Not reached at all: that says nothing about others.
            return
        elif now - since < KICKED_WITHIN:
            self._kicks += 1
        else:
            self._kicks = 0

    def forget(self) -> None:
        """Take it that there is room now."""
        self._kicks = 0

    def settled(self, now: float) -> bool:
        """Forget the past once a connection has stood for long; return whether it has."""
        if self._connected_at is None or now - self._connected_at < SETTLED_AFTER:
            return False
        self._kicks = 0
        return True
