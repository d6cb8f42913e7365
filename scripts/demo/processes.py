"""Child processes: started, logged, watched, and stopped."""

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
import contextlib
import os
from pathlib import Path
import re
import signal
import socket

from . import ROOT, DemoError

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


class Child:
    """A process whose output goes to a log file."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        log: Path,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Describe the process; `start` starts it, with more in its environment."""
        self.name = name
        self.log = log
        self._command = command
        self._environment = environment or {}
        self._tail: deque[str] = deque(maxlen=15)
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self._waiting: tuple[str, asyncio.Event] | None = None

    async def start(self) -> None:
        """Start the process, in a session of its own so that Ctrl-C reaches only us."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self._process = await asyncio.create_subprocess_exec(
            *self._command,
            cwd=ROOT,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **self._environment},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
        self._reader = asyncio.create_task(self._read())

    async def _read(self) -> None:
        """Copy the output to the log, and look out for the awaited word."""
        assert self._process
        assert self._process.stdout
        with self.log.open("wb") as log:
            while chunk := await self._process.stdout.readline():
                log.write(chunk)
                log.flush()
                line = _COLOUR.sub("", chunk.decode(errors="replace").rstrip())
                self._tail.append(line)
                if self._waiting and self._waiting[0] in line.lower():
                    self._waiting[1].set()

    async def wait_for_output(self, word: str, seconds: float) -> None:
        """Wait until the process prints a line with this word."""
        event = asyncio.Event()
        self._waiting = (word, event)
        if any(word in line.lower() for line in self._tail):
            return
        seen = asyncio.create_task(event.wait())
        ended = asyncio.create_task(self.wait())
        try:
            await asyncio.wait(
                (seen, ended),
                timeout=seconds,
                return_when=asyncio.FIRST_COMPLETED,
            )
            if seen.done():
                return
            raise DemoError(
                self.obituary()
                if ended.done()
                else f"{self.name} did not get ready within {seconds:.0f} s.\n{self.tail()}"
            )
        finally:
            seen.cancel()
            ended.cancel()

    async def wait(self) -> int:
        """Wait for the end of the process; return its exit code."""
        assert self._process
        assert self._reader
        code = await self._process.wait()
        await self._reader
        return code

    @property
    def exit_code(self) -> int | None:
        """The exit code, or None while the process runs."""
        return self._process.returncode if self._process else None

    def tail(self) -> str:
        """Return the last lines of the output, indented, with the log's path."""
        lines = [f"    | {line}" for line in self._tail]
        return "\n".join([*lines, f"    (all of it: {self.log.relative_to(ROOT)})"])

    def obituary(self) -> str:
        """Say how the process ended."""
        code = self.exit_code
        how = (
            f"was killed by signal {-code}"
            if code is not None and code < 0
            else f"ended with code {code}"
        )
        return f"{self.name} {how}.\n{self.tail()}"

    async def stop(self, seconds: float = 30) -> None:
        """Ask the process to end, and make it when it does not."""
        if self._process is None:
            return
        if self._process.returncode is None:
            self._signal(signal.SIGTERM)
            try:
                await asyncio.wait_for(self._process.wait(), seconds)
            except TimeoutError:
                self._signal(signal.SIGKILL)
                await self._process.wait()
        if self._reader:
            await self._reader

    def _signal(self, number: signal.Signals) -> None:
        """Send a signal to the process and whatever it started."""
        assert self._process
        with contextlib.suppress(ProcessLookupError):
            if number is signal.SIGKILL:
                os.killpg(self._process.pid, number)
            else:
                self._process.send_signal(number)


def port_is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Tell whether a server could listen on this port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True
