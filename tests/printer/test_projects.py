"""Projects on the storage: what is moved for them, what is kept, and what is refused."""

import asyncio
import os
from pathlib import Path
import time
import tracemalloc

import pytest

from custom_components.bambu_printer.printer import project_cache, projects as module
from custom_components.bambu_printer.printer.errors import (
    BambuError,
    FileMissingError,
    NotConnectedError,
    PrinterConnectionError,
    ProjectError,
    ProjectIncompleteError,
    ProjectTooLargeError,
    TransferBrokenError,
)
from custom_components.bambu_printer.printer.projects import (
    ProjectStore,
    job_candidates,
)
from custom_components.bambu_printer.printer.session import Endpoint
from custom_components.bambu_printer.printer.state.job import JobState
from custom_components.bambu_printer.printer.storage import PrinterStorage
from virtual_printer import VirtualPrinter
from virtual_printer.hostile import hostile, many_members, zip64

COMPLETE, SMALL = "X1C", "A1"
PATH = "/part.gcode.3mf"
MEGABYTE = 1_000_000


@pytest.fixture(params=[COMPLETE, SMALL])
def model(request):
    """Return a model for each of the two servers."""
    return request.param


@pytest.fixture
async def printer(socket_enabled, model):
    async with VirtualPrinter(model=model, autostart_reports=False) as virtual:
        yield virtual


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    """Wait only briefly for the last word that the small server never says."""
    monkeypatch.setattr(
        "custom_components.bambu_printer.printer.ftps.REPLY_TIMEOUT", 0.5
    )


@pytest.fixture
async def storage(printer):
    found = PrinterStorage(
        Endpoint(
            host="127.0.0.1",
            serial=printer.serial,
            access_code=printer.access_code,
            pin=printer.ca_pem,
            ftps_port=printer.ftps_port,
        )
    )
    yield found
    await found.close()


@pytest.fixture
async def store(storage, tmp_path):
    found = ProjectStore(storage, tmp_path / "kept")
    yield found
    await found.close()


def only_complete(test):
    return pytest.mark.parametrize("model", [COMPLETE])(test)


def only_small(test):
    return pytest.mark.parametrize("model", [SMALL])(test)


def files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*")) if folder.exists() else []


# ---- what it says --------------------------------------------------------------------------


async def test_what_it_says(printer, store):
    project = printer.make_project(PATH, plates=3, objects=4)
    info = await store.get_project_info(PATH)
    assert [plate.number for plate in info.plates] == [1, 3], "the second is not sliced"
    for plate, made in zip(info.plates, project.plates[::2], strict=True):
        assert [item.identify_id for item in plate.objects] == list(made.objects)
        assert [item.box for item in plate.objects] == [x.box for x in made.parts]
        assert plate.prediction == made.seconds
        assert plate.weight == made.weight
        assert plate.bed_type == made.bed
        assert [(x.number, x.grams) for x in plate.filaments] == list(made.uses)
        assert plate.pictures == {"plate", "small", "top", "pick"}
    assert (await store.get_project_info(PATH, 3)).plates == info.plates[1:]
    with pytest.raises(ProjectError):
        await store.get_project_info(PATH, 2)
    seen = [await store.get_picture(PATH, 3, kind) for kind in module.PICTURE_KINDS]
    assert len({len(picture) for picture in seen}) == 4
    assert await store.get_picture(PATH, 9) is None


@pytest.mark.parametrize("model", ["H2D"])
async def test_two_nozzles(printer, store):
    printer.make_project(PATH, dual=True)
    (plate,) = (await store.get_project_info(PATH)).plates
    assert [item.extruder for item in plate.filaments] == [1, 0]
    assert plate.nozzle_diameters == (0.4, 0.4)


# ---- what is moved -------------------------------------------------------------------------


@only_complete
async def test_little_is_moved(printer, store):
    """Info and cover of the 200 MB on the card: two pieces, less than half a megabyte."""
    path = "/Large_vase.gcode.3mf"
    assert await asyncio.to_thread(printer.card.joinpath, path[1:])
    before = time.monotonic()
    info = await store.get_project_info(path, 1)
    assert await store.get_picture(path, 1)
    elapsed = time.monotonic() - before
    assert info.plates[0].prediction
    assert printer.ftps.count("RETR") == 2
    assert printer.ftps.bytes_sent < MEGABYTE / 2
    assert printer.ftps.logins == 1
    assert elapsed < 5


@only_complete
@pytest.mark.parametrize("fault", ["ftps_no_abort", "ftps_drop_at_end"])
async def test_a_server_that_hangs_up(printer, store, fault):
    """Breaking off a transfer may cost the connection; the rest is read over another."""
    printer.make_project(PATH, plates=3, size=4 * MEGABYTE)
    setattr(printer.faults, fault, True)
    info = await store.get_project_info(PATH)
    assert [plate.number for plate in info.plates] == [1, 3]
    assert await store.get_picture(PATH, 3, "pick")
    assert printer.ftps.logins > 1
    assert printer.ftps.bytes_sent < MEGABYTE


@only_complete
async def test_a_server_that_lies(printer, storage, store):
    """It says that it starts in the middle, and does not: noticed, and remembered."""
    printer.make_project(PATH, plates=2, size=MEGABYTE)
    printer.faults.ftps_ignore_rest = True
    info = await store.get_project_info(PATH)
    assert len(info.plates) == 2
    assert await store.get_picture(PATH, 2)
    assert not await storage.can_read_pieces()
    assert printer.ftps.count("RETR") == 2


async def test_a_whole_download_serves_everything(printer, store, tmp_path):
    """Refused: one download, of which nothing stays but what is wanted."""
    printer.faults.ftps_no_rest = True
    size = 30 * MEGABYTE
    printer.make_project(PATH, plates=2, size=size)
    info = await store.get_project_info(PATH)
    for plate in info.plates:
        for kind in module.PICTURE_KINDS:
            assert await store.get_picture(PATH, plate.number, kind)
    assert printer.ftps.count("RETR") == 1
    assert size * 0.9 < printer.ftps.bytes_sent < size * 1.1
    (kept,) = files(tmp_path)[1:]
    assert kept.stat().st_size < MEGABYTE / 2


@only_small
async def test_memory_stays_flat(printer, store):
    """A large archive passes by, and leaves little behind on its way."""
    printer.make_project(PATH, size=60 * MEGABYTE)
    tracemalloc.start()
    try:
        await store.get_project_info(PATH)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert printer.ftps.bytes_sent > 60 * MEGABYTE
    # The virtual printer's own share is in it.
    assert most < 10 * MEGABYTE


@only_small
async def test_nothing_large_is_downloaded_unasked(printer, store):
    printer.make_project(PATH)
    with pytest.raises(ProjectTooLargeError):
        await store.get_project_info("/Large_vase.gcode.3mf")
    with pytest.raises(ProjectTooLargeError):
        await store.get_picture(PATH, 1, limit=0)
    assert printer.ftps.count("RETR") == 0
    assert await store.get_picture(PATH, 1)
    # What is known costs nothing.
    assert await store.get_picture(PATH, 1, limit=0)
    assert printer.ftps.count("RETR") == 1


async def test_those_who_ask_together_share(printer, store):
    printer.make_project(PATH, size=2 * MEGABYTE)
    answers = await asyncio.gather(
        *(store.get_project_info(PATH) for _ in range(5)),
        *(store.get_picture(PATH, 1, "pick") for _ in range(5)),
    )
    assert answers[0] == answers[4]
    assert answers[5] == answers[9]
    assert printer.ftps.count("RETR") <= (1 if printer.model == SMALL else 4)


@only_small
async def test_one_who_leaves_does_not_end_it_for_others(printer, store):
    printer.make_project(PATH, size=2 * MEGABYTE)
    printer.faults.ftps_slow = 8 * MEGABYTE
    first, second = (asyncio.create_task(store.get_project_info(PATH)) for _ in "12")
    while not printer.ftps.bytes_sent:
        await asyncio.sleep(0.01)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    assert (await second).plates
    assert printer.ftps.count("RETR") == 1


@only_small
async def test_when_nobody_waits_it_ends(printer, store, tmp_path):
    printer.make_project(PATH, size=20 * MEGABYTE)
    printer.faults.ftps_slow = MEGABYTE
    task = asyncio.create_task(store.get_project_info(PATH))
    while not printer.ftps.bytes_sent:
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert printer.ftps.bytes_sent < 3 * MEGABYTE
    assert files(tmp_path) == []
    printer.faults.ftps_slow = None
    assert await store.get_project_info(PATH)


@only_small
async def test_closing_tells_those_who_wait(printer, storage, store):
    printer.make_project(PATH, size=20 * MEGABYTE)
    printer.faults.ftps_slow = MEGABYTE
    task = asyncio.create_task(store.get_project_info(PATH))
    while not printer.ftps.bytes_sent:
        await asyncio.sleep(0.01)
    await store.close()
    await storage.close()
    with pytest.raises(NotConnectedError):
        await task


# ---- what is kept --------------------------------------------------------------------------


async def test_kept_until_it_changes(printer, storage, store, tmp_path):
    first = printer.make_project(PATH)
    await store.get_project_info(PATH)
    await store.get_picture(PATH, 1)
    moved = printer.ftps.bytes_sent
    await store.get_project_info(PATH)
    # As after a restart.
    again = ProjectStore(storage, tmp_path / "kept")
    info = await again.get_project_info(PATH)
    assert await again.get_picture(PATH, 1)
    assert printer.ftps.bytes_sent == moved
    assert info.plates[0].prediction == first.plates[0].seconds
    os.utime(printer.card / PATH[1:], (1, 1))
    await again.get_project_info(PATH)
    assert printer.ftps.bytes_sent > moved
    second = printer.make_project(PATH, plates=2)
    info = await again.get_project_info(PATH)
    assert len(info.plates) == len(second.plates)


async def test_names_on_this_machine_say_nothing(printer, store, tmp_path):
    printer.make_project("/cache/Geheim & Co.gcode.3mf")
    await store.get_project_info("/cache/Geheim & Co.gcode.3mf")
    (folder, kept) = files(tmp_path)
    assert folder.name == "kept"
    assert kept.name.removesuffix(".members").isalnum()


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: content[:-30],
        lambda content: content[:200] + b"\xff" * 50 + content[250:],
        lambda content: os.urandom(len(content)),
    ],
)
async def test_damaged_files_are_dropped(printer, storage, store, tmp_path, damage):
    printer.make_project(PATH)
    expected = await store.get_project_info(PATH)
    (kept,) = files(tmp_path)[1:]
    kept.write_bytes(damage(kept.read_bytes()))
    (tmp_path / "kept" / "crashed.part").write_bytes(b"x")
    again = ProjectStore(storage, tmp_path / "kept")
    assert await again.get_project_info(PATH) == expected
    assert files(tmp_path)[1:] == [kept]


async def test_bounds(printer, storage, store, tmp_path, monkeypatch):
    monkeypatch.setattr(project_cache, "MOST_FILES", 3)
    for number in range(5):
        printer.make_project(f"/{number}.3mf")
        await store.get_project_info(f"/{number}.3mf")
    assert len(files(tmp_path)[1:]) == 3
    monkeypatch.setattr(project_cache, "MOST_BYTES", 1)
    printer.make_project("/last.3mf")
    await store.get_project_info("/last.3mf")
    assert len(files(tmp_path)[1:]) == 1
    memory = ProjectStore(storage, None)
    monkeypatch.setattr(project_cache, "MOST_IN_MEMORY", 1)
    for number in range(3):
        await memory.get_project_info(f"/{number}.3mf")
    assert len(memory._cache._memory) == 1


async def test_a_folder_that_cannot_be_written(printer, storage, tmp_path, caplog):
    (tmp_path / "kept").write_text("a file")
    printer.make_project(PATH)
    store = ProjectStore(storage, tmp_path / "kept")
    assert (await store.get_project_info(PATH)).plates
    assert "cannot be kept" in caplog.text


async def test_what_was_uploaded_is_known(printer, store, tmp_path):
    with VirtualCard(printer) as source:
        size = await store.upload(source, "/cache/sent.3mf")
    assert size == (printer.card / "cache/sent.3mf").stat().st_size
    info = await store.get_project_info("/cache/sent.3mf", limit=0)
    assert len(info.plates) == 2
    for kind in module.PICTURE_KINDS:
        assert await store.get_picture("/cache/sent.3mf", 2, kind, limit=0)
    assert printer.ftps.count("RETR") == 0


class VirtualCard:
    """A project of this machine."""

    def __init__(self, printer) -> None:
        self._printer = printer

    def __enter__(self) -> Path:
        self._printer.make_project("/elsewhere.3mf", plates=2)
        return self._printer.card / "elsewhere.3mf"

    def __exit__(self, *_: object) -> None:
        (self._printer.card / "elsewhere.3mf").unlink()


async def test_what_is_no_project_is_uploaded_as_well(printer, store, tmp_path):
    source = tmp_path / "source.3mf"
    source.write_bytes(b"no archive")
    assert await store.upload(source, "/x.3mf") == 10
    with pytest.raises(ProjectError):
        await store.get_project_info("/x.3mf")


# ---- what is refused -----------------------------------------------------------------------

REFUSED = dict(hostile())


@pytest.mark.parametrize("name", sorted({*REFUSED, "many_members"}))
async def test_hostile(printer, store, tmp_path, name):
    content = REFUSED.get(name) or (many_members() if "many" in name else b"")
    printer.add_file(PATH, content)
    # What passes by has no directory to lie in.
    harmless = {"absurd_sizes", "absurd_offsets", "cut_directory", "wrong_crc"}
    if printer.model == SMALL and name in harmless:
        assert (await store.get_project_info(PATH)).plates
        return
    with pytest.raises(ProjectError) as caught:
        await store.get_project_info(PATH)
    assert caught.value.details["path"] == PATH
    assert "escaped" not in str(caught.value)
    assert files(tmp_path) == []
    # The printer is none the worse for it.
    printer.make_project("/good.3mf")
    assert await store.get_project_info("/good.3mf")
    if printer.model == COMPLETE:
        assert printer.ftps.logins == 1


async def test_what_is_no_good_is_not_fetched_again(printer, store):
    printer.add_file(PATH, REFUSED["entity_bomb"] + bytes(1000))
    for _ in range(3):
        with pytest.raises(ProjectError) as caught:
            await store.get_project_info(PATH)
        assert caught.value.details["path"] == PATH
    assert printer.ftps.count("RETR") == 1
    printer.make_project(PATH)
    assert await store.get_project_info(PATH), "another file"


async def test_unfinished(printer, store):
    printer.make_project(PATH)
    whole = (printer.card / PATH[1:]).read_bytes()
    (printer.card / PATH[1:]).write_bytes(whole[: len(whole) // 2])
    for _ in "12":
        with pytest.raises(ProjectIncompleteError):
            await store.get_project_info(PATH)
    (printer.card / PATH[1:]).write_bytes(whole)
    assert await store.get_project_info(PATH)


async def test_wide_archives(printer, store):
    printer.add_file(PATH, zip64())
    assert (await store.get_project_info(PATH)).plates


async def test_missing(store):
    with pytest.raises(FileMissingError):
        await store.get_project_info("/nothing.3mf")
    with pytest.raises(FileMissingError):
        await store.get_picture("/nothing.3mf", 1)


async def test_out_of_reach(printer, store):
    printer.make_project(PATH, size=MEGABYTE)
    printer.faults.ftps_drop_after = "RETR"
    with pytest.raises(TransferBrokenError):
        await store.get_project_info(PATH)
    printer.faults.ftps_drop_after = None
    await printer.power_off()
    with pytest.raises(PrinterConnectionError):
        await store.get_project_info(PATH)
    await printer.power_on()
    assert await store.get_project_info(PATH)


# ---- where a job is ------------------------------------------------------------------------


def job(name: str = "", file: str = "") -> JobState:
    return JobState(name=name or None, file=file or None)


@pytest.mark.parametrize(
    ("there", "running"),
    [
        ("/Name.gcode.3mf", job("Name", "/data/Metadata/plate_1.gcode")),
        ("/Name.gcode.3mf", job("Name", "Name.gcode.3mf")),
        ("/cache/NAME.3mf", job("NAME", "data/metadata/plate_1.gcode")),
        ("/cache/NAME.3mf", job("NAME", "NAME.3mf")),
        ("/cache/My title.3mf", job("My title", "/data/metadata/plate_3.gcode")),
        ("/cache/My_title.3mf", job("My title", "/data/metadata/plate_3.gcode")),
        ("/folder/part.3mf", job("part", "/sdcard/folder/part.3mf")),
        ("/folder/part.3mf", job("part", "folder/part.3mf")),
        ("/cache/a_b.3mf", job("a/b", "/data/Metadata/plate_1.gcode")),
    ],
)
@only_complete
async def test_where_a_job_is(printer, store, there, running):
    printer.add_file(there, b"x")
    assert await store.find_job_file(running) == there


@pytest.mark.parametrize(
    "running",
    [
        job(),
        job("In internal memory", "/data/Metadata/plate_1.gcode"),
        job("/data/Metadata/plate_1.gcode"),
        job("plain", "/plain.gcode"),
        job("..", "../../etc/passwd"),
        job("a\r\nDELE /x", "b\x00"),
        job("x" * 300, "y" * 300),
        job("   "),
    ],
)
async def test_a_job_that_is_not_there(printer, store, running):
    printer.add_file("/empty.3mf", b"")
    assert await store.find_job_file(running) is None
    assert await store.find_job_file(job("empty")) is None
    assert printer.ftps.count("DELE") == 0
    assert all(
        path.startswith("/") and ".." not in path.split("/")
        for path in job_candidates(running)
    )


@only_complete
async def test_of_several_the_one_with_the_plate(printer, store):
    printer.make_project("/cache/two.3mf", plates=1)
    printer.make_project("/two.3mf", plates=2)
    running = job("two", "/data/Metadata/plate_2.gcode")
    assert await store.find_job_file(running) == "/two.3mf"
    running = job("two", "/data/Metadata/plate_1.gcode")
    assert await store.find_job_file(running) == "/cache/two.3mf"


async def test_looking_for_a_job_without_the_printer(printer, store):
    await printer.power_off()
    with pytest.raises(BambuError):
        await store.find_job_file(job("x"))
