"""Temperatures that come two in one number."""

from ..values import integer, number


def unpack(value: object) -> tuple[float, float] | None:
    """Read ``target << 16 | current``, both in whole °C; None when it is no number."""
    packed = integer(value, None)
    if packed is None or packed < 0:
        return None
    return float(packed & 0xFFFF), float(packed >> 16 & 0xFFFF)


def temperature[T](value: object, default: T) -> float | T:
    """Read a plain temperature in °C, to a tenth; what no sensor can measure is refused."""
    result = number(value, None)
    return default if result is None or not -40 <= result <= 500 else round(result, 1)
