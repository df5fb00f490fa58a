"""Word error rate: how many words must be mended to make a transcript the right one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ...domain.errors import InvalidInput
from ...prompts.parsing.words import fold, words_of


class WordErrors(NamedTuple):
    """Words that were replaced, left out or put in, at the least, and the words of the right text."""

    edits: int
    words: int

    @property
    def rate(self) -> float:
        """Edits a word; above 1 where more was said than asked for. Of no words any edit is one error."""
        return self.edits / self.words if self.words else float(self.edits > 0)


def word_errors(answer: str | None, truth: str) -> WordErrors:
    """The Levenshtein distance in words, without regard to case, width and punctuation.

    Args:
        answer: What was read; None misses every word.
        truth: The right text.
    """
    right = _words(truth)
    if answer is None:
        return WordErrors(max(1, len(right)), len(right))
    return WordErrors(_distance(_words(answer), right), len(right))


def word_error_rate(answers: Sequence[str | None], truths: Sequence[str]) -> float:
    """All edits over all words of the right texts, as speech recognition reports it.

    Raises:
        InvalidInput: Not as many answers as truths, or no word in any truth.
    """
    if not truths or len(answers) != len(truths):
        raise InvalidInput("every item needs an answer and a truth", field="answers", value=len(answers))
    found = [word_errors(answer, truth) for answer, truth in zip(answers, truths, strict=True)]
    words = sum(one.words for one in found)
    if not words:
        raise InvalidInput(
            "no right answer has a word", field="truths", mend="Score texts by exact match instead"
        )
    return sum(one.edits for one in found) / words


def _words(text: str) -> list[str]:
    return [word for word in words_of(fold(text)) if any(map(str.isalnum, word))]


def _distance(said: list[str], right: list[str]) -> int:
    """Row by row of Wagner & Fischer's table; a row's insertions, which depend on each other, as a running minimum."""
    names = {word: number for number, word in enumerate(dict.fromkeys(right))}
    target = np.array([names[word] for word in right], dtype=np.int64)
    steps = np.arange(len(right) + 1)
    row = steps.copy()
    for word in said:
        best = np.minimum(row[:-1] + (target != names.get(word, -1)), row[1:] + 1)
        whole = np.concatenate(([row[0] + 1], best))
        row = np.minimum.accumulate(whole - steps) + steps
    return int(row[-1])
