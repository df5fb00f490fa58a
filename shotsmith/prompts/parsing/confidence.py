"""How sure a model is of an answer: by log probabilities, or in its own words."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ...domain.parsed import Confidence
from ..judging import label_probabilities

_NUMBER = r"(?P<{0}>\d{{1,3}}(?:\.\d{{1,10}})?|\.\d{{1,10}})"
_TOLD = re.compile(
    r"(?:^|(?<=[\n.,;(\[]))[ \t*_]*"
    r"(?:confidence(?:[ \t]+(?:score|level))?[ \t*_]*(?:[:=]|is|of)?[ \t*_]*"
    + _NUMBER.format("stated")
    + r"[ \t]*(?P<scale>%|percent|/[ \t]*100\b|/[ \t]*10\b|/[ \t]*1\b)?"
    r"|i(?:'m|’m| am)[ \t]+"
    + _NUMBER.format("sure")
    + r"[ \t]*(?:%|percent)[ \t]+(?:confident|sure|certain))"
    r"[ \t*_]*[)\]]?[.]?[ \t*_]*$",
    re.IGNORECASE | re.MULTILINE,
)
_SCALES = {"%": 100, "percent": 100, "/100": 100, "/10": 10, "/1": 1, "": 1}


def verbalised(text: str) -> tuple[str, Confidence | None]:
    """A reply without what it says of its confidence, and that.

    "Confidence: 80%", "confidence 0.8", "(confidence: 8/10)" and "I am 80% sure" at the end of a line are understood.
    A number above 1 without a scale is not, nor are two numbers that differ; a reply that is nothing else stays whole.
    """
    told = list(_TOLD.finditer(text))
    rest = _TOLD.sub("", text).rstrip(" \t\n,;([")
    if not told or not rest.strip():
        return text, None
    values = {_value(one) for one in told}
    value = values.pop()
    return rest, Confidence(value, "verbalised") if not values and value is not None else None


def by_probabilities(
    alternatives: Sequence[tuple[str, float]], answers: Sequence[str], answer: str
) -> Confidence | None:
    """The share of an answer among the possible ones; None where the model told nothing that fits one.

    Args:
        alternatives: How the reply might have begun, with probabilities.
        answers: All possible answers.
        answer: The one that was read.
    """
    shares = label_probabilities(alternatives, answers)
    return Confidence(shares[answer], "log probabilities") if shares else None


def _value(told: re.Match[str]) -> float | None:
    if told["sure"]:
        value, scale = float(told["sure"]), 100
    else:
        value, scale = float(told["stated"]), _SCALES["".join((told["scale"] or "").lower().split())]
    return value / scale if value <= scale else None
