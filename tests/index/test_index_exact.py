"""Nomination and rescoring: exact whatever the engine's rounding, and with few vectors read."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from index_points import random_units

from shotsmith.domain.protocols import Hit
from shotsmith.domain.scoring import Matrix, cosine, ranked, unit
from shotsmith.retrieval.index.exact import CHUNK, SLACK, Nomination, Question, Rows, exact_hits, margin


class Rounding:
    """An engine whose scores are off by as much as the margin allows, in either direction."""

    def __init__(self, matrix: Matrix, seed: int = 0) -> None:
        self.matrix = matrix
        self.noise = np.random.default_rng(seed)
        self.error = (margin(matrix.shape[1]) - 1e-6) / 2
        self.asked: list[int] = []
        self.read = 0

    def nominate(self, collection: str, questions: Sequence[Question]) -> list[list[Nomination]]:
        answers = []
        for question in questions:
            self.asked.append(question.limit)
            off = self.noise.choice((-self.error, self.error), len(self.matrix))
            scores = self.matrix.astype(np.float64) @ question.vector.astype(np.float64) + off
            best = np.argsort(-scores, kind="stable")[: question.limit]
            answers.append([(int(row), float(scores[row])) for row in best])
        return answers

    def rows(self, collection: str, space: str, keys: Sequence[int]) -> Rows:
        self.read += len(keys)
        return Rows(keys, [f"{key:05}" for key in keys], self.matrix[list(keys)])


def best(matrix: Matrix, question: Question) -> list[Hit]:
    scores = cosine(matrix, question.vector)
    return [
        Hit(id, score)
        for id, score in ranked((f"{n:05}", score) for n, score in enumerate(scores))[: question.limit]
    ]


@settings(max_examples=60)
@given(
    n=st.integers(1, 300),
    dims=st.sampled_from((2, 16, 512)),
    limits=st.lists(st.integers(1, 40), min_size=1, max_size=3),
    spread=st.sampled_from((0.0, 1e-7, 1e-6, 1e-5, 1.0)),
    seed=st.integers(0, 2**32 - 1),
)
def test_hits_are_exact_despite_rounding(
    n: int, dims: int, limits: list[int], spread: float, seed: int
) -> None:
    centre = random_units(1, dims, seed)
    matrix = unit(centre + spread * random_units(n, dims, seed + 1))
    questions = [Question("image", unit(centre[0] + 0.1), limit, (), False) for limit in limits]
    assert exact_hits(Rounding(matrix, seed), "c", questions) == [best(matrix, q) for q in questions]


def test_well_separated_scores_cost_one_call_and_hardly_more_vectors_than_hits() -> None:
    matrix = random_units(5000, 64)
    engine = Rounding(matrix)
    question = Question("image", random_units(1, 64, seed=9)[0], 8, (), False)
    assert exact_hits(engine, "c", [question]) == [best(matrix, question)]
    assert engine.asked == [8 + SLACK]
    assert engine.read <= 9


def test_questions_share_what_is_read() -> None:
    engine = Rounding(random_units(50, 8))
    question = Question("image", random_units(1, 8, seed=3)[0], 50, (), False)
    exact_hits(engine, "c", [question] * 5)
    assert engine.read == 50


def test_mass_ties_are_followed_to_their_end() -> None:
    tied = np.repeat(random_units(1, 8), 3000, axis=0)
    matrix = np.concatenate((tied, random_units(100, 8, seed=1)))[::-1].copy()
    engine = Rounding(matrix)
    question = Question("image", tied[0], 5, (), False)
    hits = exact_hits(engine, "c", [question])
    assert hits == [best(matrix, question)]
    assert [hit.id for hit in hits[0]] == [f"{n:05}" for n in range(100, 105)]
    assert engine.asked == [13, 52, 208, 832, 3328]
    assert engine.read > CHUNK


@pytest.mark.parametrize("dims", [1, 4, 512, 1280, 4096])
def test_the_margin_covers_float32(dims: int) -> None:
    """Twice the error of summing 16 partial sums one after the other, the least that any SIMD kernel does."""
    rows, query = random_units(2000, dims), random_units(1, dims, seed=1)[0]
    products = rows * query
    lanes = np.zeros((len(rows), 16), np.float32)
    for start in range(0, dims, 16):
        part = products[:, start : start + 16]
        lanes[:, : part.shape[1]] += part
    narrow = np.cumsum(lanes, axis=1, dtype=np.float32)[:, -1].astype(np.float64)
    exact = rows.astype(np.float64) @ query.astype(np.float64)
    assert 2 * np.abs(narrow - exact).max() + 1e-6 <= margin(dims)


def test_points_that_vanish_between_nomination_and_reading_are_left_out() -> None:
    class Forgetful(Rounding):
        def rows(self, collection: str, space: str, keys: Sequence[int]) -> Rows:
            return super().rows(collection, space, [key for key in keys if key % 2])

    matrix = random_units(20, 8)
    question = Question("image", matrix[0], 20, (), False)
    found = exact_hits(Forgetful(matrix), "c", [question])[0]
    assert found == [hit for hit in best(matrix, question) if int(hit.id) % 2]
