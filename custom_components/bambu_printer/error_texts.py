"""The maker's texts for error codes, fetched when there is an error, kept for a month."""

import asyncio
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
import logging
from typing import Any, Final

from aiohttp import ClientError, ClientTimeout
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from homeassistant.helpers.storage import Store
from homeassistant.util import dt as dt_util
from homeassistant.util.hass_dict import HassKey

from .const import DOMAIN
from .printer.error_texts import (
    ENDPOINT,
    LARGEST_ANSWER,
    CatalogueError,
    catalogue_query,
    find_text,
    read_catalogue,
)
from .printer.state.errors import Fault

_LOGGER = logging.getLogger(__name__)

KEEP: Final = timedelta(days=30)
_RETRY: Final = timedelta(hours=1)
_TIMEOUT = 20.0
"""Seconds for the whole answer; nobody waits for it."""
_MOST_CATALOGUES = 4
"""As many models and languages are kept, each about a megabyte."""
_HEADERS = {"User-Agent": DOMAIN}

type _Catalogue = dict[str, Any]


class ErrorTexts:
    """All catalogues of texts, shared by all printers.

    They lie in Home Assistant's storage, and in memory only while something is looked up.
    """

    def __init__(self, hass: HomeAssistant) -> None:
        """Prepare; nothing is read or fetched yet."""
        self._hass = hass
        self._store: Store[dict[str, _Catalogue]] = Store(
            hass, 1, f"{DOMAIN}.error_texts"
        )
        self._lock = asyncio.Lock()
        self._tried: dict[str, datetime] = {}

    async def async_find(
        self, language: str, prefix: str, faults: Iterable[Fault]
    ) -> dict[Fault, str]:
        """Return the texts of faults, as far as there are any, else in English.

        Nothing is raised when they cannot be had.
        """
        faults = list(faults)
        found: dict[Fault, str] = {}
        for candidate in dict.fromkeys((language, "en")):
            async with self._lock:
                texts = await self._async_texts(candidate, prefix)
            for fault in faults:
                if fault not in found and (text := find_text(fault, texts)):
                    found[fault] = text
            if texts:
                break
        return found

    async def _async_texts(self, language: str, prefix: str) -> Mapping[str, str]:
        """Return a catalogue: what is kept, or fetched when that is missing or old."""
        try:
            stored: object = await self._store.async_load()
        except Exception:
            # A file that cannot be read shall not take the printer's entities along.
            _LOGGER.exception("The texts for errors cannot be read from storage")
            stored = None
        catalogues: dict[str, _Catalogue] = stored if isinstance(stored, dict) else {}
        name = f"{language}/{prefix}"
        kept = catalogues.get(name)
        now = dt_util.utcnow()
        if _is_fresh(kept, now) or now - self._tried.get(name, now - KEEP) < _RETRY:
            return _texts_of(kept)
        self._tried[name] = now
        try:
            version = str(kept.get("version", "")) if kept and _texts_of(kept) else ""
            body = await self._async_fetch(catalogue_query(language, prefix, version))
            answer = await self._hass.async_add_executor_job(
                read_catalogue, body, language
            )
        except (TimeoutError, ClientError, CatalogueError, OSError) as err:
            _LOGGER.debug("No texts for errors of %s in %s: %s", prefix, language, err)
            return _texts_of(kept)
        version, texts = answer or (version, dict(_texts_of(kept)))
        catalogues.pop(name, None)
        catalogues[name] = {
            "fetched": now.isoformat(),
            "version": version,
            "texts": texts,
        }
        while len(catalogues) > _MOST_CATALOGUES:
            del catalogues[next(iter(catalogues))]
        await self._store.async_save(catalogues)
        return texts

    async def _async_fetch(self, query: dict[str, str]) -> bytes:
        session = async_get_clientsession(self._hass)
        async with session.get(
            ENDPOINT,
            params=query,
            headers=_HEADERS,
            timeout=ClientTimeout(total=_TIMEOUT),
            allow_redirects=False,
        ) as response:
            response.raise_for_status()
            body = bytearray()
            async for chunk in response.content.iter_chunked(1 << 16):
                body += chunk
                if len(body) > LARGEST_ANSWER:
                    raise CatalogueError("too long")
            return bytes(body)


def _is_fresh(kept: _Catalogue | None, now: datetime) -> bool:
    if not isinstance(kept, dict):
        return False
    fetched = dt_util.parse_datetime(str(kept.get("fetched")))
    return fetched is not None and now - KEEP < fetched <= now


def _texts_of(kept: _Catalogue | None) -> Mapping[str, str]:
    texts = kept.get("texts") if isinstance(kept, dict) else None
    return texts if isinstance(texts, dict) else {}


_KEY: HassKey[ErrorTexts] = HassKey(f"{DOMAIN}.error_texts")


@callback
def error_texts(hass: HomeAssistant) -> ErrorTexts:
    """Return the catalogues that all printers share."""
    return hass.data.setdefault(_KEY, ErrorTexts(hass))
