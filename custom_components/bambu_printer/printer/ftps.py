"""FTP over implicit TLS, the way printers speak it.

There are two servers in the field.  One (vsFTPd) wants the data connection to resume the
TLS session of the control connection; the other, on the smaller printers, leaves out half
of the protocol, never says goodbye in TLS, and often not that an upload is complete.
Everything in here blocks: it runs in an executor.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
import ftplib
from io import BufferedReader
import select
import socket
import ssl
import time
from typing import Any, override

from .errors import (
    BambuError,
    FileMissingError,
    InvalidAccessCodeError,
    StorageDeniedError,
    StorageError,
    StorageFullError,
    TransferBrokenError,
)
from .security import connection_error

CONNECT_TIMEOUT = 15.0
REPLY_TIMEOUT = 10.0
DATA_TIMEOUT = 30.0
"""Seconds without a byte after which a transfer counts as broken."""
UPLOAD_REPLY_TIMEOUT = 60.0
REASON_TIMEOUT = 2.0
"""Seconds to wait for the reason after the server has broken off an upload."""
BUSY_TRIES = 4
BUSY_PAUSE = 1.0
"""How often a transfer is tried while the printer is busy with another, and the seconds
in between."""
BLOCK_SIZE = 256 * 1024
_SMALL_BUFFER = 16 * 1024
_SMALL_SEGMENT = 1360
"""Bytes of a receive buffer and a packet while only a part of a file is wanted."""
_LARGEST_LISTING = 4 << 20

type Stop = Callable[[], bool]
type Progress = Callable[[int], None]
type Sink = Callable[[memoryview], object]
"""Takes a block, which is another one when it returns."""


class RestartRefusedError(Exception):
    """The server does not start in the middle of a file, whatever it says."""


class Connection(ftplib.FTP_TLS):
    """A control connection, logged in.

    One thread uses it; only `interrupt` may be called from another.
    """

    def __init__(self, host: str, port: int, context: ssl.SSLContext) -> None:
        """Prepare a connection; `open` makes it."""
        super().__init__(context=context, timeout=CONNECT_TIMEOUT)
        self.host, self.port = host, port
        self.usable = True
        """Whether another command can follow."""
        self._interrupted = False
        self._raw: list[socket.socket] = []
        """What `interrupt` must shut."""

    def open(self, user: str, password: str) -> None:
        """Connect and log in.

        Raises a `PrinterConnectionError`, `InvalidAccessCodeError` among them.
        """
        try:
            self.connect()
            self._log_in(user, password)
        except BambuError:
            self.close()
            raise
        except (OSError, EOFError, ftplib.Error, ValueError) as err:
            self.close()
            raise connection_error(err) from err

    def interrupt(self) -> None:
        """Make whatever blocks on the network fail at once."""
        self._interrupted = True
        for connection in tuple(self._raw):
            with suppress(OSError):
                # Not the method of TLS sockets, which changes what the thread works with.
                socket.socket.shutdown(connection, socket.SHUT_RDWR)

    def has_news(self) -> bool:
        """Tell whether the server has said something, or hung up; does not wait."""
        if self.sock is None:
            return True
        poll = select.poll()
        poll.register(self.sock, select.POLLIN)
        return bool(poll.poll(0))

    def _dial(self, port: int, *, small: bool = False) -> socket.socket:
        """Connect to the printer, in a way that can be interrupted."""
        reason: OSError = ConnectionAbortedError("interrupted")
        for family, kind, proto, _, address in socket.getaddrinfo(
            self.host, port, type=socket.SOCK_STREAM
        ):
            if self._interrupted:
                break
            plain = socket.socket(family, kind, proto)
            self._raw.append(plain)
            try:
                plain.settimeout(CONNECT_TIMEOUT)
                if small:
                    _bound(plain)
                plain.connect(address)
            except OSError as err:
                self._raw.remove(plain)
                plain.close()
                reason = err
            else:
                return plain
        raise reason

    def _encrypt(
        self, plain: socket.socket, session: ssl.SSLSession | None = None
    ) -> ssl.SSLSocket:
        """Begin TLS; the context itself knows which name to expect."""
        self._raw.remove(plain)
        try:
            secure = self.context.wrap_socket(
                plain,
                server_hostname=self.host,
                session=session,
                do_handshake_on_connect=False,
            )
        except BaseException:
            plain.close()
            raise
        self._raw.append(secure)
        try:
            self._go_on()
            secure.do_handshake()
        except BaseException:
            self._drop(secure)
            raise
        return secure

    def _go_on(self) -> None:
        if self._interrupted:
            raise ConnectionAbortedError("interrupted")

    def _drop(self, connection: socket.socket) -> None:
        """Close a data connection without a farewell."""
        if connection in self._raw:
            self._raw.remove(connection)
        connection.close()

    @override
    def connect(self, *_: Any, **__: Any) -> str:
        """Connect, with TLS from the first byte."""
        plain = self._dial(self.port)
        self.af = plain.family
        self.sock = self._encrypt(plain)
        self.file = self.sock.makefile("r", encoding=self.encoding, errors="replace")
        self.welcome = self.getresp()
        return self.welcome

    @property
    def is_vsftpd(self) -> bool:
        """Whether the server is the complete one."""
        return "vsftpd" in (self.welcome or "").lower()

    def _log_in(self, user: str, password: str) -> None:
        if self.sendcmd(f"USER {user}").startswith("3"):
            try:
                self.sendcmd(f"PASS {password}")
            except ftplib.error_perm:
                # Without its cause: what was sent must not show in a traceback.
                raise InvalidAccessCodeError(
                    "the printer refuses the access code"
                ) from None
        self.voidcmd("TYPE I")
        self.voidcmd("PBSZ 0")
        self.voidcmd("PROT P")
        self._prot_p = True
        self._settimeout(REPLY_TIMEOUT)

    def _settimeout(self, seconds: float) -> None:
        if self.sock is not None:
            self.sock.settimeout(seconds)

    @override
    def makepasv(self) -> tuple[str, int]:
        """Ask where to connect to; only the port of the answer is believed."""
        if self.af == socket.AF_INET6:
            # The other answer has no room for such an address.
            _, port = super().makepasv()
        else:
            _, port = ftplib.parse227(self.sendcmd("PASV"))  # noqa: S321 - within TLS
        return self.host, port

    def _begin(
        self, command: str, start: int | None = None, *, small: bool = False
    ) -> ssl.SSLSocket:
        """Open a data connection.

        A printer may still be busy with a transfer that was broken off: then it is asked
        again, a few times.
        """
        for _ in range(BUSY_TRIES - 1):
            try:
                return self._try(command, start, small=small)
            except ftplib.error_temp as err:
                if not str(err).startswith("425") or not self.usable:
                    raise
            time.sleep(BUSY_PAUSE)
            self._go_on()
        return self._try(command, start, small=small)

    def _try(self, command: str, start: int | None, *, small: bool) -> ssl.SSLSocket:
        """Open a data connection; its TLS begins only after the server said to go ahead."""
        _, port = self.makepasv()
        plain = self._dial(port, small=small)
        try:
            if start:
                self._restart(start)
            self.usable = False
            try:
                self.sendcmd(command)
            except ftplib.error_perm, ftplib.error_temp:
                # Otherwise the next transfer, whatever it is, would start there.
                self.usable = not start
                raise
            plain.settimeout(DATA_TIMEOUT)
        except BaseException:
            self._drop(plain)
            raise
        assert isinstance(self.sock, ssl.SSLSocket)
        return self._encrypt(plain, self.sock.session)

    def _restart(self, start: int) -> None:
        try:
            self.sendcmd(f"REST {start}")
        except ftplib.error_perm as err:
            raise RestartRefusedError(str(err)) from err

    # What printers are asked

    @override
    def size(self, filename: str) -> int | None:
        """Return the size of a file; None when there is none.

        One of the servers gives 0 for a folder.
        """
        try:
            return super().size(filename)
        except ftplib.error_perm as err:
            if str(err).startswith("550"):
                return None
            raise

    def modified(self, path: str) -> str:
        """Return when a file was changed, by the printer's clock; ``""``: not known."""
        try:
            answer = self.sendcmd(f"MDTM {path}")
        except ftplib.error_perm:
            return ""
        return answer[4:].strip()[:14]

    def is_folder(self, path: str) -> bool:
        """Tell whether there is a folder."""
        try:
            self.voidcmd(f"CWD {path}")
        except ftplib.error_perm:
            return False
        return True

    def lines(self, path: str, stop: Stop, *, hidden: bool = False) -> list[str]:
        """Return the lines of a listing; `hidden`: with what is usually left out."""
        # A path would be taken for options by one of the servers.
        self.voidcmd(f"CWD {path}")
        content = bytearray()
        command = "LIST -a" if hidden and self.is_vsftpd else "LIST"
        for block in self._read(command, path, stop):
            content += block
            if len(content) > _LARGEST_LISTING:
                raise TransferBrokenError(path, "the listing has no end")
        # It has no size to compare with: only the server knows whether this is all.
        self.voidresp()
        self.usable = True
        return content.decode("utf-8", "replace").split("\n")

    def download(self, path: str, sink: Sink, stop: Stop, progress: Progress) -> int:
        """Hand a file over, block by block; return how many bytes came."""
        done = 0
        for block in self._read(f"RETR {path}", path, stop):
            sink(block)
            done += len(block)
            progress(done)
        self._take_last_word()
        return done

    def read_range(
        self, path: str, start: int, length: int, stop: Stop, *, ends: bool
    ) -> bytes:
        """Return a part of a file; `ends`: the part that reaches to its end.

        Any other transfer is broken off, which some servers answer by hanging up.
        Raises `RestartRefusedError` when the server does not start in the middle: because
        it says so, or because there is more after the end.
        """
        content = bytearray()
        limit = length + 1 if ends else length
        for block in self._read(f"RETR {path}", path, stop, start, limit):
            content += block
        self._take_last_word()
        if len(content) > length:
            raise RestartRefusedError(path)
        return bytes(content)

    def can_restart(self) -> bool:
        """Ask whether the server can start in the middle of a file."""
        try:
            answer = self.sendcmd("REST 1")
        except ftplib.error_perm:
            return False
        # The next transfer, whatever it is, would start there.
        self.usable = False
        self.sendcmd("REST 0")
        self.usable = True
        return answer.startswith("3")

    def upload(
        self, path: str, source: BufferedReader, stop: Stop, progress: Progress
    ) -> int:
        """Store a stream as a file; return how many bytes were sent.

        Whether they arrived must be asked afterwards: some servers never say.
        """
        connection = self._begin(f"STOR {path}")
        buffer = memoryview(bytearray(BLOCK_SIZE))
        done = 0
        try:
            while count := source.readinto(buffer):
                if stop():
                    raise TransferBrokenError(path, "cancelled")
                try:
                    connection.sendall(buffer[:count])
                except OSError:
                    self._raise_reason()
                    raise
                done += count
                progress(done)
            self._say_goodbye(connection)
        finally:
            self._drop(connection)
        self._settimeout(UPLOAD_REPLY_TIMEOUT if self.is_vsftpd else REPLY_TIMEOUT)
        try:
            self._take_last_word(noise=True)
        finally:
            self._settimeout(REPLY_TIMEOUT)
        return done

    def _say_goodbye(self, connection: ssl.SSLSocket) -> None:
        """End the data, as far as this server understands it.

        The small server never answers the farewell of TLS; nobody waits for it.
        """
        with suppress(OSError, ValueError):
            if self.is_vsftpd:
                connection.settimeout(0)
                with suppress(ssl.SSLWantReadError):
                    connection.unwrap()
            socket.socket.shutdown(connection, socket.SHUT_WR)

    def _raise_reason(self) -> None:
        """Raise why the server has broken off an upload, if it says so."""
        self._settimeout(REASON_TIMEOUT)
        try:
            reply = self.getmultiline()
        except OSError, EOFError, ftplib.Error:
            return
        if reply.startswith("5"):
            raise ftplib.error_perm(reply)  # noqa: S321 - an exception
        raise ftplib.error_temp(reply)  # noqa: S321 - an exception

    def _read(
        self,
        command: str,
        path: str,
        stop: Stop,
        start: int | None = None,
        limit: int | None = None,
    ) -> Iterator[memoryview]:
        """Yield what comes, in large blocks; with a limit it is broken off there."""
        connection = self._begin(command, start, small=limit is not None)
        buffer = memoryview(bytearray(min(BLOCK_SIZE, limit or BLOCK_SIZE)))
        left = limit
        try:
            ended = False
            while not ended and (left is None or left > 0):
                room = buffer if left is None else buffer[:left]
                filled = 0
                while filled < len(room) and not ended:
                    if stop():
                        raise TransferBrokenError(path, "cancelled")
                    count = _receive(connection, room[filled:])
                    filled += count
                    ended = not count
                if filled:
                    yield room[:filled]
                if left is not None:
                    left -= filled
        finally:
            self._drop(connection)

    def _take_last_word(self, *, noise: bool = False) -> None:
        """Read what is said at the end of a transfer, if anything: sizes are compared.

        A complaint that data could not be moved is what breaking off brings, or noise.
        """
        try:
            self.voidresp()
        except ftplib.error_temp as err:
            if noise and not str(err).startswith("426"):
                self.usable = True
                raise
        except ftplib.error_perm:
            self.usable = True
            raise
        except ftplib.Error, OSError, EOFError:
            self.usable = False
            forget_tls_errors()
            return
        self.usable = True


def _bound(connection: socket.socket) -> None:
    """Bound what is under way when a transfer is broken off, and comes in vain.

    Packets of usual size keep the other side from filling megabytes of buffers, as it
    does on links with larger ones.
    """
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SMALL_BUFFER)
    with suppress(OSError, AttributeError):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, _SMALL_SEGMENT)


def _receive(connection: ssl.SSLSocket, room: memoryview) -> int:
    try:
        return connection.recv_into(room)
    except ssl.SSLEOFError:
        # Hung up without a farewell: the size tells whether that was the end.
        return 0


def forget_tls_errors() -> None:
    """Empty OpenSSL's list of errors, which all connections of a thread share.

    A connection that broke leaves its reason there, and the next one of the same thread
    would fail with it.  A refused list of ciphers empties it.
    """
    with suppress(ssl.SSLError):
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).set_ciphers("none such")


def storage_error(err: Exception, path: str) -> BambuError:
    """Translate what an operation raised into one of this library's errors."""
    if isinstance(err, BambuError):
        return err
    if isinstance(err, ftplib.Error):
        reply = str(err)
        match reply[:3]:
            case "550":
                return FileMissingError(path)
            case "552" | "452":
                return StorageFullError(path)
            case "425" | "426":
                return TransferBrokenError(path, reply)
            case "421" | "430" | "450" | "451" | "530":
                return StorageError(path, reply)
            case _:
                return StorageDeniedError(path, reply)
    if isinstance(err, (OSError, EOFError)):
        return TransferBrokenError(path, "the connection broke")
    return StorageError(path, str(err))
