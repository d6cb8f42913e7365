"""Binary sensors: connection, problems, door, lid, card, filament."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, override

from homeassistant.components.binary_sensor import (
    BinarySensorDeviceClass,
    BinarySensorEntity,
    BinarySensorEntityDescription,
)
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .coordinator import BambuConfigEntry
from .entity import (
    AmsPart,
    NozzlePart,
    PartEntityDescription,
    PrinterEntity,
    ValueEntity,
    WholePrinter,
    async_add_part_entities,
)
from .printer import PrinterState
from .printer.state.ams import DRYING_KINDS
from .printer.state.enclosure import StorageStatus

# Nothing is fetched: the coordinator pushes.
PARALLEL_UPDATES = 0


@dataclass(frozen=True, kw_only=True)
class PrinterBinarySensorDescription(
    PartEntityDescription, BinarySensorEntityDescription
):
    """Describes a binary sensor of a part."""


def _worst_code(state: PrinterState) -> Mapping[str, Any]:
    problems = state.errors.problems
    return {"code": problems[0].text_code if problems else None}


def _hms_problem(state: PrinterState) -> bool | None:
    messages = state.errors.hms
    return None if messages is None else any(message.is_problem for message in messages)


def _hms_severity(state: PrinterState) -> Mapping[str, Any]:
    worst = state.errors.worst_severity
    return {"severity": worst.value if worst else None}


def _card_present(state: PrinterState) -> bool | None:
    status = state.enclosure.storage
    return None if status is None else status is not StorageStatus.NONE


def _card_status(state: PrinterState) -> Mapping[str, Any]:
    status = state.enclosure.storage
    return {"status": status.value if status else None}


CONNECTIVITY = PrinterBinarySensorDescription(
    key="connectivity",
    named_by_device_class=True,
    device_class=BinarySensorDeviceClass.CONNECTIVITY,
    entity_category=EntityCategory.DIAGNOSTIC,
    value_fn=lambda _state: None,
)

PRINTER_BINARY_SENSORS: tuple[PrinterBinarySensorDescription, ...] = (
    PrinterBinarySensorDescription(
        key="problem",
        named_by_device_class=True,
        sections=("errors",),
        device_class=BinarySensorDeviceClass.PROBLEM,
        value_fn=lambda state: state.errors.has_problem,
        attributes_fn=_worst_code,
    ),
    PrinterBinarySensorDescription(
        key="hms_problem",
        sections=("errors",),
        # A part of the one above, for those who tell the two kinds apart.
        entity_registry_enabled_default=False,
        device_class=BinarySensorDeviceClass.PROBLEM,
        value_fn=_hms_problem,
        attributes_fn=_hms_severity,
    ),
    PrinterBinarySensorDescription(
        key="door",
        named_by_device_class=True,
        sections=("enclosure",),
        device_class=BinarySensorDeviceClass.DOOR,
        exists_fn=lambda printer, _: printer.state.enclosure.door_open is not None,
        value_fn=lambda state: state.enclosure.door_open,
    ),
    PrinterBinarySensorDescription(
        key="lid",
        sections=("enclosure",),
        device_class=BinarySensorDeviceClass.OPENING,
        exists_fn=lambda printer, _: printer.state.enclosure.lid_open is not None,
        value_fn=lambda state: state.enclosure.lid_open,
    ),
    PrinterBinarySensorDescription(
        key="sd_card",
        sections=("enclosure",),
        entity_category=EntityCategory.DIAGNOSTIC,
        exists_fn=lambda printer, _: printer.state.enclosure.storage is not None,
        value_fn=_card_present,
        attributes_fn=_card_status,
    ),
)

NOZZLE_BINARY_SENSORS: tuple[PrinterBinarySensorDescription, ...] = (
    PrinterBinarySensorDescription(
        key="filament",
        exists_fn=lambda _, view: view.extruder.filament is not None,
        value_fn=lambda view: view.extruder.filament,
    ),
)

AMS_BINARY_SENSORS: tuple[PrinterBinarySensorDescription, ...] = (
    PrinterBinarySensorDescription(
        key="drying",
        device_class=BinarySensorDeviceClass.RUNNING,
        exists_fn=lambda _, unit: unit is not None and unit.kind in DRYING_KINDS,
        value_fn=lambda unit: unit.is_drying,
    ),
    PrinterBinarySensorDescription(
        key="drying_fan",
        device_class=BinarySensorDeviceClass.RUNNING,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        exists_fn=lambda _, unit: unit is not None and unit.fan_on is not None,
        value_fn=lambda unit: unit.fan_on,
    ),
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: BambuConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Set up the binary sensors of a printer."""
    async_add_entities([Connectivity(entry.runtime_data, WholePrinter(), CONNECTIVITY)])
    async_add_part_entities(
        entry,
        async_add_entities,
        {
            WholePrinter: PRINTER_BINARY_SENSORS,
            NozzlePart: NOZZLE_BINARY_SENSORS,
            AmsPart: AMS_BINARY_SENSORS,
        },
        PrinterBinarySensor,
    )


class PrinterBinarySensor(ValueEntity[bool], BinarySensorEntity):
    """A binary sensor of a part."""

    entity_description: PrinterBinarySensorDescription

    @property
    @override
    def is_on(self) -> bool | None:
        """Return the value."""
        return self.value


class Connectivity(PrinterEntity, BinarySensorEntity):
    """Whether the printer is there; available all the time."""

    entity_description: PrinterBinarySensorDescription

    @property
    @override
    def available(self) -> bool:
        """Return True: that it is gone is what this entity tells."""
        return True

    @property
    @override
    def is_on(self) -> bool:
        """Return whether reports arrive."""
        return self.coordinator.last_update_success

    @callback
    @override
    def _handle_coordinator_update(self) -> None:
        self.async_write_ha_state()
