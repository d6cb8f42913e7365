"""Fans that can be set."""

from dataclasses import dataclass
from typing import Any, override

from homeassistant.components.fan import (
    FanEntity,
    FanEntityDescription,
    FanEntityFeature,
)
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .coordinator import BambuConfigEntry
from .entity import (
    ControlEntity,
    PartEntityDescription,
    WholePrinter,
    async_add_part_entities,
)
from .printer.control import CONTROL_SECTION
from .printer.state.fans import Fan

# The session sends commands one after the other, and each waits for its own answer.
PARALLEL_UPDATES = 0

_SPEED_STEPS = 10
"""The printer knows steps of ten percent."""


@dataclass(frozen=True, kw_only=True)
class PrinterFanDescription(PartEntityDescription, FanEntityDescription):
    """Describes a fan."""

    control: str | None = CONTROL_SECTION
    fan: Fan


def _describe(fan: Fan) -> PrinterFanDescription:
    return PrinterFanDescription(
        key=f"{fan}_fan",
        sections=("fans",),
        fan=fan,
        exists_fn=lambda printer, _: fan in printer.fans,
        value_fn=lambda state: state.fans.speed(fan),
    )


FANS = tuple(_describe(fan) for fan in (Fan.PART, Fan.AUX, Fan.AUX_2, Fan.CHAMBER))


async def async_setup_entry(
    hass: HomeAssistant,
    entry: BambuConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Set up the fans of a printer."""
    async_add_part_entities(entry, async_add_entities, {WholePrinter: FANS}, PrinterFan)


class PrinterFan(ControlEntity[int], FanEntity):
    """A fan."""

    entity_description: PrinterFanDescription

    _attr_speed_count = _SPEED_STEPS
    _attr_supported_features = (
        FanEntityFeature.SET_SPEED
        | FanEntityFeature.TURN_ON
        | FanEntityFeature.TURN_OFF
    )

    @property
    @override
    def percentage(self) -> int | None:
        """Return the speed."""
        speed: int | None = self.setting
        return speed

    @override
    async def async_set_percentage(self, percentage: int) -> None:
        """Set the speed; the printer rounds to tens, and the least is not off."""
        steps = round(percentage / _SPEED_STEPS) * _SPEED_STEPS
        if percentage > 0:
            steps = max(steps, _SPEED_STEPS)
        await self._async_set(
            self.printer.set_fan_speed(self.entity_description.fan, steps), steps
        )

    @override
    async def async_turn_on(
        self,
        percentage: int | None = None,
        preset_mode: str | None = None,
        **kwargs: Any,
    ) -> None:
        """Turn the fan on, at full speed unless one is given."""
        await self.async_set_percentage(100 if percentage is None else percentage)

    @override
    async def async_turn_off(self, **kwargs: Any) -> None:
        """Turn the fan off."""
        await self.async_set_percentage(0)
