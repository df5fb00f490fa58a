"""The label whose meaning is nearest to a reply, by embedding: the last resort for a closed label space."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ...domain.scoring import Matrix, cosine, ranked
from .words import fold, peel, words_of

Embed = Callable[[Sequence[str]], Matrix]
"""Texts -> unit rows [n, d], float32; a row of zeros for a text without a score."""

THRESHOLD = 0.75
MARGIN = 0.05
_LONGEST = 12  # words: more is a sentence about several things, and its vector is a mean of them
_NEGATIONS = frozenset(
    {"no", "not", "non", "none", "never", "neither", "nor", "without", "un", "isn't", "cannot"}
)


def negated(text: str) -> bool:
    """Whether a text denies something, in English: vectors hardly tell "non-malignant" from "malignant"."""
    parts = [part for word in words_of(fold(text)) for part in (word, *word.split("-"))]
    return any(part in _NEGATIONS or part.endswith(("n't", "n’t")) for part in parts)


def nearest(
    text: str, labels: Sequence[str], embed: Embed, *, threshold: float = THRESHOLD, margin: float = MARGIN
) -> tuple[str | None, str]:
    """The nearest label, or none, and why.

    None where a vector cannot tell: a reply that is long, holds digits or denies something that no label denies;
    labels that are numbers or single letters; a similarity under the threshold, or within the margin of the next.
    Encoders differ in how alike they find any two texts (CLIP finds them very alike), so that a reply must also be
    more like its label than half-way from how alike the labels are to one another to the same.

    Args:
        text: The reply.
        labels: The label space.
        embed: Embeds texts.
        threshold: Least cosine.
        margin: Least lead over the second label.
    """
    phrase = peel(fold(text))
    if not phrase or len(words_of(phrase)) > _LONGEST:
        return None, "not tried: the reply is empty or long"
    if any(map(str.isdigit, phrase)):
        return None, "not tried: numbers have no neighbours"
    meant = [label for label in dict.fromkeys(labels) if sum(map(str.isalpha, label)) > 1]
    if negated(phrase) and not any(map(negated, meant)):
        return None, "not tried: the reply denies something"
    if not meant:
        return None, "not tried: the labels have no meaning"
    vectors = embed([phrase, *map(fold, meant)])
    threshold = max(threshold, (1 + _alike(vectors[1:])) / 2)
    order = ranked(zip(meant, cosine(vectors[1:], vectors[0]), strict=True))
    best, score = order[0]
    second = order[1][1] if len(order) > 1 else -1.0
    if score < threshold:
        return None, f"{best} at {score:.3f}, under {threshold:.3f}"
    if score - second < margin:
        return None, f"ambiguous: {best} at {score:.3f}, {order[1][0]} at {second:.3f}"
    return best, f"{best} at {score:.3f}"


def _alike(vectors: Matrix) -> float:
    """The mean cosine of two of these vectors; -1 for fewer than two."""
    count = len(vectors)
    if count < 2:
        return -1.0
    total = float(np.square(vectors.astype(np.float64).sum(axis=0)).sum())
    return (total - float(np.square(vectors.astype(np.float64)).sum())) / (count * (count - 1))
