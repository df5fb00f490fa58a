import statistics
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import ValidationError
from selector_pools import PROBE, Pool, pools, queries, seeds, shots

from shotsmith.domain.examples import Query
from shotsmith.domain.recipes import MODALITIES
from shotsmith.selectors import ArraySource
from shotsmith.selectors.fused import Fused, Weights
from shotsmith.selectors.modality import Modality
from shotsmith.selectors.rices import Rices


def naive(pool: Pool, weights: dict[str, float]) -> list[tuple[str, float]]:
    """The definition, one example at a time."""
    cosines = {space: pool.cosines(space) for space, weight in weights.items() if weight}
    cosines = {space: found for space, found in cosines.items() if found}
    moments = {
        space: [round(round(f(found.values()), 9), 4) for f in (statistics.fmean, statistics.pstdev)]
        for space, found in cosines.items()
    }
    fused = []
    for id in pool.examples:
        shared = [space for space in cosines if id in cosines[space]]
        if shared:
            top = sum(weights[m] * (cosines[m][id] - moments[m][0]) / (moments[m][1] or 1) for m in shared)
            fused.append((id, top / sum(weights[m] for m in shared)))
    return fused


mixtures = st.fixed_dictionaries(
    {space: st.sampled_from([0.0, 0.5, 1.0, 3.0]) for space in MODALITIES}
).filter(lambda weights: any(weights.values()))


@given(pools(), mixtures, seeds)
def test_equals_fusing_every_pair(pool: Pool, weights: dict[str, float], seed: int) -> None:
    assume(sum(bool(weight) and bool(pool.cosines(space)) for space, weight in weights.items()) > 1)
    expected = dict(naive(pool, weights))
    chosen = Fused(weights=weights).select(Query(), pool.source(), pool.size, seed)
    fused = [candidate for candidate in chosen if candidate.score is not None]
    assert [candidate.id for candidate in chosen[: len(fused)]] == [candidate.id for candidate in fused]
    assert {c.id: c.score for c in fused} == pytest.approx(expected, abs=1e-6)
    assert [(-(c.score or 0), c.id) for c in fused] == sorted((-(c.score or 0), c.id) for c in fused)


@given(pools(), queries, shots, seeds, st.sampled_from(MODALITIES))
def test_weight_on_one_space_is_rices_in_it(pool: Pool, query: Query, k: int, seed: int, space: str) -> None:
    weighted = Fused(weights={space: 0.7})
    assert weighted.select(query, pool.source(), k, seed) == Rices(modality=space).select(
        query, pool.source(), k, seed
    )


@given(pools(), mixtures, st.integers(1, 12), seeds)
def test_a_shallow_pool_finds_the_best_of_what_it_fuses(
    pool: Pool, weights: dict[str, float], depth: int, seed: int
) -> None:
    """Scores are exact at any depth, and a depth that covers the pool misses nothing."""
    exact = Fused(weights=weights).select(Query(), pool.source(), 3, seed)
    shallow = Fused(weights=weights, depth=depth).select(Query(), pool.source(), 3, seed)
    truth = {c.id: c.score for c in Fused(weights=weights).select(Query(), pool.source(), pool.size, seed)}
    assert all(candidate.score in (truth[candidate.id], None) for candidate in shallow)
    if depth >= pool.size:
        assert shallow == exact


def probe(image: tuple[float, float], text: tuple[float, float]) -> dict[str, Any]:
    return {
        "image": dict(zip(("impact", "lower"), image, strict=True)),
        "text": dict(zip(("impact", "lower"), text, strict=True)),
    }


@pytest.mark.parametrize(
    ("measured", "weights"),
    [
        (probe((0.3, 0.1), (0.1, -0.02)), Weights(image=0.3)),
        (probe((0.3, 0.0), (0.1, 0.05)), Weights(text=0.1)),
        (probe((0.3, 0.1), (0.1, 0.02)), Weights(image=0.3, text=0.1)),
        (probe((0.3, -0.1), (-0.1, -0.2)), Weights(image=1, text=1)),
    ],
)
def test_a_probe_decides_by_its_lower_bounds(measured: dict[str, Any], weights: Weights) -> None:
    assert Modality(probe=measured).mixture[0] == weights


def test_equal_weights_that_nobody_measured_are_flagged() -> None:
    pair = {"image": [1, 0], "text": [1, 1]}
    source = ArraySource({"a": pair, "b": {"image": [0, 1], "text": [1, 1]}}, pair)
    flags = {
        name: selector.select(Query(), source, 1, 0)[0].flags
        for name, selector in {
            "default": Modality(),
            "neither": Modality(probe=probe((0.1, -0.1), (0.1, -0.1))),
            "measured": Modality(probe=PROBE),
            "explicit": Fused(),
        }.items()
    }
    assert flags == {
        "default": ("modality impact not measured: equal weights for image and text",),
        "neither": ("neither modality was measured to matter: equal weights for image and text",),
        "measured": (),
        "explicit": (),
    }


def test_a_modality_missing_on_either_side_is_no_score_and_is_flagged() -> None:
    both = {"image": [1, 0], "text": [1, 0]}
    examples = {
        "near": both,
        "far": {"image": [0, 1], "text": [0, 1]},
        "words": {"text": [1, 0]},
        "bare": {},
    }
    selector = Fused(weights={"image": 1, "text": 1})
    found = {c.id: c for c in selector.select(Query(), ArraySource(examples, both), 4, 0)}
    assert list(found)[2:] == ["far", "bare"]
    assert found["words"].score is not None
    assert found["words"].score > 0
    assert found["words"].flags == ("has no image: ranked by text alone",)
    assert found["bare"].flags == (
        "filled up at random: some examples have neither image nor text to compare",
    )
    assert not found["near"].flags
    blind = selector.select(Query(), ArraySource(examples, {"text": [1, 0]}), 1, 0)
    assert blind[0].flags == ("cannot compare by image: ranked by text alone",)
    assert blind[0].score == 1.0
    lost = selector.select(Query(), ArraySource({"j": {"joint": [1, 0]}}, {"joint": [1, 0]}), 1, 0)
    assert lost[0].flags == ("cannot compare by image: ranked by joint instead",)


@pytest.mark.parametrize(
    "wrong",
    [
        {"weights": {"image": 1}},
        {"probe": {"image": {"impact": 0.1, "lower": 0.0}}},
        {"probe": probe((0.1, 0.2), (0.1, 0.0))},
        {"depth": 0},
    ],
    ids=str,
)
def test_contradictions_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Modality(**wrong)


@pytest.mark.parametrize(
    "wrong",
    [
        {"weights": {}},
        {"weights": {"image": -1}},
        {"weights": {"image": float("nan")}},
        {"weights": {"smell": 1}},
        {"method": "sum"},
        {"depth": 0},
    ],
    ids=str,
)
def test_weights_that_weigh_nothing_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Fused(**wrong)


def test_reciprocal_ranks_count_only_what_is_listed() -> None:
    examples = {
        "both": {"image": [3, 1], "text": [3, 1]},
        "picture": {"image": [1, 0], "text": [0, 1]},
        "words": {"text": [1, 0]},
    }
    source = ArraySource(examples, {"image": [1, 0], "text": [1, 0]})
    found = {c.id: c.score for c in Fused(method="rrf").select(Query(), source, 3, 0)}
    assert found == {
        "words": 1.0,  # first by text, and it has no other modality
        "both": round((61 / 62 + 61 / 62) / 2, 6),
        "picture": round((61 / 61 + 61 / 63) / 2, 6),
    }


def test_engines_that_sum_differently_agree_even_on_the_border_of_a_rounding() -> None:
    pair = {"image": [1, 0], "text": [1, 1]}
    examples = {"a": pair, "b": {"image": [0, 1], "text": [1, 0]}}

    class Engine(ArraySource):
        error = 0.0

        def moments(self, space: str) -> tuple[float, float]:
            return 0.12345 + self.error, 0.00005 - self.error

    exact, other = Engine(examples, pair), Engine(examples, pair)
    for error in (1e-13, -1e-13):
        other.error = error
        assert Modality().select(Query(), exact, 2, 0) == Modality().select(Query(), other, 2, 0)
