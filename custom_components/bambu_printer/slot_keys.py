"""The words by which users name slots and AMS units: translated, and the same everywhere."""

from .printer import SlotAddress
from .printer.slots import (
    A2L_LITE,
    EXTERNAL_DEPUTY,
    EXTERNAL_MAIN,
    FOUR_SLOT_UNITS,
    HT_UNITS,
)

NO_SLOT = "none"

AMS_BY_KEY = {
    **{f"ams_{unit + 1}": unit for unit in FOUR_SLOT_UNITS},
    "ams_lite": A2L_LITE,
    **{f"ams_ht_{unit - HT_UNITS.start + 1}": unit for unit in HT_UNITS},
}
"""AMS units by their words; people count from one."""

SLOTS_BY_KEY = {
    **{
        f"{key}_tray_{slot + 1}": SlotAddress(unit, slot)
        for key, unit in AMS_BY_KEY.items()
        if unit not in HT_UNITS
        for slot in range(4)
    },
    **{key: SlotAddress(unit) for key, unit in AMS_BY_KEY.items() if unit in HT_UNITS},
    "external": SlotAddress(EXTERNAL_MAIN),
    "external_left": SlotAddress(EXTERNAL_DEPUTY),
}
"""Slots by their words; an AMS HT has but one."""

_KEYS_BY_SLOT = {slot: key for key, slot in SLOTS_BY_KEY.items()}
_KEYS_BY_AMS = {unit: key for key, unit in AMS_BY_KEY.items()}

SLOT_KEYS = [NO_SLOT, *SLOTS_BY_KEY]


def slot_key(slot: SlotAddress | None) -> str | None:
    """Return the word for a slot; None for one that nobody knows yet."""
    return NO_SLOT if slot is None else _KEYS_BY_SLOT.get(slot)


def ams_key(unit: int) -> str | None:
    """Return the word for an AMS unit; None for one that nobody knows yet."""
    return _KEYS_BY_AMS.get(unit)
