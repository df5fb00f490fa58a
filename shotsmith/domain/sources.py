"""What selectors see: the eligible examples of a pool for one query, and a model that may be asked about them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, runtime_checkable

from .examples import Example, PoolKind, Query
from .filters import Filter
from .plans import Plan
from .protocols import Hit
from .scoring import Matrix, Vector
from .selections import Candidate


@dataclass(frozen=True, slots=True)
class Rows:
    """Unit vectors in step with the examples they belong to.

    Attributes:
        ids: Example ids.
        matrix: Float32 [n, d]; it may be mapped from a file, so read it in blocks.
    """

    ids: Sequence[str]
    matrix: Matrix = field(repr=False)


@dataclass(frozen=True, slots=True)
class PartsSpec:
    """Into which parts examples and queries are taken for late interaction.

    Attributes:
        tiles: Each picture is also seen as tiles x tiles crops; 0 for none.
        fields: Names of metadata whose values are texts of their own, such as "ocr".
    """

    tiles: int = 0
    fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Part:
    """One part of an example or a query, with its unit vectors by space.

    Attributes:
        kind: A whole picture, a crop of one, the text, or a metadata value.
        name: Which one, for people: "image 1", "image 1, tile 2 of 4", "text", "ocr".
        vectors: Float32 [d] by space.
    """

    kind: Literal["image", "tile", "text", "field"]
    name: str
    vectors: Mapping[str, Vector] = field(repr=False)


class Judge(Protocol):
    """A model that selectors may ask. Every question goes through the call ledger, so none is paid for twice.

    Raises (all methods): ModelError when the model does not answer.
    """

    @property
    def name(self) -> str:
        """The model, as recipes and flags name it."""
        ...

    def probabilities(
        self, query: Query, shots: Sequence[Example], labels: Sequence[str]
    ) -> Mapping[str, float]:
        """How likely each label is for the query after these demonstrations in prompt order; the sum is 1.

        Raises:
            InvalidInput: The model does not tell probabilities.
        """
        ...

    def ranking(self, query: Query, candidates: Sequence[Example]) -> Sequence[str]:
        """Ids of the candidates, the most useful demonstration first, in one listwise question.

        What the model leaves out comes last, in the given order.
        """
        ...

    def description(self, query: Query) -> str:
        """What the query shows, in a sentence."""
        ...

    def difficulty(self, example: Example, prompt: int = 0) -> float:
        """How hard the example is to answer, from 0 to 1; `prompt` chooses among differently worded questions."""
        ...


@runtime_checkable
class CandidateSource(Protocol):
    """The eligible examples for one query: filters and the leak guard are already applied.

    Ids are example ids. Every list comes in the total order or, where nothing is ranked, by ascending id. Similarities
    are quantised cosines.
    """

    @property
    def kind(self) -> PoolKind:
        """The pool's task family."""
        ...

    @property
    def query(self) -> Query:
        """What is asked."""
        ...

    @property
    def modalities(self) -> frozenset[str]:
        """Spaces in which this query can be compared: it has a vector there and so has an eligible example."""
        ...

    def ids(self, label: str | None = None) -> Sequence[str]:
        """Eligible ids, of one label or of all."""
        ...

    def draw(self, limit: int, seed: int, scope: str, label: str | None = None) -> Sequence[str]:
        """The first eligible ids of the keyed shuffle (`scoring.shuffled`), of one label or of all."""
        ...

    def label_of(self, id: str) -> str | None:
        """Balancing label of an eligible example: its first."""
        ...

    def labels(self) -> Mapping[str, int]:
        """Eligible examples by label; one with several labels counts for each."""
        ...

    def examples(self, ids: Sequence[str]) -> Mapping[str, Example]:
        """The eligible examples of these ids, with their content."""
        ...

    def nearest(self, space: str, limit: int, vector: Vector | None = None) -> list[Hit]:
        """The eligible examples nearest to the query, or to another unit vector, that have the space."""
        ...

    def nearest_per_label(self, space: str, labels: Sequence[str], limit: int) -> dict[str, list[Hit]]:
        """The nearest eligible examples that carry each label."""
        ...

    def scores(self, space: str, ids: Sequence[str], vector: Vector | None = None) -> dict[str, float]:
        """Similarities of given eligible examples; those without the space are absent."""
        ...

    def moments(self, space: str) -> tuple[float, float]:
        """Mean and population standard deviation of the similarities over the eligible examples; (0, 0) for none."""
        ...

    def matching(self, limit: int) -> list[Hit]:
        """The eligible examples whose input text matches the query's best by BM25; those sharing no word are absent."""
        ...

    def vector(self, space: str) -> Vector | None:
        """The query's own unit vector."""
        ...

    def encoded(self, text: str) -> Vector | None:
        """A text's unit vector in the joint space; None where there is none."""
        ...

    def vectors(self, space: str, ids: Sequence[str]) -> Rows:
        """Stored vectors of given eligible examples, in the given order; those without the space are left out."""
        ...

    def parts(self, ids: Sequence[str], spec: PartsSpec) -> Mapping[str, Sequence[Part]]:
        """The parts of given eligible examples."""
        ...

    def query_parts(self, spec: PartsSpec) -> Sequence[Part]:
        """The parts of the query."""
        ...

    def neighbours(self, name: str) -> Sequence[str]:
        """Eligible ids of the list that was imported for this query under a name, best first.

        Raises:
            NotFound: No lists of that name.
        """
        ...

    def within(self, filter: Filter) -> CandidateSource:
        """The same source, restricted further."""
        ...

    def without(self, ids: Sequence[str]) -> CandidateSource:
        """The same source without these examples."""
        ...

    def everything(self, space: str, splits: Sequence[str] | None = None) -> Rows:
        """All vectors of one space that the recipe's filter allows, ids ascending: for query-independent choices.

        With `splits`, those of the examples of these splits instead. The leak guard is not applied: what a plan chooses
        is checked for each query.
        """
        ...

    def planned(
        self, key: str, size: int, make: Callable[[CandidateSource, int], Plan], *, nested: bool = True
    ) -> list[Candidate]:
        """The first `size` eligible examples of a query-independent plan, which is made once a pool version.

        Args:
            key: Names the choice: selector, parameters and seed.
            size: How many are wanted.
            make: Makes a plan for so many from the source without leak guard and query, when none is kept that serves.
            nested: Whether a plan for more serves as well.
        """
        ...

    def judge(self, model: str | None = None) -> Judge:
        """A model to ask; by default the configured one.

        Raises:
            InvalidParameter: There is none.
        """
        ...


#: How the choice of k relates to the choice of k + 1: it begins it, it is part of it, or neither.
Nested = Literal["prefix", "subset", "no"]


@runtime_checkable
class Selector(Protocol):
    """Decides which examples become demonstrations. Pure: equal input gives equal output."""

    @property
    def fixed(self) -> bool:
        """Whether every query gets the same examples in the same rank order, up to what the leak guard removes."""
        ...

    @property
    def nested(self) -> Nested:
        """How its choice of k relates to that of k + 1."""
        ...

    def select(self, query: Query, source: CandidateSource, k: int, seed: int) -> list[Candidate]:
        """At most k candidates (only `all` ignores k) in rank order, most useful first, no id twice."""
        ...
