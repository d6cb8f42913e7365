"""The rules of the quality scale that show at run time; the validation has the others."""

from collections import Counter

from homeassistant.components.sensor import SensorDeviceClass
from homeassistant.const import (
    PERCENTAGE,
    EntityCategory,
    Platform,
    UnitOfTemperature,
    UnitOfTime,
)
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.helpers.entity import Entity
from homeassistant.helpers.entity_platform import async_get_platforms
from homeassistant.setup import async_setup_component
import pytest

from custom_components.bambu_printer import PLATFORMS
from custom_components.bambu_printer.const import DOMAIN
from scripts.validation import Integration
from scripts.validation.quality import TIERS

from .conftest import Rig
from .test_validation import ROOT

MODELS = pytest.mark.parametrize("model", ["X1C", "H2D"])
_DEVICE_CLASS_OF: dict[str, SensorDeviceClass] = {
    UnitOfTemperature.CELSIUS: SensorDeviceClass.TEMPERATURE,
    UnitOfTime.MINUTES: SensorDeviceClass.DURATION,
    UnitOfTime.HOURS: SensorDeviceClass.DURATION,
}


@pytest.fixture(scope="module")
def ours() -> Integration:
    return Integration.find(ROOT)


def entities(hass: HomeAssistant) -> list[Entity]:
    return [
        entity
        for platform in async_get_platforms(hass, DOMAIN)
        for entity in platform.entities.values()
    ]


def test_all_rules_are_claimed(ours: Integration) -> None:
    """Platinum, with exemptions only where a rule does not apply."""
    assert [len(rules) for rules in TIERS.values()] == [20, 10, 21, 3]
    rules = ours.yaml("quality_scale.yaml")["rules"]
    assert Counter(map(str, rules.values()))["done"] >= 53
    assert ours.manifest["quality_scale"] == "platinum"


async def test_action_setup(hass: HomeAssistant, ours: Integration) -> None:
    """Actions are there without a printer."""
    assert await async_setup_component(hass, DOMAIN, {})
    services = hass.services.async_services_for_domain(DOMAIN)
    assert services.keys() == ours.yaml("services.yaml").keys()


@MODELS
@pytest.mark.usefixtures("all_enabled")
async def test_entities(hass: HomeAssistant, rig: Rig) -> None:
    """Names, ids, devices and device classes."""
    found = entities(hass)
    domains = {entity.platform.domain for entity in found}
    # An X1C has nothing to enter a number for.
    assert {str(platform) for platform in PLATFORMS} - domains <= {Platform.NUMBER}
    for entity in found:
        assert entity.has_entity_name, entity.entity_id
        assert entity.unique_id, entity.entity_id
        # Ids outlive names, models and languages.
        assert entity.unique_id.startswith(f"{rig.printer.serial}_"), entity.entity_id
        assert entity.unique_id == entity.unique_id.replace(DOMAIN, "")
        assert entity.device_info, entity.entity_id
        assert entity.translation_key or entity.device_class, entity.entity_id
        # A name of its own is that of the device, and of one entity.
        assert entity.name or entity.unique_id.endswith("_status"), entity.entity_id
        assert not entity.should_poll, entity.entity_id
    ids = Counter((entity.platform.domain, entity.unique_id) for entity in found)
    assert set(ids.values()) == {1}
    for entity in found:
        unit = entity.unit_of_measurement
        if entity.platform.domain == Platform.SENSOR and unit in _DEVICE_CLASS_OF:
            assert entity.device_class == _DEVICE_CLASS_OF[unit], entity.entity_id
        if unit == PERCENTAGE and "humidity" in str(entity.unique_id):
            assert entity.device_class == SensorDeviceClass.HUMIDITY, entity.entity_id


@MODELS
async def test_categories_and_defaults(hass: HomeAssistant, rig: Rig) -> None:
    """Dashboards get what matters: the rest is set aside, or off."""
    found = er.async_entries_for_config_entry(er.async_get(hass), rig.entry.entry_id)
    categories = Counter(item.entity_category for item in found)
    assert categories[EntityCategory.CONFIG] > 5
    assert categories[EntityCategory.DIAGNOSTIC] > 5
    assert categories[None] > 20
    off = [item for item in found if item.disabled_by]
    assert 5 < len(off) < len(found) / 2
    # Wi-Fi flickers all the time.
    assert any(item.unique_id.endswith("_wifi_signal") for item in off)
    for item in found:
        # Home Assistant forbids it: what is read cannot be a setting.
        if item.domain in (Platform.SENSOR, Platform.BINARY_SENSOR):
            assert item.entity_category is not EntityCategory.CONFIG, item.entity_id


@MODELS
async def test_devices(hass: HomeAssistant, rig: Rig, model: str) -> None:
    """Who made it, what it is, its number and its firmware."""
    registry = dr.async_get(hass)
    devices = dr.async_entries_for_config_entry(registry, rig.entry.entry_id)
    printer = next(
        device
        for device in devices
        if (DOMAIN, rig.printer.serial) in device.identifiers
    )
    assert printer.manufacturer == "Bambu Lab"
    assert printer.model == model
    assert printer.serial_number == rig.printer.serial
    assert printer.sw_version
    units = [device for device in devices if device.via_device_id == printer.id]
    assert units
    assert all(unit.model for unit in units)


async def test_runtime_data_and_unloading(hass: HomeAssistant, rig: Rig) -> None:
    """What is alive is with the entry, and goes with it."""
    assert rig.entry.runtime_data.printer.serial == rig.printer.serial
    assert await hass.config_entries.async_unload(rig.entry.entry_id)
    assert rig.printer.connected_clients == 0
    assert not entities(hass)


async def test_a_gone_part_can_be_removed(hass: HomeAssistant, rig: Rig) -> None:
    from custom_components.bambu_printer import async_remove_config_entry_device

    registry = dr.async_get(hass)
    for device in dr.async_entries_for_config_entry(registry, rig.entry.entry_id):
        # All that is here is there.
        assert not await async_remove_config_entry_device(hass, rig.entry, device)
    gone = registry.async_get_or_create(
        config_entry_id=rig.entry.entry_id,
        identifiers={(DOMAIN, f"{rig.printer.serial}_ams_3")},
    )
    assert await async_remove_config_entry_device(hass, rig.entry, gone)
