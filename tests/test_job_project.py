"""What entities show of the file that is printed."""

from collections.abc import Mapping
from http import HTTPStatus
import io
from typing import Any
from unittest.mock import patch
import zipfile

from homeassistant.core import HomeAssistant
from PIL import Image
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.bambu_printer import job_project
from custom_components.bambu_printer.const import DOMAIN
from custom_components.bambu_printer.printer.happenings import jobs
from custom_components.bambu_printer.printer.project import ProjectInfo
from custom_components.bambu_printer.printer.state import JobState
from virtual_printer import VirtualPrinter

from .conftest import Rig, different_plates, wait_until, while_reporting

pytestmark = pytest.mark.usefixtures("job_files")


def shown(rig: Rig, platform: str, key: str) -> str:
    return rig.state(platform, key).state


async def known(rig: Rig) -> None:
    """Wait until the file of the job was read."""
    await wait_until(rig.hass, lambda: shown(rig, "sensor", "objects") != "unknown")


async def start(rig: Rig, path: str, plate: int, **more: Any) -> None:
    """Start a print as a slicer would, past Home Assistant."""
    name = path.rpartition("/")[2]
    rig.printer.simulation.finish()
    await rig.report(full=True)
    from virtual_printer.commands.job import project_file
    from virtual_printer.commands.registry import Context

    request = {
        "param": f"Metadata/plate_{plate}.gcode",
        "url": f"file:///sdcard{path}",
        "file": name,
        "subtask_name": name.removesuffix(".3mf").removesuffix(".gcode"),
        "use_ams": True,
        "ams_mapping": [2, 0],
        **more,
    }
    machine = rig.printer.simulation.machine
    project_file(Context(machine, rig.printer.simulation), request)
    await rig.report(full=True)


async def picture(client: Any, rig: Rig, key: str) -> Image.Image:
    answer = await client.get(f"/api/image_proxy/{rig.entity_id('image', key)}")
    assert answer.status == HTTPStatus.OK
    assert answer.content_type == "image/png"
    return Image.open(io.BytesIO(await answer.read())).convert("RGBA")


@pytest.mark.parametrize("model", ["X1C", "A1MINI", "H2D"])
async def test_running_job_is_found_at_the_start(
    rig: Rig, hass_client: ClientSessionGenerator
) -> None:
    """Whether or not the printer can send parts of files."""
    await known(rig)
    assert shown(rig, "sensor", "objects") == "4"
    assert shown(rig, "sensor", "skipped_objects") == "0"
    assert shown(rig, "sensor", "bed_type") == "textured_plate"
    weight = rig.state("sensor", "job_weight")
    assert float(weight.state) > 10
    (used,) = weight.attributes["filaments"]
    assert used["grams"] == pytest.approx(float(weight.state), abs=0.01)
    length = float(shown(rig, "sensor", "job_length"))
    assert used["meters"] == pytest.approx(length, abs=0.01)
    names = [x["name"] for x in rig.state("sensor", "objects").attributes["objects"]]
    assert len(names) == 4
    assert len(set(names)) == 3
    client = await hass_client()
    cover = await picture(client, rig, "cover")
    assert cover.size == (512, 512)
    objects = await picture(client, rig, "objects")
    assert objects.size == (1024, 1024)
    assert len(objects.getcolors(1 << 20) or ()) > 100


async def test_what_a_job_used_is_told(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the file on the card to the details of the event, as automations get them."""
    for name in ("START_SETTLE", "FAILURE_SETTLE", "END_SETTLE"):
        monkeypatch.setattr(jobs, name, getattr(jobs, name) / 100)
    await known(rig)
    await start(rig, "/Desk_organiser.gcode.3mf", 3)
    await known(rig)
    coordinator = rig.entry.runtime_data
    await wait_until(
        rig.hass,
        lambda: (
            coordinator.happenings.job
            and coordinator.happenings.job.name == "Desk_organiser"
            and coordinator.happenings.job.id in coordinator.jobs._plans
        ),
    )
    rig.printer.simulation.finish()
    await rig.report(full=True)

    def told() -> Mapping[str, Any]:
        return rig.state("event", "job").attributes

    await wait_until(
        rig.hass,
        lambda: (
            told()["event_type"] == "finished" and told()["name"] == "Desk_organiser"
        ),
    )
    assert told()["filament_used"] == {"ams_1_tray_3": 37.5, "ams_1_tray_1": 3.25}


async def test_right_plate_and_slots(rig: Rig) -> None:
    await known(rig)
    before = rig.state("image", "cover")
    await start(rig, "/Desk_organiser.gcode.3mf", 3)
    await known(rig)
    assert shown(rig, "sensor", "objects") == "3"
    # Plate 3 of this project takes 3 × 12.5 g of one, and 3.25 g of the other filament.
    weight = rig.state("sensor", "job_weight")
    assert float(weight.state) == 40.75
    assert [
        (item["slot"], item["grams"]) for item in weight.attributes["filaments"]
    ] == [("ams_1_tray_3", 37.5), ("ams_1_tray_1", 3.25)]
    after = rig.state("image", "cover")
    assert after.state not in (before.state, "unknown")
    # No report changes the picture again, however often it repeats.
    for _ in range(3):
        await rig.printer.tick(30)
        await rig.report(full=True)
    assert rig.state("image", "cover").state == after.state
    assert shown(rig, "sensor", "objects") == "3"


async def test_cover_is_that_of_the_plate(
    rig: Rig, hass_client: ClientSessionGenerator
) -> None:
    client = await hass_client()
    path = rig.printer.add_file("/two.3mf", different_plates(rig.printer))
    with zipfile.ZipFile(path) as archive:
        pictures = [archive.read(f"Metadata/plate_{plate}.png") for plate in (1, 2)]
    url = f"/api/image_proxy/{rig.entity_id('image', 'cover')}"
    for plate in (2, 1):
        await known(rig)
        await start(rig, "/two.3mf", plate)
        await known(rig)
        answer = await client.get(url)
        assert await answer.read() == pictures[plate - 1]
        assert shown(rig, "sensor", "objects") == ("1", "4")[plate - 1]


async def test_skipped_objects_are_marked(
    rig: Rig, hass_client: ClientSessionGenerator
) -> None:
    await known(rig)
    client = await hass_client()
    cover, before = rig.state("image", "cover"), rig.state("image", "objects")
    plain = await picture(client, rig, "objects")
    objects = rig.state("sensor", "objects").attributes["objects"]
    await while_reporting(
        rig,
        rig.hass.services.async_call(
            DOMAIN,
            "skip_objects",
            {
                "device_id": rig.entry.runtime_data.device_id,
                "objects": [objects[0]["name"], objects[1]["number"]],
            },
            blocking=True,
        ),
    )
    assert shown(rig, "sensor", "skipped_objects") == "2"
    listed = rig.state("sensor", "objects").attributes["objects"]
    assert [item["skipped"] for item in listed] == [True, True, False, False]
    assert rig.state("image", "cover") == cover
    assert rig.state("image", "objects").state != before.state
    marked = await picture(client, rig, "objects")
    red = (226, 75, 74, 255)
    count = {color: n for n, color in marked.getcolors(1 << 20) or ()}
    assert count[red] > 500
    assert red not in {color for _, color in plain.getcolors(1 << 20) or ()}


async def test_pictures_need_a_login(
    rig: Rig, hass_client_no_auth: ClientSessionGenerator
) -> None:
    await known(rig)
    client = await hass_client_no_auth()
    entity_id = rig.entity_id("image", "cover")
    assert (await client.get(f"/api/image_proxy/{entity_id}")).status in (401, 403)
    token = rig.state("image", "cover").attributes["access_token"]
    answer = await client.get(f"/api/image_proxy/{entity_id}?token={token}")
    assert answer.status == HTTPStatus.OK


@pytest.mark.parametrize("scenario", ["idle"])
async def test_file_that_arrives_later(rig: Rig) -> None:
    """As from the cloud: the job is there before the file is, and grows in place."""
    from virtual_printer.projects import make_project
    from virtual_printer.threemf import write_project

    folder = rig.printer.card
    project = make_project(rig.printer.profile, "Late", objects=5)
    write_project(folder / "whole", project)
    whole = (folder / "whole").read_bytes()
    with patch.object(job_project, "TRIES", 1000):
        machine = rig.printer.simulation.machine
        job = rig.printer.simulation.demo_job()
        job.name = "Late"
        rig.printer.simulation.start(
            job, file="data/metadata/plate_1.gcode", print_type="cloud"
        )
        machine.set_prepared(100)
        await rig.report(full=True)
        (folder / "cache" / "Late.3mf").write_bytes(whole[: len(whole) // 2])
        counters = rig.printer.ftps
        await wait_until(rig.hass, lambda: counters.count("SIZE") > 6)
        assert shown(rig, "sensor", "objects") == "unknown"
        (folder / "cache" / "Late.3mf").write_bytes(whole)
        await known(rig)
    assert shown(rig, "sensor", "objects") == "5"


async def test_file_that_is_not_there(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    """As a job in the internal memory: unknown, one line, and no error."""
    await known(rig)
    caplog.clear()
    rig.printer.simulation.finish()
    await rig.report(full=True)
    assert shown(rig, "sensor", "objects") == "4"
    job = rig.printer.simulation.demo_job()
    job.name = "Somewhere else"
    rig.printer.simulation.start(job, file="/data/Metadata/plate_1.gcode")
    await rig.report(full=True)
    lines = lambda: [  # noqa: E731
        record.getMessage()
        for record in caplog.records
        if record.name.endswith("job_project")
    ]
    with caplog.at_level("DEBUG", "custom_components.bambu_printer.job_project"):
        await wait_until(rig.hass, lines)
    assert lines() == ["The file of the job is not known: it is not there"]
    for key in ("objects", "job_weight", "job_length", "bed_type"):
        assert shown(rig, "sensor", key) == "unknown"
    assert shown(rig, "image", "cover") == shown(rig, "image", "objects") == "unknown"
    assert not [x for x in caplog.records if x.levelno > 30]


async def test_ends_with_the_entry(
    hass: HomeAssistant, printer: VirtualPrinter, entry: MockConfigEntry
) -> None:
    """Nothing goes on when the entry is unloaded in the midst of it."""
    printer.simulation.job.name = "Nowhere"  # type: ignore[union-attr]
    printer.update({"subtask_name": "Nowhere"})
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    counters = printer.ftps
    await wait_until(hass, lambda: counters.count("SIZE") > 2)
    assert await hass.config_entries.async_unload(entry.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    asked = counters.count("SIZE")
    await hass.async_block_till_done(wait_background_tasks=True)
    assert counters.count("SIZE") == asked


def test_plate_of_a_job() -> None:
    from custom_components.bambu_printer.printer.project import Plate

    info = ProjectInfo(plates=(Plate(number=1), Plate(number=3)))

    def number(**job: Any) -> int | None:
        plate = job_project.plate_of_job(JobState(**job), info)
        return plate.number if plate else None

    assert number(file="/data/Metadata/plate_3.gcode", plate=1) == 3
    assert number(file="/data/Metadata/plate_2.gcode") is None
    assert number(file="Name.gcode.3mf", plate=3) == 3
    # Neither says which: it is not guessed.
    assert number(file="Name.gcode.3mf") is None
    alone = ProjectInfo(plates=(Plate(number=2),))
    assert job_project.plate_of_job(JobState(), alone) == Plate(number=2)
