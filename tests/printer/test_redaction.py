"""What is private is taken out under whatever key it stands, and nothing else is."""

import pytest

from custom_components.bambu_printer.printer.redaction import REDACTED, Redaction


@pytest.mark.parametrize(
    "text",
    [
        "192.168.1.23",
        "at 10.0.0.7:8883",
        "https://example.org/a?token=x",
        "AA:BB:CC:DD:EE:FF",
        "aa-bb-cc-dd-ee-ff",
        "fe80::1234",
        "2001:db8:0:0:0:0:0:1",
        "workshop.local",
        "Present for Ottilie.3mf",
        "/cache/Ottilie.gcode.3mf",
        "/data/Metadata/Ottilie.gcode",
    ],
)
def test_recognized_by_its_shape(text):
    found = Redaction().redact({"something_new": [text]})["something_new"][0]
    assert REDACTED in found
    for part in ("Ottilie", "192.", "10.0", "token", "BB", "bb", "1234", "db8", "shop"):
        assert part not in found


@pytest.mark.parametrize(
    "text",
    [
        "01.09.00.00",
        "00.00.06.44",
        "AMS_F1",
        "12:30:45",
        "2026-11-20T12:00:00+00:00",
        "Metadata/plate_1.gcode",
        "0300_0D00_0001_0003",
        "GFA00",
        "",
    ],
)
def test_what_only_looks_like_it_stays(text):
    assert Redaction().redact({"something_new": text}) == {"something_new": text}


@pytest.mark.parametrize(
    "key", ["wifi_ssid", "bind_ttcode", "authkey", "auth_token", "password"]
)
def test_keys_that_nobody_knows_yet(key):
    assert Redaction().redact({key: "x"}) == {key: REDACTED}
    assert Redaction().redact({key: 4711}) == {key: 1}
