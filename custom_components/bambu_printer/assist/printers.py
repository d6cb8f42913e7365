"""Which printers somebody may speak of, and which one is meant."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
import re
from typing import Final

from homeassistant.auth.permissions.const import POLICY_CONTROL
from homeassistant.components.homeassistant.exposed_entities import async_should_expose
from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import Platform
from homeassistant.core import Context, HomeAssistant, callback, split_entity_id
from homeassistant.helpers import (
    area_registry as ar,
    device_registry as dr,
    entity_registry as er,
)

from ..const import CONF_SERIAL, DOMAIN
from ..coordinator import BambuConfigEntry, PrinterCoordinator
from ..printer import PrinterState

CONTROLS: Final = frozenset(
    {
        Platform.BUTTON,
        Platform.CLIMATE,
        Platform.FAN,
        Platform.LIGHT,
        Platform.NUMBER,
        Platform.SELECT,
        Platform.SWITCH,
    }
)
"""Entities that change something about a printer."""

_MARKS = re.compile(r"[^\w\s'.\-+&]+|[.](?!\w)")
"""What is not heard, or could be mistaken for the notation of sentences."""
_BORDERS = re.compile(r"(?<=[^\W\d_])(?=\d)|(?<=\d)(?=[^\W\d_])")


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownPrinter:
    """A printer that is exposed to an assistant."""

    entry: BambuConfigEntry
    device_id: str
    name: str
    names: frozenset[str]
    """All that people may call it, as `spoken` writes it."""
    area_id: str | None
    areas: frozenset[str]
    """All names of the area that it is in, as `spoken` writes them."""
    controls: frozenset[str]
    """The entities that are exposed and change something; not only what it shows."""

    @property
    def coordinator(self) -> PrinterCoordinator | None:
        """The printer itself; None while it cannot be reached."""
        if self.entry.state is not ConfigEntryState.LOADED:
            return None
        coordinator = self.entry.runtime_data
        return coordinator if coordinator.last_update_success else None


class UnclearError(Exception):
    """Nobody can tell which printer is meant."""

    def __init__(self, key: str, names: Iterable[str] = ()) -> None:
        """Remember the response that says so, and the printers to choose from."""
        super().__init__(key)
        self.key = key
        self.names = sorted(names)


def spoken(name: str) -> str:
    """Return a name as it is compared: without marks, capitals, and double spaces."""
    return " ".join(_MARKS.sub(" ", name.casefold()).split())


def _variants(name: str) -> Iterator[str]:
    """Yield how a name may be written down by whoever listens: X1C, or x 1 c."""
    if plain := spoken(name):
        yield plain
        yield " ".join(_BORDERS.sub(" ", plain).split())


@callback
def async_exposed_printers(
    hass: HomeAssistant, assistant: str | None
) -> list[KnownPrinter]:
    """Return the printers of which an assistant may know.

    Home Assistant exposes entities, not devices.  So a printer may be asked about when at
    least one of its entities is exposed, and be controlled when one of its controls is.
    Without an assistant (a script that handles an intent itself) there is no restriction.
    """
    found = (
        _describe(hass, entry, assistant)
        for entry in hass.config_entries.async_entries(
            DOMAIN, include_ignore=False, include_disabled=False
        )
    )
    return sorted((known for known in found if known), key=lambda known: known.name)


@callback
def _describe(
    hass: HomeAssistant, entry: BambuConfigEntry, assistant: str | None
) -> KnownPrinter | None:
    devices = dr.async_get(hass)
    device = devices.async_get_device_by_identifier(
        (DOMAIN, entry.data[CONF_SERIAL]), entry.entry_id
    )
    if device is None:
        return None
    exposed = {
        item.entity_id
        for item in er.async_entries_for_config_entry(
            er.async_get(hass), entry.entry_id
        )
        if not item.disabled
        and (assistant is None or async_should_expose(hass, assistant, item.entity_id))
    }
    if not exposed:
        return None
    name = device.name_by_user or device.name or entry.title
    area_id = dr.async_get_effective_area_id(hass, device)
    area = ar.async_get(hass).async_get_area(area_id) if area_id else None
    names = [name, entry.title, device.model or ""]
    return KnownPrinter(
        entry=entry,
        device_id=device.id,
        name=name,
        names=frozenset(word for item in names for word in _variants(item)),
        area_id=area.id if area else None,
        areas=frozenset(
            word
            for item in ((area.name, *area.aliases) if area else ())
            for word in _variants(item)
        ),
        controls=frozenset(x for x in exposed if split_entity_id(x)[0] in CONTROLS),
    )


async def async_objection(
    hass: HomeAssistant, printer: KnownPrinter, context: Context | None
) -> str | None:
    """Return the response that says why a printer must not be controlled; None: it may.

    At least one of its controls has to be exposed, and whoever speaks needs the right to
    control one of them, as Home Assistant demands for its own actions.
    """
    if not printer.controls:
        return "not_exposed"
    if context is None or context.user_id is None:
        return None
    user = await hass.auth.async_get_user(context.user_id)
    if user is not None and any(
        user.permissions.check_entity(entity_id, POLICY_CONTROL)
        for entity_id in printer.controls
    ):
        return None
    return "not_permitted"


def choose_printer(
    printers: Sequence[KnownPrinter],
    *,
    name: str | None = None,
    area: str | None = None,
    preferred_area_id: str | None = None,
    prefer: Callable[[PrinterState], bool] | None = None,
) -> KnownPrinter:
    """Return the printer that is meant.

    What was said decides: a name, or an area.  Otherwise it is the only printer in the
    area of whoever asks, or else the only one for which the question makes sense
    (`prefer`), or the only one there is.

    Raises `UnclearError` when it is none or more than one.
    """
    if not printers:
        raise UnclearError("no_printer")
    left = list(printers)
    if name:
        left = [x for x in left if spoken(name) in x.names]
    if area:
        left = [x for x in left if spoken(area) in x.areas or area == x.area_id]
    if not left:
        raise UnclearError("no_such_printer", (x.name for x in printers))
    if not name and not area:
        left = _narrow(left, lambda x: x.area_id == preferred_area_id is not None)
    if prefer is not None:
        left = _narrow(
            left, lambda x: x.coordinator is not None and prefer(x.coordinator.data)
        )
    if len(left) > 1:
        raise UnclearError("which", (x.name for x in left))
    return left[0]


def _narrow(
    printers: list[KnownPrinter], fits: Callable[[KnownPrinter], bool]
) -> list[KnownPrinter]:
    """Leave out what does not fit, unless nothing were left."""
    return [printer for printer in printers if fits(printer)] or printers
