"""The seams. Whatever satisfies one of these protocols can replace a built-in part."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from PIL.Image import Image

from .filters import Filter
from .messages import Reply, Request
from .scoring import Matrix, Vector


@runtime_checkable
class Encoder(Protocol):
    """Turns images and texts into unit vectors.

    Vectors live in named spaces: "image" compares pictures with pictures, "text" texts with texts, and "joint"
    either with either. An encoder offers the spaces it has.
    """

    @property
    def id(self) -> str:
        """Model, revision and preprocessing. Equal ids promise equal vectors."""
        ...

    @property
    def dims(self) -> Mapping[str, int]:
        """Dimension of each space on offer: a subset of "image", "text" and "joint"."""
        ...

    def encode_images(self, images: Sequence[Image]) -> Mapping[str, Matrix]:
        """Encode RGB pictures.

        Returns:
            For each space that pictures live in ("image", "joint"), float32 [n, d] unit rows; a row of zeros means
            "no score". Empty for a text-only encoder. Results do not depend on the batch.
        """
        ...

    def encode_texts(self, texts: Sequence[str]) -> Mapping[str, Matrix]:
        """Encode texts.

        Returns:
            For each space that texts live in ("text", "joint"), float32 [n, d] unit rows; a row of zeros means
            "no score". Empty for an image-only encoder. Results do not depend on the batch.
        """
        ...


@dataclass(frozen=True, slots=True)
class Point:
    """One example in an index.

    Attributes:
        id: Example id.
        vectors: Unit float32 vectors by space; a missing space is simply absent.
        payload: `label` (the balancing label, "" for none), `labels`, `tags` (lists of str), `split`, `group`
            (str, "" for none), `metadata` (flat mapping) and `content` (the example's content hash, by which
            `doctor` compares).
    """

    id: str
    vectors: Mapping[str, Vector]
    payload: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Search:
    """One nearest-neighbour question.

    Attributes:
        space: "image", "text" or "joint".
        vector: Unit float32 [d].
        limit: How many hits at most.
        filter: Which points count.
        exact: Scan instead of trusting the approximate graph.
    """

    space: str
    vector: Vector = field(repr=False)
    limit: int
    filter: Filter = field(default_factory=Filter)
    exact: bool = False


@dataclass(frozen=True, slots=True)
class Hit:
    """One found point: its id and its quantised cosine."""

    id: str
    score: float


@dataclass(frozen=True, slots=True)
class Stored:
    """A point as `scroll` lists it."""

    id: str
    payload: Mapping[str, Any]
    spaces: frozenset[str]


@runtime_checkable
class VectorIndex(Protocol):
    """Derived data: vectors by example id, in named collections. SQL can always rebuild it.

    Every implementation gives the same hits in the same order: cosine in float64, quantised to 1e-6, ties by id,
    complete even when many points tie at the limit.

    Raises (all methods): InvalidInput for a wrong dimension, a non-finite or non-unit vector or an unknown space;
    NotFound for an unknown collection; Busy and Unavailable when the store cannot be used.
    """

    def create(self, collection: str, dims: Mapping[str, int]) -> None:
        """Create a collection with these spaces; a no-op when it exists with the same ones (Conflict otherwise)."""
        ...

    def exists(self, collection: str) -> bool:
        """Whether the collection (or alias) exists."""
        ...

    def drop(self, collection: str) -> None:
        """Remove a collection and its points; a no-op when there is none."""
        ...

    def swap(self, alias: str, collection: str) -> None:
        """Make `alias` name `collection` from now on, atomically; what it named before stays."""
        ...

    def upsert(self, collection: str, points: Sequence[Point]) -> None:
        """Insert or replace whole points, durably against a killed process."""
        ...

    def delete(self, collection: str, ids: Sequence[str]) -> None:
        """Remove points; unknown ids are ignored."""
        ...

    def search(self, collection: str, search: Search) -> list[Hit]:
        """Nearest points in rank order."""
        ...

    def search_many(self, collection: str, searches: Sequence[Search]) -> list[list[Hit]]:
        """One result list per search, in their order."""
        ...

    def search_per_label(
        self, collection: str, search: Search, labels: Sequence[str]
    ) -> dict[str, list[Hit]]:
        """The nearest `search.limit` points that carry each label, on top of the filter."""
        ...

    def vectors(self, collection: str, space: str, ids: Sequence[str]) -> dict[str, Vector]:
        """Stored unit vectors by id; points that are not there, or lack the space, are absent."""
        ...

    def count(self, collection: str, filter: Filter | None = None) -> int:
        """How many points pass the filter."""
        ...

    def scroll(self, collection: str, page: int = 1000) -> Iterator[Stored]:
        """Every point once, by ascending example id or any stable order."""
        ...

    def flush(self) -> None:
        """Make everything durable against power loss."""
        ...

    def close(self) -> None:
        """Release the store. Idempotent."""
        ...


@runtime_checkable
class VLM(Protocol):
    """A vision-language model, real, offline or simulated."""

    def complete(self, request: Request) -> Reply:
        """Answer one request.

        Raises:
            ModelError: The model did not answer; the subclass says why.
        """
        ...
