"""What a print is going to be: checked, and complete before anything is sent."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from .errors import (
    BambuError,
    FilamentMissingError,
    MaterialMismatchError,
    ModelMismatchError,
    NozzleMismatchError,
    PlateMissingError,
    ProjectError,
    UnsupportedError,
)
from .mapping import Assignment, MissReason, assign, assign_chosen, parse_mapping
from .models import PrinterModel, identify
from .project import Plate, ProjectFilament, ProjectInfo
from .slots import EXTERNAL_MAIN, SlotAddress
from .state import PrinterState

_OVERRULABLE = (ModelMismatchError, NozzleMismatchError, MaterialMismatchError)
_UNUSED = {"ams_id": 255, "slot_id": 255}


class BedType(StrEnum):
    """The build plates, by their words on the wire."""

    AUTO = "auto"
    """Let the printer see for itself."""
    COOL_PLATE = "cool_plate"
    ENG_PLATE = "eng_plate"
    HOT_PLATE = "hot_plate"
    TEXTURED_PLATE = "textured_plate"
    SUPERTACK_PLATE = "supertack_plate"


@dataclass(frozen=True, slots=True, kw_only=True)
class PrintPlan:
    """What is printed, on what, and from which slots."""

    path: str
    plate: Plate
    bed_type: BedType
    filament_count: int
    """Filaments in the project, used or not."""
    assignments: tuple[Assignment, ...]
    """One for each filament that the plate uses."""
    dual: bool = False
    problems: tuple[BambuError, ...] = ()
    """What speaks against it, the worst first."""
    job_number: str = ""
    """What the job reports as its ``subtask_id``, once it was started."""

    @property
    def use_ams(self) -> bool:
        """Whether any filament comes out of an AMS."""
        return any(
            item.slot is not None and not item.slot.external
            for item in self.assignments
        )

    @property
    def ams_mapping(self) -> list[int]:
        """The slot of each filament of the project, as older firmware takes it.

        External spools and what is not used are -1: a number of their own makes an H2D
        refuse the job.
        """
        return [
            -1 if slot is None or slot.external else slot.index for slot in self.slots
        ]

    @property
    def ams_mapping2(self) -> list[dict[str, int]]:
        """The same as newer firmware prefers it."""
        return [self._unit_and_slot(slot) for slot in self.slots]

    def blockers(self, *, force: bool) -> tuple[BambuError, ...]:
        """Return the problems that forbid it."""
        return tuple(
            problem
            for problem in self.problems
            if not (force and isinstance(problem, _OVERRULABLE))
        )

    @property
    def slots(self) -> list[SlotAddress | None]:
        """The slot of each filament of the project; None: none."""
        slots = {item.filament.number: item.slot for item in self.assignments}
        return [slots.get(number) for number in range(1, self.filament_count + 1)]

    def _unit_and_slot(self, slot: SlotAddress | None) -> dict[str, int]:
        if slot is None:
            return dict(_UNUSED)
        if slot.external and not self.dual:
            # One extruder has one spool holder, whatever telemetry calls it.
            return {"ams_id": EXTERNAL_MAIN, "slot_id": 0}
        return {"ams_id": slot.unit, "slot_id": slot.slot}


def make_plan(
    path: str,
    info: ProjectInfo,
    state: PrinterState,
    model: PrinterModel,
    *,
    plate: int | None = None,
    bed_type: BedType | None = None,
    use_ams: bool | None = None,
    ams_mapping: Sequence[int | SlotAddress | None] | None = None,
) -> PrintPlan:
    """Plan a print of one plate; without a number of the only one.

    `ams_mapping` has an entry for each filament of the project (see `parse_mapping`);
    without it slots are found automatically (see `assign`).  Raises `ProjectError`,
    `PlateMissingError` or `InvalidValueError` when there is nothing to plan, and
    `UnsupportedError` for an AMS that is not there; everything else that speaks against it is in the plan's `problems`.
    """
    if not info.plates:
        raise ProjectError(path, "none of its plates is sliced")
    chosen = info.plate(plate)
    if chosen is None:
        plates = ", ".join(str(item.number) for item in info.plates)
        raise PlateMissingError(path, plates or "-")
    if not chosen.filaments:
        # The printer would be told to take it from nowhere.
        raise ProjectError(path, f"plate {chosen.number} names no filament")
    if use_ams and not state.ams.units:
        raise UnsupportedError("AMS", model.key)
    extruders = state.capabilities.extruders
    if ams_mapping is None:
        assignments = assign(
            chosen.filaments, state.ams, extruders=extruders, use_ams=use_ams
        )
    else:
        slots = parse_mapping(ams_mapping, info.filament_count)
        assignments = assign_chosen(chosen.filaments, slots, state.ams)
    return PrintPlan(
        path=path,
        plate=chosen,
        bed_type=bed_type or _sliced_bed(chosen),
        filament_count=info.filament_count,
        assignments=assignments,
        dual=extruders > 1,
        problems=tuple(_problems(chosen, assignments, state, model)),
    )


def _sliced_bed(plate: Plate) -> BedType:
    try:
        return BedType(plate.bed_type)
    except ValueError:
        return BedType.AUTO


def _problems(
    plate: Plate,
    assignments: Sequence[Assignment],
    state: PrinterState,
    model: PrinterModel,
) -> Iterator[BambuError]:
    missing = [
        f"{_describe(item.filament)} ({item.reason.replace('_', ' ')})"
        for item in assignments
        if isinstance(item.reason, MissReason)
    ]
    if missing:
        yield FilamentMissingError(", ".join(missing))
    if plate.model_id and plate.model_id not in model.codes:
        # Files for sister models are refused as well: only their owner knows whether the
        # start and the limits written into the file suit this printer.
        other = identify(code=plate.model_id)
        known = other.name if other.codes else plate.model_id
        yield ModelMismatchError(known, model.name)
    yield from _nozzle_problems(plate, state)
    misfits = [
        f"{_describe(item.filament)} → {item.tray.type or '?'}"
        for item in assignments
        if item.tray and not item.material_fits
    ]
    if misfits:
        yield MaterialMismatchError(", ".join(misfits))


def _nozzle_problems(plate: Plate, state: PrinterState) -> Iterator[BambuError]:
    """Compare the nozzles that the plate uses with those that are mounted.

    The file counts extruders from the left, the printer from the right.  What the printer
    or the file does not say fits.
    """
    sliced = plate.nozzle_diameters
    extruders = state.extruders.extruders
    used = {filament.extruder for filament in plate.filaments}
    for extruder in extruders:
        if extruder.nozzle.diameter is None or not sliced:
            continue
        if len(extruders) > 1 and not used & {extruder.number, None}:
            continue
        fitting = sliced[0]
        if len(extruders) > 1 and len(sliced) == len(extruders):
            fitting = sliced[len(sliced) - 1 - extruder.number]
        if fitting != extruder.nozzle.diameter:
            yield NozzleMismatchError(f"{fitting:g}", f"{extruder.nozzle.diameter:g}")
            return


def _describe(filament: ProjectFilament) -> str:
    return f"{filament.number}: {filament.type} {filament.color}".rstrip()
