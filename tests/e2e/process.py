"""A Home Assistant process for a test."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
import sys

from scripts.demo import ROOT
from scripts.demo.client import Client
from scripts.demo.processes import Child


@asynccontextmanager
async def home_assistant(
    folder: Path, port: int, configuration: str
) -> AsyncIterator[tuple[Client, Path]]:
    """Start a fresh Home Assistant; return a client, onboarded, and the path of its log."""
    config = folder / "config"
    config.mkdir()
    (config / "configuration.yaml").write_text(configuration)
    (config / "custom_components").symlink_to(ROOT / "custom_components")
    log = folder / "home-assistant.log"
    command = [sys.executable, "-m", "homeassistant", "--config", str(config)]
    child = Child(
        "Home Assistant", [*command, "--skip-pip", "--debug", "--log-no-color"], log
    )
    await child.start()
    try:
        async with Client(f"http://127.0.0.1:{port}") as client:
            async with asyncio.timeout(60):
                assert await client.wait_until_up()
            await client.onboard("Tester", "tester", "secret-of-the-tester")
            yield client, log
    finally:
        await child.stop()
