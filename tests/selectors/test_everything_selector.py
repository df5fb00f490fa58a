from hypothesis import given
from selector_pools import Pool, pools, queries, seeds, shots

from shotsmith.domain.examples import Query
from shotsmith.domain.recipes import MODALITIES
from shotsmith.selectors.everything import All, Nothing
from shotsmith.selectors.rices import Rices


@given(pools(), queries, shots, seeds)
def test_all_is_every_eligible_example_by_similarity_then_id(
    pool: Pool, query: Query, k: int, seed: int
) -> None:
    chosen = All().select(query, pool.source(), k, seed)
    assert sorted(candidate.id for candidate in chosen) == sorted(pool.examples)
    space = next((space for space in MODALITIES if pool.cosines(space)), None)
    scored = [candidate.id for candidate in chosen if candidate.score is not None]
    rest = [candidate.id for candidate in chosen[len(scored) :]]
    assert rest == sorted(rest)
    if space is None:
        assert not scored
    else:
        nearest = Rices(modality=space).select(query, pool.source(), len(scored), seed)
        assert scored == [candidate.id for candidate in nearest]
        assert len(scored) == len(pool.cosines(space))


@given(pools(), queries, shots, seeds)
def test_nothing_is_nothing(pool: Pool, query: Query, k: int, seed: int) -> None:
    assert Nothing().select(query, pool.source(), k, seed) == []
    assert Nothing().fixed
