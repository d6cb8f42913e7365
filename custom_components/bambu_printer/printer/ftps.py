"""FTP over implicit TLS, the way printers speak it.

There are two servers in the field.  One (vsFTPd) wants the data connection to resume the
TLS session of the control connection; the other, on the smaller printers, leaves out half
of the protocol, never says goodbye in TLS, and often not that an upload is complete.
Everything in here blocks: it runs in an executor.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
import ftplib
import socket
import ssl
from typing import Any, BinaryIO, override

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
BLOCK_SIZE = 256 * 1024
_SMALL_BUFFER = 64 * 1024
"""Receive buffer while only a part of a file is wanted: bounds what comes in vain."""

type Stop = Callable[[], bool]
type Progress = Callable[[int], None]


class RestartIgnoredError(Exception):
    """The server says that it starts in the middle of a file, and does not."""


class Connection(ftplib.FTP_TLS):
    """A control connection, logged in."""

    def __init__(
        self, host: str, port: int, user: str, password: str, context: ssl.SSLContext
    ) -> None:
        """Connect and log in.

        Raises a `PrinterConnectionError`, `InvalidAccessCodeError` among them.
        """
        super().__init__(context=context, timeout=CONNECT_TIMEOUT)
        self.usable = True
        """Whether another command can follow."""
        try:
            self.connect(host, port)
            self._log_in(user, password)
        except BambuError:
            self.close()
            raise
        except (OSError, EOFError, ftplib.Error, UnicodeError) as err:
            self.close()
            raise connection_error(err) from err

    @override
    def connect(self, host: str = "", port: int = 0, *_: Any, **__: Any) -> str:
        """Connect, with TLS from the first byte."""
        self.host, self.port = host, port
        plain = socket.create_connection((host, port), CONNECT_TIMEOUT)
        self.af = plain.family
        try:
            # The context itself knows which name to expect.
            self.sock = self.context.wrap_socket(plain, server_hostname=host)
        except BaseException:
            plain.close()
            raise
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
            except ftplib.error_perm as err:
                raise InvalidAccessCodeError(
                    "the printer refuses the access code"
                ) from err
        self.voidcmd("TYPE I")
        self.voidcmd("PBSZ 0")
        self.voidcmd("PROT P")
        self._prot_p = True
        self._settimeout(REPLY_TIMEOUT)

    def _settimeout(self, seconds: float) -> None:
        if self.sock is not None:
            self.sock.settimeout(seconds)

    @override
    def ntransfercmd(
        self, cmd: str, rest: int | str | None = None
    ) -> tuple[ssl.SSLSocket, int | None]:
        """Open a data connection; its TLS begins only after the server said to go ahead."""
        # Over the plain parent: the secure one would not resume the session.
        plain, size = ftplib.FTP.ntransfercmd(self, cmd, rest)
        try:
            plain.settimeout(DATA_TIMEOUT)
            assert isinstance(self.sock, ssl.SSLSocket)
            secure = self.context.wrap_socket(
                plain, server_hostname=self.host, session=self.sock.session
            )
        except BaseException:
            plain.close()
            raise
        return secure, size

    @override
    def makepasv(self) -> tuple[str, int]:
        """Ask where to connect to; only the port of the answer is believed."""
        _, port = ftplib.parse227(self.sendcmd("PASV"))
        return self.host, port

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

    def lines(self, path: str, stop: Stop) -> list[str]:
        """Return the lines of a listing."""
        # A path would be taken for options by one of the servers.
        self.voidcmd(f"CWD {path}")
        content = bytearray()
        for block in self._read("LIST", None, stop):
            content += block
            if len(content) > _LARGEST_LISTING:
                raise TransferBrokenError(path, "the listing has no end")
        self._end_of_download()
        return content.decode("utf-8", "replace").splitlines()

    def download(
        self, path: str, into: BinaryIO, stop: Stop, progress: Progress
    ) -> int:
        """Write a file into a stream; return how many bytes came."""
        done = 0
        for block in self._read(f"RETR {path}", None, stop):
            into.write(block)
            done += len(block)
            progress(done)
        self._end_of_download()
        return done

    def modified(self, path: str) -> str:
        """Return when a file was changed, by the printer's clock; ``""``: not known."""
        try:
            answer = self.sendcmd(f"MDTM {path}")
        except ftplib.error_perm:
            return ""
        return answer[4:].strip()[:14]

    def read_range(
        self, path: str, start: int, length: int, stop: Stop, *, ends: bool
    ) -> bytes:
        """Return a part of a file; `ends`: the part that reaches to its end.

        Any other transfer is broken off, which some servers answer by hanging up:
        `usable` tells.  Raises `RestartIgnoredError` when there is more after the end.
        """
        content = bytearray()
        limit = length + 1 if ends else length
        for block in self._read(f"RETR {path}", start, stop, limit=limit):
            content += block
        if ends and len(content) > length:
            self._take_last_word()
            raise RestartIgnoredError(path)
        if ends:
            self._end_of_download()
        else:
            self._take_last_word()
        return bytes(content)

    def _take_last_word(self) -> None:
        """Read what is said of a transfer that was broken off, if anything."""
        try:
            self.voidresp()
        except ftplib.error_temp:
            # It could not be sent to its end.
            pass
        except ftplib.Error, OSError, EOFError:
            self.usable = False
            forget_tls_errors()

    def can_restart(self) -> bool:
        """Whether the server can start in the middle of a file."""
        try:
            answer = self.sendcmd("REST 1")
        except ftplib.error_perm:
            return False
        if not answer.startswith("3"):
            return False
        with suppress(ftplib.Error):
            self.sendcmd("REST 0")
        return True

    def upload(
        self, path: str, source: BinaryIO, stop: Stop, progress: Progress
    ) -> int:
        """Store a stream as a file; return how many bytes were sent.

        Whether they arrived must be asked afterwards: some servers never say.
        """
        connection, _ = self.ntransfercmd(f"STOR {path}")
        done = 0
        try:
            while block := source.read(BLOCK_SIZE):
                if stop():
                    raise TransferBrokenError(path, "cancelled")
                connection.sendall(block)
                done += len(block)
                progress(done)
        finally:
            # No farewell in TLS: one of the servers never answers it.
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()
        self._settimeout(UPLOAD_REPLY_TIMEOUT if self.is_vsftpd else REPLY_TIMEOUT)
        try:
            self.voidresp()
        except ftplib.error_temp as err:
            # Noise after the last byte; the size decides.
            if not str(err).startswith("426"):
                raise
        finally:
            self._settimeout(REPLY_TIMEOUT)
        return done

    def _read(
        self, command: str, start: int | None, stop: Stop, limit: int | None = None
    ) -> Iterator[memoryview]:
        connection, _ = self.ntransfercmd(command, start)
        if limit is not None:
            with suppress(OSError):
                connection.setsockopt(
                    socket.SOL_SOCKET, socket.SO_RCVBUF, _SMALL_BUFFER
                )
        buffer = memoryview(bytearray(BLOCK_SIZE))
        left = limit
        try:
            while left is None or left > 0:
                if stop():
                    raise TransferBrokenError(command.partition(" ")[2], "cancelled")
                try:
                    count = connection.recv_into(buffer[:left])
                except ssl.SSLEOFError:
                    # Hung up without a farewell: the size tells whether that was the end.
                    break
                if not count:
                    break
                if left is not None:
                    left -= count
                yield buffer[:count]
        finally:
            connection.close()

    def _end_of_download(self) -> None:
        """Take the server's last word on a download; broken off, it may have none."""
        with suppress(ftplib.error_temp):
            self.voidresp()


_LARGEST_LISTING = 4 << 20


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
            case "421" | "430" | "530":
                return StorageError(path, reply)
            case _:
                return StorageDeniedError(path, reply)
    if isinstance(err, (OSError, EOFError)):
        if isinstance(err, OSError) and err.filename is not None:
            # A file of this machine, not of the printer.
            return StorageError(str(err.filename), err.strerror or "")
        return TransferBrokenError(path, "the connection broke")
    return StorageError(path, str(err))
