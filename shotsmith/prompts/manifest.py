"""The manifest: what a prompt consists of, where it came from, and what was left out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from .. import __version__
from ..domain.media import Media
from ..domain.messages import ImagePart, MediaPart, Message, TextPart, canonical
from ..domain.scoring import digest
from ..domain.selections import Demonstration, Selection
from .dialects import Shot


class Shown(NamedTuple):
    """A demonstration and what is shown of it."""

    demonstration: Demonstration
    shot: Shot


class Dropped(NamedTuple):
    """A demonstration that is not shown, and why."""

    demonstration: Demonstration
    reason: str


def manifest(
    selection: Selection,
    query: Shot,
    shown: Sequence[Shown],
    dropped: Sequence[Dropped],
    messages: Sequence[Message],
) -> dict[str, Any]:
    """Plain JSON that names everything in the prompt; no times and no paths, so that it is the same every time.

    Args:
        selection: What the prompt was built from.
        query: What is shown of the query.
        shown: In prompt order.
        dropped: In rank order.
        messages: The rendered prompt.
    """
    pool = selection.pool
    flags = list(selection.flags)
    if dropped:
        flags.append(
            f"dropped: {len(dropped)} of {len(selection.demonstrations)} demonstrations are not shown"
        )
    images = [part for message in messages for part in message.parts if isinstance(part, ImagePart)]
    texts = [part.text for message in messages for part in message.parts if isinstance(part, TextPart)]
    return {
        "shotsmith": __version__,
        "recipe": selection.recipe.model_dump(mode="json"),
        "recipe_text": selection.recipe.text,
        "pool": {"name": pool.name, "uid": pool.uid, "version": pool.version, "kind": pool.kind},
        "encoder_id": pool.encoder_id,
        "query": {
            "id": selection.query.id,
            "key": selection.query.key,
            "text": query.text,
            "images": _media(selection.query.media, query.media),
        },
        "demonstrations": [
            {
                "id": chosen.example.id,
                "rank": chosen.rank,
                "position": position,
                "label": chosen.example.label,
                "answer": shot.answer,
                "reason": chosen.reason,
                "score": chosen.score,
                "scores": dict(sorted(chosen.scores.items())),
                "stage": chosen.stage,
                "fixed": chosen.fixed,
                "images": _media(() if chosen.bare else chosen.example.media, shot.media),
            }
            for position, (chosen, shot) in enumerate(shown, start=1)
        ],
        "dropped": [
            {"id": chosen.example.id, "rank": chosen.rank, "reason": reason} for chosen, reason in dropped
        ],
        "removed": [
            {"id": removal.id, "reason": removal.reason, "detail": removal.detail}
            for removal in selection.removed
        ],
        "flags": flags,
        "eligible": selection.eligible,
        "counts": {
            "turns": len(messages),
            "images": len(images),
            "image_bytes": sum(len(image.data) for image in images),
            "text_characters": sum(map(len, texts)),
        },
        "prompt_sha256": digest(canonical(messages)),
    }


def _media(sources: Sequence[Media], parts: Sequence[MediaPart]) -> list[dict[str, Any]]:
    return [
        {
            "source_sha256": source.sha256,
            "sha256": part.sha256,
            "mime": part.mime,
            **(
                {"width": part.width, "height": part.height}
                if isinstance(part, ImagePart)
                else {"seconds": part.seconds}
            ),
            "bytes": len(part.data),
        }
        for source, part in zip(sources, parts, strict=True)
    ]
