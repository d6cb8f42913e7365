"""What Home Assistant's actions send to the printer, and what they show."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from homeassistant.const import ATTR_DEVICE_ID, STATE_UNAVAILABLE
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import async_fire_time_changed

from custom_components.bambu_printer.const import DOMAIN
from custom_components.bambu_printer.entity import HOLD_SECONDS
from custom_components.bambu_printer.helpers import translated_errors
from custom_components.bambu_printer.printer.errors import (
    InvalidValueError,
    OutOfRangeError,
    WrongStateError,
)
from virtual_printer import Refusal

from .conftest import Rig, wait_until

type Body = dict[str, Any]


def gcode(*lines: str) -> Body:
    return {
        "print": {"command": "gcode_line", "param": "".join(f"{x}\n" for x in lines)}
    }


def order(command: str, **fields: Any) -> Body:
    return {"print": {"command": command, **fields}}


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


def sent(rig: Rig) -> list[Body]:
    """Return what the printer was asked, less the numbering, which is checked."""
    bare = []
    for request in rig.printer.requests:
        ((section, body),) = request.items()
        sequence_id = body.pop("sequence_id")
        assert isinstance(sequence_id, str)
        assert 20_000 <= int(sequence_id) <= 29_999
        bare.append({section: body})
    return bare


def exactly(a: object, b: object) -> bool:
    """Compare including the types: the printer tells "1", 1, 1.0 and true apart."""
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(exactly(a[key], b[key]) for key in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(exactly, a, b, strict=True))
    return type(a) is type(b) and a == b


def temperature(value: float) -> Callable[[Rig, str, str], bool]:
    return lambda rig, platform, key: (
        rig.state(platform, key).attributes["temperature"] == value
    )


def percentage(value: int) -> Callable[[Rig, str, str], bool]:
    return lambda rig, platform, key: (
        rig.state(platform, key).attributes["percentage"] == value
    )


def state(value: str) -> Callable[[Rig, str, str], bool]:
    return lambda rig, platform, key: rig.state(platform, key).state == value


# Model, scenario, action, entity, data, requests, what shows at once and after a report.
ACTIONS: list[tuple[Any, ...]] = [
    ("X1C", "printing", "climate.set_temperature", "nozzle", {"temperature": 215},
     [gcode("M104 S215")], temperature(215)),
    ("X1C", "printing", "climate.set_temperature", "nozzle",
     {"temperature": 200.4, "hvac_mode": "heat"}, [gcode("M104 S200")], temperature(200)),
    ("X1C", "printing", "climate.set_temperature", "bed", {"temperature": 55},
     [gcode("M140 S55")], temperature(55)),
    ("X1C", "printing", "climate.set_temperature", "bed",
     {"temperature": 55, "hvac_mode": "off"}, [gcode("M140 S0")], state("off")),
    ("X1C", "printing", "climate.set_hvac_mode", "bed", {"hvac_mode": "off"},
     [gcode("M140 S0")], state("off")),
    ("X1C", "idle", "climate.set_hvac_mode", "bed", {"hvac_mode": "heat"},
     [gcode("M140 S60")], temperature(60)),
    ("X1C", "idle", "climate.turn_on", "nozzle", {}, [gcode("M104 S200")], state("heat")),
    ("X1C", "printing", "climate.turn_off", "nozzle", {}, [gcode("M104 S0")], state("off")),
    ("X1E", "printing", "climate.set_temperature", "chamber", {"temperature": 45},
     [gcode("M141 S45")], temperature(45)),
    ("P1S", "printing", "climate.set_temperature", "bed", {"temperature": 70},
     [gcode("M140 S70")], temperature(70)),
    ("A1MINI", "idle", "climate.set_temperature", "nozzle", {"temperature": 250},
     [gcode("M104 S250")], temperature(250)),
    ("H2D", "idle", "climate.set_temperature", "nozzle_1", {"temperature": 220},
     [order("set_nozzle_temp", extruder_index=1, target_temp=220)], temperature(220)),
    ("H2D", "idle", "climate.set_temperature", "nozzle_0", {"temperature": 230},
     [order("set_nozzle_temp", extruder_index=0, target_temp=230)], temperature(230)),
    ("H2D", "idle", "climate.set_temperature", "bed", {"temperature": 60},
     [order("set_bed_temp", temp=60)], temperature(60)),
    ("H2D", "idle", "climate.set_temperature", "chamber", {"temperature": 45},
     [order("set_airduct", modeId=1, submode=-1), order("set_ctt", ctt_val=45)],
     temperature(45)),
    ("H2D", "idle", "climate.turn_off", "chamber", {}, [order("set_ctt", ctt_val=0)],
     state("off")),
    ("X1C", "printing", "fan.set_percentage", "part_fan", {"percentage": 50},
     [gcode("M106 P1 S127")], percentage(50)),
    ("X1C", "printing", "fan.set_percentage", "aux_fan", {"percentage": 10},
     [gcode("M106 P2 S25")], percentage(10)),
    ("X1C", "printing", "fan.set_percentage", "chamber_fan", {"percentage": 33},
     [gcode("M106 P3 S76")], percentage(30)),
    ("X1C", "idle", "fan.turn_on", "part_fan", {}, [gcode("M106 P1 S255")],
     percentage(100)),
    ("X1C", "idle", "fan.turn_on", "part_fan", {"percentage": 40},
     [gcode("M106 P1 S102")], percentage(40)),
    ("X1C", "printing", "fan.turn_off", "part_fan", {}, [gcode("M106 P1 S0")],
     state("off")),
    ("H2D", "idle", "fan.set_percentage", "aux_fan", {"percentage": 50},
     [order("set_fan", fan_index=2, speed=50)], percentage(50)),
    ("H2D", "idle", "fan.set_percentage", "part_fan", {"percentage": 100},
     [gcode("M106 P1 S255")], percentage(100)),
    ("X1C", "printing", "light.turn_off", "chamber_light", {},
     [lamp("chamber_light", "off")], state("off")),
    ("P1S", "printing", "light.turn_on", "chamber_light", {},
     [lamp("chamber_light", "on")], state("on")),
    ("H2D", "printing", "light.turn_off", "chamber_light", {},
     [lamp("chamber_light", "off"), lamp("chamber_light2", "off")], state("off")),
    ("H2D", "printing", "light.turn_on", "heatbed_light", {},
     [lamp("heatbed_light", "on", timed=False)], state("on")),
    ("X1C", "printing", "button.press", "pause", {}, [order("pause", param="")],
     state("unavailable")),
    ("X1C", "paused", "button.press", "resume", {}, [order("resume", param="")],
     state("unavailable")),
    ("X1C", "printing", "button.press", "stop", {}, [order("stop", param="")],
     state("unavailable")),
    ("X1C", "printing", "select.select_option", "speed_profile", {"option": "silent"},
     [order("print_speed", param="1")], state("silent")),
    ("P1S", "printing", "select.select_option", "speed_profile", {"option": "ludicrous"},
     [order("print_speed", param="4")], state("ludicrous")),
    ("H2D", "idle", "select.select_option", "airduct_mode", {"option": "heating"},
     [order("set_airduct", modeId=1, submode=-1)], state("heating")),
    ("X1C", "printing", "switch.turn_off", "auto_recovery", {},
     [order("print_option", auto_recovery=False, option=0)], state("off")),
    ("X1C", "printing", "switch.turn_off", "tangle_detection", {},
     [order("print_option", filament_tangle_detect=False)], state("off")),
    ("X1C", "printing", "switch.turn_off", "first_layer_detector", {},
     [{"xcam": {"command": "xcam_control_set", "module_name": "first_layer_inspector",
                "control": False, "enable": False, "print_halt": True}}], state("off")),
    ("H2D", "printing", "switch.turn_off", "spaghetti_detector", {},
     [{"xcam": {"command": "xcam_control_set", "module_name": "spaghetti_detector",
                "control": False, "enable": False, "print_halt": True,
                "halt_print_sensitivity": "medium"}}], state("off")),
    ("X1C", "printing", "switch.turn_on", "ams_read_on_power_up", {},
     [order("ams_user_setting", ams_id=-1, startup_read_option=True,
            tray_read_option=True, calibrate_remain_flag=True)], state("on")),
    ("H2D", "idle", "select.select_option", "active_tool", {"option": "left_nozzle"},
     [order("select_extruder", extruder_index=1)], state("left_nozzle")),
]  # fmt: skip


@pytest.mark.parametrize(
    ("model", "scenario", "action", "key", "data", "requests", "shown"),
    ACTIONS,
    ids=[
        "-".join(map(str, (row[0], row[2], row[3], *row[4].values())))
        for row in ACTIONS
    ],
)
async def test_action(
    rig: Rig,
    action: str,
    key: str,
    data: dict[str, Any],
    requests: list[Body],
    shown: Callable[[Rig, str, str], bool],
) -> None:
    platform = action.split(".", maxsplit=1)[0]
    await rig.call(action, key, **data)
    bodies = sent(rig)
    assert bodies == requests
    assert exactly(bodies, requests)
    if platform != "button":
        # Acknowledged is shown, before any telemetry.
        assert shown(rig, platform, key)
    await rig.printer.tick(30 if key == "active_tool" else 1)
    await rig.report(full=True)
    assert shown(rig, platform, key)
    # Telemetry said so: nothing is rolled back later.
    async_fire_time_changed(rig.hass, dt_util.utcnow() + timedelta(seconds=60))
    await rig.hass.async_block_till_done()
    assert shown(rig, platform, key)


@pytest.mark.parametrize(("model", "scenario"), [("H2D", "idle")])
async def test_drying_goes_by_the_numbers(rig: Rig) -> None:
    await rig.call("number.set_value", "ams_0_drying_temperature", value=55)
    await rig.call("number.set_value", "ams_0_drying_duration", value=6)
    assert rig.state("number", "ams_0_drying_temperature").state == "55"
    assert rig.printer.requests == []
    await rig.call("switch.turn_on", "ams_0_dryer")
    bodies = sent(rig)
    expected = order(
        "ams_filament_drying",
        ams_id=0,
        mode=1,
        filament="PLA",
        temp=55,
        duration=6,
        humidity=0,
        rotate_tray=False,
        cooling_temp=45,
        close_power_conflict=False,
    )
    assert bodies == [expected]
    assert exactly(bodies, [expected])
    assert rig.state("switch", "ams_0_dryer").state == "on"
    await rig.printer.tick(30)
    await rig.report(full=True)
    assert rig.state("switch", "ams_0_dryer").state == "on"
    assert rig.state("binary_sensor", "ams_0_drying").state == "on"
    rig.printer.clear_requests()
    await rig.call("switch.turn_off", "ams_0_dryer")
    assert sent(rig) == [
        order(
            "ams_filament_drying",
            ams_id=0,
            mode=0,
            filament="",
            temp=0,
            duration=0,
            humidity=0,
            rotate_tray=False,
            cooling_temp=0,
            close_power_conflict=False,
        )
    ]


@pytest.mark.parametrize(("model", "scenario"), [("H2D", "idle")])
async def test_numbers_survive_a_reload(rig: Rig) -> None:
    await rig.call("number.set_value", "ams_0_drying_duration", value=11)
    await rig.hass.config_entries.async_reload(rig.entry.entry_id)
    await rig.hass.async_block_till_done()
    assert rig.state("number", "ams_0_drying_duration").state == "11"


async def test_refresh(rig: Rig) -> None:
    printer = rig.entry.runtime_data.printer
    printer._last_push_all -= 10
    await rig.call("button.press", "refresh")
    assert sent(rig) == [
        {"info": {"command": "get_version"}},
        {"pushing": {"command": "pushall", "version": 1, "push_target": 1}},
    ]


@pytest.mark.parametrize("model", ["P1S"])
async def test_refresh_spares_weak_printers(rig: Rig) -> None:
    """A second full report within five minutes can disturb the print of a P1."""
    await rig.call("button.press", "refresh")
    assert sent(rig) == [{"info": {"command": "get_version"}}]


async def test_turning_on_heats_to_the_last_target(rig: Rig) -> None:
    await rig.call("climate.set_temperature", "bed", temperature=85)
    await rig.call("climate.turn_off", "bed")
    rig.printer.clear_requests()
    await rig.call("climate.turn_on", "bed")
    assert sent(rig) == [gcode("M140 S85")]


async def test_heating_and_idle(rig: Rig) -> None:
    assert rig.state("climate", "bed").attributes["hvac_action"] == "idle"
    await rig.call("climate.set_temperature", "bed", temperature=80)
    assert rig.state("climate", "bed").attributes["hvac_action"] == "heating"
    await rig.call("climate.turn_off", "bed")
    assert rig.state("climate", "bed").attributes["hvac_action"] == "off"
    assert rig.state("climate", "bed").attributes["temperature"] is None


# What is acknowledged, and never shows


async def test_held_against_late_reports_and_rolled_back(rig: Rig) -> None:
    await rig.call("climate.set_temperature", "bed", temperature=80)
    assert temperature(80)(rig, "climate", "bed")
    # Reports that still say the old target, and that the bed is moving.
    await rig.report({"bed_target_temper": 60, "bed_temper": 62.5}, full=True)
    bed = rig.state("climate", "bed")
    assert bed.attributes["temperature"] == 80
    assert bed.attributes["current_temperature"] == 62.5
    async_fire_time_changed(
        rig.hass, dt_util.utcnow() + timedelta(seconds=HOLD_SECONDS - 2)
    )
    await rig.hass.async_block_till_done()
    assert temperature(80)(rig, "climate", "bed")
    async_fire_time_changed(
        rig.hass, dt_util.utcnow() + timedelta(seconds=HOLD_SECONDS + 1)
    )
    await rig.hass.async_block_till_done()
    assert temperature(60)(rig, "climate", "bed")


async def test_second_setting_replaces_the_first(rig: Rig) -> None:
    await rig.call("fan.set_percentage", "part_fan", percentage=20)
    await rig.call("fan.set_percentage", "part_fan", percentage=30)
    assert percentage(30)(rig, "fan", "part_fan")
    async_fire_time_changed(rig.hass, dt_util.utcnow() + timedelta(seconds=60))
    await rig.hass.async_block_till_done()
    # No report has confirmed either of them.
    assert percentage(100)(rig, "fan", "part_fan")


async def test_setting_what_is_set_holds_nothing(rig: Rig) -> None:
    await rig.call("light.turn_on", "chamber_light")
    await rig.report({"lights_report": [{"node": "chamber_light", "mode": "off"}]})
    assert rig.state("light", "chamber_light").state == "off"


async def test_nothing_held_survives_a_reload(rig: Rig) -> None:
    await rig.call("light.turn_off", "chamber_light")
    await rig.hass.config_entries.async_reload(rig.entry.entry_id)
    await rig.hass.async_block_till_done()
    assert rig.state("light", "chamber_light").state == "off"


# What goes wrong

COMMANDS = [
    ("climate.set_temperature", "bed", {"temperature": 85}, "gcode_line"),
    ("climate.turn_off", "nozzle", {}, "gcode_line"),
    ("fan.set_percentage", "part_fan", {"percentage": 10}, "gcode_line"),
    ("light.turn_off", "chamber_light", {}, "ledctrl"),
    ("button.press", "pause", {}, "pause"),
    ("select.select_option", "speed_profile", {"option": "sport"}, "print_speed"),
]
every_command = pytest.mark.parametrize(("action", "key", "data", "command"), COMMANDS)


async def fails(
    rig: Rig, action: str, key: str, data: dict[str, Any], *, after: str | None = None
) -> HomeAssistantError:
    """Perform an action that fails; the state must stay as it is, or be what is given."""
    platform = action.split(".", maxsplit=1)[0]
    before = rig.state(platform, key)
    with pytest.raises(HomeAssistantError) as caught:
        await rig.call(action, key, **data)
    # The state of a button is when it was pressed, whatever came of it.
    if after is not None:
        assert rig.state(platform, key).state == after
    elif platform != "button":
        assert rig.state(platform, key) == before
    assert caught.value.translation_domain == DOMAIN
    return caught.value


@every_command
async def test_refused(
    rig: Rig, action: str, key: str, data: dict[str, Any], command: str
) -> None:
    rig.printer.faults.refuse_next.append(
        Refusal(reason="filament is loaded", err_code=0x03008012)
    )
    error = await fails(rig, action, key, data)
    assert not isinstance(error, ServiceValidationError)
    assert error.translation_key == "command_rejected"
    assert error.translation_placeholders == {
        "command": command,
        "reason": "filament is loaded",
        "err_code": "0300-8012",
    }
    assert "filament is loaded" in str(error)
    # The next one is taken again.
    await rig.call(action, key, **data)


@every_command
async def test_not_authorized(
    rig: Rig, action: str, key: str, data: dict[str, Any], command: str
) -> None:
    rig.printer.faults.refuse_control = True
    if command == "ledctrl":
        # The lamps need no authorization.
        await rig.call(action, key, **data)
        return
    # What would be refused again is not offered any more.
    error = await fails(rig, action, key, data, after=STATE_UNAVAILABLE)
    assert error.translation_key == "not_authorized"
    assert error.translation_placeholders
    assert error.translation_placeholders["command"] == command
    assert "Developer Mode" in str(error)


@every_command
@pytest.mark.usefixtures("impatient")
async def test_no_answer(
    rig: Rig, action: str, key: str, data: dict[str, Any], command: str
) -> None:
    rig.printer.faults.mute_acks = True
    error = await fails(rig, action, key, data)
    assert error.translation_key == "command_timeout"
    assert error.translation_placeholders == {"command": command, "seconds": "0.2"}


@pytest.mark.usefixtures("impatient")
async def test_no_answer_for_want_of_a_signature(rig: Rig) -> None:
    rig.printer.faults.refuse_control = True
    await rig.report()
    rig.printer.faults.deaf = True
    with pytest.raises(HomeAssistantError) as caught:
        await rig.hass.services.async_call(
            DOMAIN,
            "set_ams_setting",
            {
                ATTR_DEVICE_ID: rig.entry.runtime_data.device_id,
                "setting": "read_on_insert",
                "enabled": True,
            },
            blocking=True,
        )
    assert caught.value.translation_key == "not_authorized"


@every_command
@pytest.mark.usefixtures("quick")
async def test_printer_gone_in_between(
    rig: Rig, action: str, key: str, data: dict[str, Any], command: str
) -> None:
    rig.printer.faults.deaf = True

    async def hang_up() -> None:
        await rig.printer.wait_for_request(command=command)
        await rig.printer.power_off()

    task = asyncio.create_task(hang_up())
    with pytest.raises(HomeAssistantError) as caught:
        await rig.call(action, key, **data)
    await task
    assert caught.value.translation_domain == DOMAIN
    assert caught.value.translation_key == "not_connected"
    await wait_until(
        rig.hass,
        lambda: rig.state(action.split(".", maxsplit=1)[0], key).state == "unavailable",
    )
    rig.printer.clear_requests()
    rig.printer.faults.deaf = False
    await rig.printer.power_on()
    await wait_until(
        rig.hass,
        lambda: rig.state(action.split(".", maxsplit=1)[0], key).state != "unavailable",
    )
    # What could not be delivered is not delivered later.
    assert all("print" not in body for body in sent(rig))


async def test_nothing_is_sent_while_the_printer_is_gone(rig: Rig) -> None:
    await rig.printer.power_off()
    await wait_until(
        rig.hass, lambda: rig.state("climate", "bed").state == "unavailable"
    )
    await rig.call("climate.set_temperature", "bed", temperature=50)
    await rig.printer.power_on()
    assert rig.printer.requests == []


@pytest.mark.parametrize(
    ("action", "key", "data"),
    [
        ("climate.set_temperature", "bed", {"temperature": 111}),
        ("climate.set_temperature", "nozzle", {"temperature": 301}),
        ("climate.set_temperature", "nozzle", {"temperature": -1}),
        ("select.select_option", "speed_profile", {"option": "warp"}),
    ],
)
async def test_out_of_range(
    rig: Rig, action: str, key: str, data: dict[str, Any]
) -> None:
    """Home Assistant itself knows the limits that the entities declare."""
    platform = action.split(".", maxsplit=1)[0]
    before = rig.state(platform, key)
    with pytest.raises(ServiceValidationError) as caught:
        await rig.call(action, key, **data)
    assert caught.value.translation_key
    assert rig.state(platform, key) == before
    assert rig.printer.requests == []


@pytest.mark.parametrize("model", ["H2D"])
async def test_limits_of_the_model(rig: Rig) -> None:
    assert rig.state("climate", "nozzle_0").attributes["max_temp"] == 350
    assert rig.state("climate", "chamber").attributes["max_temp"] == 65
    with pytest.raises(ServiceValidationError):
        await rig.call("climate.set_temperature", "chamber", temperature=66)
    assert rig.printer.requests == []


@pytest.mark.parametrize("model", ["H2D"])
async def test_chamber_refused_half_way(rig: Rig) -> None:
    """The air duct obeys, the heater does not: the target stays as it was."""
    rig.printer.faults.refuse_next.append(Refusal(command="set_ctt", reason="no"))
    error = await fails(rig, "climate.set_temperature", "chamber", {"temperature": 50})
    assert error.translation_key == "command_rejected"


@pytest.mark.parametrize(
    ("error", "placeholders"),
    [
        (
            OutOfRangeError("fan speed", 101, 0, 100, "%"),
            {
                "name": "fan speed",
                "value": "101",
                "minimum": "0",
                "maximum": "100",
                "unit": "%",
            },
        ),
        (InvalidValueError("tool", 7), {"name": "tool", "value": "7"}),
        (WrongStateError("pause", "idle"), {"command": "pause", "state": "idle"}),
    ],
)
async def test_callers_fault(
    hass: HomeAssistant,
    error: InvalidValueError | OutOfRangeError | WrongStateError,
    placeholders: dict[str, str],
) -> None:
    """What the caller did wrong needs no traceback in the log."""
    with pytest.raises(ServiceValidationError) as caught, translated_errors():
        raise error
    assert caught.value.translation_domain == DOMAIN
    assert caught.value.translation_key == error.code
    assert caught.value.translation_placeholders == placeholders


async def test_unavailable_while_it_makes_no_sense(rig: Rig) -> None:
    await rig.report({"gcode_state": "FINISH"})
    for platform, key in (
        ("button", "pause"),
        ("button", "resume"),
        ("button", "stop"),
        ("select", "speed_profile"),
    ):
        assert rig.state(platform, key).state == "unavailable"
    await rig.call("button.press", "pause")
    assert rig.printer.requests == []


@pytest.mark.usefixtures("all_enabled")
async def test_no_filament_change_while_printing(rig: Rig) -> None:
    for key in ("ams_0_tray_1_load", "external_load", "unload_filament"):
        assert rig.state("button", key).state == "unavailable"
    await rig.report({"gcode_state": "PAUSE"})
    for key in ("ams_0_tray_1_load", "external_load", "unload_filament"):
        assert rig.state("button", key).state != "unavailable"


@pytest.mark.parametrize("model", ["H2D"])
async def test_tool_cannot_be_chosen_while_printing(rig: Rig) -> None:
    assert rig.state("select", "active_tool").state == "unavailable"
    await rig.report({"gcode_state": "PAUSE"})
    assert rig.state("select", "active_tool").state == "right_nozzle"
