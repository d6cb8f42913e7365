"""What Assist can be asked: one intent for each question and each order.

Home Assistant's intents are the common ground of its sentences, its REST interface and
its users' own sentences.  Each handler here finds out which printer is meant, does what
was asked for, and answers in the language of the question.  Whatever goes wrong is said,
not raised: a voice assistant would only say that something unexpected happened.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, override

from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import (
    config_validation as cv,
    device_registry as dr,
    entity_registry as er,
    intent,
)
import probatio

from ..coordinator import PrinterCoordinator
from ..helpers import translated_errors
from ..printer import BambuPrinter, Light, PrinterState
from ..printer.error_texts import catalogue_language
from ..printer.slots import HT_UNITS
from ..printer.state.ams import AmsUnit
from ..printer.state.fans import Fan
from ..printer.state.job import GcodeState, SpeedLevel
from .answers import Speaker, TextOf
from .confirmation import SPOKEN_SECONDS, Asker, async_asker, async_spoken_questions
from .phrases import Phrases, async_load_phrases, choose_language
from .printers import (
    KnownPrinter,
    UnclearError,
    async_exposed_printers,
    async_objection,
    choose_printer,
)
from .reasons import async_reason

_MINUTES = 60

SLOT_AREA: Final = "area"
SLOT_NAME: Final = "name"

type Slots = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """An order or a question to one printer."""

    hass: HomeAssistant
    speaker: Speaker
    coordinator: PrinterCoordinator
    slots: Slots
    asker: Asker

    @property
    def printer(self) -> BambuPrinter:
        """The printer."""
        return self.coordinator.printer

    @property
    def state(self) -> PrinterState:
        """What is known of the printer."""
        return self.coordinator.data


type Answer = Callable[[Request], Awaitable[str]]


def _just(say: Callable[[Speaker], str]) -> Answer:
    """Make an answer of what a speaker can say without doing anything."""

    async def answer(request: Request) -> str:
        return say(request.speaker)

    return answer


# Orders


async def _pause(request: Request) -> str:
    job = request.state.job
    if job.gcode_state is GcodeState.PAUSE:
        return request.speaker.about_print("already_paused")
    if not job.printing:
        return request.speaker.about_printer("nothing")
    await request.printer.pause_printing()
    return request.speaker.about_print("pausing")


async def _resume(request: Request) -> str:
    job = request.state.job
    if not job.active:
        return request.speaker.about_printer("nothing")
    if job.gcode_state is not GcodeState.PAUSE:
        return request.speaker.about_print("not_paused")
    await request.printer.resume_printing()
    return request.speaker.about_print("resuming")


async def _cancel(request: Request) -> str:
    """Ask back: what is cancelled is lost."""
    job = request.state.job
    if not job.active:
        return request.speaker.about_printer("nothing")
    async_spoken_questions(request.hass).async_ask(
        Cancelling(request.speaker.printer.entry.entry_id, job.job_key),
        request.asker,
        SPOKEN_SECONDS,
    )
    return request.speaker.about_print(
        "cancel_question", percent=request.speaker.percent(job.progress)
    )


@dataclass(frozen=True, slots=True)
class Cancelling:
    """What a yes is going to cancel."""

    entry_id: str
    job_key: str


async def _confirm(request: Request) -> str:
    """Cancel the job that was asked about, and none that has begun since."""
    questions = async_spoken_questions(request.hass)
    question = questions.async_find(request.asker)
    job = request.state.job
    if question is None or not job.active:
        return request.speaker.phrases.say("nothing_to_confirm")
    questions.async_close(question)
    asked = Cancelling(request.speaker.printer.entry.entry_id, job.job_key)
    if question.subject != asked:
        return request.speaker.phrases.say("nothing_to_confirm")
    await request.printer.stop_printing()
    return request.speaker.about_print("cancelling")


async def _set_temperature(request: Request) -> str:
    heater: str = request.slots["heater"]
    temperature: float = request.slots["temperature"]
    printer = request.printer
    set_target: Callable[[float], Awaitable[None]] = {
        "nozzle": printer.set_nozzle_temp_target,
        "bed": printer.set_bed_temp_target,
        "chamber": printer.set_chamber_temp_target,
    }[heater]
    await set_target(temperature)
    phrases = request.speaker.phrases
    return request.speaker.about_printer(
        "heating" if temperature else "heater_off",
        heater=phrases.word("heater", heater),
        degrees=phrases.count("degree", temperature),
    )


async def _light(request: Request) -> str:
    on = request.slots["state"] == "on"
    await request.printer.set_light_state(Light.CHAMBER, on=on)
    return request.speaker.about_printer("light_on" if on else "light_off")


async def _fan(request: Request) -> str:
    fan = Fan(request.slots.get("fan", Fan.PART))
    percentage = request.slots["percentage"]
    await request.printer.set_fan_speed(fan, percentage)
    phrases = request.speaker.phrases
    return request.speaker.about_printer(
        "fan_set" if percentage else "fan_off",
        fan=phrases.word("fan", fan),
        percent=phrases.count("percent", round(percentage / 10) * 10),
    )


async def _speed(request: Request) -> str:
    if not request.state.job.active:
        return request.speaker.about_printer("nothing")
    profile = SpeedLevel(request.slots["profile"])
    await request.printer.set_speed_level(profile)
    return request.speaker.about_printer(
        "speed_set", profile=request.speaker.phrases.word("profile", profile)
    )


# Spools and drying


def _called(
    units: Collection[AmsUnit], kind: str | None, number: int | None
) -> list[AmsUnit]:
    """Return the units that people call so.

    AMS HT are counted on their own.  Without a number, an AMS HT is only meant when it
    is said to be one, or when there is no other.
    """
    ht = [unit for unit in units if unit.unit in HT_UNITS]
    others = [unit for unit in units if unit.unit not in HT_UNITS]
    if kind == "ams_ht":
        found = ht
    elif number is None:
        found = others or ht
    else:
        found = others
    return [unit for unit in found if number is None or unit.label == str(number)]


async def _slot(request: Request) -> str:
    speaker = request.speaker
    number, slot = request.slots.get("ams"), request.slots["slot"]
    units = request.state.ams.units
    if not units:
        return speaker.about_printer("no_ams")
    found = _called(units, None, number)
    if not found:
        return speaker.about_printer("no_such_ams", ams=str(number))
    if len(found) > 1:
        return speaker.about_printer(
            "which_ams", slot=str(slot), units=_units(speaker, found)
        )
    return speaker.slot(found[0], slot)


def _units(speaker: Speaker, units: list[AmsUnit], conjunction: str = "and") -> str:
    return speaker.phrases.listing((speaker.unit(unit) for unit in units), conjunction)


async def _start_drying(request: Request) -> str:
    speaker = request.speaker
    kind, number = request.slots.get("ams_kind"), request.slots.get("ams")
    dryers = [unit for unit in request.state.ams.units if request.printer.can_dry(unit)]
    if not dryers:
        return speaker.about_printer("no_dryer")
    found = _called(dryers, kind, number)
    if len(found) != 1:
        return speaker.about_printer(
            "which_dryer", units=_units(speaker, found or dryers, "or")
        )
    unit = found[0]
    plan = request.coordinator.drying_plan(unit.unit)
    temperature = request.slots.get("temperature", plan.temperature)
    hours = request.slots.get("hours", plan.hours)
    await request.printer.turn_on_ams_dryer(unit.unit, temperature, hours)
    return speaker.about_printer(
        "drying",
        unit=speaker.unit(unit),
        degrees=speaker.phrases.count("degree", temperature),
        duration=speaker.phrases.duration(hours * _MINUTES),
    )


async def _stop_drying(request: Request) -> str:
    speaker = request.speaker
    kind, number = request.slots.get("ams_kind"), request.slots.get("ams")
    drying = [unit for unit in request.state.ams.units if unit.is_drying]
    if kind == "ams_ht" or number is not None:
        drying = _called(drying, kind, number)
    if not drying:
        return speaker.about_printer("not_drying")
    for unit in drying:
        await request.printer.turn_off_ams_dryer(unit.unit)
    return speaker.about_printer("drying_stopped", unit=_units(speaker, drying))


# The table


def _has_job(state: PrinterState) -> bool:
    return state.job.active


def _number(low: int, high: int) -> Callable[[Any], Any]:
    return probatio.All(probatio.Coerce(int), probatio.Range(min=low, max=high))


_AMS_FIELDS = {
    probatio.Optional("ams"): _number(1, 8),
    probatio.Optional("ams_kind"): probatio.In(["ams", "ams_ht"]),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What one intent is."""

    name: str
    description: str
    answer: Answer
    orders: bool = False
    """Whether it changes something."""
    fields: Mapping[Any, Any] = field(default_factory=dict)
    prefer: Callable[[PrinterState], bool] | None = None
    """Which printers the question makes sense for, when several could be meant."""


KINDS: Final = (
    Kind(
        name="BambuPrinterProgress",
        description="Tells how far the print on a 3D printer is",
        answer=_just(Speaker.progress),
        prefer=_has_job,
    ),
    Kind(
        name="BambuPrinterRemaining",
        description="Tells how long the print on a 3D printer will still take",
        answer=_just(Speaker.remaining),
        prefer=_has_job,
    ),
    Kind(
        name="BambuPrinterFinish",
        description="Tells when the print on a 3D printer will be done",
        answer=_just(Speaker.finish),
        prefer=_has_job,
    ),
    Kind(
        name="BambuPrinterJob",
        description="Tells what a 3D printer is printing",
        answer=_just(Speaker.what),
        prefer=_has_job,
    ),
    Kind(
        name="BambuPrinterPause",
        description="Pauses the print on a 3D printer",
        answer=_pause,
        orders=True,
        prefer=lambda state: state.job.printing,
    ),
    Kind(
        name="BambuPrinterResume",
        description="Resumes the paused print on a 3D printer",
        answer=_resume,
        orders=True,
        prefer=lambda state: state.job.gcode_state is GcodeState.PAUSE,
    ),
    Kind(
        name="BambuPrinterCancel",
        description="Asks whether the print on a 3D printer shall really be cancelled",
        answer=_cancel,
        orders=True,
        prefer=_has_job,
    ),
    Kind(
        name="BambuPrinterConfirm",
        description="Cancels the print, after BambuPrinterCancel has asked",
        answer=_confirm,
        orders=True,
    ),
    Kind(
        name="BambuPrinterSetTemperature",
        description="Sets the target of the nozzle, the bed or the chamber, in °C",
        answer=_set_temperature,
        orders=True,
        fields={
            probatio.Required("heater"): probatio.In(["nozzle", "bed", "chamber"]),
            probatio.Required("temperature"): _number(0, 999),
        },
    ),
    Kind(
        name="BambuPrinterLight",
        description="Switches the light in a 3D printer",
        answer=_light,
        orders=True,
        fields={probatio.Required("state"): probatio.In(["on", "off"])},
    ),
    Kind(
        name="BambuPrinterFan",
        description="Sets the speed of a fan of a 3D printer, in percent",
        answer=_fan,
        orders=True,
        fields={
            probatio.Optional("fan"): probatio.In([Fan.PART, Fan.AUX, Fan.CHAMBER]),
            probatio.Required("percentage"): _number(0, 100),
        },
    ),
    Kind(
        name="BambuPrinterSpeed",
        description="Sets the speed profile of the print on a 3D printer",
        answer=_speed,
        orders=True,
        fields={
            probatio.Required("profile"): probatio.In([x.value for x in SpeedLevel])
        },
        prefer=_has_job,
    ),
    Kind(
        name="BambuPrinterSlot",
        description="Tells what filament is in a slot of an AMS",
        answer=_slot,
        fields={
            probatio.Required("slot"): _number(1, 16),
            probatio.Optional("ams"): _number(1, 8),
        },
        prefer=lambda state: bool(state.ams.units),
    ),
    Kind(
        name="BambuPrinterLowSpools",
        description="Tells which spools of a 3D printer are nearly empty",
        answer=_just(Speaker.low_spools),
    ),
    Kind(
        name="BambuPrinterStartDrying",
        description="Dries the filament in an AMS, at a temperature in °C for some hours",
        answer=_start_drying,
        orders=True,
        fields={
            **_AMS_FIELDS,
            probatio.Optional("temperature"): _number(0, 999),
            probatio.Optional("hours"): _number(0, 999),
        },
        prefer=lambda state: bool(state.ams.units),
    ),
    Kind(
        name="BambuPrinterStopDrying",
        description="Ends the drying in an AMS",
        answer=_stop_drying,
        orders=True,
        fields=_AMS_FIELDS,
        prefer=lambda state: any(unit.is_drying for unit in state.ams.units),
    ),
    Kind(
        name="BambuPrinterProblems",
        description="Tells whether something is wrong with a 3D printer",
        answer=_just(Speaker.problems),
    ),
)


class PrinterIntentHandler(intent.IntentHandler):
    """Answers one kind of question, or obeys one kind of order."""

    def __init__(self, kind: Kind) -> None:
        """Take over the name."""
        self.kind = kind
        self.intent_type = kind.name
        self.description = kind.description

    @property
    @override
    def slot_schema(self) -> dict[Any, Any]:
        """What can be said beside the sentence itself."""
        return {
            probatio.Optional(SLOT_NAME): cv.string,
            probatio.Optional(SLOT_AREA): cv.string,
            probatio.Optional("preferred_area_id"): cv.string,
            **self.kind.fields,
        }

    @override
    async def async_handle(self, intent_obj: intent.Intent) -> intent.IntentResponse:
        """Find the printer, do it, and answer."""
        slots = {
            name: slot["value"]
            for name, slot in self.async_validate_slots(intent_obj.slots).items()
        }
        phrases = choose_language(
            await async_load_phrases(intent_obj.hass), intent_obj.language
        )
        response = intent_obj.create_response()
        if not self.kind.orders:
            response.response_type = intent.IntentResponseType.QUERY_ANSWER
        try:
            printers = async_exposed_printers(intent_obj.hass, intent_obj.assistant)
            known = self._choose(intent_obj, printers, slots)
            response.async_set_speech(
                await self._answer(intent_obj, phrases, known, slots, len(printers) > 1)
            )
        except UnclearError as err:
            names = phrases.listing(err.names, "or") if err.names else ""
            response.async_set_error(
                intent.IntentResponseErrorCode.NO_VALID_TARGETS,
                phrases.say(err.key, printers=names),
            )
        except HomeAssistantError as err:
            response.async_set_error(
                intent.IntentResponseErrorCode.FAILED_TO_HANDLE,
                phrases.say(
                    "refused",
                    reason=await async_reason(intent_obj.hass, phrases.language, err),
                ),
            )
        return response

    def _choose(
        self,
        intent_obj: intent.Intent,
        printers: list[KnownPrinter],
        slots: Slots,
    ) -> KnownPrinter:
        name, area = slots.get(SLOT_NAME), slots.get(SLOT_AREA)
        if self.kind.answer is _confirm and not name and not area:
            # The question has said which one.
            question = async_spoken_questions(intent_obj.hass).async_find(
                _asker(intent_obj)
            )
            if question is not None:
                entry_id = question.subject.entry_id
                asked = [x for x in printers if x.entry.entry_id == entry_id]
                printers = asked or printers
        return choose_printer(
            printers,
            name=name,
            area=area,
            preferred_area_id=slots.get("preferred_area_id")
            or _area_of_asker(intent_obj),
            prefer=self.kind.prefer,
        )

    async def _answer(
        self,
        intent_obj: intent.Intent,
        phrases: Phrases,
        known: KnownPrinter,
        slots: Slots,
        several: bool,
    ) -> str:
        coordinator = known.coordinator
        if coordinator is None:
            return phrases.say("offline", printer=known.name)
        if self.kind.orders and (
            objection := await async_objection(
                intent_obj.hass, known, intent_obj.context
            )
        ):
            return phrases.say(objection, printer=known.name)
        speaker = Speaker(
            phrases=phrases,
            printer=known,
            state=coordinator.data,
            several=several,
            text_of=_texts_in(phrases.language, intent_obj.hass, coordinator),
        )
        with translated_errors():
            return await self.kind.answer(
                Request(
                    hass=intent_obj.hass,
                    speaker=speaker,
                    coordinator=coordinator,
                    slots=slots,
                    asker=_asker(intent_obj),
                )
            )


def _texts_in(
    language: str, hass: HomeAssistant, coordinator: PrinterCoordinator
) -> TextOf:
    """Return where to look up the maker's texts, which are in Home Assistant's language."""
    theirs = catalogue_language(hass.config.language)
    if theirs.partition("-")[0] == language.partition("-")[0]:
        return coordinator.fault_words.makers_text
    return lambda _fault: None


def _asker(intent_obj: intent.Intent) -> Asker:
    return async_asker(
        intent_obj.context,
        device_id=intent_obj.device_id,
        satellite_id=intent_obj.satellite_id,
    )


def _area_of_asker(intent_obj: intent.Intent) -> str | None:
    """Return the area of the satellite or device that listens."""
    hass = intent_obj.hass
    device_id = intent_obj.device_id
    if intent_obj.satellite_id:
        satellite = er.async_get(hass).async_get(intent_obj.satellite_id)
        if satellite is not None:
            if satellite.area_id:
                return satellite.area_id
            device_id = satellite.device_id
    device = dr.async_get(hass).async_get(device_id) if device_id else None
    return dr.async_get_effective_area_id(hass, device) if device else None


@callback
def async_register_intents(hass: HomeAssistant) -> None:
    """Let Home Assistant know all intents."""
    for kind in KINDS:
        intent.async_register(hass, PrinterIntentHandler(kind))
