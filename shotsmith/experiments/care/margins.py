"""Leave-one-out margins: what all other examples say of one's labels, in closed form."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...domain.scoring import Matrix
from ...selectors.blocks import Floats, blocks

Features = NDArray[np.floating[Any]]

PENALTIES = (0.3, 1.0, 3.0, 10.0)
_OFFSET = 0.7071  # the constant feature weighs half a space, so that frequent labels have some prior


@dataclass(frozen=True, slots=True)
class Margins:
    """Of each row.

    Attributes:
        margin: Best score of a label that it does not carry, less the worst score of one that it carries, [n].
        rival: The label that it does not carry and that scores best, [n].
        penalty: Which of `PENALTIES` was taken.
    """

    margin: Floats
    rival: NDArray[np.intp]
    penalty: float


def margins(matrix: Matrix, labels: Sequence[Sequence[int]], count: int) -> Margins:
    """Ridge regression from features to label indicators, each row scored by the fit without it.

    With A = [X, 0.7], H = A (A'A + p I)^-1 A' and h its diagonal, the scores without row i are (H Y - h_i Y)_i / (1 -
    h_i), which is the fit on the other rows, exactly (Allen's PRESS). The penalty p has the least squared
    leave-one-out error. It costs about n m² + m³ multiplications, m the smaller of n and d, and beside the rows holds
    a block of scores at a time.

    Args:
        matrix: Unit rows [n, d].
        labels: The places of each row's labels among `count` labels; at least one each.
        count: How many labels there are; at least two.
    """
    compact = _compact(matrix)
    width = compact.shape[1]
    gram, target = np.zeros((width, width)), np.zeros((width, count))
    for rows, wanted in _blocks(compact, labels, count):
        gram += rows.T @ rows
        target += rows.T @ wanted
    values, basis = np.linalg.eigh(gram)
    values = np.maximum(values, 0)
    projected = basis.T @ target
    errors = [
        sum(
            float(((scores - wanted) ** 2).sum())
            for scores, wanted in _without(compact, labels, count, values + penalty, basis, projected)
        )
        for penalty in PENALTIES
    ]
    penalty = PENALTIES[int(np.argmin(errors))]
    found, rivals = [], []
    for scores, wanted in _without(compact, labels, count, values + penalty, basis, projected):
        carried = wanted > 0
        foreign = np.where(carried, -np.inf, scores)
        rivals.append(foreign.argmax(axis=1))
        found.append(foreign.max(axis=1) - np.where(carried, scores, np.inf).min(axis=1))
    return Margins(np.round(np.concatenate(found), 6) + 0.0, np.concatenate(rivals), penalty)


def _compact(matrix: Matrix) -> Features:
    """Rows with the constant feature; where there are fewer rows than columns, turned into as many columns as rows.

    Ridge regression sees products of rows only, and these stay as they are.
    """
    rows = np.concatenate([matrix, np.full((len(matrix), 1), _OFFSET, dtype=np.float32)], axis=1)
    if len(rows) >= rows.shape[1]:
        return rows
    wide = rows.astype(np.float64)
    values, basis = np.linalg.eigh(wide @ wide.T)
    turned: Floats = basis * np.sqrt(np.maximum(values, 0))
    return turned


def _blocks(matrix: Features, labels: Sequence[Sequence[int]], count: int) -> Iterator[tuple[Floats, Floats]]:
    for start, block in blocks(matrix):
        wanted = np.zeros((len(block), count))
        for row, places in enumerate(labels[start : start + len(block)]):
            wanted[row, list(places)] = 1
        yield block, wanted


def _without(
    matrix: Features,
    labels: Sequence[Sequence[int]],
    count: int,
    values: Floats,
    basis: Floats,
    projected: Floats,
) -> Iterator[tuple[Floats, Floats]]:
    for rows, wanted in _blocks(matrix, labels, count):
        turned = rows @ basis
        leverage = ((turned**2) / values).sum(axis=1, keepdims=True)
        fitted = (turned / values) @ projected
        yield np.round((fitted - leverage * wanted) / (1 - leverage), 9), wanted
