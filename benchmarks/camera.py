"""What a picture of the camera costs, and how soon the first one is there.

`python -m benchmarks.camera` prints a table.  The printer is a process of its own, so that
only what Home Assistant would spend is measured.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
import re
import subprocess
import sys
import time

from custom_components.bambu_printer.printer.camera import JpegCamera
from custom_components.bambu_printer.printer.security import fetch_certificate_chain
from custom_components.bambu_printer.printer.session import Endpoint

FRAMES = 200
INTERVAL = 0.02
"""Seconds between two frames: far more than any printer sends."""
CODE = "12345678"
_READY = re.compile(rb"mqtt (\d+) .* camera (\d+) serial (\w+) ")


@asynccontextmanager
async def _camera() -> AsyncIterator[JpegCamera]:
    """Run a printer, and return its camera; nothing is connected yet."""
    command = [sys.executable, "-m", "virtual_printer", "--model", "P1S"]
    for port in ("mqtt", "detect", "ftps", "camera"):
        command += [f"--{port}-port", "0"]
    command += ["--camera-interval", str(INTERVAL), "--access-code", CODE]
    process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        async with asyncio.timeout(30):
            ready = _READY.search(await process.stdout.readline())
        assert ready is not None
        chain = await fetch_certificate_chain("127.0.0.1", int(ready[1]))
        camera = JpegCamera(
            Endpoint(
                host="127.0.0.1",
                serial=ready[3].decode(),
                access_code=CODE,
                pin=chain.pin,
                camera_port=int(ready[2]),
            )
        )
        yield camera
        await camera.pause()
    finally:
        process.terminate()
        await process.wait()


async def _watch(camera: JpegCamera, count: int) -> int:
    """Watch for some frames; return how many bytes they had."""
    size = 0
    async with aclosing(camera.frames()) as frames:
        async for frame in frames:
            size += len(frame)
            count -= 1
            if not count:
                break
    return size


async def _measure(viewers: int) -> dict[str, float]:
    async with _camera() as camera:
        start = time.perf_counter()
        await _watch(camera, 1)
        first = time.perf_counter() - start
        cpu = time.process_time()
        sizes = await asyncio.gather(*(_watch(camera, FRAMES) for _ in range(viewers)))
        cpu = time.process_time() - cpu
        return {
            "first_frame_ms": first * 1000,
            "cpu_per_frame_ms": cpu / FRAMES * 1000,
            "frame_kb": sizes[0] / FRAMES / 1000,
        }


def measure() -> dict[str, float]:
    """Return milliseconds until the first frame, and of CPU per frame.

    CPU is that of a frame's whole way from the socket to all viewers, with one and with
    ten of them.
    """
    one, ten = asyncio.run(_measure(1)), asyncio.run(_measure(10))
    return {
        "first_frame_ms": one["first_frame_ms"],
        "cpu_per_frame_ms_1_viewer": one["cpu_per_frame_ms"],
        "cpu_per_frame_ms_10_viewers": ten["cpu_per_frame_ms"],
        "frame_kb": one["frame_kb"],
    }


def main() -> None:
    """Print the figures."""
    for name, value in measure().items():
        sys.stdout.write(f"{name:<30} {value:8.2f}\n")


if __name__ == "__main__":
    main()
