"""Measuring: processor time rather than the clock, in turns, and the median of it."""

from collections.abc import Callable, Mapping
import gc
from statistics import median
from time import process_time_ns


def interleaved(
    cases: Mapping[str, Callable[[], object]], *, repeats: int, per_call: int = 1
) -> dict[str, float]:
    """Return the microseconds of processor time that each case takes.

    The cases take turns, so that whatever else the machine does hits all of them alike and
    their ratios mean something.  A call counts as `per_call` of what is measured.
    """
    times: dict[str, list[int]] = {name: [] for name in cases}
    for call in cases.values():
        call()
    gc.collect()
    for _ in range(repeats):
        for name, call in cases.items():
            start = process_time_ns()
            call()
            times[name].append(process_time_ns() - start)
    return {name: median(taken) / per_call / 1000 for name, taken in times.items()}
