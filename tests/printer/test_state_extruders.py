"""Extruders, their nozzles, and what feeds them."""

import pytest

from custom_components.bambu_printer.printer.slots import SlotAddress
from custom_components.bambu_printer.printer.state.extruders import (
    ExtruderState,
    Nozzle,
    NozzleFlow,
    NozzleMaterial,
)

from .reports import Replay, decode


def extruders(report: dict, key: str = "H2D") -> ExtruderState:
    return decode(report, key=key).extruders


def double(state: int, right: int = 65535, left: int = 65279, **keys) -> dict:
    info = [
        {"id": 0, "snow": right, "star": right, "info": 0b1010},
        {"id": 1, "snow": left, "star": left, "info": 0b1000},
    ]
    return {"device": {"extruder": {"state": state, "info": info}}, **keys}


@pytest.mark.parametrize(
    ("state", "active"), [(2, 0), (0x112, 1), (0x12, 1), (0xF2, None), (0x92, 0)]
)
def test_the_active_extruder(state, active):
    assert extruders(double(state)).active == active


@pytest.mark.parametrize(
    ("state", "slot"),
    [(2, SlotAddress(128)), (0x112, SlotAddress(0, 2)), (0xF2, None)],
)
def test_the_active_slot_is_that_of_the_active_extruder(state, slot):
    # tray_now counts within the active unit here: it must not be believed.
    report = double(state, right=32768, left=2, ams={"tray_now": "0"})
    assert extruders(report).active_slot == slot


@pytest.mark.parametrize(
    ("snow", "slot"),
    [
        (65535, None),
        (65279, None),
        (255, None),
        (259, SlotAddress(1, 3)),
        (32768, SlotAddress(128)),
        (65280, SlotAddress(255)),
        (65024, SlotAddress(254)),
        ("256", SlotAddress(1, 0)),
        ("x", None),
        (None, None),
    ],
)
def test_what_is_loaded(snow, slot):
    found = extruders(double(2, right=snow)).extruders
    assert found[0].slot == found[0].target == slot


def test_the_sensor_in_the_toolhead():
    right, left = extruders(double(2)).extruders
    assert (right.number, right.filament) == (0, True)
    assert (left.number, left.filament) == (1, False)


def test_a_delta_of_the_state_alone_keeps_what_is_loaded():
    replay = Replay("H2D")
    replay.full(**double(2, right=32768, left=1))
    assert replay.state.extruders.active_slot == SlotAddress(128)
    assert replay.delta(device={"extruder": {"state": 274}}) == {"extruders"}
    assert replay.state.extruders.active_slot == SlotAddress(0, 1)


@pytest.mark.parametrize(
    ("now", "slot"),
    [
        ("255", None),
        ("254", SlotAddress(255)),
        ("5", SlotAddress(1, 1)),
        ("25", SlotAddress(16, 1)),
        ("130", SlotAddress(130)),
        (3, SlotAddress(0, 3)),
        ("?", None),
    ],
)
def test_a_printer_that_knows_no_extruders_has_tray_now(now, slot):
    report = {"ams": {"tray_now": now, "tray_tar": now}, "hw_switch_state": 1}
    found = extruders(report, "P1S")
    assert found.active == 0
    assert (found.active_slot, found.extruders[0].target) == (slot, slot)
    assert found.extruders[0].filament is True


def test_the_newer_source_outranks_tray_now():
    info = [{"id": 0, "snow": 3}]
    report = {
        "ams": {"tray_now": "1"},
        "device": {"extruder": {"state": 1, "info": info}},
    }
    assert extruders(report, "P2S").active_slot == SlotAddress(0, 3)


@pytest.mark.parametrize("switch", [0, 1, 3])
def test_the_older_sensor(switch):
    found = extruders({"hw_switch_state": switch}, "P1S").extruders[0]
    assert found.filament is (switch != 0)


def test_nothing_is_known_at_first():
    assert extruders({}) == ExtruderState()


@pytest.mark.parametrize("value", [None, [], 5, {"info": None}, {"info": [{"id": 7}]}])
def test_a_strange_extruder_object_does_no_harm(value):
    report = {"device": {"extruder": value}, "ams": {"tray_now": "2"}}
    assert extruders(report).active_slot == SlotAddress(0, 2)


# ---- nozzles ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "material", "flow"),
    [
        ("HS00", NozzleMaterial.STAINLESS_STEEL, NozzleFlow.STANDARD),
        ("HS01", NozzleMaterial.HARDENED_STEEL, NozzleFlow.STANDARD),
        ("HA00", NozzleMaterial.STAINLESS_STEEL, NozzleFlow.STANDARD),
        ("HX05", NozzleMaterial.TUNGSTEN_CARBIDE, NozzleFlow.STANDARD),
        ("HH01", NozzleMaterial.HARDENED_STEEL, NozzleFlow.HIGH),
        ("HE05", NozzleMaterial.TUNGSTEN_CARBIDE, NozzleFlow.HIGH),
        ("HU01", NozzleMaterial.HARDENED_STEEL, NozzleFlow.TPU_HIGH),
        ("HB01", NozzleMaterial.E3D, NozzleFlow.HIGH),
        ("HQ77", None, None),
        ("N/A", None, None),
        ("", None, None),
        ("stainless_steel", NozzleMaterial.STAINLESS_STEEL, None),
        ("hardened_steel", NozzleMaterial.HARDENED_STEEL, None),
        ("brass", NozzleMaterial.BRASS, None),
        ("E3D Obxidian", NozzleMaterial.E3D, None),
        (None, None, None),
        (7, None, None),
    ],
)
def test_kinds_of_nozzles(code, material, flow):
    info = [{"id": 0, "type": code, "diameter": 0.4}]
    expected = Nozzle(material=material, flow=flow, diameter=0.4)
    report = double(2)
    report["device"]["nozzle"] = {"info": info}
    assert extruders(report).extruders[0].nozzle == expected
    flat = {"nozzle_type": code, "nozzle_diameter": "0.4"}
    assert extruders(flat, "P1S").extruders[0].nozzle == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("0.4", 0.4),
        (0.4000000059604645, 0.4),
        (0.2, 0.2),
        ("0.6", 0.6),
        (0.8, 0.8),
        (0.5, None),
        (0, None),
        ("", None),
        (None, None),
    ],
)
def test_diameters(value, expected):
    report = {"nozzle_type": "brass", "nozzle_diameter": value}
    assert extruders(report, "P1S").extruders[0].nozzle.diameter == expected


def test_each_extruder_has_its_own_nozzle_and_the_flat_keys_are_stale():
    report = double(2, nozzle_type="stainless_steel", nozzle_diameter="0.4")
    report["device"]["nozzle"] = {
        "info": [
            {"id": 1, "type": "HX05", "diameter": 0.6},
            {"id": 0, "type": "HS00", "diameter": 0.2},
            {"id": 16, "type": "HH01", "diameter": 0.8},
        ]
    }
    right, left = extruders(report).extruders
    assert (right.nozzle.diameter, left.nozzle.diameter) == (0.2, 0.6)
    assert left.nozzle.material is NozzleMaterial.TUNGSTEN_CARBIDE


@pytest.mark.parametrize(
    "value", [None, [], {"0": {"info": 8}, "info": 7}, {"info": []}]
)
def test_the_flat_keys_count_where_there_is_no_list(value):
    report = {"device": {"nozzle": value}, "nozzle_type": "brass"}
    found = extruders(report, "X1C").extruders[0].nozzle
    assert found.material is NozzleMaterial.BRASS
