"""What the camera saw when the last job ended."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
import logging
from pathlib import Path
from typing import Final

from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback

from .coordinator import PrinterCoordinator, cache_folder
from .printer import BambuError, PrinterState
from .printer.state.job import GcodeState

_LOGGER = logging.getLogger(__name__)

MAX_SIZE: Final = 4 << 20
"""Bytes of a picture that is kept."""
_ENDED: Final = frozenset({GcodeState.IDLE, GcodeState.FINISH, GcodeState.FAILED})
_TRIES: Final = 3
_INTERVAL: Final = 5.0


def frame_path(hass: HomeAssistant, entry_id: str) -> Path:
    """Return where the picture of a printer is kept."""
    return cache_folder(hass, entry_id) / "last_frame.jpg"


async def async_snapshot(coordinator: PrinterCoordinator) -> bytes | None:
    """Return a picture that is taken now; None when the camera shows nothing."""
    try:
        picture = await coordinator.printer.camera_image(max_age=1)
    except BambuError as err:
        _LOGGER.debug("No picture: %s", err)
        return None
    return picture if len(picture) <= MAX_SIZE else None


class LastFrame:
    """Takes a picture whenever a job ends, and keeps the last one."""

    def __init__(self, coordinator: PrinterCoordinator) -> None:
        """Know the printer."""
        self._coordinator = coordinator
        self._path = frame_path(coordinator.hass, coordinator.config_entry.entry_id)
        self._task: asyncio.Task[None] | None = None
        self._active = coordinator.data.job.active
        self.taken: datetime | None = None
        """When the picture was taken; None: there is none."""

    async def async_start(self, update: Callable[[], None]) -> CALLBACK_TYPE:
        """Find the last picture, and watch for the next; return what ends it."""
        self.taken = await self._coordinator.hass.async_add_executor_job(
            _age, self._path
        )

        @callback
        def on_job(state: GcodeState | None) -> None:
            was_active, self._active = self._active, self._coordinator.data.job.active
            if was_active and state in _ENDED:
                stop()
                self._task = (
                    self._coordinator.config_entry.async_create_background_task(
                        self._coordinator.hass, self._take(update), "last frame"
                    )
                )

        @callback
        def stop() -> None:
            if self._task is not None:
                self._task.cancel()

        unwatch = self._coordinator.async_watch(("job",), _gcode_state, on_job)

        @callback
        def end() -> None:
            unwatch()
            stop()

        return end

    async def async_picture(self) -> bytes | None:
        """Return the picture."""
        if self.taken is None:
            return None
        hass = self._coordinator.hass
        return await hass.async_add_executor_job(_load, self._path)

    async def _take(self, update: Callable[[], None]) -> None:
        for attempt in range(_TRIES):
            if attempt:
                await asyncio.sleep(_INTERVAL)
            if picture := await async_snapshot(self._coordinator):
                await self._coordinator.hass.async_add_executor_job(
                    _save, self._path, picture
                )
                self.taken = datetime.now(UTC)
                update()
                return


def _gcode_state(state: PrinterState) -> GcodeState | None:
    return state.job.gcode_state


def _age(path: Path) -> datetime | None:
    try:
        return datetime.fromtimestamp(path.stat().st_mtime, UTC)
    except OSError:
        return None


def _load(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


def _save(path: Path, picture: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".part")
    fresh.write_bytes(picture)
    fresh.replace(path)
