"""`draws` is the truth: an experiment asks arms that do not draw under one seed alone."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from selector_pools import ALL, Pool, chain, choose, pools, seeds, shots

from shotsmith.domain.recipes import Recipe
from shotsmith.domain.selections import Candidate
from shotsmith.experiments.arms import Arm

FIXED = [text for text in ALL if not chain(text).draws]
DRAWN = [text for text in ALL if chain(text).draws]


def test_both_kinds_are_there() -> None:
    assert {"rices", "mmr", "all", "none", "bm25", "k_centre", "fused", "mmices"} <= {*FIXED, "mmr"}
    assert {"random|balanced", "random_fixed", "k_means", "curriculum"} <= {*DRAWN, "random_fixed"}


@pytest.mark.parametrize("text", FIXED)
@settings(max_examples=15)
@given(pool=pools(missing=False, unlabelled=False), k=shots, one=seeds, other=seeds)
def test_who_does_not_draw_chooses_alike_under_every_seed(
    text: str, pool: Pool, k: int, one: int, other: int
) -> None:
    # What lacks what is compared, such as a word in common, is filled up at random, and told.
    first, second = (
        [found.id for found in choose(pool, text, k, seed) if not filled(found)] for seed in (one, other)
    )
    assert first == second


@pytest.mark.parametrize("text", ["random", "random_fixed", "random|balanced", "k_means", "curriculum"])
def test_who_draws_chooses_otherwise_under_some_seed(text: str) -> None:
    found: set[tuple[str, ...]] = set()

    @settings(max_examples=10)
    @given(pool=pools(missing=False, unlabelled=False, least=20))
    def gather(pool: Pool) -> None:
        for seed in range(6):
            found.add((pool_key(pool), *[one.id for one in choose(pool, text, 4, seed)]))

    gather()
    assert len(found) > len({key for key, *_ in found})


def filled(found: Candidate) -> bool:
    return "random" in found.reason or any("random" in flag for flag in found.flags)


def pool_key(pool: Pool) -> str:
    return repr(sorted(pool.examples.items()))


@pytest.mark.parametrize(
    ("fields", "draws"),
    [
        ({}, False),
        ({"selector": "random"}, True),
        ({"selector": "rices|balanced"}, chain("balanced").draws),
        ({"order": "random"}, True),
        ({"order": "interleaved"}, True),
        ({"order": "ends"}, False),
    ],
)
def test_an_arm_draws_where_its_selector_order_batches_or_perturbations_do(fields, draws) -> None:
    recipe = Recipe.read({"selector": "rices", **fields})
    assert Arm("a", "recipe", 4, recipe).draws == draws
    assert Arm("a", "recipe", 4, recipe, batch=2).draws
    assert Arm("a", "recipe", 4, recipe, changes="shuffle_labels(share=1)").draws
    assert Arm("a", "recipe", 4, recipe, changes="remove(of=images)").draws == draws
    assert not Arm("a", "zero-shot", 0, recipe).draws
    assert not Arm("a", "majority", 0).draws
