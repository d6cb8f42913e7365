"""Door, lid, storage card, and whether the axes are homed."""

from dataclasses import dataclass
from enum import StrEnum

from ..models import DoorSource, version_tuple
from ..values import Raw, bit, bits, field, flag, word
from .context import Context
from .firmware import main_module, read_modules

INPUTS = frozenset({"@modules", "aux", "home_flag", "sdcard", "stat"})

_DOOR_BIT = 23
_LID_BIT = 24


class StorageStatus(StrEnum):
    """The state of the card or drive."""

    NONE = "none"
    NORMAL = "normal"
    ABNORMAL = "abnormal"
    READ_ONLY = "read_only"


_STORAGE = dict(enumerate(StorageStatus))


@dataclass(frozen=True, slots=True, kw_only=True)
class EnclosureState:
    """What can be opened and put in.  None: no sensor, or never reported."""

    door_open: bool | None = None
    lid_open: bool | None = None
    storage: StorageStatus | None = None
    homed: frozenset[str] = frozenset()
    """The axes (x, y, z) whose position the printer knows."""


def decode(raw: Raw, previous: EnclosureState, context: Context) -> EnclosureState:
    """Read door, lid and card."""
    stat = bits(raw.get("stat"), None)
    home = word(raw.get("home_flag"), None)
    match context.model.door:
        case DoorSource.STAT:
            door, lid = bit(stat, _DOOR_BIT), bit(stat, _LID_BIT)
        case DoorSource.HOME_FLAG if _firmware_has_door(raw, context):
            door, lid = bit(home, _DOOR_BIT), None
        case _:
            door = lid = None
    return EnclosureState(
        door_open=door,
        lid_open=lid,
        storage=_storage(raw, home),
        homed=frozenset(axis for index, axis in enumerate("xyz") if bit(home, index)),
    )


def _firmware_has_door(raw: Raw, context: Context) -> bool:
    main = main_module(tuple(read_modules(raw)))
    needed = version_tuple(context.model.door_firmware)
    return main is not None and version_tuple(main.version) >= needed


def _storage(raw: Raw, home: int | None) -> StorageStatus | None:
    aux = bits(raw.get("aux"), None)
    if aux is not None:
        return _STORAGE[field(aux, 12, 2)]
    if home is not None:
        return _STORAGE[field(home, 8, 2)]
    present = flag(raw.get("sdcard"), None)
    if present is None:
        return None
    return StorageStatus.NORMAL if present else StorageStatus.NONE
