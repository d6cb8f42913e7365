"""The flows of repairs: each tries again whether the problem is still there."""

from abc import ABC, abstractmethod
import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, override

from homeassistant.components.repairs import RepairsFlow, RepairsFlowResult
from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import CONF_HOST
from homeassistant.core import HomeAssistant
from homeassistant.helpers.selector import (
    TextSelector,
    TextSelectorConfig,
    TextSelectorType,
)
import probatio

from .connection import async_try_connection
from .const import CONF_ACCESS_CODE, CONF_CERTIFICATE, CONF_MQTT_PORT, CONF_SERIAL
from .coordinator import BambuConfigEntry, PrinterCoordinator
from .printer import (
    BambuError,
    CertificateChain,
    ControlState,
    PrinterConnectionError,
    fetch_certificate_chain,
    pin_fingerprint,
)
from .problems import ACCESS_CODE, CERTIFICATE, PROBLEMS

REPORT_TIMEOUT: Final = 5.0
"""Seconds within which a printer that was asked has told how it is now."""
STAND_TIME: Final = 5.0
"""Seconds that a connection must stand for others not to be in its way."""

_CODE_SCHEMA = probatio.Schema(
    {
        probatio.Required(probatio.Secret(CONF_ACCESS_CODE)): TextSelector(
            TextSelectorConfig(type=TextSelectorType.PASSWORD)
        )
    }
)


async def async_create_fix_flow(
    hass: HomeAssistant,
    issue_id: str,
    data: dict[str, str | int | float | None] | None,
) -> RepairsFlow:
    """Return the flow that mends a problem."""
    assert data
    entry = hass.config_entries.async_get_known_entry(str(data["entry_id"]))
    problem = str(data["problem"])
    if problem == CERTIFICATE:
        return CertificateFlow(entry)
    if problem == ACCESS_CODE:
        return AccessCodeFlow(entry)
    return RetestFlow(entry, problem)


class _EntryFlow(RepairsFlow, ABC):
    """A flow about the entry of a printer."""

    def __init__(self, entry: BambuConfigEntry) -> None:
        """Remember the entry."""
        self._entry = entry

    async def async_step_init(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        """Begin."""
        return await self.async_step_confirm()

    @abstractmethod
    async def async_step_confirm(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        """Tell what it is about, and do what the user agrees to."""

    def _done(self) -> RepairsFlowResult:
        """Finish: Home Assistant withdraws the repair."""
        return self.async_create_entry(data={})

    def _update(self, **data: str) -> None:
        """Change the entry's data and set it up again; entities stay what they are."""
        self.hass.config_entries.async_update_entry(
            self._entry, data={**self._entry.data, **data}
        )
        self.hass.config_entries.async_schedule_reload(self._entry.entry_id)


class RetestFlow(_EntryFlow):
    """Tells what to do, and looks whether it was done."""

    def __init__(self, entry: BambuConfigEntry, problem: str) -> None:
        """Remember what it is about."""
        super().__init__(entry)
        self._problem = problem

    @override
    async def async_step_confirm(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        """Ask the user to do it, and try."""
        errors: dict[str, str] = {}
        if user_input is not None:
            if await self._async_solved():
                return self._done()
            errors["base"] = "still_there"
        return self.async_show_form(
            step_id="confirm",
            data_schema=probatio.Schema({}),
            errors=errors,
            description_placeholders={"name": self._entry.title},
        )

    async def _async_solved(self) -> bool:
        if self._entry.state is not ConfigEntryState.LOADED:
            return False
        coordinator = self._entry.runtime_data
        try:
            await _TESTS[self._problem](coordinator)
        except BambuError:
            return False
        problem = next(item for item in PROBLEMS if item.key == self._problem)
        return not problem.exists(coordinator)


async def _test_control(coordinator: PrinterCoordinator) -> None:
    await coordinator.printer.test_control()
    await coordinator.async_wait_for(
        ("capabilities",),
        lambda: coordinator.control is not ControlState.READ_ONLY,
        REPORT_TIMEOUT,
    )


def _test_report(
    section: str, solved: Callable[[PrinterCoordinator], bool]
) -> Callable[[PrinterCoordinator], Awaitable[None]]:
    """Ask for a report, and wait until it shows what is wanted."""

    async def test(coordinator: PrinterCoordinator) -> None:
        await coordinator.printer.refresh()
        await coordinator.async_wait_for(
            (section,), lambda: solved(coordinator), REPORT_TIMEOUT
        )

    return test


async def _test_room(coordinator: PrinterCoordinator) -> None:
    """Connect, and see whether the printer lets it stand."""
    printer = coordinator.printer
    printer.reconnect_now()
    if await printer.wait_available(REPORT_TIMEOUT):
        await asyncio.sleep(STAND_TIME)
    if printer.available:
        printer.contention.forget()


async def _test_silence(coordinator: PrinterCoordinator) -> None:
    coordinator.printer.reconnect_now()
    await coordinator.printer.wait_available(REPORT_TIMEOUT)


def _solved(key: str) -> Callable[[PrinterCoordinator], bool]:
    problem = next(item for item in PROBLEMS if item.key == key)
    return lambda coordinator: not problem.exists(coordinator)


_TESTS: Final[Mapping[str, Callable[[PrinterCoordinator], Awaitable[None]]]] = {
    "developer_mode": _test_control,
    "live_view": _test_report("camera", _solved("live_view")),
    "no_card": _test_report("enclosure", _solved("no_card")),
    "other_client": _test_room,
    "silent": _test_silence,
}


class CertificateFlow(_EntryFlow):
    """Shows both certificates, and remembers the new one if the user says so.

    Nothing is ever accepted without the user, and never another one than was shown.
    """

    _shown: CertificateChain | None = None

    @override
    async def async_step_confirm(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        """Show the certificates; when the user agrees, try the new one and keep it."""
        errors: dict[str, str] = {}
        accepted = self._shown
        error = await self._async_look()
        shown = self._shown
        # Without a certificate before, there was nothing to agree to.
        if user_input is not None and accepted and shown and error is None:
            if shown.fingerprint != accepted.fingerprint:
                error = "changed_again"
            else:
                error = await async_try_connection(
                    {**self._entry.data, CONF_CERTIFICATE: shown.pin}
                )
                # A wrong code is another story, which the next set-up tells.
                if error in (None, "invalid_auth"):
                    self._update(**{CONF_CERTIFICATE: shown.pin})
                    return self._done()
        if error:
            errors["base"] = error
        return self.async_show_form(
            step_id="confirm",
            data_schema=probatio.Schema({}),
            errors=errors,
            description_placeholders={
                "name": self._entry.title,
                "old": _fingerprint(self._entry.data[CONF_CERTIFICATE]),
                "new": shown.fingerprint if shown else "–",
                "authority": (shown and shown.authority) or "–",
            },
        )

    async def _async_look(self) -> str | None:
        """Read the certificate that the printer shows now; return what is wrong."""
        data = self._entry.data
        try:
            self._shown = await fetch_certificate_chain(
                data[CONF_HOST],
                data[CONF_MQTT_PORT],
                expected=data[CONF_SERIAL],
                limit=REPORT_TIMEOUT,
            )
        except PrinterConnectionError as err:
            return err.code
        return None


def _fingerprint(pin: str) -> str:
    try:
        return pin_fingerprint(pin)
    except ValueError:
        return "–"


class AccessCodeFlow(_EntryFlow):
    """Asks for the access code, as the re-authentication of the entry does."""

    @override
    async def async_step_confirm(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        """Ask for the code, and try it."""
        errors: dict[str, str] = {}
        if user_input is not None:
            code = user_input[CONF_ACCESS_CODE].strip()
            error = await async_try_connection(
                {**self._entry.data, CONF_ACCESS_CODE: code}
            )
            if error is None:
                self._update(**{CONF_ACCESS_CODE: code})
                return self._done()
            errors["base"] = error
        return self.async_show_form(
            step_id="confirm",
            data_schema=_CODE_SCHEMA,
            errors=errors,
            description_placeholders={"name": self._entry.title},
        )
