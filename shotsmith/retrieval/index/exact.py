"""Exact hits from engines that score in float32.

An engine's float32 scores differ from the true cosines in the last digits, and differently on every machine. So the
engine only nominates: whoever could be among the true nearest is rescored in float64 from the stored vectors, and ties
are broken by id. Nominations are complete when the engine's last score lies further below the limit-th one than
rounding can reach; until then, the engine is asked for more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Protocol

import numpy as np

from ...domain.protocols import Hit, Search
from ...domain.scoring import Matrix, Vector, cosine, margin, ranked
from .conditions import Condition

#: How many points more than wanted an engine is asked for, and how that grows when they all tie.
SLACK = 8
GROWTH = 4
#: Above this many points an engine must scan: a graph walk would neither be complete nor faster.
SCAN_ABOVE = 1000
#: Vectors read and rescored at a time.
CHUNK = 1024


@dataclass(frozen=True, slots=True)
class Question:
    """A search as engines see it: checked, and with a filter that something may pass."""

    space: str
    vector: Vector = field(repr=False)
    limit: int
    conditions: tuple[Condition, ...]
    exact: bool

    def widened(self, limit: int) -> Question:
        """The same question for more points."""
        exact = self.exact or limit > SCAN_ABOVE
        return Question(self.space, self.vector, limit, self.conditions, exact)


#: The engine's own name of a point.
Key = Any
Nomination = tuple[Key, float]


@dataclass(frozen=True, slots=True)
class Rows:
    """Stored points in step: engine keys, example ids and unit vectors [n, d]."""

    keys: Sequence[Key]
    ids: Sequence[str]
    matrix: Matrix = field(repr=False)


class Engine(Protocol):
    """What nominates and what remembers the exact vectors."""

    def nominate(self, collection: str, questions: Sequence[Question]) -> list[list[Nomination]]:
        """The best points of each question, by descending float32 score; fewer than the limit only if no more pass."""
        ...

    def rows(self, collection: str, space: str, keys: Sequence[Key]) -> Rows:
        """The stored vectors of these points, in any order; vanished points are left out."""
        ...


def answer(
    engine: Engine, collection: str, asked: Sequence[tuple[Search, tuple[Condition, ...] | None]]
) -> list[list[Hit]]:
    """The hits of each checked search; none where its conditions are None."""
    questions = [
        Question(search.space, search.vector, search.limit, wanted, search.exact)
        for search, wanted in asked
        if wanted is not None and search.limit
    ]
    hits = iter(exact_hits(engine, collection, questions))
    return [next(hits) if wanted is not None and search.limit else [] for search, wanted in asked]


def exact_hits(engine: Engine, collection: str, questions: Sequence[Question]) -> list[list[Hit]]:
    """The hits of each question as the contract wants them: float64, quantised, ties by id, complete.

    Costs one engine call for the nominations, one more for each round of ties, and one read of vectors for each space
    and 1,024 candidates.
    """
    candidates = _candidates(engine, collection, questions)
    scored: list[list[tuple[str, float]]] = [[] for _ in questions]
    for space in dict.fromkeys(question.space for question in questions):
        askers: dict[Key, list[int]] = {}
        for number, question in enumerate(questions):
            if question.space == space:
                for key in candidates[number]:
                    askers.setdefault(key, []).append(number)
        keys = iter(askers)
        while chunk := list(islice(keys, CHUNK)):
            rows = engine.rows(collection, space, chunk)
            places: dict[int, list[int]] = {}
            for place, key in enumerate(rows.keys):
                for number in askers[key]:
                    places.setdefault(number, []).append(place)
            for number, chosen in places.items():
                whole = len(chosen) == len(rows.keys)
                matrix = rows.matrix if whole else rows.matrix[chosen]
                scores = cosine(matrix, questions[number].vector)
                ids = rows.ids if whole else [rows.ids[place] for place in chosen]
                scored[number].extend(zip(ids, scores, strict=True))
    return [
        [Hit(id, score) for id, score in ranked(pairs)[: question.limit]]
        for question, pairs in zip(questions, scored, strict=True)
    ]


def _candidates(engine: Engine, collection: str, questions: Sequence[Question]) -> list[list[Key]]:
    candidates: list[list[Key]] = [[] for _ in questions]
    asking = {number: question.limit + SLACK for number, question in enumerate(questions)}
    while asking:
        rounds = list(asking.items())
        asking = {}
        widened = [questions[number].widened(limit) for number, limit in rounds]
        for (number, limit), found in zip(rounds, engine.nominate(collection, widened), strict=True):
            wanted = questions[number].limit
            floor = -np.inf
            if len(found) > wanted:
                floor = found[wanted - 1][1] - margin(questions[number].vector.size)
            if len(found) >= limit and found[-1][1] >= floor:
                asking[number] = limit * GROWTH
            else:
                candidates[number] = [key for key, score in found if score >= floor]
    return candidates
