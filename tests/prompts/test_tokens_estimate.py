"""Estimates of whole prompts."""

from __future__ import annotations

from time import process_time

from hypothesis import given
from hypothesis import strategies as st

from shotsmith.domain.messages import AudioPart, ImagePart, Message, TextPart, Usage
from shotsmith.prompts.facts import facts_of
from shotsmith.prompts.tokens import (
    Calibration,
    Features,
    estimate,
    features_of,
    message_features,
    part_tokens,
    parts_features,
    text_tokens,
    tokens,
)

PICTURE = ImagePart(b"x", "image/png", 1024, 1024)
SOUND = AudioPart(b"y", "audio/wav", 10.0)
PROMPT = (
    Message("system", (TextPart("Name the breed."),)),
    Message("user", (PICTURE, TextPart("hello world"))),
    Message("assistant", (TextPart("pug"),)),
    Message("user", (PICTURE, PICTURE, SOUND)),
)
MODELS = st.sampled_from(
    [
        "claude-sonnet-4-5",
        "gpt-4o",
        "gemini/gemini-2.5-flash",
        "qwen/qwen2.5-vl-7b",
        "nobody/x",
        "offline/knn-vote",
    ]
)
PARTS = st.one_of(
    st.builds(TextPart, st.text(max_size=80)),
    st.builds(ImagePart, st.just(b""), st.just("image/png"), st.integers(1, 3000), st.integers(1, 3000)),
    st.builds(AudioPart, st.just(b""), st.just("audio/wav"), st.floats(0.01, 600)),
)
PROMPTS = st.lists(st.builds(Message, st.just("user"), st.lists(PARTS, max_size=4).map(tuple)), max_size=6)


def test_a_prompt_for_openai_piece_by_piece() -> None:
    facts = facts_of("gpt-4o")
    texts = sum(text_tokens(facts.text_tokens, text) for text in ("Name the breed.", "hello world", "pug"))
    counted = estimate(PROMPT, facts)
    assert (counted.text, counted.images) == (texts, 3 * 765)
    assert counted.overhead == 4 * 4 + 3
    assert counted.audio == 500  # the careful guess of a model that takes none
    assert counted.total == texts + 3 * 765 + 19 + 500
    assert counted.how == "o200k_base, openai_tiles"
    assert counted.safe == counted.total + counted.margin > counted.total


def test_what_stands_around_images_is_overhead() -> None:
    facts = facts_of("qwen/qwen2.5-vl-7b")
    counted = estimate(PROMPT, facts)
    assert counted.images == 3 * 37 * 37
    assert counted.overhead == 3 * 2 + 4 * 5 + 16
    assert counted.total == counted.text + counted.images + counted.audio + counted.overhead
    assert part_tokens(PICTURE, facts) == 37 * 37 + 2
    assert part_tokens(SOUND, facts) == counted.audio
    assert counted.how == "characters, grid"


def test_offline_models_count_their_texts_only() -> None:
    counted = estimate(PROMPT, facts_of("offline/knn-vote"))
    assert (counted.images, counted.audio, counted.overhead, counted.margin) == (0, 0, 0, 0)
    assert counted.total == counted.text > 0


def test_detail_reaches_the_rule() -> None:
    facts = facts_of("gpt-4o")
    assert estimate(PROMPT, facts, detail="low").images == 3 * 85
    assert part_tokens(PICTURE, facts, detail="low") == 85


def test_what_was_learnt_corrects_the_total_and_is_told() -> None:
    facts = facts_of("claude-sonnet-4-5")
    learnt = Calibration.prior(facts)
    for shots in range(1, 25):
        images = (100, 361, 1521)[shots % 3] * shots
        features = Features(40 * shots**2 % 700, images, 0, 2 * shots, shots)
        learnt = learnt.observe(features, Usage(features.text * 5 // 4 + features.images + 16 * shots + 26))
    plain, corrected = estimate(PROMPT[:3], facts), estimate(PROMPT[:3], facts, learnt)
    assert (corrected.text, corrected.images) == (plain.text, plain.images)
    assert corrected.total > plain.total
    assert corrected.margin < plain.margin
    assert corrected.how == "characters, anthropic_patches, corrected by 24 reports"


@given(MODELS, PROMPTS)
def test_parts_add_up_to_the_whole(model: str, prompt: list[Message]) -> None:
    facts = facts_of(model)
    whole = Features()
    for message in prompt:
        assert message_features(message, facts) == parts_features(message.parts, facts, turns=1)
        for part in message.parts:
            whole += parts_features((part,), facts)
        whole += Features(turns=1)
    assert whole == features_of(prompt, facts)
    assert whole - whole == Features()
    counted = tokens(whole, facts)
    assert counted == estimate(prompt, facts)
    assert abs(counted.total - (counted.text + counted.images + counted.audio + counted.overhead)) <= 1
    assert whole.media_and_text == sum(
        part_tokens(part, facts) for message in prompt for part in message.parts
    )


@given(MODELS, PROMPTS, PROMPTS)
def test_a_longer_prompt_never_costs_less(model: str, prompt: list[Message], more: list[Message]) -> None:
    facts = facts_of(model)
    assert estimate(prompt, facts).total <= estimate(prompt + more, facts).total
    assert estimate(prompt, facts).safe <= estimate(prompt + more, facts).safe


def test_five_hundred_demonstrations_take_milliseconds() -> None:
    facts = facts_of("gpt-4o")
    prompt = []
    for number in range(500):
        picture = ImagePart(b"", "image/png", 300 + number, 500)
        prompt += [
            Message("user", (picture, TextPart(f"Case {number}: which?"))),
            Message("assistant", (TextPart("a"),)),
        ]
    first = estimate(prompt, facts)
    durations = []
    for _ in range(5):
        start = process_time()
        assert estimate(prompt, facts) == first
        durations.append(process_time() - start)
    assert min(durations) < 0.02
