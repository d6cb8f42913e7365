"""What is known of the folders of a storage: listed once, corrected with each change."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from .listing import Entry
from .paths import ROOT, name_of, parent_of

type Tree = dict[str, Any]
"""A folder or file: ``id`` (its path), ``name``, ``size``, and ``children`` of a folder."""


class Folders:
    """The folders that were listed, with their entries."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self._folders: dict[str, dict[str, Entry]] = {}

    def __contains__(self, path: str) -> bool:
        """Whether the folder was listed."""
        return path in self._folders

    def set(self, path: str, entries: Iterable[Entry]) -> None:
        """Take over a listing."""
        known = {entry.path: entry for entry in entries if not _is_debris(entry)}
        for entry in self._folders.get(path, {}).values():
            if entry.folder and entry.path not in known:
                self._forget_below(entry.path)
        self._folders[path] = known

    def entries(self, path: str) -> tuple[Entry, ...]:
        """Return what is in a folder, folders first."""
        return tuple(
            sorted(
                self._folders.get(path, {}).values(),
                key=lambda entry: (not entry.folder, entry.name.casefold()),
            )
        )

    def tree(self) -> Tree:
        """Return everything."""
        return self._tree(ROOT, lambda _: True)

    def projects(self) -> Tree:
        """Return the sliced projects, and the folders that have some."""
        return self._tree(
            ROOT, lambda entry: not entry.folder and entry.name.lower().endswith(".3mf")
        )

    def _tree(self, path: str, wanted: Callable[[Entry], bool]) -> Tree:
        children: list[Tree] = []
        for entry in self.entries(path):
            if entry.folder:
                child = self._tree(entry.path, wanted)
                if child["children"] or wanted(entry):
                    children.append(child)
            elif wanted(entry):
                children.append(
                    {"id": entry.path, "name": entry.name, "size": entry.size}
                )
        return {"id": path, "name": name_of(path) or ROOT, "children": children}

    def add(self, path: str, size: int) -> None:
        """Know of a new file."""
        self._put(
            Entry(path=path, name=name_of(path), folder=False, size=size, modified="")
        )

    def add_folder(self, path: str) -> None:
        """Know of a folder that may be new."""
        siblings = self._folders.get(parent_of(path), {})
        if path not in siblings:
            self._put(
                Entry(path=path, name=name_of(path), folder=True, size=0, modified="")
            )
            if siblings:
                # It was not there when its parent was listed: it is empty.
                self._folders.setdefault(path, {})

    def remove(self, path: str) -> None:
        """Forget a file, or a folder with what is in it."""
        self._forget_below(path)
        self._folders.get(parent_of(path), {}).pop(path, None)

    def move(self, path: str, new_path: str) -> None:
        """Know of a new name, also for what is below it."""
        entry = self._folders.get(parent_of(path), {}).pop(path, None)
        self._forget_below(new_path)
        below = f"{path}/"
        for folder in [
            item for item in self._folders if item == path or item.startswith(below)
        ]:
            self._folders[new_path + folder.removeprefix(path)] = {
                moved.path: moved
                for item in self._folders.pop(folder).values()
                for moved in (
                    replace(item, path=new_path + item.path.removeprefix(path)),
                )
            }
        if entry is not None:
            self._put(replace(entry, path=new_path, name=name_of(new_path)))
        elif (parent := parent_of(new_path)) in self._folders:
            # What it is was never seen: the folder must be listed again.
            self._forget_listing(parent)

    def _put(self, entry: Entry) -> None:
        siblings = self._folders.get(parent_of(entry.path))
        if siblings is not None:
            siblings[entry.path] = entry

    def _forget_listing(self, path: str) -> None:
        self._folders.pop(path, None)

    def _forget_below(self, path: str) -> None:
        below = f"{path}/"
        for folder in [
            item for item in self._folders if item == path or item.startswith(below)
        ]:
            del self._folders[folder]


def _is_debris(entry: Entry) -> bool:
    """Tell what computers leave on a card that was in them."""
    return entry.name.startswith(("._", ".Trash")) or entry.name in (
        ".Spotlight-V100",
        ".fseventsd",
        "System Volume Information",
    )
