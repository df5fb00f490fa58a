"""How hard an example is: what its neighbours answer, or what a model says."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from ..domain.errors import InvalidInput
from ..domain.examples import Example, normal_text
from ..domain.recipes import Modality
from ..domain.scoring import quantise
from ..domain.sources import CandidateSource
from .blocks import neighbours
from .fixed import rows_of

_READ = 1000


def rated_by(
    rate: Callable[[Example, int], float], examples: Mapping[str, Example], prompts: int
) -> dict[str, float]:
    """The mean rating of each example over so many wordings of the question."""
    return {
        id: quantise(sum(rate(example, prompt) for prompt in range(prompts)) / prompts)
        for id, example in examples.items()
    }


def disagreement(
    everyone: CandidateSource, wanted: Modality, count: int
) -> tuple[dict[str, float], list[str]]:
    """How far each example's nearest others are from its answer, from 0 to 1, and what should be known of it.

    Classes and texts: the share of neighbours with another answer; labels count as another where none is shared.
    Numbers: the distance of their mean from the example's, as a share of the pool's range. Examples without an answer
    are not rated and do not count as neighbours.

    Raises:
        InvalidInput: No example that can be compared has a label or an answer.
    """
    rows, _, remarks = rows_of(everyone, wanted)
    answers = _answers(everyone, rows.ids, numbers=everyone.kind == "regression")
    if rows.ids and not any(answers):
        raise InvalidInput(
            f"difficulty by neighbours needs labels or answers, and no eligible example with {wanted} vectors has one",
            field="selector",
            mend="Give the examples labels or answers",
        )
    links = neighbours(rows.matrix, count) if rows.ids else np.empty((0, 0), np.int32)
    differ = _distances(answers) if everyone.kind == "regression" else _differences(answers)
    found = {}
    for place, id in enumerate(rows.ids):
        if answers[place]:
            own = [other for other in links[place].tolist() if answers[other]]
            found[id] = quantise(differ(place, own)) if own else 0.0
    return found, remarks


def _differences(answers: Sequence[frozenset[str]]) -> Callable[[int, Sequence[int]], float]:
    return lambda place, near: sum(answers[place].isdisjoint(answers[other]) for other in near) / len(near)


def _distances(answers: Sequence[frozenset[str]]) -> Callable[[int, Sequence[int]], float]:
    numbers = _numbers(answers)
    told = [number for number in numbers if number is not None]
    reach = (max(told) - min(told)) or 1.0

    def differ(place: int, near: Sequence[int]) -> float:
        own, others = numbers[place], [number for other in near if (number := numbers[other]) is not None]
        return abs((own or 0.0) - sum(others) / len(others)) / reach

    return differ


def _answers(everyone: CandidateSource, ids: Sequence[str], numbers: bool) -> list[frozenset[str]]:
    """Labels, or the answer where there are none (for numbers the other way round), read a block at a time."""
    found: list[frozenset[str]] = []
    for start in range(0, len(ids), _READ):
        block = ids[start : start + _READ]
        examples = everyone.examples(block)
        for id in block:
            example = examples.get(id)
            labels = example.labels if example else ()
            answer = tuple(filter(None, [normal_text(example.answer)])) if example else ()
            found.append(frozenset(answer or labels if numbers else labels or answer))
    return found


def _numbers(answers: Sequence[frozenset[str]]) -> list[float | None]:
    """Targets of a regression pool, None where there is no answer.

    Raises:
        InvalidInput: One is not a number.
    """
    numbers: list[float | None] = []
    for said in answers:
        try:
            number = float(next(iter(said))) if said else None
            if number is not None and not math.isfinite(number):
                raise ValueError
        except ValueError:
            raise InvalidInput(
                "an answer of this regression pool is not a number",
                field="answer",
                value=next(iter(said), ""),
                mend="Give every example a number as its answer",
            ) from None
        numbers.append(number)
    return numbers
