"""How printers make themselves known: their announcements, and what they answer.

Every five to ten seconds a printer sends a datagram that looks like SSDP to everybody in
the network, though not to the port of SSDP.  To a small question on a port of its own it
answers the same, without a login.

Nobody vouches for any of it: use it to show a name or to look for a printer, never to
trust a host.  The access code is kept from impostors by the pinned certificate alone.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address
import ssl

import orjson

from .values import mapping, text

DETECT_PORT = 3002
"""TLS; the same service answers in the clear on 3000."""

ANNOUNCEMENT_PORTS = (2021, 1990)
"""UDP.  All models are seen on the first one; old texts name the second one."""
ANNOUNCEMENT_GROUP = "239.255.255.250"
"""The multicast group that some models send to; others broadcast."""
DEVICE_TYPE = "urn:bambulab-com:device:3dprinter:1"

_LARGEST_ANNOUNCEMENT = 2048
_MOST_HEADERS = 32
_START_LINES = ("NOTIFY * HTTP/1.", "HTTP/1.1 200")
_SERIAL_LENGTHS = range(8, 33)

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcement(Identity):
    """What a printer says of itself to everybody."""

    host: str
    """IPv4 address: the sender's, which the announcement itself has to agree with."""


def parse_announcement(packet: bytes, sender: str) -> Announcement | None:
    """Read a datagram; None when it is no printer's, or one that cannot be believed.

    `sender` is the address that it came from.
    """
    if len(packet) > _LARGEST_ANNOUNCEMENT or not packet.startswith(
        (b"NOTIFY", b"HTTP")
    ):
        return None
    first, *lines = packet.decode("utf-8", "replace").splitlines()[:_MOST_HEADERS]
    if not first.startswith(_START_LINES):
        return None
    headers = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    return read_announcement(headers, sender)


def read_announcement(headers: Mapping[str, str], sender: str) -> Announcement | None:
    """Read the headers of an announcement, by their names in lower case."""
    if DEVICE_TYPE not in (headers.get("nt"), headers.get("st")):
        return None
    if headers.get("nts", "ssdp:alive") != "ssdp:alive":
        return None
    serial = headers.get("usn", "").removeprefix("uuid:").partition("::")[0].upper()
    if (
        len(serial) not in _SERIAL_LENGTHS
        or not serial.isascii()
        or not serial.isalnum()
    ):
        return None
    host = _location(headers.get("location", sender))
    if host is None or host != sender:
        return None
    return Announcement(
        host=host,
        serial=serial,
        name=_readable(headers.get("devname.bambu.com", "")),
        model_code=_readable(headers.get("devmodel.bambu.com", "")),
        firmware=_readable(headers.get("devversion.bambu.com", "")),
    )


def _location(value: str) -> str | None:
    """Take the address out of a location: mostly it is one, sometimes a URL has it."""
    bare = value.rpartition("//")[2].partition("/")[0].partition(":")[0]
    try:
        return str(IPv4Address(bare))
    except AddressValueError:
        return None


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
