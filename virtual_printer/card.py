"""The card in a printer: a folder, filled when somebody looks into it."""

from dataclasses import replace
import os
from pathlib import Path
import random
import shutil
import tempfile
import time
import weakref

from . import pictures, videos
from .machine import Machine
from .profiles import Family, Profile
from .projects import job_project, make_project
from .threemf import Project, write_project

_PREFIXES = (
    "file:///sdcard/",
    "file:///mnt/sdcard/",
    "file:///media/usb0/",
    "ftp://",
)
_DAY = 86400


class Card:
    """A folder with what is on a card."""

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
            # A kept card comes back as it was left.
            if not any(self._root.iterdir()):
                self._fill()
        return self._root

    def close(self) -> None:
        """Forget the content, unless it is kept."""
        self._root = None
        if self._remove is not None:
            self._remove()
            self._remove = None

    # ---- files -------------------------------------------------------------------------

    def add(self, path: str, content: bytes | str | Path | Project) -> Path:
        """Put a file on it: bytes, a text, a copy of another file, or a project."""
        target = self._place(self.root, path)
        target.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, Project):
            write_project(target, content)
        elif isinstance(content, Path):
            shutil.copyfile(content, target)
        else:
            data = content.encode() if isinstance(content, str) else content
            target.write_bytes(data)
        return target

    def locate(self, url: str, file: str) -> Path | None:
        """Return the file that a start command names; None when it is not on the card."""
        path = next(
            (url.removeprefix(item) for item in _PREFIXES if url.startswith(item)), file
        )
        found = self._place(self.root, path)
        return found if path and found.is_file() else None

    def job_file(self) -> Path:
        """Return the archive of the job that the printer is busy with at the start."""
        return self.root / f"{self._machine.profile.job.name}.gcode.3mf"

    @staticmethod
    def _place(root: Path, path: str) -> Path:
        names = [name for name in path.split("/") if name not in ("", ".", "..")]
        return root.joinpath(*names)

    # ---- what is on it -----------------------------------------------------------------

    def _fill(self) -> None:
        profile = self._machine.profile
        small = profile.family in (Family.P1, Family.A1, Family.A2)
        now = time.time()
        self._old(self.add(self.job_file().name, job_project(self._machine)), now - 900)
        organiser = make_project(profile, "Desk organiser", plates=3, dual=False)
        self._old(self.add("Desk_organiser.gcode.3mf", organiser), now - 3 * _DAY)
        if profile.dual:
            sign = make_project(profile, "Two nozzle sign", dual=True)
            self._old(self.add("Two_nozzle_sign.gcode.3mf", sign), now - 2 * _DAY)
        self._old(self.add("Large_vase.gcode.3mf", _large(profile)), now - 6 * _DAY)
        octopus = make_project(profile, "Flexi octopus", objects=1, dual=False)
        self._old(self.add("cache/Flexi_octopus.3mf", octopus), now - 9 * _DAY)
        gcode = "; HEADER_BLOCK_START\n; total layer number: 80\n; HEADER_BLOCK_END\n"
        self._old(self.add("cache/Flexi_octopus_plate_1.gcode", gcode), now - 9 * _DAY)
        if profile.family is not Family.P1:
            scraper = make_project(profile, "Scraper", objects=1, dual=False)
            self._old(self.add("model/Scraper.gcode.3mf", scraper), now - 400 * _DAY)
        self._add_videos(now, small)
        self._add_debris(now, small)

    def _add_videos(self, now: float, small: bool) -> None:
        content, suffix = (videos.avi(), "avi") if small else (videos.mp4(), "mp4")
        for days in (1, 4, 30):
            when = now - days * _DAY - 4000
            stem = time.strftime("video_%Y-%m-%d_%H-%M-%S", time.gmtime(when))
            self._old(self.add(f"timelapse/{stem}.{suffix}", content), when)
            picture = self.add(
                f"timelapse/thumbnail/{stem}.jpg", pictures.frame(11, 12)
            )
            self._old(picture, when)

    def _add_debris(self, now: float, small: bool) -> None:
        rng = random.Random(self._machine.serial)  # noqa: S311
        icon = pictures.small(pictures.plate((), (256, 256)))
        self.add("image/3052151.png", icon)
        self.add("image/md5/3052151.md5", "0" * 32)
        (self.root / "image" / "hms").mkdir()
        self.add("verify_job", "ok")
        if small:
            self.add("ipcam/ipcam-record.2026-11-20_10-11-12.0.avi", videos.avi())
        log = self.add(
            f"logger/{self._machine.serial}_20261120.log.enc", rng.randbytes(4096)
        )
        self._old(log, now - 5 * _DAY)
        self.add("System Volume Information/IndexerVolumeGuid", rng.randbytes(76))
        self.add("._Desk_organiser.gcode.3mf", rng.randbytes(4096))
        (self.root / ".Trash-1000").mkdir()

    @staticmethod
    def _old(path: Path, when: float) -> None:
        os.utime(path, (when, when))


def _large(profile: Profile) -> Project:
    """Return a project of 200 MB, of which a disk that knows holes stores a few kilobytes.

    The checksum of its G-code is left out: it would take longer than everything else.
    """
    project = make_project(profile, "Large vase", objects=1, size=200 << 20, dual=False)
    return replace(project, without=frozenset({"Metadata/plate_1.gcode.md5"}))
