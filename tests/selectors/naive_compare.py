"""Random pools put before a built selector and its reference."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from hypothesis import assume
from hypothesis import strategies as st
from naive_world import ANY, Chain, Shape, World, world

from shotsmith.domain.recipes import Recipe
from shotsmith.domain.selections import Candidate
from shotsmith.domain.sources import Selector
from shotsmith.selectors import build


@dataclass(frozen=True)
class Case:
    """One question: `world(size, f"{text}|{number}", shape)` is its pool, for the recipe `text`."""

    size: int
    number: int
    k: int
    seed: int


cases = st.builds(Case, st.integers(0, 30), st.integers(0, 2**32), st.integers(0, 34), st.integers(0, 5))


@cache
def built(text: str) -> Selector:
    return build(Recipe.read(text).selector)


def agree(
    text: str,
    reference: Chain,
    case: Case,
    shape: Shape = ANY,
    *,
    scores: bool = False,
    as_sets: bool = False,
    labelled: bool = False,
) -> None:
    """Fails unless both choose the same.

    Args:
        text: The selector with its stages.
        reference: The same, written from its definition.
        case: Which pool, k and seed.
        shape: What pools look like.
        scores: Whether what the examples were ranked by is compared, too.
        as_sets: Whether the rank order is left open by the definition.
        labelled: Whether pools without any label are passed over; some selectors refuse them.
    """
    pool = world(case.size, f"{text}|{case.number}", shape)
    if labelled:
        assume(any(pool.contents[id].labels for id in pool.eligible))
    expected = reference(pool, case.k, case.seed)
    found = chosen(text, pool, case)
    arranged = sorted if as_sets else list
    got, wanted = arranged(one.id for one in found), arranged(one.id for one in expected)
    assert got == wanted, f"{got} is not {wanted} for {text}, {case}, in {pool}"
    if scores:
        ranked_by = [one.score for one in found]
        assert ranked_by == [one.score for one in expected], f"{text}, {case}, in {pool}"


def chosen(text: str, pool: World, case: Case) -> list[Candidate]:
    return built(text).select(pool.query, pool.source(), case.k, case.seed)
