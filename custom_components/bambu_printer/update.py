"""Firmware: what is installed, what the printer offers, and how far it has got.

Versions come from the printer alone, and so does what is installed: it is told to go on
with what it offers, and never given an address.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, override

from homeassistant.components.update import (
    UpdateDeviceClass,
    UpdateEntity,
    UpdateEntityDescription,
    UpdateEntityFeature,
)
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .coordinator import BambuConfigEntry
from .entity import (
    AmsPart,
    PartEntityDescription,
    ValueEntity,
    WholePrinter,
    async_add_part_entities,
)
from .printer import PrinterState
from .printer.state.firmware import FirmwareState

# The printer installs one thing after the other, and decides itself in which order.
PARALLEL_UPDATES = 0

_UNKNOWN_VERSION: Final = "?"
"""What is on offer when the printer does not say which version it is."""
_WIKI: Final = "https://wiki.bambulab.com/en/"
_DOWNLOADS: Final = "https://bambulab.com/en/support/firmware-download/"
_NOTES: Final[Mapping[str, str]] = {
    "A1": f"{_WIKI}a1/manual/a1-firmware-release-history",
    "A1 mini": f"{_WIKI}a1-mini/manual/a1-mini-firmware-release-history",
    "A2L": f"{_DOWNLOADS}a2l",
    "H2C": f"{_DOWNLOADS}h2c",
    "H2D": f"{_WIKI}h2d/manual/h2d-firmware-release-history",
    "H2D Pro": f"{_WIKI}h2d-pro/manual/firmware-release-history",
    "H2S": f"{_DOWNLOADS}h2s",
    "P1P": f"{_WIKI}p1/manual/p1p-firmware-release-history",
    "P1S": f"{_WIKI}p1/manual/p1p-firmware-release-history",
    "P2S": f"{_WIKI}p2s/manual/p2s-firmware-release-history",
    "X1": f"{_WIKI}x1/manual/X1-X1C-firmware-release-history",
    "X1C": f"{_WIKI}x1/manual/X1-X1C-firmware-release-history",
    "X1E": f"{_WIKI}x1/manual/X1E-firmware-release-history",
    "X2D": f"{_WIKI}x2d/manual/x2d-firmware-release-history",
}
"""Where the maker tells what is new, by the model's key."""


@dataclass(frozen=True, slots=True)
class Versions:
    """What an entity shows."""

    installed: str | None
    latest: str | None
    progress: int | None = None
    updating: bool = False


@dataclass(frozen=True, kw_only=True)
class PrinterUpdateDescription(PartEntityDescription, UpdateEntityDescription):
    """Describes a firmware."""

    named_by_device_class: bool = True
    device_class: UpdateDeviceClass = UpdateDeviceClass.FIRMWARE


def _printer_versions(state: PrinterState) -> Versions:
    firmware = state.firmware
    latest = firmware.version
    if firmware.available:
        latest = firmware.available
    elif firmware.update_offered:
        latest = _UNKNOWN_VERSION
    # What it counts in while nothing is being installed is of no interest.
    progress = firmware.progress if firmware.updating else None
    return Versions(firmware.version, latest, progress, firmware.updating)


PRINTER_UPDATES: tuple[PrinterUpdateDescription, ...] = (
    PrinterUpdateDescription(
        key="firmware",
        sections=("firmware", "capabilities"),
        entity_category=EntityCategory.CONFIG,
        value_fn=_printer_versions,
    ),
)
AMS_UPDATES: tuple[PrinterUpdateDescription, ...] = (
    PrinterUpdateDescription(
        key="firmware",
        sections=("firmware",),
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        exists_fn=lambda _, unit: unit is not None and bool(unit.firmware),
        value_fn=lambda unit: Versions(unit.firmware, unit.firmware),
    ),
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: BambuConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Set up the firmware of a printer and its AMS units."""
    async_add_part_entities(
        entry, async_add_entities, {WholePrinter: PRINTER_UPDATES}, PrinterFirmware
    )
    async_add_part_entities(
        entry, async_add_entities, {AmsPart: AMS_UPDATES}, AmsFirmware
    )


class Firmware(ValueEntity[Versions], UpdateEntity):
    """A firmware, which the printer reports."""

    entity_description: PrinterUpdateDescription

    @property
    @override
    def installed_version(self) -> str | None:
        """Return what is installed."""
        return self.value.installed if self.value else None

    @property
    @override
    def latest_version(self) -> str | None:
        """Return what the printer offers, else what is installed."""
        return self.value.latest if self.value else None

    @property
    @override
    def release_url(self) -> str | None:
        """Return where the maker tells what is new."""
        return _NOTES.get(self.printer.model.key)

    @override
    def version_is_newer(self, latest_version: str, installed_version: str) -> bool:
        """Return whether there is something to install: the printer says what is."""
        return latest_version != installed_version


class PrinterFirmware(Firmware):
    """The firmware of the printer."""

    @property
    @override
    def supported_features(self) -> UpdateEntityFeature:
        """Return what can be done: installing only where the printer would obey."""
        features = UpdateEntityFeature.PROGRESS
        if self.printer.can_install_firmware:
            features |= UpdateEntityFeature.INSTALL
        return features

    @property
    @override
    def in_progress(self) -> bool:
        """Return whether something is being installed."""
        return self.value is not None and self.value.updating

    @property
    @override
    def update_percentage(self) -> int | None:
        """Return how far it has got."""
        return self.value.progress if self.value else None

    @override
    async def async_install(
        self, version: str | None, backup: bool, **kwargs: Any
    ) -> None:
        """Let the printer install what it offers."""
        await self._async_command(self.printer.install_firmware())


class AmsFirmware(Firmware):
    """The firmware of an AMS: the printer installs it together with its own."""

    @override
    def select(self, state: PrinterState) -> Any:
        shown, details = super().select(state)
        if isinstance(shown, Versions) and (offered := self._offered(state.firmware)):
            shown = Versions(shown.installed, offered)
        return shown, details

    def _offered(self, firmware: FirmwareState) -> str:
        unit = self._part.unit if isinstance(self._part, AmsPart) else None
        return next((x.offered for x in firmware.modules if x.ams_unit == unit), "")
