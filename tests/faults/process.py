"""A virtual printer in a process of its own: one that can be killed, and frozen."""

import asyncio
from pathlib import Path
import re
import signal
import sys
from types import TracebackType
from typing import Any, Self

from homeassistant.const import CONF_HOST

from custom_components.bambu_printer.const import (
    CONF_ACCESS_CODE,
    CONF_CERTIFICATE,
    CONF_DETECT_PORT,
    CONF_FTPS_PORT,
    CONF_MQTT_PORT,
    CONF_SERIAL,
)
from custom_components.bambu_printer.printer import fetch_certificate_chain

ROOT = Path(__file__).parents[2]


class PrinterProcess:
    """Starts a printer; an asynchronous context manager."""

    def __init__(self, folder: Path, access_code: str, *options: str) -> None:
        """Keep its certificate in a folder."""
        self.access_code = access_code
        self.mqtt_port = self.detect_port = 0
        self.serial = self.pin = ""
        self._options = ("--state-dir", str(folder), *options)
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start it, on the ports of before, and wait until it answers."""
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "virtual_printer",
            "--access-code", self.access_code,
            "--mqtt-port", str(self.mqtt_port),
            "--detect-port", str(self.detect_port),
            "--ftps-port", "0",
            *self._options,
            cwd=ROOT,
            stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert self._process.stdout
        line = (await self._process.stdout.readline()).decode()
        found = re.search(r"mqtt (\d+) detect (\d+) .*serial (\w+)", line)
        assert found, line
        self.mqtt_port, self.detect_port = int(found[1]), int(found[2])
        self.serial = found[3]
        chain = await fetch_certificate_chain("127.0.0.1", self.mqtt_port)
        self.pin = chain.pin

    async def kill(self) -> None:
        """Kill it without a chance to take leave (kill -9)."""
        if self._process is not None:
            self._process.kill()
            await self._process.wait()
            self._process = None

    def freeze(self, frozen: bool = True) -> None:
        """Stop it where it is: its machine still takes bytes, and nothing answers."""
        assert self._process
        self._process.send_signal(signal.SIGSTOP if frozen else signal.SIGCONT)

    async def __aenter__(self) -> Self:
        """Start it."""
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End it."""
        await self.kill()

    @property
    def entry_data(self) -> dict[str, Any]:
        """The data of a config entry for it."""
        return {
            CONF_HOST: "127.0.0.1",
            CONF_ACCESS_CODE: self.access_code,
            CONF_SERIAL: self.serial,
            CONF_CERTIFICATE: self.pin,
            CONF_MQTT_PORT: self.mqtt_port,
            CONF_FTPS_PORT: 990,
            CONF_DETECT_PORT: self.detect_port,
        }
