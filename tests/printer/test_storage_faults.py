"""Every operation on files, with everything that can go wrong: a clear error, no halves."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
import os
from pathlib import Path
import resource
from typing import Any

import pytest

from custom_components.bambu_printer.printer import (
    BambuPrinter,
    ftps as ftps_module,
    storage as storage_module,
)
from custom_components.bambu_printer.printer.errors import (
    BambuError,
    FileMissingError,
    InvalidAccessCodeError,
    PrinterConnectionError,
    StorageDeniedError,
    StorageError,
    StorageFullError,
    TransferBrokenError,
)
from custom_components.bambu_printer.printer.session import Endpoint
from custom_components.bambu_printer.printer.storage import PrinterStorage
from virtual_printer import VirtualPrinter
from virtual_printer.threemf import Plate, Project, project_bytes

COMPLETE, SMALL = "X1C", "A1"
BEFORE = b"what was there before"
CONTENT = os.urandom(600_000)
PROJECT = project_bytes(Project(title="x", plates=(Plate(index=1),)))


@dataclass(frozen=True)
class Place:
    """Where an operation works: a printer, and a folder of this machine."""

    files: BambuPrinter
    folder: Path


@dataclass(frozen=True)
class Operation:
    """A method, and what it says to the server in turn."""

    do: Callable[[Place], Awaitable[Any]]
    verbs: tuple[str, ...]
    missing: str | None = "/there.gcode.3mf"
    """What it needs; None: nothing."""


OPERATIONS = {
    "get_sdcard_contents": Operation(
        lambda at: at.files.get_sdcard_contents(), ("CWD", "PASV", "LIST"), None
    ),
    "get_sdcard_3mf_files": Operation(
        lambda at: at.files.get_sdcard_3mf_files(), ("CWD", "PASV", "LIST"), None
    ),
    "sdcard_file_exists": Operation(
        lambda at: at.files.sdcard_file_exists("/there.gcode.3mf"), ("SIZE",), None
    ),
    "upload_sdcard_file": Operation(
        lambda at: at.files.upload_sdcard_file(at.folder / "source", "/sent.bin"),
        ("CWD", "PASV", "STOR"),
        None,
    ),
    "download_sdcard_file": Operation(
        lambda at: at.files.download_sdcard_file(
            "/there.gcode.3mf", at.folder / "target"
        ),
        ("SIZE", "PASV", "RETR"),
    ),
    "rename_sdcard_file": Operation(
        lambda at: at.files.rename_sdcard_file("/there.gcode.3mf", "/moved.bin"),
        ("RNFR", "RNTO"),
    ),
    "make_sdcard_directory": Operation(
        lambda at: at.files.make_sdcard_directory("/new"), ("MKD",), None
    ),
    "delete_sdcard_file": Operation(
        lambda at: at.files.delete_sdcard_file("/there.gcode.3mf"), ("DELE",)
    ),
    "delete_sdcard_folder": Operation(
        lambda at: at.files.delete_sdcard_folder("/folder"),
        ("CWD", "PASV", "LIST", "DELE", "RMD"),
        "/folder",
    ),
    "get_project_info": Operation(
        lambda at: at.files.get_project_info("/there.gcode.3mf"),
        ("SIZE", "MDTM", "PASV", "RETR"),
    ),
}
LOGIN = ("USER", "PASS", "TYPE", "PBSZ", "PROT")
TRANSFERS = (
    "get_sdcard_contents",
    "upload_sdcard_file",
    "download_sdcard_file",
    "delete_sdcard_folder",
    "get_project_info",
)
_TAKING = ("delete", "rename")
BY_SIZE = ("upload_sdcard_file", "download_sdcard_file", "get_project_info")
every_operation = pytest.mark.parametrize("name", OPERATIONS)


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    """Wait only briefly for what does not come."""
    monkeypatch.setattr(ftps_module, "REPLY_TIMEOUT", 0.4)
    monkeypatch.setattr(ftps_module, "UPLOAD_REPLY_TIMEOUT", 0.4)
    monkeypatch.setattr(ftps_module, "CONNECT_TIMEOUT", 0.8)
    monkeypatch.setattr(ftps_module, "BUSY_PAUSE", 0.2)
    monkeypatch.setattr(storage_module, "ARRIVAL_PAUSE", 0.02)


@pytest.fixture
def model():
    """Return the model; tests ask for another by parametrizing."""
    return COMPLETE


@pytest.fixture
async def printer(socket_enabled, model, tmp_path_factory):
    # A card that is not empty is left as it is: filling one takes longer than most tests.
    card = tmp_path_factory.mktemp("card")
    (card / "verify_job").write_bytes(b"ok")
    async with VirtualPrinter(
        model=model, autostart_reports=False, ftps_folders=True, storage_dir=card
    ) as virtual:
        virtual.add_file("/there.gcode.3mf", PROJECT)
        virtual.add_file("/folder/inside.bin", BEFORE)
        yield virtual


def connect(printer, **changes) -> BambuPrinter:
    return BambuPrinter(
        Endpoint(
            host="127.0.0.1",
            serial=printer.serial,
            access_code=changes.get("access_code", printer.access_code),
            pin=printer.ca_pem,
            mqtt_port=printer.mqtt_port,
            ftps_port=printer.ftps_port,
        )
    )


@pytest.fixture
async def at(printer, tmp_path):
    (tmp_path / "source").write_bytes(CONTENT)
    (tmp_path / "target").write_bytes(BEFORE)
    found = connect(printer)
    yield Place(found, tmp_path)
    await found.quit()


def check_nothing_half(printer, at: Place) -> None:
    """Neither here nor there: what was there is there, or what should be, as a whole."""
    here = {path.name: path.read_bytes() for path in at.folder.iterdir()}
    assert here.keys() <= {"source", "target"}
    assert here["target"] in (BEFORE, PROJECT)
    card = printer.card
    assert (
        not (card / "sent.bin").exists() or (card / "sent.bin").read_bytes() == CONTENT
    )
    known = [card / name for name in ("there.gcode.3mf", "moved.bin")]
    assert {path.read_bytes() for path in known if path.exists()} <= {
        PROJECT,
        CONTENT,
    }
    assert list(card.glob("*.part")) == []


async def works_again(printer, at: Place, name: str) -> None:
    """The next operation is none the worse."""
    printer.add_file("/there.gcode.3mf", PROJECT)
    printer.add_file("/folder/inside.bin", BEFORE)
    for left in ("moved.bin", "sent.bin"):
        (printer.card / left).unlink(missing_ok=True)
    await OPERATIONS[name].do(at)


def steps() -> list[Any]:
    return [
        pytest.param(model, name, verb, id=f"{name}-{verb}-{model}")
        for name, operation in OPERATIONS.items()
        for verb in operation.verbs
        for model in (COMPLETE, SMALL)
        if model == COMPLETE or name in BY_SIZE
    ] + [
        pytest.param(COMPLETE, "download_sdcard_file", verb, id=verb) for verb in LOGIN
    ]


@pytest.mark.parametrize(("model", "name", "verb"), steps())
async def test_lost_at_each_step(printer, at, name, verb):
    """The printer hangs up instead of obeying."""
    printer.faults.ftps_drop_after = verb
    with pytest.raises((StorageError, PrinterConnectionError)) as caught:
        await OPERATIONS[name].do(at)
    assert type(caught.value) is not StorageError
    printer.faults.ftps_drop_after = None
    # What could not be cleared away then is before anything else is done.
    await at.files.sdcard_file_exists("/x")
    check_nothing_half(printer, at)
    await works_again(printer, at, name)


@pytest.mark.parametrize("model", [COMPLETE, SMALL])
@pytest.mark.parametrize("name", TRANSFERS)
@pytest.mark.parametrize(
    "fault",
    [
        {"ftps_drop_data": True},
        {"ftps_drop_after": 20},
        {"ftps_drop_after": 20, "ftps_drop_control": False},
        {"ftps_drop_at_end": True},
    ],
    ids=["data TLS", "in the middle", "data in the middle", "last reply"],
)
async def test_lost_during_a_transfer(printer, at, name, fault):
    for key, value in fault.items():
        setattr(printer.faults, key, value)
    # Where there is a size to compare with, the last word is not needed.
    if "ftps_drop_at_end" in fault and name in BY_SIZE:
        await OPERATIONS[name].do(at)
    else:
        with pytest.raises(TransferBrokenError):
            await OPERATIONS[name].do(at)
    printer.faults.ftps_drop_data = printer.faults.ftps_drop_at_end = False
    printer.faults.ftps_drop_after = None
    await at.files.sdcard_file_exists("/x")
    check_nothing_half(printer, at)
    await works_again(printer, at, name)


@every_operation
async def test_out_of_reach(printer, at, name):
    await printer.power_off()
    with pytest.raises(PrinterConnectionError):
        await OPERATIONS[name].do(at)
    await printer.power_on()
    check_nothing_half(printer, at)
    at.files.storage._lane._endpoint = connect(printer).endpoint
    await works_again(printer, at, name)


@every_operation
async def test_wrong_code(printer, at, name):
    wrong = connect(printer, access_code="00000000")
    with pytest.raises(InvalidAccessCodeError):
        await OPERATIONS[name].do(Place(wrong, at.folder))
    assert "00000000" not in " ".join(printer.ftps.commands)
    assert set(printer.ftps.commands) == {"USER bblp", "PASS ****"}
    check_nothing_half(printer, at)
    await wrong.quit()


@pytest.mark.parametrize("model", [COMPLETE, SMALL])
@pytest.mark.parametrize(
    "name", [name for name, operation in OPERATIONS.items() if operation.missing]
)
async def test_missing(printer, at, name):
    (printer.card / "there.gcode.3mf").unlink()
    (printer.card / "folder" / "inside.bin").unlink()
    (printer.card / "folder").rmdir()
    with pytest.raises(FileMissingError) as caught:
        await OPERATIONS[name].do(at)
    assert caught.value.details["path"] == OPERATIONS[name].missing
    check_nothing_half(printer, at)
    assert printer.ftps.logins == 1
    await works_again(printer, at, name)


@pytest.mark.parametrize("model", [COMPLETE, SMALL])
@pytest.mark.parametrize("room", [0, 100_000])
async def test_full_card(printer, at, room):
    printer.faults.ftps_full = room
    with pytest.raises((StorageFullError, TransferBrokenError)) as caught:
        await at.files.upload_sdcard_file(at.folder / "source", "/sent.bin")
    if room == 0:
        assert isinstance(caught.value, StorageFullError)
    with pytest.raises(StorageDeniedError):
        await at.files.make_sdcard_directory("/new")
    check_nothing_half(printer, at)
    assert not (printer.card / "sent.bin").exists()
    # Everything that needs no room goes on.
    for name in ("get_sdcard_contents", "download_sdcard_file", "delete_sdcard_file"):
        await OPERATIONS[name].do(at)


@pytest.mark.parametrize("model", [SMALL])
async def test_a_card_that_is_slow(printer, at, monkeypatch):
    """The small server never says when it is done: as long as a file grows, we wait."""
    sizes = iter([100, 5000, len(CONTENT)])
    monkeypatch.setattr(ftps_module.Connection, "size", lambda self, path: next(sizes))
    sent = await at.files.upload_sdcard_file(at.folder / "source", "/sent.bin")
    assert sent == len(CONTENT)
    assert (printer.card / "sent.bin").read_bytes() == CONTENT


async def test_a_full_card_says_so(printer, at):
    """Also when it is noticed in the middle."""
    printer.faults.ftps_full = 100_000
    with pytest.raises(StorageFullError):
        await at.files.upload_sdcard_file(at.folder / "source", "/sent.bin")


async def test_what_was_there_survives_a_failed_upload(printer, at):
    printer.add_file("/sent.bin", BEFORE)
    printer.faults.ftps_drop_after = 1000
    with pytest.raises(TransferBrokenError):
        await at.files.upload_sdcard_file(at.folder / "source", "/sent.bin")
    assert (printer.card / "sent.bin").read_bytes() == BEFORE
    printer.faults.ftps_drop_after = None
    await at.files.upload_sdcard_file(at.folder / "source", "/sent.bin")
    assert (printer.card / "sent.bin").read_bytes() == CONTENT
    assert list(printer.card.glob("*.part")) == []


@pytest.mark.parametrize("model", [COMPLETE, SMALL])
@pytest.mark.parametrize("name", ["upload_sdcard_file", "download_sdcard_file"])
async def test_cancelled(printer, at, name):
    printer.add_file("/there.gcode.3mf", os.urandom(3_000_000))
    (at.folder / "source").write_bytes(os.urandom(3_000_000))
    printer.faults.ftps_slow = 400_000
    task = asyncio.ensure_future(OPERATIONS[name].do(at))
    while not printer.ftps.bytes_sent + printer.ftps.bytes_received:
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    printer.faults.ftps_slow = None
    assert not (printer.card / "sent.bin").exists()
    assert list(printer.card.glob("*.part")) == []
    assert (at.folder / "target").read_bytes() == BEFORE
    assert len(list(at.folder.iterdir())) == 2
    await at.files.get_sdcard_contents()


async def test_cancelling_does_not_wait_for_a_printer_that_is_gone(
    printer, at, monkeypatch
):
    """Nothing comes any more, and nothing is waited for."""
    monkeypatch.setattr(ftps_module, "REPLY_TIMEOUT", 60)
    await at.files.sdcard_file_exists("/x")
    printer.faults.ftps_silent = True
    task = asyncio.ensure_future(at.files.sdcard_file_exists("/x"))
    await asyncio.sleep(0.1)
    async with asyncio.timeout(10):
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_quitting_does_not_wait(printer, at, monkeypatch):
    monkeypatch.setattr(ftps_module, "REPLY_TIMEOUT", 60)
    printer.add_file("/there.gcode.3mf", os.urandom(3_000_000))
    printer.faults.ftps_slow = 100_000
    tasks = [
        asyncio.ensure_future(OPERATIONS[name].do(at))
        for name in ("download_sdcard_file", "get_sdcard_contents", "get_project_info")
    ]
    while not printer.ftps.bytes_sent:
        await asyncio.sleep(0.01)
    async with asyncio.timeout(10):
        await at.files.quit()
    for result in await asyncio.gather(*tasks, return_exceptions=True):
        assert isinstance(result, BambuError)
    assert (at.folder / "target").read_bytes() == BEFORE


async def test_who_is_told_of_a_broken_upload_knows_the_name(printer, at):
    (at.folder / "source").write_bytes(os.urandom(3_000_000))
    printer.faults.ftps_slow = 100_000
    task = asyncio.ensure_future(OPERATIONS["upload_sdcard_file"].do(at))
    while not printer.ftps.bytes_received:
        await asyncio.sleep(0.01)
    await at.files.quit()
    with pytest.raises(TransferBrokenError) as caught:
        await task
    assert caught.value.details["path"] == "/sent.bin"


@pytest.mark.parametrize("model", [COMPLETE, SMALL])
async def test_all_at_once(printer, at):
    """One after the other, over one connection, whatever comes together."""
    names = [name for name in OPERATIONS if name.split("_")[0] not in _TAKING]
    answers = await asyncio.gather(
        *(OPERATIONS[name].do(at) for name in names * 2),
        at.files.delete_sdcard_folder("/folder"),
    )
    assert len(answers) == 2 * len(names) + 1
    check_nothing_half(printer, at)
    assert printer.ftps.count("STOR") == 2, "nothing had to be tried again"


async def test_two_clients_at_once(printer, at):
    """Another program moves a file: we wait for our turn."""
    printer.add_file("/large.bin", bytes(2_000_000))
    printer.faults.ftps_slow = 20_000_000
    other = PrinterStorage(at.files.endpoint)
    moving = asyncio.ensure_future(
        other.download_sdcard_file("/large.bin", at.folder / "source")
    )
    while not printer.ftps.bytes_sent:
        await asyncio.sleep(0.01)
    assert await at.files.storage.list_folder("/")
    assert await moving == 2_000_000
    await other.close()


async def test_no_room_here(printer, at):
    printer.add_file("/there.gcode.3mf", CONTENT)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(StorageError, match="File too large") as caught:
            await OPERATIONS["download_sdcard_file"].do(at)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert type(caught.value) is StorageError
    check_nothing_half(printer, at)


async def test_troubles_of_this_machine(printer, at):
    """They are told apart from the printer's, and cost no connection."""
    with pytest.raises(StorageError, match="No such file") as caught:
        await at.files.download_sdcard_file("/there.gcode.3mf", at.folder / "no" / "x")
    assert type(caught.value) is StorageError
    with pytest.raises(StorageError, match="Is a directory"):
        await at.files.upload_sdcard_file(at.folder, "/x")
    assert printer.ftps.logins == 1


async def test_no_report_is_missed(printer, at):
    """While 200 MB go down and up, every report arrives, and commands are answered."""
    seen: list[int] = []
    await at.files.start_session()
    inner = at.files.on_message

    def listen(message: Any) -> None:
        if (number := message.get("print", {}).get("test_number")) is not None:
            seen.append(number)
        inner(message)

    at.files._session._listener.on_message = listen
    large = printer.card / "Large_vase.gcode.3mf"
    await asyncio.to_thread(printer.make_project, large.name, size=200_000_000)
    work = asyncio.ensure_future(
        at.files.download_sdcard_file("/Large_vase.gcode.3mf", at.folder / "target")
    )
    sent, longest = 0, 0.0
    loop = asyncio.get_running_loop()

    async def move() -> None:
        await work
        await at.files.upload_sdcard_file(at.folder / "target", "/back.3mf")

    moving = asyncio.ensure_future(move())
    last = loop.time()
    while not moving.done():
        await printer.publish(
            {"print": {"command": "push_status", "msg": 1, "test_number": sent}}
        )
        sent += 1
        await asyncio.sleep(0.005)
        longest, last = max(longest, loop.time() - last), loop.time()
    await moving
    async with asyncio.timeout(5):
        await at.files.refresh()
        while len(seen) < sent:
            await asyncio.sleep(0.01)
    assert seen == list(range(sent))
    assert sent > 20
    assert at.files.available
    assert (printer.card / "back.3mf").stat().st_size == large.stat().st_size
    # The event loop is shared with the virtual printer, which moves the bytes as well.
    assert longest < 2
