"""An hour of a print in a minute: the library's clock is turned on with the reports."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

from homeassistant.core import HomeAssistant
import orjson

from custom_components.bambu_printer.printer import printer as printer_module

from .reports import full_stream

_START = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


class Hour:
    """Takes a printer that is set up through an hour of printing."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Use the first printer there is."""
        self._hass = hass

    async def run(self, seconds: int, model: str) -> int:
        """Let time pass, a report each second; return how many there were."""
        (entry, *_) = self._hass.config_entries.async_loaded_entries("bambu_printer")
        printer = entry.runtime_data.printer
        stream = full_stream(model, seconds)
        with patch.object(printer_module, "datetime", _Clock):
            for number, payload in enumerate((stream.full, *stream.following)):
                _Clock.moment = _START + timedelta(seconds=number)
                printer.on_message(orjson.loads(payload))
                if number % 20 == 0:
                    await asyncio.sleep(0.001)
        await self._hass.async_block_till_done()
        return len(stream.following)


class _Clock(datetime):
    """A clock that somebody else moves."""

    moment = _START

    @classmethod
    def now(cls, tz: Any = None) -> datetime:  # type: ignore[override]
        return cls.moment.astimezone(tz)
