"""Reports of real printers, which are kept beside the repository.

What is expected is read from the raw JSON here, in the simplest way that works for these
files, and not with the library's own readers.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from custom_components.bambu_printer.printer.models import DoorSource, Light, identify
from custom_components.bambu_printer.printer.slots import SlotAddress
from custom_components.bambu_printer.printer.state.ams import AmsKind
from custom_components.bambu_printer.printer.state.detectors import (
    Detector,
    Sensitivity,
)
from custom_components.bambu_printer.printer.state.enclosure import StorageStatus
from custom_components.bambu_printer.printer.state.extruders import (
    NozzleFlow,
    NozzleMaterial,
)
from custom_components.bambu_printer.printer.state.fans import AirductMode
from custom_components.bambu_printer.printer.state.job import GcodeState

from .reports import Replay

FOLDER = Path(__file__).parents[2] / "../shared/telemetry"
pytestmark = pytest.mark.skipif(
    not FOLDER.is_dir(), reason="the captures are not beside the repository"
)
MODELS = {
    "H2D": "H2D",
    "MOCK-A2L": "A2L",
    "MOCK-H2D": "H2D",
    "MOCK-H2DEXTSPOOLACTIVE": "H2D",
    "MOCK-H2S": "H2S",
    "MOCK-MISC": "X1C",
    "MOCK-P1PNOAMS": "P1P",
    "MOCK-P2S": "P2S",
    "MOCK-X1CMULTIAMS": "X1C",
    "P1P": "P1P",
    "test_ams_ams2_amsht": "H2D",
}

type Json = dict[str, Any]


def load(name: str) -> tuple[Json, list[Json]]:
    """Return the report and the version list of a file, in whichever shape they are."""
    content = json.loads((FOLDER / f"{name}.json").read_text("utf-8"))
    content = content.get("data", content)
    report = content.get("push_all") or content["pushall"]["print"]
    versions = content["get_version"]
    return report, versions.get("info", versions)["module"]


class Capture:
    """A file, decoded."""

    def __init__(self, name: str) -> None:
        self.report, self.modules = load(name)
        ota = next(x for x in self.modules if x["name"] == "ota")
        self.version = ota["sw_ver"]
        self.model = identify(
            product_name=ota.get("product_name", ""),
            project_name=ota.get("project_name", ""),
            boards={x["name"]: x.get("hw_ver", "") for x in self.modules},
        )
        self.replay = Replay(self.model.key, self.modules)
        self.replay.apply({"print": self.report})
        self.state = self.replay.state
        self.device: Json = self.report.get("device") or {}


@pytest.fixture(scope="module", params=MODELS)
def capture(request: pytest.FixtureRequest) -> Capture:
    return Capture(request.param)


def test_every_file_is_tested():
    assert {path.stem for path in FOLDER.glob("*.json")} == set(MODELS)


@pytest.mark.parametrize("name", MODELS)
def test_models(name):
    assert Capture(name).model.key == MODELS[name]


def test_every_key_is_known_and_of_the_right_type(capture):
    assert capture.replay.raw.unknown_keys == set()
    assert capture.replay.raw.counters.malformed == 0
    assert capture.replay.raw.complete


def test_the_same_report_again_changes_nothing(capture):
    assert capture.replay.apply({"print": capture.report}) == frozenset()


def test_firmware(capture):
    assert capture.state.firmware.version == capture.version
    assert len(capture.state.firmware.modules) == len(capture.modules)
    upgrade = capture.report["upgrade_state"]
    assert capture.state.firmware.status == upgrade["status"]
    offered = upgrade.get("ota_new_version_number") or None
    if upgrade.get("new_version_state") == 2:
        # Up to date: what is still named is an older version.
        offered = None
    assert capture.state.firmware.available == offered


def test_temperatures(capture):
    found, report = capture.state.temperatures, capture.report
    assert found.bed.current == pytest.approx(report["bed_temper"], abs=0.051)
    assert found.bed.target == report["bed_target_temper"]
    info = capture.device.get("extruder", {}).get("info", [])
    if len(info) == 2:
        expected = [(x["temp"] % 65536, x["temp"] // 65536) for x in info]
    else:
        expected = [(report["nozzle_temper"], report["nozzle_target_temper"])]
    assert len(found.nozzles) == len(expected)
    for nozzle, (current, target) in zip(found.nozzles, expected, strict=True):
        assert nozzle.current == pytest.approx(current, abs=0.051)
        assert nozzle.target == target
    if MODELS_WITHOUT_SENSOR & {capture.model.key}:
        assert (found.chamber.current, found.chamber.target) == (None, None)
    elif "ctc" in capture.device:
        packed = capture.device["ctc"]["info"]["temp"]
        assert found.chamber.current == packed % 65536
        assert found.chamber.target == packed // 65536
    else:
        assert found.chamber.current == report["chamber_temper"]


MODELS_WITHOUT_SENSOR = {"P1P", "A2L"}


def test_job(capture):
    found, report = capture.state.job, capture.report
    running = report["gcode_state"] == "RUNNING"
    assert found.gcode_state is not None
    assert found.gcode_state.value.upper() == report["gcode_state"]
    assert found.active is running
    assert found.progress == report["mc_percent"]
    assert found.current_layer == report["layer_num"]
    assert found.total_layers == report["total_layer_num"]
    assert found.remaining == (report["mc_remaining_time"] if running else None)
    assert found.name == (report["subtask_name"] or None)
    assert found.file == (report["gcode_file"] or None)
    assert found.stage_code == report["stg_cur"]
    stages = {0: "printing", 14: "cleaning_nozzle_tip"}
    assert found.stage == (stages[report["stg_cur"]] if running else "idle")
    assert found.speed_percent == report["spd_mag"] == 100
    assert str(found.speed_level) == "standard"
    assert found.skipped_objects == ()


def test_units(capture):
    found, raw = capture.state.ams, capture.report["ams"]["ams"]
    assert [x.unit for x in found.units] == [int(x["id"]) for x in raw]
    for unit, item in zip(found.units, raw, strict=True):
        lite = unit.unit == 16
        temperature, humidity = float(item["temp"]), int(item.get("humidity_raw", 0))
        assert unit.temperature == (temperature or None)
        assert unit.humidity == (humidity or None)
        level = int(item["humidity"])
        assert unit.humidity_level == (None if lite or not level else level)
        if "info" in item:
            kinds = [None, AmsKind.AMS, None, AmsKind.PRO_2, AmsKind.HT, AmsKind.LITE]
            assert unit.kind is kinds[int(item["info"][-1])]
            assert unit.extruder == int(item["info"][-3])
        dries = unit.kind in (AmsKind.PRO_2, AmsKind.HT)
        assert unit.drying_minutes == (item.get("dry_time") if dries else None)
        named = [x for x in capture.modules if x["name"].endswith(f"/{unit.unit}")]
        assert unit.firmware == named[0]["sw_ver"]


def test_slots(capture):
    raw = capture.report["ams"]
    for item in raw["ams"]:
        unit = capture.state.ams.unit(int(item["id"]))
        assert unit is not None
        assert len(unit.trays) == len(item["tray"])
        for tray, spool in zip(unit.trays, item["tray"], strict=True):
            assert tray.slot == SlotAddress(unit.unit, int(spool["id"]))
            known = bool(spool.get("tray_type"))
            if not known:
                assert (tray.type, tray.color, tray.remain, tray.tag) == (
                    "",
                    None,
                    None,
                    "",
                )
                continue
            assert tray.present
            assert tray.type == spool["tray_type"]
            assert tray.filament_id == spool["tray_info_idx"]
            assert tray.name == spool["tray_sub_brands"]
            code = spool["tray_color"]
            assert tray.color == (None if code == "0" * 8 else f"#{code[:6]}")
            assert tray.remain == (None if spool["remain"] < 0 else spool["remain"])
            assert bool(tray.tag) is (set(spool["tag_uid"]) != {"0"})
            assert tray.calibration == spool.get("cali_idx")


def test_external_spools(capture):
    report, found = capture.report, capture.state.ams.externals
    raw = report.get("vir_slot") or [report["vt_tray"]]
    assert len(found) == len(raw) == capture.state.capabilities.extruders
    raw = sorted(raw, key=lambda x: x["id"], reverse=True)
    for number, tray, spool in zip((255, 254), found, raw, strict=False):
        assert tray.slot == SlotAddress(number)
        assert tray.type == spool["tray_type"]
        assert tray.present is bool(spool["tray_type"])
        assert tray.remain is None
        if spool["tray_type"]:
            assert tray.color == f"#{spool['tray_color'][:6]}"


ACTIVE_SLOTS = {
    "H2D": SlotAddress(128),
    "MOCK-A2L": None,
    "MOCK-H2D": SlotAddress(1, 3),
    "MOCK-H2DEXTSPOOLACTIVE": SlotAddress(255),
    "MOCK-H2S": SlotAddress(0, 0),
    "MOCK-MISC": SlotAddress(128),
    "MOCK-P1PNOAMS": SlotAddress(255),
    "MOCK-P2S": SlotAddress(0, 3),
    "MOCK-X1CMULTIAMS": None,
    "P1P": SlotAddress(0, 0),
    "test_ams_ams2_amsht": None,
}


@pytest.mark.parametrize(("name", "slot"), ACTIVE_SLOTS.items())
def test_active_slots(name, slot):
    found = Capture(name).state
    assert found.extruders.active == 0
    assert found.extruders.active_slot == slot
    if slot is not None:
        assert found.ams.tray(slot).present


def test_lamps(capture):
    raw = {x["node"]: x["mode"] for x in capture.report["lights_report"]}
    for light in Light:
        mode = capture.state.lights.mode(light)
        assert (mode and mode.value) == raw.get(light.value)
    expected = {Light(node) for node in raw}
    expected |= {Light.HEATBED} if capture.model.family == "h2" else set()
    assert capture.state.capabilities.lights == expected


def test_fans(capture):
    found, report = capture.state.fans, capture.report
    parts = capture.device.get("airduct", {}).get("parts", [])
    duct = {x["id"]: x["state"] for x in parts}
    gear = report["fan_gear"]
    for speed, part, shift in (
        (found.part, 16, 0),
        (found.aux, 32, 8),
        (found.chamber, 48, 16),
    ):
        byte = gear >> shift & 0xFF
        assert speed == duct.get(part, int(byte * 100 / 255 + 0.5))
    heatbreak = int(report["heatbreak_fan_speed"])
    assert found.heatbreak == pytest.approx(heatbreak * 100 / 15, abs=0.5)


def test_nozzles(capture):
    raw = capture.device.get("nozzle", {}).get("info")
    found = [x.nozzle for x in capture.state.extruders.extruders]
    assert all(nozzle.diameter == 0.4 for nozzle in found)
    if isinstance(raw, list):
        assert len(found) == len(raw)
        flows = {"S": NozzleFlow.STANDARD, "X": NozzleFlow.STANDARD}
        flows |= {"A": NozzleFlow.STANDARD, "H": NozzleFlow.HIGH}
        materials = {
            "00": NozzleMaterial.STAINLESS_STEEL,
            "01": NozzleMaterial.HARDENED_STEEL,
        }
        for nozzle, item in zip(found, raw, strict=True):
            assert nozzle.flow is flows[item["type"][1]]
            assert nozzle.material is materials[item["type"][2:]]
    else:
        assert found[0].material is NozzleMaterial(capture.report["nozzle_type"])
        assert found[0].flow is None


def test_door(capture):
    door = capture.state.enclosure.door_open
    match capture.model.door:
        case DoorSource.STAT:
            assert door is bool(int(capture.report["stat"], 16) & 0x800000)
        case DoorSource.HOME_FLAG:
            assert door is bool(capture.report["home_flag"] & 0x800000)
        case _:
            assert door is None


def test_storage(capture):
    report = capture.report
    assert capture.state.enclosure.storage is (
        StorageStatus.NORMAL if report["sdcard"] else StorageStatus.NONE
    )


def test_network(capture):
    found, net = capture.state.network, capture.report["net"]
    assert f"{found.wifi_signal}dBm" == capture.report["wifi_signal"]
    number = [x["ip"] for x in net["info"] if x["ip"]][-1]
    assert found.address == ".".join(
        str(number >> shift & 255) for shift in (0, 8, 16, 24)
    )
    assert found.wired is False


def test_camera(capture):
    found, ipcam = capture.state.camera, capture.report["ipcam"]
    assert found.present is True
    assert found.recording is (ipcam["ipcam_record"] == "enable")
    assert found.timelapse is (ipcam["timelapse"] == "enable")
    resolution = found.resolution.value if found.resolution else ""
    assert resolution == ipcam["resolution"]
    # Where somebody has blackened it, nothing tells.
    url = ipcam.get("rtsp_url", "**REDACTED**")
    expected = None if url == "**REDACTED**" else url != "disable"
    assert found.live_view is expected


def test_errors(capture):
    found, raw = capture.state.errors, capture.report["hms"]
    assert found.print_error == 0
    assert found.has_print_error is False
    assert [(x.attr, x.code) for x in found.hms or ()] == [
        (x["attr"], x["code"]) for x in raw
    ]


def test_extruders(capture):
    info = capture.device.get("extruder", {}).get("info")
    expected = len(info) if info else 1
    assert len(capture.state.extruders.extruders) == expected
    assert capture.state.capabilities.extruders == expected


# ---- what is remarkable about each ------------------------------------------------------


def test_h2d_running_with_a_heated_chamber():
    found = Capture("H2D").state
    assert (found.ams.unit(0).kind, found.ams.unit(0).extruder) == (AmsKind.AMS, 1)
    assert (found.ams.unit(128).kind, found.ams.unit(128).extruder) == (AmsKind.HT, 0)
    assert found.ams.tray(SlotAddress(128)).type == "PA-GF"
    assert (found.temperatures.chamber.current, found.temperatures.chamber.target) == (
        48,
        60,
    )
    assert [(x.current, x.target) for x in found.temperatures.nozzles] == [
        (264, 225),
        (40, 0),
    ]
    assert found.job.stage == "cleaning_nozzle_tip"
    assert found.job.gcode_state is GcodeState.RUNNING
    assert found.fans.airduct_mode is AirductMode.HEATING
    assert found.network.address == "192.168.19.123"
    assert found.camera.live_view is True
    assert found.capabilities.signature_required is True
    assert found.extruders.extruders[1].nozzle.flow is NozzleFlow.HIGH


def h2d_delta(name: str) -> Json:
    content = json.loads((FOLDER / "H2D.json").read_text("utf-8"))
    return {"print": content[name]}


def test_h2d_deltas_of_the_door():
    replay = Capture("H2D").replay
    for name, opened in (
        ("push_door_opened", True),
        ("push_door_closed", False),
        ("push_old_door_opened", False),
        ("push_old_door_closed", False),
    ):
        replay.apply(h2d_delta(name))
        assert replay.state.enclosure.door_open is opened


def test_older_deltas_of_the_door_count_on_an_x1():
    replay = Capture("MOCK-X1CMULTIAMS").replay
    for name, opened in (
        ("push_old_door_opened", True),
        ("push_old_door_closed", False),
        ("push_door_opened", False),
    ):
        replay.apply(h2d_delta(name))
        assert replay.state.enclosure.door_open is opened


def test_h2d_delta_of_the_left_extruder():
    replay = Capture("H2D").replay
    before = replay.state
    assert replay.apply(h2d_delta("push_left_extruder")) == {"extruders"}
    assert replay.state.extruders.active == 1
    assert replay.state.extruders.active_slot is None
    assert replay.state.extruders.extruders == before.extruders.extruders


def test_h2d_delta_of_other_nozzles():
    replay = Capture("H2D").replay
    assert replay.apply(h2d_delta("push_alt_nozzle_info")) == {"extruders"}
    right, left = (x.nozzle for x in replay.state.extruders.extruders)
    assert (right.diameter, right.material) == (0.2, NozzleMaterial.STAINLESS_STEEL)
    assert (left.diameter, left.material) == (0.6, NozzleMaterial.TUNGSTEN_CARBIDE)
    assert left.flow is NozzleFlow.STANDARD


def test_h2d_in_lan_mode_with_one_unit_per_extruder():
    found = Capture("MOCK-H2D").state
    assert [(x.unit, x.kind, x.extruder) for x in found.ams.units] == [
        (0, AmsKind.PRO_2, 1),
        (1, AmsKind.PRO_2, 0),
    ]
    assert found.capabilities.signature_required is True
    assert found.fans.chamber == 30


def test_h2d_with_an_external_spool_and_six_units():
    found = Capture("MOCK-H2DEXTSPOOLACTIVE").state
    assert [x.unit for x in found.ams.units] == [0, 1, 2, 3, 128, 129]
    empty = {(x.slot.unit, x.slot.slot) for x in found.ams.trays() if not x.present}
    assert empty == {(0, 1), (1, 0), (2, 2), (3, 2)}
    assert [x.type for x in found.ams.externals] == ["TPU", "PLA"]
    assert found.enclosure.storage is StorageStatus.NONE
    # This firmware does not say in its bits of abilities that it has detectors.
    assert found.detectors.spaghetti is None


def test_h2d_idle_with_two_units_that_dry():
    found = Capture("test_ams_ams2_amsht").state
    assert [(x.unit, x.is_drying, x.drying_minutes) for x in found.ams.units] == [
        (0, None, None),
        (1, True, 692),
        (128, True, 450),
    ]
    assert not any(x.present for x in found.ams.unit(1).trays)
    assert found.job.active is False


def test_h2s_with_one_nozzle():
    found = Capture("MOCK-H2S").state
    assert found.capabilities.extruders == 1
    assert (found.temperatures.chamber.current, found.temperatures.chamber.target) == (
        60,
        60,
    )
    assert found.fans.airduct_mode is AirductMode.HEATING
    assert [x.present for x in found.ams.unit(0).trays] == [True, False, False, False]
    assert found.ams.unit(0).humidity_level == 1
    medium = Detector(enabled=True, sensitivity=Sensitivity.MEDIUM)
    assert found.detectors.spaghetti == found.detectors.nozzle_clumping == medium


def test_p2s_without_live_view():
    found = Capture("MOCK-P2S").state
    assert found.camera.live_view is False
    assert (found.temperatures.chamber.current, found.temperatures.chamber.target) == (
        47,
        0,
    )
    assert found.job.name == "Rear Dry Pod AMS 2 PRO "
    assert found.capabilities.chamber_max == 0


def test_a2l_with_its_odd_lite():
    found = Capture("MOCK-A2L").state
    unit = found.ams.unit(16)
    assert unit.kind is AmsKind.LITE
    assert [x.present for x in unit.trays] == [False, True, False, False]
    assert (unit.trays[1].type, unit.trays[1].color) == ("PETG", "#0ACC38")
    assert found.job.stage == "idle"
    assert found.network.address == "192.168.0.138"
    assert found.capabilities.airduct is False


def test_x1c_with_four_units_of_which_one_dries():
    found = Capture("MOCK-X1CMULTIAMS").state
    assert [x.unit for x in found.ams.units] == [0, 1, 2, 128]
    assert (found.ams.unit(2).is_drying, found.ams.unit(2).drying_minutes) == (
        True,
        583,
    )
    assert found.temperatures.chamber.current == 25
    assert found.detectors.ai_monitoring == Detector(
        enabled=True, sensitivity=Sensitivity.LOW
    )
    assert found.detectors.first_layer == Detector(enabled=True)
    assert found.options.auto_recovery is True
    assert found.options.auto_switch_filament is True
    assert found.options.store_sent_files is True
    assert found.ams.estimate_remaining is True


def test_x1plus_with_a_message():
    found = Capture("MOCK-MISC").state
    assert [x.text_code for x in found.errors.hms or ()] == ["HMS_0C00_0300_0003_0007"]
    assert (found.fans.part, found.fans.aux, found.fans.chamber) == (100, 70, 18)
    assert found.ams.unit(128).trays[0].color == "#F7D959"


def test_p1p_without_an_ams():
    found = Capture("MOCK-P1PNOAMS").state
    assert found.ams.units == ()
    assert found.ams.externals[0].type == "PETG"
    assert found.job.name == "sensor_altanlås_v2_v3"
    assert found.job.stage == "idle"
    assert found.capabilities.signature_required is None


def test_p1p_that_failed():
    found = Capture("P1P").state
    assert found.job.gcode_state is GcodeState.FAILED
    assert found.job.remaining is None
    assert found.job.stage == "idle"
    assert found.job.finish_time is None
    assert found.ams.unit(0).temperature is None
