"""Run the measurements: `scripts/bench`."""

import argparse
import asyncio
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
import importlib
import inspect
import os
from pathlib import Path
import pkgutil
import platform
import sys
import time
from types import ModuleType
from typing import Any

import orjson

from .workers import ROOT

type Json = dict[str, Any]

_FILE = ROOT / ".cache" / "bench" / "result.json"


def main() -> None:
    """Measure, print a table and write JSON."""
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument(
        "only",
        nargs="*",
        metavar="MODULE",
        help="of benchmarks/; all of them unless said",
    )
    parser.add_argument(
        "--quick", action="store_true", help="fewer repeats, and no fleets"
    )
    parser.add_argument(
        "--json", type=Path, default=_FILE, metavar="FILE", help="where to write to"
    )
    arguments = parser.parse_args()
    modules = dict(_modules())
    if unknown := set(arguments.only) - modules.keys():
        parser.error(f"no {', '.join(unknown)}; there are {', '.join(modules)}")
    chosen = arguments.only or list(modules)
    result: Json = {"machine": _machine(), "quick": arguments.quick}
    failed = False
    for name in chosen:
        print(f"\n{name}: {_title(modules[name])}", flush=True)
        start = time.monotonic()
        try:
            found = _measure(modules[name], quick=arguments.quick)
        except Exception as error:  # noqa: BLE001
            # One that fails must not take the figures of the others with it.
            found, failed = {"error": f"{type(error).__name__}: {error}"}, True
        result[name] = found
        _print_table(found)
        print(f"  ({time.monotonic() - start:.0f} s)", flush=True)
    result["machine"]["load after"] = os.getloadavg()[0]
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    arguments.json.write_bytes(orjson.dumps(result, option=orjson.OPT_INDENT_2) + b"\n")
    print(f"\nWritten to {arguments.json}")
    sys.exit(failed)


def _modules() -> Iterator[tuple[str, ModuleType]]:
    """Find the modules that measure something."""
    for info in pkgutil.iter_modules([str(Path(__file__).parent)]):
        if info.name.startswith("_") or info.name.endswith("_runner"):
            continue
        module = importlib.import_module(f"{__package__}.{info.name}")
        if hasattr(module, "measure"):
            yield info.name, module


def _title(module: ModuleType) -> str:
    return (module.__doc__ or "").partition("\n")[0].rstrip(".")


def _measure(module: ModuleType, *, quick: bool) -> Json:
    """Call what measures; it may be a coroutine, and know of `quick` or not."""
    takes_quick = "quick" in inspect.signature(module.measure).parameters
    found = module.measure(quick=quick) if takes_quick else module.measure()
    return dict(asyncio.run(found) if inspect.iscoroutine(found) else found)


def _machine() -> Json:
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "processor": platform.machine(),
        "cores": os.cpu_count(),
        "load before": os.getloadavg()[0],
    }


def _print_table(values: Mapping[str, Any]) -> None:
    rows = list(_rows(values))
    width = max((len(name) for name, _ in rows), default=0)
    for name, value in rows:
        print(f"  {name:<{width}}  {value:>12}")


def _rows(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _rows(value, f"{prefix}{name}: ")
        else:
            yield f"{prefix}{name}", _text(value)


def _text(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:,.3g}"
    return f"{value:,}" if isinstance(value, int) else str(value)


if __name__ == "__main__":
    main()
