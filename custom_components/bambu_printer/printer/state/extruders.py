"""Extruders: which one is active, what feeds it, and the nozzle it carries."""

from dataclasses import dataclass
from enum import StrEnum

from ..slots import SlotAddress, from_packed, from_tray_now
from ..values import Raw, bit, field, integer, mapping, number, records, text
from .context import Context

INPUTS = frozenset(
    {
        "ams",
        "device.extruder",
        "device.nozzle",
        "hw_switch_state",
        "nozzle_diameter",
        "nozzle_type",
    }
)

_SWITCHING = 15
_DIAMETERS = (0.2, 0.4, 0.6, 0.8)


class NozzleMaterial(StrEnum):
    """What a nozzle is made of."""

    STAINLESS_STEEL = "stainless_steel"
    HARDENED_STEEL = "hardened_steel"
    TUNGSTEN_CARBIDE = "tungsten_carbide"
    BRASS = "brass"
    E3D = "e3d"


class NozzleFlow(StrEnum):
    """How much a nozzle lets through."""

    STANDARD = "standard"
    HIGH = "high"
    TPU_HIGH = "tpu_high"


_MATERIAL_CODES = {
    "00": NozzleMaterial.STAINLESS_STEEL,
    "01": NozzleMaterial.HARDENED_STEEL,
    "05": NozzleMaterial.TUNGSTEN_CARBIDE,
}
_FLOW_CODES = {
    "S": NozzleFlow.STANDARD,
    "A": NozzleFlow.STANDARD,
    "X": NozzleFlow.STANDARD,
    "H": NozzleFlow.HIGH,
    "E": NozzleFlow.HIGH,
    "B": NozzleFlow.HIGH,
    "U": NozzleFlow.TPU_HIGH,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Nozzle:
    """A nozzle; None: the printer does not know or does not say."""

    material: NozzleMaterial | None = None
    flow: NozzleFlow | None = None
    diameter: float | None = None
    """Millimetres."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Extruder:
    """One extruder and what is in it."""

    number: int
    """0 is the right or only one, 1 the left."""
    nozzle: Nozzle = Nozzle()
    slot: SlotAddress | None = None
    """Where the filament comes from that is loaded."""
    target: SlotAddress | None = None
    """Where the filament comes from that is being loaded."""
    filament: bool | None = None
    """Whether the sensor in the toolhead sees filament."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtruderState:
    """All extruders."""

    extruders: tuple[Extruder, ...] = ()
    active: int | None = None
    """Number of the active extruder; None while the printer switches."""

    @property
    def active_slot(self) -> SlotAddress | None:
        """Where the filament of the active extruder comes from."""
        return next((x.slot for x in self.extruders if x.number == self.active), None)


def decode(raw: Raw, previous: ExtruderState, context: Context) -> ExtruderState:
    """Read the extruders; the flat keys serve only where there is no better source."""
    device = mapping(raw.get("device"))
    nozzles = _nozzles(raw, device)
    extruder = mapping(device.get("extruder"))
    items = {
        integer(item.get("id"), -1): item for item in records(extruder.get("info"))
    }
    if not items.keys() & {0, 1}:
        return _single(raw, nozzles)
    state = integer(extruder.get("state"), 0)
    active = field(state, 4, 4)
    return ExtruderState(
        extruders=tuple(
            Extruder(
                number=number,
                nozzle=nozzles.get(number, Nozzle()),
                slot=_slot(item.get("snow")),
                target=_slot(item.get("star")),
                filament=bit(integer(item.get("info"), None), 1),
            )
            for number, item in sorted(items.items())
            if number in (0, 1)
        ),
        active=None if active == _SWITCHING else active if active in items else 0,
    )


def _slot(packed: object) -> SlotAddress | None:
    value = integer(packed, None)
    return None if value is None else from_packed(value)


def _single(raw: Raw, nozzles: dict[int, Nozzle]) -> ExtruderState:
    """Read a printer that has never heard of a second extruder."""
    ams = mapping(raw.get("ams"))
    now, target = (integer(ams.get(key), None) for key in ("tray_now", "tray_tar"))
    switch = integer(raw.get("hw_switch_state"), None)
    if now is None and switch is None and not nozzles:
        return ExtruderState()
    return ExtruderState(
        extruders=(
            Extruder(
                number=0,
                nozzle=nozzles.get(0, Nozzle()),
                slot=None if now is None else from_tray_now(now),
                target=None if target is None else from_tray_now(target),
                filament=None if switch is None else switch != 0,
            ),
        ),
        active=0,
    )


def _nozzles(raw: Raw, device: Raw) -> dict[int, Nozzle]:
    info = mapping(device.get("nozzle")).get("info")
    found = {
        integer(item.get("id"), -1): _nozzle(item.get("type"), item.get("diameter"))
        for item in records(info)
    }
    if found.keys() & {0, 1}:
        return found
    if "nozzle_type" in raw or "nozzle_diameter" in raw:
        return {0: _nozzle(raw.get("nozzle_type"), raw.get("nozzle_diameter"))}
    return {}


def _nozzle(kind: object, diameter: object) -> Nozzle:
    name = text(kind, "")
    size = number(diameter, None)
    return Nozzle(
        material=_material(name),
        flow=_FLOW_CODES.get(name[1])
        if len(name) == 4 and name[2:].isdigit()
        else None,
        # Some reports carry the noise of a 32-bit float.
        diameter=next((d for d in _DIAMETERS if size and abs(d - size) < 0.01), None),
    )


def _material(name: str) -> NozzleMaterial | None:
    if len(name) == 4 and name[2:].isdigit():
        if name[1] == "B":
            return NozzleMaterial.E3D
        return _MATERIAL_CODES.get(name[2:])
    lower = name.lower()
    if lower.startswith("e3d"):
        return NozzleMaterial.E3D
    try:
        return NozzleMaterial(lower)
    except ValueError:
        return None
