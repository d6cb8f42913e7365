"""Errors, motion, calibration, and what only experts need."""

from collections.abc import Mapping
from enum import IntFlag, StrEnum
from typing import Any

import orjson

from .. import commands
from ..commands import Command
from ..errors import (
    InvalidValueError,
    OutOfRangeError,
    UnsupportedError,
    WrongStateError,
)
from ..models import Family
from .base import Operations

_FARTHEST = 100.0
"""mm that one jog may move."""
_FARTHEST_EXTRUSION = 50.0
_EXTRUDE_FROM = 170
"""°C below which filament must not be pushed."""
_FEED_RATE = {"x": 3000, "y": 3000, "z": 900}
"""mm/min"""
_BED_SLINGERS = frozenset({Family.A1, Family.A2})
_SECTIONS = frozenset(
    {"camera", "info", "print", "pushing", "security", "system", "upgrade", "xcam"}
)
_LONGEST_LINE, _LONGEST_GCODE = 200, 1000
_WHILE_PRINTING = frozenset({"M104", "M140", "M141", "M145", "M106", "M107", "M960"})
"""G-code that a running job bears: targets, fans and lamps."""
_LONGEST_NAME = 32


class Calibration(IntFlag):
    """The routines of a calibration run, by their bits."""

    LIDAR = 1
    BED_LEVELING = 2
    VIBRATION = 4
    MOTOR_NOISE = 8
    NOZZLE_OFFSET = 16
    HIGH_TEMPERATURE_BED = 32
    CLUMP_POSITION = 64


class ErrorAnswer(StrEnum):
    """What can be said to a print error."""

    RETRY = "retry"
    """The cause is gone: look again, and go on."""
    IGNORE = "ignore"
    """Go on all the same."""
    STOP = "stop"
    """Cancel the job."""
    DISMISS = "dismiss"
    """Close a warning; the job goes on, or stays as it is."""


class CareOperations(Operations):
    """What is needed now and then."""

    @property
    def calibrations(self) -> Calibration:
        """The routines that this model has."""
        routines = Calibration.BED_LEVELING | Calibration.VIBRATION
        if self.model.key in ("X1C", "X1E"):
            routines |= Calibration.LIDAR
        if self.model.family in _BED_SLINGERS:
            routines |= Calibration.MOTOR_NOISE
        if self.state.capabilities.extruders > 1:
            routines |= Calibration.NOZZLE_OFFSET
        if self.model.family in (Family.P2, Family.H2, Family.X2, Family.A2):
            routines |= Calibration.HIGH_TEMPERATURE_BED
        if self.model.family is Family.P2:
            routines |= Calibration.CLUMP_POSITION
        return routines

    async def calibrate(self, routines: Calibration) -> None:
        """Run calibrations; 5 to 30 minutes.  The build plate must be clear.

        Only while idle.  Raises `UnsupportedError` for a routine that the model lacks.
        """
        if not routines:
            raise InvalidValueError("calibration", routines)
        if missing := Calibration(routines & ~self.calibrations):
            raise UnsupportedError(f"calibration {missing.name}", self.model.key)
        self._require("calibration", allowed=not self.state.job.active)
        await self._command(commands.calibrate(int(routines)))

    async def clean_print_error(self) -> None:
        """Confirm the print error, and close its dialog on the printer's screen."""
        error = self._error("clean_print_error")
        subtask = self.state.job.subtask_id or "0"
        await self._command(commands.clean_print_error(subtask, error))
        await self._command(commands.close_error_dialog(error))

    async def answer_print_error(self, answer: ErrorAnswer) -> None:
        """Say what to do about the print error.

        Faults that are looked for again, as a wrong build plate, need
        `ErrorAnswer.IGNORE`: after a mere retry the printer stops again.
        """
        error = self._error(answer.value)
        if answer is ErrorAnswer.DISMISS:
            await self._command(commands.dismiss_error(error))
            return
        word = {ErrorAnswer.RETRY: "resume"}.get(answer, answer.value)
        self._require(word, allowed=self.state.job.active)
        await self._command(commands.answer_error(word, error, self.state.job.job_id))

    async def silence_alarm(self) -> None:
        """Silence the fire alarm of the H2 family."""
        if self.model.family is not Family.H2:
            raise UnsupportedError("fire alarm", self.model.key)
        await self._command(commands.silence_alarm())

    async def stop_air_purification(self) -> None:
        """Stop the cleaning of the air that follows a print."""
        if not self.state.capabilities.airduct:
            raise UnsupportedError("air purification", self.model.key)
        await self._command(commands.stop_air_purification())

    async def home_axes(self) -> None:
        """Move to the home position of all axes.  Head and bed move: keep the plate clear."""
        self._require("home", allowed=not self.state.job.active)
        if self.state.capabilities.home_command:
            await self._command(commands.home())
        else:
            await self._command(commands.home_gcode())

    async def jog(self, axis: str, distance: float) -> None:
        """Move an axis (x, y or z) by a distance within 100 mm either way.

        x moves right and y away from the front with positive distances, as on the printer's
        screen; z is the gap between nozzle and bed on every model: positive moves them
        apart.  Only while idle or paused, and with the axis homed.
        """
        axis = axis.lower()
        if axis not in _FEED_RATE:
            raise InvalidValueError("axis", axis)
        self._check_range("distance", distance, _FARTHEST, "mm", minimum=-_FARTHEST)
        self._require("jog", allowed=not self.state.job.printing)
        if axis not in self.state.enclosure.homed:
            raise WrongStateError("jog", f"{axis} not homed")
        # On a bed slinger the bed moves in y: the other way round for the eye.
        inverted = axis == "y" and self.model.family in _BED_SLINGERS
        await self._command(
            commands.jog_gcode(
                axis.upper(), -distance if inverted else distance, _FEED_RATE[axis]
            )
        )

    async def extrude(self, length: float, tool: int | None = None) -> None:
        """Push filament out (or pull it, when negative), within 50 mm either way.

        Only while idle or paused, with at least 170 °C at the nozzle.
        """
        self._check_range(
            "length", length, _FARTHEST_EXTRUSION, "mm", minimum=-_FARTHEST_EXTRUSION
        )
        self._require("extrude", allowed=not self.state.job.printing)
        extruders = self.state.capabilities.extruders
        number = (self.state.extruders.active or 0) if tool is None else tool
        if number not in range(extruders):
            raise InvalidValueError("tool", number)
        nozzles = self.state.temperatures.nozzles
        current = nozzles[number].current if number < len(nozzles) else None
        if current is None or current < _EXTRUDE_FROM:
            raise OutOfRangeError(
                "nozzle temperature",
                current or 0,
                _EXTRUDE_FROM,
                self.state.capabilities.nozzle_max,
                "°C",
            )
        if extruders > 1:
            await self._command(commands.extrude(number, round(length)))
        else:
            await self._command(commands.extrude_gcode(length))

    async def send_gcode(self, gcode: str) -> dict[str, Any]:
        """Send lines of G-code and return the acknowledgement.

        For experts: wrong G-code can damage the printer, and it acknowledges whatever it
        is sent.  While a job is printing only targets, fans and lamps can be set.
        """
        lines = [line.strip() for line in gcode.splitlines() if line.strip()]
        whole = "\n".join(lines)
        if (
            not lines
            or not whole.isascii()
            or len(whole) > _LONGEST_GCODE
            or any(
                len(line) > _LONGEST_LINE or not line.isprintable() for line in lines
            )
        ):
            raise InvalidValueError("G-code", gcode[:_LONGEST_LINE])
        words = {line.split()[0].upper() for line in lines}
        if self.state.job.printing and not words <= _WHILE_PRINTING:
            raise WrongStateError("gcode_line", "printing")
        return await self._command(commands.gcode(*lines))

    async def send_anything(self, message: str | Mapping[str, Any]) -> dict[str, Any]:
        """Send a request of one's own and return the acknowledgement.

        For experts.  The message is an object, or its JSON, with one known section that
        has a ``command``; its sequence number is ours to give.
        """
        try:
            parsed = (
                orjson.loads(message) if isinstance(message, str) else dict(message)
            )
            ((section, body),) = parsed.items()
            command = Command(section, {**body})
        except (ValueError, TypeError, AttributeError) as err:
            raise InvalidValueError("message", str(message)[:_LONGEST_LINE]) from err
        name = command.body.get("command")
        if section not in _SECTIONS or not isinstance(name, str) or not name:
            raise InvalidValueError("message", str(message)[:_LONGEST_LINE])
        command.body.pop("sequence_id", None)
        if section == "pushing":
            # Reports are the only answer to these.
            await self._send(command)
            return {}
        return await self._command(command)

    def _error(self, command: str) -> int:
        error = self.state.errors.print_error
        if not error:
            raise WrongStateError(command, "no error")
        return error
