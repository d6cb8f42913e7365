"""What a report costs in Home Assistant, in numbers that no machine changes."""

from collections import Counter
from datetime import timedelta
from unittest.mock import patch

from homeassistant.helpers.entity import Entity
import orjson
import pytest

from benchmarks.reports import full_stream
from custom_components.bambu_printer.entity import ValueEntity

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
