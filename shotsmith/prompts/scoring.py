"""How right an answer is, by task: pure functions from 0 to 1. No answer is wrong, never left out.

Exact match, label sets, tolerance, VQA accuracy and token F1 as their papers define them; macro-F1 over many items.
"""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Collection, Iterable, Sequence

from ..domain.errors import InvalidInput, InvalidParameter
from ..domain.examples import normal_text
from .parsing import Parsed, Quantity, Task, parse

_PUNCTUATION = str.maketrans("", "", string.punctuation)
_ARTICLES = re.compile(r"\b(?:a|an|the)\b")
_DIGITS = dict(
    zip(
        ("none", "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
        (0, *range(11)),
        strict=True,
    )
)
_NUMERIC_COMMA = re.compile(r"(?<=\d),(?=\d)")
_LONE_PERIOD = re.compile(r"(?<!\d)\.|\.(?!\d)")
_SPACED = re.compile(r"[;/\[\]\"{}()=+\\_\-><@`,?!]")


def exact_match(answer: str | None, truth: str) -> float:
    """1 when both are the same but for case, ASCII punctuation and spaces (as SMMILE scores, arXiv 2506.21355)."""
    if answer is None:
        return 0.0
    return float(_bare(answer) == _bare(truth))


def set_f1(answer: Collection[str] | None, truth: Collection[str]) -> float:
    """F1 of a set of labels against the right set; two empty sets are equal, and score 1."""
    if answer is None:
        return 0.0
    given, right = set(answer), set(truth)
    if not given and not right:
        return 1.0
    return 2 * len(given & right) / (len(given) + len(right))


def macro_f1(answers: Sequence[Collection[str] | None], truths: Sequence[Collection[str]]) -> float:
    """The mean over labels of their F1 over all items, for one label an item or several.

    Labels that are neither the truth nor an answer anywhere are left out, as scikit-learn does by default.

    Args:
        answers: What was read of each item; None where nothing was, which misses every right label.
        truths: The right labels, in the same order.

    Raises:
        InvalidInput: Not as many answers as truths, or none.
    """
    if not truths or len(answers) != len(truths):
        raise InvalidInput("every item needs an answer and a truth", field="answers", value=len(answers))
    hits: Counter[str] = Counter()
    total: Counter[str] = Counter()
    for answer, truth in zip(answers, truths, strict=True):
        given, right = set(answer or ()), set(truth)
        hits.update(given & right)
        total.update(given)
        total.update(right)
    if not total:
        return 1.0
    return sum(2 * hits[label] / count for label, count in sorted(total.items())) / len(total)


def within(answer: float | None, truth: float, *, absolute: float = 0.0, relative: float = 0.0) -> float:
    """1 when a number is no further from the truth than the larger tolerance.

    Args:
        answer: What was read.
        truth: The right number.
        absolute: In the number's own unit.
        relative: As a share of the truth's size.

    Raises:
        InvalidParameter: A tolerance below 0.
    """
    if absolute < 0 or relative < 0:
        raise InvalidParameter(
            "a tolerance is not below 0",
            field="tolerance",
            value=min(absolute, relative),
            mend="Give 0 or more",
        )
    if answer is None:
        return 0.0
    return float(abs(answer - truth) <= max(absolute, relative * abs(truth)))


def vqa_accuracy(answer: str | None, annotators: Sequence[str]) -> float:
    """VQA accuracy: the mean over annotators of min(1, how many of the *others* agree / 3) (Goyal et al. 2017, VQA v2).

    With ten annotators that is 0, 0.3, 0.6, 0.9 and then 1. Texts are compared in lower case, without articles,
    punctuation and apostrophes, number words up to ten as digits; the official script expands a list of contractions
    instead of leaving out apostrophes.

    Raises:
        InvalidInput: Fewer than two annotators.
    """
    if len(annotators) < 2:
        raise InvalidInput(
            "VQA accuracy needs several annotators",
            field="annotators",
            value=len(annotators),
            mend="Give all ten",
        )
    if answer is None:
        return 0.0
    said = vqa_form(answer)
    agree = [vqa_form(one) == said for one in annotators]
    total = sum(agree)
    return sum(min(1.0, (total - own) / 3) for own in agree) / len(agree)


def vqa_form(text: str) -> str:
    """A text as VQA accuracy compares it."""
    text = _NUMERIC_COMMA.sub("", " ".join(text.casefold().split()).replace("'", "").replace("’", ""))
    text = _LONE_PERIOD.sub("", _SPACED.sub(" ", text).replace(":", "").replace("$", "").replace("|", ""))
    words = [str(_DIGITS.get(word, word)) for word in text.split()]
    return " ".join(word for word in words if word not in ("a", "an", "the"))


def token_f1(answer: str | None, truths: Iterable[str]) -> float:
    """The best F1 of the bag of words against any right answer (Rajpurkar et al. 2016, SQuAD).

    Words are in lower case, without ASCII punctuation and articles. A truth without words is met by an answer without.

    Raises:
        InvalidInput: No truth.
    """
    rights = [_tokens(truth) for truth in truths]
    if not rights:
        raise InvalidInput(
            "there is nothing to compare with", field="truths", mend="Give one right answer or more"
        )
    if answer is None:
        return 0.0
    said = _tokens(answer)
    return max(_bag_f1(said, right) for right in rights)


def score(task: Task, answer: Parsed, truth: str, *, absolute: float = 0.0, relative: float = 1e-9) -> float:
    """How right an answer is for its task, from 0 to 1; the truth is read as an answer would be.

    One label, yes or no, and JSON are right or wrong; several labels score their F1; a number is right within a
    tolerance and in the same unit, or without one; text is right but for case, punctuation and spaces.

    Args:
        task: What was asked.
        answer: What was read.
        truth: The right answer, as an example of the pool carries it.
        absolute: Tolerance of a number, in its unit.
        relative: The same as a share of the truth.

    Raises:
        InvalidInput: The truth is no answer to the task.
    """
    if task.kind == "text":
        return exact_match(answer.answer, truth)
    right = parse(truth, task)
    if right.answer is None:
        raise InvalidInput(
            f"the right answer is no {task.kind}",
            field="truth",
            value=truth,
            mend="Mend the example's answer",
        )
    if answer.answer is None:
        return 0.0
    if task.kind == "labels":
        return set_f1(answer.value, right.value)
    if task.kind == "number":
        return _near(answer.value, right.value, absolute, relative)
    return float(answer.answer == right.answer)


def _near(answer: Quantity, truth: Quantity, absolute: float, relative: float) -> float:
    if answer.unit and truth.unit and answer.unit != truth.unit:
        return 0.0
    return within(answer.number, truth.number, absolute=absolute, relative=relative)


def _bare(text: str) -> str:
    return " ".join(normal_text(text).translate(_PUNCTUATION).split())


def _tokens(text: str) -> list[str]:
    return _ARTICLES.sub(" ", normal_text(text).translate(_PUNCTUATION)).split()


def _bag_f1(said: list[str], right: list[str]) -> float:
    if not said or not right:
        return float(said == right)
    same = sum((Counter(said) & Counter(right)).values())
    return 2 * same / (len(said) + len(right))
