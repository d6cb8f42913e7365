"""What is checked: an integration in its repository, read once."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
import json
from pathlib import Path
import string
from typing import Any

import yaml

type Check = Callable[[Integration], Iterator[str]]
"""Yields what is wrong, one sentence each."""


@dataclass(frozen=True)
class Integration:
    """An integration, and the repository that it is in."""

    root: Path
    folder: Path

    @classmethod
    def find(cls, root: Path) -> Integration:
        """Find the only integration of a repository.

        Raises `ValueError` when there is none or more than one: HACS takes just one.
        """
        folders = [path.parent for path in root.glob("custom_components/*/manifest.json")]
        if len(folders) != 1:
            raise ValueError(f"custom_components has {len(folders)} integrations")
        return cls(root, folders[0])

    @property
    def domain(self) -> str:
        """The name of its folder."""
        return self.folder.name

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """The manifest."""
        return self.json("manifest.json")

    @cached_property
    def english(self) -> dict[str, Any]:
        """The English texts."""
        return self.json("translations/en.json")

    @cached_property
    def icons(self) -> dict[str, Any]:
        """The icons."""
        return self.json("icons.json")

    @cached_property
    def translations(self) -> dict[str, dict[str, Any]]:
        """The texts of all languages."""
        paths = sorted((self.folder / "translations").glob("*.json"))
        return {path.stem: json.loads(path.read_text("utf-8")) for path in paths}

    @cached_property
    def sources(self) -> dict[Path, str]:
        """The code, by its path in the integration."""
        return {
            path.relative_to(self.folder): path.read_text("utf-8")
            for path in sorted(self.folder.rglob("*.py"))
        }

    @cached_property
    def trees(self) -> dict[Path, ast.Module]:
        """The code, parsed."""
        return {path: ast.parse(source) for path, source in self.sources.items()}

    def json(self, name: str) -> dict[str, Any]:
        """Read one of its files; empty when there is none."""
        path = self.folder / name
        if not path.exists():
            return {}
        content: dict[str, Any] = json.loads(path.read_text("utf-8"))
        return content

    def yaml(self, name: str) -> dict[str, Any]:
        """Read one of its files, without what begins with a dot: that is for repeating."""
        path = self.folder / name
        content = yaml.safe_load(path.read_text("utf-8")) if path.exists() else None
        return {
            key: value or {}
            for key, value in (content or {}).items()
            if not key.startswith(".")
        }


def leaves(value: object, path: str = "") -> Iterator[tuple[str, object]]:
    """Iterate over what is in objects within objects, with the path to it."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from leaves(item, f"{path}.{key}" if path else str(key))
    else:
        yield path, value


def placeholders(text: str) -> set[str]:
    """Return the names in braces.  Raises `ValueError` when braces do not match."""
    return {
        name for _, name, _, _ in string.Formatter().parse(text) if name is not None
    }


def differences(what: str, found: set[str], wanted: set[str]) -> Iterator[str]:
    """Tell what is missing and what is too much."""
    for key in sorted(wanted - found):
        yield f"{what}: {key} is missing"
    for key in sorted(found - wanted):
        yield f"{what}: {key} is not known"
