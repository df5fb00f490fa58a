"""The wheel holds everything the package needs, and works where it is installed."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (built,) = folder.glob("shotsmith-*.whl")
    return built


def test_wheel_holds_every_file_of_the_package(wheel: Path) -> None:
    sources = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "shotsmith").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    packed = {name for name in zipfile.ZipFile(wheel).namelist() if name.startswith("shotsmith/")}
    assert packed == sources
    assert "shotsmith/py.typed" in packed
    for folder in ("retrieval/encoders/weights", "storage/migrations/versions", "demo"):
        assert any(name.startswith(f"shotsmith/{folder}/") for name in packed), folder


def test_wheel_holds_the_licences(wheel: Path) -> None:
    names = {
        name.split("/licenses/")[1] for name in zipfile.ZipFile(wheel).namelist() if "/licenses/" in name
    }
    weights = ROOT / "shotsmith/retrieval/encoders/weights/LICENSES"
    assert {"LICENSE", "NOTICE"} <= names
    assert {str(path.relative_to(ROOT)) for path in weights.iterdir() if path.is_file()} <= names


def test_installed_wheel_loads_every_part(wheel: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    install = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--no-index",
        "--target",
        str(site),
    ]
    subprocess.run([*install, str(wheel)], check=True, capture_output=True)
    script = (
        "import shotsmith, shotsmith.cli\n"
        "from shotsmith.registry import load, names\n"
        "kinds = ['encoders', 'selectors', 'dialects', 'importers', 'vlms']\n"
        "print(shotsmith.__file__, sum(1 for kind in kinds for name in names(kind) if load(kind, name)))\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(site)}
    result = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    file, loaded = result.stdout.split()
    assert Path(file).is_relative_to(site)
    assert int(loaded) > 0
