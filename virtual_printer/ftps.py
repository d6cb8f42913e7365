"""The file server of a printer: FTP inside TLS from the first byte.

Printers carry one of two servers, and clients trip over the differences; `personality`
lists them. Everything runs on the event loop of the caller.
"""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
import logging
import os
from pathlib import Path
import ssl

from . import listing
from .data_channel import BLOCK, Counters, DataChannel, PlainListener
from .faults import Faults
from .listening import stop_listening
from .personality import Ending, Personality

_LOGGER = logging.getLogger(__name__)

# How long a session may be idle; measured on both servers.
_IDLE = 300
# How long the client has to connect and to shake hands.
_PATIENCE = 15
# How long a client that went away early has to be noticed after the last byte.
_NOTICE = 0.02

_ILLEGAL = frozenset('<>:"\\|?*')


class HangUpError(Exception):
    """The control connection ends here."""


class ReplyError(Exception):
    """A command failed; the message is the reply."""


class FtpsServer:
    """A listener that serves the files of a card."""

    def __init__(
        self,
        personality: Personality,
        *,
        root: Callable[[], Path | None],
        authenticate: Callable[[str, str], bool],
        locked: Callable[[Path], bool],
        faults: Faults,
    ) -> None:
        """Store the decisions that are the printer's, not the protocol's.

        `root` returns the folder of the card, or None without a card; `locked` tells
        whether a file must not be touched.
        """
        self.personality = personality
        self.root = root
        self.authenticate = authenticate
        self.locked = locked
        self.faults = faults
        self.counters = Counters()
        self.host = "127.0.0.1"
        # Whether a data connection is open: a printer serves one at a time.
        self.busy = False
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(
        self, host: str, port: int, make_context: Callable[[], ssl.SSLContext]
    ) -> int:
        """Listen; return the port."""
        self.host = host
        context = None if self.personality.vsftpd else _exact(make_context())

        def choose() -> ssl.SSLContext:
            # vsFTPd is a process for each client with session tickets of its own: only
            # the session of the very control connection can be resumed. A context for
            # each control connection does the same.
            return context or _exact(make_context())

        self._server = await asyncio.start_server(
            partial(self._accept, choose), host, port
        )
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Stop listening and hang up on everybody."""
        server, self._server = self._server, None
        if server is not None:
            await stop_listening(server)
        await self.drop()
        if server is not None:
            server.abort_clients()
            await server.wait_closed()

    async def drop(self) -> None:
        """Hang up on everybody."""
        tasks = [task for task in self._tasks if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _accept(
        self,
        choose: Callable[[], ssl.SSLContext],
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.counters.connections += 1
        try:
            if self.faults.ftps_silent:
                await reader.read()
                return
            context = choose()
            await writer.start_tls(context, ssl_handshake_timeout=_PATIENCE)
            session = Session(self, context, reader, writer)
            try:
                await session.serve()
            finally:
                session.close()
        except (HangUpError, OSError, EOFError, ValueError, AttributeError) as err:
            # AttributeError: asyncio lost the transport of a client that was gone too soon.
            _LOGGER.debug("file session ended: %r", err)
        except asyncio.CancelledError:
            # Only drop() cancels; swallowing it keeps asyncio from reporting the handler.
            _LOGGER.debug("file session dropped")
        finally:
            self._tasks.discard(task)
            # None when the client was gone right after the handshake.
            transport: asyncio.WriteTransport | None = writer.transport
            if transport is not None:
                transport.abort()


def _exact(context: ssl.SSLContext) -> ssl.SSLContext:
    """Restrict a context to the one version that the file servers speak."""
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2
    return context


class Session:
    """One control connection."""

    def __init__(
        self,
        server: FtpsServer,
        context: ssl.SSLContext,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        """Begin at the root, nobody logged in."""
        self._server = server
        self._traits = server.personality
        self._faults = server.faults
        self._count = server.counters
        self._context = context
        self._reader = reader
        self._writer = writer
        self._user = ""
        self._welcome = False
        self._guesses = 0
        self._buffered = False
        self._protected = False
        self._here: tuple[str, ...] = ()
        self._offset = 0
        self._rename: Path | None = None
        self._listener: PlainListener | None = None
        # An upload's connection that was neither closed nor answered.
        self._left_open: DataChannel | None = None
        self._verbs: dict[str, Callable[[str], Awaitable[None]]] = {
            "USER": self._name,
            "PASS": self._password,
            "TYPE": self._type,
            "PBSZ": self._buffer_size,
            "PROT": self._protect,
            "PASV": self._pasv,
            "EPSV": self._epsv,
            "PWD": self._where,
            "XPWD": self._where,
            "CWD": self._enter,
            "CDUP": self._up,
            "SIZE": self._size,
            "MDTM": self._time,
            "REST": self._restart,
            "LIST": self._list,
            "NLST": self._names,
            "RETR": self._retrieve,
            "STOR": self._store,
            "DELE": self._delete,
            "MKD": self._make,
            "XMKD": self._make,
            "RMD": self._remove,
            "XRMD": self._remove,
            "RNFR": self._rename_from,
            "RNTO": self._rename_to,
            "FEAT": self._features,
            "OPTS": self._options,
            "SYST": self._system,
            "STAT": self._status,
            "ALLO": self._allocate,
            "NOOP": self._nothing,
            "ABOR": self._abort,
            "MODE": self._nothing,
            "STRU": self._nothing,
            "QUIT": self._quit,
        }

    # ---- commands and replies ----------------------------------------------------------

    async def serve(self) -> None:
        """Obey until the client leaves."""
        await self._say(f"220 {self._traits.banner}")
        while True:
            async with asyncio.timeout(_IDLE):
                line = await self._reader.readline()
            if not line.endswith(b"\n"):
                return
            text = line.decode(errors="replace").rstrip("\r\n")
            verb, _, argument = text.partition(" ")
            verb = verb.upper()
            shown = f"{verb} ****" if verb == "PASS" else f"{verb} {argument}".rstrip()
            self._count.commands.append(shown)
            self._close_left_open()
            while self._faults.ftps_silent:  # noqa: ASYNC110 - a plain switch
                await asyncio.sleep(0.05)
            if self._faults.ftps_drop_after == verb:
                raise HangUpError(verb)
            try:
                await self._obey(verb, argument)
            except ReplyError as err:
                await self._say(str(err))

    async def _obey(self, verb: str, argument: str) -> None:
        action = self._verbs.get(verb)
        if not self._welcome and verb not in ("USER", "PASS", "QUIT", "FEAT", "OPTS"):
            raise ReplyError("530 Please login with USER and PASS.")
        if action is None or verb in self._traits.lacks:
            raise ReplyError(self._traits.unknown)
        if verb == "REST" and self._faults.ftps_no_rest:
            raise ReplyError("502 Command not implemented.")
        if verb not in ("REST", "RETR", "STOR", "PASV", "EPSV", "TYPE"):
            self._offset = 0
        await action(argument)

    async def _say(self, text: str) -> None:
        self._writer.write(f"{text}\r\n".encode())
        await self._writer.drain()

    def close(self) -> None:
        """Let go of what is open."""
        self._close_left_open()
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    def _close_left_open(self) -> None:
        channel, self._left_open = self._left_open, None
        if channel is not None:
            channel.close()

    # ---- login and modes ---------------------------------------------------------------

    async def _name(self, argument: str) -> None:
        self._user, self._welcome = argument, False
        await self._say("331 Please specify the password.")

    async def _password(self, argument: str) -> None:
        if not self._user:
            raise ReplyError("503 Login with USER first.")
        refused = self._faults.ftps_refuse_login
        if refused or not self._server.authenticate(self._user, argument):
            await self._say("530 Login incorrect.")
            self._guesses += 1
            if self._guesses >= 3:
                raise HangUpError("too many passwords")
            return
        self._welcome = True
        self._count.logins += 1
        self._server.root()  # the card is filled before the first question about it
        await self._say("230 Login successful.")

    async def _type(self, argument: str) -> None:
        word = argument.upper()
        if word not in ("I", "A", "A N", "L 8"):
            raise ReplyError("500 Unrecognised TYPE command.")
        name = "Binary" if word[0] in "IL" else "ASCII"
        await self._say(f"200 Switching to {name} mode.")

    async def _buffer_size(self, argument: str) -> None:
        self._buffered = True
        await self._say("200 PBSZ set to 0.")

    async def _protect(self, argument: str) -> None:
        if not self._buffered:
            raise ReplyError("503 PROT needs a PBSZ first.")
        self._protected = argument.upper() == "P"
        level = "Private" if self._protected else "Clear"
        await self._say(f"200 PROT now {level}.")

    async def _features(self, argument: str) -> None:
        names = ("EPSV", "MDTM", "PASV", "PBSZ", "PROT", "REST STREAM", "SIZE", "TVFS")
        body = "".join(f" {name}\r\n" for name in (*names, "UTF8"))
        await self._say(f"211-Features:\r\n{body}211 End")

    async def _options(self, argument: str) -> None:
        if argument.upper() != "UTF8 ON":
            raise ReplyError("501 Option not understood.")
        await self._say("200 Always in UTF8 mode.")

    async def _system(self, argument: str) -> None:
        await self._say("215 UNIX Type: L8")

    async def _status(self, argument: str) -> None:
        await self._say("211-FTP server status:\r\n     Connected\r\n211 End of status")

    async def _allocate(self, argument: str) -> None:
        await self._say("202 ALLO command ignored.")

    async def _nothing(self, argument: str) -> None:
        await self._say("200 NOOP ok.")

    async def _abort(self, argument: str) -> None:
        await self._say("225 No transfer to ABOR.")

    async def _quit(self, argument: str) -> None:
        await self._say("221 Goodbye.")
        raise HangUpError("quit")

    # ---- places ------------------------------------------------------------------------

    def _parts(self, argument: str) -> tuple[str, ...]:
        """Return a path as names below the root; nothing leads above it."""
        parts = [] if argument.startswith("/") else list(self._here)
        for name in argument.split("/"):
            if name == "..":
                del parts[-1:]
            elif name not in ("", "."):
                parts.append(name)
        return tuple(parts)

    def _find(self, parts: tuple[str, ...]) -> Path | None:
        """Return where a path is on this machine; None without a card."""
        root = self._server.root()
        if root is None or any("\0" in name for name in parts):
            return None
        return root.joinpath(*parts)

    def _existing(self, argument: str, complaint: str) -> Path:
        found = self._find(self._parts(argument))
        # os.path: a name that is too long for this machine is just not there.
        if found is None or not os.path.exists(found):  # noqa: PTH110
            raise ReplyError(complaint)
        return found

    def _free(self, argument: str, complaint: str) -> Path:
        """Return where something new can be put."""
        parts = self._parts(argument)
        found = self._find(parts)
        name = parts[-1] if parts else ""
        bad = not name or name.endswith((" ", ".")) or len(name.encode()) > 255
        if bad or _ILLEGAL & set(name) or any(character < " " for character in name):
            raise ReplyError("553 Illegal file name.")
        if found is None or not found.parent.is_dir():
            raise ReplyError(complaint)
        return found

    async def _where(self, argument: str) -> None:
        path = "/" + "/".join(self._here)
        if self._traits.vsftpd:
            quoted = path.replace('"', '""')
            await self._say(f'257 "{quoted}" is the current directory')
        else:
            await self._say(f"257 {path}")

    async def _enter(self, argument: str) -> None:
        parts = self._parts(argument)
        found = self._find(parts)
        if parts and (found is None or not found.is_dir()):
            raise ReplyError("550 Failed to change directory.")
        self._here = parts
        await self._say("250 Directory successfully changed.")

    async def _up(self, argument: str) -> None:
        await self._enter("..")

    async def _size(self, argument: str) -> None:
        complaint = "550 Could not get file size."
        found = self._existing(argument, complaint)
        if found.is_dir():
            if self._traits.vsftpd:
                raise ReplyError(complaint)
            await self._say("213 0")
            return
        await self._say(f"213 {found.stat().st_size}")

    async def _time(self, argument: str) -> None:
        found = self._existing(argument, "550 Could not get file modification time.")
        await self._say(f"213 {listing.stamp(found.stat())}")

    # ---- changes -----------------------------------------------------------------------

    def _unlocked(self, argument: str, complaint: str) -> Path:
        found = self._existing(argument, complaint)
        if self._server.locked(found):
            raise ReplyError(complaint)
        return found

    async def _delete(self, argument: str) -> None:
        complaint = "550 Delete operation failed."
        found = self._unlocked(argument, complaint)
        if found.is_dir():
            raise ReplyError(complaint)
        found.unlink()
        await self._say("250 Delete operation successful.")

    async def _make(self, argument: str) -> None:
        complaint = "550 Create directory operation failed."
        found = self._free(argument, complaint)
        if self._faults.ftps_full is not None or found.exists():
            raise ReplyError(complaint)
        found.mkdir()
        path = "/" + "/".join(self._parts(argument))
        await self._say(f'257 "{path}" created')

    async def _remove(self, argument: str) -> None:
        complaint = "550 Remove directory operation failed."
        found = self._existing(argument, complaint)
        if not self._parts(argument):
            raise ReplyError(complaint)
        try:
            found.rmdir()
        except OSError as err:
            raise ReplyError(complaint) from err
        await self._say("250 Remove directory operation successful.")

    async def _rename_from(self, argument: str) -> None:
        complaint = "550 RNFR command failed."
        if not self._parts(argument):
            raise ReplyError(complaint)
        self._rename = self._unlocked(argument, complaint)
        await self._say("350 Ready for RNTO.")

    async def _rename_to(self, argument: str) -> None:
        source, self._rename = self._rename, None
        if source is None:
            raise ReplyError("503 RNFR required first.")
        target = self._free(argument, "550 Rename failed.")
        try:
            source.rename(target)
        except OSError as err:
            raise ReplyError("550 Rename failed.") from err
        await self._say("250 Rename successful.")

    # ---- data connections --------------------------------------------------------------

    def _listen(self) -> int:
        if self._listener is not None:
            self._listener.close()
        self._listener = PlainListener(self._server.host)
        return self._listener.port

    async def _pasv(self, argument: str) -> None:
        port = self._listen()
        address = self._traits.pasv_address or self._server.host
        numbers = f"{address.replace('.', ',')},{port >> 8},{port & 255}"
        await self._say(f"227 Entering Passive Mode ({numbers}).")

    async def _epsv(self, argument: str) -> None:
        if argument.upper() == "ALL":
            await self._say("200 EPSV ALL ok.")
            return
        await self._say(f"229 Entering Extended Passive Mode (|||{self._listen()}|)")

    async def _restart(self, argument: str) -> None:
        # What is no number restarts at the beginning: vsFTPd is that lenient.
        offset = int(argument) if argument.isdecimal() else 0
        self._offset = 0 if self._faults.ftps_ignore_rest else offset
        await self._say(f"350 Restart position accepted ({offset}).")

    async def _transfer(
        self, opening: str, work: Callable[[DataChannel], Awaitable[None]]
    ) -> None:
        """Open the data connection, do the work on it, and close it whatever happens."""
        listener, self._listener = self._listener, None
        if listener is None:
            raise ReplyError("425 Use PORT or PASV first.")
        if not self._protected:
            listener.close()
            raise ReplyError(self._traits.unprotected)
        if self._server.busy:
            listener.close()
            raise ReplyError("425 Can't open data channel.")
        self._server.busy = True
        try:
            channel = await self._open(listener, opening)
            try:
                await work(channel)
            except BaseException:
                channel.abort()
                raise
        finally:
            self._server.busy = False

    async def _open(self, listener: PlainListener, opening: str) -> DataChannel:
        try:
            async with asyncio.timeout(_PATIENCE):
                plain = await listener.accept()
        except TimeoutError as err:
            raise ReplyError("425 Failed to establish connection.") from err
        try:
            await self._say(opening)
        except BaseException:
            plain.close()
            raise
        if self._faults.ftps_drop_data:
            plain.close()
            raise HangUpError("dropped before the data")
        try:
            # Not before the reply: who shakes hands earlier gets no answer until now.
            channel = await DataChannel.open(
                plain, self._context, self._count, _PATIENCE
            )
        except (OSError, TimeoutError) as err:
            raise ReplyError("425 Failed to establish secure connection.") from err
        if channel.reused:
            self._count.reused_sessions += 1
        elif self._traits.session_reuse:
            channel.close()
            raise ReplyError(
                "522 SSL connection failed; session reuse required: see"
                " require_ssl_reuse option in vsftpd.conf man page"
            )
        self._count.transfers += 1
        channel.patience = 60.0
        return channel

    async def _pace(self, count: int, moved: int, channel: DataChannel) -> None:
        """Let other tasks run, and apply the faults."""
        limit = self._faults.ftps_drop_after
        if isinstance(limit, int) and moved >= limit:
            channel.abort()
            if self._faults.ftps_drop_control:
                raise HangUpError("dropped")
            raise ReplyError("426 Failure reading network stream.")
        if (speed := self._faults.ftps_slow) is not None:
            await asyncio.sleep(count / speed)
        elif moved % (4 * BLOCK) < BLOCK:
            await asyncio.sleep(0)

    def _block(self) -> int:
        """Return how much to move at a time."""
        block, limit = BLOCK, self._faults.ftps_drop_after
        if isinstance(limit, int):
            block = min(block, max(1, limit))
        if (speed := self._faults.ftps_slow) is not None:
            block = min(block, max(1, int(speed / 20)))
        return block

    async def _send_text(self, opening: str, text: str, done: str) -> None:
        async def work(channel: DataChannel) -> None:
            data = memoryview(text.encode())
            try:
                await channel.send(data)
                await self._pace(len(data), len(data), channel)
                await channel.finish()
            except OSError as err:
                raise ReplyError("426 Failure writing network stream.") from err
            await self._done(done)

        await self._transfer(opening, work)

    async def _done(self, text: str) -> None:
        if self._faults.ftps_drop_at_end:
            raise HangUpError("dropped at the end")
        if not self._faults.ftps_no_226:
            await self._say(text)

    # ---- listings ----------------------------------------------------------------------

    async def _list(self, argument: str) -> None:
        options, path = _split_options(argument)
        hidden = "a" in options or not self._traits.vsftpd
        failed = "550 Failed to open directory."
        if options and not self._traits.vsftpd:
            raise ReplyError(failed)
        found = self._find(self._parts(path))
        items: list[tuple[str, os.stat_result]] = []
        if found is not None and found.is_dir():
            items = [
                (item.name, item.stat())
                for item in listing.entries(found, hidden=hidden)
            ]
        elif not self._traits.vsftpd and self._parts(path):
            raise ReplyError(failed)
        elif found is not None and found.is_file():
            items = [(path, found.stat())]
        text = "".join(listing.lines(items, calendar_year=not self._traits.vsftpd))
        await self._send_text(
            "150 Here comes the directory listing.", text, "226 Directory send OK."
        )

    async def _names(self, argument: str) -> None:
        options, path = _split_options(argument)
        found = self._find(self._parts(path))
        hidden = "a" in options or not self._traits.vsftpd
        # vsFTPd puts the folder in front of the names when it was asked for by name.
        prefix = f"{path.rstrip('/')}/" if path and self._traits.vsftpd else ""
        text = ""
        if found is not None and found.is_dir():
            text = "".join(
                f"{prefix}{item.name}\r\n"
                for item in listing.entries(found, hidden=hidden)
            )
        elif not self._traits.vsftpd and self._parts(path):
            raise ReplyError("550 Failed to open directory.")
        await self._send_text(
            "150 Here comes the directory listing.", text, "226 Directory send OK."
        )

    # ---- files -------------------------------------------------------------------------

    async def _retrieve(self, argument: str) -> None:
        offset, self._offset = self._offset, 0
        complaint = "550 Failed to open file."
        found = self._existing(argument, complaint)
        if not found.is_file():
            raise ReplyError(complaint)
        size = found.stat().st_size

        async def work(channel: DataChannel) -> None:
            try:
                await self._send_file(channel, found, offset)
                await channel.finish(0.0 if self._traits.vsftpd else _NOTICE)
            except OSError as err:
                if not self._traits.vsftpd or self._faults.ftps_no_abort:
                    raise HangUpError("download given up") from err
                raise ReplyError("426 Failure writing network stream.") from err
            await self._done("226 Transfer complete.")

        name = argument.rpartition("/")[2]
        await self._transfer(
            f"150 Opening BINARY mode data connection for {name} ({size} bytes).", work
        )

    async def _send_file(self, channel: DataChannel, path: Path, offset: int) -> None:
        moved, buffer = 0, memoryview(bytearray(BLOCK))
        with path.open("rb", buffering=0) as file:
            file.seek(offset)
            while count := file.readinto(buffer[: self._block()]):
                await channel.send(buffer[:count])
                moved += count
                await self._pace(count, moved, channel)

    async def _store(self, argument: str) -> None:
        offset, self._offset = self._offset, 0
        found = self._free(argument, "553 Could not create file.")
        if found.is_dir() or self._server.locked(found):
            raise ReplyError("553 Could not create file.")
        if self._faults.ftps_full == 0:
            raise ReplyError("552 Not enough space.")
        if not found.exists():
            offset = 0

        async def work(channel: DataChannel) -> None:
            try:
                await self._receive_file(channel, found, offset)
            except OSError as err:
                raise ReplyError("426 Failure reading network stream.") from err
            ending = self._traits.upload
            if self._faults.ftps_no_226 is False:
                ending = Ending.PROPER
            if ending is Ending.NONE:
                self._left_open = channel
                return
            await channel.finish()
            await self._done("226 Transfer complete.")

        await self._transfer("150 Ok to send data.", work)

    async def _receive_file(
        self, channel: DataChannel, path: Path, offset: int
    ) -> None:
        moved, buffer = 0, memoryview(bytearray(BLOCK))
        with path.open("r+b" if offset else "wb", 0) as file:
            file.seek(offset)
            complete = False
            while not complete:
                block = self._block()
                count = await channel.receive(buffer[:block])
                complete = count < block
                room = self._faults.ftps_full
                if room is not None and moved + count > room:
                    file.write(buffer[: max(0, room - moved)])
                    channel.abort()
                    raise ReplyError("552 Not enough space.")
                file.write(buffer[:count])
                moved += count
                await self._pace(count, moved, channel)


def _split_options(argument: str) -> tuple[str, str]:
    """Split what `ls` would take for options from the path."""
    if not argument.startswith("-"):
        return "", argument
    options, _, path = argument.partition(" ")
    return options, path.strip()
