from hypothesis import given
from selector_pools import Pool, pools, seeds, shots

from shotsmith.domain.examples import Query
from shotsmith.selectors import ArraySource
from shotsmith.selectors.random import Random

IDS = [f"example {n}" for n in range(30)]
SOURCE = ArraySource({id: {} for id in IDS})


def drawn(scope: str, query: str = "q", seed: int = 0, source: ArraySource = SOURCE, k: int = 8) -> list[str]:
    return [candidate.id for candidate in Random(scope=scope).select(Query(text=query), source, k, seed)]


def test_each_query_draws_anew_unless_the_scope_is_fixed() -> None:
    assert len({tuple(drawn("query", f"query {n}")) for n in range(20)}) == 20
    assert len({tuple(drawn("fixed", f"query {n}")) for n in range(20)}) == 1


def test_each_seed_draws_anew() -> None:
    for scope in ("query", "fixed"):
        assert len({frozenset(drawn(scope, seed=seed)) for seed in range(20)}) == 20


def test_draws_are_uniform_over_the_examples() -> None:
    counts = dict.fromkeys(IDS, 0)
    for seed in range(600):
        for id in drawn("query", seed=seed, k=5):
            counts[id] += 1
    assert (
        max(abs(count - 100) for count in counts.values()) < 45
    )  # 5 standard deviations of binomial(600, 1/6)


def test_the_fixed_draw_closes_the_gap_that_the_leak_guard_leaves() -> None:
    everyone = drawn("fixed", k=9)
    guarded = ArraySource({id: {} for id in IDS if id != everyone[2]})
    assert drawn("fixed", source=guarded, k=8) == everyone[:2] + everyone[3:]


@given(pools(), seeds, shots)
def test_chance_knows_no_scores(pool: Pool, seed: int, k: int) -> None:
    assert all(
        candidate.score is None and not candidate.scores
        for candidate in Random().select(Query(), pool.source(), k, seed)
    )
