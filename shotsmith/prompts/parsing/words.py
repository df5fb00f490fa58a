"""Texts as answers are compared: folded, without their dress, and cut into words."""

from __future__ import annotations

import re
import unicodedata

_WRAPPING = "\"'`*_~“”„‘’‚«»‹›「」『』"
_FINAL = ".,;:!?。、"
_NAMED = re.compile(r"\Aanswer(?: choice)?(?: \d+)?:")
_HYPHENS = dict.fromkeys(map(ord, "‐‑‒–−"), "-")

# Words over a text's shape: w for letters and marks, d for digits, everything else as it is. A word keeps its inner
# hyphens, dots and apostrophes; a number keeps its sign and its separators.
_WORD = re.compile(r"(?:-?\.?(?=d))?[wd]+(?:(?:[-_'’.&@]|(?<=d)[,:/](?=d))[wd]+)*[+#]*|\S")


def plain(text: str) -> str:
    """In compatible characters, with one kind of hyphen and minus."""
    return unicodedata.normalize("NFKC", text).translate(_HYPHENS)


def fold(text: str) -> str:
    """Plain, without case, spaces collapsed."""
    return " ".join(plain(plain(text).casefold()).split())


def peel(text: str) -> str:
    """A folded text without quotes, emphasis, final punctuation and a leading `answer:` or `answer choice 1:`."""
    before = None
    while text != before:
        before = text
        text = _NAMED.sub("", text.strip().strip(_WRAPPING)).rstrip(_FINAL)
    return text


def words_of(text: str) -> list[str]:
    """The words and signs of a plain text, in order."""
    whole = plain(text)
    shape = "".join(map(_shape, whole))
    return [whole[match.start() : match.end()] for match in _WORD.finditer(shape)]


def _shape(char: str) -> str:
    category = unicodedata.category(char)
    if category == "Nd":
        return "d"
    # Marks and zero-width joiners are parts of words in many scripts.
    return "w" if category[0] in "LNM" or char in "\u200c\u200d" else char
