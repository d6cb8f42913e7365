"""Checks that Home Assistant's hassfest and HACS would make, and the house's own beside them.

`python -m scripts.validation` (scripts/validate) runs them without network or container;
the real actions run in .github/workflows/validate.yml.  Written from what the two are
documented to check: where they and we differ, they are right.
"""

from . import actions, code, hacs, icons, languages, manifest, quality, texts
from .integration import Check, Integration

CHECKS: tuple[Check, ...] = (
    *manifest.CHECKS,
    *texts.CHECKS,
    *languages.CHECKS,
    *icons.CHECKS,
    *actions.CHECKS,
    *code.CHECKS,
    *quality.CHECKS,
    *hacs.CHECKS,
)

__all__ = ["CHECKS", "Check", "Integration"]
