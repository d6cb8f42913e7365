"""What HACS and the Marketplace download has the version of the tag."""

import json
from pathlib import Path
import shutil
import subprocess
import tomllib
import zipfile

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    for name in ("scripts/release", "pyproject.toml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    shutil.copytree(ROOT / "custom_components", tmp_path / "custom_components")
    return tmp_path


def release(checkout: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [checkout / "scripts/release", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_release(checkout: Path) -> None:
    """All files of the integration, without its folder, and with the version."""
    done = release(checkout, "v1.23.4b5")
    assert done.returncode == 0, done.stderr
    hacs = json.loads((ROOT / "hacs.json").read_text("utf-8"))
    assert hacs["zip_release"]
    with zipfile.ZipFile(checkout / "dist" / hacs["filename"]) as archive:
        names = set(archive.namelist())
        manifest = json.loads(archive.read("manifest.json"))
    before = json.loads(
        (ROOT / "custom_components/bambu_printer/manifest.json").read_text("utf-8")
    )
    assert manifest == {**before, "version": "1.23.4b5"}
    project = tomllib.loads((checkout / "pyproject.toml").read_text("utf-8"))
    assert project["project"]["version"] == "1.23.4b5"
    folder = ROOT / "custom_components/bambu_printer"
    assert names == {
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


@pytest.mark.parametrize("version", ["", "main", "1.2", "v1.2.3; true", "1.2.3-4"])
def test_no_version(checkout: Path, version: str) -> None:
    done = release(checkout, version)
    assert done.returncode == 2
    assert "is no version" in done.stderr
    assert not (checkout / "dist").exists()
