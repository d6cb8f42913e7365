"""Printers as tools for language models.

Every agent in Home Assistant that may control the home gets these tools: they belong to
the Assist API.  Some only look, the others act; their annotations say which.  What cannot
be undone takes two calls, and between the two the user must have said something: the
first call only returns a question and a token, and the token is worth nothing within the
same message of the user.  So a model cannot talk itself into it.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, override

from homeassistant.const import ATTR_DEVICE_ID
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import llm
from homeassistant.util.json import JsonObjectType, JsonValueType
import probatio

from ..const import DOMAIN
from ..coordinator import PrinterCoordinator
from ..helpers import translated_errors
from ..printer import BambuPrinter, Light
from ..printer.operations import ErrorAnswer
from ..printer.state.errors import PrintError
from ..printer.state.fans import Fan
from ..printer.state.job import SpeedLevel
from ..slot_keys import AMS_BY_KEY, SLOTS_BY_KEY
from .confirmation import WRITTEN_SECONDS, async_asker, async_written_questions
from .phrases import FALLBACK, async_load_phrases, choose_language
from .printers import (
    KnownPrinter,
    UnclearError,
    async_exposed_printers,
    async_objection,
    choose_printer,
)
from .reasons import async_reason

ARG_PRINTER: Final = "printer"
ARG_CONFIRMATION: Final = "confirmation"

READS: Final = llm.ToolAnnotations(
    read_only=True, destructive=False, idempotent=True, open_world=False
)
ACTS: Final = llm.ToolAnnotations(destructive=False, open_world=False)
SETS: Final = llm.ToolAnnotations(destructive=False, idempotent=True, open_world=False)
_MOST_FILES: Final = 100

DESTROYS: Final = llm.ToolAnnotations(destructive=True, open_world=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call of a tool for one printer."""

    hass: HomeAssistant
    known: KnownPrinter
    coordinator: PrinterCoordinator
    data: Mapping[str, Any]
    llm_context: llm.LLMContext

    @property
    def printer(self) -> BambuPrinter:
        """The printer."""
        return self.coordinator.printer


type Run = Callable[[Call], Awaitable[JsonObjectType | None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolKind:
    """What one tool is."""

    name: str
    title: str
    description: str
    run: Run
    annotations: llm.ToolAnnotations
    fields: Mapping[Any, Any] = field(default_factory=dict)
    question: str = ""
    """What the user has to be asked before something is lost."""


# Looking


async def _state(call: Call) -> JsonObjectType:
    """Tell all that a glance at the printer would."""
    printer = call.printer
    state = printer.state
    heat, fans, door = state.temperatures, state.fans, state.enclosure.door_open
    nozzles: list[JsonValueType] = [
        {"current": heater.current, "target": heater.target} for heater in heat.nozzles
    ]
    speeds: dict[str, JsonValueType] = {
        fan.value: fans.speed(fan) for fan in sorted(printer.fans)
    }
    lights: dict[str, JsonValueType] = {
        light.value: (mode.value if (mode := state.lights.mode(light)) else None)
        for light in sorted(state.capabilities.lights)
    }
    return {
        "printer": call.known.name,
        "model": printer.model.name,
        "state": state.job.gcode_state.value if state.job.gcode_state else None,
        "stage": state.job.stage,
        "progress_percent": state.job.progress if state.job.active else None,
        "remaining_minutes": state.job.remaining,
        "nozzles_celsius": nozzles,
        "bed_celsius": {"current": heat.bed.current, "target": heat.bed.target},
        "chamber_celsius": {
            "current": heat.chamber.current,
            "target": heat.chamber.target,
        },
        "fans_percent": speeds,
        "lights": lights,
        "door_open": door,
        "has_error": state.errors.has_print_error,
        "messages": len(state.errors.hms or ()),
        "firmware": state.firmware.version,
    }


async def _errors(call: Call) -> JsonObjectType:
    errors = call.printer.state.errors
    words = call.coordinator.fault_words
    messages: list[JsonValueType] = [
        {
            "code": message.text_code,
            "severity": message.severity.value,
            "part": message.module.value,
            "text": words.describe(message),
            "is_problem": message.is_problem,
        }
        for message in errors.hms or ()
    ]
    return {
        "print_error": errors.print_error_code,
        "print_error_text": (
            words.describe(PrintError(errors.print_error))
            if errors.has_print_error and errors.print_error
            else None
        ),
        "is_problem": errors.has_print_error,
        "messages": messages,
    }


def _ask(action: str) -> Run:
    """Make a tool of an action that returns something."""

    async def run(call: Call) -> JsonObjectType:
        response = await call.hass.services.async_call(
            DOMAIN,
            action,
            {ATTR_DEVICE_ID: call.known.device_id, **call.data},
            blocking=True,
            context=call.llm_context.context,
            return_response=True,
        )
        return dict(response or {})

    return run


async def _list_files(call: Call) -> JsonObjectType:
    """List one folder; long ones in part, as a model has to read it all."""
    listing = await _ask("list_files")(call) or {}
    files = listing.get("files")
    assert isinstance(files, list)
    return {**listing, "files": files[:_MOST_FILES], "total": len(files)}


# Acting


def _do(action: str) -> Run:
    """Make a tool of an action that returns nothing."""

    async def run(call: Call) -> None:
        await call.hass.services.async_call(
            DOMAIN,
            action,
            {ATTR_DEVICE_ID: call.known.device_id, **call.data},
            blocking=True,
            context=call.llm_context.context,
        )

    return run


def _tell(
    method: Callable[[BambuPrinter, Mapping[str, Any]], Awaitable[object]],
) -> Run:
    """Make a tool of a method of the printer."""

    async def run(call: Call) -> None:
        with translated_errors():
            await method(call.printer, call.data)

    return run


def _set_temperature(printer: BambuPrinter, data: Mapping[str, Any]) -> Awaitable[None]:
    temperature = data["temperature"]
    match data["heater"]:
        case "bed":
            return printer.set_bed_temp_target(temperature)
        case "chamber":
            return printer.set_chamber_temp_target(temperature)
        case "left_nozzle":
            return printer.set_nozzle_temp_target(temperature, 1)
        case "right_nozzle":
            return printer.set_nozzle_temp_target(temperature, 0)
        case _:
            return printer.set_nozzle_temp_target(temperature)


def _number(low: int, high: int) -> Callable[[Any], Any]:
    return probatio.All(probatio.Coerce(int), probatio.Range(min=low, max=high))


_SLOT = {
    probatio.Required(
        "slot", description="Where the spool is, as get_spools names it"
    ): probatio.In(list(SLOTS_BY_KEY))
}
_AMS = probatio.In(list(AMS_BY_KEY))
_PATH: Mapping[Any, Any] = {
    probatio.Required("path", description="As list_files returns it"): str
}
_PROJECT: Mapping[Any, Any] = {
    **_PATH,
    probatio.Optional("plate", description="Number of the plate"): _number(1, 64),
}

KINDS: Final = (
    ToolKind(
        name="get_state",
        title="Get 3D printer state",
        description=(
            "Tells what a 3D printer is doing: state, progress, remaining minutes,"
            " temperatures, fans, lights, door, and whether there are errors."
        ),
        run=_state,
        annotations=READS,
    ),
    ToolKind(
        name="get_job",
        title="Get 3D print job",
        description=(
            "Tells everything about the current or last print of a 3D printer: name,"
            " file, progress, layers, start and finish time, skipped objects."
        ),
        run=_ask("get_job"),
        annotations=READS,
    ),
    ToolKind(
        name="get_spools",
        title="Get filament spools",
        description=(
            "Tells which filaments are in the AMS units and on the external spool of a"
            " 3D printer, how much is left in percent, and humidity and drying."
        ),
        run=_ask("get_ams"),
        annotations=READS,
    ),
    ToolKind(
        name="get_nozzles",
        title="Get nozzles",
        description="Tells the nozzles of a 3D printer: diameter, material, temperature.",
        run=_ask("get_nozzles"),
        annotations=READS,
    ),
    ToolKind(
        name="get_errors",
        title="Get 3D printer errors",
        description="Tells what is wrong with a 3D printer: its error and its messages.",
        run=_errors,
        annotations=READS,
    ),
    ToolKind(
        name="list_files",
        title="List files",
        description=(
            "Lists a folder of the storage of a 3D printer. Projects that can be printed"
            " end in .3mf."
        ),
        run=_list_files,
        annotations=READS,
        fields={probatio.Optional("path", default="/"): str},
    ),
    ToolKind(
        name="get_project",
        title="Get print project",
        description=(
            "Tells what is in a project on the storage of a 3D printer: its plates, how"
            " long each takes, its objects and the filaments that it needs."
        ),
        run=_ask("get_project"),
        annotations=READS,
        fields=_PROJECT,
    ),
    ToolKind(
        name="print_file",
        title="Print file",
        description=(
            "Prints a project from the storage of a 3D printer. Filaments are matched to"
            " the spools that are in it."
        ),
        run=_ask("print_file"),
        annotations=DESTROYS,
        fields=_PROJECT,
        question="Shall {path} be printed on {printer} now? Is its plate empty?",
    ),
    ToolKind(
        name="delete_file",
        title="Delete file",
        description="Deletes a file from the storage of a 3D printer.",
        run=_do("delete_file"),
        annotations=DESTROYS,
        fields=_PATH,
        question="Shall {path} on {printer} really be deleted?",
    ),
    ToolKind(
        name="pause_print",
        title="Pause print",
        description="Pauses the running print of a 3D printer. It can be resumed.",
        run=_tell(lambda printer, _: printer.pause_printing()),
        annotations=ACTS,
    ),
    ToolKind(
        name="resume_print",
        title="Resume print",
        description="Resumes the paused print of a 3D printer.",
        run=_tell(lambda printer, _: printer.resume_printing()),
        annotations=ACTS,
    ),
    ToolKind(
        name="stop_print",
        title="Cancel print",
        description="Cancels the print of a 3D printer. The print is lost.",
        run=_tell(lambda printer, _: printer.stop_printing()),
        annotations=DESTROYS,
        question="Shall the print {job} on {printer} really be cancelled? It is lost then.",
    ),
    ToolKind(
        name="skip_objects",
        title="Skip objects",
        description=(
            "Leaves out objects of the running print, by their numbers. They cannot be"
            " added again."
        ),
        run=_do("skip_objects"),
        annotations=DESTROYS,
        fields={
            probatio.Required(
                "objects", description="Numbers of the objects in the sliced file"
            ): [_number(0, 2**31)]
        },
        question="Shall objects of the print {job} on {printer} really be left out?",
    ),
    ToolKind(
        name="set_temperature",
        title="Set temperature",
        description=(
            "Sets the target of a nozzle, the bed or the chamber of a 3D printer in °C;"
            " 0 switches it off. Left and right nozzle only exist on dual printers."
        ),
        run=_tell(_set_temperature),
        annotations=SETS,
        fields={
            probatio.Required("heater"): probatio.In(
                ["nozzle", "left_nozzle", "right_nozzle", "bed", "chamber"]
            ),
            probatio.Required("temperature"): _number(0, 400),
        },
    ),
    ToolKind(
        name="set_light",
        title="Switch light",
        description="Switches the light in the chamber of a 3D printer.",
        run=_tell(
            lambda printer, data: printer.set_light_state(Light.CHAMBER, on=data["on"])
        ),
        annotations=SETS,
        fields={probatio.Required("on"): bool},
    ),
    ToolKind(
        name="set_fan",
        title="Set fan",
        description="Sets a fan of a 3D printer, in percent; 0 switches it off.",
        run=_tell(
            lambda printer, data: printer.set_fan_speed(
                Fan(data["fan"]), data["percent"]
            )
        ),
        annotations=SETS,
        fields={
            probatio.Required("fan"): probatio.In(
                [Fan.PART.value, Fan.AUX.value, Fan.CHAMBER.value, Fan.AUX_2.value]
            ),
            probatio.Required("percent"): _number(0, 100),
        },
    ),
    ToolKind(
        name="set_speed",
        title="Set speed profile",
        description="Chooses how fast the running print of a 3D printer goes.",
        run=_tell(
            lambda printer, data: printer.set_speed_level(SpeedLevel(data["profile"]))
        ),
        annotations=SETS,
        fields={
            probatio.Required("profile"): probatio.In([x.value for x in SpeedLevel])
        },
    ),
    ToolKind(
        name="load_filament",
        title="Load filament",
        description=(
            "Loads filament from a slot into the nozzle, which gets hot for it. Not while"
            " printing. Takes a few minutes."
        ),
        run=_do("load_filament"),
        annotations=ACTS,
        fields=_SLOT,
    ),
    ToolKind(
        name="unload_filament",
        title="Unload filament",
        description="Pulls the loaded filament back out of the nozzle. Not while printing.",
        run=_do("unload_filament"),
        annotations=ACTS,
    ),
    ToolKind(
        name="start_drying",
        title="Start drying",
        description=(
            "Dries the filament in an AMS 2 Pro (45 to 65 °C) or AMS HT (45 to 85 °C) for"
            " 1 to 24 hours. PLA softens above 55 °C."
        ),
        run=_do("start_drying"),
        annotations=ACTS,
        fields={
            probatio.Required("ams"): _AMS,
            probatio.Required("temperature"): _number(45, 85),
            probatio.Required("hours"): _number(1, 24),
        },
    ),
    ToolKind(
        name="stop_drying",
        title="Stop drying",
        description="Ends the drying in one AMS, or in all of them.",
        run=_do("stop_drying"),
        annotations=SETS,
        fields={probatio.Optional("ams"): _AMS},
    ),
    ToolKind(
        name="answer_error",
        title="Answer error",
        description=(
            "Answers the error that a 3D printer shows: retry, ignore it and go on, or"
            " dismiss a warning."
        ),
        run=_do("answer_error"),
        annotations=ACTS,
        fields={
            probatio.Required("answer"): probatio.In(
                [
                    answer.value
                    for answer in ErrorAnswer
                    if answer is not ErrorAnswer.STOP
                ]
            )
        },
    ),
)


def tools_for(printers: Sequence[KnownPrinter]) -> list[llm.Tool]:
    """Return the tools that make sense for some printers.

    Those that act are left out while only what printers show is exposed.
    """
    controllable = any(known.controls for known in printers)
    return [
        PrinterTool(kind, printers)
        for kind in KINDS
        if controllable or kind.annotations.read_only
    ]


class PrinterTool(llm.Tool):
    """A tool that looks at a printer, or tells it something."""

    integration = DOMAIN

    def __init__(self, kind: ToolKind, printers: Sequence[KnownPrinter]) -> None:
        """Describe the tool; with several printers one has to be named."""
        self.kind = kind
        self.name = f"{DOMAIN}__{kind.name}"
        self.title = kind.title
        self.description = kind.description
        self.annotations = kind.annotations
        choice = probatio.Required if len(printers) > 1 else probatio.Optional
        self._schema: dict[Any, Any] = {
            choice(ARG_PRINTER, description="Name of the printer"): probatio.In(
                [printer.name for printer in printers]
            ),
            **kind.fields,
        }
        if kind.question:
            self.description += (
                " The first call only returns a question for the user and a token."
            )
            self._schema[
                probatio.Optional(
                    ARG_CONFIRMATION,
                    description=(
                        "The token of the first call, once the user has answered the"
                        " question with yes"
                    ),
                )
            ] = str
        self.parameters = probatio.Schema(self._schema)

    @override
    async def async_call(
        self,
        hass: HomeAssistant,
        tool_input: llm.ToolInput,
        llm_context: llm.LLMContext,
    ) -> llm.ToolResult:
        """Do it, and tell what came of it."""
        language = llm_context.language or FALLBACK
        phrases = choose_language(await async_load_phrases(hass), language)
        try:
            arguments = self.parameters(tool_input.tool_args)
            known = choose_printer(
                async_exposed_printers(hass, llm_context.assistant),
                name=arguments.pop(ARG_PRINTER, None),
                preferred_area_id=llm.async_get_match_preferences(
                    hass, llm_context
                ).area_id,
            )
        except probatio.Invalid as err:
            return _failure("invalid_arguments", str(err))
        except UnclearError as err:
            names = phrases.listing(err.names, "or") if err.names else ""
            return _failure("no_such_printer", phrases.say(err.key, printers=names))
        coordinator = known.coordinator
        if coordinator is None:
            return _failure("offline", phrases.say("offline", printer=known.name))
        if not self.annotations.read_only and (
            objection := await async_objection(hass, known, llm_context.context)
        ):
            return _failure("not_allowed", phrases.say(objection, printer=known.name))
        token = arguments.pop(ARG_CONFIRMATION, None)
        call = Call(
            hass=hass,
            known=known,
            coordinator=coordinator,
            data=arguments,
            llm_context=llm_context,
        )
        if self.kind.question and (refused := self._make_sure(call, token)):
            return refused
        try:
            data = await self.kind.run(call)
        except HomeAssistantError as err:
            return _failure("failed", await async_reason(hass, phrases.language, err))
        success: JsonObjectType = {"success": True, "printer": known.name}
        return llm.ToolResult(data=success | (data or {}))

    def _make_sure(self, call: Call, token: str | None) -> llm.ToolResult | None:
        """Return the question for the user, unless they have answered it by now."""
        questions = async_written_questions(call.hass)
        asker = async_asker(
            call.llm_context.context, device_id=call.llm_context.device_id
        )
        job = call.coordinator.data.job
        subject = (self.name, call.known.entry.entry_id, job.job_key, call.data)
        question = questions.async_find_token(token) if token else None
        if question is None or question.subject != subject:
            question = questions.async_ask(subject, asker, WRITTEN_SECONDS)
        elif asker.turn is not None and asker.turn != question.asker.turn:
            questions.async_close(question)
            return None
        return llm.ToolResult(
            data={
                "success": False,
                "confirmation_required": True,
                "question": self.kind.question.format(
                    **call.data, job=job.name or "", printer=call.known.name
                ),
                "confirmation": question.token,
                "next": (
                    "Ask the user this question and wait for the answer. The token is not"
                    " valid before the user has said something."
                ),
            }
        )


def _failure(error: str, text: str) -> llm.ToolResult:
    return llm.ToolResult(
        data={"success": False, "error": error, "error_text": text}, error=True
    )
