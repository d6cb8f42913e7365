"""Images: what is printed, which object is which, and what the camera saw last."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, override

from homeassistant.components.image import ImageEntity, ImageEntityDescription
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.util import dt as dt_util

from .camera_image import CAMERA_IMAGES, CameraImage
from .coordinator import BambuConfigEntry, PrinterCoordinator
from .entity import (
    Part,
    PartEntityDescription,
    ValueEntity,
    WholePrinter,
    async_add_part_entities,
)
from .job_project import JobProject
from .printer import PrinterState

# Nothing is fetched: pictures are read once, when a job begins.
PARALLEL_UPDATES = 0


@dataclass(frozen=True, kw_only=True)
class PrinterImageDescription(PartEntityDescription, ImageEntityDescription):
    """Describes an image; its value says which picture it is."""

    picture_fn: Callable[[JobProject], Awaitable[bytes | None]]
    """Returns the picture (PNG)."""


async def _cover(project: JobProject) -> bytes | None:
    return project.cover


def _objects(state: PrinterState) -> tuple[object, ...] | None:
    """Tell which picture of the objects it is: another one when some are skipped."""
    project = state.project
    if project.plate is None or not project.plate.objects:
        return None
    return project.found, state.job.skipped_objects


IMAGES: tuple[PrinterImageDescription, ...] = (
    PrinterImageDescription(
        key="cover",
        sections=("project",),
        value_fn=lambda state: (
            state.project.found
            if state.project.plate and "plate" in state.project.plate.pictures
            else None
        ),
        picture_fn=_cover,
    ),
    PrinterImageDescription(
        key="objects",
        sections=("project", "job"),
        value_fn=_objects,
        picture_fn=JobProject.async_draw_objects,
    ),
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: BambuConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Set up the images of a printer."""

    def create(
        coordinator: PrinterCoordinator,
        part: Part,
        description: PrinterImageDescription,
    ) -> PrinterImage:
        return PrinterImage(hass, coordinator, part, description)

    async_add_part_entities(entry, async_add_entities, {WholePrinter: IMAGES}, create)
    async_add_part_entities(
        entry, async_add_entities, {WholePrinter: CAMERA_IMAGES}, CameraImage
    )


class PrinterImage(ValueEntity[object], ImageEntity):
    """A picture that belongs to the job."""

    entity_description: PrinterImageDescription
    _attr_content_type = "image/png"

    def __init__(
        self,
        hass: HomeAssistant,
        coordinator: PrinterCoordinator,
        part: Part,
        description: PrinterImageDescription,
    ) -> None:
        """Show what is known."""
        super().__init__(coordinator, part, description)
        ImageEntity.__init__(self, hass)
        self._update_time(coordinator.data.project.found)

    @override
    async def async_added_to_hass(self) -> None:
        """Take what was found since."""
        await super().async_added_to_hass()
        self._update_time(self.coordinator.data.project.found)

    @override
    async def async_image(self) -> bytes | None:
        """Return the picture."""
        if self.value is None:
            return None
        return await self.entity_description.picture_fn(self.coordinator.job_project)

    @callback
    @override
    def on_shown(self, shown: tuple[object, Mapping[str, Any] | None]) -> None:
        """Show it, and that it is from now."""
        self._update_time(dt_util.utcnow())
        self.async_write_ha_state()

    @callback
    def _update_time(self, time: datetime | None) -> None:
        self._attr_image_last_updated = None if self.value is None else time
