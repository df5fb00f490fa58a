"""Facts about models: what the files say, which of them a name gets, and what is refused."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shotsmith.domain.errors import InvalidParameter
from shotsmith.prompts.facts import built_in, facts_of
from shotsmith.prompts.facts.price_map import _entries, entry
from shotsmith.prompts.facts.sheet import CONSERVATIVE, read

CLAUDE = (28, 1568, 1568)
CLAUDE_NEW = (28, 2576, 4784)


@pytest.fixture
def user_file(tmp_path: Path) -> Path:
    return tmp_path / "facts.toml"


def test_the_default_family_has_every_fact_and_no_other_repeats_its_pattern() -> None:
    files = built_in()
    assert set(files) >= {"anthropic.toml", "openai.toml", "gemini.toml", "open_weights.toml", "default.toml"}
    every = {name for file in files.values() for sheet in file.models for name in sheet.facts}
    (default,) = files["default.toml"].models
    assert every - set(default.facts) == {"crowded", "price"}
    patterns = Counter(
        (name, pattern) for name, file in files.items() for sheet in file.models for pattern in sheet.match
    )
    homes = Counter(pattern for _, pattern in patterns)
    assert [pattern for pattern, count in homes.items() if count > 1] == []


def test_every_fact_is_dated_and_sourced_or_says_that_it_is_a_guess() -> None:
    used = 0
    for name, file in built_in().items():
        for sheet in file.models:
            for key, fact in sheet.facts.items():
                assert fact.source == CONSERVATIVE or fact.date is not None, (name, key)
                used += fact.source != CONSERVATIVE
        cited = {fact.source for sheet in file.models for fact in sheet.facts.values()}
        notes = " ".join(fact.note for sheet in file.models for fact in sheet.facts.values())
        assert {source for source in file.sources if source not in cited and source not in notes} == set(), (
            name
        )
        assert all(source.url.startswith("https://") for source in file.sources.values() if source.url)
    assert used > 150


@pytest.mark.parametrize(
    ("model", "rule", "images", "minimum", "read"),
    [
        ("claude-sonnet-4-5", CLAUDE, 100, 1024, 0.1),
        ("anthropic/claude-opus-4-5-20251101", CLAUDE, 100, 4096, 0.1),
        ("openrouter/anthropic/claude-haiku-4.5", CLAUDE, 100, 4096, 0.1),
        ("claude-opus-4-6", CLAUDE, 600, 4096, 0.1),
        ("vertex_ai/claude-opus-4-8@20260701", CLAUDE_NEW, 600, 1024, 0.1),
        ("claude-sonnet-5", CLAUDE_NEW, 600, 1024, 0.1),
        ("anthropic/claude-opus-5", CLAUDE_NEW, 600, 512, 0.1),
        ("anthropic/claude-opus-5-5", CLAUDE_NEW, 600, 512, 0.05),
        ("github_copilot/claude-sonnet-5.5", CLAUDE_NEW, 600, 512, 0.05),
        ("claude-fable-5-1", CLAUDE_NEW, 600, 512, 0.025),
        ("bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0", CLAUDE, 20, 1024, 0.1),
        ("snowflake/claude-3-7-sonnet", CLAUDE, 100, 1024, 0.1),
    ],
)
def test_claude_wherever_it_is_served(
    model: str, rule: tuple[int, int, int], images: int, minimum: int, read: float
) -> None:
    facts = facts_of(model)
    counted = facts.image_tokens
    assert counted.rule == "anthropic_patches"
    assert (counted.patch, counted.long_edge, counted.max_tokens) == rule
    assert facts.images_per_request == images
    assert (facts.cache.kind, facts.cache.minimum, facts.cache.read, facts.cache.write) == (
        "cache_control",
        minimum,
        read,
        1.25,
    )
    assert (facts.cache.ttl, facts.cache.refreshes, facts.cache.breakpoints, facts.cache.lookback) == (
        300,
        True,
        4,
        20,
    )
    assert (facts.cache.long_ttl, facts.cache.long_write) == (3600, 2.0)
    assert (facts.side(20), facts.side(21)) == (8000, 2000)
    assert facts.known
    assert facts.warnings == ()


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("gpt-4o", {"rule": "openai_tiles", "base": 85, "tile": 170}),
        ("azure/gpt-4o-2024-08-06", {"rule": "openai_tiles", "base": 85, "tile": 170}),
        ("ft:gpt-4o-mini-2024-07-18", {"rule": "openai_tiles", "base": 2833, "tile": 5667}),
        ("openai/gpt-4.1", {"rule": "openai_tiles", "base": 85, "tile": 170}),
        ("gpt-4.1-mini-2025-04-14", {"rule": "openai_patches", "multiplier": 1.62, "cap": 1536}),
        ("gpt-4.1-nano", {"rule": "openai_patches", "multiplier": 2.46, "cap": 1536}),
        ("o1", {"rule": "openai_tiles", "base": 75, "tile": 150}),
        ("openai/o3-2025-04-16", {"rule": "openai_tiles", "base": 75, "tile": 150}),
        ("o4-mini", {"rule": "openai_patches", "multiplier": 1.72, "cap": 1536}),
        ("gpt-5", {"rule": "openai_tiles", "base": 70, "tile": 140}),
        ("gpt-5-mini", {"rule": "openai_patches", "multiplier": 1.62, "cap": 1536}),
        ("gpt-5-nano-2025-08-07", {"rule": "openai_patches", "multiplier": 2.46, "cap": 1536}),
        ("gpt-6-sol", {"rule": "openai_patches", "multiplier": 1.2, "cap": 10_000}),
        ("gemini/gemini-2.5-pro", {"rule": "gemini_tiles", "tile": 258, "small": 384}),
        ("vertex_ai/gemini-3-pro-preview", {"rule": "gemini_fixed", "low": 280, "medium": 560, "high": 1120}),
        ("hosted_vllm/Qwen/Qwen2.5-VL-7B-Instruct", {"rule": "grid", "patch": 28, "max_pixels": 12_845_056}),
        ("ollama/qwen2.5vl:7b", {"rule": "grid", "patch": 28, "min_pixels": 3136}),
        ("openrouter/qwen/qwen3-vl-32b", {"rule": "grid", "patch": 32}),
    ],
)
def test_image_rules_of_families(model: str, expected: dict[str, object]) -> None:
    rule = facts_of(model).image_tokens.model_dump()
    assert {name: rule[name] for name in expected} == expected
    assert facts_of(model).known


def test_who_serves_a_model_is_asked_besides_who_made_it() -> None:
    served = facts_of("hosted_vllm/Qwen/Qwen2.5-VL-7B-Instruct")
    assert (served.images_per_request, served.cache.kind, served.cache.step) == (999, "automatic", 16)
    assert served.context_window == 32_768
    stranger = facts_of("hosted_vllm/mine/finetune")
    assert (stranger.images_per_request, stranger.known) == (999, False)
    assert stranger.image_tokens.rule == "area"


@pytest.mark.parametrize(
    "model", ["gpt-3.5-turbo", "gpt-4", "gpt-4-0613", "o3-mini", "openrouter/openai/gpt-oss-120b"]
)
def test_models_without_eyes(model: str) -> None:
    facts = facts_of(model)
    assert (facts.images_per_request, facts.image_formats, facts.several_images) == (0, (), False)


def test_sound_and_video() -> None:
    gemini = facts_of("gemini/gemini-2.5-flash")
    assert gemini.audio_tokens.per_second == 32
    assert "audio/wav" in gemini.audio_formats
    assert "video/mp4" in gemini.video_formats
    assert facts_of("gpt-4o").audio_formats == ()
    assert facts_of("gpt-4o-audio-preview-2025-06-03").audio_formats == ("audio/wav", "audio/mpeg")


def test_limits_of_the_other_providers() -> None:
    openai, gemini = facts_of("gpt-4o"), facts_of("gemini/gemini-3.8-flash")
    assert (openai.images_per_request, openai.request_bytes) == (500, 50_000_000)
    assert (openai.cache.kind, openai.cache.minimum, openai.cache.step) == ("automatic", 1024, 128)
    assert (gemini.images_per_request, gemini.request_bytes, gemini.cache.minimum) == (3600, 20_000_000, 4096)
    assert facts_of("gemini/gemini-2.5-flash").cache.minimum == 2048
    newest = facts_of("gpt-5.6-sol").cache
    assert (newest.kind, newest.ttl, newest.write, newest.breakpoints) == ("explicit", 1800, 1.25, 4)
    assert facts_of("claude-sonnet-4-5").usable_share == 0.25


def test_an_unknown_model_gets_careful_guesses_and_a_warning() -> None:
    facts = facts_of("nobody/nothing-1")
    assert not facts.known
    (warning,) = facts.warnings
    assert "nobody/nothing-1" in warning
    assert "SHOTSMITH_FACTS" in warning
    assert (facts.context_window, facts.cache.kind) == (8192, "none")
    assert all(one.source == CONSERVATIVE for name, one in facts.provenance.items() if name != "usable_share")


def test_a_window_that_no_family_gives_is_read_from_the_map() -> None:
    facts = facts_of("mistral/pixtral-large-latest")
    assert not facts.known
    mapped = entry("mistral/pixtral-large-latest")
    assert mapped is not None
    assert facts.context_window == mapped["max_input_tokens"] > 8192
    assert "litellm" in facts.provenance["context_window"].source


def test_offline_models_have_no_limits_and_cost_nothing() -> None:
    facts = facts_of("offline/knn-vote")
    assert (facts.known, facts.warnings, facts.turn_overhead) == (True, (), 0)
    assert facts.price is not None
    assert facts.price.input == 0


def test_every_model_of_the_three_providers_in_the_map_is_known() -> None:
    strangers = [
        name
        for name, found in _entries().items()
        if found.get("litellm_provider") in ("anthropic", "openai", "gemini")
        and found.get("mode") == "chat"
        and found.get("supports_vision")
        and not facts_of(name).known
        and not any(word in name for word in ("learnlm", "research", "gemma", "computer-use", "daybreak"))
    ]
    assert strangers == ["chat-latest"]


def test_cache_facts_agree_with_the_price_map() -> None:
    compared = 0
    for name, found in _entries().items():
        facts, paid = facts_of(name), found.get("input_cost_per_token")
        served_by_maker = found.get("litellm_provider") in ("anthropic", "openai", "gemini")
        # Fine-tuned models and voices have price lists of their own.
        if (
            not (served_by_maker and found.get("mode") == "chat" and facts.known and paid)
            or "ft:" in name
            or "tts" in name
        ):
            continue
        if minimum := found.get("prompt_cache_min_tokens"):
            exact = found["litellm_provider"] == "anthropic"
            assert facts.cache.minimum == minimum if exact else facts.cache.minimum >= minimum, name
        if read := found.get("cache_read_input_token_cost"):
            assert facts.cache.read == pytest.approx(read / paid), name
            compared += 1
        if write := found.get("cache_creation_input_token_cost"):
            assert facts.cache.write == pytest.approx(write / paid), name
    assert compared > 60


def test_the_user_stands_above_all_others_fact_by_fact(user_file: Path) -> None:
    user_file.write_text(
        """
        [sources]
        mine = { title = "our contract" }
        [[models]]
        match = ["claude-sonnet-4*"]
        images_per_request = 7
        cache.ttl = { value = 60, source = "mine", date = 2026-11-01 }
        image_tokens = { rule = "flat", tokens = 5 }
        [[models]]
        match = ["*"]
        request_bytes = 1000
        """
    )
    facts, before = facts_of("claude-sonnet-4-5", user_file), facts_of("claude-sonnet-4-5")
    assert (facts.images_per_request, facts.cache.ttl, facts.image_tokens.rule) == (7, 60, "flat")
    assert facts.provenance["images_per_request"].source == "user"
    assert facts.provenance["cache.ttl"].source == "our contract"
    assert (facts.cache.minimum, facts.image_side) == (before.cache.minimum, before.image_side)
    assert facts.revision != before.revision
    assert facts.counting != before.counting
    assert facts_of("nobody/x", user_file).known is False


def test_a_file_that_changes_is_read_again(user_file: Path) -> None:
    user_file.write_text('[[models]]\nmatch = ["mine"]\nimages_per_request = 3\n')
    assert facts_of("mine", user_file).images_per_request == 3
    assert facts_of("mine", user_file).known
    user_file.write_text('[[models]]\nmatch = ["mine"]\nimages_per_request = 44\n')
    assert facts_of("mine", user_file).images_per_request == 44


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("[[models]\n", ["facts.toml", "not TOML"]),
        ("", ["facts.toml", "models", "required"]),
        ('[[models]]\nmatch = ["x"]\ncolour = 3', ["models.0.colour", "not permitted"]),
        ("[[models]]\nmatch = []\n", ["models.0.match"]),
        ('[[models]]\nmatch = ["x"]\nimages_per_request = -1', ["images_per_request", "-1"]),
        ('[[models]]\nmatch = ["x"]\nimages_per_request = "many"', ["images_per_request", "many"]),
        ('[[models]]\nmatch = ["x"]\nusable_share = 1.5', ["usable_share", "1.5"]),
        ('[[models]]\nmatch = ["x"]\ncache.kind = "magic"', ["cache.kind", "magic"]),
        ('[[models]]\nmatch = ["x"]\nimage_tokens = { rule = "guess" }', ["image_tokens", "guess"]),
        (
            '[[models]]\nmatch = ["x"]\nimage_tokens = { rule = "flat" }',
            ["image_tokens", "tokens", "required"],
        ),
        (
            '[[models]]\nmatch = ["x"]\nimages_per_request = { value = 1, source = "hearsay" }',
            ["images_per_request", "hearsay", "[sources]"],
        ),
        (
            '[sources]\na = { title = "A" }\n[[models]]\nmatch = ["x"]\nimage_side = { value = 1, source = "a" }',
            ["image_side", "date"],
        ),
    ],
)
def test_bad_files_get_one_error_that_names_file_key_and_value(
    user_file: Path, text: str, names: list[str]
) -> None:
    user_file.write_text(text)
    with pytest.raises(InvalidParameter) as caught:
        facts_of("x", user_file)
    assert str(user_file) in str(caught.value)
    for name in names:
        assert name in str(caught.value)


def test_a_file_that_cannot_be_read(tmp_path: Path, user_file: Path) -> None:
    with pytest.raises(InvalidParameter, match=r"settings\.facts.*No such file.*SHOTSMITH_FACTS"):
        facts_of("x", user_file)
    with pytest.raises(InvalidParameter, match="Is a directory"):
        facts_of("x", tmp_path)
    user_file.write_bytes(b"\xff\xfe")
    with pytest.raises(InvalidParameter, match="not UTF-8"):
        facts_of("x", user_file)


def test_built_in_files_must_name_their_sources() -> None:
    with pytest.raises(InvalidParameter, match="needs a source"):
        read('[[models]]\nmatch = ["x"]\nimages_per_request = 3\n', "openai.toml", override=False)


def test_revisions_are_those_of_the_values_alone() -> None:
    facts = facts_of("claude-sonnet-4-5")
    assert facts.revision == facts_of("anthropic/claude-sonnet-4-5").revision
    assert facts.revision != replace(facts, image_side=1).revision
    assert facts.counting == replace(facts, image_side=1).counting
    assert facts.counting != replace(facts, turn_overhead=1.0).counting


@given(st.text(max_size=60))
def test_any_name_gets_facts(model: str) -> None:
    facts = facts_of(model)
    assert facts.known is not bool(facts.warnings)
    assert facts.context_window >= 1
    assert facts_of(model) == facts
