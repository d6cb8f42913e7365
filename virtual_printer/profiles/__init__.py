"""The printer models."""

from collections.abc import Callable

from . import a1, a2, h2, p1, p2, x1, x2
from .base import Family, Json, Profile

_REPORTS: dict[Family, Callable[[Profile], Json]] = {
    Family.X1: x1.report,
    Family.P1: p1.report,
    Family.A1: a1.report,
    Family.A2: a2.report,
    Family.P2: p2.report,
    Family.H2: h2.report,
    Family.X2: x2.report,
}

PROFILES: dict[str, Profile] = {
    profile.key: profile
    for profile in (
        x1.X1C,
        x1.X1,
        x1.X1E,
        p1.P1P,
        p1.P1S,
        p2.P2S,
        a1.A1_MINI,
        a1.A1,
        a2.A2L,
        h2.H2D,
        h2.H2D_PRO,
        h2.H2S,
        h2.H2C,
        x2.X2D,
    )
}

__all__ = ["PROFILES", "Family", "Profile", "build_report", "find_profile"]


def find_profile(name: str) -> Profile:
    """Find a model by a name such as "X1C", "A1 mini", "A1MINI" or "Bambu Lab H2D Pro"."""
    wanted = _plain(name)
    for profile in PROFILES.values():
        if wanted in (
            _plain(profile.key),
            _plain(profile.product),
            _plain(profile.code),
        ):
            return profile
    raise ValueError(f"unknown model {name!r}; known: {', '.join(PROFILES)}")


def build_report(profile: Profile) -> Json:
    """Build the full report of an idle printer."""
    result = _REPORTS[profile.family](profile)
    result.update(profile.extra)
    return result


def _plain(name: str) -> str:
    return "".join(c for c in name.upper() if c.isalnum()).removeprefix("BAMBULAB")
