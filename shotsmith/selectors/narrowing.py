"""Stages that ask for less: examples that match the query's metadata, fewer where scores fall, none of the images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, Self

from pydantic import Field, model_validator

from ..domain.errors import InvalidInput
from ..domain.examples import Query
from ..domain.filters import Filter
from ..domain.recipes import Names
from ..domain.scoring import quantise
from ..domain.selections import Candidate
from ..domain.sources import CandidateSource, Selector
from .base import Card, StageBase
from .ranking import flagged

GROUP = "group"


class Matched(StageBase):
    """First those that share the query's group or metadata, such as speaker, site or device, then the others.

    `by` names what must be equal, most important first: candidates that match in everything come first, then those
    that match in all but the last name, and so on; within a step the order before stays. "group" is the group, any
    other name a metadata value. In evaluation the leak guard keeps the query's group out.
    """

    card = Card(
        paper="same-speaker demonstrations: Roll et al., [arXiv 2505.14887](https://arxiv.org/abs/2505.14887)",
        cost="one filtered search a step",
        use="appearance depends on the source: scanner, camera, speaker, site",
        avoid="the source predicts the answer, and new sources will come",
    )
    draws = False
    nested = "prefix"

    by: Names = Field(min_length=1, description='Names of metadata, or "group"; most important first.')

    def apply(
        self, inner: Selector, query: Query, source: CandidateSource, k: int, seed: int
    ) -> list[Candidate]:
        """Step by step from full match to none."""
        known = {GROUP: query.group or None, **query.metadata}
        told = [name for name in self.by if known.get(name) is not None]
        chosen: list[Candidate] = []
        for depth in range(len(told), -1, -1):
            if len(chosen) >= k:
                break
            names = told[:depth]
            part = source.within(_equal(names, known)) if names else source
            found = inner.select(query, part.without([one.id for one in chosen]), k - len(chosen), seed)
            how = f"same {' and '.join(names)}" if names else f"another {told[0]}" if told else ""
            # Scores of different steps do not rank against each other.
            chosen += [
                replace(
                    one,
                    score=None if chosen else one.score,
                    reason=f"{how}: {one.reason}" if how else one.reason,
                )
                for one in found
            ]
        missing = [name for name in self.by if name not in told]
        notes = [f"the query has no {' and no '.join(missing)} to match"] if missing else []
        return flagged(chosen[:k], *notes)


def _equal(names: Sequence[str], known: dict[str, object]) -> Filter:
    metadata = {name: known[name] for name in names if name != GROUP}
    return Filter(groups=(str(known[GROUP]),) if GROUP in names else None, metadata=metadata)


class TextOnly(StageBase):
    """The same demonstrations without their images: the "zero-shot" prompts of Flamingo.

    Flamingo and OpenFlamingo call two such demonstrations zero-shot, as in `random_per_query(k=2)|text_only`. After
    `rices` the two tell of the query, so that such numbers are not zero-shot; `none` is.
    """

    card = Card(
        paper="Alayrac et al., Flamingo, [arXiv 2204.14198](https://arxiv.org/abs/2204.14198)",
        cost="nothing",
        use="comparing with published zero-shot numbers, or asking whether the images matter",
        avoid="demonstrations have no text: then only answers are shown",
    )
    draws = False
    nested = "prefix"
    keeps_fixed = True
    keeps_places = True
    start = "random_per_query"

    def apply(
        self, inner: Selector, query: Query, source: CandidateSource, k: int, seed: int
    ) -> list[Candidate]:
        """What stands before, bare."""
        return [replace(one, bare=True) for one in inner.select(query, source, k, seed)]


class Adaptive(StageBase):
    """As many as are worth it, between k_min and k: it stops where scores fall or the model is sure.

    gap: at the largest drop between consecutive scores, the first one not taken included; all are kept where none
    drops. ratio: before the first score below `threshold` times the best one. confidence: the model is asked after
    k_min, 2 k_min, 4 k_min ... demonstrations until its likeliest label has at least the probability `threshold`.
    k_max bounds k from above.
    """

    card = Card(
        paper="Wang et al., Retrieval-Augmented Perception, [arXiv 2503.01222](https://arxiv.org/abs/2503.01222); "
        "the rules gap and ratio are ours",
        cost="that of the stage before; confidence: up to log2(k / k_min) + 2 model calls",
        use="some queries have many good examples and some few",
        avoid="scores of the stage before mean nothing (random, fixed sets)",
    )
    draws = False
    fills = False

    by: Literal["gap", "ratio", "confidence"] = Field("gap", description="Which rule stops.")
    k_min: int = Field(1, ge=1, description="At least so many.")
    k_max: int | None = Field(None, ge=1, description="At most so many, whatever k is.")
    threshold: float | None = Field(
        None,
        gt=0,
        le=1,
        description="ratio: share of the best score, default 0.8; confidence: probability, default 0.9.",
    )
    model: str | None = Field(
        None, description="Who is asked for its confidence. Default: the configured model."
    )

    @model_validator(mode="after")
    def _bounds(self) -> Self:
        if self.k_max is not None and self.k_max < self.k_min:
            raise ValueError("k_max cannot be below k_min")
        return self

    def apply(
        self, inner: Selector, query: Query, source: CandidateSource, k: int, seed: int
    ) -> list[Candidate]:
        """The first few of what stands before, with the reason for stopping as a flag."""
        most = k if self.k_max is None else min(k, self.k_max)
        # The score after the last one tells whether the last one is worth showing.
        further = self.by == "gap" and inner.nested == "prefix" and most > 0
        found = inner.select(query, source, most + further, seed)[: most + further]
        ranked = found[:most]
        if len(ranked) <= self.k_min:
            return ranked
        if self.by == "confidence":
            size, why = self._confident(query, source, ranked)
        else:
            size, why = self._scored(ranked, found)
        return flagged(ranked[:size], f"adaptive: {size} of {len(ranked)}, {why}")

    def _scored(self, ranked: Sequence[Candidate], found: Sequence[Candidate]) -> tuple[int, str]:
        scores = [one.score for one in ranked if one.score is not None]
        if not scores:
            return len(ranked), "as none is scored"
        if len(scores) <= self.k_min:
            return self.k_min, "as no further one is scored"
        if self.by == "ratio":
            floor = quantise((self.threshold or 0.8) * scores[0])
            kept = next((place for place, score in enumerate(scores) if score < floor), len(scores))
            if kept == len(scores):
                return kept, f"as no score falls below {floor:.4f}"
            return max(self.k_min, kept), f"as the score then falls below {floor:.4f}"
        after = found[len(ranked)].score if len(found) > len(ranked) == len(scores) else None
        scores += [] if after is None else [after]
        drops = [quantise(scores[place - 1] - scores[place]) for place in range(self.k_min, len(scores))]
        widest = max(drops)
        if widest <= 0:
            return min(len(scores), len(ranked)), "as no score falls"
        return self.k_min + drops.index(widest), f"before the largest drop of the score, {widest:.4f}"

    def _confident(
        self, query: Query, source: CandidateSource, ranked: Sequence[Candidate]
    ) -> tuple[int, str]:
        labels = sorted(source.labels())
        if not labels:
            raise InvalidInput(
                "confidence needs a label space, and no eligible example has a label",
                field="adaptive.by",
                value=self.by,
                mend='Use by="gap" or by="ratio"',
            )
        judge = source.judge(self.model)
        wanted = self.threshold or 0.9
        size, sure = self.k_min, 0.0
        while True:
            shown = source.examples([one.id for one in reversed(ranked[:size])])
            sure = max(judge.probabilities(query, list(shown.values()), labels).values(), default=0.0)
            if sure >= wanted or size == len(ranked):
                reached = "is sure" if sure >= wanted else "is not sure yet"
                return size, f"{judge.name} {reached}: {sure:.2f} for its likeliest label"
            size = min(2 * size, len(ranked))
