"""Certificates: nothing is sent before the printer has proved which one it is."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
import hashlib
from pathlib import Path
import socket
import ssl

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
import pytest

from custom_components.bambu_printer.printer.errors import (
    CertificateChangedError,
    ConnectTimeoutError,
    HostUnreachableError,
    NotAPrinterError,
    PortRefusedError,
    PrinterConnectionError,
)
from custom_components.bambu_printer.printer.security import (
    connection_error,
    create_ssl_context,
    fetch_certificate_chain,
    pin_fingerprint,
)
from custom_components.bambu_printer.printer.session import Endpoint, Session

from .reports import Recorder

SERIAL = "01P00A000000001"
OTHER = "01P00A000000002"
NOW = datetime.now(UTC)


@dataclass
class Signed:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.DER)


def name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)] if text else [])


def sign(
    subject: str,
    issuer: Signed | None = None,
    *,
    authority: bool = False,
    usage: bool = False,
    days: int = 3650,
) -> Signed:
    """Make a certificate, signed by its issuer or by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    builder = (
        x509.CertificateBuilder()
        .subject_name(name(subject))
        .issuer_name(issuer.certificate.subject if issuer else name(subject))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - timedelta(days=4000))
        .not_valid_after(NOW + timedelta(days=days))
    )
    if authority:
        builder = builder.add_extension(
            x509.BasicConstraints(ca=True, path_length=None), critical=True
        )
    if usage:
        builder = builder.add_extension(
            x509.KeyUsage(
                digital_signature=False,
                content_commitment=False,
                key_encipherment=False,
                data_encipherment=False,
                key_agreement=False,
                key_cert_sign=True,
                crl_sign=True,
                encipher_only=False,
                decipher_only=False,
            ),
            critical=True,
        )
    return Signed(builder.sign(issuer.key if issuer else key, hashes.SHA256()), key)


@pytest.fixture(scope="module")
def authority() -> Signed:
    """An authority like the maker's older one: without a key usage."""
    return sign("Some CA", authority=True)


@dataclass
class Server:
    """A TLS server that remembers what it is sent."""

    port: int = 0
    received: bytearray = field(default_factory=bytearray)
    handshakes: int = 0


@pytest.fixture
def serve(socket_enabled, tmp_path: Path) -> Callable:
    """Return a way to start a server that presents these certificates, the first its own."""

    @asynccontextmanager
    async def begin(*chain: Signed) -> AsyncIterator[Server]:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        pem, key = tmp_path / "chain.pem", tmp_path / "key.pem"
        pem.write_text("".join(item.pem for item in chain))
        key.write_bytes(
            chain[0].key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        context.load_cert_chain(pem, key)
        served = Server()

        async def serve_one(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter
        ) -> None:
            plain = writer.transport
            try:
                await writer.start_tls(context)
                served.handshakes += 1
                while data := await reader.read(1024):
                    served.received += data
            except OSError, EOFError, AttributeError:
                pass
            finally:
                # asyncio loses the transport when the client is gone at once.
                writer._transport = writer._transport or plain  # type: ignore[attr-defined]
                writer.transport.abort()

        server = await asyncio.start_server(serve_one, "127.0.0.1")
        served.port = server.sockets[0].getsockname()[1]
        try:
            yield served
        finally:
            server.close()
            server.abort_clients()
            await asyncio.sleep(0)
            await server.wait_closed()

    return begin


async def connect(port: int, serial: str, pin: str) -> None:
    """Connect as the library does, whatever host it dials."""
    context = create_ssl_context(serial, pin)
    _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    writer.transport.abort()


# ---- first contact ------------------------------------------------------------------


async def test_the_topmost_certificate_is_pinned(serve, authority):
    async with serve(sign(SERIAL, authority), authority) as server:
        chain = await fetch_certificate_chain("127.0.0.1", server.port)
        await asyncio.sleep(0.01)
    assert (chain.serial, chain.pin) == (SERIAL, authority.pem)
    digest = hashlib.sha256(authority.der).hexdigest().upper()
    assert chain.fingerprint.replace(":", "") == digest
    assert chain.fingerprint == pin_fingerprint(chain.pin)
    assert server.received == b""


async def test_an_intermediate_authority_is_pinned_when_it_is_the_topmost(
    serve, authority
):
    middle = sign("Device CA N7-V2", authority, authority=True, usage=True)
    leaf = sign(SERIAL, middle)
    async with serve(leaf, middle) as server:
        chain = await fetch_certificate_chain("127.0.0.1", server.port)
        assert chain.pin == middle.pem
        await connect(server.port, SERIAL, chain.pin)


async def test_a_printer_that_shows_only_its_own_certificate(serve, authority):
    leaf = sign(SERIAL, authority)
    async with serve(leaf) as server:
        chain = await fetch_certificate_chain("127.0.0.1", server.port)
        assert (chain.serial, chain.pin) == (SERIAL, leaf.pem)
        await connect(server.port, SERIAL, chain.pin)


async def test_a_serial_number_in_small_letters(serve, authority):
    async with serve(sign(SERIAL.lower(), authority), authority) as server:
        chain = await fetch_certificate_chain("127.0.0.1", server.port)
        assert chain.serial == SERIAL
        await connect(server.port, SERIAL, chain.pin)


@pytest.mark.parametrize(
    "subject",
    ["router.local", "", "Fritz", "01P00A0-0000001", "x" * 40, "01P 0A00000001"],
)
async def test_names_that_are_no_serial_numbers(serve, authority, subject):
    async with serve(sign(subject, authority), authority) as server:
        with pytest.raises(NotAPrinterError):
            await fetch_certificate_chain("127.0.0.1", server.port)


async def test_a_server_without_tls(socket_enabled):
    server = await asyncio.start_server(
        lambda r, w: w.write(b"SSH-2.0\r\n"), "127.0.0.1"
    )
    async with server:
        with pytest.raises(NotAPrinterError):
            await fetch_certificate_chain(
                "127.0.0.1", server.sockets[0].getsockname()[1]
            )
        server.close_clients()


async def test_a_server_that_hangs_up(socket_enabled):
    server = await asyncio.start_server(lambda r, w: w.close(), "127.0.0.1")
    async with server:
        with pytest.raises(NotAPrinterError):
            await fetch_certificate_chain(
                "127.0.0.1", server.sockets[0].getsockname()[1]
            )


async def test_a_closed_port(socket_enabled, unused_tcp_port):
    with pytest.raises(PortRefusedError):
        await fetch_certificate_chain("127.0.0.1", unused_tcp_port)


async def test_a_silent_port(socket_enabled):
    writers = []
    server = await asyncio.start_server(lambda r, w: writers.append(w), "127.0.0.1")
    async with server:
        with pytest.raises(ConnectTimeoutError):
            await fetch_certificate_chain(
                "127.0.0.1", server.sockets[0].getsockname()[1], limit=0.1
            )
        server.close_clients()


@pytest.mark.parametrize(
    "error", [socket.gaierror(-2, "unknown"), OSError(113, "no route"), UnicodeError()]
)
async def test_hosts_that_do_not_exist(monkeypatch, error):
    async def fail(*args: object, **kwargs: object) -> None:
        raise error

    monkeypatch.setattr(asyncio, "open_connection", fail)
    with pytest.raises(HostUnreachableError):
        await fetch_certificate_chain("printer.invalid", 8883)


# ---- ever after ---------------------------------------------------------------------


async def test_another_certificate_of_the_same_authority_is_accepted(serve, authority):
    for _ in range(2):
        async with serve(sign(SERIAL, authority), authority) as server:
            await connect(server.port, SERIAL, authority.pem)


async def test_the_pinned_authority_need_not_be_sent(serve, authority):
    async with serve(sign(SERIAL, authority)) as server:
        await connect(server.port, SERIAL, authority.pem)


async def test_an_authority_without_a_key_usage_is_accepted_however_strict_openssl_is(
    serve, authority
):
    context = create_ssl_context(SERIAL, authority.pem)
    assert not context.verify_flags & ssl.VERIFY_X509_STRICT
    assert context.verify_flags & ssl.VERIFY_X509_PARTIAL_CHAIN
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    async with serve(sign(SERIAL, authority), authority) as server:
        await connect(server.port, SERIAL, authority.pem)


REFUSED = {
    "another authority": lambda ca: (sign(SERIAL, other := fake()), other),
    "another authority that is not sent": lambda ca: (sign(SERIAL, fake()),),
    "an authority of the same name": lambda ca: (
        sign(SERIAL, other := sign("Some CA", authority=True)),
        other,
    ),
    "itself": lambda ca: (sign(SERIAL),),
    "another printer": lambda ca: (sign(OTHER, ca), ca),
    "no name": lambda ca: (sign("", ca), ca),
    "a longer name": lambda ca: (sign(f"{SERIAL}9", ca), ca),
    "expired": lambda ca: (sign(SERIAL, ca, days=-1), ca),
}


def fake() -> Signed:
    return sign("Another CA", authority=True)


@pytest.mark.parametrize("kind", REFUSED)
async def test_what_is_not_the_pinned_printer_gets_no_credential(
    serve, authority, kind, caplog
):
    async with serve(*REFUSED[kind](authority)) as server:
        recorder = Recorder()
        session = Session(
            Endpoint(
                host="127.0.0.1",
                serial=SERIAL,
                access_code="geheim12",
                pin=authority.pem,
                mqtt_port=server.port,
            ),
            recorder,
        )
        with pytest.raises(CertificateChangedError) as caught:
            await session.start()
        await asyncio.sleep(0.01)
        assert server.received == b""
    assert recorder.events == []
    assert "geheim12" not in str(caught.value) + caplog.text


async def test_another_printer_that_shows_only_its_own_certificate(serve, authority):
    pinned, shown = sign(SERIAL, authority), sign(SERIAL, authority)
    async with serve(shown) as server:
        with pytest.raises(ssl.SSLCertVerificationError):
            await connect(server.port, SERIAL, pinned.pem)


@pytest.mark.parametrize("pin", ["", "x", "ü", "-----BEGIN CERTIFICATE-----\n"])
def test_a_pin_that_is_none(pin):
    with pytest.raises(ValueError, match=r"pinned|Empty"):
        create_ssl_context(SERIAL, pin)


# ---- reasons ------------------------------------------------------------------------


def wrapped(cause: BaseException) -> Exception:
    error = RuntimeError("library")
    error.__context__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ConnectionRefusedError(), PortRefusedError),
        (TimeoutError(), ConnectTimeoutError),
        (ConnectionResetError(), NotAPrinterError),
        (BrokenPipeError(), NotAPrinterError),
        (EOFError(), NotAPrinterError),
        (ssl.SSLError(), NotAPrinterError),
        (OSError(113, "No route to host"), HostUnreachableError),
        (OSError(), HostUnreachableError),
        (UnicodeError(), HostUnreachableError),
        (PortRefusedError(), PortRefusedError),
        (RuntimeError("odd"), PrinterConnectionError),
    ],
)
def test_reasons_are_found_however_deep_they_are(error, kind):
    assert type(connection_error(error)) is kind
    assert type(connection_error(wrapped(error))) is kind
    assert type(connection_error(wrapped(wrapped(error)))) is kind
