"""The dashboard in a real browser, as wide as a phone and as a desk."""

import importlib.util
import os
from pathlib import Path
import subprocess
import sys

from PIL import Image
import pytest

from scripts.pictures.browser import chromium

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).parents[2]
DRIVER = ROOT / ".cache" / "screenshots"


@pytest.mark.skipif(
    chromium() is None
    or not (DRIVER.is_dir() or importlib.util.find_spec("playwright")),
    reason="needs Chromium, and what scripts/screenshots fetches",
)
def test_dashboard_in_a_browser(tmp_path: Path) -> None:
    """No card shows an error, nothing sticks out, and the picture is not empty."""
    taken = subprocess.run(
        [
            sys.executable,
            "-m",
            "scripts.pictures",
            "--to",
            tmp_path,
            "phone",
            "dashboard",
        ],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(DRIVER)},
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert taken.returncode == 0, taken.stdout + taken.stderr
    for name, width in (("phone", 390), ("dashboard", 1440)):
        with Image.open(tmp_path / f"{name}.png") as picture:
            assert picture.width == width
            assert len(picture.convert("RGB").getcolors(1 << 20) or ()) > 50
