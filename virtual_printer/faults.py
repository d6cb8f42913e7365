"""What can be made to go wrong."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

# What the firmware's authorization control answers to an unsigned command.
UNSIGNED_REASON = "mqtt message verify failed"
UNSIGNED_ERROR = 84033543


class Stage(StrEnum):
    """How far a client has come."""

    TCP = "tcp"
    """It is connected, and wants to start TLS."""
    TLS = "tls"
    """TLS stands, and its CONNECT is not read yet."""
    LOGIN = "login"
    """Its CONNECT waits for an answer."""
    SUBSCRIBE = "subscribe"
    """Its first subscription waits for an answer."""
    REQUEST = "request"
    """It has subscribed, and asks for something."""


class Fate(StrEnum):
    """What becomes of a client."""

    GO_ON = "go on"
    HANG = "hang"
    """Nothing is answered any more."""
    DROP = "drop"
    """It is hung up on."""


@dataclass(slots=True)
class Refusal:
    """One refusal to come: of the next command with this name, or of any command."""

    command: str | None = None
    reason: str = "failed"
    err_code: int = 0
    section: str | None = None

    def matches(self, section: str, command: str) -> bool:
        """Tell whether this refusal is meant for the command."""
        return self.command in (None, command) and self.section in (None, section)


@dataclass(slots=True)
class Faults:
    """Switches of a virtual printer; set them at any time."""

    # Accept connections, subscriptions and requests, answer pings, publish nothing.
    silent: bool = False
    # Not even pings are answered: the half-open connection to a printer without power.
    frozen: bool = False
    # Reports go on, requests are dropped unread: the "zombie" session of P1 and A1.
    deaf: bool = False
    # Obey commands without ever acknowledging them.
    mute_acks: bool = False
    # Seconds between a command and its acknowledgement.
    ack_delay: float = 0.0
    # Behave as firmware with authorization control: refuse every print.* command.
    refuse_control: bool = False
    # As P1S 01.10: refuse as above, but answer with command and sequence_id only.
    bare_echo: bool = False
    # Refuse the login, whatever the code is.
    refuse_login: bool = False
    # Answer clients no more, or hang up on them, when they come to this stage.
    hang_at: Stage | None = None
    drop_at: Stage | None = None
    # How many clients met that fate.
    struck: int = 0
    # The file server: refuse the password, whatever it is.
    ftps_refuse_login: bool = False
    # Accept connections and never answer, not even the TLS handshake.
    ftps_silent: bool = False
    # Bytes that fit on the card: an upload gets 552 after so many, and a remnant stays.
    ftps_full: int | None = None
    # Hang up after so many bytes of every transfer, or instead of obeying this command.
    ftps_drop_after: int | str | None = None
    # Whether that takes the control connection along, or only the data connection (426).
    ftps_drop_control: bool = True
    # Bytes a second.
    ftps_slow: float | None = None
    # Never say 226; with False always, also where the real server forgets it.
    ftps_no_226: bool | None = None
    # Hang up instead of the last reply to a transfer.
    ftps_drop_at_end: bool = False
    # Hang up instead of shaking hands on the data connection.
    ftps_drop_data: bool = False
    # Answer 502 to REST.
    ftps_no_rest: bool = False
    # The camera: hang up after the login, whatever the code is.
    camera_refuse_login: bool = False
    # Go on to listen, but send nothing any more.
    camera_stall: bool = False
    # Send frames that are no pictures, or announce one of two gigabytes.
    camera_garbage: bool = False
    camera_oversize: bool = False
    # Answer REST as if it were done, and send from the start.
    ftps_ignore_rest: bool = False
    # Hang up when the client breaks off a download, as the small server does.
    ftps_no_abort: bool = False
    # Refusals of the next commands: Refusal objects or mappings with their fields.
    refuse_next: list[Refusal | dict[str, str | int | None]] = field(
        default_factory=list
    )

    def fate(self, stage: Stage) -> Fate:
        """Return what becomes of a client that comes to a stage."""
        if stage not in (self.drop_at, self.hang_at):
            return Fate.GO_ON
        self.struck += 1
        return Fate.DROP if stage is self.drop_at else Fate.HANG

    def take_refusal(self, section: str, command: str) -> Refusal | None:
        """Return the refusal meant for this command and forget it."""
        for index, item in enumerate(self.refuse_next):
            refusal = item if isinstance(item, Refusal) else _refusal(item)
            if refusal.matches(section, command):
                del self.refuse_next[index]
                return refusal
        return None


def _refusal(item: dict[str, str | int | None]) -> Refusal:
    command, section = item.get("command"), item.get("section")
    return Refusal(
        command=None if command is None else str(command),
        reason=str(item.get("reason", "failed")),
        err_code=int(item.get("err_code") or 0),
        section=None if section is None else str(section),
    )


def garbage() -> Iterable[bytes]:
    """Yield messages that no client may stumble over."""
    yield b""
    yield b"{"
    yield b'{"print": {"command": "push_status", "msg": 1, "nozzle_te'
    yield b"null"
    yield b"[1, 2, 3]"
    yield b'"print"'
    yield b'{"print": []}'
    yield b'{"print": null}'
    yield b'{"unheard_of": {"command": "push_status"}}'
    yield b'{"print": {"command": 7, "sequence_id": {}}}'
    yield b'{"print": {"command": "push_status", "msg": 1, "subtask_name": "\xff\xfe\x80"}}'
    yield b'{"print": {"command": "push_status", "msg": 1, "bed_temper": NaN}}'
    yield (
        b'{"print": {"command": "push_status", "msg": 1, "nozzle_temper": "hot", "ams": [],'
        b' "lights_report": {"node": 1}, "mc_percent": {}, "hms": "none", "device": 5,'
        b' "home_flag": "??", "fun": 1.5, "stg_cur": null, "vt_tray": "", "s_obj": {}}}'
    )
    yield (
        b'{"print": {"command": "push_status", "msg": 1, "x": '
        + b"[" * 50_000
        + b"]" * 50_000
        + b"}}"
    )
    yield (
        b'{"print": {"command": "push_status", "msg": 1, "pad": "'
        + b"x" * 2_000_000
        + b'"}}'
    )
