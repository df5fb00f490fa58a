"""Selectors made of selectors: mixtures, a cached part with a similar one, and lists that came from elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from fractions import Fraction
from typing import Annotated, Self

from pydantic import Field, field_validator, model_validator

from ..domain.errors import InvalidInput
from ..domain.examples import Query
from ..domain.selections import Candidate
from ..domain.sources import CandidateSource, Nested
from .base import Card, SelectorBase
from .catalogue import Inner, build_text
from .ranking import flagged, labels_of, ordinal

Share = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class Mix(SelectorBase):
    """Several selectors take turns, each with its share of the demonstrations.

    Turns follow the Sainte-Laguë method: the next one goes to the part with the largest share / (2 taken + 1), ties
    to the part named first, so that shares hold for every k and one more shot is always one more turn. Each part
    gives its best example that no other gave; a part whose choice depends on how many it gives is asked for its
    share, and then for others in the place of those that another part gave. Rank order is the order of turns.
    """

    card = Card(
        paper="Yang et al., Lever-LM, [arXiv 2312.10104](https://arxiv.org/abs/2312.10104), which mixes its candidates",
        cost="the sum of its parts",
        use="neither modality is right alone, or some random ones should keep the prompt honest",
        avoid="one part is clearly better: it then has only its share",
    )
    nested = "prefix"

    parts: tuple[Inner, ...] = Field(
        default_factory=lambda: tuple(
            build_text(text) for text in ("rices", "rices(modality=text)", "random_per_query")
        ),
        min_length=1,
        description="Selectors, with stages or without.",
    )
    shares: tuple[Share, ...] | None = Field(
        None, description="How much each part gives; only ratios matter. Default: equal shares."
    )

    @model_validator(mode="after")
    def _as_many(self) -> Self:
        if self.shares is not None and len(self.shares) != len(self.parts):
            raise ValueError("give as many shares as parts")
        return self

    def nesting(self) -> Nested:
        """As its parts are."""
        return "prefix" if all(part.nested == "prefix" for part in self.parts) else "no"

    def filling(self) -> bool:
        """Whether one of its parts can always go on."""
        return any(part.fills for part in self.parts)

    def select(self, query: Query, source: CandidateSource, k: int, seed: int) -> list[Candidate]:
        """Turn by turn."""
        # As written: 3 to 1 is 0.3 to 0.1.
        shares = [Fraction(str(share)) for share in self.shares or (1.0,) * len(self.parts)]
        chosen: dict[str, Candidate] = {}
        wanted = _turns(shares, k)
        lists = [
            _Giving(part, query, source, seed).of(k, wanted.count(place), chosen)
            for place, part in enumerate(self.parts)
        ]
        taken = [0] * len(lists)
        open_ones = list(range(len(lists)))
        while len(chosen) < k and open_ones:
            turn = max(open_ones, key=lambda part: (shares[part] / (2 * taken[part] + 1), -part))
            found = next(lists[turn], None)
            if found is None:
                open_ones.remove(turn)
                continue
            taken[turn] += 1
            reason = f"{ordinal(taken[turn])} of part {turn + 1}: {found.reason}"
            chosen[found.id] = replace(found, score=None, fixed=False, reason=reason)
        return list(chosen.values())


def _turns(shares: Sequence[Fraction], k: int) -> list[int]:
    """Whose turn it is, as long as nobody runs out."""
    turns: list[int] = []
    for _ in range(k):
        turns.append(
            max(range(len(shares)), key=lambda part: (shares[part] / (2 * turns.count(part) + 1), -part))
        )
    return turns


class _Giving:
    """What one part of a mixture gives."""

    def __init__(self, part: Inner, query: Query, source: CandidateSource, seed: int) -> None:
        self._part, self._query, self._source, self._seed = part, query, source, seed

    def of(self, k: int, share: int, taken: dict[str, Candidate]) -> Iterator[Candidate]:
        """Its candidates in rank order, without those that are taken when their turn comes."""
        # Where k decides nothing but the end of the list, others may take up to k - 1 of it.
        asked = 2 * k if self._part.nested == "prefix" else share
        found = self._part.select(self._query, self._source, asked, self._seed) if asked else []
        while fresh := [one for one in found if one.id not in taken]:
            yield from (one for one in fresh if one.id not in taken)
            found = self._more(k - len(taken), taken)

    def _more(self, wanted: int, taken: dict[str, Candidate]) -> list[Candidate]:
        """What it gives when its first list is used up; nothing where it said that there is no more."""
        if wanted <= 0 or not self._part.fills:
            return []
        with suppress(InvalidInput):  # it needs labels, say, and what is left has none
            return self._part.select(self._query, self._source.without(list(taken)), wanted, self._seed)
        return []


class Hybrid(SelectorBase):
    """A part that is the same for every query, and then the most similar ones.

    `prefix` of the k demonstrations come from a query-independent selector and stand first in the prompt, in an order
    that knows no query, so that providers can cache them; the others are chosen for the query from what the prefix
    does not hold. An example of the prefix that the leak guard keeps out for a query is replaced, and the selection
    says that the cached prefix differs. With prefix 0 it is the similar part alone, with prefix k the fixed one. Stages
    belong into `similar`; after it they would take the prefix apart, so only `text_only` may follow.
    """

    card = Card(
        paper="Golchin et al., [arXiv 2507.16217](https://arxiv.org/abs/2507.16217)",
        cost="that of the similar part",
        use="many shots where prompt caches make the fixed part cheap",
        avoid="few shots: nothing is cached below the provider's minimum",
    )
    nested = "subset"

    cached: Inner = Field(
        default_factory=lambda: build_text("random_fixed"), description="A query-independent selector."
    )
    similar: Inner = Field(
        default_factory=lambda: build_text("rices"), description="What chooses the rest for each query."
    )
    prefix: int = Field(4, ge=0, description="How many of the k demonstrations are fixed.")

    @field_validator("cached")
    @classmethod
    def _is_fixed(cls, chain: Inner) -> Inner:
        if not chain.fixed:
            raise ValueError(
                f"{chain.text} chooses anew for each query; use random_fixed, k_means or the like"
            )
        return chain

    @property
    def fixed(self) -> bool:
        """Whether the similar part knows no query either."""
        return self.similar.fixed

    @property
    def prefixed(self) -> bool:
        """Always."""
        return True

    def filling(self) -> bool:
        """As its parts do."""
        return self.cached.fills and self.similar.fills

    def nesting(self) -> Nested:
        """As its parts are."""
        return "subset" if "no" not in (self.cached.nested, self.similar.nested) else "no"

    def select(self, query: Query, source: CandidateSource, k: int, seed: int) -> list[Candidate]:
        """The similar ones by rank, then the prefix."""
        prefix = [
            replace(one, fixed=True, score=None)
            for one in self.cached.select(query, source, min(self.prefix, k), seed)
        ]
        rest = source.without([one.id for one in prefix])
        similar = self.similar.select(query, rest, k - len(prefix), seed)
        return [*(replace(one, fixed=False) for one in similar), *prefix]


class Neighbours(SelectorBase):
    """The neighbour list that was imported for the query: what another program computed.

    Lists are imported under a name (`shotsmith neighbours import`) and found by the query's id. The leak guard and the
    filters hold for them as for everything.
    """

    card = Card(
        paper="precomputed lists as released with Yang et al., Lever-LM and ExploreCfg, and with OFv2_ICL_VQA",
        cost="one look-up",
        use="reproducing published selections, or comparing with a selector of your own",
        avoid="queries are new: they have no list",
    )
    draws = False
    nested = "prefix"

    name: str = Field(description="The name under which the lists were imported.")
    rest: Inner = Field(
        default_factory=lambda: build_text("rices"), description="What completes a list that is too short."
    )

    def nesting(self) -> Nested:
        """As what completes it is."""
        return self.rest.nested

    def filling(self) -> bool:
        """As what completes it does."""
        return self.rest.fills

    def drawing(self) -> bool:
        """As what completes it does."""
        return self.rest.draws

    def select(self, query: Query, source: CandidateSource, k: int, seed: int) -> list[Candidate]:
        """The list from its beginning, then what completes it, flagged."""
        listed = source.neighbours(self.name)[:k]
        labels = labels_of(source, listed)
        chosen = [
            Candidate(id=id, reason=f"{ordinal(rank)} of the list {self.name!r}", label=labels[id])
            for rank, id in enumerate(listed, start=1)
        ]
        if len(chosen) == k:
            return chosen
        more = self.rest.select(query, source.without(listed), k - len(chosen), seed)
        flag = f"the list {self.name!r} has {len(chosen)} for this query: completed by {self.rest.text}"
        return [*chosen, *flagged([replace(one, score=None) for one in more], flag)]
