"""The camera in Home Assistant, over real sockets and its real HTTP interface."""

import asyncio
from collections.abc import AsyncIterator, Callable
import io
from pathlib import Path
from typing import Any
from unittest.mock import patch

from aiohttp.test_utils import TestClient
import av
from homeassistant.components import camera as ha_camera
from homeassistant.components.camera import CameraEntityFeature
from homeassistant.const import ATTR_ENTITY_ID, EVENT_STATE_CHANGED
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.setup import async_setup_component
from PIL import Image
import pytest
from pytest_homeassistant_custom_component.typing import (
    ClientSessionGenerator,
    WebSocketGenerator,
)

from custom_components.bambu_printer.printer import camera as module, relay, still
from custom_components.bambu_printer.printer.errors import CameraError
from virtual_printer import VirtualPrinter

from .conftest import Rig, wait_until

JPEG = pytest.mark.parametrize("model", ["P1S"])
END = b"\r\n--bambu-printer-frame"
LIVE = pytest.mark.parametrize("model", ["X1C"])


@pytest.fixture(autouse=True)
def _quick_camera() -> Any:
    with (
        patch.object(module, "VIEWER_LINGER", 0.2),
        patch.object(module, "STILL_LINGER", 0.2),
        patch.object(relay, "LINGER", 0.1),
    ):
        yield


@pytest.fixture
async def printer(socket_enabled: None, model: str) -> AsyncIterator[VirtualPrinter]:
    async with VirtualPrinter(
        model=model, autostart_reports=False, camera_interval=0.1
    ) as virtual:
        yield virtual


def reason(rig: Rig) -> str:
    return str(rig.state("camera", "camera").attributes["reason"])


def source(rig: Rig) -> ha_camera.Camera:
    return ha_camera.get_camera_from_entity_id(
        rig.hass, rig.entity_id("camera", "camera")
    )


@JPEG
async def test_still_image(rig: Rig, hass_client: ClientSessionGenerator) -> None:
    client = await hass_client()
    path = f"/api/camera_proxy/{rig.entity_id('camera', 'camera')}"
    assert rig.printer.camera.connections == 0
    answers = await asyncio.gather(*(client.get(path) for _ in range(5)))
    for answer in answers:
        assert answer.status == 200
        assert answer.content_type == "image/jpeg"
        picture = Image.open(io.BytesIO(await answer.read()))
        assert picture.size == (1280, 720)
    assert rig.printer.camera.connections == 1
    await wait_until(rig.hass, lambda: rig.printer.camera.open == 0)
    await wait_until(rig.hass, lambda: rig.state("camera", "camera").state == "idle")


async def _parts(
    client: TestClient[Any, Any], path: str, count: int
) -> tuple[list[bytes], float]:
    """Read pictures out of a stream; return them, and when the first one came."""
    loop = asyncio.get_running_loop()
    start, first = loop.time(), 0.0
    found: list[bytes] = []
    async with client.get(path) as answer:
        assert answer.status == 200
        assert answer.content_type == "multipart/x-mixed-replace"
        while len(found) < count:
            part = await answer.content.readuntil(END)
            first = first or loop.time() - start
            found.append(part[part.index(b"\xff\xd8") : -len(END)])
    return found, first


@JPEG
async def test_ten_viewers_one_connection(
    rig: Rig, hass_client: ClientSessionGenerator
) -> None:
    client = await hass_client()
    path = f"/api/camera_proxy_stream/{rig.entity_id('camera', 'camera')}"
    viewers = [asyncio.ensure_future(_parts(client, path, 4)) for _ in range(10)]
    await wait_until(
        rig.hass, lambda: rig.state("camera", "camera").state == "streaming"
    )
    for found, first in await asyncio.gather(*viewers):
        assert first < 1.5
        assert len(set(found)) == 4
        assert all(item.endswith(b"\xff\xd9") for item in found)
        assert Image.open(io.BytesIO(found[0])).size == (1280, 720)
    assert (rig.printer.camera.connections, rig.printer.camera.most) == (1, 1)
    await wait_until(rig.hass, lambda: rig.printer.camera.open == 0)
    await wait_until(rig.hass, lambda: rig.state("camera", "camera").state == "idle")


@JPEG
async def test_stalled_stream_recovers_within_ten_seconds(
    rig: Rig, hass_client: ClientSessionGenerator
) -> None:
    """Here half as patient as usual, as other tests load this machine."""
    client = await hass_client()
    path = f"/api/camera_proxy_stream/{rig.entity_id('camera', 'camera')}"
    loop = asyncio.get_running_loop()
    with patch.object(module, "FRAME_TIMEOUT", module.FRAME_TIMEOUT / 2):
        async with client.get(path) as answer:
            await answer.content.readuntil(END)
            rig.printer.faults.camera_stall = True
            start = loop.time()
            await wait_until(rig.hass, lambda: reason(rig) == "busy", 9)
            rig.printer.faults.camera_stall = False
            while rig.printer.camera.connections < 2:
                await answer.content.readuntil(END)
            assert loop.time() - start < 10
            await wait_until(rig.hass, lambda: reason(rig) == "none")
    assert rig.printer.camera.most == 1


@JPEG
async def test_viewer_who_goes_while_there_are_no_frames(
    rig: Rig, hass_client: ClientSessionGenerator
) -> None:
    rig.printer.faults.camera_stall = True
    client = await hass_client()
    path = f"/api/camera_proxy_stream/{rig.entity_id('camera', 'camera')}"
    camera = rig.entry.runtime_data.printer.jpeg_camera
    with patch("custom_components.bambu_printer.camera._LOOK_INTERVAL", 0.1):
        async with client.get(path):
            await wait_until(rig.hass, lambda: rig.printer.camera.open == 1)
            assert camera.viewers == 1
        await wait_until(rig.hass, lambda: camera.viewers == 0)
    await wait_until(rig.hass, lambda: rig.printer.camera.open == 0)


@JPEG
async def test_viewer_who_does_not_read_is_sent_away(
    rig: Rig, hass_client: ClientSessionGenerator
) -> None:
    client = await hass_client()
    path = f"/api/camera_proxy_stream/{rig.entity_id('camera', 'camera')}"
    camera = rig.entry.runtime_data.printer.jpeg_camera
    huge = b"\xff\xd8" + bytes(3 << 20) + b"\xff\xd9"
    with (
        patch("custom_components.bambu_printer.camera._PATIENCE", 0.3),
        patch("virtual_printer.camera.camera_frames", lambda _: [huge]),
    ):
        async with client.get(path):
            await wait_until(rig.hass, lambda: camera.viewers == 1)
            await wait_until(rig.hass, lambda: camera.viewers == 0)
    await wait_until(rig.hass, lambda: rig.printer.camera.open == 0)


@JPEG
async def test_five_viewers_while_it_is_reloaded(
    rig: Rig, hass_client: ClientSessionGenerator
) -> None:
    """All are told that it is over, and what comes then shows it again."""
    client = await hass_client()
    path = f"/api/camera_proxy_stream/{rig.entity_id('camera', 'camera')}"
    answers = [await client.get(path) for _ in range(5)]
    for answer in answers:
        await answer.content.readuntil(END)
    connections = rig.printer.camera.connections
    assert await rig.hass.config_entries.async_reload(rig.entry.entry_id)
    async with asyncio.timeout(10):
        for answer in answers:
            await answer.content.read()
    await wait_until(rig.hass, lambda: rig.printer.camera.open == 0)
    assert rig.printer.camera.connections == connections
    async with client.get(path) as answer:
        await answer.content.readuntil(END)
        assert rig.printer.camera.open == 1
    await wait_until(rig.hass, lambda: rig.printer.camera.open == 0)


@pytest.mark.parametrize("model", ["P1S", "X1C"])
@pytest.mark.usefixtures("quick")
async def test_printer_that_goes_while_somebody_watches(
    rig: Rig, hass_client: ClientSessionGenerator, caplog: pytest.LogCaptureFixture
) -> None:
    """It is an answer that ends, and not an error in the log."""
    client = await hass_client()
    path = f"/api/camera_proxy_stream/{rig.entity_id('camera', 'camera')}"
    async with client.get(path) as answer, client.get(f"{path}?interval=0.5") as stills:
        for viewer in (answer, stills):
            await viewer.content.readuntil(b"\xff\xd9")
        await rig.entry.runtime_data.printer.pause_session()
        async with asyncio.timeout(10):
            for viewer in (answer, stills):
                await viewer.content.read()
    assert (await client.get(path)).status == 502
    assert "Error handling request" not in caplog.text


@JPEG
@pytest.mark.usefixtures("quick")
async def test_why_it_shows_nothing(
    rig: Rig, hass_client: ClientSessionGenerator
) -> None:
    client = await hass_client()
    path = f"/api/camera_proxy/{rig.entity_id('camera', 'camera')}"
    assert reason(rig) == "none"
    rig.printer.faults.camera_refuse_login = True
    assert (await client.get(path)).status == 500
    await wait_until(rig.hass, lambda: reason(rig) == "refused")
    rig.printer.faults.camera_refuse_login = False
    assert (await client.get(path)).status == 200
    await wait_until(rig.hass, lambda: reason(rig) == "none")

    await rig.entry.runtime_data.printer.pause_session()
    await wait_until(rig.hass, lambda: reason(rig) == "released")
    with pytest.raises(HomeAssistantError) as caught:
        await source(rig).async_camera_image()
    assert caught.value.translation_key == "camera_released"
    assert rig.printer.camera.open == 0
    await rig.entry.runtime_data.printer.resume_session()
    await wait_until(rig.hass, lambda: reason(rig) == "none")

    await rig.printer.power_off()
    await wait_until(rig.hass, lambda: reason(rig) == "offline")
    with pytest.raises(HomeAssistantError) as caught:
        await source(rig).async_camera_image()
    assert caught.value.translation_key == "not_connected"
    assert rig.state("camera", "camera").state == "idle"
    # What was wrong before is no news of the printer that is back.
    rig.entry.runtime_data.printer.jpeg_camera.error = CameraError()
    await rig.printer.power_on()
    await wait_until(rig.hass, lambda: reason(rig) == "none")


@JPEG
async def test_unloading_ends_what_is_watched(
    rig: Rig, hass_client: ClientSessionGenerator
) -> None:
    client = await hass_client()
    path = f"/api/camera_proxy_stream/{rig.entity_id('camera', 'camera')}"
    async with client.get(path) as answer:
        await answer.content.readuntil(b"\r\n\r\n")
        assert await rig.hass.config_entries.async_unload(rig.entry.entry_id)
        async with asyncio.timeout(5):
            await answer.content.read()
    await wait_until(rig.hass, lambda: rig.printer.camera.open == 0)


# Live view


def _first_frame(url: str, options: dict[str, str]) -> tuple[int, int]:
    with av.open(url, options=options, timeout=20) as container:
        frame = next(container.decode(video=0))
        return frame.width, frame.height


@LIVE
async def test_what_home_assistant_plays(
    rig: Rig, hass: HomeAssistant, caplog: pytest.LogCaptureFixture
) -> None:
    """FFmpeg opens exactly the address and options that Home Assistant would give it."""
    assert await async_setup_component(hass, "stream", {})
    entity = source(rig)
    assert entity.supported_features == CameraEntityFeature.STREAM
    stream = await entity.async_create_stream()
    assert stream
    assert isinstance(stream.source, str)
    assert stream.source.startswith("rtsp://127.0.0.1:")
    assert rig.printer.access_code not in stream.source
    assert rig.printer.serial not in stream.source
    assert stream.pyav_options["rtsp_transport"] == "tcp"
    size = await hass.async_add_executor_job(
        _first_frame, stream.source, dict(stream.pyav_options)
    )
    assert size == (1280, 720)
    assert rig.printer.camera.most == 1
    await wait_until(hass, lambda: rig.printer.camera.open == 0)
    assert rig.printer.access_code not in caplog.text


@LIVE
async def test_still_image_is_no_streaming(
    rig: Rig, hass: HomeAssistant, hass_client: ClientSessionGenerator
) -> None:
    """A dashboard that shows one every ten seconds leaves no trace in the history."""
    entity_id = rig.entity_id("camera", "camera")
    states = {rig.state("camera", "camera").state}
    hass.bus.async_listen(
        EVENT_STATE_CHANGED,
        lambda event: (
            states.add(event.data["new_state"].state)
            if event.data["entity_id"] == entity_id
            else None
        ),
    )
    client = await hass_client()
    answer = await client.get(f"/api/camera_proxy/{entity_id}")
    assert answer.status == 200
    assert rig.printer.camera.most == 1
    await wait_until(hass, lambda: rig.printer.camera.open == 0)
    await hass.async_block_till_done()
    assert states == {"idle"}


@LIVE
async def test_stream_of_home_assistant(
    rig: Rig, hass: HomeAssistant, hass_ws_client: WebSocketGenerator
) -> None:
    """The stream component itself fetches it, from the request to a list of segments."""
    assert await async_setup_component(hass, "stream", {"stream": {"ll_hls": False}})
    client = await hass_ws_client()
    await client.send_json_auto_id(
        {"type": "camera/stream", "entity_id": rig.entity_id("camera", "camera")}
    )
    answer = await client.receive_json()
    assert answer["success"], answer
    assert answer["result"]["url"].startswith("/api/hls/")
    await wait_until(
        hass, lambda: rig.state("camera", "camera").state == "streaming", 20
    )
    stream = source(rig).stream
    assert stream
    provider = stream.add_provider("hls")
    assert await asyncio.wait_for(provider.recv(), 20)
    assert rig.printer.camera.connections == 1
    assert await hass.config_entries.async_unload(rig.entry.entry_id)
    await wait_until(hass, lambda: rig.printer.camera.open == 0)


@LIVE
async def test_failing_stream_tells_no_secret(
    rig: Rig,
    hass: HomeAssistant,
    hass_ws_client: WebSocketGenerator,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("DEBUG")
    assert await async_setup_component(hass, "stream", {})
    rig.printer.faults.camera_refuse_login = True
    stream = await source(rig).async_create_stream()
    assert stream
    stream.add_provider("hls")
    await stream.start()
    await wait_until(hass, lambda: "Error from stream worker" in caplog.text, 20)
    await stream.stop()
    await wait_until(hass, lambda: reason(rig) == "refused")
    key = str(stream.source).partition("auth=")[2]
    assert key
    for secret in (rig.printer.access_code, rig.printer.serial, key):
        lines = [line for line in caplog.text.splitlines() if secret in line]
        # What our own client of MQTT subscribes to is no matter of the camera.
        assert [line for line in lines if "camera" in line or "stream" in line] == []


@LIVE
async def test_still_image_of_a_live_view(
    rig: Rig, hass_client: ClientSessionGenerator
) -> None:
    client = await hass_client()
    path = f"/api/camera_proxy/{rig.entity_id('camera', 'camera')}"
    answers = await asyncio.gather(*(client.get(path) for _ in range(4)))
    for answer in answers:
        assert answer.status == 200
        picture = Image.open(io.BytesIO(await answer.read()))
        assert picture.format == "JPEG"
        assert picture.size == (1280, 720)
    # Who asks again soon gets the same one.
    assert (await client.get(path)).status == 200
    assert rig.printer.camera.connections == 1
    await wait_until(rig.hass, lambda: rig.printer.camera.open == 0)


@LIVE
async def test_still_image_while_there_is_none(rig: Rig) -> None:
    rig.printer.faults.camera_refuse_login = True
    with (
        patch.object(still, "STILL_AGE", 0),
        pytest.raises(HomeAssistantError) as caught,
    ):
        await source(rig).async_camera_image()
    assert caught.value.translation_key == "camera_refused"


@pytest.mark.parametrize("model", ["H2D"])
async def test_live_view_is_off(
    rig: Rig,
    hass: HomeAssistant,
    hass_ws_client: WebSocketGenerator,
    tmp_path: Path,
) -> None:
    assert await async_setup_component(hass, "stream", {})
    hass.config.allowlist_external_dirs = {str(tmp_path)}
    assert reason(rig) == "live_view_off"
    client = await hass_ws_client()
    entity_id = rig.entity_id("camera", "camera")
    await client.send_json_auto_id({"type": "camera/stream", "entity_id": entity_id})
    answer = await client.receive_json()
    assert not answer["success"]
    assert "LAN Only Liveview" in answer["error"]["message"]
    with pytest.raises(HomeAssistantError, match="LAN Only Liveview"):
        await hass.services.async_call(
            "camera",
            "snapshot",
            {ATTR_ENTITY_ID: entity_id, "filename": str(tmp_path / "no.jpg")},
            blocking=True,
        )
    await rig.report({"ipcam": {"rtsp_url": "rtsps://192.0.2.1:322/streaming/live/1"}})
    assert reason(rig) == "none"
    assert await source(rig).async_camera_image()


@pytest.mark.parametrize("model", ["P1S"])
@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (lambda p: p._camera.stop(), "unreachable"),
    ],
)
async def test_port_is_closed(
    rig: Rig, spoil: Callable[[VirtualPrinter], Any], expected: str
) -> None:
    await spoil(rig.printer)
    with pytest.raises(HomeAssistantError):
        await source(rig).async_camera_image()
    await wait_until(rig.hass, lambda: reason(rig) == expected)


async def test_printer_without_a_camera(rig: Rig) -> None:
    await rig.report({"ipcam": {"ipcam_dev": "0"}})
    assert rig.entry.runtime_data.printer.camera_kind is None
