"""Putting the dashboard into the demo's Home Assistant.

An edited dashboard is left alone until the printers' entities change.
"""

import asyncio
import hashlib
import json

from . import FOLDER, say
from .cards import TITLE, URL_PATH, Device, dashboard, devices_of
from .client import Client
from .entries import DOMAIN

_LAST = FOLDER / "dashboard.sha256"
_SETTLES_WITHIN = 20.0


async def show_dashboard(client: Client, entry_ids: list[str]) -> None:
    """Create or refresh the dashboard, and make it what the user sees first."""
    printers = await _settled_printers(client, entry_ids)
    config = dashboard(printers)
    digest = hashlib.sha256(json.dumps(config).encode()).hexdigest()

    dashboards = await client.command("lovelace/dashboards/list")
    exists = any(item["url_path"] == URL_PATH for item in dashboards)
    if not exists:
        await client.command(
            "lovelace/dashboards/create",
            url_path=URL_PATH,
            title=TITLE,
            icon="mdi:printer-3d",
            show_in_sidebar=True,
            require_admin=False,
        )
        core = await client.command("frontend/get_system_data", key="core")
        await client.command(
            "frontend/set_system_data",
            key="core",
            value={**(core["value"] or {}), "default_panel": URL_PATH},
        )
    if exists and _LAST.exists() and _LAST.read_text() == digest:
        return
    await client.command("lovelace/config/save", url_path=URL_PATH, config=config)
    _LAST.write_text(digest)
    cards = sum(
        len(section["cards"]) for v in config["views"] for section in v["sections"]
    )
    say(f"Made a dashboard of {cards} cards")


async def _settled_printers(client: Client, entry_ids: list[str]) -> list[list[Device]]:
    """Return each printer's devices, once no more entities appear.

    Parts that a printer tells of in its first report come a moment after the entry has loaded.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + _SETTLES_WITHIN
    before = -1
    while True:
        devices = await client.command("config/device_registry/list")
        entities = await client.command("config/entity_registry/list")
        ours = [e for e in entities if e["platform"] == DOMAIN]
        if ours and (len(ours) == before or loop.time() > deadline):
            break
        if loop.time() > deadline:
            break
        before = len(ours)
        await asyncio.sleep(1.5)
    return [devices_of(entry_id, devices, ours) for entry_id in entry_ids]
