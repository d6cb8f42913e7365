"""An address that never answers."""

from contextlib import ExitStack, suppress
import socket
from types import TracebackType
from typing import Self


class BlackHole:
    """A port whose machine drops every new connection on the floor.

    Nobody takes the connections off the queue of a listening socket; once it is full the
    kernel ignores whoever knocks, as a machine that is switched off does.
    """

    def __init__(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Choose where; port 0 takes any free one."""
        self.host, self.port = host, port
        self._sockets = ExitStack()

    def __enter__(self) -> Self:
        """Listen, and fill the queue."""
        listener = self._sockets.enter_context(socket.socket())
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((self.host, self.port))
        listener.listen(0)
        self.port = listener.getsockname()[1]
        for _ in range(4):
            filler = self._sockets.enter_context(socket.socket())
            filler.setblocking(False)
            with suppress(BlockingIOError):
                filler.connect((self.host, self.port))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Free the port."""
        self._sockets.close()
