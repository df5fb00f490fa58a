"""Arithmetic over many vectors, a block at a time, against the same in one go, with ties on purpose."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shotsmith.domain.scoring import unit
from shotsmith.selectors import blocks
from shotsmith.selectors.blocks import farthest_first, mean, neighbours, times

grids = st.builds(
    lambda n, dims, seed: unit(
        np.random.default_rng(seed).integers(-1, 2, (n, dims)) + np.eye(n, dims) * 1e-3
    ),
    st.integers(1, 60),
    st.integers(2, 5),
    st.integers(0, 2**31),
)


@pytest.fixture(autouse=True)
def small_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that small matrices have many tiles and ragged ends."""
    monkeypatch.setattr(blocks, "_TILE", 16)
    monkeypatch.setattr(blocks, "_ROWS", 7)


def exact(rows: np.ndarray) -> np.ndarray:
    wide = rows.astype(np.float64)
    return np.round(wide @ wide.T, 6)


@settings(max_examples=200)
@given(grids, st.integers(1, 70))
def test_neighbours_are_exact_whatever_ties(rows: np.ndarray, count: int) -> None:
    scores = exact(rows)
    expected = [
        sorted(
            sorted(
                (other for other in range(len(rows)) if other != row),
                key=lambda other: (-scores[row, other], other),
            )[:count]
        )
        for row in range(len(rows))
    ]
    assert neighbours(rows, count).tolist() == expected


@pytest.mark.parametrize("count", [1, 3, 20])
def test_more_ties_than_are_kept_are_settled_by_everybody(count: int) -> None:
    rows = unit(np.tile([[1.0, 2.0, 3.0]], (300, 1)))
    found = neighbours(rows, count)
    assert found[0].tolist() == list(range(1, count + 1))
    assert found[299].tolist() == list(range(count))


@settings(max_examples=150)
@given(grids)
def test_farthest_first_is_exact_whatever_ties(rows: np.ndarray) -> None:
    scores = exact(rows)
    chosen = [0]
    while len(chosen) < len(rows):
        free = [row for row in range(len(rows)) if row not in chosen]
        chosen.append(min(free, key=lambda row: (scores[row, chosen].max(), row)))
    assert [place for place, _, _ in farthest_first(rows, 0, len(rows))] == chosen


@given(grids)
def test_products_and_means_are_those_of_the_whole(rows: np.ndarray) -> None:
    wide = rows.astype(np.float64)
    assert times(rows, wide[0]) == pytest.approx(wide @ wide[0], abs=1e-12)
    assert mean(rows) == pytest.approx(wide.mean(axis=0), abs=1e-12)


def test_empty_matrices_have_no_neighbours() -> None:
    assert neighbours(np.empty((0, 3), np.float32), 5).shape == (0, 0)
    assert neighbours(unit(np.ones((1, 3))), 5).shape == (1, 0)
