"""Reading yes or no."""

from __future__ import annotations

import re
from typing import Literal

from .words import fold, peel

_How = Literal["exact", "normalised", "found in text", "failed"]

_YES = frozenset({"yes", "yeah", "yep", "yup", "y", "true", "correct"})
_NO = frozenset({"no", "nope", "nah", "n", "false", "incorrect"})
_CLAUSE = re.compile(r"[,.;:!?\n()\"“”]|\s-+\s")
_SAYS = re.compile(r"(?:^|\s)(?:is|be|say|would be) (yes|no|true|false)$")
# "No" alone may count things ("no tumour"); before these words it is an answer.
_BEGINS = re.compile(r"(yes)(?: (?!.*\b(?:no|not)\b).*)|(no) (?:it|there|he|she|they|this|that|i|we)\b.*")


def read_yes_no(text: str) -> tuple[bool | None, _How]:
    """Whether a reply says yes or no, and how it was read; None where it says neither or both.

    A reply is read by its clauses: one that is a word for yes or no, begins with it as an answer does, or ends with
    "is yes". "There is no tumour" is not an answer: it depends on the question.
    """
    whole = peel(fold(text))
    if whole in _YES or whole in _NO:
        return whole in _YES, "exact" if text.strip() in ("yes", "no") else "normalised"
    said = {verdict for clause in _CLAUSE.split(_lines(text)) if (verdict := _verdict(clause)) is not None}
    return (said.pop(), "found in text") if len(said) == 1 else (None, "failed")


def _lines(text: str) -> str:
    return "\n".join(map(fold, text.splitlines()))


def _verdict(clause: str) -> bool | None:
    words = peel(clause)
    if words in _YES or words in _NO:
        return words in _YES
    if said := _SAYS.search(words):
        return said[1] in _YES
    begun = _BEGINS.fullmatch(words)
    return None if begun is None else begun[1] is not None
