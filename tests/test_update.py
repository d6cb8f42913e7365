"""The firmware: what is offered, when it may be installed, and how far it has got."""

from typing import Any

from homeassistant.components.update import UpdateEntityFeature
from homeassistant.const import ATTR_ENTITY_ID, STATE_OFF, STATE_ON, STATE_UNAVAILABLE
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
import pytest

from custom_components.bambu_printer import update
from custom_components.bambu_printer.printer import models
from custom_components.bambu_printer.printer.state.firmware import FirmwareState

from .conftest import Rig, wait_until

NEW = "01.99.00.00"
IDLE = pytest.mark.parametrize("scenario", ["idle"])
CONFIRM = {"upgrade": {"command": "upgrade_confirm", "src_id": 1}}


def sent(rig: Rig) -> list[dict[str, Any]]:
    """Return the requests about updates, without their numbers."""
    return [
        {section: {k: v for k, v in body.items() if k != "sequence_id"}}
        for request in rig.printer.requests
        for section, body in request.items()
        if section == "upgrade"
    ]


async def offer(rig: Rig) -> None:
    rig.printer.simulation.offer_firmware(NEW)
    await rig.report(full=True)


async def install(rig: Rig) -> None:
    await rig.call("update.install", "firmware")


@IDLE
@pytest.mark.parametrize("model", ["X1C", "P1S", "H2D"])
async def test_offer_and_installation(rig: Rig) -> None:
    state = rig.state("update", "firmware")
    old = state.attributes["installed_version"]
    assert old == rig.printer.firmware
    assert (state.state, state.attributes["latest_version"]) == (STATE_OFF, old)

    await offer(rig)
    state = rig.state("update", "firmware")
    assert state.state == STATE_ON
    assert state.attributes["latest_version"] == NEW
    assert state.attributes["in_progress"] is False
    assert state.attributes["release_url"].startswith("https://")

    await install(rig)
    assert sent(rig) == [CONFIRM]
    await rig.printer.tick(5)
    await rig.report(full=True)
    state = rig.state("update", "firmware")
    assert state.attributes["in_progress"] is True
    assert state.attributes["update_percentage"] in range(1, 101)
    with pytest.raises(HomeAssistantError):
        await install(rig)
    assert len(sent(rig)) == 1

    await rig.printer.tick(60)
    await rig.report(full=True)
    # The version list is asked for anew.
    await wait_until(
        rig.hass,
        lambda: rig.state("update", "firmware").attributes["installed_version"] == NEW,
    )
    state = rig.state("update", "firmware")
    assert (state.state, state.attributes["in_progress"]) == (STATE_OFF, False)


@pytest.mark.parametrize("scenario", ["printing", "paused"])
async def test_never_while_printing(rig: Rig) -> None:
    await offer(rig)
    assert rig.state("update", "firmware").state == STATE_ON
    with pytest.raises(HomeAssistantError) as caught:
        await install(rig)
    assert caught.value.translation_key == "wrong_state"
    assert sent(rig) == []


@IDLE
@pytest.mark.parametrize(
    ("change", "error"),
    [
        # Nothing is on offer: Home Assistant itself would refuse that, the library too.
        ({}, "no_update"),
        ({"upgrade_state": {"status": "FLASHING", "progress": "5"}}, "wrong_state"),
        ({"gcode_state": "PREPARE"}, "wrong_state"),
        ({"gcode_state": "SOMETHING"}, "wrong_state"),
    ],
)
async def test_refused_before_anything_is_sent(
    rig: Rig, change: dict[str, Any], error: str
) -> None:
    if change:
        await offer(rig)
        await rig.report(change)
    printer = rig.entry.runtime_data.printer
    with pytest.raises(Exception) as caught:  # noqa: PT011
        await printer.install_firmware()
    assert getattr(caught.value, "code", None) == error
    assert sent(rig) == []


@IDLE
@pytest.mark.parametrize("model", ["H2D"])
async def test_reports_only_where_commands_must_be_signed(
    hass: HomeAssistant, rig: Rig
) -> None:
    entity_id = rig.entity_id("update", "firmware")

    def features() -> int:
        return int(rig.state("update", "firmware").attributes["supported_features"])

    assert features() & UpdateEntityFeature.INSTALL
    rig.printer.faults.refuse_control = True
    await offer(rig)
    await rig.report(full=True)
    assert rig.entry.runtime_data.data.capabilities.signature_required
    assert rig.state("update", "firmware").state == STATE_ON
    assert not features() & UpdateEntityFeature.INSTALL
    with pytest.raises(HomeAssistantError):
        await hass.services.async_call(
            "update", "install", {ATTR_ENTITY_ID: entity_id}, blocking=True
        )
    assert sent(rig) == []


@IDLE
async def test_printer_refuses(rig: Rig) -> None:
    await offer(rig)
    rig.printer.faults.refuse_next.append({"command": "upgrade_confirm"})
    with pytest.raises(HomeAssistantError) as caught:
        await install(rig)
    assert caught.value.translation_key == "command_rejected"
    assert rig.state("update", "firmware").attributes["in_progress"] is False


@IDLE
async def test_offer_without_a_version(rig: Rig) -> None:
    await rig.report({"upgrade_state": {"new_version_state": 1, "new_ver_list": []}})
    state = rig.state("update", "firmware")
    assert (state.state, state.attributes["latest_version"]) == (STATE_ON, "?")


@IDLE
async def test_failed_installation(rig: Rig) -> None:
    await offer(rig)
    await rig.report({"upgrade_state": {"status": "DOWNLOADING", "progress": ""}})
    state = rig.state("update", "firmware")
    assert state.attributes["in_progress"] is True
    assert state.attributes["update_percentage"] is None
    await rig.report({"upgrade_state": {"status": "DOWNLOAD_FAIL", "progress": "40"}})
    state = rig.state("update", "firmware")
    assert state.state == STATE_ON
    assert state.attributes["in_progress"] is False


@IDLE
@pytest.mark.usefixtures("all_enabled")
async def test_firmware_of_an_ams(rig: Rig) -> None:
    state = rig.state("update", "ams_0_firmware")
    old = state.attributes["installed_version"]
    assert old
    assert state.state == STATE_OFF
    assert not state.attributes["supported_features"]
    offers = [{"name": "ams/0", "cur_ver": old, "new_ver": "00.99.00.00"}]
    await rig.report(
        {"upgrade_state": {"new_version_state": 1, "new_ver_list": offers}}
    )
    state = rig.state("update", "ams_0_firmware")
    assert (state.state, state.attributes["latest_version"]) == (
        STATE_ON,
        "00.99.00.00",
    )
    # Old firmware has one word for all of them.
    change = {"new_ver_list": [], "ams_new_version_number": "00.98.00.00"}
    await rig.report({"upgrade_state": change})
    state = rig.state("update", "ams_0_firmware")
    assert state.attributes["latest_version"] == "00.98.00.00"


async def test_lost_printer(rig: Rig) -> None:
    await rig.printer.power_off()
    await wait_until(
        rig.hass, lambda: rig.state("update", "firmware").state == STATE_UNAVAILABLE
    )


def test_every_model_has_release_notes() -> None:
    assert set(update._NOTES) == {model.key for model in models.MODELS}


@pytest.mark.parametrize(
    ("status", "updating"),
    [("IDLE", False), ("DOWNLOADING", True), ("UPGRADE_SUCCESS", False), (None, False)],
)
def test_updating(status: str | None, updating: bool) -> None:
    assert FirmwareState(status=status).updating is updating
