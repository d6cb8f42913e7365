"""Whether the tests reach enough: all of the config flow, and nearly all of the rest."""

import argparse
import json
from pathlib import Path
import sys
import tomllib

_ROOT = Path(__file__).parents[2]
_WHOLLY = ("config_flow.py", "takeover.py")
"""What the quality scale wants covered without a gap."""


def main(arguments: list[str] | None = None) -> int:
    """Read a report of coverage as JSON; 1 when it is not enough."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("report", type=Path, help="what --cov-report=json wrote")
    report = json.loads(parser.parse_args(arguments).report.read_text("utf-8"))
    project = tomllib.loads((_ROOT / "pyproject.toml").read_text("utf-8"))
    least = project["tool"]["coverage"]["report"]["fail_under"]
    total = report["totals"]["percent_covered"]
    print(f"{total:.2f} % of the integration are covered; {least} must be")
    enough = total >= least
    for path, file in report["files"].items():
        name = Path(path).name
        found = file["summary"]["percent_covered"]
        if name in _WHOLLY and found < 100:
            print(f"{path}: {found:.2f} %, lines {file['missing_lines']}")
            enough = False
    return int(not enough)


if __name__ == "__main__":
    sys.exit(main())
