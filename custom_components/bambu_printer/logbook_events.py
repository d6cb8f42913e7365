"""What happens, on Home Assistant's bus: that is where the logbook looks."""

from typing import TYPE_CHECKING, Final

from homeassistant.const import ATTR_DEVICE_ID
from homeassistant.core import callback

from .const import DOMAIN
from .happening_details import happening_details
from .printer.happenings import Happening, JobEvent

if TYPE_CHECKING:
    from .coordinator import PrinterCoordinator

EVENT: Final = f"{DOMAIN}_event"
_NOT_WORTH_A_LINE = frozenset({JobEvent.LAYER_REACHED, JobEvent.FILAMENT_CHANGED})


@callback
def async_tell_logbook(coordinator: PrinterCoordinator) -> None:
    """Fire an event for what happens, as long as the printer is loaded."""

    @callback
    def tell(happening: Happening) -> None:
        if happening.kind not in _NOT_WORTH_A_LINE:
            coordinator.hass.bus.async_fire(
                EVENT,
                {
                    ATTR_DEVICE_ID: coordinator.device_id,
                    "event": happening.kind.value,
                    "details": happening_details(coordinator, happening),
                },
            )

    coordinator.config_entry.async_on_unload(
        coordinator.happenings.async_subscribe(tell)
    )
