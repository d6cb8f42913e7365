"""Where a spool is: one address, and its many spellings on the wire.

The printer counts slots in four ways: as unit and slot, as a number over all units, as
a bit, and packed into one integer.  External spools are units of their own: 255 feeds the
right (or only) extruder, 254 the left one.
"""

from dataclasses import dataclass

EXTERNAL_MAIN = 255
"""Unit number of the external spool of the right, or only, extruder."""
EXTERNAL_DEPUTY = 254
"""Unit number of the external spool of the left extruder."""
A2L_LITE = 16
"""Unit number of the AMS lite on an A2L, whose bits lie apart from all others."""
HT_UNITS = range(128, 136)
"""Unit numbers of the AMS HT: one slot each."""
FOUR_SLOT_UNITS = range(4)
AMS_UNITS = range(EXTERNAL_DEPUTY)
"""What can be the number of a unit, also of one of a kind that is still to come."""

_NO_SLOT = 0xFF
_A2L_INDEX = range(24, 28)
_TRAY_NOW_EXTERNAL = 254


@dataclass(frozen=True, slots=True, order=True)
class SlotAddress:
    """A slot of an AMS unit, or an external spool holder."""

    unit: int
    slot: int = 0

    @property
    def external(self) -> bool:
        """Whether it is a spool holder outside of every AMS."""
        return self.unit in (EXTERNAL_MAIN, EXTERNAL_DEPUTY)

    @property
    def index(self) -> int:
        """The number over all units, as in ``tray_now`` of a printer with one nozzle."""
        if self.unit in FOUR_SLOT_UNITS:
            return self.unit * 4 + self.slot
        if self.unit == A2L_LITE:
            return _A2L_INDEX.start + self.slot
        if self.unit == EXTERNAL_MAIN:
            return _TRAY_NOW_EXTERNAL
        return self.unit

    @property
    def packed(self) -> int:
        """Unit and slot in one number, as ``snow`` has it."""
        return self.unit << 8 | self.slot

    @property
    def load_target(self) -> int:
        """What a printer with two nozzles is told to load."""
        return self.index if self.unit in FOUR_SLOT_UNITS else self.unit

    @property
    def single_load_target(self) -> int:
        """What a printer with one nozzle is told to load: 255 would mean unloading there."""
        return _TRAY_NOW_EXTERNAL if self.external else self.load_target

    @property
    def setting_tray(self) -> int:
        """What stands for the slot when its filament is described: the slot in its unit."""
        return _TRAY_NOW_EXTERNAL if self.external else self.slot

    @property
    def calibration_tray(self) -> int:
        """What stands for the slot when its calibration is chosen."""
        return self.unit if self.external else self.index

    @property
    def exist_bit(self) -> int | None:
        """The bit that stands for the slot in ``tray_exist_bits``; None: there is none."""
        if self.unit in FOUR_SLOT_UNITS:
            return self.unit * 4 + self.slot
        if self.unit in HT_UNITS:
            return 16 + self.unit - HT_UNITS.start
        if self.unit == A2L_LITE:
            return _A2L_INDEX.start + self.slot
        return None


def unit_bit(unit: int) -> int | None:
    """Return the bit that stands for a unit in ``ams_exist_bits``; None: there is none."""
    if unit in FOUR_SLOT_UNITS:
        return unit
    if unit in HT_UNITS:
        return 4 + unit - HT_UNITS.start
    if unit == A2L_LITE:
        return 12
    return None


def from_packed(packed: int) -> SlotAddress | None:
    """Read the form of ``snow``: unit in the high byte, slot in the low one.

    None: nothing is loaded, or nobody knows what.
    """
    unit, slot = packed >> 8, packed & 0xFF
    if slot == _NO_SLOT or not 0 <= packed < 0xFFFF:
        return None
    return SlotAddress(unit, 0 if unit in (EXTERNAL_MAIN, EXTERNAL_DEPUTY) else slot)


def from_index(index: int) -> SlotAddress | None:
    """Read an absolute tray number as people and automations use it.

    As `from_tray_now`, and 255 is the right, or only, external spool; None: no such slot.
    """
    return (
        SlotAddress(EXTERNAL_MAIN) if index == EXTERNAL_MAIN else from_tray_now(index)
    )


def from_tray_now(index: int) -> SlotAddress | None:
    """Read ``tray_now`` of a printer with one nozzle; None: nothing is loaded."""
    if index in range(16):
        return SlotAddress(index >> 2, index & 3)
    if index in _A2L_INDEX:
        return SlotAddress(A2L_LITE, index - _A2L_INDEX.start)
    if index in HT_UNITS:
        return SlotAddress(index)
    if index == _TRAY_NOW_EXTERNAL:
        return SlotAddress(EXTERNAL_MAIN)
    return None
