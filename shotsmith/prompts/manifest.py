"""The manifest: what a prompt consists of, where it came from, and what was left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

from .. import __version__
from ..domain.media import Media
from ..domain.messages import ImagePart, Mark, MediaPart, Message, TextPart, canonical
from ..domain.scoring import digest
from ..domain.selections import Demonstration, Selection
from .budget import Limits
from .dialects import Shot
from .lint import lint
from .prefix import cut
from .target import Target
from .tokens import Tokens, parts_features


class Shown(NamedTuple):
    """A demonstration and what is shown of it."""

    demonstration: Demonstration
    shot: Shot


class Dropped(NamedTuple):
    """A demonstration that is not shown, and why."""

    demonstration: Demonstration
    reason: str


@dataclass(frozen=True, slots=True)
class Made:
    """How a prompt was made to fit.

    Attributes:
        limits: The bounds it keeps.
        side: Longest side of demonstration images, pixels.
        fixed_side: The same for the demonstrations that every query is shown; None without any.
        disturbed: Which bound this query alone made tighter for those; empty where they are as for every query.
        prefix: Where that ends which is the same for every query.
        symbols: What stands for each label; empty where labels are shown.
    """

    limits: Limits
    side: int
    fixed_side: int | None = None
    disturbed: str = ""
    prefix: Mark | None = None
    symbols: Mapping[str, str] = field(default_factory=dict)

    def flags(self, wanted: int) -> list[str]:
        """What the caller should know."""
        told = []
        sides = {"demonstrations": self.side, "fixed demonstrations": self.fixed_side or wanted}
        for what, side in sides.items():
            if side < wanted:
                told.append(f"images of {what} are at most {side} pixels long instead of {wanted}, to fit")
        if self.disturbed:
            told.append(f"the fixed part is not the same as for other queries ({self.disturbed})")
        return told


def manifest(
    selection: Selection,
    query: Shot,
    shown: Sequence[Shown],
    dropped: Sequence[Dropped],
    messages: Sequence[Message],
    target: Target,
    tokens: Tokens,
    made: Made,
) -> dict[str, Any]:
    """Plain JSON that names everything in the prompt; no times and no paths, so that it is the same every time.

    Args:
        selection: What the prompt was built from.
        query: What is shown of the query.
        shown: In prompt order.
        dropped: In rank order.
        messages: The rendered prompt.
        target: The model it is for.
        tokens: Of the messages.
        made: How it was made to fit.
    """
    pool = selection.pool
    flags = [*selection.flags, *made.flags(selection.recipe.images.max_side)]
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
            "summary": query.summary,
            "tokens": _tokens(query, target),
            "images": _media(_shown(selection.query.media, query), query.media),
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
                "tokens": _tokens(shot, target),
                "summary": shot.summary,
                "images": _media(() if chosen.bare else _shown(chosen.example.media, shot), shot.media),
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
        "symbols": dict(made.symbols),
        "model": {
            "name": target.name,
            "known": target.facts.known,
            "facts_sha256": target.facts.revision,
        }
        if target.name
        else None,
        "tokens": asdict(tokens),
        "cost_usd": None
        if target.price is None
        else target.price.cost(tokens.total, selection.recipe.budget.answer_tokens),
        "budget": {
            "limits": {name: {"by": limit.name, "value": limit.value} for name, limit in made.limits},
            "max_side": made.side,
            "fixed_max_side": made.fixed_side,
        },
        "cache": _cache(messages, target, made.prefix),
        "lint": [asdict(finding) for finding in lint(messages, target, tokens, made.prefix)]
        if target.name
        else [],
        "prompt_sha256": digest(canonical(messages)),
    }


def _tokens(shot: Shot, target: Target) -> int:
    """Of what a demonstration or the query shows, by rule and without what stands around it."""
    texts = (TextPart(text) for text in (shot.summary, shot.text, shot.answer) if text)
    return parts_features((*shot.media, *texts), target.facts).media_and_text


def _cache(messages: Sequence[Message], target: Target, prefix: Mark | None) -> dict[str, Any] | None:
    if prefix is None:
        return None
    kept = cut(messages, prefix)
    return {
        "turn": prefix.turn,
        "part": prefix.part,
        "tokens": target.tokens(kept).total,
        "sha256": digest(canonical(kept)),
    }


def _shown(media: Sequence[Media], shot: Shot) -> Sequence[Media]:
    """The media that are shown themselves and not in words."""
    return [one for one in media if one.kind != "image"] if shot.summary else media


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
