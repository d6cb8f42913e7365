"""What a printer costs in Home Assistant, in numbers that no machine changes."""

from collections import Counter
from datetime import timedelta
import gc
from pathlib import Path
import tracemalloc
from unittest.mock import patch

from homeassistant.helpers.entity import Entity
import orjson
import pytest

from benchmarks.reports import full_stream
from custom_components import bambu_printer
from custom_components.bambu_printer.base_sensor import PrinterSensor
from custom_components.bambu_printer.button import PrinterButton
from custom_components.bambu_printer.entity import ValueEntity
from custom_components.bambu_printer.switch import PrinterSwitch

from .conftest import Clock, Rig

REPORTS = 300


@pytest.mark.parametrize("model", ["X1C", "H2D"])
async def test_steady_reports(rig: Rig, clock: Clock, model: str) -> None:
    """Five minutes of a print at default entities: looks at values, and writes, per report."""
    stream = full_stream(model, REPORTS)
    printer = rig.entry.runtime_data.printer
    for payload in (stream.full, stream.following[0]):
        printer.on_message(orjson.loads(payload))
        await rig.hass.async_block_till_done()
    assert len(rig.states()) > 60

    looks = 0
    writes: Counter[str] = Counter()
    select, write = ValueEntity.select, Entity.async_write_ha_state

    def counted_select(entity, state):
        nonlocal looks
        looks += 1
        return select(entity, state)

    def counted_write(entity):
        writes[entity.entity_id] += 1
        write(entity)

    with (
        patch.object(ValueEntity, "select", counted_select),
        patch.object(Entity, "async_write_ha_state", counted_write),
    ):
        for payload in stream.following[1:]:
            clock.time += timedelta(seconds=1)
            printer.on_message(orjson.loads(payload))
        await rig.hass.async_block_till_done()
        assert sum(writes.values()) < 60
        assert looks < REPORTS * 2

        # The same again: nobody looks, and nothing is written.
        looks = 0
        writes.clear()
        for _ in range(20):
            printer.on_message(orjson.loads(stream.following[-1]))
        await rig.hass.async_block_till_done()
        assert looks == 0
        assert not writes


async def test_memory_of_a_printer(rig: Rig) -> None:
    """What the integration itself keeps for each entity that is on: attributes, and bytes."""
    watchers = {
        watcher
        for section in rig.entry.runtime_data._watchers.values()
        for watcher in section
        if isinstance(watcher, PrinterSensor | PrinterButton | PrinterSwitch)
    }
    assert len(watchers) > 30
    # With one more, Python makes the dictionary of an entity twice as large.
    assert max(len(vars(watcher)) for watcher in watchers) <= 42

    folder = Path(bambu_printer.__file__).parent
    tracemalloc.start()
    try:
        await rig.hass.config_entries.async_reload(rig.entry.entry_id)
        await rig.hass.async_block_till_done()
        gc.collect()
        snapshot = tracemalloc.take_snapshot()
    finally:
        tracemalloc.stop()
    # Not the library, most of whose memory is the last report.
    kept = sum(
        trace.size
        for trace in snapshot.traces
        if Path(trace.traceback[0].filename).parent == folder
    )
    assert kept / len(rig.states()) < 1300
