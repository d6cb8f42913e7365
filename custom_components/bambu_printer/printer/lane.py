"""One lane to a printer's file server: one operation at a time, in an executor."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
import ftplib
import ssl
import time
from typing import Any

from .errors import BambuError, NotConnectedError, TransferBrokenError
from .ftps import Connection, Stop, forget_tls_errors, storage_error
from .security import create_ssl_context
from .session import USER, Endpoint

IDLE_TIME = 60.0
"""Seconds for which an unused connection is kept; printers drop it after about 300."""
FRESH = 2.0
"""Seconds after which a connection is asked whether it is still there before it is used."""
GRACE = 1.0
"""Seconds for which something that is cancelled may end by itself."""


class _Work:
    """What an operation in the executor can be stopped by: it looks between two blocks."""

    def __init__(self) -> None:
        self._stopped = False

    def stop(self) -> None:
        self._stopped = True

    def stopped(self) -> bool:
        return self._stopped


class Lane:
    """The connection to a printer's file server, and the queue before it."""

    def __init__(self, endpoint: Endpoint) -> None:
        """Know where the server is; nothing is asked yet."""
        self._endpoint = endpoint
        self._lock = asyncio.Lock()
        self._context: ssl.SSLContext | None = None
        self._connection: Connection | None = None
        self._dialling: Connection | None = None
        self._idle: asyncio.TimerHandle | None = None
        self.paused = False
        """Whether nothing may be done, for others to have the server."""
        self._now: asyncio.Future[Any] | None = None
        self._work: _Work | None = None
        self._closing = False
        self._used = 0.0

    def set_endpoint(self, endpoint: Endpoint) -> None:
        """Go to another address from the next connection on."""
        self._endpoint = endpoint

    @property
    def busy(self) -> bool:
        """Whether something is being done."""
        return self._lock.locked()

    @property
    def connected(self) -> bool:
        """Whether a connection is kept."""
        return self._connection is not None

    async def run[T](self, path: str, work: Callable[[Connection, Stop], T]) -> T:
        """Do something with the connection, alone, in the executor.

        A connection that was kept may have been dropped meanwhile: then with a new one, as
        nothing was done with it.  `path` is what an error is about.
        """
        loop = asyncio.get_running_loop()
        async with self._lock:
            if self._closing or self.paused:
                raise NotConnectedError("the storage was let go")
            if self._idle:
                self._idle.cancel()
                self._idle = None
            self._work = state = _Work()
            self._now = task = loop.run_in_executor(None, self._do, path, work, state)
            try:
                # Unlike awaiting it, this does not cancel it when we are.
                await asyncio.wait((task,))
            except asyncio.CancelledError:
                # Nobody else may go on before the thread has ended and cleared away.
                await self._stop(task, state)
                raise
            finally:
                self._now = self._work = None
                if self._connection:
                    self._idle = loop.call_later(IDLE_TIME, self._give_up)
            return task.result()

    async def close(self) -> None:
        """Stop what is being done and hang up; later operations connect again."""
        self._closing = True
        try:
            if self._now is not None and self._work is not None:
                await self._stop(self._now, self._work)
            async with self._lock:
                if self._idle:
                    self._idle.cancel()
                    self._idle = None
                # Closing a socket without a farewell does not block.
                self._hang_up()
        finally:
            self._closing = False

    async def _stop(self, task: asyncio.Future[Any], state: _Work) -> None:
        """End what a thread does: by asking, then by cutting the network."""
        state.stop()
        with suppress(BambuError, asyncio.CancelledError):
            done, _ = await asyncio.wait((task,), timeout=GRACE)
            if not done:
                for connection in (self._connection, self._dialling):
                    if connection is not None:
                        connection.interrupt()
        while not task.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait((task,))
        # Nobody else will ask how it ended.
        task.exception()

    # What follows runs in the executor

    def connection(self) -> Connection:
        """Return a connection that can be used, made anew if need be."""
        if self._connection is not None and not self._connection.usable:
            self._hang_up()
        if self._connection is None:
            self._connection = self._connect()
        return self._connection

    def _connect(self) -> Connection:
        if self._context is None:
            try:
                self._context = create_ssl_context(
                    self._endpoint.serial, self._endpoint.pin
                )
            except ValueError as err:
                raise NotConnectedError(str(err)) from err
            # Newer printers break, stall or cut off when more than this is offered.
            self._context.maximum_version = ssl.TLSVersion.TLSv1_2
        self._dialling = made = Connection(
            self._endpoint.host, self._endpoint.ftps_port, self._context
        )
        try:
            made.open(USER, self._endpoint.access_code)
        except BaseException:
            forget_tls_errors()
            raise
        finally:
            self._dialling = None
        return made

    def _do[T](
        self, path: str, work: Callable[[Connection, Stop], T], state: _Work
    ) -> T:
        if self._connection is not None and not self._alive(self._connection):
            self._hang_up()
        connection = self.connection()
        try:
            if state.stopped():
                raise TransferBrokenError(path, "cancelled")
            return work(connection, state.stopped)
        except (OSError, EOFError, ftplib.error_reply, ftplib.error_proto) as err:
            # Whoever comes next cannot know where in the conversation this one is.
            self._hang_up()
            raise storage_error(err, path) from err
        except ftplib.Error as err:
            raise storage_error(err, path) from err
        finally:
            self._used = time.monotonic()
            if self._connection is not None and not self._connection.usable:
                self._hang_up()

    def _alive(self, connection: Connection) -> bool:
        """Tell whether a connection that was kept is still there."""
        if connection.has_news():
            # Between two commands there is nothing that could be said but goodbye.
            return False
        if time.monotonic() - self._used < FRESH:
            return True
        try:
            connection.voidcmd("NOOP")
        except OSError, EOFError, ftplib.Error:
            return False
        return True

    def _hang_up(self) -> None:
        connection, self._connection = self._connection, None
        if connection:
            with suppress(OSError):
                connection.close()
            forget_tls_errors()

    def _give_up(self) -> None:
        """Close a connection that nobody has used for a while; on the event loop."""
        self._idle = None
        if not self._lock.locked():
            # Closing a socket without a farewell does not block.
            self._hang_up()
