"""What can be made to go wrong."""

import asyncio
import json

import aiomqtt
from aiomqtt.exceptions import MqttConnectError
import pytest

from virtual_printer import Refusal, VirtualPrinter

from .conftest import connect


async def test_refused_control_where_the_report_tells(start):
    printer, client = await start("X1C")
    printer.faults.refuse_control = True
    answer = await client.ask("print", "pause")
    assert answer["result"] == "failed"
    assert answer["reason"] == "mqtt message verify failed"
    assert answer["err_code"] == 84033543
    assert printer.report["gcode_state"] == "RUNNING"
    assert int(printer.report["fun"], 16) >> 29 & 1
    # Reading and the light still work.
    assert "module" in await client.ask("info", "get_version")
    answer = await client.ask(
        "system", "ledctrl", led_node="chamber_light", led_mode="off"
    )
    assert answer["result"] == "success"
    printer.faults.refuse_control = False
    assert not int(printer.report["fun"], 16) >> 29 & 1
    assert (await client.ask("print", "pause"))["result"] == "success"


async def test_bare_echo_with_a_health_message(start):
    printer, client = await start("P1S")
    printer.faults.bare_echo = True
    answer = await client.ask("print", "pause", param="")
    assert answer.keys() == {"command", "sequence_id"}
    assert printer.report["gcode_state"] == "RUNNING"
    assert printer.report["hms"] == [{"attr": 0x05000500, "code": 0x00010007}]
    printer.faults.bare_echo = False
    assert printer.report["hms"] == []


async def test_refuse_next(start):
    printer, client = await start()
    printer.faults.refuse_next = [
        {"command": "pause", "reason": "no way", "err_code": 7},
        Refusal(reason="not now"),
    ]
    answer = await client.ask("print", "pause")
    assert (answer["reason"], answer["err_code"]) == ("no way", 7)
    assert (await client.ask("print", "stop"))["reason"] == "not now"
    assert (await client.ask("print", "pause"))["result"] == "success"


async def test_mute_and_late_acknowledgements(start):
    printer, client = await start()
    printer.faults.mute_acks = True
    await client.send("print", "pause")
    assert await client.nothing()
    assert printer.report["gcode_state"] == "PAUSE"
    printer.faults.mute_acks = False
    printer.faults.ack_delay = 0.1
    began = asyncio.get_running_loop().time()
    await client.ask("print", "resume")
    assert asyncio.get_running_loop().time() - began >= 0.1


async def test_late_acknowledgement_does_not_outlive_the_printer(start):
    printer, client = await start()
    printer.faults.ack_delay = 60
    await client.send("print", "pause")
    await printer.wait_for_request("print", "pause")


async def test_silent(start):
    printer, client = await start()
    printer.faults.silent = True
    await client.send("info", "get_version")
    await printer.wait_for_request("info", "get_version")
    await printer.push(full=True)
    assert await client.nothing()
    printer.faults.silent = False
    assert "module" in await client.ask("info", "get_version")


async def test_deaf(start):
    printer, client = await start()
    printer.faults.deaf = True
    await client.send("print", "pause")
    await printer.wait_for_request("print", "pause")
    assert (await client.report())["gcode_state"] == "RUNNING"


async def test_frozen_does_not_even_say_hello(start):
    printer, _ = await start()
    printer.faults.frozen = True
    with pytest.raises(aiomqtt.MqttError):
        async with connect(printer, timeout=0.2):
            pass


async def test_dropped_connections(start):
    printer, client = await start()
    await printer.drop_connections()
    with pytest.raises(aiomqtt.MqttError):
        await client.next()
    async with connect(printer) as other:
        assert "module" in await other.ask("info", "get_version")


async def test_power_off_and_on_again(socket_enabled):
    async with VirtualPrinter("A1", autostart_reports=False) as printer:
        ports = printer.mqtt_port, printer.detect_port
        await printer.power_off()
        for port in ports:
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection(printer.host, port)
        await printer.power_on()
        assert ports == (printer.mqtt_port, printer.detect_port)
        async with connect(printer) as client:
            await client.send("pushing", "pushall")
            assert (await client.next())["print"]["msg"] == 0


async def test_new_certificate_after_a_restart(socket_enabled):
    async with VirtualPrinter("A1", autostart_reports=False) as printer:
        old = printer.ca_pem
        await printer.restart()
        assert printer.ca_pem == old
        await printer.restart(new_certificate=True)
        assert printer.ca_pem != old
        async with connect(printer) as client:
            assert "module" in await client.ask("info", "get_version")


async def test_refused_login(socket_enabled):
    async with VirtualPrinter("A1", autostart_reports=False) as printer:
        printer.faults.refuse_login = True
        with pytest.raises(MqttConnectError):
            async with connect(printer):
                pass


async def test_garbage(start):
    printer, client = await start()
    await printer.publish_garbage()
    await printer.publish({"print": {"command": "the_end"}})
    payloads = []
    while True:
        message = await asyncio.wait_for(anext(client.mqtt.messages), 3)
        if b"the_end" in message.payload:
            break
        payloads.append(message.payload)
    assert len(payloads) > 10
    with pytest.raises(ValueError, match="Expecting"):
        json.loads(payloads[1])
    assert max(map(len, payloads)) > 1_000_000
