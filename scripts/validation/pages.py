"""The pages for people: links lead somewhere, and nothing is left out of the overview."""

from collections.abc import Iterator
from pathlib import Path
import re

from .integration import Integration

_LINK = re.compile(r"\]\(([^)\s]+)\)|<img[^>]+src=\"([^\"]+)\"")
_CODE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_OURS = re.compile(
    r"https://(?:github\.com/bambu-printer/bambu-printer/blob|"
    r"raw\.githubusercontent\.com/bambu-printer/bambu-printer)/main/"
)
_NOT_IN_SLUGS = re.compile(r"[^\w\- ]")


def pages(root: Path) -> list[Path]:
    """Return all pages of a repository."""
    return [*sorted(root.glob("*.md")), *sorted((root / "docs").glob("*.md"))]


def anchors(text: str) -> set[str]:
    """Return what links can point to within a page, as GitHub names its headings."""
    return {
        _NOT_IN_SLUGS.sub("", heading.lower()).strip().replace(" ", "-")
        for heading in re.findall(r"^#+ (.+)$", _CODE.sub("", text), flags=re.MULTILINE)
    }


def links(integration: Integration) -> Iterator[str]:
    """Every link to a page or picture of the repository finds it, and its heading."""
    root = integration.root
    for page in pages(root):
        text = page.read_text("utf-8")
        for groups in _LINK.findall(_CODE.sub("", text)):
            link = next(filter(None, groups))
            target = _OURS.sub("/", link)
            if "://" in target or target.startswith("mailto:"):
                continue
            name, _, anchor = target.partition("#")
            path = root / name[1:] if name.startswith("/") else page.parent / name
            if not name:
                path = page
            where = page.relative_to(root)
            if not path.exists():
                yield f"{where}: {link} leads nowhere"
            elif anchor and anchor not in anchors(path.read_text("utf-8")):
                yield f"{where}: {link} has no such heading"


def overview(integration: Integration) -> Iterator[str]:
    """The README names every action and links to every page."""
    readme = (integration.root / "README.md").read_text("utf-8")
    for action in integration.yaml("services.yaml"):
        if f"`{action}`" not in readme:
            yield f"README.md does not name the action {action}"
    for page in sorted((integration.root / "docs").glob("*.md")):
        if f"/docs/{page.name}" not in readme:
            yield f"README.md has no link to docs/{page.name}"


def automations(integration: Integration) -> Iterator[str]:
    """The page about automations has every trigger and every condition."""
    text = (integration.root / "docs/automations.md").read_text("utf-8")
    for part in ("triggers", "conditions"):
        for name in integration.yaml(f"{part}.yaml"):
            if f"| `{name}` |" not in text:
                yield f"docs/automations.md does not have {name} of {part}"


CHECKS = (links, overview, automations)
