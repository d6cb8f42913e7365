"""What the project of the job says, in the form in which entities show it."""

from collections.abc import Mapping
from typing import Any

from .printer import PrinterState, SlotAddress
from .printer.project import ProjectFilament
from .printer.slots import EXTERNAL_DEPUTY, EXTERNAL_MAIN
from .slot_keys import slot_key


def job_weight(state: PrinterState) -> float | None:
    """Return the grams of filament that the job takes, waste included."""
    plate = state.project.plate
    if plate is None:
        return None
    if plate.weight is not None:
        return plate.weight
    return _sum(filament.grams for filament in plate.filaments)


def job_length(state: PrinterState) -> float | None:
    """Return the metres of filament that the job takes."""
    plate = state.project.plate
    return _sum(x.meters for x in plate.filaments) if plate else None


def _sum(values: Any) -> float | None:
    known = [value for value in values if value is not None]
    return round(sum(known), 2) if known else None


def filament_use(state: PrinterState) -> Mapping[str, Any]:
    """Return what the job takes of each filament, and out of which slot."""
    plate = state.project.plate
    if plate is None:
        return {"filaments": []}
    return {
        "filaments": [
            {
                "slot": slot_key(slot) if (slot := _slot(state, filament)) else None,
                "type": filament.type or None,
                "color": filament.color or None,
                "filament_id": filament.filament_id or None,
                "grams": filament.grams,
                "meters": filament.meters,
            }
            for filament in plate.filaments
        ]
    }


def _slot(state: PrinterState, filament: ProjectFilament) -> SlotAddress | None:
    """Return where a filament comes from; None: nobody has said."""
    slots = state.job.filament_slots
    if not 0 < filament.number <= len(slots):
        return None
    if slot := slots[filament.number - 1]:
        return slot
    left = state.capabilities.extruders > 1 and filament.extruder == 1
    return SlotAddress(EXTERNAL_DEPUTY if left else EXTERNAL_MAIN)


def object_list(state: PrinterState) -> Mapping[str, Any]:
    """Return the objects on the plate, with the numbers by which they are skipped."""
    plate = state.project.plate
    gone = set(state.job.skipped_objects)
    return {
        "objects": [
            {
                "number": item.identify_id,
                "name": item.name or None,
                "skipped": item.skipped or item.identify_id in gone,
            }
            for item in (plate.objects if plate else ())
        ]
    }


def skipped_count(state: PrinterState) -> int | None:
    """Return how many objects are not printed; None while there is no job to ask about."""
    plate = state.project.plate
    if plate is None:
        return len(state.job.skipped_objects) if state.job.active else None
    gone = {item.identify_id for item in plate.objects if item.skipped}
    return len(gone | set(state.job.skipped_objects))


def bed_type(state: PrinterState) -> str | None:
    """Return the build plate that the job was sliced for."""
    plate = state.project.plate
    return plate.bed_type if plate and plate.bed_type in BED_TYPES else None


BED_TYPES = (
    "cool_plate",
    "eng_plate",
    "hot_plate",
    "textured_plate",
    "supertack_plate",
)
