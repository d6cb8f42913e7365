"""What all tests share."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from unittest.mock import PropertyMock, patch

from aiohttp import ClientConnectionError
from homeassistant.const import ATTR_ENTITY_ID, CONF_HOST, STATE_UNAVAILABLE
from homeassistant.core import HomeAssistant, State
from homeassistant.helpers import entity_registry as er
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.syrupy import HomeAssistantSnapshotExtension
import pytest_socket
from syrupy.assertion import SnapshotAssertion

# The test harness brings a package named custom_components: ours must be there first.
import custom_components.bambu_printer
from custom_components.bambu_printer import (
    calendar,
    coordinator as coordinator_module,
    job_pictures,
    job_project,
)
from custom_components.bambu_printer.assist import sentences
from custom_components.bambu_printer.const import (
    CONF_ACCESS_CODE,
    CONF_CAMERA_PORT,
    CONF_CERTIFICATE,
    CONF_DETECT_PORT,
    CONF_FTPS_PORT,
    CONF_MQTT_PORT,
    CONF_SERIAL,
    DOMAIN,
)
from custom_components.bambu_printer.error_texts import ErrorTexts
from custom_components.bambu_printer.printer import printer as printer_module
from virtual_printer import VirtualPrinter
from virtual_printer.projects import make_project
from virtual_printer.threemf import Project

assert custom_components.bambu_printer

SESSION = "custom_components.bambu_printer.printer.session"
# What has happened stays so while the printer is away.
LASTING = ("camera", "calendar", "event")
NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _custom_integrations(enable_custom_integrations: None) -> None:
    """Let Home Assistant find the integration."""


@pytest.fixture(autouse=True)
def announcement_ports() -> Iterator[tuple[int, ...]]:
    """Listen for announcements nowhere: other tests, and printers, are on the same ports."""
    with patch("custom_components.bambu_printer.discovery.ANNOUNCEMENT_PORTS", ()):
        yield ()


@pytest.fixture(autouse=True)
def _no_internet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nobody ask a server of the maker."""

    async def refuse(_self: object, _query: object) -> bytes:
        raise ClientConnectionError

    monkeypatch.setattr(ErrorTexts, "_async_fetch", refuse)


@pytest.fixture(autouse=True)
def _kept_elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep what is known of projects away from the configuration that tests share."""
    folder = tmp_path_factory.getbasetemp() / "kept"
    with (
        patch.object(coordinator_module, "STORAGE_DIR", str(folder)),
        patch.object(job_pictures, "STORAGE_DIR", str(folder)),
    ):
        yield


@pytest.fixture(autouse=True)
def _job_files_are_left_alone() -> Iterator[None]:
    """Look for no file of a job: what is found would show in the midst of a test."""
    with patch.object(job_project, "SETTLE_TIME", 3600.0):
        yield


@pytest.fixture
def job_files(_job_files_are_left_alone: None) -> Iterator[None]:
    """Look for the file of each job, and at once."""
    with (
        patch.object(job_project, "SETTLE_TIME", 0.0),
        patch.object(job_project, "FIRST_PAUSE", 0.02),
        patch.object(job_project, "LONGEST_PAUSE", 0.1),
    ):
        yield


@pytest.fixture
def snapshot(snapshot: SnapshotAssertion) -> SnapshotAssertion:
    """Write snapshots the way Home Assistant does."""
    return snapshot.use_extension(HomeAssistantSnapshotExtension)


@pytest.fixture
def whole_loopback(socket_enabled: None) -> None:
    """Allow all addresses of the loopback that tests use, not only the first."""
    pytest_socket.socket_allow_hosts(
        ["127.0.0.1", "127.0.0.2", "127.0.0.3"], allow_unix_socket=True
    )


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
    """Stop the clock of the library and the calendar; real sockets need theirs."""
    stopped = Clock()

    class StoppedClock(datetime):
        """A clock that somebody else moves."""

        @classmethod
        def now(cls, tz: Any = None) -> datetime:  # type: ignore[override]
            return stopped.time.astimezone(tz)

    with (
        patch.object(printer_module, "datetime", StoppedClock),
        patch.object(calendar, "utcnow", lambda: stopped.time),
    ):
        yield stopped


@pytest.fixture(autouse=True)
def sentences_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep sentences in step without a pause: tests wait for it."""
    monkeypatch.setattr(sentences, "PAUSE", 0.0)


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
        CONF_FTPS_PORT: printer.ftps_port,
        CONF_DETECT_PORT: printer.detect_port,
        CONF_CAMERA_PORT: printer.camera_port,
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


def different_plates(printer: VirtualPrinter, title: str = "Two") -> Project:
    """Return a project whose plates look different: one object, and four."""
    made = make_project(printer.profile, title, plates=2, objects=4, dual=False)
    first, second = made.plates
    return replace(made, plates=(replace(first, parts=first.parts[:1]), second))


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

    @property
    def always(self) -> set[str]:
        """Return the entities that are available also without the printer."""
        return {
            self.entity_id("binary_sensor", "connectivity"),
            self.entity_id("sensor", "control"),
            self.entity_id("switch", "release_connection"),
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


async def while_reporting[T](
    rig: Rig, work: Awaitable[T], seconds: float = 0, limit: float = 10
) -> T:
    """Wait for something while the printer reports, and its time passes."""
    task = asyncio.ensure_future(work)
    try:
        async with asyncio.timeout(limit):
            while not task.done():
                await asyncio.wait((task,), timeout=0.02)
                if seconds:
                    await rig.printer.tick(seconds)
                await rig.printer.push(True)
    finally:
        task.cancel()
    result = await task
    await rig.report(full=True)
    return result


@pytest.fixture
async def rig(
    hass: HomeAssistant, printer: VirtualPrinter, integration: MockConfigEntry
) -> Rig:
    """Return a printer with Home Assistant connected to it."""
    printer.clear_requests()
    return Rig(hass, printer, integration)
