"""What a report costs, in numbers that no machine changes: calls, objects and memory."""

from collections import Counter
import gc
import sys
import tracemalloc
from unittest.mock import Mock

import orjson
import pytest

from benchmarks.library import new_printer
from benchmarks.reports import Stream, delta_stream, full_stream
from custom_components.bambu_printer.printer import parser as parser_module
from custom_components.bambu_printer.printer.parser import ReportParser
from custom_components.bambu_printer.printer.state import SECTIONS

COUNT = 100
# Decoder calls for 100 steady reports, at most: by section, and no others at all.
ALLOWED = {
    "X1C": {"temperatures": 100, "network": 36, "job": 12, "fans": 6},
    "H2D": {
        "temperatures": 100,
        "network": 40,
        "job": 12,
        "fans": 6,
        "capabilities": 6,
    },
    "P1S": {"temperatures": 100, "network": 36, "job": 12, "fans": 6},
}


def stream_of(model: str, count: int = COUNT) -> Stream:
    return delta_stream(model, count) if model == "P1S" else full_stream(model, count)


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Count the calls of decoders."""
    calls: Counter[str] = Counter()

    def counting(name, decode):
        def wrapper(raw, previous, context):
            calls[name] += 1
            return decode(raw, previous, context)

        return wrapper

    for name, (inputs, decode) in SECTIONS.items():
        monkeypatch.setitem(SECTIONS, name, (inputs, counting(name, decode)))
    return calls


@pytest.mark.parametrize("model", ALLOWED)
def test_only_what_changed_is_decoded(decoded, model):
    stream = stream_of(model)
    printer = new_printer(stream)
    decoded.clear()
    for payload in stream.following:
        printer.on_message(orjson.loads(payload))
    assert decoded.keys() <= ALLOWED[model].keys()
    assert not {
        name: calls for name, calls in decoded.items() if calls > ALLOWED[model][name]
    }


@pytest.mark.parametrize("model", ["X1C", "H2D"])
def test_only_what_is_told_in_other_words_is_parsed(monkeypatch, model):
    stream = stream_of(model)
    parser = ReportParser()
    for payload in stream.following:
        parser.parse(payload)
    parsed = 0

    def loads(text: bytes) -> object:
        nonlocal parsed
        parsed += len(text)
        return orjson.loads(text)

    monkeypatch.setattr(parser_module, "orjson", Mock(wraps=orjson, loads=loads))
    for payload in stream.following:
        parser.parse(payload)
    assert parsed < sum(map(len, stream.following)) / 5


@pytest.mark.parametrize(("model", "limit"), [("X1C", 225), ("H2D", 305), ("P1S", 112)])
def test_few_functions_are_called(model, limit):
    stream = stream_of(model)
    printer, parser = new_printer(stream), ReportParser()

    def run() -> None:
        for payload in stream.following:
            printer.on_message(parser.parse(payload))

    run()
    calls = 0

    def count(_frame: object, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event in {"call", "c_call"}

    sys.setprofile(count)
    try:
        run()
    finally:
        sys.setprofile(None)
    assert calls / COUNT < limit


@pytest.mark.parametrize("model", ALLOWED)
def test_updates_are_told_only_of_new_values(model):
    told: Counter[str] = Counter()
    stream = stream_of(model)
    printer = new_printer(stream)
    printer.on_update = told.update
    before = printer.state
    for payload in stream.following:
        printer.on_message(orjson.loads(payload))
    assert told.total() <= 40
    assert printer.state is not before
    for name in SECTIONS:
        if not told[name]:
            assert getattr(printer.state, name) is getattr(before, name)


@pytest.mark.parametrize("model", ["X1C", "H2D"])
def test_a_repeated_report_decodes_nothing_and_makes_nothing_new(decoded, model):
    stream = stream_of(model)
    printer = new_printer(stream)
    told: list[frozenset[str]] = []
    printer.on_update = told.append
    decoded.clear()
    state = printer.state
    for _ in range(5):
        printer.on_message(orjson.loads(stream.full))
    assert not decoded
    assert not told
    assert printer.state is state


@pytest.mark.parametrize("model", ALLOWED)
def test_nothing_is_kept_of_reports(model):
    # The trace keeps from 40 to 80 messages: it holds as many again after a multiple.
    stream = stream_of(model, 120)
    printer, parser = new_printer(stream), ReportParser()

    def run() -> int:
        for payload in stream.following:
            printer.on_message(parser.parse(payload))
        gc.collect()
        return sys.getallocatedblocks()

    run()
    # The interpreter has its own moods; a leak would be hundreds of blocks a report.
    before = run()
    assert run() - before < COUNT


@pytest.mark.parametrize("model", ["X1C", "H2D"])
def test_a_steady_report_needs_less_memory_than_its_parsing(model):
    stream = stream_of(model)
    printer, parser = new_printer(stream), ReportParser()
    for payload in stream.following[:10]:
        printer.on_message(parser.parse(payload))

    def peak(call) -> int:
        tracemalloc.reset_peak()
        before, _ = tracemalloc.get_traced_memory()
        call()
        return tracemalloc.get_traced_memory()[1] - before

    payload = stream.following[10]
    tracemalloc.start()
    try:
        parsed = peak(lambda: orjson.loads(payload))
        taken = peak(lambda: printer.on_message(parser.parse(payload)))
    finally:
        tracemalloc.stop()
    assert taken < parsed


def test_the_streams_are_the_same_each_time():
    assert full_stream("X1C", 5) == full_stream("X1C", 5)
    assert delta_stream("P1S", 5) == delta_stream("P1S", 5)
