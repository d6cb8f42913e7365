"""How different two colours look."""

from itertools import product
from math import dist, sumprod

UNKNOWN_DISTANCE = 60.0
"""What counts as the distance from a colour that nobody knows: no match, no misfit."""

_WHITE = (95.047, 100.0, 108.883)
"""XYZ of daylight (D65), in percent."""
_TO_XYZ = (
    (0.4124564, 0.3575761, 0.1804375),
    (0.2126729, 0.7151522, 0.0721750),
    (0.0193339, 0.1191920, 0.9503041),
)
_LINEAR_BELOW = 0.04045
_CUBE_ABOVE = (6 / 29) ** 3


def color_distance(wanted: str | None, *offered: str | None) -> float:
    """Return how far apart colours look: 0 the same, about 100 black and white.

    Euclidean distance in CIE Lab.  Colours are ``#RRGGBB``, with or without the digits of
    their opacity; of several offered ones, as on a spool with two, the nearest counts.
    """
    pairs = product(filter(None, (_lab(wanted),)), filter(None, map(_lab, offered)))
    return min((dist(a, b) for a, b in pairs), default=UNKNOWN_DISTANCE)


def _lab(color: str | None) -> tuple[float, float, float] | None:
    digits = (color or "").removeprefix("#")
    if len(digits) < 6:
        return None
    try:
        red, green, blue = bytes.fromhex(digits[:6])
    except ValueError:
        return None
    light = [_linear(channel / 255) for channel in (red, green, blue)]
    x, y, z = (
        _cube_root(100 * sumprod(row, light) / white)
        for row, white in zip(_TO_XYZ, _WHITE, strict=True)
    )
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def _linear(channel: float) -> float:
    """Undo the gamma of sRGB."""
    if channel <= _LINEAR_BELOW:
        return channel / 12.92
    return float(((channel + 0.055) / 1.055) ** 2.4)


def _cube_root(value: float) -> float:
    """Return the cube root, with the straight line that CIE Lab has near black."""
    if value > _CUBE_ABOVE:
        return float(value ** (1 / 3))
    return value * 841 / 108 + 4 / 29
