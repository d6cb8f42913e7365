"""The Integration Quality Scale: what quality_scale.yaml claims, where a program can tell.

Whether a test covers enough or a text explains enough is for people; that a rule is
missing, that an exemption has no reason, or that a claimed thing is not even there, is not.
"""

import ast
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
import re
import tomllib
from typing import Any, Final

from .code import imports
from .integration import Integration, differences

BRONZE: Final = (
    "action-setup",
    "appropriate-polling",
    "brands",
    "common-modules",
    "config-flow-test-coverage",
    "config-flow",
    "dependency-transparency",
    "docs-actions",
    "docs-conditions",
    "docs-high-level-description",
    "docs-installation-instructions",
    "docs-removal-instructions",
    "docs-triggers",
    "entity-event-setup",
    "entity-unique-id",
    "has-entity-name",
    "runtime-data",
    "test-before-configure",
    "test-before-setup",
    "unique-config-entry",
)
SILVER: Final = (
    "action-exceptions",
    "config-entry-unloading",
    "docs-configuration-parameters",
    "docs-installation-parameters",
    "entity-unavailable",
    "integration-owner",
    "log-when-unavailable",
    "parallel-updates",
    "reauthentication-flow",
    "test-coverage",
)
GOLD: Final = (
    "devices",
    "diagnostics",
    "discovery",
    "discovery-update-info",
    "docs-data-update",
    "docs-examples",
    "docs-known-limitations",
    "docs-supported-devices",
    "docs-supported-functions",
    "docs-troubleshooting",
    "docs-use-cases",
    "dynamic-devices",
    "entity-category",
    "entity-device-class",
    "entity-disabled-by-default",
    "entity-translations",
    "exception-translations",
    "icon-translations",
    "reconfiguration-flow",
    "repair-issues",
    "stale-devices",
)
PLATINUM: Final = ("async-dependency", "inject-websession", "strict-typing")
TIERS: Final[Mapping[str, tuple[str, ...]]] = {
    "bronze": BRONZE,
    "silver": SILVER,
    "gold": GOLD,
    "platinum": PLATINUM,
}

_ERRORS = {
    "HomeAssistantError",
    "ServiceValidationError",
    "ConfigEntryAuthFailed",
    "ConfigEntryError",
    "ConfigEntryNotReady",
    "UpdateFailed",
}
"""What users see when it is raised."""


def claims(integration: Integration) -> Iterator[str]:
    """Every rule is there, in a state, and an exemption has a reason."""
    rules = integration.yaml("quality_scale.yaml").get("rules", {})
    known = [rule for tier in TIERS.values() for rule in tier]
    yield from differences("quality_scale.yaml", set(rules), set(known))
    for rule, claim in rules.items():
        status = claim if isinstance(claim, str) else claim.get("status")
        comment = "" if isinstance(claim, str) else claim.get("comment", "")
        if status not in ("done", "todo", "exempt"):
            yield f"{rule} is neither done nor todo nor exempt"
        if status == "exempt" and len(comment.split()) < 5:
            yield f"{rule} is exempt without a reason"
    tier = integration.manifest.get("quality_scale")
    for name, members in TIERS.items():
        for rule in members:
            if rules.get(rule) == "todo" and tier is not None:
                yield f"{rule} is not done, and the manifest says {tier}"
        if name == tier:
            break


def done(integration: Integration) -> Iterator[str]:
    """What counts as done leaves a trace; so does what an exemption says."""
    rules = integration.yaml("quality_scale.yaml").get("rules", {})
    for rule, evidence in _EVIDENCE.items():
        if rules.get(rule) != "todo":
            yield from (f"{rule}: {problem}" for problem in evidence(integration))


type _Evidence = Callable[[Integration], Iterator[str]]


def _has(path: str, pattern: str) -> _Evidence:
    """Ask for a pattern in a file of the integration."""

    def look(integration: Integration) -> Iterator[str]:
        source = integration.sources.get(Path(path), "")
        if not re.search(pattern, source, re.MULTILINE):
            yield f"{path} lacks {pattern}"

    return look


def _heading(page: str, title: str) -> _Evidence:
    """Ask for a section with something in it."""

    def look(integration: Integration) -> Iterator[str]:
        path = integration.root / page
        text = path.read_text("utf-8") if path.exists() else ""
        _, heading, rest = f"\n{text}".partition(f"\n{title}\n")
        body = re.split(r"^#{1,2} ", rest, maxsplit=1, flags=re.MULTILINE)[0]
        if not heading or len(body.split()) < 20:
            yield f"{page} has no section {title}"

    return look


def _platform_files(integration: Integration) -> Iterator[Path]:
    source = integration.sources[Path("__init__.py")]
    names = re.findall(r"^    Platform\.(\w+),$", source, re.MULTILINE)
    yield from (Path(f"{name.lower()}.py") for name in names)


def _parallel_updates(integration: Integration) -> Iterator[str]:
    for path in _platform_files(integration):
        if not re.search(
            r"^PARALLEL_UPDATES = \d", integration.sources[path], re.MULTILINE
        ):
            yield f"{path} does not say"


def _translated(integration: Integration) -> Iterator[str]:
    """Whatever is raised for users has a text, and none has words of its own."""
    texts = integration.english.get("exceptions", {})
    for path, nodes in integration.nodes.items():
        for call in nodes:
            if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
                continue
            if call.func.id not in _ERRORS:
                continue
            where = f"{path}:{call.lineno}"
            words = {word.arg: word.value for word in call.keywords}
            if (
                call.args
                or not {"translation_domain", "translation_key"} <= words.keys()
            ):
                yield f"{where} raises {call.func.id} without a translation"
                continue
            key = words["translation_key"]
            if (
                isinstance(key, ast.Constant)
                and isinstance(key.value, str)
                and key.value not in texts
            ):
                yield f"{where}: there is no text {key.value}"


def _translated_entities(integration: Integration) -> Iterator[str]:
    """No platform gives an entity a name in code, but for none at all."""
    for path in _platform_files(integration):
        for node in integration.nodes[path]:
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id.endswith("Description")
                and any(
                    word.arg == "name"
                    and not (
                        isinstance(word.value, ast.Constant)
                        and word.value.value is None
                    )
                    for word in node.keywords
                )
            ):
                yield f"{path}:{node.lineno} names an entity"


def _no_icon_in_code(integration: Integration) -> Iterator[str]:
    for path in _platform_files(integration):
        if re.search(r"\b_attr_icon\b|\bicon=", integration.sources[path]):
            yield f"{path} chooses an icon"


def _strict(integration: Integration) -> Iterator[str]:
    project = _project(integration)
    mypy = project["tool"]["mypy"]
    if mypy.get("strict") is not True:
        yield "mypy is not strict"
    ours = str(integration.folder.relative_to(integration.root))
    if ours not in mypy["files"]:
        yield "mypy does not look at the integration"
    for override in mypy.get("overrides", ()):
        modules = override["module"]
        for module in [modules] if isinstance(modules, str) else modules:
            if module.startswith("custom_components"):
                yield f"mypy makes an exception for {module}"
    if not (integration.folder / "py.typed").exists():
        yield "py.typed is missing"


def _covered(integration: Integration) -> Iterator[str]:
    if _project(integration)["tool"]["coverage"]["report"].get("fail_under", 0) < 97:
        yield "the least coverage is not set"
    if "scripts.validation.coverage" not in (integration.root / ".ci/run").read_text():
        yield "continuous integration does not look at the coverage"


def _project(integration: Integration) -> dict[str, Any]:
    return tomllib.loads((integration.root / "pyproject.toml").read_text("utf-8"))


def _no_polling(integration: Integration) -> Iterator[str]:
    for path, source in integration.sources.items():
        if re.search(r"SCAN_INTERVAL|async_track_time_interval", source):
            yield f"{path} polls"


def _flow_described(integration: Integration) -> Iterator[str]:
    for name, step in integration.english["config"]["step"].items():
        if step.get("data", {}).keys() != step.get("data_description", {}).keys():
            yield f"step {name} does not describe its fields"


def _no_session(integration: Integration) -> Iterator[str]:
    """Whoever speaks HTTP uses Home Assistant's session."""
    for path, source in integration.sources.items():
        if "ClientSession(" in source:
            yield f"{path} makes a session of its own"


def _asyncio(integration: Integration) -> Iterator[str]:
    for path, nodes in integration.nodes.items():
        for module in imports(nodes):
            if module[0] in ("requests", "threading"):
                yield f"{path} uses {module[0]}"


_ENTRY = "__init__.py"
_EVIDENCE: Final[Mapping[str, _Evidence]] = {
    "action-setup": _has(
        _ENTRY,
        r"async def async_setup\(.*\n(    .*\n)*?    async_setup_services\(hass\)",
    ),
    "appropriate-polling": _no_polling,
    "common-modules": _has("coordinator.py", r"^class \w+\(DataUpdateCoordinator"),
    "config-flow": _flow_described,
    "config-flow-test-coverage": _covered,
    "docs-actions": _heading("docs/actions.md", "## Operations"),
    "docs-conditions": _heading("docs/automations.md", "## Conditions"),
    "docs-high-level-description": _heading("README.md", "# Bambu Printer"),
    "docs-installation-instructions": _heading("README.md", "## Installation"),
    "docs-removal-instructions": _heading("README.md", "## Removal"),
    "docs-triggers": _heading("docs/automations.md", "## Triggers"),
    "entity-event-setup": _has("entity.py", r"\.async_remove_watcher\(self\."),
    "entity-unique-id": _has("entity.py", r"self\._attr_unique_id = "),
    "has-entity-name": _has("entity.py", r"^    _attr_has_entity_name = True$"),
    "runtime-data": _has(_ENTRY, r"^    entry\.runtime_data = coordinator$"),
    "test-before-configure": _has("config_flow.py", r"async_try_connection\("),
    "test-before-setup": _has("coordinator.py", r"raise ConfigEntryAuthFailed"),
    "unique-config-entry": _has(
        "config_flow.py", r"self\._abort_if_unique_id_configured\(\)"
    ),
    "action-exceptions": _has("helpers.py", r"raise ServiceValidationError"),
    "config-entry-unloading": _has(_ENTRY, r"^async def async_unload_entry"),
    "docs-configuration-parameters": _heading("docs/installation.md", "## Options"),
    "docs-installation-parameters": _heading(
        "docs/installation.md", "## Add a printer"
    ),
    "parallel-updates": _parallel_updates,
    "reauthentication-flow": _has("config_flow.py", r"async def async_step_reauth\("),
    "test-coverage": _covered,
    "devices": _has("entity.py", r"DeviceInfo\("),
    "diagnostics": _has(
        "diagnostics.py", r"async def async_get_config_entry_diagnostics"
    ),
    "discovery": _has(
        "config_flow.py", r"async def async_step_integration_discovery\("
    ),
    "discovery-update-info": _has("discovery.py", r"async_update_entry\("),
    "docs-data-update": _heading("README.md", "## How data arrives"),
    "docs-examples": _heading("docs/examples.md", "# Examples"),
    "docs-known-limitations": _heading("README.md", "## Known limitations"),
    "docs-supported-devices": _heading("README.md", "## Supported printers"),
    "docs-supported-functions": _heading("README.md", "## What you get"),
    "docs-troubleshooting": _heading("README.md", "## Troubleshooting"),
    "docs-use-cases": _heading("README.md", "## What it is good for"),
    "dynamic-devices": _has("entity.py", r"\.async_add_watcher\(_SHAPE_"),
    "entity-translations": _translated_entities,
    "exception-translations": _translated,
    "icon-translations": _no_icon_in_code,
    "reconfiguration-flow": _has(
        "config_flow.py", r"async def async_step_reconfigure\("
    ),
    "repair-issues": _has("repairs.py", r"async def async_create_fix_flow"),
    "stale-devices": _has(_ENTRY, r"^async def async_remove_config_entry_device"),
    "async-dependency": _asyncio,
    "inject-websession": _no_session,
    "strict-typing": _strict,
}

CHECKS = (claims, done)
