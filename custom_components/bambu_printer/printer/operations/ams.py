"""Filament changes, and how the AMS units behave."""

from collections.abc import Mapping
from enum import StrEnum

from .. import commands
from ..errors import InvalidValueError, UnsupportedError, WrongStateError
from ..models import Family, version_tuple
from ..slots import EXTERNAL_DEPUTY, EXTERNAL_MAIN, SlotAddress
from ..state.ams import AmsStatus, Tray
from .base import Operations

_DEFAULT_TEMP = 210
"""Nozzle temperature for a filament that nobody described, °C."""
_LOWEST_TEMP = 180
_UNLOAD = 255
_BUSY = frozenset(
    {
        AmsStatus.FILAMENT_CHANGE,
        AmsStatus.READING_RFID,
        AmsStatus.CALIBRATION,
        AmsStatus.SELF_CHECK,
    }
)
_UNIT_FLOOR = {Family.P1: "01.02.99.10", Family.X1: "01.05.06.01"}
"""First firmware that understands unit and slot; older looks only at the target."""
_RFID_FLOOR = {
    Family.A1: "01.06.00.00",
    Family.P1: "01.08.01.00",
    Family.X1: "01.09.00.00",
}
"""First firmware that reads a tag by a command rather than by G-code."""
_ABORTABLE = frozenset({Family.H2, Family.X2})


class AmsControl(StrEnum):
    """What can be done to a filament change that is under way."""

    RESUME = "resume"
    """Try the step again that failed, or go on after somebody helped."""
    DONE = "done"
    """The filament has come out of the nozzle."""
    PAUSE = "pause"
    RESET = "reset"
    ABORT = "abort"


class AmsSetting(StrEnum):
    """What the AMS does by itself."""

    READ_ON_INSERT = "read_on_insert"
    READ_ON_POWER_UP = "read_on_power_up"
    ESTIMATE_REMAINING = "estimate_remaining"


class AmsOperations(Operations):
    """Load, unload, read tags, and settings."""

    async def load_filament(self, slot: SlotAddress) -> None:
        """Load filament from a slot of an AMS or from an external spool.

        Takes one to three minutes; the nozzle is heated for it.  For an external spool the
        printer asks to push the filament in: `send_ams_control_command` goes on.

        Raises `WrongStateError` while printing or while another change is under way, and
        `InvalidValueError` for a slot that is not there or empty.
        """
        self._require_quiet_ams("load_filament")
        tray = self.state.ams.tray(slot)
        if tray is None or not (tray.present or slot.external):
            raise InvalidValueError("slot with a spool", _name(slot))
        dual = self.state.capabilities.extruders > 1
        target = slot.load_target if dual else slot.single_load_target
        temps = (self._loaded_temp(), self._temp_of(tray))
        if self._older_than(_UNIT_FLOOR):
            await self._command(commands.change_filament_legacy(target, *temps))
        else:
            await self._command(
                commands.change_filament(slot.unit, slot.slot, target, *temps)
            )

    async def unload_filament(self, unit: int | None = None) -> None:
        """Pull the filament back to where it came from.

        `unit` is that AMS unit's number, 255 for the external spool (254: the left one);
        None finds it out by what is loaded.
        """
        self._require_quiet_ams("unload_filament")
        loaded = self.state.extruders.active_slot
        if unit is None:
            unit = loaded.unit if loaded else EXTERNAL_MAIN
        elif unit not in (EXTERNAL_MAIN, EXTERNAL_DEPUTY) and not self.state.ams.unit(
            unit
        ):
            raise InvalidValueError("AMS unit", unit)
        temps = (self._loaded_temp(), self._loaded_temp())
        if self._older_than(_UNIT_FLOOR):
            await self._command(commands.change_filament_legacy(_UNLOAD, *temps))
        else:
            await self._command(
                commands.change_filament(unit, _UNLOAD, _UNLOAD, *temps)
            )

    async def send_ams_control_command(self, action: AmsControl) -> None:
        """Steer a filament change that is under way.

        Aborting is known to work on the H2 and X2 families only.
        """
        action = _member(AmsControl, action, "AMS control command")
        if action is AmsControl.ABORT and self.model.family not in _ABORTABLE:
            raise UnsupportedError("abort of filament changes", self.model.key)
        await self._command(commands.ams_control(action.value))

    async def set_ams_user_setting(self, setting: AmsSetting, *, enabled: bool) -> None:
        """Set what all AMS units do by themselves.

        The printer takes all settings at once: the others are sent as they were
        reported, and nothing is sent while one of them is not known.
        """
        setting = _member(AmsSetting, setting, "AMS setting")
        ams = self.state.ams
        now: Mapping[AmsSetting, bool | None] = {
            AmsSetting.READ_ON_INSERT: ams.read_on_insert,
            AmsSetting.READ_ON_POWER_UP: ams.read_on_power_up,
            AmsSetting.ESTIMATE_REMAINING: ams.estimate_remaining,
        }
        if not ams.units or any(value is None for value in now.values()):
            raise UnsupportedError("AMS settings", self.model.key)
        wanted = {**now, setting: enabled}
        await self._command(
            commands.ams_user_setting(
                read_on_power_up=bool(wanted[AmsSetting.READ_ON_POWER_UP]),
                read_on_insert=bool(wanted[AmsSetting.READ_ON_INSERT]),
                estimate_remaining=bool(wanted[AmsSetting.ESTIMATE_REMAINING]),
            )
        )

    async def refresh_spool_rfid(self, slot: SlotAddress) -> None:
        """Read the tag of the spool in a slot of an AMS again.

        Only while nothing is loaded and no job is running: the printer would acknowledge
        and do nothing.
        """
        self._require("ams_get_rfid", allowed=not self.state.job.active)
        if slot.external or self.state.ams.tray(slot) is None:
            raise InvalidValueError("AMS slot", _name(slot))
        self._require_quiet_ams("ams_get_rfid")
        if self.state.extruders.active_slot is not None:
            raise WrongStateError("ams_get_rfid", "filament loaded")
        if self._older_than(_RFID_FLOOR):
            await self._command(commands.gcode(f"M620 R{slot.index}"))
        else:
            await self._command(commands.read_rfid(slot.unit, slot.slot))

    def get_current_bind_list(self) -> list[dict[str, int]]:
        """Return which extruder each AMS unit feeds: unit and extruder (0 right, 1 left).

        Units that are not bound, or whose binding is not known, are left out.
        """
        return [
            {"unit": unit.unit, "extruder": unit.extruder}
            for unit in self.state.ams.units
            if unit.extruder is not None
        ]

    def _require_quiet_ams(self, command: str) -> None:
        self._require(command, allowed=not self.state.job.printing)
        status = self.state.ams.status
        if status in _BUSY:
            raise WrongStateError(command, status.value)

    def _older_than(self, floors: Mapping[Family, str]) -> bool:
        """Whether the firmware is known to be older than a family's floor."""
        floor, version = floors.get(self.model.family), self.state.firmware.version
        return bool(floor and version) and version_tuple(version or "") < version_tuple(
            floor or ""
        )

    def _loaded_temp(self) -> int:
        slot = self.state.extruders.active_slot
        tray = self.state.ams.tray(slot) if slot else None
        return self._temp_of(tray)

    def _temp_of(self, tray: Tray | None) -> int:
        """Return the middle of a filament's range, within the printer's limits."""
        if tray is None or not tray.nozzle_temp_min or not tray.nozzle_temp_max:
            return _DEFAULT_TEMP
        middle = (tray.nozzle_temp_min + tray.nozzle_temp_max) // 2
        return max(_LOWEST_TEMP, min(middle, self.state.capabilities.nozzle_max))


def _member[E: StrEnum](kind: type[E], value: str, name: str) -> E:
    """Return a member of an enumeration, given as itself or by its word."""
    try:
        return kind(value)
    except ValueError as err:
        raise InvalidValueError(name, value) from err


def _name(slot: SlotAddress) -> str:
    return f"{slot.unit}/{slot.slot}"
