"""Set up again as soon as the printer answers, also where nothing announces it.

Home Assistant's own pauses between two attempts grow beyond a minute.  A look at the
certificate costs nearly nothing and tells the printer nothing, so it can be had oftener.
"""

import asyncio
from typing import Final

from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.const import CONF_HOST
from homeassistant.core import HomeAssistant, callback
from homeassistant.util.hass_dict import HassKey

from .const import CONF_CERTIFICATE, CONF_MQTT_PORT, CONF_SERIAL, DOMAIN
from .printer import PrinterConnectionError, verify_certificate

LOOK_INTERVAL: Final = 30.0
"""Seconds between two looks; with the rest of the set-up that is less than a minute."""
SOON: Final = 1.0
"""Seconds until the first look when the set-up was in a hurry and may have given up a
printer that is only slow."""

_LOOKS: HassKey[dict[str, asyncio.Task[None]]] = HassKey(f"{DOMAIN}_looks")


@callback
def async_look_for_printer(
    hass: HomeAssistant, entry: ConfigEntry, *, soon: bool = False
) -> None:
    """Look for the printer until it is there, or the entry is not tried again any more."""
    async_stop_looking(hass, entry)
    looks = hass.data.setdefault(_LOOKS, {})
    looks[entry.entry_id] = hass.async_create_background_task(
        _async_look(hass, entry, SOON if soon else LOOK_INTERVAL),
        f"{DOMAIN} looking for a printer",
    )


@callback
def async_stop_looking(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Look no more: the entry is set up just now."""
    if task := hass.data.get(_LOOKS, {}).pop(entry.entry_id, None):
        task.cancel()


async def _async_look(hass: HomeAssistant, entry: ConfigEntry, pause: float) -> None:
    while True:
        await asyncio.sleep(pause)
        pause = LOOK_INTERVAL
        if entry.state is not ConfigEntryState.SETUP_RETRY:
            return
        try:
            await verify_certificate(
                entry.data[CONF_HOST],
                entry.data[CONF_MQTT_PORT],
                serial=entry.data[CONF_SERIAL],
                pin=entry.data[CONF_CERTIFICATE],
            )
        except PrinterConnectionError:
            continue
        # The set-up may have begun meanwhile.
        if entry.state is ConfigEntryState.SETUP_RETRY:
            hass.config_entries.async_schedule_reload(entry.entry_id)
        return
