"""Files on their way to and from a printer, for those who want to watch."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
import time
from typing import Any

from homeassistant.core import CALLBACK_TYPE, callback

STEP = 10
"""Percent between two events of a transfer."""
INTERVAL = 1.0
"""Seconds between two events of a transfer, at least."""


class Direction(StrEnum):
    """Where to."""

    UPLOAD = "upload"
    DOWNLOAD = "download"


class TransferEvent(StrEnum):
    """What happens to a transfer."""

    STARTED = "started"
    PROGRESS = "progress"
    FINISHED = "finished"
    FAILED = "failed"


type Listener = Callable[[TransferEvent, dict[str, Any]], None]


@dataclass(slots=True)
class Transfer:
    """A file under way."""

    direction: Direction
    path: str
    """On the printer."""
    size: int | None
    """Bytes; None: not known before the end."""
    done: int = 0
    """Bytes."""
    seconds: float = 0.0

    def describe(self) -> dict[str, Any]:
        """Return what is told of it."""
        percent = None
        if self.size is not None:
            percent = 100 if self.done >= self.size else self.done * 100 // self.size
        return {
            "direction": self.direction.value,
            "path": self.path,
            "size": self.size,
            "transferred": self.done,
            "progress": percent,
            "seconds": round(self.seconds, 2),
        }


class Transfers:
    """The transfers of one printer."""

    def __init__(self) -> None:
        """Begin without any listener."""
        self._listeners: list[Listener] = []

    @callback
    def async_listen(self, listener: Listener) -> CALLBACK_TYPE:
        """Call somebody for each event; returns what ends it."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    @contextmanager
    def track(self, transfer: Transfer) -> Iterator[Callable[[int], None]]:
        """Tell of a transfer; what is returned takes the bytes so far, from any thread.

        Nothing is told of one that never began.
        """
        loop = asyncio.get_running_loop()
        begun = time.monotonic()
        told_percent, told_at = 0, begun
        started = over = False

        @callback
        def advance(done: int) -> None:
            nonlocal told_percent, told_at, started
            if over:
                return
            transfer.done = done
            if not started:
                started = True
                self._tell(TransferEvent.STARTED, transfer)
            now = time.monotonic()
            percent = done * 100 // transfer.size if transfer.size else 0
            if percent >= told_percent + STEP and now >= told_at + INTERVAL:
                told_percent, told_at = percent, now
                transfer.seconds = now - begun
                self._tell(TransferEvent.PROGRESS, transfer)

        def progress(done: int) -> None:
            loop.call_soon_threadsafe(advance, done)

        try:
            yield progress
        except BaseException as err:
            over = True
            transfer.seconds = time.monotonic() - begun
            if started:
                reason = getattr(err, "code", None) or type(err).__name__
                self._tell(TransferEvent.FAILED, transfer, error=reason)
            raise
        over = True
        transfer.seconds = time.monotonic() - begun
        if transfer.size is None:
            transfer.size = transfer.done
        transfer.done = transfer.size
        if not started:
            self._tell(TransferEvent.STARTED, transfer)
        self._tell(TransferEvent.FINISHED, transfer)

    @callback
    def _tell(self, event: TransferEvent, transfer: Transfer, **more: Any) -> None:
        for listener in tuple(self._listeners):
            listener(event, {**transfer.describe(), **more})
