"""Merging reports: what the printer means by what it leaves out."""

from copy import deepcopy
import logging
import random
from typing import Any

import orjson
import pytest

from custom_components.bambu_printer.printer.known import STATUS_KEYS
from custom_components.bambu_printer.printer.parser import ReportParser
from custom_components.bambu_printer.printer.report import (
    HEAT_KEY,
    RawReport,
    extract_status,
)

from .reports import (
    ZERO_TAG,
    ZERO_UUID,
    ams,
    delta,
    full,
    remember_everything,
    status,
    tray,
    unit,
)


def started(**keys) -> RawReport:
    """Return a report that begins with a full one."""
    raw = RawReport()
    raw.apply(full(**keys))
    return raw


def trays(raw: RawReport, number: int = 0) -> dict[str, dict]:
    """Return the slots of a unit by their ids."""
    found = next(x for x in raw.data["ams"]["ams"] if x["id"] == str(number))
    return {item["id"]: item for item in found["tray"]}


def units(raw: RawReport) -> list[str]:
    return [item["id"] for item in raw.data["ams"]["ams"]]


# ---- which messages are status ------------------------------------------------------


@pytest.mark.parametrize(
    "message",
    [
        {},
        {"print": None},
        {"print": []},
        {"print": "push_status"},
        {"print": {"command": "gcode_line", "bed_temper": 99}},
        {"print": {"command": 7, "bed_temper": 99}},
        {"print": {"command": None, "bed_temper": 99}},
        {"print": {"command": ["push_status"], "bed_temper": 99}},
        {"print": {"command": "extrusion_cali_get", "nozzle_diameter": "0.6"}},
        {"print": {"command": "print_speed", "param": "3", "result": "success"}},
        {"info": {"command": "get_version", "module": []}},
        {"system": {"command": "ledctrl", "led_mode": "on"}},
        {"xcam": {"command": "xcam_control_set", "enable": True}},
        {"mc_print": {"command": "push_info", "param": "[AMS]"}},
        {"pushing": {"command": "pushall"}},
        {"event": {"event": "client.connected"}},
        {"unheard_of": {"command": "push_status", "bed_temper": 99}},
    ],
)
def test_what_is_no_status_changes_nothing(message):
    raw = started(bed_temper=20, nozzle_diameter="0.4")
    before = deepcopy(raw.data)
    assert extract_status(message) is None
    assert raw.apply(message) == set()
    assert raw.data == before
    assert (raw.counters.full, raw.counters.delta) == (1, 0)


def test_status_without_a_command_is_status():
    raw = started(bed_temper=20)
    assert raw.apply({"print": {"bed_temper": 30}}) == {"bed_temper"}


@pytest.mark.parametrize(
    ("message", "changed"),
    [
        ({"fun": "41AFFF9CFF"}, {"fun"}),
        ({"wifi_signal": "-71dBm"}, {"wifi_signal"}),
        ({"xcam": {"printing_monitor": True}}, {"xcam"}),
        ({"ams": ams(unit(0), plugged="1", spools="f")}, {"ams"}),
        ({"fun": "1", "bed_temper": 99}, {"fun"}),
    ],
)
def test_status_outside_of_print_is_taken_where_firmware_sends_it_so(message, changed):
    raw = started(bed_temper=20)
    assert raw.apply(message) == changed
    assert raw.data["bed_temper"] == 20


# ---- full, delta, unmarked ----------------------------------------------------------


@pytest.mark.parametrize("mark", [0, "0"])
def test_a_full_report_replaces_everything(mark):
    raw = started(subtask_name="vase", mc_percent=50, hms=[{"attr": 1, "code": 2}])
    changed = raw.apply(full(msg=mark, mc_percent=51))
    assert changed == {"subtask_name", "mc_percent", "hms"}
    assert "subtask_name" not in raw.data
    assert raw.counters.full == 2


def test_a_delta_keeps_what_it_does_not_name():
    raw = started(subtask_name="vase", mc_percent=50)
    assert raw.apply(delta(mc_percent=51)) == {"mc_percent"}
    assert raw.data["subtask_name"] == "vase"
    assert (raw.counters.full, raw.counters.delta) == (1, 1)


def test_an_unmarked_report_is_merged():
    raw = started(subtask_name="vase", mc_percent=50)
    assert raw.apply(status(gcode_state="RUNNING", mc_percent=51)) == {
        "gcode_state",
        "mc_percent",
    }
    assert raw.data["subtask_name"] == "vase"


def test_a_report_marked_full_without_a_state_replaces_nothing():
    raw = started(subtask_name="vase")
    raw.apply(status(msg=0, bed_temper=30))
    assert raw.data["subtask_name"] == "vase"
    assert raw.data["bed_temper"] == 30


def test_a_delta_alone_makes_nothing_complete():
    raw = RawReport()
    raw.apply(delta(gcode_state="RUNNING", mc_percent=51))
    assert not raw.complete
    assert raw.data["mc_percent"] == 51


def test_a_large_unmarked_report_makes_it_complete():
    raw = RawReport()
    names = [
        "bed_temper",
        "bed_target_temper",
        "nozzle_temper",
        "nozzle_target_temper",
        "mc_percent",
        "mc_remaining_time",
        "layer_num",
        "total_layer_num",
        "stg_cur",
        "spd_lvl",
        "spd_mag",
        "sdcard",
        "home_flag",
        "fan_gear",
        "wifi_signal",
        "print_error",
        "print_type",
        "gcode_file",
        "subtask_name",
        "subtask_id",
        "task_id",
        "job_id",
        "ams_status",
        "ams_rfid_status",
        "hw_switch_state",
        "k",
        "err",
        "nozzle_type",
        "nozzle_diameter",
        "queue",
    ]
    raw.apply(status(**dict.fromkeys(names[:10], 1)))
    assert not raw.complete
    raw.apply(status(**dict.fromkeys(names, 1)))
    assert not raw.complete
    raw.apply(status(gcode_state="IDLE", **dict.fromkeys(names, 1)))
    assert raw.complete


def test_a_report_that_was_forgotten_is_whole_again_after_a_full_one():
    raw = started(mc_percent=1)
    assert raw.complete
    raw.forget()
    assert not raw.complete
    assert raw.data["mc_percent"] == 1
    raw.apply(delta(mc_percent=2))
    assert not raw.complete
    raw.apply(full(mc_percent=2))
    assert raw.complete


def test_a_repeated_full_report_changes_nothing():
    message = full(ams=ams(unit(0), plugged="1", spools="f"), bed_temper=20, t_utc=1)
    raw = RawReport()
    raw.apply(deepcopy(message))
    again = deepcopy(message)
    again["print"] |= {"sequence_id": "77", "t_utc": 2}
    assert raw.apply(again) == set()


def test_a_repeated_delta_changes_nothing_and_makes_nothing_new():
    raw = started(ams=ams(unit(0), unit(1), plugged="3", spools="ff"), device={"a": {}})
    raw.apply(delta(ams={"ams": [{"id": "1", "temp": "30.0"}]}))
    before = raw.data
    assert raw.apply(delta(ams={"ams": [{"id": "1", "temp": "30.0"}]})) == set()
    assert all(raw.data[key] is before[key] for key in before)


@pytest.mark.parametrize("key", ["msg", "sequence_id", "t_utc"])
def test_keys_that_always_differ_are_no_change(key):
    raw = started(t_utc=1, sequence_id="1")
    assert raw.apply(status(**{"msg": 1, key: "push_status"})) == set()


# ---- objects and lists --------------------------------------------------------------


def test_objects_merge_at_every_depth():
    raw = started(upload={"status": "idle", "deep": {"a": 1, "b": {"c": 2, "d": 3}}})
    raw.apply(delta(upload={"deep": {"b": {"d": 4}, "e": 5}}))
    assert raw.data["upload"] == {
        "status": "idle",
        "deep": {"a": 1, "b": {"c": 2, "d": 4}, "e": 5},
    }


@pytest.mark.parametrize(
    ("old", "new"), [({"a": 1}, 5), (5, {"a": 1}), ("x", [1]), ([1], None), (None, {})]
)
def test_a_value_of_another_type_wins(old, new):
    raw = started(net={"part": old})
    raw.apply(delta(net={"part": new}))
    assert raw.data["net"]["part"] == new


@pytest.mark.parametrize(
    ("key", "old", "new"),
    [
        ("s_obj", [1, 2, 3], [4]),
        ("s_obj", [1], []),
        ("stg", [1, 2], []),
        ("mapping", [259, 1], [3]),
        ("hms", [{"attr": 1, "code": 2}], [{"attr": 3, "code": 4}]),
        ("hms", [{"attr": 1, "code": 2}], []),
        ("care", [{"id": "lr", "info": "1"}], [{"id": "cr", "info": "2"}]),
        ("filam_bak", [15], [3]),
    ],
)
def test_lists_without_identity_are_replaced(key, old, new):
    raw = started(**{key: old})
    assert raw.apply(delta(**{key: new})) == {key}
    assert raw.data[key] == new


@pytest.mark.parametrize(
    ("outer", "inner", "old", "new"),
    [
        ("net", "info", [{"ip": 1}, {"ip": 2}], [{"ip": 3}]),
        ("upgrade_state", "new_ver_list", [{"name": "ota"}], [{"name": "ams"}]),
    ],
)
def test_lists_inside_of_objects_are_replaced(outer, inner, old, new):
    raw = started(**{outer: {inner: old, "other": 1}})
    raw.apply(delta(**{outer: {inner: new}}))
    assert raw.data[outer] == {inner: new, "other": 1}


def test_modes_of_the_air_duct_are_replaced():
    raw = started(device={"airduct": {"modeList": [{"modeId": 0}, {"modeId": 1}]}})
    raw.apply(delta(device={"airduct": {"modeList": [{"modeId": 3}]}}))
    assert raw.data["device"]["airduct"]["modeList"] == [{"modeId": 3}]


def test_lamps_merge_by_their_node():
    raw = started(
        lights_report=[
            {"node": "chamber_light", "mode": "on"},
            {"node": "work_light", "mode": "flashing"},
        ]
    )
    raw.apply(delta(lights_report=[{"node": "chamber_light", "mode": "off"}]))
    assert raw.data["lights_report"] == [
        {"node": "chamber_light", "mode": "off"},
        {"node": "work_light", "mode": "flashing"},
    ]


def test_external_spools_merge_by_id():
    raw = started(vir_slot=[tray(254, tray_type="PLA"), tray(255, tray_type="TPU")])
    raw.apply(delta(vir_slot=[{"id": "255", "tray_color": "FF0000FF"}]))
    assert [item["tray_type"] for item in raw.data["vir_slot"]] == ["PLA", "TPU"]
    assert raw.data["vir_slot"][1]["tray_color"] == "FF0000FF"


@pytest.mark.parametrize("part", ["extruder", "nozzle"])
def test_parts_of_the_toolhead_merge_by_id(part):
    info = [{"id": 0, "temp": 20, "x": 1}, {"id": 1, "temp": 30, "x": 2}]
    raw = started(device={part: {"info": info, "state": 2}})
    changed = raw.apply(delta(device={part: {"info": [{"id": 1, "temp": 31}]}}))
    # That nothing changed but how hot it is, is told apart, where it is hot.
    assert changed == {HEAT_KEY if part == "extruder" else f"device.{part}"}
    assert raw.data["device"][part] == {
        "info": [{"id": 0, "temp": 20, "x": 1}, {"id": 1, "temp": 31, "x": 2}],
        "state": 2,
    }


def test_an_old_nozzle_object_in_place_of_the_list_is_taken_as_it_is():
    raw = started(device={"nozzle": {"0": {"info": 8, "temp": 5}, "info": 7}})
    raw.apply(delta(device={"nozzle": {"info": 9}}))
    assert raw.data["device"]["nozzle"] == {"0": {"info": 8, "temp": 5}, "info": 9}


def test_some_parts_of_the_air_duct_merge_by_id():
    parts = [{"id": number, "state": 0} for number in (16, 32, 48)]
    raw = started(device={"airduct": {"parts": parts}})
    raw.apply(delta(device={"airduct": {"parts": [{"id": 48, "state": 70}]}}))
    assert [x["state"] for x in raw.data["device"]["airduct"]["parts"]] == [0, 0, 70]


def test_all_parts_of_the_air_duct_replace_the_old_ones():
    parts = [{"id": number, "state": 0} for number in (16, 32, 48)]
    raw = started(device={"airduct": {"parts": parts}})
    raw.apply(delta(device={"airduct": {"parts": parts[:2]}}))
    assert [x["id"] for x in raw.data["device"]["airduct"]["parts"]] == [16, 32]


def test_numbers_and_texts_of_the_same_id_are_the_same_item():
    raw = started(ams=ams(unit(0), plugged="1", spools="f"))
    raw.apply(delta(ams={"ams": [{"id": 0, "temp": "31.0"}]}))
    assert len(raw.data["ams"]["ams"]) == 1
    assert raw.data["ams"]["ams"][0]["temp"] == "31.0"


# ---- AMS ----------------------------------------------------------------------------


def test_units_and_slots_merge_by_id():
    raw = started(ams=ams(unit(0), unit(1), plugged="3", spools="ff"))
    change = {"id": "1", "tray": [{"id": "2", "remain": 9}]}
    assert raw.apply(delta(ams={"ams": [change]})) == {"ams"}
    assert units(raw) == ["0", "1"]
    assert trays(raw, 1)["2"]["remain"] == 9
    assert trays(raw, 1)["2"]["tray_type"] == "PLA"
    assert trays(raw, 0)["2"]["remain"] == 64


def test_a_unit_without_slots_keeps_its_slots():
    raw = started(ams=ams(unit(0), plugged="1", spools="f"))
    raw.apply(delta(ams={"ams": [{"id": "0", "humidity_raw": "30"}]}))
    assert len(trays(raw)) == 4
    assert raw.data["ams"]["ams"][0]["humidity_raw"] == "30"


def test_a_delta_of_the_bits_alone_keeps_the_units():
    raw = started(ams=ams(unit(0), plugged="1", spools="f"))
    raw.apply(delta(ams={"tray_now": "2"}))
    assert units(raw) == ["0"]
    assert raw.data["ams"]["tray_now"] == "2"


def test_a_new_unit_is_added():
    raw = started(ams=ams(unit(0), plugged="1", spools="f"))
    raw.apply(
        delta(ams={"ams": [unit(128, tray(0))], "ams_exist_bits": "11"}),
    )
    assert units(raw) == ["0", "128"]


@pytest.mark.parametrize(
    ("number", "bit"), [(0, 0), (3, 3), (128, 4), (129, 5), (135, 11), (16, 12)]
)
def test_a_unit_whose_bit_is_cleared_is_dropped(number, bit):
    other = 1
    plugged = 1 << bit | 1 << other
    raw = started(
        ams=ams(unit(number), unit(other), plugged=f"{plugged:x}", spools="f")
    )
    raw.apply(delta(ams={"ams_exist_bits": f"{1 << other:x}"}))
    assert units(raw) == [str(other)]


def test_naming_an_unplugged_unit_again_changes_nothing():
    raw = started(ams=ams(unit(0), plugged="1", spools="f"))
    again = delta(ams={"ams": [unit(1)], "ams_exist_bits": "1"})
    assert raw.apply(again) == set()
    assert units(raw) == ["0"]


def test_a_slot_whose_bit_is_cleared_forgets_its_filament():
    raw = started(ams=ams(unit(0), plugged="1", spools="f"))
    raw.apply(delta(ams={"tray_exist_bits": "b"}))
    assert trays(raw)["2"] == {"id": "2"}
    assert trays(raw)["1"]["tray_type"] == "PLA"


@pytest.mark.parametrize("number", [0, 2, 128, 130, 16])
def test_bits_of_slots_of_every_kind_of_unit(number):
    slots = 1 if number >= 128 else 4
    bit = 16 + number - 128 if number >= 128 else 24 if number == 16 else number * 4
    spools = ((1 << slots) - 1) << bit
    held = unit(number, *(tray(slot) for slot in range(slots)))
    plugged = {0: 1, 2: 4, 128: 16, 130: 64, 16: 4096}[number]
    raw = started(ams=ams(held, plugged=f"{plugged:x}", spools=f"{spools:x}"))
    raw.apply(delta(ams={"tray_exist_bits": f"{spools & ~(1 << bit):x}"}))
    assert trays(raw, number)["0"] == {"id": "0"}
    assert all(trays(raw, number)[str(x)]["tray_type"] for x in range(1, slots))


def test_a_new_spool_does_not_inherit_what_was_in_the_slot():
    raw = started(ams=ams(unit(0), plugged="1", spools="f"))
    raw.apply(delta(ams={"tray_exist_bits": "7", "ams": []}))
    raw.apply(
        delta(ams={"tray_exist_bits": "f", "ams": [{"id": "0", "tray": [{"id": "3"}]}]})
    )
    assert trays(raw)["3"] == {"id": "3"}


@pytest.mark.parametrize("stub", [{"id": "1"}, {"id": "1", "state": 10}])
def test_a_stub_of_a_slot_with_a_spool_keeps_the_filament(stub):
    raw = started(ams=ams(unit(0), plugged="1", spools="f"))
    raw.apply(delta(ams={"ams": [{"id": "0", "tray": [stub]}]}))
    assert trays(raw)["1"]["tray_type"] == "PLA"


def test_a_stub_of_an_empty_slot_clears_it():
    raw = started(ams=ams(unit(0), plugged="1", spools="f"))
    stub = {"id": "1", "state": 10}
    raw.apply(delta(ams={"ams": [{"id": "0", "tray": [stub]}], "tray_exist_bits": "d"}))
    assert trays(raw)["1"] == stub


def test_an_emptied_description_leaves_nothing_behind():
    raw = started(ams=ams(unit(0), plugged="1", spools="f"))
    cleared = {
        "id": "1",
        "tray_type": "",
        "tag_uid": ZERO_TAG,
        "tray_uuid": ZERO_UUID,
        "tray_color": "00000000",
    }
    raw.apply(delta(ams={"ams": [{"id": "0", "tray": [cleared]}]}))
    assert trays(raw)["1"] == cleared


def test_zero_tags_do_not_overwrite_known_ones():
    raw = started(ams=ams(unit(0), plugged="1", spools="f"))
    known = trays(raw)["1"]
    busy = {"id": "1", "tag_uid": ZERO_TAG, "tray_uuid": ZERO_UUID, "remain": 63}
    raw.apply(delta(ams={"ams": [{"id": "0", "tray": [busy]}]}))
    assert trays(raw)["1"] == known | {"remain": 63}


def test_another_tag_does_overwrite_the_known_one():
    raw = started(ams=ams(unit(0), plugged="1", spools="f"))
    other = {"id": "1", "tag_uid": "00000000000000AB"}
    raw.apply(delta(ams={"ams": [{"id": "0", "tray": [other]}]}))
    assert trays(raw)["1"]["tag_uid"] == "00000000000000AB"


def test_zero_tags_are_kept_where_no_tag_was_known():
    bare = tray(0, tag_uid=ZERO_TAG, tray_uuid=ZERO_UUID)
    raw = started(ams=ams(unit(0, bare), plugged="1", spools="1"))
    raw.apply(delta(ams={"ams": [{"id": "0", "tray": [dict(bare, remain=5)]}]}))
    assert trays(raw)["0"]["tag_uid"] == ZERO_TAG


def test_the_frame_of_a_shutdown_clears_no_slots():
    raw = started(ams=ams(unit(0), plugged="1", spools="f"))
    raw.apply(delta(ams={"tray_exist_bits": "0", "power_on_flag": False}))
    assert all(item["tray_type"] == "PLA" for item in trays(raw).values())
    assert raw.data["ams"]["tray_exist_bits"] == "f"


@pytest.mark.parametrize(
    ("change", "left"),
    [
        ({"tray_exist_bits": "1", "power_on_flag": False}, {"0"}),
        ({"tray_exist_bits": "0", "power_on_flag": True}, set()),
        ({"tray_exist_bits": "0"}, set()),
    ],
)
def test_slots_are_cleared_when_it_is_no_shutdown(change, left):
    raw = started(ams=ams(unit(0), plugged="1", spools="f"))
    raw.apply(delta(ams=change))
    assert {key for key, item in trays(raw).items() if "tray_type" in item} == left


# ---- parts of the device ------------------------------------------------------------


def test_changes_in_the_device_are_named_by_part():
    raw = started(
        device={"bed": {"info": {"temp": 20}}, "fan": 5, "ctc": {"info": {"temp": 24}}}
    )
    assert raw.apply(delta(device={"ctc": {"info": {"temp": 25}}})) == {"device.ctc"}
    assert raw.apply(delta(device={"fan": 5})) == set()
    assert raw.apply(full(device={"bed": {"info": {"temp": 20}}, "fan": 6})) == {
        "device.ctc",
        "device.fan",
    }
    assert raw.apply(full()) == {"device.bed", "device.fan"}


def test_a_null_part_of_the_device_is_kept():
    raw = started(device={"holder": None, "bed": {"state": 0}})
    raw.apply(delta(device={"bed": None}))
    assert raw.data["device"] == {"holder": None, "bed": None}


# ---- what cannot be -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "good", "bad"),
    [
        ("ams", {"tray_now": "1"}, []),
        ("ams", {"tray_now": "1"}, None),
        ("device", {"fan": 1}, 5),
        ("device", {"fan": 1}, None),
        ("ipcam", {"timelapse": "enable"}, "off"),
        ("net", {"conf": 1}, [1]),
        ("xcam", {"cfg": 1}, 1),
        ("upgrade_state", {"status": "IDLE"}, ""),
        ("vt_tray", {"id": "254"}, ""),
        ("job", {"job_state": 1}, 0),
        ("hms", [{"attr": 1, "code": 1}], "none"),
        ("lights_report", [{"node": "chamber_light", "mode": "on"}], {"node": 1}),
        ("s_obj", [1], {}),
        ("stg", [1], None),
        ("vir_slot", [{"id": "255"}], {}),
    ],
)
def test_a_wrong_type_leaves_the_last_good_value(key, good, bad):
    raw = started(**{key: good}, bed_temper=20)
    assert raw.apply(delta(**{key: bad}, bed_temper=21)) == {"bed_temper"}
    assert raw.data[key] == good
    assert raw.counters.malformed == 1


def test_items_of_lists_that_are_none_are_dropped():
    raw = started(ams=ams(unit(0), plugged="1", spools="f"))
    raw.apply(delta(ams={"ams": [None, 5, "x", [], {"no": "id"}, {"id": "0", "a": 1}]}))
    assert units(raw) == ["0"]
    assert raw.data["ams"]["ams"][0]["a"] == 1


def nested(depth: int) -> dict:
    """Return an object in an object in an object …."""
    inner: dict = {}
    for _ in range(depth):
        inner = {"x": inner}
    return inner


@pytest.mark.parametrize("make", [delta, full])
def test_absurd_nesting_is_counted_and_dropped(make):
    raw = started(bed_temper=20, upload=nested(100_000))
    before = raw.data
    assert raw.apply(make(bed_temper=30, upload=nested(100_000))) == set()
    assert raw.data is before
    assert raw.counters.malformed == 1


def test_lists_cannot_grow_without_end():
    raw = started(ams=ams(plugged="0", spools="0"))
    for start in range(0, 5_000, 100):
        raw.apply(
            delta(
                vir_slot=[{"id": number} for number in range(start, start + 100)],
                lights_report=[{"node": f"n{x}"} for x in range(start, start + 100)],
                ams={"ams": [{"id": x} for x in range(start, start + 100)]},
            )
        )
    assert len(raw.data["vir_slot"]) <= 64
    assert len(raw.data["lights_report"]) <= 64
    assert len(raw.data["ams"]["ams"]) <= 64


def test_unknown_keys_cannot_grow_without_end():
    raw = started()
    for start in range(0, 1_000, 100):
        raw.apply(delta(**{f"key{x}": x for x in range(start, start + 100)}))
    assert len(raw.unknown_keys) <= 64
    assert len(raw.data) <= 80


def test_unknown_keys_are_kept_and_noted_once(caplog):
    raw = started()
    with caplog.at_level(logging.DEBUG):
        raw.apply(delta(brand_new=1, device={"gadget": {}, "bed": {}}, bed_temper=20))
        raw.apply(delta(brand_new=2, device={"gadget": {"a": 1}}))
    assert raw.unknown_keys == {"brand_new", "device.gadget"}
    assert raw.data["brand_new"] == 2
    assert sum("not known yet" in record.message for record in caplog.records) == 1


# ---- nothing that was handed out changes --------------------------------------------


@pytest.mark.parametrize(
    "message",
    [
        delta(ams={"tray_exist_bits": "0"}),
        delta(ams={"ams": [{"id": "0", "temp": "1", "tray": [{"id": "0", "k": 1}]}]}),
        delta(ams={"ams_exist_bits": "0"}),
        delta(device={"extruder": {"info": [{"id": 0, "temp": 1}]}}),
        delta(lights_report=[{"node": "chamber_light", "mode": "off"}]),
        delta(upload={"a": {"b": 2}}),
        full(),
    ],
)
def test_objects_that_were_handed_out_stay_as_they_are(message):
    raw = started(
        ams=ams(unit(0), plugged="1", spools="f"),
        device={"extruder": {"info": [{"id": 0, "temp": 20}], "state": 1}},
        lights_report=[{"node": "chamber_light", "mode": "on"}],
        upload={"a": {"b": 1}},
    )
    handed_out = raw.data
    copy = deepcopy(handed_out)
    given = deepcopy(message)
    assert raw.apply(given)
    assert handed_out == copy
    assert given == message


def test_values_beside_the_report_survive_a_full_one():
    raw = started()
    assert raw.set_value("@modules", [{"name": "ota"}]) == {"@modules"}
    assert raw.set_value("@modules", [{"name": "ota"}]) == set()
    assert raw.set_value("@heatbed_light", "on") == {"@heatbed_light"}
    raw.apply(full(bed_temper=20))
    assert raw.data["@modules"] == [{"name": "ota"}]
    assert raw.data["@heatbed_light"] == "on"


# ---- reports that the parser has put together -----------------------------------------


@pytest.mark.parametrize("seed", range(12))
def test_what_the_parser_tells_to_be_known_makes_no_difference(seed, monkeypatch):
    remember_everything(monkeypatch, fewest_keys=6)
    chance = random.Random(seed)
    parser, quick, plain = ReportParser(), RawReport(), RawReport()
    values: dict[str, list[Any]] = {
        "gcode_state": ["RUNNING", "PAUSE"],
        "mc_percent": [1, 2, 3],
        "layer_num": [1, "1", None],
        "fun": ["ff", "fe"],
        "hms": [[], [{"attr": 1}]],
        "new_key": [1, {"x": 2}],
        "device": [
            {"bed": {"temp": 1}, "fan": 2},
            {"bed": {"temp": 2}, "fan": 2},
            {"bed": {"temp": 1}},
        ],
        "ams": [ams(unit(0), plugged="1", spools="f"), ams(plugged="0", spools="0")],
        "upload": [{"message": "x" * 3000}],
    }
    settled = 0
    known = {key: choices[0] for key, choices in values.items()}
    for number in range(1, 400):
        for key in chance.sample(sorted(values), chance.choice((0, 0, 0, 1))):
            known[key] = chance.choice(values[key])
        message: dict[str, Any] = full(**known)
        match chance.randrange(20):
            case 0:
                message = delta(**{key: known[key] for key in ("ams", "mc_percent")})
            case 1:
                message = delta(mc_percent=chance.randrange(4), device={"fan": 3})
            case 2:
                message = full(**{key: known[key] for key in ("gcode_state", "fun")})
        if chance.random() < 0.1:
            message["print"][chance.choice(["fun", "hms", "device"])] = "broken"
        late = chance.choice((0, 0, 0, 0, 0, 0, 2))
        message["print"]["sequence_id"] = str(number - late)
        if chance.random() < 0.02:
            quick.forget()
            plain.forget()
        if chance.random() < 0.05:
            assert quick.set_value("@x", number) == plain.set_value("@x", number)
        payload = orjson.dumps(message)
        changed = plain.apply(orjson.loads(payload))
        parsed = parser.parse(payload)
        settled += getattr(parsed["print"], "same", 0) is quick._settled
        assert quick.apply(parsed) == changed
        assert quick.data == plain.data
        assert quick.news == plain.news
        assert quick.counters == plain.counters
        assert quick.complete is plain.complete
    assert settled > 20


def test_a_full_report_takes_back_what_came_in_between():
    parser, raw = ReportParser(), RawReport()
    more = dict.fromkeys(STATUS_KEYS - {"command", "msg"}, "x" * 50)
    text = orjson.dumps(full(**{**more, "gcode_state": "RUNNING", "layer_num": 1}))
    for _ in range(10):
        raw.apply(parser.parse(text))
    raw.apply(delta(layer_num=2))
    assert raw.data["layer_num"] == 2
    assert raw.apply(parser.parse(text)) == {"layer_num"}
    assert raw.data["layer_num"] == 1
