"""A parser that remembers must say the same as one that does not."""

import json
import random

from hypothesis import given, settings, strategies as st
import orjson
import pytest

from benchmarks.reports import full_stream
from custom_components.bambu_printer.printer.parser import ReportParser, Status

from .reports import ams, remember_everything, unit

UNITS = ams(unit(0), unit(1), plugged="3", spools="ff")
STILL = {"ams": UNITS, "name": "é", "still": list(range(200))} | {
    f"key {number}": number for number in range(40)
}


def message(**keys: object) -> bytes:
    return orjson.dumps({"print": {"command": "push_status", **keys}})


def practised(*payloads: bytes) -> ReportParser:
    """Return a parser that has had the time to find out what changes."""
    parser = ReportParser()
    for _ in range(12):
        for payload in payloads:
            parser.parse(payload)
    return parser


def check(parser: ReportParser, payload: bytes) -> None:
    """See that a parser says the same as orjson, be it that this is no JSON."""
    try:
        expected = orjson.loads(payload)
    except orjson.JSONDecodeError:
        with pytest.raises(orjson.JSONDecodeError):
            parser.parse(payload)
    else:
        found = parser.parse(payload)
        assert found == expected
        status = found.get("print") if isinstance(found, dict) else None
        if isinstance(status, Status):
            assert status == {**status.same, **status.moving}
            assert len(status) == len(status.same) + len(status.moving)


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the parser remember also what is not worth it."""
    remember_everything(monkeypatch)


@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": "), (" ,\n", "\t: ")])
def test_what_comes_again_is_parsed_once(separators):
    parser = ReportParser()
    parsed = []
    for number in range(20):
        text = json.dumps(
            {"print": {"a": number, **STILL, "b": -number}}, separators=separators
        )
        parsed.append(parser.parse(text.encode())["print"])
        assert parsed[-1] == json.loads(text)["print"]
    # Nothing is kept twice, and nothing is parsed that has not changed.
    assert all(status["ams"] is parsed[0]["ams"] for status in parsed[4:])
    assert all(isinstance(status, Status) for status in parsed[4:])
    assert parsed[-1].moving == {"a": 19, "b": -19}
    assert parsed[-1].same is parsed[-2].same


def test_a_report_that_is_the_same_all_over():
    parser = practised(message(**STILL))
    status = parser.parse(message(**STILL))["print"]
    assert isinstance(status, Status)
    assert status == {"command": "push_status", **STILL}
    assert not status.moving


def test_another_text_is_parsed_anew():
    parser = ReportParser()
    for humidity in ("20", "20", "20", "21", "20", "20") * 5:
        payload = message(
            **STILL
            | {"ams": ams(unit(0, humidity_raw=humidity), plugged="1", spools="f")}
        )
        check(parser, payload)


def test_what_moves_only_for_a_while_is_remembered_again():
    parser = ReportParser()
    for humidity in ("20", "21") * 10:
        parser.parse(message(x=humidity, **STILL))
    assert parser.parse(message(x="21", **STILL))["print"].moving == {"x": "21"}
    for _ in range(600):
        parser.parse(message(x="20", **STILL))
    assert not parser.parse(message(x="20", **STILL))["print"].moving


def test_what_comes_and_goes():
    parser = ReportParser()
    for number in range(60):
        extra = {"guest": [number] * 9} if number % 7 > 3 else {}
        check(parser, message(a=number, **STILL, **extra))
        check(parser, orjson.dumps({"print": {"command": "other", **STILL}}))
        check(parser, message(b=number))


@pytest.mark.parametrize(
    "payload",
    [
        b'{"print":{%s,"x":1}}',
        b'{"print":{"x":1,%s,"x":2}}',
        b'{"print":{"x":1,%s,"x":2},"info":{}}',
        b'{"print":{"x":{"y":1,%s},"x":2}}',
        b'{"print":{"x":[{"y":1,%s,"x":2}]}}',
        b'{"print":{"x":1,%s,"x":2}',
        b'{"print":{"x":1,%s,"x":2}}}',
        b'{"print":{"x":1,%s,,"x":2}}',
        b'{"print":{,%s,"x":2}}',
        b'{"print":{"x":1,%s,"x":}}',
        b'{"print":{"x":1,%s,"name":"x","x":2}}',
        b'{"print":{"x":1},%s,"x":{"y":2}}',
        b'{"print":[{"x":1,%s,"x":2}]}',
        b'{"info":{"x":1,%s,"x":2}}',
        b'{"print":{"x":"\\"",%s,"x":"}}"}}',
        b'{"print":{"x":"\xff",%s,"x":2}}',
    ],
)
def test_the_same_text_in_another_place_means_something_else(payload, eager):
    known = orjson.dumps(STILL)[1:-1]
    usual = b'{"print":{"w":%d,%s,"x":%d}}'
    parser = practised(*(usual % (number, known, number) for number in range(3)))
    other = payload % known
    for _ in range(3):
        if b"\xff" in other:
            assert parser.parse(other)["print"]["x"] == 2
        else:
            check(parser, other)
        check(parser, usual % (7, known, 8))


@pytest.mark.parametrize("end", [b"", b"}", b"}}}", b"}]", b",", b'"'])
def test_malformed_is_malformed_with_known_parts_in_it(end):
    usual = message(**STILL)
    parser = practised(usual)
    with pytest.raises(orjson.JSONDecodeError):
        parser.parse(usual[:-2] + end)
    assert parser.parse(usual) == orjson.loads(usual)


def test_text_that_is_no_utf_8_is_read_as_far_as_it_goes():
    parser = ReportParser()
    text = b'{"print":{"file":"\xfe",%s,"still":"%s\xff"}}' % (
        orjson.dumps(STILL)[1:-1],
        b"x" * 2000,
    )
    for _ in range(12):
        found = parser.parse(text)["print"]
        assert found["file"] == "\ufffd"
        assert found["still"].endswith("x\ufffd")


def test_nesting_that_no_report_has():
    nested = b"[" * 900 + b"]" * 900
    deep = b'{"print":{"x":%s,%s}}' % (nested, orjson.dumps(STILL)[1:-1])
    parser = ReportParser()
    for _ in range(12):
        assert parser.parse(deep) == orjson.loads(deep)


def test_a_print_with_all_that_happens_in_it():
    stream = full_stream("X1C", 300)
    parser = ReportParser()
    put_together = 0
    for payload in (stream.full, *stream.following):
        check(parser, payload)
        put_together += isinstance(parser.parse(payload)["print"], Status)
    assert put_together > 270


@pytest.mark.parametrize("seed", range(5))
def test_reports_with_a_broken_byte(seed, eager):
    chance = random.Random(seed)
    stream = full_stream("X1C", 40)
    parser = practised(*stream.following[:5])
    for payload in stream.following:
        for _ in range(20):
            broken = bytearray(payload)
            place = chance.randrange(len(broken))
            match chance.randrange(3):
                case 0:
                    broken[place] = chance.choice(b'{}[],:"\\019 e')
                case 1:
                    del broken[place : place + chance.randrange(1, 90)]
                case 2:
                    broken[place:place] = chance.choice(
                        (b",", b"}", b'"', b"},{", b'"x":1,', payload[place:][:40])
                    )
            check(parser, bytes(broken))


WORDS = st.sampled_from(["a", "b", "print", '"', "}", '},"x",{', "é"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | WORDS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=4)
    ),
    max_leaves=10,
)


@settings(max_examples=200)
@given(
    st.lists(st.dictionaries(WORDS, JSON, max_size=5), min_size=1, max_size=3),
    st.lists(st.integers(0, 2), max_size=16),
)
def test_any_messages_in_any_order(values, order):
    with pytest.MonkeyPatch.context() as patch:
        remember_everything(patch)
        parser = ReportParser()
        for number in order:
            check(parser, orjson.dumps({"print": values[number % len(values)]}))
