"""`BambuPrinter` against virtual printers: what is sent, what is refused, what shows."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from itertools import groupby
import re

import pytest

from custom_components.bambu_printer.printer import (
    BambuPrinter,
    ControlState,
    Endpoint,
    Light,
    ServiceState,
    printer as printer_module,
    session as session_module,
)
from custom_components.bambu_printer.printer.errors import (
    CommandRejectedError,
    CommandTimeoutError,
    InvalidAccessCodeError,
    InvalidValueError,
    NoReportError,
    NotAuthorizedError,
    NotConnectedError,
    OutOfRangeError,
    PortRefusedError,
    PrinterConnectionError,
    UnsupportedError,
    WrongStateError,
)
from custom_components.bambu_printer.printer.state.fans import AirductMode, Fan
from custom_components.bambu_printer.printer.state.job import GcodeState, SpeedLevel
from custom_components.bambu_printer.printer.state.lights import LightMode
from virtual_printer import PROFILES, VirtualPrinter

type Start = Callable[..., object]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for nothing longer than a test can."""
    monkeypatch.setattr(session_module, "_FIRST_DELAY", 0.02)
    monkeypatch.setattr(session_module, "_LONGEST_DELAY", 0.1)
    monkeypatch.setattr(printer_module, "VERSION_TIMEOUT", 0.5)
    monkeypatch.setattr(printer_module, "_VERSION_INTERVAL", 0.1)


async def until(condition: Callable[[], object], seconds: float = 5) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.005)


class Pair:
    """A virtual printer and the library's view of it."""

    def __init__(self, virtual: VirtualPrinter, **changes) -> None:
        self.virtual = virtual
        self.changes: list[frozenset[str]] = []
        self.availability: list[tuple[bool, ServiceState]] = []
        self.printer = BambuPrinter(
            Endpoint(
                **{
                    "host": "127.0.0.1",
                    "serial": virtual.serial,
                    "access_code": virtual.access_code,
                    "pin": virtual.ca_pem,
                    "mqtt_port": virtual.mqtt_port,
                    **changes,
                }
            ),
            on_update=self.changes.append,
            on_connection=self._on_connection,
        )

    def _on_connection(self) -> None:
        self.availability.append((self.printer.available, self.printer.service_state))

    @property
    def sent(self) -> list[dict]:
        """The requests since the last `forget`, without their numbers."""
        return [
            {
                section: {k: v for k, v in body.items() if k != "sequence_id"}
                for section, body in request.items()
            }
            for request in self.virtual.requests
        ]

    async def forget(self) -> None:
        """Let the greeting end, and forget its requests."""
        await until(
            lambda: self.printer._greeting is None or self.printer._greeting.done()
        )
        self.virtual.clear_requests()

    async def report(self, **change) -> None:
        """Have the virtual printer change, and report it."""
        before = self.printer.raw.counters.delta + self.printer.raw.counters.full
        self.virtual.update(change)
        await self.virtual.push(full=True)
        counters = self.printer.raw.counters
        await until(lambda: counters.delta + counters.full > before)


@pytest.fixture
async def start(socket_enabled) -> AsyncIterator:
    """Start a virtual printer of a model and connect to it."""
    async with AsyncExitStack() as stack:

        async def begin(model: str = "X1C", scenario: str = "printing") -> Pair:
            virtual = await stack.enter_async_context(
                VirtualPrinter(model, scenario=scenario, autostart_reports=False)
            )
            pair = Pair(virtual)
            stack.push_async_callback(pair.printer.quit)
            await pair.printer.start_session()
            await pair.forget()
            return pair

        yield begin


def gcode(text: str) -> dict:
    return {"print": {"command": "gcode_line", "param": text}}


def job(command: str) -> dict:
    return {"print": {"command": command, "param": ""}}


def lamp(node: str, mode: str) -> dict:
    time = 0 if node == "heatbed_light" else 500
    return {
        "system": {
            "command": "ledctrl",
            "led_node": node,
            "led_mode": mode,
            "led_on_time": time,
            "led_off_time": time,
            "loop_times": 1 if time else 0,
            "interval_time": 2 * time,
        }
    }


# ---- the session --------------------------------------------------------------------


@pytest.mark.parametrize("key", PROFILES)
async def test_every_model_starts_and_is_recognised(start, key):
    pair = await start(key)
    assert pair.printer.model.key == key
    assert pair.printer.available
    assert pair.printer.service_state is ServiceState.CONNECTED
    assert pair.printer.last_error is None
    assert pair.printer.state.job.gcode_state is GcodeState.RUNNING
    assert pair.printer.state.firmware.version == pair.virtual.firmware
    assert pair.printer.state.capabilities.nozzle_max == pair.printer.model.nozzle_max
    assert pair.printer.raw.unknown_keys == set()
    assert pair.printer.raw.counters.malformed == 0


async def test_the_greeting_asks_for_a_report_and_the_versions(printer):
    pair = Pair(printer)
    await pair.printer.start_session()
    await until(lambda: len(printer.requests) >= 2)
    assert pair.sent[:2] == [
        {"pushing": {"command": "pushall", "version": 1, "push_target": 1}},
        {"info": {"command": "get_version"}},
    ]
    await pair.printer.quit()


async def test_before_the_start(printer):
    pair = Pair(printer)
    assert pair.printer.service_state is ServiceState.IDLE
    assert not pair.printer.available
    assert pair.printer.serial == printer.serial
    assert pair.printer.model.key == "X1C"
    with pytest.raises(NotConnectedError):
        await pair.printer.refresh()


async def test_who_listens_is_told_of_the_connection(start):
    pair = await start()
    assert pair.availability == [
        (False, ServiceState.CONNECTED),
        (True, ServiceState.CONNECTED),
    ]
    await pair.printer.quit()
    await pair.printer.quit()
    assert pair.availability[2:] == [(False, ServiceState.QUIT)]
    await until(lambda: pair.virtual.connected_clients == 0)


async def test_a_wrong_access_code(printer):
    pair = Pair(printer, access_code="nope")
    with pytest.raises(InvalidAccessCodeError):
        await pair.printer.start_session()
    assert not pair.printer.available


async def test_a_printer_that_reports_nothing(printer, monkeypatch):
    monkeypatch.setattr(printer_module, "FIRST_REPORT_TIMEOUT", 0.5)
    pair = Pair(printer)
    printer.faults.silent = True
    with pytest.raises(NoReportError):
        await pair.printer.start_session()
    assert pair.printer.service_state is ServiceState.QUIT
    await until(lambda: printer.connected_clients == 0)


async def test_a_printer_that_names_no_versions(printer):
    printer.faults.mute_acks = True
    pair = Pair(printer)
    await pair.printer.start_session()
    assert pair.printer.available
    assert pair.printer.model.key == "X1C"
    assert pair.printer.state.firmware.version is None
    await pair.printer.quit()


async def test_a_lost_connection_makes_it_unavailable_until_it_is_back(start):
    pair = await start()
    pair.availability.clear()
    await pair.virtual.power_off()
    await until(lambda: pair.printer.service_state is ServiceState.DISCONNECTED)
    assert not pair.printer.available
    assert isinstance(pair.printer.last_error, PrinterConnectionError)
    assert pair.printer.state.job.gcode_state is GcodeState.RUNNING
    with pytest.raises(NotConnectedError):
        await pair.printer.pause_printing()
    await pair.virtual.power_on()
    await until(lambda: pair.printer.available)
    assert pair.printer.last_error is None
    # It may also be told that the reason is another one now.
    assert [change for change, _ in groupby(pair.availability)] == [
        (False, ServiceState.DISCONNECTED),
        (False, ServiceState.CONNECTED),
        (True, ServiceState.CONNECTED),
    ]


async def test_a_changed_access_code_is_told_once(start):
    pair = await start()
    told: list[object] = []
    pair.printer.on_connection = lambda: told.append(type(pair.printer.last_error))
    code = pair.virtual.access_code
    pair.virtual.change_access_code("other")
    await pair.virtual.drop_connections()
    await until(lambda: pair.printer.counters.failed >= 3)
    assert told == [NotConnectedError, InvalidAccessCodeError]
    assert not pair.printer.available
    pair.virtual.change_access_code(code)
    await until(lambda: pair.printer.available)


async def test_pausing_and_resuming_the_session(start):
    pair = await start()
    await pair.printer.pause_session()
    assert pair.printer.service_state is ServiceState.PAUSED
    assert pair.printer.control is ControlState.RELEASED
    assert not pair.printer.available
    # Others may have the place.
    await until(lambda: pair.virtual.connected_clients == 0)
    pair.virtual.update({"spd_lvl": 4})
    await pair.virtual.push(full=True)
    await asyncio.sleep(0.03)
    assert pair.printer.state.job.speed_level is SpeedLevel.STANDARD
    await pair.printer.resume_session()
    await until(lambda: pair.printer.available)
    await until(lambda: pair.printer.state.job.speed_level is SpeedLevel.LUDICROUS)
    assert pair.virtual.connected_clients == 1


async def test_resuming_insists(printer):
    """A printer that is not there when the connection is taken back is waited for."""
    await printer.power_off()
    pair = Pair(printer)
    await pair.printer.pause_session()
    await pair.printer.resume_session()
    assert pair.printer.service_state is ServiceState.DISCONNECTED
    assert isinstance(pair.printer.last_error, PortRefusedError)
    assert not await pair.printer.wait_available(0.05)
    await printer.power_on()
    assert await pair.printer.wait_available(10)
    await pair.printer.quit()
    # What has ended can be neither paused nor resumed.
    await pair.printer.pause_session()
    await pair.printer.resume_session()
    assert pair.printer.to_json()["service_state"] == ServiceState.QUIT


@pytest.mark.parametrize(("model", "asks"), [("X1C", 1), ("P1S", 0), ("A1 mini", 0)])
async def test_weak_printers_are_not_asked_for_everything_too_often(start, model, asks):
    pair = await start(model)
    if model == "X1C":
        pair.printer._last_push_all -= 5
    await pair.printer.refresh()
    await asyncio.sleep(0.03)
    assert [next(iter(x)) for x in pair.sent] == ["info"] + ["pushing"] * asks
    pair.virtual.clear_requests()
    pair.printer._last_push_all -= 300
    await pair.printer.refresh()
    await until(lambda: len(pair.sent) == 2)


async def test_garbage_changes_nothing(start, caplog):
    pair = await start()
    await pair.virtual.publish_garbage()
    before = pair.printer.state
    await pair.virtual.push(full=True)
    await asyncio.sleep(0.1)
    assert pair.printer.available
    assert pair.printer.raw.counters.malformed > 5
    assert sum("cannot be read" in x.message for x in caplog.records) == 1
    assert pair.printer.state.temperatures == before.temperatures
    assert pair.printer.state.ams == before.ams


async def test_only_what_changed_is_told(start):
    pair = await start()
    await pair.report()
    pair.changes.clear()
    await pair.report()
    assert pair.changes == []
    await pair.report(spd_lvl=3, spd_mag=124)
    assert pair.changes == [{"job"}]
    pair.changes.clear()
    pair.virtual.open_door()
    await pair.report()
    assert pair.changes == [{"enclosure"}]
    assert pair.printer.state.enclosure.door_open is True


async def test_state_that_was_handed_out_never_changes(start):
    pair = await start()
    before = pair.printer.state
    await pair.report(spd_lvl=3)
    assert before.job.speed_level is SpeedLevel.STANDARD
    assert pair.printer.state.ams is before.ams


# ---- the job ------------------------------------------------------------------------


async def test_pause_resume_and_stop(start):
    pair = await start()
    seen = []
    await pair.printer.pause_printing()
    await pair.report()
    seen.append(pair.printer.state.job.gcode_state)
    await pair.printer.resume_printing()
    await pair.report()
    seen.append(pair.printer.state.job.gcode_state)
    await pair.printer.stop_printing()
    await pair.virtual.tick(30)
    await pair.report()
    seen.append(pair.printer.state.job.gcode_state)
    assert seen == [GcodeState.PAUSE, GcodeState.RUNNING, GcodeState.FAILED]
    assert pair.sent == [job("pause"), job("resume"), job("stop")]


@pytest.mark.parametrize(
    ("state", "possible"),
    [
        ("IDLE", ""),
        ("FINISH", ""),
        ("FAILED", ""),
        ("PREPARE", "pause_printing stop_printing"),
        ("SLICING", "pause_printing stop_printing"),
        ("RUNNING", "pause_printing stop_printing"),
        ("PAUSE", "resume_printing stop_printing"),
        ("ODD", ""),
    ],
)
async def test_what_is_possible_in_which_state(start, state, possible):
    pair = await start()
    await pair.report(gcode_state=state)
    for name in ("pause_printing", "resume_printing", "stop_printing"):
        pair.virtual.clear_requests()
        if name in possible.split():
            await getattr(pair.printer, name)()
            assert pair.sent == [job(name.removesuffix("_printing"))]
        else:
            with pytest.raises(WrongStateError):
                await getattr(pair.printer, name)()
            assert pair.sent == []


@pytest.mark.parametrize(
    ("level", "param"),
    [
        (SpeedLevel.SILENT, "1"),
        (SpeedLevel.STANDARD, "2"),
        (SpeedLevel.SPORT, "3"),
        (SpeedLevel.LUDICROUS, "4"),
    ],
)
async def test_speed_levels(start, level, param):
    pair = await start()
    await pair.printer.set_speed_level(level)
    assert pair.sent == [{"print": {"command": "print_speed", "param": param}}]
    await pair.report()
    assert pair.printer.state.job.speed_level is level


async def test_speed_levels_need_a_job_and_must_exist(start):
    pair = await start()
    with pytest.raises(InvalidValueError):
        await pair.printer.set_speed_level("warp")
    await pair.report(gcode_state="IDLE")
    with pytest.raises(WrongStateError):
        await pair.printer.set_speed_level(SpeedLevel.SPORT)
    assert pair.sent == []


# ---- temperatures -------------------------------------------------------------------


def nozzle(extruder: int, target: int) -> dict:
    return {
        "print": {
            "command": "set_nozzle_temp",
            "extruder_index": extruder,
            "target_temp": target,
        }
    }


@pytest.mark.parametrize(
    ("model", "tool", "target", "request_"),
    [
        ("X1C", None, 220, gcode("M104 S220\n")),
        ("X1C", 0, 0, gcode("M104 S0\n")),
        ("P1S", None, 300, gcode("M104 S300\n")),
        ("P2S", None, 250, gcode("M104 S250\n")),
        ("H2S", None, 350, gcode("M104 S350\n")),
        ("H2D", 0, 350, nozzle(0, 350)),
        ("H2D", 1, 220, nozzle(1, 220)),
        ("X2D", 1, 220, nozzle(1, 220)),
    ],
)
async def test_nozzle_targets(start, model, tool, target, request_):
    pair = await start(model)
    await pair.printer.set_nozzle_temp_target(target, tool)
    assert pair.sent == [request_]
    await pair.report()
    assert pair.printer.state.temperatures.nozzles[tool or 0].target == target


async def test_without_a_tool_the_active_one_is_meant(start):
    pair = await start("H2D")
    await pair.report(device={"extruder": {"state": 0x112}})
    assert pair.printer.state.extruders.active == 1
    await pair.printer.set_nozzle_temp_target(200)
    assert pair.sent == [nozzle(1, 200)]


@pytest.mark.parametrize(
    ("model", "value"),
    [
        ("X1C", 301),
        ("X1E", 321),
        ("H2D", 351),
        ("A1", -1),
        ("A1", True),
        ("A1", float("nan")),
    ],
)
async def test_nozzle_targets_out_of_range(start, model, value):
    pair = await start(model)
    with pytest.raises(OutOfRangeError):
        await pair.printer.set_nozzle_temp_target(value)
    assert pair.sent == []


@pytest.mark.parametrize(("model", "tool"), [("X1C", 1), ("H2D", 2), ("H2D", -1)])
async def test_tools_that_do_not_exist(start, model, tool):
    pair = await start(model)
    with pytest.raises(InvalidValueError):
        await pair.printer.set_nozzle_temp_target(200, tool)
    assert pair.sent == []


async def test_bed_targets(start):
    for model in PROFILES:
        pair = await start(model)
        new = pair.printer.state.capabilities.json_bed_temp
        assert new is bool(int(str(pair.virtual.report.get("fun", "0")), 16) >> 39 & 1)
        await pair.printer.set_bed_temp_target(55)
        assert pair.sent == [
            {"print": {"command": "set_bed_temp", "temp": 55}}
            if new
            else gcode("M140 S55\n")
        ]
        await pair.report()
        assert pair.printer.state.temperatures.bed.target == 55
        await pair.printer.quit()


@pytest.mark.parametrize(
    ("model", "value"), [("A1 mini", 81), ("P1S", 101), ("H2D", 121), ("X1C", -1)]
)
async def test_bed_targets_out_of_range(start, model, value):
    pair = await start(model)
    with pytest.raises(OutOfRangeError) as caught:
        await pair.printer.set_bed_temp_target(value)
    assert caught.value.details["unit"] == "°C"
    assert pair.sent == []


def chamber(target: int) -> dict:
    return {"print": {"command": "set_ctt", "ctt_val": target}}


def airduct(mode: int) -> dict:
    return {"print": {"command": "set_airduct", "modeId": mode, "submode": -1}}


async def test_a_chamber_without_a_duct(start):
    pair = await start("X1E", "idle")
    await pair.printer.set_chamber_temp_target(60)
    assert pair.sent == [gcode("M141 S60\n")]
    await pair.report()
    assert pair.printer.state.temperatures.chamber.target == 60


async def test_heating_the_chamber_sets_the_duct_first(start):
    pair = await start("H2D", "idle")
    await pair.report(device={"airduct": {"modeCur": 0}})
    await pair.printer.set_chamber_temp_target(45)
    assert pair.sent == [airduct(1), chamber(45)]
    await pair.report()
    assert pair.printer.state.temperatures.chamber.target == 45
    assert pair.printer.state.fans.airduct_mode is AirductMode.HEATING
    pair.virtual.clear_requests()
    await pair.printer.set_chamber_temp_target(40)
    await pair.printer.set_chamber_temp_target(0)
    assert pair.sent == [chamber(40), chamber(0)]


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    ("target", "lines"), [(50, "M145 P1\nM141 S50\n"), (0, "M141 S0\nM145 P0\n")]
)
async def test_firmware_that_does_not_know_the_newer_form(start, target, lines):
    pair = await start("H2D", "idle")
    await pair.report(device={"airduct": {"modeCur": 1}})

    async def answer() -> None:
        request = await pair.virtual.wait_for_request("print", "gcode_line")
        await pair.virtual.publish({"print": request["print"] | {"result": "success"}})

    pair.virtual.faults.deaf = True
    await asyncio.gather(pair.printer.set_chamber_temp_target(target), answer())
    assert pair.sent == [chamber(target), gcode(lines)]


async def test_a_filament_that_would_soften(start):
    pair = await start("H2D", "idle")
    pair.virtual.faults.refuse_next.append(
        {"command": "set_ctt", "reason": "low temperature filament"}
    )
    with pytest.raises(CommandRejectedError, match="low temperature"):
        await pair.printer.set_chamber_temp_target(0)
    assert pair.sent == [chamber(0)]


@pytest.mark.parametrize("model", ["X1C", "P2S", "P1S", "A1"])
async def test_chambers_without_a_heater(start, model):
    pair = await start(model)
    with pytest.raises(UnsupportedError):
        await pair.printer.set_chamber_temp_target(30)
    assert pair.sent == []


@pytest.mark.parametrize(("model", "value"), [("X1E", 61), ("H2D", 66), ("H2D", -1)])
async def test_chamber_targets_out_of_range(start, model, value):
    pair = await start(model)
    with pytest.raises(OutOfRangeError):
        await pair.printer.set_chamber_temp_target(value)
    assert pair.sent == []


# ---- air ----------------------------------------------------------------------------


def fan(index: int, percent: int) -> dict:
    return {"print": {"command": "set_fan", "fan_index": index, "speed": percent}}


@pytest.mark.parametrize(
    ("percent", "steps", "line"),
    [
        (0, 0, 0),
        (14, 10, 25),
        (16, 20, 51),
        (50, 50, 127),
        (96, 100, 255),
        (100, 100, 255),
    ],
)
async def test_fans_turn_in_steps_of_ten(start, percent, steps, line):
    pair = await start("P1S")
    await pair.printer.set_part_cooling_fan_speed_target_percent(percent)
    assert pair.sent == [gcode(f"M106 P1 S{line}\n")]
    await pair.report()
    assert pair.printer.state.fans.part == pytest.approx(steps, abs=1)


@pytest.mark.parametrize(
    ("model", "method", "request_"),
    [
        ("X1C", "set_part_cooling_fan_speed_target_percent", gcode("M106 P1 S153\n")),
        ("X1C", "set_aux_fan_speed_target_percent", gcode("M106 P2 S153\n")),
        ("X1C", "set_exhaust_fan_speed_target_percent", gcode("M106 P3 S153\n")),
        ("H2D", "set_part_cooling_fan_speed_target_percent", gcode("M106 P1 S153\n")),
        ("H2D", "set_aux_fan_speed_target_percent", fan(2, 60)),
        ("H2D", "set_exhaust_fan_speed_target_percent", fan(3, 60)),
        ("P2S", "set_aux_fan_speed_target_percent", fan(2, 60)),
    ],
)
async def test_fans_by_model(start, model, method, request_):
    pair = await start(model)
    await getattr(pair.printer, method)(60)
    assert pair.sent == [request_]


@pytest.mark.parametrize(
    ("model", "which"),
    [
        ("A1", Fan.AUX),
        ("A1 mini", Fan.CHAMBER),
        ("P1P", Fan.CHAMBER),
        ("X1C", Fan.AUX_2),
        ("X1C", Fan.HEATBREAK),
    ],
)
async def test_fans_that_do_not_exist(start, model, which):
    pair = await start(model)
    assert which not in pair.printer.fans
    with pytest.raises(UnsupportedError):
        await pair.printer.set_fan_speed(which, 50)
    assert pair.sent == []


@pytest.mark.parametrize("value", [-1, 101, True, float("nan")])
async def test_fan_speeds_out_of_range(start, value):
    pair = await start()
    with pytest.raises(OutOfRangeError):
        await pair.printer.set_part_cooling_fan_speed_target_percent(value)
    assert pair.sent == []


@pytest.mark.parametrize(
    ("model", "mode", "number"),
    [
        ("H2D", AirductMode.COOLING, 0),
        ("H2D", AirductMode.HEATING, 1),
        ("P2S", AirductMode.HEATING, 1),
    ],
)
async def test_modes_of_the_air_duct(start, model, mode, number):
    pair = await start(model)
    await pair.printer.set_airduct_mode(mode)
    assert pair.sent == [airduct(number)]
    await pair.report()
    assert pair.printer.state.fans.airduct_mode is mode


@pytest.mark.parametrize("mode", [AirductMode.EXHAUST, AirductMode.FULL_COOLING, "odd"])
async def test_modes_that_the_printer_does_not_offer(start, mode):
    pair = await start("P2S")
    with pytest.raises(InvalidValueError):
        await pair.printer.set_airduct_mode(mode)
    assert pair.sent == []


async def test_printers_without_an_air_duct(start):
    pair = await start("X1C")
    with pytest.raises(UnsupportedError):
        await pair.printer.set_airduct_mode(AirductMode.COOLING)
    assert pair.sent == []


# ---- lights and tools ---------------------------------------------------------------


@pytest.mark.parametrize("on", [True, False])
@pytest.mark.parametrize(
    ("model", "light", "nodes"),
    [
        ("X1C", Light.CHAMBER, ["chamber_light"]),
        ("X1C", Light.WORK, ["work_light"]),
        ("P1S", Light.CHAMBER, ["chamber_light"]),
        ("H2D", Light.CHAMBER, ["chamber_light", "chamber_light2"]),
        ("H2D", Light.CHAMBER_2, ["chamber_light2"]),
        ("H2D", Light.HEATBED, ["heatbed_light"]),
        ("X2D", Light.CHAMBER, ["chamber_light", "chamber_light2"]),
    ],
)
async def test_lamps(start, model, light, nodes, on):
    pair = await start(model)
    await pair.printer.set_light_state(light, on=on)
    assert pair.sent == [lamp(node, "on" if on else "off") for node in nodes]
    await pair.report()
    expected = LightMode.ON if on else LightMode.OFF
    assert pair.printer.state.lights.mode(light) is expected


@pytest.mark.parametrize(
    ("model", "light"),
    [("P1S", Light.WORK), ("X1C", Light.CHAMBER_2), ("X1C", Light.HEATBED)],
)
async def test_lamps_that_do_not_exist(start, model, light):
    pair = await start(model)
    with pytest.raises(UnsupportedError):
        await pair.printer.set_light_state(light, on=True)
    assert pair.sent == []


async def test_a_lamp_under_the_bed_that_somebody_else_switched(start):
    pair = await start("H2D")
    await pair.virtual.publish(
        {
            "system": {
                "command": "ledctrl",
                "led_node": "heatbed_light",
                "led_mode": "on",
                "result": "fail",
            }
        }
    )
    await pair.virtual.publish(
        {
            "system": {
                "command": "ledctrl",
                "led_node": "heatbed_light",
                "led_mode": "off",
                "result": "SUCCESS",
            }
        }
    )
    await until(lambda: pair.printer.state.lights.heatbed is not None)
    assert pair.printer.state.lights.heatbed is LightMode.OFF


@pytest.mark.parametrize("tool", [0, 1])
async def test_tools(start, tool):
    pair = await start("H2D", "idle")
    await pair.printer.set_active_tool(tool)
    assert pair.sent == [
        {"print": {"command": "select_extruder", "extruder_index": tool}}
    ]
    await pair.virtual.tick(60)
    await pair.report()
    assert pair.printer.state.extruders.active == tool


@pytest.mark.parametrize(
    ("model", "scenario", "tool", "error"),
    [
        ("X1C", "idle", 0, UnsupportedError),
        ("H2S", "idle", 1, UnsupportedError),
        ("H2D", "idle", 2, InvalidValueError),
        ("H2D", "printing", 1, WrongStateError),
    ],
)
async def test_tools_that_cannot_be_chosen(start, model, scenario, tool, error):
    pair = await start(model, scenario)
    with pytest.raises(error):
        await pair.printer.set_active_tool(tool)
    assert pair.sent == []


# ---- refusals -----------------------------------------------------------------------


@pytest.mark.parametrize("model", ["X1C", "P1S"])
async def test_a_printer_that_wants_signatures(start, model):
    pair = await start(model)
    pair.virtual.faults.refuse_control = True
    with pytest.raises(NotAuthorizedError):
        await pair.printer.pause_printing()
    await pair.printer.set_light_state(Light.CHAMBER, on=False)
    await pair.report()
    assert pair.printer.state.capabilities.signature_required is True
    assert pair.printer.available


@pytest.mark.usefixtures("impatient")
async def test_silence_of_a_printer_that_wants_signatures_is_a_refusal(start):
    pair = await start("X1C")
    pair.virtual.faults.refuse_control = True
    await pair.report()
    pair.virtual.faults.mute_acks = True
    with pytest.raises(NotAuthorizedError):
        await pair.printer.pause_printing()
    with pytest.raises(CommandTimeoutError):
        await pair.printer.set_light_state(Light.CHAMBER, on=True)


async def test_a_bare_echo_counts_as_taken(start):
    pair = await start("P1S")
    pair.virtual.faults.bare_echo = True
    await pair.printer.pause_printing()
    await pair.report()
    assert pair.printer.state.job.gcode_state is GcodeState.RUNNING


async def test_a_refusal_says_why(start):
    pair = await start()
    pair.virtual.faults.refuse_next.append(
        {"reason": "not now", "err_code": 0x05004004}
    )
    with pytest.raises(CommandRejectedError) as caught:
        await pair.printer.pause_printing()
    assert caught.value.details == {
        "command": "pause",
        "reason": "not now",
        "err_code": "0500-4004",
    }


async def test_commands_to_two_printers_never_mix(start):
    one, two = await start("X1C"), await start("H2D")
    await asyncio.gather(
        *(one.printer.set_bed_temp_target(value) for value in range(40, 60)),
        *(two.printer.set_bed_temp_target(value) for value in range(80, 100)),
    )
    assert len(one.sent) == len(two.sent) == 20
    targets = [
        sorted(int(re.findall(r"\d+", str(request))[-1]) for request in pair.sent)
        for pair in (one, two)
    ]
    assert targets == [[*range(40, 60)], [*range(80, 100)]]
    await asyncio.gather(one.report(), two.report())
    assert one.printer.state.temperatures.bed.target == 59
    assert two.printer.state.temperatures.bed.target == 99
