"""Which slot each filament of a plate is taken from.

A project says which filaments it was sliced for, and never where they are: that is decided
when a print begins, from what is in the printer now.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from .colors import color_distance
from .errors import InvalidValueError, MappingLengthError
from .project import ProjectFilament
from .slots import EXTERNAL_DEPUTY, SlotAddress, from_index
from .state.ams import AmsState, Tray

_UNUSED = -1


class MatchReason(StrEnum):
    """Why a slot was chosen."""

    CHOSEN = "chosen"
    """Somebody said so."""
    SAME_FILAMENT = "same_filament"
    """It holds the very preset that the plate was sliced for."""
    NEAREST_COLOR = "nearest_color"
    """Of the slots with the material it has the colour nearest to what was sliced."""
    SHARED = "shared"
    """The material is there, but other filaments have all slots with it: one serves both."""


class MissReason(StrEnum):
    """Why there is no slot for a filament."""

    NO_MATERIAL = "no_material"
    """No slot has this material."""
    WRONG_EXTRUDER = "wrong_extruder"
    """Slots have the material, but feed the other extruder."""
    ONE_SPOOL = "one_spool"
    """It is on the external spool, which a printer with one extruder cannot combine."""
    NOT_CHOSEN = "not_chosen"
    """Somebody chose slots, and left this filament out."""
    NO_SLOT = "no_slot"
    """The slot that was chosen does not exist, or is empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """Where one filament of a plate comes from, or why it does not."""

    filament: ProjectFilament
    tray: Tray | None = None
    reason: MatchReason | MissReason
    distance: float | None = None
    """How far apart the colours look: 0 the same, about 100 black and white."""

    @property
    def slot(self) -> SlotAddress | None:
        """The slot; None: there is none."""
        return self.tray.slot if self.tray else None

    @property
    def material_fits(self) -> bool:
        """Whether the slot has the material that the plate was sliced for."""
        return self.tray is not None and _same_material(self.filament, self.tray)


def parse_mapping(
    values: Sequence[int | SlotAddress | None], count: int
) -> tuple[SlotAddress | None, ...]:
    """Read what a user says about each filament of a project, used or not.

    Numbers count over all units, as in ``ams_mapping``: 0 to 15, 24 to 27 and 128 to 135,
    254 and 255 are external spools, and -1 stands for none.  Raises `InvalidValueError`
    for others, and `MappingLengthError` when there are not as many as the project has filaments.
    """
    slots: list[SlotAddress | None] = []
    for value in values:
        if value is None or isinstance(value, SlotAddress):
            slots.append(value)
            continue
        slot = None if isinstance(value, bool) else _from_number(value)
        if slot is None and (isinstance(value, bool) or value != _UNUSED):
            raise InvalidValueError("slot", value)
        slots.append(slot)
    if len(slots) != count:
        raise MappingLengthError(count, len(slots))
    return tuple(slots)


def _from_number(value: int) -> SlotAddress | None:
    return SlotAddress(value) if value == EXTERNAL_DEPUTY else from_index(value)


def assign_chosen(
    filaments: Iterable[ProjectFilament],
    slots: Sequence[SlotAddress | None],
    ams: AmsState,
) -> tuple[Assignment, ...]:
    """Take the slots that somebody chose, one for each filament of the project."""
    return tuple(_chosen(filament, slots, ams) for filament in filaments)


def _chosen(
    filament: ProjectFilament, slots: Sequence[SlotAddress | None], ams: AmsState
) -> Assignment:
    slot = slots[filament.number - 1] if filament.number <= len(slots) else None
    if slot is None:
        return Assignment(filament=filament, reason=MissReason.NOT_CHOSEN)
    tray = ams.tray(slot)
    if tray is None and slot.unit == EXTERNAL_DEPUTY and len(ams.externals) == 1:
        # The only external spool goes by either number.
        tray = ams.externals[0]
    if tray is None or not (tray.present or tray.slot.external):
        return Assignment(filament=filament, reason=MissReason.NO_SLOT)
    if not _feeds(filament, tray.slot, ams):
        return Assignment(filament=filament, reason=MissReason.WRONG_EXTRUDER)
    return _with_distance(filament, tray, MatchReason.CHOSEN)


def assign(
    filaments: Sequence[ProjectFilament],
    ams: AmsState,
    *,
    extruders: int = 1,
    use_ams: bool | None = None,
) -> tuple[Assignment, ...]:
    """Find a slot for each filament of a plate.

    The material must be the same.  Among the slots that have it, and feed the extruder
    that the filament was sliced for, one with the very preset comes first, then the one
    with the nearest colour, then one with enough left on it.  No slot serves two filaments
    as long as there are others.  With one extruder either all filaments come out of AMS
    units, or the only one from the external spool; `use_ams` says which, or None: see
    what fits.
    """
    if extruders > 1:
        allowed = {None: (False, True), True: (False,), False: (True,)}[use_ams]
        trays = [tray for tray in _loaded(ams) if tray.slot.external in allowed]
        return _distribute(filaments, trays, ams)
    internal = [tray for tray in _loaded(ams) if not tray.slot.external]
    external = [tray for tray in _loaded(ams) if tray.slot.external]
    inside = _distribute(filaments, internal, ams)
    if use_ams or (use_ams is None and all(item.tray for item in inside)):
        return inside
    outside = _distribute(filaments, external, ams)
    if len(filaments) == 1 and (outside[0].tray or use_ams is False):
        return outside
    if use_ams is False:
        reason = MissReason.ONE_SPOOL
        return tuple(Assignment(filament=item, reason=reason) for item in filaments)
    return tuple(
        Assignment(filament=within.filament, reason=MissReason.ONE_SPOOL)
        if within.tray is None and without.tray
        else within
        for within, without in zip(inside, outside, strict=True)
    )


def _loaded(ams: AmsState) -> list[Tray]:
    """Return the slots whose material is known; what is not known fits nothing."""
    return [tray for tray in ams.trays() if tray.type]


def _distribute(
    filaments: Sequence[ProjectFilament], trays: Sequence[Tray], ams: AmsState
) -> tuple[Assignment, ...]:
    """Give every filament a slot of its own, those with the least choice first."""
    fitting = {
        filament.number: [
            tray
            for tray in trays
            if _same_material(filament, tray) and _feeds(filament, tray.slot, ams)
        ]
        for filament in filaments
    }
    found: dict[int, Assignment] = {}
    free = {tray.slot for tray in trays}
    waiting = list(filaments)
    while waiting:
        options = {
            filament.number: [x for x in fitting[filament.number] if x.slot in free]
            for filament in waiting
        }
        open_ = [filament for filament in waiting if options[filament.number]]
        if not open_:
            break
        filament, tray = min(
            (
                (filament, tray)
                for filament in open_
                for tray in options[filament.number]
            ),
            key=lambda pair: (
                len(options[pair[0].number]) > 1,
                _cost(*pair),
                pair[0].number,
            ),
        )
        found[filament.number] = _match(filament, tray)
        free.discard(tray.slot)
        waiting.remove(filament)
    for filament in waiting:
        found[filament.number] = _left_over(filament, fitting, trays)
    return tuple(found[filament.number] for filament in filaments)


def _left_over(
    filament: ProjectFilament,
    fitting: Mapping[int, Sequence[Tray]],
    trays: Sequence[Tray],
) -> Assignment:
    """Share the best slot, if there is one that fits at all."""
    if fits := fitting[filament.number]:
        best = min(fits, key=lambda tray: _cost(filament, tray))
        return _with_distance(filament, best, MatchReason.SHARED)
    elsewhere = any(_same_material(filament, tray) for tray in trays)
    return Assignment(
        filament=filament,
        reason=MissReason.WRONG_EXTRUDER if elsewhere else MissReason.NO_MATERIAL,
    )


def _match(filament: ProjectFilament, tray: Tray) -> Assignment:
    same = _same_preset(filament, tray)
    return _with_distance(
        filament,
        tray,
        MatchReason.SAME_FILAMENT if same else MatchReason.NEAREST_COLOR,
    )


def _with_distance(
    filament: ProjectFilament, tray: Tray, reason: MatchReason
) -> Assignment:
    return Assignment(
        filament=filament,
        tray=tray,
        reason=reason,
        distance=round(_distance(filament, tray), 1),
    )


def _cost(
    filament: ProjectFilament, tray: Tray
) -> tuple[bool, int, bool, int, SlotAddress]:
    """Return what makes one slot better than another; the smallest is the best."""
    left = tray.remaining_weight
    short = left is not None and filament.grams is not None and left < filament.grams
    # What cannot be told apart by eye is no reason to take the spool with less on it.
    return (
        not _same_preset(filament, tray),
        round(_distance(filament, tray)),
        short,
        -(tray.remain or 0),
        tray.slot,
    )


def _distance(filament: ProjectFilament, tray: Tray) -> float:
    return color_distance(filament.color, tray.color, *tray.colors)


def _same_material(filament: ProjectFilament, tray: Tray) -> bool:
    return (
        bool(tray.type) and filament.type.strip().upper() == tray.type.strip().upper()
    )


def _same_preset(filament: ProjectFilament, tray: Tray) -> bool:
    return bool(filament.filament_id) and filament.filament_id == tray.filament_id


def _feeds(filament: ProjectFilament, slot: SlotAddress, ams: AmsState) -> bool:
    """Tell whether a slot feeds the extruder that a filament was sliced for.

    What does not say which extruder counts as fit for both.
    """
    if filament.extruder is None:
        return True
    if slot.external:
        return len(ams.externals) == 1 or filament.extruder == (
            1 if slot.unit == EXTERNAL_DEPUTY else 0
        )
    unit = ams.unit(slot.unit)
    return unit is None or unit.extruder is None or unit.extruder == filament.extruder
