"""Texts, icons and manifests fit the code; what hassfest would check, and more."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib import import_module
import inspect
import json
from pathlib import Path
import re
import string
import tomllib
from typing import Any
from unittest.mock import MagicMock, patch

from awesomeversion import AwesomeVersion
import homeassistant
from homeassistant import const as ha_const
import homeassistant.helpers.config_validation as cv
from packaging.requirements import Requirement
from packaging.version import Version
import probatio
import pytest
import yaml

from custom_components.bambu_printer import (
    PLATFORMS,
    camera,
    config_flow,
    event,
    problems,
    repairs,
    select,
    trigger_happenings,
    trigger_levels,
)
from custom_components.bambu_printer.condition import CONDITIONS
from custom_components.bambu_printer.entity import (
    AmsPart,
    NozzlePart,
    Part,
    PartEntityDescription,
    TrayPart,
    WholePrinter,
)
from custom_components.bambu_printer.logbook_events import _NOT_WORTH_A_LINE
from custom_components.bambu_printer.printer import errors, models
from custom_components.bambu_printer.printer.happenings import (
    OUTCOMES,
    ErrorEvent,
    FilamentEvent,
    JobEvent,
)
from custom_components.bambu_printer.printer.state.enclosure import StorageStatus
from custom_components.bambu_printer.printer.state.errors import (
    HmsModule,
    HmsSeverity,
)
from custom_components.bambu_printer.printer.state.fans import AirductMode

FOLDER = Path(config_flow.__file__).parent
ROOT = FOLDER.parents[1]
TRANSLATIONS = FOLDER / "translations"
EN: dict[str, Any] = json.loads((TRANSLATIONS / "en.json").read_text("utf-8"))
ICONS: dict[str, Any] = json.loads((FOLDER / "icons.json").read_text("utf-8"))
MANIFEST: dict[str, Any] = json.loads((FOLDER / "manifest.json").read_text("utf-8"))
SOURCES = {path: path.read_text("utf-8") for path in sorted(FOLDER.rglob("*.py"))}

NOZZLES = {name for model in models.MODELS for name in model.extruder_names}
PREFIXES: Mapping[type[Part], set[str]] = {
    WholePrinter: {""},
    NozzlePart: NOZZLES,
    AmsPart: {"ams"},
    TrayPart: {"tray", "filament"},
}


def tables(platform: str) -> Mapping[type[Part], Sequence[PartEntityDescription]]:
    """Return what a platform would make entities of."""
    module = import_module(f"custom_components.bambu_printer.{platform}")
    caught = MagicMock()
    with (
        patch.object(module, "async_add_part_entities", caught),
        # Nothing in there waits for anything.
        pytest.raises(StopIteration),
    ):
        module.async_setup_entry(MagicMock(), MagicMock(), MagicMock()).send(None)
    found: dict[type[Part], list[PartEntityDescription]] = {}
    for call in caught.call_args_list:
        for part, descriptions in call.args[2].items():
            found.setdefault(part, []).extend(descriptions)
    return found


TABLES = {str(platform): tables(platform) for platform in PLATFORMS}
# A printer with one nozzle has the sensor of the active tray instead, and the units of
# an AMS tell for all their trays.
ABSENT_KEYS = {("event", "tray"), ("sensor", "nozzle_tray")}


def entities() -> Iterator[tuple[str, str, PartEntityDescription]]:
    """Iterate over platform, translation key and description of every entity."""
    for platform, table in TABLES.items():
        for part, descriptions in table.items():
            for prefix in PREFIXES[part]:
                for description in descriptions:
                    key = "_".join(filter(None, (prefix, description.key)))
                    if (platform, key) not in ABSENT_KEYS:
                        yield platform, key, description


def named() -> dict[tuple[str, str], PartEntityDescription]:
    return {
        (platform, key): description
        for platform, key, description in entities()
        if not description.named_by_device_class
    }


def leaves(value: object, path: str = "") -> Iterator[tuple[str, str]]:
    """Iterate over all texts with their paths."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from leaves(item, f"{path}.{key}" if path else key)
    else:
        assert isinstance(value, str), path
        yield path, value


def placeholders(text: str) -> set[str]:
    return {
        name for _, name, _, _ in string.Formatter().parse(text) if name is not None
    }


# Entities


def test_all_platforms_are_checked() -> None:
    assert len(TABLES) >= 7
    assert all(TABLES.values())
    assert len(list(entities())) > 100


def test_every_entity_has_a_name_and_every_name_an_entity() -> None:
    translated = {
        (platform, key) for platform, keys in EN["entity"].items() for key in keys
    }
    assert translated == set(named())
    for (platform, key), description in named().items():
        # Without a name it is the device's main entity.
        main = description.name is None
        assert ("name" in EN["entity"][platform][key]) is not main, key


def test_keys_that_only_repeat_a_device_class() -> None:
    for platform, key, description in entities():
        if description.named_by_device_class:
            assert description.device_class, (platform, key)


# What depends on the printer.
OPTIONS = {
    "active_tool": NOZZLES - {"nozzle"},
    "airduct_mode": {mode.value for mode in AirductMode},
}


def options_of(description: PartEntityDescription) -> set[str]:
    """Return the words to choose from; numbers need no translation."""
    options: Iterable[str]
    if isinstance(description, select.PrinterSelectDescription):
        options = OPTIONS.get(description.key) or description.options_fn(MagicMock())
    else:
        options = getattr(description, "options", None) or ()
    return {option for option in options if re.search("[a-z]", option)}


def test_every_option_is_translated() -> None:
    for (platform, key), description in named().items():
        if options := options_of(description):
            translated = EN["entity"][platform][key].get("state", {})
            assert set(translated) == options, (platform, key)


def test_translated_attributes() -> None:
    attributes = EN["entity"]["binary_sensor"]
    severity = attributes["hms_problem"]["state_attributes"]["severity"]["state"]
    assert set(severity) == {item.value for item in HmsSeverity}
    reason = EN["entity"]["camera"]["camera"]["state_attributes"]["reason"]["state"]
    assert set(reason) == set(camera.Reason)
    status = attributes["sd_card"]["state_attributes"]["status"]["state"]
    assert set(status) == {item.value for item in StorageStatus}


def test_events_are_translated() -> None:
    for (platform, key), description in named().items():
        if isinstance(description, event.PrinterEventDescription):
            attributes = EN["entity"][platform][key]["state_attributes"]
            types = attributes["event_type"]["state"]
            assert types.keys() >= {str(kind) for kind in description.kinds}, key


def test_placeholders_of_entity_names() -> None:
    for platform, key in named():
        name = EN["entity"][platform][key].get("name", "")
        tray = key == "tray" or key.startswith("tray_")
        assert placeholders(name) == ({"tray"} if tray else set()), (platform, key)


def test_names_are_unique_within_a_device() -> None:
    for platform, table in TABLES.items():
        for prefix in ("tray", "filament"):
            names = [
                EN["entity"][platform][key].get("name")
                for where, key in named()
                if where == platform and key.split("_")[0] == prefix
            ]
            assert len(names) == len(set(names))
        names = [
            EN["entity"][platform]["_".join(filter(None, (description.key,)))].get(
                "name"
            )
            for description in {
                item.key: item
                for item in table.get(WholePrinter, ())
                if not item.named_by_device_class
            }.values()
        ]
        assert len(names) == len(set(names)), platform


def test_device_names() -> None:
    source = SOURCES[FOLDER / "entity.py"]
    for key in EN["device"]:
        assert f'"{key}"' in source
    for key in re.findall(r'side = "(\w+)"', source):
        assert key in EN["device"]


# Icons


def test_icons_belong_to_entities() -> None:
    for platform, keys in ICONS["entity"].items():
        for key, icon in keys.items():
            assert (platform, key) in named(), (platform, key)
            assert icon.keys() <= {"default", "state", "range", "state_attributes"}
            translated = EN["entity"][platform][key].get("state", {})
            known = set(translated) | {"on", "off"}
            assert icon.get("state", {}).keys() <= known, (platform, key)
            for limit in icon.get("range", {}):
                float(limit)


def test_icons_are_of_the_design_set() -> None:
    for path, icon in leaves(ICONS):
        assert re.fullmatch(r"mdi:[a-z0-9]+(-[a-z0-9]+)*", icon), path


def test_entities_without_device_class_have_an_icon() -> None:
    for (platform, key), description in named().items():
        given = (
            description.device_class and str(description.device_class) != "enum"
        ) or platform in ("climate", "fan", "light")
        assert given or key in ICONS["entity"].get(platform, {}), (platform, key)


def test_no_icon_in_the_code() -> None:
    for path, source in SOURCES.items():
        assert "mdi:" not in source, path


# What we put together


def test_common_texts() -> None:
    modules = {f"fault_module_{item}" for item in (*HmsModule, "external_spool")}
    severities = {f"fault_{item}" for item in HmsSeverity}
    assert {key for key in EN["common"] if key.startswith("fault_")} == (
        modules | severities
    )
    ends = {str(kind) for kind in OUTCOMES}
    assert {f"job_{kind}" for kind in ends} <= EN["common"].keys()
    assert EN["selector"]["job_outcome"]["options"].keys() == ends
    told = {*JobEvent, *ErrorEvent, *FilamentEvent} - _NOT_WORTH_A_LINE
    assert {key for key in EN["common"] if key.startswith("logbook_")} == {
        f"logbook_{kind}" for kind in told
    }
    code = "\n".join(SOURCES.values())
    for key in EN["common"]:
        assert key.startswith(("fault_", "logbook_")) or any(
            f'"{key}"' in code or key == f"job_{kind}" for kind in ends
        ), key
    for key in severities:
        assert placeholders(EN["common"][key]) == {"module", "code"}
    state = EN["entity"]["sensor"]["current_error"]["state_attributes"]
    assert set(state["module"]["state"]) == set(HmsModule)
    assert set(state["severity"]["state"]) == set(HmsSeverity)


# Exceptions


def all_errors() -> list[type[errors.BambuError]]:
    return [
        item
        for _, item in inspect.getmembers(errors, inspect.isclass)
        if issubclass(item, errors.BambuError)
    ]


def example(kind: type[errors.BambuError]) -> errors.BambuError:
    """Make an error of a kind; their arguments are all texts or numbers."""
    arguments: dict[str, Any] = {
        name: 7 if parameter.annotation in (int, float, "int", "float") else "x"
        for name, parameter in inspect.signature(kind.__init__).parameters.items()
        if parameter.default is parameter.empty
        and parameter.kind is parameter.POSITIONAL_OR_KEYWORD
        and name != "self"
    }
    return kind(**arguments)


@pytest.mark.parametrize("kind", all_errors(), ids=lambda kind: kind.__name__)
def test_every_error_has_a_message(kind: type[errors.BambuError]) -> None:
    details = set(example(kind).details)
    used = placeholders(EN["exceptions"][kind.code]["message"])
    assert used <= details
    # The printer's own words add nothing to what has to be done here.
    assert used == details or kind is errors.NotAuthorizedError


def test_every_message_has_an_error() -> None:
    codes = {kind.code for kind in all_errors()}
    code = "\n".join(SOURCES.values())
    for key in EN["exceptions"]:
        assert key in codes or re.search(rf'translation_key="{key}"', code), key
    for key in re.findall(r'(?<!_)translation_key="(\w+)"', code):
        places = ("exceptions", "device", "services", "issues", "selector")
        assert any(key in EN.get(place, {}) for place in places), key


# Config flow


def schema_keys(schema: Any) -> dict[str, Any]:
    return {str(key): value for key, value in schema.schema.items()}


STEPS = {
    "user": config_flow._USER_SCHEMA,
    "reconfigure": config_flow._ADDRESS_SCHEMA,
    "reauth_confirm": config_flow._CODE_SCHEMA,
    "discovery_confirm": config_flow._CODE_SCHEMA,
    "trust": probatio.Schema({}),
    "take_over": config_flow._take_over_schema(()),
}
OPTIONS_STEP = probatio.Schema(
    {**config_flow._CHAMBER_FIELD, **config_flow._OPTIONS_FIELDS}
)


def test_steps() -> None:
    assert set(EN["config"]["step"]) == set(STEPS)
    options = EN.get("options", {}).get("step", {})
    source = SOURCES[FOLDER / "config_flow.py"]
    assert set(re.findall(r'step_id="(\w+)"', source)) == {*STEPS, *options}
    for step in options.values():
        assert set(step.get("data", {})) == set(step.get("data_description", {}))


@pytest.mark.parametrize("step", STEPS)
def test_fields(step: str) -> None:
    texts = EN["config"]["step"][step]
    assert texts["title"]
    assert texts["description"]
    check_fields(texts, STEPS[step])


def test_fields_of_the_options() -> None:
    check_fields(EN["options"]["step"]["init"], OPTIONS_STEP)


def check_fields(texts: Mapping[str, Any], schema: Any) -> None:
    fields = schema_keys(schema)
    sections = {
        name: value
        for name, value in fields.items()
        if hasattr(value, "options")
        and hasattr(value, "schema")
        and hasattr(value.schema, "schema")
    }
    plain = fields.keys() - sections.keys()
    assert set(texts.get("data", {})) == plain
    assert set(texts.get("data_description", {})) == plain
    assert set(texts.get("sections", {})) == set(sections)
    for name, value in sections.items():
        inner = texts["sections"][name]
        assert inner["name"]
        assert inner["description"]
        keys = set(schema_keys(value.schema))
        assert set(inner["data"]) == set(inner["data_description"]) == keys


def test_errors_of_the_flow() -> None:
    possible = {
        kind.code
        for kind in all_errors()
        if issubclass(kind, errors.PrinterConnectionError)
    }
    assert set(EN["config"]["error"]) == possible | {"unknown"}


def test_aborts_of_the_flow() -> None:
    # The others come translated from Home Assistant.
    reasons = set(re.findall(r'reason="(\w+)"', SOURCES[FOLDER / "config_flow.py"]))
    assert set(EN["config"]["abort"]) == reasons | {"already_configured"}


def test_placeholders_of_the_flow() -> None:
    known = {
        "flow_title": {"name", "model"},
        "step.reauth_confirm.description": {"name"},
        "step.discovery_confirm.title": {"name"},
        "step.discovery_confirm.description": {"name", "model", "serial", "host"},
        "step.trust.description": {"serial", "fingerprint"},
    }
    for path, text in leaves(EN["config"]):
        assert placeholders(text) == known.get(path, set()), path


# Repairs


def test_repairs() -> None:
    keys = {problem.key for problem in problems.PROBLEMS}
    assert set(EN["issues"]) == keys | {problems.ACCESS_CODE, problems.CERTIFICATE}
    possible = set(EN["config"]["error"])
    for key, texts in EN["issues"].items():
        assert placeholders(texts["title"]) == {"name"}
        flow = texts["fix_flow"]
        assert set(flow["step"]) == {"confirm"}
        assert flow["step"]["confirm"]["title"]
        allowed = {"name"}
        errors_of = {"still_there"}
        if key == problems.CERTIFICATE:
            allowed |= {"old", "new", "authority"}
            errors_of = possible | {"changed_again"}
        elif key == problems.ACCESS_CODE:
            errors_of = possible
        assert placeholders(flow["step"]["confirm"]["description"]) == allowed
        assert set(flow["error"]) == errors_of
    assert set(repairs._TESTS) == keys


def test_system_health() -> None:
    source = SOURCES[FOLDER / "system_health.py"]
    assert set(re.findall(r'^        "(\w+)":', source, re.MULTILINE)) == set(
        EN["system_health"]["info"]
    )


# Actions


def test_actions() -> None:
    path = FOLDER / "services.yaml"
    actions = yaml.safe_load(path.read_text("utf-8")) if path.exists() else {}
    assert set(actions) == set(EN.get("services", {}))
    assert set(actions) == set(ICONS.get("services", {}))
    for name, action in actions.items():
        fields: set[str] = set()
        sections: set[str] = set()
        for key, field in ((action or {}).get("fields") or {}).items():
            if "fields" in field:
                sections.add(key)
                fields |= set(field["fields"])
            else:
                fields.add(key)
        texts = EN["services"][name]
        assert texts["name"]
        assert texts["description"]
        assert set(texts.get("fields", {})) == fields, name
        assert set(texts.get("sections", {})) == sections, name
        for field in texts.get("fields", {}).values():
            assert field["name"]
            assert field["description"]


# Texts as such


@pytest.mark.parametrize(
    "path", sorted(TRANSLATIONS.glob("*.json")), ids=lambda path: path.name
)
def test_rules_for_texts(path: Path) -> None:
    texts = json.loads(path.read_text("utf-8"))
    assert texts.keys() <= {
        "title",
        "common",
        "config",
        "options",
        "config_subentries",
        "entity",
        "device",
        "exceptions",
        "issues",
        "selector",
        "services",
        "triggers",
        "conditions",
        "system_health",
        "preview_features",
    }
    for where, text in leaves(texts):
        assert text == text.strip(), where
        assert text, where
        assert "://" not in text, where
        assert not re.search(r"<[a-zA-Z/]", text), where
        assert "[%key:" not in text, where
        assert not re.search(r"'[^' ]*{\w+}[^' ]*'", text), where
        if ".state." in where:
            assert not placeholders(text), where
        for key in where.split("."):
            assert re.fullmatch(r"[a-z0-9_-]+", key), where
            assert key == cv.slug(key) or "-" in key, where


@pytest.mark.parametrize(
    "path", sorted(TRANSLATIONS.glob("*.json")), ids=lambda path: path.name
)
def test_languages_are_in_step(path: Path) -> None:
    texts = dict(leaves(json.loads(path.read_text("utf-8"))))
    english = dict(leaves(EN))
    assert texts.keys() == english.keys()
    for where, text in texts.items():
        assert placeholders(text) == placeholders(english[where]), where


def test_no_sources_of_texts() -> None:
    assert not (FOLDER / "strings.json").exists()


# Manifests


def test_manifest() -> None:
    keys = list(MANIFEST)
    assert keys[:2] == ["domain", "name"]
    assert keys[2:] == sorted(keys[2:])
    assert set(keys) >= {
        "codeowners",
        "config_flow",
        "documentation",
        "integration_type",
        "iot_class",
        "issue_tracker",
        "requirements",
        "version",
    }
    assert MANIFEST["domain"] == FOLDER.name == "bambu_printer"
    assert MANIFEST["integration_type"] == "device"
    assert MANIFEST["iot_class"] == "local_push"
    assert MANIFEST["documentation"].startswith("https://")
    assert MANIFEST["issue_tracker"].startswith("https://")
    assert all(owner.startswith("@") for owner in MANIFEST["codeowners"])
    assert AwesomeVersion(MANIFEST["version"]).strategy in ("SemVer", "CalVer")


def test_one_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["version"] == MANIFEST["version"]
    assert {Requirement(item).name for item in project["dependencies"]} >= {
        Requirement(item).name for item in MANIFEST["requirements"]
    }


def test_requirements_agree_with_home_assistant() -> None:
    folder = Path(homeassistant.__file__).parent
    constraints = {
        item.name.lower(): item
        for line in (folder / "package_constraints.txt").read_text("utf-8").splitlines()
        if line.strip() and not line.startswith(("#", "-"))
        for item in (Requirement(line.split(" #")[0]),)
    }
    for text in MANIFEST["requirements"]:
        requirement = Requirement(text)
        assert not any(item.operator == "==" for item in requirement.specifier), text
        if constraint := constraints.get(requirement.name.lower()):
            # The lowest version that we take must be one that Home Assistant lets in.
            for item in requirement.specifier:
                if item.operator in (">=", "~="):
                    assert constraint.specifier.contains(Version(item.version)), text


def test_what_is_imported_is_required() -> None:
    """Every package that is imported comes with Home Assistant or is in the manifest.

    Pillow comes with Home Assistant itself, and orjson and aiohttp do.
    """
    required = {Requirement(item).name for item in MANIFEST["requirements"]}
    imported = {
        module
        for source in SOURCES.values()
        for module in re.findall(r"^(?:from|import) (\w+)", source, re.MULTILINE)
    }
    for package in ("aiomqtt", "defusedxml", "paho"):
        assert (package in imported) is (package in required), package


def test_hacs() -> None:
    hacs = json.loads((ROOT / "hacs.json").read_text("utf-8"))
    assert hacs.keys() <= {
        "name",
        "homeassistant",
        "hacs",
        "content_in_root",
        "zip_release",
        "filename",
        "hide_default_branch",
        "country",
        "persistent_directory",
    }
    assert hacs["name"] == MANIFEST["name"]
    assert AwesomeVersion(hacs["homeassistant"]) <= AwesomeVersion(ha_const.__version__)


def test_library_knows_nothing_of_home_assistant() -> None:
    for path, source in SOURCES.items():
        if (FOLDER / "printer") in path.parents:
            assert "import homeassistant" not in source, path
            assert "from homeassistant" not in source, path
            assert not re.search(
                r"^\s*(import|from) threading", source, re.MULTILINE
            ), path


# -- triggers and conditions ------------------------------------------------------------------


def automation_parts(kind: str) -> Mapping[str, Mapping[str, Any]]:
    """Return what the code, the YAML, the texts and the icons say of triggers or conditions."""
    described = yaml.safe_load((FOLDER / f"{kind}s.yaml").read_text("utf-8"))
    return {
        "code": (
            {**trigger_happenings.TRIGGERS, **trigger_levels.TRIGGERS}
            if kind == "trigger"
            else CONDITIONS
        ),
        "yaml": {key: x for key, x in described.items() if not key.startswith(".")},
        "texts": EN[f"{kind}s"],
        "icons": ICONS[f"{kind}s"],
    }


def taken_by(part: Any) -> set[str]:
    """Return the options that a trigger or a condition takes."""
    schema = getattr(part, "_options_schema", None)
    if schema is None:
        (schema,) = (
            value for key, value in part._schema.schema.items() if key == "options"
        )
    return {str(key) for key in getattr(schema, "schema", schema)}


def _selects(fields: Mapping[str, Any]) -> Iterator[tuple[str, list[str]]]:
    """Yield the translation key and the options of each field with a choice."""
    for field in fields.values():
        select = field["selector"].get("select")
        if select:
            yield select["translation_key"], select["options"]


@pytest.mark.parametrize("kind", ["trigger", "condition"])
def test_parts_of_automations(kind: str) -> None:
    parts = automation_parts(kind)
    assert len(parts["code"]) > 4
    for where, keys in parts.items():
        assert keys.keys() == parts["code"].keys(), where
    for key, part in parts["code"].items():
        described, texts = parts["yaml"][key], parts["texts"][key]
        assert texts["name"]
        assert texts["description"].endswith("."), key
        assert described["target"]["entity"] == [{"integration": MANIFEST["domain"]}]
        fields = described.get("fields", {})
        assert fields.keys() == taken_by(part), key
        assert fields.keys() == texts.get("fields", {}).keys(), key
        for name, field in texts.get("fields", {}).items():
            assert field["name"], (key, name)
        for translation_key, options in _selects(fields):
            texts_of_options = EN["selector"][translation_key]["options"]
            assert texts_of_options.keys() == set(options), key
        assert parts["icons"][key][kind].startswith("mdi:")
