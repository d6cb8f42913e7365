"""What all tests share."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from unittest.mock import PropertyMock, patch

from homeassistant.const import ATTR_ENTITY_ID, CONF_HOST, STATE_UNAVAILABLE
from homeassistant.core import HomeAssistant, State
from homeassistant.helpers import entity_registry as er
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.syrupy import HomeAssistantSnapshotExtension
from syrupy.assertion import SnapshotAssertion

# The test harness brings a package named custom_components: ours must be there first.
import custom_components.bambu_printer
from custom_components.bambu_printer.const import (
    CONF_ACCESS_CODE,
    CONF_CERTIFICATE,
    CONF_DETECT_PORT,
    CONF_FTPS_PORT,
    CONF_MQTT_PORT,
    CONF_SERIAL,
    DOMAIN,
)
from custom_components.bambu_printer.printer import printer as printer_module
from virtual_printer import VirtualPrinter

assert custom_components.bambu_printer

SESSION = "custom_components.bambu_printer.printer.session"
# What has happened stays so while the printer is away.
LASTING = {"calendar", "event"}
NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _custom_integrations(enable_custom_integrations: None) -> None:
    """Let Home Assistant find the integration."""


@pytest.fixture
def snapshot(snapshot: SnapshotAssertion) -> SnapshotAssertion:
    """Write snapshots the way Home Assistant does."""
    return snapshot.use_extension(HomeAssistantSnapshotExtension)


@pytest.fixture
def quick() -> Iterator[None]:
    """Come back at once instead of after seconds."""
    with (
        patch(f"{SESSION}._FIRST_DELAY", 0.02),
        patch(f"{SESSION}._LONGEST_DELAY", 0.05),
    ):
        yield


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for an acknowledgement no longer than a moment."""
    from custom_components.bambu_printer.printer.session import Session

    defaults: Any = Session.request.__kwdefaults__
    monkeypatch.setitem(defaults, "limit", 0.2)


class Clock:
    """What time the library believes it is."""

    time = NOW


@pytest.fixture
def clock() -> Iterator[Clock]:
    """Stop the clock of the library, and no other: real sockets need theirs."""
    stopped = Clock()

    class StoppedClock(datetime):
        """A clock that somebody else moves."""

        @classmethod
        def now(cls, tz: Any = None) -> datetime:  # type: ignore[override]
            return stopped.time.astimezone(tz)

    with patch.object(printer_module, "datetime", StoppedClock):
        yield stopped


@pytest.fixture
def all_enabled() -> Iterator[None]:
    """Enable all entities, also those that are not by default."""
    with patch(
        "homeassistant.helpers.entity.Entity.entity_registry_enabled_default",
        PropertyMock(return_value=True),
    ):
        yield


@pytest.fixture
def model() -> str:
    """Return the model of the virtual printer; tests ask for another by parametrizing."""
    return "X1C"


@pytest.fixture
def scenario() -> str:
    """Return what the printer is doing; tests ask for another by parametrizing."""
    return "printing"


@pytest.fixture
async def printer(
    socket_enabled: None, model: str, scenario: str
) -> AsyncIterator[VirtualPrinter]:
    """Return a printer on loopback that reports only when it is asked to."""
    async with VirtualPrinter(
        model=model, scenario=scenario, autostart_reports=False
    ) as virtual:
        yield virtual


def entry_data(printer: VirtualPrinter) -> dict[str, Any]:
    """Return the data of a config entry for a virtual printer."""
    assert printer.detect_port is not None
    return {
        CONF_HOST: "127.0.0.1",
        CONF_ACCESS_CODE: printer.access_code,
        CONF_SERIAL: printer.serial,
        CONF_CERTIFICATE: printer.ca_pem,
        CONF_MQTT_PORT: printer.mqtt_port,
        CONF_FTPS_PORT: 990,
        CONF_DETECT_PORT: printer.detect_port,
    }


@pytest.fixture
def entry(printer: VirtualPrinter) -> MockConfigEntry:
    """Return a config entry for the virtual printer; not set up yet."""
    return MockConfigEntry(
        domain=DOMAIN,
        title=printer.name,
        unique_id=printer.serial,
        data=entry_data(printer),
    )


@pytest.fixture
async def integration(hass: HomeAssistant, entry: MockConfigEntry) -> MockConfigEntry:
    """Return the config entry, set up."""
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    return entry


async def wait_until(
    hass: HomeAssistant, condition: Callable[[], object], seconds: float = 10
) -> None:
    """Let real time pass until the condition holds."""
    async with asyncio.timeout(seconds):
        while True:
            await hass.async_block_till_done()
            if condition():
                return
            await asyncio.sleep(0.005)


@dataclass(frozen=True)
class Rig:
    """A printer, and Home Assistant connected to it."""

    hass: HomeAssistant
    printer: VirtualPrinter
    entry: MockConfigEntry

    def entity_id(self, platform: str, key: str) -> str:
        """Return the entity with this unique id, less the serial number."""
        registry = er.async_get(self.hass)
        unique_id = f"{self.printer.serial}_{key}"
        found = registry.async_get_entity_id(platform, DOMAIN, unique_id)
        assert found, f"no {platform} {key}"
        return found

    def state(self, platform: str, key: str) -> State:
        """Return the state of an entity."""
        state = self.hass.states.get(self.entity_id(platform, key))
        assert state
        return state

    def states(self) -> dict[str, State]:
        """Return all states of the printer's entities."""
        registry = er.async_get(self.hass)
        return {
            item.entity_id: state
            for item in er.async_entries_for_config_entry(registry, self.entry.entry_id)
            if (state := self.hass.states.get(item.entity_id))
        }

    def available(self) -> set[str]:
        """Return the entities that are available, but for those that always are."""
        return {
            entity_id
            for entity_id, state in self.states().items()
            if state.state != STATE_UNAVAILABLE and state.domain not in LASTING
        }

    async def call(self, action: str, key: str, **data: Any) -> None:
        """Perform an action on an entity."""
        platform, name = action.split(".")
        target = {ATTR_ENTITY_ID: self.entity_id(platform, key)}
        await self.hass.services.async_call(
            platform, name, {**target, **data}, blocking=True
        )
        await self.hass.async_block_till_done()

    async def report(
        self, change: dict[str, Any] | None = None, *, full: bool | None = None
    ) -> None:
        """Let the printer report, and Home Assistant take it in."""
        counters = self.entry.runtime_data.printer.raw.counters
        before = counters.full + counters.delta
        if change:
            self.printer.update(change)
        await self.printer.push(full)
        await wait_until(self.hass, lambda: counters.full + counters.delta > before)


@pytest.fixture
async def rig(
    hass: HomeAssistant, printer: VirtualPrinter, integration: MockConfigEntry
) -> Rig:
    """Return a printer with Home Assistant connected to it."""
    printer.clear_requests()
    return Rig(hass, printer, integration)
