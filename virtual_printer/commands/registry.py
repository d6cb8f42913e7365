"""How commands are looked up, and what they may answer.

A handler does what a command says and returns what the acknowledgement carries beyond the
echo: nothing, a mapping of further fields, a `Refused`, or `NO_ANSWER`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from ..machine import Machine
from ..simulation import Simulation

type Json = dict[str, Any]


class Silence(Enum):
    """Marks commands that real printers do not answer."""

    NO_ANSWER = 0


NO_ANSWER = Silence.NO_ANSWER


@dataclass(frozen=True, slots=True)
class Refused:
    """The printer read the command and says no."""

    reason: str
    fields: Json = field(default_factory=dict)
    result: str = "fail"


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that is not an echo of the request: only what is said here."""

    fields: Json


@dataclass(slots=True)
class Context:
    """What handlers work on."""

    machine: Machine
    simulation: Simulation


type Reply = Json | Refused | Answer | Silence | None
type Handler = Callable[[Context, Json], Reply]

HANDLERS: dict[tuple[str, str], Handler] = {}


def handles(section: str, *commands: str) -> Callable[[Handler], Handler]:
    """Register a handler for commands of a section."""

    def register(handler: Handler) -> Handler:
        for command in commands:
            HANDLERS[section, command] = handler
        return handler

    return register


def number(value: Any, default: int = 0) -> int:
    """Read a whole number the way the firmware does: quoted numbers are ignored."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return default
    return int(value)


def acknowledge(section: str, request: Json, reply: Reply) -> Json | None:
    """Build the acknowledgement of a request."""
    if isinstance(reply, Silence):
        return None
    command = request.get("command")
    sequence_id = request.get("sequence_id", "0")
    if isinstance(reply, Answer):
        return {
            section: {"command": command, "sequence_id": sequence_id, **reply.fields}
        }
    body = dict(request)
    if isinstance(reply, Refused):
        return {
            section: {
                **body,
                "result": reply.result,
                "reason": reply.reason,
                **reply.fields,
            }
        }
    upper = command == "gcode_line"
    body |= {
        "result": "SUCCESS" if upper else "success",
        "reason": "SUCCESS" if upper else "",
    }
    if section == "print":
        body["err_code"] = 0
    return {section: body | (reply or {})}
