"""A real Home Assistant process, driven from outside, against virtual printers."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
import re
from typing import Any

import pytest

from scripts.demo import DemoError
from scripts.demo.client import Client, Json
from virtual_printer import VirtualPrinter

from .process import home_assistant

pytestmark = [pytest.mark.e2e, pytest.mark.usefixtures("socket_enabled")]

FLOW = "/api/config/config_entries/flow"
CONFIGURATION = """\
http:
  server_host: 127.0.0.1
  server_port: {port}
frontend:
config:
conversation:
diagnostics:
logger:
  default: info
"""


@pytest.fixture
async def hass_process(
    tmp_path: Path, unused_tcp_port: int
) -> AsyncIterator[tuple[Client, Path]]:
    """Return a client of a fresh Home Assistant, onboarded, and the path of its log."""
    configuration = CONFIGURATION.format(port=unused_tcp_port)
    async with home_assistant(tmp_path, unused_tcp_port, configuration) as found:
        yield found


@pytest.fixture
def unused_tcp_port() -> int:
    """Return a port that nobody listens on."""
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def states(client: Client) -> dict[str, Json]:
    return {state["entity_id"]: state for state in await client.get("/api/states")}


async def state_of(client: Client, entity_id: str) -> Json:
    state: Json = await client.get(f"/api/states/{entity_id}")
    return state


async def until(
    client: Client, entity_id: str, check: Callable[[Json], bool], seconds: float = 15
) -> Json:
    """Wait until a state is as expected, and return it."""
    state: Json = {}
    try:
        async with asyncio.timeout(seconds):
            while not check(state := await state_of(client, entity_id)):
                await asyncio.sleep(0.1)
    except TimeoutError:
        pytest.fail(f"{entity_id} stayed {state}")
    return state


async def call(client: Client, domain: str, name: str, **data: Any) -> None:
    await client.post(f"/api/services/{domain}/{name}", data)


async def add_printer(client: Client, printer: VirtualPrinter, **changes: Any) -> Json:
    form = await client.post(FLOW, {"handler": "bambu_printer"})
    flow = f"{FLOW}/{form['flow_id']}"
    result = await client.post(flow, user_input(printer, **changes))
    if result.get("step_id") == "trust":
        result = await client.post(flow, {})
    return result


def user_input(printer: VirtualPrinter, **changes: Any) -> Json:
    return {
        "host": "127.0.0.1",
        "access_code": printer.access_code,
        "ports": {"mqtt_port": printer.mqtt_port, "detect_port": printer.detect_port},
        **changes,
    }


def body(request: Json) -> Json:
    """Return what is inside a request, without its number."""
    ((_, content),) = request.items()
    return {key: value for key, value in content.items() if key != "sequence_id"}


async def test_from_nothing_to_a_driven_print(
    hass_process: tuple[Client, Path],
) -> None:
    client, log = hass_process
    async with (
        VirtualPrinter(model="X1C", name="Bench", report_interval=0.2) as x1c,
        VirtualPrinter(model="H2D", name="Cellar", report_interval=0.2) as h2d,
    ):
        await _add_with_a_mistake(client, x1c)
        result = await add_printer(client, h2d)
        assert result["type"] == "create_entry"
        assert (await add_printer(client, h2d))["reason"] == "already_configured"

        await until(client, "sensor.bench", lambda s: s["state"] == "running")
        await until(client, "sensor.cellar", lambda s: s["state"] == "running")
        shown = await states(client)
        assert shown["sensor.bench_progress"]["state"] == str(x1c.report["mc_percent"])
        assert shown["sensor.bench_task"]["state"] == x1c.report["subtask_name"]
        assert shown["climate.bench_bed"]["attributes"]["max_temp"] == 110
        assert shown["climate.cellar_right_nozzle"]["attributes"]["max_temp"] == 350
        assert shown["sensor.bench_ams_1_tray_1"]["state"]

        await _drive(client, x1c, h2d)
        await _talk(client, x1c, h2d)
        await _refuse(client, x1c)
        await _lose_and_find(client, x1c)

    await _check_log(log, x1c, h2d)


async def _add_with_a_mistake(client: Client, printer: VirtualPrinter) -> None:
    """Mistype the access code first, as people do."""
    form = await client.post(FLOW, {"handler": "bambu_printer"})
    flow = f"{FLOW}/{form['flow_id']}"
    result = await client.post(flow, user_input(printer, access_code="00000000"))
    # No authority that could be known has issued its certificate.
    assert result["step_id"] == "trust"
    result = await client.post(flow, {})
    assert result["errors"] == {"access_code": "invalid_auth"}
    result = await client.post(flow, user_input(printer))
    assert result["type"] == "create_entry"
    assert result["title"] == "Bench"


async def _drive(client: Client, x1c: VirtualPrinter, h2d: VirtualPrinter) -> None:
    """Do what a user does with a running print; see it on both sides."""
    await call(
        client,
        "climate",
        "set_temperature",
        entity_id="climate.bench_bed",
        temperature=72,
    )
    request = await x1c.wait_for_request("print", "gcode_line")
    assert body(request) == {"command": "gcode_line", "param": "M140 S72\n"}
    await until(
        client, "climate.bench_bed", lambda s: s["attributes"]["temperature"] == 72
    )
    assert x1c.report["bed_target_temper"] == 72

    await call(
        client,
        "climate",
        "set_temperature",
        entity_id="climate.cellar_left_nozzle",
        temperature=205,
    )
    request = await h2d.wait_for_request("print", "set_nozzle_temp")
    assert body(request) == {
        "command": "set_nozzle_temp",
        "extruder_index": 1,
        "target_temp": 205,
    }
    await until(
        client,
        "climate.cellar_left_nozzle",
        lambda s: s["attributes"]["temperature"] == 205,
    )

    await call(
        client,
        "fan",
        "set_percentage",
        entity_id="fan.bench_auxiliary_fan",
        percentage=40,
    )
    request = await x1c.wait_for_request("print", "gcode_line")
    assert body(request) == {"command": "gcode_line", "param": "M106 P2 S102\n"}
    await until(
        client, "fan.bench_auxiliary_fan", lambda s: s["attributes"]["percentage"] == 40
    )

    await call(client, "light", "turn_off", entity_id="light.bench_chamber_light")
    request = await x1c.wait_for_request("system", "ledctrl")
    assert body(request)["led_mode"] == "off"
    await until(client, "light.bench_chamber_light", lambda s: s["state"] == "off")

    await call(
        client,
        "select",
        "select_option",
        entity_id="select.bench_speed_profile",
        option="sport",
    )
    request = await x1c.wait_for_request("print", "print_speed")
    assert body(request) == {"command": "print_speed", "param": "3"}
    await until(client, "select.bench_speed_profile", lambda s: s["state"] == "sport")

    await call(client, "button", "press", entity_id="button.bench_pause")
    assert body(await x1c.wait_for_request("print", "pause")) == {
        "command": "pause",
        "param": "",
    }
    await until(client, "sensor.bench", lambda s: s["state"] == "pause")
    await until(client, "button.bench_resume", lambda s: s["state"] != "unavailable")
    await call(client, "button", "press", entity_id="button.bench_resume")
    await until(client, "sensor.bench", lambda s: s["state"] == "running")
    # The other printer has heard nothing of all that.
    assert {section for request in h2d.requests for section in request} <= {
        "info",
        "print",
        "pushing",
    }
    assert (await state_of(client, "sensor.cellar"))["state"] == "running"


async def _talk(client: Client, x1c: VirtualPrinter, h2d: VirtualPrinter) -> None:
    """Ask and order in words; Home Assistant's own agent understands without any cloud."""

    async def say(text: str) -> str:
        result = await client.command("conversation/process", text=text, language="en")
        answer: str = result["response"]["speech"]["plain"]["speech"]
        return answer

    assert await say("How long will the print take?") == (
        "Which printer do you mean: Bench or Cellar?"
    )
    answer = await say("How long will the print on the bench take?")
    assert answer.startswith(
        f"Your print {x1c.report['subtask_name']} on Bench needs about "
    )
    hours = x1c.report["mc_remaining_time"] // 60
    assert f"{hours} hour" in answer
    assert re.search(r"ready (tomorrow )?at \d+:\d[05] [AP]M\.$", answer)

    assert await say("turn on the Bench light") == "The light on Bench is on now."
    request = await x1c.wait_for_request("system", "ledctrl")
    assert body(request)["led_mode"] == "on"
    await until(client, "light.bench_chamber_light", lambda s: s["state"] == "on")
    assert not [request for request in h2d.requests if "system" in request]


async def _refuse(client: Client, printer: VirtualPrinter) -> None:
    """A command that the printer refuses is an error in words; then it is no longer offered."""
    before = await state_of(client, "climate.bench_nozzle")
    printer.faults.refuse_next = [
        {"reason": "mqtt message verify failed", "err_code": 84033543}
    ]
    with pytest.raises(DemoError, match="Developer Mode"):
        await client.command(
            "call_service",
            domain="climate",
            service="set_temperature",
            service_data={"temperature": 180},
            target={"entity_id": "climate.bench_nozzle"},
        )
    await until(client, "sensor.bench_control", lambda s: s["state"] == "read_only")
    assert (await state_of(client, "climate.bench_nozzle"))["state"] == "unavailable"
    light = await state_of(client, "light.bench_chamber_light")
    assert light["state"] != "unavailable"
    # Reports tell it as well, and that it is over.
    printer.faults.refuse_control = True
    await printer.push()
    printer.faults.refuse_control = False
    await until(client, "sensor.bench_control", lambda s: s["state"] == "full")
    after = await state_of(client, "climate.bench_nozzle")
    assert after["attributes"]["temperature"] == before["attributes"]["temperature"]


async def _lose_and_find(client: Client, printer: VirtualPrinter) -> None:
    """Switched off, only what does not need the printer is available; it comes back."""
    await printer.power_off()
    await until(
        client, "binary_sensor.bench_connectivity", lambda s: s["state"] == "off"
    )
    available = [
        entity_id
        for entity_id, state in (await states(client)).items()
        if ".bench" in entity_id and state["state"] != "unavailable"
    ]
    # What was counted and kept stays, and the camera says why it shows nothing.
    kept = {
        "binary_sensor.bench_connectivity",
        "calendar.bench_jobs",
        "camera.bench_camera",
        "switch.bench_release_connection",
    }
    counted = {
        entity_id
        for entity_id in available
        if entity_id.startswith(("event.bench_", "sensor.bench_"))
    }
    assert set(available) - counted == kept
    assert not {"sensor.bench_progress", "sensor.bench_bed_temperature"} & counted
    camera = await state_of(client, "camera.bench_camera")
    assert camera["attributes"]["reason"] == "offline"
    await printer.power_on()
    await until(
        client,
        "binary_sensor.bench_connectivity",
        lambda s: s["state"] == "on",
        seconds=30,
    )
    assert (await state_of(client, "sensor.bench_progress"))["state"] != "unavailable"


async def _check_log(
    log: Path, *printers: VirtualPrinter, meant: tuple[str, ...] = ("Developer Mode",)
) -> None:
    """Nothing blocks the event loop, nothing is deprecated, nothing secret is written.

    Home Assistant reports a refused action of a user as an error: those are meant.
    """
    text = await asyncio.to_thread(log.read_text)
    ours = [line for line in text.splitlines() if "bambu_printer" in line]
    assert ours
    for word in ("blocking call", "deprecated", "Traceback", "ERROR"):
        bad = [
            line
            for line in ours
            if word in line and not any(text in line for text in meant)
        ]
        assert not bad, bad
    for printer in printers:
        assert printer.access_code not in text
