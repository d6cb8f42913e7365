"""What a print is going to be, and what speaks against it."""

from dataclasses import replace
from typing import Any

import pytest

from custom_components.bambu_printer.printer.errors import ProjectError
from custom_components.bambu_printer.printer.models import MODELS, PrinterModel
from custom_components.bambu_printer.printer.operations.printing import job_name
from custom_components.bambu_printer.printer.print_plan import (
    BedType,
    PrintPlan,
    make_plan,
)
from custom_components.bambu_printer.printer.project import (
    Plate,
    ProjectFilament,
    ProjectInfo,
)
from custom_components.bambu_printer.printer.slots import SlotAddress
from custom_components.bambu_printer.printer.state import PrinterState
from custom_components.bambu_printer.printer.state.ams import AmsState, AmsUnit, Tray
from custom_components.bambu_printer.printer.state.capabilities import Capabilities
from custom_components.bambu_printer.printer.state.extruders import (
    Extruder,
    ExtruderState,
    Nozzle,
)

RIGHT_SPOOL, LEFT_SPOOL = SlotAddress(255), SlotAddress(254)


def model(key: str) -> PrinterModel:
    return next(item for item in MODELS if item.key == key)


def spool(unit: int, slot: int = 0, kind: str = "PLA") -> Tray:
    return Tray(slot=SlotAddress(unit, slot), present=True, type=kind)


def printer(*diameters: float | None, trays: tuple[Tray, ...] = ()) -> PrinterState:
    """Return a printer with these nozzles, numbered from the right."""
    return PrinterState(
        capabilities=Capabilities(extruders=len(diameters)),
        extruders=ExtruderState(
            extruders=tuple(
                Extruder(number=number, nozzle=Nozzle(diameter=diameter))
                for number, diameter in enumerate(diameters)
            )
        ),
        ams=AmsState(
            units=tuple(
                AmsUnit(unit=item.slot.unit, trays=(item,))
                for item in trays
                if not item.slot.external
            ),
            externals=tuple(item for item in trays if item.slot.external),
        ),
    )


def plan(state: PrinterState, *filaments: ProjectFilament, **plate: Any) -> PrintPlan:
    made = Plate(number=1, filaments=filaments, **plate)
    info = ProjectInfo(plates=(made,), filament_count=4)
    key = "H2D" if state.capabilities.extruders > 1 else "X1C"
    return make_plan("/x.3mf", info, state, model(key))


def want(number: int, kind: str = "PLA", **more: Any) -> ProjectFilament:
    return ProjectFilament(number=number, type=kind, **more)


@pytest.mark.parametrize(
    ("mounted", "sliced", "used", "fits"),
    [
        # The file counts from the left, the printer from the right.
        ((0.6, 0.4), (0.4, 0.6), (0, 1), True),
        ((0.4, 0.6), (0.4, 0.6), (0, 1), False),
        # Only what is used counts.
        ((0.8, 0.4), (0.4, 0.6), (1,), True),
        ((0.8, 0.4), (0.4, 0.6), (0,), False),
        # What nobody says fits.
        ((None, 0.4), (0.4, 0.6), (0, 1), True),
        ((0.6, 0.4), (), (0, 1), True),
        ((0.4,), (0.4,), (None,), True),
        ((0.4,), (0.2,), (None,), False),
    ],
)
def test_nozzles(mounted: Any, sliced: Any, used: Any, fits: bool) -> None:
    state = printer(*mounted, trays=(spool(255),))
    filaments = [want(n, extruder=side) for n, side in enumerate(used, start=1)]
    found = plan(state, *filaments, nozzle_diameters=sliced)
    codes = {problem.code for problem in found.problems}
    assert ("nozzle_mismatch" not in codes) is fits


@pytest.mark.parametrize("code", ["BL-P002", "C12", "X99"])
def test_models(code: str) -> None:
    state = printer(0.4, trays=(spool(0),))
    assert plan(state, want(1), model_id="BL-P001").problems == ()
    assert plan(state, want(1)).problems == ()
    found = plan(state, want(1), model_id=code)
    assert [problem.code for problem in found.problems] == ["model_mismatch"]
    assert found.blockers(force=False) == found.problems
    assert found.blockers(force=True) == ()


def test_mapping_of_two_external_spools() -> None:
    state = printer(0.4, 0.4, trays=(spool(255, kind="TPU"), spool(254), spool(128)))
    found = plan(
        state, want(2, "TPU", extruder=0), want(3, extruder=1), want(4, extruder=0)
    )
    assert found.slots == [None, RIGHT_SPOOL, LEFT_SPOOL, SlotAddress(128)]
    assert found.use_ams is True
    assert found.ams_mapping == [-1, -1, -1, 128]
    assert found.ams_mapping2 == [
        {"ams_id": 255, "slot_id": 255},
        {"ams_id": 255, "slot_id": 0},
        {"ams_id": 254, "slot_id": 0},
        {"ams_id": 128, "slot_id": 0},
    ]


def test_the_only_external_spool_is_always_255() -> None:
    """Telemetry calls it 254, and a printer that is told so takes another slot."""
    state = printer(0.4, trays=(spool(255),))
    state = replace(
        state, ams=replace(state.ams, externals=(replace(spool(254), present=True),))
    )
    found = plan(state, want(1))
    assert found.use_ams is False
    assert found.ams_mapping2[0] == {"ams_id": 255, "slot_id": 0}


@pytest.mark.parametrize(
    ("sliced", "told"),
    [("textured_plate", BedType.TEXTURED_PLATE), ("glass", BedType.AUTO), ("", "auto")],
)
def test_bed(sliced: str, told: str) -> None:
    state = printer(0.4, trays=(spool(0),))
    assert plan(state, want(1), bed_type=sliced).bed_type == told


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/Bracket.gcode.3mf", "Bracket"),
        ("/cache/Bracket.3mf", "Bracket"),
        ("/gcode.gcode", "gcode"),
        ("/A.B.GCODE.3MF", "A.B"),
    ],
)
def test_name_of_a_job(path: str, name: str) -> None:
    assert job_name(path) == name


def test_nothing_to_print() -> None:
    with pytest.raises(ProjectError, match="names no filament"):
        plan(printer(0.4))
    with pytest.raises(ProjectError, match="none of its plates is sliced"):
        make_plan("/x.3mf", ProjectInfo(), printer(0.4), model("X1C"))
