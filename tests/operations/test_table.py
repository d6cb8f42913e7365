"""The table of operations is whole, every row has its test, and the page is up to date."""

from typing import Any

from homeassistant.core import HomeAssistant, SupportsResponse
from homeassistant.helpers import entity_registry as er
import pytest
import yaml

from custom_components.bambu_printer.const import DOMAIN
from scripts.documentation import ACTIONS_PAGE, operations, page
from scripts.documentation.__main__ import main
from scripts.documentation.operations import OPERATIONS
from scripts.documentation.responses import RESPONSES
from tests.conftest import Rig
from tests.test_file_actions import FILE_ACTION_TESTS
from tests.test_print_file import PRINT_ACTION_TESTS, PRINT_TESTS

from .cases import CASES
from .support import ACTIONS, as_commands
from .test_files import FILE_TESTS
from .test_responses import RESPONSE_TESTS
from .test_session import SESSION_TESTS

TESTED = {case.name for case in CASES} | {
    *FILE_TESTS,
    *PRINT_TESTS,
    *RESPONSE_TESTS,
    *SESSION_TESTS,
}


def test_code_and_table_agree() -> None:
    assert operations.problems() == []


def test_problems_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operations, "OPERATIONS", OPERATIONS[1:])
    assert operations.problems() == ["method without a row: start_session"]
    gone = operations.Operation(
        name="x", methods=("fly",), actions=("fly",), entities=("button.fly",)
    )
    monkeypatch.setattr(operations, "OPERATIONS", (*OPERATIONS, gone))
    assert operations.problems() == [
        "no such member: fly",
        "no such action: fly",
        "no such entity: button.fly",
    ]


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda row: row.name)
def test_every_row_has_its_test(operation: operations.Operation) -> None:
    assert operation.name in TESTED
    performed = {case.action for case in CASES if case.name == operation.name}
    if operation.name in RESPONSE_TESTS:
        return
    if operation.name in (*FILE_TESTS, *PRINT_TESTS):
        assert set(operation.actions) <= FILE_ACTION_TESTS | PRINT_ACTION_TESTS
        return
    # Each way that the table names is gone.
    for action in operation.actions:
        assert f"{DOMAIN}.{action}" in performed
    platforms = {action.split(".")[0] for action in performed} - {DOMAIN}
    assert platforms == {entity.split(".")[0] for entity in operation.entities} - {
        # The plan by which a unit dries is not sent.
        "number"
    }


def test_every_test_has_its_row() -> None:
    assert {row.name for row in OPERATIONS} == TESTED


def test_every_command_of_a_row_is_seen() -> None:
    """Unless it is for firmware that no virtual printer has."""
    seen = {
        operations.wire_name(command)
        for case in CASES
        for command in as_commands(list(case.requests))
    }
    elsewhere = (*SESSION_TESTS, *PRINT_TESTS)
    named = {
        wire for row in OPERATIONS if row.name not in elsewhere for wire in row.wire
    }
    assert named - seen == {
        "print.gcode_line …",
        "print.gcode_line M145/M141",
        "print.gcode_line M141/M145",
        "print.gcode_line M620",
    }


def test_page_is_up_to_date(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--check"]) == 0, capsys.readouterr()


def test_page_out_of_date(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(page, "_INTRODUCTION", "# Something else\n")
    before = ACTIONS_PAGE.read_text("utf-8")
    assert main(["--check"]) == 1
    shown = capsys.readouterr()
    assert "+# Something else" in shown.out
    assert "scripts/document" in shown.err
    assert ACTIONS_PAGE.read_text("utf-8") == before


def test_examples_are_what_the_actions_take(hass: HomeAssistant) -> None:
    """Every example of the page passes the action's schema."""
    from custom_components.bambu_printer.services import async_setup_services

    async_setup_services(hass)
    registered = hass.services.async_services_internal()[DOMAIN]
    examples = page.render().split("```yaml\n")[1:]
    assert len(examples) == len(operations.action_names()) == len(registered)
    for text in examples:
        example: dict[str, Any] = yaml.safe_load(text.split("```")[0])
        schema = registered[example["action"].removeprefix(f"{DOMAIN}.")].schema
        assert schema
        schema(example["data"])


def test_every_response_is_described() -> None:
    returning = {
        name
        for name, action in ACTIONS.items()
        if action.response is not SupportsResponse.NONE
    }
    assert returning | {"search_filaments"} == set(RESPONSES)


@pytest.mark.parametrize(("model", "scenario", "enabled"), [("H2D", "idle", True)])
async def test_keys_are_those_of_the_entities(rig: Rig) -> None:
    """The entities that the table names are there, under the names of the page."""
    registry = er.async_get(rig.hass)
    entries = er.async_entries_for_config_entry(registry, rig.entry.entry_id)
    translated = {f"{item.domain}.{item.translation_key}" for item in entries}
    named = {entity for row in OPERATIONS for entity in row.entities}
    prefixes = ("", "ams_", "tray_", "filament_")
    found = {
        entity
        for entity in named
        for prefix in prefixes
        if entity.replace(".", f".{prefix}") in translated
    }
    # What no H2D has.
    assert named - found == {
        "climate.nozzle",
        "climate.auxiliary_nozzle",
        "climate.main_nozzle",
        "fan.aux_2_fan",
        "select.camera_resolution",
        "select.mounted_nozzle_diameter",
        "select.mounted_nozzle_material",
        "switch.air_print_detection",
        # It is there, but its device class names it.
        "update.firmware",
    }
