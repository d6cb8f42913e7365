"""Stopping while somebody is coming in."""

import asyncio
from contextlib import ExitStack
import gc
import socket
import warnings

import pytest

from virtual_printer import VirtualPrinter


@pytest.mark.parametrize("turns", range(5))
async def test_nobody_is_left_in_the_door(socket_enabled: None, turns: int) -> None:
    """However far a client has come, its socket is closed, and not by chance."""
    async with VirtualPrinter(autostart_reports=False) as printer:
        ports = (
            printer.mqtt_port,
            printer.ftps_port,
            printer.detect_port,
            printer.camera_port,
        )
        with ExitStack() as stack, warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", ResourceWarning)
            for port in ports:
                assert port
                stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            for _ in range(turns):
                await asyncio.sleep(0)
            await printer.power_off()
            await asyncio.sleep(0.01)
            gc.collect()
    assert [str(warning.message) for warning in caught] == []
