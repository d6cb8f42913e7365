"""Worker: a whole Home Assistant with its recorder, which tells what it costs."""

import asyncio
from collections import Counter
import gc
import logging
from pathlib import Path
import resource
import socket
import sqlite3
import sys
import tempfile
import time
from typing import Any

from homeassistant import bootstrap
from homeassistant.components.recorder.statistics import async_list_statistic_ids
from homeassistant.const import (
    EVENT_STATE_CHANGED,
    EVENT_STATE_REPORTED,
    STATE_UNAVAILABLE,
)
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.recorder import get_instance
from homeassistant.runner import RuntimeConfig

from .hour import Hour
from .workers import ROOT, serve

DOMAIN = "bambu_printer"
_CONFIGURATION = """\
http:
  server_host: 127.0.0.1
  server_port: {port}
recorder:
history:
"""
_AT_ONCE = 3
"""Printers that are added at the same time; the form gives up when it takes too long."""


class NotAddedError(Exception):
    """The config flow has not added a printer."""


class Home:
    """Home Assistant, and what happens in it."""

    def __init__(self, hass: HomeAssistant, config: Path) -> None:
        """Count from now on."""
        self.hass = hass
        self._database = config / "home-assistant_v2.db"
        self._events: Counter[str] = Counter()
        self._writers: Counter[str] = Counter()
        hass.bus.async_listen(EVENT_STATE_CHANGED, self._count)
        hass.bus.async_listen(EVENT_STATE_REPORTED, self._count, event_filter=_every)

    @callback
    def _count(self, event: Event[Any]) -> None:
        self._events[str(event.event_type)] += 1
        self._writers[event.data["entity_id"]] += 1

    async def add(self, printers: list[dict[str, Any]]) -> list[float]:
        """Add printers through the config flow; return seconds until each has states."""
        slots = asyncio.Semaphore(_AT_ONCE)

        async def one(answers: dict[str, Any]) -> float:
            async with slots:
                try:
                    return await self._add_one(answers)
                except NotAddedError:
                    # The form gives up early; whoever sits in front of it tries again.
                    return await self._add_one(answers)

        return await asyncio.gather(*map(one, printers))

    async def _add_one(self, answers: dict[str, Any]) -> float:
        start = time.perf_counter()
        flows = self.hass.config_entries.flow
        form = await flows.async_init(DOMAIN, context={"source": "user"})
        result = await flows.async_configure(form["flow_id"], answers)
        if result.get("step_id") == "trust":
            # No authority of the maker has issued the certificates of virtual printers.
            result = await flows.async_configure(form["flow_id"], {})
        if result["type"] != "create_entry":
            if result["type"] == "form":
                flows.async_abort(result["flow_id"])
            raise NotAddedError(f"not added: {result.get('errors') or result}")
        # The entry is set up, and its entities have written their states, by now.
        return time.perf_counter() - start

    async def statistics(self) -> int:
        """Return of how many entities the recorder keeps statistics."""
        return len(await async_list_statistic_ids(self.hass))

    async def usage(self) -> dict[str, Any]:
        """Return what has been used and done so far."""
        return {
            "cpu": time.process_time(),
            "loop": time.thread_time(),
            "clock": time.monotonic(),
            "changed": self._events[str(EVENT_STATE_CHANGED)],
            "reported": self._events[str(EVENT_STATE_REPORTED)],
            "states": len(self.hass.states.async_all()),
            "writers": dict(self._writers.most_common(12)),
        }

    async def memory(self) -> int:
        """Return the bytes that the process holds in memory."""
        gc.collect()
        return _resident()

    async def call(self, count: int, pause: float) -> list[float]:
        """Switch lamps, one after the other; return when each action was called."""
        lamps = [
            state.entity_id
            for state in self.hass.states.async_all("light")
            if state.state != STATE_UNAVAILABLE
        ]
        called = []
        for number in range(count):
            start = time.perf_counter()
            try:
                await self.hass.services.async_call(
                    "light",
                    "turn_off" if number // len(lamps) % 2 else "turn_on",
                    {"entity_id": lamps[number % len(lamps)]},
                    blocking=True,
                )
            except HomeAssistantError as error:
                print(f"  (an action failed: {error})", file=sys.stderr)
            else:
                called.append(start)
            await asyncio.sleep(pause)
        return called

    async def recorded(self) -> dict[str, int]:
        """Return how much the recorder has written, once it has written it all."""
        instance = get_instance(self.hass)
        await instance.async_block_till_done()
        return await self.hass.async_add_executor_job(self._look_into_database)

    def _look_into_database(self) -> dict[str, int]:
        with sqlite3.connect(self._database) as database:
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            rows = {
                table: database.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
                for table in ("states", "state_attributes")
            }
            pages = database.execute("PRAGMA page_count").fetchone()[0]
            free = database.execute("PRAGMA freelist_count").fetchone()[0]
            size = database.execute("PRAGMA page_size").fetchone()[0]
        database.close()
        return {**rows, "bytes": (pages - free) * size}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _resident() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


@callback
def _every(_data: object) -> bool:
    return True


async def _main() -> None:
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory(prefix="bench-home-") as folder:
        config = Path(folder)
        (config / "configuration.yaml").write_text(
            _CONFIGURATION.format(port=_free_port())
        )
        (config / "custom_components").symlink_to(ROOT / "custom_components")
        hass = await bootstrap.async_setup_hass(
            RuntimeConfig(config_dir=folder, skip_pip=True)
        )
        assert hass
        await hass.async_start()
        await hass.async_block_till_done()
        home = Home(hass, config)
        try:
            await serve(
                {
                    "add": home.add,
                    "usage": home.usage,
                    "statistics": home.statistics,
                    "memory": home.memory,
                    "call": home.call,
                    "recorded": home.recorded,
                    "hour": Hour(hass).run,
                }
            )
        finally:
            await hass.async_stop(force=True)


if __name__ == "__main__":
    asyncio.run(_main())
