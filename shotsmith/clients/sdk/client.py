"""`Client`: the Python SDK."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self, TypeVar

from ...domain.errors import InvalidParameter
from ...domain.examples import OnConflict
from ...schemas import (
    AddedOut,
    AnswerOut,
    BatchOut,
    ExampleIn,
    ExampleOut,
    NeighboursOut,
    PoolIn,
    PoolOut,
    PromptOut,
    SelectionOut,
    SelectorOut,
)
from . import calls
from .calls import Call, QueryLike, RecipeLike
from .images import ImageLike, MediaLike
from .transports import Http, Local

T = TypeVar("T")
PAGE = 200
TIMEOUT = 120.0


class Client:
    """Shotsmith in this process or on a server: the same methods, results and errors.

    Args:
        path: Data directory of an engine in this process.
        url: Address of a server, e.g. "http://127.0.0.1:8080".
        timeout: Seconds a call to a server may take.

    Raises:
        InvalidParameter: Unless exactly one of `path` and `url` is given.

    Example:
        >>> with Client(path=".shotsmith") as client:
        ...     chosen = client.select("parts", image="part.png", selector="rices", k=8)
    """

    def __init__(
        self, *, path: str | Path | None = None, url: str | None = None, timeout: float = TIMEOUT
    ) -> None:
        exactly_one(path, url)
        self._transport: Local | Http = Local(path) if path is not None else Http(str(url), timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Release stores or connections. Idempotent."""
        self._transport.close()

    def _send(self, call: Call[T]) -> T:
        return self._transport.send(call)

    def pools(self) -> list[PoolOut]:
        """Every pool, by name."""
        return self._send(calls.list_pools())

    def create_pool(self, name: str, **fields: Any) -> PoolOut:
        """Create an empty pool; keywords as in `PoolIn`."""
        return self._send(calls.create_pool(PoolIn.read({"name": name, **fields}, "pool")))

    def pool(self, name: str) -> PoolOut:
        """One pool."""
        return self._send(calls.get_pool(name))

    def delete_pool(self, name: str) -> None:
        """Remove a pool with its examples and vectors."""
        self._send(calls.delete_pool(name))

    def add(
        self,
        pool: str,
        examples: Sequence[ExampleIn | Mapping[str, Any]],
        *,
        on_conflict: OnConflict = "error",
    ) -> AddedOut:
        """Store up to 1,000 examples: all of them or none.

        Mappings hold the fields of `ExampleIn`; `image` or `images` may be paths, bytes, Pillow or numpy images,
        `media` paths or bytes of sounds and videos.
        """
        return self._send(calls.add_examples(pool, [calls.example_in(one) for one in examples], on_conflict))

    def examples(
        self, pool: str, *, split: str | None = None, label: str | None = None
    ) -> Iterator[ExampleOut]:
        """Every example, by ascending id, fetched page by page."""
        after: str | None = None
        while True:
            page = self._send(calls.list_examples(pool, after, PAGE, split, label))
            yield from page.examples
            if (after := page.next_after) is None:
                return

    def example(self, pool: str, id: str) -> ExampleOut:
        """One example."""
        return self._send(calls.get_example(pool, id))

    def delete_example(self, pool: str, id: str) -> None:
        """Remove one example; it is never selected again."""
        self._send(calls.delete_example(pool, id))

    def image(self, sha256: str) -> bytes:
        """The original bytes of a stored image."""
        return self._send(calls.get_image(sha256))

    def neighbours(self, pool: str) -> dict[str, int]:
        """The names of imported neighbour lists, and how many lists each has."""
        return self._send(calls.list_neighbours(pool))

    def import_neighbours(
        self, pool: str, name: str, lists: Mapping[str, Sequence[str]], *, skip_unknown: bool = False
    ) -> NeighboursOut:
        """Store ids of examples by id of the query, best first, for `neighbours(name=...)`: all lists or none.

        Args:
            pool: Whose examples they are.
            name: What the lists are called; they take the place of those that had the name.
            lists: Ids of examples by id of the query.
            skip_unknown: Leave out ids that the pool does not have, instead of refusing them.
        """
        return self._send(calls.import_neighbours(pool, name, lists, skip_unknown))

    def selectors(self) -> list[SelectorOut]:
        """Every selector and stage that recipes may name, with its parameters."""
        return self._send(calls.list_selectors())

    def recipe_schema(self) -> dict[str, Any]:
        """The JSON Schema of recipes."""
        return self._send(calls.recipe_schema())

    def select(
        self,
        pool: str,
        *,
        image: ImageLike | None = None,
        images: Sequence[ImageLike] = (),
        text: str = "",
        id: str | None = None,
        group: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        media: Sequence[MediaLike] = (),
        recipe: RecipeLike = None,
        **fields: Any,
    ) -> SelectionOut:
        """Choose and order demonstrations.

        Args:
            pool: Where they come from.
            image: The query's image.
            images: Its images, when there are several.
            text: Its text.
            id: An example of the pool that this is; with nothing else given, that example is the query.
            group: Its group.
            metadata: What is known of it beside content, for the stage `matched`.
            media: Its sounds and videos: paths, bytes or data URLs.
            recipe: How to choose: an object, a mapping, or text such as "rices(k=16)|balanced|similar_last".
            fields: Fields of `Recipe`, which win over those of `recipe`.
        """
        query = calls.query_in(image, images, text, id, group, metadata, media)
        return self._send(calls.select(pool, query, calls.recipe_of(recipe, fields)))

    def prompt(
        self,
        pool: str,
        *,
        image: ImageLike | None = None,
        images: Sequence[ImageLike] = (),
        text: str = "",
        id: str | None = None,
        group: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        media: Sequence[MediaLike] = (),
        recipe: RecipeLike = None,
        model: str | None = None,
        **fields: Any,
    ) -> PromptOut:
        """Choose demonstrations and render the messages for a model, whose limits are kept; arguments as `select`."""
        query = calls.query_in(image, images, text, id, group, metadata, media)
        return self._send(calls.build_prompt(pool, query, calls.recipe_of(recipe, fields), model))

    def ask(
        self,
        pool: str,
        *,
        image: ImageLike | None = None,
        images: Sequence[ImageLike] = (),
        text: str = "",
        id: str | None = None,
        group: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        media: Sequence[MediaLike] = (),
        model: str | None = None,
        parameters: Mapping[str, Any] | None = None,
        recipe: RecipeLike = None,
        **fields: Any,
    ) -> AnswerOut:
        """Choose demonstrations, build the prompt, ask a model and read its answer; arguments as `select`.

        Args:
            model: For example "openai/gpt-5-mini"; by default the configured one.
            parameters: Sampling parameters, passed on.
        """
        query = calls.query_in(image, images, text, id, group, metadata, media)
        return self._send(calls.answer(pool, query, calls.recipe_of(recipe, fields), model, parameters or {}))

    def ask_many(
        self,
        pool: str,
        queries: Sequence[QueryLike],
        *,
        batch_size: int,
        model: str | None = None,
        parameters: Mapping[str, Any] | None = None,
        recipe: RecipeLike = None,
        retries: int = 1,
        tokens_per_query: int = 60,
        workers: int = 1,
        **fields: Any,
    ) -> BatchOut:
        """Ask many queries, several in a call, behind demonstrations that they share.

        Args:
            pool: Where the demonstrations come from.
            queries: Each a text, or a mapping with `image`, `images`, `text`, `id`, `group`, `metadata` or `media`.
            batch_size: Queries in a call, 1 to 50.
            model: By default the configured one.
            parameters: Sampling parameters, passed on.
            recipe: As for `select`, like `fields`.
            retries: How often a query is asked again alone.
            tokens_per_query: Longest answer of a batch, tokens for each query.
            workers: Batches in work at the same time.
            fields: Fields of `Recipe`.
        """
        options = {"batch_size": batch_size, "model": model, "parameters": dict(parameters or {})}
        limits = {"retries": retries, "tokens_per_query": tokens_per_query, "workers": workers}
        chosen = calls.recipe_of(recipe, fields)
        return self._send(calls.answer_many(pool, queries, chosen, **options, **limits))


def exactly_one(path: object, url: object) -> None:
    """Refuse neither and both. Raises InvalidParameter."""
    if (path is None) == (url is None):
        raise InvalidParameter(
            "give either a path or a url",
            field="Client",
            mend='Client(path=".shotsmith") or Client(url="http://…")',
        )
