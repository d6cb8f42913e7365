"""Each operation: what is sent, what shows, and what happens when it does not work."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from unittest.mock import patch

from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import entity_registry as er
from homeassistant.util import dt as dt_util
import probatio
import pytest
from pytest_homeassistant_custom_component.common import async_fire_time_changed

from custom_components.bambu_printer import services
from custom_components.bambu_printer.const import DOMAIN
from custom_components.bambu_printer.printer import printer as printer_module
from scripts.documentation.operations import BY_NAME, wire_name
from tests.conftest import Rig
from virtual_printer import Refusal

from .cases import CASES, long_ago
from .support import (
    NO_ENTITY,
    SCHEMA,
    Case,
    as_commands,
    call,
    canonical,
    carry_out,
    patience,
    picture,
    sent,
)

every_case = pytest.mark.parametrize(
    ("case", "model", "scenario", "enabled"),
    [
        pytest.param(case, case.model, case.scenario, case.enabled, id=case.ident)
        for case in CASES
    ],
)
REASON = "The hot bed is not at home"


@pytest.fixture(autouse=True)
def _quick_rename() -> Iterator[None]:
    with patch.object(printer_module, "_RENAME_INTERVAL", 0.02):
        yield


@every_case
@pytest.mark.usefixtures("clock")
async def test_operation(rig: Rig, case: Case) -> None:
    """Refused, with wrong values, not answered: a clear error each. And then it works."""
    if case.prepare:
        await case.prepare(rig)
    rig.printer.clear_requests()
    if case.answered:
        await _is_refused(rig, case)
        rig.printer.clear_requests()
    for data, key in case.wrong:
        await _is_wrong(rig, case, data, key)
    assert rig.printer.requests == []
    if case.requests:
        rig.printer.faults.deaf = True
        await _is_not_answered(rig, case)
        rig.printer.faults.deaf = False
        rig.printer.clear_requests()
    await _works(rig, case)


async def _works(rig: Rig, case: Case) -> None:
    """Action, exact request, report, state."""
    if case.name == "refresh":
        await long_ago(rig)
    assert not _shown_already(rig, case)
    response = await carry_out(rig, case)
    bodies = sent(rig)
    assert canonical(bodies) == canonical(list(case.requests))
    names = {wire_name(command) for command in as_commands(bodies)}
    known = BY_NAME[case.name].wire
    # The table cannot know what somebody makes up.
    assert names <= set(known) or case.name in ("send_gcode", "send_anything")
    assert case.shows(rig, response)
    # Reports say so: nothing falls back later.
    async_fire_time_changed(rig.hass, dt_util.utcnow() + timedelta(seconds=60))
    await rig.hass.async_block_till_done()
    assert case.shows(rig, response)


def _shown_already(rig: Rig, case: Case) -> bool:
    """Tell whether it shows before anything was done: such a case would prove nothing."""
    return case.confirmed and bool(case.shows(rig, None))


async def _fails(
    rig: Rig, case: Case, data: dict[str, Any] | None = None
) -> HomeAssistantError:
    """Perform an action that fails; everything must show what it showed before."""
    before = picture(rig)
    with pytest.raises(HomeAssistantError) as caught:
        await call(rig, case, data)
    await rig.hass.async_block_till_done()
    assert picture(rig) == before
    assert caught.value.translation_key
    assert str(caught.value)
    return caught.value


async def _is_refused(rig: Rig, case: Case) -> None:
    before = picture(rig)
    rig.printer.faults.refuse_next.append(Refusal(reason=REASON, err_code=0x03008012))
    error = await _fails(rig, case)
    assert not isinstance(error, ServiceValidationError)
    assert error.translation_domain == DOMAIN
    assert error.translation_key == "command_rejected"
    assert error.translation_placeholders
    assert error.translation_placeholders["reason"] == REASON
    assert REASON in str(error)
    assert canonical(sent(rig)) == canonical(list(case.requests[:1]))
    await rig.report(full=True)
    assert picture(rig) == before


async def _is_wrong(rig: Rig, case: Case, data: dict[str, Any], key: str) -> None:
    before = picture(rig)
    if key == SCHEMA:
        with pytest.raises(probatio.Invalid):
            await call(rig, case, data)
        assert picture(rig) == before
        return
    error = await _fails(rig, case, data)
    assert isinstance(error, ServiceValidationError), data
    assert error.translation_key == key, data


async def _is_not_answered(rig: Rig, case: Case) -> None:
    title = rig.entry.title
    with patience(0.05):
        error = await _fails(rig, case)
    assert error.translation_key == "command_timeout"
    assert error.translation_domain == DOMAIN
    assert not isinstance(error, ServiceValidationError)
    assert rig.printer.requests
    assert rig.entry.title == title


@pytest.mark.parametrize(
    ("case", "model", "scenario"),
    [
        pytest.param(case, case.model, case.scenario, id=case.ident)
        for case in CASES
        if case.confirmed
    ],
)
@pytest.mark.usefixtures("clock")
async def test_not_confirmed(rig: Rig, case: Case) -> None:
    """The printer says yes, or obeys without a word, and no report shows anything."""
    if case.prepare:
        await case.prepare(rig)
    with patch.object(services, "CONFIRM_TIMEOUT", 0.05):
        error = await _fails(rig, case)
    assert error.translation_key == "not_confirmed"
    assert error.translation_domain == DOMAIN
    assert "0.05" in str(error)
    rig.printer.faults.mute_acks = True
    await _is_not_answered(rig, case)


LACKING = sorted({place[:2] for case in CASES for place in case.lacks})


@pytest.mark.parametrize(("model", "scenario"), LACKING)
async def test_lacks_it(rig: Rig, model: str, scenario: str) -> None:
    """What a printer has not, or cannot do now, is refused before anything is sent."""
    registry = er.async_get(rig.hass)
    before = picture(rig)
    for case in CASES:
        for place in case.lacks:
            if place[:2] != (model, scenario):
                continue
            if place[2] == NO_ENTITY:
                platform, unique_id = (
                    case.action.split(".")[0],
                    f"{rig.printer.serial}_{case.key}",
                )
                found = registry.async_get_entity_id(platform, DOMAIN, unique_id)
                assert found is None, case.ident
                continue
            with pytest.raises(ServiceValidationError) as caught:
                await call(rig, case)
            assert caught.value.translation_domain == DOMAIN
            assert caught.value.translation_key == place[2], case.ident
    assert rig.printer.requests == []
    assert picture(rig) == before
