"""The actions about files: what they do, what they return, and how they fail."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
import tempfile
from typing import Any
from unittest.mock import patch

from aiohttp import web
from homeassistant.components.media_player import BrowseError
from homeassistant.components.media_source import async_browse_media
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.setup import async_setup_component
import probatio
import pytest

from custom_components.bambu_printer import local_files, transfer
from custom_components.bambu_printer.const import DOMAIN
from custom_components.bambu_printer.printer.projects import ProjectStore
from scripts.documentation.responses import RESPONSES

from .conftest import Rig, wait_until
from .operations.test_responses import paths

pytestmark = pytest.mark.parametrize("scenario", ["idle"])


FILE_ACTION_TESTS = {
    "list_files",
    "get_project",
    "upload_file",
    "download_file",
    "rename_file",
    "create_folder",
    "delete_file",
    "delete_folder",
}
"""Actions that are tested here."""


@pytest.fixture
async def folder(hass: HomeAssistant, tmp_path: Path) -> Path:
    """Return a folder of media that Home Assistant may use."""
    hass.config.media_dirs = {"local": str(tmp_path)}
    hass.config.allowlist_external_dirs = {str(tmp_path)}
    assert await async_setup_component(hass, "media_source", {})
    return tmp_path


async def act(rig: Rig, action: str, **data: Any) -> Any:
    kind = rig.hass.services.supports_response(DOMAIN, action)
    return await rig.hass.services.async_call(
        DOMAIN,
        action,
        {"device_id": rig.entry.runtime_data.device_id, **data},
        blocking=True,
        return_response=kind.value != "none",
    )


async def refused(rig: Rig, action: str, key: str, **data: Any) -> HomeAssistantError:
    with pytest.raises(HomeAssistantError) as caught:
        await act(rig, action, **data)
    assert caught.value.translation_domain == DOMAIN
    assert caught.value.translation_key == key
    # In words: nothing is left to fill in.
    assert "{" not in str(caught.value)
    assert key not in str(caught.value)
    return caught.value


def names(rig: Rig, folder: str = "") -> set[str]:
    return {item.name for item in (rig.printer.card / folder).iterdir()}


@contextmanager
def transfers(hass: HomeAssistant, rig: Rig) -> Iterator[list[tuple[str, Any]]]:
    """Return what the event entity tells."""
    told: list[tuple[str, Any]] = []

    @callback
    def note(event: Event[Any]) -> None:
        state = event.data["new_state"]
        if event.data["entity_id"] == rig.entity_id("event", "transfer") and state:
            told.append((state.attributes["event_type"], dict(state.attributes)))

    unlisten = hass.bus.async_listen("state_changed", note)
    with patch.object(transfer, "INTERVAL", 0.0):
        yield told
    unlisten()


# Looking


async def test_list_files(rig: Rig) -> None:
    answer = await act(rig, "list_files")
    assert set(paths(answer)) == set(RESPONSES["list_files"])
    listed = {item["path"]: item for item in answer["files"]}
    hidden = {name for name in names(rig) if name.startswith((".", "System "))}
    assert {path.lstrip("/") for path in listed} | hidden == names(rig)
    assert listed["/cache"]["type"] == "folder"
    assert listed["/cache"]["size"] is None
    file = rig.printer.card / "Desk_organiser.gcode.3mf"
    assert listed[f"/{file.name}"]["size"] == file.stat().st_size
    assert listed[f"/{file.name}"]["modified"]
    inside = await act(rig, "list_files", path="cache/")
    assert inside["path"] == "/cache"
    assert {item["name"] for item in inside["files"]} == names(rig, "cache")
    everything = await act(rig, "list_files", recursive=True)
    found = {item["path"] for item in everything["files"]}
    assert "/timelapse/thumbnail" in found
    assert any(path.startswith("/timelapse/thumbnail/video") for path in found)
    assert not any(path.startswith("/logger/") for path in found)


async def test_get_project(rig: Rig) -> None:
    answer = await act(rig, "get_project", path="/Desk_organiser.gcode.3mf")
    assert set(paths(answer)) == set(RESPONSES["get_project"])
    assert "title" in answer
    assert answer["filament_count"] == 2
    # The second plate was not sliced.
    assert [plate["plate"] for plate in answer["plates"]] == [1, 3]
    third = answer["plates"][1]
    assert (third["seconds"], third["weight"]) == (7560, 40.75)
    assert [item["grams"] for item in third["filaments"]] == [37.5, 3.25]
    assert len(third["objects"]) == 3
    assert third["skippable"] is True
    alone = await act(rig, "get_project", path="Desk_organiser.gcode.3mf", plate=3)
    assert alone["plates"] == [third]


FAILURES: tuple[tuple[str, dict[str, Any], str], ...] = (
    ("list_files", {"path": "/nowhere"}, "file_missing"),
    ("list_files", {"path": "/../etc"}, "invalid_path"),
    ("get_project", {"path": "/nothing.3mf"}, "file_missing"),
    ("get_project", {"path": "/verify_job"}, "bad_project"),
    ("get_project", {"path": "/Desk_organiser.gcode.3mf", "plate": 2}, "bad_project"),
    ("rename_file", {"path": "/nothing", "new_path": "/x"}, "file_missing"),
    ("rename_file", {"path": "/verify_job", "new_path": "/a:b"}, "invalid_path"),
    ("rename_file", {"path": "/verify_job", "new_path": "Desk_organiser.gcode.3mf"},
     "file_exists"),
    ("create_folder", {"path": "/nowhere/deeper"}, "file_missing"),
    ("create_folder", {"path": "/"}, "invalid_path"),
    ("delete_file", {"path": "/nothing"}, "file_missing"),
    ("delete_file", {"path": "/"}, "invalid_path"),
    ("delete_folder", {"path": "/nothing"}, "file_missing"),
    ("delete_folder", {"path": "/"}, "invalid_path"),
)  # fmt: skip


@pytest.mark.parametrize("model", ["A1MINI"])
async def test_large_project_of_a_printer_that_sends_whole_files(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What somebody asks for is fetched; what only would be nice to have is not."""
    assert await async_setup_component(rig.hass, "media_source", {})
    for method in (ProjectStore.get_project_info, ProjectStore.get_picture):
        defaults = method.__kwdefaults__
        assert defaults
        monkeypatch.setitem(defaults, "limit", 1000)
    path = "/Desk_organiser.gcode.3mf"
    place = f"media-source://{DOMAIN}/{rig.entry.entry_id}/models{path}"
    with pytest.raises(BrowseError):
        await async_browse_media(rig.hass, place)
    assert rig.printer.ftps.count("RETR") == 0
    plan = await act(rig, "print_file", path=path, plate=1, dry_run=True)
    assert plan["plate"] == 1
    assert len((await act(rig, "get_project", path=path))["plates"]) == 2
    assert (await async_browse_media(rig.hass, place)).children
    assert rig.printer.ftps.count("RETR") == 1


async def test_failures(rig: Rig) -> None:
    before = {str(path) for path in rig.printer.card.rglob("*")}
    for action, data, key in FAILURES:
        await refused(rig, action, key, **data)
    assert {str(path) for path in rig.printer.card.rglob("*")} == before
    assert rig.printer.requests == []


# Changing


async def test_folders_and_names(rig: Rig) -> None:
    await act(rig, "create_folder", path="/brackets")
    assert (rig.printer.card / "brackets").is_dir()
    # That it is there already is no error.
    await act(rig, "create_folder", path="/brackets")
    await act(rig, "rename_file", path="/verify_job", new_path="probe")
    assert "probe" in names(rig)
    await act(rig, "rename_file", path="/probe", new_path="/brackets/probe")
    assert names(rig, "brackets") == {"probe"}
    await act(rig, "delete_file", path="/brackets/probe")
    assert names(rig, "brackets") == set()
    (rig.printer.card / "brackets" / "deep").mkdir()
    (rig.printer.card / "brackets" / "deep" / "file").write_bytes(b"x")
    await act(rig, "delete_folder", path="/brackets")
    assert "brackets" not in names(rig)


async def test_file_of_the_job_is_left_alone(rig: Rig) -> None:
    assert rig.printer.card
    job = f"/{rig.printer.profile.job.name}.gcode.3mf"
    rig.printer.simulation.set_scene("printing")
    await rig.report(full=True)
    for action, data in (
        ("delete_file", {"path": job}),
        ("delete_folder", {"path": "/cache"}),
        ("rename_file", {"path": job, "new_path": "/other.3mf"}),
        ("rename_file", {"path": "/verify_job", "new_path": job}),
    ):
        await refused(rig, action, "file_in_use", **data)
    await act(rig, "delete_file", path="/Desk_organiser.gcode.3mf")
    rig.printer.simulation.finish()
    await rig.report(full=True)
    await act(rig, "delete_file", path=job)


# Moving


async def test_upload_of_a_media_file(
    hass: HomeAssistant, rig: Rig, folder: Path
) -> None:
    content = bytes(range(256)) * 8192
    (folder / "part.bin").write_bytes(content)
    with transfers(hass, rig) as told:
        answer = await act(
            rig,
            "upload_file",
            media_content_id={
                "media_content_id": "media-source://media_source/local/part.bin",
                "media_content_type": "application/octet-stream",
            },
            folder="/cache",
        )
        await hass.async_block_till_done()
    assert set(paths(answer)) == set(RESPONSES["upload_file"])
    assert answer["path"] == "/cache/part.bin"
    assert answer["size"] == answer["transferred"] == len(content)
    assert answer["progress"] == 100
    assert (rig.printer.card / "cache" / "part.bin").read_bytes() == content
    kinds = [kind for kind, _ in told]
    assert (kinds[0], kinds[-1]) == ("started", "finished")
    assert set(kinds[1:-1]) == {"progress"}
    steps = [details["progress"] for _, details in told]
    assert steps == sorted(steps)
    assert told[-1][1]["direction"] == "upload"
    assert told[-1][1]["path"] == "/cache/part.bin"


async def test_upload_of_a_local_file(rig: Rig, folder: Path) -> None:
    source = folder / "Name with spaces.txt"
    source.write_text("one")
    await act(rig, "upload_file", local_path=str(source), name="other.txt")
    assert (rig.printer.card / "other.txt").read_text() == "one"
    source.write_text("two")
    await refused(
        rig, "upload_file", "file_exists", local_path=str(source), name="other.txt"
    )
    assert (rig.printer.card / "other.txt").read_text() == "one"
    await act(
        rig, "upload_file", local_path=str(source), name="other.txt", overwrite=True
    )
    assert (rig.printer.card / "other.txt").read_text() == "two"


async def test_upload_of_what_only_a_web_server_has(
    hass: HomeAssistant,
    rig: Rig,
    folder: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Fetched, sent on, and not kept."""
    content = b"far away" * 100_000
    app = web.Application()

    async def send(_request: web.Request) -> web.Response:
        return web.Response(body=content)

    app.router.add_get("/files/{name}", send)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    kept = tmp_path_factory.mktemp("temporary")
    assert rig.printer.card

    async def resolve(*_: Any) -> Any:
        from homeassistant.components.media_source import PlayMedia

        return PlayMedia(f"http://{host}:{port}/files/far%20away.txt", "text/plain")

    try:
        with (
            patch.object(local_files, "async_resolve_media", resolve),
            patch.object(tempfile, "tempdir", str(kept)),
        ):
            answer = await act(
                rig, "upload_file", media_content_id="media-source://far/away"
            )
    finally:
        await runner.cleanup()
    assert answer["path"] == "/far away.txt"
    assert (rig.printer.card / "far away.txt").read_bytes() == content
    assert list(kept.iterdir()) == []


async def test_what_never_ends_is_not_fetched(hass: HomeAssistant, rig: Rig) -> None:
    """Home Assistant offers cameras as media."""
    ended = asyncio.Event()

    async def send(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        answer.content_type = "multipart/x-mixed-replace"
        await answer.prepare(request)
        try:
            while True:
                await answer.write(b"frame")
                await asyncio.sleep(0.01)
        finally:
            ended.set()

    app = web.Application()
    app.router.add_get("/stream", send)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]

    async def resolve(*_: Any) -> Any:
        from homeassistant.components.media_source import PlayMedia

        return PlayMedia(f"http://{host}:{port}/stream", "image/jpeg")

    try:
        with patch.object(local_files, "async_resolve_media", resolve):
            error = await refused(
                rig,
                "upload_file",
                "media_not_usable",
                media_content_id="media-source://camera/camera.x",
            )
            await asyncio.wait_for(ended.wait(), 10)
    finally:
        await runner.cleanup()
    assert "live stream" in str(error)
    assert rig.printer.ftps.bytes_received == 0


def nothing(_folder: Path) -> dict[str, Any]:
    return {}


def both(folder: Path) -> dict[str, Any]:
    media = "media-source://media_source/local/x"
    return {"local_path": str(folder / "x"), "media_content_id": media}


def media(name: str) -> Callable[[Path], dict[str, Any]]:
    return lambda _: {"media_content_id": name}


def local(name: str) -> Callable[[Path], dict[str, Any]]:
    return lambda folder: {"local_path": str(folder / name)}


SOURCES: tuple[tuple[Callable[[Path], dict[str, Any]], str], ...] = (
    (nothing, "exactly_one"),
    (both, "exactly_one"),
    (media("https://example.com/x.3mf"), "media_not_usable"),
    (media("media-source://media_source/local/no_type"), "media_not_usable"),
    (media("media-source://nobody/x"), "media_not_usable"),
    (
        media("media-source://media_source/local/../../etc/passwd"),
        "media_not_usable",
    ),
    (media("media-source://media_source/local/absent.3mf"), "no_local_file"),
    (local("absent"), "no_local_file"),
    (local("../../secret"), "path_not_allowed"),
    (lambda _: {"local_path": "/etc/passwd"}, "path_not_allowed"),
)


async def test_sources_that_are_none(rig: Rig, folder: Path) -> None:
    for source, key in SOURCES:
        error = await refused(rig, "upload_file", key, **source(folder))
        assert isinstance(error, ServiceValidationError)
    assert rig.printer.ftps.bytes_received == 0


async def test_names_that_are_none(rig: Rig, folder: Path) -> None:
    (folder / "x").write_bytes(b"x")
    for name in ("..", "a/../../b", "con:", "x\ny"):
        await refused(
            rig, "upload_file", "invalid_path", local_path=str(folder / "x"), name=name
        )


async def test_upload_that_breaks_off(
    hass: HomeAssistant, rig: Rig, folder: Path
) -> None:
    """Nothing half is left, and the event says so."""
    (folder / "large").write_bytes(bytes(24 << 20))
    with transfers(hass, rig) as told:
        task = hass.async_create_task(
            act(rig, "upload_file", local_path=str(folder / "large"))
        )
        while not told:
            await asyncio.sleep(0.001)
        await rig.printer._ftps.stop()
        with pytest.raises(HomeAssistantError) as caught:
            await task
        await hass.async_block_till_done()
    assert caught.value.translation_key
    assert told[-1][0] == "failed"
    assert told[-1][1]["error"] == caught.value.translation_key


async def test_download(hass: HomeAssistant, rig: Rig, folder: Path) -> None:
    path = "/Desk_organiser.gcode.3mf"
    content = (rig.printer.card / path[1:]).read_bytes()
    with transfers(hass, rig) as told:
        answer = await act(rig, "download_file", path=path, target=str(folder))
        await hass.async_block_till_done()
    assert set(paths(answer)) == set(RESPONSES["download_file"])
    assert answer["target"] == str(folder / path[1:])
    assert (folder / path[1:]).read_bytes() == content
    assert told[-1][0] == "finished"
    assert told[-1][1]["direction"] == "download"
    await refused(rig, "download_file", "file_exists", path=path, target=str(folder))
    await act(
        rig, "download_file", path=path, target=str(folder / "b.3mf"), overwrite=True
    )
    assert (folder / "b.3mf").read_bytes() == content


async def test_download_that_fails(rig: Rig, folder: Path) -> None:
    for path, target, key in (
        ("/nothing", "", "file_missing"),
        ("/verify_job", "../x", "path_not_allowed"),
        ("/verify_job", "missing/x", "no_local_file"),
        ("/verify_job", "a\0b", "path_not_allowed"),
    ):
        await refused(rig, "download_file", key, path=path, target=str(folder / target))
    assert not await asyncio.to_thread(lambda: list(folder.iterdir()))


async def test_schema(rig: Rig) -> None:
    for action, data in (
        ("get_project", {"path": "/x", "plate": 0}),
        ("print_file", {"path": "/x", "bed_type": "glass"}),
        ("print_file", {"path": "/x", "bed_leveling": "perhaps"}),
        ("print_file", {"path": "/x", "ams_mapping": ["ams_9_tray_1"]}),
        ("print_file", {"path": "/x", "ams_mapping": [1.5]}),
        ("print_file", {"path": "/x", "ams_mapping": [True]}),
    ):
        with pytest.raises(probatio.Invalid):
            await act(rig, action, **data)


async def test_printer_that_is_off(rig: Rig) -> None:
    await rig.printer.power_off()
    coordinator = rig.entry.runtime_data
    await wait_until(rig.hass, lambda: not coordinator.last_update_success)
    with pytest.raises(HomeAssistantError) as caught:
        await act(rig, "list_files")
    assert caught.value.translation_key in ("refused", "unreachable", "cannot_connect")
    await refused(rig, "print_file", "not_connected", path="/x.3mf")
    assert rig.printer.requests == []
