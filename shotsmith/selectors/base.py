"""What every selector is."""

from __future__ import annotations

from abc import abstractmethod

from ..domain.examples import Query
from ..domain.protocols import CandidateSource
from ..domain.recipes import Frozen
from ..domain.selections import Candidate


class SelectorBase(Frozen):
    """A frozen pydantic model whose fields are its parameters, each with a default and a description.

    The first line of the docstring and the fields' descriptions are what users read in help, docs and explorer.
    """

    @property
    def fixed(self) -> bool:
        """Whether every query gets the same examples in the same rank order, up to what the leak guard removes."""
        return False

    @abstractmethod
    def select(self, query: Query, source: CandidateSource, k: int, seed: int) -> list[Candidate]:
        """At most k candidates in rank order, most useful first, no id twice.

        Pure: the result depends on nothing but the arguments, and on the source's lists only through their
        documented order. When k examples are eligible, k come back.

        Args:
            query: What is asked; `query.key` seeds draws that differ between queries.
            source: The eligible examples: filters and the leak guard are already applied.
            k: Shots, at least 0.
            seed: Seeds every random choice.
        """
