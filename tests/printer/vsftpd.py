"""A real file server of the kind that the larger printers carry, with their settings."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
import os
from pathlib import Path
import shutil
import socket
import subprocess
import tempfile
import time

from custom_components.bambu_printer.printer.session import Endpoint
from virtual_printer.certificates import identity

PROGRAM = shutil.which("vsftpd", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
SERIAL = "00M00A123456789"
CODE = "12345678"
USER = "ftp"
"""The only user that this program lets in without the passwords of the system."""
BASE = "/usb"
"""Where it can be written: never to the root, says this program."""
usable = PROGRAM is not None and os.geteuid() == 0
"""It has to be root to confine itself to a folder."""

_SETTINGS = """\
listen=YES
listen_address=127.0.0.1
background=NO
seccomp_sandbox=NO
isolate=NO
isolate_network=NO
implicit_ssl=YES
ssl_enable=YES
require_ssl_reuse=YES
allow_anon_ssl=YES
force_anon_logins_ssl=YES
force_anon_data_ssl=YES
ssl_ciphers=HIGH
anonymous_enable=YES
local_enable=NO
secure_email_list_enable=YES
anon_upload_enable=YES
anon_mkdir_write_enable=YES
anon_other_write_enable=YES
anon_world_readable_only=NO
anon_umask=022
write_enable=YES
pasv_enable=YES
port_enable=NO
chown_uploads=NO
ascii_upload_enable=NO
ftpd_banner=(vsFTPd 3.0.5)
xferlog_enable=YES
"""


@dataclass(frozen=True)
class Vsftpd:
    """A server that runs."""

    port: int
    root: Path
    """What is at `BASE`."""
    log: Path

    @property
    def endpoint(self) -> Endpoint:
        """How to reach it."""
        return Endpoint(
            host="127.0.0.1",
            serial=SERIAL,
            access_code=CODE,
            pin=identity(SERIAL).authority.pem,
            ftps_port=self.port,
        )

    def moved(self) -> list[tuple[str, int]]:
        """Return what was moved as the server wrote it down: kind and bytes."""
        found = []
        for line in self.log.read_text().splitlines():
            kind, _, rest = line.partition("] ")[2].partition("] ")[2].partition(":")
            if "LOAD" in kind:
                # Nothing at all is not mentioned.
                count = rest.rpartition(" bytes")[0].rpartition(" ")[2]
                found.append((kind, int(count or 0)))
        return found


@contextmanager
def serve(settings: str = "") -> Iterator[Vsftpd]:
    """Run it with an empty card, on a port of its own, perhaps with more settings."""
    # Not in a folder of pytest's, into which only root can look.
    with tempfile.TemporaryDirectory(prefix="vsftpd-") as folder:
        yield from _serve(Path(folder), settings)


def _serve(folder: Path, more: str) -> Iterator[Vsftpd]:
    assert PROGRAM is not None
    top, log = folder / "top", folder / "log"
    root = top / BASE.strip("/")
    folder.chmod(0o755)
    root.mkdir(parents=True)
    log.touch()
    shutil.chown(root, USER)
    codes, chain, key = folder / "codes", folder / "chain.pem", folder / "key.pem"
    shown = identity(SERIAL)
    codes.write_text(f"{CODE}\n")
    chain.write_text(shown.certificate_pem + shown.authority.pem)
    key.write_bytes(shown.key_pem)
    key.chmod(0o600)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = folder / "vsftpd.conf"
    settings.write_text(
        f"{_SETTINGS}{more}listen_port={port}\nanon_root={top}\nftp_username={USER}\n"
        f"email_password_file={codes}\nrsa_cert_file={chain}\n"
        f"rsa_private_key_file={key}\nvsftpd_log_file={log}\n"
    )
    settings.chmod(0o600)
    process = subprocess.Popen([PROGRAM, str(settings)], stdout=subprocess.PIPE)
    try:
        deadline = time.monotonic() + 10
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
            except OSError:
                if process.poll() is not None or time.monotonic() > deadline:
                    raise
                time.sleep(0.01)
            else:
                break
        yield Vsftpd(port, root, log)
    finally:
        process.terminate()
        process.communicate(timeout=10)
