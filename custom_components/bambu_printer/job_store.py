"""All jobs that were observed: what became of them, how long they took, and of what."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback

from .job_pictures import LARGEST_PICTURE, MOST_BYTES, JobPictures, picture_type
from .job_record import FilamentUse, JobRecord
from .memory import Memory
from .printer import SlotAddress
from .printer.happenings import OUTCOMES, Happening
from .printer.values import integer, number
from .slot_keys import slot_key

if TYPE_CHECKING:
    from .coordinator import PrinterCoordinator

MOST_JOBS: Final = 500
_MOST_PLANS = 4


def _memory(hass: HomeAssistant, entry_id: str) -> Memory:
    return Memory(hass, entry_id, "jobs")


async def async_forget_jobs(hass: HomeAssistant, entry_id: str) -> None:
    """Remove what is remembered of a printer's jobs."""
    await _memory(hass, entry_id).async_remove()
    await hass.async_add_executor_job(JobPictures(hass, entry_id).remove)


@dataclass(slots=True)
class Totals:
    """Sums over all jobs ever, also those that are no longer remembered."""

    jobs: int = 0
    seconds: int = 0
    """Without pauses."""
    grams: float | None = None
    """None: not known of any job."""

    def add_grams(self, grams: float | None) -> None:
        """Add what a job took, if that is known."""
        if grams is not None:
            self.grams = round((self.grams or 0) + max(0.0, grams), 2)


class JobStore:
    """Remembers the jobs of one printer: at most `MOST_JOBS`, the oldest go first."""

    def __init__(self, coordinator: PrinterCoordinator) -> None:
        """Remember nothing yet."""
        self._coordinator = coordinator
        self._hass = coordinator.hass
        entry_id = coordinator.config_entry.entry_id
        self._memory = _memory(self._hass, entry_id)
        self._pictures = JobPictures(self._hass, entry_id)
        self._records: dict[str, JobRecord] = {}
        self._plans: dict[str, tuple[FilamentUse, ...]] = {}
        """What jobs that are still under way will have taken in the end."""
        self._waiting: dict[str, int] = {}
        """Bytes of the pictures of jobs that are still under way."""
        self.totals = Totals()
        self._users: dict[Callable[[], None], None] = {}
        self._loaded = False

    @property
    def records(self) -> list[JobRecord]:
        """All remembered jobs, the newest first."""
        return list(reversed(self._records.values()))

    @property
    def last(self) -> JobRecord | None:
        """The job that ended last."""
        return next(reversed(self._records.values()), None)

    @callback
    def async_subscribe(self, update: Callable[[], None]) -> CALLBACK_TYPE:
        """Call somebody whenever something new is remembered; return what ends that."""
        self._users[update] = None

        @callback
        def unsubscribe() -> None:
            self._users.pop(update, None)

        return unsubscribe

    async def async_load(self) -> None:
        """Remember what was written down, and begin to listen."""
        self._restore(await self._memory.async_load())
        self._loaded = True
        self._coordinator.config_entry.async_on_unload(
            self._coordinator.happenings.async_subscribe(self._on_told)
        )

    async def async_stop(self) -> None:
        """Write down what is not written yet, and nothing from then on."""
        if self._loaded:
            self._loaded = False
            await self._memory.async_save(self._dump())

    async def async_set_job_details(
        self,
        job: str,
        *,
        filament: Iterable[FilamentUse] | None = None,
        picture: bytes | None = None,
    ) -> None:
        """Add what is known of a job that is under way or has ended.

        `job` is its id, as in its events.  `filament` is what the whole job takes; of
        one that does not finish, as much is counted as its progress says.  `picture` is
        a small PNG or JPEG; one of more than `LARGEST_PICTURE` bytes, or of another
        kind, is left out.
        """
        if not self._loaded:
            # The entry has been unloaded, and may be gone for good.
            return
        if filament is not None:
            self._set_filament(job, tuple(filament))
        if picture and len(picture) <= LARGEST_PICTURE and picture_type(picture):
            await self._hass.async_add_executor_job(self._pictures.write, job, picture)
            if record := self._records.get(job):
                self._records[job] = replace(record, picture=len(picture))
            else:
                self._waiting[job] = len(picture)
                while len(self._waiting) > _MOST_PLANS:
                    del self._waiting[next(iter(self._waiting))]
            await self._async_tidy_pictures()
        self._changed()

    @callback
    def filament_used(self, job: str) -> Mapping[str, float]:
        """Return the grams that a job which has ended took from each slot.

        Empty when that is not known, or not from where.
        """
        used: dict[str, float] = {}
        record = self._records.get(job)
        for use in record.filament if record else ():
            if use.slot is not None and use.grams is not None:
                used[use.slot] = round(used.get(use.slot, 0.0) + use.grams, 2)
        return used

    async def async_picture(self, job: str) -> bytes | None:
        """Return the picture of a job."""
        return await self._hass.async_add_executor_job(self._pictures.read, job)

    @callback
    def _set_filament(self, job: str, filament: tuple[FilamentUse, ...]) -> None:
        record = self._records.get(job)
        if record is None:
            self._plans[job] = filament
            while len(self._plans) > _MOST_PLANS:
                del self._plans[next(iter(self._plans))]
            return
        self._records[job] = new = record.with_filament(filament)
        if new.grams is not None:
            self.totals.add_grams(new.grams - (record.grams or 0))

    @callback
    def _on_told(self, happening: Happening) -> None:
        if happening.kind in OUTCOMES and happening.job not in self._records:
            self._add(happening)

    @callback
    def _add(self, happening: Happening) -> None:
        data = happening.data
        record = JobRecord(
            job=happening.job,
            outcome=happening.kind.value,
            start=data["start_time"],
            end=data["end_time"],
            picture=self._waiting.pop(happening.job, 0),
            error_text=self._error_text(data["error"]),
            filament=tuple(self._use(where) for where in data["slots"]),
            **{
                name: data[name]
                for name in (
                    "duration",
                    "paused_seconds",
                    "name",
                    "file",
                    "plate",
                    "print_type",
                    "progress",
                    "layer",
                    "total_layers",
                    "error",
                    "unwatched",
                )
            },
        )
        if planned := self._plans.pop(happening.job, None):
            record = record.with_filament(planned)
        self._records[record.job] = record
        self.totals.jobs += 1
        self.totals.seconds += record.printing_seconds
        self.totals.add_grams(record.grams)
        if len(self._records) > MOST_JOBS:
            del self._records[next(iter(self._records))]
            self._coordinator.config_entry.async_create_background_task(
                self._hass, self._async_tidy_pictures(), "bambu_printer job pictures"
            )
        self._changed()

    def _use(self, where: SlotAddress) -> FilamentUse:
        """Describe what is in a slot that was used; how much of it is not known."""
        tray = self._coordinator.data.ams.tray(where)
        return FilamentUse(
            slot=slot_key(where),
            type=(tray.type or None) if tray else None,
            color=tray.color if tray else None,
            name=(tray.name or None) if tray else None,
        )

    def _error_text(self, code: str | None) -> str | None:
        return next(
            (
                self._coordinator.fault_words.describe(fault)
                for fault in self._coordinator.data.errors.problems
                if fault.text_code == code
            ),
            None,
        )

    async def _async_tidy_pictures(self) -> None:
        """Remove the oldest pictures when they are too many."""
        room = MOST_BYTES - sum(self._waiting.values())
        for record in self.records:
            room -= record.picture
            if record.picture and room < 0:
                self._records[record.job] = replace(record, picture=0)
        kept = {job for job, record in self._records.items() if record.picture}
        await self._hass.async_add_executor_job(
            self._pictures.keep_only, kept | self._waiting.keys()
        )

    @callback
    def _changed(self) -> None:
        self._memory.async_delay_save(self._dump, 0)
        for update in list(self._users):
            update()

    @callback
    def _dump(self) -> dict[str, Any]:
        totals = self.totals
        return {
            "jobs": [record.as_dict() for record in self._records.values()],
            "plans": {
                job: [use.as_dict() for use in uses]
                for job, uses in self._plans.items()
            },
            "waiting": self._waiting,
            "totals": {
                "jobs": totals.jobs,
                "seconds": totals.seconds,
                "grams": totals.grams,
            },
        }

    def _restore(self, stored: Mapping[str, Any]) -> None:
        for item in _list(stored.get("jobs"))[-MOST_JOBS:]:
            if record := JobRecord.load(item):
                self._records[record.job] = record
        self._plans = {
            job: tuple(
                FilamentUse.load(use) for use in _list(uses) if isinstance(use, Mapping)
            )
            for job, uses in _mapping(stored.get("plans")).items()
        }
        self._waiting = {
            job: size
            for job, size in _mapping(stored.get("waiting")).items()
            if isinstance(size, int)
        }
        totals = _mapping(stored.get("totals"))
        self.totals = Totals(
            jobs=integer(totals.get("jobs"), 0),
            seconds=integer(totals.get("seconds"), 0),
            grams=number(totals.get("grams"), None),
        )


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
