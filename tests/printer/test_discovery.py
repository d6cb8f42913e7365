"""Announcements, as printers send them and as nobody should."""

from hypothesis import given, strategies as st
import pytest

from custom_components.bambu_printer.printer import parse_announcement
from virtual_printer.announce import encode_announcement

SERIAL = "22E8BJ610801473"
LINES = (
    "NOTIFY * HTTP/1.1",
    "Host: 239.255.255.250:1990",
    "Server: UPnP/1.0",
    "Location: 10.13.1.30",
    "NT: urn:bambulab-com:device:3dprinter:1",
    "NTS: ssdp:alive",
    f"USN: {SERIAL}",
    "DevModel.bambu.com: N7",
    "DevName.bambu.com: Büro: 3. Stock",
    "DevVersion.bambu.com: 01.02.00.00",
)


def packet(*lines: str) -> bytes:
    return ("\r\n".join(lines or LINES) + "\r\n\r\n").encode()


def test_announcement():
    found = parse_announcement(packet(), "10.13.1.30")
    assert found
    assert found.host == "10.13.1.30"
    assert found.serial == SERIAL
    assert found.name == "Büro: 3. Stock"
    assert found.model_code == "N7"
    assert found.firmware == "01.02.00.00"


def test_what_virtual_printers_send():
    sent = encode_announcement(
        address="127.0.0.1", serial=SERIAL, code="N7", name="x", version="1", signal=-1
    )
    assert parse_announcement(sent, "127.0.0.1")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("NOTIFY * HTTP/1.1", "HTTP/1.1 200 OK"),
        ("NT: ", "ST: "),
        ("NTS: ssdp:alive", "X: y"),
        ("Location: 10.13.1.30", "Location: http://10.13.1.30:80/desc.xml"),
        ("Location: 10.13.1.30", "X: y"),
        (f"USN: {SERIAL}", f"usn:uuid:{SERIAL.lower()}::urn:x"),
    ],
)
def test_other_ways_to_say_it(old, new):
    found = parse_announcement(
        packet(*(line.replace(old, new) for line in LINES)), "10.13.1.30"
    )
    assert found
    assert found.serial == SERIAL
    assert found.host == "10.13.1.30"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("NOTIFY * HTTP/1.1", "M-SEARCH * HTTP/1.1"),
        ("NOTIFY * HTTP/1.1", "NOTIFYING"),
        ("NT: urn:bambulab-com:device:3dprinter:1", "NT: upnp:rootdevice"),
        ("NTS: ssdp:alive", "NTS: ssdp:byebye"),
        (f"USN: {SERIAL}", "USN: "),
        (f"USN: {SERIAL}", "USN: 0123-4567-89"),
        (f"USN: {SERIAL}", f"USN: {SERIAL * 9}"),
        (f"USN: {SERIAL}", "USN: ０１２３４５６７８９"),
        ("Location: 10.13.1.30", "Location: 10.13.1.31"),
        ("Location: 10.13.1.30", "Location: localhost"),
        ("Location: 10.13.1.30", "Location: "),
    ],
)
def test_not_believed(old, new):
    lines = [line.replace(old, new) for line in LINES]
    assert parse_announcement(packet(*lines), "10.13.1.30") is None


def test_too_large():
    assert parse_announcement(packet(*LINES, "X: " + "y" * 3000), "10.13.1.30") is None


def test_names_that_nobody_has():
    lines = [line.replace("Büro", "\x1b[31m" + "n" * 200) for line in LINES]
    found = parse_announcement(packet(*lines), "10.13.1.30")
    assert found
    assert found.name.isprintable()
    assert len(found.name) == 64


@given(st.binary(max_size=600))
def test_garbage(junk):
    assert parse_announcement(junk, "10.13.1.30") is None
    parse_announcement(packet() + junk, "10.13.1.30")
    parse_announcement(b"NOTIFY * HTTP/1.1\r\n" + junk, "10.13.1.30")
