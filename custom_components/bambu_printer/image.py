"""Images: what the camera saw last."""

from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .camera_image import CAMERA_IMAGES, CameraImage
from .coordinator import BambuConfigEntry
from .entity import WholePrinter, async_add_part_entities

# Nothing is polled.
PARALLEL_UPDATES = 0


async def async_setup_entry(
    hass: HomeAssistant,
    entry: BambuConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Set up the images of a printer."""
    async_add_part_entities(
        entry, async_add_entities, {WholePrinter: CAMERA_IMAGES}, CameraImage
    )
