"""Image tokens: every published example, and what must hold for any image."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shotsmith.prompts.facts import facts_of
from shotsmith.prompts.tokens import image_tokens, provider_size, sound_tokens, video_tokens
from shotsmith.prompts.tokens.images import Detail

MODELS = [
    "claude-sonnet-4-5",
    "claude-opus-5",
    "gpt-4o",
    "gpt-4o-mini",
    "gpt-5",
    "o1",
    "gpt-4.1-mini",
    "gpt-4.1-nano",
    "o4-mini",
    "gpt-6-sol",
    "gemini/gemini-2.5-flash",
    "gemini/gemini-3.8-flash",
    "qwen/qwen2.5-vl-7b",
    "qwen/qwen3-vl-8b",
    "gemma-3-27b-it",
    "nobody/x",
    "offline/knn-vote",
]
SIDES = st.integers(1, 20_000)


@pytest.mark.parametrize(
    ("model", "size", "detail", "expected"),
    [
        # OpenAI's examples of tiles, and what its developers measured at the edges of rounding.
        ("gpt-4o", (1024, 1024), "high", 765),
        ("gpt-4o", (2048, 4096), "high", 1105),
        ("gpt-4o", (4096, 8192), "low", 85),
        ("gpt-4.1", (2049, 513), "high", 1445),
        ("gpt-4.1", (2050, 513), "high", 765),
        ("gpt-4.1", (2400, 1800), "auto", 765),
        ("gpt-4o", (512, 512), "high", 85 + 170),
        ("gpt-4o", (640, 480), "high", 85 + 2 * 170),
        ("gpt-5", (1024, 1024), "high", 70 + 4 * 140),
        ("gpt-5", (1024, 1024), "low", 70),
        ("o1", (1024, 1024), "high", 75 + 4 * 150),
        ("o3", (1024, 1024), "low", 75),
        ("gpt-4o-mini", (1024, 1024), "high", 2833 + 4 * 5667),
        ("gpt-4o-mini", (1024, 1024), "low", 2833),
        # OpenAI's examples of patches: 1024 of them, and 1452 after scaling to 1056 x 1408.
        ("gpt-4.1-mini", (1024, 1024), "auto", 1659),
        ("gpt-4.1-mini", (1800, 2400), "auto", 2353),
        ("gpt-4.1-mini", (4000, 1474), "auto", 2348),
        ("gpt-5-mini", (1024, 1024), "auto", 1659),
        ("gpt-4.1-nano", (1024, 1024), "auto", 2520),
        ("o4-mini", (1024, 1024), "auto", 1762),
        ("gpt-4.1-mini", (2048, 768), "auto", 2489),
        # GPT-6: patches times 1.2, up to 10,000 patches.
        ("gpt-6-sol", (256, 256), "auto", 77),
        ("gpt-6-sol", (320, 320), "auto", 120),
        ("gpt-6-sol", (3200, 3200), "auto", 12_000),
        ("gpt-6-sol", (6400, 6400), "auto", 12_000),
        # Claude: patches of 28 pixels within two bounds.
        ("claude-sonnet-4-5", (256, 256), "auto", 100),
        ("claude-sonnet-4-5", (512, 512), "auto", 361),
        ("claude-sonnet-4-5", (1092, 1092), "auto", 1521),
        ("claude-sonnet-4-5", (4000, 4000), "auto", 1521),
        ("claude-sonnet-4-5", (3136, 1), "auto", 56),
        ("claude-opus-5", (1092, 1092), "auto", 1521),
        ("claude-opus-5", (1932, 1932), "auto", 69 * 69),
        ("claude-opus-5", (5000, 28), "auto", 92),
        # Gemini up to 2.5 by tiles, from 3 by resolution.
        ("gemini/gemini-2.5-flash", (384, 384), "auto", 258),
        ("gemini/gemini-2.5-flash", (1, 1), "auto", 258),
        ("gemini/gemini-2.5-flash", (960, 540), "auto", 6 * 258),
        ("gemini/gemini-2.5-pro", (385, 385), "auto", 4 * 258),
        ("gemini/gemini-3.8-flash", (256, 256), "low", 280),
        ("gemini/gemini-3.8-flash", (4000, 3000), "medium", 560),
        ("gemini/gemini-3.8-flash", (64, 64), "high", 1120),
        ("gemini/gemini-3.8-flash", (640, 480), "auto", 1120),
        # Qwen: cells of 28 pixels, from 4 to 16,384.
        ("qwen/qwen2.5-vl-7b", (256, 256), "auto", 81),
        ("qwen/qwen2.5-vl-7b", (1, 1), "auto", 4),
        ("qwen/qwen2.5-vl-7b", (28, 28), "auto", 4),
        ("qwen/qwen2.5-vl-7b", (3584, 3584), "auto", 16_384),
        ("qwen/qwen2.5-vl-7b", (9000, 9000), "auto", 16_384),
        ("qwen/qwen3-vl-8b", (256, 256), "auto", 64),
    ],
)
def test_published_examples(model: str, size: tuple[int, int], detail: Detail, expected: int) -> None:
    assert image_tokens(facts_of(model), *size, detail=detail) == expected


@pytest.mark.parametrize(
    ("model", "size", "expected"),
    [
        ("claude-sonnet-4-5", (1568, 1568), (1092, 1092)),
        ("claude-sonnet-4-5", (1000, 300), (1000, 300)),
        ("claude-sonnet-4-5", (3136, 784), (1568, 392)),
        ("gpt-4o", (2048, 4096), (768, 1536)),
        ("gpt-4o", (300, 200), (300, 200)),
        ("gpt-4.1-mini", (1800, 2400), (1056, 1408)),
        ("qwen/qwen2.5-vl-7b", (256, 256), (252, 252)),
        ("gemini/gemini-2.5-flash", (5000, 4000), (5000, 4000)),
    ],
)
def test_what_providers_scale_images_to(model: str, size: tuple[int, int], expected: tuple[int, int]) -> None:
    assert provider_size(facts_of(model), *size) == expected


def test_the_rule_of_width_times_height_is_only_an_approximation() -> None:
    facts = facts_of("claude-sonnet-4-5")
    assert pytest.approx(image_tokens(facts, 512, 512), rel=0.04) == 512 * 512 / 750
    assert pytest.approx(0.87 * image_tokens(facts, 256, 256), rel=0.01) == 256 * 256 / 750


@given(st.sampled_from(MODELS), SIDES, SIDES)
def test_any_image_has_a_count_that_does_not_depend_on_its_orientation(
    model: str, width: int, height: int
) -> None:
    facts = facts_of(model)
    tokens = image_tokens(facts, width, height)
    assert isinstance(tokens, int)
    assert tokens >= (0 if model.startswith("offline") else 1)
    assert tokens == image_tokens(facts, height, width)


@given(SIDES, SIDES)
def test_claude_bounds_hold_and_no_larger_size_would_keep_them(width: int, height: int) -> None:
    for model, edge, most in (("claude-sonnet-4-5", 1568, 1568), ("claude-opus-5", 2576, 4784)):
        facts = facts_of(model)
        scaled = provider_size(facts, width, height)
        assert image_tokens(facts, width, height) <= most
        assert max(scaled) <= edge
        assert scaled[0] <= width
        if scaled != (width, height) and max(scaled) < edge:
            grown = (max(scaled) + 1) / max(width, height)
            cells = [-(-max(1, round(side * grown)) // 28) for side in (width, height)]
            assert cells[0] * cells[1] > most


@given(SIDES, SIDES)
def test_openai_bounds_hold(width: int, height: int) -> None:
    tiles, patches = facts_of("gpt-4o"), facts_of("gpt-4.1-mini")
    assert max(provider_size(tiles, width, height)) <= 2048
    assert min(provider_size(tiles, width, height)) <= 768
    assert image_tokens(tiles, width, height) <= 85 + 8 * 170
    assert image_tokens(patches, width, height) <= 2489


@given(SIDES, SIDES)
def test_qwen_counts_whole_cells_within_its_bounds(width: int, height: int) -> None:
    facts = facts_of("qwen/qwen2.5-vl-7b")
    across, down = provider_size(facts, width, height)
    assert across % 28 == down % 28 == 0
    # Sides of less than a cell are stretched to one, so that very thin images leave the bounds.
    if max(width, height) < 200 * min(width, height):
        assert 4 <= image_tokens(facts, width, height) <= 16_384


@given(st.sampled_from(["claude-sonnet-4-5", "claude-opus-5", "gpt-4o"]), st.integers(1, 20))
def test_shrinking_squares_never_costs_more(model: str, step: int) -> None:
    facts = facts_of(model)
    counts = [image_tokens(facts, side, side) for side in range(step, 4000, 50)]
    assert counts == sorted(counts)


def test_what_a_provider_scaled_costs_the_same_again() -> None:
    for model in ("claude-sonnet-4-5", "claude-opus-5", "gpt-4o", "gpt-4.1-mini", "qwen/qwen2.5-vl-7b"):
        facts = facts_of(model)
        for size in [(3000, 2000), (1600, 1200), (500, 400), (4000, 1474)]:
            assert image_tokens(facts, *provider_size(facts, *size)) == image_tokens(facts, *size), (
                model,
                size,
            )


def test_sound_and_video_by_the_second() -> None:
    gemini = facts_of("gemini/gemini-2.5-flash")
    assert sound_tokens(gemini, 60) == 1920
    assert sound_tokens(gemini, 0.01) == 1
    assert video_tokens(gemini, 10) == 10 * (258 + 32)
    assert video_tokens(gemini, 0.5) == 258 + 16
