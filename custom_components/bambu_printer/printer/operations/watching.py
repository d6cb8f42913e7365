"""Detectors and print options."""

from enum import StrEnum

from .. import commands
from ..errors import InvalidValueError, UnsupportedError
from ..state.detectors import Detector, Sensitivity
from ..state.options import Purification, Reaction
from .base import Operations


class DetectorKind(StrEnum):
    """The detectors, by their fields in the state."""

    AI_MONITORING = "ai_monitoring"
    SPAGHETTI = "spaghetti"
    PURGE_CHUTE_PILEUP = "purge_chute_pileup"
    NOZZLE_CLUMPING = "nozzle_clumping"
    AIR_PRINTING = "air_printing"
    FIRST_LAYER = "first_layer"
    BUILD_PLATE_MARKER = "build_plate_marker"
    BUILD_PLATE_ALIGNMENT = "build_plate_alignment"
    FOREIGN_OBJECT = "foreign_object"
    DISPLACEMENT = "displacement"


_MODULES = {
    DetectorKind.AI_MONITORING: "printing_monitor",
    DetectorKind.SPAGHETTI: "spaghetti_detector",
    DetectorKind.PURGE_CHUTE_PILEUP: "pileup_detector",
    DetectorKind.NOZZLE_CLUMPING: "clump_detector",
    DetectorKind.AIR_PRINTING: "airprint_detector",
    DetectorKind.FIRST_LAYER: "first_layer_inspector",
    DetectorKind.BUILD_PLATE_MARKER: "buildplate_marker_detector",
    DetectorKind.BUILD_PLATE_ALIGNMENT: "plate_offset_switch",
    DetectorKind.FOREIGN_OBJECT: "fod_check",
    DetectorKind.DISPLACEMENT: "model_movement_check",
}
LEVELLED_DETECTORS = frozenset(
    {
        DetectorKind.AI_MONITORING,
        DetectorKind.SPAGHETTI,
        DetectorKind.PURGE_CHUTE_PILEUP,
        DetectorKind.NOZZLE_CLUMPING,
        DetectorKind.AIR_PRINTING,
    }
)
"""The detectors that have a sensitivity."""


class PrintOption(StrEnum):
    """The options that are on or off, by their fields in the state."""

    AUTO_RECOVERY = "auto_recovery"
    AUTO_SWITCH_FILAMENT = "auto_switch_filament"
    TANGLE_DETECTION = "tangle_detection"
    PROMPT_SOUND = "prompt_sound"
    NOZZLE_BLOB_DETECTION = "nozzle_blob_detection"
    AIR_PRINT_DETECTION = "air_print_detection"
    STORE_SENT_FILES = "store_sent_files"
    IDLE_HEATING_PROTECTION = "idle_heating_protection"


_OPTION_KEYS = {
    PrintOption.AUTO_RECOVERY: "auto_recovery",
    PrintOption.AUTO_SWITCH_FILAMENT: "auto_switch_filament",
    PrintOption.TANGLE_DETECTION: "filament_tangle_detect",
    PrintOption.PROMPT_SOUND: "sound_enable",
    PrintOption.NOZZLE_BLOB_DETECTION: "nozzle_blob_detect",
    PrintOption.AIR_PRINT_DETECTION: "air_print_detect",
}
_REACTIONS = {reaction: number for number, reaction in enumerate(Reaction)}
_PURIFICATIONS = {mode: number for number, mode in enumerate(Purification)}


class WatchingOperations(Operations):
    """What the printer watches for, and what it does about it."""

    def detector(self, kind: DetectorKind) -> Detector | None:
        """Return a detector; None when the printer has none."""
        found: Detector | None = getattr(self.state.detectors, kind.value)
        return found

    async def set_detector(
        self,
        kind: DetectorKind,
        *,
        enabled: bool,
        sensitivity: Sensitivity | None = None,
    ) -> None:
        """Switch a detector, and choose how soon it speaks up.

        Without a sensitivity the present one is kept.  `Sensitivity.NEVER_HALT` is for AI
        monitoring only: it tells, but lets the print go on.
        """
        detector = self.detector(kind)
        if detector is None:
            raise UnsupportedError(f"{kind.value} detector", self.model.key)
        level = None
        if kind in LEVELLED_DETECTORS:
            level = sensitivity or detector.sensitivity or Sensitivity.MEDIUM
        wrong = sensitivity is not None and kind not in LEVELLED_DETECTORS
        never = (
            level is Sensitivity.NEVER_HALT and kind is not DetectorKind.AI_MONITORING
        )
        if wrong or never:
            raise InvalidValueError("sensitivity", sensitivity)
        await self._command(
            commands.set_detector(_MODULES[kind], enabled=enabled, sensitivity=level)
        )

    async def set_spaghetti_detector(
        self, *, enabled: bool, sensitivity: Sensitivity | None = None
    ) -> None:
        """Switch the detector of prints that have come loose."""
        await self.set_detector(
            DetectorKind.SPAGHETTI, enabled=enabled, sensitivity=sensitivity
        )

    async def set_purgechutepileup_detector(
        self, *, enabled: bool, sensitivity: Sensitivity | None = None
    ) -> None:
        """Switch the detector of waste that piles up in the chute."""
        await self.set_detector(
            DetectorKind.PURGE_CHUTE_PILEUP, enabled=enabled, sensitivity=sensitivity
        )

    async def set_nozzleclumping_detector(
        self, *, enabled: bool, sensitivity: Sensitivity | None = None
    ) -> None:
        """Switch the detector of filament that sticks to the nozzle."""
        await self.set_detector(
            DetectorKind.NOZZLE_CLUMPING, enabled=enabled, sensitivity=sensitivity
        )

    async def set_airprinting_detector(
        self, *, enabled: bool, sensitivity: Sensitivity | None = None
    ) -> None:
        """Switch the camera's detector of printing without filament."""
        await self.set_detector(
            DetectorKind.AIR_PRINTING, enabled=enabled, sensitivity=sensitivity
        )

    async def set_buildplate_marker_detector(self, *, enabled: bool) -> None:
        """Switch the check of which build plate lies there."""
        await self.set_detector(DetectorKind.BUILD_PLATE_MARKER, enabled=enabled)

    async def set_first_layer_inspection(self, *, enabled: bool) -> None:
        """Switch the inspection of the first layer."""
        await self.set_detector(DetectorKind.FIRST_LAYER, enabled=enabled)

    async def set_print_option(self, option: PrintOption, *, enabled: bool) -> None:
        """Switch an option that this printer has."""
        if getattr(self.state.options, option.value) is None:
            raise UnsupportedError(option.value, self.model.key)
        match option:
            case PrintOption.STORE_SENT_FILES:
                await self._command(commands.set_store_sent_files(enabled=enabled))
            case PrintOption.IDLE_HEATING_PROTECTION:
                await self._command(commands.set_heating_protection(enabled=enabled))
            case _:
                await self._command(
                    commands.print_option(_OPTION_KEYS[option], enabled)
                )

    async def set_door_reaction(self, reaction: Reaction) -> None:
        """Choose what an open door does to a print."""
        if self.state.options.door_reaction is None:
            raise UnsupportedError("door reaction", self.model.key)
        await self._command(commands.set_door_reaction(_REACTIONS[reaction]))

    async def set_air_purification(self, mode: Purification) -> None:
        """Choose what happens to the air in the chamber after a print."""
        if self.state.options.air_purification is None:
            raise UnsupportedError("air purification", self.model.key)
        await self._command(
            commands.print_option("air_purification", _PURIFICATIONS[mode])
        )
