"""AMS units, their slots, and the external spool holders."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

import orjson

from ..slots import (
    A2L_LITE,
    AMS_UNITS,
    EXTERNAL_DEPUTY,
    EXTERNAL_MAIN,
    HT_UNITS,
    SlotAddress,
    from_tray_now,
    unit_bit,
)
from ..values import (
    Raw,
    bit,
    bits,
    damp,
    field,
    flag,
    integer,
    mapping,
    number,
    records,
    text,
    within,
    word,
)
from .context import Context
from .firmware import Module, read_modules

INPUTS = frozenset(
    {
        "@modules",
        "ams",
        "ams_rfid_status",
        "ams_status",
        "cfg",
        "home_flag",
        "vir_slot",
        "vt_tray",
    }
)

TEMPERATURE_BOUND = 0.5
"""The temperature in a unit is shown anew when it moves by this much, °C."""
HUMIDITY_BOUND = 2
"""The humidity in a unit is shown anew when it moves by this much, percent."""

_EXTRUDER_UNKNOWN = 14
_MOST_UNITS = 16
"""More than any printer has; each becomes a device."""


class AmsKind(StrEnum):
    """The kinds of AMS units, by their product names' keys."""

    AMS = "ams"
    LITE = "ams_lite"
    PRO_2 = "ams_2_pro"
    HT = "ams_ht"


_TYPE_BITS = {
    1: AmsKind.AMS,
    2: AmsKind.LITE,
    3: AmsKind.PRO_2,
    4: AmsKind.HT,
    5: AmsKind.LITE,
}
_MODULE_KINDS = {
    "ams": AmsKind.AMS,
    "ams_f1": AmsKind.LITE,
    "n3f": AmsKind.PRO_2,
    "n3s": AmsKind.HT,
}
_SERIAL_KINDS = {
    "006": AmsKind.AMS,
    "03C": AmsKind.LITE,
    "19C": AmsKind.PRO_2,
    "19F": AmsKind.HT,
}
AMS_NAMES = {
    AmsKind.AMS: "AMS",
    AmsKind.LITE: "AMS lite",
    AmsKind.PRO_2: "AMS 2 Pro",
    AmsKind.HT: "AMS HT",
}
"""Product names, the same in every language."""


class DryingPhase(StrEnum):
    """What a unit that dries filament is doing."""

    OFF = "off"
    CHECKING = "checking"
    DRYING = "drying"
    COOLING = "cooling"
    STOPPING = "stopping"
    ERROR = "error"
    CANNOT_STOP_HEATING = "cannot_stop_heating"
    PRODUCT_TEST = "product_test"


class DryingObstacle(StrEnum):
    """Why a unit cannot start to dry now."""

    PRINTER_BUSY = "printer_busy"
    NOT_ENOUGH_POWER = "not_enough_power"
    AMS_BUSY = "ams_busy"
    FILAMENT_AT_OUTLET = "filament_at_outlet"
    STARTING = "starting"
    NOT_IN_2D_MODE = "not_in_2d_mode"
    ALREADY_DRYING = "already_drying"
    UPDATING = "updating"
    POWER_ADAPTER_NEEDED = "power_adapter_needed"
    UNLOAD_BY_HAND = "unload_by_hand"


_DRYING_OBSTACLES = dict(
    zip((0, 1, 2, 3, 4, 5, 6, 7, 8, 10), DryingObstacle, strict=True)
)
_DRYING_PHASES = dict(enumerate(DryingPhase))
_WARM_PHASES = frozenset(
    {DryingPhase.CHECKING, DryingPhase.DRYING, DryingPhase.COOLING}
)
DRYING_KINDS = frozenset({AmsKind.PRO_2, AmsKind.HT})


class AmsStatus(StrEnum):
    """What the AMS system as a whole is doing."""

    IDLE = "idle"
    FILAMENT_CHANGE = "filament_change"
    READING_RFID = "reading_rfid"
    ASSIST = "assist"
    CALIBRATION = "calibration"
    COLD_PULL = "cold_pull"
    SELF_CHECK = "self_check"
    DEBUG = "debug"


_STATUS_CODES = {
    0x00: AmsStatus.IDLE,
    0x01: AmsStatus.FILAMENT_CHANGE,
    0x02: AmsStatus.READING_RFID,
    0x03: AmsStatus.ASSIST,
    0x04: AmsStatus.CALIBRATION,
    0x07: AmsStatus.COLD_PULL,
    0x10: AmsStatus.SELF_CHECK,
    0x20: AmsStatus.DEBUG,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tray:
    """A slot and the spool in it.  Everything unknown is None or empty."""

    slot: SlotAddress
    present: bool
    """Whether there is a spool; its filament may still be unknown."""
    filament_id: str = ""
    """The maker's preset, as ``GFA00``."""
    type: str = ""
    """Material: ``PLA``, ``PETG``, …"""
    name: str = ""
    """Product name of a spool with a tag: ``PLA Matte``."""
    color_name: str = ""
    """Product and colour code of a spool with a tag: ``A01-W2``."""
    color: str | None = None
    """``#RRGGBB``, or ``#RRGGBBAA`` when it is not opaque."""
    colors: tuple[str, ...] = ()
    """All colours of a spool that has several."""
    remain: int | None = None
    """Percent left."""
    weight: int | None = None
    """Grams on the full spool."""
    nozzle_temp_min: int | None = None
    nozzle_temp_max: int | None = None
    drying_temp: int | None = None
    """°C, recommended by the tag."""
    drying_hours: int | None = None
    k: float | None = None
    """Pressure advance, where the printer reports it per slot."""
    calibration: int | None = None
    """Number of the calibration profile; -1 is the default."""
    tag: str = ""
    """What identifies the spool, the same from both of its tags; empty without a tag."""

    @property
    def remaining_weight(self) -> int | None:
        """Grams left, as far as the printer can tell."""
        if self.remain is None or not self.weight:
            return None
        return round(self.weight * self.remain / 100)


@dataclass(frozen=True, slots=True, kw_only=True)
class AmsUnit:
    """One AMS.  None: it has no such sensor, or never reported it."""

    unit: int
    kind: AmsKind = AmsKind.AMS
    serial: str = ""
    firmware: str = ""
    extruder: int | None = None
    """Number of the extruder that it feeds."""
    temperature: float | None = None
    humidity: int | None = None
    """Percent."""
    humidity_level: int | None = None
    """1 (wet) to 5 (dry)."""
    drying: DryingPhase | None = None
    drying_minutes: int | None = None
    """Minutes left; 0 when it is not drying."""
    drying_target: int | None = None
    """°C that the running drying is set to."""
    drying_hours: int | None = None
    """Hours that the running drying is set to."""
    drying_obstacles: tuple[DryingObstacle, ...] = ()
    """Why it cannot start to dry now."""
    fan_on: bool | None = None
    trays: tuple[Tray, ...] = ()

    @property
    def label(self) -> str:
        """What people call the unit: the first AMS is number 1."""
        if self.unit in HT_UNITS:
            return str(self.unit - HT_UNITS.start + 1)
        return "1" if self.unit == A2L_LITE else str(self.unit + 1)

    @property
    def is_drying(self) -> bool | None:
        """Whether it dries, or still cools down from it."""
        if self.kind not in DRYING_KINDS:
            return None
        if self.drying is None:
            return None if self.drying_minutes is None else self.drying_minutes > 0
        return self.drying in _WARM_PHASES


@dataclass(frozen=True, slots=True, kw_only=True)
class AmsState:
    """All units and external spools."""

    units: tuple[AmsUnit, ...] = ()
    externals: tuple[Tray, ...] = ()
    """The spool holders outside; two on a printer with two extruders."""
    status: AmsStatus | None = None
    read_on_insert: bool | None = None
    read_on_power_up: bool | None = None
    estimate_remaining: bool | None = None

    def unit(self, number: int) -> AmsUnit | None:
        """Return a unit by its number, or None when it is not plugged in."""
        return next((unit for unit in self.units if unit.unit == number), None)

    def tray(self, slot: SlotAddress) -> Tray | None:
        """Return what is in a slot, or None when there is no such slot now."""
        return next((tray for tray in self.trays() if tray.slot == slot), None)

    def trays(self) -> Iterator[Tray]:
        """Iterate over all slots and external spools."""
        for unit in self.units:
            yield from unit.trays
        yield from self.externals


def decode(raw: Raw, previous: AmsState, context: Context) -> AmsState:
    """Read the units that are plugged in, and all spools."""
    ams = mapping(raw.get("ams"))
    plugged = bits(ams.get("ams_exist_bits"), None)
    exist = bits(ams.get("tray_exist_bits"), None)
    modules = {
        module.ams_unit: module for module in read_modules(raw) if module.ams_unit >= 0
    }
    now = from_tray_now(integer(ams.get("tray_now"), -1))
    units: dict[int, AmsUnit] = {}
    for item in records(ams.get("ams")):
        unit_id = integer(item.get("id"), -1)
        position = unit_bit(unit_id)
        listed = position is None or bit(plugged, position) is not False
        # What feeds the nozzle is there, whatever the bits say.
        plugged_in = listed or (now and now.unit == unit_id)
        if unit_id not in AMS_UNITS or not plugged_in:
            continue
        if len(units) >= _MOST_UNITS:
            break
        units[unit_id] = _unit(
            unit_id,
            item,
            exist if listed else None,
            modules.get(unit_id),
            previous.unit(unit_id),
        )
    cfg = bits(raw.get("cfg"), None)
    home = word(raw.get("home_flag"), None)
    status = integer(raw.get("ams_status"), None)
    return AmsState(
        units=tuple(unit for _, unit in sorted(units.items())),
        externals=_externals(raw),
        status=previous.status
        if status is None
        else _STATUS_CODES.get(status >> 8 & 0xFF),
        read_on_insert=_setting(cfg, 0, flag(ams.get("insert_flag"), None)),
        read_on_power_up=_setting(cfg, 1, flag(ams.get("power_on_flag"), None)),
        estimate_remaining=_setting(cfg, 17, bit(home, 7)),
    )


def _setting(cfg: int | None, index: int, older: bool | None) -> bool | None:
    return older if cfg is None else bit(cfg, index)


def _unit(
    unit_id: int,
    item: Raw,
    exist: int | None,
    module: Module | None,
    previous: AmsUnit | None,
) -> AmsUnit:
    info = bits(item.get("info"), None)
    kind = _kind(unit_id, info, module)
    minutes = integer(item.get("dry_time"), None)
    setting = mapping(item.get("dry_setting"))
    old = previous or AmsUnit(unit=unit_id)
    level = within(integer(item.get("humidity"), None), 1, 5, None)
    humidity = within(integer(item.get("humidity_raw"), None), 1, 100, None)
    # An AMS lite has neither sensor, and reports numbers all the same.
    sensors = kind is not AmsKind.LITE
    return AmsUnit(
        unit=unit_id,
        kind=kind,
        serial=module.serial if module else "",
        firmware=module.version if module else "",
        extruder=_bound_extruder(info),
        temperature=damp(
            _positive(item.get("temp")), old.temperature, TEMPERATURE_BOUND
        )
        if sensors
        else None,
        humidity=_whole(damp(humidity, old.humidity, HUMIDITY_BOUND))
        if sensors
        else None,
        humidity_level=_whole(level) if sensors else None,
        drying=_DRYING_PHASES.get(field(info, 4, 4))
        if info is not None and kind in DRYING_KINDS
        else None,
        drying_minutes=minutes if kind in DRYING_KINDS else None,
        drying_target=_set_number(setting.get("dry_temperature")),
        drying_hours=_set_number(setting.get("dry_duration")),
        drying_obstacles=_obstacles(item.get("dry_sf_reason")),
        fan_on=bool(field(info, 18, 4) & 0b0101)
        if info is not None and kind in DRYING_KINDS
        else None,
        trays=_trays(unit_id, kind, item, exist),
    )


def _set_number(value: object) -> int | None:
    """Read a setting of drying; -1 when there is none."""
    result = integer(value, None)
    return result if result is not None and result > 0 else None


def _obstacles(value: object) -> tuple[DryingObstacle, ...]:
    codes = value if isinstance(value, list) else ()
    found = (_DRYING_OBSTACLES.get(integer(code, -1)) for code in codes)
    return tuple(dict.fromkeys(obstacle for obstacle in found if obstacle))


def _positive(value: object) -> float | None:
    """Read a sensor that reports 0 when there is none."""
    result = number(value, None)
    return result if result is not None and 0 < result <= 100 else None


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)


def _bound_extruder(info: int | None) -> int | None:
    if info is None:
        return None
    extruder = field(info, 8, 4)
    return None if extruder == _EXTRUDER_UNKNOWN else extruder


def _kind(unit_id: int, info: int | None, module: Module | None) -> AmsKind:
    """Tell the kind of a unit: its type bits, its module, its serial number, its id."""
    if info is not None and (kind := _TYPE_BITS.get(field(info, 0, 4))):
        return kind
    if module:
        if kind := _MODULE_KINDS.get(module.name.partition("/")[0]):
            return kind
        if kind := _SERIAL_KINDS.get(module.serial[:3]):
            return kind
    if unit_id in HT_UNITS:
        return AmsKind.HT
    return AmsKind.LITE if unit_id == A2L_LITE else AmsKind.AMS


def _trays(unit: int, kind: AmsKind, item: Raw, exist: int | None) -> tuple[Tray, ...]:
    try:
        description = orjson.dumps(item.get("tray"))
    except TypeError:
        # Numbers beyond all bounds, say; printers do not send what JSON cannot hold.
        description = b"null"
    return _remembered_trays(unit, kind, description, exist)


@lru_cache(maxsize=1024)
def _remembered_trays(
    unit: int, kind: AmsKind, description: bytes, exist: int | None
) -> tuple[Tray, ...]:
    """Read the slots of a unit, or remember what they were the last time.

    Their description is most of a report and stays the same for hours, while the unit around
    them has another temperature or humidity every few seconds.
    """
    trays = orjson.loads(description)
    found = {integer(tray.get("id"), -1): tray for tray in records(trays)}
    count = 1 if kind is AmsKind.HT else 4
    return tuple(
        _tray(SlotAddress(unit, slot), found.get(slot, {}), exist)
        for slot in range(count)
    )


def _tray(slot: SlotAddress, raw: Raw, exist: int | None) -> Tray:
    """Read one slot; the bits outrank what its description says."""
    position = slot.exist_bit
    kind = text(raw.get("tray_type"), "")
    present = (
        bool(kind) if exist is None or position is None else bool(exist >> position & 1)
    )
    if not present or not kind:
        return Tray(slot=slot, present=present)
    filament = text(raw.get("tray_info_idx"), "")
    weight = integer(raw.get("tray_weight"), None)
    return Tray(
        slot=slot,
        present=True,
        filament_id=filament,
        type=_SUPPORT_TYPES.get(filament, kind),
        name=text(raw.get("tray_sub_brands"), ""),
        color_name=text(raw.get("tray_id_name"), ""),
        color=_color(raw.get("tray_color")),
        colors=_colors(raw.get("cols")),
        remain=None if slot.external else _remain(raw.get("remain")),
        weight=weight or None,
        nozzle_temp_min=integer(raw.get("nozzle_temp_min"), None) or None,
        nozzle_temp_max=integer(raw.get("nozzle_temp_max"), None) or None,
        drying_temp=integer(raw.get("drying_temp"), None) or None,
        drying_hours=integer(raw.get("drying_time"), None) or None,
        k=number(raw.get("k"), None),
        calibration=integer(raw.get("cali_idx"), None),
        tag=_tag(raw),
    )


_SUPPORT_TYPES = {"GFS00": "PLA-S", "GFS01": "PA-S"}
"""Support filaments whose reported type is that of what they support."""


def _remain(value: object) -> int | None:
    remain = integer(value, -1)
    return remain if 0 <= remain <= 100 else None


def _color(value: object) -> str | None:
    """Read ``RRGGBBAA``; all zeros mean that nobody set a colour."""
    code = text(value, "").upper()
    if (
        len(code) != 8
        or code == "00000000"
        or any(c not in "0123456789ABCDEF" for c in code)
    ):
        return None
    return f"#{code[:6]}" if code.endswith("FF") else f"#{code}"


def _colors(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        return ()
    found = tuple(color for item in value if (color := _color(item)))
    return found if len(found) > 1 else ()


def _tag(raw: Raw) -> str:
    for key in ("tray_uuid", "tag_uid"):
        if (tag := text(raw.get(key), "")).strip("0"):
            return tag
    return ""


def _externals(raw: Raw) -> tuple[Tray, ...]:
    """Read the spool holders; the newer list outranks the older object."""
    slots = {}
    for item in records(raw.get("vir_slot")):
        unit_id = integer(item.get("id"), -1)
        # Packed ids are unit << 8 | slot.
        unit_id = unit_id >> 8 if unit_id > 0xFF else unit_id
        if unit_id in (EXTERNAL_MAIN, EXTERNAL_DEPUTY):
            slots[unit_id] = item
    if not slots and (item := mapping(raw.get("vt_tray"))):
        # Older firmware numbers its only holder 254.
        slots[EXTERNAL_MAIN] = item
    if len(slots) == 1:
        slots = {EXTERNAL_MAIN: next(iter(slots.values()))}
    return tuple(
        _tray(SlotAddress(unit), item, None)
        for unit, item in sorted(slots.items(), reverse=True)
    )
