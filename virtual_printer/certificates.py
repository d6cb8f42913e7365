"""The certificate that a virtual printer shows, made the way Bambu Lab makes them.

The leaf carries the serial number as common name and no subject alternative name; the
authority above it has no key-usage extension. Both peculiarities break naive clients, so
the imitation keeps them. Keys are EC P-256, because making RSA keys costs every test time.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
import ssl
from tempfile import TemporaryDirectory

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

# Fixed dates, so that tests that freeze the clock still see a valid certificate.
_NOT_BEFORE = datetime(2022, 4, 4, tzinfo=UTC)
_NOT_AFTER = datetime(2042, 4, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Authority:
    """A certificate authority and its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def pem(self) -> str:
        """The certificate as PEM text."""
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()


@dataclass(frozen=True, slots=True)
class Identity:
    """What one printer presents: its leaf, the key of it, and the authority above."""

    authority: Authority
    certificate: x509.Certificate
    key_pem: bytes

    @property
    def certificate_pem(self) -> str:
        """The leaf certificate as PEM text."""
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()


@cache
def authority(generation: int = 0) -> Authority:
    """Return the authority of a generation; another generation is another authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "XX"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Virtual Printers"),
            x509.NameAttribute(NameOID.COMMON_NAME, "Virtual CA"),
        ]
    )
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(_NOT_BEFORE)
        .not_valid_after(_NOT_AFTER)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    return Authority(certificate, key)


@cache
def identity(serial: str, generation: int = 0) -> Identity:
    """Return the identity of the printer with this serial number."""
    issuer = authority(generation)
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, serial)]))
        .issuer_name(issuer.certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(_NOT_BEFORE)
        .not_valid_after(_NOT_AFTER)
        .sign(issuer.key, hashes.SHA256())
    )
    return Identity(issuer, certificate, _pem(key))


def kept_identity(folder: Path, serial: str) -> Identity:
    """Return the identity that is kept in a folder, made when there is none yet.

    A printer that is restarted must present the same certificate: who has pinned it would
    take another one for an impostor.
    """
    kept = folder / f"{serial}.pem"
    try:
        text = kept.read_bytes()
        leaf, issuer = x509.load_pem_x509_certificates(text)
        key = serialization.load_pem_private_key(text, None)
        issuer_key = serialization.load_pem_private_key(
            (folder / f"{serial}-authority.pem").read_bytes(), None
        )
    except FileNotFoundError:
        made = identity(serial)
        folder.mkdir(parents=True, exist_ok=True)
        _write_secret(
            kept,
            made.key_pem + f"{made.certificate_pem}{made.authority.pem}".encode(),
        )
        _write_secret(folder / f"{serial}-authority.pem", _pem(made.authority.key))
        return made
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    assert isinstance(issuer_key, ec.EllipticCurvePrivateKey)
    return Identity(Authority(issuer, issuer_key), leaf, _pem(key))


def _write_secret(path: Path, content: bytes) -> None:
    path.touch(mode=0o600)
    path.write_bytes(content)


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def server_context(who: Identity, *, leaf_only: bool = False) -> ssl.SSLContext:
    """Build the TLS context that presents this identity."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    chain = who.certificate_pem + ("" if leaf_only else who.authority.pem)
    # The ssl module reads certificates from files only.
    with TemporaryDirectory(prefix="virtual-printer-") as folder:
        certificate_file = Path(folder, "chain.pem")
        key_file = Path(folder, "key.pem")
        certificate_file.write_text(chain)
        key_file.touch(mode=0o600)
        key_file.write_bytes(who.key_pem)
        context.load_cert_chain(certificate_file, key_file)
    return context
