"""Reading single values: every spelling that printers use, and garbage."""

import math

import pytest

from custom_components.bambu_printer.printer import values

GARBAGE = [None, [], {}, "", "abc", True, False, float("nan"), float("inf"), "nan"]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (7, 7.0),
        (7.5, 7.5),
        ("7", 7.0),
        ("7.25", 7.25),
        ("-3", -3.0),
        (" 8 ", 8.0),
        (0, 0.0),
        ("0", 0.0),
    ],
)
def test_number_reads_numbers_and_their_texts(value, expected):
    assert values.number(value, None) == expected


@pytest.mark.parametrize("value", [*GARBAGE, "1,5", 10**400, "1e999"])
def test_number_returns_default_for_what_is_none(value):
    assert values.number(value, "default") == "default"


@pytest.mark.parametrize(
    ("value", "expected"),
    [(7, 7), ("7", 7), (7.0, 7), ("7.0", 7), ("-1", -1), (0, 0), (2**62, 2**62)],
)
def test_integer_reads_whole_numbers(value, expected):
    result = values.integer(value, None)
    assert result == expected
    assert isinstance(result, int)


@pytest.mark.parametrize(
    "value", [*GARBAGE, 1.5, "1.5", 1 << 128, -(1 << 128), 1e300, "1e300", "ff"]
)
def test_integer_returns_default_for_what_is_none_or_absurdly_large(value):
    assert values.integer(value, "default") == "default"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("10", 16),
        ("fF", 255),
        ("0", 0),
        (10, 10),
        (0, 0),
        ("60029FD1A3FF9CB7", 0x60029FD1A3FF9CB7),
        ("1" + "0" * 20, 1 << 80),
    ],
)
def test_bits_are_hexadecimal_text_or_an_integer(value, expected):
    assert values.bits(value, None) == expected


@pytest.mark.parametrize(
    "value", [None, [], {}, "", "xyz", True, 1.5, -1, "-1", 1 << 128, "f" * 33]
)
def test_bits_return_default_for_what_are_none(value):
    assert values.bits(value, "default") == "default"


@pytest.mark.parametrize(
    ("value", "expected"),
    [(-1, 0xFFFFFFFF), (-1066934785, 0xC067DDFF), (5, 5), ("5", 5), (1 << 33, 0)],
)
def test_word_is_unsigned(value, expected):
    assert values.word(value, None) == expected


def test_word_returns_default_for_what_is_none():
    assert values.word("??", None) is None


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a", "a"),
        ("", ""),
        (5, "5"),
        (1.5, "1.5"),
        (True, None),
        (None, None),
        ([], None),
    ],
)
def test_text(value, expected):
    assert values.text(value, None) == expected


@pytest.mark.parametrize("value", [True, 1, 1.0, "1", "enable", "enabled", "true"])
def test_flag_yes(value):
    assert values.flag(value, None) is True


@pytest.mark.parametrize("value", [False, 0, 0.0, "0", "disable", "disabled", "false"])
def test_flag_no(value):
    assert values.flag(value, None) is False


@pytest.mark.parametrize("value", [None, 2, "", "maybe", [], {}, -1])
def test_flag_neither(value):
    assert values.flag(value, "default") == "default"


@pytest.mark.parametrize(
    ("value", "expected"), [(1, 1), (5, 5), (0, "x"), (6, "x"), (None, "x")]
)
def test_within_bounds(value, expected):
    assert values.within(value, 1, 5, "x") == expected


def test_mapping_is_an_object_or_empty():
    given = {"a": 1}
    assert values.mapping(given) is given
    assert [values.mapping(x) for x in (None, [], "x", 1)] == [{}, {}, {}, {}]


@pytest.mark.parametrize("value", [None, {}, "x", 5])
def test_records_of_no_list_are_none(value):
    assert list(values.records(value)) == []


def test_records_leave_out_what_is_no_object():
    assert list(values.records([{"a": 1}, None, "x", [], {}])) == [{"a": 1}, {}]


@pytest.mark.parametrize(
    ("value", "index", "expected"),
    [(None, 3, None), (8, 3, True), (8, 2, False), (1 << 62, 62, True), (0, 0, False)],
)
def test_bit(value, index, expected):
    assert values.bit(value, index) is expected


@pytest.mark.parametrize(
    ("value", "low", "width", "expected"),
    [(0x112, 0, 4, 2), (0x112, 4, 4, 1), (0x112, 8, 4, 1), (0b1100, 2, 2, 3)],
)
def test_field(value, low, width, expected):
    assert values.field(value, low, width) == expected


@pytest.mark.parametrize(
    ("new", "shown", "expected"),
    [
        (20.4, 20.0, 20.0),
        (19.6, 20.0, 20.0),
        (20.5, 20.0, 20.5),
        (19.5, 20.0, 19.5),
        (None, 20.0, None),
        (20.1, None, 20.1),
        (None, None, None),
        (0.0, 0.4, 0.4),
    ],
)
def test_damp_keeps_what_is_shown_until_the_bound(new, shown, expected):
    assert values.damp(new, shown, 0.5) == expected


def test_damp_follows_a_slow_drift():
    shown: float | None = 20.0
    for step in range(100):
        true = 20.0 + step * 0.1
        shown = values.damp(true, shown, 0.5)
        assert shown is not None
        assert math.fabs(shown - true) < 0.5
