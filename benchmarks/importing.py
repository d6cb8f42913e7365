"""Importing the integration into a Home Assistant that already runs."""

from statistics import median
import subprocess
import sys
from typing import Any

from .workers import ROOT

_SCRIPT = """
import sys, time
import homeassistant.bootstrap, homeassistant.helpers.update_coordinator
import homeassistant.components.sensor, homeassistant.components.climate
import homeassistant.components.light, homeassistant.components.camera, cryptography.x509
before, start = set(sys.modules), time.process_time()
import custom_components.bambu_printer, custom_components.bambu_printer.config_flow
for platform in custom_components.bambu_printer.PLATFORMS:
    __import__(f"custom_components.bambu_printer.{platform}")
print((time.process_time() - start) * 1000, len(set(sys.modules) - before))
"""


def measure(*, quick: bool = False) -> dict[str, Any]:
    """Return the ms that it takes, and how many modules come with it."""
    runs = [_run() for _ in range(3 if quick else 9)]
    return {"ms": median(ms for ms, _ in runs), "modules": int(runs[0][1])}


def _run() -> tuple[float, float]:
    done = subprocess.run(
        [sys.executable, "-c", _SCRIPT],
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    )
    ms, modules = done.stdout.split()[-2:]
    return float(ms), float(modules)
