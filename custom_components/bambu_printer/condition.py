"""Conditions for automations: what a printer is doing, and whether it can be told."""

from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Unpack, cast, override

from homeassistant.const import CONF_OPTIONS, CONF_TARGET
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.condition import (
    ATTR_BEHAVIOR,
    BEHAVIOR_ALL,
    BEHAVIOR_ANY,
    Condition,
    ConditionCheckParams,
    ConditionConfig,
)
from homeassistant.helpers.target import TargetSelection
from homeassistant.helpers.typing import ConfigType
import probatio

from .coordinator import PrinterCoordinator
from .printer.colors import color_distance
from .targets import async_follow_printers, selected_printers

CONF_BED_BELOW = "bed_below"
CONF_COLOR = "color"
CONF_MATERIAL = "material"
CONF_NOZZLE_BELOW = "nozzle_below"


def _schema(options: Mapping[Any, Any]) -> probatio.Schema:
    return probatio.Schema(
        {
            probatio.Required(CONF_TARGET): cv.TARGET_FIELDS,
            probatio.Required(CONF_OPTIONS, default={}): {
                probatio.Required(ATTR_BEHAVIOR, default=BEHAVIOR_ANY): probatio.In(
                    [BEHAVIOR_ANY, BEHAVIOR_ALL]
                ),
                **options,
            },
        }
    )


_ALIKE = 25.0
"""Distance up to which people would call two colours by the same name."""


class PrinterCondition(Condition):
    """A condition on any, or all, of the printers that the target means.

    A printer that is not connected does not count: nobody knows what it is doing.  When
    none counts, the condition is false.
    """

    _schema: ClassVar[probatio.Schema] = _schema({})
    _sections: ClassVar[tuple[str, ...]]
    """The sections of the state that decide."""

    @override
    @classmethod
    async def async_validate_config(
        cls, hass: HomeAssistant, config: ConfigType
    ) -> ConfigType:
        return cast("ConfigType", cls._schema(config))

    def __init__(self, hass: HomeAssistant, config: ConditionConfig) -> None:
        """Take the target and the options."""
        super().__init__(hass, config)
        self._target = TargetSelection(config.target or {})
        self._options: dict[str, Any] = config.options or {}

    @abstractmethod
    def is_true(self, printer: PrinterCoordinator) -> bool:
        """Tell whether it is true of a printer that is connected."""

    @property
    @override
    def needs_polling(self) -> bool:
        # The target itself may change.
        return True

    @override
    async def _async_track_changes(self, action: Callable[[], None]) -> CALLBACK_TYPE:
        @callback
        def follow(printer: PrinterCoordinator) -> CALLBACK_TYPE:
            unwatch = printer.async_watch(
                self._sections,
                lambda _state: self.is_true(printer),
                lambda _true: action(),
            )
            unlisten = printer.async_add_listener(action)

            @callback
            def stop() -> None:
                unwatch()
                unlisten()

            return stop

        return async_follow_printers(self._hass, follow)

    @override
    def _async_check(self, **kwargs: Unpack[ConditionCheckParams]) -> bool:
        verdicts = [
            self.is_true(printer)
            for printer in selected_printers(self._hass, self._target)
            if printer.last_update_success
        ]
        if self._options[ATTR_BEHAVIOR] == BEHAVIOR_ALL:
            return bool(verdicts) and all(verdicts)
        return any(verdicts)


class IsPrinting(PrinterCondition):
    """A job is prepared, running or paused."""

    _sections = ("job",)

    @override
    def is_true(self, printer: PrinterCoordinator) -> bool:
        return printer.data.job.active


class IsIdleAndCool(PrinterCondition):
    """There is no job, no unit dries, and bed and nozzles are cool to the touch."""

    _schema = _schema(
        {
            probatio.Optional(CONF_BED_BELOW, default=45): probatio.Coerce(float),
            probatio.Optional(CONF_NOZZLE_BELOW, default=50): probatio.Coerce(float),
        }
    )
    _sections = ("ams", "job", "temperatures")

    @override
    def is_true(self, printer: PrinterCoordinator) -> bool:
        state = printer.data
        heaters = [
            (state.temperatures.bed, self._options[CONF_BED_BELOW]),
            *(
                (nozzle, self._options[CONF_NOZZLE_BELOW])
                for nozzle in state.temperatures.nozzles
            ),
        ]
        return (
            not state.job.active
            and not any(unit.is_drying for unit in state.ams.units)
            # What has not been measured cannot be taken for cool.
            and all(
                heater.current is not None and heater.current < limit
                for heater, limit in heaters
            )
        )


class HasError(PrinterCondition):
    """There is a print error, or a message that is more than information."""

    _sections = ("errors",)

    @override
    def is_true(self, printer: PrinterCoordinator) -> bool:
        return bool(printer.data.errors.problems)


class HasFilament(PrinterCondition):
    """A slot or a spool holder has filament of a material, of a colour, or of both."""

    _schema = _schema(
        {
            probatio.Optional(CONF_MATERIAL, default=""): cv.string,
            probatio.Optional(CONF_COLOR): probatio.All(
                [probatio.All(probatio.Coerce(int), probatio.Range(min=0, max=255))],
                probatio.Length(min=3, max=3),
            ),
        }
    )
    _sections = ("ams",)

    @override
    def is_true(self, printer: PrinterCoordinator) -> bool:
        material = self._options[CONF_MATERIAL].strip().casefold()
        rgb = self._options.get(CONF_COLOR)
        color = "#{:02X}{:02X}{:02X}".format(*rgb) if rgb else None
        ams = printer.data.ams
        trays = [
            *(tray for unit in ams.units for tray in unit.trays if tray.present),
            *ams.externals,
        ]
        return any(
            tray.type
            and material in ("", tray.type.casefold())
            and (color is None or color_distance(color, tray.color) <= _ALIKE)
            for tray in trays
        )


class IsControlPossible(PrinterCondition):
    """The printer takes commands: it is connected, and nothing shows that it refuses them."""

    _sections = ("capabilities",)

    @override
    def is_true(self, printer: PrinterCoordinator) -> bool:
        return printer.printer.can_control()


CONDITIONS: dict[str, type[Condition]] = {
    "has_error": HasError,
    "has_filament": HasFilament,
    "is_control_possible": IsControlPossible,
    "is_idle_and_cool": IsIdleAndCool,
    "is_printing": IsPrinting,
}


async def async_get_conditions(hass: HomeAssistant) -> dict[str, type[Condition]]:
    """Return the conditions that printers bring."""
    return CONDITIONS
