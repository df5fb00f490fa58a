"""What the right answer is, and what the examples alone would say: the baselines without a model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from ..domain.examples import Example, Pool, normal_text
from ..domain.selections import Demonstration
from ..domain.voting import Ballot, winner
from ..prompts.parsing import parse, task_of
from ..prompts.scoring import score


def truth(pool: Pool, example: Example) -> str:
    """The right answer: the label in classification, elsewhere the answer; empty when there is none."""
    if pool.kind == "classification":
        return example.label or example.answer
    return example.answer or example.label or ""


def right(pool: Pool, answer: str | None, expected: str) -> bool:
    """Whether an answer is the right one: as a label, as a number in its unit, else but for case, width and spaces."""
    if answer is None:
        return False
    if pool.kind == "classification":
        return answer == expected
    task = task_of(pool)
    if task.kind == "number" and (said := parse(answer, task)).answer is not None:
        return score(task, said, expected) == 1
    return normal_text(answer) == normal_text(expected)


def majority(pool: Pool, examples: Iterable[Example]) -> str | None:
    """The most frequent right answer; among equals the first by name."""
    counts = Counter(found for example in examples if (found := truth(pool, example)))
    return min(counts, key=lambda name: (-counts[name], name), default=None)


def vote(pool: Pool, shots: Sequence[Demonstration]) -> str | None:
    """The similarity-weighted vote of demonstrations, without a model.

    argmax over answers of the sum of similarities, never less than zero; ties go to the answer of the most similar
    demonstration, then to the first by name (Baldassini et al. 2024, arXiv 2404.15736).
    """
    answered = [(shot, truth(pool, shot.example)) for shot in shots]
    return winner([Ballot(answer, shot.score) for shot, answer in answered if answer])
