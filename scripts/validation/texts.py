"""The texts as such, in every language: what hassfest forbids, and that none is missing."""

from collections.abc import Iterator
import re

from .integration import Integration, leaves, placeholders

_TOP_LEVEL = {
    "title",
    "common",
    "config",
    "options",
    "config_subentries",
    "entity",
    "device",
    "exceptions",
    "issues",
    "selector",
    "services",
    "triggers",
    "conditions",
    "system_health",
    "preview_features",
}
_QUOTED = re.compile(r"'[^' ]*\{\w+\}[^' ]*'")
_HTML = re.compile(r"<[a-zA-Z/]")


def rules(integration: Integration) -> Iterator[str]:
    """No markup, addresses, references, blanks at the ends; keys are slugs."""
    for language, content in integration.translations.items():
        for key in content.keys() - _TOP_LEVEL:
            yield f"{language}: {key} is no part of translations"
        for where, text in leaves(content):
            for fault in _faults(where, text):
                yield f"{language}: {where} {fault}"


def _faults(where: str, text: object) -> Iterator[str]:
    if not isinstance(text, str):
        yield "is no text"
        return
    if not text.strip():
        yield "is empty"
    if text != text.strip():
        yield "has blanks at an end"
    if "://" in text:
        yield "has an address: that must be a placeholder"
    if _HTML.search(text):
        yield "has HTML"
    if "[%key:" in text:
        yield "has a reference: those are only resolved in Home Assistant's own build"
    if _QUOTED.search(text):
        yield "has a placeholder in single quotes"
    try:
        names = placeholders(text)
    except ValueError:
        yield "has a brace that does not match"
        return
    if not all(re.fullmatch(r"[a-z][a-z0-9_]*", name) for name in names):
        yield "has a placeholder without a proper name"
    if names and ".state." in where:
        yield "has a placeholder in a state"
    for key in where.split("."):
        if not re.fullmatch(r"[a-z0-9]+([_-][a-z0-9]+)*", key):
            yield "has a key that is no slug"


def sources(integration: Integration) -> Iterator[str]:
    """Home Assistant would not read them from here."""
    if (integration.folder / "strings.json").exists():
        yield "strings.json is for Home Assistant's own integrations"
    if not integration.english:
        yield "translations/en.json is missing"


def flows(integration: Integration) -> Iterator[str]:
    """Every field of a form says what to enter; sections say what they are for."""
    for kind in ("config", "options"):
        for name, step in integration.english.get(kind, {}).get("step", {}).items():
            parts = {"": step, **step.get("sections", {})}
            for section, texts in parts.items():
                where = ".".join(filter(None, (kind, name, section)))
                data, described = texts.get("data", {}), texts.get("data_description", {})
                if data.keys() != described.keys():
                    yield f"{where}: data and data_description differ"
                if section and not texts.get("name"):
                    yield f"{where}: has no name"


def issues(integration: Integration) -> Iterator[str]:
    """A repair is described, or is mended by a flow; not both."""
    for key, texts in integration.english.get("issues", {}).items():
        if not texts.get("title"):
            yield f"issues.{key} has no title"
        if ("description" in texts) is ("fix_flow" in texts):
            yield f"issues.{key} needs either a description or a fix_flow"


CHECKS = (rules, sources, flows, issues)
