"""Many printers in one Home Assistant, each with a full report a second."""

import asyncio
from typing import Any

from .integration import call_latencies, settle, spread, usage_during
from .workers import Worker, WorkerError

_LONGEST_ADDING = 900.0
"""Seconds."""


async def measure(*, quick: bool = False) -> dict[str, Any]:
    """Return what 1, 10, 50 and 200 printers cost, and how long commands take then."""
    result: dict[str, Any] = {}
    async with (
        Worker("benchmarks.home") as home,
        Worker("benchmarks.feeder") as feeder,
    ):
        present = 0
        memory: list[tuple[int, int]] = []
        for count in (1, 10) if quick else (1, 10, 20, 50, 200):
            printers = await feeder.ask("add", count=count - present, model="X1C")
            try:
                await home.ask("add", limit=_LONGEST_ADDING, printers=printers)
            except WorkerError as error:
                # A machine that has other things to do; what is known so far still counts.
                result[f"{count} printers"] = {"error": str(error)}
                break
            present = count
            await settle(home, 10.0 if quick else 40.0)
            memory.append((count, await home.ask("memory")))
            if not quick or count > 1:
                try:
                    result[f"{count} printers"] = await _cost(
                        home, feeder, count, 4.0 if quick else 6.0
                    )
                except WorkerError as error:
                    result[f"{count} printers"] = {"error": str(error)}
                    break
        if len(memory) > 1:
            # The first one brings what all of them share.
            (few, least), (many, most) = memory[-2], memory[-1]
            result["MB for each further printer"] = (most - least) / (many - few) / 1e6
    return result


async def _cost(
    home: Worker, feeder: Worker, count: int, seconds: float
) -> dict[str, Any]:
    idle = await usage_during(home, seconds)
    await feeder.ask("feed", interval=1.0)
    # Each of them tells something new once.
    await asyncio.sleep(3.0)
    busy = await usage_during(home, seconds)
    # Before actions are called: one can fail when this machine keeps a printer waiting.
    cost: dict[str, Any] = {
        "processor, % of a core": busy["cpu"] * 100,
        "the same while they are silent": idle["cpu"] * 100,
        "event loop, % busy": busy["loop"] * 100,
        "ms per report, all in": busy["cpu"] * 1000 / count,
    }
    latencies = await call_latencies(home, feeder, int(seconds * 10))
    await feeder.ask("stop")
    return cost | {"action to printer, ms": spread(latencies)}
