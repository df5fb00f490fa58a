"""Other stores and other engines, the same bytes: every selector, from the first query to the last flag."""

from __future__ import annotations

from pathlib import Path

import pytest
from drafts import rich_drafts
from pictures import encoded, picture
from selector_cases import ALL, LISTS

from shotsmith.domain.examples import ImageFile
from shotsmith.domain.recipes import Recipe
from shotsmith.engine import Engine
from shotsmith.schemas import SelectionOut
from shotsmith.settings import Settings

MODEL = "fake/3 > 1 > 2"  # says the same to everything: a ranking, a rating and a description


def outcome(settings: Settings) -> dict[str, str]:
    """What each selector picks for a query that is none of the pool and for one that is, and whether all is sound."""
    found = {}
    with Engine(settings) as engine:
        engine.create_pool("p")
        drafts = rich_drafts(60)
        engine.add_all("p", [*drafts[30:], *drafts[:30]])
        lists = {"e007": [f"e{number:03d}" for number in (9, 3, 7, 20, 21)]}
        engine.import_neighbours("p", LISTS, lists)
        photo = ImageFile("q.png", encoded(picture(900, hue=1)))
        asked = engine.query([photo], "red thing", group="g1", metadata={"site": "A", "device": 2})
        for name, query in (("new", asked), ("stored", engine.query_of("p", "e007"))):
            for text in ALL:
                recipe = Recipe(selector=text, k=7, evaluation=name == "stored")
                found[f"{name} {text}"] = SelectionOut.of(engine.select("p", query, recipe)).model_dump_json()
        assert all(checkup.sound for checkup in engine.doctor())
    return found


def fresh(path: Path, **given: object) -> Settings:
    return Settings.read(data_dir=path, encoder="fake", model=MODEL, **given)


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    place = tmp_path_factory.mktemp("memory")
    return outcome(fresh(place, index_url="memory:", blob_url="memory://"))


def test_the_defaults(tmp_path: Path, expected: dict[str, str]) -> None:
    assert outcome(fresh(tmp_path / "plain")) == expected


def test_postgresql(tmp_path: Path, postgres, expected: dict[str, str]) -> None:
    assert outcome(fresh(tmp_path / "pg", database_url=postgres.fresh_url())) == expected


@pytest.mark.parametrize("protocol", ["rest", "grpc"])
def test_a_qdrant_server(tmp_path: Path, qdrant, protocol: str, expected: dict[str, str]) -> None:
    assert outcome(fresh(tmp_path / "q", index_url=getattr(qdrant, f"{protocol}_url"))) == expected
