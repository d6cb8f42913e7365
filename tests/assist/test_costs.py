"""What keeping the sentences in step costs, in numbers that no machine changes."""

from typing import Any

from homeassistant.helpers import entity_registry as er
import pytest

from custom_components.bambu_printer.assist import sentences
from custom_components.bambu_printer.assist.printers import (
    KnownPrinter,
    async_exposed_printers,
)
from tests.conftest import Rig


@pytest.mark.usefixtures("conversation")
async def test_many_changes_of_entities_are_one_reason_to_look_for_names(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is understood is put together once, not for each entity of a new printer."""
    looks = 0

    def look(*arguments: Any) -> list[KnownPrinter]:
        nonlocal looks
        looks += 1
        return async_exposed_printers(*arguments)

    monkeypatch.setattr(sentences, "async_exposed_printers", look)
    registry = er.async_get(rig.hass)
    for entity_id in rig.states():
        registry.async_update_entity(entity_id, icon="mdi:printer-3d")
    await rig.hass.async_block_till_done()
    assert looks == 1
    # What others have does not matter.
    registry.async_get_or_create("light", "somebody", "1")
    await rig.hass.async_block_till_done()
    assert looks == 1
