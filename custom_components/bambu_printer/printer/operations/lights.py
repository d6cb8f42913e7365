"""The lamps."""

from .. import commands
from ..errors import UnsupportedError
from ..models import Light
from ..state.lights import LightMode
from .base import Operations


class LightOperations(Operations):
    """Each lamp by its name."""

    def light_state(self, light: Light = Light.CHAMBER) -> LightMode | None:
        """Return what a lamp does; None when the printer has none or never said."""
        return self.state.lights.mode(light)

    async def set_light_state(self, light: Light, *, on: bool) -> None:
        """Switch a lamp.

        Printers with two lamps in the chamber are told both when the first one is meant,
        as the maker's own client does.
        """
        lights = self.state.capabilities.lights
        if light not in lights:
            raise UnsupportedError(str(light), self.model.key)
        mode = LightMode.ON if on else LightMode.OFF
        await self._command(commands.set_light(light, mode))
        if light is Light.CHAMBER and Light.CHAMBER_2 in lights:
            await self._command(commands.set_light(Light.CHAMBER_2, mode))
