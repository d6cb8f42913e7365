"""A calendar of the jobs: those that were, and the one that is."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, override

from homeassistant.components.calendar import (
    CalendarEntity,
    CalendarEntityDescription,
    CalendarEvent,
)
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.util import dt as dt_util

from .coordinator import BambuConfigEntry, PrinterCoordinator
from .entity import (
    Part,
    PartEntityDescription,
    PrinterEntity,
    WholePrinter,
    async_add_part_entities,
)
from .job_record import JobRecord
from .printer.happenings import ObservedJob
from .words import duration_words, word

# Nothing is fetched: the coordinator pushes.
PARALLEL_UPDATES = 0

_SHORTEST: Final = timedelta(minutes=1)
"""An event without a length is not shown, and nobody knows when an overdue job ends."""


@dataclass(frozen=True, kw_only=True)
class PrinterCalendarDescription(PartEntityDescription, CalendarEntityDescription):
    """Describes a calendar."""

    value_fn: Any = None


CALENDARS: tuple[PrinterCalendarDescription, ...] = (
    PrinterCalendarDescription(key="jobs"),
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: BambuConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Set up the calendar of a printer."""
    async_add_part_entities(
        entry, async_add_entities, {WholePrinter: CALENDARS}, PrinterCalendar
    )


class PrinterCalendar(PrinterEntity, CalendarEntity):
    """The jobs of a printer in time."""

    entity_description: PrinterCalendarDescription

    def __init__(
        self,
        coordinator: PrinterCoordinator,
        part: Part,
        description: PrinterCalendarDescription,
    ) -> None:
        """Show nothing yet."""
        super().__init__(coordinator, part, description)
        self._shown: tuple[object, ...] = ()

    @property
    @override
    def available(self) -> bool:
        """Return True: what was stays in the calendar while the printer is away."""
        return True

    @property
    @override
    def event(self) -> CalendarEvent | None:
        """Return the job that is under way."""
        job = self.coordinator.happenings.job
        return self._running(job) if job else None

    @override
    async def async_get_events(
        self, hass: HomeAssistant, start_date: datetime, end_date: datetime
    ) -> list[CalendarEvent]:
        """Return the jobs of a span of time."""
        events = [self._past(record) for record in self.coordinator.jobs.records]
        if running := self.event:
            events.append(running)
        return sorted(
            (
                event
                for event in events
                if event.start_datetime_local < end_date
                and event.end_datetime_local > start_date
            ),
            key=lambda event: event.start_datetime_local,
        )

    @override
    async def async_added_to_hass(self) -> None:
        """Watch the job under way."""
        await super().async_added_to_hass()
        self._shown = self._facts
        self.async_on_remove(
            self.coordinator.happenings.async_watch(self._write_what_changed)
        )

    @callback
    @override
    def _handle_coordinator_update(self) -> None:
        """Write nothing: losing or finding the printer changes no job."""

    @callback
    def _write_what_changed(self) -> None:
        if (facts := self._facts) != self._shown:
            self._shown = facts
            self.async_write_ha_state()

    @property
    def _facts(self) -> tuple[object, ...]:
        """What the event is made of; the end of one that is overdue moves by itself."""
        job = self.coordinator.happenings.job
        return (job.id, job.name, job.began, self._end(job)) if job else ()

    def _end(self, job: ObservedJob) -> datetime | None:
        return self.coordinator.data.job.finish_time or job.expected_end

    def _running(self, job: ObservedJob) -> CalendarEvent:
        now = dt_util.utcnow()
        expected = self._end(job) or now
        return self._event(
            job.id,
            job.name or job.file,
            job.began,
            # To the minute: otherwise it would be another one each time.
            max(expected, now.replace(second=0, microsecond=0) + _SHORTEST),
            word(self.hass, "job_under_way"),
        )

    def _past(self, record: JobRecord) -> CalendarEvent:
        lines = [
            word(self.hass, f"job_{record.outcome}"),
            duration_words(record.duration),
        ]
        if record.grams is not None:
            lines.append(f"{record.grams:.0f} g")
        lines += [text for text in (record.error_text or record.error,) if text]
        return self._event(
            record.job,
            record.name or record.file,
            record.start,
            record.end,
            "\n".join(lines),
        )

    def _event(
        self,
        job: str,
        name: str | None,
        start: datetime,
        end: datetime,
        description: str,
    ) -> CalendarEvent:
        return CalendarEvent(
            start=dt_util.as_local(start),
            end=dt_util.as_local(max(end, start + _SHORTEST)),
            summary=name or word(self.hass, "job_without_name"),
            description=description,
            uid=job,
        )
