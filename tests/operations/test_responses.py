"""What the actions return, to whom, and when they cannot."""

from base64 import b64decode
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from unittest.mock import patch

from homeassistant.auth.models import User
from homeassistant.core import Context, HomeAssistant, SupportsResponse
from homeassistant.exceptions import (
    HomeAssistantError,
    ServiceValidationError,
    Unauthorized,
)
from homeassistant.helpers import device_registry as dr
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, MockUser

from custom_components.bambu_printer.const import DOMAIN
from custom_components.bambu_printer.job_pictures import JobPictures
from custom_components.bambu_printer.job_record import FilamentUse
from scripts.documentation.operations import action_names
from scripts.documentation.page import flat_fields
from scripts.documentation.responses import RESPONSES
from tests.conftest import Rig, wait_until

from .support import ACTIONS, device_of, order, sent

RESPONSE_TESTS = (
    "get_current_bind_list",
    "get_job",
    "get_job_history",
    "get_nozzles",
    "search_filaments",
)
RAW: dict[str, dict[str, Any]] = {
    "send_gcode": {"gcode": "M106 P1 S0"},
    "send_command": {"message": {"print": {"command": "pause", "param": ""}}},
}


async def ask(rig: Rig, action: str, **data: Any) -> Any:
    target = {} if action == "search_filaments" else {"device_id": device_of(rig)}
    return await rig.hass.services.async_call(
        DOMAIN, action, {**target, **data}, blocking=True, return_response=True
    )


def paths(value: object, path: str = "") -> Iterator[str]:
    """Iterate over the paths to all values, as the descriptions have them."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from paths(item, f"{path}.{key}" if path else key)
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        for item in value:
            yield from paths(item, f"{path}[]")
    else:
        yield path


@pytest.mark.parametrize("model", ["H2D"])
@pytest.mark.parametrize(
    "action",
    [
        "get_ams",
        "get_job",
        "get_nozzles",
        "search_filaments",
        "get_calibration_profiles",
    ],
)
async def test_responses_are_as_described(rig: Rig, action: str) -> None:
    response = await ask(rig, action)
    assert set(paths(response)) == set(RESPONSES[action])


@pytest.mark.parametrize(("model", "scenario"), [("H2D", "idle")])
async def test_get_ams(rig: Rig) -> None:
    known = await ask(rig, "get_ams")
    assert known["bindings"] == [
        {"ams": "ams_1", "extruder": 1},
        {"ams": "ams_ht_1", "extruder": 0},
    ]
    assert known["active_slot"] == "none"
    first, second = known["units"]
    assert (first["ams"], first["kind"], first["can_dry"]) == (
        "ams_1",
        "ams_2_pro",
        True,
    )
    assert (second["ams"], second["kind"]) == ("ams_ht_1", "ams_ht")
    assert [tray["slot"] for tray in first["trays"]] == [
        f"ams_1_tray_{number}" for number in range(1, 5)
    ]
    assert first["trays"][0]["type"] == "PLA"
    assert first["trays"][0]["tagged"] is True
    assert first["trays"][3]["present"] is False
    assert [tray["slot"] for tray in known["external_spools"]] == [
        "external",
        "external_left",
    ]
    assert rig.printer.requests == []


async def test_get_job(rig: Rig) -> None:
    known = await ask(rig, "get_job")
    assert known["state"] == "running"
    assert known["name"] == "Herb planter with drip tray"
    assert known["total_layers"] == 342
    assert known["skipped_objects"] == []
    assert rig.printer.requests == []


@pytest.mark.parametrize(("model", "scenario"), [("H2D", "idle")])
async def test_get_nozzles(rig: Rig) -> None:
    right, left = (await ask(rig, "get_nozzles"))["nozzles"]
    assert (right["extruder"], right["active"]) == (0, True)
    assert (left["extruder"], left["active"]) == (1, False)
    assert right["diameter"] == left["diameter"] == 0.4
    assert right["material"] == "hardened_steel"


async def test_get_job_history(rig: Rig) -> None:
    jobs = rig.entry.runtime_data.jobs
    rig.printer.simulation.finish()
    await rig.report(full=True)
    await wait_until(rig.hass, lambda: jobs.last)
    picture = b"\x89PNG\r\n\x1a\nrest"
    await jobs.async_set_job_details(
        jobs.last.job, filament=[FilamentUse(slot="external", grams=12.5)]
    )
    with patch.object(JobPictures, "read", return_value=picture):
        jobs._records[jobs.last.job] = replace(jobs.last, picture=len(picture))
        answer = await ask(rig, "get_job_history", pictures=True)
    assert set(paths(answer)) == set(RESPONSES["get_job_history"])
    (job,) = answer["jobs"]
    assert job["name"] == "Herb planter with drip tray"
    assert job["outcome"] == "finished"
    assert job["filament_used"] == answer["filament_used"] == 12.5
    assert b64decode(job["picture"].partition(",")[2]) == picture
    assert answer["total_jobs"] == 1
    assert (await ask(rig, "get_job_history", outcome="failed"))["jobs"] == []


async def test_search_filaments(rig: Rig) -> None:
    found = (await ask(rig, "search_filaments", search="petg"))["filaments"]
    assert {"id": "GFG99", "name": "Generic PETG", "type": "PETG",
            "nozzle_temp_min": 220, "nozzle_temp_max": 270} in found  # fmt: skip
    with pytest.raises(ServiceValidationError) as caught:
        await ask(rig, "search_filaments", search="wood pulp")
    assert caught.value.translation_key == "no_such_filament"
    assert rig.printer.requests == []


async def test_no_answer_while_not_connected(rig: Rig) -> None:
    """What was true before the connection broke is not told as if it were true now."""
    await rig.printer.power_off()
    coordinator = rig.entry.runtime_data
    await wait_until(rig.hass, lambda: not coordinator.last_update_success)
    for action in ("get_ams", "get_job", "get_nozzles", "get_calibration_profiles"):
        with pytest.raises(HomeAssistantError) as caught:
            await ask(rig, action)
        assert caught.value.translation_key == "not_connected", action


# Who may, and at what


async def test_actions_exist_without_an_entry(hass: HomeAssistant) -> None:
    assert await async_setup_component(hass, DOMAIN, {})
    for action in action_names():
        assert hass.services.has_service(DOMAIN, action)
        kind = hass.services.supports_response(DOMAIN, action)
        if action in ACTIONS:
            assert kind is ACTIONS[action].response
        fields = flat_fields(action)
        schema = hass.services.async_services_internal()[DOMAIN][action].schema
        assert schema
        taken = {str(key) for key in schema.schema}
        assert taken == set(fields), action
    answer = await hass.services.async_call(
        DOMAIN, "search_filaments", {}, blocking=True, return_response=True
    )
    assert answer


@pytest.mark.parametrize("admin", [True, False])
async def test_raw_is_for_administrators(
    rig: Rig, hass_admin_user: MockUser, hass_read_only_user: MockUser, admin: bool
) -> None:
    user: User = hass_admin_user if admin else hass_read_only_user

    async def attempt(action: str, data: dict[str, Any]) -> None:
        await rig.hass.services.async_call(
            DOMAIN,
            action,
            {"device_id": device_of(rig), **data},
            blocking=True,
            context=Context(user_id=user.id),
        )

    for action, data in RAW.items():
        if admin:
            await attempt(action, data)
            continue
        with pytest.raises(Unauthorized):
            await attempt(action, data)
    assert len(rig.printer.requests) == (2 if admin else 0)
    assert {name for name, item in ACTIONS.items() if item.admin} == set(RAW)


async def test_responses_only_when_asked_for(rig: Rig) -> None:
    target = {"device_id": device_of(rig)}
    for action in action_names():
        kind = rig.hass.services.supports_response(DOMAIN, action)
        data = target if action in ACTIONS else {}
        if kind is SupportsResponse.ONLY:
            with pytest.raises(ServiceValidationError):
                await rig.hass.services.async_call(DOMAIN, action, data, blocking=True)
        elif kind is SupportsResponse.NONE:
            with pytest.raises(ServiceValidationError):
                await rig.hass.services.async_call(
                    DOMAIN, action, data, blocking=True, return_response=True
                )
        elif action in RAW:
            answer = await rig.hass.services.async_call(
                DOMAIN, action, {**data, **RAW[action]}, blocking=True
            )
            assert answer is None
            assert await ask(rig, action, **RAW[action])


def nobody(_rig: Rig) -> str:
    return "0123456789abcdef0123456789abcdef"


def stranger(rig: Rig) -> str:
    """Return the device of another integration."""
    entry = MockConfigEntry(domain="lawn_mower_maker")
    entry.add_to_hass(rig.hass)
    return dr.async_get(rig.hass).async_get_or_create(
        config_entry_id=entry.entry_id, identifiers={("lawn_mower_maker", "1")}
    ).id  # fmt: skip


async def _refused(rig: Rig, device_id: str) -> ServiceValidationError:
    with pytest.raises(ServiceValidationError) as caught:
        await rig.hass.services.async_call(
            DOMAIN, "home_axes", {"device_id": device_id}, blocking=True
        )
    assert caught.value.translation_key
    assert str(caught.value)
    assert rig.printer.requests == []
    return caught.value


@pytest.mark.parametrize("target", [nobody, stranger])
async def test_wrong_device(rig: Rig, target: Callable[[Rig], str]) -> None:
    await _refused(rig, target(rig))


async def test_entry_not_loaded(rig: Rig) -> None:
    device_id = device_of(rig)
    assert await rig.hass.config_entries.async_unload(rig.entry.entry_id)
    await _refused(rig, device_id)


@pytest.mark.parametrize("scenario", ["idle"])
async def test_ams_stands_for_its_printer(rig: Rig) -> None:
    registry = dr.async_get(rig.hass)
    (device,) = (
        item
        for item in dr.async_entries_for_config_entry(registry, rig.entry.entry_id)
        if (DOMAIN, f"{rig.printer.serial}_ams_0") in item.identifiers
    )
    await rig.hass.services.async_call(
        DOMAIN, "home_axes", {"device_id": device.id}, blocking=True
    )
    assert sent(rig) == [order("back_to_center")]


async def test_raw_gcode_while_printing(rig: Rig) -> None:
    """A running job bears targets, fans and lamps, and no move."""
    await ask(rig, "send_gcode", gcode="M106 P1 S0")
    rig.printer.clear_requests()
    for lines in ("G28", "M104 S200\nG1 X0", "M1002 gcode_claim_action : 0"):
        with pytest.raises(ServiceValidationError) as caught:
            await ask(rig, "send_gcode", gcode=lines)
        assert caught.value.translation_key == "wrong_state"
    assert rig.printer.requests == []
