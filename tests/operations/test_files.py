"""Files: methods of `BambuPrinter` that need the printer's file server, and no session."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from custom_components.bambu_printer.connection import endpoint_from_data
from custom_components.bambu_printer.printer import BambuPrinter
from custom_components.bambu_printer.printer.errors import (
    ProjectError,
    WrongStateError,
)
from tests.conftest import entry_data
from virtual_printer import VirtualPrinter

FILE_TESTS = (
    "get_sdcard_contents",
    "get_sdcard_3mf_files",
    "sdcard_file_exists",
    "upload_sdcard_file",
    "download_sdcard_file",
    "rename_sdcard_file",
    "make_sdcard_directory",
    "delete_sdcard_file",
    "delete_sdcard_folder",
    "get_project_info",
)


@pytest.fixture
async def library(printer: VirtualPrinter) -> AsyncIterator[BambuPrinter]:
    """Return a printer without Home Assistant; not connected."""
    found = BambuPrinter(endpoint_from_data(entry_data(printer)))
    yield found
    await found.quit()


async def test_looking(library: BambuPrinter, printer: VirtualPrinter) -> None:
    printer.make_project("/part.gcode.3mf")
    assert library.cached_sd_card_contents is None
    assert library.cached_sd_card_3mf_files is None
    tree = await library.get_sdcard_contents()
    assert library.cached_sd_card_contents == tree
    projects = await library.get_sdcard_3mf_files()
    assert library.cached_sd_card_3mf_files == projects
    assert "/part.gcode.3mf" in {child["id"] for child in projects["children"]}
    assert await library.sdcard_file_exists("/part.gcode.3mf")
    assert not await library.sdcard_file_exists("/nothing")


async def test_moving(
    library: BambuPrinter, printer: VirtualPrinter, tmp_path: Path
) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(bytes(1000))
    await library.make_sdcard_directory("/new")
    assert await library.upload_sdcard_file(source, "/new/a.bin") == 1000
    await library.rename_sdcard_file("/new/a.bin", "/new/b.bin")
    assert await library.download_sdcard_file("/new/b.bin", target) == 1000
    assert target.read_bytes() == bytes(1000)
    await library.delete_sdcard_file("/new/b.bin")
    assert list((printer.card / "new").iterdir()) == []
    await library.delete_sdcard_folder("/new")
    assert not (printer.card / "new").exists()


async def test_project(library: BambuPrinter, printer: VirtualPrinter) -> None:
    printer.make_project("/part.gcode.3mf", plates=3)
    info = await library.get_project_info("/part.gcode.3mf")
    assert [plate.number for plate in info.plates] == [1, 3]
    one = await library.get_project_info("/part.gcode.3mf", 3)
    assert one.plates == info.plates[1:]
    with pytest.raises(ProjectError):
        await library.get_project_info("/part.gcode.3mf", 2)


async def test_the_running_job_is_left_alone(
    library: BambuPrinter, printer: VirtualPrinter, tmp_path: Path
) -> None:
    """Its file, whatever folder it is in, and that folder."""
    (tmp_path / "source").write_bytes(b"x")
    await library.start_session()
    path = await library.projects.find_job_file(library.state.job)
    assert path is not None
    before = (printer.card / path[1:]).read_bytes()
    for work in (
        library.delete_sdcard_file(path),
        library.rename_sdcard_file(path, "/other.3mf"),
        library.rename_sdcard_file("/Desk_organiser.gcode.3mf", path),
        library.upload_sdcard_file(tmp_path / "source", path),
        library.delete_sdcard_folder("/cache"),
    ):
        with pytest.raises(WrongStateError):
            await work
    assert (printer.card / path[1:]).read_bytes() == before
    assert await library.get_project_info(path)
    await library.delete_sdcard_file("/Desk_organiser.gcode.3mf")
