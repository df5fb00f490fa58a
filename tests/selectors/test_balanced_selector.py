from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from selector_pools import CASES, LABELS, Pool, chain, choose, ids, pools, renamed, seeds, shots

from shotsmith.domain.errors import InvalidInput
from shotsmith.domain.examples import Query
from shotsmith.domain.scoring import shuffled
from shotsmith.domain.sources import CandidateSource
from shotsmith.selectors import ArraySource
from shotsmith.selectors.balanced import proportions, quotas
from shotsmith.selectors.label_view import LabelView, PerLabel

balanced = st.sampled_from(CASES["balanced"])
PLAIN = ["rices", "rices(modality=text)", "random", "random_fixed", "fused", "bm25", "mmices"]
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


@given(label_counts, st.integers(0, 40), seeds)
def test_proportions_are_never_one_off(counts: dict[str, int], k: int, seed: int) -> None:
    given_out = proportions(counts, shuffled(counts, seed, "labels"), k)
    total = sum(counts.values())
    assert sum(given_out.values()) == min(k, total)
    for label, count in counts.items():
        assert abs(given_out.get(label, 0) - min(k, total) * count / total) < 1
        assert given_out.get(label, 0) <= count


@given(pools(), balanced, shots, seeds)
def test_labels_are_balanced_and_examples_without_one_only_fill(
    pool: Pool, named: str, k: int, seed: int
) -> None:
    assume(pool.labels)
    chosen = choose(pool, named, k, seed)
    counts, shares = Counter(pool.labels.values()), Counter(c.label for c in chosen if c.label is not None)
    top = max(shares.values(), default=0)
    if k:
        for label in counts:
            assert shares[label] >= top - 1 or shares[label] == counts[label]
    bare = [candidate for candidate in chosen if candidate.label is None]
    assert len(bare) == max(0, len(chosen) - len(pool.labels))
    assert chosen[len(chosen) - len(bare) :] == bare
    assert all(candidate.flags[0] == "filled up with examples that have no label" for candidate in bare)


@given(pools(), st.sampled_from(PLAIN), shots, seeds)
def test_one_label_is_the_selector_before(pool: Pool, plain: str, k: int, seed: int) -> None:
    single = replace(pool, labels=dict.fromkeys(pool.examples, "only"))
    for stage in ("balanced", "stratified"):
        ours, theirs = (choose(single, text, k, seed) for text in (f"{plain}|{stage}", plain))
        assert [(c.id, c.score, c.scores) for c in ours] == [(c.id, c.score, c.scores) for c in theirs]


@pytest.mark.parametrize("stage", ["balanced", "stratified", "label_space"])
@pytest.mark.parametrize("kind", ["vqa", "regression", "open"])
def test_free_text_cannot_be_balanced_and_one_error_says_so(stage: str, kind: Any) -> None:
    source = ArraySource({"a": {"image": [1, 0]}}, {"image": [1, 0]}, kind=kind)
    with pytest.raises(
        InvalidInput, match=f"{stage} needs labels, and no eligible example of this {kind} pool"
    ):
        chain(stage).select(Query(), source, 2, 0)


@given(pools(unlabelled=False), balanced, shots, seeds, st.permutations(LABELS))
def test_renaming_labels_changes_only_who_gets_the_remainder(
    pool: Pool, named: str, k: int, seed: int, names: list[str]
) -> None:
    """The keyed order follows the names; a label whose share stays the same keeps the very same examples."""
    new_names = dict(zip(LABELS, [f"new {name}" for name in names], strict=True))
    before, after = choose(pool, named, k, seed), choose(renamed(pool, new_names), named, k, seed)
    for old, new in new_names.items():
        ours = {c.id for c in before if c.label == old}
        theirs = {c.id for c in after if c.label == new}
        assert ours <= theirs or theirs <= ours
        assert abs(len(ours) - len(theirs)) <= 1
    counts = Counter(pool.labels.values())
    if counts and k % len(counts) == 0 and min(counts.values()) >= k // len(counts):
        assert {c.id for c in before} == {c.id for c in after}


@given(pools(unlabelled=False), shots, seeds)
def test_within_a_label_the_nearest_are_taken(pool: Pool, k: int, seed: int) -> None:
    cosines = pool.cosines("image")
    assume(cosines)
    chosen = choose(pool, "balanced", k, seed)
    for label in set(pool.labels.values()):
        own = [candidate.id for candidate in chosen if candidate.label == label]
        scored = sorted((id for id in cosines if pool.labels[id] == label), key=lambda id: (-cosines[id], id))
        expected = scored[: len(own)]
        assert [id for id in own if id in cosines] == expected


def test_a_rare_label_beyond_the_nearest_hundreds_is_still_shown() -> None:
    examples = {f"common {n}": {"image": [100, n % 7]} for n in range(300)} | {"rare": {"image": [-1, 0]}}
    labels = dict.fromkeys(examples, "common") | {"rare": "rare"}
    source = ArraySource(examples, {"image": [1, 0]}, labels)
    assert "rare" in {candidate.id for candidate in chain("balanced").select(Query(), source, 2, 0)}


def test_with_fewer_shots_than_labels_every_label_gets_its_turn() -> None:
    labels = {f"example {n}": f"label {n}" for n in range(10)}
    source = ArraySource({id: {"image": [1, 0]} for id in labels}, {"image": [1, 0]}, labels)
    turns = Counter(
        candidate.label
        for n in range(400)
        for candidate in chain("balanced").select(Query(text=f"query {n}"), source, 3, 0)
    )
    assert set(turns) == set(labels.values())
    assert all(70 < count < 170 for count in turns.values())  # 5 standard deviations around 120


def test_a_fixed_inner_selector_makes_the_whole_choice_fixed() -> None:
    labels = {f"example {n}": "abc"[n % 3] for n in range(30)}
    source = ArraySource({id: {} for id in labels}, {}, labels)
    assert chain("random_fixed|balanced").fixed
    assert not chain("random|balanced").fixed

    def sets(text: str) -> set[tuple[str, ...]]:
        return {tuple(ids(chain(text).select(Query(text=str(n)), source, 5, 0))) for n in range(10)}

    assert len(sets("random_fixed|balanced")) == 1
    assert len(sets("random|balanced")) == 10


class Counting(ArraySource):
    """Counts the questions that reach the index."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.asked: Counter[str] = Counter()

    def nearest(self, space: str, limit: int, vector: Any = None) -> list[Any]:
        self.asked[f"nearest {space}"] += 1
        return super().nearest(space, limit, vector)

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
        assert len(chain(f"{inner}|balanced").select(Query(), source, 90, seed)) == 90
        assert source.asked == questions


def test_reasons_name_the_label() -> None:
    source = ArraySource({"a": {"image": [3, 4]}}, {"image": [1, 0]}, {"a": "кот"})
    assert (
        chain("balanced").select(Query(), source, 1, 0)[0].reason
        == "label 'кот': 1st nearest by image, cosine 0.6000"
    )


def test_what_has_no_score_comes_in_rounds_over_the_labels() -> None:
    labels = {f"example {n}": "abc"[n % 3] for n in range(30)}
    chosen = chain("random|balanced").select(
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
    assert isinstance(view, CandidateSource)
    assert view.scores("image", ["a", "c"]) == {"a": 1.0, "c": 0.0}
    assert view.vectors("image", ["c", "a"]).ids == ["c", "a"]
    assert view.everything("image").ids == ["a", "c", "d"]
    assert ids(chain("random_fixed").select(Query(), view, 9, 0)) == list(view.draw(9, 0, "random|fixed"))
    assert view.moments("image") == source.moments("image")
    assert view.modalities == {"image"}


def test_with_several_labels_an_example_counts_for_the_one_it_was_chosen_for() -> None:
    """a 27, b 14 and c 13 of 54 label places: 9 shots are 5, 2 and 2, whatever else the chosen ones carry."""
    labels: dict[str, tuple[str, ...]] = {f"e{n:02d}": ("a", "b" if n % 2 else "c") for n in range(27)}
    labels["e27"] = ("b",)
    vectors = {id: {"image": [30 - n, n]} for n, id in enumerate(labels)}
    chosen = chain("stratified").select(Query(), ArraySource(vectors, {"image": [1, 0]}, labels), 9, 0)
    assert Counter(one.label for one in chosen) == {"a": 5, "b": 2, "c": 2}
    assert not any(one.flags for one in chosen)


def test_where_everyone_carries_all_labels_each_gets_its_share() -> None:
    labels = {f"e{n}": ("a", "b") for n in range(8)}
    vectors = {id: {"image": [9 - n, n]} for n, id in enumerate(labels)}
    chosen = chain("stratified").select(Query(), ArraySource(vectors, {"image": [1, 0]}, labels), 4, 0)
    assert Counter(one.label for one in chosen) == {"a": 2, "b": 2}
    assert not any(one.flags for one in chosen)


def test_only_what_has_no_label_is_said_to_have_none() -> None:
    """`adaptive` gives fewer than a label's share, and the rest is chosen from all."""
    labels = {f"e{n}": "ab"[n % 2] for n in range(8)}
    vectors = {**{id: {"image": [9 - n, n]} for n, id in enumerate(labels)}, "x": {"image": [9, 0]}}
    source = ArraySource(vectors, {"image": [1, 0]}, labels)
    flags = {
        one.id: one.flags for one in chain("rices|adaptive(k_max=1)|balanced").select(Query(), source, 4, 0)
    }
    assert flags["x"][0] == "filled up with examples that have no label"
    assert not any("no label" in flag for id, own in flags.items() if id != "x" for flag in own)
