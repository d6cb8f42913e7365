"""The two file servers that are found in printers."""

from dataclasses import dataclass, replace
from enum import Enum

from .profiles import Family


class Ending(Enum):
    """What happens after the last byte of an upload."""

    # The farewell of TLS and 226.
    PROPER = "proper"
    # Neither: the connection stays as it is, and no reply ever comes.
    NONE = "none"


@dataclass(frozen=True, kw_only=True)
class Personality:
    """How a server behaves where the two differ."""

    banner: str
    vsftpd: bool
    session_reuse: bool
    # Verbs that are answered with `unknown`.
    lacks: frozenset[str]
    unknown: str
    pasv_address: str | None
    upload: Ending
    unprotected: str

    def with_folders(self, possible: bool) -> Personality:
        """Return the same with or without making, removing and renaming."""
        lacks = self.lacks - _FOLDERS if possible else self.lacks | _FOLDERS
        return replace(self, lacks=lacks)


_FOLDERS = frozenset({"MKD", "XMKD", "RMD", "XRMD", "RNFR", "RNTO"})
_NOWHERE = frozenset({"PORT", "EPRT", "AUTH", "CCC", "MLSD", "MLST", "APPE", "AVBL"})

VSFTPD = Personality(
    banner="(vsFTPd 3.0.5)",
    vsftpd=True,
    session_reuse=True,
    lacks=_NOWHERE,
    unknown="500 Unknown command.",
    # Measured: often no address at all; who trusts it connects to nowhere.
    pasv_address="0.0.0.0",
    upload=Ending.PROPER,
    unprotected="522 Data connections must be encrypted.",
)
BBL_P003 = Personality(
    banner="BBL-P003 FTP Server",
    vsftpd=False,
    session_reuse=False,
    lacks=_NOWHERE
    | _FOLDERS
    | {"REST", "EPSV", "FEAT", "OPTS", "STAT", "ALLO", "ABOR", "SYST"},
    unknown="502 Command not implemented.",
    pasv_address=None,
    upload=Ending.NONE,
    unprotected="431 Data connection needs protection.",
)


def personality(family: Family) -> Personality:
    """Return the server of a model family."""
    small = family in (Family.P1, Family.A1, Family.A2)
    return BBL_P003 if small else VSFTPD
