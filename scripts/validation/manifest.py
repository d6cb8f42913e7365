"""The manifest: keys, their order, versions, requirements and discovery."""

from collections.abc import Iterator
from pathlib import Path
import re
from typing import Any

from awesomeversion import AwesomeVersion, AwesomeVersionStrategy
import homeassistant
from packaging.requirements import InvalidRequirement, Requirement
from packaging.version import Version
import probatio

from .integration import Integration

_KINDS = ("device", "entity", "hardware", "helper", "hub", "service", "system", "virtual")
_CLASSES = (
    "assumed_state",
    "calculated",
    "cloud_polling",
    "cloud_push",
    "local_polling",
    "local_push",
)
_TIERS = ("bronze", "silver", "gold", "platinum")
_OWNED_TIERS = _TIERS[1:]


def _https(value: Any) -> str:
    if not isinstance(value, str) or not value.startswith("https://"):
        raise probatio.Invalid("must begin with https://")
    return value


def _version(value: Any) -> str:
    strategies = (
        AwesomeVersionStrategy.CALVER,
        AwesomeVersionStrategy.SEMVER,
        AwesomeVersionStrategy.SIMPLEVER,
        AwesomeVersionStrategy.BUILDVER,
        AwesomeVersionStrategy.PEP440,
    )
    if AwesomeVersion(value).strategy not in strategies:
        raise probatio.Invalid("is no version")
    return str(value)


def _lower(value: Any) -> str:
    if not isinstance(value, str) or value != value.lower():
        raise probatio.Invalid("must be lower case")
    return value


_MATCHER = probatio.All(
    probatio.Schema({str: str}),
    probatio.Length(min=1),
)
_SCHEMA = probatio.Schema(
    {
        probatio.Required("domain"): probatio.Match(r"^[a-z0-9_]+$"),
        probatio.Required("name"): str,
        probatio.Required("codeowners"): [probatio.Match(r"^@[\w-]+(/[\w-]+)?$")],
        probatio.Required("documentation"): _https,
        probatio.Required("integration_type"): probatio.In(_KINDS),
        probatio.Required("iot_class"): probatio.In(_CLASSES),
        probatio.Required("issue_tracker"): _https,
        probatio.Required("version"): _version,
        "after_dependencies": [str],
        "bluetooth": list,
        "config_flow": bool,
        "dependencies": [str],
        "dhcp": [
            {
                "hostname": _lower,
                "macaddress": probatio.Match(r"^[0-9A-F*?]+$"),
                "registered_devices": True,
            }
        ],
        "disabled": str,
        "homekit": {"models": [str]},
        "import_executor": bool,
        "loggers": [str],
        "mqtt": [str],
        "preview_features": dict,
        "quality_scale": probatio.In(_TIERS),
        "requirements": [str],
        "single_config_entry": bool,
        "ssdp": [_MATCHER],
        "usb": list,
        "zeroconf": [
            probatio.Any(
                probatio.Match(r"^_.+\._(tcp|udp)\.local\.$"),
                probatio.Schema({"type": str, str: object}),
            )
        ],
    }
)


def schema(integration: Integration) -> Iterator[str]:
    """Known keys with sensible values, in the order that hassfest wants."""
    manifest = integration.manifest
    try:
        _SCHEMA(manifest)
    except probatio.MultipleInvalid as err:
        yield from (str(error) for error in err.errors)
    keys = list(manifest)
    if keys != ["domain", "name", *sorted(set(keys) - {"domain", "name"})]:
        yield "keys must be domain, name, and then by alphabet"
    if manifest.get("domain") != integration.domain:
        yield "domain must be the name of the folder"
    if manifest.get("quality_scale") in _OWNED_TIERS and not manifest.get("codeowners"):
        yield "from silver on there must be codeowners"
    for key in ("dependencies", "after_dependencies", "loggers", "requirements"):
        if manifest.get(key, []) != sorted(manifest.get(key, []), key=str.lower):
            yield f"{key} must be sorted"


def components(integration: Integration) -> Iterator[str]:
    """Other integrations that are named exist."""
    folder = Path(homeassistant.__file__).parent / "components"
    for key in ("dependencies", "after_dependencies"):
        for name in integration.manifest.get(key, []):
            if not (folder / name / "manifest.json").exists():
                yield f"{key}: there is no integration {name}"


def requirements(integration: Integration) -> Iterator[str]:
    """Requirements are well-formed, open upwards, and agree with Home Assistant's own."""
    constraints = _constraints()
    for text in integration.manifest.get("requirements", []):
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            yield f"{text} is no requirement"
            continue
        if re.search(r"\s", text) or not requirement.specifier:
            yield f"{text}: name and lowest version, without blanks"
        lowest = [
            item.version
            for item in requirement.specifier
            if item.operator in ("==", ">=", "~=")
        ]
        if any(item.operator == "==" for item in requirement.specifier):
            # Another integration may need another one, and only one can be installed.
            yield f"{text} leaves no choice"
        constraint = constraints.get(requirement.name.lower())
        if constraint and not all(
            constraint.specifier.contains(Version(version)) for version in lowest
        ):
            yield f"{text}: Home Assistant wants {constraint.specifier}"


def _constraints() -> dict[str, Requirement]:
    folder = Path(homeassistant.__file__).parent
    return {
        item.name.lower(): item
        for line in (folder / "package_constraints.txt").read_text("utf-8").splitlines()
        if line.strip() and not line.startswith(("#", "-"))
        for item in (Requirement(line.split(" #")[0]),)
    }


CHECKS = (schema, components, requirements)
