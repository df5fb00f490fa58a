"""A pool as the adapters use it, through a `Client` or an `AsyncClient`."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from anyio import to_thread

from ..clients.sdk import AsyncClient, Client, calls
from ..clients.sdk.calls import RecipeLike
from ..domain.errors import Conflict, InvalidParameter, NotFound
from ..domain.examples import OnConflict
from ..domain.recipes import Recipe
from ..prompts.build import NOT_SHOWN
from ..prompts.images import prepare
from ..schemas import ExampleIn, SelectionOut, data_url
from ..schemas.selections import DemonstrationOut
from ._records import with_ids

AnyClient = Client | AsyncClient
_CACHED = 256
_BATCH = 1000
_BATCH_CHARACTERS = 64_000_000


@dataclass(frozen=True, slots=True)
class Shot:
    """A demonstration as a prompt shows it.

    Attributes:
        id: The example's id.
        text: Its text; a remark where images were left out and nothing else is there to show.
        answer: Its answer.
        images: Data URLs of its images, prepared as the recipe says; none when they are not to be shown.
        metadata: Its metadata, where it was asked for.
    """

    id: str
    text: str
    answer: str
    images: tuple[str, ...]
    metadata: Mapping[str, Any]


class PoolAccess:
    """Selects from a pool and stores in it.

    Args:
        client: In this process or on a server. An `AsyncClient` serves the async methods only.
        pool: The pool's name.
        recipe: How to choose.
        fields: Fields of `Recipe`, which win over those of `recipe`.
        images: Whether demonstrations come with their images.
        metadata: Whether they come with their metadata, at the price of one call each.

    Raises:
        InvalidParameter: The recipe cannot be read, or says how Shotsmith should lay out a prompt.
    """

    def __init__(
        self,
        client: AnyClient,
        pool: str,
        recipe: RecipeLike,
        fields: Mapping[str, Any],
        *,
        images: bool,
        metadata: bool,
    ) -> None:
        self._client = client
        self._pool = pool
        self._recipe = _read(recipe, fields)
        self._images = images
        self._metadata = metadata
        self._pictures: dict[str, str] = {}
        self._lock = threading.Lock()

    def __deepcopy__(self, memo: Any) -> Self:
        return self  # a connection, shared by the copies of what uses it

    def select(self, query: Mapping[str, Any]) -> list[Shot]:
        """Demonstrations in prompt order; the query as in `Client.select`."""
        client = self._sync()
        chosen = client.select(self._pool, recipe=self._recipe, **query)
        pictures = {
            sha256: self._pictures.get(sha256) or self._keep(sha256, client.image(sha256))
            for sha256 in self._shown(chosen)
        }
        metadata = {id: client.example(self._pool, id).metadata for id in self._described(chosen)}
        return [self._shot(one, pictures, metadata) for one in chosen.demonstrations]

    async def aselect(self, query: Mapping[str, Any]) -> list[Shot]:
        """`select`, awaited."""
        if not isinstance(self._client, AsyncClient):
            return await to_thread.run_sync(self.select, query)
        client = self._client
        chosen = await client.select(self._pool, recipe=self._recipe, **query)
        pictures = {sha256: self._pictures.get(sha256) for sha256 in self._shown(chosen)}
        missing = [sha256 for sha256, url in pictures.items() if url is None]
        found = await asyncio.gather(*(client.image(sha256) for sha256 in missing))
        for sha256, data in zip(missing, found, strict=True):
            pictures[sha256] = await to_thread.run_sync(self._keep, sha256, data)
        ids = self._described(chosen)
        examples = await asyncio.gather(*(client.example(self._pool, id) for id in ids))
        metadata = {example.id: example.metadata for example in examples}
        return [self._shot(one, pictures, metadata) for one in chosen.demonstrations]

    def add(self, examples: Sequence[ExampleIn], on_conflict: OnConflict = "error") -> list[str]:
        """Store examples, batch by batch, and return their ids. What is stored already stays as it is."""
        client = self._sync()
        named = with_ids(examples, client.pool(self._pool).kind)
        for batch in _batches(named):
            client.add(self._pool, batch, on_conflict=on_conflict)
        return [str(example.id) for example in named]

    async def aadd(self, examples: Sequence[ExampleIn], on_conflict: OnConflict = "error") -> list[str]:
        """`add`, awaited."""
        if not isinstance(self._client, AsyncClient):
            return await to_thread.run_sync(self.add, examples, on_conflict)
        named = with_ids(examples, (await self._client.pool(self._pool)).kind)
        for batch in _batches(named):
            await self._client.add(self._pool, batch, on_conflict=on_conflict)
        return [str(example.id) for example in named]

    def ensure(self, fields: Mapping[str, Any] | None) -> None:
        """Create the pool with these fields unless it is there."""
        client = self._sync()
        try:
            client.pool(self._pool)
        except NotFound:
            try:
                client.create_pool(self._pool, **_new(fields))
            except Conflict:  # someone else was quicker
                client.pool(self._pool)

    async def aensure(self, fields: Mapping[str, Any] | None) -> None:
        """`ensure`, awaited."""
        if not isinstance(self._client, AsyncClient):
            await to_thread.run_sync(self.ensure, fields)
            return
        try:
            await self._client.pool(self._pool)
        except NotFound:
            try:
                await self._client.create_pool(self._pool, **_new(fields))
            except Conflict:
                await self._client.pool(self._pool)

    def _sync(self) -> Client:
        if isinstance(self._client, AsyncClient):
            raise InvalidParameter(
                "an AsyncClient serves the async methods only",
                field="client",
                mend="Await the async method, or pass a Client",
            )
        return self._client

    def _described(self, chosen: SelectionOut) -> list[str]:
        return [one.id for one in chosen.demonstrations] if self._metadata else []

    def _hides(self, one: DemonstrationOut) -> bool:
        return one.bare or not self._images

    def _shown(self, chosen: SelectionOut) -> list[str]:
        """The images that are shown, each once."""
        shown = [one for one in chosen.demonstrations if not self._hides(one)]
        return list(dict.fromkeys(part.sha256 for one in shown for part in one.media if part.kind == "image"))

    def _shot(
        self,
        one: DemonstrationOut,
        pictures: Mapping[str, str | None],
        metadata: Mapping[str, Mapping[str, Any]],
    ) -> Shot:
        seen = () if self._hides(one) else one.media
        images = tuple(str(pictures[part.sha256]) for part in seen if part.kind == "image")
        # Frameworks take images alone; what else an example shows is left out as hidden images are.
        text = NOT_SHOWN if one.media and not images and not one.text.strip() else one.text
        return Shot(one.id, text, one.answer, images, metadata.get(one.id, {}))

    def _keep(self, sha256: str, data: bytes) -> str:
        sizes = self._recipe.images
        part = prepare(data, max_side=sizes.max_side, quality=sizes.quality)
        url = data_url(part.data, part.mime)
        with self._lock:
            if len(self._pictures) >= _CACHED:
                del self._pictures[next(iter(self._pictures))]
            self._pictures[sha256] = url
        return url


def _read(recipe: RecipeLike, fields: Mapping[str, Any]) -> Recipe:
    read = calls.recipe_of(recipe, fields)
    plain = Recipe()
    for name in ("dialect", "symbols", "budget"):
        if (value := getattr(read, name)) != getattr(plain, name):
            raise InvalidParameter(
                "only prompts that Shotsmith lays out itself have it",
                field=f"recipe.{name}",
                value=value,
                mend="Leave it out: here the framework lays out the prompt",
            )
    return read


def _new(fields: Mapping[str, Any] | None) -> dict[str, Any]:
    # Answers of any length: a classification pool would read each as a label.
    return {"kind": "open", **(fields or {})}


def _batches(examples: Iterable[ExampleIn]) -> Iterator[list[ExampleIn]]:
    """As many as one request may hold, by number and by size."""
    batch: list[ExampleIn] = []
    size = 0
    for example in examples:
        weight = sum(map(len, (*example.images, *example.media))) + len(example.text) + len(example.answer)
        if batch and (len(batch) == _BATCH or size + weight > _BATCH_CHARACTERS):
            yield batch
            batch, size = [], 0
        batch.append(example)
        size += weight
    if batch:
        yield batch
