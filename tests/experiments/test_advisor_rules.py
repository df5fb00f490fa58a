"""The decision rule: planted regimes are found, small samples decide nothing, and order never matters."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from advisor_scores import PLANTED, pairs_of
from hypothesis import given, settings
from hypothesis import strategies as st

from shotsmith.domain.errors import InvalidInput, InvalidParameter
from shotsmith.experiments.advisor import Margins
from shotsmith.experiments.advisor.rules import CLAIMS, Compared, Pair, compare, decide, merged
from shotsmith.experiments.metrics import Estimate

MARGINS = Margins()
FEW = 1000  # resamples
seeds = st.integers(0, 10_000)


def verdict(pairs, margins=MARGINS, **options):
    """With every comparison in a stage of its own, as most of them are."""
    found = {}
    for name, pair in pairs.items():
        found |= compare({name: pair}, margins, resamples=FEW)
    return decide(found, margins, **options)


@pytest.mark.parametrize("regime", PLANTED)
@settings(max_examples=10, deadline=None)
@given(seed=seeds)
def test_a_planted_regime_is_found(regime: str, seed: int) -> None:
    found = verdict(pairs_of(regime, 4000, seed))
    assert (found.regime, found.leading, found.needed, found.open) == (regime, None, None, None)


@pytest.mark.parametrize("regime", PLANTED)
@settings(max_examples=10, deadline=None)
@given(seed=seeds, items=st.integers(2, 20))
def test_a_small_sample_decides_nothing(regime: str, seed: int, items: int) -> None:
    found = verdict(pairs_of(regime, items, seed, luck=0.3), Margins(alpha=0.001))
    assert found.regime == "INCONCLUSIVE"
    assert found.leading in PLANTED
    assert found.open in CLAIMS
    assert found.needed is None or found.needed > items


@settings(max_examples=30, deadline=None)
@given(regime=st.sampled_from(sorted(PLANTED)), seed=seeds, data=st.data())
def test_neither_the_order_of_comparisons_nor_of_items_matters(regime: str, seed: int, data) -> None:
    pairs = pairs_of(regime, 60, seed, luck=0.1)
    names = data.draw(st.permutations(list(pairs)))
    turned = np.random.default_rng(seed).permutation(60)
    shuffled = {name: Pair(pairs[name].one[turned], pairs[name].other[turned]) for name in names}
    one, other = compare(pairs, MARGINS, resamples=FEW), compare(shuffled, MARGINS, resamples=FEW)
    assert set(one) == set(other)
    for name in names:
        assert one[name].p == pytest.approx(other[name].p)
        assert one[name].difference.value == pytest.approx(other[name].difference.value)
    assert decide(one, MARGINS) == decide(other, MARGINS)


@settings(max_examples=30, deadline=None)
@given(regime=st.sampled_from(sorted(PLANTED)), seed=seeds)
def test_claims_of_a_stage_are_corrected_together(regime: str, seed: int) -> None:
    pairs = pairs_of(regime, 50, seed, luck=0.2)
    together = compare(pairs, MARGINS, resamples=FEW)
    for name, pair in pairs.items():
        alone = compare({name: pair}, MARGINS, resamples=FEW)[name]
        assert (alone.beside, together[name].beside) == (1, len(pairs))
        for claim in CLAIMS[name]:
            assert alone.p[claim] <= together[name].p[claim]
        if min(alone.p.values()) == min(min(one.p.values()) for one in together.values()) / len(pairs):
            assert together[name].p == pytest.approx(
                {claim: min(1.0, len(pairs) * p) for claim, p in alone.p.items()}
            )
        half = compare({name: pair}, MARGINS, resamples=FEW, share=0.5)[name]
        assert half.p == pytest.approx({claim: min(1.0, 2 * p) for claim, p in alone.p.items()})


def test_a_gain_of_just_the_margin_is_seldom_called_none() -> None:
    """The level holds where it is hardest to hold."""
    rng = np.random.default_rng(1)
    said = 0
    for replicate in range(200):
        hard, luck = rng.random(400), rng.random((2, 400))
        zero, best = (
            np.where(luck[k] < 0.1, rng.random(400) < a, hard < a) for k, a in enumerate((0.7, 0.72))
        )
        pair = Pair(best.astype(float), zero.astype(float))
        found = compare({"gain": pair}, MARGINS, resamples=FEW, seed=replicate)
        said += decide(found, MARGINS).regime == "NO-ICL"
    assert said <= 18  # 5 % of 200 and luck


def test_the_number_said_to_be_needed_suffices_about_as_often_as_it_says() -> None:
    def none(items: int, seed: int):
        """Zero-shot and an arm that is as good."""
        rng = np.random.default_rng([seed, items])
        hard, luck = rng.random(items), rng.random((2, items)) < 0.1
        one, other = (np.where(lucky, rng.random(items) < 0.7, hard < 0.7).astype(float) for lucky in luck)
        return decide(compare({"gain": Pair(one, other)}, MARGINS, resamples=FEW), MARGINS)

    needed = [
        found.needed for seed in range(60) if (found := none(300, seed)).leading == "NO-ICL" and found.needed
    ]
    typical = int(np.median(needed))
    assert 600 < typical < 2500
    assert 0.65 <= np.mean([none(typical, seed).regime == "NO-ICL" for seed in range(100, 200)]) <= 0.97


def known(**values: tuple[float, str]) -> dict:
    """Comparisons whose first claim named is shown and no other."""
    found = {}
    for key, (value, shown) in values.items():
        name = key.replace("_", " ")
        p = {claim: 0.001 if claim in shown.split("+") else 0.9 for claim in CLAIMS[name]}
        found[name] = Compared(Estimate(value, value - 0.1, value + 0.1), p, 0.5, 100)
    return found


GAIN = (0.2, "more")
LOST = (-0.3, "less")
TRUTHS = [
    ({"gain": (0.0, "no better")}, "NO-ICL", None),
    ({"gain": (0.01, "more+no better")}, "NO-ICL", None),  # more, but not worth it
    ({"gain": (0.01, "")}, "INCONCLUSIVE", "gain"),
    ({"gain": (0.0, "no better"), "vote_gain": (0.0, "no better")}, "NO-ICL", None),
    ({"gain": (0.0, "no better"), "vote_gain": (0.1, "")}, "INCONCLUSIVE", "vote gain"),
    ({"gain": (0.0, "no better"), "vote_gain": GAIN, "vote": (0.2, "no worse")}, "KNN", None),
    ({"gain": (0.0, ""), "vote_gain": GAIN, "vote": (-0.1, "less")}, "INCONCLUSIVE", "gain"),
    ({"gain": GAIN, "vote": (0.0, "no worse")}, "KNN", None),
    ({"gain": GAIN, "vote": (-0.01, "no worse+less")}, "KNN", None),
    ({"gain": GAIN, "vote": (-0.05, "")}, "INCONCLUSIVE", "vote"),
    ({"gain": GAIN, "vote": LOST, "flat": (0.0, "no worse"), "similar": (0.1, "more")}, "SSL", None),
    (
        {"gain": GAIN, "vote": LOST, "flat": (0.0, "no worse"), "similar": (0.1, "")},
        "INCONCLUSIVE",
        "similar",
    ),
    ({"gain": GAIN, "vote": LOST, "flat": (0.0, "")}, "INCONCLUSIVE", "flat"),
    ({"gain": GAIN, "vote": LOST}, "INCONCLUSIVE", "flat"),
    ({"gain": GAIN, "vote": LOST, "flat": (-0.2, "less"), "similar": (0.0, "")}, "ASL", None),
    (
        {"gain": GAIN, "vote": LOST, "flat": (-0.2, "less"), "similar": (0.1, "more")},
        "INCONCLUSIVE",
        "hybrid wide",
    ),
    (
        {
            "gain": GAIN,
            "vote": LOST,
            "flat": (-0.2, "less"),
            "similar": (0.1, "more"),
            "hybrid_near": GAIN,
            "hybrid_wide": GAIN,
        },
        "HYBRID",
        None,
    ),
    (
        {
            "gain": GAIN,
            "vote": LOST,
            "flat": (-0.2, "less"),
            "similar": (0.1, "more"),
            "hybrid_near": GAIN,
            "hybrid_wide": (0.0, "no better"),
        },
        "ASL",
        None,
    ),
]
ALIKE = {
    "gain": GAIN,
    "vote": LOST,
    "flat": (0.0, "no worse+no better"),
    "similar": (0.0, "no better"),
    "unique": (0.2, "more"),
}


@pytest.mark.parametrize(("values", "regime", "open"), TRUTHS)
def test_the_rules_in_their_order(values, regime, open) -> None:
    found = decide(known(**values), MARGINS)
    assert (found.regime, found.open) == (regime, open)
    assert (found.leading is None) == (regime != "INCONCLUSIVE")


def test_all_are_named_where_no_more_can_be_asked_about_a_mixture() -> None:
    both = known(gain=GAIN, vote=LOST, flat=(-0.2, "less"), similar=(0.1, "more"), hybrid_wide=(0.1, ""))
    waiting = decide(both, MARGINS)
    assert (waiting.regime, waiting.open, waiting.leading) == ("INCONCLUSIVE", "hybrid wide", "ASL")
    assert decide(both, MARGINS, waits=False).regime == "ASL"


def test_all_win_where_nothing_differs_but_the_price() -> None:
    assert decide(known(**ALIKE), MARGINS, cheaper=True).regime == "ASL"
    dearer = decide(known(**ALIKE), MARGINS, cheaper=False)
    assert (dearer.regime, dearer.open) == ("INCONCLUSIVE", "hybrid wide")
    for name, less in (("similar", ""), ("flat", "no worse"), ("unique", "")):
        unsure = decide(known(**{**ALIKE, name: (0.0, less)}), MARGINS, cheaper=True)
        assert (unsure.regime, unsure.open) == ("INCONCLUSIVE", name)


@pytest.mark.parametrize(
    ("values", "leading"),
    [
        ({"gain": (0.01, "")}, "NO-ICL"),
        ({"gain": (0.1, ""), "vote": (0.0, "")}, "KNN"),
        ({"gain": (0.1, ""), "vote": (-0.1, ""), "flat": (0.01, "")}, "SSL"),
        ({"gain": (0.1, ""), "vote": (-0.1, ""), "flat": (-0.1, "")}, "ASL"),
        ({"gain": (0.1, ""), "vote": (-0.1, ""), "flat": (0.0, ""), "similar": (-0.1, "")}, "HYBRID"),
        ({}, "HYBRID"),
    ],
)
def test_what_leads_is_what_the_estimates_say(values, leading) -> None:
    found = decide(known(**values), MARGINS)
    assert (found.regime, found.leading) == ("INCONCLUSIVE", leading)


def test_what_was_shown_stays_shown() -> None:
    (early,) = known(gain=(0.2, "more")).values()
    (late,) = known(gain=(0.1, "")).values()
    both = merged(early, late)
    assert both.difference == late.difference
    assert both.claims("more", MARGINS)
    assert merged(None, late) == late


def test_needed_grows_with_the_spread_and_shrinks_with_the_gap() -> None:
    (one,) = known(gain=(0.1, "")).values()
    sizes = [replace(one, sd=sd).needed("gain", MARGINS) for sd in (0.0, 0.3, 0.5, 1.0)]
    assert sizes == sorted(sizes)
    assert sizes[0] == 101  # more than there were, at least
    far = replace(one, difference=Estimate(0.3, 0.1, 0.5))
    assert far.needed("gain", MARGINS) <= one.needed("gain", MARGINS)
    assert replace(one, beside=3).needed("gain", MARGINS) >= one.needed("gain", MARGINS)
    (worse,) = known(similar=(-0.1, "")).values()
    assert worse.needed("similar", Margins(delta=0.001)) is not None
    assert one.needed("gain", MARGINS, at_best=True) <= one.needed("gain", MARGINS)
    (edge,) = known(vote=(-MARGINS.delta, "")).values()  # neither would be shown, if that were the truth
    assert edge.needed("vote", MARGINS, at_best=True) < 1000 < edge.needed("vote", MARGINS)
    (never,) = known(unique=(-0.1, "")).values()
    assert never.needed("unique", MARGINS) is None
    assert never.needed("unique", MARGINS, at_best=True) is None  # the interval ends at 0


def test_bad_input_is_one_clear_error() -> None:
    for given_ in ({"delta": 0}, {"alpha": 0.5}, {"power": 1}, {"gamma": 1}, {"delta": float("nan")}):
        with pytest.raises(InvalidParameter, match=next(iter(given_))):
            Margins.read(given_)
    with pytest.raises(InvalidInput, match="same items"):
        compare({"gain": Pair([1.0, 0.0], [1.0])}, MARGINS)
    with pytest.raises(InvalidInput):
        compare({"gain": Pair([], [])}, MARGINS)
    assert compare({}, MARGINS) == {}
