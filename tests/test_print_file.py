"""Printing a file: what is sent, what is planned, and what is refused."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.setup import async_setup_component
import pytest

from custom_components.bambu_printer import file_services
from custom_components.bambu_printer.const import DOMAIN
from custom_components.bambu_printer.printer.operations import printing
from scripts.documentation.responses import RESPONSES
from virtual_printer import Refusal
from virtual_printer.profiles import PROFILES
from virtual_printer.projects import make_project
from virtual_printer.threemf import Material, Project, write_project

from .conftest import Rig, while_reporting
from .operations.support import sent
from .operations.test_responses import paths

pytestmark = pytest.mark.parametrize("scenario", ["idle"])

PRINT_TESTS = ("print_3mf_file",)
"""Rows of the table of operations that are tested here."""
PRINT_ACTION_TESTS = {"print_file"}
PATH = "/Desk_organiser.gcode.3mf"
NUMBER = "4711"


@pytest.fixture(autouse=True)
def _number() -> Iterator[None]:
    with patch.object(printing, "_job_number", lambda: NUMBER):
        yield


@pytest.fixture
async def folder(hass: HomeAssistant, tmp_path: Path) -> Path:
    """Return a folder of media that Home Assistant may use."""
    hass.config.media_dirs = {"local": str(tmp_path)}
    hass.config.allowlist_external_dirs = {str(tmp_path)}
    assert await async_setup_component(hass, "media_source", {})
    return tmp_path


async def act(rig: Rig, **data: Any) -> Any:
    device = rig.entry.runtime_data.device_id
    return await rig.hass.services.async_call(
        DOMAIN,
        "print_file",
        {"device_id": device, **data},
        blocking=True,
        return_response=True,
    )


async def start(rig: Rig, **data: Any) -> Any:
    return await while_reporting(rig, act(rig, **data), seconds=1)


async def refused(rig: Rig, key: str, **data: Any) -> HomeAssistantError:
    with pytest.raises(HomeAssistantError) as caught:
        await act(rig, **data)
    assert caught.value.translation_key == key
    assert "{" not in str(caught.value)
    return caught.value


def fill(rig: Rig, *spools: tuple[str, str, str]) -> None:
    """Put spools (preset, material, colour) into the first AMS."""
    from virtual_printer.filaments import Filament, Spool

    unit = min(rig.printer.simulation.machine.kinds)
    for slot, (preset, material, color) in enumerate(spools):
        rig.printer.set_spool(
            unit,
            slot,
            Spool(filament=Filament(preset=preset, material=material), color=color),
        )


def project(rig: Rig, *materials: Material, **more: Any) -> Project:
    """Return a project whose only plate takes all of some filaments."""
    made = make_project(rig.printer.profile, "Test", objects=2)
    plate = made.plates[0]
    uses = tuple((number, 10.0) for number in range(1, len(materials) + 1))
    return Project(
        title="Test",
        code=more.pop("code", rig.printer.profile.code),
        plates=(
            replace(
                plate,
                uses=uses,
                parts=tuple(replace(x, filament=1) for x in plate.parts),
            ),
        ),
        materials=materials,
        extruders=made.extruders,
        bed=made.bed,
        **more,
    )


# What is sent


def body(model: str, **more: Any) -> dict[str, Any]:
    """Return what starts plate 1, as the models with a simple firmware want it."""
    url = f"file:///sdcard{PATH}"
    modern = PROFILES[model].family.value in ("P2", "H2", "X2")
    common = {
        "command": "project_file",
        "param": "Metadata/plate_1.gcode",
        "url": f"ftp://{PATH}" if modern else url,
        "file": PATH[1:],
        "md5": "",
        "project_id": NUMBER,
        "profile_id": "0",
        "task_id": NUMBER,
        "subtask_id": NUMBER,
        "subtask_name": "Desk_organiser",
        "bed_type": "textured_plate",
        "bed_leveling": not modern,
        "flow_cali": False,
        "vibration_cali": False,
        "layer_inspect": modern or model.startswith("X1"),
        "timelapse": False,
    }
    if modern:
        common |= {"auto_bed_leveling": 2, "extrude_cali_flag": 2, "cfg": "0"}
    return common | more


@pytest.mark.parametrize(
    ("model", "options"),
    [
        ("X1C", {}),
        ("P1S", {}),
        ("A1", {}),
        ("A2L", {}),
        ("P2S", {}),
        ("H2S", {}),
        ("H2D", {"nozzle_offset_cali": 2}),
        ("X2D", {"nozzle_offset_cali": 2}),
    ],
)
async def test_exact_request(rig: Rig, model: str, options: dict[str, Any]) -> None:
    """Types count: a printer takes another type for another value."""
    key = rig.printer.profile.key
    slot, index = ("ams_lite_tray_2", 25) if model == "A2L" else ("ams_1_tray_1", 0)
    address = {"ams_id": 16, "slot_id": 1} if index else {"ams_id": 0, "slot_id": 0}
    with patch.object(file_services, "_wait_for_start", wait_for_nothing):
        await act(rig, path=PATH, plate=1, ams_mapping=[slot, slot], force=True)
    ((request,),) = [list(item.values()) for item in sent(rig)]
    expected = body(
        key,
        **options,
        use_ams=True,
        ams_mapping=[index] * 2,
        ams_mapping2=[address] * 2,
    )
    if rig.printer.profile.family.value != "X1":
        expected["layer_inspect"] = request["layer_inspect"]
    assert request == expected
    for name, value in expected.items():
        assert type(request[name]) is type(value), name


async def wait_for_nothing(*_: Any) -> None:
    """Do not wait for the job."""


async def test_all_options(rig: Rig) -> None:
    with patch.object(file_services, "_wait_for_start", wait_for_nothing):
        await act(
            rig, path=PATH, plate=3, ams_mapping=[2, 0], force=True, timelapse=True,
            bed_type="hot_plate", bed_leveling=False, flow_calibration="on",
            vibration_calibration=True, layer_inspection=False,
        )  # fmt: skip
    ((request,),) = [list(item.values()) for item in sent(rig)]
    assert request["param"] == "Metadata/plate_3.gcode"
    assert request["bed_type"] == "hot_plate"
    assert [
        request[key]
        for key in (
            "bed_leveling",
            "flow_cali",
            "vibration_cali",
            "layer_inspect",
            "timelapse",
        )
    ] == [False, True, True, False, True]
    assert "nozzle_offset_cali" not in request
    assert request["ams_mapping"] == [2, 0]


@pytest.mark.parametrize(
    ("model", "options"),
    [
        ("X1C", [("bed_leveling", "auto"), ("nozzle_offset_calibration", "on")]),
        ("P1S", [("flow_calibration", "auto"), ("layer_inspection", True)]),
        ("P2S", [("nozzle_offset_calibration", "auto")]),
    ],
)
async def test_options_that_a_model_lacks(
    rig: Rig, options: list[tuple[str, Any]]
) -> None:
    for name, value in options:
        await refused(rig, "not_supported", path=PATH, plate=1, **{name: value})
    assert rig.printer.requests == []


async def test_external_spools(rig: Rig) -> None:
    with patch.object(file_services, "_wait_for_start", wait_for_nothing):
        await act(
            rig, path=PATH, plate=1, ams_mapping=["external", "external"], force=True
        )
    ((request,),) = [list(item.values()) for item in sent(rig)]
    assert request["use_ams"] is False
    assert request["ams_mapping"] == [-1, -1]
    assert request["ams_mapping2"] == [{"ams_id": 255, "slot_id": 0}] * 2


# Plans


async def test_plan(rig: Rig) -> None:
    fill(rig, ("GFG02", "PETG", "0A2989FF"), ("GFA01", "PLA", "F5F5F5FF"),
         ("GFA00", "PLA", "1030A0FF"), ("GFA00", "PLA", "FF0000FF"))  # fmt: skip
    await rig.report(full=True)
    plan = await act(rig, path=PATH, plate=1, dry_run=True)
    assert set(paths(plan)) | {"upload"} >= set(RESPONSES["print_file"]) - {
        "problems[].code",
        "problems[].message",
    }
    assert plan["possible"] is True
    assert plan["started"] is False
    assert plan["ams_mapping"] == ["ams_1_tray_3", "ams_1_tray_2"]
    blue, white = plan["filaments"]
    assert (blue["slot"], blue["reason"]) == ("ams_1_tray_3", "same_filament")
    assert (white["slot"], white["reason"]) == ("ams_1_tray_2", "same_filament")
    assert 0 < blue["color_distance"] < 15
    assert rig.printer.requests == []


@pytest.mark.parametrize("model", ["H2D"])
async def test_plan_knows_the_nozzles(rig: Rig) -> None:
    plan = await act(rig, path="/Two_nozzle_sign.gcode.3mf", plate=1, dry_run=True)
    bindings = {
        item["unit"]: item["extruder"]
        for item in rig.entry.runtime_data.printer.get_current_bind_list()
    }
    assert bindings
    for item in plan["filaments"]:
        if item["slot"] == "none":
            assert item["reason"] in ("wrong_extruder", "no_material")
        elif item["slot"].startswith("ams"):
            unit = 0 if item["slot"].startswith("ams_1") else 128
            assert bindings[unit] == item["extruder"]


async def test_missing_material(rig: Rig) -> None:
    rig.printer.add_file(
        "/odd.3mf", project(rig, Material(kind="PEEK", color="#FFFFFF"))
    )
    plan = await act(rig, path="/odd.3mf", dry_run=True)
    assert plan["possible"] is False
    assert [x["code"] for x in plan["problems"]] == ["filament_missing"]
    error = await refused(rig, "filament_missing", path="/odd.3mf", force=True)
    assert "1: PEEK #FFFFFF (no material)" in str(error)
    assert rig.printer.requests == []


async def test_chosen_slot_with_another_material(rig: Rig) -> None:
    rig.printer.add_file(
        "/odd.3mf", project(rig, Material(kind="PEEK", color="#FFFFFF"))
    )
    await refused(rig, "material_mismatch", path="/odd.3mf", ams_mapping=[0])
    with patch.object(file_services, "_wait_for_start", wait_for_nothing):
        await act(rig, path="/odd.3mf", ams_mapping=["ams_1_tray_1"], force=True)
    assert len(rig.printer.requests) == 1


async def test_another_model(rig: Rig) -> None:
    rig.printer.add_file("/other.3mf", project(rig, Material(), code="C12"))
    error = await refused(rig, "model_mismatch", path="/other.3mf")
    assert "Bambu Lab P1S" in str(error)
    plan = await act(rig, path="/other.3mf", dry_run=True)
    assert [x["code"] for x in plan["problems"]] == ["model_mismatch"]
    assert plan["possible"] is False
    assert (await act(rig, path="/other.3mf", dry_run=True, force=True))["possible"]
    with patch.object(file_services, "_wait_for_start", wait_for_nothing):
        await act(rig, path="/other.3mf", force=True)
    assert len(rig.printer.requests) == 1


@pytest.mark.parametrize("model", ["X1C", "H2D"])
async def test_another_nozzle(rig: Rig) -> None:
    rig.printer.add_file("/fine.3mf", project(rig, Material(), nozzle="0.2"))
    error = await refused(rig, "nozzle_mismatch", path="/fine.3mf")
    assert "0.2 mm" in str(error)
    assert "0.4 mm" in str(error)
    assert rig.printer.requests == []


REFUSED: tuple[tuple[dict[str, Any], str], ...] = (
    ({"path": "/nothing.3mf"}, "file_missing"),
    ({"path": "/verify_job"}, "bad_project"),
    ({"path": PATH}, "plate_missing"),
    ({"path": PATH, "plate": 2}, "plate_missing"),
    ({"path": PATH, "plate": 1, "ams_mapping": [0]}, "mapping_length"),
    ({"path": PATH, "plate": 1, "ams_mapping": [0, 77]}, "invalid_value"),
    ({"path": PATH, "plate": 1, "ams_mapping": [3, "ams_4_tray_4"]},
     "filament_missing"),
    ({"path": "/a/../../b.3mf"}, "invalid_path"),
    ({}, "exactly_one"),
    ({"path": PATH, "local_path": "/x"}, "exactly_one"),
)  # fmt: skip


async def test_refused(rig: Rig) -> None:
    for data, key in REFUSED:
        await refused(rig, key, **data)
    assert rig.printer.requests == []


@pytest.mark.parametrize("model", ["P2S"])
async def test_space_in_the_name(rig: Rig) -> None:
    """Newer printers take such a command, and do nothing."""
    rig.printer.add_file("/a b.3mf", project(rig, Material()))
    await refused(rig, "name_with_space", path="/a b.3mf", force=True)


async def test_no_ams(rig: Rig) -> None:
    for unit in list(rig.printer.simulation.machine.kinds):
        rig.printer.unplug_ams(unit)
    await rig.report(full=True)
    await refused(rig, "not_supported", path=PATH, plate=1, use_ams=True)


async def test_busy_printer(rig: Rig) -> None:
    rig.printer.simulation.set_scene("printing")
    await rig.report(full=True)
    await refused(rig, "wrong_state", path=PATH, plate=1)
    assert rig.printer.requests == []
    assert rig.printer.report["gcode_state"] == "RUNNING"


async def test_printer_that_wants_signatures(rig: Rig) -> None:
    rig.printer.faults.refuse_control = True
    await rig.report(full=True)
    with pytest.raises(HomeAssistantError) as caught:
        await act(rig, path=PATH, plate=1, force=True)
    assert caught.value.translation_key == "not_authorized"
    assert "Developer Mode" in str(caught.value)


# Starting


async def test_start_and_answer(rig: Rig) -> None:
    answer = await start(rig, path=PATH, plate=3, force=True)
    assert answer["started"] is True
    job = rig.entry.runtime_data.data.job
    assert (job.active, job.subtask_id, job.name) == (True, NUMBER, "Desk_organiser")
    assert job.total_layers in (None, 0, 120)
    assert rig.printer.simulation.job is not None
    assert rig.printer.simulation.job.layers == 120


async def test_only_one_start_at_a_time(rig: Rig) -> None:
    """The printer took it, and says nothing yet: a second start would cancel the first."""
    with patch.object(file_services, "_wait_for_start", wait_for_nothing):
        await act(rig, path=PATH, plate=1, force=True)
        await refused(rig, "wrong_state", path=PATH, plate=1, force=True)
    assert len(rig.printer.requests) == 1
    # As soon as it shows, the state itself forbids it.
    await rig.report(full=True)
    await refused(rig, "wrong_state", path=PATH, plate=1, force=True)


async def test_start_that_is_refused(rig: Rig) -> None:
    rig.printer.faults.refuse_next.append(Refusal(reason="busy", err_code=0x05004004))
    error = await refused(rig, "command_rejected", path=PATH, plate=1, force=True)
    assert not isinstance(error, ServiceValidationError)
    # Nothing began: it can be tried again.
    answer = await start(rig, path=PATH, plate=1, force=True)
    assert answer["started"] is True


async def test_start_that_fails_later(rig: Rig) -> None:
    """Acknowledged, and then the file cannot be read."""

    printer = rig.entry.runtime_data.printer
    original = printer._command

    async def lose_the_file(command: Any, **more: Any) -> Any:
        (rig.printer.card / PATH[1:]).unlink()
        return await original(command, **more)

    with (
        patch.object(printer, "_command", lose_the_file),
        pytest.raises(HomeAssistantError) as caught,
    ):
        await start(rig, path=PATH, plate=1, force=True)
    assert caught.value.translation_key == "start_failed"
    assert "0500-C010" in str(caught.value)


async def test_start_without_an_answer(rig: Rig) -> None:
    rig.printer.faults.deaf = True
    with patch.object(printing, "ACK_LIMIT", 0.05):
        await refused(rig, "command_timeout", path=PATH, plate=1, force=True)


async def test_start_that_never_shows(rig: Rig) -> None:
    with patch.object(file_services, "START_TIMEOUT", 0.05):
        await refused(rig, "not_confirmed", path=PATH, plate=1, force=True)


# From a media file


async def test_media_file(hass: HomeAssistant, rig: Rig, folder: Path) -> None:
    made = project(rig, Material(), Material(preset="GFA01", color="#FFFFFF"))
    write_project(folder / "My new part.gcode.3mf", made)
    media = "media-source://media_source/local/My new part.gcode.3mf"
    plan = await act(rig, media_content_id=media, dry_run=True)
    assert plan["path"] == "/My_new_part.gcode.3mf"
    assert not (rig.printer.card / "My_new_part.gcode.3mf").exists()
    answer = await start(rig, media_content_id=media, force=True)
    size = (folder / "My new part.gcode.3mf").stat().st_size
    assert answer["upload"]["size"] == size
    assert (rig.printer.card / "My_new_part.gcode.3mf").stat().st_size == size
    assert set(paths(answer)) | {"problems[].code", "problems[].message"} >= set(
        RESPONSES["print_file"]
    ) - {"upload"}
    assert rig.entry.runtime_data.data.job.name == "My_new_part"
    assert rig.state("event", "transfer").attributes["event_type"] == "finished"


async def test_media_file_that_does_not_fit_is_not_sent(rig: Rig, folder: Path) -> None:
    write_project(folder / "x.3mf", project(rig, Material(), code="C12"))
    (folder / "text.3mf").write_text("no archive")
    await refused(rig, "model_mismatch", local_path=str(folder / "x.3mf"))
    await refused(rig, "bad_project", local_path=str(folder / "text.3mf"))
    assert rig.printer.ftps.bytes_received == 0
    assert rig.printer.requests == []


async def test_file_arrives_though_the_start_is_refused(rig: Rig, folder: Path) -> None:
    write_project(folder / "x.3mf", project(rig, Material()))
    rig.printer.faults.refuse_next.append(Refusal(reason="no"))
    await refused(rig, "command_rejected", local_path=str(folder / "x.3mf"), force=True)
    assert (rig.printer.card / "x.3mf").exists()
    assert rig.state("event", "transfer").attributes["event_type"] == "finished"


async def test_media_file_keeps_what_is_there(rig: Rig, folder: Path) -> None:
    write_project(folder / "Desk_organiser.gcode.3mf", project(rig, Material()))
    before = (rig.printer.card / PATH[1:]).read_bytes()
    source = str(folder / "Desk_organiser.gcode.3mf")
    await refused(rig, "file_exists", local_path=source, overwrite=False)
    assert (rig.printer.card / PATH[1:]).read_bytes() == before
