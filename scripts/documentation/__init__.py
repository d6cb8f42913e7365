"""Documents that are made from the code, so that they cannot fall behind it."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ACTIONS_PAGE = ROOT / "docs" / "actions.md"
