"""Selectors made of selectors, case by case: shares of a mixture, cached prefixes, imported lists, matching facts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from selector_pools import chain, ids

from shotsmith.domain.errors import InvalidParameter, NotFound
from shotsmith.domain.examples import Example, Query
from shotsmith.domain.selections import Candidate
from shotsmith.selectors import ArraySource, arrange

ASKED = Query(text="what is it?")
NAMES = [f"e{number:02d}" for number in range(20)]


def source(asked: Query = ASKED, **given: Any) -> ArraySource:
    """Twenty examples, e00 nearest by image and e19 farthest."""
    examples = {name: {"image": [20 - place, place]} for place, name in enumerate(NAMES)}
    return ArraySource(examples, {"image": [1, 0]}, asked=asked, **given)


def select(text: str, k: int, asked: Query = ASKED, seed: int = 0, **given: Any) -> list[Candidate]:
    return chain(text).select(asked, source(asked, **given), k, seed)


def flags(candidates: Sequence[Candidate]) -> list[str]:
    return list(dict.fromkeys(flag for one in candidates for flag in one.flags))


# mix

LISTS: Mapping[str, Sequence[str]] = {"a": NAMES[:10], "b": NAMES[10:], "c": ["e05", "e00", "e15"]}


def mixture(parts: str, shares: Sequence[float] | None = None) -> str:
    """A mixture of the lists of these names and of nothing else."""
    named = ",".join(f"neighbours(name={part},rest=none)" for part in parts)
    return f"mix(parts=[{named}]" + (f",shares={list(shares)})" if shares else ")")


def turns(candidates: Sequence[Candidate]) -> list[int]:
    """Which part gave each, as the reasons tell: 2nd of part 1: ..."""
    return [int(one.reason.partition("of part ")[2].partition(":")[0]) for one in candidates]


def sainte_lague(shares: Sequence[float], k: int) -> list[int]:
    """The definition: each turn goes to the largest share / (2 taken + 1), ties to the part named first."""
    exact = [Fraction(str(share)) for share in shares]
    order: list[int] = []
    for _ in range(k):
        worth = [share / (2 * order.count(part) + 1) for part, share in enumerate(exact, start=1)]
        order.append(worth.index(max(worth)) + 1)
    return order


@given(st.lists(st.sampled_from([1, 2, 3, 4.5, 10]), min_size=2, max_size=2), st.integers(0, 10))
def test_turns_follow_the_shares(shares: list[float], k: int) -> None:
    chosen = select(mixture("ab", shares), k, lists=LISTS)
    assert turns(chosen) == sainte_lague(shares, k)
    assert [one.id for one in chosen if one.id in LISTS["a"]] == LISTS["a"][: turns(chosen).count(1)]


@pytest.mark.parametrize(
    ("shares", "order"),
    [
        (None, [1, 2, 1, 2, 1, 2, 1, 2]),
        ([1, 1], [1, 2, 1, 2, 1, 2, 1, 2]),
        ([3, 1], [1, 1, 2, 1, 1, 1, 2, 1]),
        ([30, 10], [1, 1, 2, 1, 1, 1, 2, 1]),
        ([1, 3], [2, 1, 2, 2, 2, 1, 2, 2]),
    ],
)
def test_three_to_one_is_three_to_one_in_every_four(shares: list[float] | None, order: list[int]) -> None:
    assert turns(select(mixture("ab", shares), 8, lists=LISTS)) == order


def test_what_two_parts_would_give_comes_once_and_the_later_one_gives_its_next() -> None:
    chosen = select(mixture("ac"), 5, lists=LISTS)
    assert [(one.id, part) for one, part in zip(chosen, turns(chosen), strict=True)] == [
        ("e00", 1), ("e05", 2), ("e01", 1), ("e15", 2), ("e02", 1),
    ]  # fmt: skip
    assert [one.reason.partition(":")[0] for one in chosen] == [
        "1st of part 1", "1st of part 2", "2nd of part 1", "2nd of part 2", "3rd of part 1",
    ]  # fmt: skip
    assert {one.score for one in chosen} == {None}


def test_a_part_that_has_no_more_leaves_its_turns_to_the_others() -> None:
    assert turns(select(mixture("ca", [5, 1]), 8, lists=LISTS)) == [1, 1, 1, 2, 2, 2, 2, 2]
    assert ids(select(mixture("ac"), 99, lists=LISTS)) == [
        "e00", "e05", "e01", "e15", "e02", "e03", "e04", "e06", "e07", "e08", "e09",
    ]  # fmt: skip
    assert select("mix(parts=[none,none])", 4) == []
    assert len(select("mix(parts=[none,rices])", 4)) == 4


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ("parts=[rices,bm25],shares=[1,0]", "mix.shares.1"),
        ("parts=[rices,bm25],shares=[1,-1]", "mix.shares.1"),
        ("parts=[rices,bm25],shares=[1]", "mix"),
        ("parts=[]", "mix.parts"),
    ],
)
def test_shares_are_positive_and_as_many_as_parts(options: str, field: str) -> None:
    with pytest.raises(InvalidParameter) as caught:
        chain(f"mix({options})")
    assert caught.value.field == field
    assert str(caught.value.mend).startswith("Parameters of mix: parts ([selector, ...]), shares (")


# hybrid


def test_without_a_prefix_it_is_the_similar_part_to_the_letter() -> None:
    plain, alone = select("rices", 6), select("hybrid(prefix=0)", 6)
    assert [(one.id, one.score, one.reason, one.flags) for one in alone] == [
        (one.id, one.score, one.reason, one.flags) for one in plain
    ]
    assert not any(one.fixed for one in alone)


@pytest.mark.parametrize("prefix", [6, 7, 99])
def test_a_prefix_of_k_or_more_is_the_cached_part_alone(prefix: int) -> None:
    found = select(f"hybrid(cached=random_fixed,prefix={prefix})", 6)
    assert ids(found) == ids(select("random_fixed", 6))
    assert all(one.fixed for one in found)
    assert {one.score for one in found} == {None}


@pytest.mark.parametrize("k", range(9))
def test_the_prefix_is_never_longer_than_k_and_the_rest_is_similar(k: int) -> None:
    cached = ids(select("random_fixed", min(k, 3)))
    found = select("hybrid(prefix=3)", k)
    assert [one.id for one in found if one.fixed] == cached
    similar = [name for name in NAMES if name not in cached]
    assert [one.id for one in found if not one.fixed] == similar[: k - len(cached)]
    assert [one.fixed for one in found] == sorted(one.fixed for one in found)
    shown = arrange(found, "similar_last")
    assert ids(shown) == [*cached[::-1], *similar[: k - len(cached)][::-1]]


def test_a_prefix_that_the_leak_guard_breaks_is_mended_in_place_and_says_so() -> None:
    usual = [one.id for one in select("hybrid(prefix=4)", 8) if one.fixed]
    gone = usual[1]
    found = select("hybrid(prefix=4)", 8, removed=[gone])
    fixed = [one.id for one in found if one.fixed]
    assert len(fixed) == 4
    assert fixed[:3] == [id for id in usual if id != gone]
    flag = f"not the same as for other queries: {gone!r} may not be shown for this one"
    assert flags(found) == [flag]
    assert flags(select("hybrid(prefix=4)", 8)) == []
    # Whoever is kept out of the similar part alone changes nothing of the prefix.
    nearest = next(one.id for one in select("hybrid(prefix=4)", 8) if not one.fixed)
    other = select("hybrid(prefix=4)", 8, removed=[nearest])
    assert [one.id for one in other if one.fixed] == usual
    assert flags(other) == []


def test_only_a_query_independent_selector_can_be_cached() -> None:
    with pytest.raises(InvalidParameter) as caught:
        chain("hybrid(cached=rices|mmr)")
    assert caught.value.field == "hybrid.cached"
    assert caught.value.message == (
        "rices|mmr chooses anew for each query; use random_fixed, k_means or the like"
    )
    assert chain("hybrid(similar=k_centre)").fixed
    assert not chain("hybrid").fixed


# neighbours


@pytest.mark.parametrize(
    ("rest", "completing"),
    [
        ("rices", ["e00", "e01", "e02"]),
        ("dissimilar", ["e19", "e18", "e17"]),
        ("every_nth(n=2)", ["e00", "e02", "e05"]),
        ("none", []),
    ],
)
def test_what_completes_a_short_list_chooses_among_the_others(rest: str, completing: list[str]) -> None:
    lists = {"mine": ["e08", "e04"]}
    found = select(f"neighbours(name=mine,rest={rest})", 5, lists=lists)
    assert ids(found) == ["e08", "e04", *completing]
    assert [one.flags for one in found[:2]] == [(), ()]
    flag = f"the list 'mine' has 2 for this query: completed by {chain(rest).text}"
    assert [one.flags[0] for one in found[2:]] == [flag] * len(completing)
    assert {one.score for one in found} == {None}


def test_a_list_that_is_long_enough_needs_nothing_else() -> None:
    lists = {"mine": ["e08", "e04", "e08", "nobody", "e01"]}
    found = select("neighbours(name=mine,rest=random)", 3, lists=lists)
    assert [(one.id, one.reason, one.flags) for one in found] == [
        ("e08", "1st of the list 'mine'", ()),
        ("e04", "2nd of the list 'mine'", ()),
        ("e01", "3rd of the list 'mine'", ()),
    ]
    assert ids(select("neighbours(name=mine)", 3, lists=lists, removed=["e04"])) == ["e08", "e01", "e00"]


def test_an_unknown_list_is_named_wherever_it_is_asked_for() -> None:
    for text in (
        "neighbours(name=yours)",
        "mix(parts=[rices,neighbours(name=yours)])",
        "neighbours(name=yours)|mmr",
    ):
        with pytest.raises(NotFound, match="no neighbour lists of that name") as caught:
            select(text, 3, lists={"mine": ["e01"]})
        assert (caught.value.field, caught.value.value) == ("name", "yours")


# matched

SITES = {name: {"site": "AB"[place % 2], "device": place % 3} for place, name in enumerate(NAMES)}


def from_site(by: str, k: int = 20, inner: str = "rices", **asked: Any) -> list[Candidate]:
    contents = {
        name: Example(name, group=f"g{place % 4}", metadata=SITES[name]) for place, name in enumerate(NAMES)
    }
    return select(f"{inner}|matched(by={by})", k, Query(text="q", **asked), contents=contents)


def test_full_matches_come_first_then_those_that_match_in_less() -> None:
    found = from_site("[site,device]", metadata={"site": "A", "device": 1})
    full = [name for name in NAMES if SITES[name] == {"site": "A", "device": 1}]
    half = [name for name in NAMES if SITES[name]["site"] == "A" and name not in full]
    other = [name for name in NAMES if SITES[name]["site"] == "B"]
    assert ids(found) == [*full, *half, *other]
    told = [one.reason.partition(":")[0] for one in found]
    assert told == (
        ["same site and device"] * len(full) + ["same site"] * len(half) + ["another site"] * len(other)
    )
    # Scores of one step do not rank against those of another.
    assert [one.score is not None for one in found] == [True] * len(full) + [False] * (20 - len(full))
    assert flags(found) == []


@pytest.mark.parametrize(
    ("by", "metadata", "missing"),
    [
        ("site", {}, "the query has no site to match"),
        ("[site,device]", {}, "the query has no site and no device to match"),
        ("[site,group]", {"device": 1}, "the query has no site and no group to match"),
    ],
)
def test_a_query_without_the_facts_is_ranked_as_before_and_flagged(
    by: str, metadata: dict[str, Any], missing: str
) -> None:
    found = from_site(by, 6, metadata=metadata)
    plain = select("rices", 6)
    assert [(one.id, one.score, one.reason) for one in found] == [
        (one.id, one.score, one.reason) for one in plain
    ]
    assert [one.flags for one in found] == [(missing,)] * 6


def test_the_facts_that_a_query_has_are_matched_without_the_others() -> None:
    found = from_site("[device,nowhere,site]", 12, metadata={"site": "B", "device": 2})
    assert ids(found) == ids(from_site("[device,site]", 12, metadata={"site": "B", "device": 2}))
    assert flags(found) == ["the query has no nowhere to match"]
    unknown = from_site("site", 4, metadata={"site": "C"})
    assert ids(unknown) == NAMES[:4]
    assert [one.reason.partition(":")[0] for one in unknown] == ["another site"] * 4
    assert flags(unknown) == []


def test_a_group_is_matched_as_a_fact_and_numbers_by_value() -> None:
    grouped = from_site("group", 7, group="g2")
    assert ids(grouped)[:5] == NAMES[2::4]
    assert ids(grouped)[5:] == ["e00", "e01"]
    assert ids(from_site("device", 3, metadata={"device": 2.0})) == ["e02", "e05", "e08"]
    assert ids(from_site("device", 3, metadata={"device": "2"})) == ["e00", "e01", "e02"]
