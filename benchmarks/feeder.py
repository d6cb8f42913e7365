"""Worker: printers that report, in a process of their own."""

import asyncio
import contextlib
from contextlib import AsyncExitStack
from itertools import cycle, islice
import time
from typing import Any

from virtual_printer import VirtualPrinter

from .reports import delta_stream, full_stream, new_printer
from .workers import serve


class _TimedPrinter(VirtualPrinter):
    """A printer that looks at the clock when it is told something."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.told: list[float] = []

    async def _on_publish(self, client: Any, topic: str, payload: bytes) -> None:
        self.told.append(time.perf_counter())
        await super()._on_publish(client, topic, payload)


class Feeder:
    """Printers that say what was made up beforehand, as often as they are told to."""

    def __init__(self, stack: AsyncExitStack) -> None:
        """Start without printers; they go when the stack is closed."""
        self._stack = stack
        self._printers: list[_TimedPrinter] = []
        self._payloads: list[bytes] = []
        self._feeding: list[asyncio.Task[None]] = []

    async def add(self, count: int, model: str) -> list[dict[str, Any]]:
        """Add printers of a model; return what the form of the config flow is told."""
        new = [
            new_printer(
                model,
                _TimedPrinter,
                serial=f"{_PREFIXES[model]}{len(self._printers) + number:09d}",
                autostart_reports=False,
                ftps_port=None,
            )
            for number in range(count)
        ]
        stream = delta_stream(model) if model == "P1S" else full_stream(model)
        self._payloads = stream.following
        for printer in new:
            await self._stack.enter_async_context(printer)
        self._printers += new
        return [
            {
                "host": printer.host,
                "access_code": printer.access_code,
                "ports": {
                    "mqtt_port": printer.mqtt_port,
                    "detect_port": printer.detect_port,
                },
            }
            for printer in new
        ]

    async def feed(self, interval: float, *, same: bool = False) -> None:
        """Report from now on; `same`: the very same all the time, or as in a print."""
        await self.stop()
        loop = asyncio.get_running_loop()
        payloads = self._payloads[:1] if same else self._payloads

        async def feed_one(number: int, printer: _TimedPrinter) -> None:
            # Spread over the interval, as printers that know nothing of each other are.
            due = loop.time() + interval * number / len(self._printers)
            for payload in islice(cycle(payloads), number, None):
                await asyncio.sleep(due - loop.time())
                await printer.publish(payload)
                due += interval

        self._feeding = [
            loop.create_task(feed_one(number, printer))
            for number, printer in enumerate(self._printers)
        ]

    async def told(self) -> list[float]:
        """Return when printers were told something since the last time that was asked."""
        times = sorted(time for printer in self._printers for time in printer.told)
        for printer in self._printers:
            printer.told.clear()
        return times

    async def stop(self) -> None:
        """Fall silent."""
        for task in self._feeding:
            task.cancel()
        for task in self._feeding:
            with contextlib.suppress(asyncio.CancelledError):
                await task
        self._feeding = []


_PREFIXES = {"X1C": "00M00A", "H2D": "094000", "P1S": "01P00A"}


async def _main() -> None:
    async with AsyncExitStack() as stack:
        feeder = Feeder(stack)
        await serve(
            {
                "add": feeder.add,
                "feed": feeder.feed,
                "told": feeder.told,
                "stop": feeder.stop,
            }
        )
        await feeder.stop()


if __name__ == "__main__":
    asyncio.run(_main())
