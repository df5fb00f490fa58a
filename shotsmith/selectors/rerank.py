"""A stage that looks again: by pictures against words, by parts, or by asking a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal

from pydantic import Field

from ..domain.examples import Query
from ..domain.recipes import Names
from ..domain.scoring import quantise, ranked, shuffled
from ..domain.selections import Candidate
from ..domain.sources import CandidateSource, PartsSpec, Selector
from .base import Card, StageBase
from .cross import asked_vector, cross_cosines
from .late import interact
from .ranking import flagged, ordinal


class Rerank(StageBase):
    """The best of the stage before, in a new order.

    cross: by the cosine of the query's text with the candidates' pictures, in the joint space. description: the same
    with a description of the query that a model writes (VICL). parts: by late interaction, see `late_interaction`.
    model: a model ranks all candidates in one listwise question; candidates are shuffled for each of `passes`
    questions and ranks averaged, so that its liking for first or last places cancels out. What cannot be compared
    follows in the order before.
    """

    card = Card(
        paper="VICL, [arXiv 2402.11574](https://arxiv.org/abs/2402.11574); listwise: mRAG, "
        "[arXiv 2505.24073](https://arxiv.org/abs/2505.24073); shuffled passes are ours",
        cost="the stage before for `depth` candidates; description: one model call a query, model: `passes` calls",
        use="retrieval finds the right ones but not in the right order",
        avoid="model calls cost more than more demonstrations would",
    )
    nested = "prefix"

    by: Literal["cross", "description", "parts", "model"] = Field("cross", description="What decides.")
    depth: int = Field(32, ge=1, description="How many candidates of the stage before compete.")
    passes: int = Field(3, ge=1, le=20, description="model: how often it is asked.")
    model: str | None = Field(None, description="Who is asked. Default: the configured model.")
    tiles: int = Field(0, ge=0, le=8, description="parts: as in `late_interaction`.")
    fields: Names = Field((), description="parts: as in `late_interaction`.")

    def apply(
        self, inner: Selector, query: Query, source: CandidateSource, k: int, seed: int
    ) -> list[Candidate]:
        """The first `depth` of the stage before by the new score, then the rest of it."""
        before = inner.select(query, source, max(k, self.depth), seed)
        if not before:
            return []
        competing = {one.id: one for one in before[: self.depth]}
        scores, space, how = self._scores(query, source, list(competing), seed)
        if not scores:
            return flagged(before[:k], f"cannot be reranked by {self.by}: {how}")
        chosen = [
            replace(
                competing[id],
                score=score,
                scores={**competing[id].scores, space: score},
                reason=f"{ordinal(place)} {how} (score {score:.4f}); before: {competing[id].reason}",
            )
            for place, (id, score) in enumerate(ranked(scores), start=1)
        ]
        rest = [replace(one, score=None) for one in before if one.id not in scores]
        lacking = [
            flagged([one], "cannot be compared when reranking: placed after those that can")[0]
            if one.id in competing
            else one
            for one in rest
        ]
        return [*chosen, *lacking][:k]

    def _scores(
        self, query: Query, source: CandidateSource, ids: Sequence[str], seed: int
    ) -> tuple[Mapping[str, float], str, str]:
        """Scores by id, how they are called, and in words; without scores, why there are none."""
        if self.by == "parts":
            spec = PartsSpec(self.tiles, self.fields)
            found = interact(source.query_parts(spec), source.parts(ids, spec))
            return found.scores, "parts", "by late interaction" if found.scores else "nothing to compare"
        if self.by == "model":
            return self._asked(query, source, ids, seed)
        if self.by == "cross":
            vector = asked_vector(source, "text")
            scores = cross_cosines(source, ids, shown="image", vector=vector)
            missing = "the query has no text" if vector is None else "no candidate has a picture"
            return scores, "cross", "by the query's text against its picture" if scores else missing
        judge = source.judge(self.model)
        said = judge.description(query)
        scores = cross_cosines(source, ids, shown="image", vector=source.encoded(said))
        return (
            scores,
            "cross",
            f"by {judge.name}'s description of the query" if scores else "no candidate has a picture",
        )

    def _asked(
        self, query: Query, source: CandidateSource, ids: Sequence[str], seed: int
    ) -> tuple[Mapping[str, float], str, str]:
        judge = source.judge(self.model)
        examples = source.examples(ids)
        places: dict[str, list[int]] = {id: [] for id in ids}
        for turn in range(self.passes):
            order = shuffled(ids, seed, f"rerank|{turn}|{query.key}")
            for place, id in enumerate(judge.ranking(query, [examples[id] for id in order])):
                places[id].append(place)
        # Between 1 for always first and 0 for always last.
        most = max(len(ids) - 1, 1)
        scores = {id: quantise(1 - sum(found) / (len(found) * most)) for id, found in places.items()}
        return scores, "listwise", f"by {judge.name} in {self.passes} listwise passes"
