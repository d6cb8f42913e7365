"""AMS units that come, go, and change places, as devices."""

from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr
import pytest

from custom_components.bambu_printer.const import DOMAIN

from .conftest import Rig, wait_until


def unit_device(hass: HomeAssistant, rig: Rig, unit: int) -> dr.DeviceEntry:
    device = dr.async_get(hass).async_get_device_by_identifier(
        (DOMAIN, f"{rig.printer.serial}_ams_{unit}"), rig.entry.entry_id
    )
    assert device
    assert isinstance(device, dr.DeviceEntry)
    return device


@pytest.mark.parametrize("model", ["X1C", "P1S"])
async def test_a_new_unit_tells_its_firmware(hass: HomeAssistant, rig: Rig) -> None:
    """Its serial number and firmware are in no report: they are asked for."""
    rig.printer.plug_ams("AMS 2 Pro", 1)
    await rig.report()
    await rig.printer.wait_for_request("info", "get_version")
    await wait_until(hass, lambda: unit_device(hass, rig, 1).serial_number is not None)
    device = unit_device(hass, rig, 1)
    assert device.model == "AMS 2 Pro"
    assert device.sw_version
    assert device.name == f"{rig.printer.name} AMS 2 Pro 2"


@pytest.mark.parametrize("model", ["H2D"])
async def test_another_kind_under_the_same_number(
    hass: HomeAssistant, rig: Rig
) -> None:
    assert unit_device(hass, rig, 0).model == "AMS 2 Pro"
    assert rig.state("switch", "ams_0_dryer").state == "off"
    rig.printer.unplug_ams(0)
    await rig.report()
    rig.printer.plug_ams("AMS", 0)
    await rig.report(full=True)
    await wait_until(hass, lambda: unit_device(hass, rig, 0).model == "AMS")
    assert unit_device(hass, rig, 0).name == f"{rig.printer.name} AMS 1"
    # It cannot dry, but everything else is as good as before.
    for platform, key in (
        ("switch", "ams_0_dryer"),
        ("sensor", "ams_0_drying_time"),
        ("number", "ams_0_drying_temperature"),
    ):
        assert rig.state(platform, key).state == "unavailable"
    assert rig.state("sensor", "ams_0_temperature").state != "unavailable"
