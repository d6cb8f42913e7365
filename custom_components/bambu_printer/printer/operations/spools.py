"""What is on the spools, and how it is calibrated."""

from contextlib import suppress
from string import hexdigits
from typing import Any
from warnings import deprecated

import webcolors

from .. import commands
from ..errors import (
    CommandRejectedError,
    CommandTimeoutError,
    InvalidValueError,
    UnsupportedError,
    WrongStateError,
)
from ..filaments import Filament, find_filament
from ..slots import SlotAddress
from ..state.ams import Tray
from ..values import integer, number, records, text
from .base import Operations

_LARGEST_K = 2.0
_DEFAULT_DIAMETER = 0.4
_CUSTOM_ID_LENGTH = 8
_WITH_ALPHA = 8
_LONGEST_TYPE = 32
_NOTHING_STORED = ("not find", "don't exist")


def parse_color(color: str) -> str:
    """Return a colour as the printer wants it, ``RRGGBBAA``.

    Takes a name of CSS, or 3, 6 or 8 hexadecimal digits with or without ``#``.

    Raises `InvalidValueError` for anything else.
    """
    word = color.strip()
    digits = word.removeprefix("#")
    if len(digits) == _WITH_ALPHA and not digits.strip(hexdigits):
        return digits.upper()
    for read in (webcolors.name_to_hex, webcolors.normalize_hex):
        text = word.replace(" ", "") if read is webcolors.name_to_hex else f"#{digits}"
        with suppress(ValueError):
            return f"{read(text)[1:].upper()}FF"
    raise InvalidValueError("color", color)


class SpoolOperations(Operations):
    """Describe filaments, and choose their pressure advance."""

    async def set_spool_details(
        self,
        slot: SlotAddress,
        filament: str,
        *,
        color: str | None = None,
        nozzle_temp_min: int | None = None,
        nozzle_temp_max: int | None = None,
        type_: str | None = None,
    ) -> None:
        """Say what is on a spool that has no tag.

        `filament` is the id or the name of a preset, or the id of one's own preset (then
        `type_` and both temperatures are needed).  What is not given stays as it is
        (the colour) or comes from the preset.  Temperatures in °C, up to the model's limit.

        A spool with a tag keeps what the tag says.  The printer may forget the chosen
        calibration profile of the slot.

        Raises `InvalidValueError` for a slot that is empty or not there, and
        `WrongStateError` while a job prints from it.
        """
        if type_ is not None and not (
            type_.isprintable() and 0 < len(type_) <= _LONGEST_TYPE
        ):
            raise InvalidValueError("material", type_[:_LONGEST_TYPE])
        tray = self._settable_tray(slot)
        preset = find_filament(filament) or self._own_preset(
            filament, type_, nozzle_temp_min, nozzle_temp_max
        )
        low = preset.temp_min if nozzle_temp_min is None else nozzle_temp_min
        high = preset.temp_max if nozzle_temp_max is None else nozzle_temp_max
        limit = self.state.capabilities.nozzle_max
        self._check_range("nozzle temperature", low, limit)
        # A preset may allow more than the printer can.
        if nozzle_temp_max is None:
            high = min(high, limit)
        self._check_range("nozzle temperature", high, limit, minimum=low)
        if color is not None:
            wire_color = parse_color(color)
        elif tray.color:
            wire_color = parse_color(tray.color)
        else:
            wire_color = "FFFFFFFF"
        await self._command(
            commands.set_filament(
                slot.unit,
                slot.slot,
                slot.setting_tray,
                filament_id=preset.id,
                setting_id=preset.setting_id,
                kind=type_ or preset.type,
                color=wire_color,
                temp_min=int(low),
                temp_max=int(high),
            )
        )

    async def clear_spool_details(self, slot: SlotAddress) -> None:
        """Forget what is on a spool that has no tag."""
        self._settable_tray(slot)
        await self._command(
            commands.set_filament(
                slot.unit,
                slot.slot,
                slot.setting_tray,
                filament_id="",
                setting_id="",
                kind="",
                color="00000000",
                temp_min=0,
                temp_max=0,
            )
        )

    async def get_extrusion_calibration_profiles(
        self, filament_id: str = ""
    ) -> list[dict[str, Any]]:
        """Return the stored calibration profiles, of one filament preset or of all.

        Each has ``profile`` (its number), ``name``, ``filament_id``, ``k``, ``extruder``
        and ``nozzle_diameter`` (mm).
        """
        self._require_profiles()
        command = commands.get_calibrations(filament_id, self._diameter())
        try:
            answer = await self._command(command)
        except CommandTimeoutError:
            # The first question after a connect is sometimes not heard.
            answer = await self._command(command)
        except CommandRejectedError as err:
            if any(word in err.details["reason"].lower() for word in _NOTHING_STORED):
                return []
            raise
        return [
            {
                "profile": integer(item.get("cali_idx"), -1),
                "name": text(item.get("name"), ""),
                "filament_id": text(item.get("filament_id"), ""),
                "k": number(item.get("k_value"), None),
                "extruder": integer(item.get("extruder_id"), 0),
                "nozzle_diameter": number(item.get("nozzle_diameter"), None),
            }
            for item in records(answer.get("filaments"))
        ]

    async def select_extrusion_calibration_profile(
        self, slot: SlotAddress, profile: int = -1
    ) -> None:
        """Choose the calibration profile of a slot; -1 is the default one."""
        self._require_profiles()
        tray = self._filled_tray(slot)
        if isinstance(profile, bool) or profile < -1:
            raise InvalidValueError("calibration profile", profile)
        await self._command(
            commands.select_calibration(
                slot.unit,
                slot.slot,
                slot.calibration_tray,
                profile,
                tray.filament_id,
                self._diameter(),
            )
        )

    @deprecated("calibration profiles have taken its place")
    async def set_spool_k_factor(self, slot: SlotAddress, k: float) -> None:
        """Set the pressure advance (K, 0 to 2) of a slot.

        Firmware that keeps profiles gets a profile of its own for it, which is chosen
        then; use `select_extrusion_calibration_profile` there.
        """
        self._check_range("K factor", k, _LARGEST_K, "")
        tray = self._filled_tray(slot)
        if self.state.capabilities.calibration_version is None:
            await self._command(
                commands.set_calibration_legacy(slot.calibration_tray, round(k, 6))
            )
            return
        diameter = self._diameter()
        unit = self.state.ams.unit(slot.unit)
        name = f"{tray.name or tray.type} K{k:.3f}"
        await self._command(
            commands.set_calibration(
                {
                    "tray_id": slot.calibration_tray,
                    "ams_id": slot.unit,
                    "slot_id": slot.slot,
                    "extruder_id": (unit.extruder if unit else None) or 0,
                    "nozzle_id": f"HS00-{diameter}",
                    "nozzle_diameter": diameter,
                    "filament_id": tray.filament_id,
                    "setting_id": "",
                    "name": name,
                    "k_value": f"{k:.6f}",
                    "n_coef": "0.000000",
                },
                diameter,
            )
        )
        profiles = await self.get_extrusion_calibration_profiles(tray.filament_id)
        stored = [item["profile"] for item in profiles if item["name"] == name]
        if stored:
            await self.select_extrusion_calibration_profile(slot, max(stored))

    def _require_profiles(self) -> None:
        if self.state.capabilities.calibration_version is None:
            raise UnsupportedError("calibration profiles", self.model.key)

    def _diameter(self) -> str:
        state = self.state.extruders
        nozzle = next(
            (x.nozzle for x in state.extruders if x.number == (state.active or 0)), None
        )
        return f"{(nozzle and nozzle.diameter) or _DEFAULT_DIAMETER:g}"

    def _settable_tray(self, slot: SlotAddress) -> Tray:
        tray = self.state.ams.tray(slot)
        if tray is None or not (tray.present or slot.external):
            raise InvalidValueError("slot with a spool", f"{slot.unit}/{slot.slot}")
        if self.state.job.active and self.state.extruders.active_slot == slot:
            raise WrongStateError("ams_filament_setting", "printing from this slot")
        return tray

    def _filled_tray(self, slot: SlotAddress) -> Tray:
        tray = self.state.ams.tray(slot)
        if tray is None or not tray.type:
            raise InvalidValueError(
                "slot with a known filament", f"{slot.unit}/{slot.slot}"
            )
        return tray

    @staticmethod
    def _own_preset(
        ident: str, kind: str | None, low: int | None, high: int | None
    ) -> Filament:
        """Take a preset that its owner made in the slicer; only its id is known."""
        own = ident.strip()
        if (
            len(own) != _CUSTOM_ID_LENGTH
            or not own.startswith("P")
            or not own.isalnum()
            or not kind
            or low is None
            or high is None
        ):
            raise InvalidValueError("filament", ident)
        return Filament(own, own, kind, low, high)
