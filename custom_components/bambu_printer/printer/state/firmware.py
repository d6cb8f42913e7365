"""Firmware: the boards' versions, and what the printer says of an update."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from ..values import Raw, flag, integer, mapping, records, text
from .context import Context

INPUTS = frozenset({"@modules", "upgrade_state"})

_MAIN_MODULES = ("ota", "rv1126", "esp32")
"""Where the version of the whole printer stands; old firmware has no ``ota``."""
_AMS_MODULES = frozenset({"ams", "ams_f1", "n3f", "n3s"})
_OFFERED = 1
"""Otherwise the printer has not looked, or what it names is an older version."""
_RUNNING = frozenset(
    {
        "DOWNLOADING",
        "FLASHING",
        "PRE_FLASH_START",
        "PRE_FLASH_SUCCESS",
        "UPGRADE_REQUEST",
    }
)
_PLACEHOLDERS = frozenset({"", "N/A"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """A board or an accessory, from the version list."""

    name: str
    product_name: str = ""
    project_name: str = ""
    serial: str = ""
    version: str = ""
    hardware: str = ""
    offered: str = ""
    """Version on offer for it alone; empty: none, or not known."""

    @property
    def ams_unit(self) -> int:
        """Number of the AMS unit that it is; -1 when it is none."""
        prefix, _, number = self.name.partition("/")
        return integer(number, -1) if prefix in _AMS_MODULES else -1


@dataclass(frozen=True, slots=True, kw_only=True)
class FirmwareState:
    """What is installed, and what is on offer.  None: never reported."""

    version: str | None = None
    modules: tuple[Module, ...] = ()
    available: str | None = None
    """Version on offer; None: none, or an unknown one (see `update_offered`)."""
    update_offered: bool | None = None
    status: str | None = None
    """The printer's word for what an update is doing: ``IDLE``, ``DOWNLOADING``, …"""
    progress: int | None = None
    """Percent of an update."""
    forced: bool | None = None
    """Whether the printer refuses to print until it is updated."""

    @property
    def updating(self) -> bool:
        """Whether an update is being installed."""
        return self.status in _RUNNING


def read_modules(raw: Raw) -> Iterator[Module]:
    """Iterate over the version list, without entries that are not filled in yet.

    Shortly after power-up some modules have neither a serial number nor a version.
    """
    for item in records(raw.get("@modules")):
        if name := text(item.get("name"), ""):
            yield Module(
                name=name,
                product_name=_filled(item.get("product_name")),
                project_name=_filled(item.get("project_name")),
                serial=_filled(item.get("sn")),
                version=_filled(item.get("sw_ver")),
                hardware=_filled(item.get("hw_ver")),
            )


def main_module(modules: tuple[Module, ...]) -> Module | None:
    """Return the module that stands for the printer as a whole."""
    by_name = {module.name: module for module in modules}
    return next(
        (
            by_name[name]
            for name in _MAIN_MODULES
            if name in by_name and by_name[name].version
        ),
        None,
    )


def decode(raw: Raw, previous: FirmwareState, context: Context) -> FirmwareState:
    """Read the version list and the update state."""
    upgrade = mapping(raw.get("upgrade_state"))
    offered = integer(upgrade.get("new_version_state"), None)
    offers = _offers(upgrade) if offered in (None, _OFFERED) else {}
    modules = tuple(
        replace(module, offered=_offered(module, offers))
        for module in read_modules(raw)
    )
    main = main_module(modules)
    progress = integer(upgrade.get("progress"), None)
    return FirmwareState(
        version=main.version if main else previous.version,
        modules=modules,
        available=offers.get("ota"),
        update_offered=None if offered is None else offered == _OFFERED,
        status=text(upgrade.get("status"), None) or None,
        progress=progress if progress in range(101) else None,
        forced=flag(upgrade.get("force_upgrade"), None),
    )


def _filled(value: object) -> str:
    result = text(value, "").strip()
    return "" if result in _PLACEHOLDERS else result


def _offers(upgrade: Raw) -> dict[str, str]:
    """Read the versions on offer, by the names of the modules."""
    found = {
        name: version
        for name in ("ota", "ams")
        if (version := _filled(upgrade.get(f"{name}_new_version_number")))
    }
    return found | {
        text(item.get("name"), ""): version
        for item in records(upgrade.get("new_ver_list"))
        if (version := _filled(item.get("new_ver")))
    }


def _offered(module: Module, offers: Mapping[str, str]) -> str:
    """Return what is on offer for a module; old firmware has one word for all AMS."""
    kind = module.name.partition("/")[0]
    return offers.get(module.name) or (offers.get(kind, "") if kind == "ams" else "")
