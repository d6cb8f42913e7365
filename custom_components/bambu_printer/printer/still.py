"""Still images from a live view."""

import asyncio
from fractions import Fraction
from typing import Any

from .errors import CameraError
from .relay import RtspRelay

STILL_AGE = 5.0
"""Seconds for which a picture is shown again to who asks for one."""
STILL_TIMEOUT = 15.0
"""Seconds; a player begins with the next complete picture, which may take some."""
_OPTIONS = {
    "rtsp_transport": "tcp",
    # Less is too little for some firmware, and more makes everybody wait.
    "probesize": "1000000",
    "analyzeduration": "500000",
}


class StillTaker:
    """Takes one picture at a time, and gives it to all who wait for one."""

    def __init__(self, relay: RtspRelay) -> None:
        """Know where the pictures come from."""
        self._relay = relay
        self._lock = asyncio.Lock()
        self._picture = b""
        self._time = float("-inf")

    async def still(self, max_age: float = STILL_AGE) -> bytes:
        """Return a picture (JPEG) that is at most `max_age` seconds old.

        Raises a `PrinterConnectionError` or a `CameraError` that says why there is none.
        """
        loop = asyncio.get_running_loop()
        asked = loop.time()
        async with self._lock:
            # One that was taken while we waited is as good as it gets.
            if self._time < min(loop.time() - max_age, asked):
                try:
                    url = await self._relay.url(still=True)
                    self._picture = await loop.run_in_executor(None, _grab, url)
                except (OSError, ImportError) as err:
                    reason = self._relay.error or CameraError("no picture")
                    raise reason from err
                self._time = loop.time()
            return self._picture


def _grab(url: str) -> bytes:
    """Fetch the next complete picture.

    Raises ``OSError`` when there is none, and ``ImportError`` without PyAV, which comes
    with Home Assistant's own streams.
    """
    import av  # noqa: PLC0415

    try:
        with av.open(url, options=_OPTIONS, timeout=STILL_TIMEOUT) as container:
            stream = container.streams.video[0]
            stream.codec_context.skip_frame = "NONKEY"
            for frame in container.decode(stream):
                return _jpeg(av, frame)
    except (av.FFmpegError, IndexError, ValueError) as err:
        raise OSError("no picture") from err
    raise OSError("no picture")


def _jpeg(av: Any, frame: Any) -> bytes:
    codec = av.CodecContext.create("mjpeg", "w")
    codec.width, codec.height = frame.width, frame.height
    codec.pix_fmt = "yuvj420p"
    codec.time_base = Fraction(1, 25)
    codec.options = {"qscale": "3"}
    picture = frame.reformat(format="yuvj420p")
    picture.pts = 0
    return b"".join(bytes(packet) for packet in codec.encode(picture))
