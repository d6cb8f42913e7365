"""A small client for implicit FTPS, on ftplib; it blocks and runs in a thread."""

import contextlib
import ftplib
import socket
import ssl

from virtual_printer import VirtualPrinter

from .conftest import client_context


class Client(ftplib.FTP_TLS):
    """TLS from the first byte, and the session of the control connection for data."""

    def __init__(self, printer: VirtualPrinter, *, reuse: bool = True) -> None:
        context = client_context(printer)
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        super().__init__(context=context, timeout=5)
        self.printer = printer
        self.reuse = reuse

    def open(self) -> str:
        """Connect and read the greeting."""
        self.host = self.printer.host
        address = self.host, self.printer.ftps_port
        plain = socket.create_connection(address, timeout=5)
        self.af = plain.family
        try:
            self.sock = self.context.wrap_socket(plain, server_hostname="printer")
        except BaseException:
            plain.close()
            raise
        self.file = self.sock.makefile("r", encoding="utf-8", newline="")
        self.welcome = self.getresp()
        return self.welcome

    def enter(self, code: str | None = None) -> Client:
        """Connect, log in and protect the data connections."""
        self.open()
        self.login("bblp", self.printer.access_code if code is None else code)
        self.prot_p()
        self.voidcmd("TYPE I")
        return self

    def ntransfercmd(self, cmd, rest=None):
        plain, size = ftplib.FTP.ntransfercmd(self, cmd, rest)
        session = self.sock.session if self.reuse else None
        try:
            secure = self.context.wrap_socket(
                plain, server_hostname="printer", session=session
            )
        except BaseException:
            plain.close()
            raise
        return secure, size

    def fetch(self, command: str, rest: int | None = None) -> bytes:
        """Run a command that answers over a data connection."""
        pieces = []
        with self.transfercmd(command, rest) as data:
            while piece := data.recv(1 << 16):
                pieces.append(piece)
        self.voidresp()
        return b"".join(pieces)

    def lines(self, command: str) -> list[str]:
        """Run a listing."""
        return self.fetch(command).decode().split("\r\n")[:-1]

    def send(self, path: str, content: bytes, *, answered: bool = True) -> None:
        """Upload; at the end the connection is closed without a farewell."""
        with self.transfercmd(f"STOR {path}") as data:
            data.sendall(content)
        if answered:
            self.voidresp()

    def code(self, command: str) -> int:
        """Return the code of the reply to a command."""
        try:
            return int(self.sendcmd(command)[:3])
        except ftplib.Error as err:
            return int(str(err)[:3])


def drain(data: ssl.SSLSocket) -> None:
    """Read until the printer breaks it off."""
    try:
        while data.recv(1 << 16):
            pass
    finally:
        forget_errors()


def flood(data: ssl.SSLSocket, count: int) -> None:
    """Send more megabytes than the printer takes."""
    try:
        for _ in range(count):
            data.sendall(bytes(1 << 20))
    finally:
        forget_errors()


def forget_errors() -> None:
    """Keep what broke one connection from being reported for the next of this thread.

    The ssl module leaves system errors in OpenSSL's list; a refused list of ciphers
    empties it.
    """
    with contextlib.suppress(ssl.SSLError):
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).set_ciphers("none such")


@contextlib.contextmanager
def session(printer: VirtualPrinter, *, reuse: bool = True):
    """Log in, and hang up at the end."""
    client = Client(printer, reuse=reuse)
    try:
        yield client.enter()
    finally:
        client.close()
