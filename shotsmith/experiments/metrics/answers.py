"""Metrics of answers by name: which tasks each is for, what it says of an item, what of all of them.

The scores of single items are those of `prompts.scoring`, and what intervals are made of.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ...domain.errors import InvalidInput, InvalidParameter, UnknownName
from ...domain.names import hint
from ...domain.parsed import Parsed, Quantity
from ...prompts.parsing import Task, TaskKind, parse
from ...prompts.scoring import exact_match, macro_f1, score, set_f1, token_f1, vqa_accuracy
from .words import word_error_rate, word_errors

Truths = Sequence[str]
"""The right answers to an item: one, several that are as good, or what each annotator said."""

Whole = Callable[[Task, Sequence[Parsed], Sequence[Truths]], float]

_CLOSED: frozenset[TaskKind] = frozenset(("label", "yes or no"))
_TEXTS: frozenset[TaskKind] = frozenset(("text",))
_ALL: frozenset[TaskKind] = frozenset(("label", "labels", "number", "yes or no", "text", "json"))


@dataclass(frozen=True, slots=True)
class Metric:
    """One way to score answers.

    Attributes:
        name: As experiment files name it.
        title: For people.
        kinds: The tasks it is for.
        item: The score of one item from the task, what was read, and the right answers.
        whole: Of all items, where that is not the mean of their scores.
        better: Which way is better.
    """

    name: str
    title: str
    kinds: frozenset[TaskKind]
    item: Callable[[Task, Parsed, Truths], float]
    whole: Whole | None = None
    better: Literal["higher", "lower"] = "higher"

    def scores(self, task: Task, answers: Sequence[Parsed], truths: Sequence[Truths]) -> NDArray[np.float64]:
        """The score of each item, [items].

        Raises:
            InvalidInput: Not as many answers as truths, none, an item without a right answer, or one that is no
                answer to the task.
        """
        _check(answers, truths)
        pairs = zip(answers, truths, strict=True)
        return np.array([self.item(task, answer, rights) for answer, rights in pairs], dtype=np.float64)

    def value(self, task: Task, answers: Sequence[Parsed], truths: Sequence[Truths]) -> float:
        """The score of all items together; errors as `scores`."""
        _check(answers, truths)
        if self.whole is not None:
            return self.whole(task, answers, truths)
        return float(self.scores(task, answers, truths).mean())


def metric(name: str, task: Task | None = None) -> Metric:
    """A metric by its name.

    Args:
        name: As in `METRICS`.
        task: What is asked; the metric must be for it.

    Raises:
        UnknownName: No such metric.
        InvalidParameter: It is not for this task.
    """
    found = METRICS.get(name)
    if found is None:
        raise UnknownName(
            "unknown metric",
            field="metrics",
            value=name,
            mend=f"{hint(name, list(METRICS))}Known: {', '.join(METRICS)}",
        )
    if task is not None and task.kind not in found.kinds:
        raise InvalidParameter(
            f"the metric is not for answers of the kind {task.kind!r}",
            field="metrics",
            value=name,
            mend=f"For this task: {', '.join(one.name for one in metrics_for(task))}",
        )
    return found


def metrics_for(task: Task) -> tuple[Metric, ...]:
    """The metrics that fit a task; the first is the usual one."""
    fitting = [one for one in METRICS.values() if task.kind in one.kinds]
    usual = _USUAL.get(task.kind, "accuracy")
    return tuple(sorted(fitting, key=lambda one: one.name != usual))


def _accuracy(task: Task, answer: Parsed, truths: Truths) -> float:
    if task.kind != "labels":
        return max(score(task, answer, truth) for truth in truths)
    return float(_label_f1(task, answer, truths) == 1)


def _label_f1(task: Task, answer: Parsed, truths: Truths) -> float:
    return max(set_f1(answer.value, _right(task, truth).value) for truth in truths)


def _exact(task: Task, answer: Parsed, truths: Truths) -> float:
    return max(exact_match(answer.answer, truth) for truth in truths)


def _macro_f1(task: Task, answers: Sequence[Parsed], truths: Sequence[Truths]) -> float:
    several = task.kind == "labels"
    said = [None if one.answer is None else one.value if several else (one.answer,) for one in answers]
    rights = [_right(task, _first(one)) for one in truths]
    return macro_f1(said, [one.value if several else (str(one.answer),) for one in rights])


def _numeric_error(task: Task, answer: Parsed, truths: Truths) -> float:
    return min(_distance(answer.value, _right(task, truth).value) for truth in truths)


def _distance(said: Quantity | None, right: Quantity) -> float:
    """|said - right| / |right|, at most 1; 1 for no number and for another unit."""
    if said is None or (said.unit and right.unit and said.unit != right.unit):
        return 1.0
    off = abs(said.number - right.number)
    return min(1.0, off / abs(right.number)) if right.number else float(off > 0)


def _word_error_rate(task: Task, answers: Sequence[Parsed], truths: Sequence[Truths]) -> float:
    return word_error_rate([one.answer for one in answers], [_first(rights) for rights in truths])


def _first(truths: Truths) -> str:
    """The right answer, for metrics that count over all items and so need one."""
    if len(truths) > 1:
        raise InvalidInput(
            "this metric needs one right answer an item", field="truths", value=len(truths), mend="Give one"
        )
    return truths[0]


def _right(task: Task, truth: str) -> Parsed:
    """A right answer, read as answers are."""
    right = parse(truth, task)
    if right.answer is None:
        raise InvalidInput(
            f"the right answer is no {task.kind}",
            field="truth",
            value=truth,
            mend="Mend the example's answer",
        )
    return right


def _check(answers: Sequence[Parsed], truths: Sequence[Truths]) -> None:
    if not answers or len(answers) != len(truths):
        raise InvalidInput("every item needs an answer and a truth", field="answers", value=len(answers))
    for place, rights in enumerate(truths):
        if isinstance(rights, str) or not rights:
            raise InvalidInput(
                "every item needs a list of right answers",
                field=f"truths[{place}]",
                value=rights,
                mend="Give one or more",
            )


METRICS: Mapping[str, Metric] = {
    one.name: one
    for one in (
        Metric("accuracy", "accuracy", _ALL, _accuracy),
        Metric("macro_f1", "macro-F1", _CLOSED | {"labels"}, _accuracy, _macro_f1),
        Metric("label_f1", "F1 of the labels of an item", frozenset(("labels",)), _label_f1),
        Metric("exact_match", "exact match", _ALL - {"json", "labels"}, _exact),
        Metric(
            "vqa_accuracy",
            "VQA accuracy",
            _TEXTS | {"yes or no"},
            lambda _, answer, truths: vqa_accuracy(answer.answer, truths),
        ),
        Metric("token_f1", "token F1", _TEXTS, lambda _, answer, truths: token_f1(answer.answer, truths)),
        Metric("numeric_error", "relative error", frozenset(("number",)), _numeric_error, better="lower"),
        Metric(
            "word_error_rate",
            "word error rate",
            _TEXTS,
            lambda _, answer, truths: word_errors(answer.answer, _first(truths)).rate,
            _word_error_rate,
            better="lower",
        ),
    )
}

_USUAL: Mapping[TaskKind, str] = {"labels": "label_f1", "text": "exact_match"}
