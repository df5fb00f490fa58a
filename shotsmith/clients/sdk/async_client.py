"""`AsyncClient`: the client for asyncio."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self, TypeVar

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
from .client import PAGE, TIMEOUT, exactly_one
from .images import ImageLike, MediaLike
from .transports import AsyncHttp, Local

T = TypeVar("T")


class AsyncClient:
    """`Client` for asyncio: the same methods, awaited. In this process they run in worker threads.

    Args:
        path: Data directory of an engine in this process.
        url: Address of a server.
        timeout: Seconds a call to a server may take.
    """

    def __init__(
        self, *, path: str | Path | None = None, url: str | None = None, timeout: float = TIMEOUT
    ) -> None:
        exactly_one(path, url)
        self._transport: Local | AsyncHttp = Local(path) if path is not None else AsyncHttp(str(url), timeout)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Release stores or connections. Idempotent."""
        if isinstance(self._transport, AsyncHttp):
            await self._transport.close()
        else:
            self._transport.close()

    async def _send(self, call: Call[T]) -> T:
        if isinstance(self._transport, AsyncHttp):
            return await self._transport.send(call)
        from anyio import to_thread

        return await to_thread.run_sync(self._transport.send, call)

    async def pools(self) -> list[PoolOut]:
        """Every pool, by name."""
        return await self._send(calls.list_pools())

    async def create_pool(self, name: str, **fields: Any) -> PoolOut:
        """Create an empty pool; keywords as in `PoolIn`."""
        return await self._send(calls.create_pool(PoolIn.read({"name": name, **fields}, "pool")))

    async def pool(self, name: str) -> PoolOut:
        """One pool."""
        return await self._send(calls.get_pool(name))

    async def delete_pool(self, name: str) -> None:
        """Remove a pool with its examples and vectors."""
        await self._send(calls.delete_pool(name))

    async def add(
        self,
        pool: str,
        examples: Sequence[ExampleIn | Mapping[str, Any]],
        *,
        on_conflict: OnConflict = "error",
    ) -> AddedOut:
        """Store up to 1,000 examples: all of them or none."""
        return await self._send(
            calls.add_examples(pool, [calls.example_in(one) for one in examples], on_conflict)
        )

    async def examples(
        self, pool: str, *, split: str | None = None, label: str | None = None
    ) -> AsyncIterator[ExampleOut]:
        """Every example, by ascending id, fetched page by page."""
        after: str | None = None
        while True:
            page = await self._send(calls.list_examples(pool, after, PAGE, split, label))
            for example in page.examples:
                yield example
            if (after := page.next_after) is None:
                return

    async def example(self, pool: str, id: str) -> ExampleOut:
        """One example."""
        return await self._send(calls.get_example(pool, id))

    async def delete_example(self, pool: str, id: str) -> None:
        """Remove one example; it is never selected again."""
        await self._send(calls.delete_example(pool, id))

    async def image(self, sha256: str) -> bytes:
        """The original bytes of a stored image."""
        return await self._send(calls.get_image(sha256))

    async def neighbours(self, pool: str) -> dict[str, int]:
        """The names of imported neighbour lists, and how many lists each has."""
        return await self._send(calls.list_neighbours(pool))

    async def import_neighbours(
        self, pool: str, name: str, lists: Mapping[str, Sequence[str]], *, skip_unknown: bool = False
    ) -> NeighboursOut:
        """Store neighbour lists; arguments as `Client.import_neighbours`."""
        return await self._send(calls.import_neighbours(pool, name, lists, skip_unknown))

    async def selectors(self) -> list[SelectorOut]:
        """Every selector and stage that recipes may name, with its parameters."""
        return await self._send(calls.list_selectors())

    async def recipe_schema(self) -> dict[str, Any]:
        """The JSON Schema of recipes."""
        return await self._send(calls.recipe_schema())

    async def select(
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
        """Choose and order demonstrations; arguments as `Client.select`."""
        query = calls.query_in(image, images, text, id, group, metadata, media)
        return await self._send(calls.select(pool, query, calls.recipe_of(recipe, fields)))

    async def prompt(
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
        """Choose demonstrations and render the messages for a model; arguments as `Client.prompt`."""
        query = calls.query_in(image, images, text, id, group, metadata, media)
        return await self._send(calls.build_prompt(pool, query, calls.recipe_of(recipe, fields), model))

    async def ask(
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
        """Choose demonstrations, build the prompt, ask a model and read its answer; arguments as `Client.ask`."""
        query = calls.query_in(image, images, text, id, group, metadata, media)
        return await self._send(
            calls.answer(pool, query, calls.recipe_of(recipe, fields), model, parameters or {})
        )

    async def ask_many(
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
        """Ask many queries, several in a call; arguments as `Client.ask_many`."""
        options = {"batch_size": batch_size, "model": model, "parameters": dict(parameters or {})}
        limits = {"retries": retries, "tokens_per_query": tokens_per_query, "workers": workers}
        chosen = calls.recipe_of(recipe, fields)
        return await self._send(calls.answer_many(pool, queries, chosen, **options, **limits))
