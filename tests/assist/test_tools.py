"""Tools for language models, called as an agent calls them."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from homeassistant.auth.models import User
from homeassistant.components.conversation.chat_log import (
    UserContent,
    async_get_chat_log,
)
from homeassistant.components.homeassistant.exposed_entities import async_expose_entity
from homeassistant.core import Context, HomeAssistant
from homeassistant.helpers import chat_session, entity_registry as er, llm
from homeassistant.setup import async_setup_component
import probatio
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.bambu_printer.assist.tools import KINDS
from custom_components.bambu_printer.const import DOMAIN
from tests.conftest import Rig, entry_data, wait_until
from virtual_printer import VirtualPrinter

CONFIRMED = {"stop_print", "skip_objects", "print_file", "delete_file"}

type Use = Callable[..., Awaitable[Any]]
"""Returns a `ToolResult`, whose data may be anything."""


def turn(**more: Any) -> llm.LLMContext:
    """Return the context of one more thing that the user says."""
    return llm.LLMContext(
        **{
            "platform": "test",
            "context": Context(),
            "language": "en",
            "assistant": "conversation",
            "device_id": None,
            **more,
        }
    )


@pytest.fixture
async def use(hass: HomeAssistant, conversation: None) -> Use:
    """Return a way to use a tool through Home Assistant's API."""

    async def call(
        name: str, llm_context: llm.LLMContext | None = None, **arguments: Any
    ) -> llm.ToolResult:
        api = await llm.async_get_api(hass, "assist", llm_context or turn())
        return await api.async_call_tool(
            llm.ToolInput(tool_name=f"{DOMAIN}__{name}", tool_args=arguments)
        )

    return call


async def meanwhile(rig: Rig, using: Awaitable[Any]) -> Any:
    """Wait for a tool that waits for reports."""
    task = asyncio.ensure_future(using)
    while not task.done():
        await rig.printer.tick(1)
        await rig.printer.push(True)
        await asyncio.sleep(0.01)
    return await task


async def ours(hass: HomeAssistant) -> dict[str, llm.Tool]:
    api = await llm.async_get_api(hass, "assist", turn())
    prefix = f"{DOMAIN}__"
    return {
        tool.name.removeprefix(prefix): tool
        for tool in api.tools
        if tool.name.startswith(prefix)
    }


def commands(printer: VirtualPrinter) -> list[str]:
    return [
        body["command"]
        for request in printer.requests
        for section, body in request.items()
        if section in ("print", "system")
    ]


async def test_all_are_offered_and_marked(
    hass: HomeAssistant, rig: Rig, conversation: None, caplog: pytest.LogCaptureFixture
) -> None:
    tools = await ours(hass)
    assert set(tools) == {kind.name for kind in KINDS}
    for name, tool in tools.items():
        assert tool.integration == DOMAIN
        assert tool.title
        assert tool.description
        assert not tool.annotations.open_world
        assert tool.annotations.read_only == name.startswith(("get_", "list_"))
        assert tool.annotations.destructive == (name in CONFIRMED)
        assert ("confirmation" in tool.parameters.schema) == (name in CONFIRMED)
        # What a model is told of the arguments.
        schema = probatio.to_openapi(
            tool.parameters, custom_serializer=llm.selector_serializer
        )
        assert schema["properties"]["printer"]["enum"] == ["Workshop X1C"]
        assert "printer" not in schema.get("required", ())
    assert "deprecated" not in caplog.text
    api = await llm.async_get_api(hass, "assist", turn())
    assert "3D printers: Workshop X1C." in api.api_prompt


async def test_look(rig: Rig, use: Use) -> None:
    state = (await use("get_state")).data
    assert state["success"] is True
    assert state["printer"] == "Workshop X1C"
    assert state["model"] == "Bambu Lab X1-Carbon"
    assert state["state"] == "running"
    assert state["progress_percent"] == 42
    assert state["remaining_minutes"] == rig.printer.report["mc_remaining_time"]
    assert state["bed_celsius"]["target"] == rig.printer.report["bed_target_temper"]
    assert len(state["nozzles_celsius"]) == 1
    assert set(state["fans_percent"]) == {"part", "aux", "chamber"}
    assert state["lights"]["chamber_light"] == "on"
    assert state["door_open"] is False
    assert state["has_error"] is False

    job = (await use("get_job", printer="Workshop X1C")).data
    assert job["name"] == "Herb planter with drip tray"
    assert job["total_layers"] == 342
    spools = (await use("get_spools")).data
    assert spools["units"][0]["trays"][1]["name"] == "PLA Matte"
    nozzles = (await use("get_nozzles")).data
    assert nozzles["nozzles"][0]["diameter"] == 0.4

    rig.printer.raise_hms(0x03000100, 0x00010001)
    await rig.report({"print_error": 0x03008014}, full=True)
    errors = (await use("get_errors")).data
    assert errors["print_error"] == "0300-8014"
    assert errors["print_error_text"] == (
        "Motion system: a problem that needs attention (0300-8014)"
    )
    assert errors["is_problem"] is True
    assert errors["messages"] == [
        {
            "code": "HMS_0300_0100_0001_0001",
            "severity": "fatal",
            "part": "motion_controller",
            "text": "Motion system: a fault that ends the job (HMS_0300_0100_0001_0001)",
            "is_problem": True,
        }
    ]
    assert rig.printer.requests == []


async def test_act(hass: HomeAssistant, rig: Rig, use: Use) -> None:
    for name, arguments, command in (
        ("pause_print", {}, "pause"),
        ("resume_print", {}, "resume"),
        ("set_temperature", {"heater": "bed", "temperature": 65}, "gcode_line"),
        ("set_temperature", {"heater": "nozzle", "temperature": 0}, "gcode_line"),
        ("set_light", {"on": False}, "ledctrl"),
        ("set_fan", {"fan": "aux", "percent": 50}, "gcode_line"),
        ("set_speed", {"profile": "sport"}, "print_speed"),
    ):
        rig.printer.clear_requests()
        result = await use(name, **arguments)
        assert result.data == {"success": True, "printer": "Workshop X1C"}, name
        assert not result.error
        assert commands(rig.printer) == [command], name
        await rig.report(full=True)
    assert rig.state("light", "chamber_light").state == "off"
    assert rig.state("climate", "bed").attributes["temperature"] == 65
    assert rig.state("select", "speed_profile").state == "sport"


@pytest.mark.parametrize(("model", "scenario"), [("H2D", "idle")])
async def test_act_on_dual_printer(hass: HomeAssistant, rig: Rig, use: Use) -> None:
    result = await meanwhile(
        rig, use("start_drying", ams="ams_ht_1", temperature=70, hours=4)
    )
    assert result.data["success"] is True
    assert commands(rig.printer) == ["ams_filament_drying"]
    result = await meanwhile(rig, use("stop_drying", ams="ams_ht_1"))
    assert result.data["success"] is True
    result = await use("set_temperature", heater="left_nozzle", temperature=100)
    assert rig.printer.requests[-1]["print"]["extruder_index"] == 1
    result = await use("set_temperature", heater="right_nozzle", temperature=100)
    assert rig.printer.requests[-1]["print"]["extruder_index"] == 0
    result = await use("set_temperature", heater="chamber", temperature=30)
    assert rig.printer.requests[-1]["print"]["command"] == "set_ctt"
    rig.printer.clear_requests()
    result = await meanwhile(rig, use("load_filament", slot="ams_1_tray_1"))
    assert result.data["success"] is True
    assert commands(rig.printer) == ["ams_change_filament"]
    result = await use("unload_filament")
    assert result.error
    assert result.data["error"] == "failed"


async def test_what_goes_wrong(hass: HomeAssistant, rig: Rig, use: Use) -> None:
    result = await use("resume_print")
    assert result.error
    assert result.data["error"] == "failed"
    assert (
        "not possible while the state of the printer is running"
        in (result.data["error_text"])
    )
    result = await use("set_temperature", heater="bed", temperature=130)
    assert "between 0 and 110" in result.data["error_text"]
    for arguments in ({"heater": "toe", "temperature": 1}, {}, {"printer": "?"}):
        result = await use("set_temperature", **arguments)
        assert result.data["error"] == "invalid_arguments"
    assert rig.printer.requests == []
    await rig.printer.power_off()
    await wait_until(hass, lambda: not rig.entry.runtime_data.last_update_success)
    result = await use("get_state")
    assert result.data["error"] == "offline"
    assert result.data["error_text"] == "Workshop X1C cannot be reached right now."


# What cannot be undone


async def test_stop_needs_the_users_word(rig: Rig, use: Use) -> None:
    """However often a model tries within one message of its user, nothing happens."""
    first = turn()
    asked = (await use("stop_print", first)).data
    assert asked["success"] is False
    assert asked["confirmation_required"] is True
    assert "Herb planter with drip tray on Workshop X1C" in asked["question"]
    token = asked["confirmation"]
    for wrong in (token, "", "yes", "00000000"):
        again = (await use("stop_print", first, confirmation=wrong)).data
        assert again["confirmation_required"] is True
    assert commands(rig.printer) == []

    done = await use("stop_print", turn(), confirmation=token)
    assert done.data == {"success": True, "printer": "Workshop X1C"}
    assert commands(rig.printer) == ["stop"]
    # It was good for once.
    again = (await use("stop_print", turn(), confirmation=token)).data
    assert again["confirmation_required"] is True
    assert commands(rig.printer) == ["stop"]


async def test_word_is_for_one_thing(rig: Rig, use: Use) -> None:
    """A yes to one question is none to another, nor to the next job."""
    token = (await use("skip_objects", objects=[3])).data["confirmation"]
    other = await use("skip_objects", turn(), objects=[3, 4], confirmation=token)
    assert other.data["confirmation_required"] is True
    stop = await use("stop_print", turn(), confirmation=token)
    assert stop.data["confirmation_required"] is True
    await rig.report({"task_id": "4712"}, full=True)
    late = await use("skip_objects", turn(), objects=[3], confirmation=token)
    assert late.data["confirmation_required"] is True
    assert commands(rig.printer) == []


async def test_unknown_context_never_confirms(rig: Rig, use: Use) -> None:
    nobody = turn(context=None)
    token = (await use("stop_print", nobody)).data["confirmation"]
    again = await use("stop_print", turn(context=None), confirmation=token)
    assert again.data["confirmation_required"] is True
    assert commands(rig.printer) == []


async def test_turns_of_a_conversation(hass: HomeAssistant, rig: Rig, use: Use) -> None:
    """In a conversation the user's messages count, and not how often a model thinks."""
    with (
        chat_session.async_get_chat_session(hass) as session,
        async_get_chat_log(hass, session) as log,
    ):
        log.async_add_user_content(UserContent(content="Stop the print"))
        token = (await use("stop_print", turn())).data["confirmation"]
        again = await use("stop_print", turn(), confirmation=token)
        assert again.data["confirmation_required"] is True
        assert commands(rig.printer) == []
        log.async_add_user_content(UserContent(content="Yes"))
        done = await use("stop_print", turn(), confirmation=token)
        assert done.data["success"] is True
    assert commands(rig.printer) == ["stop"]


# Who may do what


async def test_exposure(hass: HomeAssistant, rig: Rig, use: Use) -> None:
    registry = er.async_get(hass)
    entries = er.async_entries_for_config_entry(registry, rig.entry.entry_id)
    for item in entries:
        async_expose_entity(
            hass, "conversation", item.entity_id, item.domain == "sensor"
        )
    tools = await ours(hass)
    assert all(tool.annotations.read_only for tool in tools.values())
    assert (await use("get_state")).data["success"] is True
    for item in entries:
        async_expose_entity(hass, "conversation", item.entity_id, False)
    assert await ours(hass) == {}
    # Another API, or nobody who asks, gets nothing.
    from custom_components.bambu_printer.llm import async_get_tools

    assert async_get_tools(hass, turn(), "other") is None
    assert async_get_tools(hass, turn(assistant=""), "assist") is None


async def test_user_without_the_right(
    hass: HomeAssistant, rig: Rig, use: Use, hass_read_only_user: User
) -> None:
    theirs = turn(context=Context(user_id=hass_read_only_user.id))
    result = await use("pause_print", theirs)
    assert result.data["error"] == "not_allowed"
    assert (await use("get_state", theirs)).data["success"] is True
    assert rig.printer.requests == []


async def test_several_printers(hass: HomeAssistant, rig: Rig, use: Use) -> None:
    async with VirtualPrinter(
        model="P1S", name="Garage P1S", scenario="idle", autostart_reports=False
    ) as printer:
        entry = MockConfigEntry(
            domain=DOMAIN, title="Garage P1S", data=entry_data(printer)
        )
        entry.add_to_hass(hass)
        assert await hass.config_entries.async_setup(entry.entry_id)
        await hass.async_block_till_done()
        result = await use("get_state", printer="Garage P1S")
        assert result.data["state"] == "idle"
        assert (await use("get_state")).data["error"] == "invalid_arguments"
        await hass.config_entries.async_unload(entry.entry_id)
        result = await use("get_state", printer="Garage P1S")
        assert result.data["error"] == "offline"


# Files


@pytest.mark.parametrize("scenario", ["idle"])
async def test_files(rig: Rig, use: Use) -> None:
    listing = (await use("list_files")).data
    assert listing["total"] == len(listing["files"]) > 0
    wanted, other, *_ = [
        item["path"] for item in listing["files"] if item["name"].endswith(".3mf")
    ]
    project = (await use("get_project", path=wanted)).data
    assert project["plates"][0]["seconds"] > 0
    missing = await use("list_files", path="/nowhere")
    assert missing.error
    assert missing.data["error"] == "failed"

    asked = (await use("delete_file", path=other)).data
    assert other in asked["question"]
    token = asked["confirmation"]
    done = await use("delete_file", turn(), path=other, confirmation=token)
    assert done.data["success"] is True
    left = (await use("list_files")).data["files"]
    assert other not in [item["path"] for item in left]

    rig.printer.clear_requests()
    asked = (await use("print_file", path=wanted, plate=1)).data
    assert wanted in asked["question"]
    assert commands(rig.printer) == []
    token = asked["confirmation"]
    done = await meanwhile(
        rig, use("print_file", turn(), path=wanted, plate=1, confirmation=token)
    )
    assert done.data["success"] is True, done.data
    assert done.data["started"] is True
    assert commands(rig.printer) == ["project_file"]


async def test_without_conversation(hass: HomeAssistant, rig: Rig) -> None:
    """The tools do not need any sentences to be set up."""
    assert await async_setup_component(hass, "homeassistant", {})
    assert await async_setup_component(hass, "llm", {})
    assert "get_state" in await ours(hass)
