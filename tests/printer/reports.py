"""Reports to test with: small, made up, and put together in a line or two."""

from collections.abc import Iterable
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from custom_components.bambu_printer.printer import parser
from custom_components.bambu_printer.printer.models import (
    MODELS,
    UNKNOWN_MODEL,
    PrinterModel,
)
from custom_components.bambu_printer.printer.report import (
    HEATBED_LIGHT_KEY,
    MODULES_KEY,
    RawReport,
)
from custom_components.bambu_printer.printer.state import (
    SECTIONS,
    Context,
    PrinterState,
    decode_sections,
    sections_of,
)

NOW = datetime(2026, 3, 14, 15, 9, tzinfo=UTC)
ZERO_TAG = "0" * 16
ZERO_UUID = "0" * 32

type Json = dict[str, Any]


def model(key: str) -> PrinterModel:
    """Return a model by its short name."""
    if key == "unknown":
        return UNKNOWN_MODEL
    return next(item for item in MODELS if item.key == key)


def status(**keys: Any) -> Json:
    """Return a message with these keys of a status."""
    return {"print": {"command": "push_status", **keys}}


def delta(**keys: Any) -> Json:
    """Return a message that says it is a delta."""
    return status(msg=1, **keys)


def full(**keys: Any) -> Json:
    """Return a message that says it is a full report."""
    return status(**{"msg": 0, "gcode_state": "IDLE", **keys})


def tray(number: int, **keys: Any) -> Json:
    """Return a slot with a spool of PLA in it."""
    return {
        "id": str(number),
        "tray_info_idx": "GFA05",
        "tray_type": "PLA",
        "tray_sub_brands": "PLA Silk",
        "tray_id_name": "A05-R7",
        "tray_color": "12AB34FF",
        "cols": ["12AB34FF"],
        "tray_weight": "1000",
        "remain": 64,
        "nozzle_temp_min": "190",
        "nozzle_temp_max": "230",
        "drying_temp": "55",
        "drying_time": "8",
        "cali_idx": -1,
        "tag_uid": "B16B00B5C0FFEE01",
        "tray_uuid": "ABCDEF0123456789ABCDEF0123456789",
        **keys,
    }


def unit(number: int, *trays: Json, **keys: Any) -> Json:
    """Return an AMS unit; without slots, one with four spools."""
    return {
        "id": str(number),
        "humidity": "4",
        "humidity_raw": "22",
        "temp": "25.5",
        "info": "1001",
        "dry_time": 0,
        "tray": list(trays) or [tray(slot) for slot in range(4)],
        **keys,
    }


def ams(*units: Json, plugged: str, spools: str, **keys: Any) -> Json:
    """Return the object of all AMS units."""
    return {
        "ams": list(units),
        "ams_exist_bits": plugged,
        "tray_exist_bits": spools,
        "tray_now": "255",
        "tray_tar": "255",
        "insert_flag": True,
        "power_on_flag": True,
        **keys,
    }


def remember_everything(patch: pytest.MonkeyPatch, fewest_keys: int = 0) -> None:
    """Have parsers remember also reports that are too short to be worth it."""
    patch.setattr(parser, "_SHORTEST_REPORT", 0)
    patch.setattr(parser, "_SHORTEST_BLOCK", 1)
    patch.setattr(parser, "_PAUSE", 1)
    patch.setattr(parser, "FULL_KEYS", fewest_keys)


def packed(current: int, target: int = 0) -> int:
    """Return two temperatures in one number."""
    return target << 16 | current


def module(name: str, version: str = "01.02.03.04", **keys: Any) -> Json:
    """Return an entry of the version list."""
    return {"name": name, "sw_ver": version, "hw_ver": "", "sn": "", **keys}


def decode(
    report: Json,
    *,
    key: str = "X1C",
    previous: PrinterState | None = None,
    now: datetime = NOW,
    modules: Iterable[Json] = (),
    heatbed_light: str | None = None,
) -> PrinterState:
    """Decode a report on its own, with all sections."""
    raw = {**report}
    if modules := list(modules):
        raw[MODULES_KEY] = modules
    if heatbed_light is not None:
        raw[HEATBED_LIGHT_KEY] = heatbed_light
    context = Context(model=model(key), now=now)
    return decode_sections(previous or PrinterState(), raw, SECTIONS, context)[0]


class Replay:
    """A printer's state over several reports, without a printer."""

    def __init__(self, key: str = "X1C", modules: Iterable[Json] = ()) -> None:
        """Start with nothing known."""
        self.context = Context(model=model(key), now=NOW)
        self.raw = RawReport()
        self.state = PrinterState()
        self._take(set(SECTIONS))
        if modules := list(modules):
            self._take(sections_of(self.raw.set_value(MODULES_KEY, modules)))

    def wait(self, **duration: float) -> None:
        """Let time pass."""
        self.context = replace(
            self.context, now=self.context.now + timedelta(**duration)
        )

    def apply(self, message: Json) -> frozenset[str]:
        """Take a message; return the sections that changed."""
        return self._take(sections_of(self.raw.apply(deepcopy(message))))

    def full(self, **keys: Any) -> frozenset[str]:
        """Take a full report."""
        return self.apply(full(**keys))

    def delta(self, **keys: Any) -> frozenset[str]:
        """Take a delta."""
        return self.apply(delta(**keys))

    def _take(self, sections: Iterable[str]) -> frozenset[str]:
        self.state, changed = decode_sections(
            self.state, self.raw.data, sections, self.context
        )
        return changed


class Recorder:
    """Listens to a session and remembers what it was told."""

    def __init__(self) -> None:
        """Start with nothing heard."""
        self.events: list[str] = []
        self.messages: list[Json] = []
        self.malformed: list[str] = []
        self.errors: list[BaseException] = []

    def on_connected(self) -> None:
        """The session is there."""
        self.events.append("connected")

    def on_disconnected(self, error: Any) -> None:
        """The session is lost."""
        self.events.append("disconnected")
        self.errors.append(error)

    def on_message(self, message: Any) -> None:
        """A message arrived."""
        self.messages.append(message)

    def on_malformed(self, reason: str, *, oversized: bool = False) -> None:
        """Something else arrived."""
        self.malformed.append(reason)
