"""The demo's dashboard: made from what the registries say a printer has.

Only Home Assistant's own cards are used, and nothing is taken for granted: a card is there when
its entity is. An edited dashboard is left alone until the printers' entities change.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
import hashlib
import json
from typing import Any

from . import FOLDER, say
from .client import Client, Json
from .entries import DOMAIN

_URL_PATH = "bambu-printer"
_TITLE = "Printers"
_LAST = FOLDER / "dashboard.sha256"
_SETTLES_WITHIN = 20.0

# The order in which people want to read a job.
_JOB = (
    "status",
    "stage",
    "progress",
    "remaining_time",
    "finish_time",
    "current_layer",
    "total_layers",
    "task_name",
    "file",
)


@dataclass
class Entity:
    """What the dashboard needs to know of an entity."""

    entity_id: str
    key: str
    device_id: str
    category: str | None
    name: str

    @property
    def domain(self) -> str:
        """The entity's platform, such as sensor or fan."""
        return self.entity_id.partition(".")[0]


@dataclass
class Device:
    """A printer or a part of it, with its entities in the registry's order."""

    device_id: str
    name: str
    is_printer: bool
    entities: list[Entity] = field(default_factory=list)


async def show_dashboard(client: Client, entry_ids: list[str]) -> None:
    """Create or refresh the dashboard, and make it what the user sees first."""
    printers = await _settled_printers(client, entry_ids)
    config = build(printers)
    digest = hashlib.sha256(json.dumps(config).encode()).hexdigest()

    dashboards = await client.command("lovelace/dashboards/list")
    exists = any(dashboard["url_path"] == _URL_PATH for dashboard in dashboards)
    if not exists:
        await client.command(
            "lovelace/dashboards/create",
            url_path=_URL_PATH,
            title=_TITLE,
            icon="mdi:printer-3d",
            show_in_sidebar=True,
            require_admin=False,
        )
        core = await client.command("frontend/get_system_data", key="core")
        await client.command(
            "frontend/set_system_data",
            key="core",
            value={**(core["value"] or {}), "default_panel": _URL_PATH},
        )
    if exists and _LAST.exists() and _LAST.read_text() == digest:
        return
    await client.command("lovelace/config/save", url_path=_URL_PATH, config=config)
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
    return [_printer(entry_id, devices, ours) for entry_id in entry_ids]


def _printer(entry_id: str, devices: list[Json], entities: list[Json]) -> list[Device]:
    """Return the devices of one config entry, the printer first."""
    result = {
        item["id"]: Device(
            item["id"],
            item["name_by_user"] or item["name"] or "Part",
            not (item.get("via_device_id") or item.get("parent_device_id")),
        )
        for item in devices
        if entry_id in (item.get("config_entry_id"), *item.get("config_entries", ()))
    }
    for item in entities:
        device = result.get(item["device_id"])
        if device and not (item["disabled_by"] or item["hidden_by"]):
            device.entities.append(
                Entity(
                    item["entity_id"],
                    item["unique_id"].partition("_")[2],
                    item["device_id"],
                    item["entity_category"],
                    item["name"] or item["original_name"] or "",
                )
            )
    return sorted(
        result.values(), key=lambda device: (not device.is_printer, device.name)
    )


# -- the configuration ------------------------------------------------------------------------


def build(printers: list[list[Device]]) -> Json:
    """Return the dashboard: a view for each printer, and before them an overview of several."""
    views = [_view(devices) for devices in printers if devices]
    if len(views) > 1:
        views.insert(0, _overview(printers))
    return {"title": _TITLE, "views": views}


def _overview(printers: list[list[Device]]) -> Json:
    """Return a view with the essentials of every printer."""
    sections = []
    for devices in printers:
        if not devices:
            continue
        printer = devices[0]
        keys = {entity.key: entity for entity in printer.entities}
        cards: list[Json] = [
            _heading(
                printer.name,
                "mdi:printer-3d",
                tap_action={"action": "navigate", "navigation_path": _path(printer)},
            )
        ]
        cards += [
            _camera(entity)
            for entity in _select(printer, domains=("camera", "image"))[:1]
        ]
        for key in ("status", "stage", "progress", "remaining_time", "finish_time"):
            if key in keys:
                cards.append(_job_tile(keys[key]))
        sections.append(_section(cards))
    return {
        "title": "All printers",
        "path": "all",
        "icon": "mdi:view-dashboard-outline",
        "type": "sections",
        "max_columns": 4,
        "sections": sections,
    }


def _view(devices: list[Device]) -> Json:
    """Return the view of one printer."""
    printer, *parts = devices
    # Heaters, fans and the like may sit on a child device: an extruder, the chamber.
    units = [part for part in parts if _is_ams(part)]
    others = [part for part in parts if part not in units]
    whole = [printer, *others]

    sections = [
        _section(_job_cards(printer)),
        _section(_temperature_cards(whole)),
        _section(_control_cards(whole)),
        *(_section(_ams_cards(unit)) for unit in units),
        *(_section(_spool_cards(part)) for part in others),
        _section(_health_cards(printer)),
    ]
    return {
        "title": printer.name,
        "path": _path(printer).rpartition("/")[2],
        "type": "sections",
        "max_columns": 4,
        "dense_section_placement": True,
        "badges": _badges(printer),
        "sections": [section for section in sections if section["cards"]],
    }


def _badges(printer: Device) -> list[Json]:
    """Return what deserves a place above everything: the connection, and problems."""
    return [
        {
            "type": "entity",
            "entity": entity.entity_id,
            "show_name": True,
            "show_state": True,
            "name": entity.name,
        }
        for entity in _select(printer, domains=("binary_sensor",))
        if entity.key
        in ("connectivity", "problem", "hms", "hms_problem", "print_error")
    ]


def _job_cards(printer: Device) -> list[Json]:
    """Return what is being printed, how far it is, and the buttons to intervene."""
    cards = [
        _camera(entity) for entity in _select(printer, domains=("camera", "image"))
    ]
    keys = {
        entity.key: entity for entity in printer.entities if entity.domain == "sensor"
    }
    cards += [_job_tile(keys[key]) for key in _JOB if key in keys]
    cards += [
        {
            "type": "tile",
            "entity": entity.entity_id,
            "name": entity.name,
            "hide_state": True,
            "tap_action": {"action": "toggle"},
            "grid_options": {"columns": 6, "rows": 1},
            # A printer that does not print cannot be paused.
            "visibility": [_known(entity)],
        }
        for entity in _select(printer, domains=("button",), categories=(None,))
    ]
    return _headed("Print", "mdi:printer-3d-nozzle", cards)


def _temperature_cards(whole: list[Device]) -> list[Json]:
    """Return the heaters, the thermometers, and their last hours."""
    heaters = _select(*whole, domains=("climate",))
    cards = [
        _tile(
            entity,
            features=["target-temperature", "climate-hvac-modes"],
        )
        for entity in heaters
    ]
    thermometers = [
        entity
        for entity in _select(*whole, domains=("sensor",), categories=(None,))
        if "temperature" in entity.key or entity.key in ("nozzle", "bed", "chamber")
        if not entity.key.startswith("ams_")
    ]
    cards += [
        _tile(e, columns=6 if len(thermometers) > 1 else 12) for e in thermometers
    ]
    measured = [
        {"entity": entity.entity_id, "name": entity.name}
        for entity in [*heaters, *thermometers]
    ]
    if measured:
        cards.append(
            {
                "type": "history-graph",
                "entities": measured,
                "hours_to_show": 1,
                "grid_options": {"columns": "full", "rows": 5},
            }
        )
    return _headed("Temperatures", "mdi:thermometer", cards)


def _control_cards(whole: list[Device]) -> list[Json]:
    """Return what can be set besides temperatures."""
    cards = [
        _tile(entity, features=["fan-speed"])
        for entity in _select(*whole, domains=("fan",), categories=(None,))
    ]
    cards += [
        _tile(entity, features=["toggle"])
        for entity in _select(*whole, domains=("light",), categories=(None,))
    ]
    cards += [
        _tile(entity, features=["select-options"])
        for entity in _select(*whole, domains=("select",), categories=(None,))
    ]
    cards += [
        _tile(entity, features=["toggle"])
        for entity in _select(*whole, domains=("switch",), categories=(None,))
    ]
    return _headed("Fans, light, speed", "mdi:fan", cards)


def _ams_cards(unit: Device) -> list[Json]:
    """Return an AMS unit: its air, and each tray with what is in it."""
    trays: dict[str, list[Entity]] = {}
    air: list[Entity] = []
    for entity in _select(unit, categories=(None,)):
        if "tray" in entity.key:
            # ams_0_tray_1_remaining belongs to the tray ams_0_tray_1
            place, _, rest = entity.key.partition("tray_")
            trays.setdefault(f"{place}tray_{rest.partition('_')[0]}", []).append(entity)
        elif entity.domain in ("sensor", "binary_sensor"):
            air.append(entity)
    cards = [_tile(entity) for entity in air]
    if len(cards) % 2:  # the trays begin a new row
        cards[-1]["grid_options"] = {"columns": 12}
    cards += [_tile(e) for key in sorted(trays) for e in trays[key] if e.key == key]
    cards += [
        _tile(entity, features=["bar-gauge"])
        | {"visibility": [_known(entity)]}  # only original spools tell what remains
        for key in sorted(trays)
        for entity in trays[key]
        if entity.key.endswith("remaining")
    ]
    return _headed(unit.name, "mdi:tray-full", cards)


def _spool_cards(part: Device) -> list[Json]:
    """Return the sensors of another part, such as the external spool."""
    cards = [
        _tile(entity) | {"visibility": [_known(entity)]}
        for entity in _select(
            part, domains=("sensor", "binary_sensor"), categories=(None,)
        )
        if "temperature" not in entity.key
    ]
    return _headed(part.name, "mdi:printer-3d-nozzle-outline", cards)


def _health_cards(printer: Device) -> list[Json]:
    """Return the rest: what tells of the printer's own condition."""
    shown = set(_JOB)
    rows = [
        entity
        for entity in _select(printer, domains=("binary_sensor", "sensor", "update"))
        if entity.key not in shown
        and not ("temperature" in entity.key and entity.category is None)
        and entity.key not in ("nozzle", "bed", "chamber")
    ]
    if not rows:
        return []
    card: Json = {
        "type": "entities",
        "entities": [{"entity": e.entity_id, "name": e.name} for e in rows],
        "grid_options": {"columns": "full"},
    }
    return _headed("Condition", "mdi:heart-pulse", [card])


# -- cards ------------------------------------------------------------------------------------


def _section(cards: list[Json]) -> Json:
    """Return a section with these cards."""
    return {"type": "grid", "cards": cards}


def _headed(title: str, icon: str, cards: list[Json]) -> list[Json]:
    """Put a heading before the cards, if there are any."""
    return [_heading(title, icon), *cards] if cards else []


def _heading(title: str, icon: str, **options: Any) -> Json:
    """Return a section's heading."""
    return {"type": "heading", "heading": title, "icon": icon, **options}


def _tile(
    entity: Entity,
    *,
    features: Iterable[str] = (),
    columns: int = 6,
) -> Json:
    """Return a tile, with features below its name."""
    card: Json = {
        "type": "tile",
        "entity": entity.entity_id,
        "name": entity.name,
        "grid_options": {"columns": columns},
    }
    if chosen := [{"type": feature} for feature in features]:
        card["features"] = chosen
    return card


def _job_tile(entity: Entity) -> Json:
    """Return the tile of a fact of the job, in the size that its text needs."""
    if entity.key == "status":
        card = _tile(entity)
        card["name"] = "Status"  # its own name is the printer's
        return card
    if entity.key == "progress":
        return _tile(entity, columns=12, features=["bar-gauge"])
    return _tile(entity, columns=12 if entity.key in ("task_name", "file") else 6)


def _known(entity: Entity) -> Json:
    """Return the condition that an entity has a state worth showing."""
    return {
        "condition": "state",
        "entity": entity.entity_id,
        "state_not": [
            "unavailable",
            *(["unknown"] if entity.domain != "button" else []),
        ],
    }


def _camera(entity: Entity) -> Json:
    """Return a picture: of the camera, or of the plate."""
    return {
        "type": "picture-entity",
        "entity": entity.entity_id,
        "show_name": False,
        "show_state": False,
        "grid_options": {"columns": "full"},
    }


# -- selection --------------------------------------------------------------------------------


def _select(
    *devices: Device,
    domains: tuple[str, ...] | None = None,
    categories: tuple[str | None, ...] | None = None,
) -> list[Entity]:
    """Return the entities of devices that belong to these domains and categories."""

    def wanted(entity: Entity) -> bool:
        return (domains is None or entity.domain in domains) and (
            categories is None or entity.category in categories
        )

    return [e for device in devices for e in device.entities if wanted(e)]


def _is_ams(part: Device) -> bool:
    """Tell whether a part of the printer holds filament in trays."""
    return any("tray" in entity.key for entity in part.entities)


def _path(printer: Device) -> str:
    """Return the address of a printer's view."""
    return f"/{_URL_PATH}/{printer.device_id[:8]}"
