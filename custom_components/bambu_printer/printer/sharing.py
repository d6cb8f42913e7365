"""Work that several wait for is done once, or one after the other."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from contextlib import suppress

from .errors import NotConnectedError


class Turns:
    """Lets work in the executor happen one after the other, each to its end."""

    def __init__(self) -> None:
        """Begin with nobody."""
        self._lock = asyncio.Lock()

    async def take[T](self, work: Callable[[], T]) -> T:
        """Do something in the executor; a thread that was begun is waited for."""
        async with self._lock:
            task = asyncio.get_running_loop().run_in_executor(None, work)
            try:
                await asyncio.wait((task,))
            except asyncio.CancelledError:
                while not task.done():
                    with suppress(asyncio.CancelledError):
                        await asyncio.wait((task,))
                # Nobody else will ask how it ended.
                task.exception()
                raise
            return task.result()


class Sharing[K: Hashable, T]:
    """Shares the work under way among all who ask for the same."""

    def __init__(self) -> None:
        """Begin with nothing under way."""
        self._under_way: dict[K, _Work[T]] = {}

    async def get(self, key: K, do: Callable[[], Awaitable[T]]) -> T:
        """Return the result of the work under way, or begin it.

        When the last one who waits is cancelled, the work is cancelled as well.
        """
        work = self._under_way.get(key)
        if work is None or work.ending:
            work = self._under_way[key] = _Work(do)
        try:
            return await work.join()
        finally:
            if work.task.done() and self._under_way.get(key) is work:
                del self._under_way[key]

    async def close(self) -> None:
        """End all work; who waits for it gets a `NotConnectedError`."""
        for work in list(self._under_way.values()):
            await work.end()


class _Work[T]:
    def __init__(self, do: Callable[[], Awaitable[T]]) -> None:
        async def run() -> T:
            return await do()

        self.task = asyncio.get_running_loop().create_task(run())
        self._waiting = 0
        self._cancelled = False

    @property
    def ending(self) -> bool:
        return self._cancelled or self.task.done()

    async def join(self) -> T:
        self._waiting += 1
        try:
            await asyncio.wait((self.task,))
        finally:
            self._waiting -= 1
            if not self._waiting and not self.task.done():
                await self.end()
        if self.task.cancelled():
            raise NotConnectedError("it was stopped")
        return self.task.result()

    async def end(self) -> None:
        self._cancelled = True
        self.task.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.wait((self.task,))
        if self.task.done() and not self.task.cancelled():
            # Somebody has to know, or it is reported as forgotten.
            self.task.exception()
