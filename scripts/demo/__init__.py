"""The demo: virtual printers, and a Home Assistant that is set up to show them."""

import os
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / os.environ.get("DEMO_FOLDER", ".demo")


class DemoError(Exception):
    """The demo cannot go on; the message tells the user why."""


def say(text: str) -> None:
    """Tell the user what happens."""
    print(f"==> {text}", flush=True)
