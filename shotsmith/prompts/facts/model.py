"""What is known about one model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from functools import cached_property
from typing import Any, NamedTuple

from pydantic import BaseModel

from ...domain.scoring import digest
from .rules import Crowded, ImageRule, PriceFact, SoundRule, TextRule, VideoRule
from .sheet import Kind


class Provenance(NamedTuple):
    """Where a fact is from.

    Attributes:
        source: Title and address of the document; "conservative" for a careful guess, "user" for an override.
        date: When it was read there.
        note: What else there is to say.
    """

    source: str
    date: date | None
    note: str


@dataclass(frozen=True, slots=True)
class CacheFacts:
    """What the provider does with a prefix that was sent before.

    Attributes:
        kind: "none"; "automatic": it finds equal prefixes itself; "cache_control" (Anthropic) or "explicit" (OpenAI):
            it wants to be told where a prefix ends.
        minimum: Fewest tokens of a prefix that is kept.
        step: Tokens beyond it count in steps of so many.
        read: Price of a token read, as a multiple of an input token's.
        write: Price of a token written, as a multiple of an input token's.
        ttl: Seconds for which it is kept.
        refreshes: Whether use starts that time anew.
        breakpoints: Most marks in a request.
        lookback: Content blocks before a mark among which an earlier entry is looked for; 0 for no such bound.
        long_ttl: Seconds for which it is kept for the higher price; 0 where none is sold.
        long_write: Price of a token written for so long.
    """

    kind: Kind
    minimum: int
    step: int
    read: float
    write: float
    ttl: int
    refreshes: bool
    breakpoints: int
    lookback: int
    long_ttl: int
    long_write: float


@dataclass(frozen=True, slots=True)
class RoleFacts:
    """What the provider demands of the order of turns.

    Attributes:
        system: Whether a system turn is taken.
        alternate: Whether user and assistant turns must alternate.
        user_first: Whether the first turn but system must be the user's.
    """

    system: bool
    alternate: bool
    user_first: bool


@dataclass(frozen=True)
class ModelFacts:
    """Limits, counting rules and prices of a model. Sizes in bytes and pixels, errors as shares.

    Attributes:
        model: Its name, as it was asked for.
        known: Whether any family of models matched, so that these are not only conservative defaults.
        image_tokens: What an image costs.
        image_overhead: Tokens around an image.
        image_error: How far the rule for images may be off before any usage was seen, as a share.
        text_tokens: What text costs.
        text_error: How far that may be off.
        audio_tokens: What sound costs.
        audio_error: How far that may be off.
        video_tokens: What video costs where the model takes it itself.
        turn_overhead: Tokens around a turn.
        request_overhead: Tokens around a request.
        context_window: Tokens of prompt and answer together.
        usable_share: Share of the window up to which more demonstrations were found to help.
        images_per_request: Most images in a request.
        image_bytes: Largest image, encoded, before base64.
        image_side: Longest side of an image.
        crowded: The stricter longest side with many images, if there is one.
        request_bytes: Largest request, as it is sent.
        image_formats: MIME types of images that are taken; empty for none. Likewise for sound and video.
        structured_output: Whether answers can be held to a JSON schema.
        price: USD a token, where a user gave it.
        cache: See `CacheFacts`.
        roles: See `RoleFacts`.
        provenance: Where each fact is from, by dotted name.
        warnings: What the user should be told.
    """

    model: str
    known: bool
    image_tokens: ImageRule
    image_overhead: int
    image_error: float
    text_tokens: TextRule
    text_error: float
    audio_tokens: SoundRule
    audio_error: float
    video_tokens: VideoRule
    turn_overhead: float
    request_overhead: float
    context_window: int
    usable_share: float
    images_per_request: int
    image_bytes: int
    image_side: int
    crowded: Crowded | None
    request_bytes: int
    image_formats: tuple[str, ...]
    audio_formats: tuple[str, ...]
    video_formats: tuple[str, ...]
    structured_output: bool
    price: PriceFact | None
    cache: CacheFacts
    roles: RoleFacts
    provenance: Mapping[str, Provenance] = field(compare=False, repr=False, hash=False)
    warnings: tuple[str, ...] = ()

    @property
    def several_images(self) -> bool:
        """Whether a request may hold more than one image."""
        return self.images_per_request > 1

    def side(self, images: int) -> int:
        """Longest side of an image, pixels, in a request that holds so many images."""
        if self.crowded is not None and images > self.crowded.images:
            return min(self.image_side, self.crowded.side)
        return self.image_side

    @cached_property
    def revision(self) -> str:
        """sha256 of all values: equal where a prompt would be built and counted alike."""
        return digest(self.values())

    @cached_property
    def counting(self) -> str:
        """sha256 of what decides token counts: what was learnt about other rules does not apply to these."""
        names = ("image_tokens", "image_overhead", "text_tokens", "audio_tokens")
        values = self.values()
        return digest({name: values[name] for name in (*names, "turn_overhead", "request_overhead")})

    def values(self) -> dict[str, Any]:
        """Every fact as plain JSON, without names, sources and warnings."""
        left_out = {"model", "known", "provenance", "warnings"}
        return {
            name: _plain(getattr(self, name)) for name in self.__dataclass_fields__ if name not in left_out
        }


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, CacheFacts | RoleFacts):
        return asdict(value)
    return list(value) if isinstance(value, tuple) else value
