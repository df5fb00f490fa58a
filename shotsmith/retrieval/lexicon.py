"""BM25 over input texts, by bm25s: which examples share words with the query."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from ..domain.examples import normal_text
from ..domain.protocols import Hit
from ..domain.scoring import quantise

K1, B = 1.5, 0.75
_WORD = re.compile(r"\w+")


def words(text: str) -> list[str]:
    """Words of a text as they are counted: NFKC, case-folded, letters, digits and underscores."""
    return _WORD.findall(normal_text(text))


class Lexicon:
    """BM25 scores of one set of texts.

    For a query, sum over its words t of idf(t) tf (k1 + 1) / (tf + k1 (1 - b + b length / mean length)), with
    k1 = 1.5, b = 0.75 and idf(t) = ln(1 + (N - n + 0.5) / (n + 0.5)), which is never negative (Robertson & Zaragoza
    2009; Lucene's idf). N counts the texts with at least one word.

    Args:
        texts: By example id.
    """

    def __init__(self, texts: Mapping[str, str]) -> None:
        counted = {id: found for id in sorted(texts) if (found := words(texts[id]))}
        self._ids = list(counted)
        self._known = frozenset(word for found in counted.values() for word in found)
        self._model: Any = None
        if counted:
            import bm25s

            self._model = bm25s.BM25(method="lucene", k1=K1, b=B, dtype="float64")
            self._model.index(list(counted.values()), show_progress=False)

    def best(self, text: str, limit: int, without: Iterable[str] = ()) -> list[Hit]:
        """The texts that share words with this one, by score, then id.

        Args:
            text: The query's.
            limit: How many at most.
            without: Ids that do not count.
        """
        # Sorted, so that the sum of a score does not depend on the order of words.
        asked = sorted(word for word in words(text) if word in self._known)
        if not asked or limit <= 0:
            return []
        excluded = frozenset(without)
        scores = np.round(self._model.get_scores(asked) * (K1 + 1), 6)
        wanted = min(limit + len(excluded), len(self._ids))
        floor = np.partition(scores, -wanted)[-wanted]
        places = np.flatnonzero((scores >= floor) & (scores > 0))
        ranking = places[np.argsort(-scores[places], kind="stable")]  # ids ascend, so ties come by id
        hits = (Hit(self._ids[place], quantise(scores[place])) for place in ranking)
        return [hit for hit in hits if hit.id not in excluded][:limit]
