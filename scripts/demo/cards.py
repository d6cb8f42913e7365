"""The demo's dashboard as configuration: what a printer has, on Home Assistant's own cards.

Nothing is taken for granted: a card is there when its entity is.  docs/dashboard.md shows
what comes out for one printer.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Final

from custom_components.bambu_printer.printer import SlotAddress
from custom_components.bambu_printer.slot_keys import slot_key

type Json = dict[str, Any]

URL_PATH: Final = "bambu-printer"
TITLE: Final = "Printers"

# The order in which people want to read a job.
_JOB: Final = (
    "remaining_time",
    "finish_time",
    "current_layer",
    "total_layers",
    "job_weight",
    "active_tray",
)
_HISTORY: Final = ("last_outcome", "total_jobs", "total_print_time", "filament_used")
_CONDITION: Final = (
    "problem",
    "door",
    "lid",
    "sd_card",
    "control",
    "connectivity",
)
_ANSWERS: Final = ("retry_error", "ignore_error", "clear_error", "ams_retry")
_BUTTONS: Final = ("pause", "resume", "stop")


@dataclass
class Entity:
    """What the dashboard needs to know of an entity."""

    entity_id: str
    key: str
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

    def entity(self, domain: str, key: str) -> Entity | None:
        """Return an entity of this device, if there is such a one."""
        return next(
            (e for e in self.entities if (e.domain, e.key) == (domain, key)), None
        )


def devices_of(
    entry_id: str, devices: Iterable[Json], entities: Iterable[Json]
) -> list[Device]:
    """Return the devices of one config entry, from the registries' lists; the printer first."""
    result = {
        item["id"]: Device(
            item["id"],
            item.get("name_by_user") or item["name"] or "Part",
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
                    item["entity_category"],
                    item["name"] or item["original_name"] or "",
                )
            )
    return sorted(
        result.values(), key=lambda device: (not device.is_printer, device.name)
    )


def dashboard(printers: list[list[Device]]) -> Json:
    """Return a view for each printer, and before them an overview of several."""
    views = [printer_view(devices) for devices in printers if devices]
    if len(views) > 1:
        views.insert(0, _overview(printers))
    return {"title": TITLE, "views": views}


def printer_view(devices: list[Device]) -> Json:
    """Return the view of one printer; the first device is the printer itself."""
    printer, *parts = devices
    units = [part for part in parts if _trays(part)]
    others = [part for part in parts if part not in units]
    # Columns on a large screen; on a phone one below the other, what matters most first.
    columns = [
        [_job_cards(printer), _condition_cards(printer)],
        [
            _temperature_cards(devices),
            *(_filament_cards(part, printer) for part in [*units, *others]),
        ],
        [_control_cards([printer, *others]), _history_cards(printer)],
    ]
    return {
        "title": printer.name,
        "path": _path(printer).rpartition("/")[2],
        "type": "sections",
        "max_columns": 3,
        "sections": [
            _section(cards) for column in columns if (cards := list(chain(*column)))
        ],
    }


def _overview(printers: list[list[Device]]) -> Json:
    """Return a view with the essentials of every printer."""
    sections = []
    for devices in printers:
        if not devices:
            continue
        printer = devices[0]
        tap = {"action": "navigate", "navigation_path": _path(printer)}
        cards = _headed(
            printer.name,
            "mdi:printer-3d",
            [
                *(_picture(e) for e in _some(printer, "camera", ("camera",))),
                *_status(printer),
                *(
                    _during_job(card, printer)
                    for card in (
                        *_progress(printer),
                        *(
                            _tile(entity)
                            for entity in _some(
                                printer, "sensor", ("remaining_time", "finish_time")
                            )
                        ),
                    )
                ),
            ],
        )
        cards[0]["tap_action"] = tap
        sections.append(_section(cards))
    return {
        "title": "All printers",
        "path": "all",
        "icon": "mdi:view-dashboard-outline",
        "type": "sections",
        "max_columns": 3,
        "sections": sections,
    }


# -- sections ---------------------------------------------------------------------------------


def _job_cards(printer: Device) -> list[Json]:
    """Return what is being printed, how far it is, and the buttons to intervene."""
    job = [*_progress(printer), *_facts(printer)]
    return _headed(
        "Print",
        "mdi:printer-3d-nozzle",
        [
            *(_picture(entity) for entity in _some(printer, "camera", ("camera",))),
            *_status(printer),
            *(_during_job(card, printer) for card in job),
            *(_button(entity) for entity in _some(printer, "button", _BUTTONS)),
        ],
    )


def _status(printer: Device) -> list[Json]:
    """Return what the printer does."""
    cards = [_tile(entity) for entity in _some(printer, "sensor", ("status", "stage"))]
    for card in cards[:1]:
        # Its own name is the printer's.
        card["name"] = "Status"
    return cards


def _progress(printer: Device) -> list[Json]:
    """Return the name of the job, and how far it is."""
    cards = [
        _tile(task, columns=12) for task in _some(printer, "sensor", ("task_name",))
    ]
    cards += [
        _tile(progress, columns=12, features=["bar-gauge"])
        for progress in _some(printer, "sensor", ("progress",))
    ]
    return cards


def _facts(printer: Device) -> list[Json]:
    """Return the picture of the plate, and facts of the job."""
    facts = [_tile(entity) for entity in _some(printer, "sensor", _JOB)]
    cards: list[Json] = []
    for cover in _some(printer, "image", ("cover",)):
        # Beside the picture, one below the other.
        beside, facts = facts[:3], facts[3:]
        for card in beside:
            del card["grid_options"]
        cards += [
            _picture(cover, columns=6),
            {
                "type": "vertical-stack",
                "cards": beside,
                "grid_options": {"columns": 6},
            },
        ]
    if len(facts) % 2:
        facts[-1]["grid_options"] = {"columns": 12}
    return cards + facts


def _during_job(card: Json, printer: Device) -> Json:
    """Show a card only while there is a job, or what became of it."""
    if not (status := printer.entity("sensor", "status")):
        return card
    nothing = ["idle", "init", "offline", "unknown", "unavailable"]
    condition = {
        "condition": "state",
        "entity": status.entity_id,
        "state_not": nothing,
    }
    return {**card, "visibility": [condition]}


def _temperature_cards(devices: list[Device]) -> list[Json]:
    """Return the heaters and their last hours."""
    heaters = _select(*devices, domains=("climate",))
    cards = [
        _tile(entity, features=["target-temperature", "climate-hvac-modes"])
        for entity in heaters
    ]
    measured = [
        *heaters,
        *(e for e in devices[0].entities if e.key == "chamber_temperature"),
    ]
    if measured:
        cards.append(
            {
                "type": "history-graph",
                "entities": [
                    {"entity": entity.entity_id, "name": entity.name}
                    for entity in measured
                ],
                "hours_to_show": 1,
                "grid_options": {"columns": "full"},
            }
        )
    return _headed("Temperatures", "mdi:thermometer", cards)


def _control_cards(devices: list[Device]) -> list[Json]:
    """Return what can be set besides temperatures."""
    features = {
        "fan": ["fan-speed"],
        "light": ["toggle"],
        "select": ["select-options"],
        "switch": ["toggle"],
    }
    cards = []
    for domain, feature in features.items():
        for entity in _select(*devices, domains=(domain,)):
            card = _tile(entity, features=feature)
            if domain == "select":
                # Which nozzle is used cannot be chosen during a print, for example.
                card["visibility"] = [_is_known(entity)]
            cards.append(card)
    if len(cards) % 2:
        cards[-1]["grid_options"] = {"columns": 12}
    return _headed("Fans, light, speed", "mdi:fan", cards)


def _filament_cards(part: Device, printer: Device) -> list[Json]:
    """Return what is on the spools of a part, its air, and what can be done with it."""
    cards: list[Json] = []
    if spools := _spools(part):
        active = printer.entity("sensor", "active_tray")
        cards.append(
            {
                "type": "markdown",
                "content": _spool_table(spools, active),
                "grid_options": {"columns": "full"},
            }
        )
    air = [
        entity
        for entity in _select(part, domains=("sensor", "binary_sensor"))
        if entity.key.endswith(("_humidity", "_temperature", "_drying_time"))
    ]
    cards += [_tile(entity) for entity in air]
    cards += [
        _tile(entity, features=["toggle"])
        for entity in _select(part, domains=("switch",))
    ]
    cards += [
        # Filament is changed by hand between prints only.
        {**_button(entity), "visibility": [_is_known(entity)]}
        for entity in _select(part, domains=("button",))
    ]
    return _headed(_short_name(part, printer), "mdi:tray-full", cards)


def _condition_cards(printer: Device) -> list[Json]:
    """Return what is wrong, how to answer it, and what else tells of the condition."""
    cards: list[Json] = []
    if error := printer.entity("sensor", "current_error"):
        cards.append(
            {
                "type": "markdown",
                "content": _error_text(error),
                "grid_options": {"columns": "full"},
                "visibility": [
                    {
                        "condition": "state",
                        "entity": error.entity_id,
                        "state_not": ["none", "unknown", "unavailable"],
                    }
                ],
            }
        )
    cards += [
        {**_button(entity), "visibility": [_is_known(entity)]}
        for entity in _some(printer, "button", _ANSWERS)
    ]
    cards += [
        _tile(entity)
        for key in _CONDITION
        for entity in printer.entities
        if entity.key == key and entity.domain in ("sensor", "binary_sensor")
    ]
    cards += [
        _tile(entity)
        for entity in _select(printer, domains=("update",), categories=None)
    ]
    return _headed("Condition", "mdi:heart-pulse", cards)


def _history_cards(printer: Device) -> list[Json]:
    """Return the jobs of the past."""
    cards = [
        {**_tile(entity), "visibility": [_is_known(entity)]}
        for entity in _some(printer, "sensor", _HISTORY)
    ]
    if jobs := printer.entity("calendar", "jobs"):
        cards.append(
            {
                "type": "calendar",
                "entities": [jobs.entity_id],
                "initial_view": "listWeek",
                "grid_options": {"columns": "full"},
            }
        )
    if used := printer.entity("sensor", "filament_used"):
        cards.append(
            {
                "type": "statistics-graph",
                "title": "Filament per day",
                "entities": [used.entity_id],
                "stat_types": ["change"],
                "period": "day",
                "days_to_show": 30,
                "chart_type": "bar",
                "hide_legend": True,
                "grid_options": {"columns": "full"},
                "visibility": [_is_known(used)],
            }
        )
    told = [
        *_some(printer, "event", ("job", "error")),
        *_some(printer, "sensor", ("status",)),
    ]
    if told:
        cards.append(
            {
                "type": "logbook",
                "target": {"entity_id": [entity.entity_id for entity in told]},
                "hours_to_show": 24,
                "grid_options": {"columns": "full", "rows": 6},
            }
        )
    return _headed("History", "mdi:history", cards)


# -- templates --------------------------------------------------------------------------------

# A disc in the filament's colours, with a hole as a spool has.  The edge is grey so that white
# ones can be seen on white ground, and black ones on black.
_SPOOL_TABLE: Final = """\
{{%- set spools = [
{spools}
] -%}}
{{%- set active = {active} -%}}
| | Slot | Filament | Left |
|:-:|:--|:--|--:|
{{% for spool in spools -%}}
{{%- set colors = state_attr(spool.id, 'colors') or [state_attr(spool.id, 'color') or 'none'] -%}}
{{%- set svg -%}}
<svg xmlns="http://www.w3.org/2000/svg" width="26" height="26" viewBox="0 0 26 26">
{{%- for color in colors -%}}
<path d="M13 13 L13 1 A12 12 0 {{{{ 1 if colors | count == 1 else 0 }}}} 1
 {{{{ 12.99 if colors | count == 1 else 13 + 12 * sin(2 * pi / colors | count) }}}}
 {{{{ 1 if colors | count == 1 else 13 - 12 * cos(2 * pi / colors | count) }}}} Z" fill="{{{{ color }}}}"
 transform="rotate({{{{ 360 * loop.index0 / colors | count }}}} 13 13)"/>
{{%- endfor -%}}
<circle cx="13" cy="13" r="12" fill="none" stroke="#888"/><circle cx="13" cy="13" r="4" fill="#888"/>
</svg>
{{%- endset -%}}
{{%- set name = state_translated(spool.id) -%}}
{{%- set left = states(spool.left) if spool.left else 'unknown' -%}}
| ![](data:image/svg+xml,{{{{ svg | urlencode }}}}) | {{{{ spool.slot }}}} \
| {{{{ '**' ~ name ~ '** ●' if active == spool.key else name }}}} \
| {{{{ left ~ ' %' if left | is_number else '–' }}}} |
{{% endfor %}}"""


def _spool_table(spools: list[Json], active: Entity | None) -> str:
    """Return a template that lists spools with their colours."""
    lines = ",\n".join(
        "  {" + ", ".join(f"'{key}': {value!r}" for key, value in spool.items()) + "}"
        for spool in spools
    )
    return _SPOOL_TABLE.format(
        spools=lines, active=f"states('{active.entity_id}')" if active else "none"
    )


def _error_text(error: Entity) -> str:
    """Return a template that tells an error in words, with the maker's help."""
    name = error.entity_id
    return (
        f'<ha-alert alert-type="error">{{{{ state_attr("{name}", "text")'
        f' or states("{name}") }}}}</ha-alert>\n\n'
        f'{{% if state_attr("{name}", "link") %}}'
        f'[{{{{ state_attr("{name}", "code") }}}}]({{{{ state_attr("{name}", "link") }}}})'
        "{% endif %}"
    )


# -- cards ------------------------------------------------------------------------------------


def _section(cards: list[Json]) -> Json:
    """Return a section with these cards."""
    return {"type": "grid", "cards": cards}


def _headed(title: str, icon: str, cards: list[Json]) -> list[Json]:
    """Put a heading before the cards, if there are any."""
    return (
        [{"type": "heading", "heading": title, "icon": icon}, *cards] if cards else []
    )


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
        "name": {"type": "entity"},
        "grid_options": {"columns": columns},
    }
    if chosen := [{"type": feature} for feature in features]:
        card["features"] = chosen
    return card


def _button(entity: Entity) -> Json:
    """Return a tile that presses a button, when that makes sense."""
    press: Json = {
        "action": "perform-action",
        "perform_action": "button.press",
        "target": {"entity_id": entity.entity_id},
    }
    if entity.key == "stop":
        press["confirmation"] = {"text": "Stop the print? It cannot be resumed."}
    return {
        **_tile(entity),
        "hide_state": True,
        "tap_action": press,
        "icon_tap_action": press,
        "visibility": [_is_known(entity)],
    }


def _is_known(entity: Entity) -> Json:
    """Return the condition that an entity has a state worth showing."""
    nothing = ["unavailable"]
    if entity.domain != "button":  # a button that was never pressed is unknown
        nothing.append("unknown")
    return {"condition": "state", "entity": entity.entity_id, "state_not": nothing}


def _picture(entity: Entity, **size: int) -> Json:
    """Return a picture: of the camera, or of the plate."""
    return {
        "type": "picture-entity",
        "entity": entity.entity_id,
        "show_name": False,
        "show_state": False,
        "grid_options": size or {"columns": "full"},
    }


# -- selection --------------------------------------------------------------------------------


def _select(
    *devices: Device,
    domains: tuple[str, ...],
    categories: tuple[str | None, ...] | None = (None,),
) -> list[Entity]:
    """Return the entities of devices that belong to these domains and categories."""
    return [
        entity
        for device in devices
        for entity in device.entities
        if entity.domain in domains
        and (categories is None or entity.category in categories)
    ]


def _some(device: Device, domain: str, keys: Iterable[str]) -> list[Entity]:
    """Return those of these entities that there are, in this order."""
    return [found for key in keys if (found := device.entity(domain, key))]


def _trays(part: Device) -> list[Entity]:
    """Return the slots of an AMS."""
    return [
        entity
        for entity in part.entities
        if entity.domain == "sensor"
        and entity.key.rpartition("_")[2].isdecimal()
        and "_tray_" in entity.key
    ]


def _spools(part: Device) -> list[Json]:
    """Return what the table of spools needs to know of each."""
    spools = []
    for entity in _trays(part):
        left = part.entity("sensor", f"{entity.key}_remaining")
        spools.append(
            {
                "slot": entity.key.rpartition("_")[2],
                "key": _slot_word(entity.key),
                "id": entity.entity_id,
                "left": left.entity_id if left else "",
            }
        )
    spools += [
        {"slot": "–", "key": entity.key, "id": entity.entity_id, "left": ""}
        for entity in _some(part, "sensor", ("external", "external_left"))
    ]
    return spools


def _slot_word(key: str) -> str | None:
    """Return what the sensor of the active tray calls a slot: ams_0_tray_1 is ams_1_tray_1."""
    _, unit, _, tray = key.split("_")
    return slot_key(SlotAddress(int(unit), int(tray) - 1))


def _short_name(part: Device, printer: Device) -> str:
    """Return the name of a part without its printer's."""
    return part.name.removeprefix(printer.name).strip() or part.name


def _path(printer: Device) -> str:
    """Return the address of a printer's view."""
    return f"/{URL_PATH}/{printer.device_id[:8]}"
