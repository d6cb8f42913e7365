"""How an operation is performed, and how what was sent is looked at."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

from homeassistant.const import ATTR_DEVICE_ID, ATTR_ENTITY_ID, Platform
from homeassistant.core import SupportsResponse
import orjson

from custom_components.bambu_printer import services
from custom_components.bambu_printer.const import DOMAIN
from custom_components.bambu_printer.printer.commands import Command
from custom_components.bambu_printer.printer.session import Session
from tests.conftest import Rig

type Body = dict[str, Any]
type Shows = Callable[[Rig, Any], object]
type Wrong = tuple[dict[str, Any], str]

SCHEMA = "schema"
"""Home Assistant itself refuses the value, as the action's schema says."""
NO_ENTITY = "no entity"
ACTIONS = {action.name: action for action in services.ACTIONS}


def order(command: str, **fields: Any) -> Body:
    return {"print": {"command": command, **fields}}


def gcode(*lines: str) -> Body:
    return order("gcode_line", param="".join(f"{line}\n" for line in lines))


def lamp(node: str, mode: str, *, timed: bool = True) -> Body:
    return {
        "system": {
            "command": "ledctrl",
            "led_node": node,
            "led_mode": mode,
            "led_on_time": 500 if timed else 0,
            "led_off_time": 500 if timed else 0,
            "loop_times": 1 if timed else 0,
            "interval_time": 1000 if timed else 0,
        }
    }


def xcam(module: str, *, on: bool, level: str | None = None) -> Body:
    body: Body = {
        "command": "xcam_control_set",
        "module_name": module,
        "control": on,
        "enable": on,
        "print_halt": True,
    }
    return {"xcam": body | ({"halt_print_sensitivity": level} if level else {})}


@dataclass(frozen=True, kw_only=True)
class Case:
    """An operation as somebody performs it, and all that must come of it."""

    name: str
    """The row of the table that it belongs to."""
    action: str
    data: Mapping[str, Any] = field(default_factory=dict)
    key: str = ""
    """For actions on an entity: its unique id, less the serial number."""
    model: str = "X1C"
    scenario: str = "idle"
    enabled: bool = False
    """Whether the entity must be enabled first."""
    prepare: Callable[[Rig], Awaitable[None]] | None = None
    requests: tuple[Body, ...] = ()
    seconds: float = 1
    """How long the printer takes until its reports show the effect."""
    shows: Shows
    wrong: tuple[Wrong, ...] = ()
    """Data that is refused: what differs, and the key of the error."""
    lacks: tuple[tuple[str, str, str], ...] = ()
    """Model and scenario for which it cannot be done, and what happens then."""
    answered: bool = True
    """Whether the printer acknowledges it."""

    @property
    def ours(self) -> bool:
        """Whether it is an action of the integration."""
        return self.action.startswith(f"{DOMAIN}.")

    @property
    def confirmed(self) -> bool:
        """Whether the action waits for reports."""
        name = self.action.split(".")[1]
        return self.ours and ACTIONS[name].confirm is not None

    @property
    def ident(self) -> str:
        words = [self.name, self.model, self.action, self.key, *self.data.values()]
        return "-".join(str(word).replace(" ", "_") for word in words if word != "")


def device_of(rig: Rig) -> str:
    """Return the printer's device."""
    device_id: str = rig.entry.runtime_data.device_id
    return device_id


async def call(rig: Rig, case: Case, data: Mapping[str, Any] | None = None) -> Any:
    """Perform the action, with other data where there are any."""
    domain, name = case.action.split(".")
    full: dict[str, Any] = {**case.data, **(data or {})}
    if case.ours:
        full.setdefault(ATTR_DEVICE_ID, device_of(rig))
    else:
        full[ATTR_ENTITY_ID] = rig.entity_id(domain, case.key)
    kind = rig.hass.services.supports_response(domain, name)
    return await rig.hass.services.async_call(
        domain,
        name,
        full,
        blocking=True,
        return_response=kind is not SupportsResponse.NONE,
    )


async def carry_out(rig: Rig, case: Case) -> Any:
    """Perform the action while time passes in the printer, and reports come."""
    task = asyncio.ensure_future(call(rig, case))
    try:
        async with asyncio.timeout(10):
            while not task.done():
                await asyncio.sleep(0.01)
                if len(rig.printer.requests) >= len(case.requests):
                    await rig.printer.tick(case.seconds)
                    await rig.printer.push(True)
    finally:
        if not task.done():
            task.cancel()
    response = await task
    await rig.printer.tick(case.seconds)
    await rig.report(full=True)
    return response


def sent(rig: Rig) -> list[Body]:
    """Return what the printer was asked, less the numbering, which is checked."""
    bare = []
    for request in rig.printer.requests:
        ((section, body),) = request.items()
        sequence_id = body["sequence_id"]
        assert isinstance(sequence_id, str)
        assert 20_000 <= int(sequence_id) <= 29_999
        bare.append({section: {k: v for k, v in body.items() if k != "sequence_id"}})
    return bare


def as_commands(bodies: list[Body]) -> list[Command]:
    return [Command(section, body) for item in bodies for section, body in item.items()]


def canonical(bodies: object) -> str:
    """Return JSON: the printer tells "1", 1, 1.0 and true apart, Python does not."""
    return orjson.dumps(
        bodies, option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2
    ).decode()


def picture(rig: Rig) -> dict[str, tuple[str, Mapping[str, Any]]]:
    """Return what all entities show that a command may change.

    A button only shows when it was pressed, and that a command was taken, whatever came
    of it, tells whether there is control.
    """
    # What an entity believes, and has not written yet, counts as well.
    rig.entry.runtime_data.async_update_listeners()
    return {
        entity_id: (state.state, dict(state.attributes))
        for entity_id, state in rig.states().items()
        if not entity_id.startswith(Platform.BUTTON)
        and entity_id != rig.entity_id(Platform.SENSOR, "control")
    }


@contextmanager
def patience(seconds: float) -> Iterator[None]:
    """Wait that long for an acknowledgement."""
    defaults: Any = Session.request.__kwdefaults__
    with patch.dict(defaults, {"limit": seconds}):
        yield
