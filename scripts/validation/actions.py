"""Actions, triggers and conditions: their YAML fits their texts."""

from collections.abc import Iterator, Mapping
from typing import Any

from .integration import Integration, differences

_KEYS = {
    "services": {"name", "description", "fields", "target"},
    "triggers": {"fields", "target"},
    "conditions": {"fields", "target"},
}
_FIELD_KEYS = {
    "advanced",
    "collapsed",
    "context",
    "default",
    "example",
    "fields",
    "filter",
    "required",
    "selector",
}


def texts(integration: Integration) -> Iterator[str]:
    """Everything that can be chosen or filled in has a name and a description."""
    for part in _KEYS:
        described = integration.english.get(part, {})
        declared = integration.yaml(f"{part}.yaml")
        yield from differences(f"texts of {part}", set(described), set(declared))
        for name, item in declared.items():
            text = described.get(name, {})
            where = f"{part}.{name}"
            yield from (f"{where}: {key} is not known" for key in item.keys() - _KEYS[part])
            fields, sections = _fields(item.get("fields") or {})
            yield from differences(
                f"texts of {where}", set(text.get("fields", {})), set(fields)
            )
            yield from differences(
                f"sections of {where}", set(text.get("sections", {})), sections
            )
            yield from _without_words(where, text, described=True)
            for key, field in text.get("fields", {}).items():
                # What a trigger waits for explains itself by its name.
                yield from _without_words(
                    f"{where}.{key}", field, described=part == "services"
                )
            for key, field in fields.items():
                yield from (
                    f"{where}.{key}: {word} is not known"
                    for word in field.keys() - _FIELD_KEYS
                )
                if "selector" not in field:
                    yield f"{where}.{key} has no selector"
                yield from _options(integration, f"{where}.{key}", field)


def _fields(
    declared: Mapping[str, Any],
) -> tuple[dict[str, Mapping[str, Any]], set[str]]:
    """Return the fields, also those within sections, and the names of the sections."""
    fields: dict[str, Mapping[str, Any]] = {}
    sections = set()
    for key, field in declared.items():
        if "fields" in field:
            sections.add(key)
            fields |= field["fields"]
        else:
            fields[key] = field
    return fields, sections


def _without_words(
    where: str, text: Mapping[str, Any], *, described: bool
) -> Iterator[str]:
    for key in ("name", "description") if described else ("name",):
        if not text.get(key):
            yield f"{where} has no {key}"


def _options(
    integration: Integration, where: str, field: Mapping[str, Any]
) -> Iterator[str]:
    """What a list offers is translated, where it says that it is."""
    select = (field.get("selector") or {}).get("select") or {}
    if key := select.get("translation_key"):
        translated = integration.english.get("selector", {}).get(key, {})
        yield from (
            f"{where}: {option} has no text"
            for option in select.get("options", ())
            if option not in translated.get("options", {})
        )


CHECKS = (texts,)
