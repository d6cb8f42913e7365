"""The camera: one entity that is always there, and says why it shows nothing."""

import asyncio
from collections.abc import Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, override

from aiohttp import web
from homeassistant.components.camera import (
    Camera,
    CameraEntityDescription,
    CameraEntityFeature,
    async_get_still_stream,
)
from homeassistant.components.stream import (
    CONF_RTSP_TRANSPORT,
    CONF_USE_WALLCLOCK_AS_TIMESTAMPS,
    Stream,
)
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .coordinator import BambuConfigEntry, PrinterCoordinator
from .entity import (
    Part,
    PartEntityDescription,
    PrinterEntity,
    WholePrinter,
    async_add_part_entities,
)
from .helpers import translated_errors
from .printer import BambuError
from .printer.errors import (
    CameraOffError,
    CameraRefusedError,
    CameraReleasedError,
    CameraSilentError,
    CertificateChangedError,
    NotConnectedError,
)
from .printer.models import Camera as CameraKind
from .printer.printer import ServiceState

# Viewers share one connection.
PARALLEL_UPDATES = 0

ATTR_REASON: Final = "reason"
_BOUNDARY: Final = "bambu-printer-frame"
_NEXT_PART: Final = f"--{_BOUNDARY}\r\nContent-Type: image/jpeg\r\n\r\n".encode()
_PATIENCE: Final = 60.0
"""Seconds after which a viewer who takes nothing is sent away: the camera works for him."""
_LOOK_INTERVAL: Final = 3.0
"""Seconds after which it is noticed that a viewer has gone while there are no frames."""


class Reason(StrEnum):
    """Why the camera shows nothing."""

    BUSY = "busy"
    """It accepts us, but sends nothing: mostly somebody else is watching."""
    CERTIFICATE_CHANGED = "certificate_changed"
    LIVE_VIEW_OFF = "live_view_off"
    """It is switched off on the printer's screen."""
    NONE = "none"
    """It shows something, or would if somebody looked."""
    OFFLINE = "offline"
    """The printer cannot be reached."""
    REFUSED = "refused"
    RELEASED = "released"
    """Home Assistant has been told to leave the printer alone."""
    UNREACHABLE = "unreachable"
    """The printer can be reached, but its camera cannot."""


_KNOWN: Final[Mapping[Reason, type[BambuError]]] = {
    Reason.LIVE_VIEW_OFF: CameraOffError,
    Reason.OFFLINE: NotConnectedError,
    Reason.RELEASED: CameraReleasedError,
}
"""What is known to be in the way without trying."""


@dataclass(frozen=True, kw_only=True)
class PrinterCameraDescription(PartEntityDescription, CameraEntityDescription):
    """Describes a camera."""


CAMERAS: tuple[PrinterCameraDescription, ...] = (
    PrinterCameraDescription(
        key="camera",
        sections=("camera", "capabilities"),
        exists_fn=lambda printer, _: printer.camera_kind is not None,
        value_fn=lambda state: state.camera.live_view,
    ),
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: BambuConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Set up the camera of a printer."""
    async_add_part_entities(
        entry, async_add_entities, {WholePrinter: CAMERAS}, PrinterCamera
    )


class PrinterCamera(PrinterEntity, Camera):
    """The camera of a printer.

    It is available even while the printer is not: a dashboard then shows the reason
    instead of an error.
    """

    entity_description: PrinterCameraDescription

    def __init__(
        self,
        coordinator: PrinterCoordinator,
        part: Part,
        description: PrinterCameraDescription,
    ) -> None:
        """Choose how its pictures are shown."""
        super().__init__(coordinator, part, description)
        Camera.__init__(self)
        self._live = self.printer.camera_kind is CameraKind.RTSPS
        if self._live:
            self._attr_supported_features = CameraEntityFeature.STREAM
            self.stream_options = {
                CONF_RTSP_TRANSPORT: "tcp",
                # The time stamps of some firmware stand still.
                CONF_USE_WALLCLOCK_AS_TIMESTAMPS: True,
            }
        self._shown = self._facts

    @property
    @override
    def available(self) -> bool:
        """It always is: it has something to say."""
        return True

    @property
    @override
    def is_streaming(self) -> bool:
        """Return whether somebody watches, and pictures arrive."""
        return self.printer.camera.streaming

    @property
    def reason(self) -> Reason:
        """Why it shows nothing."""
        printer = self.printer
        if printer.service_state is ServiceState.PAUSED:
            return Reason.RELEASED
        if not printer.available:
            return Reason.OFFLINE
        # Old news must not hide that it has been switched on.
        if self._live and printer.state.camera.live_view is False:
            return Reason.LIVE_VIEW_OFF
        match printer.camera.error:
            case None:
                return Reason.NONE
            case CameraOffError() if not printer.state.camera.live_view:
                return Reason.LIVE_VIEW_OFF
            case CameraRefusedError():
                return Reason.REFUSED
            case CameraSilentError():
                return Reason.BUSY
            case CertificateChangedError():
                return Reason.CERTIFICATE_CHANGED
        return Reason.UNREACHABLE

    @property
    @override
    def extra_state_attributes(self) -> Mapping[str, Any]:
        """Return why it shows nothing."""
        return {ATTR_REASON: self.reason}

    @property
    def _facts(self) -> tuple[Reason, bool]:
        return self.reason, self.is_streaming

    @override
    async def async_camera_image(
        self, width: int | None = None, height: int | None = None
    ) -> bytes | None:
        """Return a still image."""
        self._check()
        with translated_errors():
            return await self.printer.camera_image()

    @override
    async def handle_async_mjpeg_stream(
        self, request: web.Request
    ) -> web.StreamResponse | None:
        """Send frames as they come; who is slow gets the newest."""
        if self.reason in _KNOWN:
            return None
        if self._live:
            return await super().handle_async_mjpeg_stream(request)
        response = web.StreamResponse()
        response.content_type = f"multipart/x-mixed-replace; boundary={_BOUNDARY}"
        await response.prepare(request)
        sending = asyncio.ensure_future(self._send_frames(response))
        try:
            # Without frames nothing is written, and nobody would see that he has gone.
            while request.transport and not request.transport.is_closing():
                done, _ = await asyncio.wait((sending,), timeout=_LOOK_INTERVAL)
                if done:
                    break
        finally:
            sending.cancel()
            with suppress(asyncio.CancelledError, ConnectionError, TimeoutError):
                await sending
        return response

    @override
    async def handle_async_still_stream(
        self, request: web.Request, interval: float
    ) -> web.StreamResponse:
        """Send still images for as long as there are any."""

        async def next_image() -> bytes | None:
            # Nobody but the log would hear of an error in the middle of an answer.
            with suppress(HomeAssistantError):
                return await self.async_camera_image()
            return None

        return await async_get_still_stream(
            request, next_image, self.content_type, interval
        )

    async def _send_frames(self, response: web.StreamResponse) -> None:
        await response.write(_NEXT_PART)
        async with aclosing(self.printer.jpeg_camera.frames()) as frames:
            async for frame in frames:
                async with asyncio.timeout(_PATIENCE):
                    # Browsers show a picture when the next one has begun: so it does at
                    # once.
                    await response.write(frame + b"\r\n" + _NEXT_PART)

    @override
    async def stream_source(self) -> str | None:
        """Return where players on this machine find the stream; no secret is in there."""
        if not self._live:
            return None
        with translated_errors():
            return await self.printer.live_view.url()

    @override
    async def async_create_stream(self) -> Stream | None:
        """Make the stream that Home Assistant plays, or say why there is none."""
        self._check()
        return await super().async_create_stream()

    def _check(self) -> None:
        """Raise what is known to be in the way."""
        if error := _KNOWN.get(self.reason):
            with translated_errors():
                raise error

    @override
    async def async_added_to_hass(self) -> None:
        """Watch what can be a reason."""
        await super().async_added_to_hass()
        camera = self.printer.camera
        camera.on_change = self._on_change

        @callback
        def forget() -> None:
            camera.on_change = None

        self.async_on_remove(forget)
        self.async_on_remove(
            self.coordinator.async_watch(
                self.entity_description.sections,
                self.entity_description.value_fn,
                lambda _: self._on_change(),
            )
        )
        self._shown = self._facts

    @override
    async def async_will_remove_from_hass(self) -> None:
        """End the stream: its address ends with the session."""
        await super().async_will_remove_from_hass()
        if stream := self.stream:
            for provider in stream.outputs().values():
                await stream.remove_provider(provider)
            await stream.stop()

    @callback
    @override
    def _handle_coordinator_update(self) -> None:
        self._on_change()

    @callback
    def _on_change(self) -> None:
        if self._facts != self._shown:
            self._shown = self._facts
            self.async_write_ha_state()
