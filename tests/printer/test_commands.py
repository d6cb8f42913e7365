"""Requests, exactly as they travel."""

from collections.abc import Callable
from copy import deepcopy
import json

import orjson
import pytest

from custom_components.bambu_printer.printer import commands as c
from custom_components.bambu_printer.printer.commands import Command
from custom_components.bambu_printer.printer.models import Light


def gcode(text: str) -> dict:
    return {"print": {"command": "gcode_line", "param": text}}


def light(node: str, mode: str, time: int, loops: int, interval: int) -> dict:
    return {
        "system": {
            "command": "ledctrl",
            "led_node": node,
            "led_mode": mode,
            "led_on_time": time,
            "led_off_time": time,
            "loop_times": loops,
            "interval_time": interval,
        }
    }


CASES: list[tuple[Callable[[], Command], dict]] = [
    (c.get_version, {"info": {"command": "get_version"}}),
    (
        c.push_all,
        {"pushing": {"command": "pushall", "version": 1, "push_target": 1}},
    ),
    (c.pause, {"print": {"command": "pause", "param": ""}}),
    (c.resume, {"print": {"command": "resume", "param": ""}}),
    (c.stop, {"print": {"command": "stop", "param": ""}}),
    (lambda: c.print_speed(3), {"print": {"command": "print_speed", "param": "3"}}),
    (lambda: c.gcode("G28"), gcode("G28\n")),
    (lambda: c.gcode("M145 P1", "M141 S45"), gcode("M145 P1\nM141 S45\n")),
    (lambda: c.set_nozzle_temp(220), gcode("M104 S220\n")),
    (
        lambda: c.set_nozzle_temp(220, 1),
        {
            "print": {
                "command": "set_nozzle_temp",
                "extruder_index": 1,
                "target_temp": 220,
            }
        },
    ),
    (
        lambda: c.set_nozzle_temp(0, 0),
        {
            "print": {
                "command": "set_nozzle_temp",
                "extruder_index": 0,
                "target_temp": 0,
            }
        },
    ),
    (
        lambda: c.set_bed_temp(60, as_json=True),
        {"print": {"command": "set_bed_temp", "temp": 60}},
    ),
    (lambda: c.set_bed_temp(60, as_json=False), gcode("M140 S60\n")),
    (
        lambda: c.set_chamber_temp(45),
        {"print": {"command": "set_ctt", "ctt_val": 45}},
    ),
    (lambda: c.set_chamber_temp_gcode(45), gcode("M141 S45\n")),
    (lambda: c.set_chamber_temp_gcode(45, 40), gcode("M145 P1\nM141 S45\n")),
    (lambda: c.set_chamber_temp_gcode(40, 40), gcode("M145 P1\nM141 S40\n")),
    (lambda: c.set_chamber_temp_gcode(39, 40), gcode("M141 S39\nM145 P0\n")),
    (lambda: c.set_chamber_temp_gcode(0, 40), gcode("M141 S0\nM145 P0\n")),
    (lambda: c.fan_gcode(1, 0), gcode("M106 P1 S0\n")),
    (lambda: c.fan_gcode(1, 10), gcode("M106 P1 S25\n")),
    (lambda: c.fan_gcode(2, 50), gcode("M106 P2 S127\n")),
    (lambda: c.fan_gcode(10, 100), gcode("M106 P10 S255\n")),
    (
        lambda: c.set_fan(2, 50),
        {"print": {"command": "set_fan", "fan_index": 2, "speed": 50}},
    ),
    (
        lambda: c.set_airduct(0),
        {"print": {"command": "set_airduct", "modeId": 0, "submode": -1}},
    ),
    (
        lambda: c.set_airduct(0, 1),
        {"print": {"command": "set_airduct", "modeId": 0, "submode": 1}},
    ),
    (
        lambda: c.set_light(Light.CHAMBER, "on"),
        light("chamber_light", "on", 500, 1, 1000),
    ),
    (
        lambda: c.set_light(Light.CHAMBER_2, "off"),
        light("chamber_light2", "off", 500, 1, 1000),
    ),
    (
        lambda: c.set_light(Light.WORK, "off"),
        light("work_light", "off", 500, 1, 1000),
    ),
    (
        lambda: c.set_light(Light.HEATBED, "on"),
        light("heatbed_light", "on", 0, 0, 0),
    ),
    (
        lambda: c.select_extruder(1),
        {"print": {"command": "select_extruder", "extruder_index": 1}},
    ),
]
MAKERS = pytest.mark.parametrize("make", [make for make, _ in CASES])


def payload(command: Command) -> dict:
    return {command.section: command.body}


@pytest.mark.parametrize(("make", "expected"), CASES)
def test_what_is_sent(make, expected):
    text = json.dumps(payload(make()))
    # Texts are compared: 1, 1.0 and true are different things to a printer.
    assert text == json.dumps(expected)
    assert orjson.loads(orjson.dumps(payload(make()))) == expected


@MAKERS
def test_every_call_returns_an_object_of_its_own(make):
    first = make()
    before = deepcopy(first)
    first.body["command"] = "spoiled"
    first.body["more"] = []
    assert make() == before
    assert make().body is not make().body


@MAKERS
def test_commands_carry_no_number_of_their_own(make):
    assert "sequence_id" not in make().body
    assert make().name == make().body["command"]


@pytest.mark.parametrize("percent", range(0, 101, 10))
def test_fan_steps_are_whole_numbers(percent):
    param = c.fan_gcode(1, percent).body["param"]
    assert param == f"M106 P1 S{int(percent / 10 * 25.5)}\n"
