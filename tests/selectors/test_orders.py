from collections import Counter
from itertools import pairwise
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shotsmith.domain.errors import UnknownName
from shotsmith.domain.recipes import OrderName
from shotsmith.domain.selections import Candidate
from shotsmith.selectors import ORDERS, arrange

labels = st.none() | st.sampled_from(["", "a", "b", "ß"])
rankings = st.lists(st.tuples(st.text(max_size=3), labels), unique_by=lambda pair: pair[0], max_size=12).map(
    lambda pairs: [Candidate(id, "", label=label) for id, label in pairs]
)
orders = st.sampled_from(sorted(ORDERS))


def numbered(count: int) -> list[Candidate]:
    return [Candidate(str(rank), "", label="xy"[rank % 2]) for rank in range(1, count + 1)]


def ids(candidates: list[Candidate]) -> list[str]:
    return [candidate.id for candidate in candidates]


def test_every_order_name_is_implemented() -> None:
    assert set(ORDERS) == set(get_args(OrderName))


@given(rankings, orders, st.integers(), st.text(max_size=3))
def test_an_order_is_a_permutation_and_repeats_itself(
    ranked: list[Candidate], order: OrderName, seed: int, query: str
) -> None:
    arranged = arrange(ranked, order, seed, query)
    assert sorted(ids(arranged)) == sorted(ids(ranked))
    assert arranged == arrange(tuple(ranked), order, seed, query)


@given(rankings)
def test_similar_last_is_similar_first_reversed(ranked: list[Candidate]) -> None:
    assert arrange(ranked, "similar_first") == ranked
    assert arrange(ranked, "similar_last") == ranked[::-1]


@pytest.mark.parametrize(
    ("count", "expected"), [(0, ""), (1, "1"), (2, "21"), (3, "231"), (4, "2431"), (7, "2467531")]
)
def test_ends_hides_the_least_similar_in_the_middle(count: int, expected: str) -> None:
    assert "".join(ids(arrange(numbered(count), "ends"))) == expected


@given(rankings, st.integers(0, 9))
def test_interleaved_takes_turns_and_grouped_makes_blocks(ranked: list[Candidate], seed: int) -> None:
    inside = {label: [c.id for c in ranked if c.label == label] for label in {c.label for c in ranked}}
    for order in ("interleaved", "grouped"):
        arranged = arrange(ranked, order, seed, "q")
        assert {label: [c.id for c in arranged if c.label == label] for label in inside} == inside
    turns = arrange(ranked, "interleaved", seed, "q")
    seen: Counter[str | None] = Counter()
    rounds = []
    for candidate in turns:
        rounds.append(seen[candidate.label])
        seen[candidate.label] += 1
    assert rounds == sorted(rounds)
    blocks = [candidate.label for candidate in arrange(ranked, "grouped", seed, "q")]
    assert sum(a != b for a, b in pairwise(blocks)) == max(0, len(inside) - 1)
    # Both go through the labels in one cycle.
    assert [c.label for c in turns[: len(inside)]] == list(dict.fromkeys(blocks))


@pytest.mark.parametrize("order", ["random", "grouped", "interleaved"])
def test_shuffles_follow_seed_and_query(order: OrderName) -> None:
    ranked = [Candidate(f"{n}", "", label=f"label {n}") for n in range(8)]
    base = arrange(ranked, order, 0, "q")
    assert base != arrange(ranked, order, 1, "q")
    assert base != arrange(ranked, order, 0, "other")


def test_the_random_order_does_not_depend_on_rank() -> None:
    ranked = numbered(9)
    assert arrange(ranked, "random", 4, "q") == arrange(ranked[::-1], "random", 4, "q")


def test_an_unknown_order_is_named_with_its_neighbour() -> None:
    with pytest.raises(
        UnknownName, match=r"order: unknown order \(got similar_lst\). Did you mean 'similar_last'\?"
    ):
        arrange([], "similar_lst")  # type: ignore[arg-type]


def test_demonstrations_without_a_label_come_last_in_a_round_and_as_the_last_block() -> None:
    ranked = [
        Candidate("1", ""),
        Candidate("2", "", label="a"),
        Candidate("3", ""),
        Candidate("4", "", label="a"),
    ]
    for seed in range(5):
        assert ids(arrange(ranked, "grouped", seed)) == ["2", "4", "1", "3"]
        assert ids(arrange(ranked, "interleaved", seed)) == ["2", "1", "4", "3"]
