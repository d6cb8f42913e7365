"""The integration in a whole Home Assistant with its recorder, one printer in it."""

import asyncio
from statistics import median
from typing import Any

from .workers import Worker

_QUIET = 0.02
"""What part of a core a Home Assistant uses at most that has nothing left to do."""


async def measure(*, quick: bool = False) -> dict[str, Any]:
    """Return what one printer costs that sends a full report each second."""
    async with (
        Worker("benchmarks.home") as home,
        Worker("benchmarks.feeder") as feeder,
    ):
        printers = await feeder.ask("add", count=1, model="X1C")
        before = await home.ask("usage")
        (set_up,) = await home.ask("add", printers=printers)
        after = await home.ask("usage")
        await settle(home, 14.0 if quick else 30.0)
        seconds = 3.0 if quick else 8.0
        reports = await _cost(home, feeder, 3 if quick else 5, seconds, same=False)
        repeated = await _cost(home, feeder, 1 if quick else 2, seconds, same=True)
        # Before the hours, in which it may be told of lamps that the printer lacks.
        latencies = await call_latencies(home, feeder, 40 if quick else 200)
        hours = {
            model: await _hour(home, model)
            for model in ("X1C", *(() if quick else ("H2D",)))
        }
        return {
            "config flow to first states, s": set_up,
            "of these processor time": after["cpu"] - before["cpu"],
            "a report": reports,
            "the same report again": repeated,
            "an hour of a print": hours["X1C"],
            **({"the same on an H2D": hours["H2D"]} if "H2D" in hours else {}),
            "action to printer, ms": spread(latencies),
        }


async def _cost(
    home: Worker, feeder: Worker, segments: int, seconds: float, *, same: bool
) -> dict[str, float]:
    """Return what a report costs above a connected printer that is silent.

    Silence and reports take turns.
    """
    silent, reporting = [], []
    changed = reported = 0.0
    for _ in range(segments):
        idle = await usage_during(home, seconds)
        await feeder.ask("feed", interval=1.0, same=same)
        # The first of them differs from what was there before; when it tells of a moment that
        # is over by its number, it takes three of them to be believed.
        await asyncio.sleep(4.5 if same else 1.5)
        busy = await usage_during(home, seconds)
        await feeder.ask("stop")
        silent.append(idle["cpu"])
        reporting.append(busy["cpu"])
        changed += busy["changed"]
        reported += busy["reported"]
    return {
        "ms of processor time": (median(reporting) - median(silent)) * 1000,
        "states changed": changed / segments / seconds,
        "states written without a change": reported / segments / seconds,
    }


async def settle(home: Worker, limit: float) -> None:
    """Wait until nothing of the start goes on any more, but not longer than the limit.

    Home Assistant writes its registries 10 s after they changed; with many printers that is
    work for several seconds.
    """
    loop = asyncio.get_running_loop()
    end = loop.time() + limit
    quiet = 0
    while loop.time() < end and quiet < 6:
        used = await usage_during(home, 2.0)
        quiet = quiet + 1 if used["cpu"] < _QUIET else 0


async def usage_during(home: Worker, seconds: float) -> dict[str, float]:
    """Return what is used and done per second."""
    before = await home.ask("usage")
    await asyncio.sleep(seconds)
    after = await home.ask("usage")
    span = after["clock"] - before["clock"]
    per_second = {key: (after[key] - before[key]) / span for key in ("cpu", "loop")}
    return per_second | {
        key: after[key] - before[key] for key in ("changed", "reported")
    }


async def _hour(home: Worker, model: str) -> dict[str, Any]:
    # What the printer was before is another one: let its entities appear and settle.
    await home.ask("hour", seconds=5, model=model)
    before, used = await home.ask("recorded"), await home.ask("usage")
    reports = await home.ask("hour", seconds=3600, model=model)
    after, used_then = await home.ask("recorded"), await home.ask("usage")
    sensors = await home.ask("statistics")
    writers = {
        name: count - used["writers"].get(name, 0)
        for name, count in used_then["writers"].items()
    }
    busiest = sorted(writers.items(), key=lambda item: -item[1])[:3]
    return {
        "reports": reports,
        "rows of states and attributes": sum(
            after[table] - before[table] for table in ("states", "state_attributes")
        ),
        # Twelve of five minutes and one of the hour for each.
        "rows of statistics": 13 * sensors,
        "kB of states": (after["bytes"] - before["bytes"]) / 1000,
        "most often": ", ".join(f"{name} {count}" for name, count in busiest),
    }


async def call_latencies(
    home: Worker, feeder: Worker, count: int, pause: float = 0.02
) -> list[float]:
    """Return the ms from calling an action until the printer has the command."""
    await feeder.ask("told")
    called = await home.ask("call", count=count, pause=pause)
    told = await feeder.ask("told")
    taken = []
    for start in called:
        # Calls follow one another, so the first command after one is its own.
        arrival = next((time for time in told if time > start), None)
        if arrival is not None:
            taken.append((arrival - start) * 1000)
    return taken


def spread(values: list[float]) -> dict[str, float]:
    """Return the median and the 99th percentile."""
    ordered = sorted(values)
    return {
        "median": median(ordered),
        "p99": ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))],
    }
