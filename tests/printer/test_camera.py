"""The camera of the small printers, over real sockets."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing
import io
import struct
from unittest.mock import patch

from PIL import Image
import pytest

from custom_components.bambu_printer.printer import camera as module
from custom_components.bambu_printer.printer.camera import JpegCamera, login_packet
from custom_components.bambu_printer.printer.errors import (
    CameraError,
    CameraRefusedError,
    CameraSilentError,
    CertificateChangedError,
    PortRefusedError,
)
from custom_components.bambu_printer.printer.session import Endpoint
from virtual_printer import VirtualPrinter

pytestmark = pytest.mark.usefixtures("socket_enabled")


def endpoint_of(printer: VirtualPrinter, **changes: object) -> Endpoint:
    facts: dict[str, object] = {
        "host": "127.0.0.1",
        "serial": printer.serial,
        "access_code": printer.access_code,
        "pin": printer.ca_pem,
        "camera_port": printer.camera_port,
    }
    return Endpoint(**facts | changes)  # type: ignore[arg-type]


@pytest.fixture
async def printer() -> AsyncIterator[VirtualPrinter]:
    async with VirtualPrinter(
        "P1S",
        autostart_reports=False,
        detect_port=None,
        ftps_port=None,
        camera_interval=0.05,
    ) as virtual:
        yield virtual


@pytest.fixture
async def camera(printer: VirtualPrinter) -> AsyncIterator[JpegCamera]:
    with patch.object(module, "VIEWER_LINGER", 0.2):
        seen = JpegCamera(endpoint_of(printer))
        yield seen
        await seen.pause()


@pytest.fixture
def impatient_camera() -> Iterator[None]:
    """Recover after fractions of the seconds."""
    with (
        patch.object(module, "FRAME_TIMEOUT", 0.6),
        patch.object(module, "FIRST_FRAME_TIMEOUT", 0.6),
        patch.object(module, "_FIRST_DELAY", 0.05),
    ):
        yield


async def until(condition: Callable[[], object], seconds: float = 10) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)


async def take(camera: JpegCamera, count: int) -> list[bytes]:
    found: list[bytes] = []
    async with aclosing(camera.frames()) as frames:
        async for frame in frames:
            found.append(frame)
            if len(found) == count:
                break
    return found


def test_login_packet() -> None:
    packet = login_packet("12345678")
    assert len(packet) == 80
    assert packet[:16] == bytes.fromhex("40000000003000000000000000000000")
    assert packet[16:48] == b"bblp".ljust(32, b"\0")
    assert packet[48:] == b"12345678".ljust(32, b"\0")


async def test_frames_are_pictures_and_each_is_new(
    printer: VirtualPrinter, camera: JpegCamera
) -> None:
    loop = asyncio.get_running_loop()
    start = loop.time()
    frames = await take(camera, 3)
    # The issue of 1.5 s to the first frame, with two more.
    assert loop.time() - start < 3
    assert len(set(frames)) == 3
    assert Image.open(io.BytesIO(frames[0])).size == (1280, 720)


async def test_ten_viewers_share_one_connection_that_ends_with_the_last(
    printer: VirtualPrinter, camera: JpegCamera
) -> None:
    assert printer.camera.connections == 0
    found = await asyncio.gather(*(take(camera, 4) for _ in range(10)))
    assert all(len(frames) == 4 for frames in found)
    assert (printer.camera.connections, printer.camera.most) == (1, 1)
    assert camera.viewers == 0
    await until(lambda: printer.camera.open == 0)
    assert not camera.streaming
    assert camera.error is None
    sent = printer.camera.frames
    await asyncio.sleep(0.2)
    assert printer.camera.frames == sent


async def test_viewer_who_comes_while_it_is_being_closed(
    printer: VirtualPrinter, camera: JpegCamera
) -> None:
    with patch.object(module, "VIEWER_LINGER", 0):
        for _ in range(5):
            assert len(await take(camera, 1)) == 1
            await asyncio.sleep(0)
    assert printer.camera.most == 1


async def test_slow_viewer_gets_the_newest_frame(
    printer: VirtualPrinter, camera: JpegCamera
) -> None:
    async with aclosing(camera.frames()) as frames:
        await anext(frames)
        before = printer.camera.frames
        await until(lambda: printer.camera.frames > before + 5)
        frame = await anext(frames)
        assert frame is camera._frame


async def test_stills_share_a_stream(
    printer: VirtualPrinter, camera: JpegCamera
) -> None:
    with patch.object(module, "STILL_LINGER", 0.3):
        stills = await asyncio.gather(*(camera.still() for _ in range(5)))
        assert len(set(stills)) == 1
        async with aclosing(camera.frames()) as frames:
            frame = await anext(frames)
            assert await camera.still() is not None
            assert frame.startswith(b"\xff\xd8")
        assert printer.camera.connections == 1
        await until(lambda: printer.camera.open == 0)
        # Frames of an earlier time are no answer; the last one may just have come.
        await asyncio.sleep(0.06)
        assert await camera.still(max_age=0.05)
        assert printer.camera.connections == 2


async def test_polls_of_a_dashboard_share_a_connection(
    printer: VirtualPrinter, camera: JpegCamera
) -> None:
    assert module.STILL_LINGER > 10
    for _ in range(3):
        await camera.still(max_age=0.01)
        await asyncio.sleep(0.05)
    assert printer.camera.connections == 1


@pytest.mark.usefixtures("impatient_camera")
async def test_stalled_stream_comes_back(
    printer: VirtualPrinter, camera: JpegCamera
) -> None:
    async with aclosing(camera.frames()) as frames:
        await anext(frames)
        printer.faults.camera_stall = True
        await until(lambda: isinstance(camera.error, CameraSilentError))
        assert not camera.streaming
        await until(lambda: printer.camera.connections > 1)
        printer.faults.camera_stall = False
        await anext(frames)
        await anext(frames)
    assert camera.error is None
    assert printer.camera.most == 1


def test_stalled_stream_recovers_within_ten_seconds() -> None:
    assert module.FRAME_TIMEOUT + module._CLOSE_TIMEOUT + module._FIRST_DELAY < 8.5


@pytest.mark.usefixtures("impatient_camera")
async def test_dropped_connection_is_made_again(
    printer: VirtualPrinter, camera: JpegCamera
) -> None:
    async with aclosing(camera.frames()) as frames:
        for count in range(1, 4):
            await anext(frames)
            assert printer.camera.connections == count
            printer._camera.drop()
            # What has already arrived may be shown before the next connection.
            while printer.camera.connections == count:
                await anext(frames)
    assert printer.camera.most == 1


@pytest.mark.usefixtures("impatient_camera")
async def test_garbage_is_no_picture_and_no_sign_of_life(
    printer: VirtualPrinter, camera: JpegCamera
) -> None:
    printer.faults.camera_garbage = True
    with pytest.raises(CameraSilentError):
        await camera.still()
    assert camera.dropped
    printer.faults.camera_garbage = False
    assert len(await take(camera, 1)) == 1


@pytest.mark.usefixtures("impatient_camera")
async def test_announced_size_is_bounded(
    printer: VirtualPrinter, camera: JpegCamera
) -> None:
    printer.faults.camera_oversize = True
    with pytest.raises(CameraError, match="announces"):
        await camera.still()


async def test_wrong_code(printer: VirtualPrinter) -> None:
    camera = JpegCamera(endpoint_of(printer, access_code="87654321"))
    with pytest.raises(CameraRefusedError):
        await camera.still()
    assert printer.camera.refused == 1
    await camera.pause()


async def test_certificate_is_verified_before_the_code_is_sent(
    printer: VirtualPrinter,
) -> None:
    async with VirtualPrinter("P1S", autostart_reports=False) as other:
        await other.restart(new_certificate=True)
        camera = JpegCamera(endpoint_of(printer, pin=other.ca_pem))
        with pytest.raises(CertificateChangedError):
            await camera.still()
        await camera.pause()
    # The name counts as well.
    camera = JpegCamera(endpoint_of(printer, serial="01P00A000000000"))
    with pytest.raises(CertificateChangedError):
        await camera.still()
    await camera.pause()
    assert (printer.camera.connections, printer.camera.refused) == (0, 0)


async def test_pin_that_is_none(printer: VirtualPrinter) -> None:
    camera = JpegCamera(endpoint_of(printer, pin="nonsense"))
    with pytest.raises(CertificateChangedError):
        await camera.still()
    await camera.pause()


async def test_nobody_listens(printer: VirtualPrinter) -> None:
    changes = []
    camera = JpegCamera(endpoint_of(printer), on_change=lambda: changes.append(1))
    await printer.power_off()
    with pytest.raises(PortRefusedError):
        await camera.still()
    assert len(changes) == 1
    await camera.pause()


async def test_impatience_does_not_become_a_storm() -> None:
    """Whoever asks all the time makes it dial no more than twice a second."""
    dialled = 0

    async def accept(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        nonlocal dialled
        dialled += 1
        writer.transport.abort()

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    async with server, VirtualPrinter("P1S", autostart_reports=False) as printer:
        port = server.sockets[0].getsockname()[1]
        camera = JpegCamera(endpoint_of(printer, camera_port=port))
        loop = asyncio.get_running_loop()
        end = loop.time() + 1.2
        while loop.time() < end:
            with pytest.raises(Exception):  # noqa: B017, PT011
                await camera.still()
        await camera.pause()
        assert 1 <= dialled <= 4


async def test_memory_is_bounded_when_frames_come_faster_than_they_are_read() -> None:
    header = struct.pack("<IIII", module.MAX_FRAME_SIZE, 0, 1, 0)
    reader = asyncio.StreamReader(limit=module._BUFFER)
    reader.feed_data(
        header + b"\xff\xd8" + bytes(module.MAX_FRAME_SIZE - 4) + b"\xff\xd9"
    )
    frame = await module._read_frame(reader)
    assert frame is not None
    assert len(frame) == module.MAX_FRAME_SIZE
    reader.feed_data(struct.pack("<IIII", module.MAX_FRAME_SIZE + 1, 0, 1, 0))
    with pytest.raises(CameraError):
        await module._read_frame(reader)
