"""WordNet 3.0 database files (Debian: wordnet-base), read as far as the build needs them.

Format: https://wordnet.princeton.edu/documentation/wndb5wn
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Synset:
    """A meaning: its byte offset (the digits of a wnid), the words that share it, and its gloss with examples."""

    offset: str
    words: tuple[str, ...]
    gloss: str


def synsets(folder: Path, part: str) -> Iterator[Synset]:
    """Every synset of "noun", "verb", "adj" or "adv", in file order."""
    with (folder / f"data.{part}").open(encoding="utf-8") as lines:
        for line in lines:
            if line.startswith(" "):  # the licence at the top of every file
                continue
            head, _, gloss = line.partition("|")
            fields = head.split()
            words = fields[4 : 4 + 2 * int(fields[3], 16) : 2]
            yield Synset(fields[0], tuple(word.replace("_", " ") for word in words), gloss.strip())
