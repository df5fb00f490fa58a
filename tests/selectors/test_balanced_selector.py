from collections import Counter
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from selector_pools import LABELS, PLAIN, SPECS, Pool, pools, queries, seeds, shots, spec

from shotsmith.domain.examples import Query
from shotsmith.domain.recipes import SelectorSpec
from shotsmith.domain.scoring import shuffled
from shotsmith.selectors import ArraySource, build
from shotsmith.selectors.balanced import Balanced, quotas
from shotsmith.selectors.label_view import LabelView, PerLabel

BALANCED = [entry for entry in SPECS if entry.name == "balanced"]
balanced = st.sampled_from(BALANCED)
label_counts = st.dictionaries(st.text(max_size=2), st.integers(1, 9), max_size=6)


@given(label_counts, st.integers(0, 40), seeds)
def test_quotas_fill_like_water(counts: dict[str, int], k: int, seed: int) -> None:
    order = shuffled(counts, seed, "labels")
    given_out = quotas(counts, order, k)
    shares = {label: given_out.get(label, 0) for label in counts}
    assert sum(shares.values()) == min(k, sum(counts.values()))
    assert all(0 <= shares[label] <= counts[label] for label in counts)
    top = max(shares.values(), default=0)
    for label, share in shares.items():
        assert share >= top - 1 or share == counts[label]
    # The remainder goes to the first labels of the order that still have an example.
    level = top - 1
    open_ones = [label for label in order if counts[label] > level]
    assert [shares[label] for label in open_ones] == sorted(
        (shares[label] for label in open_ones), reverse=True
    )


@given(label_counts, st.integers(0, 40), seeds)
def test_one_more_shot_goes_to_one_label(counts: dict[str, int], k: int, seed: int) -> None:
    order = shuffled(counts, seed, "labels")
    more = Counter(quotas(counts, order, k + 1)) - Counter(quotas(counts, order, k))
    assert sum(more.values()) == (1 if k < sum(counts.values()) else 0)


@given(pools(), queries, balanced, shots, seeds)
def test_labels_are_balanced_and_examples_without_one_only_fill(
    pool: Pool, query: Query, named: SelectorSpec, k: int, seed: int
) -> None:
    chosen = build(named).select(query, pool.source(), k, seed)
    counts, shares = Counter(pool.labels.values()), Counter(c.label for c in chosen if c.label is not None)
    top = max(shares.values(), default=0)
    if k:
        for label in counts:
            assert shares[label] >= top - 1 or shares[label] == counts[label]
    bare = [candidate for candidate in chosen if candidate.label is None]
    assert len(bare) == max(0, len(chosen) - len(pool.labels))
    assert chosen[len(chosen) - len(bare) :] == bare
    assert all(candidate.flags[0] == "has no label: fills what the labels cannot" for candidate in bare)


@given(pools(), queries, balanced, shots, seeds)
def test_the_set_of_k_is_within_the_set_of_k_plus_one(
    pool: Pool, query: Query, named: SelectorSpec, k: int, seed: int
) -> None:
    fewer, more = (
        {candidate.id for candidate in build(named).select(query, pool.source(), shots, seed)}
        for shots in (k, k + 1)
    )
    assert fewer <= more


@given(pools(), queries, st.sampled_from(PLAIN), shots, seeds, st.booleans())
def test_one_label_or_none_is_the_inner_selector(
    pool: Pool, query: Query, inner: SelectorSpec, k: int, seed: int, labelled: bool
) -> None:
    labels = dict.fromkeys(pool.examples, "only") if labelled else {}
    source = ArraySource(pool.examples, pool.query, labels)
    ours = Balanced(inner=inner).select(query, source, k, seed)
    theirs = build(inner).select(query, source, k, seed)
    assert [(c.id, c.score, c.scores) for c in ours] == [(c.id, c.score, c.scores) for c in theirs]


@given(
    pools(unlabelled=False),
    queries,
    balanced,
    shots,
    seeds,
    st.permutations(LABELS),
)
def test_renaming_labels_changes_only_who_gets_the_remainder(
    pool: Pool, query: Query, named: SelectorSpec, k: int, seed: int, names: list[str]
) -> None:
    """The keyed order follows the names; a label whose share stays the same keeps the very same examples."""
    renamed = dict(zip(LABELS, [f"new {name}" for name in names], strict=True))
    other = Pool(pool.examples, pool.query, {id: renamed[label] for id, label in pool.labels.items()})
    before = build(named).select(query, pool.source(), k, seed)
    after = build(named).select(query, other.source(), k, seed)
    for old, new in renamed.items():
        ours = {c.id for c in before if c.label == old}
        theirs = {c.id for c in after if c.label == new}
        assert ours <= theirs or theirs <= ours
        assert abs(len(ours) - len(theirs)) <= 1
    counts = Counter(pool.labels.values())
    if counts and k % len(counts) == 0 and min(counts.values()) >= k // len(counts):
        assert {c.id for c in before} == {c.id for c in after}


@given(pools(unlabelled=False), queries, shots, seeds)
def test_within_a_label_the_nearest_are_taken(pool: Pool, query: Query, k: int, seed: int) -> None:
    cosines = pool.cosines("image")
    assume(cosines)
    chosen = Balanced().select(query, pool.source(), k, seed)
    for label in set(pool.labels.values()):
        own = [candidate.id for candidate in chosen if candidate.label == label]
        scored = sorted((id for id in cosines if pool.labels[id] == label), key=lambda id: (-cosines[id], id))
        expected = scored[: len(own)]
        assert [id for id in own if id in cosines] == expected


def test_a_rare_label_beyond_the_nearest_hundreds_is_still_shown() -> None:
    examples = {f"common {n}": {"image": [100, n % 7]} for n in range(300)} | {"rare": {"image": [-1, 0]}}
    labels = dict.fromkeys(examples, "common") | {"rare": "rare"}
    source = ArraySource(examples, {"image": [1, 0]}, labels)
    assert "rare" in {candidate.id for candidate in Balanced().select(Query(), source, 2, 0)}


def test_with_fewer_shots_than_labels_every_label_gets_its_turn() -> None:
    labels = {f"example {n}": f"label {n}" for n in range(10)}
    source = ArraySource({id: {"image": [1, 0]} for id in labels}, {"image": [1, 0]}, labels)
    turns = Counter(
        candidate.label
        for n in range(400)
        for candidate in Balanced().select(Query(text=f"query {n}"), source, 3, 0)
    )
    assert set(turns) == set(labels.values())
    assert all(70 < count < 170 for count in turns.values())  # 5 standard deviations around 120


def test_a_fixed_inner_selector_makes_the_whole_choice_fixed() -> None:
    labels = {f"example {n}": "abc"[n % 3] for n in range(30)}
    source = ArraySource({id: {} for id in labels}, {}, labels)
    fixed = Balanced(inner=spec("random", scope="fixed"))
    assert fixed.fixed
    assert not Balanced(inner="random").fixed

    def sets(selector: Balanced) -> set[tuple[str, ...]]:
        return {tuple(c.id for c in selector.select(Query(text=str(n)), source, 5, 0)) for n in range(10)}

    assert len(sets(fixed)) == 1
    assert len(sets(Balanced(inner="random"))) == 10


class Counting(ArraySource):
    """Counts the questions that reach the index."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.asked: Counter[str] = Counter()

    def nearest(self, space: str, limit: int) -> list[Any]:
        self.asked[f"nearest {space}"] += 1
        return super().nearest(space, limit)

    def nearest_per_label(self, space: str, labels: Any, limit: int) -> dict[str, list[Any]]:
        self.asked[f"per label {space}"] += 1
        hits = super().nearest(space, len(self.ids()))
        return {label: [hit for hit in hits if self.label_of(hit.id) == label][:limit] for label in labels}

    def moments(self, space: str) -> tuple[float, float]:
        self.asked[f"moments {space}"] += 1
        return super().moments(space)


@pytest.mark.parametrize(
    ("inner", "questions"),
    [
        ("rices", {"per label image": 1}),
        (
            "modality",
            {f"{what} {space}": 1 for what in ("per label", "moments") for space in ("image", "text")},
        ),
        ("random", {}),
    ],
)
def test_all_labels_are_asked_for_at_once(inner: str, questions: dict[str, int]) -> None:
    pair = {"image": [1, 0], "text": [0, 1]}
    labels = {
        f"example {n}": f"label {min(n, 40)}" for n in range(100)
    }  # one label is larger than all others
    source = Counting(dict.fromkeys(labels, pair), pair, labels)
    for seed in range(3):  # whichever label the keyed order begins with
        source.asked.clear()
        assert len(Balanced(inner=inner).select(Query(), source, 90, seed)) == 90
        assert source.asked == questions


def test_reasons_name_the_label() -> None:
    source = ArraySource({"a": {"image": [3, 4]}}, {"image": [1, 0]}, {"a": "кот"})
    assert (
        Balanced().select(Query(), source, 1, 0)[0].reason
        == "label 'кот': 1st nearest by image, cosine 0.6000"
    )


def test_what_has_no_score_comes_in_rounds_over_the_labels() -> None:
    labels = {f"example {n}": "abc"[n % 3] for n in range(30)}
    chosen = Balanced(inner="random").select(
        Query(), ArraySource({id: {} for id in labels}, {}, labels), 8, 0
    )
    told = [candidate.label for candidate in chosen]
    assert set(told[:3]) == {"a", "b", "c"}
    assert told == (told[:3] * 3)[:8]


def test_a_label_view_shows_one_label_of_the_source_and_the_scale_of_all() -> None:
    examples = {"a": [1, 0], "b": [1, 1], "c": [0, 1], "d": [3, 1], "e": [1, 3]}
    source = ArraySource(
        {id: {"image": vector} for id, vector in examples.items()},
        {"image": [1, 0]},
        {"a": "x", "b": "y", "c": "x", "d": "x"},
    )
    view = LabelView(PerLabel(source, ("x", "y")), "x")
    assert [hit.id for hit in view.nearest("image", 9)] == ["a", "d", "c"]
    assert [hit.id for hit in view.nearest("image", 1)] == ["a"]
    assert {label: len(hits) for label, hits in view.nearest_per_label("image", ["x", "y"], 2).items()} == {
        "x": 2,
        "y": 0,
    }
    assert (list(view.ids()), list(view.ids("x")), list(view.ids("y"))) == (
        ["a", "c", "d"],
        ["a", "c", "d"],
        [],
    )
    assert view.labels() == {"x": 3}
    assert view.scores("image", ["a", "b", "c"]) == {"a": 1.0, "c": 0.0}
    assert view.moments("image") == source.moments("image")
    assert view.modalities == {"image"}
