"""Each operation once: what it is called in this process, and where it is over HTTP."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar
from urllib.parse import quote

from pydantic import BaseModel, TypeAdapter

from ...domain.errors import InvalidParameter
from ...domain.examples import OnConflict
from ...domain.names import check_id, check_pool_name
from ...domain.neighbours import check_list_name
from ...domain.recipes import Recipe
from ...schemas import (
    AddedOut,
    AnswerIn,
    AnswerOut,
    BatchIn,
    BatchOut,
    ExampleIn,
    ExampleOut,
    ExamplePage,
    ExamplesIn,
    NeighboursIn,
    NeighboursOut,
    PoolIn,
    PoolOut,
    PromptIn,
    PromptOut,
    QueryIn,
    SelectionIn,
    SelectionOut,
    SelectorOut,
)
from .images import ImageLike, MediaLike, encoded

T = TypeVar("T")
RecipeLike = Recipe | Mapping[str, Any] | str | None
QueryLike = str | Mapping[str, Any]
"""A text, or a mapping with what `Client.select` takes of a query."""


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """One operation with its arguments.

    Attributes:
        operation: Method of `Api`.
        arguments: Its arguments.
        method: HTTP method.
        path: Path on a server.
        returns: Reads the response; None where there is no body, bytes where the body is the result.
        body: Sent as JSON.
        params: Query parameters.
    """

    operation: str
    arguments: tuple[Any, ...]
    method: str
    path: str
    returns: TypeAdapter[T] | type[bytes] | None
    body: BaseModel | None = None
    params: Mapping[str, Any] = field(default_factory=dict)


def list_pools() -> Call[list[PoolOut]]:
    """Every pool."""
    return Call("list_pools", (), "GET", "/v1/pools", TypeAdapter(list[PoolOut]))


def create_pool(body: PoolIn) -> Call[PoolOut]:
    """A new pool."""
    return Call("create_pool", (body,), "POST", "/v1/pools", TypeAdapter(PoolOut), body)


def get_pool(pool: str) -> Call[PoolOut]:
    """One pool."""
    return Call("get_pool", (pool,), "GET", _pool(pool), TypeAdapter(PoolOut))


def delete_pool(pool: str) -> Call[None]:
    """No pool any more."""
    return Call("delete_pool", (pool,), "DELETE", _pool(pool), None)


def add_examples(pool: str, examples: Sequence[ExampleIn], on_conflict: OnConflict) -> Call[AddedOut]:
    """New examples."""
    body = ExamplesIn.read({"examples": tuple(examples), "on_conflict": on_conflict})
    return Call("add_examples", (pool, body), "POST", f"{_pool(pool)}/examples", TypeAdapter(AddedOut), body)


def list_examples(
    pool: str, after: str | None, limit: int, split: str | None, label: str | None
) -> Call[ExamplePage]:
    """One page of examples."""
    given = {"after": after, "limit": limit, "split": split, "label": label}
    params = {name: value for name, value in given.items() if value is not None}
    arguments = (pool, after, limit, split, label)
    return Call(
        "list_examples", arguments, "GET", f"{_pool(pool)}/examples", TypeAdapter(ExamplePage), None, params
    )


def get_example(pool: str, id: str) -> Call[ExampleOut]:
    """One example."""
    return Call("get_example", (pool, id), "GET", _example(pool, id), TypeAdapter(ExampleOut))


def delete_example(pool: str, id: str) -> Call[None]:
    """No example any more."""
    return Call("delete_example", (pool, id), "DELETE", _example(pool, id), None)


def get_image(sha256: str) -> Call[bytes]:
    """An image's bytes."""
    return Call("get_image", (sha256,), "GET", f"/v1/images/{quote(sha256, safe='')}", bytes)


def list_neighbours(pool: str) -> Call[dict[str, int]]:
    """Names and counts of neighbour lists."""
    return Call("list_neighbours", (pool,), "GET", f"{_pool(pool)}/neighbours", TypeAdapter(dict[str, int]))


def import_neighbours(
    pool: str, name: str, lists: Mapping[str, Sequence[str]], skip_unknown: bool
) -> Call[NeighboursOut]:
    """New neighbour lists."""
    check_list_name(name)
    body = NeighboursIn.read({"lists": dict(lists), "skip_unknown": skip_unknown})
    path = f"{_pool(pool)}/neighbours/{quote(name, safe='')}"
    return Call("import_neighbours", (pool, name, body), "PUT", path, TypeAdapter(NeighboursOut), body)


def list_selectors() -> Call[list[SelectorOut]]:
    """What recipes may name."""
    return Call("list_selectors", (), "GET", "/v1/selectors", TypeAdapter(list[SelectorOut]))


def recipe_schema() -> Call[dict[str, Any]]:
    """The JSON Schema of recipes."""
    return Call("recipe_schema", (), "GET", "/v1/schemas/recipe", TypeAdapter(dict[str, Any]))


def select(pool: str, query: QueryIn, recipe: Recipe) -> Call[SelectionOut]:
    """Demonstrations."""
    body = SelectionIn.read({"pool": pool, "query": query, "recipe": recipe})
    return Call("select", (body,), "POST", "/v1/selections", TypeAdapter(SelectionOut), body)


def build_prompt(pool: str, query: QueryIn, recipe: Recipe, model: str | None) -> Call[PromptOut]:
    """A prompt."""
    body = PromptIn.read({"pool": pool, "query": query, "recipe": recipe, "model": model})
    return Call("build_prompt", (body,), "POST", "/v1/prompts", TypeAdapter(PromptOut), body)


def answer(
    pool: str, query: QueryIn, recipe: Recipe, model: str | None, parameters: Mapping[str, Any]
) -> Call[AnswerOut]:
    """An answer."""
    fields = {"pool": pool, "query": query, "recipe": recipe, "model": model, "parameters": dict(parameters)}
    body = AnswerIn.read(fields)
    return Call("answer", (body,), "POST", "/v1/answers", TypeAdapter(AnswerOut), body)


def answer_many(pool: str, queries: Sequence[QueryLike], recipe: Recipe, **options: Any) -> Call[BatchOut]:
    """Answers to many queries."""
    asked = [_query_like(query, place) for place, query in enumerate(queries)]
    body = BatchIn.read({"pool": pool, "queries": asked, "recipe": recipe, **options})
    return Call("answer_many", (body,), "POST", "/v1/answers/batch", TypeAdapter(BatchOut), body)


def _query_like(query: QueryLike, place: int) -> QueryIn:
    """A query from text, or from a mapping whose `image` or `images` may be anything `encoded` takes."""
    fields: dict[str, Any] = {"text": query} if isinstance(query, str) else dict(query)
    known = {"image", "images", "text", "id", "group", "metadata", "media"}
    for name in sorted(fields.keys() - known):
        raise InvalidParameter(
            "no such field", field=f"queries[{place}].{name}", mend=f"Known: {', '.join(sorted(known))}"
        )
    return query_in(
        fields.get("image"),
        fields.get("images", ()),
        fields.get("text", ""),
        fields.get("id"),
        fields.get("group"),
        fields.get("metadata"),
        fields.get("media", ()),
    )


def query_in(
    image: ImageLike | None,
    images: Sequence[ImageLike],
    text: str,
    id: str | None,
    group: str | None,
    metadata: Mapping[str, Any] | None,
    media: Sequence[MediaLike] = (),
) -> QueryIn:
    """A query from what people pass."""
    given = ([] if image is None else [image]) + list(images)
    fields = {
        "images": tuple(encoded(one) for one in given),
        "text": text,
        "id": id,
        "group": group,
        "metadata": dict(metadata or {}),
        "media": tuple(encoded(one) for one in media),
    }
    return QueryIn.read(fields, "query")


def recipe_of(recipe: RecipeLike, fields: Mapping[str, Any]) -> Recipe:
    """A recipe from an object, a mapping, its text form or keywords; keywords win."""
    read = Recipe.read(recipe, "recipe") if isinstance(recipe, str) else recipe
    base = read.model_dump() if isinstance(read, Recipe) else dict(read or {})
    return Recipe.read({**base, **fields}, "recipe")


def example_in(fields: ExampleIn | Mapping[str, Any]) -> ExampleIn:
    """An example from a mapping, whose `image`, `images` and `media` may be anything `encoded` takes."""
    if isinstance(fields, ExampleIn):
        return fields
    rest = dict(fields)
    image = rest.pop("image", None)
    images = ([] if image is None else [image]) + list(rest.pop("images", ()))
    files = {"images": images, "media": rest.pop("media", ())}
    read = {name: tuple(encoded(one) for one in given) for name, given in files.items()}
    return ExampleIn.read({**rest, **read}, "example")


def _pool(pool: str) -> str:
    check_pool_name(pool)
    return f"/v1/pools/{quote(pool, safe='')}"


def _example(pool: str, id: str) -> str:
    check_id(id)
    return f"{_pool(pool)}/examples/{quote(id, safe='/')}"
