"""Files on the printer's storage."""

from pathlib import Path

from ..folders import Tree
from ..ftps import Progress
from ..paths import normalize
from ..project import ProjectInfo
from ..projects import EXPRESS_LIMIT, ProjectStore, job_candidates
from ..storage import PrinterStorage
from .base import Operations


class FileOperations(Operations):
    """Looking at files, moving them, and what sliced projects say of themselves.

    They need no session, only the printer's file server.  They raise a
    `PrinterConnectionError` when it cannot be reached and a `StorageError` otherwise;
    see `PrinterStorage` for its kinds.  Paths are absolute, of the card or drive.

    What may be the file of the job that is being printed cannot be changed:
    `WrongStateError`.  Taking it away ends a job on some printers.
    """

    storage: PrinterStorage
    projects: ProjectStore

    async def get_sdcard_contents(self) -> Tree:
        """Return all folders and files; minutes on a full card of a small printer."""
        return await self.storage.get_sdcard_contents()

    async def get_sdcard_3mf_files(self) -> Tree:
        """Return all sliced projects, in the folders that they are in."""
        return await self.storage.get_sdcard_3mf_files()

    @property
    def cached_sd_card_contents(self) -> Tree | None:
        """All folders and files as they were last seen; None: never looked at."""
        return self.storage.cached_sd_card_contents

    @property
    def cached_sd_card_3mf_files(self) -> Tree | None:
        """All sliced projects as they were last seen; None: never looked at."""
        return self.storage.cached_sd_card_3mf_files

    async def sdcard_file_exists(self, path: str) -> bool:
        """Tell whether there is a file; a failure to ask is an error, not a no."""
        return await self.storage.sdcard_file_exists(path)

    async def upload_sdcard_file(
        self, source: Path, path: str, progress: Progress | None = None
    ) -> int:
        """Store a file of this machine on the printer; return its size in bytes.

        `progress` is called with the bytes so far, from a thread.
        """
        self._require_unused("upload_sdcard_file", path)
        return await self.projects.upload(source, path, progress)

    async def download_sdcard_file(
        self, path: str, target: Path, progress: Progress | None = None
    ) -> int:
        """Fetch a file to this machine; return its size in bytes.

        `progress` is called with the bytes so far, from a thread.
        """
        return await self.storage.download_sdcard_file(path, target, progress)

    async def rename_sdcard_file(self, path: str, new_path: str) -> None:
        """Rename or move a file or folder; nothing is overwritten."""
        self._require_unused("rename_sdcard_file", path)
        self._require_unused("rename_sdcard_file", new_path)
        await self.storage.rename_sdcard_file(path, new_path)

    async def make_sdcard_directory(self, path: str) -> None:
        """Make a folder; that it is there already is no error."""
        await self.storage.make_sdcard_directory(path)

    async def delete_sdcard_file(self, path: str) -> None:
        """Delete a file."""
        self._require_unused("delete_sdcard_file", path)
        await self.storage.delete_sdcard_file(path)

    async def delete_sdcard_folder(self, path: str) -> None:
        """Delete a folder with everything in it."""
        self._require_unused("delete_sdcard_folder", path)
        await self.storage.delete_sdcard_folder(path)

    async def get_project_info(
        self, path: str, plate: int | None = None
    ) -> ProjectInfo:
        """Return what a sliced project says of itself, or of one of its plates.

        Printers that only send whole files send it as a whole, once, however large it is.

        Raises `ProjectError` for what is none, and when it has no such plate.
        """
        return await self.projects.get_project_info(path, plate, limit=EXPRESS_LIMIT)

    def _require_unused(self, command: str, path: str) -> None:
        """Refuse to touch what the running job may need, or a folder that it is in."""
        job = self.state.job
        path = normalize(path)
        needed = job_candidates(job) if job.active else ()
        used = any(item == path or item.startswith(f"{path}/") for item in needed)
        self._require(command, allowed=not used)
