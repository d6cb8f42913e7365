"""All repairs through the interface that the frontend uses."""

from typing import Any

from homeassistant.components.repairs import DOMAIN as REPAIRS
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.bambu_printer import problems, repairs
from custom_components.bambu_printer.const import CONF_ACCESS_CODE, DOMAIN

from .conftest import Rig

FIX = "/api/repairs/issues/fix"


@pytest.mark.parametrize(
    "key",
    [
        problems.ACCESS_CODE,
        problems.CERTIFICATE,
        *(problem.key for problem in problems.PROBLEMS),
    ],
)
async def test_fix(
    hass: HomeAssistant,
    hass_client: ClientSessionGenerator,
    rig: Rig,
    monkeypatch: pytest.MonkeyPatch,
    key: str,
) -> None:
    """Each is fixed by its form when nothing is wrong any more, and is gone then."""
    monkeypatch.setattr(repairs, "STAND_TIME", 0.05)
    assert await async_setup_component(hass, REPAIRS, {})
    problems._async_show(hass, rig.entry, key, exists=True)
    client = await hass_client()
    issue_id = problems.issue_id(key, rig.entry)
    answer = await client.post(FIX, json={"handler": DOMAIN, "issue_id": issue_id})
    form: Any = await answer.json()
    assert form["type"] == "form"
    assert form["step_id"] == "confirm"
    code = {CONF_ACCESS_CODE: rig.printer.access_code}
    data = code if key == problems.ACCESS_CODE else {}
    answer = await client.post(f"{FIX}/{form['flow_id']}", json=data)
    result: Any = await answer.json()
    assert result["type"] == "create_entry"
    await hass.async_block_till_done()
    assert ir.async_get(hass).async_get_issue(DOMAIN, issue_id) is None
