"""The TLS data connection of a file transfer.

asyncio's TLS streams copy every byte through two memory buffers and close with a farewell
that they wait for. A printer must serve files at the speed of the loopback, and must be
able to end without a farewell, as one of the two kinds of server does; so this works with
a non-blocking TLS socket directly.
"""

import asyncio
import contextlib
from dataclasses import dataclass, field
import socket
import ssl
import struct
from typing import Self

# Large enough for full speed, small enough that other tasks of the loop do not wait.
BLOCK = 1 << 18
# What may lie between the printer and a client that does not read any more. A printer on
# a wireless network has no megabytes under way either.
_SEND_BUFFER = 1 << 17
# What is counted as sent at a time.
_PIECE = 1 << 16


@dataclass(slots=True)
class Counters:
    """What the file server did, for tests to look at."""

    # Payload of data connections.
    bytes_sent: int = 0
    bytes_received: int = 0
    # Data connections that shook hands; listings count, too.
    transfers: int = 0
    reused_sessions: int = 0
    connections: int = 0
    logins: int = 0
    # Commands as received, the password left out.
    commands: list[str] = field(default_factory=list)

    def count(self, verb: str) -> int:
        """Return how often a command was given."""
        return sum(command.split(" ", 1)[0] == verb for command in self.commands)

    def reset(self) -> None:
        """Start again from nothing."""
        self.bytes_sent = self.bytes_received = 0
        self.transfers = self.reused_sessions = 0
        self.connections = self.logins = 0
        self.commands.clear()


class PlainListener:
    """Waits for one data connection."""

    def __init__(self, host: str) -> None:
        """Listen on a free port."""
        self._socket = socket.create_server(
            (host, 0),
            family=socket.AF_INET6 if ":" in host else socket.AF_INET,
            backlog=1,
        )
        self._socket.setblocking(False)
        self.port = int(self._socket.getsockname()[1])

    async def accept(self) -> socket.socket:
        """Return the connection, and listen no longer."""
        try:
            connection, _ = await asyncio.get_running_loop().sock_accept(self._socket)
        finally:
            self.close()
        connection.setblocking(False)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def close(self) -> None:
        """Listen no longer."""
        self._socket.close()


@dataclass(slots=True)
class DataChannel:
    """A TLS connection that carries one file or listing."""

    connection: ssl.SSLSocket
    counters: Counters
    # Seconds without any progress until the transfer counts as broken.
    patience: float = 60.0

    @classmethod
    async def open(
        cls,
        plain: socket.socket,
        context: ssl.SSLContext,
        counters: Counters,
        patience: float = 60.0,
    ) -> Self:
        """Shake hands on an accepted connection."""
        try:
            secure = context.wrap_socket(
                plain, server_side=True, do_handshake_on_connect=False
            )
        except BaseException:
            plain.close()
            raise
        channel = cls(secure, counters, patience)
        try:
            while True:
                try:
                    secure.do_handshake()
                except ssl.SSLWantReadError:
                    await channel._ready(writing=False)
                except ssl.SSLWantWriteError:
                    await channel._ready(writing=True)
                else:
                    return channel
        except BaseException:
            channel.abort()
            raise

    @property
    def reused(self) -> bool:
        """Whether the client resumed a session."""
        return bool(self.connection.session_reused)

    async def send(self, data: memoryview) -> None:
        """Send everything."""
        while data:
            try:
                count = self.connection.send(data[:_PIECE])
            except ssl.SSLWantWriteError:
                await self._ready(writing=True)
            except ssl.SSLWantReadError:
                await self._ready(writing=False)
            else:
                self.counters.bytes_sent += count
                data = data[count:]

    async def receive(self, room: memoryview) -> int:
        """Fill a buffer; return less than its size at the end only."""
        filled = 0
        while filled < len(room):
            try:
                count = self.connection.recv_into(room[filled:])
            except ssl.SSLWantReadError:
                await self._ready(writing=False)
            except ssl.SSLWantWriteError:
                await self._ready(writing=True)
            except ssl.SSLEOFError, ssl.SSLZeroReturnError:
                # Most clients close without the farewell of TLS: that is an end, too.
                break
            else:
                if not count:
                    break
                filled += count
                self.counters.bytes_received += count
        return filled

    async def finish(self, linger: float = 0.0) -> None:
        """Say farewell in the way of TLS, without waiting for the answer.

        With `linger` the client has that time to show that it went away before it had
        read everything: ConnectionResetError.
        """
        with contextlib.suppress(ssl.SSLError):
            # The first call sends the farewell; that the other one's is missing is no fault.
            self.connection.unwrap()
        if linger:
            await self._watch(linger)
        self.close()

    def close(self) -> None:
        """Close without a farewell."""
        self.connection.close()

    def abort(self) -> None:
        """Reset the connection, as when the network goes away."""
        with contextlib.suppress(OSError):
            self.connection.setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
            )
        self.connection.close()
        _forget_errors()

    async def _watch(self, seconds: float) -> None:
        # asyncio refuses TLS sockets; the plain connection below is what is wanted here.
        with socket.socket(fileno=self.connection.detach()) as plain:
            plain.setblocking(False)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await asyncio.get_running_loop().sock_recv(plain, 1)

    async def _ready(self, *, writing: bool) -> None:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        number = self.connection.fileno()

        def wake() -> None:
            if not future.done():
                future.set_result(None)

        if writing:
            loop.add_writer(number, wake)
        else:
            loop.add_reader(number, wake)
        try:
            async with asyncio.timeout(self.patience):
                await future
        finally:
            if writing:
                loop.remove_writer(number)
            else:
                loop.remove_reader(number)


def _forget_errors() -> None:
    """Empty OpenSSL's list of errors, which all connections of a thread share.

    After a broken connection the ssl module leaves the reason in it, and whatever
    connection is read from next fails with that. Refusing a list of ciphers empties it.
    """
    with contextlib.suppress(ssl.SSLError):
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).set_ciphers("none such")
