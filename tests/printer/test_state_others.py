"""Errors, detectors, options, enclosure, firmware, network and capabilities."""

import pytest

from custom_components.bambu_printer.printer.models import MODELS, Light
from custom_components.bambu_printer.printer.state.detectors import (
    Detector,
    DetectorState,
    Sensitivity,
)
from custom_components.bambu_printer.printer.state.enclosure import StorageStatus
from custom_components.bambu_printer.printer.state.errors import (
    CANCELLED_CODES,
    HmsMessage,
    HmsModule,
    HmsSeverity,
)
from custom_components.bambu_printer.printer.state.options import (
    OptionState,
    Purification,
    Reaction,
)

from .reports import Replay, decode, model, module

# ---- errors -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "code", "problem"),
    [
        (0, None, False),
        (50348044, "0300-400C", False),
        (83902478, "0500-400E", False),
        (83902468, "0500-4004", True),
        (134184978, "07FF-8012", True),
        ("117473286", "0700-8006", True),
        (-1, "FFFF-FFFF", True),
    ],
)
def test_print_errors(value, code, problem):
    found = decode({"print_error": value}).errors
    assert (found.print_error_code, found.has_print_error) == (code, problem)


def test_a_cancelled_job_is_no_problem():
    assert {0x0300400C, 0x0500400E} == CANCELLED_CODES


def test_nothing_is_known_of_errors_at_first():
    found = decode({}).errors
    assert (found.print_error, found.has_print_error, found.hms) == (None, None, None)
    assert found.worst_severity is None


@pytest.mark.parametrize("value", [None, "x", [], 1.5])
def test_an_unreadable_error_leaves_the_earlier_one(value):
    before = decode({"print_error": 5})
    assert decode({"print_error": value}, previous=before).errors.print_error == 5


@pytest.mark.parametrize(
    ("attr", "code", "text", "part", "severity"),
    [
        (
            201327360,
            196615,
            "HMS_0C00_0300_0003_0007",
            HmsModule.CAMERA_AI,
            HmsSeverity.COMMON,
        ),
        (
            0x05000500,
            0x00010007,
            "HMS_0500_0500_0001_0007",
            HmsModule.MAINBOARD,
            HmsSeverity.FATAL,
        ),
        (
            0x03000100,
            0x00020001,
            "HMS_0300_0100_0002_0001",
            HmsModule.MOTION_CONTROLLER,
            HmsSeverity.SERIOUS,
        ),
        (
            0x07010000,
            0x00040002,
            "HMS_0701_0000_0004_0002",
            HmsModule.AMS,
            HmsSeverity.INFO,
        ),
        (
            0x12000000,
            0x00020002,
            "HMS_1200_0000_0002_0002",
            HmsModule.AMS,
            HmsSeverity.SERIOUS,
        ),
        (
            0x18000000,
            0x00020002,
            "HMS_1800_0000_0002_0002",
            HmsModule.AMS,
            HmsSeverity.SERIOUS,
        ),
        (
            0x08000000,
            0x00090002,
            "HMS_0800_0000_0009_0002",
            HmsModule.TOOLHEAD,
            HmsSeverity.UNKNOWN,
        ),
        (
            0x10000000,
            0,
            "HMS_1000_0000_0000_0000",
            HmsModule.UNKNOWN,
            HmsSeverity.UNKNOWN,
        ),
    ],
)
def test_messages(attr, code, text, part, severity):
    (found,) = decode({"hms": [{"attr": attr, "code": code}]}).errors.hms or ()
    assert (found.text_code, found.module, found.severity) == (text, part, severity)
    worse = (HmsSeverity.FATAL, HmsSeverity.SERIOUS, HmsSeverity.COMMON)
    assert found.is_problem is (severity in worse)


def test_negative_words_are_unsigned():
    (found,) = decode({"hms": [{"attr": -1, "code": "-1"}]}).errors.hms or ()
    assert found == HmsMessage(attr=0xFFFFFFFF, code=0xFFFFFFFF)


def test_messages_come_once_each_and_garbage_not_at_all():
    one = {"attr": 1, "code": 2}
    raw = [one, None, {"attr": 1}, {"attr": "x", "code": 2}, dict(one, ts_unix=9)]
    assert decode({"hms": raw}).errors.hms == (HmsMessage(attr=1, code=2),)


def test_messages_go_away_when_the_list_is_empty():
    replay = Replay()
    replay.full(hms=[{"attr": 0x03000000, "code": 0x00020000}])
    assert replay.state.errors.worst_severity is HmsSeverity.SERIOUS
    assert replay.delta(bed_temper=20) == {"temperatures"}
    assert "errors" in replay.delta(hms=[])
    assert replay.state.errors.hms == ()


def test_the_worst_message():
    codes = [0x00040000, 0x00010000, 0x00030000, 0x00090000]
    raw = [{"attr": number, "code": code} for number, code in enumerate(codes)]
    assert decode({"hms": raw}).errors.worst_severity is HmsSeverity.FATAL


# ---- detectors ----------------------------------------------------------------------

ALL_FUN = f"{0xF << 42:X}"


def on(sensitivity: Sensitivity | None = None) -> Detector:
    return Detector(enabled=True, sensitivity=sensitivity)


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        (224695, on(Sensitivity.MEDIUM)),
        (374487, on(Sensitivity.HIGH)),
        (0, Detector(enabled=False, sensitivity=Sensitivity.LOW)),
        (0x7FFFF, on(None)),
    ],
)
def test_four_detectors_in_one_word(word, expected):
    found = decode({"xcam": {"cfg": word}, "fun": ALL_FUN}).detectors
    assert found.spaghetti == found.purge_chute_pileup == expected
    assert found.nozzle_clumping == found.air_printing == expected


@pytest.mark.parametrize(
    ("bit", "name"),
    [
        (42, "spaghetti"),
        (43, "purge_chute_pileup"),
        (44, "nozzle_clumping"),
        (45, "air_printing"),
    ],
)
def test_a_detector_exists_when_the_printer_says_so(bit, name):
    found = decode({"xcam": {"cfg": 224695}, "fun": f"{1 << bit:X}"}).detectors
    names = ("spaghetti", "purge_chute_pileup", "nozzle_clumping", "air_printing")
    assert [x for x in names if getattr(found, x)] == [name]


@pytest.mark.parametrize(
    ("bit", "ability", "name"),
    [
        (20, 2, "build_plate_alignment"),
        (21, 13, "foreign_object"),
        (22, 14, "displacement"),
    ],
)
def test_detectors_of_newer_firmware(bit, ability, name):
    report = {"xcam": {"cfg": 1 << bit}, "fun2": f"{1 << ability:x}"}
    assert getattr(decode(report).detectors, name) == on()
    assert getattr(decode(report | {"fun2": "0"}).detectors, name) is None


@pytest.mark.parametrize(
    ("report", "expected"),
    [
        ({"xcam": {"printing_monitor": True}, "cfg": "FB299"}, on(Sensitivity.LOW)),
        (
            {"xcam": {"printing_monitor": True, "halt_print_sensitivity": "high"}},
            on(Sensitivity.HIGH),
        ),
        (
            {
                "xcam": {
                    "printing_monitor": False,
                    "halt_print_sensitivity": "never_halt",
                }
            },
            Detector(enabled=False, sensitivity=Sensitivity.NEVER_HALT),
        ),
        ({"xcam": {"printing_monitor": True, "halt_print_sensitivity": []}}, on()),
        ({"xcam": {"printing_monitor": "?"}}, None),
        ({"xcam": {}}, None),
        ({"cfg": "FB299"}, None),
    ],
)
def test_monitoring(report, expected):
    assert decode(report).detectors.ai_monitoring == expected


def test_plain_detectors():
    found = decode(
        {"xcam": {"first_layer_inspector": True, "buildplate_marker_detector": False}}
    ).detectors
    assert found.first_layer == on()
    assert found.build_plate_marker == Detector(enabled=False)
    assert decode({"cfg": "FB299"}).detectors.first_layer == on()
    assert decode({}).detectors == DetectorState()


# ---- options ------------------------------------------------------------------------


def test_options_of_older_firmware():
    found = decode({"home_flag": -1066934785}).options
    assert found.auto_recovery is True
    assert found.auto_switch_filament is True
    assert found.air_print_detection is None
    assert found.door_reaction is None


@pytest.mark.parametrize(
    ("supported", "enabled", "name"),
    [
        (19, 20, "tangle_detection"),
        (18, 17, "prompt_sound"),
        (25, 24, "nozzle_blob_detection"),
        (29, 28, "air_print_detection"),
    ],
)
def test_an_older_option_exists_when_its_bit_says_so(supported, enabled, name):
    assert getattr(decode({"home_flag": 1 << enabled}).options, name) is None
    assert getattr(decode({"home_flag": 1 << supported}).options, name) is False
    both = 1 << supported | 1 << enabled
    assert getattr(decode({"home_flag": both}).options, name) is True


def options(cfg: int, fun: int = 0, fun2: int = 0, **keys) -> OptionState:
    words = {"cfg": f"{cfg:X}", "fun": f"{fun:X}", "fun2": f"{fun2:X}"}
    return decode({**words, "aux": "0", "stat": "0", **keys}).options


@pytest.mark.parametrize(
    ("ability", "enabled", "name"),
    [
        (9, 23, "tangle_detection"),
        (8, 22, "prompt_sound"),
        (13, 24, "nozzle_blob_detection"),
    ],
)
def test_a_newer_option_exists_when_its_bit_says_so(ability, enabled, name):
    assert getattr(options(1 << enabled), name) is None
    assert getattr(options(1 << enabled, 1 << ability), name) is True
    assert getattr(options(0, 1 << ability, home_flag=-1), name) is False


@pytest.mark.parametrize(
    ("bit", "name"),
    [(16, "auto_recovery"), (18, "auto_switch_filament"), (19, "store_sent_files")],
)
def test_newer_options_that_every_printer_has(bit, name):
    assert getattr(options(1 << bit), name) is True
    assert getattr(options(0, home_flag=-1), name) is False


@pytest.mark.parametrize("missing", ["cfg", "fun", "aux", "stat"])
def test_the_newer_words_count_only_together(missing):
    report = {"cfg": "10000", "fun": "0", "aux": "0", "stat": "0", "home_flag": 0}
    assert decode(report).options.auto_recovery is True
    del report[missing]
    assert decode(report).options.auto_recovery is False


@pytest.mark.parametrize(
    ("value", "reaction"),
    [(0, Reaction.IGNORE), (1, Reaction.WARN), (2, Reaction.PAUSE), (3, None)],
)
def test_what_an_open_door_does(value, reaction):
    assert options(value << 20, 1 << 12).door_reaction is reaction
    assert options(value << 20).door_reaction is None


@pytest.mark.parametrize(
    ("value", "purification"),
    [
        (0, Purification.OFF),
        (1, Purification.INSIDE),
        (2, Purification.OUTSIDE),
        (3, None),
    ],
)
def test_what_happens_to_the_air(value, purification):
    assert options(value << 36, fun2=1 << 4).air_purification is purification
    assert options(value << 36).air_purification is None


# ---- enclosure ----------------------------------------------------------------------


@pytest.mark.parametrize(("stat", "door"), [("46258008", False), ("46A58008", True)])
@pytest.mark.parametrize("key", ["H2D", "H2S", "P2S", "X2D", "H2C", "H2D Pro"])
def test_the_door_in_the_newer_word(key, stat, door):
    report = {"stat": stat, "home_flag": -1058546177}
    assert decode(report, key=key).enclosure.door_open is door


@pytest.mark.parametrize(("home", "door"), [(-1066934785, False), (-1058546177, True)])
@pytest.mark.parametrize(
    ("key", "version", "known"),
    [
        ("X1C", "01.07.00.00", True),
        ("X1C", "01.10.00.00", True),
        ("X1C", "01.06.99.99", False),
        ("X1E", "01.01.02.00", True),
        ("X1E", "01.01.01.99", False),
        ("P1S", "01.09.00.00", False),
        ("A1", "01.09.00.00", False),
        ("unknown", "01.09.00.00", False),
    ],
)
def test_the_door_in_the_older_word(key, version, known, home, door):
    report = {"home_flag": home, "stat": "46A58008"}
    found = decode(report, key=key, modules=[module("ota", version)]).enclosure
    assert found.door_open is (door if known else None)


def test_the_door_is_unknown_while_the_firmware_is():
    assert decode({"home_flag": -1058546177}).enclosure.door_open is None


def test_the_lid():
    found = decode({"stat": "1000000"}, key="H2D").enclosure
    assert (found.door_open, found.lid_open) == (False, True)


@pytest.mark.parametrize(
    ("report", "storage"),
    [
        ({"aux": "2D01004"}, StorageStatus.NORMAL),
        ({"aux": "2000004"}, StorageStatus.NONE),
        ({"aux": "2000"}, StorageStatus.ABNORMAL),
        ({"aux": "3000", "home_flag": 0x100}, StorageStatus.READ_ONLY),
        ({"home_flag": -1066934785}, StorageStatus.NORMAL),
        ({"home_flag": 0x200, "sdcard": True}, StorageStatus.ABNORMAL),
        ({"home_flag": 0}, StorageStatus.NONE),
        ({"sdcard": True}, StorageStatus.NORMAL),
        ({"sdcard": False}, StorageStatus.NONE),
        ({}, None),
    ],
)
def test_storage(report, storage):
    assert decode(report).enclosure.storage is storage


# ---- firmware -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("modules", "version"),
    [
        ([module("mc", "1"), module("ota", "01.08.00.00")], "01.08.00.00"),
        ([module("rv1126", "01.00.00.01"), module("mc", "1")], "01.00.00.01"),
        ([module("esp32", "01.02.00.00")], "01.02.00.00"),
        ([module("ota", ""), module("esp32", "01.02.00.00")], "01.02.00.00"),
        ([module("mc", "1")], None),
        ([], None),
    ],
)
def test_the_version_of_the_printer(modules, version):
    assert decode({}, modules=modules).firmware.version == version


def test_boards_that_have_just_been_switched_on():
    found = decode({}, modules=[module("ams/0", "N/A", sn="N/A"), {"name": ""}, {}])
    (board,) = found.firmware.modules
    assert (board.name, board.serial, board.version) == ("ams/0", "", "")
    assert board.ams_unit == 0


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("ams/2", 2),
        ("n3f/1", 1),
        ("n3s/128", 128),
        ("ams_f1/16", 16),
        ("ota", -1),
        ("wtm/16", -1),
        ("ams/x", -1),
    ],
)
def test_which_unit_a_module_is(name, number):
    (found,) = decode({}, modules=[module(name)]).firmware.modules
    assert found.ams_unit == number


@pytest.mark.parametrize(
    ("upgrade", "available", "offered"),
    [
        ({}, None, None),
        ({"new_version_state": 2}, None, False),
        ({"new_version_state": 0, "ota_new_version_number": "01.09"}, None, False),
        ({"new_version_state": 1}, None, True),
        ({"new_version_state": 1, "ota_new_version_number": "01.09"}, "01.09", True),
        (
            {
                "new_ver_list": [
                    {"name": "ams", "new_ver": "2"},
                    {"name": "ota", "new_ver": "3"},
                ]
            },
            "3",
            None,
        ),
        ({"new_ver_list": [], "ota_new_version_number": ""}, None, None),
        ({"new_ver_list": None}, None, None),
    ],
)
def test_versions_on_offer(upgrade, available, offered):
    found = decode({"upgrade_state": upgrade}).firmware
    assert (found.available, found.update_offered) == (available, offered)


@pytest.mark.parametrize(
    ("value", "progress"),
    [("", None), ("42", 42), (42, 42), ("0", 0), ("900", None), (-1, None)],
)
def test_progress_of_an_update(value, progress):
    upgrade = {"status": "FLASHING", "progress": value, "force_upgrade": False}
    found = decode({"upgrade_state": upgrade}).firmware
    assert (found.progress, found.status, found.forced) == (progress, "FLASHING", False)


# ---- network ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "signal"),
    [
        ("-55dBm", -55),
        (" -55dBm ", -55),
        ("-55", -55),
        (-55, -55),
        ("", None),
        (None, None),
    ],
)
def test_signal_strength(value, signal):
    assert decode({"wifi_signal": value}).network.wifi_signal == signal


@pytest.mark.parametrize(
    ("value", "shown"), [(-57, -55), (-53, -55), (-58, -58), (-52, -52)]
)
def test_the_signal_is_shown_anew_from_three_decibels_on(value, shown):
    replay = Replay()
    replay.full(wifi_signal="-55dBm")
    replay.delta(wifi_signal=f"{value}dBm")
    assert replay.state.network.wifi_signal == shown
    replay.delta(wifi_signal="weak")
    assert replay.state.network.wifi_signal == shown


@pytest.mark.parametrize(
    ("addresses", "expected"),
    [
        ([2315299008, 0], "192.168.0.138"),
        ([2064885952], "192.168.19.123"),
        ([0x0100000A, 0x0200000A], "10.0.0.2"),
        ([-1979668288], "192.168.0.138"),
        ([0, 0], None),
        (["x", None, []], None),
        ([], None),
    ],
)
def test_addresses(addresses, expected):
    net = {"conf": 16, "info": [{"ip": number, "mask": 0} for number in addresses]}
    assert decode({"net": net}).network.address == expected


@pytest.mark.parametrize(
    ("conf", "wired"), [(16, False), (17, True), (1, True), (None, None), ("x", None)]
)
def test_wired(conf, wired):
    assert decode({"net": {"conf": conf}}).network.wired is wired


# ---- capabilities -------------------------------------------------------------------


@pytest.mark.parametrize("item", MODELS, ids=lambda x: x.key)
def test_without_telemetry_the_row_of_the_model_counts(item):
    found = decode({}, key=item.key).capabilities
    for name in ("nozzle_max", "bed_max", "chamber_max", "chamber_sensor", "extruders"):
        assert getattr(found, name) == getattr(item, name)
    for name in ("aux_fan", "chamber_fan", "airduct", "lights"):
        assert getattr(found, name) == getattr(item, name)
    assert found.signature_required is None
    assert found.json_bed_temp is False
    assert found.aux_fan_2 is False


@pytest.mark.parametrize(
    ("key", "report", "limit"),
    [
        ("X1C", {"home_flag": 0x8}, 110),
        ("X1C", {"fun": "4"}, 110),
        ("X1C", {"home_flag": 0}, 120),
        ("H2D", {"home_flag": 0x8}, 120),
        ("A1 mini", {"home_flag": 0x8}, 80),
    ],
)
def test_mains_bound_the_bed(key, report, limit):
    assert decode(report, key=key).capabilities.bed_max == limit


@pytest.mark.parametrize(
    ("report", "required"),
    [
        ({"fun": "3EC1AFFF9CFF"}, True),
        ({"fun": "3EC18FFF9CFF"}, False),
        ({"fun": 0x20000000}, True),
        ({}, None),
        ({"hms": [{"attr": 0x05000500, "code": 0x00010007}]}, True),
        ({"hms": [{"attr": 0x05000500, "code": 0x00010008}]}, None),
    ],
)
def test_whether_commands_must_be_signed(report, required):
    assert decode(report).capabilities.signature_required is required


@pytest.mark.parametrize(
    ("extruder", "count"),
    [
        ({"state": 2}, 2),
        ({"state": 1}, 1),
        ({"state": 274}, 2),
        ({"info": [{"id": 0}, {"id": 1}]}, 2),
        ({"state": 7}, 2),
        ({}, 1),
        (None, 1),
    ],
)
def test_the_printer_counts_its_extruders(extruder, count):
    found = decode({"device": {"extruder": extruder}}, key="X1C").capabilities
    assert found.extruders == count


def test_a_kit_brings_a_fan_to_a_p1p():
    assert decode({}, key="P1P").capabilities.chamber_fan is False
    assert decode({"home_flag": 1 << 26}, key="P1P").capabilities.chamber_fan is True
    assert decode({"home_flag": 1 << 26}, key="A1").capabilities.chamber_fan is False


def test_the_air_duct_says_which_fans_there_are():
    parts = [{"id": number} for number in (16, 32, 160)]
    modes = [{"modeId": 0}, {"modeId": 1}]
    duct = {
        "device": {"airduct": {"parts": parts, "modeList": modes}},
        "fun": f"{1 << 46:x}",
    }
    found = decode(duct, key="P2S").capabilities
    assert (found.aux_fan, found.chamber_fan, found.aux_fan_2) == (True, False, True)
    assert (found.airduct, found.airduct_filter) == (True, True)


def test_a_list_of_parts_is_no_air_duct():
    report = {"device": {"airduct": {"parts": [{"id": 16}]}}}
    found = decode(report, key="A2L").capabilities
    assert (found.airduct, found.aux_fan) == (False, False)


def test_lamps_that_are_reported():
    report = {"lights_report": [{"node": "chamber_light", "mode": "on"}]}
    assert decode(report, key="X1C").capabilities.lights == {Light.CHAMBER}
    assert decode(report, key="H2D").capabilities.lights == {
        Light.CHAMBER,
        Light.HEATBED,
    }


@pytest.mark.parametrize(
    ("report", "sensor"),
    [
        ({"device": {"ctc": {"info": {"temp": 30}}}}, True),
        ({"info": {"temp": 30}}, True),
        ({"chamber_temper": 30}, True),
        ({"chamber_temper": 5}, False),
        ({}, False),
    ],
)
def test_the_sensor_of_an_unknown_model(report, sensor):
    assert decode(report, key="unknown").capabilities.chamber_sensor is sensor
    assert (
        decode(report, key="P1S").capabilities.chamber_sensor
        is model("P1S").chamber_sensor
    )
