"""The image of what the camera saw when a job ended."""

from collections.abc import AsyncIterator, Iterator
from functools import partial
import io
from unittest.mock import patch

from homeassistant.const import STATE_UNAVAILABLE
from homeassistant.core import HomeAssistant
from PIL import Image
import pytest
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.bambu_printer import last_frame
from custom_components.bambu_printer.printer import camera, relay
from virtual_printer import VirtualPrinter

from .conftest import Rig, wait_until


@pytest.fixture(autouse=True)
def _quick_camera() -> Iterator[None]:
    with (
        patch.object(camera, "STILL_LINGER", 0.1),
        patch.object(relay, "LINGER", 0.1),
        patch.object(last_frame, "_INTERVAL", 0.1),
    ):
        yield


@pytest.fixture
async def printer(socket_enabled: None, model: str) -> AsyncIterator[VirtualPrinter]:
    async with VirtualPrinter(
        model=model, autostart_reports=False, camera_interval=0.1
    ) as virtual:
        yield virtual


@pytest.fixture(autouse=True)
async def _tidy(hass: HomeAssistant) -> AsyncIterator[None]:
    """Remove what is kept: all tests share one configuration folder."""
    yield
    for entry in hass.config_entries.async_entries("bambu_printer"):
        path = last_frame.frame_path(hass, entry.entry_id)
        await hass.async_add_executor_job(partial(path.unlink, missing_ok=True))


def taken(rig: Rig) -> str:
    return rig.state("image", "last_frame").state


async def fetch(rig: Rig, hass_client: ClientSessionGenerator) -> bytes:
    client = await hass_client()
    entity_id = rig.entity_id("image", "last_frame")
    answer = await client.get(f"/api/image_proxy/{entity_id}")
    assert answer.status == 200
    assert answer.content_type == "image/jpeg"
    return await answer.read()


@pytest.mark.parametrize("model", ["P1S", "X1C"])
@pytest.mark.parametrize("end", ["FINISH", "FAILED", "IDLE"])
async def test_a_picture_when_a_job_ends(
    rig: Rig, hass_client: ClientSessionGenerator, end: str
) -> None:
    assert taken(rig) == STATE_UNAVAILABLE
    await rig.report({"gcode_state": "PAUSE"})
    assert taken(rig) == STATE_UNAVAILABLE
    assert rig.printer.camera.connections == 0
    await rig.report({"gcode_state": end})
    await wait_until(rig.hass, lambda: taken(rig) != STATE_UNAVAILABLE, 20)
    picture = Image.open(io.BytesIO(await fetch(rig, hass_client)))
    assert picture.size == (1280, 720)
    await wait_until(rig.hass, lambda: rig.printer.camera.open == 0)
    # Nothing more, however often the end is reported.
    first = taken(rig)
    await rig.report(full=True)
    assert taken(rig) == first
    assert rig.printer.camera.connections == 1


@pytest.mark.parametrize("model", ["P1S"])
async def test_it_survives_a_restart_and_goes_with_the_entry(
    rig: Rig, hass: HomeAssistant, hass_client: ClientSessionGenerator
) -> None:
    await rig.report({"gcode_state": "FINISH"})
    await wait_until(hass, lambda: taken(rig) != STATE_UNAVAILABLE)
    picture = await fetch(rig, hass_client)
    connections = rig.printer.camera.connections
    assert await hass.config_entries.async_reload(rig.entry.entry_id)
    await hass.async_block_till_done()
    assert taken(rig) != STATE_UNAVAILABLE
    assert await fetch(rig, hass_client) == picture
    # A job that has ended long ago is no reason to look again.
    assert rig.printer.camera.connections == connections
    path = last_frame.frame_path(hass, rig.entry.entry_id)
    assert path.exists()
    await hass.config_entries.async_remove(rig.entry.entry_id)
    assert not path.exists()


@pytest.mark.parametrize("model", ["P1S"])
async def test_camera_that_shows_nothing(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    rig.printer.faults.camera_refuse_login = True
    await rig.report({"gcode_state": "FINISH"})
    await wait_until(rig.hass, lambda: rig.printer.camera.refused >= 2)
    # It is tried again for a while.
    rig.printer.faults.camera_refuse_login = False
    await wait_until(rig.hass, lambda: taken(rig) != STATE_UNAVAILABLE)
    assert "Traceback" not in caplog.text


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("model", ["P1S"])
async def test_job_that_ends_while_nobody_listens(rig: Rig) -> None:
    """The part still lies there when the printer is back."""
    await rig.printer.power_off()
    await wait_until(rig.hass, lambda: not rig.entry.runtime_data.last_update_success)
    rig.printer.update({"gcode_state": "FINISH"})
    await rig.printer.power_on()
    await wait_until(rig.hass, lambda: taken(rig) != STATE_UNAVAILABLE)


@pytest.mark.parametrize("model", ["P1S"])
async def test_snapshot_for_others(rig: Rig) -> None:
    rig.printer.faults.camera_refuse_login = True
    assert await last_frame.async_snapshot(rig.entry.runtime_data) is None
    rig.printer.faults.camera_refuse_login = False
    picture = await last_frame.async_snapshot(rig.entry.runtime_data)
    assert picture is not None
    assert picture.startswith(b"\xff\xd8")
    with patch.object(last_frame, "MAX_SIZE", 10):
        assert await last_frame.async_snapshot(rig.entry.runtime_data) is None
