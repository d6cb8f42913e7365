"""The service that answers who a printer is to anybody who asks, without a password."""

import asyncio
from collections.abc import Callable
from functools import partial
import json
import ssl
import struct
from typing import Any

from .listening import stop_listening

_HEAD = b"\xa5\xa5"
_TAIL = b"\xa7\xa7"
# Head, length and tail count too.
_FRAME = 6


def encode_frame(content: dict[str, Any]) -> bytes:
    """Wrap an object the way the service does."""
    body = json.dumps(content, separators=(",", ":")).encode()
    return _HEAD + struct.pack("<H", len(body) + _FRAME) + body + _TAIL


class DetectService:
    """A TLS listener that answers `detect`."""

    def __init__(self, describe: Callable[[], dict[str, Any]]) -> None:
        """Remember who to ask for the answer."""
        self._describe = describe
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self, host: str, port: int, context: ssl.SSLContext) -> int:
        """Listen; return the port."""
        self._server = await asyncio.start_server(
            partial(self._accept, context), host, port
        )
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Stop listening and hang up on everybody."""
        server, self._server = self._server, None
        if server is not None:
            await stop_listening(server)
            server.abort_clients()
            for task in list(self._tasks):
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await server.wait_closed()

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
            await writer.start_tls(context, ssl_handshake_timeout=10)
            async with asyncio.timeout(10):
                while True:
                    head = await reader.readexactly(4)
                    length = struct.unpack("<H", head[2:])[0]
                    if head[:2] != _HEAD or length < _FRAME:
                        return
                    rest = await reader.readexactly(length - 4)
                    request = json.loads(rest[:-2])["login"]
                    if rest[-2:] != _TAIL or request["command"] != "detect":
                        return
                    sequence = int(request.get("sequence_id", 0))
                    login = {
                        **self._describe(),
                        "command": "detect",
                        "sequence_id": sequence,
                    }
                    writer.write(encode_frame({"login": login}))
        except OSError, EOFError, TimeoutError, ValueError, KeyError, TypeError:
            pass
        except asyncio.CancelledError:
            pass
        finally:
            self._tasks.discard(task)
            writer.transport.abort()
