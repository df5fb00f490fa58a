"""How good candidates are, and which are kept."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from ...domain.examples import Example
from ...domain.messages import Message, Part, Reply, TextPart
from ...domain.scoring import quantise, shuffled
from ...prompts.dialects.fields import field
from ...prompts.parsing.numbers import read_number
from .writing import Show, Task, solved

LEAST, MOST = 1, 5
LOGPROBS: Mapping[str, object] = {"logprobs": True, "top_logprobs": 20, "temperature": 0}
_ASKS = (
    "How good is the candidate as a further example of this set?",
    "How right is the candidate's answer, given its input?",
    "How well does the candidate fit in with the real examples, in task, style and difficulty?",
    "How clear and natural is what the candidate says?",
    "How readily would an expert take the candidate into the set?",
)
_SCALES = (
    "Use 1 for very poor to 5 for excellent. Answer with one number.",
    "Give a whole number from 1 (very poor) to 5 (excellent) and nothing else.",
    "Reply with a single digit: 1 very poor, 2 poor, 3 fair, 4 good, 5 excellent.",
    "On a scale where 1 is the worst and 5 the best, answer with one digit.",
    "Your answer is one digit between 1 (useless) and 5 (flawless).",
    "Judge on a scale of 1 to 5, where 5 is the best. Only the digit, please.",
)
_OF_FIVE = re.compile(r"\s*(?:/|\bout of\b|\bof\b)\s*5\b")
_MASS = 0.5


def rate_request(
    candidate: Example, references: Sequence[Example], task: Task, rater: int, show: Show
) -> tuple[Message, ...]:
    """Ask how good a candidate is, in one of 30 wordings; the candidate comes last, so that all else can be cached."""
    asks, scales = _ASKS[rater % len(_ASKS)], _SCALES[rater // len(_ASKS) % len(_SCALES)]
    parts: list[Part] = [TextPart(field("Task", task.text))]
    for number, example in enumerate(references, start=1):
        parts += [TextPart(f"Real example {number}:"), *solved(example, show)]
    parts += [TextPart("Candidate:"), *solved(candidate, show)]
    return Message("system", (TextPart(f"{asks} {scales}"),)), Message("user", tuple(parts))


def read_score(reply: Reply) -> float | None:
    """A score from 1 to 5; None when the reply holds none.

    The mean over the digits that the reply might have begun with, by their probabilities, where these make up at least
    half of what is told; else the one number it says.
    """
    digits = [
        (int(text.strip()), chance)
        for text, chance in reply.alternatives
        if re.fullmatch(r"\s*[1-5]\s*", text)
    ]
    mass = sum(chance for _, chance in digits)
    if mass >= _MASS:
        return sum(digit * chance for digit, chance in digits) / mass
    quantity, _ = read_number(_OF_FIVE.sub("", reply.text))
    if quantity is None or quantity.unit or not LEAST <= quantity.number <= MOST:
        return None
    return quantity.number


def better_half(scores: Mapping[str, float], most: int, seed: int) -> list[str]:
    """Names of those above the median score, the best first, at most so many.

    Scores are few numbers, and often tie: of those at the median itself, the first in keyed order fill up half of all,
    rounded down, and the others are out. All above the median are in that half.
    """
    place = {name: rank for rank, name in enumerate(shuffled(scores, seed, "quality"))}
    order = sorted(scores, key=lambda name: (-quantise(scores[name]), place[name]))
    return order[: min(len(order) // 2, most)]


def rated(rate: Callable[[int], float | None], raters: int) -> tuple[float | None, int]:
    """The mean of all judgements that can be read, None without any; and how many cannot."""
    given = [rate(rater) for rater in range(raters)]
    read = [score for score in given if score is not None]
    return (sum(read) / len(read) if read else None), len(given) - len(read)
