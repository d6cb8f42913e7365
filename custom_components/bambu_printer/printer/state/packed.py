"""Temperatures that come two in one number."""

from ..values import integer, number

_HIGHEST = 500
"""°C; nothing in a printer gets hotter."""


def unpack(value: object) -> tuple[float, float] | None:
    """Read ``target << 16 | current``, both in whole °C; None when it makes no sense."""
    packed = integer(value, None)
    if packed is None or packed < 0:
        return None
    current, target = packed & 0xFFFF, packed >> 16 & 0xFFFF
    return None if max(current, target) > _HIGHEST else (float(current), float(target))


def temperature[T](value: object, default: T) -> float | T:
    """Read a plain temperature in °C, to a tenth; what no sensor can measure is refused."""
    if value == default:
        # A target, mostly: the same for hours.
        return default
    result = number(value, None)
    return (
        default if result is None or not -40 <= result <= _HIGHEST else round(result, 1)
    )
