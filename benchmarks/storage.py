"""The printer's storage: projects in kilobytes, files at the speed of curl, memory flat.

Everything is measured side by side with what it is compared to, in turns and over the same
server: the virtual printer's, and vsftpd where it is installed (only for root).  Run alone
it prints a table: `python -m benchmarks.storage [--json FILE] [--quick]`.

Times are the best of several: the others tell what else the machine was doing.

The keys of the result: where, what, and the unit.  `percent` is of the time that a full
download takes, `x curl` how many times as long as curl takes, which connects each time, as
we do.  "as fast as a good printer" is 20 MB/s, several times of what was ever measured.
"""

import argparse
import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
import json
import os
from pathlib import Path
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from typing import Any, Protocol, Self
from unittest.mock import patch

from custom_components.bambu_printer.printer import lane
from custom_components.bambu_printer.printer.projects import ProjectStore
from custom_components.bambu_printer.printer.session import USER, Endpoint
from custom_components.bambu_printer.printer.storage import PrinterStorage
from tests.printer import vsftpd
from virtual_printer.threemf import Plate, Project, write_project

SIZE = 200_000_000
PRINTER_SPEED = 20_000_000
_NAME = "large.gcode.3mf"
_ROOT = Path(__file__).parent.parent


class Server(Protocol):
    """Something that serves files."""

    endpoint: Endpoint
    user: str
    base: str
    """The folder that can be written to."""
    card: Path

    def moved(self) -> tuple[int, int]:
        """Return bytes sent and downloads begun since the last time, as it counts them."""


@dataclass
class VirtualServer:
    """The virtual printer's."""

    endpoint: Endpoint
    card: Path
    process: subprocess.Popen[str]
    user: str = USER
    base: str = ""

    def moved(self) -> tuple[int, int]:
        """Ask it."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write("count\n")
        self.process.stdin.flush()
        sent, downloads = json.loads(self.process.stdout.readline())
        return sent, downloads


@dataclass
class RealServer:
    """vsftpd."""

    running: vsftpd.Vsftpd
    user: str = vsftpd.USER
    base: str = vsftpd.BASE
    _seen: int = 0

    def __post_init__(self) -> None:
        """Take over where it is."""
        self.endpoint, self.card = self.running.endpoint, self.running.root

    def moved(self) -> tuple[int, int]:
        """Read its log."""
        new = self.running.moved()[self._seen :]
        self._seen += len(new)
        down = [count for kind, count in new if "DOWNLOAD" in kind]
        return sum(down), len(down)


@contextmanager
def virtual(model: str, speed: float = 0) -> Iterator[VirtualServer]:
    """Run a virtual printer's file server."""
    with tempfile.TemporaryDirectory(prefix="bench-card-") as folder:
        _put_project(Path(folder))
        process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.file_runner", model, folder, str(speed)],
            cwd=_ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout
        try:
            facts = json.loads(process.stdout.readline())
            endpoint = Endpoint(
                host="127.0.0.1",
                serial=facts["serial"],
                access_code=facts["code"],
                pin=facts["pin"],
                ftps_port=facts["port"],
            )
            yield VirtualServer(endpoint, Path(folder), process)
        finally:
            process.communicate()


@contextmanager
def real(speed: float = 0) -> Iterator[RealServer]:
    """Run vsftpd."""
    with vsftpd.serve(f"anon_max_rate={int(speed)}\n") as running:
        _put_project(running.root)
        yield RealServer(running)


def _put_project(card: Path) -> None:
    with (card / _NAME).open("wb") as file:
        write_project(file, Project(title="Large", plates=(Plate(index=1),), size=SIZE))


class Memory:
    """The most memory that this process has at a time, above what it had before."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.most = 0
        self._ended = threading.Event()

    def __enter__(self) -> Self:
        self._start = _resident()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(0.005):
            self.most = max(self.most, _resident() - self._start)


def _resident() -> int:
    """Return what this process has in memory, in bytes (only Linux tells)."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


async def _timed(work: Callable[[], Awaitable[object]]) -> float:
    start = time.perf_counter()
    await work()
    return time.perf_counter() - start


def _as(server: Server) -> AbstractContextManager[object]:
    """Log in as the user that a server knows."""
    return patch.object(lane, "USER", server.user)


async def _pieces(server: Server, *, repeats: int, connected: bool) -> dict[str, float]:
    """Info and cover, and a full download: each over a connection of its own.

    `connected`: that is there already, as it is kept for a minute; otherwise making it
    counts as well.
    """
    path = f"{server.base}/{_NAME}"
    few: list[float] = []
    whole: list[float] = []
    moved = downloads = 0
    with _as(server), tempfile.TemporaryDirectory(prefix="bench-") as folder:
        for _ in range(repeats):
            for times in (few, whole):
                storage = PrinterStorage(server.endpoint)
                projects = ProjectStore(storage, None)

                async def look(projects: ProjectStore = projects) -> None:
                    info = await projects.get_project_info(path)
                    assert info.plates[0].prediction
                    assert await projects.get_picture(path, 1)

                async def download(storage: PrinterStorage = storage) -> None:
                    target = Path(folder) / "target"
                    await storage.download_sdcard_file(path, target)

                if connected:
                    await storage.list_folder("/")
                server.moved()
                times.append(await _timed(look if times is few else download))
                await projects.close()
                await storage.close()
                if times is few:
                    # Its log is written a moment later.
                    await asyncio.sleep(0.2)
                    moved, downloads = server.moved()
    return {
        "info and cover, kB moved": moved / 1000,
        "info and cover, transfers": downloads,
        "info and cover, ms": min(few) * 1000,
        "full download, ms": min(whole) * 1000,
        "info and cover, percent": 100 * min(few) / min(whole),
    }


async def _passing_by(server: Server) -> dict[str, float]:
    """Info and cover from a server that only sends whole files."""
    path = f"{server.base}/{_NAME}"
    with _as(server), tempfile.TemporaryDirectory(prefix="bench-") as folder:
        kept = Path(folder)
        storage = PrinterStorage(server.endpoint)
        projects = ProjectStore(storage, kept)
        await storage.list_folder("/")
        server.moved()
        with Memory() as memory:
            info = await projects.get_project_info(path, limit=2 * SIZE)
            assert info.plates[0].prediction
            assert await projects.get_picture(path, 1)
        sent, downloads = server.moved()
        await projects.close()
        await storage.close()
        return {
            "MB moved": sent / 1e6,
            "downloads": downloads,
            "MB of memory": memory.most / 1e6,
            "kB left on disk": _bytes_in(kept) / 1000,
        }


def _bytes_in(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*"))


async def _beside_curl(server: Server, *, repeats: int) -> dict[str, float]:
    """Move 200 MB up and down, in turns with curl."""
    times: dict[str, list[float]] = {}
    memory = dict.fromkeys(("down", "up"), 0)
    with _as(server), tempfile.TemporaryDirectory(prefix="bench-") as folder:
        target, source = Path(folder) / "target", Path(folder) / "source"
        with source.open("wb") as file:
            for _ in range(SIZE // 1_000_000):
                file.write(os.urandom(1_000_000))
        shutil.copyfile(source, server.card / "dense.bin")
        shutil.chown(server.card / "dense.bin", (server.card.stat().st_uid))

        async def ours(direction: str) -> None:
            storage = PrinterStorage(server.endpoint)
            with Memory() as watch:
                if direction == "down":
                    await storage.download_sdcard_file(
                        f"{server.base}/dense.bin", target
                    )
                else:
                    await storage.upload_sdcard_file(source, f"{server.base}/up.bin")
                await storage.close()
            memory[direction] = max(memory[direction], watch.most)

        async def curls(direction: str) -> None:
            name = "dense.bin" if direction == "down" else "up-curl.bin"
            url = (
                f"ftps://127.0.0.1:{server.endpoint.ftps_port}/{server.base[1:]}/{name}"
            )
            way = ["-o", str(target)] if direction == "down" else ["-T", str(source)]
            process = await asyncio.create_subprocess_exec(
                *("curl", "-sSk", "--tls-max", "1.2", "--disable-epsv"),
                *("--ftp-skip-pasv-ip", "--user"),
                *(f"{server.user}:{server.endpoint.access_code}", *way, url),
            )
            assert await process.wait() == 0

        for turn in range(repeats + 1):
            for direction in ("down", "up"):
                for who, work in (("curl", curls), ("ours", ours)):
                    for name in ("up.bin", "up-curl.bin"):
                        (server.card / name).unlink(missing_ok=True)
                    target.unlink(missing_ok=True)
                    taken = await _timed(partial(work, direction))
                    if turn:  # the first time is for warming up
                        times.setdefault(f"{direction} {who}", []).append(taken)
    found: dict[str, float] = {}
    for direction, word in (("down", "download"), ("up", "upload")):
        our, their = times[f"{direction} ours"], times[f"{direction} curl"]
        found |= {
            f"{word}, s": min(our),
            f"{word} by curl, s": min(their),
            f"{word}, x curl": min(our) / min(their),
            f"{word}, MB of memory": memory[direction] / 1e6,
        }
    return found


async def measure(*, quick: bool = False) -> dict[str, float]:
    """Return all figures."""
    with Memory() as memory:
        found = await _measure(quick=quick)
    # Whatever was moved, and however often.
    return found | {"altogether: MB of memory": memory.most / 1e6}


async def _measure(*, quick: bool) -> dict[str, float]:
    repeats = 2 if quick else 5
    found: dict[str, float] = {}

    def note(where: str, figures: dict[str, float]) -> None:
        found.update({f"{where}: {what}": value for what, value in figures.items()})

    servers: list[tuple[str, Callable[..., AbstractContextManager[Server]]]] = [
        ("virtual printer", lambda speed=0: virtual("X1C", speed))
    ]
    if vsftpd.usable:
        servers.append(("vsftpd", real))
    for name, start in servers:
        with start() as server:
            note(name, await _pieces(server, repeats=repeats, connected=True))
            if shutil.which("curl"):
                note(name, await _beside_curl(server, repeats=repeats))
        with start(PRINTER_SPEED) as server:
            note(
                f"{name} as fast as a good printer",
                await _pieces(server, repeats=1, connected=False),
            )
    with virtual("A1") as server:
        note("virtual A1, whole files only", await _passing_by(server))
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="benchmarks.storage", description=__doc__)
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--quick", action="store_true", help="fewer repeats")
    arguments = parser.parse_args()
    found: dict[str, Any] = asyncio.run(measure(quick=arguments.quick))
    for name, value in found.items():
        print(f"{name:<70} {value:>12.2f}")
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
