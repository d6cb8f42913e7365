"""Lamps and the settings of the camera."""

import pytest

from custom_components.bambu_printer.printer.models import Light
from custom_components.bambu_printer.printer.state.camera import Resolution
from custom_components.bambu_printer.printer.state.lights import LightMode

from .reports import Replay, decode


def lamp(node: str, mode: object) -> dict:
    return {"node": node, "mode": mode}


@pytest.mark.parametrize("mode", LightMode)
@pytest.mark.parametrize("light", [Light.CHAMBER, Light.CHAMBER_2, Light.WORK])
def test_lamps_by_name(light, mode):
    other = lamp("column_light", "on")
    state = decode({"lights_report": [other, lamp(light.value, mode.value)]})
    assert state.lights.mode(light) is mode
    assert [x for x in Light if state.lights.mode(x) is not None] == [light]


@pytest.mark.parametrize("mode", ["dim", "", None, 5, [], {}])
def test_an_unknown_mode_leaves_the_earlier_one(mode):
    replay = Replay()
    replay.full(lights_report=[lamp("work_light", "flashing")])
    replay.delta(lights_report=[lamp("work_light", mode)])
    assert replay.state.lights.work is LightMode.FLASHING


@pytest.mark.parametrize("node", [None, [], {}, ["chamber_light"], 5])
def test_a_lamp_without_a_proper_name_does_no_harm(node):
    report = {"lights_report": [lamp(node, "on"), lamp("chamber_light", "off")]}  # type: ignore[arg-type]
    assert decode(report).lights.chamber is LightMode.OFF
    assert decode(report).capabilities.lights == {Light.CHAMBER}


@pytest.mark.parametrize(("cfg", "mode"), [("80", LightMode.ON), ("7F", LightMode.OFF)])
def test_the_bit_counts_where_there_is_no_list(cfg, mode):
    assert decode({"cfg": cfg}).lights.chamber is mode


def test_the_list_outranks_the_bit():
    report = {"cfg": "80", "lights_report": [lamp("chamber_light", "off")]}
    assert decode(report).lights.chamber is LightMode.OFF


def test_the_lamp_under_the_bed_is_known_from_acknowledgements_alone():
    assert decode({}, heatbed_light="on").lights.heatbed is LightMode.ON
    report = {"lights_report": [lamp("heatbed_light", "on")]}
    assert decode(report).lights.heatbed is None


# ---- camera -------------------------------------------------------------------------


def test_settings_of_the_object():
    camera = decode(
        {
            "ipcam": {
                "ipcam_dev": "1",
                "ipcam_record": "enable",
                "timelapse": "disable",
                "resolution": "1080p",
                "rtsp_url": "rtsps://10.0.0.9:322/streaming/live/1",
            }
        }
    ).camera
    assert (camera.present, camera.recording, camera.timelapse) == (True, True, False)
    assert (camera.resolution, camera.live_view) == (Resolution.P1080, True)


@pytest.mark.parametrize(
    ("cfg", "recording", "resolution", "timelapse"),
    [
        ("8", True, Resolution.P720, False),
        ("10", False, Resolution.P1080, False),
        ("38", True, Resolution.P1080, True),
    ],
)
def test_the_bits_count_where_the_object_is_silent(
    cfg, recording, resolution, timelapse
):
    camera = decode({"cfg": cfg}).camera
    assert (camera.recording, camera.resolution) == (recording, resolution)
    assert camera.timelapse is timelapse


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("disable", False),
        ("", False),
        ("rtsps://10.0.0.9:322/streaming/live/1", True),
        ("a word that nobody has seen yet", None),
    ],
)
def test_live_view_is_off_when_the_address_says_so(url, expected):
    assert decode({"ipcam": {"rtsp_url": url}}).camera.live_view is expected


def test_a_printer_without_an_address_has_no_such_switch():
    assert decode({"ipcam": {"ipcam_dev": "1"}}).camera.live_view is None


@pytest.mark.parametrize("value", ["", "4k", None, []])
def test_a_resolution_that_is_none(value):
    assert decode({"ipcam": {"resolution": value}}).camera.resolution is None


def test_no_camera():
    assert decode({"ipcam": {"ipcam_dev": "0"}}).camera.present is False
    assert decode({}).camera.present is None
