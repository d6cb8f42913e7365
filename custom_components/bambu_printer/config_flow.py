"""Adding a printer, and changing how it is reached."""

from collections.abc import Mapping
from dataclasses import dataclass
import logging
from typing import Any, override

from homeassistant.config_entries import (
    ConfigEntry,
    ConfigEntryState,
    ConfigFlow,
    ConfigFlowResult,
    OptionsFlowWithReload,
)
from homeassistant.const import CONF_HOST
from homeassistant.core import callback
from homeassistant.data_entry_flow import section
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.selector import (
    BooleanSelector,
    EntitySelector,
    EntitySelectorConfig,
    TextSelector,
    TextSelectorConfig,
    TextSelectorType,
)
import probatio

from .const import (
    CONF_ACCESS_CODE,
    CONF_CAMERA_PORT,
    CONF_CERTIFICATE,
    CONF_CHAMBER_SENSOR,
    CONF_DETECT_PORT,
    CONF_ERROR_TEXTS_ONLINE,
    CONF_FTPS_PORT,
    CONF_MQTT_PORT,
    CONF_PORTS,
    CONF_SERIAL,
    DOMAIN,
    FTPS_PORT,
)
from .coordinator import BambuConfigEntry, endpoint_from_data
from .printer import (
    DETECT_PORT,
    MQTT_PORT,
    BambuPrinter,
    PrinterConnectionError,
    default_name,
    detect,
    fetch_certificate_chain,
)

_LOGGER = logging.getLogger(__name__)

_PASSWORD = TextSelector(TextSelectorConfig(type=TextSelectorType.PASSWORD))

_PORTS_SCHEMA = probatio.Schema(
    {
        probatio.Required(CONF_MQTT_PORT, default=MQTT_PORT): cv.port,
        probatio.Required(CONF_FTPS_PORT, default=FTPS_PORT): cv.port,
        # Its usual number depends on the model.
        probatio.Optional(CONF_CAMERA_PORT): cv.port,
        probatio.Required(CONF_DETECT_PORT, default=DETECT_PORT): cv.port,
    }
)
_PORTS_SECTION = section(_PORTS_SCHEMA, {"collapsed": True})

# Without a default of its own: it would hide those of the fields in it from the form.
_ADDRESS_SCHEMA = probatio.Schema(
    {
        probatio.Required(CONF_HOST): cv.string,
        probatio.Required(probatio.Secret(CONF_ACCESS_CODE)): _PASSWORD,
        probatio.Required(CONF_PORTS): _PORTS_SECTION,
    }
)
_USER_SCHEMA = probatio.Schema(
    {
        probatio.Required(CONF_HOST): cv.string,
        probatio.Required(probatio.Secret(CONF_ACCESS_CODE)): _PASSWORD,
        probatio.Optional(CONF_SERIAL): cv.string,
        probatio.Required(CONF_PORTS): _PORTS_SECTION,
    }
)
_REAUTH_SCHEMA = probatio.Schema(
    {probatio.Required(probatio.Secret(CONF_ACCESS_CODE)): _PASSWORD}
)

_CHAMBER_OPTION = {
    probatio.Optional(CONF_CHAMBER_SENSOR): EntitySelector(
        EntitySelectorConfig(domain="sensor", device_class="temperature")
    )
}
_OPTIONS = {probatio.Required(CONF_ERROR_TEXTS_ONLINE, default=True): BooleanSelector()}

_FIELD_OF_ERROR = {
    "invalid_auth": CONF_ACCESS_CODE,
    "wrong_serial": CONF_SERIAL,
    "unreachable": CONF_HOST,
}
"""The field that an error is about, where it is about one."""


@dataclass(frozen=True, slots=True)
class _Probe:
    """What was found at an address."""

    data: dict[str, Any]
    serial: str
    name: str


class BambuConfigFlow(ConfigFlow, domain=DOMAIN):
    """Adds a printer by its address and access code.

    The serial number is read from the printer's certificate, which is remembered: from
    then on nothing else at that address is told the access code.
    """

    VERSION = 1
    MINOR_VERSION = 1

    @override
    async def async_step_user(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask where the printer is."""
        errors: dict[str, str] = {}
        if user_input is not None:
            expected = user_input.get(CONF_SERIAL, "").strip().upper()
            probe = await self._async_probe(user_input, errors, expected=expected)
            if probe:
                await self.async_set_unique_id(probe.serial)
                self._abort_if_unique_id_configured()
                return self.async_create_entry(title=probe.name, data=probe.data)
        return self.async_show_form(
            step_id="user",
            data_schema=self.add_suggested_values_to_schema(_USER_SCHEMA, user_input),
            errors=errors,
        )

    @staticmethod
    @callback
    @override
    def async_get_options_flow(config_entry: ConfigEntry) -> BambuOptionsFlow:
        """Return the flow for the options."""
        return BambuOptionsFlow()

    async def async_step_reconfigure(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask for another address, access code or ports of the same printer."""
        entry = self._get_reconfigure_entry()
        errors: dict[str, str] = {}
        if user_input is not None:
            probe = await self._async_probe(
                user_input,
                errors,
                pin=entry.data[CONF_CERTIFICATE],
                expected=entry.unique_id,
            )
            if probe:
                return self.async_update_reload_and_abort(entry, data=probe.data)
        suggested = user_input or {
            CONF_HOST: entry.data[CONF_HOST],
            CONF_PORTS: {
                key: entry.data[key]
                for key in (
                    CONF_MQTT_PORT,
                    CONF_FTPS_PORT,
                    CONF_CAMERA_PORT,
                    CONF_DETECT_PORT,
                )
                if key in entry.data
            },
        }
        return self.async_show_form(
            step_id="reconfigure",
            data_schema=self.add_suggested_values_to_schema(_ADDRESS_SCHEMA, suggested),
            errors=errors,
        )

    async def async_step_reauth(
        self, entry_data: Mapping[str, Any]
    ) -> ConfigFlowResult:
        """Start over with the access code: the printer has another one now."""
        return await self.async_step_reauth_confirm()

    async def async_step_reauth_confirm(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask for the new access code."""
        entry = self._get_reauth_entry()
        errors: dict[str, str] = {}
        if user_input is not None:
            updates = {CONF_ACCESS_CODE: user_input[CONF_ACCESS_CODE].strip()}
            if not (error := await self._async_try({**entry.data, **updates})):
                return self.async_update_reload_and_abort(entry, data_updates=updates)
            # There is only one field.
            field = _FIELD_OF_ERROR.get(error)
            errors[field if field == CONF_ACCESS_CODE else "base"] = error
        return self.async_show_form(
            step_id="reauth_confirm",
            data_schema=_REAUTH_SCHEMA,
            errors=errors,
        )

    async def _async_probe(
        self,
        user_input: Mapping[str, Any],
        errors: dict[str, str],
        *,
        expected: str | None = None,
        pin: str | None = None,
    ) -> _Probe | None:
        """Find out which printer is at an address, and whether it lets us in.

        `expected` is its serial number and `pin` its certificate, if they are known.
        Returns None, with what is wrong in `errors`.
        """
        host = user_input[CONF_HOST].strip()
        ports = _PORTS_SCHEMA(user_input.get(CONF_PORTS, {}))
        try:
            chain = await fetch_certificate_chain(
                host, ports[CONF_MQTT_PORT], expected=expected
            )
        except PrinterConnectionError as err:
            field = _FIELD_OF_ERROR.get(err.code, "base")
            # Only the first form asks for the serial number.
            errors[field if field in user_input or field == CONF_HOST else "base"] = (
                err.code
            )
            return None
        except Exception:
            _LOGGER.exception("Unexpected error while looking for a printer")
            errors["base"] = "unknown"
            return None
        data = {
            CONF_HOST: host,
            CONF_ACCESS_CODE: user_input[CONF_ACCESS_CODE].strip(),
            CONF_SERIAL: chain.serial,
            CONF_CERTIFICATE: pin or chain.pin,
            **ports,
        }
        if self.source == "user":
            await self.async_set_unique_id(chain.serial)
            self._abort_if_unique_id_configured()
        if error := await self._async_try(data):
            errors[_FIELD_OF_ERROR.get(error, "base")] = error
            return None
        identity = await detect(host, ports[CONF_DETECT_PORT])
        known = identity is not None and identity.serial == chain.serial
        name = identity.name if identity and known else ""
        return _Probe(data, chain.serial, name or default_name(chain.serial))

    async def _async_try(self, data: Mapping[str, Any]) -> str | None:
        """Start a session and end it again; return the code of what is wrong."""
        printer = BambuPrinter(endpoint_from_data(data))
        try:
            await printer.start_session()
        except PrinterConnectionError as err:
            return err.code
        except Exception:
            _LOGGER.exception("Unexpected error while connecting to a printer")
            return "unknown"
        finally:
            await printer.quit()
        return None


def _has_chamber_sensor(entry: BambuConfigEntry) -> bool:
    """Whether the printer measures its chamber; unknown while it is not loaded."""
    return (
        entry.state is ConfigEntryState.LOADED
        and entry.runtime_data.data.capabilities.chamber_sensor
    )


class BambuOptionsFlow(OptionsFlowWithReload):
    """Changes what the printer does not decide."""

    async def async_step_init(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask for all of them; for a thermometer in the chamber where there is none."""
        chamber = {} if _has_chamber_sensor(self.config_entry) else _CHAMBER_OPTION
        if user_input is not None:
            return self.async_create_entry(data=user_input)
        return self.async_show_form(
            step_id="init",
            data_schema=self.add_suggested_values_to_schema(
                probatio.Schema({**chamber, **_OPTIONS}), self.config_entry.options
            ),
        )
