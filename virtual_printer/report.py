"""Merging into a report, and finding what changed between two reports."""

from copy import deepcopy
from typing import Any

type Json = dict[str, Any]

_IDENTITIES = ("id", "node", "modeId", "name")

# Lists whose changed entries are sent alone; every other list is sent whole.
_PARTIAL_LISTS = {"ams", "tray", "vir_slot", "info"}

# Sent with every report, and no reason to send one.
ALWAYS = {"command", "msg", "sequence_id", "t_utc"}


def merge(base: Json, change: Json) -> None:
    """Merge deeply into the base; lists of objects that have an identity merge by it."""
    for key, value in change.items():
        present = base.get(key)
        if isinstance(present, dict) and isinstance(value, dict):
            merge(present, value)
        elif isinstance(present, list) and isinstance(value, list) and value:
            identity = _identity(present + value)
            if identity is None:
                base[key] = deepcopy(value)
            else:
                _merge_list(present, value, identity)
        else:
            base[key] = deepcopy(value)


def _identity(items: list[Any]) -> str | None:
    if not all(isinstance(item, dict) for item in items):
        return None
    return next(
        (key for key in _IDENTITIES if all(key in item for item in items)), None
    )


def _merge_list(base: list[Any], change: list[Any], identity: str) -> None:
    known = {item[identity]: item for item in base}
    for item in change:
        if item[identity] in known:
            merge(known[item[identity]], item)
        else:
            base.append(deepcopy(item))


def difference(old: Json, new: Json) -> Json:
    """Return what a delta report says: changed keys, recursing into objects."""
    result: Json = {}
    for key, value in new.items():
        if key not in old:
            result[key] = deepcopy(value)
        elif old[key] != value:
            if isinstance(value, dict) and isinstance(old[key], dict):
                result[key] = difference(old[key], value)
            elif key in _PARTIAL_LISTS and isinstance(old[key], list):
                result[key] = _partial(old[key], value)
            else:
                result[key] = deepcopy(value)
    return result


def _partial(old: list[Any], new: list[Any]) -> list[Any]:
    """Return the changed entries; a unit without changed slots comes without its slots."""
    if _identity(old + new) != "id" or [item["id"] for item in old] != [
        item["id"] for item in new
    ]:
        return deepcopy(new)
    changed = []
    for before, after in zip(old, new, strict=True):
        if before == after:
            continue
        entry = deepcopy(after)
        if isinstance(after.get("tray"), list) and isinstance(before.get("tray"), list):
            slots = _partial(before["tray"], after["tray"])
            if slots:
                entry["tray"] = slots
            else:
                del entry["tray"]
        changed.append(entry)
    return changed
