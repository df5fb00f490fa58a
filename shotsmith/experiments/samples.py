"""Held-out queries with what each selector shows them, pictures included: the matter of contact sheets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..domain.examples import Pool
from ..domain.media import Media
from ..domain.messages import ImagePart
from ..domain.recipes import Recipe, Stages, stages_of
from ..domain.selections import Demonstration
from ..engine import Engine
from ..prompts.images import prepare
from .arms import family
from .results import Comparison
from .truths import truth

SIDE = 160  # longest side of a thumbnail, pixels
_QUALITY = 85


@dataclass(frozen=True, slots=True)
class Shown:
    """One demonstration on a sheet.

    Attributes:
        id: Example id.
        picture: A thumbnail; None for an example without pictures.
        text: Input text.
        answer: Its label, or answer.
        rank: 1 is the most useful one.
        score: What it was ranked by.
        match: Whether its answer is the query's.
    """

    id: str
    picture: ImagePart | None
    text: str
    answer: str
    rank: int
    score: float | None
    match: bool


@dataclass(frozen=True, slots=True)
class Row:
    """What one selector shows, in prompt order."""

    name: str
    shots: tuple[Shown, ...]

    @property
    def matches(self) -> int:
        """How many have the query's answer."""
        return sum(shot.match for shot in self.shots)


@dataclass(frozen=True, slots=True)
class Sample:
    """A held-out query and one row for each selector. `answer` is the right one, which no prompt contains."""

    id: str
    picture: ImagePart | None
    text: str
    answer: str
    rows: tuple[Row, ...]


def gather(
    engine: Engine, pool: str, ids: Sequence[str], selectors: Sequence[Stages | str], base: Recipe
) -> list[Sample]:
    """What each selector shows to each held-out query.

    Args:
        engine: Holds the pool.
        pool: Its name.
        ids: Examples to ask.
        selectors: One row each.
        base: Shots, order, filters and seed.

    Raises:
        NotFound: No such pool or example.
        UnknownName: No such selector.
    """
    stored = engine.pool(pool)
    wanted = [stages_of(one) for one in selectors]
    samples = []
    for id in ids:
        example, query = engine.example(pool, id), engine.query_of(pool, id)
        answer = truth(stored, example)
        rows = []
        for stages in wanted:
            selection = engine.select(pool, query, base.model_copy(update={"selector": stages}))
            shots = tuple(shown(engine, shot, stored, answer) for shot in selection.demonstrations)
            rows.append(Row(family(stages), shots))
        samples.append(Sample(id, thumbnail(engine, example.media), example.text, answer, tuple(rows)))
    return samples


def illustrate(engine: Engine, comparison: Comparison, *, count: int = 3, k: int = 8) -> list[Sample]:
    """What the comparison's selectors show to its first queries.

    Args:
        engine: That it was made with.
        comparison: Names pool, queries and recipes.
        count: How many queries.
        k: Shots, or the next smaller number that was tried.
    """
    at = max((shots for shots in comparison.shots if shots <= k), default=comparison.shots[0])
    recipes = [
        one.arm.recipe
        for one in comparison.arms
        if one.arm.recipe and one.arm.k == at and one.arm.kind in ("random", "recipe")
    ]
    selectors = [recipe.selector for recipe in recipes]
    return gather(engine, comparison.pool, comparison.items[:count], selectors, recipes[0])


def shown(engine: Engine, shot: Demonstration, pool: Pool, answer: str) -> Shown:
    """A demonstration as sheets and reports show it.

    Args:
        engine: Holds its pictures.
        shot: The demonstration; one that is shown bare has no picture.
        pool: Its pool.
        answer: The query's right one.
    """
    example = shot.example
    own = truth(pool, example)
    picture = None if shot.bare else thumbnail(engine, example.media)
    return Shown(example.id, picture, example.text, own, shot.rank, shot.score, match=own == answer)


def thumbnail(engine: Engine, media: Sequence[Media]) -> ImagePart | None:
    """The first picture, small; None where there is none."""
    part = next((one for one in media if one.seen), None)
    if part is None:
        return None
    if part.kind == "video":
        return engine.prepared(part, SIDE, _QUALITY)
    data = engine.image(part.sha256) if part.data is None else part.data
    return prepare(data, max_side=SIDE, quality=_QUALITY)
