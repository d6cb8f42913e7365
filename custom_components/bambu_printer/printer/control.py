"""Whether a printer can be controlled, told from evidence.

Firmware with authorization control takes most commands only when they are signed by the
maker's own applications, unless Developer Mode is on.  No version number says which way it
is.  What tells is a flag in the reports of newer models, a health message of some
others, and for all of them what becomes of the commands.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

from .commands import Command

CONTROL_SECTION: Final = "print"
"""The section of messages whose commands have to be signed, as far as is known."""
_QUERIES = frozenset({"extrusion_cali_get", "extrusion_cali_get_result"})
"""Commands of that section that everybody may send: they prove nothing."""


class ControlState(StrEnum):
    """What can be done with a printer."""

    FULL = "full"
    """Commands are obeyed."""
    READ_ONLY = "read_only"
    """Commands are refused unless signed: Developer Mode is off."""
    RELEASED = "released"
    """The connection has been given up on purpose."""
    OFFLINE = "offline"
    UNKNOWN = "unknown"
    """Connected, and nothing has told yet."""


class ControlEvidence:
    """What the commands of one connection have told.

    The latest command counts.  A flag in the reports (`flagged`) counts while no command
    has told otherwise since it last changed.  All of it is forgotten when the connection
    or the firmware is another one.
    """

    def __init__(self) -> None:
        """Start without evidence."""
        self._flag: bool | None = None
        self._refused: dict[str, bool] = {}

    def forget(self) -> None:
        """Take what commands have told for out of date."""
        self._refused.clear()

    def flagged(self, flag: bool | None) -> None:
        """Take over what reports say: whether commands have to be signed."""
        if flag is not self._flag:
            self._flag = flag
            self._refused.pop(CONTROL_SECTION, None)

    def refused(self, command: Command) -> None:
        """Remember that a command was refused for want of a signature."""
        self._refused[command.section] = True

    def acknowledged(self, command: Command, answer: Mapping[str, Any]) -> None:
        """Remember that a command was accepted.

        An echo without a result proves only that the printer has read it: some firmware
        answers so while it refuses everything.
        """
        verdict = str(answer.get("result", "")).lower()
        if verdict == "success" and command.name not in _QUERIES:
            self._refused[command.section] = False

    def signature_required(self, section: str = CONTROL_SECTION) -> bool | None:
        """Tell whether commands of a section have to be signed; None: not known.

        Sections other than ``print`` count as open until one of their commands is
        refused.  Only for ``system`` (the lamps) it is sure that they are.
        """
        flag = self._flag if section == CONTROL_SECTION else None
        return self._refused.get(section, flag)
