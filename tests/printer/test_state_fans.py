"""Fans and the air duct."""

import pytest

from custom_components.bambu_printer.printer.state.fans import (
    AirductMode,
    Fan,
    FanState,
)

from .reports import Replay, decode


def fans(report: dict, **options) -> FanState:
    return decode(report, **options).fans


def duct(**keys) -> dict:
    return {"device": {"airduct": keys}}


@pytest.mark.parametrize(
    ("gear", "part", "aux", "chamber"),
    [
        (2994943, 100, 70, 18),
        (5373952, 0, 0, 32),
        (5046271, 100, 100, 30),
        (25, 10, 0, 0),
        (0, 0, 0, 0),
        ("142", 56, 0, 0),
    ],
)
def test_the_gear_word(gear, part, aux, chamber):
    found = fans({"fan_gear": gear})
    assert (found.part, found.aux, found.chamber) == (part, aux, chamber)


@pytest.mark.parametrize(
    ("steps", "percent"),
    [("0", 0), ("1", 7), ("3", 20), ("10", 67), ("15", 100), (15, 100)],
)
def test_the_flat_keys_have_sixteen_steps(steps, percent):
    found = fans(
        {
            "cooling_fan_speed": steps,
            "big_fan1_speed": steps,
            "big_fan2_speed": steps,
            "heatbreak_fan_speed": steps,
        }
    )
    assert [found.part, found.aux, found.chamber, found.heatbreak] == [percent] * 4


def test_the_gear_word_is_finer_than_the_flat_keys():
    found = fans(
        {"fan_gear": 2994943, "big_fan1_speed": "10", "heatbreak_fan_speed": "13"}
    )
    assert (found.aux, found.heatbreak) == (70, 87)


def test_the_parts_of_the_air_duct_are_the_best_source():
    report = duct(
        parts=[
            {"id": 16, "state": 90},
            {"id": 32, "state": 40},
            {"id": 48, "state": 30},
            {"id": 160, "state": 25},
        ]
    )
    found = fans(report | {"fan_gear": 0, "heatbreak_fan_speed": "15"})
    assert (found.part, found.aux, found.chamber, found.aux_2) == (90, 40, 30, 25)
    assert found.heatbreak == 100
    assert found.ducted == {Fan.PART, Fan.AUX, Fan.CHAMBER, Fan.AUX_2}
    assert [found.speed(fan) for fan in Fan] == [90, 40, 30, 25, 100]


def test_only_the_low_byte_of_a_part_is_its_speed():
    assert fans(duct(parts=[{"id": 16, "state": 0x6400 | 35}])).part == 35
    assert fans(duct(parts=[{"id": 16, "state": 0xFF}])).part == 100


def test_a_fan_that_nobody_reports_is_unknown_and_not_off():
    found = fans({})
    assert [found.speed(fan) for fan in Fan] == [None] * 5


@pytest.mark.parametrize("value", ["fast", None, 16, -1, {}, True])
def test_an_unreadable_speed_leaves_the_earlier_one(value):
    replay = Replay()
    replay.full(cooling_fan_speed="15")
    replay.delta(cooling_fan_speed=value)
    assert replay.state.fans.part == 100


@pytest.mark.parametrize("value", [-5, "x", None])
def test_an_unreadable_gear_word_gives_way_to_the_flat_keys(value):
    assert fans({"fan_gear": value, "cooling_fan_speed": "15"}).part == 100


@pytest.mark.parametrize(
    ("number", "mode"),
    [
        (0, AirductMode.COOLING),
        (1, AirductMode.HEATING),
        (2, AirductMode.EXHAUST),
        (3, AirductMode.FULL_COOLING),
        (-1, None),
        (255, None),
        ("x", None),
    ],
)
def test_modes(number, mode):
    assert fans(duct(modeCur=number)).airduct_mode is mode


def test_only_modes_that_users_may_set_are_offered():
    found = fans(duct(modeList=[{"modeId": x} for x in (0, 1, 2, 3, 9)], subMode=1))
    assert found.airduct_modes == (
        AirductMode.COOLING,
        AirductMode.HEATING,
        AirductMode.FULL_COOLING,
    )
    assert found.airduct_submode == 1


@pytest.mark.parametrize("value", [None, [], 5, {"parts": None}, {"parts": {"id": 16}}])
def test_a_strange_air_duct_does_no_harm(value):
    found = fans({"device": {"airduct": value}, "cooling_fan_speed": "15"})
    assert (found.part, found.airduct_mode, found.ducted) == (100, None, frozenset())
