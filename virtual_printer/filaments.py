"""Spools: what can hang in an AMS slot or on the external holder."""

from dataclasses import dataclass
import hashlib
from typing import Any

NO_TAG = "0" * 16
NO_UUID = "0" * 32
NO_XCAM = "0" * 24


@dataclass(frozen=True, kw_only=True)
class Filament:
    """A kind of filament: what the vendor's preset says about it."""

    preset: str
    material: str
    product: str = ""
    nozzle_min: int = 190
    nozzle_max: int = 230
    dry_temp: int = 55
    dry_hours: int = 8


@dataclass(frozen=True, kw_only=True)
class Spool:
    """One spool. Without a colour name it is a third-party one and has no tag."""

    filament: Filament
    color: str
    color_name: str = ""
    remain: int = -1
    weight: int = 1000
    colors: tuple[str, ...] = ()
    cali_idx: int = -1

    @property
    def tagged(self) -> bool:
        """Whether the spool carries an RFID tag."""
        return bool(self.color_name)


PLA_BASIC = Filament(preset="GFA00", material="PLA", product="PLA Basic")
PLA_MATTE = Filament(preset="GFA01", material="PLA", product="PLA Matte")
PLA_SILK = Filament(preset="GFA05", material="PLA", product="PLA Silk", nozzle_max=240)
PLA_OTHER = Filament(preset="GFL99", material="PLA", nozzle_max=240)
PETG_HF = Filament(
    preset="GFG02",
    material="PETG",
    product="PETG HF",
    nozzle_min=230,
    nozzle_max=260,
    dry_temp=65,
)
PETG_OTHER = Filament(
    preset="GFG99", material="PETG", nozzle_min=220, nozzle_max=270, dry_temp=65
)
ABS = Filament(
    preset="GFB00",
    material="ABS",
    product="ABS",
    nozzle_min=240,
    nozzle_max=270,
    dry_temp=80,
)
ASA = Filament(
    preset="GFB01",
    material="ASA",
    product="ASA",
    nozzle_min=240,
    nozzle_max=270,
    dry_temp=80,
)
PA_CF = Filament(
    preset="GFN03",
    material="PA-CF",
    product="PA-CF",
    nozzle_min=260,
    nozzle_max=290,
    dry_temp=80,
    dry_hours=12,
)
PAHT_CF = Filament(
    preset="GFN04",
    material="PA-CF",
    product="PAHT-CF",
    nozzle_min=260,
    nozzle_max=290,
    dry_temp=80,
    dry_hours=12,
)
PC = Filament(
    preset="GFC00",
    material="PC",
    product="PC",
    nozzle_min=260,
    nozzle_max=280,
    dry_temp=80,
)
TPU = Filament(
    preset="GFU01",
    material="TPU",
    product="TPU 95A",
    nozzle_min=200,
    nozzle_max=250,
    dry_temp=70,
)
SUPPORT = Filament(
    preset="GFS02", material="PLA-S", product="Support For PLA", nozzle_max=220
)


def tray(
    slot: int, spool: Spool | None, *, modern: bool, state: int | None = None
) -> dict[str, Any]:
    """Describe a slot; an empty slot has an id and, on modern firmware, a state."""
    if spool is None:
        return {"id": str(slot), "state": 9} if modern else {"id": str(slot)}
    kind, tagged = spool.filament, spool.tagged
    # A spool's two tags differ, its uuid does not; both stay the same over restarts.
    seed = f"{kind.preset}/{spool.color_name}/{spool.color}"
    uuid = hashlib.sha256(seed.encode()).hexdigest().upper()[:32] if tagged else NO_UUID
    result: dict[str, Any] = {
        "id": str(slot),
        "remain": spool.remain,
        "cali_idx": spool.cali_idx,
        "tag_uid": f"{uuid[:8]}00000100" if tagged else NO_TAG,
        "tray_uuid": uuid,
        "tray_id_name": spool.color_name,
        "tray_info_idx": kind.preset,
        "tray_type": kind.material,
        "tray_sub_brands": kind.product if tagged else "",
        "tray_color": spool.color,
        "tray_weight": str(spool.weight) if tagged else "0",
        "tray_diameter": "1.75" if tagged or modern else "0.00",
        "nozzle_temp_min": str(kind.nozzle_min),
        "nozzle_temp_max": str(kind.nozzle_max),
        "bed_temp": "0",
        "bed_temp_type": "0",
        "xcam_info": f"{uuid[8:32]}" if tagged else NO_XCAM,
        "ctype": 0,
        "cols": list(spool.colors) or [spool.color],
        "total_len": 330000,
    }
    if modern:
        result["state"] = 11 if state is None else state
        result["drying_temp"] = str(kind.dry_temp) if tagged else "0"
        result["drying_time"] = str(kind.dry_hours) if tagged else "0"
    else:
        result |= {
            "tray_temp": "0",
            "tray_time": "0",
            "k": 0.019999999552965164,
            "n": 1,
        }
        if state is not None:
            result["state"] = state
    return result


def blank(slot: int, *, modern: bool, short: bool = False) -> dict[str, Any]:
    """Describe an external holder about which nothing is known."""
    result: dict[str, Any] = {
        "id": str(slot),
        "tag_uid": NO_TAG,
        "tray_id_name": "",
        "tray_info_idx": "",
        "tray_type": "",
        "tray_sub_brands": "",
        "tray_color": "00000000",
        "nozzle_temp_min": "0",
        "nozzle_temp_max": "0",
        "cali_idx": -1,
        "ctype": 0,
        "cols": ["00000000"],
    }
    if short:  # the bed slinger with the newest firmware reports no more than this
        return result
    result |= {
        "tray_weight": "0",
        "tray_uuid": NO_UUID,
        "xcam_info": NO_XCAM,
        "bed_temp": "0",
        "bed_temp_type": "0",
        "remain": 0,
    }
    if modern:
        result |= {
            "tray_diameter": "1.75",
            "drying_temp": "0",
            "drying_time": "0",
            "total_len": 330000,
        }
    else:
        result |= {
            "tray_diameter": "0.00",
            "tray_temp": "0",
            "tray_time": "0",
            "k": 0.019999999552965164,
            "n": 1,
        }
        del result["ctype"], result["cols"]
    return result


def external(
    slot: int, spool: Spool, *, modern: bool, short: bool = False
) -> dict[str, Any]:
    """Describe an external holder whose filament the user has declared."""
    result = blank(slot, modern=modern, short=short)
    kind = spool.filament
    result |= {
        "tray_info_idx": kind.preset,
        "tray_type": kind.material,
        "tray_color": spool.color,
        "nozzle_temp_min": str(kind.nozzle_min),
        "nozzle_temp_max": str(kind.nozzle_max),
    }
    if "cols" in result:
        result["cols"] = [spool.color]
    return result
