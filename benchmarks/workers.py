"""Processes that are measured, or that keep their work out of what is measured.

A worker is a module that is run with ``python -m``; it is asked with lines of JSON on its
standard input and answers each with one on its standard output.
"""

import asyncio
from collections.abc import Awaitable, Callable
import contextlib
from pathlib import Path
import sys
from types import TracebackType
from typing import Any, Self

import orjson

type Json = dict[str, Any]
type Handler = Callable[..., Awaitable[Any]]

ROOT = Path(__file__).parent.parent
_LONGEST_LINE = 1 << 24


class WorkerError(Exception):
    """A worker could not do what it was asked."""


class Worker:
    """A worker process, from outside; an asynchronous context manager."""

    def __init__(self, module: str, *arguments: str) -> None:
        """Describe the process; entering starts it."""
        self._command = (sys.executable, "-m", module, *arguments)
        self._process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Self:
        """Start the process."""
        self._process = await asyncio.create_subprocess_exec(
            *self._command,
            cwd=ROOT,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=_LONGEST_LINE,
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let the process end: its input does."""
        assert self._process
        assert self._process.stdin
        self._process.stdin.close()
        try:
            async with asyncio.timeout(30):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()

    async def ask(self, name: str, *, limit: float = 300, **arguments: Any) -> Any:
        """Let the worker do something, and return what it answers."""
        assert self._process
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(orjson.dumps([name, arguments]) + b"\n")
        async with asyncio.timeout(limit):
            line = await self._process.stdout.readline()
        if not line:
            raise WorkerError(f"{self._command[2]} ended while it was asked to {name}")
        answer = orjson.loads(line)
        if "error" in answer:
            raise WorkerError(f"{name}: {answer['error']}")
        return answer["result"]


async def serve(handlers: dict[str, Handler]) -> None:
    """Answer as a worker until the input ends; nothing else may print to the output.

    Waiting for a question costs no processor time.
    """
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=_LONGEST_LINE)
    await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    while line := await reader.readline():
        name, arguments = orjson.loads(line)
        answer: Json
        try:
            answer = {"result": await handlers[name](**arguments)}
        except Exception as error:  # noqa: BLE001
            answer = {"error": f"{type(error).__name__}: {error}"}
        with contextlib.suppress(BrokenPipeError):
            sys.stdout.buffer.write(orjson.dumps(answer) + b"\n")
            sys.stdout.buffer.flush()
