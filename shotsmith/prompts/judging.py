"""Questions that selectors ask a model about examples, and how its replies are read."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from ..domain.examples import Example, Query, normal_text
from ..domain.media import Media
from ..domain.messages import MediaPart, Message, Reply, TextPart
from .dialects.fields import field

Show = Callable[[Media], MediaPart]

_DESCRIBE = (
    "Describe what this shows in one plain sentence, as a caption would. Answer with the sentence alone."
)
_RANK = (
    "First you see a query, then numbered candidates with their answers. Rank the candidates by how useful each would "
    "be as a worked example for answering the query, most useful first. Answer with the numbers alone, separated by >, "
    "for example: 2 > 3 > 1"
)
_LEAST, _MOST = 1, 5
_ASKS = (
    "How difficult is it to answer this correctly?",
    "Rate how hard this item is.",
    "How likely is an expert to get this wrong?",
    "How much effort does the right answer need here?",
    "How ambiguous is this item, given its answer?",
)
_SCALES = (
    "Use 1 for very easy to 5 for very hard. Answer with one number.",
    "Give a whole number from 1 (very easy) to 5 (very hard) and nothing else.",
    "Reply with a single digit: 1 very easy, 2 easy, 3 medium, 4 hard, 5 very hard.",
    "On a scale where 1 is the easiest and 5 the hardest, answer with one digit.",
    "Your answer is one digit between 1 (trivial) and 5 (extremely hard).",
    "Judge on a scale of 1 to 5, where 5 is the hardest. Only the digit, please.",
)


def describe(query: Query, show: Show) -> tuple[Message, ...]:
    """Ask what a query shows."""
    return Message("system", (TextPart(_DESCRIBE),)), Message("user", _content(query.media, query.text, show))


def rank(query: Query, candidates: Sequence[Example], show: Show) -> tuple[Message, ...]:
    """Ask for an order of candidates, in one question."""
    parts = [TextPart("Query:"), *_content(query.media, query.text, show)]
    for number, example in enumerate(candidates, start=1):
        parts.append(TextPart(f"Candidate {number}:"))
        parts += _content(example.media, example.text, show)
        parts.append(TextPart(field("Answer", _answer(example))))
    return Message("system", (TextPart(_RANK),)), Message("user", tuple(parts))


def rate(example: Example, show: Show, prompt: int) -> tuple[Message, ...]:
    """Ask how hard an example is, in one of 30 wordings."""
    asks, scales = _ASKS[prompt % len(_ASKS)], _SCALES[prompt // len(_ASKS) % len(_SCALES)]
    content = (*_content(example.media, example.text, show), TextPart(field("Answer", _answer(example))))
    return Message("system", (TextPart(f"{asks} {scales}"),)), Message("user", content)


def read_ranking(text: str, count: int) -> list[int]:
    """Places of the candidates in the order of a reply, from 0; what it leaves out follows in the given order."""
    named = [int(number) - 1 for number in re.findall(r"\d{1,6}", text)]
    order = [place for place in dict.fromkeys(named) if 0 <= place < count]
    return [*order, *(place for place in range(count) if place not in set(order))]


def read_rating(reply: Reply) -> float | None:
    """A rating from 0, very easy, to 1; the mean over the probabilities of the digits where they are told.

    None when the reply holds no rating.
    """
    weighed = [
        (int(text.strip()), probability)
        for text, probability in reply.alternatives
        if re.fullmatch(r"\s*[1-5]\s*", text)
    ]
    if total := sum(probability for _, probability in weighed):
        return (sum(digit * probability for digit, probability in weighed) / total - _LEAST) / (
            _MOST - _LEAST
        )
    found = re.search(r"(?<![\d.])[1-5](?![\d.]*\d)", reply.text)
    return (int(found[0]) - _LEAST) / (_MOST - _LEAST) if found else None


def label_probabilities(
    alternatives: Sequence[tuple[str, float]], labels: Sequence[str]
) -> Mapping[str, float]:
    """How likely each label is, from the beginnings of answers and their probabilities; the sum is 1.

    A beginning counts for the labels that begin with it, shared equally where there are several; one that goes on
    after a whole label, as "cat, outdoors", counts for the longest such label. The rest is left out. Empty when
    nothing counts.
    """
    folded = {label: normal_text(label) for label in labels}
    found = dict.fromkeys(labels, 0.0)
    for text, probability in alternatives:
        meant = _meant(normal_text(text), folded)
        for label in meant:
            found[label] += probability / len(meant)
    total = sum(found.values())
    return {label: share / total for label, share in found.items()} if total > 0 else {}


def _meant(beginning: str, folded: Mapping[str, str]) -> list[str]:
    if not beginning:
        return []
    if exact := [label for label, form in folded.items() if form == beginning]:
        return exact
    if begun := [label for label, form in folded.items() if form.startswith(beginning)]:
        return begun
    whole = [
        label
        for label, form in folded.items()
        if form and beginning.startswith(form) and not beginning[len(form)].isalnum()
    ]
    longest = max((len(folded[label]) for label in whole), default=0)
    return [label for label in whole if len(folded[label]) == longest]


def _content(media: Sequence[Media], text: str, show: Show) -> tuple[MediaPart | TextPart, ...]:
    said = (TextPart(field("Input", text.strip())),) if text.strip() else ()
    return (*(show(part) for part in media), *said)


def _answer(example: Example) -> str:
    return example.answer.strip() or ", ".join(example.labels)
