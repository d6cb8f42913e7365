"""What a bug report needs, without what is nobody's business."""

from dataclasses import asdict
from typing import Any

from homeassistant.components.diagnostics import async_redact_data
from homeassistant.const import CONF_HOST
from homeassistant.core import HomeAssistant

from .const import CONF_ACCESS_CODE, CONF_CERTIFICATE, CONF_SERIAL
from .coordinator import BambuConfigEntry

_TO_REDACT = {
    CONF_ACCESS_CODE,
    CONF_CERTIFICATE,
    CONF_HOST,
    CONF_SERIAL,
    "address",
    "ams_id",
    "chip_id",
    "design_id",
    "file",
    "gcode_file",
    "info_ip",
    "ip",
    "job_id",
    "job_key",
    "model_id",
    "name",
    "oss_url",
    "peer_host",
    "profile_id",
    "project_id",
    "rtsp_url",
    "sn",
    "subtask_id",
    "subtask_name",
    "tag",
    "tag_uid",
    "task_id",
    "title",
    "tray_uuid",
    "unique_id",
}


async def async_get_config_entry_diagnostics(
    hass: HomeAssistant, entry: BambuConfigEntry
) -> dict[str, Any]:
    """Return everything that is known of a printer, redacted."""
    printer = entry.runtime_data.printer
    raw = dict(printer.raw.data)
    # Their names are board names, not people's.
    modules = raw.pop("@modules", [])
    return {
        "entry": async_redact_data(entry.as_dict(), _TO_REDACT),
        "model": printer.model.key,
        "service_state": printer.service_state.value,
        "last_error": printer.last_error.code if printer.last_error else None,
        "counters": asdict(printer.raw.counters),
        "unknown_keys": sorted(printer.raw.unknown_keys),
        "modules": async_redact_data(modules, {"sn"}),
        "state": async_redact_data(
            _as_json(asdict(printer.state)), _TO_REDACT | {"modules"}
        ),
        "report": async_redact_data(raw, _TO_REDACT),
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
