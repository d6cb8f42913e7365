"""The plug of a printer: what is switched off is not missed, and a print can switch it on."""

import asyncio
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, Self

from homeassistant.const import ATTR_ENTITY_ID, SERVICE_TURN_ON, STATE_OFF, STATE_ON
from homeassistant.core import (
    CALLBACK_TYPE,
    DOMAIN as HOMEASSISTANT_DOMAIN,
    Event,
    EventStateChangedData,
    callback,
    split_entity_id,
)
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.event import (
    async_call_later,
    async_track_entity_registry_updated_event,
    async_track_state_change_event,
)

from .const import CONF_GRACE, CONF_POWER, CONF_POWER_SWITCH, CONF_WAKE, DOMAIN
from .holds import Hold

if TYPE_CHECKING:
    from .coordinator import PrinterCoordinator

DEFAULT_GRACE: Final = 3
"""Minutes: the slowest printers need about two to start."""
WAKE_TIMEOUT: Final = 180.0
"""Seconds that somebody who wants to print waits for a printer that is switched on."""


class PowerPlug:
    """The entity that switches a printer's power, or tells whether it has any.

    While it is off the printer is left alone.  When it has been on for the grace time and
    the printer still is not there, `silent` says that something is wrong.
    """

    def __init__(
        self,
        coordinator: PrinterCoordinator,
        entity_id: str,
        *,
        grace: timedelta,
        wake: bool,
    ) -> None:
        """Nothing is watched yet."""
        self._coordinator = coordinator
        self._entity_id = entity_id
        self._grace = grace
        self._wake = wake
        self._cancel_grace: CALLBACK_TYPE | None = None
        self.silent = False
        """Whether there is power, and nothing is heard of the printer all the same."""

    @classmethod
    def from_options(cls, coordinator: PrinterCoordinator) -> Self | None:
        """Return the plug that was chosen, if one was."""
        options = coordinator.config_entry.options.get(CONF_POWER, {})
        if not (entity_id := options.get(CONF_POWER_SWITCH)):
            return None
        return cls(
            coordinator,
            entity_id,
            grace=timedelta(minutes=float(options.get(CONF_GRACE, DEFAULT_GRACE))),
            wake=bool(options.get(CONF_WAKE, True)),
        )

    @property
    def is_off(self) -> bool:
        """Whether it is known to be off."""
        return self._is(STATE_OFF)

    def _is(self, state: str) -> bool:
        found = self._coordinator.hass.states.get(self._entity_id)
        return found is not None and found.state == state

    @callback
    def async_watch(self) -> CALLBACK_TYPE:
        """Follow the plug from now on; return what ends it."""
        ends = (
            async_track_state_change_event(
                self._coordinator.hass, self._entity_id, self._async_switched
            ),
            async_track_entity_registry_updated_event(
                self._coordinator.hass, self._entity_id, self._renamed_or_removed
            ),
            self._coordinator.async_add_listener(self._missing_or_back),
        )
        self._missing_or_back()

        @callback
        def end() -> None:
            for each in ends:
                each()
            self._stop_waiting()

        return end

    async def async_wake(self) -> None:
        """Switch it on, if the options allow it, and wait for the printer.

        Raises a translated `HomeAssistantError` when the printer does not come.
        """
        if not self._wake:
            return
        back = asyncio.Event()

        @callback
        def look() -> None:
            if self._coordinator.last_update_success:
                back.set()

        unwatch = self._coordinator.async_add_listener(look)
        try:
            look()
            if self.is_off:
                await self._async_turn_on()
            async with asyncio.timeout(WAKE_TIMEOUT):
                await back.wait()
        except TimeoutError as err:
            raise HomeAssistantError(
                translation_domain=DOMAIN,
                translation_key="wake_failed",
                translation_placeholders={"seconds": f"{WAKE_TIMEOUT:g}"},
            ) from err
        finally:
            unwatch()

    async def _async_turn_on(self) -> None:
        hass = self._coordinator.hass
        domain = split_entity_id(self._entity_id)[0]
        # Groups have no action of their own.
        domain = HOMEASSISTANT_DOMAIN if domain == "group" else domain
        if not hass.services.has_service(domain, SERVICE_TURN_ON):
            raise HomeAssistantError(
                translation_domain=DOMAIN,
                translation_key="cannot_wake",
                translation_placeholders={"entity": self._entity_id},
            )
        await hass.services.async_call(
            domain, SERVICE_TURN_ON, {ATTR_ENTITY_ID: self._entity_id}, blocking=True
        )

    async def _async_switched(self, event: Event[EventStateChangedData]) -> None:
        """Leave the printer alone, or look for it; what is no answer changes nothing."""
        state = event.data["new_state"]
        if state is None:
            return
        if state.state == STATE_OFF:
            self.silent = False
            self._stop_waiting()
            await self._coordinator.async_hold(Hold.POWERED_OFF)
        elif state.state == STATE_ON and self._coordinator.held(Hold.POWERED_OFF):
            await self._coordinator.async_unhold(Hold.POWERED_OFF)

    @callback
    def _renamed_or_removed(
        self, event: Event[er.EventEntityRegistryUpdatedData]
    ) -> None:
        """Follow the entity to its new name; without it there is no plug to go by."""
        hass, entry = self._coordinator.hass, self._coordinator.config_entry
        data = event.data
        if data["action"] == "update":
            if "old_entity_id" not in data:
                return
            power = {**entry.options[CONF_POWER], CONF_POWER_SWITCH: data["entity_id"]}
            options = {**entry.options, CONF_POWER: power}
            hass.config_entries.async_update_entry(entry, options=options)
        hass.config_entries.async_schedule_reload(entry.entry_id)

    @callback
    def _missing_or_back(self) -> None:
        """Begin to wait for the printer, or stop it."""
        coordinator = self._coordinator
        if coordinator.last_update_success or coordinator.holding:
            self.silent = False
            self._stop_waiting()
        elif self._is(STATE_ON) and not self.silent and self._cancel_grace is None:
            self._cancel_grace = async_call_later(
                coordinator.hass, self._grace, self._give_up
            )

    @callback
    def _give_up(self, _now: datetime) -> None:
        self._cancel_grace = None
        self.silent = True
        self._coordinator.async_update_listeners()

    @callback
    def _stop_waiting(self) -> None:
        if self._cancel_grace:
            self._cancel_grace()
            self._cancel_grace = None
