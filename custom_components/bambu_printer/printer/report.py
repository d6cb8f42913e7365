"""Raw reports: validated, merged, and compared.

A printer sends its whole state (``msg`` 0) or only what changed.  This module keeps the
sum of it all and tells which parts a report changed, so that only those are decoded
again.  Nothing here knows what a value means, only how parts fit together.

Merging never touches an object that was handed out: a report that turns out to be broken
halfway leaves the last good state standing.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import filterfalse
import logging
from typing import Any, Final

from .counters import Counters
from .known import DEVICE_KEYS, FULL_KEYS, STATUS_COMMAND, STATUS_KEYS
from .order import ReportOrder, tells_everything
from .parser import Status
from .slots import SlotAddress, unit_bit
from .values import Raw, bits, integer, records, word

MODULES_KEY = "@modules"
"""Where the version list is kept beside the report's own keys."""
HEATBED_LIGHT_KEY = "@heatbed_light"
"""Where the acknowledged mode of the bed's lamp is kept: no report ever carries it."""

_LOGGER = logging.getLogger(__name__)

CHAMBER_KEY = "@chamber_temp"
"""Where a chamber temperature is kept that somebody else measures."""

PROJECT_KEY = "@project"
"""Where the project of the job is kept: somebody reads it from the storage."""

_OWN_KEYS = frozenset({MODULES_KEY, HEATBED_LIGHT_KEY, CHAMBER_KEY, PROJECT_KEY})
_MISSING: Final = object()
_CHURN = frozenset({"command", "msg", "sequence_id", "t_utc"})
"""Keys that differ in every report and say nothing."""
_SPLIT = "device"
"""The one object whose parts are told apart: most new telemetry lives in it."""
_HOT_PART = "extruder"
HEAT_KEY = "device.extruder.temp"
"""What changed when it is nothing about the toolheads but their temperatures.

They move with every report, and most of what is made from the toolheads does not."""
_STRAYS = frozenset({"ams", "fun", "wifi_signal", "xcam"})
"""What some firmware sends outside of ``print``."""
_TAGS = frozenset({"tag_uid", "tray_uuid"})
_FILAMENT = ("tray_info_idx", "tray_type")
"""What tells one filament from another."""
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
_PLAIN_KEYS = STATUS_KEYS - _READERS.keys()
"""Known keys that nothing is checked for here: most of what changes from second to second."""


class RawReport:
    """Everything a printer has said of its state."""

    def __init__(self) -> None:
        """Start with nothing known."""
        self.data: Raw = {}
        self.counters = Counters()
        self._order = ReportOrder()
        self._settled: Raw | None = None
        """What reports that the parser has put together share, once it was taken over."""
        self._settled_in: Raw | None = None
        """What was known then."""
        self.complete = False
        """Whether a full report has arrived since the last `forget`."""
        self.unknown_keys: set[str] = set()
        """Keys that no source describes; newer firmware brings them."""
        self.news: Raw | None = None
        """What the last message said that was not known before, whether it could be read
        or not, when it told everything else as well; None when it did not."""

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
        return self.apply_status(status)

    def apply_status(self, status: Raw | None) -> set[str]:
        """Take over what `extract_status` found in a message, as `apply` does."""
        self.news = None
        if status is None:
            return set()
        if overtaken := self._order.overtaken(status):
            self.counters.reordered += 1
            status = {key: status[key] for key in status.keys() - overtaken}
        try:
            changed = self._take(status)
        except RecursionError:
            # Nested deeper than any report: an attack or garbage, and not worth more.
            self.counters.malformed += 1
            return set()
        if not changed and self._order.repeated:
            self.counters.repeated += 1
        return changed

    def _news(self, status: Raw) -> dict[str, Any]:
        """Return what is not known yet.

        Nearly all of a report repeats what is known, and was checked when it first came.
        Only the rest is looked at from here on.
        """
        told = status
        if (
            type(status) is Status
            and status.same is self._settled
            and self.data is self._settled_in
        ):
            # What it shares with others was taken over, and nothing since.
            told = status.moving
        known = self.data.get
        news = {
            key: value for key, value in told.items() if known(key, _MISSING) != value
        }
        # It differs in every report that has any, and is nobody's news.
        news.pop("sequence_id", None)
        return news

    def _take(self, status: Raw) -> set[str]:
        said = news = self._news(status)
        if refused := self._refused(news):
            status = {key: value for key, value in status.items() if key not in refused}
            news = {key: value for key, value in news.items() if key not in refused}
        if tells_everything(status):
            return self._replace(status, news, said)
        self.counters.delta += 1
        # Unmarked full reports are merged like the others, and make the state whole.
        if "msg" not in status and "gcode_state" in status and len(status) >= FULL_KEYS:
            self.complete = True
        return self._merge(news)

    def _refused(self, news: Raw) -> set[str]:
        """Return which keys must not be taken over, and count or note them."""
        doubtful = [key for key in news if key not in _PLAIN_KEYS]
        if not doubtful:
            return set()
        bad = {
            key
            for key in doubtful
            if key in _OWN_KEYS
            or (key in _READERS and _READERS[key](news[key], None) is None)
        }
        self.counters.malformed += len(bad)
        unknown = {key for key in doubtful if key not in STATUS_KEYS}
        device = news.get(_SPLIT)
        if isinstance(device, dict):
            unknown |= {f"{_SPLIT}.{key}" for key in device.keys() - DEVICE_KEYS}
        unknown -= self.unknown_keys
        return bad | self._note_unknown(unknown) if unknown else bad

    def _note_unknown(self, keys: set[str]) -> set[str]:
        """Remember keys that nobody has described, each once; return those too many."""
        noted = sorted(keys)[: _MOST_ITEMS - len(self.unknown_keys)]
        if noted:
            self.unknown_keys |= set(noted)
            _LOGGER.debug("Keys of a report that are not known yet: %s", noted)
        return keys - self.unknown_keys

    def _replace(self, status: Raw, news: Raw, said: Raw) -> set[str]:
        old = self.data
        gone = self._gone(status, news)
        # What equals the old stays the old object.
        new = {**old, **news}
        for key in gone:
            del new[key]
        self.data = new
        self.complete = True
        self.counters.full += 1
        if type(status) is Status:
            # Nothing was late or refused, for then it would not be whole any more.
            self._settled, self._settled_in = status.same, new
        changed = {*news, *gone} - _CHURN
        parts = _split_changes(old, new, changed)
        if not gone and _MISSING not in parts.values():
            self.news = {**said, _SPLIT: parts} if parts else said
        return changed

    def _gone(self, status: Raw, news: Raw) -> list[str]:
        """Return what a report that tells everything does not tell any more."""
        old = self.data
        # The number of a report is never kept.
        fresh = len([key for key in (*news, "sequence_id") if key not in old])
        own = len([key for key in _OWN_KEYS if key in old])
        if len(status) - fresh == len(old) - own:
            # All else of it was known: counting does for comparing a hundred keys.
            return []
        return [
            key for key in filterfalse(status.__contains__, old) if key not in _OWN_KEYS
        ]

    def _merge(self, news: Raw) -> set[str]:
        if not news:
            return set()
        old = self.data
        new = dict(old)
        changed = set()
        for key, value in news.items():
            if not isinstance(value, (dict, list)):
                new[key] = value
            elif (part := self._merge_part(key, value)) is not old.get(key):
                new[key] = part
            else:
                continue
            changed.add(key)
        self.data = new
        changed -= _CHURN
        _split_changes(old, new, changed)
        return changed

    def _merge_part(self, key: str, value: Any) -> Any:
        """Return an object or a list merged; the old one when nothing differs in it."""
        old = self.data.get(key, _MISSING)
        if key == "ams":
            merged = _merge_value(old, _without_shutdown(value), _RULES[key])
            merged = _clear_empty_slots(merged)
        else:
            merged = _merge_value(old, value, _RULES.get(key))
        return old if merged == old else merged


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


def _split_changes(old: Raw, new: Raw, changed: set[str]) -> dict[str, Any]:
    """Name the parts of the device object that changed instead of the whole.

    Returns them, `_MISSING` for one that is gone.
    """
    if _SPLIT not in changed:
        return {}
    changed.discard(_SPLIT)
    before, after = old.get(_SPLIT) or {}, new.get(_SPLIT) or {}
    parts = {
        part: value
        for part, value in after.items()
        if (known := before.get(part, _MISSING)) is not value and known != value
    }
    parts |= dict.fromkeys(before.keys() - after.keys(), _MISSING)
    for part, value in parts.items():
        fickle = part == _HOT_PART and _only_heat_differs(before.get(part), value)
        changed.add(HEAT_KEY if fickle else f"{_SPLIT}.{part}")
    return parts


def _only_heat_differs(before: object, after: object) -> bool:
    """Tell whether two toolheads are the same but for how hot they are."""
    if not isinstance(before, dict) or not isinstance(after, dict):
        return False
    old, new = before.get("info"), after.get("info")
    if not isinstance(old, list) or not isinstance(new, list) or len(old) != len(new):
        return False
    return {**before, "info": None} == {**after, "info": None} and all(
        isinstance(one, dict)
        and isinstance(other, dict)
        and {**one, "temp": None} == {**other, "temp": None}
        for one, other in zip(old, new, strict=True)
    )


def _merge_object(base: Raw, delta: Raw, rules: Mapping[str, _Rule]) -> Raw:
    """Return the base with the delta in it; the base itself when nothing differs."""
    merged: dict[str, Any] | None = None
    for key, value in delta.items():
        old = base.get(key, _MISSING)
        new = (
            _merge_value(old, value, rules.get(key))
            if isinstance(value, (dict, list))
            else value
        )
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
