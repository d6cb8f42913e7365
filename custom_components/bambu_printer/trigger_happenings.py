"""Triggers that fire when something happens: to a job, an error, or filament.

They tell what the event entities tell, exactly once, also when those are switched off.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, override

from homeassistant.core import CALLBACK_TYPE, callback
from homeassistant.helpers.trigger import Trigger, TriggerActionRunner
import probatio

from .coordinator import PrinterCoordinator
from .happening_details import happening_details
from .printer.happenings import ErrorEvent, FilamentEvent, Happening, JobEvent, Kind
from .printer.state.errors import HmsSeverity
from .trigger_base import PrinterTrigger

CONF_REASON = "reason"
CONF_SEVERITY = "severity"


class HappeningTrigger(PrinterTrigger):
    """A trigger that fires when one kind of thing happens."""

    _kind: ClassVar[Kind]
    _detail: ClassVar[str] = ""
    """The option that names the values of a detail of the same name; none: all."""

    @override
    def _follow(
        self, printer: PrinterCoordinator, run_action: TriggerActionRunner
    ) -> CALLBACK_TYPE:
        @callback
        def told(happening: Happening) -> None:
            if happening.kind is not self._kind:
                return
            details = _details(printer, happening)
            wanted = self._options.get(self._detail)
            if not wanted or details.get(self._detail) in wanted:
                self._fire(printer, run_action, details, happening.unit)

        return printer.happenings.async_subscribe(told)


def _details(printer: PrinterCoordinator, happening: Happening) -> Mapping[str, Any]:
    """Return the details, without the name and id of the job under other names."""
    details = dict(happening_details(printer, happening))
    job_id = details.pop("job", None)
    names = {"job": details.pop("name")} if "name" in details else {}
    return {**details, **names, "job_id": job_id}


def _several_of(option: str, values: list[str] | None = None) -> Mapping[Any, Any]:
    word = str if values is None else probatio.In(values)
    return {
        probatio.Optional(option, default=[]): probatio.All(
            probatio.EnsureList(), [word]
        )
    }


class PrintStarted(HappeningTrigger):
    """A print has begun."""

    _kind = JobEvent.STARTED


class FirstLayerDone(HappeningTrigger):
    """The first layer of a print is complete."""

    _kind = JobEvent.FIRST_LAYER_DONE


class PrintPaused(HappeningTrigger):
    """A print is paused, for any reason or for some only."""

    _kind = JobEvent.PAUSED
    _detail = CONF_REASON
    # Printers come up with new reasons: whichever is written down may be waited for.
    _options_schema = _several_of(CONF_REASON)


class PrintResumed(HappeningTrigger):
    """A print goes on."""

    _kind = JobEvent.RESUMED


class PrintFinished(HappeningTrigger):
    """A print has ended well."""

    _kind = JobEvent.FINISHED


class PrintFailed(HappeningTrigger):
    """A print has ended with an error."""

    _kind = JobEvent.FAILED


class PrintCancelled(HappeningTrigger):
    """Somebody has cancelled a print."""

    _kind = JobEvent.CANCELLED


class ErrorRaised(HappeningTrigger):
    """The printer reports an error or a message, of any severity or of some only."""

    _kind = ErrorEvent.RAISED
    _detail = CONF_SEVERITY
    _options_schema = _several_of(
        CONF_SEVERITY, [severity.value for severity in HmsSeverity]
    )


class ErrorCleared(HappeningTrigger):
    """An error or a message is gone."""

    _kind = ErrorEvent.CLEARED


class FilamentRanOut(HappeningTrigger):
    """A spool has run out during a print."""

    _kind = FilamentEvent.RAN_OUT


class DryingFinished(HappeningTrigger):
    """An AMS has finished drying."""

    _kind = FilamentEvent.DRYING_FINISHED


TRIGGERS: dict[str, type[Trigger]] = {
    "drying_finished": DryingFinished,
    "error_cleared": ErrorCleared,
    "error_raised": ErrorRaised,
    "filament_ran_out": FilamentRanOut,
    "first_layer_done": FirstLayerDone,
    "print_cancelled": PrintCancelled,
    "print_failed": PrintFailed,
    "print_finished": PrintFinished,
    "print_paused": PrintPaused,
    "print_resumed": PrintResumed,
    "print_started": PrintStarted,
}
