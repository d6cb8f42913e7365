"""The printers' config entries: made through the real config flow, kept from run to run."""

import asyncio
from typing import Any

from . import DemoError, say
from .client import Client
from .printers import HOST, DemoPrinter

DOMAIN = "bambu_printer"
_FLOW = "/api/config/config_entries/flow"
_LOADED_WITHIN = 30.0


async def ensure_entries(
    client: Client, printers: list[DemoPrinter], known: list[DemoPrinter]
) -> None:
    """Give every printer of this run a loaded entry, and switch off those of other runs."""
    entries = await _entries(client)
    for printer in known:
        if printer.entry_id not in entries:
            printer.entry_id = None
        elif printer not in printers:
            await _enable(client, entries[printer.entry_id], on=False)

    for printer in printers:
        if printer.entry_id is None:
            printer.entry_id = await _add(client, printer)
            say(f"Added {printer.name} through the config flow")
        else:
            await _enable(client, entries[printer.entry_id], on=True)
    for printer in printers:
        if problem := await _wait_until_loaded(client, printer):
            # It has not kept its certificate, say: as a stranger it will be welcome.
            say(f"{printer.name}'s entry does not load ({problem}); adding it anew")
            await client.delete(f"/api/config/config_entries/entry/{printer.entry_id}")
            printer.entry_id = await _add(client, printer)
            if problem := await _wait_until_loaded(client, printer):
                raise DemoError(f"{printer.name} could not be set up: {problem}")


async def _entries(client: Client) -> dict[str | None, dict[str, Any]]:
    """Return our entries by their id."""
    entries = await client.get(f"/api/config/config_entries/entry?domain={DOMAIN}")
    return {entry["entry_id"]: entry for entry in entries}


async def _enable(client: Client, entry: dict[str, Any], *, on: bool) -> None:
    """Enable or disable an entry, unless it is so already."""
    if on == (entry["disabled_by"] is None):
        return
    await client.command(
        "config_entries/disable",
        entry_id=entry["entry_id"],
        disabled_by=None if on else "user",
    )


async def _add(client: Client, printer: DemoPrinter) -> str:
    """Go through the config flow as a user would, and return the new entry's id."""
    form = await client.post(_FLOW, {"handler": DOMAIN, "show_advanced_options": False})
    ports = _ports_that_the_form_knows(form)
    result = await client.post(
        f"{_FLOW}/{form['flow_id']}",
        {
            "host": HOST,
            "access_code": printer.access_code,
            "ports": {key: port for key, port in printer.ports.items() if key in ports},
        },
    )
    if result["type"] == "form" and result["step_id"] == "trust":
        # No authority that Home Assistant could know has issued its certificate.
        result = await client.post(f"{_FLOW}/{form['flow_id']}", {})
    if result["type"] == "create_entry":
        entry_id: str = result["result"]["entry_id"]
        return entry_id
    if result["type"] == "abort" and result["reason"] == "already_configured":
        return await _entry_of_serial(client, printer)
    if result["type"] == "form":
        await client.delete(f"{_FLOW}/{form['flow_id']}")
    reason = result.get("errors") or result.get("reason") or result
    raise DemoError(f"the config flow did not add {printer.name}: {reason}")


def _ports_that_the_form_knows(form: dict[str, Any]) -> set[str]:
    """Return the names of the fields in the form's section for ports."""
    for field in form["data_schema"]:
        if field["name"] == "ports":
            return {port["name"] for port in field["schema"]}
    return set()


async def _entry_of_serial(client: Client, printer: DemoPrinter) -> str:
    """Find the entry that somebody else made for this printer."""
    for device in await client.command("config/device_registry/list"):
        if [DOMAIN, printer.serial] in device["identifiers"]:
            entry_id: str = device.get("config_entry_id") or device["config_entries"][0]
            return entry_id
    raise DemoError(f"{printer.name} is configured already, but has no device.")


async def _wait_until_loaded(client: Client, printer: DemoPrinter) -> str | None:
    """Wait until the printer's entry is loaded; return what prevents it."""
    entry: dict[str, Any] = {}
    deadline = asyncio.get_running_loop().time() + _LOADED_WITHIN
    while asyncio.get_running_loop().time() < deadline:
        entry = (await _entries(client)).get(printer.entry_id, {})
        state = entry.get("state")
        if state == "loaded":
            return None
        if state in (None, "setup_error", "migration_error", "failed_unload"):
            break
        if state == "setup_retry":
            # Home Assistant started before the printer answered: no need to wait its turn.
            await client.post(
                f"/api/config/config_entries/entry/{printer.entry_id}/reload", {}
            )
        await asyncio.sleep(0.5)
    return f"{entry.get('state')}: {entry.get('reason') or 'no reason given'}"
