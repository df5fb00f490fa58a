"""Small pools, selections and pictures that the tests in this folder share."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
from PIL import Image

from shotsmith import imaging
from shotsmith.domain.examples import Example, Pool, PoolKind, Query
from shotsmith.domain.media import Media
from shotsmith.domain.messages import ImagePart
from shotsmith.domain.recipes import Recipe
from shotsmith.domain.selections import Demonstration, Removal, Selection
from shotsmith.prompts.build import build
from shotsmith.prompts.images import prepare


def make_pool(kind: PoolKind = "classification", **fields: Any) -> Pool:
    known: dict[str, Any] = {
        "name": "pets",
        "uid": "pets-1",
        "kind": kind,
        "encoder": "fake",
        "encoder_id": "fake/1",
        "created_at": datetime(2026, 1, 1, tzinfo=UTC),
        "version": "v1",
    }
    return Pool(**{**known, **fields})


def make_media(name: str, size: int = 100, *, with_data: bool = False) -> Media:
    """A media part of `size` bytes that no decoder ever sees."""
    data = name.encode().ljust(size, b".")
    sha256 = hashlib.sha256(data).hexdigest()
    return Media("image", sha256, "image/png", size, 8, 6, sha256, "0" * 16, data if with_data else None)


def stand_in(media: Media, max_side: int, quality: int) -> ImagePart:
    """Prepares a made-up media part: as many bytes as the source has, telling what was asked for."""
    data = f"{media.sha256[:8]} {max_side} {quality}".encode().ljust(media.size, b".")
    return ImagePart(data, media.mime, media.width, media.height)


def make_selection(
    examples: Sequence[Example],
    query: Query,
    *,
    ranks: Sequence[int] | None = None,
    recipe: Recipe | None = None,
    pool: Pool | None = None,
    removed: tuple[Removal, ...] = (),
    flags: tuple[str, ...] = (),
) -> Selection:
    """A selection that shows the examples in the given order; by default the last one is the most useful."""
    ranks = ranks or range(len(examples), 0, -1)
    demonstrations = tuple(
        Demonstration(example, rank, position, "near", 1 - rank / 100, {"image": 0.5, "joint": 0.25})
        for position, (example, rank) in enumerate(zip(examples, ranks, strict=True), start=1)
    )
    return Selection(
        pool or make_pool(), query, recipe or Recipe(), demonstrations, len(examples) + 1, removed, flags
    )


def pets(recipe: Recipe | None = None) -> Selection:
    """Three demonstrations with zero, one and two images, and a query with an image and two lines of text."""
    return make_selection(
        [
            Example("text-only", text="It purrs.\nAnswer: dog", answer="cat", labels=("cat",)),
            Example("one", media=(make_media("one"),), answer="dog", labels=("dog",)),
            Example(
                "two", media=(make_media("two"), make_media("three")), text="Both?", labels=("cat", "dog")
            ),
        ],
        Query((make_media("query", with_data=True),), text="Who is this?\nLook closely."),
        recipe=recipe,
        pool=make_pool(instruction="Name the animal.", labels=("dog", "cat"), answer_format="Lower case."),
        removed=(Removal("itself", "itself"),),
        flags=("short: 3 of 8",),
    )


def encode(picture: Image.Image, format: str, **options: Any) -> bytes:
    file = io.BytesIO()
    picture.save(file, format, **options)
    return file.getvalue()


def photo(width: int, height: int, seed: int = 0) -> Image.Image:
    """Smooth colours with noise: JPEG is the smaller encoding."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (height // 16 + 1, width // 16 + 1, 3), dtype=np.uint8))
    noise = rng.normal(0, 6, (height, width, 3))
    smooth = np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC))
    return Image.fromarray(np.clip(smooth + noise, 0, 255).astype(np.uint8))


def fingerprint() -> str:
    """A prompt from real pictures as text: the same in every process."""
    sources = {
        name: imaging.inspect(encode(photo(300, 200, seed), format))
        for seed, (name, format) in enumerate([("jpeg", "JPEG"), ("png", "PNG"), ("webp", "WEBP")])
    }
    examples = [
        Example(name, (media,), answer=name, labels=(name,))
        for name, media in sources.items()
        if name != "png"
    ]
    selection = make_selection(
        examples, Query((sources["png"],), "what?"), recipe=Recipe(images={"max_side": 64})
    )

    def picture(media: Media, max_side: int, quality: int) -> ImagePart:
        assert media.data is not None
        return prepare(media.data, max_side=max_side, quality=quality)

    prompt = build(selection, labels=["jpeg", "webp"], picture=picture)
    return json.dumps(prompt.manifest)
