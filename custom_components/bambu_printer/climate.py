"""Climate: everything that is heated."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from math import isfinite
from typing import Any, override

from homeassistant.components.climate import (
    ATTR_HVAC_MODE,
    ClimateEntity,
    ClimateEntityDescription,
    ClimateEntityFeature,
    HVACAction,
    HVACMode,
)
from homeassistant.const import ATTR_TEMPERATURE, UnitOfTemperature
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .coordinator import BambuConfigEntry, PrinterCoordinator
from .entity import (
    ControlEntity,
    NozzlePart,
    Part,
    PartEntityDescription,
    WholePrinter,
    async_add_part_entities,
)
from .printer import BambuPrinter
from .printer.control import CONTROL_SECTION
from .printer.state.temperatures import Heater

# The session sends commands one after the other, and each waits for its own answer.
PARALLEL_UPDATES = 0

_HEATING_BELOW = 2
"""°C under its target a heater counts as heating up, rather than as holding."""


@dataclass(frozen=True, kw_only=True)
class HeaterDescription(PartEntityDescription, ClimateEntityDescription):
    """Describes a heater."""

    control: str | None = CONTROL_SECTION
    max_fn: Callable[[BambuPrinter], int]
    """Highest target, °C."""
    set_fn: Callable[[BambuPrinter, float, Part], Awaitable[None]]
    default_target: int
    """Where to heat to when nobody says, °C: mild enough for everything."""


async def _set_nozzle(printer: BambuPrinter, target: float, part: Part) -> None:
    await printer.set_nozzle_temp_target(
        target, part.number if isinstance(part, NozzlePart) else None
    )


PRINTER_HEATERS: tuple[HeaterDescription, ...] = (
    HeaterDescription(
        key="bed",
        sections=("temperatures",),
        default_target=60,
        value_fn=lambda state: state.temperatures.bed,
        max_fn=lambda printer: printer.state.capabilities.bed_max,
        set_fn=lambda printer, target, _: printer.set_bed_temp_target(target),
    ),
    HeaterDescription(
        key="chamber",
        sections=("temperatures",),
        default_target=45,
        exists_fn=lambda printer, _: printer.state.capabilities.chamber_max > 0,
        value_fn=lambda state: state.temperatures.chamber,
        max_fn=lambda printer: printer.state.capabilities.chamber_max,
        set_fn=lambda printer, target, _: printer.set_chamber_temp_target(target),
    ),
)

NOZZLE_HEATERS: tuple[HeaterDescription, ...] = (
    HeaterDescription(
        key="",
        default_target=200,
        value_fn=lambda view: view.heater,
        max_fn=lambda printer: printer.state.capabilities.nozzle_max,
        set_fn=_set_nozzle,
    ),
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: BambuConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Set up the heaters of a printer."""
    async_add_part_entities(
        entry,
        async_add_entities,
        {WholePrinter: PRINTER_HEATERS, NozzlePart: NOZZLE_HEATERS},
        HeaterEntity,
    )


class HeaterEntity(ControlEntity[Heater], ClimateEntity):
    """A nozzle, the bed or the chamber."""

    entity_description: HeaterDescription

    _attr_hvac_modes = [HVACMode.OFF, HVACMode.HEAT]
    _attr_min_temp = 0
    _attr_supported_features = (
        ClimateEntityFeature.TARGET_TEMPERATURE
        | ClimateEntityFeature.TURN_ON
        | ClimateEntityFeature.TURN_OFF
    )
    _attr_target_temperature_step = 1
    _attr_temperature_unit = UnitOfTemperature.CELSIUS

    def __init__(
        self,
        coordinator: PrinterCoordinator,
        part: Part,
        description: HeaterDescription,
    ) -> None:
        """Remember where to heat to when it is only switched on."""
        super().__init__(coordinator, part, description)
        self._last_target = description.default_target

    @override
    def _setting(self, value: Heater | None) -> float | None:
        return value.target if value else None

    @property
    @override
    def max_temp(self) -> float:
        """Return the model's limit."""
        return self.entity_description.max_fn(self.printer)

    @property
    @override
    def current_temperature(self) -> float | None:
        """Return what is measured."""
        return self.value.current if self.value else None

    @property
    @override
    def target_temperature(self) -> float | None:
        """Return the target; none while it is off."""
        return self.setting or None

    @property
    @override
    def hvac_mode(self) -> HVACMode | None:
        """Return whether there is a target."""
        if self.setting is None:
            return None
        return HVACMode.HEAT if self.setting > 0 else HVACMode.OFF

    @property
    @override
    def hvac_action(self) -> HVACAction | None:
        """Return whether it heats up, holds its temperature, or is off."""
        if self.setting is None or self.current_temperature is None:
            return None
        if self.setting <= 0:
            return HVACAction.OFF
        cold = self.current_temperature < self.setting - _HEATING_BELOW
        return HVACAction.HEATING if cold else HVACAction.IDLE

    @override
    async def async_set_temperature(self, **kwargs: Any) -> None:
        """Set a target; 0 switches it off."""
        if kwargs.get(ATTR_HVAC_MODE) == HVACMode.OFF:
            await self._async_heat(0)
        else:
            target: float = kwargs[ATTR_TEMPERATURE]
            # What is no number is left to the library to refuse.
            await self._async_heat(round(target) if isfinite(target) else target)

    @override
    async def async_set_hvac_mode(self, hvac_mode: HVACMode) -> None:
        """Switch it off, or heat to the last target."""
        if hvac_mode == HVACMode.OFF:
            await self._async_heat(0)
        else:
            await self._async_heat(min(self._last_target, int(self.max_temp)))

    async def _async_heat(self, target: float) -> None:
        command = self.entity_description.set_fn(self.printer, target, self._part)
        await self._async_set(command, float(target))
        if target:
            self._last_target = int(target)
