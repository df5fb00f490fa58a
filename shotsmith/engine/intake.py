"""From drafts to stored examples: everything is checked before anything is written."""

from __future__ import annotations

import difflib
import os
import re
import unicodedata
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import NamedTuple

from PIL.Image import Image

from ..domain.errors import InvalidInput, InvalidParameter, ShotsmithError
from ..domain.examples import Draft, Example, ImageFile, Pool
from ..domain.media import Media
from ..imaging import Limits, decode, describe
from ..storage import Blobs

_POOL_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_KEY_LIMIT = 512
_TEXT_LIMIT = 1_000_000


class Taken(NamedTuple):
    """A checked batch: examples ready for SQL, and their decoded pictures by pixel hash."""

    examples: list[Example]
    pictures: dict[str, Image]


class Intake:
    """Checks drafts and stores their images as blobs.

    Args:
        blobs: Where image bytes go.
        limits: What images are refused unread.
    """

    def __init__(self, blobs: Blobs, limits: Limits) -> None:
        self._blobs = blobs
        self._limits = limits
        self._threads = ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="shotsmith-decode")

    def take(self, pool: Pool, drafts: Sequence[Draft]) -> Taken:
        """Check a batch, decode its images in parallel and store their bytes.

        Raises:
            InvalidInput: For the first draft at fault, before any blob is written.
        """
        for draft in drafts:
            _check(pool, draft)
        files = [(draft, file) for draft in drafts for file in draft.images]
        opened = list(self._threads.map(lambda pair: self.open(pair[1], where=pair[0].where), files))
        pictures = {part.pixel_sha256: picture for part, picture in opened}
        # Bytes travel no further than the blob store.
        stored = iter(list(self._threads.map(self._keep, [part for part, _ in opened])))
        examples = [_example(pool, draft, tuple(next(stored) for _ in draft.images)) for draft in drafts]
        return Taken(examples, pictures)

    def open(self, file: ImageFile, *, where: str = "") -> tuple[Media, Image]:
        """Check and decode one image.

        Raises:
            InvalidImage: Naming the file, and where it was mentioned.
        """
        try:
            picture = decode(file.data, name=file.name, limits=self._limits)
            return describe(file.data, picture, name=file.name), picture
        except ShotsmithError as error:
            if where and file.name not in where:
                error.field = f"{where}: {error.field}"
            raise

    def close(self) -> None:
        """Stop the decoding threads."""
        self._threads.shutdown()

    def _keep(self, part: Media) -> Media:
        self._blobs.put(part.data or b"")
        return replace(part, data=None)


def check_pool_name(name: str) -> None:
    """Refuse names that do not fit into a URL or a path.

    Raises:
        InvalidParameter: With the rule.
    """
    if not _POOL_NAME.fullmatch(name):
        raise InvalidParameter(
            "not a pool name",
            field="pool",
            value=name,
            mend="Use up to 100 letters, digits, dots, dashes and underscores, starting with a letter or digit",
        )


def check_labels(labels: Sequence[str]) -> None:
    """Refuse empty, overlong, repeated or unprintable labels.

    Raises:
        InvalidInput: For the first bad one.
    """
    for label in labels:
        _check_key("labels", "a label", label)
    if len(set(labels)) != len(labels):
        twice = next(label for label in labels if list(labels).count(label) > 1)
        raise InvalidInput("a label is given twice", field="labels", value=twice, mend="Name each label once")


def _check(pool: Pool, draft: Draft) -> None:
    where = draft.where
    for name, key in (("id", draft.id), ("group", draft.group), ("split", draft.split)):
        if key is not None:
            _check_key(f"{where}: {name}", f"the {name}", key)
    for name, text in (("text", draft.text), ("answer", draft.answer)):
        _check_text(f"{where}: {name}", text)
    for tag in draft.tags:
        _check_key(f"{where}: tags", "a tag", tag)
    for label in draft.labels:
        _check_key(f"{where}: label", "the label", label)
    for name, value in draft.metadata.items():
        _check_metadata(where, name, value)
    if not draft.images and not draft.text.strip():
        raise InvalidInput("neither an image nor a text", field=where, mend="Give at least one of them")
    if not draft.answer and not draft.labels:
        raise InvalidInput(
            "neither an answer nor a label", field=where, mend="An example must show what the right output is"
        )
    labels = _labels(pool, draft)
    if pool.labels:
        for label in labels:
            if label not in pool.labels:
                close = difflib.get_close_matches(label, pool.labels, n=1)
                known = ", ".join(pool.labels[:12]) + (" …" if len(pool.labels) > 12 else "")
                hint = f"Did you mean {close[0]!r}? " if close else ""
                raise InvalidInput(
                    f"not in the label space of pool {pool.name!r}",
                    field=f"{where}: label",
                    value=label,
                    mend=f"{hint}Labels: {known}",
                )


def _labels(pool: Pool, draft: Draft) -> tuple[str, ...]:
    if draft.labels or pool.kind != "classification":
        return draft.labels
    return (draft.answer,)


def _example(pool: Pool, draft: Draft, media: tuple[Media, ...]) -> Example:
    example = Example(
        id=draft.id or "",
        media=media,
        text=draft.text,
        answer=draft.answer or ", ".join(draft.labels),
        labels=_labels(pool, draft),
        group=draft.group or None,
        split=draft.split or None,
        tags=tuple(dict.fromkeys(draft.tags)),
        metadata=dict(draft.metadata),
    )
    return example if draft.id else replace(example, id=example.content_sha256[:20])


def _check_key(field: str, what: str, value: str) -> None:
    if not value or value != value.strip():
        raise InvalidInput(
            f"{what} is empty or has spaces around it", field=field, value=value, mend="Trim it"
        )
    if len(value.encode("utf-8", "surrogatepass")) > _KEY_LIMIT:
        raise InvalidInput(
            f"{what} is longer than {_KEY_LIMIT} bytes", field=field, value=value, mend="Use a shorter one"
        )
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in value):
        raise InvalidInput(f"{what} has control characters", field=field, value=value, mend="Remove them")


def _check_text(field: str, text: str) -> None:
    if len(text) > _TEXT_LIMIT:
        raise InvalidInput(
            f"more than {_TEXT_LIMIT:,} characters",
            field=field,
            value=text[:40],
            mend="Keep what a prompt can use",
        )
    if "\x00" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise InvalidInput(
            "the text has NUL or half surrogate characters", field=field, mend="Save it as proper UTF-8"
        )


def _check_metadata(where: str, name: str, value: object) -> None:
    field = f"{where}: metadata.{name}"
    _check_key(field, "the name", name)
    if isinstance(value, str):
        _check_text(field, value)
    elif (
        not isinstance(value, bool | int | float) or value != value or value in (float("inf"), float("-inf"))
    ):
        raise InvalidInput(
            "metadata values are strings, finite numbers or booleans",
            field=field,
            value=value,
            mend="Flatten it",
        )
