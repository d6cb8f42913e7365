"""A virtual printer's file server as a process of its own: `storage` talks to it by lines.

It says in JSON where it is; to ``count`` it answers what it has moved since the last time.
"""

import asyncio
import json
from pathlib import Path
import sys

from virtual_printer import VirtualPrinter


async def main(model: str, folder: str, speed: float) -> None:
    """Serve a folder as the card of a printer, until the input ends."""
    printer = VirtualPrinter(
        model=model, storage_dir=Path(folder), autostart_reports=False
    )
    printer.faults.ftps_slow = speed or None
    loop = asyncio.get_running_loop()
    async with printer:
        facts = {
            "port": printer.ftps_port,
            "serial": printer.serial,
            "code": printer.access_code,
            "pin": printer.ca_pem,
        }
        print(json.dumps(facts), flush=True)
        while await loop.run_in_executor(None, sys.stdin.readline):
            moved = printer.ftps.bytes_sent, printer.ftps.count("RETR")
            printer.ftps.reset()
            print(json.dumps(moved), flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], float(sys.argv[3])))
