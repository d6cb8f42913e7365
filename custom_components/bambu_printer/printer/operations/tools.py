"""Extruders and nozzles."""

from .. import commands
from ..errors import InvalidValueError, UnsupportedError
from ..models import Family
from ..state.extruders import NozzleMaterial
from .base import Operations

NOZZLE_DIAMETERS = (0.2, 0.4, 0.6, 0.8)
"""mm"""
_DECLARED = frozenset({Family.X1, Family.P1, Family.A1})
"""They are told which nozzle is mounted; later models find out, or ask on their screen."""
DECLARABLE_MATERIALS = (
    NozzleMaterial.STAINLESS_STEEL,
    NozzleMaterial.HARDENED_STEEL,
    NozzleMaterial.TUNGSTEN_CARBIDE,
)


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

    @property
    def can_declare_nozzle(self) -> bool:
        """Whether the printer is told which nozzle is mounted."""
        return self.model.family in _DECLARED

    async def set_nozzle_details(
        self, diameter: float, material: NozzleMaterial
    ) -> None:
        """Tell the printer which nozzle is mounted: 0.2, 0.4, 0.6 or 0.8 mm.

        Only while idle.  A printer with the wrong idea of its nozzle refuses prints or
        prints badly.  Tungsten carbide needs recent firmware.
        """
        if not self.can_declare_nozzle:
            raise UnsupportedError("nozzle setting", self.model.key)
        if diameter not in NOZZLE_DIAMETERS:
            raise InvalidValueError("nozzle diameter", diameter)
        if material not in DECLARABLE_MATERIALS:
            raise InvalidValueError("nozzle material", material)
        self._require("set_accessories", allowed=not self.state.job.active)
        await self._command(commands.set_nozzle(material.value, diameter))

    @property
    def can_detect_nozzles(self) -> bool:
        """Whether the printer finds out itself which nozzles are mounted."""
        return self.model.family in (Family.H2, Family.X2)

    async def refresh_nozzles(self) -> None:
        """Let the printer look again which nozzles are mounted."""
        if not self.can_detect_nozzles:
            raise UnsupportedError("nozzle detection", self.model.key)
        self._require("refresh_nozzle", allowed=not self.state.job.printing)
        await self._command(commands.refresh_nozzle())
