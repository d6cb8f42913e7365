"""The action that returns the jobs that are remembered."""

from base64 import b64encode
from collections.abc import Mapping
from typing import Any, Final

import probatio

from .coordinator import PrinterCoordinator
from .job_pictures import picture_type
from .job_record import JobRecord
from .job_store import MOST_JOBS
from .printer.happenings import OUTCOMES

_LIMIT: Final = "limit"
_OUTCOME: Final = "outcome"
_PICTURES: Final = "pictures"

HISTORY_FIELDS: Final = {
    probatio.Optional(_LIMIT, default=50): probatio.All(
        probatio.Coerce(int), probatio.Range(min=1, max=MOST_JOBS)
    ),
    probatio.Optional(_OUTCOME): probatio.In(sorted(kind.value for kind in OUTCOMES)),
    probatio.Optional(_PICTURES, default=False): probatio.Coerce(bool),
}


async def async_get_history(
    coordinator: PrinterCoordinator, data: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what is remembered, the newest first; also while the printer is away."""
    jobs = coordinator.jobs
    wanted = data.get(_OUTCOME)
    records = [
        record for record in jobs.records if wanted is None or record.outcome == wanted
    ]
    return {
        "jobs": [
            await _async_describe(coordinator, record, pictures=data[_PICTURES])
            for record in records[: data[_LIMIT]]
        ],
        "total_jobs": jobs.totals.jobs,
        "total_print_seconds": jobs.totals.seconds,
        "filament_used": jobs.totals.grams,
    }


async def _async_describe(
    coordinator: PrinterCoordinator, record: JobRecord, *, pictures: bool
) -> dict[str, Any]:
    described = record.as_dict()
    has_picture = bool(described.pop("picture"))
    described["filament_used"] = record.grams
    if not pictures:
        return {**described, "has_picture": has_picture}
    picture = await coordinator.jobs.async_picture(record.job) if has_picture else None
    kind = picture_type(picture) if picture else None
    url = f"data:{kind};base64,{b64encode(picture).decode()}" if picture else None
    return {**described, "has_picture": has_picture, "picture": url}
