"""Run a virtual printer: `python -m virtual_printer --model H2D --speed 60`."""

import argparse
import asyncio
import contextlib
import logging
from pathlib import Path
import signal

from .printer import VirtualPrinter
from .profiles import PROFILES, find_profile
from .simulation import SCENARIOS


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="virtual_printer", description=__doc__)
    parser.add_argument("--model", default="X1C", help=f"one of {', '.join(PROFILES)}")
    parser.add_argument("--serial", help="15 characters; the default suits the model")
    parser.add_argument("--access-code", default="12345678")
    parser.add_argument("--name", help="the name the user gave it")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--mqtt-port", type=int, default=8883)
    parser.add_argument("--detect-port", type=int, default=3002)
    parser.add_argument("--ftps-port", type=int, default=990)
    parser.add_argument("--camera-port", type=int, default=0, help="default: any")
    parser.add_argument(
        "--camera-interval",
        type=float,
        default=1.0,
        metavar="SECONDS",
        help="between two JPEG frames",
    )
    parser.add_argument(
        "--no-storage", action="store_true", help="as with an empty card slot"
    )
    parser.add_argument(
        "--storage-dir",
        type=Path,
        metavar="DIR",
        help="keep the content of the card there",
    )
    parser.add_argument(
        "--speed", type=float, default=1.0, help="how much faster time runs"
    )
    parser.add_argument("--scenario", choices=SCENARIOS, default="printing")
    parser.add_argument("--report-interval", type=float, default=1.0)
    parser.add_argument(
        "--state-dir",
        type=Path,
        metavar="DIR",
        help="keep the certificate there, to present the same one at the next start",
    )
    parser.add_argument(
        "--leaf-only", action="store_true", help="do not present the CA"
    )
    parser.add_argument(
        "--refuse-control", action="store_true", help="as without Developer Mode"
    )
    parser.add_argument(
        "--announce", action="store_true", help="announce it on the network"
    )
    parser.add_argument(
        "--announce-to",
        default="255.255.255.255:2021",
        metavar="HOST:PORT",
        help="where to",
    )
    parser.add_argument("--verbose", action="store_true")
    arguments = parser.parse_args()
    try:
        find_profile(arguments.model)
    except ValueError as err:
        parser.error(str(err))
    return arguments


async def _serve(arguments: argparse.Namespace) -> None:
    host, _, port = arguments.announce_to.rpartition(":")
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    printer = VirtualPrinter(
        model=arguments.model,
        serial=arguments.serial,
        access_code=arguments.access_code,
        name=arguments.name,
        host=arguments.host,
        mqtt_port=arguments.mqtt_port,
        detect_port=arguments.detect_port,
        ftps_port=arguments.ftps_port,
        camera_port=arguments.camera_port,
        camera_interval=arguments.camera_interval,
        storage=not arguments.no_storage,
        storage_dir=arguments.storage_dir,
        speed=arguments.speed,
        scenario=arguments.scenario,
        report_interval=arguments.report_interval,
        leaf_only=arguments.leaf_only,
        state_dir=arguments.state_dir,
        announce=(host, int(port)) if arguments.announce else None,
    )
    printer.faults.refuse_control = arguments.refuse_control
    async with printer:
        print(
            f"{printer.name} ({printer.profile.product}): {printer.host} "
            f"mqtt {printer.mqtt_port} detect {printer.detect_port} "
            f"ftps {printer.ftps_port} camera {printer.camera_port} "
            f"serial {printer.serial} access code {printer.access_code} ready",
            flush=True,
        )
        await stop.wait()


def main() -> None:
    """Serve until interrupted."""
    arguments = _arguments()
    logging.basicConfig(level=logging.DEBUG if arguments.verbose else logging.WARNING)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(arguments))


if __name__ == "__main__":
    main()
