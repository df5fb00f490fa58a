"""What an image costs, by the provider's published rule and after its own resize."""

from __future__ import annotations

from functools import lru_cache
from math import ceil, floor, sqrt
from typing import Literal

from ..facts.model import ModelFacts
from ..facts.rules import (
    AnthropicPatches,
    Area,
    Flat,
    GeminiFixed,
    GeminiTiles,
    Grid,
    ImageRule,
    OpenAIPatches,
    OpenAITiles,
)

Detail = Literal["auto", "low", "medium", "high"]
Size = tuple[int, int]


def image_tokens(facts: ModelFacts, width: int, height: int, *, detail: Detail = "auto") -> int:
    """Tokens of an image, exact by rule.

    Args:
        facts: Of the model.
        width: Pixels, as sent.
        height: Pixels, as sent.
        detail: What the request asks for; "auto" is what the provider does where it says nothing, and "high" for
            OpenAI. Rules without levels ignore it.
    """
    return _counted(facts.image_tokens, width, height, detail)


def provider_size(facts: ModelFacts, width: int, height: int) -> Size:
    """Width and height that the provider scales an image to before it counts: more pixels than these are wasted."""
    return _scaled(facts.image_tokens, width, height)


@lru_cache(maxsize=65_536)
def _counted(rule: ImageRule, width: int, height: int, detail: Detail) -> int:
    match rule:
        case AnthropicPatches() | Grid():
            return _cells(_scaled(rule, width, height), rule.patch)
        case OpenAITiles():
            if detail == "low":
                return rule.base
            return rule.base + rule.tile * _cells(_scaled(rule, width, height), rule.side)
        case OpenAIPatches():
            cells = min(rule.cap, _cells(_scaled(rule, width, height), rule.patch))
            return ceil(cells * rule.multiplier - 1e-9)  # 100 patches times 1.2 are 120, not 121
        case GeminiTiles():
            if max(width, height) <= rule.small:
                return rule.tile
            crop = max(1, floor(min(width, height) / 1.5))
            return rule.tile * ceil(width / crop) * ceil(height / crop)
        case GeminiFixed():
            levels = {"low": rule.low, "medium": rule.medium, "high": rule.high}
            return levels.get(detail, rule.default)
        case Area():
            return max(rule.least, ceil(width * height / rule.pixels))
        case Flat():
            return rule.tokens


@lru_cache(maxsize=65_536)
def _scaled(rule: ImageRule, width: int, height: int) -> Size:
    match rule:
        case AnthropicPatches():
            return _within_patches(rule, width, height)
        case OpenAITiles():
            boxed = _shrunk((width, height), rule.box / max(width, height))
            return _shrunk(boxed, rule.short_side / min(boxed))
        case OpenAIPatches():
            return _under_cap(rule, width, height)
        case Grid():
            return _rounded(rule, width, height)
        case GeminiTiles() | GeminiFixed() | Area() | Flat():
            return width, height


def _cells(size: Size, side: int) -> int:
    return ceil(size[0] / side) * ceil(size[1] / side)


def _shrunk(size: Size, factor: float) -> Size:
    if factor >= 1:
        return size
    width, height = (max(1, round(side * factor)) for side in size)
    return width, height


def _within_patches(rule: AnthropicPatches, width: int, height: int) -> Size:
    """The largest size of the same shape that keeps both bounds: patches never fall when the long edge grows."""
    longest = max(width, height)

    def at(edge: int) -> Size:
        return _shrunk((width, height), edge / longest)

    low, high = 1, min(longest, rule.long_edge)
    while low < high:
        middle = (low + high + 1) // 2
        if _cells(at(middle), rule.patch) <= rule.max_tokens:
            low = middle
        else:
            high = middle - 1
    return at(low)


def _under_cap(rule: OpenAIPatches, width: int, height: int) -> Size:
    """OpenAI's published rescaling: to the area of `cap` patches, then so that one side is whole patches."""
    if _cells((width, height), rule.patch) <= rule.cap:
        return width, height
    ratio = sqrt(rule.patch**2 * rule.cap / (width * height))
    across, down = width * ratio / rule.patch, height * ratio / rule.patch
    ratio *= min(max(1, floor(across)) / across, max(1, floor(down)) / down)
    # Sides that are meant to be whole patches come out a hair larger or smaller in floating point.
    return max(1, floor(width * ratio + 1e-6)), max(1, floor(height * ratio + 1e-6))


def _rounded(rule: Grid, width: int, height: int) -> Size:
    """`smart_resize` of Qwen2-VL: whole cells, the area within its bounds."""
    cell = rule.patch
    across, down = max(cell, round(width / cell) * cell), max(cell, round(height / cell) * cell)
    if across * down > rule.max_pixels:
        shrink = sqrt(width * height / rule.max_pixels)
        across = max(cell, floor(width / shrink / cell) * cell)
        down = max(cell, floor(height / shrink / cell) * cell)
    elif across * down < rule.min_pixels:
        grow = sqrt(rule.min_pixels / (width * height))
        across, down = ceil(width * grow / cell) * cell, ceil(height * grow / cell) * cell
    return across, down
