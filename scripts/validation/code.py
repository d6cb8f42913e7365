"""What the code must have, and what it may import."""

import ast
from collections.abc import Iterator
from pathlib import Path
import re
import sys

from homeassistant.const import Platform
from packaging.requirements import Requirement

from .integration import Integration

_DISCOVERIES = ("bluetooth", "dhcp", "homekit", "mqtt", "ssdp", "usb", "zeroconf")
_FREE = {
    # They are part of every Home Assistant, or nothing has to be set up to use their code.
    *map(str, Platform),
    "automation",
    "conversation",
    "device_automation",
    "frontend",
    "group",
    "homeassistant",
    "media_source",
    "persistent_notification",
    "script",
    "stream",
    "sun",
    "system_health",
    "websocket_api",
    "zone",
}
_COMES_ALONG = {
    # What Home Assistant itself is made of …
    "aiohttp",
    "cryptography",
    "orjson",
    "probatio",
    # … and what its components install: camera and stream (av, PIL), conversation (hassil).
    "av",
    "PIL",
    "hassil",
}
_DISTRIBUTIONS = {"paho": "paho-mqtt", "PIL": "pillow"}


def imports(tree: ast.Module) -> Iterator[tuple[str, ...]]:
    """Iterate over the absolute modules that are imported at run time, as their parts."""
    pending: list[ast.AST] = [tree]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            pending.extend(node.orelse)
            continue
        if isinstance(node, ast.Import):
            yield from (tuple(alias.name.split(".")) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            module = tuple(node.module.split("."))
            yield from ((*module, alias.name) for alias in node.names)
        pending.extend(ast.iter_child_nodes(node))


def dependencies(integration: Integration) -> Iterator[str]:
    """Every integration whose code is used is waited for."""
    manifest = integration.manifest
    declared = {
        *manifest.get("dependencies", ()),
        *manifest.get("after_dependencies", ()),
        *(key for key in _DISCOVERIES if key in manifest),
    }
    for path, tree in integration.trees.items():
        for module in imports(tree):
            if module[:2] != ("homeassistant", "components") or len(module) < 3:
                continue
            # The platform for an integration is only loaded when that one is.
            if module[2] not in declared | _FREE | {path.parts[0].removesuffix(".py")}:
                yield f"{path} imports {module[2]}, which the manifest does not name"


def packages(integration: Integration) -> Iterator[str]:
    """Every package that is imported is required, and every one required is imported."""
    required = {
        Requirement(item).name.lower().replace("-", "_")
        for item in integration.manifest.get("requirements", ())
    }
    imported = {
        module[0] for tree in integration.trees.values() for module in imports(tree)
    }
    known = sys.stdlib_module_names | {"homeassistant"} | _COMES_ALONG
    named = {
        _DISTRIBUTIONS.get(name, name).lower().replace("-", "_"): name
        for name in imported - known
    }
    for name in sorted(named.keys() - required):
        yield f"{name} is imported, but not required"
    for name in sorted(required - named.keys()):
        yield f"{name} is required, but not imported"


def config_flow(integration: Integration) -> Iterator[str]:
    """The manifest says so, the flow exists, and printers are not set up twice."""
    path = Path("config_flow.py")
    if bool(integration.manifest.get("config_flow")) is not (path in integration.sources):
        yield "config_flow.py and the manifest disagree"
        return
    source = integration.sources.get(path, "")
    discovered = [key for key in _DISCOVERIES if key in integration.manifest]
    if discovered and "self.async_set_unique_id" not in source:
        yield "what is discovered needs a unique id"
    for key in discovered:
        if f"async def async_step_{key}(" not in source:
            yield f"the flow has no step for {key}"


def no_yaml(integration: Integration) -> Iterator[str]:
    """`async_setup` needs a schema that says that there is nothing to configure."""
    source = integration.sources[Path("__init__.py")]
    if "async def async_setup(" in source and not re.search(
        r"^CONFIG_SCHEMA = cv\.config_entry_only_config_schema\(DOMAIN\)",
        source,
        re.MULTILINE,
    ):
        yield "__init__.py has async_setup, but no CONFIG_SCHEMA"


def platforms(integration: Integration) -> Iterator[str]:
    """Triggers, conditions and actions are in YAML exactly when there is code for them."""
    for module, name in (
        ("services", "services"),
        ("trigger", "triggers"),
        ("condition", "conditions"),
    ):
        there = Path(f"{module}.py") in integration.sources
        if there is not bool(integration.yaml(f"{name}.yaml")):
            yield f"{module}.py and {name}.yaml do not fit"


CHECKS = (dependencies, packages, config_flow, no_yaml, platforms)
