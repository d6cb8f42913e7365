"""Whatever arrives: nothing raises, and merging keeps its laws."""

from copy import deepcopy
from typing import Any

from hypothesis import given, settings, strategies as st
import pytest

from custom_components.bambu_printer.printer.known import DEVICE_KEYS, STATUS_KEYS
from custom_components.bambu_printer.printer.models import MODELS, UNKNOWN_MODEL
from custom_components.bambu_printer.printer.report import RawReport
from custom_components.bambu_printer.printer.slots import (
    SlotAddress,
    from_packed,
    from_tray_now,
)
from custom_components.bambu_printer.printer.state import (
    SECTIONS,
    Context,
    PrinterState,
    decode_sections,
    sections_of,
)

from .reports import NOW, ams, module, packed, tray, unit

FEW = settings(max_examples=120, deadline=None)

KEYS = sorted(STATUS_KEYS - {"command", "msg"})
NAMES = [
    *(
        "id",
        "info",
        "temp",
        "state",
        "node",
        "mode",
        "tray",
        "ams",
        "tray_type",
        "name",
    ),
    *("ams_exist_bits", "tray_exist_bits", "tray_now", "humidity", "parts", "modeList"),
    *("modeId", "cfg", "attr", "code", "snow", "type", "diameter", "ip", "conf", "x"),
]
ODD = [
    *(
        "",
        "0",
        "255",
        "-1",
        "ff",
        "3bbed",
        "N/A",
        "HS01",
        "chamber_light",
        "on",
        "GFS00",
    ),
    *("1e300", "-55dBm", "12345678", "00000000", "AABBCCFF", "PLA", "RUNNING", "cloud"),
]
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**64), 2**64 - 1)
    | st.sampled_from([0, 1, 2, 4, 16, 128, 254, 255, 65535, 65280, 4587590, 10**18])
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(ODD)
    | st.text(max_size=5)
)
names = st.sampled_from(NAMES) | st.text(max_size=3)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=5)
    ),
    max_leaves=12,
)
devices = st.dictionaries(st.sampled_from(sorted(DEVICE_KEYS)), values, max_size=5)
reports = st.dictionaries(st.sampled_from(KEYS), values, max_size=12).flatmap(
    lambda body: devices.map(lambda device: body | {"device": device})
)
states = st.sampled_from(["RUNNING", "PAUSE", "IDLE", "FINISH", "FAILED", 5, None])
models = st.sampled_from([*MODELS, UNKNOWN_MODEL])

VALID: dict[str, Any] = {
    "gcode_state": "RUNNING",
    "mc_percent": 20,
    "mc_remaining_time": 80,
    "stg_cur": 0,
    "layer_num": 3,
    "bed_temper": 60.0,
    "chamber_temper": 30,
    "home_flag": -1066934785,
    "cfg": "3C5FDAD9",
    "fun": "41AFFF9CFF",
    "aux": "2D01004",
    "stat": "46258008",
    "xcam": {"cfg": 224695, "printing_monitor": True},
    "ipcam": {"ipcam_dev": "1", "resolution": "1080p", "rtsp_url": "disable"},
    "net": {"conf": 16, "info": [{"ip": 2315299008, "mask": 16777215}]},
    "hms": [{"attr": 201327360, "code": 196615}],
    "s_obj": [1],
    "lights_report": [{"node": "chamber_light", "mode": "on"}],
    "upgrade_state": {"status": "IDLE", "new_ver_list": []},
    "ams": ams(unit(0), unit(128, tray(0), info="2004"), plugged="11", spools="1000f"),
    "vir_slot": [tray(254), tray(255)],
    "wifi_signal": "-55dBm",
    "device": {
        "airduct": {
            "modeCur": 0,
            "modeList": [{"modeId": 0}],
            "parts": [{"id": 16, "state": 5}, {"id": 32, "state": 7}],
        },
        "bed": {"info": {"temp": packed(60, 60)}},
        "ctc": {"info": {"temp": packed(30)}},
        "extruder": {
            "state": 2,
            "info": [
                {"id": 0, "temp": packed(220, 220), "snow": 0, "star": 0, "info": 2},
                {"id": 1, "temp": packed(30), "snow": 65279, "star": 65279, "info": 0},
            ],
        },
        "nozzle": {"info": [{"id": 0, "type": "HS01", "diameter": 0.4}]},
    },
}


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the paths to everything in a value."""
    found = [path] if path else []
    if isinstance(value, dict):
        for key, item in value.items():
            found += places(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            found += places(item, (*path, index))
    return found


def put(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    """Return a copy in which something else stands at a place."""
    copy = deepcopy(value)
    spot = copy
    for step in path[:-1]:
        spot = spot[step]
    spot[path[-1]] = new
    return copy


mutations = st.tuples(st.sampled_from(places(VALID)), values).map(
    lambda change: put(VALID, *change)
)


def message(body: dict[str, Any], mark: object = 1) -> dict[str, Any]:
    return {"print": {"command": "push_status", "msg": mark, **body}}


def take(
    raw: RawReport, state: PrinterState, context: Context, sent: Any
) -> PrinterState:
    """Take a message over, as the printer does; check what always holds."""
    before, copy, given_ = raw.data, deepcopy(raw.data), deepcopy(sent)
    names_ = sections_of(raw.apply(sent))
    new, changed = decode_sections(state, raw.data, names_, context)
    assert before == copy
    assert sent == given_
    assert isinstance(new, PrinterState)
    hash(new)
    assert changed <= names_
    assert (new == state) is (not changed)
    return new


@FEW
@given(
    st.lists(st.tuples(reports | mutations, st.sampled_from([0, 1, None])), max_size=4),
    models,
)
def test_nothing_raises(history, model):
    raw, state, context = RawReport(), PrinterState(), Context(model=model, now=NOW)
    for body, mark in history:
        state = take(raw, state, context, message(body, mark))
        assert decode_sections(state, raw.data, SECTIONS, context)


@FEW
@given(values)
def test_no_message_raises(sent):
    raw = RawReport()
    for key in ("print", "ams", "xcam", "fun", "info"):
        raw.apply({key: sent})
    if isinstance(sent, dict):
        raw.apply(sent)
    decode_sections(PrinterState(), raw.data, SECTIONS, Context(UNKNOWN_MODEL, NOW))


@FEW
@given(st.lists(values, max_size=3))
def test_no_version_list_raises(modules):
    raw = {"@modules": [*modules, module("ota")]}
    state, _ = decode_sections(PrinterState(), raw, SECTIONS, Context(MODELS[0], NOW))
    assert state.firmware.version == "01.02.03.04" or modules


@FEW
@given(mutations | reports, states)
def test_the_same_report_twice_changes_nothing(body, gcode_state):
    for mark in (0, 1):
        raw = RawReport()
        sent = message(body | {"gcode_state": gcode_state}, mark)
        raw.apply(deepcopy(sent))
        before = deepcopy(raw.data)
        assert raw.apply(deepcopy(sent)) == set()
        assert raw.data == before


@FEW
@given(mutations | reports, st.data())
def test_a_report_in_pieces_is_the_same_as_in_one(body, data):
    whole, pieces = RawReport(), RawReport()
    for raw in (whole, pieces):
        raw.apply(message(deepcopy(VALID), 0))
    whole.apply(message(deepcopy(body)))
    for key in data.draw(st.permutations(sorted(body))):
        pieces.apply(message({key: deepcopy(body[key])}))
    assert pieces.data == whole.data


plain = st.recursive(
    st.integers(-5, 5) | st.sampled_from(["a", "b"]),
    lambda inner: st.dictionaries(st.sampled_from("pqrst"), inner, max_size=4),
    max_leaves=10,
)
FREE = ["upload", "online", "job", "net", "upgrade_state", "mc_percent", "care"]


@st.composite
def pairs(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return two reports, of which the second has all that the first has."""

    def grow(old: Any) -> Any:
        if not isinstance(old, dict):
            return draw(plain.filter(lambda x: not isinstance(x, dict)))
        new = {
            key: grow(item) if draw(st.booleans()) else item
            for key, item in old.items()
        }
        return draw(st.dictionaries(st.sampled_from("pqrst"), plain, max_size=2)) | new

    first = {
        key: draw(st.dictionaries(st.sampled_from("pqrst"), plain, max_size=4))
        for key in draw(st.sets(st.sampled_from(FREE)))
    }
    return first, {key: grow(value) for key, value in first.items()}


def difference(old: Any, new: Any) -> Any:
    """Return what a printer would send: only what is not the same."""
    if not (isinstance(old, dict) and isinstance(new, dict)):
        return new
    return {
        key: difference(old.get(key), value)
        for key, value in new.items()
        if key not in old or old[key] != value
    }


@FEW
@given(pairs())
def test_a_delta_between_two_reports_leads_from_one_to_the_other(pair):
    first, second = pair
    raw = RawReport()
    raw.apply(message(first | {"gcode_state": "IDLE"}, 0))
    changed = raw.apply(message(difference(first, second)))
    assert {key: raw.data[key] for key in second} == second
    assert changed == {key for key in second if first[key] != second[key]}


slots = st.one_of(
    st.builds(SlotAddress, st.integers(0, 3), st.integers(0, 3)),
    st.builds(SlotAddress, st.just(16), st.integers(0, 3)),
    st.builds(SlotAddress, st.integers(128, 135)),
    st.builds(SlotAddress, st.just(255)),
)


@FEW
@given(slots)
def test_slots_survive_every_spelling(slot):
    assert from_packed(slot.unit << 8 | slot.slot) == slot
    assert from_tray_now(slot.index) == slot


@FEW
@given(st.integers(-(2**70), 2**70))
def test_any_number_is_a_slot_or_none(number):
    for read in (from_packed, from_tray_now):
        found = read(number)
        assert found is None or (0 <= found.unit <= 255 and 0 <= found.slot < 255)


@pytest.mark.parametrize(
    "value", [None, {}, [], "", -1, 10**25, [[]], [{}], {"id": {}}]
)
def test_a_report_with_one_strange_value_keeps_the_rest(value):
    context = Context(model=MODELS[0], now=NOW)
    for path in places(VALID):
        raw = RawReport()
        state = take(raw, PrinterState(), context, message(VALID, 0))
        state = take(raw, state, context, message(put(VALID, path, value)))
        if path[0] not in ("gcode_state", "mc_percent"):
            assert state.job.progress == 20
        if path[0] != "bed_temper":
            assert state.temperatures.bed.current == 60
