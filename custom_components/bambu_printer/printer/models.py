"""The printer models: how to recognise them, and what each can do.

A model's row says what its hardware has when nothing else is known; telemetry
overrules it (see `capabilities`).  The numbers are the maker's own limits from the
slicer's device files; what no source states is marked in the row.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from .values import integer


class Family(StrEnum):
    """Models that share electronics, and so their way of reporting."""

    X1 = "x1"
    P1 = "p1"
    A1 = "a1"
    A2 = "a2"
    P2 = "p2"
    H2 = "h2"
    X2 = "x2"
    UNKNOWN = "unknown"


class DoorSource(StrEnum):
    """The telemetry word that holds the door's bit."""

    HOME_FLAG = "home_flag"
    STAT = "stat"


class Light(StrEnum):
    """The lamps, by their names on the wire."""

    CHAMBER = "chamber_light"
    CHAMBER_2 = "chamber_light2"
    WORK = "work_light"
    HEATBED = "heatbed_light"


class Camera(StrEnum):
    """How a camera delivers its pictures."""

    JPEG = "jpeg"
    """JPEG frames over TLS, port 6000."""
    RTSPS = "rtsps"
    """H.264 over RTSPS, port 322."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PrinterModel:
    """What is known of one model before it has said anything."""

    key: str
    """Short name: ``X1C``, ``A1 mini``."""
    name: str
    """Marketing name, as the printer itself gives it as ``product_name``."""
    family: Family
    codes: frozenset[str] = frozenset()
    """Codes in announcements (``DevModel``) and in old version lists (``project_name``)."""
    serial_prefix: str = ""
    nozzle_max: int = 300
    """Highest nozzle temperature, °C."""
    bed_max: int = 100
    """Highest bed temperature, °C."""
    bed_max_220v: int | None = None
    """Highest bed temperature on 220 V mains where it is lower, °C."""
    chamber_max: int = 0
    """Highest chamber temperature that can be asked for, °C; 0: no heater."""
    chamber_heat_from: int = 0
    """From this chamber target on the air duct must be in heating mode, °C; 0: no duct."""
    chamber_sensor: bool = False
    extruders: int = 1
    aux_fan: bool = False
    chamber_fan: bool = False
    airduct: bool = False
    lights: frozenset[Light] = frozenset({Light.CHAMBER})
    door: DoorSource | None = None
    door_firmware: str = ""
    """First firmware that reports the door; empty: every one."""
    camera: Camera | None = None
    resolutions: bool = False
    """Whether there is more than one resolution to choose from."""
    full_reports: bool = False
    """Reports everything about every second, unasked."""
    pushall_interval: float = 5.0
    """Seconds to leave between two requests for a full report."""
    extruder_names: tuple[str, ...] = ("nozzle",)
    """Stable keys of the nozzles, by the extruder's number on the wire."""


_WEAK_CPU_INTERVAL = 300.0
"""A full report costs a P1 or A1 so much that it can disturb the print."""

_X1 = PrinterModel(
    key="X1",
    name="Bambu Lab X1",
    family=Family.X1,
    codes=frozenset({"BL-P002", "3DPrinter-X1"}),
    serial_prefix="00W",
    bed_max=120,
    bed_max_220v=110,
    chamber_sensor=True,
    aux_fan=True,
    chamber_fan=True,
    lights=frozenset({Light.CHAMBER, Light.WORK}),
    door=DoorSource.HOME_FLAG,
    door_firmware="01.07.00.00",
    camera=Camera.RTSPS,
    resolutions=True,
    full_reports=True,
)
_P1 = PrinterModel(
    key="P1S",
    name="Bambu Lab P1S",
    family=Family.P1,
    codes=frozenset({"C12"}),
    serial_prefix="01P",
    aux_fan=True,
    chamber_fan=True,
    camera=Camera.JPEG,
    pushall_interval=_WEAK_CPU_INTERVAL,
)
_A1 = PrinterModel(
    key="A1",
    name="Bambu Lab A1",
    family=Family.A1,
    codes=frozenset({"N2S", "A11"}),
    serial_prefix="039",
    camera=Camera.JPEG,
    pushall_interval=_WEAK_CPU_INTERVAL,
)
_H2S = PrinterModel(
    key="H2S",
    name="Bambu Lab H2S",
    family=Family.H2,
    codes=frozenset({"O1S", "O1S-V2"}),
    serial_prefix="093",
    nozzle_max=350,
    bed_max=120,
    chamber_max=65,
    chamber_heat_from=40,
    chamber_sensor=True,
    aux_fan=True,
    chamber_fan=True,
    airduct=True,
    lights=frozenset({Light.CHAMBER, Light.CHAMBER_2, Light.WORK, Light.HEATBED}),
    door=DoorSource.STAT,
    camera=Camera.RTSPS,
)
_H2D = replace(
    _H2S,
    key="H2D",
    name="Bambu Lab H2D",
    codes=frozenset({"O1D"}),
    serial_prefix="094",
    extruders=2,
    extruder_names=("right_nozzle", "left_nozzle"),
)

MODELS: tuple[PrinterModel, ...] = (
    replace(
        _X1,
        key="X1C",
        name="Bambu Lab X1-Carbon",
        codes=frozenset({"BL-P001", "3DPrinter-X1-Carbon"}),
        serial_prefix="00M",
    ),
    _X1,
    replace(
        _X1,
        key="X1E",
        name="Bambu Lab X1E",
        codes=frozenset({"C13"}),
        serial_prefix="03W",
        nozzle_max=320,
        bed_max=110,
        bed_max_220v=None,
        chamber_max=60,
        door_firmware="01.01.02.00",
    ),
    # A bare P1P has no chamber fan; the enclosure kit brings one, and telemetry tells.
    replace(
        _P1,
        key="P1P",
        name="Bambu Lab P1P",
        codes=frozenset({"C11"}),
        serial_prefix="01S",
        chamber_fan=False,
    ),
    _P1,
    PrinterModel(
        key="P2S",
        name="Bambu Lab P2S",
        family=Family.P2,
        codes=frozenset({"N7", "N7-V2"}),
        serial_prefix="22E",
        bed_max=110,
        chamber_sensor=True,
        aux_fan=True,
        airduct=True,
        lights=frozenset({Light.CHAMBER, Light.WORK}),
        door=DoorSource.STAT,
        camera=Camera.RTSPS,
    ),
    replace(
        _A1,
        key="A1 mini",
        name="Bambu Lab A1 mini",
        codes=frozenset({"N1", "A04", "A12"}),
        serial_prefix="030",
        bed_max=80,
    ),
    _A1,
    # The highest nozzle temperature of the A2L is in no source: the lowest of all models.
    replace(
        _A1,
        key="A2L",
        name="Bambu Lab A2L",
        family=Family.A2,
        codes=frozenset({"N9"}),
        serial_prefix="26A",
        bed_max=80,
    ),
    _H2D,
    # The serial prefix of the H2D Pro is inferred by elimination.
    replace(
        _H2D,
        key="H2D Pro",
        name="Bambu Lab H2D Pro",
        codes=frozenset({"O1E", "O2D"}),
        serial_prefix="239",
    ),
    _H2S,
    replace(
        _H2D,
        key="H2C",
        name="Bambu Lab H2C",
        codes=frozenset({"O1C", "O1C2", "O1C2-V2"}),
        serial_prefix="31B",
    ),
    replace(
        _H2D,
        key="X2D",
        name="Bambu Lab X2D",
        family=Family.X2,
        codes=frozenset({"N6", "N6-V2"}),
        serial_prefix="20P",
        nozzle_max=300,
        lights=frozenset({Light.CHAMBER, Light.CHAMBER_2}),
        # The printer's own words for 0 and 1, not the slicer's.
        extruder_names=("auxiliary_nozzle", "main_nozzle"),
    ),
)

UNKNOWN_MODEL = PrinterModel(
    key="unknown",
    name="Bambu Lab printer",
    family=Family.UNKNOWN,
    bed_max=80,
    pushall_interval=_WEAK_CPU_INTERVAL,
)
"""A printer that came out after this was written: the mildest limits of all models."""

_BY_CODE = {code: model for model in MODELS for code in model.codes}
_BY_NAME = {model.name.casefold(): model for model in MODELS} | {
    # Names that the maker's cloud, archives and firmware use as well.
    "bambu lab x1 carbon": _BY_CODE["BL-P001"],
    "bambu lab x1c": _BY_CODE["BL-P001"],
    "bambu lab a1m": _BY_CODE["N1"],
}
_BY_PREFIX = {model.serial_prefix: model for model in MODELS}


def identify(
    *,
    product_name: str = "",
    code: str = "",
    serial: str = "",
    project_name: str = "",
    boards: Mapping[str, str] | None = None,
) -> PrinterModel:
    """Tell the model from whatever is known of a printer; best evidence first.

    `product_name` and `project_name` are those of the module ``ota`` (or ``esp32``) in
    the version list, `code` is ``DevModel`` of an announcement, `boards` the revision
    (``hw_ver``) of each module.
    """
    return (
        _BY_NAME.get(product_name.strip().casefold())
        or _BY_CODE.get(code)
        or _BY_PREFIX.get(serial[:3].upper())
        or _BY_CODE.get(project_name)
        or _by_boards(boards or {})
    )


def _by_boards(boards: Mapping[str, str]) -> PrinterModel:
    """Recognise the X1 family, whose older firmware gives no name, by its boards.

    A last resort: later models use some of the same revisions, but have names.
    """
    if boards.get("ap") == "AP02":
        return _BY_CODE["C13"]
    if "rv1126" in boards or (boards.get("ap"), boards.get("mc")) == ("AP05", "MC07"):
        return _BY_CODE["BL-P001"]
    return UNKNOWN_MODEL


def version_tuple(version: str) -> tuple[int, ...]:
    """Return a firmware version as numbers to compare; unreadable fields count as 0."""
    return tuple(integer(part, 0) for part in version.split("."))
