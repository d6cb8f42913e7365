"""Raw reports: validated, merged, and compared.

A printer sends its whole state (``msg`` 0) or only what changed.  This module keeps the
sum of it all and tells which parts a report changed, so that only those are decoded
again.  Nothing here knows what a value means, only how parts fit together.

Merging never touches an object that was handed out: a report that turns out to be broken
halfway leaves the last good state standing.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
import logging
from typing import Any, Final

from .counters import Counters
from .known import DEVICE_KEYS, STATUS_KEYS
from .order import ReportOrder
from .slots import SlotAddress, unit_bit
from .values import Raw, bits, integer, records, word

STATUS_COMMAND = "push_status"
MODULES_KEY = "@modules"
"""Where the version list is kept beside the report's own keys."""
HEATBED_LIGHT_KEY = "@heatbed_light"
"""Where the acknowledged mode of the bed's lamp is kept: no report ever carries it."""

_LOGGER = logging.getLogger(__name__)

CHAMBER_KEY = "@chamber_temp"
"""Where a chamber temperature is kept that somebody else measures."""

_OWN_KEYS = (MODULES_KEY, HEATBED_LIGHT_KEY, CHAMBER_KEY)
_MISSING: Final = object()
_CHURN = frozenset({"command", "msg", "sequence_id", "t_utc"})
"""Keys that differ in every report and say nothing."""
_SPLIT = "device"
"""The one object whose parts are told apart: most new telemetry lives in it."""
_STRAYS = frozenset({"ams", "fun", "wifi_signal", "xcam"})
"""What some firmware sends outside of ``print``."""
_TAGS = frozenset({"tag_uid", "tray_uuid"})
_FILAMENT = ("tray_info_idx", "tray_type")
"""What tells one filament from another."""
_FULL_KEYS = 30
"""A report with as many keys tells everything, marked or not; a delta has a handful."""
_MOST_ITEMS = 64
"""More units, slots or parts than any printer has; bounds what garbage can pile up."""


@dataclass(frozen=True, slots=True)
class _Keyed:
    """A list whose items are told apart by a key, and merged one by one."""

    key: str = "id"
    items: Mapping[str, _Rule] = field(default_factory=dict)
    inventory: frozenset[str] = frozenset()
    """When all of these are present the list is complete, and replaces the old one."""


type _Rule = _Keyed | Mapping[str, _Rule]

_RULES: Mapping[str, _Rule] = {
    "ams": {"ams": _Keyed(items={"tray": _Keyed()})},
    "vir_slot": _Keyed(),
    "lights_report": _Keyed(key="node"),
    "device": {
        "extruder": {"info": _Keyed()},
        "nozzle": {"info": _Keyed()},
        "airduct": {"parts": _Keyed(inventory=frozenset({"16", "32"}))},
    },
}

_OBJECTS = frozenset(
    {"ams", "device", "ipcam", "job", "net", "upgrade_state", "vt_tray", "xcam"}
)
_LISTS = frozenset({"hms", "lights_report", "s_obj", "stg", "vir_slot"})
_BITS = frozenset({"aux", "cfg", "fun", "fun2", "stat"})


def _instance_of(kind: type) -> Callable[[object, None], object]:
    return lambda value, default: value if isinstance(value, kind) else default


_READERS: Mapping[str, Callable[[Any, None], object]] = {
    **dict.fromkeys(_OBJECTS, _instance_of(dict)),
    **dict.fromkeys(_LISTS, _instance_of(list)),
    **dict.fromkeys(_BITS, bits),
    "home_flag": word,
}
"""What reads a value; None tells that it cannot be what its key promises.

The earlier value stands then.  Single numbers are left to the decoders, which know the
earlier one; here is what many of them share."""


class RawReport:
    """Everything a printer has said of its state."""

    def __init__(self) -> None:
        """Start with nothing known."""
        self.data: Raw = {}
        self.counters = Counters()
        self._order = ReportOrder()
        self.complete = False
        """Whether a full report has arrived since the last `forget`."""
        self.unknown_keys: set[str] = set()
        """Keys that no source describes; newer firmware brings them."""

    def forget(self) -> None:
        """Take what is known for stale: only a full report makes it whole again."""
        self.complete = False
        self._order.forget()

    def set_value(self, key: str, value: object) -> set[str]:
        """Keep something that is not part of reports; return what changed."""
        if self.data.get(key, _MISSING) == value:
            return set()
        self.data = {**self.data, key: value}
        return {key}

    def apply(self, message: Raw) -> set[str]:
        """Take over the status in a message and return the keys that changed.

        Parts of ``device`` are named ``device.extruder`` and so on.  Messages without a
        status (acknowledgements, logs) change nothing.
        """
        status = extract_status(message)
        if status is None:
            return set()
        try:
            return self._apply_status(status)
        except RecursionError:
            # Nested deeper than any report: an attack or garbage, and not worth more.
            self.counters.malformed += 1
            return set()

    def _apply_status(self, status: Raw) -> set[str]:
        status, bad = _without_wrong_types(status)
        self.counters.malformed += bad
        status = self._note_unknown(status)
        repeated = self._order.is_repeated(status)
        if overtaken := self._order.overtaken(status):
            self.counters.reordered += 1
            status = {key: status[key] for key in status.keys() - overtaken}
        changed = self._take(status)
        self.counters.repeated += repeated and not changed
        return changed

    def _take(self, status: Raw) -> set[str]:
        # Some firmware leaves ``msg`` out, also in tiny reports: only a marked report
        # that really carries the state may replace everything.
        if status.get("msg") in (0, "0") and "gcode_state" in status:
            return self._replace(status)
        self.counters.delta += 1
        # Unmarked full reports are merged like the others, and make the state whole.
        if (
            "msg" not in status
            and "gcode_state" in status
            and len(status) >= _FULL_KEYS
        ):
            self.complete = True
        return self._merge(status)

    def _note_unknown(self, status: Raw) -> Raw:
        """Remember keys that nobody has described, each once, and not without end.

        Returns the status without unknown keys that are too many to be true.
        """
        device = status.get(_SPLIT) or {}
        new = (status.keys() - STATUS_KEYS) | {
            f"{_SPLIT}.{key}" for key in device.keys() - DEVICE_KEYS
        }
        new -= self.unknown_keys
        if not new:
            return status
        if noted := sorted(new)[: _MOST_ITEMS - len(self.unknown_keys)]:
            self.unknown_keys |= set(noted)
            _LOGGER.debug("Keys of a report that are not known yet: %s", noted)
        known = STATUS_KEYS | self.unknown_keys
        return {key: value for key, value in status.items() if key in known}

    def _replace(self, status: Raw) -> set[str]:
        old = self.data
        new = dict(status)
        for key in _OWN_KEYS:
            if key in old:
                new[key] = old[key]
        changed = {key for key, value in new.items() if old.get(key, _MISSING) != value}
        changed |= old.keys() - new.keys()
        changed -= _CHURN
        changed = _split_changes(old, new, changed)
        self.data = new
        self.complete = True
        self.counters.full += 1
        return changed

    def _merge(self, status: Raw) -> set[str]:
        old = self.data
        if ams := status.get("ams"):
            status = {**status, "ams": _without_shutdown(ams)}
        new = _merge_object(old, status, _RULES)
        changed = {key for key in status if new.get(key) is not old.get(key)} - _CHURN
        if "ams" in changed:
            ams = _clear_empty_slots(new["ams"])
            if ams == old.get("ams", _MISSING):
                ams = old["ams"]
                changed.discard("ams")
            new = {**new, "ams": ams}
        changed = _split_changes(old, new, changed)
        self.data = new
        return changed


def extract_status(message: Raw) -> Raw | None:
    """Return the status part of a message, or None when it has none.

    Acknowledgements repeat request keys that look like status; merging one would
    overwrite what the printer really reported.
    """
    body = message.get("print")
    if isinstance(body, dict):
        return body if body.get("command", STATUS_COMMAND) == STATUS_COMMAND else None
    strays = {
        key: value
        for key, value in message.items()
        if key in _STRAYS and not (isinstance(value, dict) and "command" in value)
    }
    return strays or None


def _without_wrong_types(status: Raw) -> tuple[Raw, int]:
    """Drop values that cannot be what their key promises; return how many."""
    bad = {
        key
        for key in status.keys() & _READERS.keys()
        if _READERS[key](status[key], None) is None
    }
    if not bad:
        return status, 0
    return {key: value for key, value in status.items() if key not in bad}, len(bad)


def _split_changes(old: Raw, new: Raw, changed: set[str]) -> set[str]:
    """Name the parts of the device object that changed instead of the whole."""
    if _SPLIT not in changed:
        return changed
    before, after = old.get(_SPLIT) or {}, new.get(_SPLIT) or {}
    parts = {
        f"{_SPLIT}.{part}"
        for part in before.keys() | after.keys()
        if before.get(part, _MISSING) != after.get(part, _MISSING)
    }
    return (changed - {_SPLIT}) | parts


def _merge_object(base: Raw, delta: Raw, rules: Mapping[str, _Rule]) -> Raw:
    """Return the base with the delta in it; the base itself when nothing differs."""
    merged: dict[str, Any] | None = None
    for key, value in delta.items():
        old = base.get(key, _MISSING)
        new = _merge_value(old, value, rules.get(key))
        if new is old or new == old:
            continue
        if merged is None:
            merged = dict(base)
        merged[key] = new
    return base if merged is None else merged


def _merge_value(old: object, value: Any, rule: _Rule | None) -> Any:
    if isinstance(rule, _Keyed):
        if isinstance(value, list):
            return _merge_list(old if isinstance(old, list) else [], value, rule)
        return value
    if isinstance(old, dict) and isinstance(value, dict):
        return _merge_object(old, value, rule or {})
    if rule is not None and isinstance(value, dict):
        return _merge_object({}, value, rule)
    return value


def _merge_list(base: list[Any], delta: list[Any], rule: _Keyed) -> list[Any]:
    """Merge item by item; items that are no objects or have no key are dropped."""
    items: dict[str, Any] = {}
    fresh = [item for item in delta if isinstance(item, dict) and rule.key in item]
    if not (
        rule.inventory and rule.inventory <= {str(item[rule.key]) for item in fresh}
    ):
        items = {
            str(item[rule.key]): item
            for item in base
            if isinstance(item, dict) and rule.key in item
        }
    for item in fresh:
        name = str(item[rule.key])
        old = items.get(name, {})
        if len(items) >= _MOST_ITEMS and name not in items:
            continue
        if item.get("tray_type") == "":
            # An emptied description: nothing of the old filament may survive.
            items[name] = item
            continue
        items[name] = _merge_object(old, _without_zero_tags(old, item), rule.items)
    merged = list(items.values())
    return base if merged == base else merged


def _without_zero_tags(old: Raw, item: Raw) -> Raw:
    """Drop tags of zeros that would overwrite a known one: the reader was only busy.

    Not when the filament is another one, too: that is another spool, without a tag.
    """
    if any(key in old and key in item and item[key] != old[key] for key in _FILAMENT):
        return item
    zeros = {
        tag
        for tag in _TAGS & item.keys()
        if not str(item[tag]).strip("0") and str(old.get(tag, "")).strip("0")
    }
    return (
        {key: value for key, value in item.items() if key not in zeros}
        if zeros
        else item
    )


def _without_shutdown(ams: Raw) -> Raw:
    """Drop the slot bits of the frame that a printer sends while it switches off.

    It says that all slots are empty; the spools are still there.
    """
    if ams.get("power_on_flag") is False and bits(ams.get("tray_exist_bits"), 1) == 0:
        return {key: value for key, value in ams.items() if key != "tray_exist_bits"}
    return ams


def _clear_empty_slots(ams: Raw) -> Raw:
    """Forget the filament of slots without a spool, and units that are unplugged.

    A delta never removes anything; the bits say what is really there.  Without this, a new
    spool without a tag would inherit the description of the one before.
    """
    units = ams.get("ams")
    exist = bits(ams.get("tray_exist_bits"), None)
    plugged = bits(ams.get("ams_exist_bits"), None)
    if not isinstance(units, list):
        return ams
    kept = []
    for unit in records(units):
        number = integer(unit.get("id"), -1)
        bit = unit_bit(number)
        if plugged is not None and bit is not None and not plugged >> bit & 1:
            continue
        if exist is None or not isinstance(unit.get("tray"), list):
            kept.append(unit)
            continue
        trays = [_clear_tray(number, tray, exist) for tray in records(unit["tray"])]
        kept.append({**unit, "tray": trays})
    return {**ams, "ams": kept}


def _clear_tray(unit: int, tray: Raw, exist: int) -> Raw:
    bit = SlotAddress(unit, integer(tray.get("id"), -1)).exist_bit
    if bit is None or bit < 0 or exist >> bit & 1:
        return tray
    return {key: value for key, value in tray.items() if key in ("id", "state")}
