"""One set for all queries, elected by the pool's own neighbourhoods: vote-k, and what OpenICL calls so."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ..domain.plans import Plan
from ..domain.recipes import Modality
from ..domain.sources import CandidateSource
from .base import Card
from .blocks import Places, neighbours
from .fixed import FixedBase, completed, rows_of
from .ranking import ordinal

_DEEPEST = 60  # a vote of 10^-60 decides nothing


class _Elected(FixedBase):
    draws = False
    nested = "prefix"

    space: Modality = Field("image", description="Space to compare in; where the pool has none, another one.")

    def _elect(self, voters: Voters) -> Iterator[int]:
        """Places of the elected, in order."""
        raise NotImplementedError

    def _links(self) -> int:
        raise NotImplementedError

    def plan(self, everyone: CandidateSource, size: int, seed: int) -> Plan:
        """The elected in the order of election; who is left over follows in a keyed order."""
        rows, space, remarks = rows_of(everyone, self.space)
        voters = Voters(neighbours(rows.matrix, self._links()) if rows.ids else np.empty((0, 0), np.int32))
        notes: dict[str, str] = {}
        for turn, place in enumerate(self._elect(voters), start=1):
            if turn > size:
                break
            votes = len(voters.of(place))
            notes[rows.ids[place]] = (
                f"{ordinal(turn)} elected: among the nearest {voters.links} of {votes} examples"
            )
        plan = Plan([(id,) for id in notes], size, remarks, notes)
        return completed(everyone, plan, seed, f"no {space} to compare", ranked=set(rows.ids))


class VoteK(_Elected):
    """Fast vote-k: examples that many others have among their nearest, discounted where they are represented already.

    Each example votes for its `neighbours` nearest. Repeatedly the example u with the largest sum over its voters v,
    those not chosen themselves, of 10^(-m(v)) is chosen, where m(v) counts the chosen examples v votes for; ties go
    to the smaller id. The order also answers which examples are worth labelling next.
    """

    card = Card(
        paper="Su et al., [arXiv 2209.01975](https://arxiv.org/abs/2209.01975)",
        cost="nothing a query; once n² / 2 cosines",
        use="choosing what to label, or a cached set of typical yet varied examples",
        avoid="the pool is small: its neighbourhoods are all the same",
    )

    neighbours: int = Field(150, ge=1, description="How many nearest examples each one votes for.")

    def _links(self) -> int:
        return self.neighbours

    def _elect(self, voters: Voters) -> Iterator[int]:
        return elected(voters)


class VoteKOpenIcl(_Elected):
    """OpenICL's "votek": the most voted first, unless its voters are those of one with more votes.

    Each example votes for its `neighbours` nearest. By number of votes, ties to the smaller id, an example is chosen
    unless an example before it, chosen or not, shares at least `overlap` of its voters; what is missing is drawn at
    random. This is not the vote-k of Su et al.
    """

    card = Card(
        paper="Wu et al., OpenICL, [arXiv 2303.02913](https://arxiv.org/abs/2303.02913)",
        cost="nothing a query; once n² / 2 cosines",
        use="comparing with results of OpenICL or OpenCompass",
        avoid="otherwise: `vote_k` is the published method",
    )

    neighbours: int = Field(3, ge=1, description="How many nearest examples each one votes for.")
    overlap: float = Field(
        1.0, gt=0, le=1, description="Share of its voters that makes an example superfluous."
    )

    def _links(self) -> int:
        return self.neighbours

    def _elect(self, voters: Voters) -> Iterator[int]:
        counts = np.array([len(voters.of(place)) for place in range(len(voters))])
        order = np.lexsort((np.arange(len(counts)), -counts))
        rank = np.empty(len(counts), dtype=np.int64)
        rank[order] = np.arange(len(counts))
        for place in order.tolist():
            own = voters.of(place)
            if not len(own):
                return
            # Whoever shares voters with it is among those that its voters vote for.
            others, shared = np.unique(voters.ballots[own], return_counts=True)
            before = rank[others] < rank[place]
            if not (shared[before] >= self.overlap * len(own)).any():
                yield place


class Voters:
    """Who votes for whom.

    Args:
        ballots: For each example the places it votes for, [n, links].
    """

    def __init__(self, ballots: Places) -> None:
        self.ballots = ballots
        self.links = ballots.shape[1]
        flat = ballots.reshape(-1)
        self._order = np.argsort(flat, kind="stable") // max(self.links, 1)
        self._ends = np.cumsum(np.bincount(flat, minlength=len(ballots)))

    def __len__(self) -> int:
        return len(self.ballots)

    def of(self, place: int) -> NDArray[np.intp]:
        """Places of the examples that vote for this one, ascending."""
        start = self._ends[place - 1] if place else 0
        found: NDArray[np.intp] = self._order[start : self._ends[place]]
        return found


def elected(voters: Voters, already: Iterable[int] = ()) -> Iterator[int]:
    """Places in the order of fast vote-k (Su et al. 2022), those that are chosen already left out.

    Args:
        voters: Who votes for whom.
        already: Places that count as chosen before the first.
    """
    supported = np.zeros(len(voters), dtype=np.int64)
    chosen = np.zeros(len(voters), dtype=bool)

    def choose(place: int) -> None:
        chosen[place] = True
        supported[voters.of(place)] += 1

    def worth(place: int) -> int:
        """The sum in units of 10^-60, exactly."""
        own = voters.of(place)
        levels = np.bincount(np.minimum(supported[own[~chosen[own]]], _DEEPEST + 1))
        return sum(
            int(count) * 10 ** (_DEEPEST - level) for level, count in enumerate(levels[: _DEEPEST + 1])
        )

    for place in already:
        choose(place)
    # Worths only fall, so the top of the heap is the best as soon as it is up to date (lazy greedy).
    heap = [(-worth(place), place) for place in range(len(voters)) if not chosen[place]]
    heapq.heapify(heap)
    while heap:
        told, place = heapq.heappop(heap)
        if heap and (now := -worth(place)) != told:
            heapq.heappush(heap, (now, place))
            continue
        yield place
        choose(place)
