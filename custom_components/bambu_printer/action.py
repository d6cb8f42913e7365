"""What an action is, whatever it is about."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from homeassistant.core import SupportsResponse
from homeassistant.util.json import JsonValueType

from .coordinator import PrinterCoordinator
from .printer import BambuPrinter

type Data = Mapping[str, Any]
type Run = Callable[
    [PrinterCoordinator, Data], Awaitable[dict[str, JsonValueType] | None]
]
type Confirm = Callable[[BambuPrinter, Data], bool]


@dataclass(frozen=True, kw_only=True)
class Action:
    """An action on one printer."""

    name: str
    run: Run
    """Tells the printer, and returns the response if there is one."""
    fields: Mapping[Any, Any] = field(default_factory=dict)
    confirm: Confirm | None = None
    """Whether telemetry shows the effect, where it does."""
    sections: tuple[str, ...] = ()
    """The sections of the state that confirm it."""
    response: SupportsResponse = SupportsResponse.NONE
    admin: bool = False


def tell(method: Callable[[BambuPrinter, Data], Awaitable[object]]) -> Run:
    """Make an action of a method that returns nothing of interest."""

    async def run(coordinator: PrinterCoordinator, data: Data) -> None:
        await method(coordinator.printer, data)

    return run
