"""The state of a printer in words."""

from collections.abc import Callable
from dataclasses import dataclass
import re
from typing import Final

from ..printer import PrinterState
from ..printer.slots import HT_UNITS
from ..printer.state.ams import AmsUnit, Tray
from ..printer.state.errors import CANCELLED_CODES, Fault
from ..printer.state.job import GcodeState
from .colors import color_key
from .phrases import Phrases
from .printers import KnownPrinter

NEARLY_EMPTY: Final = 15
"""Percent down to which a spool counts as nearly empty."""

type TextOf = Callable[[Fault], str | None]
"""Returns the maker's text for a fault in the language that is spoken, if it is known."""

_SENTENCE_END: Final = re.compile(r"[.!?。！？](?=\s|$)")
_ENDINGS: Final = (".gcode.3mf", ".3mf", ".gcode")


@dataclass(frozen=True, slots=True, kw_only=True)
class Speaker:
    """Puts the state of one printer into words."""

    phrases: Phrases
    printer: KnownPrinter
    state: PrinterState
    several: bool
    """Whether the answer has to say which printer it is about."""
    text_of: TextOf

    # What a sentence is about

    @property
    def on(self) -> str:
        """On which printer; nothing when there is only one."""
        if not self.several:
            return ""
        return self.phrases.part("on_printer", printer=self.printer.name)

    @property
    def job(self) -> str:
        """The name of the job, as one would say it; empty when it has none."""
        name = self.state.job.name or ""
        for ending in _ENDINGS:
            name = name.removesuffix(ending)
        return " ".join(name.replace("_", " ").split())

    @property
    def your_print(self) -> str:
        """The job as the subject of a sentence."""
        if self.job:
            return self.phrases.part("your_print", job=self.job)
        return self.phrases.part("your_unnamed_print")

    def about_print(self, key: str, **facts: str) -> str:
        """Say something about the job."""
        return self.phrases.say(key, print=self.your_print, on=self.on, **facts)

    def about_printer(self, key: str, **facts: str) -> str:
        """Say something about the printer."""
        return self.phrases.say(
            key, printer=self.printer.name, on=self.on, job=self.job, **facts
        )

    def percent(self, number: float | None) -> str:
        """Return percents."""
        return self.phrases.count("percent", number or 0)

    # The job

    def progress(self) -> str:
        """Say how far the job is."""
        return self._of_running_job(self._progress)

    def remaining(self) -> str:
        """Say how long the job will still take."""
        return self._of_running_job(lambda: self._times("remaining"))

    def finish(self) -> str:
        """Say when the job will be done."""
        return self._of_running_job(lambda: self._times("finish"))

    def what(self) -> str:
        """Say what is being printed."""
        job = self.state.job
        name = self.job or self.phrases.part("something")
        if job.gcode_state is None:
            return self.about_printer("state_unknown")
        if job.gcode_state is GcodeState.PAUSE:
            return self.phrases.say("paused_job", printer=self.printer.name, job=name)
        if not job.active:
            return self.about_printer("nothing_last" if self.job else "nothing")
        key = "printing_only" if job.progress is None else "printing"
        return self.phrases.say(
            key,
            printer=self.printer.name,
            job=name,
            percent=self.percent(job.progress),
        )

    def _of_running_job(self, running: Callable[[], str]) -> str:
        """Say what there is to say of a job that is not running, or what is asked for."""
        job = self.state.job
        match job.gcode_state:
            case None | GcodeState.OFFLINE:
                return self.about_printer("state_unknown")
            case GcodeState.FINISH if job.finish_time:
                return self.about_print(
                    "finished_at", moment=self.phrases.moment(job.finish_time)
                )
            case GcodeState.FINISH:
                return self.about_print("finished")
            case GcodeState.FAILED:
                cancelled = self.state.errors.print_error in CANCELLED_CODES
                return self.about_print("cancelled" if cancelled else "failed")
            case GcodeState.PAUSE:
                return self._paused()
            case GcodeState.RUNNING:
                return running()
            case GcodeState.PREPARE | GcodeState.SLICING:
                if job.remaining is None:
                    return self.about_print("preparing")
                return running()
            case _:
                return self.about_printer("nothing")

    def _paused(self) -> str:
        job = self.state.job
        if job.remaining is None:
            return self.about_print("paused_only")
        return self.about_print(
            "paused",
            percent=self.percent(job.progress),
            duration=self.phrases.duration(job.remaining),
        )

    def _progress(self) -> str:
        job = self.state.job
        if job.progress is None:
            return self._times("remaining")
        if job.remaining is None or job.finish_time is None:
            return self.about_print("progress_only", percent=self.percent(job.progress))
        return self._times("progress")

    def _times(self, key: str) -> str:
        job = self.state.job
        if job.remaining is None or job.finish_time is None:
            return self.about_print("time_unknown")
        return self.about_print(
            key,
            percent=self.percent(job.progress),
            duration=self.phrases.duration(job.remaining),
            moment=self.phrases.moment(job.finish_time),
        )

    # Spools

    def unit(self, unit: AmsUnit) -> str:
        """Return what an AMS is called."""
        kind = "AMS HT" if unit.unit in HT_UNITS else "AMS"
        return f"{kind} {unit.label}"

    def filament(self, tray: Tray) -> str:
        """Return what is on a spool: colour and material."""
        material = tray.name or tray.type
        if not tray.color:
            return material
        color = self.phrases.word("color", color_key(tray.color))
        return self.phrases.part("filament", color=color, material=material)

    def slot(self, unit: AmsUnit, slot: int) -> str:
        """Say what is in a slot, counted from one."""
        tray = next((x for x in unit.trays if x.slot.slot == slot - 1), None)
        where = {"slot": str(slot), "unit": self.unit(unit)}
        if tray is None:
            return self.about_printer("no_slot", slot=str(slot))
        if not tray.present:
            return self.about_printer("slot_empty", **where)
        if not (tray.name or tray.type):
            return self.about_printer("slot_unknown", **where)
        return self.about_printer(
            "slot" if tray.remain is None else "slot_left",
            filament=self.filament(tray),
            percent=self.percent(tray.remain),
            **where,
        )

    def low_spools(self) -> str:
        """Say which spools are nearly empty."""
        known = sorted(
            (tray.remain, tray.slot, tray)
            for tray in self.state.ams.trays()
            if tray.remain is not None and (tray.name or tray.type)
        )
        if not known:
            return self.about_printer("remain_unknown")
        low = [tray for remain, _, tray in known if remain <= NEARLY_EMPTY]
        if low:
            return self.about_printer(
                "low", spools=self.phrases.listing(self._spool(tray) for tray in low)
            )
        return self.about_printer("not_low", spool=self._spool(known[0][2]))

    def _spool(self, tray: Tray) -> str:
        facts = {
            "filament": self.filament(tray),
            "percent": self.percent(tray.remain),
        }
        unit = self.state.ams.unit(tray.slot.unit)
        if unit is None:
            return self.phrases.part("low_external", **facts)
        return self.phrases.part(
            "low_spool", slot=str(tray.slot.slot + 1), unit=self.unit(unit), **facts
        )

    # What is wrong

    def problems(self) -> str:
        """Say whether something is wrong, and what."""
        errors = self.state.errors
        faults = errors.problems
        if any(message.is_problem for message in errors.hms or ()) or any(
            map(self.text_of, faults)
        ):
            return self.about_printer(
                "problems",
                count=self.phrases.count("problem", len(faults)),
                list=self.phrases.listing(dict.fromkeys(map(self._fault, faults))),
            )
        if errors.has_print_error:
            return self.about_printer("print_error", code=errors.print_error_code or "")
        if errors.has_print_error is None and errors.hms is None:
            return self.about_printer("problems_unknown")
        if self.state.job.gcode_state is GcodeState.PAUSE:
            return self.about_printer("no_problem_paused")
        return self.about_printer("no_problem")

    def _fault(self, fault: Fault) -> str:
        """Say what a fault is: the maker's first sentence, or how bad it is and where."""
        if text := self.text_of(fault):
            # What to do about it, which follows, is more than one wants to listen to.
            return _SENTENCE_END.split(text.strip(), maxsplit=1)[0]
        return self.phrases.part(
            "problem",
            severity=self.phrases.word("severity", fault.severity),
            module=self.phrases.word("module", fault.module),
        )
