"""Sensors: what the printer is doing, its temperatures, and the spools."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from homeassistant.components.sensor import (
    SensorDeviceClass,
    SensorStateClass,
)
from homeassistant.const import (
    PERCENTAGE,
    SIGNAL_STRENGTH_DECIBELS_MILLIWATT,
    EntityCategory,
    UnitOfLength,
    UnitOfMass,
    UnitOfTemperature,
    UnitOfTime,
)
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .base_sensor import LONGEST_STATE, PrinterSensor, PrinterSensorDescription
from .control_sensor import CONTROL_SENSORS, ControlSensor
from .coordinator import BambuConfigEntry, PrinterCoordinator
from .entity import (
    AmsPart,
    NozzlePart,
    Part,
    TrayPart,
    WholePrinter,
    async_add_part_entities,
)
from .fault_sensor import FAULT_SENSORS, FaultSensor, FaultSensorDescription
from .job_details import (
    BED_TYPES,
    bed_type,
    filament_use,
    job_length,
    job_weight,
    object_list,
    skipped_count,
)
from .job_sensor import JOB_SENSORS, JobSensor, JobSensorDescription
from .printer import BambuPrinter, PrinterState
from .printer.state.ams import (
    DRYING_KINDS,
    AmsKind,
    AmsStatus,
    AmsUnit,
    DryingPhase,
    Tray,
)
from .printer.state.extruders import NozzleFlow, NozzleMaterial
from .printer.state.fans import AirductMode
from .printer.state.job import STAGE_NAMES, GcodeState, PrintType
from .slot_keys import SLOT_KEYS, slot_key

# Nothing is fetched: the coordinator pushes.
PARALLEL_UPDATES = 0


def _text(value: str | None) -> str | None:
    """Cut what the printer calls things to what fits into a state."""
    return value[:LONGEST_STATE] if value else None


def _filament(tray: Tray) -> str:
    """Say what is in a slot: the product if it is known, else the material."""
    if not tray.present and not tray.slot.external:
        return "empty"
    return _text(tray.name or tray.type) or "unknown_filament"


def _filament_details(tray: Tray) -> Mapping[str, Any]:
    return {
        "type": tray.type or None,
        "color": tray.color,
        "colors": list(tray.colors) or None,
        "filament_id": tray.filament_id or None,
        "nozzle_temp_min": tray.nozzle_temp_min,
        "nozzle_temp_max": tray.nozzle_temp_max,
    }


def _active_slot_details(state: PrinterState) -> Mapping[str, Any]:
    slot = state.extruders.active_slot
    tray = state.ams.tray(slot) if slot else None
    if tray is None:
        return {}
    return {"filament": _filament(tray), "type": tray.type or None, "color": tray.color}


@dataclass(frozen=True, kw_only=True)
class TemperatureDescription(PrinterSensorDescription):
    """Describes a temperature sensor, °C."""

    device_class: SensorDeviceClass | None = SensorDeviceClass.TEMPERATURE
    native_unit_of_measurement: str | None = UnitOfTemperature.CELSIUS
    state_class: SensorStateClass | None = SensorStateClass.MEASUREMENT
    suggested_display_precision: int | None = 1


def _has_no_heated_chamber(printer: BambuPrinter, _part: object) -> bool:
    capabilities = printer.state.capabilities
    known = capabilities.chamber_sensor or printer.chamber_temp_told
    return known and not capabilities.chamber_max


def _has_heated_chamber(printer: BambuPrinter, _part: object) -> bool:
    return printer.state.capabilities.chamber_max > 0


PRINTER_SENSORS: tuple[PrinterSensorDescription, ...] = (
    PrinterSensorDescription(
        key="status",
        name=None,
        sections=("job",),
        device_class=SensorDeviceClass.ENUM,
        options=[state.value for state in GcodeState],
        value_fn=lambda state: state.job.gcode_state,
    ),
    PrinterSensorDescription(
        key="stage",
        sections=("job",),
        device_class=SensorDeviceClass.ENUM,
        options=list(STAGE_NAMES),
        value_fn=lambda state: state.job.stage,
    ),
    PrinterSensorDescription(
        key="progress",
        sections=("job",),
        native_unit_of_measurement=PERCENTAGE,
        state_class=SensorStateClass.MEASUREMENT,
        value_fn=lambda state: state.job.progress,
    ),
    PrinterSensorDescription(
        key="current_layer",
        sections=("job",),
        value_fn=lambda state: state.job.current_layer,
    ),
    PrinterSensorDescription(
        key="total_layers",
        sections=("job",),
        value_fn=lambda state: state.job.total_layers,
    ),
    PrinterSensorDescription(
        key="remaining_time",
        sections=("job",),
        device_class=SensorDeviceClass.DURATION,
        native_unit_of_measurement=UnitOfTime.MINUTES,
        suggested_display_precision=0,
        value_fn=lambda state: state.job.remaining,
    ),
    PrinterSensorDescription(
        key="start_time",
        sections=("job",),
        device_class=SensorDeviceClass.TIMESTAMP,
        value_fn=lambda state: state.job.start_time,
    ),
    PrinterSensorDescription(
        key="finish_time",
        sections=("job",),
        device_class=SensorDeviceClass.TIMESTAMP,
        value_fn=lambda state: state.job.finish_time,
    ),
    PrinterSensorDescription(
        key="task_name",
        sections=("job",),
        value_fn=lambda state: _text(state.job.name),
    ),
    PrinterSensorDescription(
        key="file",
        sections=("job",),
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        value_fn=lambda state: _text(state.job.file),
    ),
    PrinterSensorDescription(
        key="print_type",
        sections=("job",),
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        device_class=SensorDeviceClass.ENUM,
        options=[kind.value for kind in PrintType],
        value_fn=lambda state: state.job.print_type,
    ),
    PrinterSensorDescription(
        key="speed",
        sections=("job",),
        native_unit_of_measurement=PERCENTAGE,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        value_fn=lambda state: state.job.speed_percent,
    ),
    PrinterSensorDescription(
        key="job_weight",
        sections=("project", "job"),
        device_class=SensorDeviceClass.WEIGHT,
        native_unit_of_measurement=UnitOfMass.GRAMS,
        suggested_display_precision=1,
        value_fn=job_weight,
        attributes_fn=filament_use,
    ),
    PrinterSensorDescription(
        key="job_length",
        sections=("project",),
        device_class=SensorDeviceClass.DISTANCE,
        native_unit_of_measurement=UnitOfLength.METERS,
        suggested_display_precision=2,
        value_fn=job_length,
    ),
    PrinterSensorDescription(
        key="objects",
        sections=("project", "job"),
        value_fn=lambda state: (
            len(state.project.plate.objects) if state.project.plate else None
        ),
        attributes_fn=object_list,
    ),
    PrinterSensorDescription(
        key="skipped_objects",
        sections=("project", "job"),
        value_fn=skipped_count,
    ),
    PrinterSensorDescription(
        key="bed_type",
        sections=("project",),
        device_class=SensorDeviceClass.ENUM,
        options=list(BED_TYPES),
        value_fn=bed_type,
    ),
    PrinterSensorDescription(
        key="active_tray",
        sections=("ams", "extruders"),
        device_class=SensorDeviceClass.ENUM,
        options=SLOT_KEYS,
        value_fn=lambda state: slot_key(state.extruders.active_slot),
        attributes_fn=_active_slot_details,
    ),
    TemperatureDescription(
        key="bed_temperature",
        sections=("temperatures",),
        entity_registry_enabled_default=False,
        value_fn=lambda state: state.temperatures.bed.current,
    ),
    TemperatureDescription(
        key="chamber_temperature",
        sections=("temperatures",),
        exists_fn=_has_no_heated_chamber,
        value_fn=lambda state: state.temperatures.chamber.current,
    ),
    # The same sensor where a climate entity shows it too.
    TemperatureDescription(
        key="chamber_temperature",
        sections=("temperatures",),
        exists_fn=_has_heated_chamber,
        entity_registry_enabled_default=False,
        value_fn=lambda state: state.temperatures.chamber.current,
    ),
    PrinterSensorDescription(
        key="heatbreak_fan",
        sections=("fans",),
        native_unit_of_measurement=PERCENTAGE,
        state_class=SensorStateClass.MEASUREMENT,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        exists_fn=lambda printer, _: printer.state.fans.heatbreak is not None,
        value_fn=lambda state: state.fans.heatbreak,
    ),
    PrinterSensorDescription(
        key="airduct_state",
        sections=("fans",),
        device_class=SensorDeviceClass.ENUM,
        options=[mode.value for mode in AirductMode],
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        exists_fn=lambda printer, _: printer.state.capabilities.airduct,
        value_fn=lambda state: state.fans.airduct_mode,
    ),
    PrinterSensorDescription(
        key="print_error",
        sections=("errors",),
        entity_category=EntityCategory.DIAGNOSTIC,
        # The current error has the code too.
        entity_registry_enabled_default=False,
        value_fn=lambda state: (
            state.errors.print_error_code
            or (None if state.errors.print_error is None else "none")
        ),
    ),
    *FAULT_SENSORS,
    *JOB_SENSORS,
    PrinterSensorDescription(
        key="ams_status",
        sections=("ams",),
        device_class=SensorDeviceClass.ENUM,
        options=[status.value for status in AmsStatus],
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        exists_fn=lambda printer, _: bool(printer.state.ams.units),
        value_fn=lambda state: state.ams.status,
    ),
    PrinterSensorDescription(
        key="wifi_signal",
        sections=("network",),
        device_class=SensorDeviceClass.SIGNAL_STRENGTH,
        native_unit_of_measurement=SIGNAL_STRENGTH_DECIBELS_MILLIWATT,
        state_class=SensorStateClass.MEASUREMENT,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        value_fn=lambda state: state.network.wifi_signal,
    ),
)

NOZZLE_SENSORS: tuple[PrinterSensorDescription, ...] = (
    TemperatureDescription(
        key="temperature",
        entity_registry_enabled_default=False,
        value_fn=lambda view: view.heater.current,
    ),
    PrinterSensorDescription(
        key="type",
        device_class=SensorDeviceClass.ENUM,
        options=[material.value for material in NozzleMaterial],
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        value_fn=lambda view: view.extruder.nozzle.material,
    ),
    PrinterSensorDescription(
        key="flow",
        device_class=SensorDeviceClass.ENUM,
        options=[flow.value for flow in NozzleFlow],
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        exists_fn=lambda _, view: view.extruder.nozzle.flow is not None,
        value_fn=lambda view: view.extruder.nozzle.flow,
    ),
    PrinterSensorDescription(
        key="diameter",
        native_unit_of_measurement=UnitOfLength.MILLIMETERS,
        suggested_display_precision=1,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        value_fn=lambda view: view.extruder.nozzle.diameter,
    ),
    PrinterSensorDescription(
        key="tray",
        device_class=SensorDeviceClass.ENUM,
        options=SLOT_KEYS,
        exists_fn=lambda printer, _: printer.state.capabilities.extruders > 1,
        value_fn=lambda view: slot_key(view.extruder.slot),
    ),
)


def _has_sensors(_printer: BambuPrinter, unit: AmsUnit | None) -> bool:
    return unit is not None and unit.kind is not AmsKind.LITE


def _dries(_printer: BambuPrinter, unit: AmsUnit | None) -> bool:
    return unit is not None and unit.kind in DRYING_KINDS


AMS_SENSORS: tuple[PrinterSensorDescription, ...] = (
    TemperatureDescription(
        key="temperature",
        named_by_device_class=True,
        exists_fn=_has_sensors,
        value_fn=lambda unit: unit.temperature,
    ),
    PrinterSensorDescription(
        key="humidity",
        named_by_device_class=True,
        device_class=SensorDeviceClass.HUMIDITY,
        native_unit_of_measurement=PERCENTAGE,
        state_class=SensorStateClass.MEASUREMENT,
        exists_fn=_has_sensors,
        value_fn=lambda unit: unit.humidity,
    ),
    PrinterSensorDescription(
        key="humidity_index",
        exists_fn=_has_sensors,
        value_fn=lambda unit: unit.humidity_level,
    ),
    PrinterSensorDescription(
        key="drying_phase",
        device_class=SensorDeviceClass.ENUM,
        options=[phase.value for phase in DryingPhase],
        exists_fn=_dries,
        value_fn=lambda unit: unit.drying,
    ),
    PrinterSensorDescription(
        key="drying_time",
        device_class=SensorDeviceClass.DURATION,
        native_unit_of_measurement=UnitOfTime.MINUTES,
        suggested_display_precision=0,
        exists_fn=_dries,
        value_fn=lambda unit: unit.drying_minutes,
    ),
)

TRAY_SENSORS: tuple[PrinterSensorDescription, ...] = (
    PrinterSensorDescription(
        key="",
        value_fn=_filament,
        attributes_fn=_filament_details,
    ),
    PrinterSensorDescription(
        key="color",
        entity_registry_enabled_default=False,
        value_fn=lambda tray: tray.color,
    ),
    PrinterSensorDescription(
        key="type",
        entity_registry_enabled_default=False,
        value_fn=lambda tray: _text(tray.type),
    ),
    # No long-term statistics of what is left: they would belong to a slot, through which
    # one spool after the other goes, and there are many slots.
    PrinterSensorDescription(
        key="remaining",
        native_unit_of_measurement=PERCENTAGE,
        exists_fn=lambda _, tray: tray is not None and not tray.slot.external,
        value_fn=lambda tray: tray.remain,
    ),
    PrinterSensorDescription(
        key="remaining_weight",
        device_class=SensorDeviceClass.WEIGHT,
        native_unit_of_measurement=UnitOfMass.GRAMS,
        suggested_display_precision=0,
        entity_registry_enabled_default=False,
        exists_fn=lambda _, tray: tray is not None and not tray.slot.external,
        value_fn=lambda tray: tray.remaining_weight,
    ),
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: BambuConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Set up the sensors of a printer."""
    async_add_part_entities(
        entry,
        async_add_entities,
        {
            WholePrinter: PRINTER_SENSORS,
            NozzlePart: NOZZLE_SENSORS,
            AmsPart: AMS_SENSORS,
            TrayPart: TRAY_SENSORS,
        },
        _create,
    )
    async_add_part_entities(
        entry, async_add_entities, {WholePrinter: CONTROL_SENSORS}, ControlSensor
    )


def _create(
    coordinator: PrinterCoordinator, part: Part, description: PrinterSensorDescription
) -> PrinterSensor:
    if isinstance(description, FaultSensorDescription):
        return FaultSensor(coordinator, part, description)
    if isinstance(description, JobSensorDescription):
        return JobSensor(coordinator, part, description)
    return PrinterSensor(coordinator, part, description)
