"""Listening for clients, and hanging up on them without losing sight of any."""

from abc import ABC, abstractmethod
import asyncio
from contextlib import suppress
from functools import partial
import ssl


class TlsService(ABC):
    """A service that makes a connection of its own with each client, over TLS."""

    def __init__(self) -> None:
        """Listen nowhere yet."""
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self, host: str, port: int, context: ssl.SSLContext) -> int:
        """Listen; return the port."""
        # With TLS from the start, asyncio would complain of each handshake that is cut off.
        self._server = await asyncio.start_server(
            partial(self._accept, context), host, port
        )
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Stop listening and hang up on everybody."""
        server, self._server = self._server, None
        if server is not None:
            await stop_listening(server)
            self.drop()
            server.abort_clients()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await server.wait_closed()

    def drop(self) -> None:
        """Hang up on everybody."""
        for task in list(self._tasks):
            task.cancel()

    @abstractmethod
    async def _talk(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Serve a client; it is hung up on when this ends, or finds its words senseless."""

    async def _accept(
        self,
        context: ssl.SSLContext,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            with suppress(OSError, EOFError, ValueError):
                await writer.start_tls(context, ssl_handshake_timeout=10)
                await self._talk(reader, writer)
        except asyncio.CancelledError:
            pass
        finally:
            self._tasks.discard(task)
            writer.transport.abort()


async def stop_listening(server: asyncio.Server) -> None:
    """Take no more clients; whoever was taken already is the server's to hang up on.

    A server of asyncio that is closed between taking a client and making the transport for
    it fails to make that one, and leaves the socket to the garbage collector.
    """
    loop = asyncio.get_running_loop()
    for listener in server.sockets:
        loop.remove_reader(listener)
    # Transports are made in a task each, which was started when the client was taken.
    await asyncio.sleep(0)
    server.close()
