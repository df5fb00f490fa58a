"""Reading a model's reply. An answer is read or it is not; nothing is guessed, and a failure counts as wrong.

A reply is not a match because it contains a label's letters: "non-malignant" is not "malignant", "-5" is not "5" and
"10-20" is neither. What a sentence says about a label is not understood: "not a cat" reads as "cat".
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, TypeVar

How = Literal["exact", "normalised", "found in text", "free-form", "failed"]

_WRAPPING = "\"'`*_~“”„‘’‚«»‹›「」『』"
_FINAL = ".,;:!?。、"
_HYPHENS = dict.fromkeys(map(ord, "‐‑‒–−"), "-")

# Words over a text's shape: w for letters and marks, d for digits, everything else as it is. A word keeps its inner
# hyphens, dots and apostrophes; a number keeps its sign and its separators.
_WORD = re.compile(r"(?:-?\.?(?=d))?[wd]+(?:(?:[-_'’.&@]|(?<=d)[,:/](?=d))[wd]+)*[+#]*|\S")

_Form = TypeVar("_Form", str, tuple[str, ...])


@dataclass(frozen=True, slots=True)
class Parsed:
    """What was read from a reply.

    Attributes:
        answer: A label as the label space spells it, or the free-form text; None when nothing was read.
        how: By which rule: the reply is a label to the letter; it is one but for case, width, quotes, emphasis,
            final punctuation or a leading `Answer:`; exactly one label occurs in it; or there is no label space.
        found: The labels that occur in a reply that is not itself a label. None or several mean failure.
    """

    answer: str | None
    how: How
    found: tuple[str, ...] = ()


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
    if reply in labels:
        return Parsed(reply, "exact")
    space = _space(tuple(dict.fromkeys(labels)))
    folded = _fold(reply)
    for table, form in ((space.folded, folded), (space.peeled, _peel(folded))):
        if len(same := table.get(form, ())) == 1:
            return Parsed(same[0], "normalised")
    found = space.find(reply)
    if len(found) == 1:
        return Parsed(found[0], "found in text", found)
    return Parsed(None, "failed", found)


@dataclass(frozen=True, slots=True)
class _Space:
    """A label space, indexed by the forms in which its labels are looked for; each form to all labels it fits."""

    folded: Mapping[str, Sequence[str]]
    peeled: Mapping[str, Sequence[str]]
    by_words: Mapping[tuple[str, ...], Sequence[str]]
    lengths: Sequence[int]  # of the labels in words, longest first

    def find(self, text: str) -> tuple[str, ...]:
        """The labels that occur as whole words and not only inside a longer one, by their order in the text."""
        plain = _words(text)
        words = [_fold(word) for word in plain]
        outer, reach = [], (-1, -1)
        for start in range(len(words)):
            for end in (start + length for length in self.lengths if start + length <= len(words)):
                for label in self.by_words.get(tuple(words[start:end]), ()):
                    whole = end > reach[1] or (start, end) == reach
                    if whole and not _mere_letter(label, plain, start):
                        outer.append(label)
                        reach = (start, end)
        return tuple(dict.fromkeys(outer))


@lru_cache(maxsize=64)
def _space(labels: tuple[str, ...]) -> _Space:
    # A lone "-" or "+" is punctuation in any text.
    by_words = _by(
        (tuple(map(_fold, _words(label))), label) for label in labels if any(map(str.isalnum, label))
    )
    return _Space(
        _by((_fold(label), label) for label in labels),
        _by((_peel(_fold(label)), label) for label in labels),
        by_words,
        sorted({len(words) for words in by_words}, reverse=True),
    )


def _by(pairs: Iterable[tuple[_Form, str]]) -> dict[_Form, list[str]]:
    table = defaultdict(list)
    for form, label in pairs:
        if form:
            table[form].append(label)
    return table


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).translate(_HYPHENS)


def _fold(text: str) -> str:
    return " ".join(_plain(_plain(text).casefold()).split())


def _peel(text: str) -> str:
    """A folded text without quotes, emphasis, final punctuation and a leading `answer:`."""
    before = None
    while text != before:
        before = text
        text = text.strip().strip(_WRAPPING).removeprefix("answer:").rstrip(_FINAL)
    return text


def _words(text: str) -> list[str]:
    plain = _plain(text)
    shape = "".join(map(_shape, plain))
    return [plain[match.start() : match.end()] for match in _WORD.finditer(shape)]


def _shape(char: str) -> str:
    category = unicodedata.category(char)
    if category == "Nd":
        return "d"
    # Marks and zero-width joiners are parts of words in many scripts.
    return "w" if category[0] in "LNM" or char in "\u200c\u200d" else char


def _mere_letter(label: str, words: list[str], at: int) -> bool:
    """Whether a one-letter label matched what is more likely a word such as "a" or "I"."""
    letter = label.strip()
    if len(letter) != 1 or not letter.isalpha():
        return False
    followed = at + 1 < len(words) and words[at + 1][0].isalnum()
    return followed or words[at] != _plain(letter)
