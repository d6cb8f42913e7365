"""Fans and the air duct."""

from .. import commands
from ..errors import InvalidValueError, UnsupportedError
from ..state.fans import (
    AIRDUCT_MODES,
    FAN_INDEX,
    SETTABLE_AIRDUCT_MODES,
    AirductMode,
    Fan,
)
from .base import Operations


class AirOperations(Operations):
    """Speeds in percent; the printer rounds to tens, and so do these methods."""

    @property
    def fans(self) -> frozenset[Fan]:
        """The fans that can be set."""
        capabilities = self.state.capabilities
        present = {
            Fan.PART: True,
            Fan.AUX: capabilities.aux_fan,
            Fan.CHAMBER: capabilities.chamber_fan,
            Fan.AUX_2: capabilities.aux_fan_2,
        }
        return frozenset(fan for fan, there in present.items() if there)

    async def set_part_cooling_fan_speed_target_percent(self, percent: int) -> None:
        """Turn the part cooling fan, 0 to 100 %; a job overrides it at the next layer."""
        await self.set_fan_speed(Fan.PART, percent)

    async def set_aux_fan_speed_target_percent(self, percent: int) -> None:
        """Turn the auxiliary fan, 0 to 100 %."""
        await self.set_fan_speed(Fan.AUX, percent)

    async def set_exhaust_fan_speed_target_percent(self, percent: int) -> None:
        """Turn the chamber's exhaust fan, 0 to 100 %."""
        await self.set_fan_speed(Fan.CHAMBER, percent)

    async def set_fan_speed(self, fan: Fan, percent: int) -> None:
        """Turn a fan, 0 to 100 %."""
        if fan not in self.fans:
            raise UnsupportedError(f"{fan} fan", self.model.key)
        self._check_range("fan speed", percent, 100, "%")
        steps = round(percent / 10) * 10
        index = FAN_INDEX[fan]
        if fan is not Fan.PART and fan in self.state.fans.ducted:
            await self._command(commands.set_fan(index, steps))
        else:
            await self._command(commands.fan_gcode(index, steps))

    async def set_airduct_mode(self, mode: AirductMode) -> None:
        """Set the flaps of the air duct to one of the modes that the printer lists."""
        if not self.state.capabilities.airduct:
            raise UnsupportedError("air duct", self.model.key)
        offered = self.state.fans.airduct_modes or tuple(SETTABLE_AIRDUCT_MODES)
        number = next((n for n, name in AIRDUCT_MODES.items() if name == mode), None)
        if number is None or mode not in offered:
            raise InvalidValueError("air duct mode", mode)
        await self._command(commands.set_airduct(number))
