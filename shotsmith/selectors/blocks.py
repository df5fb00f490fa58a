"""Exact arithmetic on many vectors, a block at a time: what query-independent selectors are made of.

Matrices may be mapped from files. float32 finds candidates; where its rounding could decide, float64 does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..domain.scoring import Matrix, margin

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
Places = NDArray[np.int32]

_ROWS = 8192
_TILE = 4032  # no power of two, whose columns would share cache lines; a multiple of 8 for `_true`


def blocks(matrix: NDArray[np.floating[Any]], rows: int = _ROWS) -> Iterator[tuple[int, Floats]]:
    """Starts and rows of a matrix [n, d], as float64."""
    for start in range(0, len(matrix), rows):
        yield start, np.asarray(matrix[start : start + rows], dtype=np.float64)


def times(matrix: Matrix, vector: Floats) -> Floats:
    """The products of all rows with one vector [d], in float64, [n]."""
    found = np.empty(len(matrix))
    for start, block in blocks(matrix):
        found[start : start + len(block)] = block @ vector
    return found


def mean(matrix: Matrix) -> Floats:
    """The mean row, [d]."""
    total = np.zeros(matrix.shape[1])
    for _, block in blocks(matrix):
        total += block.sum(axis=0)
    return total / len(matrix)


def farthest_first(matrix: Matrix, first: int, size: int) -> Iterator[tuple[int, float, float]]:
    """Places that each lie farthest from those before, in cosine distance; ties to the smaller place.

    Yields:
        The place, and how far the rows are from their nearest chosen one from then on: at most, and on average.
    """
    nearest = np.full(len(matrix), -np.inf, dtype=np.float32)
    free = np.ones(len(matrix), dtype=bool)
    slack = margin(matrix.shape[1])
    chosen: list[int] = []
    place = first
    for _ in range(min(size, len(matrix))):
        chosen.append(place)
        free[place] = False
        row = np.asarray(matrix[place], dtype=np.float32)
        for start in range(0, len(matrix), _ROWS):
            part = slice(start, start + _ROWS)
            np.maximum(nearest[part], matrix[part] @ row, out=nearest[part])
        average = float(1 - np.minimum(nearest, 1).mean(dtype=np.float64))
        if not free.any():
            yield place, 0.0, average
            return
        # Whoever could be the farthest is compared again in float64.
        doubtful = np.flatnonzero(free & (nearest <= nearest[free].min() + slack))
        exact = _nearest(matrix, doubtful, chosen)
        best = int(np.argmin(exact))
        yield place, float(1 - exact[best]), average
        place = int(doubtful[best])


def _nearest(matrix: Matrix, rows: NDArray[np.intp], chosen: Sequence[int]) -> Floats:
    """The quantised cosine of each row to the nearest chosen one."""
    found = np.full(len(rows), -np.inf)
    for start in range(0, len(chosen), _TILE):
        some = np.asarray(matrix[list(chosen[start : start + _TILE])], dtype=np.float64)
        for at in range(0, len(rows), _TILE):
            products = np.asarray(matrix[rows[at : at + _TILE]], dtype=np.float64) @ some.T
            found[at : at + _TILE] = np.maximum(found[at : at + _TILE], products.max(axis=1))
    exact: Floats = np.round(found, 6) + 0.0
    return exact


def neighbours(matrix: Matrix, count: int) -> Places:
    """The `count` nearest other rows of each row by quantised cosine, ties to the smaller place, [n, count].

    Rows come as sets, ascending, not by nearness. With fewer rows than `count` + 1, all others.

    Costs n² d / 2 multiplications: each tile of cosines serves its rows and its columns.
    """
    size = len(matrix)
    count = min(count, size - 1)
    if count <= 0:
        return np.empty((size, 0), dtype=np.int32)
    best = _Best(matrix, count)
    starts = range(0, size, _TILE)
    for start in starts:
        rows = np.asarray(matrix[start : start + _TILE])
        best.begin(start, rows @ rows.T)
    for upper in starts:
        rows = np.asarray(matrix[upper : upper + _TILE])
        for left in range(upper + _TILE, size, _TILE):
            products = rows @ np.asarray(matrix[left : left + _TILE]).T
            best.offer(upper, left, products)
            best.offer(left, upper, products, across=True)
    return best.exact()


def _true(flags: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Flat places of the few true ones; eight at a time are passed over where none is."""
    if flags.size % 8:
        return np.flatnonzero(flags)
    words = np.flatnonzero(flags.reshape(-1).view(np.uint64))
    word, bit = np.nonzero(flags.reshape(-1, 8)[words])
    return words[word] * 8 + bit


class _Best:
    """The best columns of each row so far, by float32 score, with room for those that rounding leaves in doubt."""

    def __init__(self, matrix: Matrix, count: int) -> None:
        size = len(matrix)
        self._matrix = matrix
        self._count = count
        self._kept = min(count + max(16, count // 8), size - 1)
        self._scores: Singles = np.full((size, self._kept), -np.inf, dtype=np.float32)
        self._columns: Places = np.full((size, self._kept), -1, dtype=np.int32)
        self._floor: Singles = np.full(size, -np.inf, dtype=np.float32)

    def begin(self, start: int, products: Singles) -> None:
        """Start rows with their cosines among each other, so that few of the later ones are better."""
        np.fill_diagonal(products, -np.inf)
        width = min(self._kept, len(products))
        keep = np.argpartition(-products, width - 1, axis=1)[:, :width]
        rows = slice(start, start + len(products))
        self._scores[rows, :width] = np.take_along_axis(products, keep, axis=1)
        self._columns[rows, :width] = keep + start
        self._floor[rows] = self._scores[rows].min(axis=1)

    def offer(self, upper: int, left: int, products: Singles, *, across: bool = False) -> None:
        """Consider a tile of scores of rows from `upper` on with others from `left` on.

        `products` has a line for each row, or `across`, a column for each.
        """
        count = products.shape[1] if across else len(products)
        rows = slice(upper, upper + count)
        known = self._scores[rows]
        floor = self._floor[rows][None, :] if across else self._floor[rows][:, None]
        hits = _true(products > floor)
        if not len(hits):
            return
        where, column = np.divmod(hits, products.shape[1])
        values = products[where, column]
        if across:
            order = np.argsort(column, kind="stable")
            where, column, values = column[order], where[order], values[order]
        per_row = np.bincount(where, minlength=count)
        widest = int(per_row.max())
        offset = np.arange(len(where)) - np.repeat(np.cumsum(per_row) - per_row, per_row)
        scores = np.full((count, widest), -np.inf, dtype=np.float32)
        columns = np.full((count, widest), -1, dtype=np.int32)
        scores[where, offset] = values
        columns[where, offset] = column + left
        scores = np.concatenate([known, scores], axis=1)
        columns = np.concatenate([self._columns[rows], columns], axis=1)
        keep = np.argpartition(-scores, self._kept - 1, axis=1)[:, : self._kept]
        self._scores[rows] = np.take_along_axis(scores, keep, axis=1)
        self._floor[rows] = self._scores[rows].min(axis=1)
        self._columns[rows] = np.take_along_axis(columns, keep, axis=1)

    def exact(self) -> Places:
        """The best of each row, with float64 deciding where float32 cannot."""
        size, count = len(self._matrix), self._count
        slack = margin(self._matrix.shape[1])
        found = np.empty((size, count), dtype=np.int32)
        for start in range(0, size, _TILE):
            scores = self._scores[start : start + _TILE]
            columns = self._columns[start : start + _TILE]
            order = np.argsort(-scores, axis=1, kind="stable")
            scores = np.take_along_axis(scores, order, axis=1)
            columns = np.take_along_axis(columns, order, axis=1)
            found[start : start + _TILE] = columns[:, :count]
            last = scores[:, count - 1]
            after = scores[:, count] if scores.shape[1] > count else np.full(len(scores), -np.inf)
            for row in np.flatnonzero(after >= last - slack):
                found[start + row] = self._settle(start + int(row), scores[row], columns[row], slack)
        found.sort(axis=1)
        return found

    def _settle(self, row: int, scores: Singles, columns: Places, slack: float) -> Places:
        last = scores[self._count - 1]
        rival = columns[scores >= last - slack]
        if len(rival) == len(columns) and len(columns) < len(self._matrix) - 1:
            # More ties than were kept: everybody is asked.
            rival = np.delete(np.arange(len(self._matrix), dtype=np.int32), row)
        vector = np.asarray(self._matrix[row], dtype=np.float64)
        exact = np.round(times(np.asarray(self._matrix[rival]), vector), 6)
        order = np.lexsort((rival, -exact))
        settled: Places = rival[order[: self._count]]
        return settled
