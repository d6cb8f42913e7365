"""Temperatures, flat and packed."""

import pytest

from custom_components.bambu_printer.printer.models import MODELS
from custom_components.bambu_printer.printer.state.packed import temperature, unpack
from custom_components.bambu_printer.printer.state.temperatures import (
    Heater,
    TemperatureState,
)

from .reports import Replay, decode, packed


def temperatures(report: dict, **options) -> TemperatureState:
    return decode(report, **options).temperatures


@pytest.mark.parametrize(
    ("raw", "current", "target"),
    [
        (4587590, 70, 70),
        (3932209, 49, 60),
        (14745864, 264, 225),
        (18022675, 275, 275),
        (24, 24, 0),
        ("24", 24, 0),
        (0, 0, 0),
    ],
)
def test_two_temperatures_in_one_number(raw, current, target):
    assert unpack(raw) == (current, target)


@pytest.mark.parametrize("raw", [None, "warm", -1, [], 1.5, True, 65535, 501 << 16])
def test_what_holds_no_temperatures(raw):
    assert unpack(raw) is None


@pytest.mark.parametrize(
    ("value", "expected"),
    [(20, 20.0), ("20.5", 20.5), (22.6875, 22.7), (0, 0.0), (-40, -40.0), (500, 500.0)],
)
def test_plain_temperatures_to_a_tenth(value, expected):
    assert temperature(value, None) == expected


@pytest.mark.parametrize("value", [None, "hot", 501, -41, 4587590, [], True])
def test_temperatures_that_no_sensor_can_measure(value):
    assert temperature(value, "before") == "before"


def test_flat_keys():
    found = temperatures(
        {
            "nozzle_temper": 219.25,
            "nozzle_target_temper": 220,
            "bed_temper": "59.5",
            "bed_target_temper": 60,
            "chamber_temper": 38,
        }
    )
    assert found.nozzles == (Heater(219.2, 220.0),)
    assert found.bed == Heater(59.5, 60.0)
    assert found.chamber == Heater(38.0, None)


def test_nothing_is_known_at_first():
    found = temperatures({})
    assert found == TemperatureState(nozzles=(Heater(),))


@pytest.mark.parametrize(
    "device",
    [
        {"bed": {"info": {"temp": packed(55, 60)}}},
        {"bed_temp": packed(55, 60)},
        {"bed": None, "bed_temp": packed(55, 60)},
    ],
)
def test_the_packed_bed(device):
    assert temperatures({"device": device}).bed == Heater(55.0, 60.0)


def test_the_flat_bed_is_finer_than_the_packed_one():
    report = {
        "bed_temper": 55.4,
        "bed_target_temper": 60,
        "device": {"bed": {"info": {"temp": packed(55, 60)}}},
    }
    assert temperatures(report).bed == Heater(55.4, 60.0)


@pytest.mark.parametrize(
    "report",
    [
        {"device": {"ctc": {"info": {"temp": packed(43, 60)}}}},
        {"info": {"temp": packed(43, 60)}},
        {"device": {"cham_temp": packed(43, 60)}},
        {"chamber_temper": packed(43, 60)},
        {"chamber_temper": 43, "ctt": 60},
        {"chamber_temper": 5, "device": {"ctc": {"info": {"temp": packed(43, 60)}}}},
        {
            "info": {"temp": packed(20)},
            "device": {"ctc": {"info": {"temp": packed(43, 60)}}},
        },
    ],
)
def test_every_form_of_the_chamber(report):
    assert temperatures(report, key="H2D").chamber == Heater(43.0, 60.0)


@pytest.mark.parametrize("key", ["P1P", "P1S", "A1", "A1 mini", "A2L"])
@pytest.mark.parametrize("value", [5, 5.0, 31, packed(40, 60)])
def test_printers_without_a_sensor_have_no_chamber_temperature(key, value):
    assert temperatures({"chamber_temper": value}, key=key).chamber == Heater()


def test_a_sensor_may_well_measure_5_degrees():
    assert temperatures({"chamber_temper": 5}, key="X1C").chamber.current == 5.0


def test_an_unknown_model_is_believed_unless_it_says_5():
    assert temperatures({"chamber_temper": 5}, key="unknown").chamber == Heater()
    found = temperatures({"chamber_temper": 31}, key="unknown").chamber
    assert found == Heater(31.0, None)


def test_both_nozzles():
    info = [{"id": 1, "temp": packed(40)}, {"id": 0, "temp": packed(264, 225)}]
    report = {
        "nozzle_temper": 40,
        "nozzle_target_temper": 0,
        "device": {"extruder": {"state": 2, "info": info}},
    }
    assert temperatures(report, key="H2D").nozzles == (
        Heater(264.0, 225.0),
        Heater(40.0, 0.0),
    )


def test_a_delta_of_one_nozzle_keeps_the_other():
    info = [{"id": 0, "temp": packed(200, 220)}, {"id": 1, "temp": packed(40)}]
    replay = Replay("H2D")
    replay.full(device={"extruder": {"state": 2, "info": info}})
    replay.delta(device={"extruder": {"info": [{"id": 1, "temp": packed(60, 250)}]}})
    assert replay.state.temperatures.nozzles == (
        Heater(200.0, 220.0),
        Heater(60.0, 250.0),
    )


def test_one_packed_nozzle():
    report = {
        "device": {
            "extruder": {"state": 1, "info": [{"id": 0, "temp": packed(99, 210)}]}
        }
    }
    assert temperatures(report).nozzles == (Heater(99.0, 210.0),)


@pytest.mark.parametrize(
    "extruder", [None, [], "x", {"info": None}, {"info": {"0": 1}}]
)
def test_a_strange_extruder_object_does_no_harm(extruder):
    report = {"nozzle_temper": 30, "device": {"extruder": extruder}}
    assert temperatures(report).nozzles == (Heater(30.0, None),)


@pytest.mark.parametrize("value", ["warm", None, 10_000, {}, []])
@pytest.mark.parametrize("name", ["bed", "nozzle", "chamber"])
def test_an_unreadable_temperature_leaves_the_earlier_one(name, value):
    replay = Replay()
    replay.full(bed_temper=50, nozzle_temper=50, chamber_temper=50)
    replay.delta(**{f"{name}_temper": value})
    found = replay.state.temperatures
    heater = {"bed": found.bed, "nozzle": found.nozzles[0], "chamber": found.chamber}
    assert heater[name].current == 50.0


@pytest.mark.parametrize(
    ("value", "shown"),
    [(60.4, 60.0), (59.6, 60.0), (60.5, 60.5), (59.5, 59.5), (0, 0.0)],
)
def test_temperatures_are_shown_anew_from_half_a_degree_on(value, shown):
    replay = Replay()
    replay.full(bed_temper=60.0, nozzle_temper=60.0, chamber_temper=60.0)
    changed = replay.delta(bed_temper=value, nozzle_temper=value, chamber_temper=value)
    found = replay.state.temperatures
    assert found.bed.current == found.nozzles[0].current == shown
    assert found.chamber.current == shown
    assert changed == (frozenset() if shown == 60.0 else {"temperatures"})


def test_a_target_is_shown_at_once():
    replay = Replay()
    replay.full(bed_temper=60.0, bed_target_temper=60)
    assert replay.delta(bed_target_temper=61) == {"temperatures"}
    assert replay.state.temperatures.bed == Heater(60.0, 61.0)


@pytest.mark.parametrize(
    ("value", "shown"),
    [(60.4, 60.0), (59, 60.0), (61.4, 60.0), (61.5, 61.5), (58.5, 58.5), (30, 30.0)],
)
def test_a_heater_that_holds_its_target_is_shown_there(value, shown):
    replay = Replay()
    replay.full(bed_temper=59.7, bed_target_temper=60)
    assert replay.state.temperatures.bed == Heater(60.0, 60.0)
    changed = replay.delta(bed_temper=value)
    assert replay.state.temperatures.bed.current == shown
    assert changed == (frozenset() if shown == 60.0 else {"temperatures"})


def test_a_heater_on_its_way_is_shown_as_it_is_until_it_arrives():
    replay = Replay()
    replay.full(nozzle_temper=210, nozzle_target_temper=220)
    shown = []
    for value in (215.25, 219, 219.4, 219.6, 221, 219, 220.5):
        replay.delta(nozzle_temper=value)
        shown.append(replay.state.temperatures.nozzles[0].current)
    assert shown == [215.2, 219.0, 219.0, 220.0, 220.0, 220.0, 220.0]


@pytest.mark.parametrize(
    ("target", "value", "shown"),
    [
        (220, 24, 23.0),
        (220, 22, 23.0),
        (220, 25, 25.0),
        (0, 25, 23.0),
        (0, 21, 23.0),
        (0, 26, 26.0),
    ],
)
def test_a_sensor_of_whole_degrees_may_sit_on_the_edge_of_one(target, value, shown):
    replay = Replay(key="H2D")
    part = {"state": 1, "info": [{"id": 0, "temp": packed(23, target)}]}
    replay.full(device={"extruder": part})
    info = [{"id": 0, "temp": packed(value, target)}]
    changed = replay.delta(device={"extruder": {"info": info}})
    assert replay.state.temperatures.nozzles[0].current == shown
    assert changed == (frozenset() if shown == 23.0 else {"temperatures"})


def test_a_heater_that_is_off_is_held_nowhere():
    replay = Replay()
    replay.full(nozzle_temper=0, nozzle_target_temper=0)
    replay.delta(nozzle_temper=0.7)
    assert replay.state.temperatures.nozzles[0].current == 0.7


def test_a_target_of_zero_is_off_and_not_unknown():
    replay = Replay()
    replay.full(bed_temper=60.0)
    assert replay.state.temperatures.bed.target is None
    replay.delta(bed_target_temper=0)
    assert replay.state.temperatures.bed.target == 0.0


def test_every_model_decodes_the_same_nozzle():
    for item in MODELS:
        found = temperatures({"nozzle_temper": 25}, key=item.key).nozzles
        assert found[0].current == 25.0
