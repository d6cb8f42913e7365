"""Runs bambu-printer-manager on reports; a script, without anything of ours in the process."""

import json
import logging
from statistics import median
import sys
from time import process_time_ns
from typing import Any

from bpm.bambuconfig import BambuConfig
from bpm.bambuprinter import BambuPrinter


def main() -> None:
    """Read the reports from standard input, and print µs per report."""
    task: dict[str, Any] = json.load(sys.stdin)
    logging.disable(logging.CRITICAL)
    printer = BambuPrinter(
        BambuConfig(
            hostname="127.0.0.1", access_code="12345678", serial_number=task["serial"]
        )
    )
    # There is no card to look for the running job's file on: it finds an empty one.
    printer.get_sdcard_3mf_files = lambda: {"children": []}
    first, *reports = task["messages"]
    payloads = [report.encode() for report in reports]
    printer._on_message(first)
    theirs, alone = [], []
    for _ in range(task["repeats"]):
        start = process_time_ns()
        for payload in payloads:
            printer._on_message(payload.decode())
        between = process_time_ns()
        for payload in payloads:
            json.loads(payload)
        alone.append(process_time_ns() - between)
        theirs.append(between - start)
    scale = 1000 * len(payloads)
    print(json.dumps({"theirs": median(theirs) / scale, "json": median(alone) / scale}))


if __name__ == "__main__":
    main()
