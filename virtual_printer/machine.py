"""The printer's state.

The report itself is the state: whatever a test writes into it with `update` is the truth that
commands and the simulation go on from. This class knows where each fact stands in the report
of the model; several stand in two or three places, because newer firmware kept the old keys.
"""

import contextlib
from copy import deepcopy
from ipaddress import IPv4Address
import math
import random
from typing import Any

from . import ams as ams_units
from .ams import AmsKind, AmsUnit
from .bits import hexstr, packed, signed32, with_field
from .filaments import Spool
from .profiles import Family, Profile, build_report
from .report import Json

# Speed level → percent.
SPEEDS = {1: 50, 2: 100, 3: 124, 4: 166}

_STATE_NUMBERS = {
    "IDLE": 0,
    "PREPARE": 2,
    "SLICING": 1,
    "RUNNING": 4,
    "PAUSE": 5,
    "FINISH": 6,
}

# fan index → flat key, byte of fan_gear
_FLAT_FANS = {0: "heatbreak_fan_speed", 1: "cooling_fan_speed", 2: "big_fan1_speed"} | {
    3: "big_fan2_speed"
}


class Machine:
    """A printer's report, with names for the things in it."""

    def __init__(
        self, profile: Profile, serial: str, access_code: str, name: str
    ) -> None:
        """Build the report of an idle printer."""
        self.profile = profile
        self.serial = serial
        self.access_code = access_code
        self.name = name
        # Seeded: the same printer behaves the same way in every test.
        self.rng = random.Random(serial)  # noqa: S311
        self.report: Json = build_report(profile)
        self.kinds: dict[int, AmsKind] = {unit.id: unit.kind for unit in profile.ams}
        self.heatbed_light = "off"
        # What the next report says beside the state, and no other.
        self.once: Json = {}
        # Pressure-advance profiles, as extrusion_cali_get lists them.
        self.cali_table: list[Json] = [
            {
                "cali_idx": 1,
                "filament_id": "GFA00",
                "setting_id": "GFSA00",
                "name": "PLA Basic, dry",
                "k_value": "0.021000",
                "n_coef": "0.000000",
                "nozzle_id": "HS00-0.4",
                "nozzle_diameter": "0.4",
                "extruder_id": 0,
                "nozzle_pos": 0,
                "nozzle_sn": "",
            }
        ]
        # What the last pressure-advance and flow calibrations measured.
        self.cali_results: dict[str, list[Json]] = {}
        self.set_address("127.0.0.1")
        upgrade = self.report["upgrade_state"]
        if "sn" in upgrade:
            upgrade["sn"] = serial

    def set_address(self, address: str) -> None:
        """Report the printer's own address, least significant byte first."""
        with contextlib.suppress(ValueError):
            packed_address = IPv4Address(address).packed
            self.report["net"]["info"][0] = {
                "ip": int.from_bytes(packed_address, "little"),
                "mask": 0x00FFFFFF,
            }

    # ---- shape of the model ------------------------------------------------------------

    @property
    def device(self) -> Json:
        """The device object; empty (and detached) on models without one."""
        result: Json = self.report.get("device") or {}
        return result

    def extruder(self, index: int) -> Json | None:
        """Return the report of an extruder, where the model has the list."""
        for item in self.device.get("extruder", {}).get("info", ()):
            if item.get("id") == index:
                found: Json = item
                return found
        return None

    @property
    def active_extruder(self) -> int:
        """The extruder in use: 0 is the right or only one."""
        state = self.device.get("extruder", {}).get("state", 1)
        current = state >> 4 & 15
        return current if current < self.profile.extruders else 0

    def set_extruder_state(self, current: int, target: int, switching: bool) -> None:
        """Report which extruder is in use."""
        block = self.device.get("extruder")
        if block is not None:
            block["state"] = (
                self.profile.extruders
                | current << 4
                | target << 8
                | (2 if switching else 0) << 12
            )

    # ---- temperatures ------------------------------------------------------------------

    def nozzle_target(self, index: int) -> int:
        """Return the target of a nozzle."""
        entry = self.extruder(index)
        if entry is not None and self.profile.dual:
            return int(entry["temp"]) >> 16
        return int(self.report["nozzle_target_temper"])

    def nozzle_current(self, index: int) -> float:
        """Return the temperature of a nozzle as reported."""
        entry = self.extruder(index)
        if entry is not None and self.profile.dual:
            return float(int(entry["temp"]) & 0xFFFF)
        return float(self.report["nozzle_temper"])

    def set_nozzle(
        self, index: int, *, target: float | None = None, current: float | None = None
    ) -> None:
        """Set target or temperature of a nozzle wherever the model reports it."""
        target = self.nozzle_target(index) if target is None else target
        current = self.nozzle_current(index) if current is None else current
        target = max(0, min(int(target), self.profile.nozzle_max))
        if (entry := self.extruder(index)) is not None:
            entry["temp"] = packed(target, current)
        if index == self.active_extruder:
            self.report["nozzle_target_temper"] = self._degrees(target)
            self.report["nozzle_temper"] = self._degrees(current)

    def bed_target(self) -> int:
        """Return the target of the bed."""
        return int(self.report["bed_target_temper"])

    def bed_current(self) -> float:
        """Return the temperature of the bed as reported."""
        return float(self.report["bed_temper"])

    def set_bed(
        self, *, target: float | None = None, current: float | None = None
    ) -> None:
        """Set target or temperature of the bed."""
        target = self.bed_target() if target is None else target
        current = self.bed_current() if current is None else current
        target = max(0, min(int(target), self.profile.bed_max))
        self.report["bed_target_temper"] = self._degrees(target)
        self.report["bed_temper"] = self._degrees(current)
        if (bed := self.device.get("bed")) is not None:
            bed["info"]["temp"] = packed(target, current)
            bed["state"] = 2 if target else 0
        if "bed_temp" in self.device:
            self.device["bed_temp"] = packed(target, current)

    def chamber_target(self) -> int:
        """Return the target of the chamber."""
        if (ctc := self.device.get("ctc")) is not None:
            return int(ctc["info"]["temp"]) >> 16
        return int(self.report.get("ctt", 0))

    def chamber_current(self) -> float:
        """Return the temperature of the chamber as reported."""
        if (ctc := self.device.get("ctc")) is not None:
            return float(int(ctc["info"]["temp"]) & 0xFFFF)
        return float(self.report.get("chamber_temper", 24))

    def set_chamber(
        self, *, target: float | None = None, current: float | None = None
    ) -> None:
        """Set target or temperature of the chamber, where it has a sensor."""
        if not self.profile.chamber_sensor:
            return
        target = self.chamber_target() if target is None else target
        current = self.chamber_current() if current is None else current
        target = max(0, min(int(target), self.profile.chamber_max))
        both = packed(target, current)
        if (ctc := self.device.get("ctc")) is not None:
            ctc["info"]["temp"] = both
            ctc["state"] = 2 if target else 0
        if "cham_temp" in self.device:
            self.device["cham_temp"] = both
        if "info" in self.report:
            self.report["info"]["temp"] = both
        if "ctt" in self.report:
            self.report["ctt"] = target
        if "chamber_temper" in self.report:
            self.report["chamber_temper"] = round(current)

    def _degrees(self, value: float) -> float | int:
        """Write a temperature the way the family does."""
        if self.profile.family in (Family.P1, Family.A1, Family.A2):
            sixteenths = round(value * 32) / 32
            return int(sixteenths) if sixteenths.is_integer() else sixteenths
        return float(round(value))

    # ---- fans and air ------------------------------------------------------------------

    def fan(self, index: int) -> int:
        """Return the speed of a fan in percent."""
        part = self._duct_part(index << 4)
        if part is not None:
            return int(part["state"]) & 0xFF
        if index in (1, 2, 3):
            return round(
                (int(self.report["fan_gear"]) >> 8 * (index - 1) & 0xFF) * 100 / 255
            )
        return (
            round(int(self.report["heatbreak_fan_speed"]) * 100 / 15)
            if index == 0
            else 0
        )

    def has_fan(self, index: int) -> bool:
        """Tell whether the model has the fan."""
        if index == 2:
            return self.profile.aux_fan
        if index == 3:
            return self.profile.chamber_fan
        return index in (0, 1) or self._duct_part(index << 4) is not None

    def set_fan(self, index: int, percent: float) -> None:
        """Set a fan; a fan that is not there stays at nothing."""
        if not self.has_fan(index):
            return
        percent = max(0, min(100, round(percent)))
        part = self._duct_part(index << 4)
        if part is not None:
            part["state"] = percent
            if "tar_state" in part:
                part["tar_state"] = percent
        if index in _FLAT_FANS:
            # Floor and ceiling do not matter to the firmware's own display: it rounds up.
            self.report[_FLAT_FANS[index]] = str(math.ceil(percent * 15 / 100))
        if index in (1, 2, 3):
            gear = int(self.report["fan_gear"])
            self.report["fan_gear"] = with_field(
                gear, 8 * (index - 1), 8, math.floor(percent * 255 / 100)
            )

    def _duct_part(self, part_id: int) -> Json | None:
        for part in self.device.get("airduct", {}).get("parts", ()):
            if part["id"] == part_id:
                found: Json = part
                return found
        return None

    def set_airduct(self, mode: int, submode: int) -> bool:
        """Switch the air duct; tell whether the model has that mode."""
        duct = self.device.get("airduct", {})
        modes = {item["modeId"]: item for item in duct.get("modeList", ())}
        if mode not in modes:
            return False
        duct["modeCur"] = mode
        if submode >= 0:
            duct["subMode"] = submode
        for part in duct["parts"]:
            if part["id"] in modes[mode]["off"]:
                part["state"] = 0
            elif (
                part["id"] == 96
            ):  # the inner loop runs by itself while the flaps are closed
                part["state"] = 100 if mode == 1 else 0
        return True

    # ---- lights and switches -----------------------------------------------------------

    def set_light(self, node: str, mode: str) -> bool:
        """Switch a light; tell whether the model has it."""
        if node == "heatbed_light" and self.profile.heatbed_light:
            self.heatbed_light = mode
            return True
        for entry in self.report["lights_report"]:
            if entry["node"] == node:
                entry["mode"] = mode
                if node == "chamber_light":
                    self.set_hex("cfg", 7, 1, int(mode != "off"))
                return True
        return False

    def home_bit(self, bit: int) -> bool:
        """Return a bit of home_flag."""
        return bool(int(self.report["home_flag"]) >> bit & 1)

    def set_home_bit(self, bit: int, on: bool) -> None:
        """Set a bit of home_flag."""
        value = int(self.report["home_flag"]) & 0xFFFFFFFF
        self.report["home_flag"] = signed32(with_field(value, bit, 1, int(on)))

    def hex_field(self, key: str, low: int, width: int = 1) -> int | None:
        """Return bits of a hexadecimal word, or None where the model lacks the word."""
        text = self.report.get(key)
        return None if text is None else int(text, 16) >> low & (1 << width) - 1

    def set_hex(self, key: str, low: int, width: int, content: int) -> None:
        """Set bits of a hexadecimal word, where the model has the word."""
        if (text := self.report.get(key)) is not None:
            self.report[key] = hexstr(with_field(int(text, 16), low, width, content))

    def remove_card(self) -> None:
        """Report an empty card slot."""
        for bit in (8, 9):
            self.set_home_bit(bit, False)
        self.set_hex("aux", 12, 2, 0)
        if "sdcard" in self.report:
            self.report["sdcard"] = False

    # ---- the job -----------------------------------------------------------------------

    @property
    def state(self) -> str:
        """The state of the job."""
        return str(self.report["gcode_state"])

    @property
    def busy(self) -> bool:
        """Whether a job is active."""
        return self.state in ("PREPARE", "SLICING", "RUNNING", "PAUSE")

    def set_state(self, state: str) -> None:
        """Change the state of the job and its numeric twins."""
        active = state in ("PREPARE", "SLICING", "RUNNING", "PAUSE")
        self.report["gcode_state"] = state
        self.report["mc_print_stage"] = "2" if active else "1"
        if "state" in self.report:
            self.report["state"] = _STATE_NUMBERS.get(state, 7)
        if "mc_stage" in self.report:
            self.report["mc_stage"] = 2 if active else 1
        if "job" in self.report:
            self.report["job"]["cur_stage"]["state"] = 2 if active else 0
        if not active:
            small = self.profile.family in (Family.P1, Family.A1, Family.A2)
            self.report["print_type"] = "idle" if small or state == "IDLE" else ""
            self.set_stage(self.profile.idle_stage)

    def set_stage(self, stage: int) -> None:
        """Report what the printer is doing."""
        self.report["stg_cur"] = stage
        if "mc_action" in self.report:
            action = 255 if stage in (-1, 255) else stage
            self.report["mc_action"] = self.report["print_gcode_action"] = action

    def set_progress(self, percent: int, minutes: int, layer: int) -> None:
        """Report how far the job is."""
        self.report["mc_percent"] = percent
        self.report["mc_remaining_time"] = minutes
        self.report["layer_num"] = layer
        for key, value in (("percent", percent), ("remain_time", minutes)):
            if key in self.report:
                self.report[key] = value
        if "3D" in self.report:
            self.report["3D"]["layer_num"] = layer

    def set_layers(self, total: int) -> None:
        """Report how many layers the job has."""
        self.report["total_layer_num"] = total
        if "3D" in self.report:
            self.report["3D"]["total_layer_num"] = total

    def set_prepared(self, percent: int) -> None:
        """Report how far the preparation of the file is."""
        self.report["gcode_file_prepare_percent"] = str(percent)
        if "prepare_per" in self.report:
            self.report["prepare_per"] = percent

    def set_if_present(self, **values: Any) -> None:
        """Set the keys that this model reports."""
        for key, value in values.items():
            if key in self.report:
                self.report[key] = value

    def set_error(self, code: int) -> None:
        """Report an error of the job, 0 for none."""
        self.report["print_error"] = code
        self.set_if_present(mc_print_error_code=str(code))

    def set_speed(self, level: int) -> None:
        """Change the speed level."""
        self.report["spd_lvl"] = level
        self.report["spd_mag"] = SPEEDS[level]
        self.set_hex("cfg", 8, 3, level)

    # ---- AMS and spools ----------------------------------------------------------------

    @property
    def units(self) -> list[Json]:
        """The reported AMS units."""
        result: list[Json] = self.report["ams"]["ams"]
        return result

    def unit(self, unit_id: int) -> Json | None:
        """Return a unit."""
        return next((unit for unit in self.units if int(unit["id"]) == unit_id), None)

    def tray(self, unit_id: int, slot: int) -> Json | None:
        """Return a slot, or an external spool for the units 254 and 255."""
        if unit_id >= 254:
            virtual: list[Json] = self.report.get("vir_slot", [])
            for item in virtual:
                if int(item["id"]) == unit_id or (
                    len(virtual) == 1 and not self.profile.dual
                ):
                    return item
            holder: Json | None = self.report.get("vt_tray")
            return holder
        unit = self.unit(unit_id)
        if unit is None:
            return None
        return next((tray for tray in unit["tray"] if int(tray["id"]) == slot), None)

    def external_copies(self, unit_id: int) -> list[Json]:
        """Return every place where an external spool is reported."""
        places = [item for item in [self.tray(unit_id, 0)] if item is not None]
        holder = self.report.get("vt_tray")
        main = unit_id == 255 or not self.profile.dual
        if holder is not None and main and holder is not places[0]:
            places.append(holder)
        return places

    def touch_ams(self) -> None:
        """Recompute the existence bits after a change, and count it."""
        block = self.report["ams"]
        block |= ams_units.existence(self.units)
        if "ams_exist_bits_raw" in block:
            block["ams_exist_bits_raw"] = block["ams_exist_bits"]
        block["version"] += 1

    def plug(self, unit: AmsUnit) -> None:
        """Connect a unit."""
        self.unplug(unit.id)
        self.kinds[unit.id] = unit.kind
        self.units.append(
            ams_units.unit_report(
                unit,
                modern=self.profile.modern_trays,
                dry_setting=self.profile.dry_settings,
            )
        )
        self.units.sort(key=lambda item: int(item["id"]))
        self.touch_ams()
        self.report["online"]["version"] += 1

    def unplug(self, unit_id: int) -> None:
        """Disconnect a unit."""
        self.kinds.pop(unit_id, None)
        if (unit := self.unit(unit_id)) is not None:
            self.units.remove(unit)
            self.touch_ams()
            self.report["online"]["version"] += 1

    def set_spool(self, unit_id: int, slot: int, spool: Spool | None) -> None:
        """Put a spool into a slot, or take it out."""
        unit = self.unit(unit_id)
        if unit is None or not 0 <= slot < len(unit["tray"]):
            raise ValueError(f"no slot {slot} in unit {unit_id}")
        unit["tray"][slot] = ams_units.describe_slot(
            self.kinds[unit_id], slot, spool, modern=self.profile.modern_trays
        )
        self.touch_ams()

    def unit_extruder(self, unit_id: int) -> int:
        """Return the extruder that a unit or an external spool feeds."""
        if not self.profile.dual:
            return 0
        if unit_id >= 254:
            return 255 - unit_id
        unit = self.unit(unit_id)
        return (
            int(unit["info"], 16) >> 8 & 15
            if unit is not None and "info" in unit
            else 0
        )

    def set_unit_info(self, unit_id: int, low: int, width: int, content: int) -> None:
        """Set bits of a unit's info word."""
        unit = self.unit(unit_id)
        if unit is not None and "info" in unit:
            unit["info"] = f"{with_field(int(unit['info'], 16), low, width, content):x}"

    def loaded(self, extruder: int) -> tuple[int, int] | None:
        """Return unit and slot of the filament in an extruder."""
        if (entry := self.extruder(extruder)) is not None:
            unit_id, slot = int(entry["snow"]) >> 8, int(entry["snow"]) & 0xFF
            return None if slot == 255 or (unit_id == 255 and slot) else (unit_id, slot)
        now = int(self.report["ams"]["tray_now"])
        if now == 255:
            return None
        return (255, 0) if now == 254 else ams_units.from_global(now)

    def set_loaded(self, extruder: int, source: tuple[int, int] | None) -> None:
        """Report what is in an extruder."""
        self._set_slot(extruder, "snow", "tray_now", "spre", "tray_pre", source)
        entry = self.extruder(extruder)
        if entry is not None:
            entry["info"] = with_field(int(entry["info"]), 1, 2, 3 if source else 0)
        if extruder == self.active_extruder:
            self.report["hw_switch_state"] = 1 if source else 0

    def set_target_slot(self, extruder: int, source: tuple[int, int] | None) -> None:
        """Report what is on its way into an extruder."""
        self._set_slot(extruder, "star", "tray_tar", None, None, source)

    def _set_slot(
        self,
        extruder: int,
        key: str,
        flat: str,
        previous_key: str | None,
        previous_flat: str | None,
        source: tuple[int, int] | None,
    ) -> None:
        entry = self.extruder(extruder)
        if entry is not None:
            nothing = 65279 if extruder else 65535
            if previous_key is not None and entry[key] != nothing:
                entry[previous_key] = entry[key]
            entry[key] = nothing if source is None else source[0] << 8 | source[1]
        if extruder != self.active_extruder:
            return
        block = self.report["ams"]
        if previous_flat is not None and block[flat] != "255":
            block[previous_flat] = block[flat]
        if source is None:
            block[flat] = "255"
        elif self.profile.dual:
            # Two nozzles: the firmware reports the slot inside the unit, even 0 for a holder.
            block[flat] = str(source[1])
        else:
            block[flat] = str(ams_units.global_index(*source))

    def set_ams_status(
        self, main: int, sub: int = 0, extruder: int | None = None
    ) -> None:
        """Report what the AMS is doing."""
        self.report["ams_status"] = main << 8 | sub
        entry = self.extruder(self.active_extruder if extruder is None else extruder)
        if entry is not None:
            entry["stat"] = with_field(int(entry["stat"]), 0, 16, main << 8 | sub)

    def external_sources(self) -> list[tuple[int, int]]:
        """Return the external holders there are."""
        return [(255, 0), (254, 0)] if self.profile.dual else [(255, 0)]

    # ---- versions ----------------------------------------------------------------------

    def modules(self) -> list[Json]:
        """Return the list of versions."""
        profile = self.profile
        linux = profile.family not in (Family.P1, Family.A1, Family.A2)
        result: list[Json] = [
            {
                "name": "ota",
                "product_name": profile.product,
                "sw_ver": self.firmware,
                "hw_ver": "N/A" if linux else "OTA",
                "loader_ver": "00.00.00.00",
                "sn": self.serial,
                "visible": True,
                "flag": 3,
            }
        ]
        result += [
            ams_units.module(kind, unit_id)
            for unit_id, kind in sorted(self.kinds.items())
        ]
        result += [
            {
                "name": board.name,
                "product_name": board.title,
                "sw_ver": board.version,
                "hw_ver": board.hardware,
                "loader_ver": "00.00.00.00",
                "sn": f"{board.name[:3].upper()}{self.serial[3:]}",
                "visible": board.visible,
                "flag": 0,
            }
            for board in profile.boards
        ]
        return result

    @property
    def firmware(self) -> str:
        """The firmware version."""
        return self._firmware or self.profile.firmware

    @firmware.setter
    def firmware(self, version: str) -> None:
        self._firmware = version

    _firmware: str | None = None

    def snapshot(self) -> Json:
        """Return a copy of the report."""
        return deepcopy(self.report)
