"""AMS units, slots and external spools."""

from math import isclose

import pytest

from custom_components.bambu_printer.printer.slots import SlotAddress
from custom_components.bambu_printer.printer.state.ams import (
    AmsKind,
    AmsState,
    AmsStatus,
    AmsUnit,
    DryingPhase,
    Tray,
)

from .reports import ZERO_TAG, ZERO_UUID, Replay, ams, decode, module, tray, unit


def state(*units: dict, plugged: str = "1", spools: str = "f", **keys) -> AmsState:
    return decode({"ams": ams(*units, plugged=plugged, spools=spools)}, **keys).ams


def only(**keys) -> AmsUnit:
    return state(unit(0, **keys)).units[0]


def slot(number: int = 0, **keys) -> Tray:
    return state(unit(0, tray(number, **keys))).units[0].trays[number]


def test_a_slot_of_a_spool_with_a_tag():
    assert slot() == Tray(
        slot=SlotAddress(0, 0),
        present=True,
        filament_id="GFA05",
        type="PLA",
        name="PLA Silk",
        color_name="A05-R7",
        color="#12AB34",
        remain=64,
        weight=1000,
        nozzle_temp_min=190,
        nozzle_temp_max=230,
        drying_temp=55,
        drying_hours=8,
        calibration=-1,
        tag="ABCDEF0123456789ABCDEF0123456789",
    )


# ---- which units and slots there are ------------------------------------------------


def test_units_are_those_that_are_plugged_in():
    every = [unit(number) for number in (129, 128, 3, 2, 1, 0)]
    assert [x.unit for x in state(*every, plugged="17").units] == [0, 1, 2, 128]
    assert [x.unit for x in state(*every, plugged="3f").units] == [0, 1, 2, 3, 128, 129]
    assert [x.unit for x in state(*every, plugged="0").units] == []
    assert [x.unit for x in state(unit(16), plugged="1000").units] == [16]


def test_units_are_all_there_when_there_are_no_bits():
    assert [x.unit for x in decode({"ams": {"ams": [unit(1)]}}).ams.units] == [1]


def test_the_unit_that_feeds_the_nozzle_is_there_whatever_the_bits_say():
    report = ams(unit(128, tray(0)), plugged="1", spools="f", tray_now="128")
    found = decode({"ams": report}).ams
    assert found.tray(SlotAddress(128)) is not None
    assert found.tray(SlotAddress(128)).present


@pytest.mark.parametrize("value", [None, "x", [], -1, True])
def test_a_unit_without_a_number_is_none(value):
    assert state(unit(0) | {"id": value}).units == ()


def test_bits_of_slots_over_six_units():
    every = [
        *(unit(number) for number in range(4)),
        *(unit(number, info="2004") for number in (128, 129)),
    ]
    found = state(*every, plugged="3f", spools="3bbed")
    empty = {(x.slot.unit, x.slot.slot) for x in found.trays() if not x.present}
    assert empty == {(0, 1), (1, 0), (2, 2), (3, 2)}
    assert [len(x.trays) for x in found.units] == [4, 4, 4, 4, 1, 1]


def test_the_odd_bits_of_the_lite_on_an_a2l():
    lite = unit(16, tray(1), {"id": "0"}, {"id": "2"}, {"id": "3"}, info="30001005")
    found = state(lite, plugged="1000", spools="2000000", key="A2L").units[0]
    assert [x.present for x in found.trays] == [False, True, False, False]
    assert [x.type for x in found.trays] == ["", "PLA", "", ""]


@pytest.mark.parametrize(
    ("item", "spools", "present", "kind"),
    [
        (tray(2), "4", True, "PLA"),
        (tray(2), "0", False, ""),
        ({"id": "2", "state": 10}, "4", True, ""),
        ({"id": "2"}, "0", False, ""),
        (tray(2, tray_type=""), "4", True, ""),
        (tray(2, state=9), "4", True, "PLA"),
    ],
)
def test_the_bits_say_what_is_present_and_the_type_what_is_known(
    item, spools, present, kind
):
    found = state(unit(0, item), spools=spools).units[0].trays[2]
    assert (found.present, found.type) == (present, kind)
    if not kind:
        assert found == Tray(slot=SlotAddress(0, 2), present=present)


def test_slots_that_a_unit_does_not_list_are_empty():
    assert state(unit(0, tray(3)), spools="8").units[0].trays[0].present is False


def test_finding_units_and_slots():
    found = state(unit(0), unit(1), plugged="3", spools="ff")
    assert found.unit(1).unit == 1
    assert found.unit(2) is None
    assert found.tray(SlotAddress(1, 3)).slot == SlotAddress(1, 3)
    assert found.tray(SlotAddress(2, 3)) is None


# ---- kinds --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "info", "kind", "extruder", "drying"),
    [
        (0, "1001", AmsKind.AMS, 0, None),
        (0, "1101", AmsKind.AMS, 1, None),
        (1, "2103", AmsKind.PRO_2, 1, DryingPhase.OFF),
        (128, "2004", AmsKind.HT, 0, DryingPhase.OFF),
        (1, "142023", AmsKind.PRO_2, 0, DryingPhase.DRYING),
        (1, "1123", AmsKind.PRO_2, 1, DryingPhase.DRYING),
        (128, "142024", AmsKind.HT, 0, DryingPhase.DRYING),
        (16, "30001005", AmsKind.LITE, 0, None),
        (0, "1002", AmsKind.LITE, 0, None),
        (0, "1e01", AmsKind.AMS, None, None),
        (0, "1013", AmsKind.PRO_2, 0, DryingPhase.CHECKING),
        (0, "1033", AmsKind.PRO_2, 0, DryingPhase.COOLING),
        (0, "1043", AmsKind.PRO_2, 0, DryingPhase.STOPPING),
        (0, "1053", AmsKind.PRO_2, 0, DryingPhase.ERROR),
        (0, "10f3", AmsKind.PRO_2, 0, None),
    ],
)
def test_what_the_info_word_says(number, info, kind, extruder, drying):
    found = state(unit(number, info=info), plugged="1fff").units[0]
    assert (found.kind, found.extruder, found.drying) == (kind, extruder, drying)


@pytest.mark.parametrize(
    ("number", "entry", "kind"),
    [
        (1, module("ams/1"), AmsKind.AMS),
        (1, module("n3f/1"), AmsKind.PRO_2),
        (128, module("n3s/128"), AmsKind.HT),
        (0, module("ams_f1/0"), AmsKind.LITE),
        (0, module("ams/1"), AmsKind.AMS),
        (128, module("ota"), AmsKind.HT),
        (16, module("ota"), AmsKind.LITE),
        (2, module("ota"), AmsKind.AMS),
    ],
)
def test_kinds_by_module_and_number(number, entry, kind):
    found = state(unit(number, info=None), plugged="1fff", modules=[entry]).units[0]
    assert (found.kind, found.extruder) == (kind, None)


def test_the_module_names_serial_and_firmware():
    entry = module("ams/0", "00.00.06.49", sn="00600A000000001")
    found = state(unit(0), modules=[entry]).units[0]
    assert (found.serial, found.firmware) == ("00600A000000001", "00.00.06.49")


@pytest.mark.parametrize(
    ("number", "label"),
    [(0, "1"), (3, "4"), (128, "1"), (130, "3"), (16, "1")],
)
def test_labels_count_from_one(number, label):
    assert AmsUnit(unit=number).label == label


# ---- sensors ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "field", "value", "expected"),
    [
        ("temp", "temperature", "26.2", 26.2),
        ("temp", "temperature", "0.0", None),
        ("temp", "temperature", "101", None),
        ("temp", "temperature", None, None),
        ("humidity_raw", "humidity", "24", 24),
        ("humidity_raw", "humidity", "0", None),
        ("humidity_raw", "humidity", "101", None),
        ("humidity_raw", "humidity", None, None),
        ("humidity", "humidity_level", "5", 5),
        ("humidity", "humidity_level", "1", 1),
        ("humidity", "humidity_level", "0", None),
        ("humidity", "humidity_level", "6", None),
        ("dry_time", "drying_minutes", 0, None),
    ],
)
def test_sensors(key, field, value, expected):
    assert getattr(only(**{key: value}), field) == expected


def test_an_ams_lite_has_no_sensors_whatever_it_reports():
    found = only(info="1002")
    assert (found.temperature, found.humidity, found.humidity_level) == (None,) * 3


@pytest.mark.parametrize(
    ("temperature", "shown"), [("25.9", 25.5), ("25.1", 25.5), ("26.0", 26.0)]
)
def test_the_temperature_is_shown_anew_from_half_a_degree_on(temperature, shown):
    replay = Replay()
    replay.full(ams=ams(unit(0, temp="25.5"), plugged="1", spools="f"))
    changed = replay.delta(ams={"ams": [{"id": "0", "temp": temperature}]})
    found = replay.state.ams.units[0].temperature
    assert found is not None
    assert isclose(found, shown)
    assert ("ams" in changed) is (shown != 25.5)


@pytest.mark.parametrize(("humidity", "shown"), [("21", 22), ("23", 22), ("24", 24)])
def test_the_humidity_is_shown_anew_from_two_percent_on(humidity, shown):
    replay = Replay()
    replay.full(ams=ams(unit(0, humidity_raw="22"), plugged="1", spools="f"))
    replay.delta(ams={"ams": [{"id": "0", "humidity_raw": humidity}]})
    assert replay.state.ams.units[0].humidity == shown


@pytest.mark.parametrize(
    ("info", "minutes", "drying"),
    [
        ("2003", 0, False),
        ("2023", 583, True),
        ("2033", 0, True),
        ("2053", 0, False),
        ("1001", 0, None),
        (None, 0, None),
    ],
)
def test_whether_a_unit_dries(info, minutes, drying):
    found = only(info=info, dry_time=minutes)
    assert found.is_drying is drying
    assert found.drying_minutes == (None if drying is None else minutes)


def test_drying_without_the_info_word():
    found = state(unit(128, info=None, dry_time=30), plugged="10").units[0]
    assert (found.drying, found.drying_minutes, found.is_drying) == (None, 30, True)


# ---- slots --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "color"),
    [
        ("FF00AAFF", "#FF00AA"),
        ("ff00aaff", "#FF00AA"),
        ("FF00AA80", "#FF00AA80"),
        ("000000FF", "#000000"),
        ("00000000", None),
        ("", None),
        ("FF00AA", None),
        ("GG00AAFF", None),
        (None, None),
        (5, None),
    ],
)
def test_colors(code, color):
    assert slot(tray_color=code).color == color


@pytest.mark.parametrize(
    ("cols", "colors"),
    [
        (["112233FF"], ()),
        (["112233FF", "445566FF"], ("#112233", "#445566")),
        (["112233FF", "x"], ()),
        ([], ()),
        (None, ()),
        ("112233FF", ()),
    ],
)
def test_only_several_colors_are_several(cols, colors):
    assert slot(cols=cols).colors == colors


@pytest.mark.parametrize(
    ("value", "remain"),
    [(0, 0), (100, 100), ("47", 47), (-1, None), (101, None), ("", None)],
)
def test_what_remains(value, remain):
    assert slot(remain=value).remain == remain


@pytest.mark.parametrize(
    ("weight", "remain", "grams"),
    [("1000", 64, 640), ("250", 50, 125), ("0", 50, None), ("1000", -1, None)],
)
def test_what_remains_in_grams(weight, remain, grams):
    assert slot(tray_weight=weight, remain=remain).remaining_weight == grams


@pytest.mark.parametrize(("filament", "kind"), [("GFS00", "PLA-S"), ("GFS01", "PA-S")])
def test_support_filaments_have_types_of_their_own(filament, kind):
    assert slot(tray_info_idx=filament).type == kind


@pytest.mark.parametrize(
    ("uuid", "chip", "tag"),
    [
        ("AA" * 16, "BB" * 8, "AA" * 16),
        (ZERO_UUID, "BB" * 8, "BB" * 8),
        (ZERO_UUID, ZERO_TAG, ""),
        (None, None, ""),
    ],
)
def test_tags(uuid, chip, tag):
    assert slot(tray_uuid=uuid, tag_uid=chip).tag == tag


def test_zeros_mean_unknown():
    found = slot(
        nozzle_temp_min="0", nozzle_temp_max="0", drying_temp="0", drying_time="0"
    )
    assert (found.nozzle_temp_min, found.nozzle_temp_max) == (None, None)
    assert (found.drying_temp, found.drying_hours) == (None, None)


def test_pressure_advance_where_it_is_reported():
    assert slot(k=0.02, cali_idx=4).k == 0.02
    assert slot(cali_idx="4").calibration == 4
    assert slot().k is None


def test_a_slot_follows_the_deltas():
    replay = Replay()
    replay.full(ams=ams(unit(0), plugged="1", spools="f"))
    address = SlotAddress(0, 1)
    replay.delta(ams={"tray_exist_bits": "d"})
    assert replay.state.ams.tray(address) == Tray(slot=address, present=False)
    replay.delta(ams={"tray_exist_bits": "f"})
    assert replay.state.ams.tray(address) == Tray(slot=address, present=True)
    replay.delta(ams={"ams": [{"id": "0", "tray": [tray(1, tray_type="ABS")]}]})
    assert replay.state.ams.tray(address).type == "ABS"
    assert replay.delta(ams={"ams_exist_bits": "0"}) == {"ams"}
    assert replay.state.ams.units == ()


# ---- external spools ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("report", "numbers"),
    [
        ({"vt_tray": tray(254)}, [255]),
        ({"vt_tray": tray(255)}, [255]),
        ({"vir_slot": [tray(255)]}, [255]),
        ({"vir_slot": [tray(254)]}, [255]),
        ({"vir_slot": [tray(254), tray(255)]}, [255, 254]),
        ({"vir_slot": [tray(65280), tray(65024)]}, [255, 254]),
        ({"vir_slot": [tray(255)], "vt_tray": tray(254)}, [255]),
        ({"vir_slot": [tray(7)], "vt_tray": tray(254)}, [255]),
        ({"vir_slot": [], "vt_tray": {}}, []),
        ({}, []),
    ],
)
def test_external_spools(report, numbers):
    assert [x.slot.unit for x in decode(report).ams.externals] == numbers


def test_the_newer_list_outranks_the_older_object():
    report = {
        "vir_slot": [tray(255, tray_type="TPU")],
        "vt_tray": tray(255, tray_type="PLA"),
    }
    assert decode(report).ams.externals[0].type == "TPU"


def test_nobody_knows_what_remains_on_an_external_spool():
    found = decode({"vir_slot": [tray(255, remain=0)]}).ams.externals[0]
    assert (found.present, found.remain) == (True, None)


def test_an_external_spool_without_a_type_is_not_there():
    found = decode({"vir_slot": [tray(255, tray_type="")]}).ams.externals[0]
    assert found == Tray(slot=SlotAddress(255), present=False)


# ---- the system as a whole ----------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "status"),
    [
        (0, AmsStatus.IDLE),
        (0x0103, AmsStatus.FILAMENT_CHANGE),
        (0x0200, AmsStatus.READING_RFID),
        (768, AmsStatus.ASSIST),
        (0x0400, AmsStatus.CALIBRATION),
        (0x0700, AmsStatus.COLD_PULL),
        (0x1000, AmsStatus.SELF_CHECK),
        (0x2000, AmsStatus.DEBUG),
        (0xFF00, None),
        (0x0500, None),
    ],
)
def test_what_the_system_is_doing(value, status):
    assert decode({"ams_status": value}).ams.status is status


@pytest.mark.parametrize("value", [None, "busy", []])
def test_an_unreadable_status_leaves_the_earlier_one(value):
    before = decode({"ams_status": 768})
    assert decode({"ams_status": value}, previous=before).ams.status is AmsStatus.ASSIST


@pytest.mark.parametrize(
    ("report", "expected"),
    [
        ({}, (None, None, None)),
        ({"ams": {"insert_flag": True, "power_on_flag": False}}, (True, False, None)),
        ({"home_flag": 0x80}, (None, None, True)),
        ({"home_flag": -1066934785}, (None, None, True)),
        ({"cfg": "1", "ams": {"insert_flag": False}}, (True, False, False)),
        ({"cfg": "20002", "home_flag": 0}, (False, True, True)),
    ],
)
def test_settings(report, expected):
    found = decode(report).ams
    settings = (found.read_on_insert, found.read_on_power_up, found.estimate_remaining)
    assert settings == expected


@pytest.mark.parametrize("value", [None, [], "x", {"ams": None}, {"ams": {"id": "0"}}])
def test_a_strange_object_does_no_harm(value):
    assert decode({"ams": value}).ams.units == ()
