"""The image of what the camera saw when the last job ended."""

from dataclasses import dataclass
from datetime import datetime
from typing import override

from homeassistant.components.image import ImageEntity, ImageEntityDescription
from homeassistant.core import callback

from .coordinator import PrinterCoordinator
from .entity import Part, PartEntityDescription, PrinterEntity
from .last_frame import LastFrame


@dataclass(frozen=True, kw_only=True)
class CameraImageDescription(PartEntityDescription, ImageEntityDescription):
    """Describes an image that the camera took."""


CAMERA_IMAGES: tuple[CameraImageDescription, ...] = (
    CameraImageDescription(
        key="last_frame",
        exists_fn=lambda printer, _: printer.camera_kind is not None,
        value_fn=lambda _: None,
    ),
)


class CameraImage(PrinterEntity, ImageEntity):
    """The last frame of a job: there also while the printer is not."""

    entity_description: CameraImageDescription
    _attr_content_type = "image/jpeg"

    def __init__(
        self,
        coordinator: PrinterCoordinator,
        part: Part,
        description: CameraImageDescription,
    ) -> None:
        """Know where it comes from."""
        super().__init__(coordinator, part, description)
        ImageEntity.__init__(self, coordinator.hass)
        self._frame = LastFrame(coordinator)

    @property
    @override
    def available(self) -> bool:
        """Return whether there is one."""
        return self._frame.taken is not None

    @property
    @override
    def image_last_updated(self) -> datetime | None:
        """Return when it was taken."""
        return self._frame.taken

    @override
    async def async_image(self) -> bytes | None:
        """Return the picture."""
        return await self._frame.async_picture()

    @override
    async def async_added_to_hass(self) -> None:
        """Wait for jobs to end."""
        await super().async_added_to_hass()
        self.async_on_remove(await self._frame.async_start(self.async_write_ha_state))

    @callback
    @override
    def _handle_coordinator_update(self) -> None:
        """Do nothing: the picture does not depend on the connection."""
