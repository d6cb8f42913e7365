"""The validation passes here, and each check finds what it is for."""

from collections.abc import Callable, Iterator
import json
from pathlib import Path
import shutil
from typing import Any

import pytest
import yaml

from scripts.validation import CHECKS, Check, Integration, coverage
from scripts.validation.__main__ import main

ROOT = Path(__file__).parents[1]
INTEGRATION = Path("custom_components/bambu_printer")


def name_of(check: Check) -> str:
    return f"{check.__module__.rpartition('.')[2]}.{check.__name__}"


BY_NAME = {name_of(check): check for check in CHECKS}


@pytest.fixture(scope="module")
def real() -> Integration:
    return Integration.find(ROOT)


@pytest.mark.parametrize("check", CHECKS, ids=name_of)
def test_nothing_is_wrong_here(check: Check, real: Integration) -> None:
    assert list(check(real)) == []


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of what is checked, to break it."""
    root = tmp_path_factory.mktemp("copy")
    for name in (".ci", "custom_components", "docs"):
        shutil.copytree(
            ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__")
        )
    for path in (*ROOT.glob("*.md"), *(ROOT / name for name in FILES)):
        shutil.copy(path, root)
    return root


TOUCHED: set[Path] = set()


@pytest.fixture
def copy(tree: Path) -> Iterator[Path]:
    """Return the copy; what is broken in it is mended afterwards."""
    TOUCHED.clear()
    yield tree
    for path in TOUCHED:
        original = ROOT / path.relative_to(tree)
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
        if original.is_file():
            shutil.copy(original, path)
        elif original.is_dir():
            shutil.copytree(original, path)


def at(root: Path, name: str) -> Path:
    """Return a file: of the integration, or, with a slash in front, of the repository."""
    path = root / name[1:] if name.startswith("/") else INTEGRATION / name
    TOUCHED.add(root / path)
    return root / path


FILES = ("LICENSE", "hacs.json", "pyproject.toml")


type Break = Callable[[Path], object]


def replace(name: str, old: str, new: str) -> Break:
    """Return what exchanges a text in a file."""

    def change(root: Path) -> None:
        path = at(root, name)
        text = path.read_text("utf-8")
        assert old in text
        path.write_text(text.replace(old, new, 1), "utf-8")

    return change


def put(name: str, where: str, value: Any) -> Break:
    """Return what puts a value into a JSON or YAML file; None takes it out."""

    def change(root: Path) -> None:
        path = at(root, name)
        text = path.read_text("utf-8")
        content = json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)
        *parents, key = where.split("/")
        place = content
        for parent in parents:
            place = place[parent]
        if value is None:
            del place[key]
        else:
            place[key] = value
        path.write_text(json.dumps(content), "utf-8")

    return change


def add(name: str, content: str) -> Break:
    """Return what adds a file, or lines to one."""

    def change(root: Path) -> None:
        path = at(root, name)
        before = path.read_text("utf-8") if path.exists() else ""
        path.write_text(before + content, "utf-8")

    return change


def remove(name: str) -> Break:
    """Return what removes a file."""
    return lambda root: at(root, name).unlink()


def german(change: Callable[[dict[str, Any]], object]) -> Break:
    """Return what adds a language like English but for one thing."""

    def write(root: Path) -> None:
        texts = json.loads(at(root, "translations/en.json").read_text("utf-8"))
        change(texts)
        at(root, "translations/de.json").write_text(json.dumps(texts), "utf-8")

    return write


EN = "translations/en.json"
SCALE = "quality_scale.yaml"
FAULTS: dict[str, list[Break]] = {
    "manifest.schema": [
        put("manifest.json", "iot_class", "lokal"),
        put("manifest.json", "integration_type", None),
        put("manifest.json", "version", "latest"),
        put("manifest.json", "documentation", "http://example.org"),
        put("manifest.json", "codeowners", ["somebody"]),
        put("manifest.json", "quality_scale", "gilded"),
        put("manifest.json", "zzz", True),
        put("manifest.json", "ssdp", [{}]),
        put("manifest.json", "dependencies", ["http", "ffmpeg"]),
        put("manifest.json", "dhcp", [{"hostname": "Printer"}]),
        # The order: what is put in last stands last.
        put("manifest.json", "disabled", "because"),
    ],
    "manifest.components": [put("manifest.json", "dependencies", ["htpp"])],
    "manifest.requirements": [
        put("manifest.json", "requirements", ["aiomqtt==2.5.0"]),
        put("manifest.json", "requirements", ["aiomqtt"]),
        put("manifest.json", "requirements", ["aiomqtt >= 2"]),
        put("manifest.json", "requirements", ["aiohttp>=1.0"]),
        put("manifest.json", "requirements", ["?"]),
    ],
    "texts.rules": [
        put(EN, "config/step/user/title", "<b>Add</b>"),
        put(EN, "config/step/user/title", " Add"),
        put(EN, "config/step/user/title", ""),
        put(EN, "config/step/user/title", 7),
        put(EN, "config/step/user/title", "See https://example.org"),
        put(EN, "config/step/user/title", "[%key:common::add%]"),
        put(EN, "config/step/user/title", "Add '{name}'"),
        put(EN, "config/step/user/title", "Add {name"),
        put(EN, "config/step/user/title", "Add {0}"),
        put(EN, "config/step/User", {"title": "Add"}),
        put(EN, "entity/sensor/status/state/idle", "Idle {name}"),
        put(EN, "words", {"yes": "Yes"}),
    ],
    "texts.sources": [add("strings.json", "{}"), remove(EN)],
    "texts.flows": [
        put(EN, "config/step/user/data_description/host", None),
        put(EN, "config/step/user/sections/ports/name", None),
        put(EN, "config/step/user/sections/ports/data/other", "Other"),
    ],
    "texts.issues": [
        put(EN, "issues/certificate_changed/title", None),
        put(EN, "issues/certificate_changed/description", "Changed."),
        put(EN, "issues/certificate_changed/fix_flow", None),
    ],
    "languages.complete": [
        german(lambda texts: texts["config"]["step"].pop("user")),
        german(lambda texts: texts["config"]["step"].update(other={"title": "Mehr"})),
        german(lambda texts: texts["config"].update(flow_title="{name}")),
        german(
            lambda texts: texts["config"]["error"].update(unknown="`Unbekannt` ist es.")
        ),
    ],
    "languages.distinct": [
        german(
            lambda texts: texts["entity"]["sensor"]["total_layers"].update(
                name=texts["entity"]["sensor"]["current_layer"]["name"]
            )
        ),
        german(
            lambda texts: texts["selector"]["job_outcome"]["options"].update(
                finished="Ende", failed="Ende"
            )
        ),
    ],
    "languages.spoken": [add("translations/eo.json", "{}")],
    "icons.rules": [
        put("icons.json", "entity/sensor/status/default", "fa:printer"),
        put("icons.json", "entity/sensor/statuss", {"default": "mdi:printer"}),
        put("icons.json", "entity/sensor/status/state", {"idel": "mdi:printer"}),
        put("icons.json", "entity/sensor/status/range", {"low": "mdi:printer"}),
        put("icons.json", "entity/sensor/status/shape", "mdi:printer"),
        put("icons.json", "pictures", {"a": "mdi:printer"}),
    ],
    "icons.happenings": [
        put("icons.json", "services/skip_objects", None),
        put("icons.json", "triggers/print_starts", {"trigger": "mdi:printer"}),
    ],
    "icons.in_code": [add("sensor.py", '\nICON = "mdi:printer"\n')],
    "actions.texts": [
        put(EN, "services/skip_objects", None),
        put(EN, "services/skip_objects/description", None),
        put(EN, "services/skip_objects/fields/objects", None),
        put(EN, "services/skip_objects/fields/objects/description", None),
        put(
            EN, "services/skip_objects/fields/other", {"name": "O", "description": "o"}
        ),
        put(EN, "triggers/print_started", None),
        put(EN, "conditions/has_error/name", None),
        put(EN, "selector/slot/options/external", None),
        put("services.yaml", "skip_objects/targets", {}),
        put("services.yaml", "skip_objects/fields/objects/selector", None),
        put("services.yaml", "skip_objects/fields/objects/wanted", True),
    ],
    "code.dependencies": [
        add("sensor.py", "\nfrom homeassistant.components.mqtt import client\n"),
        add("sensor.py", "\nfrom homeassistant.components import mqtt\n"),
        put("manifest.json", "dependencies", []),
        add("sensor.py", "\nfrom homeassistant.components.diagnostics import x\n"),
    ],
    "code.packages": [
        add("sensor.py", "\nimport numpy\n"),
        put("manifest.json", "requirements", ["aiomqtt>=2.5.0", "webcolors>=24.6.0"]),
        put(
            "manifest.json",
            "requirements",
            [
                "aiomqtt>=2.5.0",
                "defusedxml>=0.7.1",
                "paho-mqtt>=2.1.0",
                "webcolors>=24.6.0",
                "zebra>=1",
            ],
        ),
    ],
    "code.config_flow": [
        remove("config_flow.py"),
        put("manifest.json", "config_flow", False),
        put("manifest.json", "zeroconf", ["_bambu._tcp.local."]),
        replace("config_flow.py", "async_step_ssdp", "async_step_upnp"),
    ],
    "code.no_yaml": [replace("__init__.py", "CONFIG_SCHEMA = ", "OTHER = ")],
    "code.platforms": [remove("triggers.yaml"), remove("condition.py")],
    "quality.claims": [
        put(SCALE, "rules/brands", None),
        put(SCALE, "rules/charm", "done"),
        put(SCALE, "rules/brands", "almost"),
        put(SCALE, "rules/brands", {"status": "exempt", "comment": "None."}),
        put(SCALE, "rules/strict-typing", "todo"),
    ],
    "quality.done": [
        replace("light.py", "PARALLEL_UPDATES = 0", ""),
        replace("__init__.py", "    async_setup_services(hass)\n", ""),
        replace("entity.py", "_attr_has_entity_name = True", ""),
        replace("entity.py", "_attr_unique_id = ", "_unique_id = "),
        replace("__init__.py", "async_remove_config_entry_device", "remove"),
        replace("config_flow.py", "async_step_reconfigure", "async_step_change"),
        replace("services.py", "translation_domain=DOMAIN", "domain=DOMAIN"),
        replace("power.py", 'translation_key="', 'translation_key="no_'),
        add("sensor.py", "\nSCAN_INTERVAL = 5\n"),
        add("sensor.py", "\nimport requests\n"),
        add("sensor.py", '\nX = SensorEntityDescription(key="x", name="X")\n'),
        add("sensor.py", "\n_attr_icon = ICON\n"),
        add("sensor.py", "\nSESSION = aiohttp.ClientSession()\n"),
        remove("py.typed"),
        put(EN, "config/step/user/data_description/host", None),
        replace("/pyproject.toml", "\nstrict = true", "\nstrict = false"),
        replace("/pyproject.toml", '"custom_components/bambu_printer", "virt', '"virt'),
        replace("/pyproject.toml", '["homeassistant.*"]', '["custom_components.*"]'),
        replace("/pyproject.toml", "fail_under = 97", "fail_under = 50"),
        replace("/.ci/run", "scripts.validation.coverage", "true"),
        replace("/README.md", "\n## Removal\n", "\n## Good-bye\n"),
        replace(
            "/docs/automations.md", "\n## Triggers\n", "\n## Triggers\n\n## Empty\n"
        ),
    ],
    "hacs.settings": [
        remove("/hacs.json"),
        put("/hacs.json", "domains", ["sensor"]),
        put("/hacs.json", "name", "Other"),
        put("/hacs.json", "homeassistant", "2036.1.0"),
        put("/hacs.json", "filename", None),
    ],
    "hacs.manifest": [put("manifest.json", "issue_tracker", None)],
    "hacs.repository": [
        remove("/README.md"),
        remove("/LICENSE"),
        add("/README.md", "\n![Picture](docs/images/device.png)\n"),
        add("/README.md", '\n<img alt="x" src="docs/images/device.png">\n'),
        lambda root: at(root, "/custom_components/other").mkdir(),
    ],
    "pages.links": [
        add("/docs/events.md", "\n[there](nowhere.md)\n"),
        add("/docs/events.md", "\n[there](errors.md#nothing-like-it)\n"),
        add("/docs/events.md", "\n[there](#nothing-like-it)\n"),
        replace("/README.md", "/docs/images/device.png", "/docs/images/devise.png"),
        remove("/docs/camera.md"),
    ],
    "pages.overview": [
        replace("/README.md", "`jog`, ", ""),
        add("/docs/new.md", "# New\n"),
    ],
    "pages.automations": [
        replace("/docs/automations.md", "| `bed_cooled` |", "| `bed_cool` |"),
        replace("/docs/automations.md", "| `has_error` |", "| `has_errors` |"),
    ],
    "hacs.brand": [
        remove("brand/icon.png"),
        lambda root: at(root, "brand/icon.png").write_bytes(b"GIF89a"),
        lambda root: at(root, "brand/icon.png").write_bytes(
            at(root, "brand/icon@2x.png").read_bytes()
        ),
        lambda root: at(root, "brand/logo.png").write_bytes(
            at(root, "brand/logo@2x.png").read_bytes()[:16] + bytes(8)
        ),
    ],
}


def faults() -> Iterator[Any]:
    for name, changes in FAULTS.items():
        for number, change in enumerate(changes):
            yield pytest.param(BY_NAME[name], change, id=f"{name}-{number}")


def test_every_check_is_tested() -> None:
    assert FAULTS.keys() == BY_NAME.keys()


@pytest.mark.parametrize(("check", "change"), faults())
def test_it_finds_what_is_wrong(check: Check, change: Break, copy: Path) -> None:
    change(copy)
    assert list(check(Integration.find(copy)))


def test_the_command(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(copy)]) == 0
    assert " 0 problems" in capsys.readouterr().out
    put("manifest.json", "iot_class", None)(copy)
    put("/hacs.json", "name", "Other")(copy)
    assert main([str(copy)]) == 1
    told = capsys.readouterr()
    assert " 2 problems" in told.out
    assert "manifest: " in told.err
    assert "hacs: hacs.json: name is another one" in told.err


@pytest.mark.parametrize("count", [0, 2])
def test_one_integration(copy: Path, count: int) -> None:
    if count:
        shutil.copytree(copy / INTEGRATION, at(copy, "/custom_components/other"))
    else:
        shutil.rmtree(at(copy, f"/{INTEGRATION}"))
    with pytest.raises(ValueError, match=f"has {count} integrations"):
        Integration.find(copy)


@pytest.mark.parametrize(
    ("total", "flow", "enough"), [(98, 100, True), (96, 100, False), (98, 99, False)]
)
def test_coverage(tmp_path: Path, total: int, flow: int, enough: bool) -> None:
    file = {"summary": {"percent_covered": flow}, "missing_lines": [7]}
    report = {
        "totals": {"percent_covered": total},
        "files": {
            "custom_components/bambu_printer/config_flow.py": file,
            "custom_components/bambu_printer/sensor.py": {
                "summary": {"percent_covered": 90},
                "missing_lines": [],
            },
        },
    }
    path = tmp_path / "coverage.json"
    path.write_text(json.dumps(report), "utf-8")
    assert (coverage.main([str(path)]) == 0) is enough
