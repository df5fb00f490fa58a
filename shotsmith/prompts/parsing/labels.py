"""Reading one label of a closed space. Nothing is guessed.

A reply is not a match because it contains a label's letters: "non-malignant" is not "malignant", "-5" is not "5" and
"10-20" is neither. What a sentence says about a label is not understood: "not a cat" reads as "cat".
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar

from ...domain.parsed import Parsed
from .words import fold, peel, plain, words_of

_Form = TypeVar("_Form", str, tuple[str, ...])


def parse_answer(text: str, labels: Sequence[str] = ()) -> Parsed:
    """Read the answer from a reply.

    Without labels it is the reply itself, without surrounding space and a leading `Answer:`. With labels it must be
    one of them, or contain exactly one of them as whole words; a label inside a longer one ("apple" in "green
    apple") does not count. A label of one letter counts within a text only in its own case and when no word follows,
    as in "It is B." but not in "A cat". Languages written without spaces match only as whole replies.

    Args:
        text: What the model said.
        labels: The label space; empty for free-form answers.
    """
    reply = text.strip()
    if not labels:
        answer = reply.removeprefix("Answer:").strip()
        return Parsed(answer, "free-form") if answer else Parsed(None, "failed")
    space = label_space(tuple(labels))
    if (same := space.match(reply)) is not None:
        return Parsed(same, "exact" if same == reply else "normalised")
    found = space.find(reply)
    if len(found) == 1:
        return Parsed(found[0], "found in text", found)
    return Parsed(None, "failed", found)


@dataclass(frozen=True, slots=True)
class LabelSpace:
    """A label space, indexed by the forms in which its labels are looked for; each form to all labels it fits."""

    labels: tuple[str, ...]
    folded: Mapping[str, Sequence[str]]
    peeled: Mapping[str, Sequence[str]]
    by_words: Mapping[tuple[str, ...], Sequence[str]]
    lengths: Sequence[int]  # of the labels in words, longest first

    def match(self, text: str) -> str | None:
        """The label that a text is: to the letter, or but for its dress when no other label is the same so."""
        reply = text.strip()
        if reply in self.labels:
            return reply
        folded = fold(reply)
        for table, form in ((self.folded, folded), (self.peeled, peel(folded))):
            if len(same := table.get(form, ())) == 1:
                return same[0]
        return None

    def find(self, text: str) -> tuple[str, ...]:
        """The labels that occur as whole words and not only inside a longer one, by their order in the text."""
        given = words_of(text)
        words = [fold(word) for word in given]
        outer, reach = [], (-1, -1)
        for start in range(len(words)):
            for end in (start + length for length in self.lengths if start + length <= len(words)):
                for label in self.by_words.get(tuple(words[start:end]), ()):
                    whole = end > reach[1] or (start, end) == reach
                    if whole and not _mere_letter(label, given, start):
                        outer.append(label)
                        reach = (start, end)
        return tuple(dict.fromkeys(outer))


def label_space(labels: tuple[str, ...]) -> LabelSpace:
    """The space of these labels, indexed once; a label given twice counts once."""
    return _space(tuple(dict.fromkeys(labels)))


@lru_cache(maxsize=64)
def _space(labels: tuple[str, ...]) -> LabelSpace:
    # A lone "-" or "+" is punctuation in any text.
    by_words = _by(
        (tuple(map(fold, words_of(label))), label) for label in labels if any(map(str.isalnum, label))
    )
    return LabelSpace(
        labels,
        _by((fold(label), label) for label in labels),
        _by((peel(fold(label)), label) for label in labels),
        by_words,
        sorted({len(words) for words in by_words}, reverse=True),
    )


def _by(pairs: Iterable[tuple[_Form, str]]) -> dict[_Form, list[str]]:
    table = defaultdict(list)
    for form, label in pairs:
        if form:
            table[form].append(label)
    return table


def _mere_letter(label: str, words: list[str], at: int) -> bool:
    """Whether a one-letter label matched what is more likely a word such as "a" or "I"."""
    letter = label.strip()
    if len(letter) != 1 or not letter.isalpha():
        return False
    followed = at + 1 < len(words) and words[at + 1][0].isalnum()
    return followed or words[at] != plain(letter)
