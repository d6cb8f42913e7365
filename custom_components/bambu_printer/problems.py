"""What the user can do something about: raised as repairs, gone when the cause is gone."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from homeassistant.config_entries import (
    SOURCE_REAUTH,
    ConfigEntry,
    ConfigEntryState,
)
from homeassistant.const import CONF_HOST
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.event import async_call_later
from homeassistant.util.hass_dict import HassKey

from .connection import async_try_connection
from .const import CONF_CERTIFICATE, CONF_MQTT_PORT, CONF_SERIAL, DOMAIN
from .printer import (
    ControlState,
    PrinterConnectionError,
    PrinterState,
    verify_certificate,
)
from .printer.contention import SETTLED_AFTER, Contention
from .printer.models import Family
from .printer.state.enclosure import StorageStatus

if TYPE_CHECKING:
    from .coordinator import BambuConfigEntry, PrinterCoordinator

ACCESS_CODE: Final = "access_code"
CERTIFICATE: Final = "certificate_changed"

CERTIFICATE_INTERVAL: Final = 30.0
"""Seconds between two looks at the certificate; nothing is sent by them."""
ACCESS_CODE_INTERVAL: Final = 50.0
"""Seconds between two logins with a code that was refused: a printer that has just been
switched on may refuse one that it takes a moment later.  A session tries as often."""

_CARD_FAMILIES = frozenset({Family.X1, Family.P1, Family.A1, Family.A2})
"""The models that keep what they print on a card; the others have a memory of their own."""


@dataclass(frozen=True, kw_only=True)
class Problem:
    """Something that a connected printer, or its silence, shows."""

    key: str
    sections: tuple[str, ...] = ()
    """The sections of the state that show it, beside what happens to the connection."""
    exists: Callable[[PrinterCoordinator], bool | None]
    """Whether it is so; None when nothing tells."""


def _read_only(coordinator: PrinterCoordinator) -> bool | None:
    match coordinator.control:
        case ControlState.READ_ONLY:
            return True
        case ControlState.FULL:
            return False
    return None


def _no_live_view(coordinator: PrinterCoordinator) -> bool | None:
    """Tell whether the camera is kept from Home Assistant; not all models have the switch."""
    if not coordinator.last_update_success:
        return None
    camera = coordinator.data.camera
    return camera.live_view is False and camera.present is not False


def _no_card(coordinator: PrinterCoordinator) -> bool | None:
    if not coordinator.last_update_success:
        return None
    return (
        coordinator.printer.model.family in _CARD_FAMILIES
        and coordinator.data.enclosure.storage is StorageStatus.NONE
    )


def _crowded(coordinator: PrinterCoordinator) -> bool:
    return coordinator.printer.contention.crowded


def _silent(coordinator: PrinterCoordinator) -> bool:
    return coordinator.plug is not None and coordinator.plug.silent


PROBLEMS: Final = (
    Problem(key="developer_mode", exists=_read_only),
    Problem(key="live_view", sections=("camera",), exists=_no_live_view),
    Problem(key="no_card", sections=("capabilities", "enclosure"), exists=_no_card),
    Problem(key="other_client", exists=_crowded),
    Problem(key="silent", exists=_silent),
)


_CONTENTION: HassKey[dict[str, Contention]] = HassKey(f"{DOMAIN}_contention")


@callback
def contention_of(hass: HomeAssistant, entry: ConfigEntry) -> Contention:
    """Return what is remembered of an entry's connections, from set-up to set-up."""
    known = hass.data.setdefault(_CONTENTION, {})
    return known.setdefault(entry.entry_id, Contention())


@callback
def async_forget_everything(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Forget all that concerns an entry: it is removed."""
    async_forget_problems(hass, entry)
    hass.data.get(_CONTENTION, {}).pop(entry.entry_id, None)
    for problem in PROBLEMS:
        ir.async_delete_issue(hass, DOMAIN, issue_id(problem.key, entry))


@callback
def async_note_refusal(coordinator: PrinterCoordinator) -> None:
    """Remember that the printer did not let us in while the entry was set up."""
    contention = coordinator.printer.contention
    contention.disconnected(
        asyncio.get_running_loop().time(), refused=True, hung_up=True
    )
    if contention.crowded:
        entry = coordinator.config_entry
        _async_show(coordinator.hass, entry, "other_client", exists=True)


def issue_id(key: str, entry: ConfigEntry) -> str:
    """Return the id of an entry's repair."""
    return f"{key}_{entry.entry_id}"


@callback
def async_watch_problems(coordinator: PrinterCoordinator) -> CALLBACK_TYPE:
    """Raise and withdraw the repairs of a printer from now on; return what ends it.

    Ignored ones stay ignored as long as their cause is there.
    """
    hass, entry = coordinator.hass, coordinator.config_entry
    cancel_look: CALLBACK_TYPE | None = None

    @callback
    def look(*_: object) -> None:
        for problem in PROBLEMS:
            exists = problem.exists(coordinator)
            if exists is not None:
                _async_show(hass, entry, problem.key, exists=exists)
        look_again()

    @callback
    def look_again() -> None:
        """Look when a connection has stood for long enough to be believed."""
        nonlocal cancel_look
        if cancel_look is None and coordinator.printer.contention.crowded:
            cancel_look = async_call_later(hass, SETTLED_AFTER, settle)

    @callback
    def settle(_now: datetime) -> None:
        nonlocal cancel_look
        cancel_look = None
        coordinator.printer.contention.settled(asyncio.get_running_loop().time())
        look()

    def facts(_state: PrinterState) -> tuple[bool | None, ...]:
        return tuple(problem.exists(coordinator) for problem in PROBLEMS)

    sections = dict.fromkeys(name for problem in PROBLEMS for name in problem.sections)
    ends = (
        coordinator.async_add_listener(look),
        coordinator.async_watch(sections, facts, look),
    )
    look()

    @callback
    def end() -> None:
        for each in ends:
            each()
        if cancel_look:
            cancel_look()
        registry = ir.async_get(hass)
        for problem in PROBLEMS:
            known = registry.async_get_issue(DOMAIN, issue_id(problem.key, entry))
            # What was ignored is not shown anyway, and must be known when it is back.
            if known and not known.dismissed_version:
                ir.async_delete_issue(hass, DOMAIN, known.issue_id)

    return end


@callback
def _async_show(
    hass: HomeAssistant,
    entry: ConfigEntry,
    key: str,
    *,
    exists: bool,
    severity: ir.IssueSeverity = ir.IssueSeverity.WARNING,
) -> None:
    if not exists:
        ir.async_delete_issue(hass, DOMAIN, issue_id(key, entry))
        return
    ir.async_create_issue(
        hass,
        DOMAIN,
        issue_id(key, entry),
        data={"entry_id": entry.entry_id, "problem": key},
        is_fixable=True,
        severity=severity,
        translation_key=key,
        translation_placeholders={"name": entry.title},
    )


@callback
def async_raise_certificate(hass: HomeAssistant, entry: BambuConfigEntry) -> None:
    """Tell that the printer shows another certificate, until it shows the pinned one."""

    async def works() -> bool:
        try:
            await verify_certificate(
                entry.data[CONF_HOST],
                entry.data[CONF_MQTT_PORT],
                serial=entry.data[CONF_SERIAL],
                pin=entry.data[CONF_CERTIFICATE],
            )
        except PrinterConnectionError:
            return False
        return True

    _async_raise_until(hass, entry, CERTIFICATE, works, CERTIFICATE_INTERVAL)


@callback
def async_raise_access_code(hass: HomeAssistant, entry: BambuConfigEntry) -> None:
    """Tell that the printer refuses the access code, until it takes it."""

    async def works() -> bool:
        return await async_try_connection(entry.data) is None

    _async_raise_until(hass, entry, ACCESS_CODE, works, ACCESS_CODE_INTERVAL)


@callback
def _async_raise_until(
    hass: HomeAssistant,
    entry: ConfigEntry,
    key: str,
    works: Callable[[], Awaitable[bool]],
    interval: float,
) -> None:
    """Raise a repair that ends the session, and set up again when its cause is gone.

    The entry may be anything but loaded meanwhile: nothing that belongs to it can watch.
    """
    registry = ir.async_get(hass)
    known = registry.async_get_issue(DOMAIN, issue_id(key, entry))
    _async_show(hass, entry, key, exists=True, severity=ir.IssueSeverity.ERROR)
    if known and known.active:
        return

    async def watch() -> None:
        while True:
            await asyncio.sleep(interval)
            if not registry.async_get_issue(DOMAIN, issue_id(key, entry)):
                return
            if entry.state is ConfigEntryState.LOADED:
                # Its own session tries again, and says when it was let in.
                continue
            if entry.state is ConfigEntryState.NOT_LOADED:
                _async_show(hass, entry, key, exists=False)
                return
            if await works():
                hass.config_entries.async_schedule_reload(entry.entry_id)
                return

    hass.async_create_background_task(watch(), f"bambu_printer {key}")


@callback
def async_connected(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Withdraw what a connection that stands has proven wrong."""
    async_forget_problems(hass, entry)
    for flow in list(entry.async_get_active_flows(hass, {SOURCE_REAUTH})):
        hass.config_entries.flow.async_abort(flow["flow_id"])


@callback
def async_forget_problems(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Withdraw the repairs that do not end with the session."""
    for key in (ACCESS_CODE, CERTIFICATE):
        ir.async_delete_issue(hass, DOMAIN, issue_id(key, entry))
