"""Taking out what identifies a printer, its owner, a spool or what somebody prints.

Values are replaced by others of the same kind, the same ones always by the same: what is
left still reads like what a printer sends.
"""

from collections.abc import Iterable, Mapping
from ipaddress import AddressValueError, IPv6Address
import re
from typing import Any, Final

REDACTED: Final = "**REDACTED**"

_TAGS: Final = frozenset({"chip_id", "tag_uid", "tray_uuid"})
_SERIALS: Final = frozenset({"dev_id", "sn"})
_PRIVATE: Final = frozenset(
    {
        "access_code",
        "design_id",
        "dev_access_code",
        "file",
        "gcode_file",
        "ip",
        "job_id",
        "mac",
        "mask",
        "model_id",
        "name",
        "oss_url",
        "peer_host",
        "profile_id",
        "project_id",
        "rtsp_url",
        "ssid",
        "subtask_id",
        "subtask_name",
        "task_id",
        "title",
        "ttcode",
        "tutk_uid",
        "uid",
        "url",
        "user_id",
    }
)
"""Keys of reports and of answers whose values are nobody's business."""
_PRIVATE_WORDS: Final = re.compile(
    "ssid|ttcode|tutk|token|auth_?key|passw|secret|cookie|e?mail", re.IGNORECASE
)
"""What is in the names of private keys that newer firmware may bring."""
_SHAPES: Final = (
    re.compile(r"(?<=://)[^\s\"']+"),
    re.compile(r"(?<![\w.])(?:[1-9]\d{1,2}|[1-9])(?:\.(?:0|[1-9]\d{0,2})){3}(?![\w.])"),
    re.compile(r"(?<!\w)[0-9A-Fa-f]{2}(?:[:-][0-9A-Fa-f]{2}){5}(?!\w)"),
    re.compile(r"(?<![\w.])[\w-]+\.(?:local|lan|home|fritz\.box)(?!\w)"),
    re.compile(
        r"(?<![^/\\])(?!plate_\d+\.)[^/\\]+\.(?:3mf|gcode|stl|step|mp4)(?!\w)",
        re.IGNORECASE,
    ),
)
"""What is private under whatever key: addresses and the names of files.

Numbers of versions have the form of addresses, but two digits in each place."""
_IPV6: Final = re.compile(
    r"(?<![\w:])(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f]{0,4}(?![\w:])"
)
_MEANINGFUL: Final = frozenset({"", "0", "disable"})
"""Values of such keys that say that there is none."""
_PLACEHOLDERS: Final = frozenset({"", "N/A"})
"""What stands for a serial number that is not known."""
_BOARDS: Final = frozenset({"@modules", "module", "new_ver_list"})
"""The lists in which ``name`` is the name of a board."""


class Redaction:
    """Replaces values, and remembers by what."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        """Take out these texts wherever they stand, beside what their keys give away."""
        self._secrets = sorted(filter(None, set(secrets)), key=len, reverse=True)
        self._numbers: dict[tuple[str, object], int] = {}

    def redact(self, value: Any, key: str = "", *, board: bool = False) -> Any:
        """Return a JSON value without what is private; the value itself stays as it is."""
        match value:
            case dict():
                return {
                    self._text(str(name)): self.redact(
                        item, str(name), board=key in _BOARDS
                    )
                    for name, item in value.items()
                }
            case list() | tuple():
                return [self.redact(item, key, board=board) for item in value]
            case str() | int() | float() if not isinstance(value, bool):
                return self._scalar(value, key, board=board)
        return value

    def clean(self, value: Any) -> Any:
        """Return a JSON value without the given texts, whatever the keys are."""
        match value:
            case dict():
                return {
                    self._text(str(key)): self.clean(item)
                    for key, item in value.items()
                }
            case list() | tuple():
                return [self.clean(item) for item in value]
            case str():
                return self._text(value)
        return value

    def _scalar(self, value: str | float, key: str, *, board: bool) -> str | float:
        if isinstance(value, str):
            if key in _TAGS:
                return self._tag(value)
            if key in _SERIALS:
                return self._serial(value)
            # A flag at the front tells what an address is for.
            if key == "rtsp_url" and value not in _MEANINGFUL:
                return f"{value.partition('://')[0]}://{REDACTED}"
            if _is_private(key) and value not in _MEANINGFUL:
                return value if board and key == "name" else REDACTED
            return self._text(value)
        if _is_private(key) and value:
            return self._number(key, value)
        return value

    def _tag(self, value: str) -> str:
        """Replace a tag by one of the same length; zeros say that there is none."""
        if not value.strip("0"):
            return value
        return f"F{self._number('tag', value):0{max(len(value) - 1, 1)}d}"

    def _serial(self, value: str) -> str:
        """Replace a serial number, but for its beginning, which tells the kind of thing."""
        if value in _PLACEHOLDERS:
            return value
        width = max(len(value) - 3, 1)
        return f"{value[:3]}{self._number('serial', value):0{width}d}"

    def _text(self, value: str) -> str:
        for secret in self._secrets:
            if secret in value:
                value = value.replace(secret, REDACTED)
        for shape in _SHAPES:
            value = shape.sub(REDACTED, value)
        return _IPV6.sub(_without_address, value)

    def _number(self, kind: str, value: object) -> int:
        return self._numbers.setdefault((kind, value), len(self._numbers) + 1)


def _is_private(key: str) -> bool:
    return key in _PRIVATE or _PRIVATE_WORDS.search(key) is not None


def _without_address(found: re.Match[str]) -> str:
    """Leave what only looks like an address, as a time does."""
    try:
        IPv6Address(found[0])
    except AddressValueError:
        return found[0]
    return REDACTED


def secrets_of(data: Mapping[str, Any]) -> set[str]:
    """Collect serial numbers in the version list, to be found wherever else they stand."""
    modules = data.get("@modules")
    return {
        str(item["sn"])
        for item in (modules if isinstance(modules, list) else ())
        if isinstance(item, dict) and len(str(item.get("sn", ""))) >= 8
    }
