"""Repairs: raised, tried again, and gone when the cause is gone."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from unittest.mock import patch

from homeassistant.components.repairs import DOMAIN as REPAIRS
from homeassistant.config_entries import SOURCE_REAUTH, ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import entity_registry as er, issue_registry as ir
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_fire_time_changed,
)

from custom_components.bambu_printer import problems, repairs
from custom_components.bambu_printer.const import (
    CONF_ACCESS_CODE,
    CONF_CERTIFICATE,
    DOMAIN,
)
from custom_components.bambu_printer.printer.errors import HungUpError
from custom_components.bambu_printer.printer.security import pin_fingerprint
from virtual_printer import VirtualPrinter

from .conftest import Rig, wait_until

UNSIGNED = {"reason": "mqtt message verify failed", "err_code": 84033543}
LIVE = {"ipcam": {"rtsp_url": "rtsps://192.0.2.77:322/streaming/live/1"}}


@pytest.fixture(autouse=True)
def impatient_repairs() -> Iterator[None]:
    """Wait for the printer's answer no longer than a moment."""
    with (
        patch.object(repairs, "REPORT_TIMEOUT", 1.0),
        patch.object(repairs, "STAND_TIME", 0.05),
    ):
        yield


def issue(hass: HomeAssistant, key: str, entry: MockConfigEntry) -> Any:
    found = ir.async_get(hass).async_get_issue(DOMAIN, problems.issue_id(key, entry))
    return found if found and found.active else None


async def open_fix(hass: HomeAssistant, key: str, entry: MockConfigEntry) -> Any:
    """Begin to fix a problem, as the button does."""
    assert await async_setup_component(hass, REPAIRS, {})
    await hass.async_block_till_done()
    found = issue(hass, key, entry)
    assert found
    assert found.is_fixable
    assert found.translation_placeholders == {"name": entry.title}
    manager = hass.data[REPAIRS]["flow_manager"]
    result = await manager.async_init(DOMAIN, data={"issue_id": found.issue_id})
    assert result["type"] is FlowResultType.FORM
    assert result["step_id"] == "confirm"
    assert result["description_placeholders"]["name"] == entry.title
    return result


async def submit(hass: HomeAssistant, form: Any, **data: str) -> Any:
    manager = hass.data[REPAIRS]["flow_manager"]
    result = await manager.async_configure(form["flow_id"], data)
    await hass.async_block_till_done()
    return result


def registered(hass: HomeAssistant, entry: MockConfigEntry) -> dict[str, str]:
    registry = er.async_get(hass)
    return {
        item.unique_id: item.id
        for item in er.async_entries_for_config_entry(registry, entry.entry_id)
    }


# What a connected printer shows


@pytest.mark.parametrize("model", ["X1C", "P1S"])
@pytest.mark.parametrize("scenario", ["idle"])
async def test_developer_mode(hass: HomeAssistant, rig: Rig) -> None:
    rig.printer.faults.refuse_control = True
    with pytest.raises(Exception, match="signed"):
        await rig.call("climate.set_temperature", "bed", temperature=40)
    await rig.report(full=True)
    form = await open_fix(hass, "developer_mode", rig.entry)
    result = await submit(hass, form)
    assert result["errors"] == {"base": "still_there"}
    assert issue(hass, "developer_mode", rig.entry)
    rig.printer.faults.refuse_control = False
    rig.entry.runtime_data.printer._last_push_all = float("-inf")
    result = await submit(hass, form)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert issue(hass, "developer_mode", rig.entry) is None
    assert rig.state("sensor", "control").state == "full"


async def test_developer_mode_switched_on(hass: HomeAssistant, rig: Rig) -> None:
    """Nobody has to say that it is done."""
    rig.printer.faults.refuse_control = True
    await rig.report()
    await wait_until(hass, lambda: issue(hass, "developer_mode", rig.entry))
    rig.printer.faults.refuse_control = False
    await rig.report()
    await wait_until(hass, lambda: not issue(hass, "developer_mode", rig.entry))


async def test_live_view(hass: HomeAssistant, rig: Rig) -> None:
    await rig.report({"ipcam": {"rtsp_url": "disable"}})
    form = await open_fix(hass, "live_view", rig.entry)
    assert (await submit(hass, form))["errors"] == {"base": "still_there"}
    rig.printer.update(LIVE)
    rig.entry.runtime_data.printer._last_push_all = float("-inf")
    result = await submit(hass, form)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert issue(hass, "live_view", rig.entry) is None
    # And back again, without a word of the user.
    await rig.report({"ipcam": {"rtsp_url": "disable"}})
    assert issue(hass, "live_view", rig.entry)
    await rig.report(LIVE)
    assert issue(hass, "live_view", rig.entry) is None


@pytest.mark.parametrize("model", ["P1S", "A1MINI"])
async def test_live_view_where_there_is_none(hass: HomeAssistant, rig: Rig) -> None:
    assert issue(hass, "live_view", rig.entry) is None


async def take_card(rig: Rig) -> None:
    rig.printer._machine.remove_card()
    await rig.report(full=True)


def insert_card(rig: Rig) -> None:
    rig.printer._machine.set_home_bit(8, True)
    rig.printer._machine.set_hex("aux", 12, 2, 1)


@pytest.mark.parametrize(("model", "needed"), [("X1C", True), ("H2D", False)])
async def test_no_card(hass: HomeAssistant, rig: Rig, needed: bool) -> None:
    """Some models print from a memory of their own."""
    assert issue(hass, "no_card", rig.entry) is None
    await take_card(rig)
    assert bool(issue(hass, "no_card", rig.entry)) is needed
    if needed:
        form = await open_fix(hass, "no_card", rig.entry)
        assert (await submit(hass, form))["errors"] == {"base": "still_there"}
        insert_card(rig)
        rig.entry.runtime_data.printer._last_push_all = float("-inf")
        result = await submit(hass, form)
        assert result["type"] is FlowResultType.CREATE_ENTRY
        assert issue(hass, "no_card", rig.entry) is None


async def test_ignored_stays_ignored(hass: HomeAssistant, rig: Rig) -> None:
    await take_card(rig)
    registry = ir.async_get(hass)
    registry.async_ignore(DOMAIN, problems.issue_id("no_card", rig.entry), True)
    await hass.config_entries.async_reload(rig.entry.entry_id)
    await wait_until(hass, lambda: issue(hass, "no_card", rig.entry))
    assert issue(hass, "no_card", rig.entry).dismissed_version


async def test_gone_with_the_entry(hass: HomeAssistant, rig: Rig) -> None:
    await take_card(rig)
    assert issue(hass, "no_card", rig.entry)
    form = await open_fix(hass, "no_card", rig.entry)
    await hass.config_entries.async_unload(rig.entry.entry_id)
    assert issue(hass, "no_card", rig.entry) is None
    # Who has the dialog open still gets an answer.
    assert (await submit(hass, form))["errors"] == {"base": "still_there"}


@pytest.mark.usefixtures("quick")
async def test_lost_while_it_is_tried(hass: HomeAssistant, rig: Rig) -> None:
    await take_card(rig)
    form = await open_fix(hass, "no_card", rig.entry)
    await rig.printer.power_off()
    await wait_until(hass, lambda: not rig.entry.runtime_data.last_update_success)
    assert (await submit(hass, form))["errors"] == {"base": "still_there"}


# Others in the way


@pytest.mark.usefixtures("quick")
async def test_other_client(hass: HomeAssistant, rig: Rig) -> None:
    printer = rig.entry.runtime_data.printer
    for _ in range(4):
        await wait_until(hass, lambda: printer.available)
        assert issue(hass, "other_client", rig.entry) is None
        await rig.printer.drop_connections()
        await wait_until(hass, lambda: not printer.available)
    await wait_until(hass, lambda: issue(hass, "other_client", rig.entry))
    await wait_until(hass, lambda: printer.available)
    form = await open_fix(hass, "other_client", rig.entry)
    result = await submit(hass, form)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert issue(hass, "other_client", rig.entry) is None


@pytest.mark.usefixtures("quick")
async def test_room_again(hass: HomeAssistant, rig: Rig) -> None:
    """A connection that stands for a minute has proven that there is room."""
    printer = rig.entry.runtime_data.printer
    printer.contention._kicks = 3
    with (
        patch.object(problems, "SETTLED_AFTER", 0.1),
        patch("custom_components.bambu_printer.printer.contention.SETTLED_AFTER", 0.05),
    ):
        await rig.printer.drop_connections()
        await wait_until(hass, lambda: issue(hass, "other_client", rig.entry))
        await wait_until(hass, lambda: printer.available)
        await wait_until(hass, lambda: not issue(hass, "other_client", rig.entry))


async def test_not_let_in_at_all(
    hass: HomeAssistant, printer: VirtualPrinter, entry: MockConfigEntry
) -> None:
    entry.add_to_hass(hass)
    with patch(
        "custom_components.bambu_printer.printer.BambuPrinter.start_session",
        side_effect=HungUpError,
    ):
        await hass.config_entries.async_setup(entry.entry_id)
        for _ in range(3):
            assert issue(hass, "other_client", entry) is None
            await hass.config_entries.async_reload(entry.entry_id)
    assert entry.state is ConfigEntryState.SETUP_RETRY
    assert issue(hass, "other_client", entry)
    await hass.config_entries.async_remove(entry.entry_id)
    assert issue(hass, "other_client", entry) is None


async def test_silent(hass: HomeAssistant, rig: Rig) -> None:
    hass.states.async_set("switch.plug", "on")
    hass.config_entries.async_update_entry(
        rig.entry, options={"power": {"power_switch": "switch.plug"}}
    )
    await hass.config_entries.async_reload(rig.entry.entry_id)
    await rig.printer.power_off()
    coordinator = rig.entry.runtime_data
    await wait_until(hass, lambda: not coordinator.last_update_success)
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(minutes=4))
    await hass.async_block_till_done()
    form = await open_fix(hass, "silent", rig.entry)
    assert (await submit(hass, form))["errors"] == {"base": "still_there"}
    await rig.printer.power_on()
    result = await submit(hass, form)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert issue(hass, "silent", rig.entry) is None


# Another certificate


@pytest.mark.usefixtures("quick")
async def test_certificate(hass: HomeAssistant, rig: Rig) -> None:
    """Both are shown; only the user accepts one, and the entities stay."""
    before, everything = registered(hass, rig.entry), rig.available()
    old = pin_fingerprint(rig.printer.ca_pem)
    with patch.object(rig.printer, "_authenticate", side_effect=AssertionError):
        await rig.printer.restart(new_certificate=True)
        await wait_until(
            hass, lambda: issue(hass, "certificate_changed", rig.entry), 20
        )
        form = await open_fix(hass, "certificate_changed", rig.entry)
    assert form["description_placeholders"] == {
        "name": rig.entry.title,
        "old": old,
        "new": pin_fingerprint(rig.printer.ca_pem),
        "authority": "–",
    }
    assert rig.entry.data[CONF_CERTIFICATE] != rig.printer.ca_pem
    result = await submit(hass, form)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert rig.entry.data[CONF_CERTIFICATE] == rig.printer.ca_pem
    await wait_until(hass, lambda: rig.available() == everything)
    assert registered(hass, rig.entry) == before
    assert issue(hass, "certificate_changed", rig.entry) is None


async def broken(
    hass: HomeAssistant, printer: VirtualPrinter, entry: MockConfigEntry
) -> None:
    """Set an entry up whose printer shows another certificate."""
    await printer.restart(new_certificate=True)
    entry.add_to_hass(hass)
    await hass.config_entries.async_setup(entry.entry_id)
    assert entry.state is ConfigEntryState.SETUP_ERROR


async def test_certificate_changes_again(
    hass: HomeAssistant, printer: VirtualPrinter, entry: MockConfigEntry
) -> None:
    """What is accepted is what was shown."""
    await broken(hass, printer, entry)
    form = await open_fix(hass, "certificate_changed", entry)
    await printer.restart(new_certificate=True)
    with patch.object(printer, "_authenticate", side_effect=AssertionError):
        result = await submit(hass, form)
    assert result["errors"] == {"base": "changed_again"}
    new = pin_fingerprint(printer.ca_pem)
    assert result["description_placeholders"]["new"] == new
    result = await submit(hass, form)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    await wait_until(hass, lambda: entry.state is ConfigEntryState.LOADED)


async def test_certificate_cannot_be_read(
    hass: HomeAssistant, printer: VirtualPrinter, entry: MockConfigEntry
) -> None:
    await broken(hass, printer, entry)
    hass.config_entries.async_update_entry(
        entry, data={**entry.data, CONF_CERTIFICATE: "nonsense"}
    )
    await printer.power_off()
    form = await open_fix(hass, "certificate_changed", entry)
    assert form["errors"] == {"base": "refused"}
    assert form["description_placeholders"]["new"] == "–"
    assert form["description_placeholders"]["old"] == "–"
    await printer.power_on()
    # What was not shown cannot be agreed to.
    result = await submit(hass, form)
    assert result["type"] is FlowResultType.FORM
    assert not result["errors"]
    printer.faults.silent = True
    with patch(f"{repairs.__name__}.async_try_connection", return_value="no_report"):
        result = await submit(hass, form)
    assert result["errors"] == {"base": "no_report"}
    printer.faults.silent = False
    printer.change_access_code("87654321")
    result = await submit(hass, form)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    # The code is another story.
    await wait_until(hass, lambda: issue(hass, "access_code", entry))
    assert issue(hass, "certificate_changed", entry) is None


@pytest.mark.parametrize("cause", ["certificate", "code"])
async def test_as_before_again(
    hass: HomeAssistant, printer: VirtualPrinter, entry: MockConfigEntry, cause: str
) -> None:
    """What was put right at the printer needs nobody in Home Assistant."""
    with (
        patch.object(problems, "CERTIFICATE_INTERVAL", 0.05),
        patch.object(problems, "ACCESS_CODE_INTERVAL", 0.05),
    ):
        if cause == "certificate":
            await broken(hass, printer, entry)
            key = "certificate_changed"
        else:
            printer.faults.refuse_login = True
            entry.add_to_hass(hass)
            await hass.config_entries.async_setup(entry.entry_id)
            await hass.async_block_till_done()
            key = "access_code"
            assert reauth_flows(hass)
        assert issue(hass, key, entry)
        if cause == "certificate":
            printer._generation -= 1
            await printer.restart()
        else:
            printer.faults.refuse_login = False
        await wait_until(hass, lambda: entry.state is ConfigEntryState.LOADED)
    assert issue(hass, key, entry) is None
    assert reauth_flows(hass) == []


@pytest.mark.parametrize("how", ["disabled", "removed"])
async def test_watch_ends(
    hass: HomeAssistant, printer: VirtualPrinter, entry: MockConfigEntry, how: str
) -> None:
    with patch.object(problems, "CERTIFICATE_INTERVAL", 0.05):
        await broken(hass, printer, entry)
        if how == "removed":
            await hass.config_entries.async_remove(entry.entry_id)
        else:
            await hass.config_entries.async_unload(entry.entry_id)
        await wait_until(hass, lambda: not issue(hass, "certificate_changed", entry))


# Another access code


def reauth_flows(hass: HomeAssistant) -> list[Any]:
    return [
        flow
        for flow in hass.config_entries.flow.async_progress_by_handler(DOMAIN)
        if flow["context"]["source"] == SOURCE_REAUTH
    ]


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("way", ["repair", "reauth"])
async def test_access_code(hass: HomeAssistant, rig: Rig, way: str) -> None:
    """Either way mends it, and ends the other one; the entities stay."""
    before, everything = registered(hass, rig.entry), rig.available()
    rig.printer.change_access_code("87654321")
    await rig.printer.drop_connections()
    await wait_until(hass, lambda: reauth_flows(hass))
    form = await open_fix(hass, "access_code", rig.entry)
    assert form["data_schema"].schema
    if way == "repair":
        result = await submit(hass, form, **{CONF_ACCESS_CODE: "11111111"})
        assert result["errors"] == {"base": "invalid_auth"}
        result = await submit(hass, form, **{CONF_ACCESS_CODE: " 87654321 "})
        assert result["type"] is FlowResultType.CREATE_ENTRY
    else:
        (flow,) = reauth_flows(hass)
        await hass.config_entries.flow.async_configure(
            flow["flow_id"], {CONF_ACCESS_CODE: "87654321"}
        )
    await wait_until(hass, lambda: rig.available() == everything)
    assert rig.entry.data[CONF_ACCESS_CODE] == "87654321"
    assert issue(hass, "access_code", rig.entry) is None
    assert reauth_flows(hass) == []
    assert not [
        found
        for found in ir.async_get(hass).issues.values()
        if found.active and "reauth" in found.issue_id
    ]
    assert registered(hass, rig.entry) == before


@pytest.mark.usefixtures("quick")
async def test_access_code_valid_again(hass: HomeAssistant, rig: Rig) -> None:
    everything = rig.available()
    rig.printer.faults.refuse_login = True
    await rig.printer.drop_connections()
    await wait_until(hass, lambda: issue(hass, "access_code", rig.entry))
    await wait_until(hass, lambda: reauth_flows(hass))
    rig.printer.faults.refuse_login = False
    await wait_until(hass, lambda: rig.available() == everything)
    assert issue(hass, "access_code", rig.entry) is None
    assert reauth_flows(hass) == []
