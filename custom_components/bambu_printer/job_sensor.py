"""Sensors made of the jobs that are remembered."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, override

from homeassistant.components.sensor import SensorDeviceClass, SensorStateClass
from homeassistant.const import EntityCategory, UnitOfMass, UnitOfTime

from .base_sensor import PrinterSensor, PrinterSensorDescription
from .job_store import JobStore
from .printer.happenings import OUTCOMES, JobEvent


@dataclass(frozen=True, kw_only=True)
class JobSensorDescription(PrinterSensorDescription):
    """Describes a sensor of the remembered jobs."""

    value_fn: Callable[[Any], Any] = lambda _state: None
    show_fn: Callable[[JobStore], Any]
    """Takes the value from what is remembered."""
    details_fn: Callable[[JobStore], Mapping[str, Any]] | None = None


def _last_job(jobs: JobStore) -> Mapping[str, Any]:
    if (last := jobs.last) is None:
        return {}
    return {
        "name": last.name,
        "start_time": last.start.isoformat(timespec="seconds"),
        "end_time": last.end.isoformat(timespec="seconds"),
        "duration": last.duration,
        "error": last.error,
        "error_text": last.error_text,
    }


JOB_SENSORS: tuple[JobSensorDescription, ...] = (
    JobSensorDescription(
        key="total_print_time",
        device_class=SensorDeviceClass.DURATION,
        native_unit_of_measurement=UnitOfTime.SECONDS,
        suggested_unit_of_measurement=UnitOfTime.HOURS,
        suggested_display_precision=1,
        state_class=SensorStateClass.TOTAL_INCREASING,
        entity_category=EntityCategory.DIAGNOSTIC,
        show_fn=lambda jobs: jobs.totals.seconds,
    ),
    JobSensorDescription(
        key="total_jobs",
        state_class=SensorStateClass.TOTAL_INCREASING,
        entity_category=EntityCategory.DIAGNOSTIC,
        show_fn=lambda jobs: jobs.totals.jobs,
    ),
    JobSensorDescription(
        key="filament_used",
        device_class=SensorDeviceClass.WEIGHT,
        native_unit_of_measurement=UnitOfMass.GRAMS,
        suggested_display_precision=0,
        state_class=SensorStateClass.TOTAL_INCREASING,
        entity_category=EntityCategory.DIAGNOSTIC,
        show_fn=lambda jobs: jobs.totals.grams,
    ),
    JobSensorDescription(
        key="last_outcome",
        device_class=SensorDeviceClass.ENUM,
        options=[kind.value for kind in JobEvent if kind in OUTCOMES],
        show_fn=lambda jobs: jobs.last.outcome if jobs.last else None,
        details_fn=_last_job,
    ),
)


class JobSensor(PrinterSensor):
    """A sensor of the remembered jobs."""

    entity_description: JobSensorDescription

    @property
    @override
    def native_value(self) -> Any:
        """Return the value."""
        return self.entity_description.show_fn(self.coordinator.jobs)

    @property
    @override
    def extra_state_attributes(self) -> Mapping[str, Any] | None:
        """Return details."""
        details = self.entity_description.details_fn
        return details(self.coordinator.jobs) if details else None

    @override
    async def async_added_to_hass(self) -> None:
        """Watch what is remembered."""
        await super().async_added_to_hass()
        self.async_on_remove(
            self.coordinator.jobs.async_subscribe(self.async_write_ha_state)
        )
