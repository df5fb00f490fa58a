"""Prompts with the stage `text_only`: what is shown of demonstrations and query, counted and read back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from drafts import draft
from pictures import encoded, picture

from shotsmith import registry
from shotsmith.clients.vlm.parse_messages import read
from shotsmith.domain.examples import ImageFile, Query
from shotsmith.domain.media import Media
from shotsmith.domain.messages import ImagePart, Message, Role, TextPart, canonical
from shotsmith.domain.recipes import Recipe
from shotsmith.domain.scoring import digest
from shotsmith.domain.selections import Prompt
from shotsmith.engine import Engine
from shotsmith.prompts.build import NOT_SHOWN, build
from shotsmith.prompts.dialects import Brief
from shotsmith.schemas import SelectionOut
from shotsmith.settings import Settings

DIALECTS = registry.names("dialects")
#: Their texts, as they are shown without pictures.
SHOWN = {
    "both": "a red thing",
    "picture": NOT_SHOWN,
    "several": NOT_SHOWN,
    "words": "two\nlines",
}


def file(number: int, hue: int = 1) -> ImageFile:
    return ImageFile(f"{number}.png", encoded(picture(number, hue=hue)))


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A pool of examples with picture and text, with pictures alone, and with a text alone."""
    settings = Settings(data_dir=tmp_path_factory.mktemp("bare"), index_url="memory:", encoder="fake")
    with Engine(settings) as opened:
        opened.create_pool("p", instruction="What is it?")
        opened.add(
            "p",
            [
                draft(1, 1, id="both", text=SHOWN["both"]),
                draft(2, 1, id="picture", text=" \n"),
                draft(3, 2, id="several", images=(file(3), file(4)), text=""),
                draft(5, 2, id="words", images=(), text=SHOWN["words"]),
            ],
        )
        yield opened


@pytest.fixture(scope="module")
def query(engine: Engine) -> Query:
    return engine.query([file(77)], "a red thing?")


def recipe(selector: str, dialect: str = "chat", **fields: object) -> Recipe:
    return Recipe.read({"selector": selector, "k": 4, "dialect": dialect, **fields})


def prompt(engine: Engine, query: Query, selector: str, dialect: str = "chat", **fields: object) -> Prompt:
    return engine.prompt(engine.select("p", query, recipe(selector, dialect, **fields)))


def pictures(messages: tuple[Message, ...]) -> list[tuple[Role, ImagePart]]:
    return [(one.role, part) for one in messages for part in one.parts if isinstance(part, ImagePart)]


def texts(messages: tuple[Message, ...]) -> list[str]:
    return [part.text for one in messages for part in one.parts if isinstance(part, TextPart)]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_only_the_query_keeps_its_picture(engine: Engine, query: Query, dialect: str) -> None:
    found = prompt(engine, query, "rices|text_only", dialect)
    own = engine.prepared(query.media[0], 1024, 90)
    assert pictures(found.messages) == [("user", own)]
    assert own in found.messages[-1].parts
    assert "\n".join(texts(found.messages)).count(NOT_SHOWN) == 2


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_prompt_without_pictures_reads_back_as_its_demonstrations(
    engine: Engine, query: Query, dialect: str
) -> None:
    selection = engine.select("p", query, recipe("rices|text_only", dialect))
    reading = read(engine.prompt(selection).messages)
    assert [(shot.images, shot.text, shot.answer) for shot in reading.demonstrations] == [
        ((), SHOWN[shot.example.id], shot.example.answer) for shot in selection.demonstrations
    ]
    assert (len(reading.query.images), reading.query.text) == (1, "a red thing?")


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_manifest_counts_what_is_there(engine: Engine, query: Query, dialect: str) -> None:
    found = prompt(engine, query, "rices|text_only", dialect)
    manifest = found.manifest
    (_, own), *others = pictures(found.messages)
    assert others == []
    assert manifest["counts"] == {
        "turns": len(found.messages),
        "images": 1,
        "image_bytes": len(own.data),
        "text_characters": sum(map(len, texts(found.messages))),
    }
    assert {shot["id"]: shot["images"] for shot in manifest["demonstrations"]} == {id: [] for id in SHOWN}
    assert [image["sha256"] for image in manifest["query"]["images"]] == [own.sha256]
    assert manifest["dropped"] == []
    assert "rices(k=4)|text_only|similar_last" in manifest["recipe_text"]
    assert manifest["prompt_sha256"] == digest(canonical(found.messages))


@pytest.mark.parametrize("dialect", [name for name in DIALECTS if name != "text"])  # that one asks a model
def test_it_shows_the_same_demonstrations_in_the_same_order(
    engine: Engine, query: Query, dialect: str
) -> None:
    with_pictures, without = (prompt(engine, query, text, dialect) for text in ("rices", "rices|text_only"))
    for name in ("id", "rank", "position", "answer", "score", "reason"):
        assert [shot[name] for shot in without.manifest["demonstrations"]] == [
            shot[name] for shot in with_pictures.manifest["demonstrations"]
        ]
    assert [shot["stage"] for shot in without.manifest["demonstrations"]] == [
        f"{shot['stage']} > text_only" for shot in with_pictures.manifest["demonstrations"]
    ]
    assert with_pictures.manifest["counts"]["images"] == (2 if dialect == "collage" else 5)
    assert NOT_SHOWN not in "\n".join(texts(with_pictures.messages))


def test_pictures_that_are_not_shown_take_no_room_and_are_not_prepared(engine: Engine, query: Query) -> None:
    asked: list[str] = []

    def prepared(media: Media, max_side: int, quality: int) -> ImagePart:
        asked.append(media.sha256)
        return engine.prepared(media, max_side, quality)

    tight = {"max_images": 1, "max_image_bytes": len(engine.prepared(query.media[0], 1024, 90).data)}
    selection = engine.select("p", query, recipe("rices|text_only", budget=tight))
    found = build(selection, labels=[], picture=prepared)
    assert found.manifest["dropped"] == []
    assert asked == [query.media[0].sha256]
    pictured = prompt(engine, query, "rices", budget=tight)
    assert {one["id"] for one in pictured.manifest["dropped"]} == {"both", "picture", "several"}


def test_a_dialect_of_ones_own_is_handed_no_pictures_either(engine: Engine, query: Query) -> None:
    briefs: list[Brief] = []

    class Mine:
        def render(self, brief: Brief) -> tuple[Message, ...]:
            briefs.append(brief)
            return (Message("user", (*brief.query.media, TextPart(brief.query.text))),)

    selection = engine.select("p", query, recipe("rices|text_only"))
    build(selection, labels=[], picture=engine.prepared, dialect=Mine())
    # The others are laid out for another query, to see what stays the same.
    brief, *others = briefs
    assert not any(shot.media for one in others for shot in one.shots)
    assert {shot.text for shot in brief.shots} == set(SHOWN.values())
    assert [shot.media for shot in brief.shots] == [()] * 4
    assert len(brief.query.media) == 1


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_offline_baseline_votes_on_what_is_left(engine: Engine, query: Query, dialect: str) -> None:
    answer = engine.ask("p", query, recipe("rices|text_only", dialect), model="offline/knn-vote")
    assert answer.reply.notes[1] == "similarity-weighted vote: 4 of 4 demonstrations compare with the query"
    assert answer.reply.text == answer.parsed.answer == "class 1"  # the text of "both" is the query's
    blind = engine.query([file(78)])
    answer = engine.ask("p", blind, recipe("rices|text_only", dialect), model="offline/knn-vote")
    note = "plain majority: none of 4 demonstrations shares a modality with the query"
    assert answer.reply.notes[1] == note
    assert dict(answer.reply.alternatives) == {"class 1": 0.5, "class 2": 0.5}


@pytest.mark.parametrize(
    "selector",
    [
        "rices|text_only|mmr",
        "rices|text_only|balanced",
        "fused|text_only|matched(by=site)",
        "rices|text_only|rerank(by=parts)",
        "rices|text_only|adaptive(k_min=4)",
        "mix(parts=[rices|text_only,bm25|text_only])",
        "hybrid(cached=k_centre|text_only,similar=rices|text_only,prefix=2)",
        "text_only",
    ],
)
def test_later_stages_and_combinations_keep_the_pictures_out(
    engine: Engine, query: Query, selector: str
) -> None:
    selection = engine.select("p", query, recipe(selector))
    assert len(selection.demonstrations) == 4
    assert all(shot.bare for shot in selection.demonstrations)
    assert [shot.bare for shot in SelectionOut.of(selection).demonstrations] == [True] * 4
    assert len(pictures(engine.prompt(selection).messages)) == 1


def test_a_part_of_a_combination_alone_may_be_without_pictures(engine: Engine, query: Query) -> None:
    found = prompt(engine, query, "hybrid(cached=random_fixed,similar=rices|text_only,prefix=2)")
    sources = {"both": 1, "picture": 1, "several": 2, "words": 0}
    for shot in found.manifest["demonstrations"]:
        assert len(shot["images"]) == (sources[shot["id"]] if shot["fixed"] else 0)
    fixed = [shot["id"] for shot in found.manifest["demonstrations"] if shot["fixed"]]
    assert found.manifest["counts"]["images"] == 1 + sum(sources[id] for id in fixed)
    assert len(fixed) == 2


def test_the_zero_shot_prompt_of_flamingo_is_two_answers_and_a_picture(engine: Engine) -> None:
    found = prompt(engine, engine.query([file(79)]), "random_per_query|text_only", k=2)
    assert [message.role for message in found.messages] == [
        "system", "user", "assistant", "user", "assistant", "user",
    ]  # fmt: skip
    assert found.manifest["counts"]["images"] == 1
    assert isinstance(found.messages[-1].parts[0], ImagePart)
