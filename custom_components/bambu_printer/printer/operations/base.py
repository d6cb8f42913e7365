"""What all operations need: the state, and a way to send a command."""

from abc import ABC, abstractmethod
from typing import Any

from ..commands import Command
from ..errors import OutOfRangeError, WrongStateError
from ..models import PrinterModel
from ..state import PrinterState


class Operations(ABC):
    """The ground that the groups of operations stand on; `BambuPrinter` provides it."""

    state: PrinterState
    model: PrinterModel

    @abstractmethod
    async def _command(
        self, command: Command, *, limit: float | None = None
    ) -> dict[str, Any]:
        """Send a command and return its acknowledgement.

        `limit`: seconds to wait for it; None: as long as for most commands.
        """

    @abstractmethod
    async def _send(self, command: Command) -> None:
        """Send a command that is never acknowledged."""

    def _require(self, command: str, *, allowed: bool) -> None:
        """Refuse a command that the printer's state does not allow."""
        if not allowed:
            state = self.state.job.gcode_state
            raise WrongStateError(command, state.value if state else "unknown")

    @staticmethod
    def _check_range(
        name: str, value: float, maximum: float, unit: str = "°C", minimum: float = 0
    ) -> None:
        """Refuse a number that is outside of its range, or none at all."""
        # Written so that NaN is refused as well.
        if isinstance(value, bool) or not minimum <= value <= maximum:
            raise OutOfRangeError(name, value, minimum, maximum, unit)
