"""Saying in words what is wrong with a printer."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from homeassistant.core import CALLBACK_TYPE, callback

from .const import CONF_ERROR_TEXTS_ONLINE
from .error_texts import error_texts
from .printer.error_texts import catalogue_language, help_link, model_prefix
from .printer.happenings import ErrorEvent, Happening
from .printer.state.errors import ErrorState, Fault, HmsModule
from .words import word

if TYPE_CHECKING:
    from .coordinator import PrinterCoordinator

_EXTERNAL = 0xFE
"""Numbers of AMS units from here on are external spools."""


class FaultWords:
    """Texts for what a printer complains about: the maker's, or until then our own."""

    def __init__(self, coordinator: PrinterCoordinator) -> None:
        """Prepare; nothing is looked up yet."""
        self._coordinator = coordinator
        self._hass = coordinator.hass
        self._texts: dict[Fault, str] = {}
        self._users: dict[Callable[[], None], None] = {}
        self._watching = False

    @callback
    def async_use(self, update: Callable[[], None]) -> CALLBACK_TYPE:
        """Look texts up, and call `update` when there are new ones, until released."""
        self._users[update] = None
        if not self._watching:
            self._watching = True
            coordinator = self._coordinator
            coordinator.config_entry.async_on_unload(
                coordinator.async_watch(
                    ("errors",), lambda state: state.errors, self._look_up
                )
            )
            self._look_up(coordinator.data.errors)

        @callback
        def release() -> None:
            self._users.pop(update, None)

        return release

    @callback
    def makers_text(self, fault: Fault) -> str | None:
        """Return the maker's text in Home Assistant's language; None: not known (yet)."""
        return self._texts.get(fault)

    @callback
    def describe(self, fault: Fault) -> str:
        """Say in words what a fault is."""
        return self._texts.get(fault) or self._own_words(fault)

    @callback
    def details(self, fault: Fault) -> Mapping[str, Any]:
        """Return what there is to know of a fault beside its text."""
        return {
            "code": fault.text_code,
            "severity": fault.severity.value,
            "module": fault.module.value,
            "link": help_link(fault),
        }

    @callback
    def about(self, happening: Happening) -> Mapping[str, Any]:
        """Say in words what an error is that has just been raised."""
        if happening.kind is not ErrorEvent.RAISED:
            return {}
        return {
            name: value
            for fault in self._coordinator.data.errors.problems
            if fault.text_code == happening.data["code"]
            for name, value in (
                ("text", self.describe(fault)),
                ("link", help_link(fault)),
            )
        }

    def _own_words(self, fault: Fault) -> str:
        module = fault.module
        if module is HmsModule.AMS and fault.module_number >= _EXTERNAL:
            key = "fault_module_external_spool"
        else:
            key = f"fault_module_{module.value}"
        return word(
            self._hass,
            f"fault_{fault.severity.value}",
            module=word(self._hass, key),
            code=fault.text_code,
        )

    @callback
    def _look_up(self, errors: ErrorState) -> None:
        """Fetch the texts that are missing, in the background."""
        faults = {*errors.problems, *(errors.hms or ())}
        # Only what stands is kept.
        self._texts = {
            fault: text for fault, text in self._texts.items() if fault in faults
        }
        entry = self._coordinator.config_entry
        missing = faults - self._texts.keys()
        if missing and entry.options.get(CONF_ERROR_TEXTS_ONLINE, True):
            entry.async_create_background_task(
                self._hass, self._async_fetch(missing), "bambu_printer error texts"
            )

    async def _async_fetch(self, faults: set[Fault]) -> None:
        found = await error_texts(self._hass).async_find(
            catalogue_language(self._hass.config.language),
            model_prefix(self._coordinator.printer.serial),
            faults,
        )
        if found:
            self._texts |= found
            for update in list(self._users):
                update()
