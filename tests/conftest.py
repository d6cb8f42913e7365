"""What all tests share."""

from collections.abc import AsyncIterator
from typing import Any

from homeassistant.const import CONF_HOST
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.syrupy import HomeAssistantSnapshotExtension
from syrupy.assertion import SnapshotAssertion

# The test harness brings a package named custom_components: ours must be there first.
import custom_components.bambu_printer
from custom_components.bambu_printer.const import (
    CONF_ACCESS_CODE,
    CONF_CERTIFICATE,
    CONF_DETECT_PORT,
    CONF_FTPS_PORT,
    CONF_MQTT_PORT,
    CONF_SERIAL,
    DOMAIN,
)
from virtual_printer import VirtualPrinter

assert custom_components.bambu_printer


@pytest.fixture(autouse=True)
def _custom_integrations(enable_custom_integrations: None) -> None:
    """Let Home Assistant find the integration."""


@pytest.fixture
def snapshot(snapshot: SnapshotAssertion) -> SnapshotAssertion:
    """Write snapshots the way Home Assistant does."""
    return snapshot.use_extension(HomeAssistantSnapshotExtension)


@pytest.fixture
def model() -> str:
    """Return the model of the virtual printer; tests ask for another by parametrizing."""
    return "X1C"


@pytest.fixture
async def printer(socket_enabled: None, model: str) -> AsyncIterator[VirtualPrinter]:
    """Return a printer on loopback that reports only when it is asked to."""
    async with VirtualPrinter(model=model, autostart_reports=False) as virtual:
        yield virtual


def entry_data(printer: VirtualPrinter) -> dict[str, Any]:
    """Return the data of a config entry for a virtual printer."""
    return {
        CONF_HOST: "127.0.0.1",
        CONF_ACCESS_CODE: printer.access_code,
        CONF_SERIAL: printer.serial,
        CONF_CERTIFICATE: printer.ca_pem,
        CONF_MQTT_PORT: printer.mqtt_port,
        CONF_FTPS_PORT: 990,
        CONF_DETECT_PORT: printer.detect_port,
    }


@pytest.fixture
def entry(printer: VirtualPrinter) -> MockConfigEntry:
    """Return a config entry for the virtual printer; not set up yet."""
    return MockConfigEntry(
        domain=DOMAIN,
        title=printer.name,
        unique_id=printer.serial,
        data=entry_data(printer),
    )


@pytest.fixture
async def integration(hass: HomeAssistant, entry: MockConfigEntry) -> MockConfigEntry:
    """Return the config entry, set up."""
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    return entry
