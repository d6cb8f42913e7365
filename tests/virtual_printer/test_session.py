"""Logging in, topics, certificates, the detect service, announcements."""

import asyncio
import json
import socket
import ssl
import struct

import aiomqtt
from aiomqtt.exceptions import MqttConnectError
from cryptography import x509
from cryptography.x509.oid import NameOID
import pytest

from virtual_printer import VirtualPrinter
from virtual_printer.certificates import authority, identity

from .conftest import client_context, connect


async def test_pushall_answers_with_a_full_report(start):
    printer, client = await start("X1C")
    await client.send("pushing", "pushall", version=1, push_target=1)
    report = (await client.next())["print"]
    assert report["msg"] == 0
    assert report["command"] == "push_status"
    assert report["gcode_state"] == "RUNNING"
    assert len(report["ams"]["ams"][0]["tray"]) == 4
    request = await printer.wait_for_request("pushing", "pushall")
    assert request["pushing"]["push_target"] == 1
    assert printer.connected_clients == 1


async def test_wait_for_request_returns_each_request_once(start):
    printer, client = await start()
    waiting = asyncio.create_task(printer.wait_for_request("print", "pause"))
    first = await client.ask("print", "pause", param="")
    second = await client.ask("print", "pause", param="")
    assert (await waiting)["print"]["sequence_id"] == first["sequence_id"]
    found = await printer.wait_for_request("print", "pause")
    assert found["print"]["sequence_id"] == second["sequence_id"]
    with pytest.raises(TimeoutError):
        await printer.wait_for_request("print", "pause", timeout=0.05)
    assert len(printer.requests) == 2


@pytest.mark.parametrize(
    ("user", "code", "number"),
    [("bblp", "wrong", 5), ("bblp", "", 5), ("someone", "12345678", 4)],
)
async def test_wrong_credentials_are_refused(printer, user, code, number):
    with pytest.raises(MqttConnectError) as refusal:
        async with connect(printer, username=user, password=code):
            pass
    # The client library translates the codes of 3.1.1 to those of 5.
    assert refusal.value.rc == {4: 134, 5: 135}[number]


async def test_changed_code_keeps_the_session_and_refuses_the_next(start):
    printer, client = await start()
    printer.change_access_code("87654321")
    assert (await client.ask("system", "get_access_code"))["access_code"] == "87654321"
    with pytest.raises(MqttConnectError):
        async with connect(printer, password="12345678"):
            pass
    async with connect(printer):
        assert printer.connected_clients == 2


@pytest.mark.parametrize("topic", ["device/{}/request", "#", "device/+/report", "x"])
async def test_other_subscriptions_drop_the_connection(printer, topic):
    # Packets by hand: the library does not tell who hung up.
    reader, writer = await asyncio.open_connection(
        printer.host, printer.mqtt_port, ssl=client_context(printer)
    )
    fields = (
        b"MQTT",
        b"\x04\xc2\x00\x3c",
        b"me",
        b"bblp",
        printer.access_code.encode(),
    )
    body = b"".join(
        field if index == 1 else struct.pack(">H", len(field)) + field
        for index, field in enumerate(fields)
    )
    writer.write(bytes([0x10, len(body)]) + body)
    assert await reader.readexactly(4) == b"\x20\x02\x00\x00"
    name = topic.format(printer.serial).encode()
    body = b"\x00\x01" + struct.pack(">H", len(name)) + name + b"\x00"
    writer.write(bytes([0x82, len(body)]) + body)
    with pytest.raises((asyncio.IncompleteReadError, ConnectionResetError)):
        await asyncio.wait_for(reader.readexactly(1), 1)
    assert printer.connected_clients == 0
    writer.transport.abort()


async def test_report_of_another_serial_is_silent(printer):
    async with aiomqtt.Client(
        printer.host,
        printer.mqtt_port,
        username="bblp",
        password=printer.access_code,
        tls_context=client_context(printer),
    ) as client:
        await client.subscribe("device/00M000000000000/report")
        await printer.push(full=True)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(client.messages), 0.1)


async def test_same_client_id_kicks_the_other_out(printer):
    async with connect(printer, identifier="one"):
        first = next(iter(printer._broker.clients))
        async with connect(printer, identifier="one"):
            await asyncio.sleep(0.05)
            assert first not in printer._broker.clients
            assert printer.connected_clients == 1
            # The first one comes back or not: that is the client's affair.
            return


async def test_certificate_is_made_like_the_vendors(printer):
    context = client_context(printer)
    context.check_hostname = True  # the serial is the common name, there is no other
    reader, writer = await asyncio.open_connection(
        printer.host, printer.mqtt_port, ssl=context, server_hostname=printer.serial
    )
    chain = writer.get_extra_info("ssl_object").get_unverified_chain()
    leaf, authority = (x509.load_der_x509_certificate(der) for der in chain)
    names = leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    assert names[0].value == printer.serial
    assert len(leaf.extensions) == 0
    with pytest.raises(x509.ExtensionNotFound):
        authority.extensions.get_extension_for_class(x509.KeyUsage)
    writer.transport.abort()
    assert reader is not None


async def test_strict_verification_fails_as_with_the_vendors(printer):
    context = client_context(printer)
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    with pytest.raises(ssl.SSLCertVerificationError):
        await asyncio.open_connection(printer.host, printer.mqtt_port, ssl=context)


async def test_leaf_only(socket_enabled):
    async with VirtualPrinter(
        "P2S", autostart_reports=False, leaf_only=True
    ) as printer:
        _, writer = await asyncio.open_connection(
            printer.host, printer.mqtt_port, ssl=client_context(printer)
        )
        chain = writer.get_extra_info("ssl_object").get_unverified_chain()
        assert len(chain) == 1
        writer.transport.abort()


async def test_detect_service(printer):
    reader, writer = await asyncio.open_connection(
        printer.host, printer.detect_port, ssl=client_context(printer)
    )
    body = json.dumps({"login": {"command": "detect", "sequence_id": "20000"}}).encode()
    length = struct.pack("<H", len(body) + 6)
    writer.write(b"\xa5\xa5" + length + body + b"\xa7\xa7")
    head = await reader.readexactly(4)
    size = struct.unpack("<H", head[2:])[0]
    rest = await reader.readexactly(size - 4)
    assert head[:2] == b"\xa5\xa5"
    assert rest[-2:] == b"\xa7\xa7"
    login = json.loads(rest[:-2])["login"]
    assert login["id"] == printer.serial
    assert login["model"] == "BL-P001"
    assert login["name"] == "Workshop X1C"
    assert login["sequence_id"] == 20000
    writer.transport.abort()


async def test_announcement_reaches_a_listener(socket_enabled):
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.setblocking(False)
        async with VirtualPrinter(
            "A1 mini", autostart_reports=False, announce=listener.getsockname()
        ) as printer:
            packet = await asyncio.wait_for(loop.sock_recv(listener, 2048), 2)
    text = packet.decode()
    assert text.startswith("NOTIFY * HTTP/1.1\r\n")
    assert f"USN: {printer.serial}\r\n" in text
    assert "DevModel.bambu.com: N1\r\n" in text
    assert text.endswith("\r\n\r\n")


async def test_reports_by_itself(start):
    _, client = await start("X1C", autostart_reports=True, report_interval=0.02)
    first = (await client.next())["print"]
    second = (await client.next())["print"]
    assert first["msg"] == second["msg"] == 0
    assert int(second["sequence_id"]) > int(first["sequence_id"])


async def test_pushing_stop_ends_unsolicited_reports(start):
    printer, client = await start("X1C")
    await client.send("pushing", "stop")
    await printer.wait_for_request("pushing", "stop")
    await printer.push()
    assert await client.nothing()
    await client.send("pushing", "pushall")
    assert (await client.next())["print"]["msg"] == 0
    await client.send("pushing", "start")
    await printer.wait_for_request("pushing", "start")
    assert (await client.report())["msg"] == 0


async def test_kept_certificate_is_presented_again(socket_enabled, tmp_path):
    async with VirtualPrinter(state_dir=tmp_path / "kept") as first:
        pinned = first.ca_pem, first.certificate_pem
    identity.cache_clear()
    authority.cache_clear()
    async with VirtualPrinter(state_dir=tmp_path / "kept") as second:
        assert (second.ca_pem, second.certificate_pem) == pinned
        await second.restart(new_certificate=True)
        assert second.ca_pem != pinned[0]
