"""What is wrong: the print error and the health management system's (HMS) messages."""

from dataclasses import dataclass
from enum import StrEnum

from ..values import Raw, integer, records
from .context import Context

INPUTS = frozenset({"hms", "print_error"})


class HmsModule(StrEnum):
    """The part of the printer that a message comes from."""

    MOTION_CONTROLLER = "motion_controller"
    MAINBOARD = "mainboard"
    AMS = "ams"
    TOOLHEAD = "toolhead"
    CAMERA_AI = "camera_ai"
    UNKNOWN = "unknown"


class HmsSeverity(StrEnum):
    """How bad a message is, worst first."""

    FATAL = "fatal"
    SERIOUS = "serious"
    COMMON = "common"
    INFO = "info"
    UNKNOWN = "unknown"


_MODULES = {
    0x03: HmsModule.MOTION_CONTROLLER,
    0x05: HmsModule.MAINBOARD,
    0x07: HmsModule.AMS,
    0x08: HmsModule.TOOLHEAD,
    0x0C: HmsModule.CAMERA_AI,
    0x12: HmsModule.AMS,
    0x18: HmsModule.AMS,
}
_SEVERITIES = {
    1: HmsSeverity.FATAL,
    2: HmsSeverity.SERIOUS,
    3: HmsSeverity.COMMON,
    4: HmsSeverity.INFO,
}
_PROBLEMS = frozenset({HmsSeverity.FATAL, HmsSeverity.SERIOUS, HmsSeverity.COMMON})
_ORDER = tuple(HmsSeverity)

CANCELLED_CODES = frozenset({0x0300400C, 0x0500400E})
"""Print errors that only say that somebody cancelled the job."""
_MOST_MESSAGES = 64
"""More than any printer has to say at once."""
HMS = "HMS_"
"""What the codes of messages begin with, and those of print errors do not."""
UNSIGNED_CODE = f"{HMS}0500_0500_0001_0007"
"""The message that the printer wants signed commands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HmsMessage:
    """One message; two 32-bit words on the wire."""

    attr: int
    code: int

    @property
    def text_code(self) -> str:
        """The code as the maker prints it: ``HMS_0300_0100_0001_0001``."""
        words = (
            self.attr >> 16,
            self.attr & 0xFFFF,
            self.code >> 16,
            self.code & 0xFFFF,
        )
        return HMS + "_".join(f"{word:04X}" for word in words)

    @property
    def catalogue_key(self) -> str:
        """The code as the maker's catalogues have it: 16 digits."""
        return f"{self.attr:08X}{self.code:08X}"

    @property
    def module(self) -> HmsModule:
        """The part of the printer that it comes from."""
        return _MODULES.get(self.attr >> 24, HmsModule.UNKNOWN)

    @property
    def module_number(self) -> int:
        """Which one it is where there are several, from 0: the AMS unit."""
        return self.attr >> 16 & 0xFF

    @property
    def severity(self) -> HmsSeverity:
        """How bad it is."""
        return _SEVERITIES.get(self.code >> 16, HmsSeverity.UNKNOWN)

    @property
    def is_problem(self) -> bool:
        """Whether it is more than information."""
        return self.severity in _PROBLEMS


@dataclass(frozen=True, slots=True)
class PrintError:
    """The error that a job has, or the last command had; one 32-bit word on the wire."""

    value: int

    @property
    def text_code(self) -> str:
        """The code as the maker prints it: ``0300-400C``."""
        return f"{self.value >> 16:04X}-{self.value & 0xFFFF:04X}"

    @property
    def catalogue_key(self) -> str:
        """The code as the maker's catalogues have it: 8 digits."""
        return f"{self.value:08X}"

    @property
    def module(self) -> HmsModule:
        """The part of the printer that it comes from."""
        return _MODULES.get(self.value >> 24, HmsModule.UNKNOWN)

    @property
    def module_number(self) -> int:
        """Which one it is where there are several, from 0; 255 is the external spool."""
        return self.value >> 16 & 0xFF

    @property
    def severity(self) -> HmsSeverity:
        """How bad it is, told from what the printer does about it.

        The fifth digit says that: from 4 the job ends, from 8 it is held up, from C
        somebody is asked something, and below 4 it is only a word on the state.
        """
        digit = self.value >> 12 & 0xF
        if digit < _STOPPED:
            return HmsSeverity.INFO
        if digit < _HELD_UP:
            return HmsSeverity.FATAL
        return HmsSeverity.SERIOUS if digit < _ASKING else HmsSeverity.COMMON

    @property
    def asks(self) -> bool:
        """Whether it holds the job up until somebody says how to go on."""
        return self.is_problem and self.value >> 12 & 0xF >= _HELD_UP

    @property
    def is_problem(self) -> bool:
        """Whether it is more than information; that a job was cancelled is not."""
        return self.severity in _PROBLEMS and self.value not in CANCELLED_CODES


_STOPPED, _HELD_UP, _ASKING = 4, 8, 12

type Fault = HmsMessage | PrintError
"""Something that the printer complains about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorState:
    """All that the printer complains about."""

    print_error: int | None = None
    """0: none; None: never reported."""
    hms: tuple[HmsMessage, ...] | None = None
    """None: never reported."""

    @property
    def print_error_code(self) -> str | None:
        """The print error as the maker prints it, ``0300-400C``; None without one."""
        return PrintError(self.print_error).text_code if self.print_error else None

    @property
    def has_print_error(self) -> bool | None:
        """Whether something is wrong; a job that was cancelled is not."""
        if self.print_error is None:
            return None
        return PrintError(self.print_error).is_problem

    @property
    def has_problem(self) -> bool | None:
        """Whether something is wrong, whichever way it is told; None: never reported."""
        if self.print_error is None and self.hms is None:
            return None
        return bool(self.problems)

    @property
    def asking(self) -> bool:
        """Whether the print error holds the job up until somebody says how to go on."""
        return PrintError(self.print_error or 0).asks

    @property
    def cancelled(self) -> bool:
        """Whether the print error says that somebody cancelled the job."""
        return self.print_error in CANCELLED_CODES

    @property
    def worst_severity(self) -> HmsSeverity | None:
        """The severity of the worst message; None without one."""
        return min((m.severity for m in self.hms or ()), key=_ORDER.index, default=None)

    @property
    def problems(self) -> tuple[Fault, ...]:
        """What is wrong, the worst first; of equals, the print error first."""
        found: list[Fault] = [PrintError(self.print_error)] if self.print_error else []
        found.extend(self.hms or ())
        return tuple(
            sorted(
                (fault for fault in found if fault.is_problem),
                key=lambda fault: _ORDER.index(fault.severity),
            )
        )


def decode(raw: Raw, previous: ErrorState, context: Context) -> ErrorState:
    """Read the print error and the messages."""
    error = integer(raw.get("print_error"), previous.print_error)
    return ErrorState(
        print_error=None if error is None else error & 0xFFFFFFFF,
        hms=_messages(raw["hms"]) if "hms" in raw else previous.hms,
    )


def _messages(items: object) -> tuple[HmsMessage, ...]:
    found = []
    for item in records(items):
        attr, code = integer(item.get("attr"), None), integer(item.get("code"), None)
        if attr is not None and code is not None:
            found.append(HmsMessage(attr=attr & 0xFFFFFFFF, code=code & 0xFFFFFFFF))
    return tuple(dict.fromkeys(found))[:_MOST_MESSAGES]
