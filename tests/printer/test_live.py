"""The client of the live view: what keeps a session from running out."""

import asyncio
from contextlib import suppress
import ssl
import struct
from typing import Any
from unittest.mock import Mock, patch

import pytest

from custom_components.bambu_printer.printer import Endpoint, live
from custom_components.bambu_printer.printer.errors import CameraError


@pytest.fixture
def view() -> live.LiveView:
    endpoint = Endpoint(host="fd00::1", serial="s", access_code="code", pin="p")
    return live.LiveView(endpoint, ssl.create_default_context(), Mock())


async def test_it_stays_alive(view: live.LiveView) -> None:
    """Reports of reception go out by themselves, and now and then a question."""
    written: list[bytes] = []
    view._writer = Mock(write=written.append)
    view._source, view._highest = 0x01020304, 77
    view._interval = 0.01
    with patch.object(live, "_ALIVE_INTERVAL", 0.005):
        task = asyncio.ensure_future(view._stay_alive())
        async with asyncio.timeout(5):
            while not any(item.startswith(b"OPTIONS ") for item in written):
                await asyncio.sleep(0.005)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    question = next(item for item in written if item.startswith(b"OPTIONS "))
    assert b"rtsps://[fd00::1]:322/" in question
    assert b"code" not in question
    report = next(item for item in written if item.startswith(b"$"))
    mark, channel, length = struct.unpack_from(">cBH", report)
    assert (mark, channel, length) == (b"$", 1, len(report) - 4)
    # A report of reception with one block, and the name of who sends it (RFC 3550).
    first, kind, words = struct.unpack_from(">BBH", report, 4)
    assert (first, kind, words) == (0x81, 201, 7)
    source, _lost, highest = struct.unpack_from(">III", report, 12)
    assert (source, highest) == (0x01020304, 77)
    second = 4 + 4 * (words + 1)
    first, kind, words = struct.unpack_from(">BBH", report, second)
    assert (first, kind) == (0x81, 202)
    assert second + 4 * (words + 1) == len(report)
    assert b"bambu_printer\0" in report


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (b"", "has hung up"),
        (b"RTSP/1.0 454 Session Not Found\r\nCSeq: 1\r\n\r\n", "with 454"),
    ],
)
async def test_what_goes_wrong_is_told(
    view: live.LiveView, sent: bytes, expected: str
) -> None:
    view._writer = Mock()
    view._reader.feed_data(sent)
    view._reader.feed_eof()
    with pytest.raises(CameraError, match=expected):
        await view._request("OPTIONS", view._url)


async def test_a_description_without_a_video(view: live.LiveView) -> None:
    body = b"v=0\r\nm=audio 0 RTP/AVP 97\r\n"
    answer: Any = (
        b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Type: application/sdp\r\n"
        b"Content-Length: %d\r\n\r\n" % len(body)
    ) + body

    async def connect(*_args: object, **_more: object) -> tuple[Any, Any]:
        reader = asyncio.StreamReader()
        # One answer for each question: what the server can do, and what it shows.
        reader.feed_data(b"RTSP/1.0 200 OK\r\nCSeq: 0\r\n\r\n" + answer)
        return reader, Mock()

    with (
        patch.object(asyncio, "open_connection", connect),
        pytest.raises(CameraError, match="describes"),
    ):
        await view.open()
