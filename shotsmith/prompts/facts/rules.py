"""How providers count: a rule for images, one for text, one for sound and one for video, each plain data.

A rule is named by its `rule` member, as in `{ rule = "openai_tiles", base = 85, tile = 170 }`.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Count = Annotated[int, Field(ge=0)]
Positive = Annotated[int, Field(ge=1)]
Factor = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Frozen(BaseModel):
    """A piece of the schema: unknown members are refused, and what was read does not change."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class AnthropicPatches(Frozen):
    """One token a patch, after the image was scaled down until both bounds hold.

    Attributes:
        patch: Side of a patch, pixels.
        long_edge: Longest side that is not scaled down, pixels.
        max_tokens: Most tokens an image costs.
    """

    rule: Literal["anthropic_patches"]
    patch: Positive = 28
    long_edge: Positive
    max_tokens: Positive


class OpenAITiles(Frozen):
    """`base` and `tile` for each tile, after the image was fitted into `box` and its short side into `short_side`.

    With low detail, `base` alone.
    """

    rule: Literal["openai_tiles"]
    base: Count
    tile: Count
    box: Positive = 2048
    short_side: Positive = 768
    side: Positive = 512


class OpenAIPatches(Frozen):
    """`multiplier` tokens a patch; an image of more than `cap` patches is scaled down to fit."""

    rule: Literal["openai_patches"]
    patch: Positive = 32
    cap: Positive = 1536
    multiplier: Factor


class GeminiTiles(Frozen):
    """`tile` tokens where both sides are at most `small`, else for each crop of 2/3 of the short side."""

    rule: Literal["gemini_tiles"]
    tile: Positive = 258
    small: Positive = 384


class GeminiFixed(Frozen):
    """The same for every image, by `media_resolution`; `default` where a request names none."""

    rule: Literal["gemini_fixed"]
    low: Positive
    medium: Positive
    high: Positive
    default: Positive


class Grid(Frozen):
    """One token a cell; sides are rounded to cells, and the area is scaled into [min_pixels, max_pixels]."""

    rule: Literal["grid"]
    patch: Positive
    min_pixels: Positive
    max_pixels: Positive


class Area(Frozen):
    """A token for so many pixels, rounded up, and never fewer than `least`: for models that we know nothing about."""

    rule: Literal["area"]
    pixels: Positive
    least: Count


class Flat(Frozen):
    """The same for every image."""

    rule: Literal["flat"]
    tokens: Count


ImageRule = Annotated[
    AnthropicPatches | OpenAITiles | OpenAIPatches | GeminiTiles | GeminiFixed | Grid | Area | Flat,
    Field(discriminator="rule"),
]


class Tiktoken(Frozen):
    """The tokeniser itself, where tiktoken and its vocabulary are installed; else as `Characters`."""

    rule: Literal["tiktoken"]
    encoding: Literal["cl100k_base", "o200k_base"]


class Characters(Frozen):
    """Tokens by kinds of characters: an upper estimate of prose and code for byte-pair vocabularies.

    Strings without words, such as hashes and invented names, may cost half as much again.

    Attributes:
        letter: Tokens a letter of ASCII, and white space.
        digit: Tokens a digit.
        sign: Tokens any other character of ASCII.
        byte: Tokens a UTF-8 byte of everything else: an accented or Cyrillic letter has two, a Chinese, Thai or
            Devanagari one three, an emoji four and more.
    """

    rule: Literal["characters"]
    letter: Factor = 0.3
    digit: Factor = 1.0
    sign: Factor = 1.0
    byte: Factor = 0.55


TextRule = Annotated[Tiktoken | Characters, Field(discriminator="rule")]


class SoundRule(Frozen):
    """Tokens a second of sound, rounded up, and never fewer than `least`."""

    per_second: Factor
    least: Count = 0


class VideoRule(Frozen):
    """What a second of video costs where the model takes video itself: sampled frames, and the sound beside them."""

    frames_per_second: Factor
    per_frame: Factor
    per_second: Factor = 0.0


class Crowded(Frozen):
    """The stricter limit on a side where a request holds more than `images` images."""

    images: Count
    side: Positive


class PriceFact(Frozen):
    """USD a token, for models that litellm's price map does not hold."""

    input: Factor
    output: Factor
    cache_read: Factor | None = None
    cache_write: Factor | None = None
