"""What the camera records, and how sharp."""

from .. import commands
from ..errors import UnsupportedError
from ..state.camera import Resolution
from .base import Operations


class CameraOperations(Operations):
    """The settings of the camera."""

    @property
    def can_choose_resolution(self) -> bool:
        """Whether the camera has more than one resolution to choose from."""
        return self.model.resolutions and self.state.camera.resolution is not None

    async def set_camera_recording(self, *, enabled: bool) -> None:
        """Choose whether the camera records onto the card while printing."""
        if self.state.camera.recording is None:
            raise UnsupportedError("camera recording", self.model.key)
        await self._command(commands.set_camera_recording(enabled=enabled))

    async def set_timelapse(self, *, enabled: bool) -> None:
        """Choose whether prints get a timelapse; a running one keeps what it was started with."""
        if self.state.camera.timelapse is None:
            raise UnsupportedError("timelapse", self.model.key)
        await self._command(commands.set_timelapse(enabled=enabled))

    async def set_camera_resolution(self, resolution: Resolution) -> None:
        """Choose the resolution of recordings and the live view."""
        if not self.can_choose_resolution:
            raise UnsupportedError("choice of resolutions", self.model.key)
        await self._command(commands.set_camera_resolution(resolution))
