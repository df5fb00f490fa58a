"""What holds for every selector (invariants 1, 2, 6, 7, 8, 10 and 12)."""

import json
import math
import os
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from selector_pools import PLAIN, SPECS, Pool, Scrambled, pools, queries, seeds, selectors, shots, spec

from shotsmith.domain.examples import Query
from shotsmith.domain.recipes import SelectorSpec
from shotsmith.selectors import ArraySource, build


@given(pools(), queries, selectors, shots, seeds)
def test_returns_k_different_eligible_examples(
    pool: Pool, query: Query, named: SelectorSpec, k: int, seed: int
) -> None:
    chosen = build(named).select(query, pool.source(), k, seed)
    ids = [candidate.id for candidate in chosen]
    assert len(set(ids)) == len(ids) == min(k, pool.size)
    assert set(ids) <= set(pool.examples)
    for candidate in chosen:
        assert candidate.label == pool.labels.get(candidate.id)
        assert candidate.reason
        assert len(set(candidate.flags)) == len(candidate.flags)


@given(pools(), queries, selectors, shots, seeds)
def test_scores_are_true_similarities_and_a_missing_modality_has_none(
    pool: Pool, query: Query, named: SelectorSpec, k: int, seed: int
) -> None:
    for candidate in build(named).select(query, pool.source(), k, seed):
        assert candidate.score is None or math.isfinite(candidate.score)
        assert (candidate.score is None) == (not candidate.scores)
        for space, score in candidate.scores.items():
            assert score == pool.cosines(space)[candidate.id]


@given(pools(), queries, st.sampled_from(PLAIN), seeds)
def test_what_has_no_score_ranks_last_and_says_so(
    pool: Pool, query: Query, named: SelectorSpec, seed: int
) -> None:
    chosen = build(named).select(query, pool.source(), pool.size, seed)
    scores = [candidate.score for candidate in chosen]
    ranked = [score for score in scores if score is not None]
    assert scores[: len(ranked)] == ranked == sorted(ranked, reverse=True)
    if named.name != "random":
        assert all(candidate.flags for candidate in chosen[len(ranked) :])


@given(pools(), queries, st.sampled_from([*SPECS, spec("all"), spec("none")]), shots, seeds, seeds)
def test_lists_that_are_not_ranked_may_come_in_any_order(
    pool: Pool, query: Query, named: SelectorSpec, k: int, seed: int, mixing: int
) -> None:
    selector = build(named)
    assert selector.select(query, Scrambled(pool.source(), mixing), k, seed) == selector.select(
        query, pool.source(), k, seed
    )


@given(pools(), queries, st.sampled_from([*PLAIN, spec("all")]), shots, seeds)
def test_selectors_that_do_not_balance_never_look_at_labels(
    pool: Pool, query: Query, named: SelectorSpec, k: int, seed: int
) -> None:
    bare = ArraySource(pool.examples, pool.query)
    with_labels = build(named).select(query, pool.source(), k, seed)
    assert [candidate.id for candidate in with_labels] == [
        candidate.id for candidate in build(named).select(query, bare, k, seed)
    ]


@given(pools(), queries, st.sampled_from(PLAIN), shots, seeds)
def test_the_choice_of_k_begins_the_choice_of_k_plus_one(
    pool: Pool, query: Query, named: SelectorSpec, k: int, seed: int
) -> None:
    selector = build(named)
    assert selector.select(query, pool.source(), k + 1, seed)[:k] == selector.select(
        query, pool.source(), k, seed
    )


@pytest.mark.parametrize("named", SPECS, ids=str)
def test_no_examples_and_no_shots_are_fine(named: SelectorSpec) -> None:
    selector = build(named)
    assert selector.select(Query(), ArraySource({}), 4, 0) == []
    assert selector.select(Query(), ArraySource({}, {"image": [1, 0]}), 4, 0) == []
    assert (
        selector.select(Query(), ArraySource({"a": {"image": [1, 0]}}, {"image": [1, 0]}, {"a": "x"}), 0, 0)
        == []
    )


@pytest.mark.parametrize("named", [entry for entry in PLAIN if entry.name != "random"], ids=str)
def test_identical_vectors_come_by_id(named: SelectorSpec) -> None:
    same = {"image": [1, 2], "text": [3, 1], "joint": [1, 1]}
    source = ArraySource(dict.fromkeys("cadb", same), same)
    assert [candidate.id for candidate in build(named).select(Query(), source, 3, 0)] == ["a", "b", "c"]


_DRAWS = """
import json, sys
from shotsmith.domain.examples import Query
from shotsmith.domain.recipes import SelectorSpec
from shotsmith.selectors import ArraySource, arrange, build
ids = [f"e{n}" for n in range(12)]
examples = {id: {"image": [n % 5, 1, n % 2], "text": [1, n % 3]} for n, id in enumerate(ids) if n}
labels = {id: "abc"[n % 3] for n, id in enumerate(ids) if n % 4}
source = ArraySource(examples, {"image": [1, 1, 0], "text": [1, 1]}, labels)
out = []
for given in json.loads(sys.argv[1]):
    chosen = build(SelectorSpec.model_validate(given)).select(Query(text="q"), source, 7, 3)
    orders = [arrange(chosen, order, 3, "q") for order in ("interleaved", "grouped", "random")]
    out.append(repr([chosen, orders]))
print(json.dumps(out))
"""


def test_processes_with_different_hash_seeds_agree() -> None:
    given = json.dumps([entry.model_dump() for entry in SPECS])
    runs = [
        subprocess.run(
            [sys.executable, "-c", _DRAWS, given],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for hash_seed in ("1", "2")
    ]
    assert runs[0] == runs[1]
    assert len(json.loads(runs[0])) == len(SPECS)
