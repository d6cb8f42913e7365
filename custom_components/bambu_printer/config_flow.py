"""Adding a printer, and changing how it is reached."""

import asyncio
from collections.abc import Iterable, Mapping
import logging
from typing import Any, override
from urllib.parse import urlsplit

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
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
    TextSelectorConfig,
    TextSelectorType,
)
from homeassistant.helpers.service_info.ssdp import SsdpServiceInfo
import probatio

from .connection import async_try_connection
from .const import (
    CONF_ACCESS_CODE,
    CONF_CAMERA_PORT,
    CONF_CERTIFICATE,
    CONF_CHAMBER_SENSOR,
    CONF_DETECT_PORT,
    CONF_ERROR_TEXTS_ONLINE,
    CONF_FTPS_PORT,
    CONF_GRACE,
    CONF_MQTT_PORT,
    CONF_PORTS,
    CONF_POWER,
    CONF_POWER_SWITCH,
    CONF_RELEASE,
    CONF_RETURN_AFTER,
    CONF_SERIAL,
    CONF_TAKE_OVER,
    CONF_WAKE,
    DOMAIN,
    FTPS_PORT,
)
from .discovery import async_get_discovery
from .power import DEFAULT_GRACE
from .printer import (
    DETECT_PORT,
    MQTT_PORT,
    Announcement,
    CertificateChain,
    PrinterConnectionError,
    default_name,
    detect,
    fetch_certificate_chain,
    identify,
)
from .printer.discovery import read_announcement
from .takeover import KnownPrinter, printers_known_elsewhere

_LOGGER = logging.getLogger(__name__)

_PASSWORD = TextSelector(TextSelectorConfig(type=TextSelectorType.PASSWORD))

ANSWER_WITHIN = 4.5
"""Seconds after which a form has an answer, whatever the printer does."""
_LOOK_WITHIN = 3.0
"""Seconds of them for the certificate."""


def _minutes(minimum: int) -> NumberSelector:
    """Return a field for minutes, up to a day."""
    return NumberSelector(
        NumberSelectorConfig(
            min=minimum,
            max=1440,
            step=1,
            mode=NumberSelectorMode.BOX,
            unit_of_measurement="min",
        )
    )


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
_CODE_SCHEMA = probatio.Schema(
    {probatio.Required(probatio.Secret(CONF_ACCESS_CODE)): _PASSWORD}
)


def _take_over_schema(printers: Iterable[KnownPrinter]) -> probatio.Schema:
    """Return a field to choose one of the printers, or none."""
    options = [
        SelectOptionDict(value=item.serial, label=f"{item.title} ({item.serial})")
        for item in printers
    ]
    return probatio.Schema(
        {
            probatio.Optional(CONF_TAKE_OVER): SelectSelector(
                SelectSelectorConfig(options=options, mode=SelectSelectorMode.LIST)
            )
        }
    )


_CHAMBER_FIELD: dict[Any, Any] = {
    probatio.Optional(CONF_CHAMBER_SENSOR): EntitySelector(
        EntitySelectorConfig(domain="sensor", device_class="temperature")
    )
}
_POWER_SCHEMA = probatio.Schema(
    {
        probatio.Optional(CONF_POWER_SWITCH): EntitySelector(
            EntitySelectorConfig(
                domain=[
                    "switch",
                    "input_boolean",
                    "light",
                    "fan",
                    "group",
                    "binary_sensor",
                ]
            )
        ),
        probatio.Required(CONF_WAKE, default=True): BooleanSelector(),
        probatio.Required(CONF_GRACE, default=DEFAULT_GRACE): _minutes(1),
    }
)
_RELEASE_SCHEMA = probatio.Schema(
    {probatio.Required(CONF_RETURN_AFTER, default=0): _minutes(0)}
)
_OPTIONS_FIELDS: dict[Any, Any] = {
    probatio.Required(CONF_ERROR_TEXTS_ONLINE, default=True): BooleanSelector(),
    probatio.Optional(CONF_POWER): section(_POWER_SCHEMA, {"collapsed": False}),
    probatio.Optional(CONF_RELEASE): section(_RELEASE_SCHEMA, {"collapsed": False}),
}

_FIELD_OF_ERROR = {
    "invalid_auth": CONF_ACCESS_CODE,
    "wrong_serial": CONF_SERIAL,
    "unreachable": CONF_HOST,
}
"""The field that an error is about, where it is about one."""


class BambuConfigFlow(ConfigFlow, domain=DOMAIN):
    """Adds a printer by its address and access code.

    The serial number is read from the printer's certificate, which is remembered: from
    then on nothing else at that address is told the access code.  A certificate of an
    authority of the maker is taken silently; of another one the user is asked first.
    """

    VERSION = 1
    MINOR_VERSION = 1

    _chain: CertificateChain
    """What the printer at the address shows."""
    _data: dict[str, Any]
    """What the entry is going to hold."""
    _entered: dict[str, Any] | None = None
    """What the user has told of the address."""
    _name: str = ""
    """As far as an announcement has told it."""
    _model: str = ""
    _trusted: str | None = None
    """Fingerprint of the authority that the user trusts."""

    @override
    async def async_step_user(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask where the printer is."""
        errors: dict[str, str] = {}
        if user_input is not None:
            self._entered = user_input
            started = self._now
            expected = user_input.get(CONF_SERIAL, "").strip().upper()
            if await self._async_look(user_input, errors, expected=expected):
                await self.async_set_unique_id(self._chain.serial)
                self._abort_if_unique_id_configured()
                return await self._async_add(started)
        elif self._known_elsewhere():
            return await self.async_step_take_over()
        return self._user_form(errors)

    async def async_step_take_over(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Offer what another integration knows; without a choice, ask for everything."""
        known = {item.serial: item for item in self._known_elsewhere()}
        if user_input is None:
            return self.async_show_form(
                step_id="take_over", data_schema=_take_over_schema(known.values())
            )
        if (chosen := known.get(user_input.get(CONF_TAKE_OVER, ""))) is None:
            return self._user_form({})
        entered = {
            CONF_HOST: chosen.host,
            CONF_ACCESS_CODE: chosen.access_code,
            CONF_SERIAL: chosen.serial,
            CONF_PORTS: {},
        }
        if chosen.complete:
            return await self.async_step_user(entered)
        self._entered = entered
        return self._user_form({})

    def _known_elsewhere(self) -> list[KnownPrinter]:
        """Return the printers of other integrations that are not set up here."""
        present = self._async_current_ids(include_ignore=False)
        return [
            item
            for item in printers_known_elsewhere(self.hass)
            if item.serial not in present
        ]

    def _user_form(self, errors: dict[str, str]) -> ConfigFlowResult:
        return self.async_show_form(
            step_id="user",
            data_schema=self.add_suggested_values_to_schema(
                _USER_SCHEMA, self._entered
            ),
            errors=errors,
        )

    @override
    async def async_step_integration_discovery(
        self, discovery_info: dict[str, Any]
    ) -> ConfigFlowResult:
        """Take over what our own listener has heard."""
        return await self._async_discovered(Announcement(**discovery_info))

    @override
    async def async_step_ssdp(
        self, discovery_info: SsdpServiceInfo
    ) -> ConfigFlowResult:
        """Take over what Home Assistant's own SSDP has heard."""
        headers = {
            str(key).lower(): str(value)
            for key, value in discovery_info.ssdp_headers.items()
        }
        location = discovery_info.ssdp_location or ""
        sender = headers.get("_host") or urlsplit(location).hostname or location
        announcement = read_announcement(headers, sender)
        if announcement is None:
            return self.async_abort(reason="not_a_printer")
        return await self._async_discovered(announcement)

    async def _async_discovered(self, announcement: Announcement) -> ConfigFlowResult:
        """Make sure that it is there, and ask only for the access code."""
        entry = await self.async_set_unique_id(announcement.serial)
        if entry is not None:
            # It may have another address now: that is looked into, and not just believed.
            async_get_discovery(self.hass).async_announced(announcement)
        self._abort_if_unique_id_configured()
        errors: dict[str, str] = {}
        found = {CONF_HOST: announcement.host, CONF_ACCESS_CODE: ""}
        if not await self._async_look(found, errors, expected=announcement.serial):
            return self.async_abort(reason="cannot_connect")
        self._name = announcement.name or default_name(announcement.serial)
        model = identify(code=announcement.model_code, serial=announcement.serial)
        self._model = model.key
        self.context["title_placeholders"] = {"name": self._name, "model": model.key}
        return await self.async_step_discovery_confirm()

    async def async_step_discovery_confirm(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask for the access code of a printer that was found."""
        if user_input is not None:
            self._data[CONF_ACCESS_CODE] = user_input[CONF_ACCESS_CODE].strip()
            return await self._async_add(self._now)
        return self._discovery_form({})

    def _discovery_form(self, errors: dict[str, str]) -> ConfigFlowResult:
        # Only when the code was not tried yet, which it has been if something is wrong.
        suggested = {
            CONF_ACCESS_CODE: known.access_code
            for known in self._known_elsewhere()
            if known.serial == self._chain.serial and not errors
        }
        return self.async_show_form(
            step_id="discovery_confirm",
            data_schema=self.add_suggested_values_to_schema(_CODE_SCHEMA, suggested),
            errors=errors,
            description_placeholders={
                "name": self._name,
                "model": self._model,
                "serial": self._chain.serial,
                "host": self._data[CONF_HOST],
            },
        )

    async def async_step_trust(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask whether to trust a certificate that no known authority of the maker issued."""
        if user_input is not None:
            self._trusted = self._chain.fingerprint
            return await self._async_add(self._now)
        return self.async_show_form(
            step_id="trust",
            data_schema=probatio.Schema({}),
            description_placeholders={
                "serial": self._chain.serial,
                "fingerprint": self._chain.fingerprint,
            },
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
            started = self._now
            if await self._async_look(user_input, errors, expected=entry.unique_id):
                # It is still the printer that was added, or it is not told the code.
                data = {**self._data, CONF_CERTIFICATE: entry.data[CONF_CERTIFICATE]}
                error = await async_try_connection(data, self._left(started))
                if error is None:
                    return self.async_update_reload_and_abort(entry, data=data)
                _put(errors, error, user_input)
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
            error = await async_try_connection({**entry.data, **updates})
            if error is None:
                return self.async_update_reload_and_abort(entry, data_updates=updates)
            _put(errors, error, user_input)
        return self.async_show_form(
            step_id="reauth_confirm",
            data_schema=_CODE_SCHEMA,
            errors=errors,
        )

    @property
    def _now(self) -> float:
        return self.hass.loop.time()

    def _left(self, started: float) -> float:
        """Return the seconds that are left for an answer."""
        return max(ANSWER_WITHIN - (self._now - started), 1.0)

    async def _async_look(
        self,
        user_input: Mapping[str, Any],
        errors: dict[str, str],
        *,
        expected: str | None = None,
    ) -> bool:
        """Read the certificate at an address; nothing is told to what answers there.

        `expected` is the serial number of the only printer that will do.  Returns False,
        with what is wrong in `errors`, when there is none.
        """
        host = user_input[CONF_HOST].strip()
        ports = _PORTS_SCHEMA(user_input.get(CONF_PORTS, {}))
        try:
            self._chain = chain = await fetch_certificate_chain(
                host, ports[CONF_MQTT_PORT], expected=expected, limit=_LOOK_WITHIN
            )
        except PrinterConnectionError as err:
            _put(errors, err.code, user_input)
            return False
        except Exception:
            _LOGGER.exception("Unexpected error while looking for a printer")
            errors["base"] = "unknown"
            return False
        self._data = {
            CONF_HOST: host,
            CONF_ACCESS_CODE: user_input[CONF_ACCESS_CODE].strip(),
            CONF_SERIAL: chain.serial,
            CONF_CERTIFICATE: chain.pin,
            **ports,
        }
        return True

    async def _async_add(self, started: float) -> ConfigFlowResult:
        """Try the access code, and make the entry.

        Whoever shows a copy of a certificate of the maker without being its printer fails
        here before the code is sent: each connection is verified.
        """
        chain, data = self._chain, self._data
        if chain.authority is None and chain.fingerprint != self._trusted:
            return await self.async_step_trust()
        left = self._left(started)
        error, identity = await asyncio.gather(
            async_try_connection(data, left),
            detect(data[CONF_HOST], data[CONF_DETECT_PORT], limit=min(left, 3.0)),
        )
        if error is None:
            known = identity is not None and identity.serial == chain.serial
            name = identity.name if identity and known else self._name
            return self.async_create_entry(
                title=name or default_name(chain.serial), data=data
            )
        errors: dict[str, str] = {}
        if self._model:
            _put(errors, error, {CONF_ACCESS_CODE: ""})
            return self._discovery_form(errors)
        _put(errors, error, self._entered or {})
        return self._user_form(errors)


def _put(errors: dict[str, str], error: str, fields: Mapping[str, Any]) -> None:
    """Put an error to the field that it is about, when the form has it."""
    field = _FIELD_OF_ERROR.get(error, "base")
    errors[field if field in fields else "base"] = error


def _has_chamber_sensor(entry: ConfigEntry) -> bool:
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
        """Ask for helpers, and for habits."""
        if user_input is not None:
            return self.async_create_entry(data=user_input)
        fields = dict(_OPTIONS_FIELDS)
        if not _has_chamber_sensor(self.config_entry):
            fields = {**_CHAMBER_FIELD, **fields}
        return self.async_show_form(
            step_id="init",
            data_schema=self.add_suggested_values_to_schema(
                probatio.Schema(fields), self.config_entry.options
            ),
        )
