"""What was read from a reply."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

How = Literal[
    "exact",
    "normalised",
    "found in text",
    "nearest",
    "list",
    "number",
    "json",
    "free-form",
    "failed",
]


class Step(NamedTuple):
    """One rule that was tried, and what came of it, for people."""

    rule: str
    outcome: str


class Confidence(NamedTuple):
    """How sure a model is, from 0 to 1, and how that is known.

    "log probabilities": the share of the answer among the possible answers, by how the reply might have begun.
    "verbalised": what the model said of itself, which tends to be too high (Xiong et al. 2024, arXiv 2306.13063).
    """

    value: float
    source: Literal["log probabilities", "verbalised"]


class Quantity(NamedTuple):
    """A number and its unit; empty for none."""

    number: float
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Parsed:
    """What was read from a reply.

    Attributes:
        answer: In one spelling: a label as the label space spells it, labels joined by `, `, a number in its shortest
            form, `yes` or `no`, canonical JSON, or the free-form text; None when nothing was read. No label at all,
            where several may be given, is an empty text.
        how: By which rule: the reply is a label to the letter; it is one but for case, width, quotes, emphasis,
            final punctuation or a leading `Answer:`; exactly one label occurs in it; one label is nearest to it by
            embedding; it is a list of labels, a number, or JSON that its schema allows; or there is no label space.
        found: The labels that occur in a reply that is not itself a label. None or several mean failure, but where
            several may be given.
        steps: The rules that were tried, in order, by `parse`.
        value: The answer as data: the label, a tuple of labels, a `Quantity`, a bool, JSON, or the text as duplicates
            are judged; None when nothing was read.
        unknown: Listed items that are no labels.
        confidence: How sure the model is, where that is known.
    """

    answer: str | None
    how: How
    found: tuple[str, ...] = ()
    steps: tuple[Step, ...] = ()
    value: Any = None
    unknown: tuple[str, ...] = ()
    confidence: Confidence | None = None
