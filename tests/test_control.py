"""Whether a printer can be controlled, what shows it, and what is offered then."""

from homeassistant.const import STATE_UNAVAILABLE
from homeassistant.exceptions import HomeAssistantError
import pytest

from custom_components.bambu_printer.printer import BambuPrinter, ControlState
from custom_components.bambu_printer.printer.commands import (
    Command,
    get_calibrations,
    pause,
)
from custom_components.bambu_printer.printer.contention import Contention
from custom_components.bambu_printer.printer.control import ControlEvidence
from custom_components.bambu_printer.printer.probe import harmless_command

from .conftest import Rig, wait_until

UNSIGNED: dict[str, str | int | None] = {
    "reason": "mqtt message verify failed",
    "err_code": 84033543,
}
WITHOUT_FLAG = pytest.mark.parametrize("model", ["P1S", "A1MINI"])


def control(rig: Rig) -> str:
    return rig.state("sensor", "control").state


def library(rig: Rig) -> BambuPrinter:
    printer: BambuPrinter = rig.entry.runtime_data.printer
    return printer


# Evidence


def test_evidence() -> None:
    evidence = ControlEvidence()
    command, door = pause(), Command("system", {"command": "set_door_stat"})
    assert evidence.signature_required() is None
    # A flag counts until a command tells otherwise, and again when it changes.
    evidence.flagged(True)
    assert evidence.signature_required() is True
    evidence.acknowledged(command, {"result": "SUCCESS"})
    assert evidence.signature_required() is False
    evidence.flagged(True)
    assert evidence.signature_required() is False
    evidence.flagged(False)
    evidence.refused(command)
    assert evidence.signature_required() is True
    # Each section stands for itself.
    assert evidence.signature_required("system") is None
    evidence.refused(door)
    assert evidence.signature_required("system") is True
    assert evidence.signature_required("xcam") is None
    evidence.forget()
    assert evidence.signature_required() is False
    assert evidence.signature_required("system") is None


@pytest.mark.parametrize("answer", [{}, {"result": ""}, {"result": None}])
def test_an_echo_proves_nothing(answer: dict) -> None:
    evidence = ControlEvidence()
    evidence.acknowledged(pause(), answer)
    assert evidence.signature_required() is None


def test_questions_prove_nothing() -> None:
    evidence = ControlEvidence()
    evidence.acknowledged(get_calibrations("", "0.4"), {"result": "success"})
    assert evidence.signature_required() is None


def test_contention() -> None:
    contention = Contention()
    now = 0.0
    for _ in range(4):
        assert not contention.crowded
        contention.connected(now)
        now += 3
        contention.disconnected(now, hung_up=True)
    assert contention.crowded
    # Not being reached says nothing.
    contention.disconnected(now, hung_up=False)
    assert contention.crowded
    contention.connected(now)
    assert not contention.settled(now + 59)
    assert contention.crowded
    assert contention.settled(now + 60)
    assert not contention.crowded
    # A printer that is switched off falls silent.
    for _ in range(6):
        contention.connected(now)
        contention.disconnected(now + 3, hung_up=False)
    assert not contention.crowded
    for _ in range(4):
        contention.disconnected(now, refused=True, hung_up=True)
    assert contention.crowded
    contention.connected(now)
    contention.disconnected(now + 600, hung_up=True)
    assert not contention.crowded


# In Home Assistant


@pytest.mark.parametrize("model", ["X1C", "H2D"])
async def test_flag_in_reports(rig: Rig) -> None:
    everything = rig.available()
    assert control(rig) == "full"
    rig.printer.faults.refuse_control = True
    await rig.report()
    await wait_until(rig.hass, lambda: control(rig) == "read_only")
    gone = everything - rig.available()
    platforms = {entity_id.split(".")[0] for entity_id in gone}
    assert platforms >= {"climate", "fan", "select", "switch", "button"}
    # What is shown, the lamps, and what only asks stays.
    assert not platforms & {"sensor", "binary_sensor", "light"}
    assert rig.state("button", "refresh").state != STATE_UNAVAILABLE
    assert rig.state("switch", "release_connection").state == "off"
    await rig.call("light.turn_off", "chamber_light")
    assert rig.state("light", "chamber_light").state == "off"
    rig.printer.faults.refuse_control = False
    await rig.report()
    await wait_until(rig.hass, lambda: rig.available() == everything)
    assert control(rig) == "full"


@WITHOUT_FLAG
async def test_commands_tell_where_reports_do_not(rig: Rig) -> None:
    assert control(rig) == "unknown"
    everything = rig.available()
    assert rig.entity_id("climate", "bed") in everything
    rig.printer.faults.refuse_next = [UNSIGNED]
    with pytest.raises(HomeAssistantError) as caught:
        await rig.call("climate.set_temperature", "bed", temperature=40)
    assert caught.value.translation_key == "not_authorized"
    await rig.hass.async_block_till_done()
    assert control(rig) == "read_only"
    assert rig.state("climate", "bed").state == STATE_UNAVAILABLE
    # Developer Mode is switched on; what the user tries next works.
    await library(rig).set_bed_temp_target(40)
    await rig.hass.async_block_till_done()
    assert control(rig) == "full"
    assert rig.available() == everything


@WITHOUT_FLAG
@pytest.mark.usefixtures("quick")
async def test_evidence_ends_with_the_connection(rig: Rig) -> None:
    await library(rig).set_bed_temp_target(40)
    await rig.hass.async_block_till_done()
    assert control(rig) == "full"
    await rig.printer.power_off()
    await wait_until(rig.hass, lambda: control(rig) == "offline")
    assert rig.available() == rig.always
    await rig.printer.power_on()
    await wait_until(rig.hass, lambda: control(rig) == "unknown")


async def test_evidence_ends_with_the_firmware(rig: Rig) -> None:
    rig.printer.faults.refuse_next = [UNSIGNED]
    with pytest.raises(HomeAssistantError):
        await rig.call("climate.set_temperature", "bed", temperature=40)
    assert control(rig) == "read_only"
    rig.printer._machine.firmware = "99.00.00.00"
    await rig.call("button.press", "refresh")
    await wait_until(rig.hass, lambda: control(rig) == "full")


@pytest.mark.parametrize("model", ["P1S"])
async def test_health_message(rig: Rig) -> None:
    """Firmware that has no word for a refusal complains in its own way."""
    rig.printer.faults.bare_echo = True
    await library(rig).set_bed_temp_target(40)
    await rig.report()
    await wait_until(rig.hass, lambda: control(rig) == "read_only")
    rig.printer.faults.bare_echo = False
    await rig.report()
    await wait_until(rig.hass, lambda: control(rig) == "unknown")


@pytest.mark.parametrize("model", ["H2D"])
async def test_sections_stand_for_themselves(rig: Rig) -> None:
    """Nobody knows for sure which sections are checked: what is refused is not offered."""
    detector = ("switch", "spaghetti_detector")
    assert rig.state(*detector).state != STATE_UNAVAILABLE
    rig.printer.faults.refuse_next = [{"section": "xcam", **UNSIGNED}]
    with pytest.raises(HomeAssistantError):
        await rig.call("switch.turn_off", "spaghetti_detector")
    assert rig.state(*detector).state == STATE_UNAVAILABLE
    assert rig.state("climate", "bed").state != STATE_UNAVAILABLE
    assert control(rig) == "full"


# The harmless command


@pytest.mark.parametrize("scenario", ["idle"])
@pytest.mark.parametrize("model", ["P1S"])
async def test_trying(rig: Rig) -> None:
    printer = library(rig)
    before = rig.printer.report
    assert await printer.test_control() is ControlState.FULL
    request = await rig.printer.wait_for_request("print", "ams_filament_setting")
    assert request["print"]["ams_id"] == 255
    assert rig.printer.report["vt_tray"] == before["vt_tray"]
    rig.printer.faults.refuse_control = True
    assert await printer.test_control() is ControlState.READ_ONLY
    # While it prints, and where a profile was chosen, it is left alone.
    await rig.report({"gcode_state": "RUNNING"})
    assert harmless_command(printer.state) is None
    await rig.report({"gcode_state": "IDLE", "vt_tray": {"cali_idx": 7}})
    assert harmless_command(printer.state) is None
