"""What decides how long a prompt is, counted by rule. Features of parts add up to those of the whole."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Features:
    """Tokens by kind, and turns.

    Attributes:
        text: Tokens of texts.
        images: Tokens of images, with what stands around each.
        audio: Tokens of sounds.
        turns: How many turns.
        image_count: How many images.
    """

    text: int = 0
    images: int = 0
    audio: int = 0
    turns: int = 0
    image_count: int = 0

    @property
    def media_and_text(self) -> int:
        """Tokens but for those around turns and the request."""
        return self.text + self.images + self.audio

    def __add__(self, other: Features) -> Features:
        return Features(
            self.text + other.text,
            self.images + other.images,
            self.audio + other.audio,
            self.turns + other.turns,
            self.image_count + other.image_count,
        )

    def __sub__(self, other: Features) -> Features:
        return Features(
            self.text - other.text,
            self.images - other.images,
            self.audio - other.audio,
            self.turns - other.turns,
            self.image_count - other.image_count,
        )
