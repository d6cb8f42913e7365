"""Telling models apart, and what each is known to have."""

import pytest

from custom_components.bambu_printer.printer.models import (
    MODELS,
    UNKNOWN_MODEL,
    Camera,
    DoorSource,
    Family,
    Light,
    identify,
    version_tuple,
)

from .reports import model

KEYS = [item.key for item in MODELS]

NAMES = {
    "X1C": ["Bambu Lab X1-Carbon", "Bambu Lab X1 Carbon", "Bambu Lab X1C"],
    "X1": ["Bambu Lab X1"],
    "X1E": ["Bambu Lab X1E"],
    "P1P": ["Bambu Lab P1P"],
    "P1S": ["Bambu Lab P1S"],
    "P2S": ["Bambu Lab P2S"],
    "A1 mini": ["Bambu Lab A1 mini", "Bambu Lab A1M", "bambu lab a1 MINI "],
    "A1": ["Bambu Lab A1"],
    "A2L": ["Bambu Lab A2L"],
    "H2D": ["Bambu Lab H2D"],
    "H2D Pro": ["Bambu Lab H2D Pro"],
    "H2S": ["Bambu Lab H2S"],
    "H2C": ["Bambu Lab H2C"],
    "X2D": ["Bambu Lab X2D"],
}
CODES = {
    "X1C": ["BL-P001", "3DPrinter-X1-Carbon"],
    "X1": ["BL-P002", "3DPrinter-X1"],
    "X1E": ["C13"],
    "P1P": ["C11"],
    "P1S": ["C12"],
    "P2S": ["N7", "N7-V2"],
    "A1 mini": ["N1", "A04", "A12"],
    "A1": ["N2S", "A11"],
    "A2L": ["N9"],
    "H2D": ["O1D"],
    "H2D Pro": ["O1E", "O2D"],
    "H2S": ["O1S", "O1S-V2"],
    "H2C": ["O1C", "O1C2", "O1C2-V2"],
    "X2D": ["N6", "N6-V2"],
}
PREFIXES = {
    "X1C": "00M",
    "X1": "00W",
    "X1E": "03W",
    "P1P": "01S",
    "P1S": "01P",
    "P2S": "22E",
    "A1 mini": "030",
    "A1": "039",
    "A2L": "26A",
    "H2D": "094",
    "H2D Pro": "239",
    "H2S": "093",
    "H2C": "31B",
    "X2D": "20P",
}


def test_every_model_is_in_the_tables_of_these_tests():
    assert set(KEYS) == NAMES.keys() == CODES.keys() == PREFIXES.keys()
    assert len(KEYS) == len(set(KEYS)) == 14


@pytest.mark.parametrize(
    ("key", "name"), [(key, name) for key, names in NAMES.items() for name in names]
)
def test_product_names(key, name):
    assert identify(product_name=name).key == key


@pytest.mark.parametrize(
    ("key", "code"), [(key, code) for key, codes in CODES.items() for code in codes]
)
def test_codes_of_announcements_and_old_version_lists(key, code):
    assert identify(code=code).key == key
    assert identify(project_name=code).key == key


@pytest.mark.parametrize(("key", "prefix"), PREFIXES.items())
def test_serial_prefixes(key, prefix):
    assert identify(serial=f"{prefix}00A123456789").key == key
    assert identify(serial=f"{prefix}00a123456789".lower()).key == key


@pytest.mark.parametrize(
    ("boards", "key"),
    [
        ({"ap": "AP02"}, "X1E"),
        ({"ap": "AP05", "mc": "MC07"}, "X1C"),
        ({"rv1126": "AP05"}, "X1C"),
        ({"ap": "AP05", "mc": "MC09"}, "unknown"),
        ({"ap": "AP04"}, "unknown"),
        ({}, "unknown"),
    ],
)
def test_boards_tell_only_the_x1_family(boards, key):
    assert identify(boards=boards).key == key


def test_better_evidence_wins():
    known = {
        "product_name": "Bambu Lab H2S",
        "code": "N7",
        "serial": "030000000000000",
        "project_name": "C12",
        "boards": {"ap": "AP02"},
    }
    found = []
    while known:
        found.append(identify(**known).key)  # type: ignore[arg-type]
        del known[next(iter(known))]
    assert found == ["H2S", "P2S", "A1 mini", "P1S", "X1E"]


def test_unreadable_evidence_is_passed_over():
    assert (
        identify(product_name="Something New", code="Q7", serial="01P00A000000000").key
        == "P1S"
    )


def test_accessories_are_no_printers():
    assert all(
        identify(serial=f"{prefix}00A000000000") is UNKNOWN_MODEL
        for prefix in ("006", "03C", "19C", "19F")
    )


def test_an_unknown_printer_gets_the_mildest_limits():
    assert identify() is UNKNOWN_MODEL
    assert UNKNOWN_MODEL.nozzle_max == min(item.nozzle_max for item in MODELS)
    assert UNKNOWN_MODEL.bed_max == min(item.bed_max for item in MODELS)
    assert UNKNOWN_MODEL.chamber_max == 0
    assert UNKNOWN_MODEL.pushall_interval >= max(x.pushall_interval for x in MODELS)


@pytest.mark.parametrize(
    ("key", "nozzle", "bed", "bed_220v", "chamber"),
    [
        ("X1C", 300, 120, 110, 0),
        ("X1", 300, 120, 110, 0),
        ("X1E", 320, 110, None, 60),
        ("P1P", 300, 100, None, 0),
        ("P1S", 300, 100, None, 0),
        ("P2S", 300, 110, None, 0),
        ("A1 mini", 300, 80, None, 0),
        ("A1", 300, 100, None, 0),
        ("A2L", 300, 80, None, 0),
        ("H2D", 350, 120, None, 65),
        ("H2D Pro", 350, 120, None, 65),
        ("H2S", 350, 120, None, 65),
        ("H2C", 350, 120, None, 65),
        ("X2D", 300, 120, None, 65),
    ],
)
def test_temperature_limits(key, nozzle, bed, bed_220v, chamber):
    found = model(key)
    assert (found.nozzle_max, found.bed_max) == (nozzle, bed)
    assert (found.bed_max_220v, found.chamber_max) == (bed_220v, chamber)


def test_the_air_duct_heats_from_40_degrees_where_there_is_a_duct_and_a_heater():
    with_duct = {x.key for x in MODELS if x.chamber_heat_from}
    assert with_duct == {"H2D", "H2D Pro", "H2S", "H2C", "X2D"}
    assert {model(key).chamber_heat_from for key in with_duct} == {40}


@pytest.mark.parametrize(
    ("what", "keys"),
    [
        ("chamber_sensor", "X1C X1 X1E P2S H2D H2D_Pro H2S H2C X2D"),
        ("aux_fan", "X1C X1 X1E P1P P1S P2S H2D H2D_Pro H2S H2C X2D"),
        ("chamber_fan", "X1C X1 X1E P1S H2D H2D_Pro H2S H2C X2D"),
        ("airduct", "P2S H2D H2D_Pro H2S H2C X2D"),
        ("full_reports", "X1C X1 X1E"),
    ],
)
def test_what_hardware_there_is(what, keys):
    expected = {key.replace("_", " ") for key in keys.split()}
    assert {item.key for item in MODELS if getattr(item, what)} == expected


def test_two_extruders():
    double = {item.key: item.extruder_names for item in MODELS if item.extruders == 2}
    h2 = ("right_nozzle", "left_nozzle")
    assert double == {
        "H2D": h2,
        "H2D Pro": h2,
        "H2C": h2,
        "X2D": ("auxiliary_nozzle", "main_nozzle"),
    }
    assert all(len(item.extruder_names) == item.extruders for item in MODELS)


@pytest.mark.parametrize(
    ("key", "source", "firmware"),
    [
        ("X1C", DoorSource.HOME_FLAG, "01.07.00.00"),
        ("X1", DoorSource.HOME_FLAG, "01.07.00.00"),
        ("X1E", DoorSource.HOME_FLAG, "01.01.02.00"),
        ("P2S", DoorSource.STAT, ""),
        ("H2D", DoorSource.STAT, ""),
        ("H2S", DoorSource.STAT, ""),
        ("X2D", DoorSource.STAT, ""),
        ("P1S", None, ""),
        ("P1P", None, ""),
        ("A1", None, ""),
        ("A1 mini", None, ""),
        ("A2L", None, ""),
    ],
)
def test_door_sensors(key, source, firmware):
    assert (model(key).door, model(key).door_firmware) == (source, firmware)


@pytest.mark.parametrize("item", MODELS, ids=KEYS)
def test_cameras_and_rates_go_with_the_family(item):
    weak = item.family in (Family.P1, Family.A1, Family.A2)
    assert item.camera is (Camera.JPEG if weak else Camera.RTSPS)
    assert item.pushall_interval == (300 if weak else 5)


def test_lamps():
    assert all(Light.CHAMBER in item.lights for item in MODELS)
    second = {item.key for item in MODELS if Light.CHAMBER_2 in item.lights}
    assert second == {"H2D", "H2D Pro", "H2S", "H2C", "X2D"}
    bed = {item.key for item in MODELS if Light.HEATBED in item.lights}
    assert bed == {"H2D", "H2D Pro", "H2S", "H2C"}


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("01.07.00.00", (1, 7, 0, 0)),
        ("99.00.00.00", (99, 0, 0, 0)),
        ("1.2", (1, 2)),
        ("", (0,)),
        ("01.x.3", (1, 0, 3)),
    ],
)
def test_versions_as_numbers(version, expected):
    assert version_tuple(version) == expected


def test_versions_compare_by_number_not_by_text():
    assert version_tuple("01.10.00.00") > version_tuple("01.9.00.00")
