"""Each fault, how it shows in Home Assistant, and that it leaves nothing behind."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from homeassistant.const import STATE_OFF, STATE_ON, STATE_UNAVAILABLE
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.bambu_printer.const import DOMAIN
from custom_components.bambu_printer.printer.errors import InvalidAccessCodeError
from tests.conftest import Rig, wait_until
from virtual_printer import Stage

from .process import PrinterProcess
from .support import Journal, Timeline, census, check_diagnostics

pytestmark = pytest.mark.usefixtures("hurried", "whole_loopback")

ACCESS_CODE = "a9F3-7kq"
RETURN_TIME = 5.0
"""Seconds within which a printer that announces itself must be back."""

AFTER_POWER_UP = {
    "gcode_state": "IDLE",
    "gcode_file": "",
    "subtask_name": "",
    "mc_percent": 0,
    "mc_remaining_time": 0,
    "layer_num": 0,
    "total_layer_num": 0,
    "stg_cur": -1,
    "nozzle_temper": 23.5,
    "nozzle_target_temper": 0,
    "bed_temper": 22.0,
    "bed_target_temper": 0,
}
"""What a printer says of itself when it has just started."""

type Act = Callable[[Rig], Awaitable[None]]


@dataclass(frozen=True)
class Fault:
    """Something that goes wrong, and is put right again."""

    name: str
    begin: Act
    end: Act


def at_stage(kind: str, stage: Stage) -> Fault:
    """Return the fault of a printer that answers only up to a stage."""

    async def begin(rig: Rig) -> None:
        faults, printer = rig.printer.faults, rig.entry.runtime_data.printer
        setattr(faults, kind, stage)
        await rig.printer.drop_connections()
        await wait_until(rig.hass, lambda: not printer.available)
        printer.reconnect_now()
        await wait_until(rig.hass, lambda: faults.struck)

    async def end(rig: Rig) -> None:
        setattr(rig.printer.faults, kind, None)
        if (kind, stage) == ("hang_at", Stage.REQUEST):
            # The connection stands; a machine that starts anew does not know it.
            await rig.printer.drop_connections()

    return Fault(f"{kind} {stage}", begin, end)


def switch(name: str, **faults: bool) -> Fault:
    """Return the fault of a printer with these switches on."""

    async def begin(rig: Rig) -> None:
        for key, value in faults.items():
            setattr(rig.printer.faults, key, value)
        if "refuse_login" in faults:
            await rig.printer.drop_connections()

    async def end(rig: Rig) -> None:
        for key in faults:
            setattr(rig.printer.faults, key, False)

    return Fault(name, begin, end)


async def power_off(rig: Rig) -> None:
    await rig.printer.power_off()


async def power_on(rig: Rig) -> None:
    await rig.printer.power_on()


async def power_cut(rig: Rig) -> None:
    """Without a farewell: the connection looks alive."""
    rig.printer.faults.frozen = True


async def start_after_power_cut(rig: Rig) -> None:
    await rig.printer.power_off()
    rig.printer.faults.frozen = False
    await rig.printer.power_on()


async def move_away(rig: Rig) -> None:
    await rig.printer.power_off()
    rig.printer.host = "127.0.0.2"
    await rig.printer.power_on()


async def tell_address(rig: Rig) -> None:
    rig.entry.runtime_data.printer.set_host("127.0.0.2")


FAULTS = [
    *(at_stage("drop_at", stage) for stage in Stage),
    *(at_stage("hang_at", stage) for stage in Stage),
    switch("silence", silent=True),
    Fault("switched off", power_off, power_on),
    Fault("power cut", power_cut, start_after_power_cut),
    Fault("new address", move_away, tell_address),
]


@pytest.fixture
def entry(entry, printer):
    """Use a code that is in no other text."""
    printer.change_access_code(ACCESS_CODE)
    object.__setattr__(
        entry, "data", type(entry.data)({**entry.data, "access_code": ACCESS_CODE})
    )
    return entry


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
async def test_fault(rig: Rig, fault: Fault, caplog: pytest.LogCaptureFixture) -> None:
    """Lost once, back once, with what the printer says now, and without a trace."""
    hass, printer = rig.hass, rig.entry.runtime_data.printer
    everything = rig.available()
    connectivity = rig.entity_id("binary_sensor", "connectivity")
    tasks = census()
    journal = Journal(caplog, ACCESS_CODE)
    timeline = Timeline(rig)

    await fault.begin(rig)
    await wait_until(hass, lambda: rig.available() == {connectivity}, 60)
    assert rig.state("binary_sensor", "connectivity").state == STATE_OFF
    rig.printer.update({"mc_percent": 77})
    await asyncio.sleep(0.4)
    assert rig.available() == {connectivity}, "nothing stale may come back"

    await fault.end(rig)
    printer.reconnect_now()
    await wait_until(hass, lambda: rig.available() == everything, RETURN_TIME)
    assert rig.state("binary_sensor", "connectivity").state == STATE_ON
    assert rig.state("sensor", "progress").state == "77"
    timeline.stop()
    assert set(timeline.changes) == everything - {connectivity}
    assert all(changes == [False, True] for changes in timeline.changes.values())

    await wait_until(hass, lambda: census() == tasks)
    assert len(journal.lines("is lost")) == 1
    assert len(journal.lines("is back")) == 1
    assert journal.complaints() == []
    journal.check_secrets()
    await check_diagnostics(rig, ACCESS_CODE, rig.printer.serial)
    assert printer.counters.lost >= 1


async def test_power_cycle_during_a_print(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    """The job is gone when the printer is back: nothing of it may stay."""
    hass = rig.hass
    journal = Journal(caplog, ACCESS_CODE)
    assert rig.state("sensor", "status").state == "running"
    await power_cut(rig)
    connectivity = rig.entity_id("binary_sensor", "connectivity")
    await wait_until(hass, lambda: rig.available() == {connectivity}, 60)
    rig.printer.simulation.stop("power cycle")
    rig.printer.update(AFTER_POWER_UP)
    await start_after_power_cut(rig)
    rig.entry.runtime_data.printer.reconnect_now()
    await wait_until(
        hass, lambda: rig.state("sensor", "status").state == "idle", RETURN_TIME
    )
    await assert_as_after_a_fresh_start(rig)
    assert journal.complaints() == []


async def test_refused_code(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    """Nothing but the connectivity is shown, and the code that was refused is not told."""
    hass = rig.hass
    journal = Journal(caplog, ACCESS_CODE)
    rig.printer.faults.refuse_login = True
    await rig.printer.drop_connections()
    printer = rig.entry.runtime_data.printer
    await wait_until(
        hass, lambda: isinstance(printer.last_error, InvalidAccessCodeError)
    )
    connectivity = rig.entity_id("binary_sensor", "connectivity")
    assert rig.available() == {connectivity}
    journal.check_secrets()
    assert len(journal.lines("is lost")) == 1
    await check_diagnostics(rig, ACCESS_CODE, rig.printer.serial)


async def assert_as_after_a_fresh_start(rig: Rig, but: tuple[str, ...] = ()) -> None:
    """Compare what is shown with what a new connection would show."""
    left_out = {rig.entity_id("sensor", key) for key in but}
    shown = {key: state.state for key, state in rig.states().items()}
    assert await rig.hass.config_entries.async_reload(rig.entry.entry_id)
    await rig.hass.async_block_till_done()
    fresh = {key: state.state for key, state in rig.states().items()}
    for key in left_out:
        del shown[key], fresh[key]
    assert shown == fresh


async def test_killed_and_started_again(
    hass: HomeAssistant, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The printer's broker is killed (kill -9) twice, and frozen once (SIGSTOP)."""
    async with PrinterProcess(tmp_path, ACCESS_CODE, "--model", "P1S") as process:
        entry = MockConfigEntry(
            domain=DOMAIN, unique_id=process.serial, data=process.entry_data
        )
        entry.add_to_hass(hass)
        assert await hass.config_entries.async_setup(entry.entry_id)
        await hass.async_block_till_done()
        printer = entry.runtime_data.printer
        await wait_until(hass, lambda: printer.available)
        await wait_until(hass, printer._greeting.done)
        tasks, journal = census(), Journal(caplog, ACCESS_CODE)

        def available() -> int:
            return sum(
                state.state != STATE_UNAVAILABLE for state in hass.states.async_all()
            )

        everything = available()
        for _ in range(2):
            await process.kill()
            await wait_until(hass, lambda: available() == 1)
            await process.start()
            printer.reconnect_now()
            await wait_until(hass, lambda: available() == everything, RETURN_TIME)
        process.freeze()
        await wait_until(hass, lambda: available() == 1, 60)
        process.freeze(False)
        printer.reconnect_now()
        await wait_until(hass, lambda: available() == everything, RETURN_TIME)
        await wait_until(hass, lambda: census() == tasks)
        assert len(journal.lines("is lost")) == len(journal.lines("is back")) == 3
        assert journal.complaints() == []
        journal.check_secrets()
        assert await hass.config_entries.async_unload(entry.entry_id)
