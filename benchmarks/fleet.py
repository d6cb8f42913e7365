"""Many printers in one Home Assistant, each with a full report a second."""

import asyncio
from typing import Any

from .integration import call_latencies, spread, usage_during
from .workers import Worker

_SETTLING = 5.0


async def measure(*, quick: bool = False) -> dict[str, Any]:
    """Return what 1, 10, 50 and 200 printers cost, and how long commands take then."""
    result: dict[str, Any] = {}
    async with (
        Worker("benchmarks.home") as home,
        Worker("benchmarks.feeder") as feeder,
    ):
        present = 0
        memory = []
        for count in (1, 10) if quick else (1, 10, 20, 50, 200):
            printers = await feeder.ask("add", count=count - present, model="X1C")
            await home.ask("add", printers=printers)
            present = count
            await asyncio.sleep(_SETTLING)
            memory.append((count, await home.ask("memory")))
            seconds = 5.0 if quick else 15.0
            idle = await usage_during(home, seconds)
            await feeder.ask("feed", interval=1.0)
            # Each of them tells something new once.
            await asyncio.sleep(3.0)
            busy = await usage_during(home, seconds)
            latencies = await call_latencies(home, feeder, 30 if quick else 200)
            await feeder.ask("stop")
            result[f"{count} printers"] = {
                "processor, % of a core": busy["cpu"] * 100,
                "of it while they are silent": idle["cpu"] * 100,
                "event loop, % busy": busy["loop"] * 100,
                "ms per report": (busy["cpu"] - idle["cpu"]) * 1000 / count,
                "action to printer, ms": spread(latencies),
            }
        (few, least), (many, most) = memory[1 if len(memory) > 2 else 0], memory[-1]
        result["MB for each further printer"] = (most - least) / (many - few) / 1e6
    return result
