"""Options of printing that stay set from job to job."""

from dataclasses import dataclass
from enum import StrEnum

from ..values import Raw, bit, bits, field, word
from .context import Context

INPUTS = frozenset({"aux", "cfg", "fun", "fun2", "home_flag", "stat"})


class Reaction(StrEnum):
    """What an open door does to a print."""

    IGNORE = "ignore"
    WARN = "warn"
    PAUSE = "pause"


class Purification(StrEnum):
    """What happens to the air in the chamber after a print."""

    OFF = "off"
    INSIDE = "inside"
    OUTSIDE = "outside"


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionState:
    """The options; None: the printer has no such option, or never reported it."""

    auto_recovery: bool | None = None
    auto_switch_filament: bool | None = None
    tangle_detection: bool | None = None
    prompt_sound: bool | None = None
    nozzle_blob_detection: bool | None = None
    air_print_detection: bool | None = None
    store_sent_files: bool | None = None
    idle_heating_protection: bool | None = None
    door_reaction: Reaction | None = None
    air_purification: Purification | None = None


_REACTIONS = dict(enumerate(Reaction))
_PURIFICATIONS = dict(enumerate(Purification))
_NOT_AVAILABLE = 2


def decode(raw: Raw, previous: OptionState, context: Context) -> OptionState:
    """Read the options; the newer words count only where all four of them are there."""
    home = word(raw.get("home_flag"), None)
    if not all(key in raw for key in ("cfg", "fun", "aux", "stat")):
        return OptionState(
            auto_recovery=bit(home, 4),
            auto_switch_filament=bit(home, 10),
            tangle_detection=_if(bit(home, 19), bit(home, 20)),
            prompt_sound=_if(bit(home, 18), bit(home, 17)),
            nozzle_blob_detection=_if(bit(home, 25), bit(home, 24)),
            air_print_detection=_if(bit(home, 29), bit(home, 28)),
            store_sent_files=bit(home, 11),
        )
    cfg, fun, fun2 = (bits(raw.get(key), None) for key in ("cfg", "fun", "fun2"))
    protection = None if cfg is None else field(cfg, 32, 2)
    return OptionState(
        auto_recovery=bit(cfg, 16),
        auto_switch_filament=bit(cfg, 18),
        tangle_detection=_if(bit(fun, 9), bit(cfg, 23)),
        prompt_sound=_if(bit(fun, 8), bit(cfg, 22)),
        nozzle_blob_detection=_if(bit(fun, 13), bit(cfg, 24)),
        air_print_detection=_if(bit(home, 29), bit(home, 28)),
        store_sent_files=bit(cfg, 19),
        idle_heating_protection=_if(
            bit(fun, 62) and protection not in (None, _NOT_AVAILABLE), protection == 1
        ),
        door_reaction=_REACTIONS.get(field(cfg, 20, 2))
        if cfg is not None and bit(fun, 12)
        else None,
        air_purification=_PURIFICATIONS.get(field(cfg, 36, 2))
        if cfg is not None and bit(fun2, 4)
        else None,
    )


def _if(supported: bool | None, value: bool | None) -> bool | None:
    """Return the value of an option that exists."""
    return value if supported else None
