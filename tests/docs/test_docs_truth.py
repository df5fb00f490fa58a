"""The pages show what there is, and lead somewhere."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from types import ModuleType
from typing import get_args

import pytest
from pages import PAGES, ROOT, blocks, name

from shotsmith import Client, Recipe, registry
from shotsmith.domain import errors
from shotsmith.domain.errors import ShotsmithError, UnknownName
from shotsmith.domain.recipes import OrderName
from shotsmith.selectors import build

README = (ROOT / "README.md").read_text(encoding="utf-8")
MENTIONED = set(re.findall(r"`([\w.:-]+?)(?::…|/…)?`", README))
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")


@pytest.fixture(scope="module")
def update_docs() -> ModuleType:
    spec = importlib.util.spec_from_file_location("update_docs", ROOT / "scripts" / "update_docs.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_the_generated_parts_are_up_to_date(page: Path, update_docs: ModuleType) -> None:
    text = page.read_text(encoding="utf-8")
    assert text == update_docs.renewed(text), "run: python scripts/update_docs.py"


def test_every_generated_part_is_on_a_page(update_docs: ModuleType) -> None:
    shown = {
        part for page in PAGES for _, part, _ in update_docs.PART.findall(page.read_text(encoding="utf-8"))
    }
    assert shown == set(update_docs.PARTS)


@pytest.mark.parametrize("kind", ["encoders", "selectors", "dialects", "importers"])
def test_the_readme_names_every_part(kind: registry.Kind) -> None:
    assert set(registry.names(kind)) - MENTIONED == set()


def test_the_readme_names_every_order_and_package() -> None:
    assert set(get_args(OrderName)) - MENTIONED == set()
    packages = {path.parent.name for path in (ROOT / "shotsmith").glob("*/__init__.py")}
    assert set(re.findall(r"^  (\w+)/ ", README, re.M)) == packages


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_and_pictures_exist(page: Path) -> None:
    targets = [target.partition("#")[0] for target in LINK.findall(page.read_text(encoding="utf-8"))]
    local = [target for target in targets if target and "://" not in target]
    assert [target for target in local if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_to_headings_exist(page: Path) -> None:
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        path, _, heading = target.partition("#")
        if heading and "://" not in target:
            there = (page.parent / path if path else page).read_text(encoding="utf-8")
            headings = {
                re.sub(r"[^\w\- ]", "", line.lstrip("# ")).strip().lower().replace(" ", "-")
                for line in there.splitlines()
                if line.startswith("#")
            }
            assert heading in headings, target


def test_the_recipe_of_the_rest_page_shows_every_field_and_default() -> None:
    recipe, _ = (
        json.loads(block.code) for block in blocks(ROOT / "docs" / "api.md") if block.language == "json"
    )
    default = Recipe().model_dump(mode="json")
    assert Recipe.read(recipe)
    assert {**recipe, "selector": default["selector"]} == default


def test_the_error_of_the_rest_page_is_real() -> None:
    _, error = (
        json.loads(block.code) for block in blocks(ROOT / "docs" / "api.md") if block.language == "json"
    )
    with pytest.raises(UnknownName) as caught:
        build(Recipe.read({"selector": "rises"}).selector)
    assert error == caught.value.problem()


def test_the_python_page_names_every_method() -> None:
    page = (ROOT / "docs" / "sdk.md").read_text(encoding="utf-8")
    methods = [method for method in vars(Client) if not method.startswith("_")]
    assert [method for method in methods if f"`{method}" not in page] == []


def test_every_status_and_exit_code_is_explained() -> None:
    kinds = [
        kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, ShotsmithError)
    ]
    rows = {
        page: re.findall(r"^\| (\d+) \|", (ROOT / "docs" / page).read_text(), re.M)
        for page in ("api.md", "cli.md")
    }
    assert {str(kind.status) for kind in kinds} - {"500"} == set(rows["api.md"])
    assert {str(kind.exit_code) for kind in kinds} | {"0"} == set(rows["cli.md"])
