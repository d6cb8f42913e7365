"""Bambu Lab 3D printers in Home Assistant, over the local network."""

from collections.abc import Mapping
from functools import partial
import shutil
from typing import Any

from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import EVENT_HOMEASSISTANT_STOP, Platform
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.exceptions import ConfigEntryNotReady
from homeassistant.helpers import config_validation as cv, device_registry as dr
from homeassistant.helpers.typing import ConfigType
from homeassistant.util.hass_dict import HassKey

from .chamber import async_feed_chamber
from .const import CONF_SERIAL, DOMAIN
from .coordinator import BambuConfigEntry, PrinterCoordinator, cache_folder
from .discovery import async_setup_discovery
from .entity import ams_device_id, ams_device_info, printer_device_info
from .happenings import async_forget_happenings
from .job_learning import async_learn_from_projects
from .job_store import async_forget_jobs
from .logbook_events import async_tell_logbook
from .problems import (
    async_connected,
    async_forget_everything,
    async_watch_problems,
)
from .retry import async_look_for_printer, async_stop_looking
from .services import async_setup_services
from .targets import async_announce_printer
from .views import async_register_views

_MISSING: HassKey[dict[str, Mapping[str, Any]]] = HassKey(f"{DOMAIN}_missing")
"""The data of entries whose printer did not answer when their session was ended."""
_RELOAD_LIMIT = 0.5
"""Seconds that a reload waits for such a printer; it is looked for again right after, and
then it has as long as it takes."""

CONFIG_SCHEMA = cv.config_entry_only_config_schema(DOMAIN)

PLATFORMS = [
    Platform.BINARY_SENSOR,
    Platform.BUTTON,
    Platform.CALENDAR,
    Platform.CAMERA,
    Platform.CLIMATE,
    Platform.EVENT,
    Platform.FAN,
    Platform.IMAGE,
    Platform.LIGHT,
    Platform.NUMBER,
    Platform.SELECT,
    Platform.SENSOR,
    Platform.SWITCH,
    Platform.UPDATE,
]


async def async_setup(hass: HomeAssistant, config: ConfigType) -> bool:
    """Register the actions, serve files of the printers, and listen for printers."""
    hass.data[_MISSING] = {}
    async_setup_services(hass)
    async_register_views(hass)
    await async_setup_discovery(hass)
    return True


async def async_setup_entry(hass: HomeAssistant, entry: BambuConfigEntry) -> bool:
    """Set up a printer from its config entry."""
    # Something may have been put right since, if only a word of it is another one.
    unchanged = hass.data[_MISSING].pop(entry.entry_id, None) == entry.data
    coordinator = PrinterCoordinator(
        hass, entry, start_limit=_RELOAD_LIMIT if unchanged else None
    )
    started = False

    async def end() -> None:
        await coordinator.async_disconnect()
        # A set-up that has failed ends here, too: the next attempt is to have all its time.
        if started and not coordinator.printer.parted:
            hass.data[_MISSING][entry.entry_id] = entry.data

    entry.async_on_unload(end)

    async def disconnect(_event: Event) -> None:
        # Entries are not unloaded when Home Assistant stops.
        await coordinator.async_disconnect()

    # Not once: a set-up that this very event ends could not take back its listener.
    entry.async_on_unload(hass.bus.async_listen(EVENT_HOMEASSISTANT_STOP, disconnect))
    async_stop_looking(hass, entry)
    try:
        await coordinator.async_start()
    except ConfigEntryNotReady:
        async_look_for_printer(hass, entry, soon=unchanged)
        raise
    started = True
    entry.runtime_data = coordinator
    async_connected(hass, entry)
    _register_printer(hass, coordinator)
    _keep_units_up_to_date(hass, coordinator)
    async_feed_chamber(hass, entry)
    await coordinator.happenings.async_load()
    await coordinator.jobs.async_load()
    entry.async_on_unload(coordinator.jobs.async_stop)
    entry.async_on_unload(coordinator.happenings.async_stop)
    entry.async_on_unload(coordinator.job_project.async_start())
    await hass.config_entries.async_forward_entry_setups(entry, PLATFORMS)
    async_tell_logbook(coordinator)
    async_learn_from_projects(coordinator)
    async_announce_printer(hass, coordinator)
    # The last: from now on it is told what happens, to those who are listening by now.
    coordinator.happenings.async_start()
    entry.async_on_unload(async_watch_problems(coordinator))
    entry.async_on_unload(coordinator.release.async_cancel)
    if coordinator.plug:
        entry.async_on_unload(coordinator.plug.async_watch())
    return True


async def async_unload_entry(hass: HomeAssistant, entry: BambuConfigEntry) -> bool:
    """Unload a printer's entities; the session ends with the entry."""
    return await hass.config_entries.async_unload_platforms(entry, PLATFORMS)


async def async_remove_entry(hass: HomeAssistant, entry: BambuConfigEntry) -> None:
    """Forget all of a printer: jobs, projects, pictures, what the user was told of it."""
    async_forget_everything(hass, entry)
    await async_forget_happenings(hass, entry.entry_id)
    await async_forget_jobs(hass, entry.entry_id)
    await hass.async_add_executor_job(
        partial(shutil.rmtree, cache_folder(hass, entry.entry_id), ignore_errors=True)
    )


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
