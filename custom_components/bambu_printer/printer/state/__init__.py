"""The state of a printer: immutable, typed, one module per section.

`PrinterState` bundles the sections.  `SECTIONS` says for each one which keys of a report
it is made from, and the pure function that makes it.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from ..values import Raw
from . import (
    ams,
    camera,
    capabilities,
    detectors,
    enclosure,
    errors,
    extruders,
    fans,
    firmware,
    job,
    lights,
    network,
    options,
    project,
    temperatures,
)
from .ams import AmsState
from .camera import CameraState
from .capabilities import Capabilities
from .context import Context
from .detectors import DetectorState
from .enclosure import EnclosureState
from .errors import ErrorState
from .extruders import ExtruderState
from .fans import FanState
from .firmware import FirmwareState
from .job import JobState
from .lights import LightState
from .network import NetworkState
from .options import OptionState
from .project import ProjectState
from .temperatures import TemperatureState

__all__ = [
    "SECTIONS",
    "AmsState",
    "CameraState",
    "Capabilities",
    "Context",
    "DetectorState",
    "EnclosureState",
    "ErrorState",
    "ExtruderState",
    "FanState",
    "FirmwareState",
    "JobState",
    "LightState",
    "NetworkState",
    "OptionState",
    "PrinterState",
    "ProjectState",
    "TemperatureState",
    "decode_sections",
    "sections_of",
]


@dataclass(frozen=True, kw_only=True)
class PrinterState:
    """Everything that is known of a printer at one moment."""

    ams: AmsState = field(default_factory=AmsState)
    camera: CameraState = field(default_factory=CameraState)
    capabilities: Capabilities = field(default_factory=Capabilities)
    detectors: DetectorState = field(default_factory=DetectorState)
    enclosure: EnclosureState = field(default_factory=EnclosureState)
    errors: ErrorState = field(default_factory=ErrorState)
    extruders: ExtruderState = field(default_factory=ExtruderState)
    fans: FanState = field(default_factory=FanState)
    firmware: FirmwareState = field(default_factory=FirmwareState)
    job: JobState = field(default_factory=JobState)
    lights: LightState = field(default_factory=LightState)
    network: NetworkState = field(default_factory=NetworkState)
    options: OptionState = field(default_factory=OptionState)
    project: ProjectState = field(default_factory=ProjectState)
    temperatures: TemperatureState = field(default_factory=TemperatureState)

    def _with(self, sections: Mapping[str, Any]) -> PrinterState:
        """Return the state with other sections in place of its own.

        What `dataclasses.replace` does, without going through all fields one by one: this
        happens with almost every report.  (It is why the class has no slots.)
        """
        state = object.__new__(PrinterState)
        values = state.__dict__
        values |= self.__dict__
        values |= sections
        return state


type Decoder = Callable[[Raw, Any, Context], Any]

SECTIONS: dict[str, tuple[frozenset[str], Decoder]] = {
    name: (module.INPUTS, module.decode)
    for name, module in {
        "ams": ams,
        "camera": camera,
        "capabilities": capabilities,
        "detectors": detectors,
        "enclosure": enclosure,
        "errors": errors,
        "extruders": extruders,
        "fans": fans,
        "firmware": firmware,
        "job": job,
        "lights": lights,
        "network": network,
        "options": options,
        "project": project,
        "temperatures": temperatures,
    }.items()
}

_SECTIONS_OF_KEY: dict[str, tuple[str, ...]] = {
    key: tuple(name for name, (inputs, _) in SECTIONS.items() if key in inputs)
    for key in frozenset().union(*(inputs for inputs, _ in SECTIONS.values()))
}


def sections_of(keys: Iterable[str]) -> frozenset[str]:
    """Return the sections that are made from any of these keys."""
    return _sections_of(frozenset(keys))


@lru_cache(maxsize=512)
def _sections_of(keys: frozenset[str]) -> frozenset[str]:
    """Look the sections up; the same few sets of keys change again and again."""
    return frozenset(name for key in keys for name in _SECTIONS_OF_KEY.get(key, ()))


def decode_sections(
    state: PrinterState, raw: Raw, names: Iterable[str], context: Context
) -> tuple[PrinterState, frozenset[str]]:
    """Make the named sections anew; return the new state and what really changed."""
    changed = {}
    for name in names:
        old = getattr(state, name)
        new = SECTIONS[name][1](raw, old, context)
        if new is not old and new != old:
            changed[name] = new
    return (state._with(changed) if changed else state), frozenset(changed)  # noqa: SLF001
