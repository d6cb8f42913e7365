"""Reading single values out of raw reports.

The same key comes as a number, as text and as hexadecimal text, depending on the model
and firmware.  Each reader takes what it can understand and otherwise returns the default:
an unreadable value leaves the earlier one in place.
"""

from collections.abc import Mapping
from math import isfinite
from typing import Any

type Raw = Mapping[str, Any]
"""A JSON object as it came: any key may be missing, any value of any type."""

_LARGEST = 1 << 63
"""No number of a printer comes near; larger ones are garbage, and no JSON."""
_LARGEST_BITS = 1 << 128
"""The same for sets of bits, of which the newest have more than 64."""
_LONGEST_TEXT = 1024
"""More characters than any name or path of a printer has."""


def number[T](value: object, default: T) -> float | T:
    """Read a number, also from decimal text."""
    if type(value) is float:
        return value if isfinite(value) else default
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return default
    try:
        result = float(value)
    except ValueError, OverflowError:
        return default
    return result if isfinite(result) else default


def integer[T](value: object, default: T) -> int | T:
    """Read a whole number, also from decimal text or a float without a fraction."""
    if type(value) is int:
        return value if -_LARGEST < value < _LARGEST else default
    if isinstance(value, str):
        try:
            whole = int(value)
        except ValueError:
            # It may still be written with a fraction of zero.
            pass
        else:
            return whole if -_LARGEST < whole < _LARGEST else default
    result = number(value, None)
    if result is None or abs(result) >= _LARGEST or result != int(result):
        return default
    return int(result)


def bits[T](value: object, default: T) -> int | T:
    """Read a set of bits: hexadecimal text without a prefix, or an integer."""
    if isinstance(value, bool):
        return default
    if isinstance(value, int):
        return value if 0 <= value < _LARGEST_BITS else default
    if isinstance(value, str) and len(value) <= 32:
        try:
            result = int(value, 16)
        except ValueError:
            return default
        return result if result >= 0 else default
    return default


def word[T](value: object, default: T) -> int | T:
    """Read a signed 32-bit word as a set of bits."""
    result = integer(value, None)
    return default if result is None else result & 0xFFFFFFFF


def text[T](value: object, default: T) -> str | T:
    """Read text, at most so much of it as makes sense; numbers count as their digits."""
    if isinstance(value, str):
        return value[:_LONGEST_TEXT]
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return str(value)
    return default


def flag[T](value: object, default: T) -> bool | T:
    """Read a yes or no: a boolean, 0 or 1, or the words ``enable`` and ``disable``."""
    match value:
        case bool():
            return value
        case 0 | "0" | "disable" | "disabled" | "false":
            return False
        case 1 | "1" | "enable" | "enabled" | "true":
            return True
    return default


def within[T](
    value: float | None, minimum: float, maximum: float, default: T
) -> float | T:
    """Return a value that lies within its bounds, otherwise the default."""
    return value if value is not None and minimum <= value <= maximum else default


def mapping(value: object) -> Raw:
    """Return an object, or an empty one in place of anything else (also of null)."""
    return value if isinstance(value, dict) else {}


def records(value: object) -> list[Raw]:
    """Return the objects in a list, leaving out everything else."""
    if not isinstance(value, list):
        return []
    return [item for item in value if isinstance(item, dict)]


def bit(value: int | None, index: int) -> bool | None:
    """Return one bit of a set, or None when the set is unknown."""
    return None if value is None else bool(value >> index & 1)


def field(value: int, low: int, width: int) -> int:
    """Return `width` bits of a set as a number, from bit `low` on."""
    return value >> low & ((1 << width) - 1)


def damp[T: float](new: T | None, shown: T | None, bound: float) -> T | None:
    """Keep showing a value until the new one differs by at least the bound.

    Sensors hover around a value; without this, each wobble would become a state of its
    own in every database.
    """
    if new is None or shown is None or abs(new - shown) >= bound:
        return new
    return shown
