"""Icons: in icons.json and nowhere else, for what exists."""

from collections.abc import Iterator
import re

from .integration import Integration, differences, leaves

_PARTS = {"entity", "services", "triggers", "conditions"}
_ENTITY_PARTS = {"default", "state", "range", "state_attributes"}


def rules(integration: Integration) -> Iterator[str]:
    """Known keys, names of the Material Design set, numbers for ranges."""
    yield from (
        f"{key} is no part of icons" for key in integration.icons.keys() - _PARTS
    )
    for where, icon in leaves(integration.icons):
        if not re.fullmatch(r"mdi:[a-z0-9]+(-[a-z0-9]+)*", str(icon)):
            yield f"{where}: {icon} is no icon"
    for platform, entities in integration.icons.get("entity", {}).items():
        texts = integration.english.get("entity", {}).get(platform, {})
        for key, icon in entities.items():
            where = f"entity.{platform}.{key}"
            if key not in texts:
                yield f"{where}: there is no such entity"
            yield from (
                f"{where}: {part} is not known" for part in icon.keys() - _ENTITY_PARTS
            )
            for limit in icon.get("range", {}):
                if not re.fullmatch(r"-?\d+(\.\d+)?", limit):
                    yield f"{where}: {limit} is no number"
            states = texts.get(key, {}).get("state", {}).keys() | {"on", "off"}
            yield from (
                f"{where}: there is no state {state}"
                for state in icon.get("state", {}).keys() - states
            )


def happenings(integration: Integration) -> Iterator[str]:
    """Actions, triggers and conditions have one each."""
    for part in ("services", "triggers", "conditions"):
        yield from differences(
            f"icons of {part}",
            set(integration.icons.get(part, {})),
            set(integration.yaml(f"{part}.yaml")),
        )


def in_code(integration: Integration) -> Iterator[str]:
    """An icon in code could not be exchanged."""
    yield from (
        f"{path} has an icon"
        for path, source in integration.sources.items()
        if "mdi:" in source
    )


CHECKS = (rules, happenings, in_code)
