"""The service that answers who a printer is to anybody who asks, without a password."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
import json
import struct
from typing import Any, override

from .listening import TlsService

_HEAD = b"\xa5\xa5"
_TAIL = b"\xa7\xa7"
# Head, length and tail count too.
_FRAME = 6


def encode_frame(content: dict[str, Any]) -> bytes:
    """Wrap an object the way the service does."""
    body = json.dumps(content, separators=(",", ":")).encode()
    return _HEAD + struct.pack("<H", len(body) + _FRAME) + body + _TAIL


class DetectService(TlsService):
    """A TLS listener that answers `detect`."""

    def __init__(self, describe: Callable[[], dict[str, Any]]) -> None:
        """Remember who to ask for the answer."""
        super().__init__()
        self._describe = describe

    @override
    async def _talk(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        with suppress(KeyError, TypeError):
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
