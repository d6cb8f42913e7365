"""What HACS and the Marketplace ask of a repository."""

from collections.abc import Iterator
import json
import re
import struct

from awesomeversion import AwesomeVersion
from homeassistant.const import __version__

from .integration import Integration, differences

_KEYS = {
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
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_BRAND = {
    # Icons are square; of logos the shorter side counts.
    "icon.png": (256, 256),
    "icon@2x.png": (512, 512),
    "logo.png": (128, 256),
    "logo@2x.png": (256, 512),
}
_RELATIVE_PICTURE = re.compile(r"!\[[^]]*\]\((?!https://)|<img[^>]+src=\"(?!https://)")


def settings(integration: Integration) -> Iterator[str]:
    """hacs.json has known keys, and a version of Home Assistant that exists."""
    path = integration.root / "hacs.json"
    if not path.exists():
        yield "hacs.json is missing"
        return
    found = json.loads(path.read_text("utf-8"))
    yield from (f"hacs.json: {key} is not known" for key in found.keys() - _KEYS)
    if found.get("name") != integration.manifest.get("name"):
        yield "hacs.json: name is another one than in the manifest"
    if AwesomeVersion(found.get("homeassistant", "0")) > AwesomeVersion(__version__):
        yield "hacs.json: that version of Home Assistant is not what is tested with"
    if found.get("zip_release") and not found.get("filename"):
        yield "hacs.json: zip_release needs a filename"


def manifest(integration: Integration) -> Iterator[str]:
    """The manifest has what HACS shows."""
    yield from differences(
        "manifest",
        integration.manifest.keys()
        & {"domain", "name", "documentation", "issue_tracker", "codeowners", "version"},
        {"domain", "name", "documentation", "issue_tracker", "codeowners", "version"},
    )


def repository(integration: Integration) -> Iterator[str]:
    """There is a README whose pictures are seen elsewhere, and a licence."""
    readme = integration.root / "README.md"
    if not readme.exists():
        yield "README.md is missing"
    elif _RELATIVE_PICTURE.search(readme.read_text("utf-8")):
        yield "README.md has a picture with a relative address"
    if not any((integration.root / name).exists() for name in ("LICENSE", "LICENCE")):
        yield "the licence is missing"
    folders = [
        path.name
        for path in (integration.root / "custom_components").iterdir()
        if path.is_dir() and not path.name.startswith((".", "_"))
    ]
    if folders != [integration.domain]:
        yield "custom_components must hold one integration"


def brand(integration: Integration) -> Iterator[str]:
    """Pictures are PNG files of the right size."""
    for name, (shortest, longest) in _BRAND.items():
        path = integration.folder / "brand" / name
        if not path.exists():
            yield f"brand/{name} is missing"
            continue
        header = path.read_bytes()[:24]
        if not header.startswith(_SIGNATURE):
            yield f"brand/{name} is no PNG file"
            continue
        width, height = struct.unpack(">II", header[16:24])
        if name.startswith("icon") and (width, height) != (shortest, longest):
            yield f"brand/{name} is {width} by {height}, not {shortest} by {longest}"
        if not shortest <= min(width, height) <= longest:
            yield f"brand/{name}: the shorter side must have {shortest} to {longest} pixels"


CHECKS = (settings, manifest, repository, brand)
