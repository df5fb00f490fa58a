"""What frameworks put into their records, as Shotsmith takes it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from ..domain.errors import InvalidInput, InvalidParameter
from ..domain.examples import Example, PoolKind
from ..domain.media import Media
from ..media import kind_of, sniff
from ..schemas import ExampleIn

_ID_LENGTH = 20


def check_names(names: Mapping[str, str | None]) -> None:
    """Refuse two parameters that name the same key.

    Raises:
        InvalidParameter: For the first such pair.
    """
    seen: dict[str, str] = {}
    for parameter, name in names.items():
        if name is None:
            continue
        if name in seen:
            raise InvalidParameter(
                f"the same key as {seen[name]}", field=parameter, value=name, mend="Name another one"
            )
        seen[name] = parameter


def text_of(field: str, value: object) -> str:
    """A value as text: strings and numbers are texts, None is an empty one.

    Raises:
        InvalidInput: For anything else.
    """
    if value is None:
        return ""
    if isinstance(value, str | bool | int | float):
        return str(value)
    raise InvalidInput(
        "not a text", field=field, value=type(value).__name__, mend="Pass a string, a number or a boolean"
    )


def key_of(field: str, value: object) -> str | None:
    """An id or a group; None when there is none."""
    return text_of(field, value) or None


def images_of(field: str, value: object) -> list[Any]:
    """One image or several.

    A string is an image only as a data URL: what a template is filled with may come from anyone, and must not make
    this process read its files.

    Raises:
        InvalidInput: For other strings.
    """
    if value is None or (isinstance(value, str) and not value):
        return []
    images: list[Any] = list(value) if isinstance(value, list | tuple) else [value]
    for image in images:
        if isinstance(image, str) and not image.startswith("data:"):
            raise InvalidInput(
                "a string is an image only as a data URL",
                field=field,
                value=image,
                mend="Pass a data URL, bytes, a pathlib.Path or a Pillow image",
            )
    return images


def required(record: Mapping[str, Any], name: str, where: str) -> Any:
    """A record's value.

    Raises:
        InvalidInput: It has none.
    """
    if name not in record:
        keys = ", ".join(sorted(map(str, record))) or "none"
        raise InvalidInput("missing", field=f"{where}.{name}", mend=f"The keys given are: {keys}")
    return record[name]


def content_id(example: ExampleIn, kind: PoolKind) -> str:
    """The id that a pool of this kind gives to an example that has none."""
    draft = example.draft("example")
    labels = draft.labels or ((draft.answer,) if kind == "classification" and draft.answer else ())
    stored = Example(
        id="",
        media=tuple(_hashed(file.data) for file in draft.files),
        text=draft.text,
        answer=draft.answer or ", ".join(labels),
        labels=tuple(labels),
        group=draft.group or None,
        split=draft.split or None,
        tags=draft.tags,
        metadata=draft.metadata,
    )
    return stored.content_sha256[:_ID_LENGTH]


def with_ids(examples: Sequence[ExampleIn], kind: PoolKind) -> list[ExampleIn]:
    """The examples with those ids that the pool would give them."""
    return [one if one.id else one.model_copy(update={"id": content_id(one, kind)}) for one in examples]


def _hashed(data: bytes) -> Media:
    kind = kind_of(sniff(data)) or "image"
    return Media(kind, hashlib.sha256(data).hexdigest(), "", len(data), 0, 0, "", "")
