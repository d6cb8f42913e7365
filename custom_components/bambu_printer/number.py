"""Numbers: how an AMS dries when its switch is turned on."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import override

from homeassistant.components.number import (
    NumberDeviceClass,
    NumberEntityDescription,
    NumberMode,
    RestoreNumber,
)
from homeassistant.const import EntityCategory, UnitOfTemperature, UnitOfTime
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .coordinator import BambuConfigEntry, DryingPlan, PrinterCoordinator
from .entity import (
    AmsPart,
    Part,
    PartEntityDescription,
    PrinterEntity,
    async_add_part_entities,
    can_dry,
)
from .printer import PrinterState
from .printer.control import CONTROL_SECTION
from .printer.operations.drying import (
    MAX_DRYING_HOURS,
    MAX_DRYING_TEMP,
    MIN_DRYING_TEMP,
)
from .printer.state.ams import AmsKind

# Nothing is sent to the printer.
PARALLEL_UPDATES = 0


@dataclass(frozen=True, kw_only=True)
class DryingNumberDescription(PartEntityDescription, NumberEntityDescription):
    """Describes one number of the plan by which a unit dries."""

    control: str | None = CONTROL_SECTION
    max_fn: Callable[[AmsKind], int]
    set_fn: Callable[[DryingPlan, int], None]


def _set_temperature(plan: DryingPlan, value: int) -> None:
    plan.temperature = value


def _set_hours(plan: DryingPlan, value: int) -> None:
    plan.hours = value


DRYING_NUMBERS: tuple[DryingNumberDescription, ...] = (
    DryingNumberDescription(
        key="drying_temperature",
        entity_category=EntityCategory.CONFIG,
        device_class=NumberDeviceClass.TEMPERATURE,
        native_unit_of_measurement=UnitOfTemperature.CELSIUS,
        native_min_value=MIN_DRYING_TEMP,
        native_step=1,
        mode=NumberMode.SLIDER,
        exists_fn=can_dry,
        value_fn=lambda plan: plan.temperature,
        max_fn=lambda kind: MAX_DRYING_TEMP.get(kind, MIN_DRYING_TEMP),
        set_fn=_set_temperature,
    ),
    DryingNumberDescription(
        key="drying_duration",
        entity_category=EntityCategory.CONFIG,
        device_class=NumberDeviceClass.DURATION,
        native_unit_of_measurement=UnitOfTime.HOURS,
        native_min_value=1,
        native_step=1,
        mode=NumberMode.SLIDER,
        exists_fn=can_dry,
        value_fn=lambda plan: plan.hours,
        max_fn=lambda _: MAX_DRYING_HOURS,
        set_fn=_set_hours,
    ),
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: BambuConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Set up the numbers of a printer."""
    async_add_part_entities(
        entry, async_add_entities, {AmsPart: DRYING_NUMBERS}, DryingNumber
    )


class DryingNumber(PrinterEntity, RestoreNumber):
    """A number of the plan by which a unit dries; Home Assistant keeps it, not the printer."""

    entity_description: DryingNumberDescription

    def __init__(
        self,
        coordinator: PrinterCoordinator,
        part: Part,
        description: DryingNumberDescription,
    ) -> None:
        """Take the limits from the kind of the unit."""
        super().__init__(coordinator, part, description)
        if not isinstance(part, AmsPart):
            raise TypeError("only an AMS dries")
        self._unit = part.unit
        self._attr_native_max_value = description.max_fn(part.kind)

    def _usable(self, state: PrinterState) -> bool:
        return can_dry(self.printer, state.ams.unit(self._unit))

    @property
    def _plan(self) -> DryingPlan:
        return self.coordinator.drying_plan(self._unit)

    @property
    @override
    def available(self) -> bool:
        """Whether the unit is plugged in, and one that dries."""
        return super().available and self._usable(self.coordinator.data)

    @property
    @override
    def native_value(self) -> float:
        """Return the number in the plan."""
        value: float = self.entity_description.value_fn(self._plan)
        return value

    @override
    async def async_added_to_hass(self) -> None:
        """Take over what was set before the last restart."""
        await super().async_added_to_hass()
        self.async_on_remove(
            self.coordinator.async_watch(
                ("ams", "firmware"),
                self._usable,
                lambda _usable: self.async_write_ha_state(),
            )
        )
        last = await self.async_get_last_number_data()
        if last and last.native_value is not None:
            limits = (self.native_min_value, last.native_value, self.native_max_value)
            self.entity_description.set_fn(self._plan, int(sorted(limits)[1]))

    @override
    async def async_set_native_value(self, value: float) -> None:
        """Change the plan; a drying that is under way goes on as it was started."""
        self.entity_description.set_fn(self._plan, int(value))
        self.async_write_ha_state()
