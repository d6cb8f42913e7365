"""The camera's settings; its pictures come another way."""

from dataclasses import dataclass
from enum import StrEnum

from ..values import Raw, bit, bits, flag, mapping, text
from .context import Context

INPUTS = frozenset({"cfg", "ipcam"})

_RECORD_BIT = 3
_RESOLUTION_BIT = 4
_TIMELAPSE_BIT = 5
_OFF = frozenset({"", "disable"})


class Resolution(StrEnum):
    """The resolutions there are."""

    P720 = "720p"
    P1080 = "1080p"


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraState:
    """Settings of the camera.  None: no such setting, or never reported."""

    present: bool | None = None
    recording: bool | None = None
    """Whether it records while printing."""
    timelapse: bool | None = None
    resolution: Resolution | None = None
    live_view: bool | None = None
    """Whether the RTSP server is switched on, on printers that have one."""


def decode(raw: Raw, previous: CameraState, context: Context) -> CameraState:
    """Read the settings; the object is kept up to date beside the newer bits."""
    ipcam = mapping(raw.get("ipcam"))
    cfg = bits(raw.get("cfg"), None)
    url = text(ipcam.get("rtsp_url"), None)
    return CameraState(
        present=flag(ipcam.get("ipcam_dev"), previous.present),
        recording=flag(ipcam.get("ipcam_record"), bit(cfg, _RECORD_BIT)),
        timelapse=flag(ipcam.get("timelapse"), bit(cfg, _TIMELAPSE_BIT)),
        resolution=_resolution(ipcam, cfg),
        live_view=_live_view(url),
    )


def _live_view(url: str | None) -> bool | None:
    """Tell from the address; what is neither one nor a known word tells nothing."""
    if url in _OFF:
        return False
    return True if url and url.startswith("rtsps://") else None


def _resolution(ipcam: Raw, cfg: int | None) -> Resolution | None:
    try:
        return Resolution(text(ipcam.get("resolution"), ""))
    except ValueError:
        high = bit(cfg, _RESOLUTION_BIT)
        return None if high is None else Resolution.P1080 if high else Resolution.P720
