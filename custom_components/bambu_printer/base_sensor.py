"""What all sensors have in common."""

from dataclasses import dataclass
from typing import Any, Final, override

from homeassistant.components.sensor import SensorEntity, SensorEntityDescription

from .entity import PartEntityDescription, ValueEntity

LONGEST_STATE: Final = 255
"""Characters that fit into a state."""


@dataclass(frozen=True, kw_only=True)
class PrinterSensorDescription(PartEntityDescription, SensorEntityDescription):
    """Describes a sensor of a part."""


class PrinterSensor(ValueEntity[Any], SensorEntity):
    """A sensor of a part."""

    entity_description: PrinterSensorDescription

    # Long lists and texts that say nothing over time.
    _unrecorded_attributes = frozenset(
        {"colors", "filament_id", "filaments", "messages", "objects", "text"}
    )

    @property
    @override
    def native_value(self) -> Any:
        """Return the value."""
        return self.value
