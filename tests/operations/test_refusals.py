"""What the library refuses by itself: nothing is sent, whoever asks."""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import pytest

from custom_components.bambu_printer.printer import BambuPrinter, SlotAddress
from custom_components.bambu_printer.printer.errors import (
    BambuError,
    InvalidValueError,
    NoUpdateError,
    OutOfRangeError,
    UnsupportedError,
    WrongStateError,
)
from custom_components.bambu_printer.printer.operations.care import Calibration
from custom_components.bambu_printer.printer.operations.spools import parse_color
from custom_components.bambu_printer.printer.operations.watching import PrintOption
from custom_components.bambu_printer.printer.state.camera import Resolution
from custom_components.bambu_printer.printer.state.extruders import NozzleMaterial
from custom_components.bambu_printer.printer.state.options import (
    Purification,
    Reaction,
)
from tests.conftest import Rig

type Try = Callable[[BambuPrinter], Awaitable[object]]
type Sections = Mapping[str, Mapping[str, Any]]

FIRST = SlotAddress(0, 0)
NOWHERE = SlotAddress(3, 3)
EXTERNAL = SlotAddress(255, 0)
FLAGS = {"enabled": True}


@contextmanager
def reporting(printer: BambuPrinter, sections: Sections) -> Iterator[None]:
    """Let the printer have reported something else in these sections."""
    changed = replace(
        printer.state,
        **{
            name: replace(getattr(printer.state, name), **facts)
            for name, facts in sections.items()
        },
    )
    with patch.object(printer, "state", changed):
        yield


REFUSED: dict[str, tuple[Sections, Try, type[BambuError]]] = {
    "recording": (
        {"camera": {"recording": None}},
        lambda it: it.set_camera_recording(enabled=True),
        UnsupportedError,
    ),
    "timelapse": (
        {"camera": {"timelapse": None}},
        lambda it: it.set_timelapse(enabled=True),
        UnsupportedError,
    ),
    "resolution": (
        {"camera": {"resolution": None}},
        lambda it: it.set_camera_resolution(Resolution.P720),
        UnsupportedError,
    ),
    "door": (
        {"options": {"door_reaction": None}},
        lambda it: it.set_door_reaction(next(iter(Reaction))),
        UnsupportedError,
    ),
    "air": (
        {"options": {"air_purification": None}},
        lambda it: it.set_air_purification(next(iter(Purification))),
        UnsupportedError,
    ),
    "option": (
        {"options": {"store_sent_files": None}},
        lambda it: it.set_print_option(PrintOption.STORE_SENT_FILES, enabled=True),
        UnsupportedError,
    ),
    "no calibration": (
        {},
        lambda it: it.calibrate(Calibration(0)),
        InvalidValueError,
    ),
    "calibration": (
        {},
        lambda it: it.calibrate(Calibration.NOZZLE_OFFSET),
        UnsupportedError,
    ),
    "axis": ({}, lambda it: it.jog("w", 1), InvalidValueError),
    "far": ({}, lambda it: it.jog("x", 10_000), OutOfRangeError),
    "not homed": (
        {"enclosure": {"homed": frozenset()}},
        lambda it: it.jog("x", 1),
        WrongStateError,
    ),
    "diameter": (
        {},
        lambda it: it.set_nozzle_details(0.5, NozzleMaterial.HARDENED_STEEL),
        InvalidValueError,
    ),
    "load": ({}, lambda it: it.load_filament(NOWHERE), InvalidValueError),
    "unload": ({}, lambda it: it.unload_filament(99), InvalidValueError),
    "no profiles": (
        {"capabilities": {"calibration_version": None}},
        lambda it: it.get_extrusion_calibration_profiles(),
        UnsupportedError,
    ),
    "profile": (
        {},
        lambda it: it.select_extrusion_calibration_profile(FIRST, -2),
        InvalidValueError,
    ),
    "profile nowhere": (
        {},
        lambda it: it.select_extrusion_calibration_profile(NOWHERE, 1),
        InvalidValueError,
    ),
    "spool nowhere": (
        {},
        lambda it: it.set_spool_details(NOWHERE, "GFL99"),
        InvalidValueError,
    ),
    "material": (
        {},
        lambda it: it.set_spool_details(FIRST, "GFL99", type_="\n"),
        InvalidValueError,
    ),
    "own preset": (
        {},
        lambda it: it.set_spool_details(FIRST, "P1234567"),
        InvalidValueError,
    ),
    "color": (
        {},
        lambda it: it.set_spool_details(FIRST, "GFL99", color="plaid"),
        InvalidValueError,
    ),
    "updating": (
        {"firmware": {"status": "DOWNLOADING"}},
        lambda it: it.install_firmware(),
        WrongStateError,
    ),
    "no update": (
        {"firmware": {"update_offered": False}},
        lambda it: it.install_firmware(),
        NoUpdateError,
    ),
    "message": ({}, lambda it: it.send_anything({"mc": {}}), InvalidValueError),
}


@pytest.mark.parametrize("scenario", ["idle"])
async def test_refused(rig: Rig) -> None:
    """The reason is told, and the printer hears nothing of it."""
    printer = rig.entry.runtime_data.printer
    for name, (sections, attempt, error) in REFUSED.items():
        with reporting(printer, sections), pytest.raises(error) as caught:
            await attempt(printer)
        assert caught.value.code, name
    assert rig.printer.requests == []


@pytest.mark.parametrize(("model", "scenario"), [("H2D", "idle")])
async def test_detectors_by_their_names(rig: Rig) -> None:
    """Every detector has a method of its own."""
    it: BambuPrinter = rig.entry.runtime_data.printer
    methods = {
        "spaghetti_detector": it.set_spaghetti_detector,
        "pileup_detector": it.set_purgechutepileup_detector,
        "clump_detector": it.set_nozzleclumping_detector,
        "airprint_detector": it.set_airprinting_detector,
        "buildplate_marker_detector": it.set_buildplate_marker_detector,
        "first_layer_inspector": it.set_first_layer_inspection,
    }
    for module, method in methods.items():
        rig.printer.clear_requests()
        await method(**FLAGS)
        (request,) = rig.printer.requests
        assert request["xcam"]["module_name"] == module
        assert request["xcam"]["enable"] is True


@pytest.mark.parametrize(
    ("color", "wire"),
    [
        ("Red", "FF0000FF"),
        ("light blue", "ADD8E6FF"),
        ("#0f8", "00FF88FF"),
        ("#123456", "123456FF"),
        ("12345678", "12345678"),
    ],
)
def test_colors(color: str, wire: str) -> None:
    assert parse_color(color) == wire
