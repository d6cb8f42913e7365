"""How files get their names when the server, or the disk, does not want to."""

import ftplib
from pathlib import Path
from typing import Any

import pytest

from custom_components.bambu_printer.printer import storage
from custom_components.bambu_printer.printer.errors import (
    BambuError,
    FileMissingError,
    StorageDeniedError,
)


class Server:
    """A server that refuses to give a name that is taken, or any at all."""

    def __init__(self, *files: str, folders: tuple[str, ...] = ("/",)) -> None:
        self.files = list(files)
        self.folders = folders
        self.deniesall = False
        self.chosen = ""

    def sendcmd(self, command: str) -> str:
        self.chosen = command.removeprefix("RNFR ")
        return "350 Ready"

    def voidcmd(self, command: str) -> None:
        name = command.removeprefix("RNTO ")
        folder = name.rpartition("/")[0] or "/"
        if self.deniesall or name in self.files or folder not in self.folders:
            raise ftplib.error_perm("550 Rename failed")
        self.files.remove(self.chosen)
        self.files.append(name)

    def size(self, path: str) -> int | None:
        return 7 if path in self.files else None

    def is_folder(self, path: str) -> bool:
        return path in self.folders

    def delete(self, path: str) -> None:
        if path not in self.files:
            raise ftplib.error_perm("550 Delete failed")
        self.files.remove(path)


def move(server: Any, path: str, new_path: str) -> None:
    storage._move(server, path, new_path)


def test_a_name_is_taken_over() -> None:
    server = Server("/upload.part", "/vase.3mf")
    move(server, "/upload.part", "/vase.3mf")
    assert server.files == ["/vase.3mf"]


def test_a_name_is_refused() -> None:
    server = Server("/upload.part")
    server.deniesall = True
    with pytest.raises(StorageDeniedError):
        move(server, "/upload.part", "/vase.3mf")
    assert server.files == ["/upload.part"]


def test_a_folder_is_missing() -> None:
    server = Server("/upload.part")
    with pytest.raises(FileMissingError):
        move(server, "/upload.part", "/cache/vase.3mf")


def test_deleting_what_is_not_there() -> None:
    server: Any = Server()
    with pytest.raises(FileMissingError):
        storage._delete(server, "/vase.3mf")


def test_a_download_that_cannot_be_named(tmp_path: Path) -> None:
    partial = tmp_path / "download.part"
    partial.write_bytes(b"content")
    target = tmp_path / "folder"
    (target / "full").mkdir(parents=True)
    with pytest.raises(BambuError):
        storage._finish(partial, target)
    storage._finish(partial, tmp_path / "vase.3mf")
    assert (tmp_path / "vase.3mf").read_bytes() == b"content"
