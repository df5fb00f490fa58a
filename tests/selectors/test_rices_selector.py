import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from selector_pools import Pool, pools, queries, seeds, shots

from shotsmith.domain.examples import Query
from shotsmith.domain.recipes import MODALITIES
from shotsmith.selectors import ArraySource
from shotsmith.selectors.random import RandomFixed
from shotsmith.selectors.rices import Dissimilar, EveryNth, Rices


@given(pools(), st.sampled_from(MODALITIES), shots, seeds)
def test_equals_sorting_every_pair(pool: Pool, modality: str, k: int, seed: int) -> None:
    cosines = pool.cosines(modality)
    assume(cosines)
    expected = sorted(cosines, key=lambda id: (-cosines[id], id))[:k]
    chosen = Rices(modality=modality).select(Query(), pool.source(), k, seed)
    assert [(c.id, c.score) for c in chosen[: len(expected)]] == [(id, cosines[id]) for id in expected]
    assert not {candidate.id for candidate in chosen[len(expected) :]} & set(cosines)


@given(pools(missing=False), shots, st.data())
def test_an_example_below_rank_k_changes_nothing(pool: Pool, k: int, data: st.DataObject) -> None:
    assume(k < pool.size)
    ranked = Rices().select(Query(), pool.source(), pool.size, 0)
    dropped = data.draw(st.sampled_from(ranked[k:])).id
    smaller = Pool({id: v for id, v in pool.examples.items() if id != dropped}, pool.query)
    before = Rices().select(Query(), smaller.source(), k, 0)
    assert [c.id for c in before] == [c.id for c in ranked[:k]]


@given(pools(missing=False), shots, st.floats(1e-3, 1e3), st.permutations(range(3)))
def test_scale_and_rotation_do_not_matter(pool: Pool, k: int, scale: float, axes: list[int]) -> None:
    def turned(vectors: dict[str, tuple[int, ...]]) -> dict[str, list[float]]:
        return {space: [-scale * vector[axis] for axis in axes] for space, vector in vectors.items()}

    other = ArraySource({id: turned(v) for id, v in pool.examples.items()}, turned(pool.query), pool.labels)
    # Distinct cosines of such small integers lie further apart than rounding; equal ones stay in id order.
    ours, theirs = (Rices().select(Query(), source, k, 0) for source in (pool.source(), other))
    assert [c.score for c in theirs] == pytest.approx([c.score for c in ours], abs=2e-6)


EXAMPLES = {
    "both": {"image": [1, 0], "text": [0, 1]},
    "picture": {"image": [3, 4]},
    "words": {"text": [1, 1]},
    "neither": {},
}


def chosen(modality: str, query: dict[str, list[int]], k: int = 4) -> list[tuple[str, float | None]]:
    found = Rices(modality=modality).select(Query(), ArraySource(EXAMPLES, query), k, 0)
    return [(candidate.id, candidate.score) for candidate in found]


def test_examples_without_the_modality_come_last_and_are_flagged() -> None:
    found = Rices().select(Query(), ArraySource(EXAMPLES, {"image": [1, 0]}), 4, 0)
    assert [(c.id, c.score) for c in found[:2]] == [("both", 1.0), ("picture", 0.6)]
    assert {c.id for c in found[2:]} == {"words", "neither"}
    assert found[1].reason == "2nd nearest by image, cosine 0.6000"
    assert not found[1].flags
    assert all(c.flags == ("filled up at random: some examples have no image to compare",) for c in found[2:])


@pytest.mark.parametrize(
    ("modality", "has", "used"),
    [
        ("image", ("text", "joint"), "text"),
        ("image", ("joint",), "joint"),
        ("text", ("image", "joint"), "image"),
        ("text", ("joint",), "joint"),
        ("joint", ("image", "text"), "image"),
        ("joint", ("text",), "text"),
    ],
)
def test_a_query_without_the_modality_falls_back(modality: str, has: tuple[str, ...], used: str) -> None:
    same = {"image": [1, 0], "text": [1, 0], "joint": [1, 0]}
    source = ArraySource({"a": same}, {space: [1, 1] for space in has})
    (only,) = Rices(modality=modality).select(Query(), source, 3, 0)
    assert set(only.scores) == {used}
    assert only.flags == (f"cannot compare by {modality}: ranked by {used} instead",)


@given(pools(), queries, shots, seeds)
def test_a_query_that_cannot_be_compared_gets_the_fixed_draw(
    pool: Pool, query: Query, k: int, seed: int
) -> None:
    blind = ArraySource(pool.examples, {}, pool.labels)
    found = Rices().select(query, blind, k, seed)
    assert [c.id for c in found] == [c.id for c in RandomFixed().select(query, blind, k, seed)]
    assert all("drawn at random instead" in candidate.flags[0] for candidate in found)


def test_each_query_fills_anew() -> None:
    source = ArraySource({f"bare {n}": {} for n in range(20)} | {"a": {"image": [1, 0]}}, {"image": [1, 0]})
    fills = {tuple(c.id for c in Rices().select(Query(text=str(n)), source, 8, 0)) for n in range(10)}
    assert len(fills) == 10
    assert {fill[0] for fill in fills} == {"a"}


def test_reasons_count_like_people() -> None:
    source = ArraySource({f"{n:03}": {"image": [1, 0]} for n in range(1, 123)}, {"image": [1, 0]})
    said = [c.reason.split()[0] for c in Rices().select(Query(), source, 122, 0)]
    assert said[:4] == ["1st", "2nd", "3rd", "4th"]
    assert said[10:13] == ["11th", "12th", "13th"]
    assert said[20:24] == ["21st", "22nd", "23rd", "24th"]
    assert said[110:113] == ["111th", "112th", "113th"]
    assert said[120:] == ["121st", "122nd"]


RING = {f"{n}": {"image": [n, 10 - n]} for n in range(11)}


def test_every_nth_takes_every_nth_rank_and_then_those_in_between() -> None:
    source = ArraySource(RING, {"image": [1, 0]})
    assert [c.id for c in EveryNth(n=4).select(Query(), source, 3, 0)] == ["10", "6", "2"]
    more = EveryNth(n=4).select(Query(), source, 5, 0)
    assert [c.id for c in more] == ["10", "6", "2", "9", "8"]
    assert more[3].flags == ("the pool ends before every 4th example gives k",)
    assert [c.score for c in more[3:]] == [None, None]


def test_dissimilar_is_similar_turned_round() -> None:
    source = ArraySource(RING, {"image": [1, 0]})
    found = Dissimilar().select(Query(), source, 3, 0)
    assert [c.id for c in found] == ["0", "1", "2"]
    assert found[0].scores == {"image": 0.0}
    assert found[1].score == -found[1].scores["image"]
