"""The library alone: from the bytes of a report to the new state."""

from collections.abc import Callable
import gc
import json
from statistics import median
import sys
import tracemalloc
from typing import Any

import orjson

from custom_components.bambu_printer.printer import BambuPrinter, Endpoint
from custom_components.bambu_printer.printer.parser import ReportParser

from . import peer
from .reports import Stream, delta_stream, full_stream
from .timing import interleaved

_STREAMS: dict[str, Callable[[], Stream]] = {
    "X1C full": lambda: full_stream("X1C"),
    "H2D full": lambda: full_stream("H2D"),
    "P1S delta": lambda: delta_stream("P1S"),
}


def measure(*, quick: bool = False) -> dict[str, Any]:
    """Return what a report costs, in µs of processor time, beside its mere parsing."""
    streams = {name: make() for name, make in _STREAMS.items()}
    result = {
        name: _measure(stream, repeats=8 if quick else 60)
        for name, stream in streams.items()
    }
    theirs = peer.measure_streams(streams, repeats=3 if quick else 15)
    for name, costs in theirs.items():
        result[name]["bambu-printer-manager µs"] = costs["theirs"]
        # Each in relation to the parsing beside it: the runs are minutes apart.
        ours = result[name]["report µs"] / result[name]["json.loads µs"]
        result[name]["times as fast as it"] = costs["theirs"] / costs["json"] / ours
    return result


def new_printer(stream: Stream) -> BambuPrinter:
    """Return a printer without a session that knows the first report."""
    printer = BambuPrinter(
        Endpoint(host="", serial=stream.serial, access_code="", pin="")
    )
    printer.on_message(orjson.loads(stream.full))
    return printer


def _measure(stream: Stream, repeats: int) -> dict[str, float]:
    printer = new_printer(stream)
    reports = stream.following

    parser = ReportParser()

    def ours() -> None:
        for payload in reports:
            printer.on_message(parser.parse(payload))

    def parse() -> None:
        for payload in reports:
            orjson.loads(payload)

    def parse_with_json() -> None:
        for payload in reports:
            json.loads(payload)

    def first() -> None:
        for _ in range(10):
            new_printer(stream)

    costs = interleaved(
        {"ours": ours, "orjson": parse, "json": parse_with_json},
        repeats=repeats,
        per_call=len(reports),
    )
    costs |= interleaved({"first": first}, repeats=repeats, per_call=10)
    return {
        "bytes": stream.size,
        "report µs": costs["ours"],
        "orjson.loads µs": costs["orjson"],
        "json.loads µs": costs["json"],
        "times orjson.loads": costs["ours"] / costs["orjson"],
        "times json.loads": costs["ours"] / costs["json"],
        "first report µs": costs["first"],
        "blocks held after a report": _held(printer, reports),
        "peak bytes of a report": _peak(printer, reports),
    }


def _held(printer: BambuPrinter, reports: list[bytes]) -> float:
    """Return how many more blocks of memory are in use after each report, in the mean."""
    parser = ReportParser()
    for payload in reports:
        printer.on_message(parser.parse(payload))
    gc.collect()
    before = sys.getallocatedblocks()
    for payload in reports:
        printer.on_message(parser.parse(payload))
    gc.collect()
    return (sys.getallocatedblocks() - before) / len(reports)


def _peak(printer: BambuPrinter, reports: list[bytes]) -> float:
    """Return the bytes that are allocated at most while a report is taken in."""
    parser = ReportParser()
    peaks = []
    tracemalloc.start()
    try:
        for payload in reports[:50]:
            tracemalloc.reset_peak()
            before, _ = tracemalloc.get_traced_memory()
            printer.on_message(parser.parse(payload))
            _, peak = tracemalloc.get_traced_memory()
            peaks.append(peak - before)
    finally:
        tracemalloc.stop()
    return median(peaks)
