"""Passing on what the sliced file of a job says to what is remembered of the job."""

from typing import TYPE_CHECKING

from homeassistant.core import callback

from .job_details import filament_use
from .job_record import FilamentUse
from .printer import BambuError, PrinterState

if TYPE_CHECKING:
    from .coordinator import PrinterCoordinator

_SMALL = "small"


@callback
def async_learn_from_projects(coordinator: PrinterCoordinator) -> None:
    """Add filament and picture to the job under way when its file is found."""

    @callback
    def learn(facts: object) -> None:
        job = coordinator.happenings.job
        if facts is not None and job is not None:
            coordinator.config_entry.async_create_background_task(
                coordinator.hass,
                _async_tell(coordinator, job.id),
                "bambu_printer job details",
            )

    coordinator.config_entry.async_on_unload(
        coordinator.async_watch(("job", "project"), _facts, learn)
    )


def _facts(state: PrinterState) -> object:
    """Reduce the state to what the details are made from; None: nothing is known."""
    project = state.project
    if project.plate is None or not state.job.active:
        return None
    return project.path, project.plate.number, project.found, state.job.filament_slots


async def _async_tell(coordinator: PrinterCoordinator, job: str) -> None:
    state = coordinator.data
    filament = [
        FilamentUse(
            **{key: use[key] for key in ("slot", "type", "color", "grams")},
        )
        for use in filament_use(state)["filaments"]
    ]
    await coordinator.jobs.async_set_job_details(
        job, filament=filament, picture=await _async_picture(coordinator, state)
    )


async def _async_picture(
    coordinator: PrinterCoordinator, state: PrinterState
) -> bytes | None:
    """Return the smallest picture of the plate that there is."""
    project = state.project
    if project.plate and project.path and _SMALL in project.plate.pictures:
        try:
            return await coordinator.printer.projects.get_picture(
                project.path, project.plate.number, _SMALL
            )
        except BambuError:
            # The larger one may be at hand.
            pass
    return coordinator.job_project.cover
