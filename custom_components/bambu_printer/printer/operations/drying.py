"""Drying filament in the AMS units that can."""

from .. import commands, errors
from ..errors import InvalidValueError, UnsupportedError
from ..models import Family, version_tuple
from ..state.ams import DRYING_KINDS, AmsKind, AmsUnit, DryingObstacle
from .base import Operations

MIN_DRYING_TEMP = 45
"""°C; lower targets are silently ignored."""
MAX_DRYING_TEMP = {AmsKind.PRO_2: 65, AmsKind.HT: 85}
MAX_DRYING_HOURS = 24
_COOLING_TEMP = 45
"""°C down to which a unit cools afterwards: the one value that all firmware takes."""

_SCREEN_ONLY = frozenset({Family.P1, Family.A1})
"""They acknowledge the command and do nothing."""
_REMOTE_FLOOR = {
    "X1C": "01.09.00.00",
    "X1": "01.09.00.00",
    "P2S": "01.02.00.00",
    "H2S": "01.02.00.00",
    "H2C": "01.02.00.00",
    "H2D": "01.02.30.00",
}
_POWER = frozenset(
    {DryingObstacle.NOT_ENOUGH_POWER, DryingObstacle.POWER_ADAPTER_NEEDED}
)
_REFUSALS: dict[DryingObstacle, type[errors.DryingRefusedError]] = {
    DryingObstacle.PRINTER_BUSY: errors.DryingPrinterBusyError,
    DryingObstacle.NOT_ENOUGH_POWER: errors.DryingNotEnoughPowerError,
    DryingObstacle.AMS_BUSY: errors.DryingAmsBusyError,
    DryingObstacle.FILAMENT_AT_OUTLET: errors.DryingFilamentAtOutletError,
    DryingObstacle.STARTING: errors.DryingStartingError,
    DryingObstacle.NOT_IN_2D_MODE: errors.DryingNotIn2dModeError,
    DryingObstacle.ALREADY_DRYING: errors.DryingAlreadyDryingError,
    DryingObstacle.UPDATING: errors.DryingUpdatingError,
    DryingObstacle.POWER_ADAPTER_NEEDED: errors.DryingPowerAdapterNeededError,
    DryingObstacle.UNLOAD_BY_HAND: errors.DryingUnloadByHandError,
}


class DryingOperations(Operations):
    """Start and stop drying."""

    def can_dry(self, unit: AmsUnit) -> bool:
        """Whether a unit can be told to dry by this printer's firmware."""
        if unit.kind not in DRYING_KINDS or self.model.family in _SCREEN_ONLY:
            return False
        told = self.state.capabilities.remote_drying
        if told is not None:
            return told
        floor = _REMOTE_FLOOR.get(self.model.key)
        version = self.state.firmware.version
        return floor is None or (
            version is not None and version_tuple(version) >= version_tuple(floor)
        )

    async def turn_on_ams_dryer(
        self,
        unit: int,
        temperature: int,
        hours: int,
        *,
        filament: str = "",
        rotate_tray: bool = False,
        accept_power_limit: bool = False,
    ) -> None:
        """Dry the filament in a unit.

        `temperature` is 45 to 65 °C (AMS 2 Pro) or 85 °C (AMS HT), `hours` 1 to 24.
        `filament` is the material, by default that of the first spool.  Stay below what
        softens: 55 °C for PLA.  `rotate_tray` turns the spools, which is only possible
        when none of them is threaded.  `accept_power_limit` goes ahead although the
        printer may have to do with less power meanwhile.

        Raises `DryingRefusedError` with the printer's reasons when it cannot start.
        """
        ams = self._dryer(unit)
        limit = MAX_DRYING_TEMP[ams.kind]
        self._check_range(
            "drying temperature", temperature, limit, minimum=MIN_DRYING_TEMP
        )
        self._check_range("drying time", hours, MAX_DRYING_HOURS, "h", minimum=1)
        obstacles = [
            obstacle
            for obstacle in ams.drying_obstacles
            if not (accept_power_limit and obstacle in _POWER)
        ]
        if obstacles:
            raise _REFUSALS[obstacles[0]](
                ", ".join(obstacle.value for obstacle in obstacles)
            )
        material = filament or next(
            (tray.type for tray in ams.trays if tray.type), "PLA"
        )
        await self._command(
            commands.start_drying(
                unit,
                filament=material,
                temp=int(temperature),
                hours=int(hours),
                rotate=rotate_tray,
                cooling_temp=_COOLING_TEMP,
                accept_power_limit=accept_power_limit,
            )
        )

    async def turn_off_ams_dryer(self, unit: int | None = None) -> None:
        """End the drying in a unit; None ends it in all of them."""
        if unit is None:
            if not any(self.can_dry(ams) for ams in self.state.ams.units):
                raise UnsupportedError("AMS that can be told to dry", self.model.key)
            await self._command(commands.stop_all_drying())
        else:
            self._dryer(unit)
            await self._command(commands.stop_drying(unit))

    def _dryer(self, unit: int) -> AmsUnit:
        ams = self.state.ams.unit(unit)
        if ams is None:
            raise InvalidValueError("AMS unit", unit)
        if not self.can_dry(ams):
            raise UnsupportedError("AMS that can be told to dry", self.model.key)
        return ams
