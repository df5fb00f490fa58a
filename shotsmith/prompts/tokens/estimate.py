"""What a prompt costs in the units of the model it goes to, as a whole and part by part."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil

from ...domain.messages import ImagePart, Message, Part, TextPart
from ..facts.model import ModelFacts
from ..facts.rules import SoundRule
from .calibration import Calibration
from .features import Features
from .images import Detail, image_tokens
from .text import counted_by, text_tokens


@dataclass(frozen=True)
class Tokens:
    """Tokens of a prompt.

    Attributes:
        text: Of its texts, by rule.
        images: Of its images, by rule.
        audio: Of its sounds, by rule.
        overhead: Around turns, images and the request, by rule.
        total: What the provider is expected to report: the sum of those, corrected by what was learnt from its reports.
        margin: Tokens by which the report may exceed `total`; it shrinks with every report.
        how: How that was counted.
    """

    text: int
    images: int
    audio: int
    overhead: int
    total: int
    margin: int
    how: str

    @property
    def safe(self) -> int:
        """What a budget should reckon with."""
        return self.total + self.margin


def estimate(
    messages: Iterable[Message],
    facts: ModelFacts,
    calibration: Calibration | None = None,
    *,
    detail: Detail = "auto",
) -> Tokens:
    """Tokens of a prompt.

    Args:
        messages: As they are sent.
        facts: Of the model.
        calibration: What was learnt from its reports; None for the rules alone.
        detail: Of the images.
    """
    return tokens(features_of(messages, facts, detail=detail), facts, calibration)


def tokens(features: Features, facts: ModelFacts, calibration: Calibration | None = None) -> Tokens:
    """Tokens of a prompt that has those features, for callers that add prompts up from parts."""
    calibration = calibration or Calibration.prior(facts)
    overhead = facts.turn_overhead * features.turns + facts.request_overhead
    around = facts.image_overhead * features.image_count
    total = ceil(calibration.expected(features))
    how = [counted_by(facts.text_tokens), facts.image_tokens.rule]
    if calibration.calls:
        how.append(f"corrected by {calibration.calls:,} report{'s' if calibration.calls > 1 else ''}")
    return Tokens(
        text=features.text,
        images=features.images - around,
        audio=features.audio,
        overhead=ceil(overhead) + around,
        total=total,
        margin=max(0, ceil(calibration.expected(features) + calibration.margin(features)) - total),
        how=", ".join(how),
    )


def features_of(messages: Iterable[Message], facts: ModelFacts, *, detail: Detail = "auto") -> Features:
    """What a prompt holds, in tokens by rule."""
    whole = Features()
    for message in messages:
        whole += message_features(message, facts, detail=detail)
    return whole


def message_features(message: Message, facts: ModelFacts, *, detail: Detail = "auto") -> Features:
    """What one turn holds."""
    return parts_features(message.parts, facts, turns=1, detail=detail)


def parts_features(
    parts: Sequence[Part], facts: ModelFacts, *, turns: int = 0, detail: Detail = "auto"
) -> Features:
    """What parts hold that are shown in so many turns: of a demonstration, for one."""
    text = images = audio = count = 0
    for part in parts:
        if isinstance(part, TextPart):
            text += text_tokens(facts.text_tokens, part.text)
        elif isinstance(part, ImagePart):
            images += image_tokens(facts, part.width, part.height, detail=detail) + facts.image_overhead
            count += 1
        else:
            audio += sound_tokens(facts, part.seconds)
    return Features(text, images, audio, turns, count)


def part_tokens(part: Part, facts: ModelFacts, *, detail: Detail = "auto") -> int:
    """Tokens of one part with what stands around it, by rule."""
    return parts_features((part,), facts, detail=detail).media_and_text


def sound_tokens(facts: ModelFacts, seconds: float) -> int:
    """Tokens of a clip of sound."""
    return _sound(facts.audio_tokens, seconds)


def video_tokens(facts: ModelFacts, seconds: float) -> int:
    """Tokens of a video that the model takes as video; one that is sent as frames costs what its images cost."""
    rule = facts.video_tokens
    frames = max(1, ceil(seconds * rule.frames_per_second))
    return ceil(frames * rule.per_frame + seconds * rule.per_second)


def _sound(rule: SoundRule, seconds: float) -> int:
    return max(rule.least, ceil(rule.per_second * seconds))
