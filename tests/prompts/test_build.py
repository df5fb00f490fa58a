"""Prompts: order, budget, manifest and errors."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prompt_factories import fingerprint, make_media, make_pool, make_selection, pets, stand_in

from shotsmith import __version__
from shotsmith.domain.errors import InvalidInput, InvalidParameter, UnknownName
from shotsmith.domain.examples import Example, Query
from shotsmith.domain.media import Media
from shotsmith.domain.messages import ImagePart, Message, Request, TextPart
from shotsmith.domain.recipes import Recipe
from shotsmith.domain.selections import Prompt
from shotsmith.prompts.build import build
from shotsmith.prompts.dialects import Brief
from shotsmith.prompts.facts import facts_of
from shotsmith.prompts.target import Target


def images_of(prompt: Prompt) -> list[ImagePart]:
    return [part for message in prompt.messages for part in message.parts if isinstance(part, ImagePart)]


def ids(entries: list[dict[str, object]]) -> list[object]:
    return [entry["id"] for entry in entries]


def test_the_manifest_says_everything() -> None:
    selection = pets(Recipe(k=8, images={"max_side": 100, "query_max_side": 200, "quality": 70}))
    prompt = build(selection, labels=["dog", "cat"], picture=stand_in)
    manifest = prompt.manifest

    assert json.loads(json.dumps(manifest)) == manifest
    assert list(manifest) == [
        "shotsmith", "recipe", "recipe_text", "pool", "encoder_id", "query", "demonstrations", "dropped", "removed",
        "flags", "eligible", "counts", "symbols", "model", "tokens", "cost_usd", "budget", "cache", "lint",
        "prompt_sha256",
    ]  # fmt: skip
    assert manifest["shotsmith"] == __version__
    assert Recipe.model_validate(manifest["recipe"]) == selection.recipe
    assert Recipe.model_validate(manifest["recipe_text"]) == selection.recipe
    assert manifest["pool"] == {"name": "pets", "uid": "pets-1", "version": "v1", "kind": "classification"}
    assert manifest["encoder_id"] == "fake/1"

    source = selection.query.media[0]
    sent = stand_in(source, 200, 70)
    assert manifest["query"] == {
        "id": None,
        "key": selection.query.key,
        "text": "Who is this?\nLook closely.",
        "summary": "",
        "tokens": manifest["query"]["tokens"],
        "images": [
            {
                "source_sha256": source.sha256,
                "sha256": sent.sha256,
                "mime": "image/png",
                "width": 8,
                "height": 6,
                "bytes": 100,
            }
        ],
    }
    first, second, third = manifest["demonstrations"]
    assert first == {
        "id": "text-only",
        "rank": 3,
        "position": 1,
        "label": "cat",
        "answer": "cat",
        "reason": "near",
        "stage": "",
        "fixed": False,
        "tokens": first["tokens"],
        "score": 0.97,
        "scores": {"image": 0.5, "joint": 0.25},
        "summary": "",
        "images": [],
    }
    assert (second["id"], second["position"], len(second["images"])) == ("one", 2, 1)
    assert (third["id"], third["position"], len(third["images"])) == ("two", 3, 2)
    assert second["images"][0]["sha256"] == stand_in(make_media("one"), 100, 70).sha256
    assert third["answer"] == "cat, dog"  # no answer of its own: its labels
    assert 0 < first["tokens"] < second["tokens"] < third["tokens"]
    assert manifest["removed"] == [{"id": "itself", "reason": "itself", "detail": ""}]
    assert manifest["dropped"] == []
    assert manifest["flags"] == ["short: 3 of 8"]
    assert manifest["eligible"] == 4
    texts = [part.text for message in prompt.messages for part in message.parts if isinstance(part, TextPart)]
    assert manifest["counts"] == {
        "turns": 8,
        "images": 4,
        "image_bytes": 400,
        "text_characters": sum(map(len, texts)),
    }


def test_the_digest_is_of_the_messages_and_nothing_else() -> None:
    prompt = build(pets(), labels=["dog", "cat"], picture=stand_in)
    again = build(replace(pets(), eligible=99), labels=["dog", "cat"], picture=stand_in)
    other = build(pets(), labels=["cat", "dog"], picture=stand_in)
    assert prompt.messages == again.messages
    assert prompt.manifest["prompt_sha256"] == again.manifest["prompt_sha256"]
    assert prompt.manifest["prompt_sha256"] != other.manifest["prompt_sha256"]
    assert Request("m", prompt.messages).key == Request("m", again.messages).key
    assert Request("m", prompt.messages).key != Request("m", other.messages).key


def test_the_digest_and_the_request_key_do_not_change_between_releases() -> None:
    messages = (
        Message("system", (TextPart("Näme it."),)),
        Message("user", (ImagePart(b"picture", "image/png", 8, 6), TextPart("Input: who?"))),
    )
    key = Request("offline/knn-vote", messages, {"seed": 1}).key
    assert key == "b44706c9daf4a5390f8f0c3ee67ea40da9bd6ddcf7f6acc5d46e82ec6a42733a"


def test_the_same_bytes_in_every_process() -> None:
    def elsewhere(hash_seed: str) -> str:
        return subprocess.run(
            [sys.executable, "-c", "from prompt_factories import fingerprint; print(fingerprint())"],
            cwd=Path(__file__).parent,
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()

    assert elsewhere("1") == elsewhere("2") == fingerprint()


specs = st.lists(st.tuples(st.integers(0, 3), st.integers(1, 50)), max_size=6)  # images, bytes of each


@given(
    specs,
    st.randoms(use_true_random=False),
    st.none() | st.integers(1, 8),
    st.none() | st.integers(20, 250),
    st.sampled_from(["chat", "interleaved"]),
)
def test_budgets_hold_and_drop_by_rank(
    specs: list[tuple[int, int]], random: object, most: int | None, most_bytes: int | None, dialect: str
) -> None:
    examples = [
        Example(
            f"e{number}",
            tuple(make_media(f"{number}-{part}", size) for part in range(count)),
            "text",
            "answer",
        )
        for number, (count, size) in enumerate(specs)
    ]
    ranks = list(range(1, len(examples) + 1))
    random.shuffle(ranks)  # type: ignore[attr-defined]
    query = Query((make_media("q", 20, with_data=True),))
    recipe = Recipe(dialect=dialect, budget={"max_images": most, "max_image_bytes": most_bytes})

    def exact(media: Media, max_side: int, quality: int) -> ImagePart:
        return ImagePart(media.sha256.encode()[: media.size].ljust(media.size, b"."), "image/png", 1, 1)

    prompt = build(make_selection(examples, query, ranks=ranks, recipe=recipe), labels=[], picture=exact)

    # The rule, once more and plainly.
    left = [most if most is not None else 10**9, most_bytes if most_bytes is not None else 10**9]
    left = [left[0] - 1, left[1] - 20]
    fitting, skipped = set(), []
    for _, (number, (count, size)) in sorted(zip(ranks, enumerate(specs), strict=True)):
        if count <= left[0] and count * size <= left[1]:
            left = [left[0] - count, left[1] - count * size]
            fitting.add(f"e{number}")
        else:
            skipped.append(f"e{number}")

    manifest = prompt.manifest
    assert ids(manifest["dropped"]) == skipped
    assert ids(manifest["demonstrations"]) == [one.id for one in examples if one.id in fitting]
    assert [one["position"] for one in manifest["demonstrations"]] == list(range(1, len(fitting) + 1))
    shown = images_of(prompt)
    assert (
        len(shown)
        == manifest["counts"]["images"]
        == 1 + sum(len(e.media) for e in examples if e.id in fitting)
    )
    assert sum(len(image.data) for image in shown) == manifest["counts"]["image_bytes"]
    assert most is None or len(shown) <= most
    assert most_bytes is None or manifest["counts"]["image_bytes"] <= most_bytes
    # Images come in prompt order, the query's last, every demonstration whole.
    expected = [media for e in examples if e.id in fitting for media in e.media] + [query.media[0]]
    assert shown == [exact(media, 0, 0) for media in expected]


def test_what_is_dropped_is_named_with_its_reason() -> None:
    prompt = build(
        pets(Recipe(budget={"max_images": 2, "max_image_bytes": 10_000})), labels=["dog"], picture=stand_in
    )
    assert prompt.manifest["dropped"] == [
        {"id": "two", "rank": 1, "reason": "max_images: needs 2 images, 1 left"}
    ]
    assert ids(prompt.manifest["demonstrations"]) == ["text-only", "one"]
    assert prompt.manifest["flags"] == ["short: 3 of 8", "dropped: 1 of 3 demonstrations are not shown"]

    prompt = build(pets(Recipe(budget={"max_image_bytes": 250})), labels=["dog"], picture=stand_in)
    assert prompt.manifest["dropped"] == [
        {"id": "two", "rank": 1, "reason": "max_image_bytes: needs 200 bytes, 150 left"}
    ]


def test_no_picture_is_prepared_for_what_cannot_fit_by_number() -> None:
    asked: list[str] = []

    def picture(media: Media, max_side: int, quality: int) -> ImagePart:
        asked.append(media.sha256)
        return stand_in(media, max_side, quality)

    build(pets(Recipe(budget={"max_images": 2})), labels=["dog"], picture=picture)
    assert asked == [make_media("query").sha256, make_media("one").sha256]


def test_examples_that_teach_nothing_are_dropped_with_the_reason() -> None:
    examples = [Example("mute", text="hm", answer=" "), Example("blank", text=" \n", answer="cat")]
    prompt = build(make_selection(examples, Query(text="?")), labels=[], picture=stand_in)
    assert {one["id"]: one["reason"] for one in prompt.manifest["dropped"]} == {
        "mute": "no answer",
        "blank": "nothing to show: neither image nor text",
    }


@given(st.permutations(range(5)), st.sampled_from(["chat", "interleaved"]))
def test_demonstrations_keep_the_prompt_order(ranks: list[int], dialect: str) -> None:
    examples = [
        Example(f"e{number}", text=f"text {number}", answer=f"answer {number}") for number in range(5)
    ]
    selection = make_selection(
        examples, Query(text="?"), ranks=[rank + 1 for rank in ranks], recipe=Recipe(dialect=dialect)
    )
    prompt = build(selection, labels=[], picture=stand_in)
    whole = "\n".join(p.text for m in prompt.messages for p in m.parts if isinstance(p, TextPart))
    assert ids(prompt.manifest["demonstrations"]) == [example.id for example in examples]
    places = [whole.index(f"answer {number}") for number in range(5)]
    assert places == sorted(places)


def test_a_given_dialect_replaces_the_recipes() -> None:
    class Bare:
        def render(self, brief: Brief) -> tuple[Message, ...]:
            return (Message("user", (TextPart(brief.query.text),)),)

    prompt = build(pets(), labels=[], picture=stand_in, dialect=Bare())
    assert [message.role for message in prompt.messages] == ["user"]
    assert prompt.manifest["counts"]["images"] == 0


def test_a_query_image_without_bytes_is_refused() -> None:
    selection = make_selection([], Query((make_media("a", with_data=True), make_media("b"))))
    with pytest.raises(InvalidInput, match=r"query\.media\[1\]\.data"):
        build(selection, labels=[], picture=stand_in)


@pytest.mark.parametrize("query", [Query(), Query(text=" \n")])
def test_an_empty_query_is_refused(query: Query) -> None:
    with pytest.raises(InvalidInput, match="the query is empty"):
        build(make_selection([], query), labels=[], picture=stand_in)


@pytest.mark.parametrize(
    ("budget", "message"),
    [
        ({"max_images": 0}, r"budget\.max_images: the query alone needs 1 image, .* \(got 0\)"),
        ({"max_image_bytes": 99}, r"budget\.max_image_bytes: the query alone needs 100 bytes, .* \(got 99\)"),
    ],
)
def test_a_budget_that_cannot_hold_the_query_is_refused(budget: dict[str, int], message: str) -> None:
    with pytest.raises(InvalidParameter, match=message):
        build(pets(Recipe(budget=budget)), labels=[], picture=stand_in)


def test_a_query_that_is_put_into_words_needs_no_room_for_images() -> None:
    recipe = Recipe(dialect="text(everything=true)", budget={"max_images": 0, "max_image_bytes": 0})
    prompt = build(pets(recipe), labels=["dog"], picture=stand_in, summarise=lambda *_: "a dog")
    assert prompt.manifest["counts"]["images"] == 0
    assert prompt.manifest["query"]["summary"] == "a dog"
    assert len(prompt.manifest["demonstrations"]) == 3


@pytest.mark.parametrize(
    ("target", "budget", "message"),
    [
        (
            Target(facts_of("gpt-3.5-turbo"), bounds=True),
            {},
            r"^query: the query alone needs 1 image, more than the images per request of gpt-3.5-turbo allows "
            r"\(got 0\)\. Name a model that sees, or use dialect=text\(everything=true\)",
        ),
        (
            Target(facts_of("openai/gpt-4o"), bounds=True),
            {"answer_tokens": 128_000},
            r"beside 128,000 of the answer \(got 0\)\. Lower budget\.answer_tokens, or send a shorter text",
        ),
    ],
)
def test_a_model_that_cannot_hold_the_query_is_named_with_what_would_help(
    target: Target, budget: dict[str, int], message: str
) -> None:
    with pytest.raises(InvalidParameter, match=message):
        build(pets(Recipe(budget=budget)), labels=[], picture=stand_in, target=target)


def test_sizes_of_images_are_told_only_where_images_are_shown() -> None:
    selection = make_selection(
        [Example("a", (make_media("a"),), answer="x")],
        Query(text="z"),
        recipe=Recipe(budget={"max_image_bytes": 10}),
        pool=make_pool("open"),
    )
    manifest = build(selection, labels=[], picture=stand_in).manifest
    assert [one["id"] for one in manifest["dropped"]] == ["a"]
    assert manifest["flags"] == ["dropped: 1 of 1 demonstrations are not shown"]
    assert manifest["budget"]["max_side"] == 512


def test_an_unknown_dialect_is_refused_before_any_work() -> None:
    with pytest.raises(UnknownName, match="carrier-pigeon"):
        build(pets(Recipe(dialect="carrier-pigeon")), labels=[], picture=lambda *_: pytest.fail("prepared"))


def test_a_text_only_pool_needs_no_images() -> None:
    selection = make_selection(
        [Example("a", text="x", answer="y")], Query(text="z"), recipe=Recipe(budget={"max_images": 0}),
        pool=make_pool("open"),
    )  # fmt: skip
    assert len(build(selection, labels=[], picture=stand_in).manifest["demonstrations"]) == 1
