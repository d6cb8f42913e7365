"""The small pictures of remembered jobs, as files beside Home Assistant's storage."""

from collections.abc import Iterable
from pathlib import Path
import re
import shutil
from typing import Final

from homeassistant.core import HomeAssistant
from homeassistant.helpers.storage import STORAGE_DIR

from .const import DOMAIN

LARGEST_PICTURE: Final = 256 << 10
"""Bytes."""
MOST_BYTES: Final = 16 << 20
"""Of all pictures of a printer; the oldest go first."""
_KINDS = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg"}
_NAME = re.compile(r"[0-9a-f]{1,64}")


def picture_type(picture: bytes) -> str | None:
    """Return the media type of a picture; None for what is none, or unknown."""
    return next(
        (kind for magic, kind in _KINDS.items() if picture.startswith(magic)), None
    )


class JobPictures:
    """A folder of pictures by job.  All methods but the first block: call them in an executor."""

    def __init__(self, hass: HomeAssistant, entry_id: str) -> None:
        """Know where; nothing is read or made yet."""
        self._folder = Path(
            hass.config.path(STORAGE_DIR, f"{DOMAIN}.{entry_id}.pictures")
        )

    def write(self, job: str, picture: bytes) -> None:
        """Keep a picture."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._path(job).write_bytes(picture)

    def read(self, job: str) -> bytes | None:
        """Return a picture."""
        try:
            return self._path(job).read_bytes()
        except OSError, ValueError:
            return None

    def keep_only(self, jobs: Iterable[str]) -> None:
        """Remove all others."""
        if self._folder.is_dir():
            kept = set(jobs)
            for path in self._folder.iterdir():
                if path.name not in kept:
                    path.unlink(missing_ok=True)

    def remove(self) -> None:
        """Remove all of them."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _path(self, job: str) -> Path:
        if not _NAME.fullmatch(job):
            raise ValueError("no name of a job")
        return self._folder / job
