"""Commands never mix: not between printers, not between calls, not afterwards."""

import asyncio
from collections.abc import AsyncIterator
from copy import deepcopy
import random
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.bambu_printer.const import DOMAIN
from custom_components.bambu_printer.printer import commands
from custom_components.bambu_printer.printer.commands import Command
from custom_components.bambu_printer.printer.models import Light
from tests.conftest import Rig, entry_data
from virtual_printer import Refusal, VirtualPrinter

from .support import canonical, gcode, sent

TWO = ("X1C", "P1S")


@pytest.fixture
async def rigs(
    hass: HomeAssistant, socket_enabled: None
) -> AsyncIterator[tuple[Rig, Rig]]:
    """Return two printers in one Home Assistant."""
    found = []
    async with (
        VirtualPrinter(TWO[0], autostart_reports=False) as first,
        VirtualPrinter(TWO[1], autostart_reports=False) as second,
    ):
        for printer in (first, second):
            entry = MockConfigEntry(
                domain=DOMAIN,
                title=printer.name,
                unique_id=printer.serial,
                data=entry_data(printer),
            )
            entry.add_to_hass(hass)
            found.append(Rig(hass, printer, entry))
        assert await hass.config_entries.async_setup(found[0].entry.entry_id)
        await hass.async_block_till_done()
        for rig in found:
            rig.printer.clear_requests()
        yield found[0], found[1]


async def test_two_printers_at_the_same_time(rigs: tuple[Rig, Rig]) -> None:
    """Each hears what is meant for it, in order, and no number twice."""
    order = random.Random(7)
    # Even targets for the one, odd ones for the other: a mixture would show.
    targets = [
        (rig, number, target)
        for number, rig in enumerate(rigs)
        for target in range(20 + number, 80, 2)
    ]
    order.shuffle(targets)
    for rig in rigs:
        rig.printer.faults.ack_delay = 0.01
    answers = await asyncio.gather(
        *(
            rig.entry.runtime_data.printer.send_gcode(f"M140 S{target}")
            for rig, _, target in targets
        )
    )
    for (_, _, target), answer in zip(targets, answers, strict=True):
        assert answer["param"] == f"M140 S{target}\n"
    for number, rig in enumerate(rigs):
        expected = [gcode(f"M140 S{t}") for _, which, t in targets if which == number]
        assert sent(rig) == expected
        numbers = [request["print"]["sequence_id"] for request in rig.printer.requests]
        assert len(set(numbers)) == len(numbers) == 30


async def test_actions_on_two_printers_at_the_same_time(rigs: tuple[Rig, Rig]) -> None:
    first, second = rigs
    await asyncio.gather(
        *(
            rig.call("climate.set_temperature", "bed", temperature=60 + number)
            for rig in rigs
            for number in (first is rig, 10 + (first is rig))
        ),
        first.call("light.turn_off", "chamber_light"),
        second.call("fan.set_percentage", "part_fan", percentage=30),
    )
    assert {canonical(body) for body in sent(first)} >= {
        canonical(gcode("M140 S61")),
        canonical(gcode("M140 S71")),
    }
    assert {canonical(body) for body in sent(second)} >= {
        canonical(gcode("M140 S60")),
        canonical(gcode("M140 S70")),
        canonical(gcode("M106 P1 S76")),
    }
    assert len(sent(first)) == len(sent(second)) == 3
    assert first.printer.report["lights_report"][0]["mode"] == "off"
    assert second.printer.report["lights_report"][0]["mode"] == "on"


async def test_one_refuses_the_other_obeys(rigs: tuple[Rig, Rig]) -> None:
    """A refusal and a silence stay with the printer that they come from."""
    first, second = rigs
    first.printer.faults.refuse_next.append(Refusal(reason="no"))
    outcome = await asyncio.gather(
        first.call("climate.set_temperature", "bed", temperature=50),
        second.call("climate.set_temperature", "bed", temperature=50),
        return_exceptions=True,
    )
    assert isinstance(outcome[0], HomeAssistantError)
    assert outcome[0].translation_key == "command_rejected"
    assert outcome[1] is None
    await asyncio.gather(*(rig.report(full=True) for rig in rigs))
    assert first.state("climate", "bed").attributes["temperature"] == 60
    assert second.state("climate", "bed").attributes["temperature"] == 50


async def test_answers_in_another_order(rig: Rig) -> None:
    """Each call gets its own answer, whichever comes first."""
    rig.printer.faults.deaf = True
    printer = rig.entry.runtime_data.printer
    waiting = [
        asyncio.ensure_future(printer.send_gcode(f"M140 S{target}"))
        for target in (50, 60, 70)
    ]
    while len(rig.printer.requests) < 3:
        await asyncio.sleep(0.005)
    for request in reversed(rig.printer.requests):
        await rig.printer.publish({"print": {**request["print"], "result": "SUCCESS"}})
    answers = await asyncio.gather(*waiting)
    assert [answer["param"] for answer in answers] == [
        "M140 S50\n",
        "M140 S60\n",
        "M140 S70\n",
    ]


async def test_what_was_sent_stays_as_it_was(rig: Rig) -> None:
    """Neither later calls nor changes to arguments and answers reach back."""
    printer = rig.entry.runtime_data.printer
    objects = [409]
    message: dict[str, Any] = {"print": {"command": "print_speed", "param": "2"}}
    await printer.skip_objects(objects)
    answer = await printer.send_anything(message)
    recorded = deepcopy(rig.printer.requests)
    objects.append(1463)
    message["print"]["param"] = "4"
    answer["param"] = "1"
    await printer.skip_objects(objects)
    await printer.send_anything(message)
    assert rig.printer.requests[:2] == recorded
    assert [body["print"].get("obj_list") for body in sent(rig)] == [
        [409],
        None,
        [409, 1463],
        None,
    ]
    assert sent(rig)[3]["print"]["param"] == "4"
    assert message == {"print": {"command": "print_speed", "param": "4"}}


FILAMENT = {"tray_id": 0, "name": "x"}
OBJECTS = [409]
BUILDERS = {
    "get_version": commands.get_version,
    "push_all": commands.push_all,
    "pause": commands.pause,
    "gcode": lambda: commands.gcode("M140 S60"),
    "set_light": lambda: commands.set_light(Light.CHAMBER, "on"),
    "skip_objects": lambda: commands.skip_objects(OBJECTS),
    "set_calibration": lambda: commands.set_calibration(FILAMENT, "0.4"),
    "stop_drying": lambda: commands.stop_drying(0),
    "set_detector": lambda: commands.set_detector("clump_detector", enabled=True),
    "rename": lambda: commands.rename("x"),
}


@pytest.mark.parametrize("name", BUILDERS)
def test_every_command_is_a_fresh_one(name: str) -> None:
    """Spoiling a command that was returned does not spoil the next one."""
    first: Command = BUILDERS[name]()
    before = canonical(first._asdict())
    for value in first.body.values():
        if isinstance(value, list):
            for item in value:
                if isinstance(item, dict):
                    item.clear()
            value.clear()
    first.body.clear()
    assert canonical(BUILDERS[name]()._asdict()) == before


async def test_the_same_request_twice_is_the_same(rig: Rig) -> None:
    """Whatever was done in between, a call sends what it sent the first time."""
    seen = []
    for _ in range(2):
        rig.printer.clear_requests()
        await rig.call("climate.set_temperature", "bed", temperature=70)
        await rig.call("light.turn_on", "chamber_light")
        await rig.call("switch.turn_off", "ai_monitoring_detector")
        await rig.call("select.select_option", "speed_profile", option="silent")
        seen.append(canonical(sent(rig)))
    assert seen[0] == seen[1]
