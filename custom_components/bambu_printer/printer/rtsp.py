"""RTSP messages (RFC 2326), as far as one video stream over one TCP connection needs them."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
import hashlib
from itertools import pairwise
from secrets import token_hex
import struct
from urllib.parse import urljoin

LONGEST_HEAD = 16 * 1024
"""Bytes of a message's headers; real ones have a few hundred."""
LONGEST_BODY = 64 * 1024

_INTERLEAVED = 0x24
_MOST_DIGITS = 10
_KEPT_LINES = ("m=video", "b=", "a=rtpmap:", "a=fmtp:", "a=framerate:", "a=framesize:")


class RtspError(Exception):
    """What came is no RTSP."""


@dataclass(frozen=True, slots=True)
class Message:
    """A request or a response."""

    start: str
    """The request line or the status line."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """By their names in lower case; of those that are repeated, the last."""
    body: bytes = b""
    challenges: tuple[str, ...] = ()
    """What ``WWW-Authenticate`` says, which may be several things."""

    @property
    def status(self) -> int:
        """The status of a response; 0 when it is none."""
        version, _, rest = self.start.partition(" ")
        return number(rest[:3], 0) if version.startswith("RTSP/") else 0


@dataclass(frozen=True, slots=True)
class Packet:
    """Media between the messages."""

    channel: int
    data: bytes


def encode(start: str, headers: Mapping[str, object], body: bytes = b"") -> bytes:
    """Return the bytes of a message."""
    lines = [start, *(f"{name}: {value}" for name, value in headers.items())]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join((*lines, "", "")).encode() + body


def encode_packet(channel: int, data: bytes) -> bytes:
    """Return the bytes of a packet between the messages."""
    return struct.pack(">BBH", _INTERLEAVED, channel, len(data)) + data


def number(text: str, default: int) -> int:
    """Read a number of at most nine digits."""
    return int(text) if text.isdecimal() and len(text) < _MOST_DIGITS else default


async def read(reader: asyncio.StreamReader) -> Message | Packet:
    """Read what comes next.

    Raises `RtspError` for anything else, and ``EOFError`` at the end.
    """
    first = await reader.readexactly(1)
    if first[0] == _INTERLEAVED:
        channel, length = struct.unpack(">BH", await reader.readexactly(3))
        return Packet(channel, await reader.readexactly(length))
    try:
        head = first + await reader.readuntil(b"\r\n\r\n")
    except asyncio.LimitOverrunError as err:
        raise RtspError("headers without end") from err
    if len(head) > LONGEST_HEAD:
        raise RtspError("headers too long")
    start, *lines = head.decode("utf-8", "replace").strip().splitlines() or [""]
    if not start:
        raise RtspError("headers of nothing")
    headers: dict[str, str] = {}
    challenges: list[str] = []
    for line in lines:
        name, _, value = line.partition(":")
        name, value = name.strip().lower(), value.strip()
        headers[name] = value
        if name == "www-authenticate":
            challenges.append(value)
    length = number(headers.get("content-length", "0"), LONGEST_BODY + 1)
    if length > LONGEST_BODY:
        raise RtspError("body too long")
    body = await reader.readexactly(length)
    return Message(start, headers, body, tuple(challenges))


class Digest:
    """Answers to a challenge (RFC 2617): the password itself never travels."""

    def __init__(self, challenge: str, user: str, password: str) -> None:
        """Read the challenge.

        Raises `RtspError` when it is none that can be answered so.
        """
        scheme, _, rest = challenge.partition(" ")
        if scheme.lower() != "digest":
            raise RtspError("no digest authentication")
        # Quoted values with commas in them do not occur in these.
        fields = dict(part.strip().partition("=")[::2] for part in rest.split(","))
        self._fields = {name.lower(): text.strip('"') for name, text in fields.items()}
        if self._fields.get("algorithm", "MD5").upper() != "MD5":
            raise RtspError("unknown algorithm")
        self._user = user
        self._secret = _md5(f"{user}:{self._fields.get('realm', '')}:{password}")
        self._count = 0

    def header(self, method: str, uri: str) -> str:
        """Return the value of ``Authorization`` for a request."""
        realm, nonce = self._fields.get("realm", ""), self._fields.get("nonce", "")
        request = _md5(f"{method}:{uri}")
        more = ""
        if "auth" in self._fields.get("qop", "").split(","):
            self._count += 1
            own, count = token_hex(8), f"{self._count:08x}"
            response = _md5(f"{self._secret}:{nonce}:{count}:{own}:auth:{request}")
            more = f', qop=auth, nc={count}, cnonce="{own}"'
        else:
            response = _md5(f"{self._secret}:{nonce}:{request}")
        if opaque := self._fields.get("opaque"):
            more += f', opaque="{opaque}"'
        return (
            f'Digest username="{self._user}", realm="{realm}", nonce="{nonce}",'
            f' uri="{uri}", response="{response}"{more}'
        )


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


@dataclass(frozen=True, slots=True)
class Video:
    """The video of a presentation."""

    control: str
    """The address that it is set up with."""
    description: bytes
    """What a player needs to know of it, as a description (SDP) of its own."""


def read_video(sdp: bytes, base: str) -> Video:
    """Take the first video out of a description; `base` is where it came from.

    Raises `RtspError` when there is none.
    """
    lines = sdp.decode("utf-8", "replace").splitlines()
    starts = [index for index, line in enumerate(lines) if line.startswith("m=")]
    for start, end in pairwise((*starts, len(lines))):
        if not lines[start].startswith("m=video"):
            continue
        media = lines[start:end]
        control = next(
            (line.partition(":")[2] for line in media if line.startswith("a=control:")),
            "",
        )
        return Video(_resolve(base, control), _describe(media))
    raise RtspError("no video")


def _resolve(base: str, control: str) -> str:
    if control in ("", "*"):
        return base
    if "://" in control:
        return control
    # Not every library knows that these schemes have relative addresses.
    scheme, _, rest = base.partition("://")
    try:
        joined = urljoin(f"http://{rest.rstrip('/')}/", control)
    except ValueError as err:
        raise RtspError("an address that is none") from err
    return f"{scheme}://{joined.removeprefix('http://')}"


def _describe(media: list[str]) -> bytes:
    lines = [
        "v=0",
        "o=- 0 0 IN IP4 127.0.0.1",
        "s=camera",
        "c=IN IP4 0.0.0.0",
        "t=0 0",
        "a=control:*",
        *(line for line in media if line.startswith(_KEPT_LINES)),
        "a=control:track1",
    ]
    return ("\r\n".join(lines) + "\r\n").encode()
