"""An example selector for LangChain's few-shot prompt templates. Extra: `shotsmith[langchain]`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Self

from ..clients.sdk import AsyncClient, Client
from ..clients.sdk.calls import RecipeLike, example_in
from ..domain.errors import InvalidInput
from ..domain.examples import OnConflict
from ..schemas import ExampleIn
from ._access import PoolAccess, Shot
from ._extras import needs_extra
from ._records import check_names, images_of, key_of, required, text_of

with needs_extra("langchain"):
    from langchain_core.example_selectors.base import BaseExampleSelector
    from langchain_core.messages import AIMessage, BaseMessage, HumanMessage


class ShotsmithExampleSelector(BaseExampleSelector):
    """Chooses the examples of a few-shot template from a Shotsmith pool, in prompt order.

    An example is a dict with its text under `input_key`, its answer under `output_key`, and data URLs of its images
    under `image_key`, `image_key` + "_2", "_3" and so on. Images are prepared as the recipe says: small and without
    metadata. Under `messages_key` stands the whole example as a human and an AI message, for examples with and without
    images alike: `example_prompt=MessagesPlaceholder("messages")` shows them.

    Args:
        client: A `Client`, or an `AsyncClient` for the async methods only.
        pool: Where the examples come from.
        recipe: How to choose: an object, a mapping, or text such as "rices(k=16)|balanced|similar_last".
        input_key: Key of the text.
        image_key: Key of the image, or of the first one; None for text alone. Values may be data URLs, bytes, paths
            as `pathlib.Path`, Pillow images, arrays, or a list of these.
        output_key: Key of the answer.
        id_key: Key of the id. A query that is an example of the pool is never shown to itself.
        group_key: Key of the group, which evaluation keeps out of the demonstrations.
        metadata_keys: Further keys: each example has them, and gets them back at the price of one call an example.
        messages_key: Key of the messages; None leaves them out.
        escape_braces: Double the braces in texts. `FewShotPromptTemplate` formats its examples twice: without this, an
            example that holds braces breaks it. `FewShotChatMessagePromptTemplate` formats them once.
        fields: Fields of `Recipe`, such as `k=4`, which win over those of `recipe`.

    Raises:
        InvalidParameter: Two keys are the same, or the recipe cannot be used.
    """

    def __init__(
        self,
        client: Client | AsyncClient,
        pool: str,
        recipe: RecipeLike = None,
        *,
        input_key: str = "input",
        image_key: str | None = "image",
        output_key: str = "output",
        id_key: str | None = None,
        group_key: str | None = None,
        metadata_keys: Iterable[str] = (),
        messages_key: str | None = "messages",
        escape_braces: bool = False,
        **fields: Any,
    ) -> None:
        self._input_key = input_key
        self._image_key = image_key
        self._output_key = output_key
        self._id_key = id_key
        self._group_key = group_key
        self._metadata_keys = tuple(metadata_keys)
        self._messages_key = messages_key
        self._escape_braces = escape_braces
        check_names(
            {
                "input_key": input_key,
                "image_key": image_key,
                "output_key": output_key,
                "id_key": id_key,
                "group_key": group_key,
                "messages_key": messages_key,
                **{f"metadata_keys[{number}]": key for number, key in enumerate(self._metadata_keys)},
            }
        )
        self._access = PoolAccess(
            client,
            pool,
            recipe,
            fields,
            images=image_key is not None,
            metadata=bool(self._metadata_keys),
        )

    @classmethod
    def from_examples(
        cls,
        examples: Iterable[Mapping[str, Any]],
        client: Client,
        pool: str,
        recipe: RecipeLike = None,
        *,
        pool_fields: Mapping[str, Any] | None = None,
        on_conflict: OnConflict = "error",
        **options: Any,
    ) -> Self:
        """A selector whose pool holds these examples; a repeated call adds nothing.

        Args:
            examples: As `add_example` takes them.
            client: As the constructor takes it.
            pool: The pool's name. It is created unless it is there.
            recipe: As the constructor takes it.
            pool_fields: Fields of a pool that has to be created, as `Client.create_pool` takes them; its kind is
                "open" by default.
            on_conflict: What to do with an id that exists with other content.
            options: Passed to the constructor.

        Raises:
            InvalidInput: An example cannot be stored.
            ExampleConflict: An id exists with other content.
        """
        selector = cls(client, pool, recipe, **options)
        drafts = selector._drafts(examples)
        selector._access.ensure(pool_fields)
        selector._access.add(drafts, on_conflict)
        return selector

    @classmethod
    async def afrom_examples(
        cls,
        examples: Iterable[Mapping[str, Any]],
        client: Client | AsyncClient,
        pool: str,
        recipe: RecipeLike = None,
        *,
        pool_fields: Mapping[str, Any] | None = None,
        on_conflict: OnConflict = "error",
        **options: Any,
    ) -> Self:
        """`from_examples`, awaited."""
        selector = cls(client, pool, recipe, **options)
        drafts = selector._drafts(examples)
        await selector._access.aensure(pool_fields)
        await selector._access.aadd(drafts, on_conflict)
        return selector

    def select_examples(self, input_variables: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The examples for these input variables, in prompt order.

        Raises:
            InvalidInput: There is neither a text nor an image among them.
        """
        return [self._row(shot) for shot in self._access.select(self._query(input_variables))]

    async def aselect_examples(self, input_variables: Mapping[str, Any]) -> list[dict[str, Any]]:
        """`select_examples`, awaited."""
        return [self._row(shot) for shot in await self._access.aselect(self._query(input_variables))]

    def add_example(self, example: Mapping[str, Any]) -> str:
        """Store an example and return its id. One that is there already stays as it is.

        Raises:
            InvalidInput: It has no answer, keys that have no place, or what the pool does not take.
            ExampleConflict: Its id exists with other content.
        """
        return self._access.add([self._draft(example, "example")])[0]

    async def aadd_example(self, example: Mapping[str, Any]) -> str:
        """`add_example`, awaited."""
        return (await self._access.aadd([self._draft(example, "example")]))[0]

    def _query(self, given: Mapping[str, Any]) -> dict[str, Any]:
        images = [image for _, value in self._images(given) for image in value]
        text = text_of(self._input_key, given.get(self._input_key))
        id = self._optional(self._id_key, given)
        if not images and not text.strip() and id is None:
            wanted = [key for key in (self._input_key, self._image_key, self._id_key) if key is not None]
            raise InvalidInput(
                f"nothing to compare with: none of {', '.join(wanted)} is given",
                field="input_variables",
                value=", ".join(sorted(given)) or None,
                mend="Fill the prompt with one of them, or name your keys by input_key= and image_key=",
            )
        return {
            "images": images,
            "text": text,
            "id": id,
            "group": self._optional(self._group_key, given),
            "metadata": {key: given[key] for key in self._metadata_keys if key in given},
        }

    def _drafts(self, examples: Iterable[Mapping[str, Any]]) -> list[ExampleIn]:
        return [self._draft(one, f"examples[{number}]") for number, one in enumerate(examples)]

    def _draft(self, example: Mapping[str, Any], where: str) -> ExampleIn:
        pictures = self._images(example)
        single = (self._input_key, self._output_key, self._id_key, self._group_key, self._messages_key)
        known = {*single, *self._metadata_keys, *(key for key, _ in pictures)}
        for key in example:
            if key not in known and key != self._image_key:
                raise InvalidInput(
                    "a key without a place in the pool",
                    field=f"{where}.{key}",
                    mend=f"Leave it out, or say metadata_keys=[{key!r}]",
                )
        return example_in(
            {
                "id": self._optional(self._id_key, example),
                "images": [image for _, value in pictures for image in value],
                "text": text_of(f"{where}.{self._input_key}", example.get(self._input_key)),
                "answer": text_of(f"{where}.{self._output_key}", required(example, self._output_key, where)),
                "group": self._optional(self._group_key, example),
                "metadata": {key: required(example, key, where) for key in self._metadata_keys},
            }
        )

    def _images(self, given: Mapping[str, Any]) -> list[tuple[str, list[Any]]]:
        """The images under the image key and its numbered fellows."""
        found: list[tuple[str, list[Any]]] = []
        key = self._image_key
        while key is not None and key in given:
            found.append((key, images_of(key, given[key])))
            key = f"{self._image_key}_{len(found) + 1}"
        return found

    def _optional(self, key: str | None, given: Mapping[str, Any]) -> str | None:
        return None if key is None else key_of(key, given.get(key))

    def _row(self, shot: Shot) -> dict[str, Any]:
        row: dict[str, Any] = {self._input_key: shot.text, self._output_key: shot.answer}
        if self._id_key is not None:
            row[self._id_key] = shot.id
        for key in self._metadata_keys:
            row[key] = required(shot.metadata, key, f"example {shot.id!r}: metadata")
        if self._escape_braces:
            row = {key: _escaped(value) for key, value in row.items()}
        if self._image_key is not None:
            for number, url in enumerate(shot.images, 1):
                row[self._image_key if number == 1 else f"{self._image_key}_{number}"] = url
        if self._messages_key is not None:
            row[self._messages_key] = _messages(shot)
        return row


def _messages(shot: Shot) -> list[BaseMessage]:
    """The example as a turn of the user and one of the model, as the dialect `chat` has it."""
    if not shot.images:
        return [HumanMessage(shot.text), AIMessage(shot.answer)]
    content: list[str | dict[str, Any]] = [
        {"type": "image_url", "image_url": {"url": url}} for url in shot.images
    ]
    if shot.text.strip():
        content.append({"type": "text", "text": shot.text})
    return [HumanMessage(content), AIMessage(shot.answer)]


def _escaped(value: Any) -> Any:
    return value.replace("{", "{{").replace("}", "}}") if isinstance(value, str) else value
