"""What people call a colour."""

from typing import Final

_ANCHORS: Final[dict[str, tuple[str, ...]]] = {
    "black": ("000000", "1A1A1A"),
    "white": ("FFFFFF", "F3F3EE"),
    "gray": ("808080", "A6A9AA", "545454", "C8C8C8"),
    "red": ("C12E1F", "FF0000", "9D2235", "E0343C"),
    "orange": ("FF6A13", "FF9016", "E4572E"),
    "yellow": ("F4EE2A", "FEC600", "FFD83D"),
    "green": ("00AE42", "3E7C59", "164B35", "BECF00", "68724D", "90D05A"),
    "turquoise": ("00B1B7", "39C5BB", "7FD6D0"),
    "blue": ("0A2989", "0086D6", "1F3A5F", "56B7E6", "0000FF", "A3D8E1"),
    "purple": ("5E43B7", "AE96D4", "482960", "800080"),
    "pink": ("F55A74", "E8AFCF", "EC008C", "F7B7C5"),
    "brown": ("9D432C", "6F5034", "4D3324", "7D6556"),
    "beige": ("F7E6DE", "D3B7A7", "E8DBB7", "CBC6B8"),
}
"""Typical colours of filament that go by a name."""
_CLEAR: Final = 0x80
"""From this opacity down one sees through."""


def _channels(digits: str) -> tuple[int, int, int]:
    return int(digits[0:2], 16), int(digits[2:4], 16), int(digits[4:6], 16)


def _distance(one: tuple[int, int, int], other: tuple[int, int, int]) -> float:
    """Tell how different two colours look: the eye is not equally good at all of them."""
    red, green, blue = (a - b for a, b in zip(one, other, strict=True))
    mean = (one[0] + other[0]) / 2
    return (2 + mean / 256) * red**2 + 4 * green**2 + (3 - mean / 256) * blue**2


def color_key(color: str) -> str:
    """Return the name that comes closest to a colour, ``#RRGGBB`` or ``#RRGGBBAA``."""
    digits = color.removeprefix("#")
    if len(digits) == 8 and int(digits[6:], 16) < _CLEAR:
        return "transparent"
    wanted = _channels(digits)
    return min(
        (_distance(wanted, _channels(anchor)), key)
        for key, anchors in _ANCHORS.items()
        for anchor in anchors
    )[1]
