"""AMS units: how a printer numbers and reports them."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from .bits import bits
from .filaments import Spool, tray


@dataclass(frozen=True)
class _Traits:
    type_bits: int
    module: str
    title: str
    hardware: str
    serial_prefix: str
    slots: int
    firmware: str
    dries: bool
    dry_max: int = 0
    sensors: bool = True


class AmsKind(Enum):
    """The kinds of AMS there are."""

    AMS = _Traits(1, "ams", "AMS", "AMS08", "006", 4, "00.01.06.62", False)
    LITE = _Traits(
        2, "ams_f1", "AMS lite", "AMS_F102", "03C", 4, "00.00.07.98", False, 0, False
    )
    PRO_2 = _Traits(3, "n3f", "AMS 2 Pro", "N3F05", "19C", 4, "03.00.21.29", True, 65)
    HT = _Traits(4, "n3s", "AMS HT", "N3S05", "19F", 1, "03.00.21.27", True, 85)
    LITE_A2L = _Traits(
        5, "ams_f1", "AMS lite", "AMS_F102", "03C", 4, "00.00.08.22", False, 0, False
    )

    @classmethod
    def parse(cls, text: AmsKind | str) -> AmsKind:
        """Accept "AMS 2 Pro", "n3f", "pro_2" and the like."""
        if isinstance(text, cls):
            return text
        key = "".join(c for c in str(text).lower() if c.isalnum())
        names = {
            "ams": cls.AMS,
            "lite": cls.LITE,
            "amslite": cls.LITE,
            "amsf1": cls.LITE,
            "ams2pro": cls.PRO_2,
            "2pro": cls.PRO_2,
            "pro2": cls.PRO_2,
            "ams2": cls.PRO_2,
            "n3f": cls.PRO_2,
            "amsht": cls.HT,
            "ht": cls.HT,
            "n3s": cls.HT,
            "litea2l": cls.LITE_A2L,
            "amslitea2l": cls.LITE_A2L,
        }
        if key not in names:
            raise ValueError(f"unknown kind of AMS: {text}")
        return names[key]


@dataclass(frozen=True, kw_only=True)
class AmsUnit:
    """A unit as it stands in a profile."""

    kind: AmsKind
    id: int
    spools: tuple[Spool | None, ...] = ()
    humidity: int = 20
    temperature: float = 25.0
    extruder: int = 0


def unit_report(
    unit: AmsUnit, *, modern: bool, info: bool = True, dry_setting: bool = False
) -> dict[str, Any]:
    """Describe a unit the way the printer reports it."""
    traits = unit.kind.value
    spools = (*unit.spools, *([None] * traits.slots))[: traits.slots]
    result: dict[str, Any] = {
        "id": str(unit.id),
        "humidity": "0" if unit.kind is AmsKind.HT else str(level(unit.humidity)),
        "temp": f"{unit.temperature:.1f}" if traits.sensors else "0.0",
        "dry_time": 0,
        "tray": [
            describe_slot(unit.kind, slot, spool, modern=modern)
            for slot, spool in enumerate(spools)
        ],
    }
    if unit.kind is AmsKind.LITE_A2L:
        result["humidity"] = "5"
    result["humidity_raw"] = str(unit.humidity) if traits.sensors else "0"
    if info:
        result["info"] = f"{0x1000 | unit.extruder << 8 | traits.type_bits:x}"
        if unit.kind in (AmsKind.PRO_2, AmsKind.HT):
            result["info"] = f"{0x2000 | unit.extruder << 8 | traits.type_bits:x}"
    if unit.kind is AmsKind.LITE_A2L:
        result |= {
            "info": f"{0x30001000 | traits.type_bits:x}",
            "chip_id": "7f" + "0" * 29,
            "ams_id": unit_serial(unit.kind, unit.id),
            "check": 1,
        }
    if dry_setting:
        result["dry_sf_reason"] = []
        result["dry_setting"] = {
            "dry_filament": "",
            "dry_temperature": -1,
            "dry_duration": -1,
        }
    return result


def describe_slot(
    kind: AmsKind, slot: int, spool: Spool | None, *, modern: bool
) -> dict[str, Any]:
    """Describe a slot; the lite unit of the A2L says 3 where others say 11 or nothing."""
    state = 3 if kind is AmsKind.LITE_A2L else None
    return tray(slot, spool, modern=modern, state=state)


def level(humidity: int) -> int:
    """Turn percent into the five drops of the display; five is dry."""
    return next(
        (5 - i for i, bound in enumerate((18, 25, 31, 35)) if humidity <= bound), 1
    )


def unit_serial(kind: AmsKind, unit_id: int) -> str:
    """Return the serial number of a unit."""
    return f"{kind.value.serial_prefix}7VP{unit_id:03d}4A0117"[:15]


def module(kind: AmsKind, unit_id: int) -> dict[str, Any]:
    """Describe a unit in the list of versions."""
    traits = kind.value
    number = unit_id - 127 if kind is AmsKind.HT else unit_id + 1
    lite = kind in (AmsKind.LITE, AmsKind.LITE_A2L)
    return {
        "name": f"{traits.module}/{unit_id}",
        "product_name": traits.title if lite else f"{traits.title} ({number})",
        "sw_ver": traits.firmware,
        "hw_ver": traits.hardware,
        "loader_ver": "00.00.00.00",
        "sn": unit_serial(kind, unit_id),
        "visible": True,
        "flag": 0,
    }


def unit_bit(unit_id: int) -> int:
    """Return the bit of a unit in ams_exist_bits."""
    if unit_id >= 128:
        return 4 + unit_id - 128
    return 12 if unit_id == 16 else unit_id


def tray_bit(unit_id: int, slot: int) -> int:
    """Return the bit of a slot in tray_exist_bits and its like."""
    if unit_id >= 128:
        return 16 + unit_id - 128
    return 24 + slot if unit_id == 16 else unit_id * 4 + slot


def global_index(unit_id: int, slot: int) -> int:
    """Return the number of a slot in tray_now of a printer with one nozzle."""
    if unit_id >= 254:
        return 254
    if unit_id >= 128:
        return unit_id
    return 24 + slot if unit_id == 16 else unit_id * 4 + slot


def from_global(index: int) -> tuple[int, int]:
    """Return unit and slot of a global number."""
    if index >= 128:
        return index, 0
    return (16, index - 24) if index >= 24 else (index // 4, index % 4)


def present(unit: dict[str, Any]) -> Iterable[int]:
    """Yield the slots of a reported unit that hold a spool."""
    for slot in unit.get("tray", ()):
        # A spool whose filament was cleared is still there.
        if "tray_type" in slot or slot.get("state") in (3, 10, 11):
            yield int(slot["id"])


def existence(units: list[dict[str, Any]]) -> dict[str, str]:
    """Return the bit strings that say which units and slots exist."""
    unit_mask = bits(*(unit_bit(int(unit["id"])) for unit in units))
    tray_mask = bits(
        *(tray_bit(int(unit["id"]), slot) for unit in units for slot in present(unit))
    )
    return {
        "ams_exist_bits": f"{unit_mask:x}",
        "tray_exist_bits": f"{tray_mask:x}",
        "tray_is_bbl_bits": f"{tray_mask:x}",
        "tray_read_done_bits": f"{tray_mask:x}",
        "tray_reading_bits": "0",
    }
