"""Our numbers beside those of libraries that people use: the same sets, or the difference and why."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.vectorstores.utils import maximal_marginal_relevance
from rank_bm25 import BM25Okapi
from selector_pools import chain, ids
from sklearn.cluster import KMeans as SklearnKMeans
from sklearn.cluster import kmeans_plusplus
from sklearn.metrics.pairwise import cosine_distances, cosine_similarity
from sklearn.neighbors import NearestNeighbors

from shotsmith.domain.examples import Example, Query
from shotsmith.domain.scoring import item_keys, unit
from shotsmith.retrieval.lexicon import Lexicon, words
from shotsmith.selectors import ArraySource
from shotsmith.selectors.blocks import farthest_first, neighbours
from shotsmith.selectors.coverage import lloyd, regroup
from shotsmith.selectors.diverse import greedy_map

sizes = st.integers(1, 40)
numbers = st.integers(0, 2**31)


def cloud(n: int, seed: int, dims: int = 6) -> np.ndarray:
    """Unit vectors in general position: no ties, so that peers who break them otherwise agree."""
    return unit(np.random.default_rng(seed).standard_normal((n, dims)))


def source(rows: np.ndarray, query: np.ndarray, **given: object) -> ArraySource:
    return ArraySource({f"{n:03}": {"image": row} for n, row in enumerate(rows)}, {"image": query}, **given)


@settings(max_examples=150)
@given(sizes, numbers, st.integers(1, 12), st.sampled_from([0.0, 0.3, 0.5, 0.9, 1.0]))
def test_mmr_picks_what_langchain_picks(n: int, seed: int, k: int, weight: float) -> None:
    rows, query = cloud(n, seed), cloud(1, seed + 1)[0]
    ours = ids(chain(f"mmr(lambda_mult={weight})").select(Query(), source(rows, query), k, 0))
    theirs = maximal_marginal_relevance(query, list(rows), lambda_mult=weight, k=k)
    assert [int(id) for id in ours] == theirs


@settings(max_examples=150)
@given(
    st.lists(st.lists(st.sampled_from("abcdefg"), max_size=8), min_size=1, max_size=12),
    st.lists(st.sampled_from("abcxyz"), min_size=1, max_size=5),
)
def test_bm25_is_okapi_but_for_its_idf(texts: list[list[str]], asked: list[str]) -> None:
    """rank_bm25 floors negative idf at a share of the mean; ours is Lucene's, which is never negative."""
    documents = {f"{n:02}": " ".join(text) for n, text in enumerate(texts) if text}
    if not documents:
        return
    peer = BM25Okapi([words(text) for text in documents.values()], k1=1.5, b=0.75)
    counted = [set(words(text)) for text in documents.values()]
    peer.idf = {
        word: math.log(1 + (len(counted) - n + 0.5) / (n + 0.5))
        for word in set().union(*counted)
        for n in [sum(word in text for text in counted)]
    }
    theirs = dict(zip(documents, peer.get_scores(asked).tolist(), strict=True))
    ours = {hit.id: hit.score for hit in Lexicon(documents).best(" ".join(asked), 99)}
    assert ours == pytest.approx({id: score for id, score in theirs.items() if score > 0}, abs=2e-6)


@settings(max_examples=60)
@given(
    st.lists(st.text("ab ,-кот猫ß", max_size=9), max_size=12),
    st.text("ab кот猫ß", max_size=6),
    st.integers(0, 9),
    st.integers(0, 3),
)
def test_the_lexicon_is_the_formula(texts: list[str], asked: str, limit: int, gone: int) -> None:
    """bm25s, and our brute force in `ArraySource`, with examples that are left out and ties."""
    documents = {f"{n:02}": text for n, text in enumerate(texts)}
    removed = list(documents)[:gone]
    naive = ArraySource(
        {id: {} for id in documents},
        contents={id: Example(id, text=text) for id, text in documents.items()},
        asked=Query(text=asked),
        removed=removed,
    )
    assert Lexicon(documents).best(asked, limit, removed) == naive.matching(limit)


@settings(max_examples=100)
@given(sizes, numbers, st.integers(1, 45))
def test_neighbours_are_those_of_scikit_learn(n: int, seed: int, count: int) -> None:
    rows = cloud(n, seed)
    ours = neighbours(rows, count)
    if n == 1:
        assert ours.shape == (1, 0)
        return
    wide = rows.astype(np.float64)
    search = NearestNeighbors(n_neighbors=min(count, n - 1), metric="cosine", algorithm="brute").fit(wide)
    theirs = search.kneighbors(return_distance=False)
    assert (ours == np.sort(theirs, axis=1)).all()


@settings(max_examples=100)
@given(sizes, numbers)
def test_farthest_first_keeps_the_distances_of_scikit_learn(n: int, seed: int) -> None:
    rows = cloud(n, seed)
    distances = cosine_distances(rows.astype(np.float64))
    chosen: list[int] = []
    for place, radius, average in farthest_first(rows, 0, n):
        chosen.append(place)
        nearest = distances[:, chosen].min(axis=1)
        assert radius == pytest.approx(nearest.max() if len(chosen) < n else 0, abs=2e-6)
        assert average == pytest.approx(nearest.mean(), abs=2e-6)
    assert sorted(chosen) == list(range(n))


@settings(max_examples=40)
@given(st.integers(8, 40), numbers, st.integers(2, 6))
def test_lloyd_ends_where_scikit_learn_ends(n: int, seed: int, count: int) -> None:
    """From the same centres the same clusters; our own start is as good as k-means++ on average."""
    rows = cloud(n, seed, 3)
    keys = item_keys(f"{n}" for n in range(n))
    centres, sizes = lloyd(rows, keys, count, 0)
    members, _ = regroup(rows, centres)
    assert sorted(np.bincount(members).tolist(), reverse=True) == sizes
    peer = SklearnKMeans(len(centres), init=centres, n_init=1, max_iter=300).fit(rows.astype(np.float64))
    assert (peer.labels_ == members).all()
    assert peer.cluster_centers_ == pytest.approx(centres, abs=1e-6)


def test_our_plus_plus_is_as_good_as_scikit_learns() -> None:
    rows = np.concatenate([cloud(1, seed, 5) + 0.05 * cloud(30, seed + 50, 5) for seed in range(8)])
    rows = unit(rows)
    keys = item_keys(f"{n}" for n in range(len(rows)))

    def inertia(centres: np.ndarray) -> float:
        return float(((rows[:, None] - centres[None]) ** 2).sum(axis=2).min(axis=1).sum())

    ours = np.mean([inertia(lloyd(rows, keys, 8, seed)[0]) for seed in range(30)])
    starts = [
        kmeans_plusplus(rows.astype(np.float64), 8, random_state=seed, n_local_trials=1)[0]
        for seed in range(30)
    ]
    theirs = np.mean([SklearnKMeans(8, init=start, n_init=1).fit(rows).inertia_ for start in starts])
    assert ours <= 1.15 * theirs


@settings(max_examples=60)
@given(st.integers(1, 8), numbers, st.integers(1, 8))
def test_the_greedy_determinant_is_near_the_best_of_all_sets(n: int, seed: int, k: int) -> None:
    """No maintained library offers greedy MAP for DPPs, so numpy's determinants of every subset are the peer."""
    rows = cloud(n, seed).astype(np.float64)
    kernel = (rows @ rows.T + 1) / 2
    picked = greedy_map(kernel, k)
    assert len(set(picked)) == len(picked)
    for size in range(1, len(picked) + 1):
        step = [
            np.linalg.det(kernel[np.ix_(tried, tried)])
            for tried in ([*picked[: size - 1], one] for one in range(n))
        ]
        assert step[picked[size - 1]] == pytest.approx(max(step), rel=1e-5)
    best = max(
        np.linalg.det(kernel[np.ix_(some, some)]) for some in itertools.combinations(range(n), len(picked))
    )
    reached = np.linalg.det(kernel[np.ix_(picked, picked)])
    assert reached >= best / math.factorial(len(picked)) ** 2 * (1 - 1e-6)


def test_duplicates_end_the_determinant_where_published_code_repeats_them() -> None:
    """The common fast_map_dpp returned [0, 2, 2, 2] on such a pool (science of CEIL and OpenICL)."""
    rows = unit(np.array([[1, 0, 0], [1, 0, 0], [1, 1, 0], [1, 1, 0]])).astype(np.float64)
    assert greedy_map((rows @ rows.T + 1) / 2, 4) == [0, 2]


@settings(max_examples=60)
@given(sizes, numbers, st.integers(0, 45))
def test_rices_ranks_as_scikit_learns_cosines(n: int, seed: int, k: int) -> None:
    rows, query = cloud(n, seed), cloud(1, seed + 1)[0]
    scores = cosine_similarity(query[None].astype(np.float64), rows.astype(np.float64))[0]
    ours = chain("rices").select(Query(), source(rows, query), k, 0)
    assert [int(id) for id in ids(ours)] == np.argsort(-scores).tolist()[:k]
