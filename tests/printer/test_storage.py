"""The printer's storage, over real sockets to both kinds of servers."""

import asyncio
import io
import os
from pathlib import Path

import pytest

from custom_components.bambu_printer.printer import (
    ftps as ftps_module,
    lane as lane_module,
)
from custom_components.bambu_printer.printer.archive import ArchiveStream
from custom_components.bambu_printer.printer.errors import (
    CertificateChangedError,
    FileMissingError,
    InvalidAccessCodeError,
    InvalidPathError,
    PortRefusedError,
    StorageError,
    StorageFullError,
    TransferBrokenError,
)
from custom_components.bambu_printer.printer.project import ProjectReader, is_wanted
from custom_components.bambu_printer.printer.session import Endpoint
from custom_components.bambu_printer.printer.storage import PrinterStorage
from virtual_printer import VirtualPrinter

COMPLETE, SMALL = "X1C", "A1"


@pytest.fixture(params=[COMPLETE, SMALL])
def model(request):
    """Return a model for each of the two servers."""
    return request.param


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    """Wait only briefly for the last word that the small server never says."""
    monkeypatch.setattr(ftps_module, "REPLY_TIMEOUT", 0.5)


@pytest.fixture
async def printer(socket_enabled, model):
    async with VirtualPrinter(
        model=model, autostart_reports=False, ftps_folders=True
    ) as virtual:
        yield virtual


def endpoint(printer, **changes):
    return Endpoint(
        host="127.0.0.1",
        serial=printer.serial,
        access_code=changes.get("access_code", printer.access_code),
        pin=changes.get("pin", printer.ca_pem),
        ftps_port=printer.ftps_port,
    )


@pytest.fixture
async def storage(printer):
    found = PrinterStorage(endpoint(printer))
    yield found
    await found.close()


@pytest.fixture
def content():
    return os.urandom(700_000)


async def test_list(printer, storage):
    printer.add_file("/a file.txt", b"12345")
    printer.add_file("/folder/b.gcode.3mf", b"x")
    entries = {entry.path: entry for entry in await storage.list_folder("/")}
    assert entries["/a file.txt"].size == 5
    assert entries["/a file.txt"].modified.startswith("20")
    assert entries["/folder"].folder
    assert [x.name for x in await storage.list_folder("folder/")] == ["b.gcode.3mf"]


async def test_tree_and_projects(printer, storage):
    printer.add_file("/deep/er/b.gcode.3mf", b"x")
    printer.add_file("/deep/note.txt", b"x")
    assert storage.cached_sd_card_contents is None
    tree = await storage.get_sdcard_contents()
    assert tree == storage.cached_sd_card_contents
    deep = next(child for child in tree["children"] if child["id"] == "/deep")
    assert {child["id"] for child in deep["children"]} == {"/deep/er", "/deep/note.txt"}
    projects = storage.cached_sd_card_3mf_files
    deep = next(child for child in projects["children"] if child["id"] == "/deep")
    assert [child["id"] for child in deep["children"]] == ["/deep/er"]
    assert await storage.get_sdcard_3mf_files() == projects


async def test_there_and_back(storage, tmp_path, content):
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(content)
    seen = []
    assert await storage.upload_sdcard_file(source, "/up.bin", seen.append) == len(
        content
    )
    assert seen[-1] == len(content)
    assert await storage.sdcard_file_exists("/up.bin")
    assert await storage.file_size("/up.bin") == len(content)
    assert await storage.download_sdcard_file("/up.bin", target) == len(content)
    assert target.read_bytes() == content
    assert set(tmp_path.iterdir()) == {source, target}


async def test_cache_follows_changes(printer, storage, tmp_path):
    source = tmp_path / "source"
    source.write_bytes(b"12345")
    await storage.list_folder("/")
    lists = printer.ftps.count("LIST")
    await storage.make_sdcard_directory("/neu")
    await storage.upload_sdcard_file(source, "/neu/a.3mf")
    await storage.upload_sdcard_file(source, "/neu/b.3mf")
    await storage.rename_sdcard_file("/neu/a.3mf", "/neu/c.3mf")
    await storage.delete_sdcard_file("/neu/b.3mf")
    tree = storage.cached_sd_card_3mf_files
    assert printer.ftps.count("LIST") == lists
    folder = next(child for child in tree["children"] if child["id"] == "/neu")
    assert [child["id"] for child in folder["children"]] == ["/neu/c.3mf"]
    assert [entry.path for entry in await storage.list_folder("/neu")] == ["/neu/c.3mf"]
    await storage.delete_sdcard_folder("/neu")
    assert "/neu" not in {x["id"] for x in storage.cached_sd_card_contents["children"]}
    assert not (printer.card / "neu").exists()


async def test_folder_that_exists(printer, storage):
    await storage.make_sdcard_directory("/neu")
    await storage.make_sdcard_directory("/neu")
    assert (printer.card / "neu").is_dir()


@pytest.mark.parametrize(
    "path",
    [
        "/../etc/passwd",
        "/a\r\nDELE /b",
        "/a\x00",
        "/" + "x" * 300,
        "/a/../b",
        "/a\ud800",
        "/a\u2028",
    ],
)
async def test_paths_that_cannot_be(printer, storage, path):
    for attempt in (storage.file_size, storage.delete_sdcard_file, storage.list_folder):
        with pytest.raises(InvalidPathError):
            await attempt(path)
    assert printer.ftps.commands == []


@pytest.mark.parametrize("path", ["/", "", "//", "/."])
async def test_not_everything_at_once(printer, storage, path):
    with pytest.raises(InvalidPathError):
        await storage.delete_sdcard_folder(path)
    with pytest.raises(InvalidPathError):
        await storage.rename_sdcard_file(path, "/x")
    assert printer.ftps.commands == []


@pytest.mark.parametrize("name", ["/a:b", "/a?", "/a*", "/end.", "/end ", "/"])
async def test_names_for_new_things(storage, tmp_path, name):
    with pytest.raises(InvalidPathError):
        await storage.upload_sdcard_file(tmp_path / "x", name)


@pytest.mark.parametrize(
    "name",
    [
        "日本語\u3000部品",
        "می\u200cخواهم",
        "no\u00a0break",
        "👩\u200d🔧",
        " leading",
    ],
)
async def test_names_of_all_the_world(printer, storage, tmp_path, name):
    """They appear in listings, and can be used."""
    (tmp_path / "x").write_bytes(b"content")
    folder = f"/{name}"
    path = f"{folder}/{name}.gcode.3mf"
    await storage.make_sdcard_directory(folder)
    await storage.upload_sdcard_file(tmp_path / "x", path)
    assert folder in {entry.path for entry in await storage.list_folder()}
    assert [entry.path for entry in await storage.list_folder(folder)] == [path]
    assert await storage.file_size(path) == len(b"content")
    await storage.delete_sdcard_folder(folder)
    assert not (printer.card / name).exists()


async def test_missing(storage, tmp_path):
    assert not await storage.sdcard_file_exists("/nothing")
    with pytest.raises(FileMissingError):
        await storage.download_sdcard_file("/nothing", tmp_path / "x")
    with pytest.raises(FileMissingError):
        await storage.delete_sdcard_file("/nothing")
    with pytest.raises(FileMissingError):
        await storage.list_folder("/nothing")
    assert list(tmp_path.iterdir()) == []
    # The connection is as good as before.
    await storage.list_folder("/")


async def test_a_source_that_is_missing(storage, tmp_path):
    with pytest.raises(StorageError, match="nothing"):
        await storage.upload_sdcard_file(tmp_path / "nothing", "/x")


async def test_full_card(printer, storage, tmp_path, content):
    source = tmp_path / "source"
    source.write_bytes(content)
    printer.faults.ftps_full = 100_000
    with pytest.raises((StorageFullError, TransferBrokenError)):
        await storage.upload_sdcard_file(source, "/up.bin")
    printer.faults.ftps_full = None
    assert not await storage.sdcard_file_exists("/up.bin")


async def test_wrong_code(printer):
    storage = PrinterStorage(endpoint(printer, access_code="00000000"))
    with pytest.raises(InvalidAccessCodeError):
        await storage.list_folder("/")
    await storage.close()


async def test_another_certificate(printer):
    async with VirtualPrinter(model=COMPLETE) as other:
        await other.restart(new_certificate=True)
        storage = PrinterStorage(endpoint(printer, pin=other.ca_pem))
        with pytest.raises(CertificateChangedError):
            await storage.list_folder("/")
        assert printer.ftps.commands == []
        await storage.close()


async def test_switched_off_and_on(printer, storage):
    await storage.list_folder("/")
    await printer.power_off()
    with pytest.raises(PortRefusedError):
        await storage.list_folder("/")
    await printer.power_on()
    await storage.list_folder("/")


async def test_one_connection_serves_many(printer, storage):
    for _ in range(3):
        await storage.list_folder("/")
    assert printer.ftps.count("USER") == 1


async def test_unused_connection_is_given_up(printer, storage, monkeypatch):
    monkeypatch.setattr(lane_module, "IDLE_TIME", 0.05)
    await storage.list_folder("/")
    await asyncio.sleep(0.2)
    assert not storage._lane.connected
    await storage.list_folder("/")
    assert printer.ftps.count("USER") == 2


async def test_one_after_the_other(storage, tmp_path, content):
    source = tmp_path / "source"
    source.write_bytes(content)
    await asyncio.gather(
        *(storage.upload_sdcard_file(source, f"/{n}.bin") for n in range(3)),
        *(storage.list_folder("/") for _ in range(3)),
    )
    sizes = {entry.name: entry.size for entry in await storage.list_folder("/")}
    assert {sizes[f"{n}.bin"] for n in range(3)} == {len(content)}


async def test_cancelled_download_leaves_nothing(printer, storage, tmp_path):
    printer.add_file("/big.bin", os.urandom(3_000_000))
    printer.faults.ftps_slow = 500_000
    task = asyncio.create_task(storage.download_sdcard_file("/big.bin", tmp_path / "x"))
    await asyncio.sleep(0.3)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert list(tmp_path.iterdir()) == []
    printer.faults.ftps_slow = None
    assert await storage.file_size("/big.bin") == 3_000_000


async def test_lost_in_the_middle(printer, storage, tmp_path, content):
    printer.add_file("/big.bin", content)
    target: Path = tmp_path / "x"
    await asyncio.to_thread(target.write_bytes, b"what was there")
    printer.faults.ftps_drop_after = 200_000
    with pytest.raises(TransferBrokenError):
        await storage.download_sdcard_file("/big.bin", target)
    assert await asyncio.to_thread(target.read_bytes) == b"what was there"
    assert list(tmp_path.iterdir()) == [target]
    printer.faults.ftps_drop_after = None
    assert await storage.download_sdcard_file("/big.bin", target) == len(content)


async def pieces(storage, path, *spans):
    """Read parts of a file."""
    size = await storage.file_size(path)

    def work(file):
        found = []
        for start, length in spans:
            file.seek(start)
            found.append(file.read(length))
        return found

    return await storage.read_pieces(path, size, work)


@pytest.mark.parametrize("model", [COMPLETE])
async def test_parts_of_files(printer, storage, content):
    printer.add_file("/big.bin", content)
    assert await pieces(storage, "/big.bin", (1000, 500), (690_000, 99_999)) == [
        content[1000:1500],
        content[690_000:],
    ]
    assert printer.ftps.count("USER") == 1


@pytest.mark.parametrize("model", [SMALL])
async def test_no_parts_from_the_small_server(printer, storage, content):
    printer.add_file("/big.bin", content)
    assert await pieces(storage, "/big.bin", (0, 1)) is None
    assert await pieces(storage, "/big.bin", (0, 1)) is None
    assert printer.ftps.count("REST") == 1, "asked once and remembered"
    assert printer.ftps.count("RETR") == 0


async def test_project_as_it_passes_by(printer, storage):
    path = "/part.gcode.3mf"
    await asyncio.to_thread(printer.make_project, path)
    stream = ArchiveStream(is_wanted)
    size = await storage.read_into(path, stream.write)
    assert size == (printer.card / "part.gcode.3mf").stat().st_size
    info = ProjectReader(stream, path).info()
    assert info.plates
    plate = info.plates[0]
    assert plate.objects
    assert plate.filaments
    assert plate.prediction
    assert ProjectReader(stream, path).picture(plate.number)


async def test_whole_file_into_memory(printer, storage, content):
    printer.add_file("/big.bin", content)
    into = io.BytesIO()
    assert await storage.read_into("/big.bin", into.write) == len(content)
    assert into.getvalue() == content
