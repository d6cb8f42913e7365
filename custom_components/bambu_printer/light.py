"""The lamps: the one thing that printers let everybody control, also without Developer Mode."""

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import override

from homeassistant.components.light import (
    ColorMode,
    LightEntity,
    LightEntityDescription,
)
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .coordinator import BambuConfigEntry
from .entity import (
    OnOffEntity,
    PartEntityDescription,
    WholePrinter,
    async_add_part_entities,
)
from .printer import Light
from .printer.state import LightState
from .printer.state.lights import LightMode

# The session sends commands one after the other, and each waits for its own answer.
PARALLEL_UPDATES = 0


@dataclass(frozen=True, kw_only=True)
class PrinterLightDescription(PartEntityDescription, LightEntityDescription):
    """Describes a lamp."""

    light: Light


def _lit(lights: LightState, light: Light) -> bool | None:
    mode = lights.mode(light)
    return None if mode is None else mode is not LightMode.OFF


def _describe(key: str, light: Light, *, enabled: bool) -> PrinterLightDescription:
    return PrinterLightDescription(
        key=key,
        sections=("lights",),
        light=light,
        entity_registry_enabled_default=enabled,
        exists_fn=lambda printer, _: light in printer.state.capabilities.lights,
        value_fn=lambda state: _lit(state.lights, light),
    )


LIGHTS = (
    _describe("chamber_light", Light.CHAMBER, enabled=True),
    # Follows the first one, unless somebody wants it otherwise.
    _describe("chamber_light_2", Light.CHAMBER_2, enabled=False),
    # Mostly a status lamp that the printer itself lets flash.
    _describe("work_light", Light.WORK, enabled=False),
    _describe("heatbed_light", Light.HEATBED, enabled=True),
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: BambuConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Set up the lamps of a printer."""
    async_add_part_entities(
        entry, async_add_entities, {WholePrinter: LIGHTS}, PrinterLight
    )


class PrinterLight(OnOffEntity, LightEntity):
    """A lamp."""

    entity_description: PrinterLightDescription

    _attr_color_mode = ColorMode.ONOFF
    _attr_supported_color_modes = {ColorMode.ONOFF}

    @override
    def _switch(self, *, on: bool) -> Awaitable[None]:
        return self.printer.set_light_state(self.entity_description.light, on=on)
