"""What all sensors have in common."""

from dataclasses import dataclass
from typing import Any, Final, override

from homeassistant.components.sensor import (
    SensorEntity,
    SensorEntityDescription,
    SensorStateClass,
)

from .entity import PartEntityDescription, ValueEntity

LONGEST_STATE: Final = 255
"""Characters that fit into a state."""


@dataclass(frozen=True, kw_only=True)
class PrinterSensorDescription(PartEntityDescription, SensorEntityDescription):
    """Describes a sensor of a part."""

    state_class: SensorStateClass | None = None


class PrinterSensor(ValueEntity[Any], SensorEntity):
    """A sensor of a part."""

    entity_description: PrinterSensorDescription

    # Long lists and texts that say nothing over time.
    _unrecorded_attributes = frozenset(
        {"colors", "filament_id", "filaments", "messages", "objects", "text"}
    )

    # As in all entities of a printer: what is the same in all of them stands in the class.
    entity_picture = None
    last_reset = None
    supported_features = None

    @property
    @override
    def state_class(self) -> SensorStateClass | None:
        """Return what statistics are made of it."""
        return self.entity_description.state_class

    @property
    @override
    def options(self) -> list[str] | None:
        """Return the values that it can have."""
        return self.entity_description.options

    @property
    @override
    def native_value(self) -> Any:
        """Return the value."""
        return self.value
