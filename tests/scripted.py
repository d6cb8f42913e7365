"""A printer of which a test says what it shows, without any socket."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import override
from unittest.mock import patch

from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import CONF_HOST, Platform
from homeassistant.core import HomeAssistant
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_fire_time_changed,
)

from custom_components.bambu_printer.const import (
    CONF_ACCESS_CODE,
    CONF_CERTIFICATE,
    CONF_MQTT_PORT,
    CONF_SERIAL,
    DOMAIN,
)
from custom_components.bambu_printer.printer import BambuPrinter, PrinterState
from custom_components.bambu_printer.printer.printer import ServiceState
from custom_components.bambu_printer.printer.state import SECTIONS

from .printer.scripted import IDLE

SERIAL = "00M09C123456789"


class ScriptedPrinter(BambuPrinter):
    """A printer whose session is play."""

    @property
    @override
    def available(self) -> bool:
        return self.service_state is ServiceState.CONNECTED

    @override
    async def quit(self) -> None:
        self.service_state = ServiceState.QUIT


@dataclass
class Stage:
    """Home Assistant, with a printer that shows what it is told to."""

    hass: HomeAssistant
    clock: FrozenDateTimeFactory
    entry: MockConfigEntry
    shown: PrinterState = IDLE
    printers: list[ScriptedPrinter] = field(default_factory=list)

    @contextmanager
    def play(self) -> Iterator[None]:
        """Let the integration take the play for a printer."""
        stage = self

        class Printer(ScriptedPrinter):
            @override
            async def start_session(self, *, limit: float | None = None) -> None:
                stage.printers.append(self)
                self.state = stage.shown
                self.service_state = ServiceState.CONNECTED

        with patch("custom_components.bambu_printer.coordinator.BambuPrinter", Printer):
            yield

    @property
    def up(self) -> bool:
        """Whether Home Assistant sees the printer."""
        return (
            self.entry.state is ConfigEntryState.LOADED and self.printers[-1].available
        )

    async def show(self, state: PrinterState, seconds: float = 10) -> None:
        """Let time pass, then show something else."""
        await self.wait(seconds)
        self.shown = state
        if self.up:
            self._tell()
        await self.hass.async_block_till_done()

    async def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.clock.tick(timedelta(seconds=seconds))
        async_fire_time_changed(self.hass)
        await self.hass.async_block_till_done()

    def _tell(self) -> None:
        printer = self.printers[-1]
        printer.state = self.shown
        assert printer.on_update
        printer.on_update(frozenset(SECTIONS))

    async def lose(self) -> None:
        """Cut the connection."""
        await self._connect(ServiceState.DISCONNECTED)

    async def find(self) -> None:
        """Mend the connection."""
        self.printers[-1].state = self.shown
        await self._connect(ServiceState.CONNECTED)

    async def _connect(self, state: ServiceState) -> None:
        printer = self.printers[-1]
        printer.service_state = state
        assert printer.on_connection
        printer.on_connection()
        await self.hass.async_block_till_done()

    async def start(self) -> None:
        """Set up the printer."""
        assert await self.hass.config_entries.async_setup(self.entry.entry_id)
        await self.hass.async_block_till_done()

    async def stop(self) -> None:
        """Unload the printer."""
        assert await self.hass.config_entries.async_unload(self.entry.entry_id)
        await self.hass.async_block_till_done()


@asynccontextmanager
async def play(
    hass: HomeAssistant, clock: FrozenDateTimeFactory, *platforms: Platform
) -> AsyncIterator[Stage]:
    """Set up a printer in a play, with some platforms."""
    entry = MockConfigEntry(
        domain=DOMAIN,
        title="Workshop",
        unique_id=SERIAL,
        data={
            CONF_HOST: "127.0.0.1",
            CONF_ACCESS_CODE: "12345678",
            CONF_SERIAL: SERIAL,
            CONF_CERTIFICATE: "",
            CONF_MQTT_PORT: 8883,
        },
    )
    entry.add_to_hass(hass)
    stage = Stage(hass, clock, entry)
    with (
        stage.play(),
        patch("custom_components.bambu_printer.PLATFORMS", list(platforms)),
    ):
        await stage.start()
        yield stage
