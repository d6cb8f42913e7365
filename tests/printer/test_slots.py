"""The four ways in which a printer counts slots."""

import pytest

from custom_components.bambu_printer.printer.slots import (
    A2L_LITE,
    EXTERNAL_DEPUTY,
    EXTERNAL_MAIN,
    HT_UNITS,
    SlotAddress,
    from_packed,
    from_tray_now,
    unit_bit,
)

FOUR_SLOT = [SlotAddress(unit, slot) for unit in range(4) for slot in range(4)]
HT = [SlotAddress(unit) for unit in HT_UNITS]
LITE = [SlotAddress(A2L_LITE, slot) for slot in range(4)]


@pytest.mark.parametrize(
    ("packed", "expected"),
    [
        (0, SlotAddress(0, 0)),
        (3, SlotAddress(0, 3)),
        (256, SlotAddress(1, 0)),
        (259, SlotAddress(1, 3)),
        (4096, SlotAddress(16, 0)),
        (32768, SlotAddress(128, 0)),
        (33024, SlotAddress(129, 0)),
        (65280, SlotAddress(255)),
        (65024, SlotAddress(254)),
    ],
)
def test_packed_slots(packed, expected):
    assert from_packed(packed) == expected


@pytest.mark.parametrize("packed", [65535, 65279, 255, 511, 33023, -1, 1 << 20])
def test_packed_numbers_that_name_no_slot(packed):
    assert from_packed(packed) is None


@pytest.mark.parametrize(
    ("index", "expected"),
    [
        (0, SlotAddress(0, 0)),
        (7, SlotAddress(1, 3)),
        (15, SlotAddress(3, 3)),
        (24, SlotAddress(16, 0)),
        (27, SlotAddress(16, 3)),
        (128, SlotAddress(128)),
        (135, SlotAddress(135)),
        (254, SlotAddress(EXTERNAL_MAIN)),
    ],
)
def test_slots_by_their_number_over_all_units(index, expected):
    assert from_tray_now(index) == expected


@pytest.mark.parametrize("index", [-1, 16, 23, 28, 80, 127, 136, 253, 255, 256])
def test_numbers_over_all_units_that_name_no_slot(index):
    assert from_tray_now(index) is None


@pytest.mark.parametrize(
    "address", [*FOUR_SLOT, *HT, *LITE, SlotAddress(EXTERNAL_MAIN)]
)
def test_the_number_over_all_units_leads_back(address):
    assert from_tray_now(address.index) == address


@pytest.mark.parametrize(
    "address",
    [*FOUR_SLOT, *HT, *LITE, SlotAddress(EXTERNAL_MAIN), SlotAddress(EXTERNAL_DEPUTY)],
)
def test_the_packed_form_leads_back(address):
    assert from_packed(address.unit << 8 | address.slot) == address


def test_every_slot_has_a_bit_of_its_own():
    bits = [address.exist_bit for address in [*FOUR_SLOT, *HT, *LITE]]
    assert None not in bits
    assert len(set(bits)) == len(bits)
    assert bits == [*range(16), *range(16, 24), *range(24, 28)]


@pytest.mark.parametrize("unit", [EXTERNAL_MAIN, EXTERNAL_DEPUTY, 4, 15, 200])
def test_what_is_no_slot_of_a_unit_has_no_bit(unit):
    assert SlotAddress(unit).exist_bit is None
    assert unit_bit(unit) is None


@pytest.mark.parametrize(
    ("unit", "expected"),
    [(0, 0), (3, 3), (128, 4), (129, 5), (135, 11), (A2L_LITE, 12)],
)
def test_bits_of_units(unit, expected):
    assert unit_bit(unit) == expected


def test_only_holders_outside_of_every_unit_are_external():
    assert SlotAddress(EXTERNAL_MAIN).external
    assert SlotAddress(EXTERNAL_DEPUTY).external
    assert not any(x.external for x in [*FOUR_SLOT, *HT, *LITE])


def test_addresses_are_ordered_by_unit_and_slot():
    backwards = FOUR_SLOT[::-1]
    assert sorted(backwards) == FOUR_SLOT
