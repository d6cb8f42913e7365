"""Everything that is heated."""

from .. import commands
from ..errors import CommandTimeoutError, InvalidValueError, UnsupportedError
from ..state.fans import AirductMode
from .air import AirOperations


class HeatOperations(AirOperations):
    """Targets of nozzles, bed and chamber, in whole °C; 0 is off."""

    async def set_nozzle_temp_target(
        self, value: float, tool: int | None = None
    ) -> None:
        """Heat a nozzle to 0 (off) up to the model's limit, °C.

        `tool` is the extruder's number, 0 right or 1 left; None is the active one.  A
        running job sets its own target whenever it likes.
        """
        capabilities = self.state.capabilities
        self._check_range("nozzle temperature", value, capabilities.nozzle_max)
        if tool is not None and tool not in range(capabilities.extruders):
            raise InvalidValueError("tool", tool)
        if capabilities.extruders == 1:
            tool = None
        elif tool is None:
            tool = self.state.extruders.active or 0
        await self._command(commands.set_nozzle_temp(int(value), tool))

    async def set_bed_temp_target(self, value: float) -> None:
        """Heat the bed to 0 (off) up to the model's limit, °C."""
        capabilities = self.state.capabilities
        self._check_range("bed temperature", value, capabilities.bed_max)
        await self._command(
            commands.set_bed_temp(int(value), as_json=capabilities.json_bed_temp)
        )

    async def set_chamber_temp_target(self, value: float) -> None:
        """Heat the chamber to 0 (off) up to the model's limit, °C.

        On printers with an air duct, heating (from about 40 °C on) sets it to heating
        first; switching off leaves it as it is.  Lower targets do nothing there.  The
        printer refuses while a filament is loaded that would soften.
        """
        limit = self.state.capabilities.chamber_max
        if not limit:
            raise UnsupportedError("chamber heater", self.model.key)
        self._check_range("chamber temperature", value, limit)
        target, heat_from = int(value), self.model.chamber_heat_from
        if not heat_from:
            # The form that is proven on the one model without a duct.
            await self._command(commands.set_chamber_temp_gcode(target))
            return
        if (
            target >= heat_from
            and self.state.fans.airduct_mode is not AirductMode.HEATING
        ):
            await self.set_airduct_mode(AirductMode.HEATING)
        try:
            await self._command(commands.set_chamber_temp(target))
        except CommandTimeoutError:
            await self._command(commands.set_chamber_temp_gcode(target, heat_from))
