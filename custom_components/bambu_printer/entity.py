"""What all entities have in common: their part of the printer, device and availability."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cache, partial
from typing import Any, ClassVar, Final, override

from homeassistant.const import EntityCategory
from homeassistant.core import CALLBACK_TYPE, callback
from homeassistant.helpers.device_registry import ChildDeviceInfo, DeviceInfo
from homeassistant.helpers.entity import EntityDescription
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.event import async_call_later
from homeassistant.helpers.update_coordinator import CoordinatorEntity

from .const import DOMAIN, MANUFACTURER
from .coordinator import BambuConfigEntry, PrinterCoordinator
from .helpers import translated_errors
from .printer import BambuPrinter, PrinterState, SlotAddress
from .printer.slots import EXTERNAL_DEPUTY
from .printer.state import CameraState, DetectorState, EnclosureState, OptionState
from .printer.state.ams import AMS_NAMES, AmsKind, AmsUnit
from .printer.state.extruders import Extruder
from .printer.state.temperatures import Heater

HOLD_SECONDS: Final = 5.0
"""How long an acknowledged value is shown without telemetry that confirms it."""


class _Absent:
    """The value of an entity whose part or use is not there just now."""

    @override
    def __repr__(self) -> str:
        return "ABSENT"


ABSENT: Final = _Absent()


def printer_device_info(coordinator: PrinterCoordinator) -> DeviceInfo:
    """Describe the printer itself."""
    printer = coordinator.printer
    return DeviceInfo(
        identifiers={(DOMAIN, printer.serial)},
        manufacturer=MANUFACTURER,
        model=printer.model.key,
        name=coordinator.config_entry.title,
        serial_number=printer.serial,
        sw_version=printer.state.firmware.version,
    )


def ams_device_id(serial: str, unit: int | None) -> str:
    """Return the identifier of a unit's device; without a unit, what all begin with."""
    return f"{serial}_ams_{'' if unit is None else unit}"


def ams_device_info(coordinator: PrinterCoordinator, number: int) -> DeviceInfo:
    """Describe an AMS unit, a device of its own."""
    info = DeviceInfo(
        identifiers={(DOMAIN, ams_device_id(coordinator.printer.serial, number))},
        manufacturer=MANUFACTURER,
        via_device_id=coordinator.device_id,
    )
    if unit := coordinator.data.ams.unit(number):
        # The printer's name comes first: people with two printers have two AMS 1.
        title = coordinator.config_entry.title
        info["model"] = AMS_NAMES[unit.kind]
        info["name"] = f"{title} {AMS_NAMES[unit.kind]} {unit.label}"
        info["serial_number"] = unit.serial or None
        info["sw_version"] = unit.firmware or None
    return info


class Part(ABC):
    """A piece of the printer that entities belong to."""

    sections: ClassVar[tuple[str, ...]] = ()
    """The sections of the state in which the piece stands."""

    @property
    def prefix(self) -> str:
        """What the unique ids of its entities begin with, after the serial number."""
        return ""

    @property
    def translation_prefix(self) -> str:
        """What the translation keys of its entities begin with."""
        return ""

    @property
    def placeholders(self) -> Mapping[str, str]:
        """What is to be filled into the names of its entities."""
        return {}

    @abstractmethod
    def resolve(self, state: PrinterState) -> Any:
        """Return the piece out of the state, or None when it is not there."""

    def device_info(
        self, coordinator: PrinterCoordinator
    ) -> DeviceInfo | ChildDeviceInfo:
        """Describe the device that it is, or belongs to."""
        return DeviceInfo(identifiers={(DOMAIN, coordinator.printer.serial)})


@dataclass(frozen=True)
class WholePrinter(Part):
    """The printer as such; each entity names its own section."""

    @override
    def resolve(self, state: PrinterState) -> PrinterState:
        return state


@dataclass(frozen=True, slots=True)
class NozzleView:
    """What entities of a nozzle show."""

    extruder: Extruder
    heater: Heater


@dataclass(frozen=True)
class NozzlePart(Part):
    """An extruder with its nozzle."""

    number: int
    key: str
    """``nozzle``, or which one it is on printers that have two."""

    sections: ClassVar = ("extruders", "temperatures")

    @property
    @override
    def prefix(self) -> str:
        return "nozzle" if self.key == "nozzle" else f"nozzle_{self.number}"

    @property
    @override
    def translation_prefix(self) -> str:
        return self.key

    @override
    def resolve(self, state: PrinterState) -> NozzleView:
        extruders, heaters = state.extruders.extruders, state.temperatures.nozzles
        return NozzleView(
            next(
                (x for x in extruders if x.number == self.number),
                Extruder(number=self.number),
            ),
            heaters[self.number] if self.number < len(heaters) else Heater(),
        )


@dataclass(frozen=True)
class AmsPart(Part):
    """An AMS unit, a device of its own."""

    unit: int
    kind: AmsKind

    sections: ClassVar = ("ams",)

    @property
    @override
    def prefix(self) -> str:
        return f"ams_{self.unit}"

    @property
    @override
    def translation_prefix(self) -> str:
        return "ams"

    @override
    def resolve(self, state: PrinterState) -> Any:
        return state.ams.unit(self.unit)

    @override
    def device_info(self, coordinator: PrinterCoordinator) -> DeviceInfo:
        return ams_device_info(coordinator, self.unit)


@cache
def _numbered(number: int) -> Mapping[str, str]:
    """Return the number for the names of a slot's entities; they all keep it."""
    return {"tray": str(number)}


@dataclass(frozen=True)
class TrayPart(Part):
    """A slot of an AMS, or an external spool holder."""

    slot: SlotAddress
    single: bool
    """Whether its device has no other slot, so that its number says nothing."""

    sections: ClassVar = ("ams",)

    @property
    @override
    def prefix(self) -> str:
        if self.slot.external:
            return "external_left" if self.slot.unit == EXTERNAL_DEPUTY else "external"
        return f"ams_{self.slot.unit}_tray_{self.slot.slot + 1}"

    @property
    @override
    def translation_prefix(self) -> str:
        return "filament" if self.single else "tray"

    @property
    @override
    def placeholders(self) -> Mapping[str, str]:
        return {} if self.single else _numbered(self.slot.slot + 1)

    @override
    def resolve(self, state: PrinterState) -> Any:
        return state.ams.tray(self.slot)

    @override
    def device_info(
        self, coordinator: PrinterCoordinator
    ) -> DeviceInfo | ChildDeviceInfo:
        serial = coordinator.printer.serial
        if not self.slot.external:
            # Some units have no entities but those of their trays.
            return ams_device_info(coordinator, self.slot.unit)
        if len(coordinator.data.ams.externals) == 1:
            side = "external_spool"
        elif self.slot.unit == EXTERNAL_DEPUTY:
            side = "external_spool_left"
        else:
            side = "external_spool_right"
        return ChildDeviceInfo(
            identifiers={(DOMAIN, f"{serial}_{self.prefix}")},
            parent_device_id=coordinator.device_id,
            translation_key=side,
        )


def parts(printer: BambuPrinter) -> Iterator[Part]:
    """Iterate over all pieces that a printer has now, devices before what is in them."""
    state = printer.state
    yield WholePrinter()
    count = state.capabilities.extruders
    names = printer.model.extruder_names
    if len(names) != count:
        names = ("nozzle",) if count == 1 else ("right_nozzle", "left_nozzle")
    for number in range(count):
        yield NozzlePart(number, names[number])
    for unit in state.ams.units:
        yield AmsPart(unit.unit, unit.kind)
        for tray in unit.trays:
            yield TrayPart(tray.slot, single=len(unit.trays) == 1)
    for tray in state.ams.externals:
        yield TrayPart(tray.slot, single=True)


@dataclass(frozen=True, kw_only=True)
class PartEntityDescription(EntityDescription):
    """Describes an entity that shows one value of a part."""

    sections: tuple[str, ...] = ()
    """The sections that the value is made from, beside those of the part."""
    value_fn: Callable[[Any], Any]
    """Takes the value from the part; `ABSENT` makes the entity unavailable."""
    usable_fn: Callable[[PrinterState], bool] = lambda _state: True
    """Whether it makes sense now; if not, the entity is unavailable."""
    exists_fn: Callable[[BambuPrinter, Any], bool] = lambda _printer, _part: True
    """Whether this printer has what the entity is about."""
    attributes_fn: Callable[[Any], Mapping[str, Any]] | None = None
    """Takes details of the same fact from the part."""
    named_by_device_class: bool = False
    """Whether the device class names it, in every language."""
    control: str | None = None
    """The section of messages that its commands are part of; None: it sends none.

    What is unavailable while the printer refuses such commands."""


def can_dry(printer: BambuPrinter, unit: AmsUnit | None) -> bool:
    """Whether a unit is there, and can be told to dry."""
    return unit is not None and printer.can_dry(unit)


@callback
def async_add_part_entities[D: PartEntityDescription](
    entry: BambuConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
    tables: Mapping[type[Part], Sequence[D]],
    create: Callable[[PrinterCoordinator, Part, D], PrinterEntity],
) -> None:
    """Add the entities of all parts, also of those that appear later."""
    coordinator = entry.runtime_data
    adder = _Adder(coordinator, async_add_entities, tables, create)
    coordinator.async_add_watcher(_SHAPE_SECTIONS, adder)
    entry.async_on_unload(
        partial(coordinator.async_remove_watcher, _SHAPE_SECTIONS, adder)
    )
    adder.on_shown(adder.shown)


class _Adder[D: PartEntityDescription]:
    """Adds entities whenever there is something new that they could belong to."""

    __slots__ = ("_add", "_coordinator", "_create", "_known", "_tables", "shown")

    def __init__(
        self,
        coordinator: PrinterCoordinator,
        add: AddConfigEntryEntitiesCallback,
        tables: Mapping[type[Part], Sequence[D]],
        create: Callable[[PrinterCoordinator, Part, D], PrinterEntity],
    ) -> None:
        self._coordinator = coordinator
        self._add = add
        self._tables = tables
        self._create = create
        self._known: set[tuple[str, str]] = set()
        self.shown = self.select(coordinator.data)

    def select(self, state: PrinterState) -> object:
        """Reduce the state to what decides which entities there are."""
        return _shape(self._coordinator, state)

    @callback
    def on_shown(self, _shape: object) -> None:
        """Add what is missing."""
        if new := list(self._missing()):
            self._add(new)

    def _missing(self) -> Iterator[PrinterEntity]:
        printer = self._coordinator.printer
        for part in parts(printer):
            piece = part.resolve(printer.state)
            prefix = part.prefix
            for description in self._tables.get(type(part), ()):
                key = (prefix, description.key)
                if key not in self._known and description.exists_fn(printer, piece):
                    self._known.add(key)
                    entity = self._create(self._coordinator, part, description)
                    entity.known = self._known
                    yield entity


_SHAPE_SECTIONS = (
    "ams",
    "camera",
    "capabilities",
    "detectors",
    "enclosure",
    "extruders",
    "fans",
    "firmware",
    "options",
)


def _gaps(
    section: CameraState | DetectorState | EnclosureState | OptionState,
) -> tuple[bool, ...]:
    """Tell which facts of a section the printer has never reported."""
    return tuple(getattr(section, field.name) is None for field in fields(section))


def _shape(coordinator: PrinterCoordinator, state: PrinterState) -> tuple[object, ...]:
    """Reduce the state to what decides which entities there are.

    All platforms ask for it whenever one of many sections changed, one after the other;
    the first answer does for all of them.
    """
    known = coordinator.known_shape
    key = coordinator.printer.model.key
    revision = coordinator.shape_revision
    if known is None or known[0] is not state or known[1][:2] != (key, revision):
        known = coordinator.known_shape = state, (key, revision, *_shape_of(state))
    return known[1]


def _shape_of(state: PrinterState) -> tuple[object, ...]:
    return (
        state.capabilities,
        tuple(
            (unit.unit, unit.kind, len(unit.trays), bool(unit.firmware))
            for unit in state.ams.units
        ),
        tuple(tray.slot for tray in state.ams.externals),
        _gaps(state.camera),
        _gaps(state.detectors),
        _gaps(state.enclosure),
        _gaps(state.options),
        state.firmware.version,
        state.ams.estimate_remaining is None,
        state.ams.read_on_insert is None,
        state.ams.read_on_power_up is None,
        state.fans.airduct_modes,
        state.fans.heatbreak is None,
        tuple(
            (extruder.number, extruder.filament is None, extruder.nozzle.flow is None)
            for extruder in state.extruders.extruders
        ),
    )


class PrinterEntity(CoordinatorEntity[PrinterCoordinator]):
    """An entity of a printer or one of its parts."""

    _attr_has_entity_name = True

    entity_description: PartEntityDescription

    known: set[tuple[str, str]] | None = None
    """What has been added with it, itself included, and so is not added again."""

    def __init__(
        self,
        coordinator: PrinterCoordinator,
        part: Part,
        description: PartEntityDescription,
    ) -> None:
        """Name the entity after its part and its description."""
        super().__init__(coordinator)
        self.entity_description = description
        self._part = part
        key = "_".join(filter(None, (part.prefix, description.key)))
        self._attr_unique_id = f"{coordinator.printer.serial}_{key}"
        if placeholders := part.placeholders:
            self._attr_translation_placeholders = placeholders

    # There are more than a hundred entities for each printer. What all of them have in
    # common stands in the class, and what their part or description says is asked of it:
    # Home Assistant's own properties would keep a copy in each entity.

    assumed_state = False
    attribution = None
    entity_registry_visible_default = True
    force_update = False
    icon = None
    should_poll = False

    @property
    @override
    def device_info(self) -> DeviceInfo | ChildDeviceInfo:
        """Describe the device of its part."""
        return self._part.device_info(self.coordinator)

    @property
    @override
    def entity_category(self) -> EntityCategory | None:
        """Return whether it is a setting, or a diagnostic."""
        return self.entity_description.entity_category

    @property
    @override
    def translation_key(self) -> str | None:
        """Return what its name and its icon are found by."""
        if self.entity_description.named_by_device_class:
            return None
        prefix = self._part.translation_prefix
        return "_".join(filter(None, (prefix, self.entity_description.key)))

    @property
    def printer(self) -> BambuPrinter:
        """The printer that it belongs to."""
        return self.coordinator.printer

    @override
    async def async_removed_from_registry(self) -> None:
        """Be forgotten: the user has removed the device of an absent part."""
        if self.known is not None:
            self.known.discard((self._part.prefix, self.entity_description.key))

    @property
    @override
    def available(self) -> bool:
        """Whether the printer is connected, and obeys if the entity is about commands."""
        section = self.entity_description.control
        return super().available and (
            section is None or self.printer.can_control(section)
        )

    async def _async_command(self, command: Awaitable[None]) -> None:
        """Tell the printer something; raise a translated error when it does not obey."""
        with translated_errors():
            await command


class ValueEntity[T](PrinterEntity):
    """An entity that shows one value out of the state, and writes only when it changes."""

    entity_description: PartEntityDescription

    def __init__(
        self,
        coordinator: PrinterCoordinator,
        part: Part,
        description: PartEntityDescription,
    ) -> None:
        """Take the first value."""
        super().__init__(coordinator, part, description)
        self.shown = self.select(coordinator.data)

    @property
    @override
    def available(self) -> bool:
        """Whether the printer is connected and has the part."""
        return super().available and self.shown[0] is not ABSENT

    @property
    def value(self) -> T | None:
        """The value; None when it is unknown."""
        value = self.shown[0]
        return None if isinstance(value, _Absent) else value

    @property
    @override
    def extra_state_attributes(self) -> Mapping[str, Any] | None:
        """Return details of the same fact."""
        return self.shown[1]

    @property
    def _sections(self) -> tuple[str, ...]:
        """The sections of the state that the value is made from."""
        return *self.entity_description.sections, *self._part.sections

    def select(
        self, state: PrinterState
    ) -> tuple[T | _Absent, Mapping[str, Any] | None]:
        """Take what is shown from the state: the value, and its details."""
        piece = self._part.resolve(state)
        description = self.entity_description
        if (
            piece is None
            or not description.usable_fn(state)
            # Under the same number there may be another kind of part by now.
            or not description.exists_fn(self.printer, piece)
        ):
            return ABSENT, None
        details = self.entity_description.attributes_fn
        return self.entity_description.value_fn(piece), details(
            piece
        ) if details else None

    @override
    async def async_added_to_hass(self) -> None:
        """Watch the value."""
        await super().async_added_to_hass()
        self.shown = self.select(self.coordinator.data)
        self.coordinator.async_add_watcher(self._sections, self)

    @override
    async def async_will_remove_from_hass(self) -> None:
        """Watch no longer."""
        self.coordinator.async_remove_watcher(self._sections, self)
        await super().async_will_remove_from_hass()

    @callback
    def on_shown(self, shown: tuple[T | _Absent, Mapping[str, Any] | None]) -> None:
        """Show it."""
        self.async_write_ha_state()


class ControlEntity[T](ValueEntity[T]):
    """An entity whose value can be set.

    What the printer has acknowledged is shown until telemetry confirms it.  Reports that
    were under way still carry the old value, so it is held against them for some seconds;
    if nothing has confirmed it by then, what the printer reports is shown again.
    """

    def __init__(
        self,
        coordinator: PrinterCoordinator,
        part: Part,
        description: PartEntityDescription,
    ) -> None:
        """Start without anything held."""
        super().__init__(coordinator, part, description)
        self._held: object = None
        self._cancel_hold: CALLBACK_TYPE | None = None

    def _setting(self, value: T | None) -> object:
        """Return what can be set out of the value; the value itself, mostly."""
        return value

    @property
    def setting(self) -> Any:
        """What is set: as acknowledged, else as reported."""
        return self._setting(self.value) if self._held is None else self._held

    async def _async_set(self, command: Awaitable[None], setting: object) -> None:
        """Tell the printer, and show the new setting as soon as it has acknowledged."""
        await self._async_command(command)
        self._drop_hold()
        if self._setting(self.value) != setting:
            self._held = setting
            self._cancel_hold = async_call_later(self.hass, HOLD_SECONDS, self._expire)
        self.async_write_ha_state()

    @override
    async def async_will_remove_from_hass(self) -> None:
        """Forget what is held."""
        await super().async_will_remove_from_hass()
        self._drop_hold()

    @callback
    @override
    def on_shown(self, shown: tuple[T | _Absent, Mapping[str, Any] | None]) -> None:
        """Show it."""
        if self._held is not None and self._setting(self.value) == self._held:
            self._drop_hold()
        self.async_write_ha_state()

    @callback
    def _expire(self, _now: object) -> None:
        self._cancel_hold = None
        self._drop_hold()
        self.async_write_ha_state()

    @callback
    def _drop_hold(self) -> None:
        self._held = None
        if self._cancel_hold:
            self._cancel_hold()
            self._cancel_hold = None


class OnOffEntity(ControlEntity[bool]):
    """A control that is on or off: what lamps and switches have in common."""

    @abstractmethod
    def _switch(self, *, on: bool) -> Awaitable[None]:
        """Return the command that tells the printer."""

    @property
    def is_on(self) -> bool | None:
        """Return whether it is on."""
        on: bool | None = self.setting
        return on

    async def async_turn_on(self, **kwargs: Any) -> None:
        """Switch it on."""
        await self._async_set(self._switch(on=True), True)

    async def async_turn_off(self, **kwargs: Any) -> None:
        """Switch it off."""
        await self._async_set(self._switch(on=False), False)
