"""Macro-F1 from item counts, so that it can be resampled."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from ...domain.errors import InvalidInput


def f1_columns(
    answers: Sequence[Collection[str] | None], truths: Sequence[Collection[str]], labels: Sequence[str]
) -> NDArray[np.float64]:
    """What each item adds to each label's F1, [items, 2 x labels].

    First the hits of every label; then for every label how often it was given or right, halved, so that all numbers
    lie from 0 to 1.

    Args:
        answers: The labels that were read of each item; None where none were.
        truths: The right labels, in the same order.
        labels: The label space; others are not counted.

    Raises:
        InvalidInput: Not as many answers as truths, none, or no labels.
    """
    if not truths or len(answers) != len(truths):
        raise InvalidInput("every item needs an answer and a truth", field="answers", value=len(answers))
    if not labels:
        raise InvalidInput("F1 needs labels", field="labels", mend="Give the label space")
    given = np.array([[label in (answer or ()) for label in labels] for answer in answers], dtype=np.float64)
    right = np.array([[label in truth for label in labels] for truth in truths], dtype=np.float64)
    return np.concatenate((given * right, (given + right) / 2), axis=1)


def macro_f1_of(means: NDArray[np.float64]) -> NDArray[np.float64]:
    """Macro-F1 from the means of such columns, [..., 2 x labels] to [...]; labels that occur nowhere are left out."""
    hits, total = np.split(np.asarray(means), 2, axis=-1)
    there = total > 1e-12
    f1 = np.divide(hits, total, out=np.zeros_like(hits), where=there).clip(0, 1)
    return np.asarray(f1.sum(axis=-1) / np.maximum(1, there.sum(axis=-1)))
