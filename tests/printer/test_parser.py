"""A parser that remembers must say the same as one that does not."""

import json

from hypothesis import given, strategies as st
import orjson
import pytest

from custom_components.bambu_printer.printer.parser import ReportParser

from .reports import ams, unit

UNITS = ams(unit(0), unit(1), plugged="3", spools="ff")


def message(**keys: object) -> bytes:
    return orjson.dumps({"print": {"command": "push_status", **keys}})


@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": "), (" ,\n", "\t: ")])
def test_what_comes_again_is_parsed_once(separators):
    parser = ReportParser()
    parsed = []
    for number in range(4):
        text = json.dumps(
            {"print": {"a": number, "ams": UNITS, "b": "é"}}, separators=separators
        )
        parsed.append(parser.parse(text.encode()))
        assert parsed[-1] == json.loads(text)
    first, second, third, fourth = (item["print"]["ams"] for item in parsed)
    assert first is not second
    assert second == third
    # It is the very same object from then on.
    assert third is fourth


def test_another_text_is_parsed_anew():
    parser = ReportParser()
    for humidity in ("20", "20", "20", "21", "20", "20"):
        payload = message(
            ams=ams(unit(0, humidity_raw=humidity), plugged="1", spools="f")
        )
        assert parser.parse(payload) == orjson.loads(payload)


@pytest.mark.parametrize(
    "other",
    [
        b'{"print": {"x": "ams", "y": {"a": 1}, "ams": %s}}',
        b'{"print": {"x": {"ams": %s}, "ams": {}}}',
        b'{"print": {"x": {"ams": %s}}}',
        b'{"print": {"ams": %s, "ams": {"ams": []}}}',
        b'{"print": [{"ams": %s}]}',
        b'{"ams": %s}',
        b'[{"ams": %s}]',
        b'{"print": {"x\\"ams": %s}}',
        b'{"print": {"ams": 1, "x": %s}}',
        b'{"print": {"ams":"@", "x": {"ams": %s}}}',
    ],
)
def test_the_same_text_in_another_place_means_something_else(other):
    text = json.dumps(UNITS).encode()
    usual = b'{"print": {"ams": %s, "z": 1}}' % text
    parser = ReportParser()
    for payload in (
        usual,
        usual,
        usual,
        other % text,
        other % text,
        other % text,
        usual,
    ):
        assert parser.parse(payload) == orjson.loads(payload)


@pytest.mark.parametrize("end", [b"", b"}", b"}}}", b"}]", b",", b'"'])
def test_malformed_is_malformed_with_a_known_part_in_it(end):
    parser = ReportParser()
    usual = message(ams=UNITS)
    for _ in range(3):
        parser.parse(usual)
    with pytest.raises(orjson.JSONDecodeError):
        parser.parse(usual[:-2] + end)
    assert parser.parse(usual) == orjson.loads(usual)


def test_text_that_is_no_utf_8_is_read_as_far_as_it_goes():
    parser = ReportParser()
    for _ in range(3):
        found = parser.parse(b'{"print": {"ams": {"x": "\xff"}, "name": "\xfe"}}')
        assert found == {"print": {"ams": {"x": "\ufffd"}, "name": "\ufffd"}}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.sampled_from(["ams", "@", '"']),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["print", "ams", "x", '"ams"']), inner, max_size=3
        )
    ),
    max_leaves=8,
)


@given(st.lists(JSON, min_size=1, max_size=3), st.lists(st.integers(0, 2), max_size=12))
def test_any_messages_in_any_order(values, order):
    parser = ReportParser()
    for number in order:
        payload = orjson.dumps({"print": values[number % len(values)]})
        assert parser.parse(payload) == orjson.loads(payload)
