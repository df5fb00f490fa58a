"""Demonstrations whose texts share words with the query's."""

from __future__ import annotations

from ..domain.examples import Query
from ..domain.selections import Candidate
from ..domain.sources import CandidateSource
from .base import Card, SelectorBase
from .ranking import fill, flagged, labels_of, ordinal
from .rices import Rices


class Bm25(SelectorBase):
    """The examples whose input text matches the query's best by BM25.

    Okapi BM25 with k1 = 1.5, b = 0.75 and Lucene's idf ln(1 + (N - n + 0.5) / (n + 0.5)), by the library bm25s. Words
    are what Unicode calls words, case-folded; nothing is stemmed and nothing is a stop word. Examples that share no
    word are no hits: they fill up at random, as in Bertsch et al., but here the order of the hits is kept.
    """

    card = Card(
        paper="Robertson & Zaragoza 2009, doi:10.1561/1500000019; for demonstrations Bertsch et al., "
        "[arXiv 2405.00200](https://arxiv.org/abs/2405.00200)",
        cost="below one search",
        use="wording decides: names, codes, error messages, long-tail words",
        avoid="texts are short and alike, or in languages written without spaces",
    )
    draws = False
    nested = "prefix"

    def select(self, query: Query, source: CandidateSource, k: int, seed: int) -> list[Candidate]:
        """Top-k by score, then a keyed random fill. A query that matches nothing is ranked as by `rices`, flagged."""
        hits = source.matching(k)
        if not hits:
            flag = (
                "no example shares a word with the query" if query.text.strip() else "the query has no text"
            )
            return flagged(
                Rices(modality="text").select(query, source, k, seed), f"{flag}: ranked by similarity"
            )
        labels = labels_of(source, [hit.id for hit in hits])
        chosen = [
            Candidate(
                id=hit.id,
                reason=f"{ordinal(rank)} by BM25, score {hit.score:.4f}",
                score=hit.score,
                scores={"bm25": hit.score},
                label=labels[hit.id],
            )
            for rank, hit in enumerate(hits, start=1)
        ]
        return [*chosen, *fill(query, source, chosen, k, seed, "no word in common with the query")]
