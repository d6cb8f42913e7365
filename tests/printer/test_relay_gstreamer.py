"""The live view from a server that is not ours: GStreamer's, where the system has it.

On Debian: apt-get install python3-gi gir1.2-gst-rtsp-server-1.0 gstreamer1.0-plugins-good
gstreamer1.0-plugins-ugly glib-networking
"""

import asyncio
from collections.abc import AsyncIterator
from functools import cache
from pathlib import Path
import subprocess

import pytest

from custom_components.bambu_printer.printer.errors import CameraRefusedError
from custom_components.bambu_printer.printer.relay import RtspRelay
from custom_components.bambu_printer.printer.session import Endpoint
from virtual_printer.certificates import identity

from .test_camera import until
from .test_relay import Player

SERVER = Path(__file__).parents[1] / "gstreamer" / "server.py"
PYTHON = "/usr/bin/python3"
SERIAL = "00M09D4C1708342"
CODE = "s3cret12"
_PROBE = """
import gi
gi.require_version("GstRtspServer", "1.0")
from gi.repository import Gio, Gst, GstRtspServer
Gst.init(None)
assert all(map(Gst.ElementFactory.find, ("x264enc", "rtph264pay", "videotestsrc")))
assert Gio.TlsBackend.get_default().supports_tls()
"""


@cache
def _missing() -> bool:
    try:
        found = subprocess.run([PYTHON, "-c", _PROBE], capture_output=True, check=False)
    except OSError:
        return True
    return found.returncode != 0


pytestmark = [
    pytest.mark.usefixtures("socket_enabled"),
    pytest.mark.skipif(_missing(), reason="GStreamer's RTSP server is not installed"),
]


@pytest.fixture
async def port(tmp_path: Path) -> AsyncIterator[int]:
    who = identity(SERIAL)
    (tmp_path / "certificate.pem").write_text(who.certificate_pem)
    (tmp_path / "key.pem").write_bytes(who.key_pem)
    process = await asyncio.create_subprocess_exec(
        PYTHON,
        str(SERVER),
        str(tmp_path / "certificate.pem"),
        str(tmp_path / "key.pem"),
        CODE,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield int(await asyncio.wait_for(process.stdout.readline(), 20))
    finally:
        process.stdin.close()
        await asyncio.wait_for(process.wait(), 10)


def relay_for(port: int, code: str) -> RtspRelay:
    return RtspRelay(
        Endpoint(
            host="127.0.0.1",
            serial=SERIAL,
            access_code=code,
            # Only the server's own certificate is presented, as some printers do.
            pin=identity(SERIAL).certificate_pem,
            camera_port=port,
        )
    )


async def test_live_view(port: int) -> None:
    relay = relay_for(port, CODE)
    player = Player(await relay.url())
    await until(lambda: len(player.frames) > 20, 30)
    await player.finish()
    assert player.error is None
    assert set(player.frames) == {(640, 360)}
    assert relay.error is None
    await relay.close()


async def test_wrong_code(port: int) -> None:
    relay = relay_for(port, "wrong")
    player = Player(await relay.url())
    await player.finish()
    assert isinstance(relay.error, CameraRefusedError)
    await relay.close()
