from hypothesis import given
from selector_pools import Pool, chain, choose, ids, pools, seeds, shots

from shotsmith.domain.examples import Query
from shotsmith.selectors import ArraySource

IDS = [f"example {n}" for n in range(30)]
SOURCE = ArraySource({id: {} for id in IDS})


def drawn(name: str, query: str = "q", seed: int = 0, source: ArraySource = SOURCE, k: int = 8) -> list[str]:
    return ids(chain(name).select(Query(text=query), source, k, seed))


def test_each_query_draws_anew_unless_the_draw_is_fixed() -> None:
    assert len({tuple(drawn("random_per_query", f"query {n}")) for n in range(20)}) == 20
    assert len({tuple(drawn("random_fixed", f"query {n}")) for n in range(20)}) == 1


def test_random_is_short_for_a_draw_per_query() -> None:
    assert chain("random") == chain("random_per_query")
    assert chain("random").text == "random_per_query"


def test_each_seed_draws_anew() -> None:
    for name in ("random_per_query", "random_fixed"):
        assert len({frozenset(drawn(name, seed=seed)) for seed in range(20)}) == 20


def test_draws_are_uniform_over_the_examples() -> None:
    counts = dict.fromkeys(IDS, 0)
    for seed in range(600):
        for id in drawn("random", seed=seed, k=5):
            counts[id] += 1
    assert (
        max(abs(count - 100) for count in counts.values()) < 45
    )  # 5 standard deviations of binomial(600, 1/6)


def test_the_fixed_draw_closes_the_gap_that_the_leak_guard_leaves_and_says_so() -> None:
    everyone = drawn("random_fixed", k=9)
    guarded = ArraySource({id: {} for id in IDS}, removed=[everyone[2]])
    found = chain("random_fixed").select(Query(), guarded, 8, 0)
    assert ids(found) == everyone[:2] + everyone[3:]
    assert found[0].flags == (
        f"not the same as for other queries: {everyone[2]!r} may not be shown for this one",
    )
    hidden = chain("random_fixed").select(Query(), SOURCE.without([everyone[2]]), 8, 0)
    assert ids(hidden) == ids(found)
    assert not hidden[0].flags


@given(pools(), seeds, shots)
def test_chance_knows_no_scores(pool: Pool, seed: int, k: int) -> None:
    assert all(
        candidate.score is None and not candidate.scores
        for name in ("random", "random_fixed")
        for candidate in choose(pool, name, k, seed)
    )
