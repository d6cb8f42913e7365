"""Bit fields: how the printer packs its switches into numbers and hexadecimal strings."""


def bits(*positions: int) -> int:
    """Return a number with these bits set."""
    return sum(1 << position for position in set(positions))


def hexstr(value: int) -> str:
    """Write a number the way the printer does: hexadecimal, upper case, no prefix."""
    return f"{value:X}"


def signed32(value: int) -> int:
    """Return the signed reading of the low 32 bits."""
    value &= 0xFFFFFFFF
    return value - (1 << 32) if value & 0x80000000 else value


def with_field(value: int, low: int, width: int, content: int) -> int:
    """Replace the bits low … low+width-1."""
    mask = ((1 << width) - 1) << low
    return value & ~mask | content << low & mask


def packed(target: float, current: float) -> int:
    """Pack a target and a current temperature into one number."""
    return round(target) << 16 | round(current) & 0xFFFF
