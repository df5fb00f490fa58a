"""One set for all queries that covers the pool: k-centre and k-means."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ..domain.plans import Plan
from ..domain.recipes import Modality, Names
from ..domain.scoring import Keys, Matrix, item_keys, keyed
from ..domain.sources import CandidateSource
from .base import Card
from .blocks import Floats, blocks, farthest_first, mean, times
from .fixed import FixedBase, completed, rows_of
from .ranking import ordinal

_STAND_INS = 4
_ROUNDS = 100


class KCentre(FixedBase):
    """Greedy k-centre: from the medoid on, always the example that is farthest from all chosen so far.

    Distance is 1 - cosine; the medoid is the example with the highest mean cosine to all; ties go to the smaller id.
    The selection tells how far, at most and on average, an example is from its nearest chosen one.
    """

    card = Card(
        paper="Gonzalez 1985, doi:10.1016/0304-3975(85)90224-5; for labelling Sener & Savarese, "
        "[arXiv 1708.00489](https://arxiv.org/abs/1708.00489)",
        cost="nothing a query; once k passes over the pool",
        use="a cached set that leaves no corner of the pool uncovered",
        avoid="the pool has outliers or junk: it picks them first",
    )
    draws = False
    nested = "prefix"

    space: Modality = Field("image", description="Space to compare in; where the pool has none, another one.")

    def plan(self, everyone: CandidateSource, size: int, seed: int) -> Plan:
        """Farthest-first from the medoid."""
        rows, space, remarks = rows_of(everyone, self.space)
        notes: dict[str, str] = {}
        covered: list[str] = []
        if rows.ids:
            medoid = int(np.argmax(np.round(times(rows.matrix, mean(rows.matrix)), 6)))
            radius = 0.0
            for turn, (place, far, average) in enumerate(farthest_first(rows.matrix, medoid, size), start=1):
                told = (
                    f"at distance {radius:.4f} from those before it" if turn > 1 else f"the medoid by {space}"
                )
                notes[rows.ids[place]] = f"{ordinal(turn)} centre: {told}"
                covers = f"covers the pool: distance {average:.4f} on average, {far:.4f} at most"
                covered.append("; ".join([*remarks, covers]))
                radius = far
        plan = Plan([(id,) for id in notes], size, covered or remarks, notes)
        return completed(everyone, plan, seed, f"no {space} to compare")


class KMeans(FixedBase):
    """k clusters, and of each the example nearest to its centre: what Baek et al. call diversity.

    Lloyd's algorithm on unit vectors from k-means++, whose draws are keyed by the ids; largest clusters first. With
    `of`, clusters are those of another split, for example the test queries' own (Golchin et al.): that looks at the
    queries, though never at their answers, and the selection says so. Other k, other clusters: choices are not nested.
    """

    card = Card(
        paper="Baek et al., [arXiv 2412.16926](https://arxiv.org/abs/2412.16926); clusters of the queries: Golchin et "
        "al., [arXiv 2507.16217](https://arxiv.org/abs/2507.16217)",
        cost="nothing a query; once up to 100 passes over the pool",
        use="a cached set of typical examples, one for each kind",
        avoid="rare kinds matter more than typical ones: prefer `k_centre`",
    )
    nested_plan = False

    space: Modality = Field("image", description="Space to cluster in; where the pool has none, another one.")
    of: Names | None = Field(
        None, description="Splits whose examples are clustered instead of the candidates themselves."
    )

    def plan(self, everyone: CandidateSource, size: int, seed: int) -> Plan:
        """The examples nearest to the centres, each with the next nearest as stand-ins."""
        rows, space, remarks = rows_of(everyone, self.space)
        clustered = rows if self.of is None else everyone.everything(space, self.of)
        if self.of is not None:
            what = " and ".join(repr(split) for split in self.of)
            remarks.append(
                f"transductive: the clusters are those of split {what}"
                if clustered.ids
                else f"split {what} has no {space}: the clusters are those of the candidates"
            )
            clustered = clustered if clustered.ids else rows
        notes: dict[str, str] = {}
        slots: list[Sequence[str]] = []
        if rows.ids:
            centres, sizes = lloyd(clustered.matrix, item_keys(clustered.ids), size, seed)
            for places, count in zip(_nearest_to(rows.matrix, centres), sizes, strict=True):
                if places:
                    slots.append([rows.ids[place] for place in places])
                    notes[slots[-1][0]] = f"nearest to the centre of a cluster of {count} by {space}"
        plan = Plan(slots, size, ["; ".join(remarks)] if remarks else [], notes)
        return completed(everyone, plan, seed, f"no {space} to compare", ranked=set(rows.ids))


def _nearest_to(matrix: Matrix, centres: Floats) -> list[list[int]]:
    """For each centre the place of the nearest row that no centre before it has, then its stand-ins; or nothing."""
    wanted = min(len(centres) + _STAND_INS, len(matrix))
    shifts = (centres**2).sum(axis=1) / 2
    near = np.empty((0, len(centres)), dtype=np.intp)
    worth = np.empty((0, len(centres)))
    for start, block in blocks(matrix):
        places = np.broadcast_to(np.arange(start, start + len(block))[:, None], (len(block), len(centres)))
        near = np.concatenate([near, places])
        worth = np.concatenate([worth, np.round(block @ centres.T - shifts, 9)])
        # Places ascend, so a stable sort gives ties to the smaller one.
        best = np.argsort(-worth, axis=0, kind="stable")[:wanted]
        near, worth = np.take_along_axis(near, best, axis=0), np.take_along_axis(worth, best, axis=0)
    taken: set[int] = set()
    found = []
    for centre in range(len(centres)):
        free = [place for place in near[:, centre].tolist() if place not in taken][: 1 + _STAND_INS]
        taken.update(free[:1])
        found.append(free)
    return found


def lloyd(matrix: Matrix, keys: Keys, count: int, seed: int) -> tuple[Floats, list[int]]:
    """Centres [c, d] and sizes of at most `count` clusters, largest first.

    k-means++ (Arthur & Vassilvitskii 2007), each draw as a race of exponential clocks that are keyed by `keys`, so
    that it does not depend on the order of rows; then Lloyd's rounds until no row moves, at most 100. Distinct rows
    fewer than `count` give that many clusters.
    """
    centres = _plus_plus(matrix, keys, count, seed)
    members = np.full(len(matrix), -1)
    for _ in range(_ROUNDS):
        before, (members, means) = members, regroup(matrix, centres)
        if (members == before).all():
            break
        centres = means
    sizes = np.bincount(members, minlength=len(centres))
    first = np.full(len(centres), len(matrix))
    np.minimum.at(first, members, np.arange(len(matrix)))
    order = [place for place in np.lexsort((first, -sizes)).tolist() if sizes[place]]
    return centres[order], sizes[order].tolist()


def regroup(matrix: Matrix, centres: Floats) -> tuple[NDArray[np.intp], Floats]:
    """The nearest centre of each row in Euclidean distance, ties to the smaller one, and the means of those clusters.

    An empty cluster keeps its centre.
    """
    shifts = (centres**2).sum(axis=1) / 2
    members = np.empty(len(matrix), dtype=np.intp)
    totals = np.zeros_like(centres)
    for start, block in blocks(matrix):
        own = np.round(block @ centres.T - shifts, 9).argmax(axis=1)
        members[start : start + len(block)] = own
        totals += (own == np.arange(len(centres))[:, None]).astype(np.float64) @ block
    sizes = np.bincount(members, minlength=len(centres))[:, None]
    return members, np.where(sizes > 0, totals / np.maximum(sizes, 1), centres)


def _plus_plus(matrix: Matrix, keys: Keys, count: int, seed: int) -> Floats:
    centres: list[Floats] = []
    distances = np.ones(len(matrix))
    while len(centres) < min(count, len(matrix)):
        draws = (keyed(keys, seed, f"k_means|{len(centres)}") + 0.5) / 2.0**64
        with np.errstate(divide="ignore"):
            clocks = np.where(distances > 1e-9, -np.log(draws) / distances, np.inf)
        first = int(np.argmin(clocks))
        if not np.isfinite(clocks[first]):
            break  # all rows stand on a centre
        centre = np.asarray(matrix[first], dtype=np.float64)
        centres.append(centre)
        # Unit rows: |x - c|² = 2 - 2 x·c.
        distances = np.minimum(
            distances if len(centres) > 1 else np.inf, 2 - 2 * np.round(times(matrix, centre), 6)
        )
    return np.array(centres)
