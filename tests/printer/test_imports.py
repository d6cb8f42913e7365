"""What must not import what."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
INTEGRATION = ROOT / "custom_components/bambu_printer"
LIBRARY = INTEGRATION / "printer"
VIRTUAL = ROOT / "virtual_printer"


def modules(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.py"))


def imports(path: Path) -> Iterator[str]:
    """Yield the names of all modules that a file imports; relative ones with dots."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or "")


def ids(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", modules(LIBRARY), ids=ids)
def test_the_library_knows_nothing_of_home_assistant(path):
    found = list(imports(path))
    assert not any(name.split(".")[0] == "homeassistant" for name in found)
    # Nor does it reach out of its own folder.
    depth = len(path.relative_to(LIBRARY).parts)
    for name in found:
        dots = len(name) - len(name.lstrip("."))
        assert dots <= depth
        assert not name.startswith(("custom_components", "tests", "scripts"))


@pytest.mark.parametrize("path", modules(INTEGRATION), ids=ids)
def test_nothing_has_threads_of_its_own(path):
    banned = {"threading", "_thread", "multiprocessing", "requests", "voluptuous"}
    assert not {name.split(".")[0] for name in imports(path)} & banned


@pytest.mark.parametrize("path", modules(VIRTUAL), ids=ids)
def test_the_virtual_printer_shares_nothing_with_the_integration(path):
    banned = {"custom_components", "homeassistant", "tests"}
    assert not {name.split(".")[0] for name in imports(path)} & banned


@pytest.mark.parametrize("path", modules(INTEGRATION), ids=ids)
def test_the_integration_shares_nothing_with_the_virtual_printer(path):
    assert "virtual_printer" not in {name.split(".")[0] for name in imports(path)}


def test_there_is_something_to_look_at():
    assert min(len(modules(x)) for x in (LIBRARY, VIRTUAL)) > 10
