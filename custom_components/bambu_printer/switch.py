"""Switches: detectors, options, what AMS and camera do by themselves, the connection."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, override

from homeassistant.components.switch import SwitchEntity, SwitchEntityDescription
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .coordinator import BambuConfigEntry, PrinterCoordinator
from .entity import (
    AmsPart,
    OnOffEntity,
    Part,
    PartEntityDescription,
    PrinterEntity,
    WholePrinter,
    async_add_part_entities,
    can_dry,
)
from .holds import Hold
from .printer import BambuPrinter, PrinterState
from .printer.control import CONTROL_SECTION
from .printer.operations import AmsSetting, DetectorKind, PrintOption

# The session sends commands one after the other, and each waits for its own answer.
PARALLEL_UPDATES = 0


@dataclass(frozen=True, kw_only=True)
class PrinterSwitchDescription(PartEntityDescription, SwitchEntityDescription):
    """Describes a switch."""

    control: str | None = CONTROL_SECTION
    set_fn: Callable[[PrinterCoordinator, Part, bool], Awaitable[None]]


def _detector(kind: DetectorKind) -> PrinterSwitchDescription:
    def enabled(state: PrinterState) -> bool | None:
        detector = getattr(state.detectors, kind.value)
        return None if detector is None else detector.enabled

    def switch(coordinator: PrinterCoordinator, _: Part, on: bool) -> Awaitable[None]:
        return coordinator.printer.set_detector(kind, enabled=on)

    return PrinterSwitchDescription(
        key=f"{kind.value}_detector",
        sections=("detectors",),
        control="xcam",
        entity_category=EntityCategory.CONFIG,
        exists_fn=lambda printer, _: printer.detector(kind) is not None,
        value_fn=enabled,
        set_fn=switch,
    )


def _option(option: PrintOption) -> PrinterSwitchDescription:
    def exists(printer: BambuPrinter, _: Any) -> bool:
        return getattr(printer.state.options, option.value) is not None

    def switch(coordinator: PrinterCoordinator, _: Part, on: bool) -> Awaitable[None]:
        return coordinator.printer.set_print_option(option, enabled=on)

    return PrinterSwitchDescription(
        key=option.value,
        sections=("options",),
        control="system" if option is PrintOption.STORE_SENT_FILES else CONTROL_SECTION,
        entity_category=EntityCategory.CONFIG,
        exists_fn=exists,
        value_fn=lambda state: getattr(state.options, option.value),
        set_fn=switch,
    )


def _ams_setting(setting: AmsSetting) -> PrinterSwitchDescription:
    def exists(printer: BambuPrinter, _: Any) -> bool:
        ams = printer.state.ams
        return bool(ams.units) and getattr(ams, setting.value) is not None

    def switch(coordinator: PrinterCoordinator, _: Part, on: bool) -> Awaitable[None]:
        return coordinator.printer.set_ams_user_setting(setting, enabled=on)

    return PrinterSwitchDescription(
        key=f"ams_{setting.value}",
        sections=("ams",),
        entity_category=EntityCategory.CONFIG,
        exists_fn=exists,
        value_fn=lambda state: getattr(state.ams, setting.value),
        set_fn=switch,
    )


CAMERA_SWITCHES: tuple[PrinterSwitchDescription, ...] = (
    PrinterSwitchDescription(
        key="camera_recording",
        sections=("camera",),
        control="camera",
        entity_category=EntityCategory.CONFIG,
        exists_fn=lambda printer, _: printer.state.camera.recording is not None,
        value_fn=lambda state: state.camera.recording,
        set_fn=lambda coordinator, _, on: coordinator.printer.set_camera_recording(
            enabled=on
        ),
    ),
    PrinterSwitchDescription(
        key="timelapse",
        sections=("camera",),
        control="camera",
        entity_category=EntityCategory.CONFIG,
        exists_fn=lambda printer, _: printer.state.camera.timelapse is not None,
        value_fn=lambda state: state.camera.timelapse,
        set_fn=lambda coordinator, _, on: coordinator.printer.set_timelapse(enabled=on),
    ),
)
PRINTER_SWITCHES: tuple[PrinterSwitchDescription, ...] = (
    *(_detector(kind) for kind in DetectorKind),
    *(_option(option) for option in PrintOption),
    # The printer keeps them once, for all of its units.
    *(_ams_setting(setting) for setting in AmsSetting),
    *CAMERA_SWITCHES,
)


async def _switch_drying(
    coordinator: PrinterCoordinator,
    part: Part,
    on: bool,
) -> None:
    """Start with what the numbers beside the switch say, or stop."""
    if not isinstance(part, AmsPart):
        raise TypeError("only an AMS dries")
    if on:
        plan = coordinator.drying_plan(part.unit)
        await coordinator.printer.turn_on_ams_dryer(
            part.unit, plan.temperature, plan.hours
        )
    else:
        await coordinator.printer.turn_off_ams_dryer(part.unit)


AMS_SWITCHES: tuple[PrinterSwitchDescription, ...] = (
    PrinterSwitchDescription(
        key="dryer",
        exists_fn=can_dry,
        value_fn=lambda unit: unit.is_drying,
        set_fn=_switch_drying,
    ),
)


async def _switch_release(
    coordinator: PrinterCoordinator, _part: Part, on: bool
) -> None:
    if on:
        await coordinator.release.async_release()
    else:
        await coordinator.release.async_take_back()


RELEASE_SWITCHES: tuple[PrinterSwitchDescription, ...] = (
    PrinterSwitchDescription(
        key="release_connection",
        entity_category=EntityCategory.CONFIG,
        control=None,
        # What it shows is not something that the printer tells.
        value_fn=lambda _state: None,
        set_fn=_switch_release,
    ),
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: BambuConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Set up the switches of a printer."""
    async_add_part_entities(
        entry,
        async_add_entities,
        {WholePrinter: PRINTER_SWITCHES, AmsPart: AMS_SWITCHES},
        PrinterSwitch,
    )
    async_add_part_entities(
        entry, async_add_entities, {WholePrinter: RELEASE_SWITCHES}, ReleaseSwitch
    )


class PrinterSwitch(OnOffEntity, SwitchEntity):
    """A switch."""

    entity_description: PrinterSwitchDescription

    # As in all entities of a printer: what is the same in all of them stands in the class.
    entity_picture = None
    supported_features = None
    unit_of_measurement = None

    @override
    def _switch(self, *, on: bool) -> Awaitable[None]:
        return self.entity_description.set_fn(self.coordinator, self._part, on)


class ReleaseSwitch(PrinterEntity, SwitchEntity):
    """Gives the connection up and takes it back; available all the time."""

    entity_description: PrinterSwitchDescription

    @property
    @override
    def available(self) -> bool:
        """Return True: it is needed most when everything else is not."""
        return True

    @property
    @override
    def is_on(self) -> bool:
        """Return whether the connection is given up."""
        return self.coordinator.held(Hold.RELEASED)

    @property
    @override
    def extra_state_attributes(self) -> Mapping[str, Any]:
        """Return when the connection is taken back, if it is."""
        return {"returns_at": self.coordinator.release.returns_at}

    @override
    async def async_turn_on(self, **kwargs: Any) -> None:
        """Give the connection up."""
        await self.entity_description.set_fn(self.coordinator, self._part, True)

    @override
    async def async_turn_off(self, **kwargs: Any) -> None:
        """Take the connection back."""
        await self.entity_description.set_fn(self.coordinator, self._part, False)
