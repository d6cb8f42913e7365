"""What the printer watches a print with."""

from dataclasses import dataclass
from enum import StrEnum

from ..values import Raw, bit, bits, field, flag, integer, mapping
from .context import Context

INPUTS = frozenset({"cfg", "fun", "fun2", "xcam"})


class Sensitivity(StrEnum):
    """How soon a detector speaks up."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    NEVER_HALT = "never_halt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Detector:
    """A detector; `sensitivity` is None where it has no levels."""

    enabled: bool
    sensitivity: Sensitivity | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectorState:
    """The detectors; None: the printer has none, or never reported it."""

    ai_monitoring: Detector | None = None
    spaghetti: Detector | None = None
    purge_chute_pileup: Detector | None = None
    nozzle_clumping: Detector | None = None
    air_printing: Detector | None = None
    first_layer: Detector | None = None
    build_plate_marker: Detector | None = None
    build_plate_alignment: Detector | None = None
    foreign_object: Detector | None = None
    displacement: Detector | None = None


_LEVELS = {0: Sensitivity.LOW, 1: Sensitivity.MEDIUM, 2: Sensitivity.HIGH}
_MONITORING_LEVELS = {
    0: Sensitivity.NEVER_HALT,
    1: Sensitivity.LOW,
    2: Sensitivity.MEDIUM,
    3: Sensitivity.HIGH,
}


def decode(raw: Raw, previous: DetectorState, context: Context) -> DetectorState:
    """Read the detectors; bits where there are any, else the older words."""
    xcam = mapping(raw.get("xcam"))
    word = integer(xcam.get("cfg"), None)
    cfg = bits(raw.get("cfg"), None)
    fun = bits(raw.get("fun"), None)
    fun2 = bits(raw.get("fun2"), None)
    return DetectorState(
        ai_monitoring=_monitoring(xcam, cfg),
        spaghetti=_levelled(word, 7, fun, 42),
        purge_chute_pileup=_levelled(word, 10, fun, 43),
        nozzle_clumping=_levelled(word, 13, fun, 44),
        air_printing=_levelled(word, 16, fun, 45),
        first_layer=_plain(flag(xcam.get("first_layer_inspector"), bit(cfg, 12))),
        build_plate_marker=_plain(flag(xcam.get("buildplate_marker_detector"), None)),
        build_plate_alignment=_supported(word, 20, fun2, 2),
        foreign_object=_supported(word, 21, fun2, 13),
        displacement=_supported(word, 22, fun2, 14),
    )


def _monitoring(xcam: Raw, cfg: int | None) -> Detector | None:
    if not xcam or "printing_monitor" not in xcam:
        return None
    if cfg is not None:
        level = _MONITORING_LEVELS[field(cfg, 13, 2)]
        return Detector(enabled=bool(cfg >> 15 & 1), sensitivity=level)
    enabled = flag(xcam.get("printing_monitor"), None)
    if enabled is None:
        return None
    try:
        level = Sensitivity(xcam.get("halt_print_sensitivity", ""))
    except ValueError:
        return Detector(enabled=enabled)
    return Detector(enabled=enabled, sensitivity=level)


def _levelled(
    word: int | None, low: int, fun: int | None, ability: int
) -> Detector | None:
    """Read a detector whose sensitivity stands in the two bits above its own."""
    if word is None or not bit(fun, ability):
        return None
    return Detector(
        enabled=bool(word >> low & 1), sensitivity=_LEVELS.get(field(word, low + 1, 2))
    )


def _plain(enabled: bool | None) -> Detector | None:
    return None if enabled is None else Detector(enabled=enabled)


def _supported(
    word: int | None, index: int, fun: int | None, ability: int
) -> Detector | None:
    return _plain(bit(word, index)) if bit(fun, ability) else None
