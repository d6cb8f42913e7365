"""Start a demo of its own, and take the pictures."""

import argparse
import asyncio
from pathlib import Path
import socket
import sys

from scripts.demo import ROOT, DemoError, say
from scripts.demo.__main__ import PASSWORD, USERNAME
from scripts.demo.client import Client
from scripts.demo.processes import Child

from .browser import browser, driver_error, logged_in, write_small
from .subjects import SUBJECTS, Demo

_IMAGES = ROOT / "docs" / "images"
_FOLDER = ".cache/screenshots-demo"
_READY_WITHIN = 180
_SETTLED = 2500
"""Milliseconds after which nothing moves any more."""
_LARGEST = 300_000
"""Bytes of one picture."""


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/screenshots", description=__doc__)
    parser.add_argument("names", nargs="*", help=f"of {', '.join(SUBJECTS)}; else all")
    parser.add_argument("--to", type=Path, default=_IMAGES, help="folder (docs/images)")
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - SUBJECTS.keys():
        parser.error(f"no such picture: {', '.join(sorted(unknown))}")
    return arguments


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def _take(names: list[str], folder: Path, port: int) -> bool:
    """Take the pictures; return whether all of them could be taken."""
    url = f"http://127.0.0.1:{port}"
    done = True
    async with Client(url) as client, browser() as started:
        await client.log_in(USERNAME, PASSWORD)
        registry = await client.command("config/device_registry/list")
        demo = Demo(
            url=url,
            client=client,
            devices={device["name"]: device["id"] for device in registry},
        )
        for name in names:
            subject = SUBJECTS[name]
            page = await logged_in(started, url, (USERNAME, PASSWORD), subject.size)
            try:
                await subject.way(demo, page)
            except (driver_error(), DemoError) as error:
                # The picture shows how far it got.
                say(f"{name} is not what it should be: {error}")
                done = False
            await page.wait_for_timeout(_SETTLED)
            size = write_small(await page.screenshot(), folder / f"{name}.png")
            await page.context.close()
            say(f"{name}.png: {size / 1000:.0f} kB")
            if size > _LARGEST:
                say(f"{name}.png is too large")
                done = False
    return done


async def main() -> int:
    """Run the demo as long as pictures are taken; return the exit code."""
    arguments = _arguments()
    port = _free_port()
    demo = Child(
        "the demo",
        [
            sys.executable,
            *("-m", "scripts.demo", "--fresh", "--port", str(port), "--speed", "10"),
            # The second one keeps its camera to itself, which is worth a repair.
            *("--model", "X1C", "--model", "H2D"),
        ],
        ROOT / ".cache" / "screenshots-demo.log",
        {"DEMO_FOLDER": _FOLDER},
    )
    say("Starting a demo for the pictures …")
    try:
        await demo.start()
        await demo.wait_for_output("ctrl-c stops", _READY_WITHIN)
        arguments.to.mkdir(parents=True, exist_ok=True)
        done = await _take(arguments.names or list(SUBJECTS), arguments.to, port)
    except DemoError as error:
        print(f"scripts/screenshots: {error}", file=sys.stderr)
        return 1
    finally:
        await demo.stop()
    return 0 if done else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
