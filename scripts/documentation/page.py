"""The page about the actions, out of the code and its texts."""

from collections.abc import Iterator, Mapping
import json
from pathlib import Path
import re
from typing import Any

from homeassistant.core import SupportsResponse
import yaml

from custom_components.bambu_printer import services
from custom_components.bambu_printer.slot_keys import AMS_BY_KEY, SLOTS_BY_KEY

from .operations import DOMAIN, OPERATIONS, Operation, action_names
from .raising import codes_of
from .responses import RESPONSES

_FOLDER = Path(services.__file__).parent
TEXTS: dict[str, Any] = json.loads((_FOLDER / "translations/en.json").read_text())
SERVICES: dict[str, Any] = yaml.safe_load((_FOLDER / "services.yaml").read_text())
_ACTIONS = {action.name: action for action in services.ACTIONS}
_MANY = 12
"""Options of a field from which on they are listed once, for all fields."""
_OPTIONAL_EXAMPLES = {
    "search_filaments": "search",
    "print_file": "path",
    "upload_file": "media_content_id",
}
"""The field without which an example would say nothing."""
_DEVICE = "0123456789abcdef0123456789abcdef"

_INTRODUCTION = """\
# Actions

<!-- Made by scripts/document from the code: change that, and run it again. -->

Everything that a printer can be told, as a method of `BambuPrinter`, as an action for
automations, and as an entity for dashboards and voice, with what goes over the wire. The
names of commands are sections and commands of the printer's own protocol; for G-code the
first word of each line is given. Where several commands stand, the model and its firmware
decide, or one follows the other.

An action returns when the printer has acknowledged the command and, where its reports show
the effect, when they do. Otherwise it fails with one of the errors that its section lists.
Every action takes the printer as `device_id`; the device of one of its AMS units does as
well. Entities that are set show the new value as soon as the printer has acknowledged it,
and go back when its reports do not confirm it.
"""


def render() -> str:
    """Return the whole page."""
    parts = [
        _INTRODUCTION,
        "## Operations\n",
        "\n".join(_table()) + "\n",
        "## Slots and units\n",
        "\n".join(_places()) + "\n",
        "## Actions in detail\n",
        *(_section(name) for name in action_names()),
    ]
    return "\n".join(parts)


def _table() -> Iterator[str]:
    yield "| Operation | Method | Action | Entity | Wire command |"
    yield "| --- | --- | --- | --- | --- |"
    for row in OPERATIONS:
        cells = (
            row.name,
            _list(row.methods) or "– (part of the library's catalogue)",
            _actions(row),
            _entities(row),
            _list(row.wire) or f"– ({row.no_command})",
        )
        yield "| " + " | ".join(cells) + " |"


def _places() -> Iterator[str]:
    """Explain the words for slots and AMS units."""
    texts = TEXTS["selector"]
    yield "| Word of a unit | AMS unit | Words of its slots |"
    yield "| --- | --- | --- |"
    for word in AMS_BY_KEY:
        slots = (x for x in SLOTS_BY_KEY if x == word or x.startswith(f"{word}_tray_"))
        cells = (f"`{word}`", texts["ams"]["options"][word], _list(tuple(slots)))
        yield "| " + " | ".join(cells) + " |"
    for word, slot in SLOTS_BY_KEY.items():
        if slot.external:
            yield f"| – | {texts['slot']['options'][word]} | `{word}` |"


def _list(words: tuple[str, ...]) -> str:
    return "<br>".join(f"`{word}`" for word in words)


def _actions(row: Operation) -> str:
    ours = [f"[`{DOMAIN}.{name}`](#{DOMAIN}{name})" for name in row.actions]
    theirs = [f"`{name}`" for name in row.platform_actions]
    return "<br>".join([*ours, *theirs]) or f"– ({row.no_action})"


def _entities(row: Operation) -> str:
    named = (f"`{entity}` {_entity_name(entity)}".strip() for entity in row.entities)
    return "<br>".join(named) or f"– ({row.no_entity})"


def _entity_name(entity: str) -> str:
    """Return the name of an entity in the user interface, whatever part it belongs to."""
    platform, key = entity.split(".")
    texts: Mapping[str, Any] = TEXTS["entity"].get(platform, {})
    for prefix in ("", "ams_", "tray_", "filament_"):
        if name := texts.get(f"{prefix}{key}", {}).get("name"):
            return re.sub(r"\{(\w+)\}", "…", name)
    return ""


def _section(name: str) -> str:
    texts = TEXTS["services"][name]
    lines = [f"### `{DOMAIN}.{name}`\n", f"**{texts['name']}.** {texts['description']}"]
    action = _ACTIONS.get(name)
    if action and action.admin:
        lines.append("\nOnly for administrators.")
    lines += ["", *_fields(name), "", *_response(name), *_errors(name), ""]
    lines += ["```yaml", _example(name), "```", ""]
    return "\n".join(lines)


def flat_fields(name: str) -> dict[str, dict[str, Any]]:
    """Return the fields of an action, those in sections among them."""
    found: dict[str, dict[str, Any]] = {}
    for key, field in (SERVICES[name] or {}).get("fields", {}).items():
        if "fields" in field:
            found.update(field["fields"])
        else:
            found[key] = field
    return found


def _fields(name: str) -> Iterator[str]:
    fields = flat_fields(name)
    if not fields:
        yield "No fields."
        return
    yield "| Field | Type | Required | Values | Default | Example | Meaning |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    for key, field in fields.items():
        texts = TEXTS["services"][name]["fields"][key]
        kind, values = _selector(field["selector"])
        cells = (
            f"`{key}`",
            kind,
            "yes" if field.get("required") else "no",
            values,
            _value(field.get("default")),
            _value(field.get("example")),
            f"{texts['name']}: {texts['description']}",
        )
        yield "| " + " | ".join(cells) + " |"


def _value(value: object) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value)
    return f"`{text}`"


def _selector(selector: Mapping[str, Any]) -> tuple[str, str]:
    """Return the type of a field and the values that it takes."""
    ((kind, config),) = selector.items()
    config = config or {}
    match kind:
        case "number":
            unit = config.get("unit_of_measurement", "")
            step = f", in steps of {config['step']}" if config.get("step") != 1 else ""
            return "number", f"{config['min']} to {config['max']} {unit}".strip() + step
        case "select":
            words = [f"`{option}`" for option in config["options"]]
            if len(words) > _MANY:
                words = [*words[:2], "… (see [slots](#slots-and-units))", words[-1]]
            return "list" if config.get("multiple") else "word", ", ".join(words)
        case "device":
            return "device", ""
        case "boolean":
            return "boolean", "`true`, `false`"
        case "color_rgb":
            return "color", "three numbers from 0 to 255, a name, or hexadecimal digits"
    return kind, ""


def _response(name: str) -> Iterator[str]:
    action = _ACTIONS.get(name)
    kind = action.response if action else SupportsResponse.ONLY
    if kind is SupportsResponse.NONE:
        return
    optional = " when it is asked for" if kind is SupportsResponse.OPTIONAL else ""
    yield f"Returns{optional}:"
    yield ""
    for key, meaning in RESPONSES[name].items():
        yield f"- `{key}`: {meaning}"
    yield ""


def error_codes(name: str) -> list[str]:
    """Return the keys of the texts of the errors that an action can raise."""
    action = _ACTIONS.get(name)
    functions = [
        method
        for row in OPERATIONS
        if name in row.actions
        for method in row.methods
        if method not in ("state", "can_dry", "calibrations", "chamber_temp_told")
    ]
    own = getattr(action.run, "__name__", "run") if action else "_search_filaments"
    if own != "run":
        functions.append(own)
    elif not functions or name.startswith("get_"):
        functions.append("_ask")
    codes = codes_of(*functions)
    if action and action.confirm:
        codes.append("not_confirmed")
    return codes


def _errors(name: str) -> Iterator[str]:
    codes = error_codes(name)
    if not codes:
        return
    yield "Errors:"
    yield ""
    for code in codes:
        yield f"- `{code}`: {TEXTS['exceptions'][code]['message']}"


def _example(name: str) -> str:
    data: dict[str, Any] = {}
    for key, field in flat_fields(name).items():
        if key == "device_id":
            data[key] = _DEVICE
        elif field.get("required") or key == _OPTIONAL_EXAMPLES.get(name):
            data[key] = _example_value(field)
    call: dict[str, Any] = {"action": f"{DOMAIN}.{name}", "data": data}
    action = _ACTIONS.get(name)
    if action is None or action.response is not SupportsResponse.NONE:
        call["response_variable"] = "answer"
    return yaml.safe_dump(call, sort_keys=False, allow_unicode=True).rstrip()


def _example_value(field: Mapping[str, Any]) -> Any:
    value = field.get("example", field.get("default"))
    if isinstance(value, str) and value[:1] in "[{":
        return json.loads(value)
    return value
