"""What a bug report needs, without what is nobody's business."""

from dataclasses import asdict
from typing import Any

from homeassistant.components.diagnostics import async_redact_data
from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import CONF_HOST
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir

from .const import (
    CONF_ACCESS_CODE,
    CONF_CERTIFICATE,
    CONF_SERIAL,
    DOMAIN,
)
from .coordinator import BambuConfigEntry, PrinterCoordinator
from .discovery import async_get_discovery
from .printer.redaction import Redaction, secrets_of

_ENTRY_KEYS = {
    CONF_ACCESS_CODE,
    CONF_CERTIFICATE,
    CONF_HOST,
    CONF_SERIAL,
    "title",
    "unique_id",
}
_STATE_KEYS = {
    "address",
    "file",
    "job_id",
    "job_key",
    "name",
    "serial",
    "subtask_id",
    "tag",
}


async def async_get_config_entry_diagnostics(
    hass: HomeAssistant, entry: BambuConfigEntry
) -> dict[str, Any]:
    """Return everything that is known of a printer, redacted.

    The trace in it can be replayed: see `printer.replay`.
    """
    data = {
        "entry": async_redact_data(entry.as_dict(), _ENTRY_KEYS),
        "discovery": asdict(async_get_discovery(hass).facts),
        "repairs": sorted(
            issue.translation_key or issue.issue_id
            for issue in ir.async_get(hass).issues.values()
            if issue.domain == DOMAIN
            and issue.active
            and issue.issue_id.endswith(entry.entry_id)
        ),
    }
    if entry.state is ConfigEntryState.LOADED:
        data |= _printer(entry.runtime_data)
    redaction = Redaction(
        {
            str(entry.data[CONF_SERIAL]),
            str(entry.data[CONF_ACCESS_CODE]),
            str(entry.data[CONF_HOST]),
            entry.title,
        }
    )
    found: dict[str, Any] = redaction.clean(data)
    return found


def _printer(coordinator: PrinterCoordinator) -> dict[str, Any]:
    """Return what is known of a printer that is set up."""
    printer = coordinator.printer
    secrets = {printer.serial, printer.endpoint.access_code, printer.endpoint.host}
    redaction = Redaction(secrets | secrets_of(printer.raw.data))
    raw = dict(printer.raw.data)
    modules = raw.pop("@modules", [])
    return {
        "model": printer.model.key,
        "service_state": printer.service_state.value,
        "control": coordinator.control.value,
        "left_alone": coordinator.holding,
        "last_error": printer.last_error.code if printer.last_error else None,
        "counters": asdict(printer.counters),
        "unknown_keys": sorted(printer.raw.unknown_keys),
        "modules": redaction.redact(modules, "@modules"),
        "state": async_redact_data(
            _as_json(asdict(printer.state)), _STATE_KEYS | {"modules"}
        ),
        "report": redaction.redact(raw),
        "trace": printer.trace.to_json(
            model_code=printer.model_code, serial=printer.serial, secrets=secrets
        ),
    }


def _as_json(value: Any) -> Any:
    """Make sets and tuples lists, as JSON knows no other."""
    if isinstance(value, dict):
        return {str(key): _as_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_as_json(item) for item in value]
    if isinstance(value, set | frozenset):
        return sorted(str(item) for item in value)
    return value
