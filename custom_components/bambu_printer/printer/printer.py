"""`BambuPrinter`: one printer, everything known of it, and everything it can be told."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from enum import StrEnum
import logging
from typing import Any

from . import commands
from .commands import Command
from .errors import (
    BambuError,
    CommandTimeoutError,
    InvalidValueError,
    NoReportError,
    NotAuthorizedError,
    OutOfRangeError,
    PrinterConnectionError,
    UnsupportedError,
    WrongStateError,
)
from .models import Light, PrinterModel, identify
from .report import HEATBED_LIGHT_KEY, MODULES_KEY, RawReport
from .session import Endpoint, Session
from .state import SECTIONS, Context, PrinterState, decode_sections, sections_of
from .state.fans import (
    AIRDUCT_MODES,
    FAN_INDEX,
    SETTABLE_AIRDUCT_MODES,
    AirductMode,
    Fan,
)
from .state.firmware import main_module, read_modules
from .state.job import SPEED_LEVELS, GcodeState, SpeedLevel
from .state.lights import LightMode

_LOGGER = logging.getLogger(__name__)

FIRST_REPORT_TIMEOUT = 15.0
"""Seconds within which a printer must have sent a full report after it was asked."""
VERSION_TIMEOUT = 5.0
"""Seconds for which the start waits for the version list, to know the model for sure."""
_VERSION_TRIES = 10
_VERSION_INTERVAL = 2.0
_STOPPABLE = frozenset(
    {GcodeState.PREPARE, GcodeState.SLICING, GcodeState.RUNNING, GcodeState.PAUSE}
)


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


class BambuPrinter:
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
    ) -> None:
        """Prepare a printer; nothing is sent yet.

        `on_update` is called with the names of the sections of `state` that changed,
        `on_connection` when `available` or `service_state` changes.  `model_code` is
        ``DevModel`` of an announcement, if there was one.
        """
        self.endpoint = endpoint
        self.on_update = on_update
        self.on_connection = on_connection
        self.state = PrinterState()
        self.model: PrinterModel = identify(code=model_code, serial=endpoint.serial)
        self.service_state = ServiceState.IDLE
        self.last_error: PrinterConnectionError | None = None
        """Why the connection is lost, while it is."""
        self.raw = RawReport()
        self._model_code = model_code
        self._session = Session(endpoint, self)
        self._last_push_all = float("-inf")
        self._complete = asyncio.Event()
        self._identified = asyncio.Event()
        self._greeting: asyncio.Task[None] | None = None
        self._malformed_logged = False

    @property
    def serial(self) -> str:
        """The serial number."""
        return self.endpoint.serial

    @property
    def available(self) -> bool:
        """Whether `state` is what the printer says now."""
        return self.service_state is ServiceState.CONNECTED and self.raw.complete

    # Session

    async def start_session(self) -> None:
        """Connect, and wait for the first full report.

        Raises a `PrinterConnectionError` that says why it failed; the session is closed
        then.  Afterwards the session comes back by itself when it is lost, until `quit`.
        """
        await self._session.start()
        try:
            async with asyncio.timeout(FIRST_REPORT_TIMEOUT):
                await self._complete.wait()
            with suppress(TimeoutError):
                async with asyncio.timeout(VERSION_TIMEOUT):
                    await self._identified.wait()
        except TimeoutError as err:
            await self.quit()
            raise NoReportError("connected, but the printer sends no report") from err
        except BaseException:
            await self.quit()
            raise

    async def pause_session(self) -> None:
        """Stop listening to reports, until `resume_session`; nothing without a session."""
        if self.service_state is ServiceState.CONNECTED:
            await self._session.pause()
            self._set_service_state(ServiceState.PAUSED)

    async def resume_session(self) -> None:
        """Listen again after `pause_session`, with a full report to catch up."""
        if self.service_state is ServiceState.PAUSED:
            self.raw.forget()
            await self._session.resume()
            self._set_service_state(ServiceState.CONNECTED)
            await self._push_all()

    async def quit(self) -> None:
        """End the session; commands that wait fail.  Can be called more than once."""
        self._stop_greeting()
        await self._session.stop()
        self._set_service_state(ServiceState.QUIT)

    async def refresh(self) -> None:
        """Ask for versions and a full report.

        The full report is left out when the last one was asked for too short a time ago
        for the model: on a P1 or A1 one in 5 minutes, as it can disturb a print.
        """
        await self._session.request(commands.get_version())
        elapsed = asyncio.get_running_loop().time() - self._last_push_all
        if elapsed >= self.model.pushall_interval:
            await self._push_all()

    # Job

    async def pause_printing(self) -> None:
        """Pause the running job."""
        self._require("pause", self.state.job.printing)
        await self._command(commands.pause())

    async def resume_printing(self) -> None:
        """Go on with the paused job."""
        self._require("resume", self.state.job.gcode_state is GcodeState.PAUSE)
        await self._command(commands.resume())

    async def stop_printing(self) -> None:
        """Cancel the job.  There is no way back."""
        self._require("stop", self.state.job.gcode_state in _STOPPABLE)
        await self._command(commands.stop())

    async def set_speed_level(self, level: SpeedLevel) -> None:
        """Choose the speed profile of the running job; the next one starts as standard."""
        self._require("print_speed", self.state.job.active)
        number = next((n for n, name in SPEED_LEVELS.items() if name == level), None)
        if number is None:
            raise InvalidValueError("speed level", level)
        await self._command(commands.print_speed(number))

    # Temperatures

    async def set_nozzle_temp_target(self, value: int, tool: int | None = None) -> None:
        """Heat a nozzle to 0 (off) up to the model's limit, °C.

        `tool` is the extruder's number, 0 right or 1 left; None is the active one.  A
        running job sets its own target whenever it likes.
        """
        capabilities = self.state.capabilities
        self._check_range("nozzle temperature", value, capabilities.nozzle_max)
        if tool is not None and tool not in range(capabilities.extruders):
            raise InvalidValueError("tool", tool)
        if capabilities.extruders == 1:
            tool = None
        elif tool is None:
            tool = self.state.extruders.active or 0
        await self._command(commands.set_nozzle_temp(int(value), tool))

    async def set_bed_temp_target(self, value: int) -> None:
        """Heat the bed to 0 (off) up to the model's limit, °C."""
        capabilities = self.state.capabilities
        self._check_range("bed temperature", value, capabilities.bed_max)
        await self._command(
            commands.set_bed_temp(int(value), as_json=capabilities.json_bed_temp)
        )

    async def set_chamber_temp_target(self, value: int) -> None:
        """Heat the chamber to 0 (off) up to the model's limit, °C.

        On printers with an air duct, heating (from about 40 °C on) sets it to heating
        first; switching off leaves it as it is.  Lower targets do nothing there.  The
        printer refuses while a filament is loaded that would soften.
        """
        limit = self.state.capabilities.chamber_max
        if not limit:
            raise UnsupportedError("chamber heater", self.model.key)
        self._check_range("chamber temperature", value, limit)
        target, heat_from = int(value), self.model.chamber_heat_from
        if not heat_from:
            # The form that is proven on the one model without a duct.
            await self._command(commands.set_chamber_temp_gcode(target))
            return
        if (
            target >= heat_from
            and self.state.fans.airduct_mode is not AirductMode.HEATING
        ):
            await self.set_airduct_mode(AirductMode.HEATING)
        try:
            await self._command(commands.set_chamber_temp(target))
        except CommandTimeoutError:
            await self._command(commands.set_chamber_temp_gcode(target, heat_from))

    # Air

    async def set_part_cooling_fan(self, percent: int) -> None:
        """Turn the part cooling fan, 0 to 100 %; a job overrides it at the next layer."""
        await self.set_fan_speed(Fan.PART, percent)

    async def set_aux_fan(self, percent: int) -> None:
        """Turn the auxiliary fan, 0 to 100 %."""
        await self.set_fan_speed(Fan.AUX, percent)

    async def set_exhaust_fan(self, percent: int) -> None:
        """Turn the chamber's exhaust fan, 0 to 100 %."""
        await self.set_fan_speed(Fan.CHAMBER, percent)

    async def set_fan_speed(self, fan: Fan, percent: int) -> None:
        """Turn a fan, 0 to 100 %; the printer rounds to tens, and so does this."""
        if fan not in self.fans:
            raise UnsupportedError(f"{fan} fan", self.model.key)
        self._check_range("fan speed", percent, 100, "%")
        steps = round(percent / 10) * 10
        index = FAN_INDEX[fan]
        if fan is not Fan.PART and fan in self.state.fans.ducted:
            await self._command(commands.set_fan(index, steps))
        else:
            await self._command(commands.fan_gcode(index, steps))

    @property
    def fans(self) -> frozenset[Fan]:
        """The fans that can be set."""
        capabilities = self.state.capabilities
        present = {
            Fan.PART: True,
            Fan.AUX: capabilities.aux_fan,
            Fan.CHAMBER: capabilities.chamber_fan,
            Fan.AUX_2: capabilities.aux_fan_2,
        }
        return frozenset(fan for fan, there in present.items() if there)

    async def set_airduct_mode(self, mode: AirductMode) -> None:
        """Set the flaps of the air duct to one of the modes that the printer lists."""
        if not self.state.capabilities.airduct:
            raise UnsupportedError("air duct", self.model.key)
        offered = self.state.fans.airduct_modes or tuple(SETTABLE_AIRDUCT_MODES)
        number = next((n for n, name in AIRDUCT_MODES.items() if name == mode), None)
        if number is None or mode not in offered:
            raise InvalidValueError("air duct mode", mode)
        await self._command(commands.set_airduct(number))

    # Lights

    async def set_light(self, light: Light, *, on: bool) -> None:
        """Switch a lamp.

        Printers with two lamps in the chamber are told both when the first one is meant,
        as the maker's own client does.
        """
        lights = self.state.capabilities.lights
        if light not in lights:
            raise UnsupportedError(str(light), self.model.key)
        mode = LightMode.ON if on else LightMode.OFF
        await self._command(commands.set_light(light, mode))
        if light is Light.CHAMBER and Light.CHAMBER_2 in lights:
            await self._command(commands.set_light(Light.CHAMBER_2, mode))

    # Tools

    async def set_active_tool(self, tool: int) -> None:
        """Make an extruder the active one: 0 right, 1 left.  The head moves: up to 30 s."""
        extruders = self.state.capabilities.extruders
        if extruders == 1:
            raise UnsupportedError("second extruder", self.model.key)
        if tool not in range(extruders):
            raise InvalidValueError("tool", tool)
        self._require("select_extruder", not self.state.job.printing)
        await self._command(commands.select_extruder(tool))

    # What the session tells

    def on_connected(self) -> None:
        """Greet the printer: it says nothing by itself on some models."""
        self.raw.forget()
        self._complete.clear()
        self.last_error = None
        self._set_service_state(ServiceState.CONNECTED)
        self._stop_greeting()
        self._greeting = asyncio.get_running_loop().create_task(
            self._greet(), name="bambu_printer greeting"
        )

    def on_disconnected(self, error: PrinterConnectionError, *, final: bool) -> None:
        """Take the state for stale."""
        self._stop_greeting()
        self.last_error = error
        self.raw.forget()
        self._set_service_state(
            ServiceState.QUIT if final else ServiceState.DISCONNECTED
        )

    def on_malformed(self, reason: str) -> None:
        """Count garbage; the last good state stands."""
        self.raw.counters.malformed += 1
        if not self._malformed_logged:
            self._malformed_logged = True
            _LOGGER.warning(
                "The printer sent a message that cannot be read: %s", reason
            )

    def on_message(self, message: Mapping[str, Any]) -> None:
        """Take over what a message says, and tell who wants to know."""
        was_complete = self.raw.complete
        keys = self.raw.apply(message)
        keys |= self._apply_answers(message)
        changed = self._decode(keys) if keys else frozenset()
        if self.raw.complete and not was_complete:
            self._complete.set()
            if self.on_connection:
                self.on_connection()
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

    def _decode(self, keys: set[str]) -> frozenset[str]:
        sections = (
            set(SECTIONS)
            if MODULES_KEY in keys and self._identify()
            else sections_of(keys)
        )
        context = Context(model=self.model, now=datetime.now(UTC))
        self.state, changed = decode_sections(
            self.state, self.raw.data, sections, context
        )
        return changed

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
        """Ask for versions and a full report; both may need to be asked for again.

        Boards that have just been switched on answer with empty versions.
        """
        try:
            await self._push_all()
            for _ in range(_VERSION_TRIES):
                try:
                    await self._session.request(
                        commands.get_version(), limit=_VERSION_INTERVAL
                    )
                except CommandTimeoutError:
                    continue
                if main_module(tuple(read_modules(self.raw.data))):
                    self._identified.set()
                    break
                await asyncio.sleep(_VERSION_INTERVAL)
            if not self.raw.complete:
                await self._push_all()
        except BambuError as err:
            _LOGGER.debug("Greeting the printer failed: %s", err)

    async def _push_all(self) -> None:
        self._last_push_all = asyncio.get_running_loop().time()
        await self._session.send(commands.push_all())

    def _stop_greeting(self) -> None:
        if self._greeting is not None:
            self._greeting.cancel()
            self._greeting = None

    def _set_service_state(self, state: ServiceState) -> None:
        if state is self.service_state:
            return
        self.service_state = state
        if self.on_connection:
            self.on_connection()

    # Helpers of the commands

    async def _command(self, command: Command) -> dict[str, Any]:
        """Send a command and wait for its acknowledgement."""
        try:
            return await self._session.request(command)
        except CommandTimeoutError as err:
            # Firmware that wants signatures often does not even answer.
            if (
                command.section == "print"
                and self.state.capabilities.signature_required
            ):
                raise NotAuthorizedError(command.name, "no answer") from err
            raise

    def _require(self, command: str, allowed: bool) -> None:
        if not allowed:
            state = self.state.job.gcode_state
            raise WrongStateError(command, state.value if state else "unknown")

    def _check_range(
        self, name: str, value: float, maximum: int, unit: str = "°C"
    ) -> None:
        if isinstance(value, bool) or not 0 <= value <= maximum:
            raise OutOfRangeError(name, value, 0, maximum, unit)
