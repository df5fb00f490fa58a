"""Query-independent and combined selectors, compared with their definitions on random pools (invariant 5)."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from naive_compare import Case, agree, cases, chosen
from naive_fixed import hard, hybrid, k_centre, mix, vote_k, vote_k_openicl
from naive_selectors import bm25, fused, random_fixed, random_per_query, rices
from naive_stages import balanced, mmr
from naive_world import SPACES, World, world

FIXED = {
    **{f"k_centre(space={space})": k_centre(space) for space in SPACES},
    "vote_k": vote_k(),
    "vote_k(space=text,neighbours=4)": vote_k(4, "text"),
    "vote_k(space=joint,neighbours=1)": vote_k(1, "joint"),
    "vote_k_openicl": vote_k_openicl(),
    "vote_k_openicl(overlap=0.5,neighbours=5,space=text)": vote_k_openicl(5, 0.5, "text"),
    "vote_k_openicl(overlap=0.75,neighbours=1,space=joint)": vote_k_openicl(1, 0.75, "joint"),
    "hard": hard(),
    "hard(neighbours=3,space=text)": hard(3, "text"),
    "hard(neighbours=1,space=joint)": hard(1, "joint"),
}
COMBINED = {
    "mix": mix([rices(), rices("text"), random_per_query()]),
    "mix(parts=[bm25,k_centre],shares=[3,1])": mix([bm25(), k_centre()], [3, 1]),
    "mix(parts=[rices|mmr,random_fixed,fused],shares=[1,2,3])": mix(
        [mmr(), random_fixed(), fused()], [1, 2, 3]
    ),
    "hybrid": hybrid(),
    "hybrid(cached=k_centre,similar=rices(modality=text),prefix=3)": hybrid(k_centre(), rices("text"), 3),
    "hybrid(cached=vote_k,similar=rices|mmr,prefix=7)": hybrid(vote_k(), mmr(), 7),
    "hybrid(prefix=0)": rices(),
    "hybrid(prefix=99)": random_fixed(),
}


@pytest.mark.parametrize("text", FIXED)
@settings(max_examples=100)
@given(cases)
def test_a_query_independent_choice_is_that_of_its_definition(text: str, case: Case) -> None:
    agree(text, FIXED[text], case)


@pytest.mark.parametrize("text", COMBINED)
@settings(max_examples=100)
@given(cases)
def test_a_combination_is_that_of_its_definition(text: str, case: Case) -> None:
    agree(text, COMBINED[text], case)


@settings(max_examples=100)
@given(cases)
def test_a_balanced_prefix_stays_apart_from_what_is_similar(case: Case) -> None:
    reference = hybrid(balanced(k_centre(), fixed=True), mmr(), 3)
    text = "hybrid(cached=k_centre|balanced,similar=rices|mmr,prefix=3)"
    agree(text, reference, case, as_sets=True, labelled=True)


def directions(pool: World, ids: list[str]) -> list[tuple[float, ...]]:
    return [tuple(pool.row("image", id)) for id in pool.holders("image", ids)]


@settings(max_examples=100)
@given(cases)
def test_k_means_gives_each_cluster_another_direction(case: Case) -> None:
    # Equal vectors always share a cluster, so as many different ones are chosen as there are, and chosen first.
    pool = world(case.size, f"clusters|{case.number}")
    assume(not pool.removed and not pool.hidden and pool.pool_space("image") == "image")
    ids = [one.id for one in chosen("k_means", pool, case)]
    assert len(set(ids)) == len(ids) == min(case.k, len(pool.contents))
    different = min(case.k, len(set(directions(pool, pool.everyone))))
    assert len(pool.holders("image", ids[:different])) == different
    assert len(set(directions(pool, ids[:different]))) == different


@settings(max_examples=100)
@given(cases)
def test_k_means_with_one_cluster_takes_the_nearest_to_the_mean(case: Case) -> None:
    pool = world(case.size, f"one cluster|{case.number}")
    assume(not pool.removed and not pool.hidden and pool.pool_space("image") == "image")
    first = chosen("k_means", pool, Case(case.size, case.number, 1, case.seed))[0].id
    rows = np.array(directions(pool, pool.everyone))
    near = rows @ rows.mean(axis=0)
    assert pool.row("image", first) @ rows.mean(axis=0) >= near.max() - 2e-6


@settings(max_examples=100)
@given(cases)
def test_k_means_takes_eligible_examples_and_those_with_vectors_first(case: Case) -> None:
    pool = world(case.size, f"eligible|{case.number}")
    ids = [one.id for one in chosen("k_means", pool, case)]
    assert set(ids) <= set(pool.eligible)
    assert len(set(ids)) == len(ids) == min(case.k, len(pool.eligible))
    assert ids == [one.id for one in chosen("k_means", pool, case)]
