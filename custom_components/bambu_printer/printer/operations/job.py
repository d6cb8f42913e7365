"""The running job."""

from collections.abc import Sequence

from .. import commands
from ..errors import InvalidValueError
from ..skipping import object_numbers
from ..state.job import SPEED_LEVELS, GcodeState, SpeedLevel
from .base import Operations


class JobOperations(Operations):
    """Pause, resume, stop, and how fast."""

    async def pause_printing(self) -> None:
        """Pause the running job."""
        self._require("pause", allowed=self.state.job.printing)
        await self._command(commands.pause())

    async def resume_printing(self) -> None:
        """Go on with the paused job."""
        self._require("resume", allowed=self.state.job.gcode_state is GcodeState.PAUSE)
        await self._command(commands.resume())

    async def stop_printing(self) -> None:
        """Cancel the job.  There is no way back."""
        self._require("stop", allowed=self.state.job.active)
        await self._command(commands.stop())

    def object_numbers(self, objects: Sequence[int | str]) -> list[int]:
        """Return the numbers of objects of the running job, by number or name.

        See `skipping.object_numbers`, also for the errors.
        """
        return object_numbers(
            objects, self.state.project.plate, self.state.job.skipped_objects
        )

    async def skip_objects(self, objects: Sequence[int | str]) -> None:
        """Leave out objects of the running job, by numbers or names in the sliced file.

        They are added to those that are skipped already; there is no way back.  While the
        file of the job is not known (see `set_job_project`) only numbers are taken, and
        none of them can be checked.
        """
        self._require(
            "skip_objects",
            allowed=self.state.job.gcode_state
            in (GcodeState.RUNNING, GcodeState.PAUSE),
        )
        await self._command(commands.skip_objects(self.object_numbers(objects)))

    @property
    def speed_level(self) -> SpeedLevel | None:
        """The speed profile; None when it is not known."""
        return self.state.job.speed_level

    async def set_speed_level(self, level: SpeedLevel) -> None:
        """Choose the speed profile of the running job; the next one starts as standard."""
        number = next((n for n, name in SPEED_LEVELS.items() if name == level), None)
        if number is None:
            raise InvalidValueError("speed level", level)
        self._require("print_speed", allowed=self.state.job.active)
        await self._command(commands.print_speed(number))
