"""From drafts to stored examples: everything is checked before anything is written."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import NamedTuple

from PIL.Image import Image

from ..domain.errors import InvalidInput, ShotsmithError
from ..domain.examples import Draft, Example, MediaFile, Pool
from ..domain.media import Media
from ..domain.names import check_fact, check_id, check_key, check_text, hint
from ..media import Limits, opened
from ..storage import Blobs

_AT_ONCE = 8  # files decoded side by side
NOTHING = "neither an image nor a text, a sound or a video"
_DECODED = 256_000_000  # bytes of decoded pictures that a batch may keep for the encoder


class Taken(NamedTuple):
    """A checked batch: examples ready for SQL, and their decoded pictures by pixel hash."""

    examples: list[Example]
    pictures: dict[str, Image]


class Intake:
    """Checks drafts and stores their images, sounds and videos as blobs.

    Args:
        blobs: Where their bytes go.
        limits: What is refused.
    """

    def __init__(self, blobs: Blobs, limits: Limits) -> None:
        self._blobs = blobs
        self._limits = limits
        self._threads = ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="shotsmith-decode")

    def take(self, pool: Pool, drafts: Sequence[Draft]) -> Taken:
        """Check a batch, decode its files in parallel and store their bytes.

        Raises:
            InvalidInput: For the first draft at fault, before any blob is written.
        """
        for draft in drafts:
            _check(pool, draft)
        files = [(draft, file) for draft in drafts for file in draft.files]
        parts: list[Media] = []
        pictures: dict[str, Image] = {}
        room = _DECODED
        for start in range(0, len(files), _AT_ONCE):
            batch = files[start : start + _AT_ONCE]
            for part, picture in self._threads.map(
                lambda pair: self.open(pair[1], where=pair[0].where), batch
            ):
                parts.append(part)
                # What does not fit is decoded again when it is embedded.
                if picture is not None and (room := room - 3 * part.width * part.height) > 0:
                    pictures[part.pixel_sha256] = picture
        # Bytes travel no further than the blob store.
        stored = iter(list(self._threads.map(self._keep, parts)))
        examples = [_example(pool, draft, tuple(next(stored) for _ in draft.files)) for draft in drafts]
        return Taken(examples, pictures)

    def open(self, file: MediaFile, *, where: str = "") -> tuple[Media, Image | None]:
        """Check and decode one file; with the picture, where it is an image.

        Raises:
            InvalidImage: Naming the file, and where it was mentioned.
            InvalidMedia: The same for a sound or a video.
            MissingExtra: The format needs the extra `media`.
        """
        try:
            return opened(file.data, name=file.name, kind=file.kind, limits=self._limits)
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


def check_labels(labels: Sequence[str]) -> None:
    """Refuse empty, overlong, repeated or unprintable labels.

    Raises:
        InvalidInput: For the first bad one.
    """
    for label in labels:
        check_key("labels", "a label", label)
    if len(set(labels)) != len(labels):
        twice = next(label for label in labels if list(labels).count(label) > 1)
        raise InvalidInput("a label is given twice", field="labels", value=twice, mend="Name each label once")


def _check(pool: Pool, draft: Draft) -> None:
    where = draft.where
    if draft.id is not None:
        check_id(draft.id, f"{where}: id")
    for name, key in (("group", draft.group), ("split", draft.split)):
        if key is not None:
            check_key(f"{where}: {name}", f"the {name}", key)
    for name, text in (("text", draft.text), ("answer", draft.answer)):
        check_text(f"{where}: {name}", text)
    for tag in draft.tags:
        check_key(f"{where}: tags", "a tag", tag)
    for name, value in draft.metadata.items():
        check_fact(f"{where}: metadata", name, value)
    if not draft.files and not draft.text.strip():
        raise InvalidInput(NOTHING, field=where, mend="Give at least one of them")
    if not draft.answer and not draft.labels:
        raise InvalidInput(
            "neither an answer nor a label", field=where, mend="An example must show what the right output is"
        )
    labels = _labels(pool, draft)
    for label in labels:
        check_key(f"{where}: label", "the label", label)
    if pool.labels:
        for label in labels:
            if label not in pool.labels:
                known = ", ".join(pool.labels[:12]) + (" …" if len(pool.labels) > 12 else "")
                raise InvalidInput(
                    f"not in the label space of pool {pool.name!r}",
                    field=f"{where}: label",
                    value=label,
                    mend=f"{hint(label, pool.labels)}Labels: {known}",
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
