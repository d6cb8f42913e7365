"""Write docs/actions.md, or check that it is up to date."""

import argparse
import difflib
import sys

from . import ACTIONS_PAGE, ROOT
from .page import render


def main(arguments: list[str] | None = None) -> int:
    """Do what the command line says; 1 when the page is out of date."""
    parser = argparse.ArgumentParser(prog="scripts/document", description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="change nothing, fail when out of date"
    )
    options = parser.parse_args(arguments)
    wanted = render()
    present = ACTIONS_PAGE.read_text("utf-8") if ACTIONS_PAGE.exists() else ""
    name = str(ACTIONS_PAGE.relative_to(ROOT))
    if not options.check:
        ACTIONS_PAGE.parent.mkdir(exist_ok=True)
        ACTIONS_PAGE.write_text(wanted, "utf-8")
        return 0
    if present == wanted:
        return 0
    lines = difflib.unified_diff(
        present.splitlines(), wanted.splitlines(), name, f"{name} (new)", lineterm=""
    )
    print(*lines, sep="\n")
    print(f"{name} is out of date: run scripts/document", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
