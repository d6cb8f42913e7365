"""Paths on the printer's storage: absolute, and checked before they are sent."""

import unicodedata

from .errors import InvalidPathError

ROOT = "/"
_FORBIDDEN = frozenset('<>:"\\|?*')
_CONTROLS = frozenset({"Cc", "Cs", "Zl", "Zp"})
"""Categories of characters that end a line, or that cannot be sent."""
_LONGEST_NAME = 255
"""Bytes of UTF-8."""


def is_name(name: str) -> bool:
    """Tell whether something can be called so.

    Spaces of other scripts, joiners and characters that are newer than Python are part of
    names; what would end a command or a listing's line is not.
    """
    return (
        not any(unicodedata.category(letter) in _CONTROLS for letter in name)
        and len(name.encode()) <= _LONGEST_NAME
    )


def normalize(path: str) -> str:
    """Return a path from the root, without empty parts or a slash at the end.

    Raises `InvalidPathError` for what would leave the root, or would end the command line
    that carries the path.
    """
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if ".." in parts or not all(map(is_name, parts)):
        raise InvalidPathError(path)
    return ROOT + "/".join(parts)


def normalize_new(path: str) -> str:
    """Return the path of something that is to be made; its name must suit every system."""
    result = normalize(path)
    name = result.rpartition("/")[2]
    if not name or name.endswith((" ", ".")) or _FORBIDDEN & set(result):
        raise InvalidPathError(path)
    return result


def parent_of(path: str) -> str:
    """Return the folder that something is in."""
    return path.rpartition("/")[0] or ROOT


def name_of(path: str) -> str:
    """Return the name without the folders."""
    return path.rpartition("/")[2]


def join(folder: str, name: str) -> str:
    """Return the path of something in a folder."""
    return f"{folder.rstrip('/')}/{name}"
