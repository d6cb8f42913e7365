"""The live view, from the printer to a player on this machine."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
import hashlib
import struct
import threading
from typing import Any
from unittest.mock import patch

import av
import pytest

from custom_components.bambu_printer.printer import live, relay as module
from custom_components.bambu_printer.printer.errors import (
    CameraError,
    CameraOffError,
    CameraRefusedError,
    CameraReleasedError,
    CameraSilentError,
    CertificateChangedError,
    PortRefusedError,
)
from custom_components.bambu_printer.printer.relay import RtspRelay, Splice
from custom_components.bambu_printer.printer.rtsp import (
    Digest,
    Message,
    Packet,
    RtspError,
    encode,
    read,
    read_video,
)
from virtual_printer import VirtualPrinter

from .test_camera import endpoint_of, until

pytestmark = pytest.mark.usefixtures("socket_enabled")

# What Home Assistant gives to FFmpeg for an address that begins with rtsp://.
OPTIONS = {"tls_verify": "0", "rtsp_flags": "prefer_tcp", "stimeout": "5000000"}
# It looks at some seconds of a stream first, unless told otherwise.
QUICK = {"analyzeduration": "100000"}


@pytest.fixture
async def printer() -> AsyncIterator[VirtualPrinter]:
    async with VirtualPrinter(
        "X1C", autostart_reports=False, detect_port=None, ftps_port=None
    ) as virtual:
        yield virtual


@pytest.fixture
async def relay(printer: VirtualPrinter) -> AsyncIterator[RtspRelay]:
    with (
        patch.object(module, "LINGER", 0.1),
        patch.object(module, "_FIRST_DELAY", 0.05),
        patch.object(live, "SILENCE_TIMEOUT", 0.6),
    ):
        made = RtspRelay(endpoint_of(printer))
        yield made
        await made.close()


class Player(threading.Thread):
    """FFmpeg, as Home Assistant uses it."""

    def __init__(self, url: str, *, quick: bool = True) -> None:
        super().__init__(daemon=True)
        self.url = url
        self.options = OPTIONS | QUICK if quick else OPTIONS
        self.frames: list[tuple[int, int]] = []
        self.error: Exception | None = None
        self.enough = threading.Event()
        self.start()

    def run(self) -> None:
        try:
            with av.open(self.url, options=self.options, timeout=20) as container:
                for frame in container.decode(video=0):
                    self.frames.append((frame.width, frame.height))
                    if self.enough.is_set():
                        return
        except (av.FFmpegError, OSError) as err:
            self.error = err

    async def finish(self) -> None:
        self.enough.set()
        await asyncio.to_thread(self.join, 20)
        assert not self.is_alive()


async def test_ffmpeg_shows_it_through_one_connection(
    printer: VirtualPrinter, relay: RtspRelay
) -> None:
    url = await relay.url()
    assert printer.access_code not in url
    assert printer.camera.connections == 0
    players = [Player(url, quick=False) for _ in range(3)]
    await until(lambda: all(len(player.frames) > 5 for player in players), 20)
    assert {size for player in players for size in player.frames} == {(1280, 720)}
    assert (printer.camera.connections, printer.camera.most) == (1, 1)
    assert relay.streaming
    assert relay.viewers == 3
    for player in players:
        await player.finish()
        assert player.error is None
    await until(lambda: printer.camera.open == 0)
    await until(lambda: not relay.streaming)
    assert relay.error is None


async def test_stalled_stream_goes_on_for_the_same_player(
    printer: VirtualPrinter, relay: RtspRelay
) -> None:
    player = Player(await relay.url())
    await until(lambda: len(player.frames) > 3, 20)
    printer.faults.camera_stall = True
    await until(lambda: isinstance(relay.error, CameraSilentError))
    printer.faults.camera_stall = False
    await until(lambda: relay.streaming)
    count = len(player.frames)
    await until(lambda: len(player.frames) > count + 14, 20)
    assert printer.camera.connections >= 2
    assert printer.camera.most == 1
    await player.finish()
    assert player.error is None


def test_a_stall_lasts_less_than_ten_seconds() -> None:
    assert live.SILENCE_TIMEOUT + module._FIRST_DELAY < 8


async def test_player_without_the_key(
    printer: VirtualPrinter, relay: RtspRelay
) -> None:
    url = await relay.url()
    for wrong in (url.partition("?")[0], url[:-1], url + "x"):
        player = Player(wrong)
        await player.finish()
        assert player.error
    assert printer.camera.connections == 0
    assert relay.viewers == 0


@pytest.mark.parametrize(
    ("spoil", "error"),
    [
        (lambda p: setattr(p.faults, "camera_refuse_login", True), CameraRefusedError),
        (lambda p: p.change_access_code("00000000"), CameraRefusedError),
        (lambda p: p.update({"ipcam": {"rtsp_url": "disable"}}), CameraOffError),
    ],
)
async def test_why_there_is_nothing(
    printer: VirtualPrinter,
    relay: RtspRelay,
    spoil: Callable[[VirtualPrinter], None],
    error: type[CameraError],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("DEBUG")
    code = printer.access_code
    spoil(printer)
    player = Player(await relay.url())
    await player.finish()
    assert player.error
    assert isinstance(relay.error, error)
    assert printer.camera.connections == 0
    for text in (caplog.text, str(player.error), str(relay.error)):
        assert code not in text
        assert printer.serial not in text


async def test_nobody_listens(printer: VirtualPrinter, relay: RtspRelay) -> None:
    await printer.power_off()
    player = Player(await relay.url())
    await player.finish()
    assert isinstance(relay.error, PortRefusedError)


async def test_certificate_is_verified_before_anything_is_sent(
    printer: VirtualPrinter,
) -> None:
    relay = RtspRelay(endpoint_of(printer, serial="00M00A000000000"))
    player = Player(await relay.url())
    await player.finish()
    assert isinstance(relay.error, CertificateChangedError)
    assert printer.camera.refused == 0
    await relay.close()


async def test_hanging_up_lets_go_of_the_printer(
    printer: VirtualPrinter, relay: RtspRelay
) -> None:
    player = Player(await relay.url())
    await until(lambda: player.frames, 20)
    url = await relay.url()
    await relay.pause()
    assert printer.camera.open == 0 or await _closed(printer)
    await player.finish()
    assert relay.viewers == 0
    refused = Player(url)
    await refused.finish()
    assert refused.error
    # It can be had again, at the same address.
    relay.resume()
    assert await relay.url() == url
    again = Player(await relay.url())
    await until(lambda: again.frames, 20)
    await again.finish()
    await relay.close()
    with pytest.raises(CameraReleasedError):
        await relay.url()


async def _closed(printer: VirtualPrinter) -> bool:
    await until(lambda: printer.camera.open == 0)
    return True


async def test_odd_players(printer: VirtualPrinter, relay: RtspRelay) -> None:
    url = await relay.url()
    port = int(url.split(":")[2].partition("/")[0])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)

    async def ask(line: str, **headers: str) -> Message:
        writer.write(encode(line, {"CSeq": "7", **headers}))
        answer = await read(reader)
        assert isinstance(answer, Message)
        assert answer.headers["cseq"] == "7"
        return answer

    assert (await ask(f"OPTIONS {url} RTSP/1.0")).status == 200
    assert (await ask("PLAY * RTSP/1.0")).status == 405
    assert (await ask("RECORD * RTSP/1.0")).status == 405
    udp = await ask("SETUP * RTSP/1.0", Transport="RTP/AVP;unicast;client_port=1-2")
    assert udp.status == 461
    odd = await ask("SETUP * RTSP/1.0", Transport="RTP/AVP/TCP;interleaved=" + "9" * 99)
    assert odd.status == 461
    answer = await ask(
        "SETUP * RTSP/1.0", Transport="RTP/AVP/TCP;unicast;interleaved=4-5"
    )
    assert "interleaved=4-5" in answer.headers["transport"]
    writer.write(b"$\x05\x00\x04abcd")
    assert (await ask("GET_PARAMETER * RTSP/1.0")).status == 200
    assert (await ask("TEARDOWN * RTSP/1.0")).status == 200
    assert await reader.read() == b""
    writer.close()
    assert printer.camera.connections == 0


async def test_player_that_does_not_read_is_sent_away(
    printer: VirtualPrinter, relay: RtspRelay
) -> None:
    url = await relay.url()
    port = int(url.split(":")[2].partition("/")[0])
    _, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
    good = Player(url)
    for line in (f"OPTIONS {url}", f"DESCRIBE {url}", f"SETUP {url}", f"PLAY {url}"):
        fields = {"CSeq": 1, "Transport": "RTP/AVP/TCP;interleaved=0-1"}
        writer.write(encode(f"{line} RTSP/1.0", fields))
    await until(lambda: sum(p.playing for p in relay._players) == 2, 20)
    with patch.object(module, "_LONGEST_BACKLOG", -1):
        await until(lambda: relay.viewers == 0)
    await good.finish()
    writer.close()


# The parts


def test_splice() -> None:
    splice = Splice()

    def packet(sequence: int, timestamp: int, ssrc: int) -> bytes:
        return struct.pack(">BBHII", 0x80, 96, sequence, timestamp, ssrc) + b"x"

    def fields(data: bytes) -> tuple[int, int, int]:
        assert data[:2] == b"\x80\x60"
        assert data[12:] == b"x"
        found = struct.unpack_from(">HII", data, 2)
        return found[0], found[1], found[2]

    first = fields(splice.take(packet(65535, 2**32 - 1, 1), 10.0))
    second = fields(splice.take(packet(0, 2999, 1), 10.1))
    assert (second[0] - first[0]) % 2**16 == 1
    assert (second[1] - first[1]) % 2**32 == 3000
    splice.cut()
    third = fields(splice.take(packet(500, 77, 2), 12.1))
    assert (third[0] - second[0]) % 2**16 == 1
    assert (third[1] - second[1]) % 2**32 == 180_000
    assert first[2] == second[2] == third[2]


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ("67", True),
        ("65", True),
        ("41", False),
        ("7c85", True),
        ("7c05", False),
        ("7c81", False),
        ("78000567", True),
        ("78000541", False),
        ("", False),
    ],
)
def test_where_decoding_can_begin(payload: str, expected: bool) -> None:
    header = b"\x81\x60" + bytes(14)
    assert module.begins_picture(header + bytes.fromhex(payload)) is expected


def test_digest() -> None:
    # The example of RFC 2617, 3.5, but for the nonce of our own.
    challenge = 'Digest realm="a b", nonce="n", opaque="o"'
    header = Digest(challenge, "bblp", "secret").header("DESCRIBE", "rtsps://x/y")

    def md5(text: str) -> str:
        return hashlib.md5(text.encode()).hexdigest()

    response = md5(f"{md5('bblp:a b:secret')}:n:{md5('DESCRIBE:rtsps://x/y')}")
    assert header == (
        'Digest username="bblp", realm="a b", nonce="n", uri="rtsps://x/y",'
        f' response="{response}", opaque="o"'
    )


def test_digest_with_a_quality() -> None:
    header = Digest('Digest realm="r", nonce="n", qop="auth"', "u", "p").header(
        "A", "b"
    )
    assert "qop=auth" in header
    assert "nc=00000001" in header


@pytest.mark.parametrize(
    "challenge", ['Basic realm="x"', "", 'Digest realm="x", algorithm=SHA-256']
)
def test_challenges_that_are_not_answered(challenge: str) -> None:
    with pytest.raises(RtspError):
        Digest(challenge, "u", "p")


def test_description_has_the_video_only() -> None:
    sdp = (
        b"v=0\r\ns=x\r\na=control:*\r\nm=audio 0 RTP/AVP 97\r\na=control:track2\r\n"
        b"m=video 0 RTP/AVP 96\r\nc=IN IP4 10.0.0.9\r\na=rtpmap:96 H264/90000\r\n"
        b"a=fmtp:96 sprop-parameter-sets=Z,a\r\na=control:track1\r\n"
        b"m=application 0 X\r\n"
    )
    video = read_video(sdp, "rtsps://h:1/streaming/live/1/")
    assert video.control == "rtsps://h:1/streaming/live/1/track1"
    text = video.description.decode()
    assert "audio" not in text
    assert "10.0.0.9" not in text
    assert "a=fmtp:96 sprop-parameter-sets=Z,a\r\n" in text
    for other in (b"", b"v=0\r\n", b"v=0\r\nm=audio 0 RTP/AVP 97\r\n"):
        with pytest.raises(RtspError):
            read_video(other, "rtsps://h/")
    with pytest.raises(RtspError):
        read_video(sdp, "rtsps://[h/")


@pytest.mark.parametrize(
    ("control", "expected"),
    [
        ("track1", "rtsps://h:322/streaming/live/1/track1"),
        ("rtsps://other:9/t", "rtsps://other:9/t"),
        ("*", "rtsps://h:322/streaming/live/1"),
    ],
)
def test_control(control: str, expected: str) -> None:
    sdp = f"m=video 0 RTP/AVP 96\r\na=control:{control}\r\n".encode()
    assert read_video(sdp, "rtsps://h:322/streaming/live/1").control == expected


async def _read(data: bytes, limit: int = 2**16) -> Any:
    reader = asyncio.StreamReader(limit=limit)
    reader.feed_data(data)
    reader.feed_eof()
    return await read(reader)


@contextmanager
def refused() -> Iterator[None]:
    with pytest.raises((RtspError, EOFError)):
        yield


async def test_messages() -> None:
    assert await _read(b"$\x01\x00\x02ab") == Packet(1, b"ab")
    message = await _read(
        b"RTSP/1.0 401 No\r\nWWW-Authenticate: Basic x\r\n"
        b"www-authenticate: Digest y\r\nContent-Length: 2\r\n\r\nhi"
    )
    assert (message.status, message.body) == (401, b"hi")
    assert message.challenges == ("Basic x", "Digest y")
    assert (await _read(b"OPTIONS * RTSP/1.0\r\n\r\n")).status == 0
    for garbage in (
        b"",
        b"$\x00\xff\xffshort",
        b"  \r\n\r\n",
        b"x" * 70_000,
        b"RTSP/1.0 200 OK\r\nX: " + b"y" * 20_000 + b"\r\n\r\n",
        b"RTSP/1.0 200 OK\r\nContent-Length: 999999\r\n\r\n",
        b"RTSP/1.0 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"RTSP/1.0 200 OK\r\nContent-Length: " + b"9" * 9000 + b"\r\n\r\n",
    ):
        with refused():
            await _read(garbage)
