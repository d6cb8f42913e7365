"""The storage with the server program that the larger printers carry."""

import asyncio
import os

import pytest

from custom_components.bambu_printer.printer import lane as lane_module
from custom_components.bambu_printer.printer.errors import (
    FileMissingError,
    InvalidAccessCodeError,
    StorageDeniedError,
)
from custom_components.bambu_printer.printer.projects import ProjectStore
from custom_components.bambu_printer.printer.storage import PrinterStorage
from virtual_printer.threemf import Part, Plate, Project, write_project

from .vsftpd import BASE, USER, serve, usable

pytestmark = pytest.mark.skipif(
    not usable, reason="needs vsftpd, and root to confine it to a folder"
)
BIG = f"{BASE}/big.gcode.3mf"


@pytest.fixture
async def server(socket_enabled, monkeypatch):
    monkeypatch.setattr(lane_module, "USER", USER)
    with serve() as running:
        yield running


@pytest.fixture
async def storage(server):
    found = PrinterStorage(server.endpoint)
    yield found
    await found.close()


async def test_there_and_back(server, storage, tmp_path):
    source, target = tmp_path / "source", tmp_path / "target"
    content = os.urandom(3_000_001)
    source.write_bytes(content)
    path = f"{BASE}/größe 1.bin"
    assert await storage.upload_sdcard_file(source, path) == len(content)
    assert await storage.download_sdcard_file(path, target) == len(content)
    assert target.read_bytes() == content
    assert [file.name for file in server.root.iterdir()] == ["größe 1.bin"]
    (entry,) = await storage.list_folder(BASE)
    assert (entry.path, entry.size) == (path, len(content))
    # A newer one takes its place only when it is complete.
    source.write_bytes(b"new")
    assert await storage.upload_sdcard_file(source, path) == 3
    assert (server.root / "größe 1.bin").read_bytes() == b"new"


async def test_folders(server, storage, tmp_path):
    (tmp_path / "source").write_bytes(b"12345")
    folder, other = f"{BASE}/a folder", f"{BASE}/other"
    await storage.list_folder("/")
    await storage.list_folder(BASE)
    await storage.make_sdcard_directory(folder)
    await storage.make_sdcard_directory(folder)
    await storage.upload_sdcard_file(tmp_path / "source", f"{folder}/x.3mf")
    await storage.rename_sdcard_file(folder, other)
    known = storage.cached_sd_card_contents
    assert known == await storage.get_sdcard_contents()
    assert await storage.sdcard_file_exists(f"{other}/x.3mf")
    assert not await storage.sdcard_file_exists(other), "it is a folder"
    # What the server does not list unless it is asked to.
    (server.root / "other" / "._x.3mf").write_bytes(b"")
    await storage.delete_sdcard_folder(other)
    assert list(server.root.iterdir()) == []


async def test_refusals(server, storage, tmp_path):
    (tmp_path / "source").write_bytes(b"12345")
    for work in (
        storage.list_folder(f"{BASE}/nothing"),
        storage.download_sdcard_file(f"{BASE}/nothing", tmp_path / "x"),
        storage.delete_sdcard_file(f"{BASE}/nothing"),
        storage.rename_sdcard_file(f"{BASE}/nothing", f"{BASE}/y"),
        storage.upload_sdcard_file(tmp_path / "source", f"{BASE}/no/y"),
        storage.make_sdcard_directory(f"{BASE}/no/y"),
    ):
        with pytest.raises(FileMissingError):
            await work
    with pytest.raises(StorageDeniedError):
        await storage.upload_sdcard_file(tmp_path / "source", "/not here")
    server.root.joinpath("one").write_bytes(b"1")
    server.root.joinpath("two").write_bytes(b"2")
    with pytest.raises(StorageDeniedError):
        await storage.rename_sdcard_file(f"{BASE}/one", f"{BASE}/two")
    assert server.log.read_text().count("LOGIN") == 1, "nothing costs the connection"


async def test_wrong_code(server):
    from dataclasses import replace

    storage = PrinterStorage(replace(server.endpoint, access_code="87654321"))
    with pytest.raises(InvalidAccessCodeError):
        await storage.list_folder(BASE)
    await storage.close()


async def test_a_large_project(server, storage):
    """By the server's own account less than a megabyte of 200 is moved."""
    parts = (Part(identify_id=7, name="A & B", box=(1, 2, 3, 4)),)
    project = Project(
        title="x", plates=(Plate(index=1, parts=parts),), size=200_000_000
    )
    with (server.root / "big.gcode.3mf").open("wb") as file:
        write_project(file, project)
    projects = ProjectStore(storage, None)
    info = await projects.get_project_info(BIG)
    for kind in ("plate", "pick", "plate"):
        assert await projects.get_picture(BIG, 1, kind)
    assert [item.name for item in info.plates[0].objects] == ["A & B"]
    moved = server.moved()
    assert len(moved) <= 4
    assert sum(count for _, count in moved) < 1_000_000
    assert server.log.read_text().count("LOGIN") == 1
    await projects.close()


async def test_cancelled_in_the_middle(server, storage, tmp_path):
    source = tmp_path / "source"
    with source.open("wb") as file:
        file.truncate(300_000_000)
    (server.root / "x.bin").write_bytes(b"what was there")
    begun = asyncio.Event()
    loop = asyncio.get_running_loop()
    task = asyncio.create_task(
        storage.upload_sdcard_file(
            source, f"{BASE}/x.bin", lambda _: loop.call_soon_threadsafe(begun.set)
        )
    )
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [file.name for file in server.root.iterdir()] == ["x.bin"]
    assert (server.root / "x.bin").read_bytes() == b"what was there"
    await storage.list_folder(BASE)
