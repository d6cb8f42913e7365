"""What the triggers of printers have in common: target, options and what they tell."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, cast, override

from homeassistant.const import ATTR_DEVICE_ID, CONF_OPTIONS, CONF_TARGET
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.target import TargetSelection
from homeassistant.helpers.trigger import (
    Trigger,
    TriggerActionRunner,
    TriggerConfig,
    TriggerNotTriggeredReporter,
)
from homeassistant.helpers.typing import ConfigType
import probatio

from .coordinator import PrinterCoordinator
from .targets import async_follow_printers, device_of_part, selected_devices


class PrinterTrigger(Trigger):
    """A trigger that listens to all printers, and fires for those that the target means.

    Whether a printer is meant is looked up when something happened, not before: so it is
    right whatever was renamed, moved or added in the meantime, and costs nothing.
    """

    _options_schema: ClassVar[Mapping[Any, Any]] = {}

    @override
    @classmethod
    async def async_validate_config(
        cls, hass: HomeAssistant, config: ConfigType
    ) -> ConfigType:
        schema = probatio.Schema(
            {
                probatio.Required(CONF_TARGET): cv.TARGET_FIELDS,
                probatio.Required(CONF_OPTIONS, default={}): dict(cls._options_schema),
            }
        )
        return cast("ConfigType", schema(config))

    def __init__(self, hass: HomeAssistant, config: TriggerConfig) -> None:
        """Take the target and the options."""
        super().__init__(hass, config)
        self._target = TargetSelection(config.target or {})
        self._options: dict[str, Any] = config.options or {}
        self._key = config.key

    @abstractmethod
    def _follow(
        self, printer: PrinterCoordinator, run_action: TriggerActionRunner
    ) -> CALLBACK_TYPE:
        """Listen to a printer, and return what ends it."""

    @override
    async def async_attach_runner(
        self,
        run_action: TriggerActionRunner,
        did_not_trigger: TriggerNotTriggeredReporter | None = None,
    ) -> CALLBACK_TYPE:
        return async_follow_printers(
            self._hass, lambda printer: self._follow(printer, run_action)
        )

    @callback
    def _fire(
        self,
        printer: PrinterCoordinator,
        run_action: TriggerActionRunner,
        details: Mapping[str, Any],
        unit: int | None = None,
    ) -> None:
        """Run the action, if the printer or the unit is one that the target means."""
        device_id = device_of_part(self._hass, printer, unit)
        meant = selected_devices(self._hass, self._target)
        # Whoever picks the printer means all that is plugged into it.
        if not meant & {device_id, printer.device_id}:
            return
        job = printer.data.job
        run_action(
            {
                ATTR_DEVICE_ID: device_id,
                "printer": printer.config_entry.title,
                "job": job.name,
                "progress": job.progress,
                **details,
            },
            f"{self._key} of {printer.config_entry.title}",
        )
