"""Start virtual printers and a Home Assistant that shows them."""

import argparse
import asyncio
import contextlib
from datetime import UTC, datetime
import json
from pathlib import Path
import shutil
import signal
import sys
from typing import Any

from homeassistant.components.http.config import (
    HTTP_STORAGE_SCHEMA,
    STORAGE_MINOR_VERSION as HTTP_MINOR_VERSION,
    STORAGE_VERSION as HTTP_VERSION,
)
from homeassistant.components.onboarding import STORAGE_VERSION as ONBOARDING_VERSION
from homeassistant.const import __version__ as home_assistant_version

from . import FOLDER, ROOT, DemoError, printers, say
from .client import Client
from .dashboard import show_dashboard
from .entries import ensure_entries
from .processes import Child, port_is_free

USERNAME = PASSWORD = "demo"  # noqa: S105 - not a secret: the README tells everybody
CONFIG = FOLDER / "config"
RESTART = 100  # Home Assistant's exit code when somebody asked for a restart

CONFIGURATION = """\
# Written anew by every start of the demo.
frontend:
assist_pipeline:
config:
conversation:
history:
logbook:
media_source:
stream:
sun:
logger:
  default: warning
  logs:
    custom_components.bambu_printer: info
    # No video tools needed here: do without their complaints.
    haffmpeg: critical
    homeassistant.components.camera.img_util: critical
    homeassistant.bootstrap: error
automation: !include automations.yaml
script: !include scripts.yaml
scene: !include scenes.yaml
"""


def parse_arguments() -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(
        prog="scripts/develop",
        description="Start virtual printers and a real Home Assistant that shows them.",
    )
    parser.add_argument(
        "--model",
        action="append",
        default=[],
        help="model of the printer: X1C (default), P1S, A1, 'A1 mini', H2D …; may be repeated",
    )
    parser.add_argument(
        "--printers",
        type=int,
        default=1,
        metavar="N",
        help="number of printers; of several models unless --model says which",
    )
    parser.add_argument(
        "--speed",
        type=float,
        default=1.0,
        help="time runs this much faster for the printers: 60 prints an hour in a minute",
    )
    parser.add_argument(
        "--scenario",
        default="printing",
        help="what the printers are doing (default: %(default)s)",
    )
    parser.add_argument(
        "--port", type=int, default=8123, help="Home Assistant's port (%(default)s)"
    )
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        help="address that Home Assistant listens on; 0.0.0.0 for other machines (%(default)s)",
    )
    parser.add_argument(
        "--fresh",
        action="store_true",
        help="forget the users, entries and history of earlier runs",
    )
    parser.add_argument(
        "--discover",
        action="store_true",
        help="do not add the printers: Home Assistant discovers them (those on port 8883)",
    )
    parser.add_argument(
        "--check",
        action="store_true",
        help="stop as soon as everything answers",
    )
    arguments = parser.parse_args()
    if arguments.printers < 1:
        parser.error("--printers must be 1 or more")
    if arguments.speed <= 0:
        parser.error("--speed must be greater than 0")
    return arguments


def store(key: str, version: tuple[int, int], data: object) -> None:
    """Write a file of Home Assistant's own storage."""
    path = CONFIG / ".storage" / key
    path.parent.mkdir(exist_ok=True)
    path.write_text(
        json.dumps(
            {
                "version": version[0],
                "minor_version": version[1],
                "key": key,
                "data": data,
            }
        )
    )


def write_configuration(host: str, port: int) -> None:
    """Write what Home Assistant reads when it starts."""
    CONFIG.mkdir(parents=True, exist_ok=True)
    (CONFIG / "configuration.yaml").write_text(CONFIGURATION)
    # In YAML the port would be on trial, and taken back after five minutes unless confirmed.
    settings = {
        **HTTP_STORAGE_SCHEMA({"server_host": [host], "server_port": port}),
        "created_at": datetime.now(UTC).isoformat(),
        "error": None,
        "error_message": None,
    }
    store(
        "http",
        (HTTP_VERSION, HTTP_MINOR_VERSION),
        {"stable": settings, "pending": None, "yaml_migration_done": True},
    )
    if not (CONFIG / ".storage" / "onboarding").exists():
        # The onboarding's other steps are taken over REST. This one would add services of the
        # internet (weather, radio, speech), which have no part in the demo.
        store("onboarding", (ONBOARDING_VERSION, 1), {"done": ["core_config"]})
    for name in ("automations", "scripts", "scenes"):
        (CONFIG / f"{name}.yaml").touch()
    link = CONFIG / "custom_components"
    if not link.is_symlink():
        link.symlink_to(ROOT / "custom_components", target_is_directory=True)


def home_assistant() -> Child:
    """Return Home Assistant's process."""
    return Child(
        "Home Assistant",
        [
            sys.executable,
            "-m",
            "homeassistant",
            "--config",
            str(CONFIG),
            # scripts/setup has installed what the components need.
            "--skip-pip",
            "--log-no-color",
        ],
        FOLDER / "logs" / "home-assistant.log",
    )


def local_time_zone() -> str:
    """Return the name of this machine's time zone."""
    with contextlib.suppress(OSError, ValueError):
        parts = Path("/etc/localtime").resolve().parts
        name = "/".join(parts[parts.index("zoneinfo") + 1 :])
        if name and not name.startswith(("Etc/", "posix", "right")):
            return name
    return "UTC"


async def log_in(client: Client) -> None:
    """Log in, after onboarding when this is the first start."""
    if await client.wait_until_up():
        say(f"Creating the user {USERNAME!r} and finishing the onboarding")
        await client.onboard("Demo", USERNAME, PASSWORD)
        await client.command(
            "config/core/update",
            location_name="Bambu Printer demo",
            time_zone=local_time_zone(),
            unit_system="metric",
            country="DE",  # any will do: without one Home Assistant asks for it
            currency="EUR",
        )
    else:
        await client.log_in(USERNAME, PASSWORD)


async def fill(
    client: Client,
    chosen: list[printers.DemoPrinter],
    known: list[printers.DemoPrinter],
    *,
    discover: bool,
) -> None:
    """Put the printers and the dashboard into Home Assistant."""
    await log_in(client)
    if discover:
        say("Look for the printers under Settings → Devices & services → Discovered")
        return
    try:
        await ensure_entries(client, chosen, known)
    finally:
        printers.save(known)
    await show_dashboard(client, [printer.entry_id or "" for printer in chosen])


async def first_end(children: list[Child], work: asyncio.Task[Any]) -> None:
    """Wait for the work to be done; a child that ends meanwhile is an error."""
    ends = {asyncio.create_task(child.wait()): child for child in children}
    try:
        await asyncio.wait((work, *ends), return_when=asyncio.FIRST_COMPLETED)
        for end, child in ends.items():
            if end.done():
                raise DemoError(child.obituary())
        await work
    finally:
        work.cancel()
        for end in ends:
            end.cancel()


async def run(arguments: argparse.Namespace) -> None:
    """Start everything, and keep it running until somebody stops it."""
    if not port_is_free(arguments.port, arguments.host):
        raise DemoError(
            f"port {arguments.port} is in use: another Home Assistant, or another demo?"
            " Stop it, or choose with --port."
        )
    if arguments.fresh:
        say("Forgetting earlier runs (.demo/)")
        shutil.rmtree(FOLDER, ignore_errors=True)
    known = printers.load()
    chosen = printers.choose(arguments.model, arguments.printers, known)
    printers.save(known)
    url = f"http://localhost:{arguments.port}"

    children: list[Child] = []
    try:
        for printer in chosen:
            child = printers.child(printer, arguments.speed, arguments.scenario)
            children.append(child)
            await child.start()
            say(
                f"Virtual printer {printer.name}: {printer.model}, serial {printer.serial},"
                f" MQTT on {printer.ports['mqtt_port']}"
            )
        await asyncio.gather(
            *(child.wait_for_output("ready", 30) for child in children)
        )

        write_configuration(arguments.host, arguments.port)
        while True:
            say(f"Home Assistant {home_assistant_version} starts …")
            hass = home_assistant()
            children.append(hass)
            await hass.start()
            # The client id of the login must be the address that the browser would use.
            async with Client(f"http://127.0.0.1:{arguments.port}") as client:
                work = asyncio.create_task(
                    fill(client, chosen, known, discover=arguments.discover)
                )
                await first_end(children, work)
            print_welcome(url, chosen)
            if arguments.check:
                return
            forever = asyncio.create_task(asyncio.Event().wait())
            try:
                await first_end(children, forever)
            except DemoError:
                if hass.exit_code != RESTART:
                    raise
                children.remove(hass)
    finally:
        # Home Assistant first, so that it does not miss its printers; in parallel otherwise.
        if children:
            say("Stopping …")
        for child in reversed(children):
            if child.name == "Home Assistant":
                await child.stop()
        await asyncio.gather(*(child.stop(5) for child in children))


def print_welcome(url: str, chosen: list[printers.DemoPrinter]) -> None:
    """Tell where to look."""
    names = ", ".join(f"{printer.name} ({printer.model})" for printer in chosen)
    print(
        f"""
    Home Assistant   {url}
    user             {USERNAME}
    password         {PASSWORD}
    printing         {names}
    logs             {(FOLDER / "logs").relative_to(ROOT)}/

    Ctrl-C stops everything.
""",
        flush=True,
    )


async def main() -> int:
    """Run until the end, a signal, or an error; return the exit code."""
    arguments = parse_arguments()
    task = asyncio.create_task(run(arguments))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, task.cancel)
    try:
        await task
    except asyncio.CancelledError:
        return 0
    except DemoError as error:
        print(f"scripts/develop: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
