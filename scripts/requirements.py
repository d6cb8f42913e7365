"""Print the requirements of the Home Assistant components that the demo starts.

Home Assistant's wheel brings its components but not what they require: it installs those by itself
when a component starts. This reads the same manifests beforehand, so that `scripts/setup` can
install everything in one go and the demo starts without asking any package registry.
"""

from collections.abc import Iterable
import json
from pathlib import Path

import homeassistant
from homeassistant import bootstrap

#: What the demo's configuration names (scripts/demo/); the rest follows from their manifests.
DEMO_COMPONENTS = (
    "assist_pipeline",
    "config",
    "conversation",
    "history",
    "isal",
    "logbook",
    "media_source",
    "recorder",
    "stream",
    "sun",
)
COMPONENTS = Path(homeassistant.__file__).parent / "components"
CUSTOM_COMPONENTS = Path(__file__).parents[1] / "custom_components"


def manifest_of(domain: str) -> dict[str, list[str]]:
    """Return the manifest of a component, ours or Home Assistant's."""
    for folder in (CUSTOM_COMPONENTS, COMPONENTS):
        path = folder / domain / "manifest.json"
        if path.exists():
            manifest: dict[str, list[str]] = json.loads(path.read_text())
            return manifest
    return {}  # a platform or a built-in without a manifest


def requirements_of(domains: Iterable[str]) -> set[str]:
    """Return the requirements of components and of all they depend on."""
    found: set[str] = set()
    seen: set[str] = set()
    waiting = list(domains)
    while waiting:
        domain = waiting.pop()
        if domain in seen:
            continue
        seen.add(domain)
        manifest = manifest_of(domain)
        found.update(manifest.get("requirements", ()))
        waiting.extend(manifest.get("dependencies", ()))
    return found


def main() -> None:
    """Print one requirement a line."""
    ours = [path.parent.name for path in CUSTOM_COMPONENTS.glob("*/manifest.json")]
    always = bootstrap.DEFAULT_INTEGRATIONS | bootstrap.CORE_INTEGRATIONS
    print(*sorted(requirements_of([*always, *DEMO_COMPONENTS, *ours])), sep="\n")


if __name__ == "__main__":
    main()
