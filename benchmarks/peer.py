"""Another library on the same reports: bambu-printer-manager, where it can be installed.

It goes into a folder of its own and runs in a process of its own.
"""

from collections.abc import Mapping
import os
from pathlib import Path
import shutil
import subprocess
import sys
from typing import Any

import orjson

from .reports import Stream
from .workers import ROOT

_PACKAGE = "bambu-printer-manager"
_FOLDER = ROOT / ".cache" / "bench" / _PACKAGE
_UV = ROOT / ".cache" / "uv" / "bin" / "uv"
_RUNNER = Path(__file__).with_name("peer_runner.py")


def measure_streams(
    streams: Mapping[str, Stream], *, repeats: int
) -> dict[str, dict[str, float]]:
    """Return µs per report for it (`theirs`) and for json alone (`json`), by stream.

    Nothing when it cannot be installed or does not get on with the reports.
    """
    if not _install():
        print(f"  ({_PACKAGE} cannot be installed: left out)", file=sys.stderr)
        return {}
    found: dict[str, dict[str, float]] = {}
    for name, stream in streams.items():
        task: dict[str, Any] = {
            "repeats": repeats,
            "serial": stream.serial,
            "messages": [
                payload.decode() for payload in (stream.full, *stream.following)
            ],
        }
        done = subprocess.run(
            [sys.executable, _RUNNER],
            input=orjson.dumps(task),
            env=os.environ | {"PYTHONPATH": str(_FOLDER)},
            capture_output=True,
            check=False,
        )
        if done.returncode == 0:
            found[name] = orjson.loads(done.stdout.splitlines()[-1])
        else:
            print(f"  ({_PACKAGE} fails on {name})", file=sys.stderr)
    return found


def _install() -> bool:
    """Install it unless it is there; return whether it is."""
    if _FOLDER.is_dir():
        return True
    uv = _UV if _UV.exists() else shutil.which("uv")
    if uv is None:
        return False
    done = subprocess.run(
        [
            *(uv, "pip", "install", "--quiet", "--python", sys.executable),
            *("--target", _FOLDER, _PACKAGE),
        ],
        check=False,
    )
    if done.returncode:
        shutil.rmtree(_FOLDER, ignore_errors=True)
    return done.returncode == 0
