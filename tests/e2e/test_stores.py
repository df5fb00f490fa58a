"""Other stores, the same bytes."""

from __future__ import annotations

from pathlib import Path

import pytest
from pictures import encoded, picture

from shotsmith.domain.examples import ImageFile
from shotsmith.domain.recipes import Recipe
from shotsmith.engine import Engine
from shotsmith.importers import open_importer
from shotsmith.schemas import SelectionOut
from shotsmith.settings import Settings

SELECTORS = ["random", "rices", "modality", "balanced", "all"]


def outcome(settings: Settings, folder: Path) -> list[str]:
    """What each selector picks, and whether everything is sound."""
    with Engine(settings) as engine:
        engine.create_pool("p")
        engine.add_all("p", open_importer("imagefolder", folder).read())
        query = engine.query([ImageFile("q.png", encoded(picture(500, hue=1)))], "words")
        found = [engine.select("p", query, Recipe(selector=name, k=7)) for name in SELECTORS]
        assert all(checkup.sound for checkup in engine.doctor())
        return [SelectionOut.of(selection).model_dump_json() for selection in found]


@pytest.fixture
def expected(tmp_path: Path, folder: Path) -> list[str]:
    settings = Settings(
        data_dir=tmp_path / "memory", encoder="fake", index_url="memory:", blob_url="memory://"
    )
    return outcome(settings, folder)


def test_the_defaults(tmp_path: Path, folder: Path, expected) -> None:
    assert outcome(Settings(data_dir=tmp_path / "plain", encoder="fake"), folder) == expected


def test_postgresql(tmp_path: Path, folder: Path, postgres, expected) -> None:
    settings = Settings(data_dir=tmp_path / "pg", encoder="fake", database_url=postgres.fresh_url())
    assert outcome(settings, folder) == expected


@pytest.mark.parametrize("protocol", ["rest", "grpc"])
def test_a_qdrant_server(tmp_path: Path, folder: Path, qdrant, protocol: str, expected) -> None:
    settings = Settings(data_dir=tmp_path / "q", encoder="fake", index_url=getattr(qdrant, f"{protocol}_url"))
    assert outcome(settings, folder) == expected
