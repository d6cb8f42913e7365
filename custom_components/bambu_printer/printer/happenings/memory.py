"""Reading back what was remembered: whatever is not as it should be is left out."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ..slots import SlotAddress


def moment(value: object) -> datetime | None:
    """Read an aware datetime."""
    if not isinstance(value, str):
        return None
    try:
        result = datetime.fromisoformat(value)
    except ValueError:
        return None
    return result if result.tzinfo else None


def slot(value: object) -> SlotAddress | None:
    """Read a slot."""
    match value:
        case [int(unit), int(number)]:
            return SlotAddress(unit, number)
    return None


def slots(value: object) -> list[SlotAddress]:
    """Read a list of slots."""
    items = value if isinstance(value, list) else []
    return [where for item in items if (where := slot(item)) is not None]


def plain(value: object) -> object:
    """Return a value in a form that JSON has."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, SlotAddress):
        return [value.unit, value.slot]
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value


def numbered(value: object) -> dict[int, Any]:
    """Read an object whose keys are numbers."""
    if not isinstance(value, Mapping):
        return {}
    return {
        int(key): item
        for key, item in value.items()
        if isinstance(key, str) and key.isdecimal()
    }
