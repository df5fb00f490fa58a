"""What every selector and every stage is."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar, NamedTuple

from ..domain.examples import Query
from ..domain.recipes import Frozen
from ..domain.selections import Candidate
from ..domain.sources import CandidateSource, Nested, Selector


class Card(NamedTuple):
    """What people should know before they choose a selector; the documentation's table is made of these.

    Attributes:
        paper: Where the method comes from, with a link or an arXiv number; "ours" where there is none.
        cost: What a query costs beside one nearest-neighbour search.
        use: When it is the right one.
        avoid: When it is not.
    """

    paper: str
    cost: str
    use: str
    avoid: str


class SelectorBase(Frozen):
    """A frozen pydantic model whose fields are its parameters, each with a default and a description.

    The first line of the docstring and the fields' descriptions are what users read in help, docs and explorer.
    """

    card: ClassVar[Card | None] = None
    #: Declared by the class, held by the tests.
    nested: ClassVar[Nested] = "no"
    #: Whether min(k, eligible) examples come back. One that may give fewer says so in flags or reasons.
    fills: ClassVar[bool] = True
    #: Whether no more than k come back.
    bounded: ClassVar[bool] = True
    #: Whether another seed may choose other examples, where none lacks what is compared.
    draws: ClassVar[bool] = True

    @property
    def fixed(self) -> bool:
        """Whether every query gets the same examples in the same rank order, up to what the leak guard removes."""
        return False

    @property
    def prefixed(self) -> bool:
        """Whether some of its demonstrations are the same for every query and stand first, for prompt caches."""
        return False

    def nesting(self) -> Nested:
        """`nested`, for selectors whose parameters decide it."""
        return self.nested

    def filling(self) -> bool:
        """`fills`, for selectors whose parameters decide it."""
        return self.fills

    def drawing(self) -> bool:
        """`draws`, for selectors whose parameters decide it."""
        return self.draws

    @abstractmethod
    def select(self, query: Query, source: CandidateSource, k: int, seed: int) -> list[Candidate]:
        """At most k candidates in rank order, most useful first, no id twice.

        Pure: the result depends on nothing but the arguments, and on the source's lists only through their
        documented order.

        Args:
            query: What is asked; `query.key` seeds draws that differ between queries.
            source: The eligible examples: filters and the leak guard are already applied.
            k: Shots, at least 0.
            seed: Seeds every random choice.
        """


class StageBase(Frozen):
    """A step after a selector, which reworks its choice: diversify, balance, rerank, stop early.

    Parameters and documentation as for `SelectorBase`.
    """

    card: ClassVar[Card | None] = None
    #: How its choice of k relates to that of k + 1, when the selector before it is nested as a prefix.
    nested: ClassVar[Nested] = "no"
    fills: ClassVar[bool] = True
    #: Whether a query-independent choice stays one.
    keeps_fixed: ClassVar[bool] = False
    #: Whether it leaves every demonstration in its place, so that it may follow a cached part.
    keeps_places: ClassVar[bool] = False
    #: Whether another seed may change what it does.
    draws: ClassVar[bool] = True
    #: The selector in front of it where none is written.
    start: ClassVar[str] = "rices"

    @abstractmethod
    def apply(
        self, inner: Selector, query: Query, source: CandidateSource, k: int, seed: int
    ) -> list[Candidate]:
        """At most k candidates in rank order.

        Args:
            inner: What stands before this stage. Ask it for as many candidates as needed, of this source or of a part
                of it; its rank order is what it thinks of them.
            query: As for selectors; so are the rest.
            source: The eligible examples.
            k: Shots, at least 0.
            seed: Seeds every random choice.
        """
