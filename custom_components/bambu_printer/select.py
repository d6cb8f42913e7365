"""Selects: speed profile, tools, air, sensitivities, and calibration profiles."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, override

from homeassistant.components.select import SelectEntity, SelectEntityDescription
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .coordinator import BambuConfigEntry
from .entity import (
    ABSENT,
    ControlEntity,
    PartEntityDescription,
    TrayPart,
    WholePrinter,
    async_add_part_entities,
)
from .printer import BambuPrinter, PrinterState
from .printer.operations import DetectorKind
from .printer.operations.tools import DECLARABLE_MATERIALS, NOZZLE_DIAMETERS
from .printer.operations.watching import LEVELLED_DETECTORS
from .printer.state.camera import Resolution
from .printer.state.detectors import Sensitivity
from .printer.state.extruders import Nozzle, NozzleMaterial
from .printer.state.fans import AirductMode
from .printer.state.job import SpeedLevel
from .printer.state.options import Purification, Reaction

# The session sends commands one after the other, and each waits for its own answer.
PARALLEL_UPDATES = 0

DEFAULT_PROFILE = "default"
_USUAL_DIAMETER = 0.4
"""mm"""


@dataclass(frozen=True, kw_only=True)
class PrinterSelectDescription(PartEntityDescription, SelectEntityDescription):
    """Describes a choice."""

    options_fn: Callable[[BambuPrinter], list[str]]
    option_fn: Callable[[BambuPrinter, Any], str | None] = lambda _printer, value: value
    """Turns the value into an option."""
    set_fn: Callable[[BambuPrinter, str], Awaitable[None]]


def _sensitivity(kind: DetectorKind) -> PrinterSelectDescription:
    """Describe how soon a detector speaks up."""

    def level(state: PrinterState) -> Any:
        detector = getattr(state.detectors, kind.value)
        return ABSENT if detector is None else detector.sensitivity

    def select(printer: BambuPrinter, option: str) -> Awaitable[None]:
        detector = printer.detector(kind)
        return printer.set_detector(
            kind,
            enabled=detector is not None and detector.enabled,
            sensitivity=Sensitivity(option),
        )

    options = [
        level.value
        for level in Sensitivity
        if level is not Sensitivity.NEVER_HALT or kind is DetectorKind.AI_MONITORING
    ]
    return PrinterSelectDescription(
        key=f"{kind.value}_sensitivity",
        sections=("detectors",),
        entity_category=EntityCategory.CONFIG,
        exists_fn=lambda printer, _: printer.detector(kind) is not None,
        options_fn=lambda _: options,
        value_fn=level,
        set_fn=select,
    )


def _speed_level(state: PrinterState) -> Any:
    """Return the profile; it means something only for a job."""
    return state.job.speed_level if state.job.active else ABSENT


def _active_tool(state: PrinterState) -> Any:
    """Return the extruder's number; a running job chooses by itself."""
    return ABSENT if state.job.printing else state.extruders.active


def _tool_names(printer: BambuPrinter) -> list[str]:
    return list(printer.model.extruder_names)


def _tool_name(printer: BambuPrinter, number: int | None) -> str | None:
    names = printer.model.extruder_names
    return names[number] if number is not None and number < len(names) else None


async def _select_tool(printer: BambuPrinter, option: str) -> None:
    await printer.set_active_tool(printer.model.extruder_names.index(option))


def _nozzle(state: PrinterState) -> Nozzle:
    """Return the nozzle of a printer that is told which one it has: they have one only."""
    return next((x.nozzle for x in state.extruders.extruders), Nozzle())


async def _declare_diameter(printer: BambuPrinter, option: str) -> None:
    material = _nozzle(printer.state).material or NozzleMaterial.STAINLESS_STEEL
    await printer.set_nozzle_details(float(option), material)


async def _declare_material(printer: BambuPrinter, option: str) -> None:
    diameter = _nozzle(printer.state).diameter or _USUAL_DIAMETER
    await printer.set_nozzle_details(diameter, NozzleMaterial(option))


SELECTS: tuple[PrinterSelectDescription, ...] = (
    PrinterSelectDescription(
        key="speed_profile",
        sections=("job",),
        options_fn=lambda _: [level.value for level in SpeedLevel],
        value_fn=_speed_level,
        set_fn=lambda printer, option: printer.set_speed_level(SpeedLevel(option)),
    ),
    PrinterSelectDescription(
        key="active_tool",
        sections=("extruders", "job"),
        exists_fn=lambda printer, _: (
            printer.state.capabilities.extruders > 1
            and len(printer.model.extruder_names) > 1
        ),
        options_fn=_tool_names,
        option_fn=_tool_name,
        value_fn=_active_tool,
        set_fn=_select_tool,
    ),
    PrinterSelectDescription(
        key="airduct_mode",
        sections=("fans",),
        exists_fn=lambda printer, _: bool(printer.state.fans.airduct_modes),
        options_fn=lambda printer: [
            mode.value for mode in printer.state.fans.airduct_modes
        ],
        value_fn=lambda state: state.fans.airduct_mode,
        set_fn=lambda printer, option: printer.set_airduct_mode(AirductMode(option)),
    ),
    PrinterSelectDescription(
        key="door_reaction",
        sections=("options",),
        entity_category=EntityCategory.CONFIG,
        exists_fn=lambda printer, _: printer.state.options.door_reaction is not None,
        options_fn=lambda _: [reaction.value for reaction in Reaction],
        value_fn=lambda state: state.options.door_reaction,
        set_fn=lambda printer, option: printer.set_door_reaction(Reaction(option)),
    ),
    PrinterSelectDescription(
        key="air_purification",
        sections=("options",),
        entity_category=EntityCategory.CONFIG,
        exists_fn=lambda printer, _: printer.state.options.air_purification is not None,
        options_fn=lambda _: [mode.value for mode in Purification],
        value_fn=lambda state: state.options.air_purification,
        set_fn=lambda printer, option: printer.set_air_purification(
            Purification(option)
        ),
    ),
    PrinterSelectDescription(
        key="camera_resolution",
        sections=("camera",),
        entity_category=EntityCategory.CONFIG,
        exists_fn=lambda printer, _: printer.can_choose_resolution,
        options_fn=lambda _: [resolution.value for resolution in Resolution],
        value_fn=lambda state: state.camera.resolution,
        set_fn=lambda printer, option: printer.set_camera_resolution(
            Resolution(option)
        ),
    ),
    *(_sensitivity(kind) for kind in DetectorKind if kind in LEVELLED_DETECTORS),
    PrinterSelectDescription(
        key="mounted_nozzle_diameter",
        sections=("extruders",),
        entity_category=EntityCategory.CONFIG,
        exists_fn=lambda printer, _: printer.can_declare_nozzle,
        options_fn=lambda _: [f"{diameter:g}" for diameter in NOZZLE_DIAMETERS],
        option_fn=lambda _, diameter: None if diameter is None else f"{diameter:g}",
        value_fn=lambda state: _nozzle(state).diameter,
        set_fn=_declare_diameter,
    ),
    PrinterSelectDescription(
        key="mounted_nozzle_material",
        sections=("extruders",),
        entity_category=EntityCategory.CONFIG,
        exists_fn=lambda printer, _: printer.can_declare_nozzle,
        options_fn=lambda _: [material.value for material in DECLARABLE_MATERIALS],
        value_fn=lambda state: _nozzle(state).material,
        set_fn=_declare_material,
    ),
)


@dataclass(frozen=True, kw_only=True)
class ProfileSelectDescription(PartEntityDescription, SelectEntityDescription):
    """Describes the choice of a calibration profile."""


PROFILE_SELECTS = (
    ProfileSelectDescription(
        key="calibration_profile",
        entity_category=EntityCategory.CONFIG,
        # Listing the profiles costs a question to the printer.
        entity_registry_enabled_default=False,
        exists_fn=lambda printer, _: (
            printer.state.capabilities.calibration_version is not None
        ),
        value_fn=lambda tray: (
            (tray.filament_id, tray.calibration) if tray.type else ABSENT
        ),
    ),
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: BambuConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Set up the choices of a printer."""
    async_add_part_entities(
        entry,
        async_add_entities,
        {WholePrinter: SELECTS},
        PrinterSelect,
    )
    async_add_part_entities(
        entry, async_add_entities, {TrayPart: PROFILE_SELECTS}, ProfileSelect
    )


class PrinterSelect(ControlEntity[Any], SelectEntity):
    """A choice."""

    entity_description: PrinterSelectDescription

    @override
    def _setting(self, value: Any) -> str | None:
        return self.entity_description.option_fn(self.printer, value)

    @property
    @override
    def options(self) -> list[str]:
        """Return what this printer offers."""
        return self.entity_description.options_fn(self.printer)

    @property
    @override
    def current_option(self) -> str | None:
        """Return what is chosen; none while it is something that cannot be."""
        option: str | None = self.setting
        return option if option in self.options else None

    @override
    async def async_select_option(self, option: str) -> None:
        """Choose."""
        await self._async_set(
            self.entity_description.set_fn(self.printer, option), option
        )


class ProfileSelect(ControlEntity[tuple[str, int | None]], SelectEntity):
    """The calibration profile of a slot, by its name in the printer."""

    entity_description: ProfileSelectDescription
    _part: TrayPart

    @override
    async def async_added_to_hass(self) -> None:
        """Learn the profiles, and again whenever the printer changes them."""
        await super().async_added_to_hass()
        self.async_on_remove(
            self.coordinator.profiles.async_use(self.async_write_ha_state)
        )

    @property
    def _profiles(self) -> dict[str, int]:
        """The profiles of the filament in the slot, by name."""
        filament_id = self.value[0] if self.value else ""
        found = {
            str(profile["name"]): int(profile["profile"])
            for profile in self.coordinator.profiles.items
            if profile["filament_id"] == filament_id
        }
        return {DEFAULT_PROFILE: -1, **found}

    @override
    def _setting(self, value: tuple[str, int | None] | None) -> object:
        return None if value is None else value[1]

    @property
    @override
    def options(self) -> list[str]:
        """Return the names of the profiles."""
        return list(self._profiles)

    @property
    @override
    def current_option(self) -> str | None:
        """Return the name of the profile in use."""
        return next(
            (name for name, number in self._profiles.items() if number == self.setting),
            None,
        )

    @override
    async def async_select_option(self, option: str) -> None:
        """Choose a profile."""
        number = self._profiles[option]
        await self._async_set(
            self.printer.select_extrusion_calibration_profile(self._part.slot, number),
            number,
        )
