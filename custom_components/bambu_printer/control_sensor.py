"""The sensor that tells whether a printer can be controlled."""

from typing import override

from homeassistant.components.sensor import SensorDeviceClass, SensorEntity
from homeassistant.const import EntityCategory

from .base_sensor import PrinterSensorDescription
from .entity import PrinterEntity
from .printer import ControlState

CONTROL_SENSORS: tuple[PrinterSensorDescription, ...] = (
    PrinterSensorDescription(
        key="control",
        device_class=SensorDeviceClass.ENUM,
        options=[state.value for state in ControlState],
        entity_category=EntityCategory.DIAGNOSTIC,
        # The commands tell it as well, not the state alone.
        value_fn=lambda _state: None,
    ),
)


class ControlSensor(PrinterEntity, SensorEntity):
    """Whether the printer can be controlled; available all the time, as it tells why not."""

    entity_description: PrinterSensorDescription

    @property
    @override
    def available(self) -> bool:
        """Return True: one of its values is that the printer is gone."""
        return True

    @property
    @override
    def native_value(self) -> str:
        """Return what can be done with the printer."""
        return self.coordinator.control
