"""Bambu Lab 3D printers in Home Assistant, over the local network."""

from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import EVENT_HOMEASSISTANT_STOP, Platform
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.helpers import config_validation as cv, device_registry as dr
from homeassistant.helpers.typing import ConfigType

from .chamber import async_feed_chamber
from .const import CONF_SERIAL, DOMAIN
from .coordinator import BambuConfigEntry, PrinterCoordinator
from .entity import ams_device_id, ams_device_info, printer_device_info
from .happenings import async_forget_happenings
from .services import async_setup_services
from .targets import async_announce_printer

CONFIG_SCHEMA = cv.config_entry_only_config_schema(DOMAIN)

PLATFORMS = [
    Platform.BINARY_SENSOR,
    Platform.BUTTON,
    Platform.CLIMATE,
    Platform.EVENT,
    Platform.FAN,
    Platform.LIGHT,
    Platform.NUMBER,
    Platform.SELECT,
    Platform.SENSOR,
    Platform.SWITCH,
]


async def async_setup(hass: HomeAssistant, config: ConfigType) -> bool:
    """Register the actions."""
    async_setup_services(hass)
    return True


async def async_setup_entry(hass: HomeAssistant, entry: BambuConfigEntry) -> bool:
    """Set up a printer from its config entry."""
    coordinator = PrinterCoordinator(hass, entry)
    entry.async_on_unload(coordinator.async_disconnect)

    async def disconnect(_event: Event) -> None:
        # Entries are not unloaded when Home Assistant stops.
        await coordinator.async_disconnect()

    # Not once: a set-up that this very event ends could not take back its listener.
    entry.async_on_unload(hass.bus.async_listen(EVENT_HOMEASSISTANT_STOP, disconnect))
    await coordinator.async_config_entry_first_refresh()
    entry.runtime_data = coordinator
    _register_printer(hass, coordinator)
    _keep_units_up_to_date(hass, coordinator)
    async_feed_chamber(hass, entry)
    await coordinator.happenings.async_load()
    entry.async_on_unload(coordinator.happenings.async_stop)
    await hass.config_entries.async_forward_entry_setups(entry, PLATFORMS)
    async_announce_printer(hass, coordinator)
    # The last: from now on it is told what happens, to those who are listening by now.
    coordinator.happenings.async_start()
    return True


async def async_unload_entry(hass: HomeAssistant, entry: BambuConfigEntry) -> bool:
    """Unload a printer's entities; the session ends with the entry."""
    return await hass.config_entries.async_unload_platforms(entry, PLATFORMS)


async def async_remove_entry(hass: HomeAssistant, entry: BambuConfigEntry) -> None:
    """Forget what was remembered of a printer."""
    await async_forget_happenings(hass, entry.entry_id)


async def async_remove_config_entry_device(
    hass: HomeAssistant, entry: BambuConfigEntry, device: dr.AnyDeviceEntry
) -> bool:
    """Let the user remove an AMS that is no longer plugged in."""
    serial = entry.data[CONF_SERIAL]
    # While the printer is not loaded nobody knows; what is still there comes back.
    units = (
        entry.runtime_data.data.ams.units
        if entry.state is ConfigEntryState.LOADED
        else ()
    )
    present = {ams_device_id(serial, unit.unit) for unit in units}
    removable = ams_device_id(serial, None)
    return any(
        domain == DOMAIN and name.startswith(removable) and name not in present
        for domain, name in device.identifiers
    )


@callback
def _keep_units_up_to_date(
    hass: HomeAssistant, coordinator: PrinterCoordinator
) -> None:
    """Correct the devices of AMS units when a report or the version list says otherwise.

    Serial number and firmware come later than the unit itself, and under the same number
    another kind of unit may be plugged in.
    """
    registry = dr.async_get(hass)
    entry = coordinator.config_entry

    @callback
    def update(_facts: object) -> None:
        for unit in coordinator.data.ams.units:
            info = ams_device_info(coordinator, unit.unit)
            (identifier,) = info["identifiers"]
            device = registry.async_get_device_by_identifier(identifier, entry.entry_id)
            if device:
                registry.async_update_device(
                    device.id,
                    model=info["model"],
                    name=info["name"],
                    serial_number=info["serial_number"],
                    sw_version=info["sw_version"],
                )

    entry.async_on_unload(
        coordinator.async_watch(
            ("ams",),
            lambda state: [
                (unit.unit, unit.kind, unit.serial, unit.firmware)
                for unit in state.ams.units
            ],
            update,
        )
    )


@callback
def _register_printer(hass: HomeAssistant, coordinator: PrinterCoordinator) -> None:
    """Create the printer's device before its parts, and keep its firmware up to date."""
    registry = dr.async_get(hass)
    entry = coordinator.config_entry
    device = registry.async_get_or_create(
        config_entry_id=entry.entry_id, **printer_device_info(coordinator)
    )
    coordinator.device_id = device.id

    @callback
    def update(facts: tuple[str | None, str]) -> None:
        version, model = facts
        registry.async_update_device(device.id, sw_version=version, model=model)

    entry.async_on_unload(
        coordinator.async_watch(
            ("firmware", "capabilities"),
            lambda state: (state.firmware.version, coordinator.printer.model.key),
            update,
        )
    )
