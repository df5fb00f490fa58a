"""What holds for every selector and every order: the invariants that make a selection trustworthy.

They run over everything that is registered. A selector without a case in `selector_pools.CASES` fails the first test.
"""

import json
import math
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from selector_pools import (
    ALL,
    CASES,
    DRAWN,
    FILLING,
    LABELS,
    NEEDS_LABELS,
    Pool,
    Scrambled,
    chain,
    choose,
    ids,
    pools,
    renamed,
    seeds,
    shots,
    steps,
    uncovered,
)

from shotsmith.domain.errors import InvalidInput
from shotsmith.domain.examples import Query
from shotsmith.domain.recipes import MODALITIES
from shotsmith.domain.scoring import digest
from shotsmith.selectors import ORDERS, ArraySource, arrange
from shotsmith.selectors.fake_judge import FakeJudge

FEW = settings(max_examples=20)


def test_every_registered_selector_is_held_to_the_invariants() -> None:
    assert uncovered() == set()
    assert all(name in steps(text) for name, texts in CASES.items() for text in texts)


@pytest.mark.parametrize("text", ALL)
@FEW
@given(pool=pools(removed=True), k=shots, seed=seeds)
def test_what_is_kept_out_is_never_shown_and_k_is_still_met(text: str, pool: Pool, k: int, seed: int) -> None:
    """Invariants 1 and 2: no leak, no repetition, a subset of what is eligible, and as many as there can be."""
    if k and not pool.labels.keys() - pool.removed and steps(text) & NEEDS_LABELS and pool.size:
        with pytest.raises(InvalidInput, match="label"):
            choose(pool, text, k, seed)
        return
    chosen = choose(pool, text, k, seed)
    names = ids(chosen)
    assert len(set(names)) == len(names)
    assert set(names) <= pool.examples.keys() - pool.removed
    if text in FILLING:
        assert len(names) == min(k, pool.size)
    for candidate in chosen:
        assert candidate.reason
        assert candidate.stage
        assert len(set(candidate.flags)) == len(candidate.flags)


@pytest.mark.parametrize("text", ALL)
@FEW
@given(pool=pools(unlabelled=False), k=shots, seed=seeds)
def test_scores_are_true_similarities_and_a_missing_modality_has_none(
    text: str, pool: Pool, k: int, seed: int
) -> None:
    """Invariant 10: no NaN, no invented zero; ranked scores never rise, and what has none comes after them."""
    chosen = choose(pool, text, k, seed)
    for candidate in chosen:
        assert candidate.score is None or math.isfinite(candidate.score)
        own = {space: score for space, score in candidate.scores.items() if space in ("image", "text")}
        for space, score in own.items():
            assert score == pool.cosines(space)[candidate.id]
    unfixed = [candidate.score for candidate in chosen if not candidate.fixed]
    ranked = [score for score in unfixed if score is not None]
    assert ranked == sorted(ranked, reverse=True)
    assert unfixed[: len(ranked)] == ranked


@pytest.mark.parametrize("text", ALL)
@FEW
@given(pool=pools(unlabelled=False, removed=True), k=shots, seed=seeds, mixing=seeds)
def test_the_order_of_rows_and_of_unranked_lists_changes_nothing(
    text: str, pool: Pool, k: int, seed: int, mixing: int
) -> None:
    """Invariants 6 and 7: shuffled rows, engines that list in another order and sum differently, the same choice."""
    expected = choose(pool, text, k, seed)
    backwards = pool.source(sorted(pool.examples, reverse=True))
    assert chain(text).select(pool.asked, backwards, k, seed) == expected
    scrambled = Scrambled(pool.source(), mixing)
    assert ids(chain(text).select(pool.asked, scrambled, k, seed)) == ids(expected)


@pytest.mark.parametrize(
    "text", [text for text in ALL if not steps(text) & (NEEDS_LABELS | {"adaptive", "hard", "curriculum"})]
)
@FEW
@given(pool=pools(), k=shots, seed=seeds)
def test_selectors_that_do_not_balance_never_look_at_labels(text: str, pool: Pool, k: int, seed: int) -> None:
    bare = replace(pool, labels={})
    assert ids(choose(pool, text, k, seed)) == ids(choose(bare, text, k, seed))


@pytest.mark.parametrize(
    "text", [text for text in ALL if steps(text) & NEEDS_LABELS and "topk_mdl" not in text]
)
@FEW
@given(pool=pools(unlabelled=False), k=shots, seed=seeds, names=st.permutations(LABELS))
def test_renaming_labels_moves_remainders_and_ties_alone(
    text: str, pool: Pool, k: int, seed: int, names: list[str]
) -> None:
    """Invariant 7: a bijection of labels changes names, and otherwise only who wins what the names decide."""
    if "label_space" in text:
        return  # labels of equal score tie by name; the references compare it in full
    other = renamed(pool, dict(zip(LABELS, [f"new {name}" for name in names], strict=True)))
    before, after = choose(pool, text, k, seed), choose(other, text, k, seed)
    for old, new in zip(LABELS, [f"new {name}" for name in names], strict=True):
        ours = [candidate.id for candidate in before if candidate.label == old]
        theirs = [candidate.id for candidate in after if candidate.label == new]
        assert abs(len(ours) - len(theirs)) <= 1


@pytest.mark.parametrize("text", [text for text in ALL if chain(text).nested != "no"])
@FEW
@given(pool=pools(unlabelled=False, removed=True), k=shots, seed=seeds)
def test_the_choice_of_k_is_nested_in_that_of_k_plus_one(text: str, pool: Pool, k: int, seed: int) -> None:
    """Invariant 8, as each selector declares it."""
    fewer, more = ids(choose(pool, text, k, seed)), ids(choose(pool, text, k + 1, seed))
    if chain(text).nested == "prefix":
        assert more[: len(fewer)] == fewer
    else:
        assert set(fewer) <= set(more)


@pytest.mark.parametrize(
    "name", ["rices", "random_per_query", "random_fixed", "k_centre", "mmr", "set_coverage", "vote_k"]
)
def test_the_nested_ones_of_the_literature_declare_it(name: str) -> None:
    assert chain(name).nested == "prefix"


@pytest.mark.parametrize("text", [text for text in ALL if chain(text).fixed])
@FEW
@given(pool=pools(unlabelled=False), k=shots, seed=seeds, other=pools())
def test_query_independent_ones_give_every_query_the_same(
    text: str, pool: Pool, k: int, seed: int, other: Pool
) -> None:
    asked = replace(pool, query=other.query, asked=other.asked)
    assert ids(choose(pool, text, k, seed)) == ids(choose(asked, text, k, seed))


@pytest.mark.parametrize("text", ALL)
def test_edges_do_not_crash(text: str) -> None:
    """Invariant 12: no examples, no shots, a query without anything, one label, identical vectors."""
    selector = chain(text)
    extra = {"lists": {"published": ["a", "zzz"]}, "judge": FakeJudge()}
    same = {"image": [1, 2], "text": [3, 1], "joint": [1, 1]}
    assert selector.select(Query(), ArraySource({}, **extra), 4, 0) == []
    assert selector.select(Query(), ArraySource({}, {"image": [1, 0]}, **extra), 4, 0) == []
    one = ArraySource({"a": {"image": [1, 0]}}, {"image": [1, 0]}, {"a": "x"}, **extra)
    assert selector.select(Query(), one, 0, 0) == [] or "all" in steps(text)
    assert len(selector.select(Query(), one, 3, 0)) == (0 if text == "none" else 1)
    alike = ArraySource(dict.fromkeys("cadb", same), same, dict.fromkeys("cadb", "猫"), **extra)
    found = selector.select(Query(text="猫"), alike, 3, 0)
    assert len({candidate.id for candidate in found}) == len(found)
    blind = ArraySource(dict.fromkeys("cadb", same), {}, dict.fromkeys("cadb", "x"), **extra)
    assert (
        len(selector.select(Query(), blind, 2, 0)) == (0 if text == "none" else 4 if text == "all" else 2)
        or "adaptive" in text
    )


@pytest.mark.parametrize(
    "text", [text for text in FILLING if not steps(text) & DRAWN and "bm25" not in steps(text)]
)
def test_identical_examples_do_not_depend_on_their_order(text: str) -> None:
    same = {"image": [1, 2], "text": [3, 1], "joint": [1, 1]}
    extra = {"lists": {"published": ["a", "b"]}, "judge": FakeJudge()}
    found = [
        ids(
            chain(text).select(
                Query(),
                ArraySource(dict.fromkeys(order, same), same, dict.fromkeys(order, "x"), **extra),
                3,
                0,
            )
        )
        for order in ("cadb", "bdac")
    ]
    assert found[0] == found[1]


@pytest.mark.parametrize(
    "text", ["random", "random_fixed", "random|balanced", "random_fixed|balanced", "random|stratified"]
)
def test_other_seeds_draw_others(text: str) -> None:
    labels = {f"e{n}": "abc"[n % 3] for n in range(40)}
    source = ArraySource({id: {} for id in labels}, {}, labels)
    assert len({tuple(ids(chain(text).select(Query(), source, 6, seed))) for seed in range(20)}) == 20


@pytest.mark.parametrize("text", ALL)
@settings(max_examples=8)
@given(pool=pools(unlabelled=False, removed=True), k=shots, seed=seeds)
def test_every_order_is_a_permutation_with_the_fixed_part_first(
    text: str, pool: Pool, k: int, seed: int
) -> None:
    """Invariant 4: the set does not depend on the order, and similar_first is similar_last turned round."""
    chosen = choose(pool, text, k, seed)
    fixed = [candidate for candidate in chosen if candidate.fixed]
    for order in ORDERS:
        arranged = arrange(chosen, order, seed, pool.asked.key)
        assert sorted(ids(arranged)) == sorted(ids(chosen))
        assert arranged[: len(fixed)] == arrange(fixed, order, seed)
    last, first = (arrange(chosen, order)[len(fixed) :] for order in ("similar_last", "similar_first"))
    assert last == first[::-1]
    ends = arrange(chosen, "ends")[len(fixed) :]
    assert ends[-1:] == first[:1]
    assert ends[:1] == (first[1:2] or first[:1])


@pytest.mark.parametrize("text", ["rices", "rices(modality=text)", "fused", "mmr", "mmices", "k_centre"])
@FEW
@given(
    pool=pools(missing=False),
    k=shots,
    scale=st.sampled_from([1e-3, 0.5, 3.0, 1e3]),
    axes=st.permutations(range(3)),
)
def test_scale_and_rotation_change_ties_alone(
    text: str, pool: Pool, k: int, scale: float, axes: list[int]
) -> None:
    def turned(vectors: dict[str, tuple[int, ...]]) -> dict[str, tuple[float, ...]]:
        return {space: tuple(-scale * vector[axis] for axis in axes) for space, vector in vectors.items()}

    other = replace(
        pool, examples={id: turned(v) for id, v in pool.examples.items()}, query=turned(pool.query)
    )
    ours, theirs = (choose(one, text, k, 0) for one in (pool, other))
    assert [c.score for c in theirs] == pytest.approx([c.score for c in ours], abs=5e-6)


LIMITS = [
    ("mmr(lambda_mult=1)", "rices"),
    ("every_nth(n=1)", "rices"),
    ("hybrid(prefix=0)", "rices"),
    ("hybrid(prefix=99,cached=k_centre)", "k_centre"),
    ("mix(parts=[rices])", "rices"),
    ("mix(parts=[rices,rices,rices])", "rices"),
    ("adaptive(k_min=99)", "rices"),
    ("fused(weights={text=1})", "rices(modality=text)"),
    ("fused(method=rrf,weights={image=1})", "rices"),
    ("bm25|text_only", "bm25"),
    ("topk_mdl(sets=1,depth=1)", "rices"),
]


@pytest.mark.parametrize(("limit", "plain"), LIMITS)
@FEW
@given(pool=pools(unlabelled=False), k=shots, seed=seeds)
def test_limits_coincide(limit: str, plain: str, pool: Pool, k: int, seed: int) -> None:
    """Invariant 9."""
    assert ids(choose(pool, limit, k, seed)) == ids(choose(pool, plain, k, seed))


@FEW
@given(pool=pools(missing=False), k=shots, seed=seeds)
def test_mmices_meets_rices_at_both_ends(pool: Pool, k: int, seed: int) -> None:
    same = replace(
        pool,
        examples={id: {**v, "text": v["image"]} for id, v in pool.examples.items()},
        query={**pool.query, "text": pool.query["image"]},
    )
    assert ids(choose(same, "mmices", k, seed)) == ids(choose(same, "rices", k, seed))
    if k:
        shallow = choose(pool, f"mmices(depth={k})", k, seed)
        assert set(ids(shallow)) == set(ids(choose(pool, "rices", k, seed)))


@FEW
@given(pool=pools(missing=False, unlabelled=False), k=st.integers(1, 12), seed=seeds)
def test_a_label_space_of_one_label_is_its_nearest_examples(pool: Pool, k: int, seed: int) -> None:
    single = replace(pool, labels=dict.fromkeys(pool.examples, "only"))
    assert ids(choose(single, "label_space", k, seed)) == ids(choose(single, "rices", k, seed))


_DRAWS = """
import json, sys
from selector_pools import choose, Pool, chain
from shotsmith.domain.examples import Example, Query
from shotsmith.selectors import arrange
ids = [f"e{n}" for n in range(12)]
examples = {id: {"image": [n % 5, 1, n % 2], "text": [1, n % 3]} for n, id in enumerate(ids) if n}
labels = {id: "abc"[n % 3] for n, id in enumerate(ids) if n}
contents = {id: Example(id, text=f"word{n % 4} other", metadata={"site": n % 2}) for n, id in enumerate(examples)}
asked = Query(text="word1 q", metadata={"site": 1})
pool = Pool(examples, {"image": [1, 1, 0], "text": [1, 1]}, labels, contents, asked)
out = []
for text in json.loads(sys.argv[1]):
    chosen = choose(pool, text, 7, 3)
    out.append(repr([chosen, [arrange(chosen, order, 3, "q") for order in ("interleaved", "grouped", "random")]]))
print(json.dumps(out))
"""


def test_processes_with_different_hash_seeds_and_threads_agree() -> None:
    """Invariant 6."""
    runs = [
        subprocess.run(
            [sys.executable, "-c", _DRAWS, json.dumps(ALL)],
            env={
                **os.environ,
                "PYTHONHASHSEED": seed,
                "OPENBLAS_NUM_THREADS": seed,
                "PYTHONPATH": os.pathsep.join(sys.path),
            },
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert runs[0] == runs[1]
    assert len(json.loads(runs[0])) == len(ALL)


@settings(max_examples=5)
@given(pool=pools(unlabelled=False, least=5), k=shots, seed=seeds)
def test_threads_do_not_disturb_each_other(pool: Pool, k: int, seed: int) -> None:
    source = pool.source()
    expected = {text: ids(chain(text).select(pool.asked, source, k, seed)) for text in ALL}
    with ThreadPoolExecutor(4) as threads:
        found = dict(
            zip(
                ALL * 2,
                threads.map(lambda text: ids(chain(text).select(pool.asked, source, k, seed)), ALL * 2),
                strict=True,
            )
        )
    assert found == expected


def test_the_spaces_that_are_checked_are_all_there_are() -> None:
    assert set(MODALITIES) == {"image", "text", "joint"}
    assert digest(sorted(CASES))  # names are plain text
