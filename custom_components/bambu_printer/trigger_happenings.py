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


def _trigger(
    kind: Kind, detail: str = "", values: list[str] | None = None
) -> type[HappeningTrigger]:
    """Make the trigger for a kind; with a detail, for some values of it or for all."""
    return type(
        "HappeningTrigger",
        (HappeningTrigger,),
        {
            "_kind": kind,
            "_detail": detail,
            "_options_schema": _several_of(detail, values) if detail else {},
        },
    )


TRIGGERS: dict[str, type[Trigger]] = {
    "drying_finished": _trigger(FilamentEvent.DRYING_FINISHED),
    "error_cleared": _trigger(ErrorEvent.CLEARED),
    "error_raised": _trigger(
        ErrorEvent.RAISED, CONF_SEVERITY, [severity.value for severity in HmsSeverity]
    ),
    "filament_ran_out": _trigger(FilamentEvent.RAN_OUT),
    "first_layer_done": _trigger(JobEvent.FIRST_LAYER_DONE),
    "print_cancelled": _trigger(JobEvent.CANCELLED),
    "print_failed": _trigger(JobEvent.FAILED),
    "print_finished": _trigger(JobEvent.FINISHED),
    # Printers come up with new reasons: whichever is written down may be waited for.
    "print_paused": _trigger(JobEvent.PAUSED, CONF_REASON),
    "print_resumed": _trigger(JobEvent.RESUMED),
    "print_started": _trigger(JobEvent.STARTED),
}
