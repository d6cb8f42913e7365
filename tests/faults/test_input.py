"""What arrives is not what it should be: the last good state stands."""

import asyncio
import random

import pytest

from custom_components.bambu_printer.printer.mqtt import MAX_MESSAGE_SIZE
from tests.conftest import Clock, Rig, wait_until

from .support import Journal, census, until
from .test_faults import assert_as_after_a_fresh_start

pytestmark = pytest.mark.usefixtures("hurried")


def shown(rig: Rig) -> dict[str, str]:
    return {key: state.state for key, state in rig.states().items()}


async def test_garbage_for_a_minute(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    """Sixty times everything that no client may stumble over, between good reports."""
    journal, tasks = Journal(caplog), census()
    everything = rig.available()
    printer = rig.entry.runtime_data.printer
    for second in range(60):
        await rig.printer.publish_garbage()
        await rig.report({"mc_percent": 20 + second}, full=True)
        await wait_until(
            rig.hass,
            lambda: rig.state("sensor", "progress").state == str(20 + second),  # noqa: B023
        )
        assert rig.available() == everything
    assert printer.counters.malformed > 500
    assert printer.counters.oversized == 60
    assert printer.counters.connected == 1
    complaints = journal.complaints()
    assert len(complaints) == 1, complaints
    assert "cannot be read" in complaints[0]
    await wait_until(rig.hass, lambda: census() == tasks)
    # One of the messages renames the job: its start is estimated anew.
    await assert_as_after_a_fresh_start(rig, but=("start_time",))


@pytest.mark.parametrize(
    ("size", "piece"),
    [
        (100 << 20, b"{" + random.Random(1).randbytes((1 << 16) - 1)),
        (100 << 20, b'{"print": "' + b"x" * (100 << 20)),
    ],
    ids=["many", "one"],
)
async def test_100_megabytes_of_junk(
    rig: Rig, caplog: pytest.LogCaptureFixture, size: int, piece: bytes
) -> None:
    """In messages of 64 kB, and in a single one; it is read past, never kept."""
    journal = Journal(caplog)
    everything = shown(rig)
    printer = rig.entry.runtime_data.printer
    connection = printer._session._connection
    assert connection
    kept = 0

    async def watch() -> None:
        nonlocal kept
        while True:
            kept = max(kept, connection._wire.pending())
            await asyncio.sleep(0)

    watching = asyncio.create_task(watch())
    await rig.printer.flood(size, piece)
    await rig.report({"mc_percent": 66}, full=True)
    watching.cancel()
    assert kept < 2 * MAX_MESSAGE_SIZE
    assert printer.counters.malformed >= size // len(piece)
    assert printer.counters.connected == 1
    after = shown(rig)
    assert {key for key in after if after[key] != everything[key]} == {
        rig.entity_id("sensor", "progress")
    }
    assert len(journal.complaints()) == 1


async def test_what_is_no_mqtt_ends_the_connection(rig: Rig) -> None:
    """Nothing tells where the next message begins: only a new connection does."""
    everything = rig.available()
    for client in list(rig.printer._broker.clients):
        client.writer.write(b"\x00" * 100)
    printer = rig.entry.runtime_data.printer
    await wait_until(rig.hass, lambda: printer.counters.lost == 1)
    printer.reconnect_now()
    await wait_until(rig.hass, lambda: rig.available() == everything)


async def test_reports_that_come_twice_and_too_late(rig: Rig) -> None:
    """A report that was overtaken does not bring back what is over."""

    def report(number: int, **keys: object) -> dict:
        status = {"command": "push_status", "msg": 1, "sequence_id": str(number)}
        return {"print": {**status, **keys}}

    counters = rig.entry.runtime_data.printer.counters
    await rig.printer.publish(report(5001, mc_percent=51))
    await rig.printer.publish(report(5002, mc_percent=52))
    await rig.printer.publish(report(5002, mc_percent=52))
    await rig.printer.publish(report(5004, mc_percent=54))
    await rig.printer.publish(report(5003, mc_percent=53, layer_num=123))
    await wait_until(rig.hass, lambda: counters.reordered)
    await rig.hass.async_block_till_done()
    assert rig.state("sensor", "progress").state == "54"
    # What only the late one tells is not lost.
    assert rig.entry.runtime_data.printer.state.job.current_layer == 123
    assert counters.repeated == 1
    await rig.report({"mc_percent": 60}, full=True)
    assert rig.state("sensor", "progress").state == "60"


async def test_numbers_that_start_anew(rig: Rig) -> None:
    for number in (700, 701, 690, 691, 692, 693):
        await rig.printer.publish(
            {
                "print": {
                    "command": "push_status",
                    "msg": 1,
                    "sequence_id": str(number),
                    "mc_percent": number - 640,
                }
            }
        )
    await wait_until(rig.hass, lambda: rig.state("sensor", "progress").state == "53")


@pytest.mark.parametrize("days", [-3650, -1, 1, 3650])
async def test_the_clock_is_set(
    rig: Rig, clock: Clock, caplog: pytest.LogCaptureFixture, days: int
) -> None:
    """Connections, questions and pauses do not care what time it is."""
    from datetime import timedelta

    journal = Journal(caplog)
    everything = rig.available()
    clock.time += timedelta(days=days)
    await rig.report({"mc_percent": 55}, full=True)
    assert rig.available() == everything
    assert rig.state("sensor", "progress").state == "55"
    finish = rig.state("sensor", "finish_time").state
    assert finish.startswith(str(clock.time.year))
    await rig.printer.drop_connections()
    printer = rig.entry.runtime_data.printer
    await until(lambda: printer.counters.lost)
    printer.reconnect_now()
    await wait_until(rig.hass, lambda: rig.available() == everything, 2)
    assert journal.complaints() == []
