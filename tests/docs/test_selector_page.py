"""The selectors' page: its numbers are measured, its plugin installs."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any, get_args

import pytest
from pages import ROOT, blocks

from shotsmith import registry
from shotsmith.domain.recipes import OrderName
from shotsmith.selectors import build, describe

PAGE = ROOT / "docs" / "selectors.md"
TEXT = PAGE.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "measure_selectors", ROOT / "scripts" / "measure_selectors.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def found(script: ModuleType) -> Any:
    return json.loads(script.OUT.read_text(encoding="utf-8"))


def test_every_selector_was_measured_as_it_is_now(script: ModuleType, found: Any) -> None:
    from shotsmith.retrieval.encoders import open_encoder

    assert {text: row["of"] for text, row in found["recipes"].items()} == {
        text: name for name, texts in script.recipes().items() for text in texts
    }
    assert set(script.recipes()) == set(registry.names("selectors"))
    assert found["data_sha256"] == script.data_sha256(), "run: python scripts/measure_selectors.py"
    assert found["encoder_id"] == open_encoder("embedded").id, "run: python scripts/measure_selectors.py"


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_measurement_can_be_repeated(script: ModuleType, found: Any, tmp_path: Path) -> None:
    assert script.measure(tmp_path / "data") == found


def test_everything_has_a_card_a_row_and_a_section() -> None:
    for one in describe():
        assert one.card, one.name
        assert all(one.card), one.name
        assert f"| [`{one.name}`](#{one.name})" in TEXT
        section = TEXT.partition(f"\n### {one.name}\n")[2].partition("\n### ")[0]
        assert one.summary in section
        for parameter in one.parameters:
            assert parameter.description, f"{one.name}.{parameter.name}"
            assert f"| `{parameter.name}` | " in section


def test_every_order_has_a_row() -> None:
    rows = re.findall(r"^\| `(\w+)` \|", TEXT.partition("\n## Orders\n")[2].partition("\n## ")[0], re.M)
    assert rows == list(get_args(OrderName))


def test_the_texts_of_the_page_are_recipes() -> None:
    from shotsmith import Recipe

    line = next(block for block in blocks(PAGE) if block.language == "text").code.splitlines()[0]
    recipe = Recipe.read(line)
    assert build(recipe.selector)
    assert Recipe.read(recipe.text) == recipe


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a process that has the page's plugin installed."""
    project, target = tmp_path_factory.mktemp("plugin"), tmp_path_factory.mktemp("site")
    module = next(block for block in blocks(PAGE) if "class PhotoFirst" in block.code)
    assert len(module.code.splitlines()) <= 32
    (project / "photo_first.py").write_text(module.code, "utf-8")
    declared = next(block for block in blocks(PAGE) if block.language == "toml")
    (project / "pyproject.toml").write_text(declared.code, "utf-8")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    offline = ["--no-index", "--no-deps", "--no-build-isolation", "--target", str(target)]
    subprocess.run([*pip, *offline, str(project)], check=True, capture_output=True, text=True)
    return {**os.environ, "PYTHONPATH": str(target)}


def run(code: str, environment: dict[str, str]) -> str:
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_plugin_of_the_page_is_a_selector_like_every_other(
    installed: dict[str, str], tmp_path: Path
) -> None:
    code = f"""
import json
from PIL import Image
from shotsmith import Client
from shotsmith.selectors.schema import recipe_schema

with Client(path={str(tmp_path / "data")!r}) as client:
    client.create_pool("p", encoder="fake")
    for n in range(6):
        path = f"{tmp_path}/{{n}}.png"
        Image.new("RGB", (8, 8), (40 * n, 9, 9)).save(path)
        client.add("p", [{{"id": f"e{{n}}", "image": path, "label": "ab"[n % 2], "tags": ["gold"] * (n == 5)}}])
    told = client.select("p", image=f"{tmp_path}/0.png", recipe="photo_first(tag=gold,k=2)|similar_first")
    balanced = client.select("p", image=f"{tmp_path}/0.png", selector="photo_first|balanced", k=2)
    known = [one.name for one in client.selectors()]
print(json.dumps([[shot.id for shot in told.demonstrations], sorted(s.label for s in balanced.demonstrations),
                  "photo_first" in known, "photo_first" in json.dumps(recipe_schema())]))
"""
    shown, labels, listed, in_schema = json.loads(run(code, installed))
    assert shown[0] == "e5"
    assert len(shown) == 2
    assert labels == ["a", "b"]
    assert listed
    assert in_schema


def test_a_plugin_explains_its_parameters(installed: dict[str, str]) -> None:
    call = "import sys; sys.argv[1:] = ['selectors', 'photo_first']; from shotsmith.cli import main; main()"
    assert "The tag that comes first." in run(call, installed)


def test_without_the_plugin_the_name_is_unknown() -> None:
    assert "photo_first" not in registry.names("selectors")
