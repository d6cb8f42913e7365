"""A thermometer of Home Assistant for the chamber of a printer that has none."""

from homeassistant.const import ATTR_UNIT_OF_MEASUREMENT
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
import pytest

from custom_components.bambu_printer.const import CONF_CHAMBER_SENSOR

from .conftest import Rig

THERMOMETER = "sensor.thermometer"


@pytest.mark.parametrize(("model", "offered"), [("X1C", False), ("P1S", True)])
async def test_offered_to_printers_without_a_sensor(
    hass: HomeAssistant, rig: Rig, offered: bool
) -> None:
    result = await hass.config_entries.options.async_init(rig.entry.entry_id)
    assert result["type"] is FlowResultType.FORM
    assert (CONF_CHAMBER_SENSOR in result["data_schema"].schema) is offered


@pytest.mark.parametrize("model", ["P1S"])
async def test_thermometer(hass: HomeAssistant, rig: Rig) -> None:
    def measure(value: str, unit: str = "°C") -> None:
        hass.states.async_set(THERMOMETER, value, {ATTR_UNIT_OF_MEASUREMENT: unit})

    measure("31.5")
    result = await hass.config_entries.options.async_init(rig.entry.entry_id)
    assert result["type"] is FlowResultType.FORM
    assert result["step_id"] == "init"
    result = await hass.config_entries.options.async_configure(
        result["flow_id"], {CONF_CHAMBER_SENSOR: THERMOMETER}
    )
    assert result["type"] is FlowResultType.CREATE_ENTRY
    await hass.async_block_till_done()
    assert rig.state("sensor", "chamber_temperature").state == "31.5"
    for value, unit, shown in (
        ("40", "°C", "40.0"),
        ("86", "°F", "30.0"),
        ("unavailable", "°C", "unknown"),
        ("35", "°C", "35.0"),
        ("warm", "°C", "unknown"),
        ("36", "°C", "36.0"),
        ("50", "%", "unknown"),
        ("37", "°C", "37.0"),
        ("9000", "°C", "unknown"),
    ):
        measure(value, unit)
        await hass.async_block_till_done()
        assert rig.state("sensor", "chamber_temperature").state == shown, (value, unit)
    # Reports of the printer leave it alone.
    measure("38")
    await hass.async_block_till_done()
    await rig.report({"bed_temper": 42}, full=True)
    assert rig.state("sensor", "chamber_temperature").state == "38.0"
    # It can be changed again.
    result = await hass.config_entries.options.async_init(rig.entry.entry_id)
    assert result["type"] is FlowResultType.FORM
