"""Say what hassfest or HACS would complain about."""

import argparse
from pathlib import Path
import sys

from . import CHECKS, Integration

_ROOT = Path(__file__).parents[2]


def main(arguments: list[str] | None = None) -> int:
    """Check the checkout; 1 when something is wrong."""
    parser = argparse.ArgumentParser(prog="scripts/validate", description=__doc__)
    parser.add_argument(
        "root", nargs="?", type=Path, default=_ROOT, help="the checkout (default: this)"
    )
    integration = Integration.find(parser.parse_args(arguments).root)
    problems = [
        f"{check.__module__.rpartition('.')[2]}: {problem}"
        for check in CHECKS
        for problem in check(integration)
    ]
    for problem in problems:
        print(problem, file=sys.stderr)
    print(f"{integration.domain}: {len(CHECKS)} checks, {len(problems)} problems")
    return min(len(problems), 1)


if __name__ == "__main__":
    sys.exit(main())
