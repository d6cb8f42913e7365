"""The virtual cameras, seen by a client that knows nothing of the integration."""

import asyncio
import ssl
import struct

import pytest

from virtual_printer import VirtualPrinter

pytestmark = pytest.mark.usefixtures("socket_enabled")


async def connect(
    printer: VirtualPrinter,
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return await asyncio.open_connection("127.0.0.1", printer.camera_port, ssl=context)


def login(code: str) -> bytes:
    fields = (64, 0x3000, 0, 0, b"bblp", code.encode())
    return struct.pack("<IIII32s32s", *fields)


async def frame(reader: asyncio.StreamReader) -> bytes:
    size, *rest = struct.unpack("<IIII", await reader.readexactly(16))
    assert rest == [0, 1, 0]
    return await reader.readexactly(size)


def small(model: str) -> VirtualPrinter:
    return VirtualPrinter(
        model,
        autostart_reports=False,
        detect_port=None,
        ftps_port=None,
        camera_interval=0.02,
    )


async def test_one_client_is_served_and_the_next_starves() -> None:
    async with small("A1") as printer:
        first, first_writer = await connect(printer)
        first_writer.write(login(printer.access_code))
        picture = await frame(first)
        assert picture.startswith(b"\xff\xd8")
        assert picture.endswith(b"\xff\xd9")
        assert await frame(first) != picture
        second, second_writer = await connect(printer)
        second_writer.write(login(printer.access_code))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(second.readexactly(1), 0.2)
        assert (printer.camera.connections, printer.camera.most) == (2, 2)
        for writer in (first_writer, second_writer):
            writer.close()
        async with asyncio.timeout(5):
            while printer.camera.open:
                await asyncio.sleep(0.01)


async def test_wrong_code_ends_the_connection() -> None:
    async with small("P1P") as printer:
        reader, writer = await connect(printer)
        writer.write(login("00000000"))
        assert await reader.read() == b""
        assert (printer.camera.refused, printer.camera.connections) == (1, 0)
        writer.close()


async def test_live_view_wants_a_digest() -> None:
    async with small("P2S") as printer:
        reader, writer = await connect(printer)
        url = "rtsps://127.0.0.1/streaming/live/1"
        writer.write(f"DESCRIBE {url} RTSP/1.0\r\nCSeq: 3\r\n\r\n".encode())
        answer = (await reader.readuntil(b"\r\n\r\n")).decode()
        assert answer.startswith("RTSP/1.0 401 ")
        assert "CSeq: 3" in answer
        assert 'Digest realm="LIVE555 Streaming Media", nonce="' in answer
        writer.close()


async def test_live_view_that_is_off_hangs_up() -> None:
    async with small("H2D") as printer:
        reader, writer = await connect(printer)
        writer.write(b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n")
        assert await reader.read() == b""
        writer.close()
