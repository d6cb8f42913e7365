"""The command line."""

import asyncio
from pathlib import Path
import signal
import sys

import pytest


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_serves_until_interrupted(socket_enabled, number):
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "virtual_printer", "--model", "H2DPRO", "--speed", "60"),
        *("--mqtt-port", "0", "--detect-port", "0", "--ftps-port", "0"),
        *("--access-code", "abcd1234"),
        stdout=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )
    assert process.stdout is not None
    line = (await asyncio.wait_for(process.stdout.readline(), 20)).decode()
    assert line.endswith("ready\n")
    assert "serial 239" in line
    assert "access code abcd1234" in line
    process.send_signal(number)
    assert await asyncio.wait_for(process.wait(), 10) == 0
