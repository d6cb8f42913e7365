"""The printers' files as media: browse, resolve, and stream."""

import asyncio
from http import HTTPStatus
import io
from typing import Any
from unittest.mock import patch
import zipfile

from aiohttp.test_utils import TestClient
from homeassistant.components.media_player import BrowseError
from homeassistant.components.media_source import (
    Unresolvable,
    async_browse_media,
    async_resolve_media,
)
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
from PIL import Image
import pytest
from pytest_homeassistant_custom_component.typing import (
    ClientSessionGenerator,
    WebSocketGenerator,
)
from yarl import URL

from custom_components.bambu_printer import views

from .conftest import Rig, different_plates, wait_until

ROOT = "media-source://bambu_printer"

pytestmark = pytest.mark.parametrize("scenario", ["idle"])


@pytest.fixture
async def media(rig: Rig) -> Rig:
    """Return a printer whose files are media."""
    assert await async_setup_component(rig.hass, "media_source", {})
    return rig


@pytest.fixture
async def client(
    media: Rig, hass_client: ClientSessionGenerator
) -> TestClient[Any, Any]:
    """Return somebody who is logged in."""
    return await hass_client()


async def browse(rig: Rig, *path: str) -> Any:
    place = "/".join([ROOT, *([rig.entry.entry_id] if path else []), *path])
    return await async_browse_media(rig.hass, place.rstrip("/"))


async def printer_level(rig: Rig) -> Any:
    return await async_browse_media(rig.hass, f"{ROOT}/{rig.entry.entry_id}")


def video_of(rig: Rig) -> tuple[str, bytes]:
    path = max((rig.printer.card / "timelapse").glob("video*"))
    return path.name, path.read_bytes()


# Browse


async def test_printers_and_branches(media: Rig) -> None:
    root = await browse(media)
    assert [child.title for child in root.children] == [media.entry.title]
    branches = await printer_level(media)
    assert [child.title for child in branches.children] == ["Models", "Timelapses"]
    assert not any(child.can_play for child in branches.children)


async def test_models(media: Rig, client: TestClient[Any, Any]) -> None:
    models = await browse(media, "models")
    found = {child.title: child for child in models.children}
    assert "Desk_organiser" in found
    assert "cache" in found
    # What nobody put there, and what is no model.
    assert not {"logger", "timelapse", "image", "verify_job"} & set(found)
    assert not any(title.startswith(".") for title in found)
    inside = await browse(media, "models", "cache")
    assert [child.title for child in inside.children] == ["Flexi_octopus"]
    answer = await client.get(found["Desk_organiser"].thumbnail)
    assert answer.status == HTTPStatus.OK
    picture = Image.open(io.BytesIO(await answer.read()))
    assert picture.size == (512, 512)
    model = await async_browse_media(
        media.hass, f"{found['Desk_organiser'].media_content_id}"
    )
    assert [child.title for child in model.children] == [
        "1: Plate 1 of Desk organiser",
        "3: Plate 3 of Desk organiser",
    ]
    assert all(child.can_play for child in model.children)


async def test_folder_that_looks_like_a_plate(media: Rig) -> None:
    content = (media.printer.card / "Desk_organiser.gcode.3mf").read_bytes()
    media.printer.add_file("/Part #1/Thing.gcode.3mf", content)
    folder = next(
        child
        for child in (await browse(media, "models")).children
        if child.title == "Part #1"
    )
    inside = await async_browse_media(media.hass, folder.media_content_id)
    assert inside.children
    assert [child.title for child in inside.children] == ["Thing"]
    model = await async_browse_media(media.hass, inside.children[0].media_content_id)
    assert model.children
    assert model.children[0].media_content_id.endswith("/Part #1/Thing.gcode.3mf#1")
    plate = model.children[0].media_content_id
    assert (await async_resolve_media(media.hass, plate, None)).mime_type == "image/png"


async def test_timelapses(media: Rig, client: TestClient[Any, Any]) -> None:
    listed = await browse(media, "timelapses")
    titles = [child.title for child in listed.children]
    assert len(titles) == 3
    assert titles == sorted(titles, reverse=True)
    assert len(titles[0]) == len("2026-11-20 10:11")
    answer = await client.get(listed.children[0].thumbnail)
    assert answer.content_type == "image/jpeg"
    assert Image.open(io.BytesIO(await answer.read())).size == (640, 360)


async def test_no_timelapses(media: Rig) -> None:
    import shutil

    await asyncio.to_thread(shutil.rmtree, media.printer.card / "timelapse")
    assert (await browse(media, "timelapses")).children == []


async def test_browse_what_is_not_there(media: Rig) -> None:
    for path in (("nothing",), ("models", "nowhere"), ("models", "..", "x")):
        with pytest.raises(BrowseError) as caught:
            await browse(media, *path)
        assert caught.value.translation_key in ("file_missing", "invalid_path")
    with pytest.raises(BrowseError):
        await async_browse_media(media.hass, f"{ROOT}/0123456789")


async def test_browse_a_printer_that_is_off(media: Rig) -> None:
    await media.printer.power_off()
    await wait_until(
        media.hass, lambda: not media.entry.runtime_data.last_update_success
    )
    with pytest.raises(BrowseError) as caught:
        await browse(media, "models")
    assert caught.value.translation_key


# Resolve


async def test_resolve(media: Rig, hass_ws_client: WebSocketGenerator) -> None:
    """As a browser does it: the address is signed, and good without a login."""
    name, content = video_of(media)
    socket = await hass_ws_client()
    await socket.send_json_auto_id(
        {
            "type": "media_source/resolve_media",
            "media_content_id": f"{ROOT}/{media.entry.entry_id}"
            f"/timelapses/timelapse/{name}",
        }
    )
    answer = await socket.receive_json()
    assert answer["success"], answer
    assert answer["result"]["mime_type"] == "video/mp4"
    url = answer["result"]["url"]
    assert "authSig=" in url
    stranger = socket.client
    found = await stranger.get(url)
    assert found.status == HTTPStatus.OK
    assert await found.read() == content


async def test_resolve_a_plate(media: Rig, client: TestClient[Any, Any]) -> None:
    """The very picture that is in the file."""
    path = media.printer.add_file("/two.3mf", different_plates(media.printer))
    with zipfile.ZipFile(path) as archive:
        pictures = [archive.read(f"Metadata/plate_{plate}.png") for plate in (1, 2)]
    assert pictures[0] != pictures[1]
    for plate, picture in ((1, pictures[0]), (2, pictures[1])):
        found = await async_resolve_media(
            media.hass, f"{ROOT}/{media.entry.entry_id}/models/two.3mf#{plate}", None
        )
        assert found.mime_type == "image/png"
        answer = await client.get(found.url)
        assert await answer.read() == picture


async def test_resolve_nothing(media: Rig) -> None:
    for place in (
        "models/verify_job",
        "models",
        "timelapses",
        "timelapses/verify_job",
        "timelapses/logger/x.mp4",
        "timelapses/timelapse/x.txt",
        "timelapses/timelapse/../logger/x.mp4",
        "elsewhere/x.mp4",
    ):
        for entry_id in (media.entry.entry_id, "none"):
            with pytest.raises(Unresolvable):
                await async_resolve_media(
                    media.hass, f"{ROOT}/{entry_id}/{place}", None
                )


# Stream


async def test_ranges(media: Rig, client: TestClient[Any, Any]) -> None:
    name, content = video_of(media)
    url = views.timelapse_url(media.entry.entry_id, f"/timelapse/{name}")
    size = len(content)
    whole = await client.get(url)
    assert whole.status == HTTPStatus.OK
    assert whole.headers["Accept-Ranges"] == "bytes"
    assert await whole.read() == content
    for asked, start, end in (
        ("0-99", 0, 100),
        ("100-", 100, size),
        ("-50", size - 50, size),
        (f"{size - 1}-{size + 100}", size - 1, size),
        (f"1-{size - 2}", 1, size - 1),
    ):
        answer = await client.get(url, headers={"Range": f"bytes={asked}"})
        assert answer.status == HTTPStatus.PARTIAL_CONTENT, asked
        assert answer.headers["Content-Range"] == f"bytes {start}-{end - 1}/{size}"
        assert answer.content_length == end - start
        assert await answer.read() == content[start:end]
    for asked in (f"{size}-", "5-4", "x"):
        answer = await client.get(url, headers={"Range": f"bytes={asked}"})
        assert answer.status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE
        assert answer.headers["Content-Range"] == f"bytes */{size}"
    head = await client.head(url)
    assert (head.status, head.content_length) == (HTTPStatus.OK, size)


async def test_many_pieces(media: Rig, client: TestClient[Any, Any]) -> None:
    """Others get at the storage between two of them."""
    content = bytes(range(256)) * 4096
    media.printer.add_file("/timelapse/video_long.mp4", content)
    url = views.timelapse_url(media.entry.entry_id, "/timelapse/video_long.mp4")
    with patch.object(views, "PIECE", 100_000):
        answer = await client.get(url, headers={"Range": "bytes=50000-950000"})
        assert await answer.read() == content[50_000:950_001]
    assert media.printer.ftps.count("RETR") >= 9


@pytest.mark.parametrize("model", ["A1MINI"])
async def test_printer_that_sends_only_whole_files(
    media: Rig, client: TestClient[Any, Any]
) -> None:
    content = bytes(range(256)) * 16384
    media.printer.add_file("/timelapse/video_long.avi", content)
    url = views.timelapse_url(media.entry.entry_id, "/timelapse/video_long.avi")
    answer = await client.get(url, headers={"Range": "bytes=100-199"})
    assert answer.status == HTTPStatus.OK
    assert answer.headers["Accept-Ranges"] == "none"
    assert answer.content_type == "video/x-msvideo"
    assert await answer.read() == content
    # Somebody who goes away in the midst of it leaves the storage to others.
    answer = await client.get(url)
    await answer.content.readexactly(1000)
    answer.close()
    listed = await browse(media, "timelapses")
    assert "video_long" in [child.title for child in listed.children]
    # The picture of a model is left out rather than fetching all of it for that.
    models = await browse(media, "models")
    thumbnail = next(
        x for x in models.children if x.title == "Desk_organiser"
    ).thumbnail
    assert (await client.get(thumbnail)).status == HTTPStatus.NOT_FOUND
    assert (await client.get(thumbnail.split("?")[0])).status == HTTPStatus.OK
    # Now that it is known, it is shown.
    assert (await client.get(thumbnail)).status == HTTPStatus.OK


@pytest.mark.parametrize("model", ["A1MINI"])
async def test_stalled_client_is_left(media: Rig, client: TestClient[Any, Any]) -> None:
    """Somebody who takes nothing must not keep everybody else from the storage."""
    media.printer.add_file("/timelapse/video_long.avi", bytes(40 << 20))
    url = views.timelapse_url(media.entry.entry_id, "/timelapse/video_long.avi")
    with patch.object(views, "STALL_TIME", 0.2):
        answer = await client.get(url)
        async with asyncio.timeout(20):
            listed = await browse(media, "timelapses")
    assert len(listed.children) == 4
    answer.close()


async def test_who_may(
    media: Rig,
    client: TestClient[Any, Any],
    hass_client_no_auth: ClientSessionGenerator,
) -> None:
    stranger = await hass_client_no_auth()
    name, _ = video_of(media)
    entry_id = media.entry.entry_id
    for url in (
        views.timelapse_url(entry_id, f"/timelapse/{name}"),
        views.picture_url(entry_id, "/Desk_organiser.gcode.3mf"),
    ):
        assert (await stranger.get(url)).status == HTTPStatus.UNAUTHORIZED
        assert (await client.get(url)).status == HTTPStatus.OK
        wrong = url.replace(entry_id, "0123456789")
        assert (await client.get(wrong)).status == HTTPStatus.NOT_FOUND
    assert (await stranger.head(url)).status != HTTPStatus.OK


async def test_not_found(media: Rig, client: TestClient[Any, Any]) -> None:
    for path in (
        "timelapse/{entry}/nothing.mp4",
        "timelapse/{entry}/%2E%2E/verify_job",
        "timelapse/{entry}/thumbnail",
        "picture/{entry}/0/nothing.3mf",
        "picture/{entry}/9/Desk_organiser.gcode.3mf",
        "picture/{entry}/1/verify_job",
    ):
        url = f"/api/bambu_printer/{path.format(entry=media.entry.entry_id)}"
        assert (await client.get(url)).status == HTTPStatus.NOT_FOUND, path


async def test_no_way_out_of_the_folder(
    media: Rig, client: TestClient[Any, Any]
) -> None:
    entry = media.entry.entry_id
    for path in ("..%2Fverify_job.mp4", "a%2F..%2F..%2Flogger%2Fx.mp4", "%2E%2E/x.mp4"):
        url = URL(f"/api/bambu_printer/timelapse/{entry}/{path}", encoded=True)
        answer = await client.get(url)
        assert answer.status in (HTTPStatus.NOT_FOUND, HTTPStatus.BAD_REQUEST)


async def test_printer_that_is_lost(media: Rig, client: TestClient[Any, Any]) -> None:
    name, _ = video_of(media)
    url = views.timelapse_url(media.entry.entry_id, f"/timelapse/{name}")
    assert (await client.get(url)).status == HTTPStatus.OK
    await media.printer.power_off()
    assert (await client.get(url)).status == HTTPStatus.BAD_GATEWAY


async def test_nothing_is_kept(
    hass: HomeAssistant, media: Rig, client: TestClient[Any, Any]
) -> None:
    name, content = video_of(media)
    url = views.timelapse_url(media.entry.entry_id, f"/timelapse/{name}")
    with patch("builtins.open", side_effect=AssertionError("nothing is to be opened")):
        answer = await client.get(url)
        assert await answer.read() == content
