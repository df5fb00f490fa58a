"""Label bias: what a model answers whatever it is asked."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ...domain.errors import InvalidInput

_HALF = 0.5


@dataclass(frozen=True, slots=True)
class LabelBias:
    """Predicted labels beside the right ones.

    Attributes:
        kl: Kullback-Leibler divergence of the predicted from the right distribution, in nats; 0 for none.
        entropy: Of the predicted labels as they were counted, in nats; 0 where one label is all that is said.
        truth_entropy: Of the right ones.
        recall: Of each label that is right somewhere: the share of its items that were answered so.
        predicted: Share of each label among the answers that were read.
        unread: Share of the items without a label that could be read; they count against recall.
    """

    kl: float
    entropy: float
    truth_entropy: float
    recall: Mapping[str, float]
    predicted: Mapping[str, float]
    unread: float


def label_bias(answers: Sequence[str | None], truths: Sequence[str], labels: Sequence[str] = ()) -> LabelBias:
    """Compare what is answered with what is right.

    Half an item is added to every label on both sides for the divergence, or it would be infinite wherever a label is
    answered that is never right.

    Args:
        answers: The label that was read of each item; None where none was.
        truths: The right label of each.
        labels: The label space; by default what occurs.

    Raises:
        InvalidInput: Not as many answers as truths, or none.
    """
    if not truths or len(answers) != len(truths):
        raise InvalidInput("every item needs an answer and a truth", field="answers", value=len(answers))
    said = Counter(one for one in answers if one is not None)
    right = Counter(truths)
    hits = Counter(truth for answer, truth in zip(answers, truths, strict=True) if answer == truth)
    space = sorted({*labels, *said, *right})
    given, wanted = _smoothed(said, space), _smoothed(right, space)
    return LabelBias(
        max(0.0, math.fsum(p * math.log(p / wanted[label]) for label, p in given.items())),
        _entropy(said),
        _entropy(right),
        {label: hits[label] / right[label] for label in space if right[label]},
        {label: said[label] / max(1, said.total()) for label in space},
        1 - said.total() / len(answers),
    )


def content_free_bias(answers: Sequence[str | None], labels: Sequence[str]) -> LabelBias:
    """What is answered to queries without content, beside all labels alike (Zhao et al. 2021, arXiv 2102.09690).

    Args:
        answers: The label that was read of each empty or blank query.
        labels: The label space.

    Raises:
        InvalidInput: No answers or no labels.
    """
    if not answers or not labels:
        raise InvalidInput("it needs answers and a label space", field="labels", value=list(labels))
    found = label_bias(answers, [labels[0]] * len(answers), labels)
    given = _smoothed(Counter(one for one in answers if one is not None), sorted({*labels, *found.predicted}))
    even = 1 / len(given)
    kl = math.fsum(p * math.log(p / even) for p in given.values())
    return LabelBias(max(0.0, kl), found.entropy, math.log(len(labels)), {}, found.predicted, found.unread)


def _smoothed(counts: Counter[str], labels: Sequence[str]) -> dict[str, float]:
    total = counts.total() + _HALF * len(labels)
    return {label: (counts[label] + _HALF) / total for label in labels}


def _entropy(counts: Counter[str]) -> float:
    total = counts.total()
    shares = [counts[label] / total for label in sorted(counts)]
    return max(0.0, -math.fsum(share * math.log(share) for share in shares))
