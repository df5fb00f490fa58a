from __future__ import annotations

import asyncio
import base64
import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from langchain_core.embeddings import DeterministicFakeEmbedding
from langchain_core.example_selectors import SemanticSimilarityExampleSelector
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langchain_core.prompts import (
    AIMessagePromptTemplate,
    ChatPromptTemplate,
    FewShotChatMessagePromptTemplate,
    FewShotPromptTemplate,
    HumanMessagePromptTemplate,
    MessagesPlaceholder,
    PromptTemplate,
)
from langchain_core.vectorstores import InMemoryVectorStore
from pictures import encoded, picture, shown
from PIL import Image

from shotsmith import AsyncClient, Client
from shotsmith.domain.errors import ExampleConflict, InvalidInput, InvalidParameter, NotFound, UnknownName
from shotsmith.integrations.langchain import ShotsmithExampleSelector

OPPOSITES = [
    {"input": "happy and glad", "output": "sad"},
    {"input": "tall as a tree", "output": "short"},
    {"input": "fast as light", "output": "slow"},
    {"input": "glad of it", "output": "sorry"},
]


def url(data: bytes, mime: str = "image/png") -> str:
    return f"data:{mime};base64,{base64.b64encode(data).decode()}"


def texts(rows: list[dict]) -> list[dict]:
    return [{key: value for key, value in row.items() if key != "messages"} for row in rows]


@pytest.fixture
def opposites(client: Client) -> ShotsmithExampleSelector:
    return ShotsmithExampleSelector.from_examples(OPPOSITES, client, "opposites", k=2)


# Texts


def test_the_nearest_examples_come_back_as_they_were_given(opposites) -> None:
    assert texts(opposites.select_examples({"input": "glad"})) == [OPPOSITES[0], OPPOSITES[3]]


def test_a_few_shot_prompt_shows_them(opposites) -> None:
    prompt = FewShotPromptTemplate(
        example_selector=opposites,
        example_prompt=PromptTemplate.from_template("In: {input}\nOut: {output}"),
        prefix="Say the opposite.",
        suffix="In: {input}\nOut:",
        input_variables=["input"],
    )
    expected = (
        "Say the opposite.\n\nIn: happy and glad\nOut: sad\n\nIn: glad of it\nOut: sorry\n\nIn: glad\nOut:"
    )
    assert prompt.format(input="glad") == expected
    assert asyncio.run(prompt.aformat(input="glad")) == expected
    assert prompt.invoke({"input": "glad"}).to_string() == expected


def test_a_chat_prompt_shows_them(opposites) -> None:
    shots = FewShotChatMessagePromptTemplate(
        example_selector=opposites,
        example_prompt=ChatPromptTemplate.from_messages([("human", "{input}?"), ("ai", "{output}!")]),
        input_variables=["input"],
    )
    prompt = ChatPromptTemplate.from_messages([("system", "Opposites."), shots, ("human", "{input}?")])
    expected = [
        SystemMessage("Opposites."),
        HumanMessage("happy and glad?"),
        AIMessage("sad!"),
        HumanMessage("glad of it?"),
        AIMessage("sorry!"),
        HumanMessage("glad?"),
    ]
    assert prompt.format_messages(input="glad") == expected
    assert asyncio.run(prompt.aformat_messages(input="glad")) == expected


def test_a_query_without_any_of_the_keys_is_told_which(opposites) -> None:
    shots = FewShotChatMessagePromptTemplate(
        example_selector=opposites,
        example_prompt=ChatPromptTemplate.from_messages([("human", "{input}")]),
        input_variables=["question"],
    )
    for asked in ({"question": "glad"}, {"question": "glad", "input": " ", "image": ""}):
        with pytest.raises(InvalidInput, match=r"none of input, image is given .got .*question.*input_key="):
            shots.format_messages(**asked)


def test_examples_with_braces_need_escaping_in_string_prompts(local: Client) -> None:
    """LangChain formats the examples of a string prompt twice; a chat prompt is formatted once."""
    example = {"input": 'is {input} "{}"', "output": '{"label": "ok"}'}
    part = PromptTemplate.from_template("{input} -> {output}")
    shown_as = 'is {input} "{}" -> {"label": "ok"}\n\nnext ->'
    for escape in (True, False):
        selector = ShotsmithExampleSelector.from_examples([example], local, "json", escape_braces=escape)
        prompt = FewShotPromptTemplate(
            example_selector=selector, example_prompt=part, suffix="{input} ->", input_variables=["input"]
        )
        if escape:
            assert prompt.format(input="next") == shown_as
        else:
            with pytest.raises((ValueError, KeyError, IndexError)):
                prompt.format(input="next")
            chat = FewShotChatMessagePromptTemplate(
                example_selector=selector,
                example_prompt=ChatPromptTemplate.from_messages([("human", "{input}"), ("ai", "{output}")]),
                input_variables=["input"],
            )
            assert [one.content for one in chat.format_messages(input="next")] == list(example.values())


def test_recipes_decide_how_many_and_in_which_order(opposites, client: Client) -> None:
    def chosen(recipe, **fields) -> list[str]:
        selector = ShotsmithExampleSelector(client, "opposites", recipe, **fields)
        return [row["output"] for row in selector.select_examples({"input": "glad"})]

    assert chosen("rices(k=2)|similar_first") == ["sorry", "sad"]
    assert chosen("rices(k=2)|similar_first", order="similar_last") == ["sad", "sorry"]
    assert chosen({"selector": "rices", "k": 1}) == ["sorry"]
    assert len(chosen(None)) == 4
    assert chosen("none") == []


# Filling a pool


def test_filling_a_pool_twice_changes_nothing(client: Client) -> None:
    for _ in range(2):
        ShotsmithExampleSelector.from_examples(OPPOSITES, client, "opposites")
        assert client.pool("opposites").size == 4
        assert client.pool("opposites").kind == "open"
    version = client.pool("opposites").version
    selector = ShotsmithExampleSelector(client, "opposites")
    assert client.example("opposites", selector.add_example(OPPOSITES[0])).answer == "sad"
    assert client.pool("opposites").version == version


def test_an_added_example_is_found_and_its_id_returned_as_the_peers_do(client: Client) -> None:
    store = InMemoryVectorStore(DeterministicFakeEmbedding(size=4))
    peer = SemanticSimilarityExampleSelector(vectorstore=store)
    ours = ShotsmithExampleSelector.from_examples([], client, "empty", k=1)
    new = {"input": "light", "output": "dark"}
    for selector in (peer, ours):
        id = selector.add_example(new)
        assert isinstance(id, str)
        again = asyncio.run(selector.aadd_example({"input": "warm", "output": "cold"}))
        assert isinstance(again, str)
        assert again != id
        assert texts(selector.select_examples({"input": "light."}))[0].keys() == new.keys()
    assert {one.id: one.text for one in client.examples("empty")}.keys() >= {id, again}


@pytest.mark.parametrize("kind", ["open", "classification"])
def test_ids_are_those_that_the_pool_would_give(client: Client, kind: str) -> None:
    example = {"input": "light", "image": shown(1, 1), "output": "dark", "year": 1999}
    plain = {"text": "light", "image": shown(1, 1), "answer": "dark", "metadata": {"year": 1999}}
    client.create_pool("pool", kind=kind)
    client.add("pool", [plain])
    selector = ShotsmithExampleSelector(client, "pool", metadata_keys=["year"])
    assert [selector.add_example(example)] == [one.id for one in client.examples("pool")]


def test_a_pool_that_someone_else_creates_meanwhile_is_used(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = client.pool
    client.create_pool("opposites", kind="open")

    def too_early(name: str):
        monkeypatch.setattr(client, "pool", find)
        raise NotFound("no such pool", field="pool", value=name)

    monkeypatch.setattr(client, "pool", too_early)
    ShotsmithExampleSelector.from_examples(OPPOSITES, client, "opposites")
    assert client.pool("opposites").size == 4


def test_a_pool_can_be_created_with_labels(client: Client) -> None:
    fields = {"kind": "classification", "labels": ["sad", "short", "slow", "sorry"]}
    ShotsmithExampleSelector.from_examples(OPPOSITES, client, "labels", pool_fields=fields)
    assert [one.labels for one in client.examples("labels", label="sad")] == [("sad",)]
    with pytest.raises(InvalidInput, match="label space"):
        ShotsmithExampleSelector(client, "labels").add_example({"input": "x", "output": "sour"})


def test_large_sets_are_stored_in_several_requests(client: Client) -> None:
    many = [{"input": f"word {number}", "output": str(number)} for number in range(1203)]
    selector = ShotsmithExampleSelector.from_examples(many, client, "many", k=1)
    assert client.pool("many").size == 1203
    assert len(selector.select_examples({"input": "word"})) == 1


def test_ids_and_further_keys_come_back(client: Client) -> None:
    examples = [{**one, "no": f"n{number}", "year": 1990 + number} for number, one in enumerate(OPPOSITES)]
    options = {"id_key": "no", "metadata_keys": ["year"], "k": 2}
    selector = ShotsmithExampleSelector.from_examples(examples, client, "years", **options)
    assert texts(selector.select_examples({"input": "glad"})) == [examples[0], examples[3]]
    with pytest.raises(ExampleConflict):
        selector.add_example({**examples[0], "output": "gloomy"})
    replaced = [{**examples[0], "output": "gloomy"}]
    ShotsmithExampleSelector.from_examples(replaced, client, "years", on_conflict="replace", **options)
    assert client.example("years", "n0").answer == "gloomy"


def test_the_query_s_metadata_is_compared(client: Client) -> None:
    examples = [{**one, "site": "north" if number % 2 else "south"} for number, one in enumerate(OPPOSITES)]
    selector = ShotsmithExampleSelector.from_examples(
        examples, client, "sites", "rices(k=2)|matched(by=[site])|similar_last", metadata_keys=["site"]
    )
    rows = selector.select_examples({"input": "glad", "site": "north"})
    assert {row["site"] for row in rows} == {"north"}


# Images


def test_image_examples_carry_the_stored_bytes_as_data_urls(filled: Client) -> None:
    selector = ShotsmithExampleSelector(filled, "pictures", k=3, id_key="id")
    rows = selector.select_examples({"image": url(shown(99, 2))})
    assert [row["output"] for row in rows] == ["class 2"] * 3
    for row in rows:
        number = int(row["id"][1:])
        assert row["image"] == url(shown(number, 2))
        assert row["input"] == f"thing {number}"


def test_a_chat_prompt_shows_images_by_their_key(filled: Client) -> None:
    selector = ShotsmithExampleSelector(filled, "pictures", "rices(k=2)|similar_first")
    human = HumanMessagePromptTemplate.from_template(
        [{"type": "image_url", "image_url": {"url": "{image}"}}, {"type": "text", "text": "{input}"}]
    )
    shots = FewShotChatMessagePromptTemplate(
        example_selector=selector,
        example_prompt=human + AIMessagePromptTemplate.from_template("{output}"),
        input_variables=["image", "input"],
    )
    prompt = ChatPromptTemplate.from_messages([("system", "Look."), shots, human])
    asked = {"image": url(shown(99, 1)), "input": "thing"}
    expected = [SystemMessage("Look.")]
    for row in selector.select_examples(asked):
        assert row["image"].startswith("data:image/png;base64,")
        content = [
            {"type": "image_url", "image_url": {"url": row["image"]}},
            {"type": "text", "text": row["input"]},
        ]
        expected += [HumanMessage(content), AIMessage("class 1")]
    assert len(expected) == 5
    assert prompt.format_messages(**asked)[:-1] == expected
    assert asyncio.run(prompt.aformat_messages(**asked))[:-1] == expected


def test_messages_show_examples_with_any_number_of_images(client: Client) -> None:
    pair = {"image": shown(1, 1), "image_2": shown(2, 1), "input": "a pair", "output": "two"}
    listed = {"image": [shown(3, 1), shown(4, 1), shown(5, 1)], "output": "three"}
    text = {"input": "a text", "output": "none"}
    selector = ShotsmithExampleSelector.from_examples([pair, listed, text], client, "mixed", "all")
    shots = FewShotChatMessagePromptTemplate(
        example_selector=selector,
        example_prompt=MessagesPlaceholder("messages"),
        input_variables=["input"],
    )
    messages = ChatPromptTemplate.from_messages([shots, ("human", "{input}")]).format_messages(input="a")
    shown_as = {ai.content: human.content for human, ai in zip(messages[::2], messages[1::2], strict=False)}

    def image(number: int) -> dict:
        return {"type": "image_url", "image_url": {"url": url(shown(number, 1))}}

    assert shown_as == {
        "two": [image(1), image(2), {"type": "text", "text": "a pair"}],
        "three": [image(3), image(4), image(5)],
        "none": "a text",
    }
    rows = {row["output"]: row for row in texts(selector.select_examples({"input": "a"}))}
    assert rows["two"] == {**pair, "image": url(shown(1, 1)), "image_2": url(shown(2, 1))}
    assert rows["three"].keys() == {"input", "output", "image", "image_2", "image_3"}
    assert rows["none"] == text


def test_a_returned_example_can_be_stored_again(client: Client) -> None:
    example = {"image": shown(1, 1), "image_2": shown(2, 1), "input": "a pair", "output": "two"}
    selector = ShotsmithExampleSelector.from_examples([example], client, "one")
    (row,) = selector.select_examples({"input": "pair"})
    selector.add_example(row)
    assert client.pool("one").size == 1


def test_images_come_as_people_have_them(filled: Client, tmp_path: Path) -> None:
    selector = ShotsmithExampleSelector(filled, "pictures", k=4, id_key="id")
    image = picture(99, hue=3)
    path = tmp_path / "query.png"
    image.save(path)
    data = path.read_bytes()
    found = [
        [row["id"] for row in selector.select_examples({"image": form})]
        for form in (path, data, image, np.asarray(image), url(data), [data])
    ]
    assert found == [found[0]] * 6
    assert len(found[0]) == 4


def test_images_are_prepared_as_the_recipe_says(client: Client) -> None:
    large = encoded(picture(1, hue=1, side=200), "BMP")
    example = {"image": large, "output": "x"}
    selector = ShotsmithExampleSelector.from_examples(
        [example], client, "large", images={"max_side": 50}, pool_fields={"kind": "open"}
    )
    (row,) = selector.select_examples({"input": "x"})
    head, _, body = row["image"].partition(",")
    assert head in ("data:image/png;base64", "data:image/jpeg;base64")
    assert Image.open(io.BytesIO(base64.b64decode(body))).size == (50, 50)


def test_images_that_a_recipe_hides_are_hidden(client: Client) -> None:
    examples = [{"image": shown(1, 1), "input": "seen", "output": "a"}, {"image": shown(2, 1), "output": "b"}]
    selector = ShotsmithExampleSelector.from_examples(examples, client, "bare", "rices(k=2)|text_only")
    rows = selector.select_examples({"image": url(shown(9, 1)), "input": "seen"})
    assert {row["output"]: row["input"] for row in rows} == {"a": "seen", "b": "(image not shown)"}
    assert all("image" not in row for row in rows)
    assert {str(message.content) for row in rows for message in row["messages"]} == {
        "seen", "(image not shown)", "a", "b",
    }  # fmt: skip


def test_a_selector_for_texts_shows_no_images(filled: Client) -> None:
    selector = ShotsmithExampleSelector(filled, "pictures", k=2, image_key=None)
    rows = selector.select_examples({"input": "thing 3", "image": url(shown(99, 1))})
    assert [row.keys() for row in rows] == [{"input", "output", "messages"}] * 2
    assert all(row["messages"][0].content == row["input"] for row in rows)
    without = ShotsmithExampleSelector(filled, "pictures", k=2, image_key=None, messages_key=None)
    assert without.select_examples({"input": "thing 3"}) == texts(rows)


def test_each_image_is_fetched_once(filled: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    fetch = filled.image
    monkeypatch.setattr(filled, "image", lambda sha256: asked.append(sha256) or fetch(sha256))
    selector = ShotsmithExampleSelector(filled, "pictures", k=5)
    first = selector.select_examples({"image": url(shown(99, 2))})
    assert selector.select_examples({"image": url(shown(99, 2))}) == first
    assert len(asked) == len(set(asked)) == 5


# The leak guard


def test_the_query_is_never_its_own_example(filled: Client) -> None:
    selector = ShotsmithExampleSelector(filled, "pictures", k=20, id_key="id")
    webp = encoded(picture(2, hue=2), "WEBP", lossless=True, exact=True)
    for asked in (
        {"image": url(shown(2, 2))},
        {"image": url(webp, "image/webp")},
        {"input": "something else", "id": "e02"},
        {"id": "e02"},
    ):
        ids = {row["id"] for row in selector.select_examples(asked)}
        assert "e02" not in ids
        assert len(ids) == 19


def test_evaluation_keeps_the_group_out(filled: Client) -> None:
    asked = {"input": "anything", "visit": "visit 3"}
    for evaluation, expected in ((True, 18), (False, 20)):
        selector = ShotsmithExampleSelector(
            filled, "pictures", k=20, id_key="id", group_key="visit", evaluation=evaluation
        )
        ids = {row["id"] for row in selector.select_examples(asked)}
        assert len(ids) == expected
        assert ids.isdisjoint({"e06", "e07"}) is evaluation


def test_groups_are_stored(client: Client) -> None:
    visits = [{**one, "visit": f"v{number % 2}"} for number, one in enumerate(OPPOSITES)]
    selector = ShotsmithExampleSelector.from_examples(
        visits, client, "visits", k=4, group_key="visit", evaluation=True
    )
    rows = selector.select_examples({"input": "x", "visit": "v1"})
    assert {row["output"] for row in rows} == {"sad", "slow"}


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(number=st.integers(0, 19), k=st.integers(0, 20))
def test_a_stored_picture_gets_k_others_at_most(seeded: Client, number: int, k: int) -> None:
    selector = ShotsmithExampleSelector(seeded, "pictures", k=k, id_key="id")
    rows = selector.select_examples({"image": shown(number, number % 4)})
    assert f"e{number:02d}" not in {row["id"] for row in rows}
    assert len({row["id"] for row in rows}) == len(rows) == min(k, 19)


@pytest.fixture
def seeded(local: Client, fill) -> Client:
    fill(local)
    return local


# Asynchronously


@pytest.mark.anyio
async def test_an_async_client_does_the_same(server: str, fill) -> None:
    asked = {"image": url(shown(99, 2)), "input": "thing"}
    options = {"id_key": "id", "k": 3}
    with Client(url=server) as client:
        fill(client)
        expected = ShotsmithExampleSelector(client, "pictures", **options)
        async with AsyncClient(url=server) as awaited:
            selector = ShotsmithExampleSelector(awaited, "pictures", **options)
            rows = expected.select_examples(asked)
            assert len(rows) == 3
            for _ in range(2):
                assert await selector.aselect_examples(asked) == rows
                assert await expected.aselect_examples(asked) == rows
            new = {"input": "new", "output": "class 9", "id": "n"}
            assert await selector.aadd_example(new) == "n"
            assert client.example("pictures", "n").text == "new"
            with pytest.raises(InvalidParameter, match="async methods only"):
                selector.select_examples(asked)
            with pytest.raises(InvalidParameter, match="async methods only"):
                selector.add_example(new)
            filled = await ShotsmithExampleSelector.afrom_examples(OPPOSITES, awaited, "opposites", k=1)
            assert texts(await filled.aselect_examples({"input": "of it"})) == [OPPOSITES[3]]
        again = await ShotsmithExampleSelector.afrom_examples(OPPOSITES, client, "opposites", k=1)
        assert texts(await again.aselect_examples({"input": "of it"})) == [OPPOSITES[3]]
        assert client.pool("opposites").size == 4


@pytest.mark.anyio
async def test_an_async_client_in_this_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOTSMITH_ENCODER", "fake")
    examples = [{**one, "year": 2000 + number} for number, one in enumerate(OPPOSITES)]
    async with AsyncClient(path=tmp_path / "data") as client:
        selector = await ShotsmithExampleSelector.afrom_examples(
            examples, client, "opposites", k=1, metadata_keys=["year"]
        )
        asked = [selector.aselect_examples({"input": word}) for word in ("happy", "tree", "light", "of it")]
        assert [texts(rows) for rows in await asyncio.gather(*asked)] == [[one] for one in examples]


# Errors


def test_what_cannot_be_stored_is_refused_whole(client: Client) -> None:
    good = OPPOSITES[0]
    for bad, words in [
        ({"input": "x"}, r"examples\[1\].output: missing"),
        ({"input": "x", "output": "y", "topic": "z"}, r"metadata_keys=\['topic'\]"),
        ({"input": ["x"], "output": "y"}, "not a text"),
        ({"input": "x", "output": "y", "image": "/etc/hostname"}, "data URL"),
        ({"input": "x", "output": "y", "image": "https://example.com/a.png"}, "data URL"),
        ({"input": "x", "output": "y", "image": [3.5]}, "not an image"),
        ({"input": "x", "output": "y", "image": Path("missing.png")}, "cannot be read"),
    ]:
        with pytest.raises(InvalidInput, match=words):
            ShotsmithExampleSelector.from_examples([good, bad], client, "p")
        with pytest.raises(NotFound):
            client.pool("p")
    for bad, words in [
        ({"output": "y"}, "neither an image nor a text"),
        ({"input": "x", "output": ""}, "neither an answer"),
        ({"input": "x", "output": "y", "image": b"nothing"}, "not an image"),
    ]:
        with pytest.raises(InvalidInput, match=words):
            ShotsmithExampleSelector.from_examples([good, bad], client, "p")
        assert client.pool("p").size == 0


def test_a_file_is_never_read_for_a_string(filled: Client, tmp_path: Path) -> None:
    (tmp_path / "secret.png").write_bytes(shown(1, 1))
    selector = ShotsmithExampleSelector(filled, "pictures")
    with pytest.raises(InvalidInput, match="data URL"):
        selector.select_examples({"image": str(tmp_path / "secret.png")})


def test_wrong_parameters_are_named(client: Client) -> None:
    for options, words in [
        ({"input_key": "output"}, "output_key: the same key as input_key"),
        ({"metadata_keys": ["image"]}, r"metadata_keys\[0\]: the same key as image_key"),
        ({"kk": 3}, "recipe.kk"),
        ({"k": -1}, "recipe.k"),
        ({"recipe": "rices(k=2)|with(dialect=interleaved)"}, "recipe.dialect"),
        ({"recipe": "rices(k=2)|with(symbols=words)"}, "recipe.symbols"),
        ({"budget": {"max_images": 3}}, "recipe.budget"),
    ]:
        with pytest.raises(InvalidParameter, match=words):
            ShotsmithExampleSelector(client, "p", **options)
    with pytest.raises(NotFound, match="nope"):
        ShotsmithExampleSelector(client, "nope").select_examples({"input": "x"})
    client.create_pool("p")
    with pytest.raises(UnknownName):
        ShotsmithExampleSelector(client, "p", "ricess").select_examples({"input": "x"})


def test_examples_stored_elsewhere_must_have_the_keys(filled: Client) -> None:
    selector = ShotsmithExampleSelector(filled, "pictures", metadata_keys=["year"])
    with pytest.raises(InvalidInput, match=r"metadata\.year: missing"):
        selector.select_examples({"input": "thing"})
