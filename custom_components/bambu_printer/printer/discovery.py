"""Ask a machine at a known address which printer it is.

Printers answer a small question about themselves on a port of its own, without a
login: the only way, besides their announcements, to learn the name that their owner
gave them.  Nobody vouches for the answer: use it to show a name, never to trust a host.
"""

import asyncio
from dataclasses import dataclass
import ssl

import orjson

from .values import mapping, text

DETECT_PORT = 3002
"""TLS; the same service answers in the clear on 3000."""

_HEAD, _TAIL = b"\xa5\xa5", b"\xa7\xa7"
_FRAME_OVERHEAD = 6
_LARGEST_FRAME = 4096
_LONGEST_NAME = 64
_REQUEST = {"login": {"command": "detect", "sequence_id": "20000"}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What a printer says of itself to anyone who asks."""

    serial: str
    name: str = ""
    model_code: str = ""
    firmware: str = ""


def default_name(serial: str) -> str:
    """Return the name that a printer has until its owner gives it another."""
    return f"3DP-{serial[:3]}-{serial[-3:]}"


async def detect(
    host: str, port: int = DETECT_PORT, *, limit: float = 3.0
) -> Identity | None:
    """Ask for the name and model; None when nothing sensible answers within `limit` s."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        async with asyncio.timeout(limit):
            reader, writer = await asyncio.open_connection(host, port, ssl=context)
            try:
                writer.write(_frame(orjson.dumps(_REQUEST)))
                return _read_identity(await _read_frame(reader))
            finally:
                writer.transport.abort()
    except OSError, EOFError, ValueError:
        return None


def _frame(content: bytes) -> bytes:
    length = (len(content) + _FRAME_OVERHEAD).to_bytes(2, "little")
    return _HEAD + length + content + _TAIL


async def _read_frame(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readexactly(4)
    length = int.from_bytes(head[2:], "little")
    if head[:2] != _HEAD or not _FRAME_OVERHEAD < length <= _LARGEST_FRAME:
        raise ValueError("not the answer of a printer")
    return (await reader.readexactly(length - 4)).removesuffix(_TAIL)


def _readable(name: str) -> str:
    """Take out what no name can have: anybody may have answered."""
    return "".join(filter(str.isprintable, name)).strip()[:_LONGEST_NAME]


def _read_identity(content: bytes) -> Identity | None:
    login = mapping(mapping(orjson.loads(content)).get("login"))
    serial = text(login.get("id"), "").strip().upper()
    if not serial:
        return None
    return Identity(
        serial=serial,
        name=_readable(text(login.get("name"), "")),
        model_code=text(login.get("model"), ""),
        firmware=text(login.get("version"), ""),
    )
