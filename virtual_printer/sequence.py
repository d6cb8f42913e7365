"""Things that take a while: a filament change, homing, a calibration, a firmware update."""

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(slots=True)
class Step:
    """What happens when a step begins, and how long it lasts."""

    seconds: float
    enter: Callable[[], object] | None = None
    # A step with a condition also waits for it, at most for its seconds.
    until: Callable[[], bool] | None = None


@dataclass(slots=True)
class Sequence:
    """Steps one after the other, in seconds of the printer's clock."""

    name: str
    steps: list[Step]
    # Called when the last step is over.
    done: Callable[[], object] | None = None
    _left: float = field(default=0.0, init=False)
    _current: Step | None = field(default=None, init=False)

    def advance(self, seconds: float) -> bool:
        """Let time pass; tell whether everything is over.

        At most one step ends per call, so that a fast clock does not skip steps: each of
        them shows in one report at least.
        """
        self._left -= seconds
        step = self._current
        if (
            step is not None
            and self._left > 0
            and not (step.until is not None and step.until())
        ):
            return False
        if self.steps:
            self._current = self.steps.pop(0)
            self._left = self._current.seconds
            if self._current.enter is not None:
                self._current.enter()
            return False
        if self.done is not None:
            self.done()
        return True

    def skip(self) -> None:
        """End the present step with the next advance."""
        self._left = 0.0
