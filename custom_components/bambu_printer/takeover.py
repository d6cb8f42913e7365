"""Printers that another integration has already: what it was told need not be typed again.

Only read, and only when somebody adds a printer; nothing of the other integration is
changed, and it need not be loaded.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from homeassistant.const import CONF_HOST
from homeassistant.core import HomeAssistant, callback

from .const import CONF_ACCESS_CODE, CONF_SERIAL

OTHER_DOMAINS: Final = ("bambu_lab",)
"""Integrations whose entries hold host, serial number and access code under these names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownPrinter:
    """A printer as another integration's entry describes it; facts may be empty."""

    title: str
    serial: str
    host: str
    access_code: str = field(repr=False)

    @property
    def complete(self) -> bool:
        """Whether there is enough to try the connection."""
        return bool(self.host and self.access_code)


@callback
def printers_known_elsewhere(hass: HomeAssistant) -> list[KnownPrinter]:
    """Return the printers of other integrations' entries that tell a serial number.

    Which of their facts are data and which are options has changed between their
    versions, so both are looked at; options are the later word.
    """
    found: dict[str, KnownPrinter] = {}
    for domain in OTHER_DOMAINS:
        for entry in hass.config_entries.async_entries(domain, include_ignore=False):
            if serial := _text(entry, CONF_SERIAL).upper():
                found.setdefault(
                    serial,
                    KnownPrinter(
                        title=entry.title,
                        serial=serial,
                        host=_text(entry, CONF_HOST),
                        access_code=_text(entry, CONF_ACCESS_CODE),
                    ),
                )
    return list(found.values())


def _text(entry: Any, key: str) -> str:
    """Return a text from an entry that somebody else wrote; empty when it is none."""
    for source in (entry.options, entry.data):
        value = source.get(key) if isinstance(source, Mapping) else None
        if isinstance(value, str) and value.strip():
            return value.strip()
    return ""
