"""Which slot each filament of a plate is taken from."""

from typing import Any

from hypothesis import given, strategies as st
import pytest

from custom_components.bambu_printer.printer.colors import (
    UNKNOWN_DISTANCE,
    color_distance,
)
from custom_components.bambu_printer.printer.errors import (
    InvalidValueError,
    MappingLengthError,
)
from custom_components.bambu_printer.printer.mapping import (
    MatchReason,
    MissReason,
    assign,
    assign_chosen,
    parse_mapping,
)
from custom_components.bambu_printer.printer.project import ProjectFilament
from custom_components.bambu_printer.printer.slots import SlotAddress
from custom_components.bambu_printer.printer.state.ams import AmsState, AmsUnit, Tray

EXTERNAL, LEFT = SlotAddress(255), SlotAddress(254)


def want(number: int, type_: str = "PLA", color: str = "#000000", **more: Any) -> Any:
    return ProjectFilament(number=number, type=type_, color=color, **more)


def tray(
    slot: SlotAddress, type_: str = "PLA", color: str = "#000000", **more: Any
) -> Tray:
    return Tray(slot=slot, present=True, type=type_, color=color, **more)


def ams(*trays: Tray, feeds: dict[int, int] | None = None) -> AmsState:
    units: dict[int, list[Tray]] = {}
    for item in trays:
        if not item.slot.external:
            units.setdefault(item.slot.unit, []).append(item)
    return AmsState(
        units=tuple(
            AmsUnit(unit=unit, trays=tuple(inside), extruder=(feeds or {}).get(unit))
            for unit, inside in units.items()
        ),
        externals=tuple(item for item in trays if item.slot.external),
    )


def slot(number: int, unit: int = 0) -> SlotAddress:
    return SlotAddress(unit, number)


# Colours


def test_distances() -> None:
    assert color_distance("#00AE42", "#00AE42FF") == 0
    assert color_distance("#000000", "#FFFFFF") == pytest.approx(100, abs=0.1)
    red, orange, blue = "#C12E1F", "#FF6A13", "#0A2989"
    assert color_distance(red, orange) < color_distance(red, blue)
    # Of a spool with two colours the nearer one counts.
    assert color_distance(red, blue, red) == 0


@pytest.mark.parametrize("odd", [None, "", "red", "#12", "#GGGGGG"])
def test_unknown_colour(odd: str | None) -> None:
    assert color_distance(odd, "#000000") == UNKNOWN_DISTANCE
    assert color_distance("#000000", odd) == UNKNOWN_DISTANCE


@given(st.binary(min_size=3, max_size=3), st.binary(min_size=3, max_size=3))
def test_distance_is_a_distance(a: bytes, b: bytes) -> None:
    there = color_distance(f"#{a.hex()}", f"#{b.hex()}")
    assert there == pytest.approx(color_distance(f"#{b.hex()}", f"#{a.hex()}"))
    assert (there == 0) is (a == b)


# Automatic


def test_material_before_colour() -> None:
    state = ams(tray(slot(0), "PETG", "#FF0000"), tray(slot(1), "PLA", "#0000FF"))
    (found,) = assign([want(1, "PLA", "#FF0000")], state)
    assert (found.slot, found.reason) == (slot(1), MatchReason.NEAREST_COLOR)


def test_support_material_is_another() -> None:
    state = ams(tray(slot(0), "PLA"))
    (found,) = assign([want(1, "PLA-S")], state)
    assert (found.slot, found.reason) == (None, MissReason.NO_MATERIAL)


def test_same_preset_before_colour() -> None:
    state = ams(
        tray(slot(0), color="#FF0000", filament_id="GFL99"),
        tray(slot(1), color="#CC2222", filament_id="GFA00"),
    )
    (found,) = assign([want(1, color="#FF0000", filament_id="GFA00")], state)
    assert (found.slot, found.reason) == (slot(1), MatchReason.SAME_FILAMENT)
    assert found.distance
    assert found.distance > 0


def test_nearest_colour_wins() -> None:
    state = ams(tray(slot(0), color="#0000FF"), tray(slot(1), color="#DD1111"))
    (found,) = assign([want(1, color="#FF0000")], state)
    assert found.slot == slot(1)


def test_what_is_left_breaks_ties() -> None:
    state = ams(
        tray(slot(0), remain=5, weight=1000),
        tray(slot(1), remain=60, weight=1000),
        tray(slot(2), remain=30, weight=1000),
    )
    (found,) = assign([want(1, grams=200)], state)
    assert found.slot == slot(1)
    # Colour counts for more.
    (found,) = assign([want(1, color="#FFFFFF", grams=200)], ams(
        tray(slot(0), color="#FFFFFF", remain=5, weight=1000),
        tray(slot(1), color="#808080", remain=100, weight=1000),
    ))  # fmt: skip
    assert found.slot == slot(0)


def test_everybody_gets_an_own_slot() -> None:
    """The one with the least choice first, though the other is nearer to that slot."""
    state = ams(
        tray(slot(0), color="#FF0000", filament_id="GFA00"),
        tray(slot(1), "PETG", "#FF0000"),
        tray(slot(2), color="#00FF00", filament_id="GFA01"),
    )
    wanted = [
        want(1, color="#FF0000", filament_id="GFA00"),
        want(2, color="#EE0000"),
        want(3, "PETG"),
    ]
    found = assign(wanted, state)
    assert [item.slot for item in found] == [slot(0), slot(2), slot(1)]


def test_one_spool_may_serve_two() -> None:
    state = ams(tray(slot(0), color="#FF0000"))
    first, second = assign([want(1, color="#FF0000"), want(4, color="#0000FF")], state)
    assert (first.slot, first.reason) == (slot(0), MatchReason.NEAREST_COLOR)
    assert (second.slot, second.reason) == (slot(0), MatchReason.SHARED)


def test_external_spool_of_one_extruder() -> None:
    state = ams(tray(slot(0), "PETG"), tray(EXTERNAL, "PLA"))
    assert [item.slot for item in assign([want(1)], state)] == [EXTERNAL]
    # An AMS is preferred, unless told otherwise.
    state = ams(tray(slot(0)), tray(EXTERNAL))
    assert assign([want(1)], state)[0].slot == slot(0)
    assert assign([want(1)], state, use_ams=False)[0].slot == EXTERNAL
    (found,) = assign([want(1)], ams(tray(EXTERNAL)), use_ams=True)
    assert (found.slot, found.reason) == (None, MissReason.NO_MATERIAL)


def test_external_spool_cannot_be_combined_with_one_extruder() -> None:
    state = ams(tray(slot(0), "PLA"), tray(EXTERNAL, "PETG"))
    pla, petg = assign([want(1), want(2, "PETG")], state)
    assert pla.slot == slot(0)
    assert (petg.slot, petg.reason) == (None, MissReason.ONE_SPOOL)
    both = assign([want(1), want(2, "PETG")], state, use_ams=False)
    assert {item.reason for item in both} == {MissReason.ONE_SPOOL}


def test_each_extruder_has_its_own() -> None:
    state = ams(
        tray(slot(0, 0), color="#FF0000"),
        tray(slot(0, 1), color="#0000FF"),
        tray(EXTERNAL, "TPU"),
        tray(LEFT, "ABS"),
        feeds={0: 1, 1: 0},
    )
    right, left, tpu, abs_ = assign(
        [
            # Each is nearer to what the other extruder has.
            want(1, color="#FF0000", extruder=0),
            want(2, color="#0000FF", extruder=1),
            want(3, "TPU", extruder=0),
            want(4, "ABS", extruder=0),
        ],
        state,
        extruders=2,
    )
    assert (right.slot, left.slot) == (slot(0, 1), slot(0, 0))
    assert tpu.slot == EXTERNAL
    assert (abs_.slot, abs_.reason) == (None, MissReason.WRONG_EXTRUDER)


def test_unknown_spools_fit_nothing() -> None:
    assert assign([want(1, "")], ams(tray(slot(0), "")))[0].slot is None


# Chosen


def test_numbers_and_slots() -> None:
    slots = parse_mapping([3, -1, 128, slot(2, 1), None, 255, 254], 7)
    assert slots == (slot(3), None, SlotAddress(128), slot(2, 1), None, EXTERNAL, LEFT)


@pytest.mark.parametrize("odd", [[16], [-2], [300], [True]])
def test_numbers_that_are_no_slots(odd: list[int]) -> None:
    with pytest.raises(InvalidValueError):
        parse_mapping(odd, 1)


@pytest.mark.parametrize("count", [0, 2])
def test_as_many_as_the_project_has(count: int) -> None:
    with pytest.raises(MappingLengthError, match=f"{count} filaments"):
        parse_mapping([0], count)


def test_chosen_slots_are_checked() -> None:
    state = ams(
        tray(slot(0), "PETG"),
        Tray(slot=slot(1), present=False),
        tray(EXTERNAL),
        feeds={0: 1},
    )
    wanted = [want(number, extruder=1) for number in range(1, 5)]
    slots = [slot(0), slot(1), slot(0, 3), None]
    fits, empty, gone, left_out = assign_chosen(wanted, slots, state)
    assert (fits.slot, fits.material_fits) == (slot(0), False)
    assert empty.reason is gone.reason is MissReason.NO_SLOT
    assert left_out.reason is MissReason.NOT_CHOSEN
    (wrong,) = assign_chosen([want(1, "PETG", extruder=0)], [slot(0)], state)
    assert wrong.reason is MissReason.WRONG_EXTRUDER
    # The only external spool goes by either number.
    (external,) = assign_chosen([want(1)], [LEFT], state)
    assert external.slot == EXTERNAL


@given(st.data())
def test_no_two_share_while_there_are_others(data: st.DataObject) -> None:
    kinds = st.sampled_from(["PLA", "PETG"])
    colors = st.sampled_from(["#FF0000", "#00FF00", "#0000FF", "#FFFFFF"])
    trays = [
        tray(slot(index % 4, index // 4), data.draw(kinds), data.draw(colors))
        for index in range(data.draw(st.integers(0, 8)))
    ]
    wanted = [
        want(number, data.draw(kinds), data.draw(colors))
        for number in range(1, data.draw(st.integers(1, 8)) + 1)
    ]
    found = assign(wanted, ams(*trays), use_ams=True)
    assert [item.filament for item in found] == wanted
    for kind in ("PLA", "PETG"):
        there = {item.slot for item in trays if item.type == kind}
        mine = [item for item in found if item.filament.type == kind]
        assert {item.slot for item in mine} <= there | {None}
        assert len({item.slot for item in mine} - {None}) == min(len(there), len(mine))
        assert all(item.slot for item in mine) is (bool(there) or not mine)
