"""A thermometer of Home Assistant as the chamber sensor of a printer that has none."""

from homeassistant.const import (
    ATTR_UNIT_OF_MEASUREMENT,
    STATE_UNAVAILABLE,
    STATE_UNKNOWN,
    UnitOfTemperature,
)
from homeassistant.core import (
    Event,
    EventStateChangedData,
    HomeAssistant,
    State,
    callback,
)
from homeassistant.helpers.event import async_track_state_change_event
from homeassistant.util.unit_conversion import TemperatureConverter

from .const import CONF_CHAMBER_SENSOR
from .coordinator import BambuConfigEntry
from .printer import BambuError


@callback
def async_feed_chamber(hass: HomeAssistant, entry: BambuConfigEntry) -> None:
    """Tell the printer's state what the chosen thermometer measures, now and ever after."""
    entity_id = entry.options.get(CONF_CHAMBER_SENSOR)
    coordinator = entry.runtime_data
    if not entity_id or coordinator.data.capabilities.chamber_sensor:
        return

    @callback
    def feed(state: State | None) -> None:
        try:
            coordinator.async_tell_chamber_temp(_celsius(state))
        except BambuError:
            # No chamber has such a temperature: the thermometer is broken, or is none.
            coordinator.async_tell_chamber_temp(None)

    @callback
    def changed(event: Event[EventStateChangedData]) -> None:
        feed(event.data["new_state"])

    entry.async_on_unload(async_track_state_change_event(hass, entity_id, changed))
    feed(hass.states.get(entity_id))


def _celsius(state: State | None) -> float | None:
    """Read a temperature; None while there is none."""
    if state is None or state.state in (STATE_UNAVAILABLE, STATE_UNKNOWN):
        return None
    try:
        value = float(state.state)
    except ValueError:
        return None
    unit = state.attributes.get(ATTR_UNIT_OF_MEASUREMENT, UnitOfTemperature.CELSIUS)
    if unit not in TemperatureConverter.VALID_UNITS:
        return None
    return TemperatureConverter.convert(value, unit, UnitOfTemperature.CELSIUS)
