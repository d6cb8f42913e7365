"""The card in a printer."""

from pathlib import Path
import shutil
import tempfile
import weakref

from .machine import Machine


class Card:
    """A folder with what is on a card; made when somebody looks into it."""

    def __init__(self, machine: Machine, folder: Path | None = None) -> None:
        """Remember whose card it is, and where it is kept if it is kept."""
        self._machine = machine
        self._kept = folder
        self._root: Path | None = None
        self._remove: weakref.finalize[..., Card] | None = None

    @property
    def used(self) -> bool:
        """Whether anybody has looked into it."""
        return self._root is not None

    @property
    def root(self) -> Path:
        """The folder, filled."""
        if self._root is None:
            if self._kept is None:
                self._root = Path(tempfile.mkdtemp(prefix="virtual-card-"))
                self._remove = weakref.finalize(
                    self, shutil.rmtree, self._root, ignore_errors=True
                )
            else:
                self._root = self._kept
                self._root.mkdir(parents=True, exist_ok=True)
        return self._root

    def add(self, path: str, content: bytes | str | Path) -> Path:
        """Put a file on it."""
        target = self.root.joinpath(path.lstrip("/"))
        target.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, Path):
            shutil.copyfile(content, target)
        else:
            target.write_bytes(
                content.encode() if isinstance(content, str) else content
            )
        return target

    def close(self) -> None:
        """Forget the content, unless it is kept."""
        self._root = None
        if self._remove is not None:
            self._remove()
            self._remove = None
