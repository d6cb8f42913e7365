"""From a media file to a finished print, in a real Home Assistant."""

import asyncio
from http import HTTPStatus
import io
from pathlib import Path
from typing import Any
import zipfile

import aiohttp
from PIL import Image
import pytest

from scripts.demo import DemoError
from scripts.demo.client import Client, Json
from virtual_printer import VirtualPrinter
from virtual_printer.projects import make_project
from virtual_printer.threemf import write_project

from .process import home_assistant
from .test_home_assistant import (
    CONFIGURATION,
    _check_log,
    add_printer,
    state_of,
    until,
    unused_tcp_port,
)

pytestmark = [pytest.mark.e2e, pytest.mark.usefixtures("socket_enabled")]

__all__ = ["unused_tcp_port"]

MEDIA = """\
homeassistant:
  media_dirs:
    local: {folder}
media_source:
"""
NAMES = ("Pot", "Saucer", "Clip", "Clip")
WITHIN = 20
"""Seconds in which everything must show; some suffice on a machine that has nothing else."""


async def act(client: Client, name: str, **data: Any) -> Any:
    """Perform an action of ours, and return its response."""
    kind = {"return_response": True} if name != "skip_objects" else {}
    answer = await client.command(
        "call_service", domain="bambu_printer", service=name, service_data=data, **kind
    )
    return answer.get("response")


async def test_print_from_a_media_file(
    tmp_path: Path,
    unused_tcp_port: int,
) -> None:
    media = tmp_path / "media"
    media.mkdir()
    port = unused_tcp_port
    configuration = CONFIGURATION.format(port=port) + MEDIA.format(folder=media)
    async with (
        VirtualPrinter(
            model="X1C", name="Bench", scenario="idle", report_interval=0.2
        ) as printer,
        home_assistant(tmp_path, port, configuration) as (client, log),
    ):
        source = media / "Flower pot.gcode.3mf"
        project = make_project(
            printer.profile, "Flower pot", plates=3, objects=NAMES, dual=False
        )
        await asyncio.to_thread(write_project, source, project)
        ports = {
            "mqtt_port": printer.mqtt_port,
            "detect_port": printer.detect_port,
            "ftps_port": printer.ftps_port,
        }
        await add_printer(client, printer, ports=ports)
        await until(client, "sensor.bench", lambda s: s["state"] == "idle")
        (device,) = [
            item["id"]
            for item in await client.command("config/device_registry/list")
            if item.get("serial_number") == printer.serial
        ]
        plan = await _plan(client, printer, device)
        printer.clear_requests()
        await _print(client, printer, device, plan, source)
        await _see(client, source)
        await _skip(client, printer, device)
        await _watch(client, printer)
        await _finish(client, printer)
    await _check_log(log, printer, meant=("are called Clip", "no object Lid"))


MEDIA_ID = "media-source://media_source/local/Flower pot.gcode.3mf"


async def _plan(client: Client, printer: VirtualPrinter, device: str) -> Json:
    """Ask first: nothing moves, and every filament has its slot."""
    plan: Json = await act(
        client,
        "print_file",
        device_id=device,
        media_content_id=MEDIA_ID,
        plate=3,
        dry_run=True,
    )
    assert plan["possible"], plan["problems"]
    assert [item["type"] for item in plan["filaments"]] == ["PLA", "PLA"]
    slots = [item["slot"] for item in plan["filaments"]]
    assert len(set(slots)) == 2
    assert all(slot.startswith("ams_1_tray_") for slot in slots)
    assert printer.ftps.bytes_received == 0
    return plan


async def _print(
    client: Client, printer: VirtualPrinter, device: str, plan: Json, source: Path
) -> None:
    # A minute passes in a second from here on.
    printer.speed = 60
    answer = await act(
        client,
        "print_file",
        device_id=device,
        media_content_id=MEDIA_ID,
        plate=3,
        timelapse=True,
    )
    assert answer["started"] is True
    assert answer["path"] == "/Flower_pot.gcode.3mf"
    assert answer["ams_mapping"] == plan["ams_mapping"]
    content = await asyncio.to_thread(source.read_bytes)
    size = len(content)
    assert answer["upload"]["transferred"] == size
    stored = printer.card / "Flower_pot.gcode.3mf"
    assert await asyncio.to_thread(stored.read_bytes) == content
    request = (await printer.wait_for_request("print", "project_file"))["print"]
    assert request["url"] == "file:///sdcard/Flower_pot.gcode.3mf"
    assert request["param"] == "Metadata/plate_3.gcode"
    assert request["use_ams"] is True
    trays = [int(slot[-1]) - 1 for slot in plan["ams_mapping"]]
    assert request["ams_mapping"] == trays
    transfer = await state_of(client, "event.bench_file_transfer")
    assert transfer["attributes"]["event_type"] == "finished"
    assert transfer["attributes"]["size"] == size


async def _see(client: Client, source: Path) -> None:
    """The right cover, served to those who may see it, and what the file says."""
    await until(client, "sensor.bench_objects", lambda s: s["state"] == "4", WITHIN)
    assert (await state_of(client, "sensor.bench_job_weight"))["state"] == "40.75"
    assert (await state_of(client, "sensor.bench_bed_type"))["state"] == (
        "textured_plate"
    )
    cover = await state_of(client, "image.bench_cover")
    with zipfile.ZipFile(source) as archive:
        expected = archive.read("Metadata/plate_3.png")
    status, content = await _fetch(client, cover["attributes"]["entity_picture"])
    assert (status, content) == (HTTPStatus.OK, expected)
    status, _ = await _fetch(client, "/api/image_proxy/image.bench_cover")
    assert status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)


async def _fetch(client: Client, path: str) -> tuple[int, bytes]:
    """Fetch as somebody who has only the address."""
    async with (
        aiohttp.ClientSession() as session,
        session.get(client.url + path) as answer,
    ):
        return answer.status, await answer.read()


async def _skip(client: Client, printer: VirtualPrinter, device: str) -> None:
    await until(client, "sensor.bench", lambda s: s["state"] == "running", WITHIN)
    before = await state_of(client, "image.bench_object_map")
    objects = (await state_of(client, "sensor.bench_objects"))["attributes"]["objects"]
    saucer = next(item["number"] for item in objects if item["name"] == "Saucer")
    with pytest.raises(DemoError, match="Several objects are called Clip"):
        await act(client, "skip_objects", device_id=device, objects=["Clip"])
    with pytest.raises(DemoError, match="no object Lid"):
        await act(client, "skip_objects", device_id=device, objects=["Lid"])
    await act(client, "skip_objects", device_id=device, objects=["saucer"])
    request = (await printer.wait_for_request("print", "skip_objects"))["print"]
    assert request["obj_list"] == [saucer]
    assert printer.report["s_obj"] == [saucer]
    await until(
        client, "sensor.bench_skipped_objects", lambda s: s["state"] == "1", WITHIN
    )
    after = await state_of(client, "image.bench_object_map")
    assert after["state"] > before["state"]
    status, content = await _fetch(client, after["attributes"]["entity_picture"])
    assert status == HTTPStatus.OK
    with Image.open(io.BytesIO(content)) as picture:
        colors = {color for _, color in picture.getcolors(1 << 20) or ()}
    # The label of what is skipped.
    assert (226, 75, 74, 255) in colors


async def _watch(client: Client, printer: VirtualPrinter) -> None:
    """Find a timelapse in the media browser, and jump into the middle of it."""
    root = await client.command(
        "media_source/browse_media", media_content_id="media-source://bambu_printer"
    )
    place = root["children"][0]["media_content_id"]
    videos = await client.command(
        "media_source/browse_media", media_content_id=f"{place}/timelapses"
    )
    video = videos["children"][0]["media_content_id"]
    found = await client.command("media_source/resolve_media", media_content_id=video)
    name = video.rpartition("/")[2]
    path = printer.card / "timelapse" / name
    content = await asyncio.to_thread(path.read_bytes)
    part = {"Range": "bytes=1000-1999"}
    async with aiohttp.ClientSession(client.url) as session:
        async with session.get(found["url"], headers=part) as answer:
            assert answer.status == HTTPStatus.PARTIAL_CONTENT
            assert await answer.read() == content[1000:2000]
        async with session.get(found["url"].partition("?")[0]) as answer:
            assert answer.status == HTTPStatus.UNAUTHORIZED


async def _finish(client: Client, printer: VirtualPrinter) -> None:
    cover = await state_of(client, "image.bench_cover")
    printer.speed = 10_000
    await until(client, "sensor.bench", lambda s: s["state"] == "finish", 60)
    assert (await state_of(client, "sensor.bench_progress"))["state"] == "100"
    # It has changed once, when the job began.
    assert (await state_of(client, "image.bench_cover"))["state"] == cover["state"]
