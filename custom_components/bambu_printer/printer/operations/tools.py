"""Extruders and nozzles."""

from .. import commands
from ..errors import InvalidValueError, UnsupportedError
from .base import Operations


class ToolOperations(Operations):
    """Which extruder is at work, and with what nozzle."""

    async def set_active_tool(self, tool: int) -> None:
        """Make an extruder the active one: 0 right, 1 left.  The head moves: up to 30 s."""
        extruders = self.state.capabilities.extruders
        if extruders == 1:
            raise UnsupportedError("second extruder", self.model.key)
        if tool not in range(extruders):
            raise InvalidValueError("tool", tool)
        self._require("select_extruder", allowed=not self.state.job.printing)
        await self._command(commands.select_extruder(tool))
