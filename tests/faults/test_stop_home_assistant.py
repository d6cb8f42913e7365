"""How long a real Home Assistant takes to stop with many printers."""

import asyncio
from contextlib import AsyncExitStack
import json
import logging
from pathlib import Path
import sys
import time

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.bambu_printer.const import DOMAIN
from scripts.demo import ROOT
from scripts.demo.processes import Child
from tests.conftest import entry_data
from virtual_printer import Stage, VirtualPrinter

from .process import PrinterProcess
from .support import until
from .test_endurance import AT_LENGTH

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(not AT_LENGTH, reason="takes half a minute"),
    pytest.mark.usefixtures("socket_enabled"),
]

CONFIGURATION = """\
http:
  server_host: 127.0.0.1
  server_port: {port}
frontend:
logger:
  default: info
"""

_LOGGER = logging.getLogger(__name__)


@pytest.fixture(autouse=True)
def _custom_integrations() -> None:
    """Home Assistant is a process of its own here."""


@pytest.mark.parametrize("condition", ["none", "connected", "half of them hang"])
async def test_twenty_printers(
    tmp_path: Path, unused_tcp_port: int, condition: str
) -> None:
    """Twenty printers, two of them frozen, eight stuck while they connect."""
    async with AsyncExitStack() as stack:
        printers = [
            await stack.enter_async_context(
                VirtualPrinter(serial=f"00M00A0000000{number:02}", ftps_port=None)
            )
            for number in range(18 if condition != "none" else 0)
        ]
        processes = []
        for number in range(2 if condition != "none" else 0):
            folder = tmp_path / str(number)
            folder.mkdir()
            options = ("--serial", f"00M00A0000001{number:02}")
            process = PrinterProcess(folder, "12345678", *options)
            processes.append(await stack.enter_async_context(process))
        data = [entry_data(printer) for printer in printers]
        data += [process.entry_data for process in processes]
        child = Child(
            "Home Assistant",
            [sys.executable, "-m", "homeassistant", "--config", str(tmp_path),
             "--skip-pip", "--log-no-color"],
            write_configuration(tmp_path, unused_tcp_port, data),
        )  # fmt: skip
        begun = time.monotonic()
        await child.start()
        try:
            await until(lambda: all(p.connected_clients for p in printers), 120)
            log = tmp_path / "home-assistant.log"
            await until(
                lambda: log.exists() and "initialized in" in log.read_text(), 120
            )
            assert "recovery mode" not in log.read_text()
            # What is started along with it is not what is measured.
            await asyncio.sleep(8)
            _LOGGER.info("%s: up after %.1f s", condition, time.monotonic() - begun)
            if condition == "half of them hang":
                stages = [stage for stage in Stage if stage is not Stage.REQUEST]
                for number, printer in enumerate(printers[:8]):
                    printer.faults.hang_at = stages[number % len(stages)]
                    await printer.drop_connections()
                for process in processes:
                    process.freeze()
                await until(lambda: all(p.faults.struck for p in printers[:8]), 30)
        finally:
            begun = time.monotonic()
            await child.stop()
            took = time.monotonic() - begun
        _LOGGER.info("%s: stopped after %.2f s", condition, took)
        assert took < 3


def write_configuration(folder: Path, port: int, entries: list[dict]) -> Path:
    """Write a configuration with the entries; return where the log goes."""
    (folder / "configuration.yaml").write_text(CONFIGURATION.format(port=port))
    (folder / "custom_components").symlink_to(ROOT / "custom_components")
    storage = folder / ".storage"
    storage.mkdir()
    stored = [
        MockConfigEntry(
            domain=DOMAIN, unique_id=data["serial"], title=data["serial"], data=data
        ).as_dict()
        for data in entries
    ]
    (storage / "core.config_entries").write_text(
        json.dumps(
            {
                "version": 1,
                "minor_version": 5,
                "key": "core.config_entries",
                "data": {"entries": stored},
            },
            default=dict,
        )
    )
    return folder / "home-assistant.log"
