"""Bounds of every kind are kept, by whatever has to give way; what is fixed stays the same bytes."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from prompt_factories import make_media, make_pool, make_selection

from shotsmith.domain.errors import InvalidParameter
from shotsmith.domain.examples import Example, Query
from shotsmith.domain.media import Media
from shotsmith.domain.messages import ImagePart, TextPart, canonical
from shotsmith.domain.recipes import Recipe
from shotsmith.domain.scoring import digest
from shotsmith.domain.selections import Prompt, Selection
from shotsmith.prompts.build import build
from shotsmith.prompts.facts import facts_of
from shotsmith.prompts.images import fitted
from shotsmith.prompts.prefix import cut
from shotsmith.prompts.prices import price_of
from shotsmith.prompts.target import Target

MODELS = [
    "openai/gpt-4o",
    "openai/gpt-4.1-mini",
    "anthropic/claude-sonnet-4-5",
    "gemini/gemini-2.5-flash",
    "hosted_vllm/Qwen/Qwen2.5-VL-7B-Instruct",
    "nobody/has-heard-of-it",
]
DIALECTS = ["chat", "interleaved", "numbered", "manyicl", "sandwich", "flamingo", "qwen"]


def picture_of(name: str, width: int, height: int, *, with_data: bool = False) -> Media:
    return replace(make_media(name, 40, with_data=with_data), width=width, height=height)


def drawn(media: Media, max_side: int, quality: int) -> ImagePart:
    """A picture of half a byte a pixel."""
    width, height = fitted(media.width, media.height, max_side)
    size = max(40, width * height // 2)
    return ImagePart(media.sha256.encode().ljust(size, b".")[:size], "image/jpeg", width, height)


def target(model: str) -> Target:
    return Target(facts_of(model), price_of(model), bounds=True)


def a_selection(rng: random.Random) -> Selection:
    examples = []
    for number in range(rng.randrange(0, 12)):
        pictures = tuple(
            picture_of(f"{number}-{part}", rng.randrange(1, 3000), rng.randrange(1, 3000))
            for part in range(rng.choice([0, 1, 1, 1, 2, 5]))
        )
        text = rng.choice(["", "what is it?", "猫 " * rng.randrange(1, 40), "word " * rng.randrange(1, 400)])
        examples.append(Example(f"e{number}", pictures, text, "answer " * rng.randrange(1, 5)))
    asked = (picture_of("q", rng.randrange(1, 3000), rng.randrange(1, 3000), with_data=True),)
    query = Query(asked[: rng.randrange(2)], "what? " * rng.randrange(1, 60))
    ranks = list(range(1, len(examples) + 1))
    rng.shuffle(ranks)
    some = lambda *values: rng.choice([None, *values])  # noqa: E731
    recipe = Recipe(
        dialect=rng.choice(DIALECTS),
        budget={
            "max_images": some(1, 2, 5, 20),
            "max_image_bytes": some(1 << 16, 1 << 19, 1 << 22),
            "max_tokens": some(600, 1500, 4000, 20_000),
            "max_usd": some(0.002, 0.01, 0.1),
            "min_side": rng.choice([16, 64, 128, 400]),
            "answer_tokens": rng.choice([0, 256]),
        },
        images={"max_side": rng.choice([128, 512, 1500])},
    )
    selection = make_selection(examples, query, ranks=ranks, recipe=recipe)
    fixed = rng.choice([0, 0, 2, 20])
    shots = tuple(replace(shot, fixed=place < fixed) for place, shot in enumerate(selection.demonstrations))
    return replace(selection, demonstrations=shots)


def holds(prompt: Prompt, selection: Selection, model: Target) -> None:
    budget, facts = selection.recipe.budget, model.facts
    images = [part for message in prompt.messages for part in message.parts if isinstance(part, ImagePart)]
    size = sum(len(image.data) for image in images)
    tokens = model.count(prompt.messages)
    assert len(images) <= min(facts.images_per_request, budget.max_images or 10**9)
    assert size <= (budget.max_image_bytes or 10**12)
    assert sum((len(image.data) + 2) // 3 * 4 for image in images) <= facts.request_bytes
    assert tokens <= min(facts.context_window - budget.answer_tokens, budget.max_tokens or 10**9)
    if budget.max_usd is not None:
        assert model.price is not None
        assert model.price.cost(tokens, budget.answer_tokens) <= budget.max_usd
    manifest = prompt.manifest
    shown, dropped = ([one["id"] for one in manifest[what]] for what in ("demonstrations", "dropped"))
    assert sorted([*shown, *dropped]) == sorted(one.example.id for one in selection.demonstrations)
    assert manifest["counts"]["images"] == len(images)
    assert manifest["tokens"]["total"] + manifest["tokens"]["margin"] == tokens
    # Whole or not at all, and nobody's images larger than another's side.
    of = {shot.example.id: shot.example for shot in selection.demonstrations}
    assert all(len(one["images"]) == len(of[one["id"]].media) for one in manifest["demonstrations"])


def run(cases: int, seed: int) -> int:
    rng, kept = random.Random(seed), 0
    for _ in range(cases):
        selection, model = a_selection(rng), target(rng.choice(MODELS))
        try:
            prompt = build(selection, labels=[], picture=drawn, target=model)
        except InvalidParameter as error:
            told = (error.field or "", error.mend)
            assert told[0].startswith(("query", "budget.")) and told[1]  # noqa: PT018
            continue
        holds(prompt, selection, model)
        kept += 1
    return kept


def test_no_bound_is_ever_exceeded() -> None:
    assert run(600, seed=1) > 300


@pytest.mark.slow
def test_no_bound_is_ever_exceeded_over_twenty_thousand_prompts() -> None:
    assert run(20_000, seed=2) > 10_000


# What gives way first


def three(**budget: object) -> Selection:
    examples = [
        Example(f"e{number}", (picture_of(f"e{number}", 1000, 500),), answer="yes") for number in range(3)
    ]
    query = Query((picture_of("q", 100, 100, with_data=True),))
    return make_selection(
        examples, query, recipe=Recipe(images={"max_side": 1000}, budget=budget), pool=make_pool("open")
    )


def sides(prompt: Prompt) -> list[int]:
    return [
        max(image["width"], image["height"])
        for one in prompt.manifest["demonstrations"]
        for image in one["images"]
    ]


def test_images_are_made_smaller_before_anything_is_dropped() -> None:
    free = build(three(), labels=[], picture=drawn)
    assert sides(free) == [1000] * 3
    assert free.manifest["flags"] == []
    tight = build(three(max_image_bytes=5000 + 3 * 384 * 192 // 2), labels=[], picture=drawn)
    assert sides(tight) == [384] * 3
    assert tight.manifest["dropped"] == []
    assert tight.manifest["budget"]["max_side"] == 384
    assert tight.manifest["flags"] == [
        "images of demonstrations are at most 384 pixels long instead of 1000, to fit"
    ]


def test_only_then_the_least_useful_are_dropped_and_never_below_the_smallest_side() -> None:
    prompt = build(three(max_image_bytes=5000 + 2 * 128 * 64 // 2), labels=[], picture=drawn)
    assert sides(prompt) == [128] * 2
    (gone,) = prompt.manifest["dropped"]
    assert (gone["id"], gone["rank"]) == ("e0", 3)  # by default the last one is the most useful
    assert gone["reason"].startswith("max_image_bytes: needs 4,096")
    prompt = build(three(max_image_bytes=5000 + 2 * 128 * 64 // 2, min_side=900), labels=[], picture=drawn)
    assert [one["id"] for one in prompt.manifest["dropped"]] == ["e2", "e1", "e0"]


def test_a_number_of_images_is_no_reason_to_make_them_smaller() -> None:
    prompt = build(three(max_images=3, max_tokens=100_000), labels=[], picture=drawn)
    assert sides(prompt) == [1000] * 2


def test_tokens_and_money_bind_as_the_model_counts() -> None:
    for model, most in (("openai/gpt-4o", 2000), ("anthropic/claude-sonnet-4-5", 2000)):
        one = target(model)
        prompt = build(three(max_tokens=most), labels=[], picture=drawn, target=one)
        assert one.count(prompt.messages) <= most
        assert prompt.manifest["model"]["name"] == model
    cheap = build(three(max_usd=0.004), labels=[], picture=drawn, target=target("openai/gpt-4o"))
    assert cheap.manifest["cost_usd"] <= 0.004
    assert sides(cheap) < [1000] * 3


def test_money_without_a_price_is_refused() -> None:
    with pytest.raises(InvalidParameter, match="nobody knows the price of nobody/has-heard-of-it") as caught:
        build(three(max_usd=1), labels=[], picture=drawn, target=target("nobody/has-heard-of-it"))
    assert caught.value.field == "budget.max_usd"
    with pytest.raises(InvalidParameter, match="an answer of 256 tokens alone costs more"):
        build(three(max_usd=1e-6), labels=[], picture=drawn, target=target("openai/gpt-4o"))


def test_without_a_target_only_the_recipe_binds() -> None:
    many = [Example(f"e{n:04}", (picture_of(f"e{n}", 10, 10),), answer="a") for n in range(700)]
    selection = make_selection(many, Query(text="?"))
    assert len(build(selection, labels=[], picture=drawn).manifest["demonstrations"]) == 700
    model = target("openai/gpt-4.1")
    bound = build(selection, labels=[], picture=drawn, target=model).manifest
    assert len(bound["demonstrations"]) == model.facts.images_per_request
    assert bound["dropped"][0]["reason"].startswith(
        "images per request of openai/gpt-4.1: needs 1 image, 0 left"
    )


# The fixed part


def asked(number: int, recipe: Recipe, examples: list[Example]) -> Selection:
    rng = random.Random(number)
    query = Query(
        (picture_of(f"q{number}", rng.randrange(1, 1000), rng.randrange(1, 1000), with_data=True),),
        "what? " * rng.randrange(1, 30),
    )
    similar = rng.sample(range(6, 40), 4)
    chosen = [examples[place] for place in (*range(6), *similar)]
    selection = make_selection(chosen, query, recipe=recipe, ranks=range(1, 11), pool=make_pool("open"))
    shots = tuple(replace(shot, fixed=place < 6) for place, shot in enumerate(selection.demonstrations))
    return replace(selection, demonstrations=shots)


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("budget", [{}, {"max_tokens": 6000}, {"max_image_bytes": 400_000}], ids=str)
def test_the_fixed_part_is_the_same_bytes_for_every_query(dialect: str, budget: dict[str, int]) -> None:
    examples = [
        Example(f"e{n:02}", (picture_of(f"e{n}", 300 + 20 * n, 400),), f"text {n}", "yes") for n in range(40)
    ]
    recipe = Recipe(dialect=dialect, budget=budget, images={"query_max_side": 256})
    seen = set()
    for number in range(50):
        prompt = build(
            asked(number, recipe, examples),
            labels=[],
            picture=drawn,
            target=target("anthropic/claude-sonnet-4-5"),
        )
        assert prompt.prefix is not None
        kept = cut(prompt.messages, prompt.prefix)
        told = prompt.manifest["cache"]
        assert told["sha256"] == digest(canonical(kept))
        seen.add((prompt.prefix, told["sha256"], told["tokens"]))
        shown = sum(isinstance(part, ImagePart) for message in kept for part in message.parts)
        assert shown == sum(one["fixed"] for one in prompt.manifest["demonstrations"])
        assert shown > 0
    assert len(seen) == 1


def test_a_query_that_needs_more_than_was_kept_free_is_told_to_disturb_the_fixed_part() -> None:
    examples = [Example(f"e{n}", (picture_of(f"e{n}", 400, 400),), answer="yes") for n in range(4)]
    recipe = Recipe(budget={"max_image_bytes": 200_000})
    for side, disturbed in ((100, False), (600, True)):
        query = Query((picture_of("q", side, side, with_data=True),))
        selection = make_selection(examples, query, recipe=recipe, pool=make_pool("open"))
        shots = tuple(replace(shot, fixed=True) for shot in selection.demonstrations)
        prompt = build(replace(selection, demonstrations=shots), labels=[], picture=drawn)
        told = [flag for flag in prompt.manifest["flags"] if "not the same as for other queries" in flag]
        assert bool(told) is disturbed


def test_the_prefix_of_a_prompt_without_fixed_demonstrations_is_the_instruction() -> None:
    prompt = build(three(), labels=[], picture=drawn)
    assert prompt.prefix == (0, 0)
    assert isinstance(prompt.messages[0].parts[0], TextPart)
