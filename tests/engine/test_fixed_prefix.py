"""The part of a prompt that is the same for every query: the same bytes for each, in every process, in every store."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from drafts import draft
from pictures import encoded, picture

from shotsmith.domain.examples import ImageFile, Query
from shotsmith.domain.messages import canonical
from shotsmith.domain.recipes import Recipe
from shotsmith.domain.scoring import digest
from shotsmith.engine import Engine
from shotsmith.prompts.prefix import cut
from shotsmith.settings import Settings

MODEL = "anthropic/claude-sonnet-4-5"
#: Pictures are made smaller and some demonstrations are left out, of both parts.
RECIPE = Recipe.read(
    {
        "selector": "hybrid(prefix=5)",
        "k": 8,
        "budget": {"max_image_bytes": 7_000, "max_images": 7, "min_side": 32},
    }
)
DIALECTS = ["interleaved", "manyicl", "flamingo", "qwen", "sandwich", "numbered", "collage"]


def questions(engine: Engine, count: int) -> Iterator[Query]:
    """Queries of every shape: no picture to two, with a text or without."""
    shown = [ImageFile(f"{number}.png", encoded(picture(900 + number))) for number in range(12)]
    for number in range(count):
        pictures = shown[number % 11 : number % 11 + number % 3]
        text = f"question {number} " + "and so on " * (number % 9) if number % 5 or not pictures else ""
        yield engine.query(pictures, text)


def prefixes(engine: Engine, count: int, recipe: Recipe) -> set[tuple[str, int, int]]:
    """What stands before the mark: its hash, how many demonstrations, the step of their pictures."""
    pool, found = engine.pinned("p"), set()
    for query in questions(engine, count):
        prompt = engine.prompt(engine.select(pool, query, recipe), model=MODEL)
        assert prompt.prefix is not None
        kept = digest(canonical(cut(prompt.messages, prompt.prefix)))
        assert prompt.manifest["cache"]["sha256"] == kept
        assert "fixed part" not in " ".join(prompt.manifest["flags"])
        fixed = sum(shot["fixed"] for shot in prompt.manifest["demonstrations"])
        found.add((kept, fixed, prompt.manifest["budget"]["fixed_max_side"]))
    return found


def filled(place: Path, order: int = 1) -> Engine:
    engine = Engine(Settings(data_dir=place, index_url="memory:", encoder="fake"))
    engine.create_pool("p", instruction="What is it?")
    engine.add("p", [draft(number, number % 4) for number in range(40)][::order])
    return engine


def elsewhere(place: Path, count: int, recipe: Recipe, hash_seed: str) -> set[tuple[str, int, int]]:
    """The same in a process of its own, on the store in that place."""
    done = subprocess.run(
        [sys.executable, __file__, str(place), str(count), recipe.text],
        capture_output=True,
        text=True,
        check=True,
        env={
            **os.environ,
            "PYTHONHASHSEED": hash_seed,
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        },
    )
    return {(kept, fixed, side) for kept, fixed, side in json.loads(done.stdout)}


def test_a_thousand_queries_and_three_processes_see_the_same_bytes(tmp_path: Path) -> None:
    with filled(tmp_path / "here") as engine:
        found = prefixes(engine, 1000, RECIPE)
    assert len(found) == 1
    (_, fixed, side) = next(iter(found))
    assert 0 < fixed < 5
    assert side < 512
    assert elsewhere(tmp_path / "here", 12, RECIPE, "1") == found
    # Nor does it matter who stored the examples, and in which order.
    filled(tmp_path / "there", order=-1).close()
    assert elsewhere(tmp_path / "there", 12, RECIPE, "2") == found


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_dialect_keeps_it(tmp_path: Path, dialect: str) -> None:
    with filled(tmp_path) as engine:
        recipe = RECIPE.model_copy(update={"dialect": dialect})
        found = prefixes(engine, 24, recipe)
        assert len(found) == 1
        assert next(iter(found))[1] > 0
        # It is the demonstrations that make it, and not only what stands before them.
        bare = prefixes(engine, 4, recipe.model_copy(update={"selector": Recipe.read("rices").selector}))
        assert not found & bare


if __name__ == "__main__":
    with Engine(Settings(data_dir=Path(sys.argv[1]), index_url="memory:", encoder="fake")) as opened:
        print(json.dumps(sorted(prefixes(opened, int(sys.argv[2]), Recipe.read(sys.argv[3])))))
