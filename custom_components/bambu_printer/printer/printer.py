"""`BambuPrinter`: one printer, everything known of it, and everything it can be told."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from enum import StrEnum
import logging
from pathlib import Path
from typing import Any, override

import orjson

from . import commands
from .camera import JpegCamera
from .commands import Command
from .contention import Contention
from .control import CONTROL_SECTION, ControlEvidence, ControlState
from .counters import Counters, Episode
from .discovery import detect
from .errors import (
    BambuError,
    CameraError,
    CameraOffError,
    CommandError,
    CommandTimeoutError,
    ConnectTimeoutError,
    HungUpError,
    InvalidValueError,
    NoReportError,
    NotAuthorizedError,
    NotConnectedError,
    PrinterConnectionError,
)
from .models import Camera, Light, identify
from .operations import (
    AmsOperations,
    CameraOperations,
    CareOperations,
    DryingOperations,
    FileOperations,
    FirmwareOperations,
    HeatOperations,
    JobOperations,
    LightOperations,
    PrintingOperations,
    SpoolOperations,
    ToolOperations,
    WatchingOperations,
)
from .probe import harmless_command
from .projects import ProjectStore
from .relay import RtspRelay
from .report import (
    CHAMBER_KEY,
    HEATBED_LIGHT_KEY,
    MODULES_KEY,
    PROJECT_KEY,
    RawReport,
    extract_status,
)
from .session import Endpoint, Session
from .state import (
    SECTIONS,
    Context,
    PrinterState,
    ProjectState,
    decode_sections,
    sections_of,
)
from .state.firmware import main_module, read_modules
from .still import StillTaker
from .storage import PrinterStorage
from .trace import Trace
from .watchdog import Step, Watchdog, patience

_LOGGER = logging.getLogger(__name__)

FIRST_REPORT_TIMEOUT = 15.0
"""Seconds within which a printer must have sent a full report after it was asked."""
VERSION_TIMEOUT = 5.0
"""Seconds for which the start waits for the version list, to know the model for sure."""
_REPEAT_INTERVAL, _LONGEST_REPEAT_INTERVAL = 7.0, 300.0
"""Seconds until a full report that has not come is asked for again; ever longer then."""
_RENAME_TRIES = 5
_RENAME_INTERVAL = 2.0
_LONGEST_NAME = 32
_PRIVATE = frozenset({"address", "job_id", "job_key", "serial", "subtask_id", "tag"})
_VERSION_TRIES = 10
_VERSION_INTERVAL = 2.0


_DECISIVE = frozenset({"capabilities", "firmware"})
"""The sections of the state that say what can be done with the printer."""


class ServiceState(StrEnum):
    """The state of the session with the printer."""

    IDLE = "idle"
    """Not started."""
    CONNECTED = "connected"
    DISCONNECTED = "disconnected"
    """Lost, and being tried again."""
    PAUSED = "paused"
    QUIT = "quit"


type UpdateCallback = Callable[[frozenset[str]], None]
type ConnectionCallback = Callable[[], None]


class BambuPrinter(
    JobOperations,
    HeatOperations,
    LightOperations,
    ToolOperations,
    AmsOperations,
    SpoolOperations,
    DryingOperations,
    WatchingOperations,
    CareOperations,
    CameraOperations,
    FirmwareOperations,
    FileOperations,
    PrintingOperations,
):
    """A Bambu Lab printer in the local network.

    All methods must be called on the event loop that the session was started on.  Methods
    that tell the printer something return when it has acknowledged the command; that it
    took effect shows in `state`.  They raise

    * `NotConnectedError` while there is no session,
    * `OutOfRangeError`, `InvalidValueError`, `UnsupportedError` or `WrongStateError` before
      anything is sent,
    * `CommandTimeoutError` when no acknowledgement comes,
    * `CommandRejectedError` when the printer refuses, and its kind `NotAuthorizedError` when
      it only takes signed commands.

    Sources of the wire formats: the maker's own slicer and captures of its traffic.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        on_update: UpdateCallback | None = None,
        on_connection: ConnectionCallback | None = None,
        model_code: str = "",
        cache_folder: Path | None = None,
    ) -> None:
        """Prepare a printer; nothing is sent yet.

        `on_update` is called with the names of the sections of `state` that changed,
        `on_connection` when `available`, `service_state`, `control` or the kind of
        `last_error` changes.  `model_code` is ``DevModel`` of an announcement, if there
        was one.
        `cache_folder` is where pictures and configurations of projects are kept; it
        belongs to this printer alone, and without one they are kept in memory.
        """
        self.endpoint = endpoint
        self.on_update = on_update
        self.on_connection = on_connection
        self.model = identify(code=model_code, serial=endpoint.serial)
        self.service_state = ServiceState.IDLE
        self.last_error: PrinterConnectionError | None = None
        """Why the connection is lost, while it is."""
        self.storage = PrinterStorage(endpoint)
        self.projects = ProjectStore(self.storage, cache_folder)
        self.raw = RawReport()
        self.trace = Trace()
        """The last messages, for diagnostics."""
        self.contention = Contention()
        """Whether other clients hold the printer's connections."""
        self.clock: Callable[[], datetime] = _now
        """Tells what time it is; another one sees again what has been."""
        self._evidence = ControlEvidence()
        self._model_code = model_code
        # The model alone says what there is and how high it may go, until telemetry does.
        self.state, _ = decode_sections(
            PrinterState(), {}, ("capabilities",), Context(self.model, self.clock())
        )
        self.jpeg_camera = JpegCamera(endpoint)
        """The camera of the small printers."""
        self.live_view = RtspRelay(endpoint)
        """The camera of the others."""
        self._still_taker = StillTaker(self.live_view)
        self._updating = False
        self._session = Session(endpoint, self)
        self._last_push_all = float("-inf")
        self._complete = asyncio.Event()
        self._identified = asyncio.Event()
        self._greeting: asyncio.Task[None] | None = None
        self._question: asyncio.Task[None] | None = None
        self._known_units: frozenset[int] = frozenset()
        self._watchdog: Watchdog | None = None
        self._watching: asyncio.Task[None] | None = None
        self._malformed = Episode()

    @property
    def serial(self) -> str:
        """The serial number."""
        return self.endpoint.serial

    @property
    def model_code(self) -> str:
        """``DevModel`` of the announcement that the printer was made from, if any."""
        return self._model_code

    @property
    def available(self) -> bool:
        """Whether `state` is what the printer says now."""
        return self.service_state is ServiceState.CONNECTED and self.raw.complete

    @property
    def control(self) -> ControlState:
        """What can be done with the printer now."""
        if self.service_state is ServiceState.PAUSED:
            return ControlState.RELEASED
        if not self.available:
            return ControlState.OFFLINE
        match self._evidence.signature_required():
            case True:
                return ControlState.READ_ONLY
            case False:
                return ControlState.FULL
        return ControlState.UNKNOWN

    def can_control(self, section: str = CONTROL_SECTION) -> bool:
        """Whether it makes sense to send commands of a section of messages.

        As long as nothing has told otherwise, it does.
        """
        return self.available and not self._evidence.signature_required(section)

    async def test_control(self) -> ControlState:
        """Find out anew whether commands are obeyed, without changing anything.

        What earlier commands have told is forgotten.  Printers whose reports do not tell
        are sent a command that has no effect, where there is one.

        Raises `NotConnectedError` while there is no session.
        """
        self._evidence.forget()
        self._tell_connection()
        await self.refresh()
        # The report that was asked for comes before this answer.
        await self.ask_for_versions()
        if self.state.capabilities.signature_required is None and (
            command := harmless_command(self.state)
        ):
            with suppress(CommandError):
                await self._command(command)
        return self.control

    @property
    def parted(self) -> bool:
        """Whether the printer was still there when the session was ended."""
        return self._session.parted

    @property
    def counters(self) -> Counters:
        """What happened to the connection and to what arrived."""
        return self.raw.counters

    # Camera

    @property
    def camera_kind(self) -> Camera | None:
        """How the camera delivers its pictures; None: there is none."""
        camera = self.state.camera
        if self.model.camera or not camera.present:
            return None if camera.present is False else self.model.camera
        # A model that nobody knows: only some kinds say whether the view is on.
        return Camera.JPEG if camera.live_view is None else Camera.RTSPS

    @property
    def camera(self) -> JpegCamera | RtspRelay:
        """The camera, or one that nothing comes of."""
        rtsps = self.camera_kind is Camera.RTSPS
        return self.live_view if rtsps else self.jpeg_camera

    async def camera_image(self, max_age: float = 5.0) -> bytes:
        """Return a picture (JPEG) that is at most `max_age` seconds old.

        Raises a `PrinterConnectionError` or a `CameraError` that says why there is none.
        """
        match self.camera_kind:
            case None:
                raise CameraError("there is no camera")
            case Camera.JPEG:
                return await self.jpeg_camera.still(max_age)
            case Camera.RTSPS:
                if self.state.camera.live_view is False:
                    raise CameraOffError("the live view is switched off")
                return await self._still_taker.still(max_age)

    async def _pause_camera(self) -> None:
        await self.jpeg_camera.pause()
        await self.live_view.pause()

    def _resume_others(self) -> None:
        """Let the camera and the file server be called again."""
        self.jpeg_camera.resume()
        self.live_view.resume()
        self.storage.resume()

    # Session

    async def start_session(self, *, limit: float | None = None) -> None:
        """Connect, and wait for the first full report.

        `limit` bounds all of it, in seconds, for somebody who waits in front of a form;
        without it each step has its own, generous one.

        Raises a `PrinterConnectionError` that says why it failed; the session is closed
        then.  Afterwards the session comes back by itself when it is lost, until `quit`.
        """
        connected = self.counters.connected
        try:
            async with asyncio.timeout(limit):
                await self._start_session()
        except TimeoutError as err:
            if self.counters.connected > connected:
                raise NoReportError(
                    "connected, but the printer sends no report"
                ) from err
            raise ConnectTimeoutError("nothing answered in time") from err

    async def _start_session(self) -> None:
        try:
            await self._session.start()
            self._resume_others()
            async with asyncio.timeout(FIRST_REPORT_TIMEOUT):
                await self._complete.wait()
            self._require_session()
            with suppress(TimeoutError):
                async with asyncio.timeout(VERSION_TIMEOUT):
                    await self._identified.wait()
        except TimeoutError as err:
            await self.quit()
            raise self.last_error or NoReportError(
                "connected, but the printer sends no report"
            ) from err
        except BaseException:
            await self.quit()
            raise

    async def wait_available(self, limit: float = FIRST_REPORT_TIMEOUT) -> bool:
        """Wait for a full report, at most `limit` seconds; return whether it has come."""
        with suppress(TimeoutError):
            async with asyncio.timeout(limit):
                await self._complete.wait()
        return self.available

    def _require_session(self) -> None:
        """Raise why the session has ended, if it has."""
        if self.service_state is ServiceState.QUIT:
            raise self.last_error or NotConnectedError("the session was stopped")

    async def pause_session(self) -> None:
        """Give up the connection, until `resume_session`.

        Printers serve few clients: this makes room for another one.  The camera and the
        file server are let go, too; a transfer is stopped.
        """
        if self.service_state in (ServiceState.PAUSED, ServiceState.QUIT):
            return
        self._stop_tasks()
        self.raw.forget()
        self._set_service_state(ServiceState.PAUSED)
        await self._pause_camera()
        await self._session.stop()
        await self.storage.pause()

    async def resume_session(self) -> None:
        """Connect again after `pause_session`.

        Returns when the first attempt has ended.  If it has failed, that shows in
        `service_state` and `last_error`, and it is tried again until it succeeds.
        """
        if self.service_state is ServiceState.PAUSED:
            self._complete.clear()
            self._set_service_state(ServiceState.DISCONNECTED)
            self._resume_others()
            await self._session.start(insist=True)

    async def quit(self) -> None:
        """End the session; commands that wait fail.  Can be called more than once."""
        self._stop_tasks()
        await self._pause_camera()
        await self.live_view.close()
        await self._session.stop()
        await self.projects.close()
        await self.storage.close()
        self._set_service_state(ServiceState.QUIT)
        self._complete.set()

    def reconnect_now(self) -> None:
        """Try at once instead of after the pause: the printer was heard of.

        To be called whenever the printer announces itself.  Does no harm to a session that
        stands; one that has been silent is checked.
        """
        self._session.retry_now()

    def set_host(self, host: str) -> None:
        """Go on at another address, at once.  The state stays, stale until a report comes.

        Does nothing when the printer is there already.
        """
        self.endpoint = replace(self.endpoint, host=host)
        self._session.set_host(host)
        for part in (self.storage, self.jpeg_camera, self.live_view):
            part.set_endpoint(self.endpoint)

    async def refresh(self) -> None:
        """Ask for versions and a full report.

        The full report is left out when the last one was asked for too short a time ago
        for the model: on a P1 or A1 one in 5 minutes, as it can disturb a print.
        """
        await self._session.request(commands.get_version())
        elapsed = asyncio.get_running_loop().time() - self._last_push_all
        if elapsed >= self.model.pushall_interval:
            await self._push_all()

    async def rename_printer(self, name: str) -> None:
        """Give the printer another name, of 1 to 32 characters.

        Only one client is known to do it this way, and whether all firmware obeys is not
        known.  So the printer is asked for its name afterwards: `CommandTimeoutError`
        says that it has not taken the new one.
        """
        name = name.strip()
        if not name or len(name) > _LONGEST_NAME or not name.isprintable():
            raise InvalidValueError("name", name)
        await self._send(commands.rename(name))
        for _ in range(_RENAME_TRIES):
            await asyncio.sleep(_RENAME_INTERVAL)
            identity = await detect(self.endpoint.host, self.endpoint.detect_port)
            if identity and (identity.serial, identity.name) == (self.serial, name):
                return
        raise CommandTimeoutError("rename", _RENAME_TRIES * _RENAME_INTERVAL)

    @property
    def chamber_temp_told(self) -> bool:
        """Whether something else measures, or measured, the chamber's temperature."""
        return CHAMBER_KEY in self.raw.data

    def set_chamber_temp(self, value: float | None) -> None:
        """Tell the chamber temperature that something else measures, °C; None: nobody does.

        Shown as the chamber's temperature on printers that have no sensor of their own.
        Nothing is sent.
        """
        if value is not None:
            self._check_range("chamber temperature", value, 150, minimum=-40)
        self._tell_update(self._decode(self.raw.set_value(CHAMBER_KEY, value)))

    def set_job_project(self, project: ProjectState | None) -> None:
        """Tell the project of the running job; None: it is not known (any more).

        Whoever tells it sees to it that it belongs to the job that is reported.  Nothing is
        sent.
        """
        self._tell_update(self._decode(self.raw.set_value(PROJECT_KEY, project)))

    def to_json(self) -> dict[str, Any]:
        """Return what is known, without anything that identifies printer or owner."""
        state = orjson.loads(orjson.dumps(self.state, default=_plain))
        _redact(state)
        return {
            "model": self.model.key,
            "service_state": self.service_state.value,
            "available": self.available,
            "state": state,
        }

    # What the session tells

    def on_connected(self) -> None:
        """Greet the printer: it says nothing by itself on some models."""
        loop = asyncio.get_running_loop()
        self.counters.connected += 1
        self.raw.forget()
        self._complete.clear()
        self.last_error = None
        self._evidence.forget()
        self.contention.connected(asyncio.get_running_loop().time())
        self.camera.clear_error()
        self._set_service_state(ServiceState.CONNECTED)
        self._stop_tasks()
        self._watchdog = Watchdog(loop.time())
        self._greeting = loop.create_task(self._greet(), name="bambu_printer greeting")
        self._watching = loop.create_task(
            self._watch(self._watchdog), name="bambu_printer watchdog"
        )

    def on_disconnected(self, error: PrinterConnectionError) -> None:
        """Take the state for stale."""
        self._stop_tasks()
        news = type(error) is not type(self.last_error)
        self.last_error = error
        self.contention.disconnected(
            asyncio.get_running_loop().time(),
            refused=isinstance(error, HungUpError),
            hung_up=not isinstance(error, (ConnectTimeoutError, NoReportError)),
        )
        self.raw.forget()
        self._complete.clear()
        if self.service_state is ServiceState.DISCONNECTED:
            self.counters.failed += 1
            if news and self.on_connection:
                self.on_connection()
        else:
            self.counters.lost += 1
            self._set_service_state(ServiceState.DISCONNECTED)

    def on_malformed(self, reason: str, *, oversized: bool = False) -> None:
        """Count garbage; the last good state stands."""
        self.counters.malformed += 1
        self.counters.oversized += oversized
        if self._watchdog is not None:
            self._watchdog.heard(asyncio.get_running_loop().time(), report=False)
        self._tell_malformed(reason)

    def _tell_malformed(self, reason: str) -> None:
        if self._malformed.strike(asyncio.get_running_loop().time()):
            _LOGGER.warning(
                "The printer sent something that cannot be read and was left out: %s",
                reason,
            )

    def on_message(self, message: Mapping[str, Any]) -> None:
        """Take over what a message says, and tell who wants to know."""
        raw, now = self.raw, self.clock()
        was_complete, known = raw.complete, raw.data
        malformed = raw.counters.malformed
        status = extract_status(message)
        if self._watchdog is not None:
            self._watchdog.heard(
                asyncio.get_running_loop().time(), report=status is not None
            )
        keys = raw.apply_status(status)
        self.trace.record(now, message, known, raw.news)
        if raw.counters.malformed > malformed:
            self._tell_malformed("values of a wrong type")
        if status is None or len(message) > 1:
            keys |= self._apply_answers(message)
        turned = raw.complete is not was_complete
        before = self.state
        changed = self._decode(keys, now) if keys else frozenset()
        if changed:
            turned |= self._follow_up(before, changed)
        if raw.complete and not was_complete:
            self._complete.set()
        if turned:
            self._tell_connection()
        self._tell_update(changed)

    def _follow_up(self, before: PrinterState, changed: frozenset[str]) -> bool:
        """Do what a change asks for; return whether it decides what can be done."""
        if "ams" in changed:
            self._ask_about_new_units()
        if "camera" in changed:
            self.camera.clear_error()
        if "firmware" in changed:
            self._ask_after_update()
        if changed.isdisjoint(_DECISIVE):
            return False
        required = self._evidence.signature_required()
        version = before.firmware.version
        if version and version != self.state.firmware.version:
            self._evidence.forget()
        self._evidence.flagged(self.state.capabilities.signature_required)
        return self._evidence.signature_required() is not required

    def _ask_about_new_units(self) -> None:
        """Ask for versions when an AMS is plugged in: the reports do not carry them."""
        units = frozenset(unit.unit for unit in self.state.ams.units)
        new, self._known_units = units - self._known_units, units
        if new:
            self._ask_for_new_versions()

    def _ask_after_update(self) -> None:
        """Ask for versions when an update has ended: the reports do not carry them."""
        was_updating, self._updating = self._updating, self.state.firmware.updating
        if was_updating and not self._updating:
            self._ask_for_new_versions()

    def _ask_for_new_versions(self) -> None:
        # While the greeting is under way the versions are asked for anyway.
        if self._identified.is_set() and self._question_is_over:
            self._question = asyncio.get_running_loop().create_task(
                self._ask_for_versions(), name="bambu_printer question"
            )

    @property
    def _question_is_over(self) -> bool:
        return self._question is None or self._question.done()

    async def ask_for_versions(self) -> None:
        """Ask for versions: the cheapest question that shows whether the printer is there.

        Raises `NotConnectedError`, or `CommandTimeoutError` when no answer comes.
        """
        await self._session.request(commands.get_version())

    async def _ask_for_versions(self) -> None:
        with suppress(BambuError):
            await self.ask_for_versions()

    def _tell_update(self, changed: frozenset[str]) -> None:
        if changed and self.on_update:
            self.on_update(changed)

    def _apply_answers(self, message: Mapping[str, Any]) -> set[str]:
        """Keep the few answers that are state: versions, and the lamp under the bed."""
        info = message.get("info")
        if isinstance(info, dict) and isinstance(info.get("module"), list):
            return self.raw.set_value(MODULES_KEY, info["module"])
        system = message.get("system")
        if (
            isinstance(system, dict)
            and system.get("command") == "ledctrl"
            and system.get("led_node") == Light.HEATBED
            and str(system.get("result", "")).lower() == "success"
        ):
            return self.raw.set_value(HEATBED_LIGHT_KEY, system.get("led_mode"))
        return set()

    def _decode(self, keys: set[str], now: datetime | None = None) -> frozenset[str]:
        another_model = MODULES_KEY in keys and self._identify()
        self.state, changed = decode_sections(
            self.state,
            self.raw.data,
            SECTIONS if another_model else sections_of(keys),
            Context(self.model, now or self.clock()),
        )
        return changed

    def restore(self, raw: Mapping[str, Any]) -> None:
        """Take over what somebody else has heard of a printer (see `replay`)."""
        self.raw.data = dict(raw)
        self.raw.complete = "gcode_state" in raw
        self._identify()
        self.state, _ = decode_sections(
            self.state, self.raw.data, SECTIONS, Context(self.model, self.clock())
        )

    def _identify(self) -> bool:
        """Tell the model from the version list; return whether it is another one now."""
        modules = tuple(read_modules(self.raw.data))
        main = main_module(modules)
        model = identify(
            product_name=main.product_name if main else "",
            code=self._model_code,
            serial=self.serial,
            project_name=main.project_name if main else "",
            boards={module.name: module.hardware for module in modules},
        )
        changed = model is not self.model
        self.model = model
        return changed

    async def _greet(self) -> None:
        """Ask for a full report and for versions."""
        try:
            await asyncio.gather(self._ask_for_report(), self._ask_until_identified())
        except BambuError as err:
            _LOGGER.debug("Greeting the printer failed: %s", err)

    async def _ask_for_report(self) -> None:
        """Ask until a full report has come: deltas alone never make the state whole."""
        await self._push_all()
        delay = _REPEAT_INTERVAL
        while not await self.wait_available(delay):
            await self._push_all()
            delay = min(delay * 2, _LONGEST_REPEAT_INTERVAL)

    async def _ask_until_identified(self) -> None:
        """Ask until the versions name the printer.

        Boards that have just been switched on answer with empty ones.
        """
        for _ in range(_VERSION_TRIES):
            try:
                await self._session.request(
                    commands.get_version(), limit=_VERSION_INTERVAL
                )
            except CommandTimeoutError:
                continue
            if main_module(self.state.firmware.modules):
                self._identified.set()
                return
            await asyncio.sleep(_VERSION_INTERVAL)

    async def _watch(self, watchdog: Watchdog) -> None:
        """Ask a silent printer whether it is still there, and call it anew if not."""
        loop = asyncio.get_running_loop()
        with suppress(NotConnectedError):
            while True:
                step, wait = watchdog.look(
                    loop.time(), patience(self.model), self._last_push_all
                )
                match step:
                    case Step.ASK_VERSION:
                        self.counters.questions += 1
                        await self._session.send(commands.get_version())
                    case Step.ASK_REPORT:
                        self.counters.questions += 1
                        if self.model.full_reports:
                            await self._session.send(commands.start_reports())
                        await self._push_all()
                    case Step.GIVE_UP:
                        self.counters.fell_silent += 1
                        self._session.drop(
                            NoReportError("the printer has fallen silent")
                        )
                        return
                await asyncio.sleep(wait)

    async def _push_all(self) -> None:
        self._last_push_all = asyncio.get_running_loop().time()
        await self._session.send(commands.push_all())

    def _stop_tasks(self) -> None:
        for task in (self._greeting, self._question, self._watching):
            if task is not None:
                task.cancel()
        self._greeting = self._question = self._watching = None
        self._watchdog = None

    def _set_service_state(self, state: ServiceState) -> None:
        if state is self.service_state:
            return
        self.service_state = state
        self._tell_connection()

    def _tell_connection(self) -> None:
        if self.on_connection:
            self.on_connection()

    @override
    async def _send(self, command: Command) -> None:
        """Send a command that is never acknowledged."""
        await self._session.send(command)

    @override
    async def _command(
        self, command: Command, *, limit: float | None = None
    ) -> dict[str, Any]:
        """Send a command and wait for its acknowledgement."""
        before = self.control, self.can_control(command.section)
        try:
            answer = (
                await self._session.request(command)
                if limit is None
                else await self._session.request(command, limit=limit)
            )
        except NotAuthorizedError:
            self._evidence.refused(command)
            raise
        except CommandTimeoutError as err:
            # Firmware that wants signatures often does not even answer.
            if (
                command.section == CONTROL_SECTION
                and self._evidence.signature_required()
            ):
                raise NotAuthorizedError(command.name, "no answer") from err
            raise
        else:
            self._evidence.acknowledged(command, answer)
            return answer
        finally:
            if (self.control, self.can_control(command.section)) != before:
                self._tell_connection()


def _now() -> datetime:
    return datetime.now(UTC)


def _plain(value: object) -> object:
    """Make JSON of what has no form of its own there."""
    return (
        sorted(str(item) for item in value)
        if isinstance(value, frozenset)
        else str(value)
    )


def _redact(value: Any) -> None:
    """Take out what identifies a printer, a spool or what somebody prints."""
    if isinstance(value, list):
        for item in value:
            _redact(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            if key in _PRIVATE and item:
                value[key] = "**REDACTED**"
            elif key == "job":
                value[key] = {**item, "name": None, "file": None}
            elif key == "project":
                # What is printed says more of somebody than how.
                value[key] = {"known": item["plate"] is not None}
            _redact(value[key])
