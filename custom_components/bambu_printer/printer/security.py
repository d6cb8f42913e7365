"""Certificates: read what a printer presents, pin it, and verify it ever after.

A printer's certificate names its serial number as the common name and has no
alternative names; it is issued by one of several authorities of the maker, of which
not all are known, and some printers do not send them along.  So nothing but the
printer itself can be asked: when it is added, the topmost certificate that it presents
(its issuer, or only its own) is remembered, and from then on every connection must
lead to that one, with the serial number as the name.  No credential is sent before.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
import hashlib
import ssl
from typing import Any, override

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from .errors import (
    CertificateChangedError,
    ConnectTimeoutError,
    HostUnreachableError,
    NotAPrinterError,
    PortRefusedError,
    PrinterConnectionError,
    WrongSerialError,
)

KNOWN_AUTHORITIES: Mapping[str, str] = {
    "030BCA81CECE18B7EFF3CFD2B75D09D3EFCA893BC069609E37FA04257FE4D840": "BBL CA",
    "E98F19578B3F124ACE6B8A247FFEDA52DC99C89FD4E7D20C82829977B7F33502": "BBL CA2 RSA",
    "1F99D846718C8D333AC319CB8E70919AB63236090FBADDE909BA4A6F0867A683": "BBL CA2 ECC",
    "3D13019B45A4FA8A6CB8DC0FD7BECBB19BB2BF0C2FCB9434A9345FA58680DA0B": "BBL CA2 RSA",
    "E898483224F9092F575D627433BB21ED9D125A77E3635B0DA6FC18FE850A02D7": "BBL CA2 ECC",
    "6A854D546ED6E3CE7A2112657E53F4555374413E6F5CB55F995D1DDD7C06DC69": "BBL Device CA N7-V2",
    "CE667B6C001D26C34ED97333FB6099699409FC3D4E12429C37BAEBB05C46C60A": "BBL Device CA O1C2-V2",
    "68BF3182BC32D5A5454F864928ABAA291941F6D5AC6A86A0E5AD6ECFE2D5477B": "BBL Device CA N6-V2",
}
"""SHA-256 of the certificates that the maker signs printers with → their names.

More are to be expected: models whose authority nobody has seen yet ask their owner once."""

_SERIAL_LENGTHS = range(8, 33)
"""A serial number has 15 characters today; be tolerant, but refuse what cannot be one."""


@dataclass(frozen=True, slots=True)
class CertificateChain:
    """What a printer presented in a TLS handshake that trusted nothing yet."""

    serial: str
    """The common name of the printer's own certificate."""
    pin: str
    """The topmost certificate presented, PEM: the one to trust from now on."""
    fingerprint: str
    """SHA-256 of that certificate, as pairs of hexadecimal digits."""

    @property
    def authority(self) -> str | None:
        """Name of the maker's authority that issued it; None when it is no known one.

        Anybody can present a copy of the authority's certificate: this proves nothing
        before a connection has been verified against the pin.
        """
        return KNOWN_AUTHORITIES.get(self.fingerprint.replace(":", ""))


class PrinterSSLContext(ssl.SSLContext):
    """A TLS context that expects one printer, whatever address is dialled.

    The libraries that use it pass the host they connect to as the server name; a
    printer's certificate only ever names its serial number.
    """

    serial: str

    @override
    def wrap_socket(self, sock: Any, *args: Any, **kwargs: Any) -> ssl.SSLSocket:
        """Verify against the serial number instead of the address."""
        kwargs["server_hostname"] = self.serial
        return super().wrap_socket(sock, *args, **kwargs)

    @override
    def wrap_bio(self, *args: Any, **kwargs: Any) -> ssl.SSLObject:
        """Verify against the serial number instead of the address."""
        kwargs["server_hostname"] = self.serial
        return super().wrap_bio(*args, **kwargs)


def create_ssl_context(serial: str, pin: str) -> PrinterSSLContext:
    """Return a context that trusts the pinned certificate and nothing else.

    Reads certificates: call it in an executor, not on the event loop.

    Raises ``ValueError`` when the pin is no certificate.
    """
    context = PrinterSSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.serial = serial
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # The pin may be an intermediate authority or the printer's own certificate: the
    # chain may end there.  The strict flag (not set on a bare context, but some builds of
    # OpenSSL do) would refuse the maker's authority, which has no key usage extension.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    context.check_hostname = True
    context.hostname_checks_common_name = True
    try:
        context.load_verify_locations(cadata=pin)
    except (ssl.SSLError, TypeError) as err:
        raise ValueError("the pinned certificate cannot be read") from err
    return context


def fingerprint(der: bytes) -> str:
    """Return the SHA-256 fingerprint of a certificate, as ``AB:CD:…``."""
    return hashlib.sha256(der).digest().hex(":").upper()


def pin_fingerprint(pin: str) -> str:
    """Return the fingerprint of a pinned certificate (PEM)."""
    return fingerprint(ssl.PEM_cert_to_DER_cert(pin))


async def fetch_certificate_chain(
    host: str, port: int, *, expected: str | None = None, limit: float = 10.0
) -> CertificateChain:
    """Ask a printer for its certificates, without sending anything about ourselves.

    Nothing is verified: this is the first contact.  `expected` is the serial number of
    the only printer that will do, if there is one; `limit` bounds the wait, in seconds.

    Raises a `PrinterConnectionError` that says what is wrong with the address:
    `NotAPrinterError` when what answers has no serial number to show, `WrongSerialError`
    when it is another one.
    """
    if not host or not host.isprintable():
        # The empty name would be this machine.
        raise HostUnreachableError("no such name can exist")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        async with asyncio.timeout(limit):
            _, writer = await asyncio.open_connection(host, port, ssl=context)
            chain = writer.get_extra_info("ssl_object").get_unverified_chain()
            writer.transport.abort()
    except (OSError, EOFError, UnicodeError) as err:
        raise connection_error(err) from err
    found = _read_chain(chain)
    if expected and found.serial != expected:
        raise WrongSerialError("another printer")
    return found


async def verify_certificate(
    host: str, port: int, *, serial: str, pin: str, limit: float = 5.0
) -> None:
    """Make sure that a printer answers at an address, without telling it anything.

    What answers must prove that it has the key of a certificate with this serial number
    that leads to the pinned one.

    Raises a `PrinterConnectionError`, among them `CertificateChangedError`.
    """
    loop = asyncio.get_running_loop()
    try:
        context = await loop.run_in_executor(None, create_ssl_context, serial, pin)
    except ValueError as err:
        raise CertificateChangedError(str(err)) from err
    try:
        async with asyncio.timeout(limit):
            _, writer = await asyncio.open_connection(
                host, port, ssl=context, server_hostname=serial
            )
            writer.transport.abort()
    except (OSError, EOFError, UnicodeError) as err:
        raise connection_error(err) from err


def _read_chain(chain: list[bytes]) -> CertificateChain:
    """Take the serial number from the first certificate and the pin from the last one."""
    try:
        leaf = x509.load_der_x509_certificate(chain[0])
        names = leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        serial = str(names[0].value).strip().upper()
        top = x509.load_der_x509_certificate(chain[-1])
    except (IndexError, ValueError, x509.InvalidVersion) as err:
        raise NotAPrinterError("no readable certificate with a name") from err
    # Names of other machines that happen to have a certificate have no digits mostly.
    if (
        len(serial) not in _SERIAL_LENGTHS
        or not (serial.isascii() and serial.isalnum())
        or serial.isalpha()
    ):
        raise NotAPrinterError("the certificate names no serial number")
    return CertificateChain(
        serial=serial,
        pin=top.public_bytes(Encoding.PEM).decode("ascii"),
        fingerprint=fingerprint(chain[-1]),
    )


def connection_error(err: BaseException) -> PrinterConnectionError:
    """Translate what a connection attempt raised into one of this library's errors.

    Wrapped exceptions (``__cause__``) are looked through: MQTT and TLS libraries hide the
    operating system's reason in their own.
    """
    cause: BaseException | None = err
    while cause is not None:
        match cause:
            case PrinterConnectionError():
                return cause
            case ssl.SSLCertVerificationError():
                # The words of OpenSSL may contain the serial number.
                return CertificateChangedError(
                    f"not the pinned certificate (code {cause.verify_code})"
                )
            case (
                ssl.SSLError() | ConnectionResetError() | BrokenPipeError() | EOFError()
            ):
                return NotAPrinterError(f"TLS failed: {type(cause).__name__}")
            case TimeoutError():
                return ConnectTimeoutError("nothing answered in time")
            case ConnectionRefusedError():
                return PortRefusedError("nothing listens on the port")
            case OSError():
                return HostUnreachableError(cause.strerror or "unreachable")
            case UnicodeError():
                return HostUnreachableError("no such name can exist")
        cause = cause.__cause__ or cause.__context__
    return PrinterConnectionError(str(err))
