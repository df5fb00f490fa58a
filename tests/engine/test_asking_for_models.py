"""What the engine makes of a model's facts: limits, marks, symbols, summaries, corrections; on real local servers."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from anthropic_server import AnthropicServer
from drafts import draft
from openai_server import OpenAIServer, Recorded, Scripted, completion

from shotsmith.domain.errors import InvalidInput
from shotsmith.domain.recipes import Recipe
from shotsmith.engine import Engine
from shotsmith.settings import Settings

pytestmark = [
    pytest.mark.filterwarnings(r"ignore:.*`ReadOnly` qualifier:UserWarning:pydantic\."),
    pytest.mark.filterwarnings("ignore:Pydantic serializer warnings:UserWarning"),
]
KEY = "planted-key-0123456789"


@pytest.fixture
def provider() -> Iterator[OpenAIServer]:
    server = OpenAIServer()
    yield server
    server.close()


@pytest.fixture
def opened(tmp_path: Path, provider: OpenAIServer) -> Iterator[Callable[..., Engine]]:
    engines: list[Engine] = []

    def make(**settings: object) -> Engine:
        facts = tmp_path / "served.toml"
        facts.write_text('[[models]]\nmatch = ["hosted_vllm/served"]\ncontext_window = 200_000\n')
        given = {"facts": facts, "model_api_base": provider.url, "model": "hosted_vllm/served", **settings}
        engine = Engine(
            Settings(data_dir=tmp_path, index_url="memory:", encoder="fake", model_api_key=KEY, **given)
        )
        engines.append(engine)
        return engine

    yield make
    for engine in engines:
        engine.close()


@pytest.fixture
def engine(opened) -> Engine:
    engine = opened()
    engine.create_pool("p", instruction="What is it?")
    engine.add("p", [draft(number, number % 4) for number in range(24)])
    return engine


def test_prompts_keep_the_limits_of_the_model_that_is_asked(engine: Engine, tmp_path: Path) -> None:
    facts = tmp_path / "facts.toml"
    facts.write_text(
        '[[models]]\nmatch = ["hosted_vllm/served"]\nimages_per_request = 5\ncontext_window = 200_000\n'
    )
    with Engine(engine.settings.model_copy(update={"facts": facts})) as limited:
        selection = limited.select("p", limited.query_of("p", "e001"), Recipe(k=12))
        prompt = limited.prompt(selection)
        assert prompt.manifest["counts"]["images"] == 5
        assert prompt.manifest["budget"]["limits"]["images"] == {
            "by": "images per request of hosted_vllm/served",
            "value": 5,
        }
        assert len(prompt.manifest["dropped"]) == 8
        # An offline baseline takes anything, and so does nobody in particular.
        free = limited.prompt(selection, model="offline/knn-vote")
        assert free.manifest["counts"]["images"] == 13
        assert free.manifest["model"] is None
        answer = limited.ask("p", limited.query_of("p", "e001"), Recipe(k=12))
        assert answer.prompt.manifest["counts"]["images"] == 5


def test_counts_are_corrected_by_what_the_provider_reports(engine: Engine, provider: OpenAIServer) -> None:
    def told() -> dict[str, int]:
        selection = engine.select("p", engine.query_of("p", "e001"), Recipe())
        found: dict[str, int] = engine.prompt(selection).manifest["tokens"]
        return found

    before = told()
    provider.enqueue(
        *(
            completion(
                usage={"prompt_tokens": 3 * before["total"], "completion_tokens": 3, "total_tokens": 1}
            )
            for _ in range(6)
        )
    )
    for number in range(6):
        engine.ask("p", engine.query_of("p", "e001"), Recipe(), parameters={"seed": number})
    after = told()
    assert after["total"] == pytest.approx(3 * before["total"], rel=0.05)
    assert "corrected by 6 reports" in str(after["how"])
    # Out of the ledger comes nothing new, and what was learnt outlives the engine.
    engine.ask("p", engine.query_of("p", "e001"), Recipe(), parameters={"seed": 0})
    assert told() == after
    with Engine(engine.settings) as other:
        selection = other.select("p", other.query_of("p", "e001"), Recipe())
        assert other.prompt(selection).manifest["tokens"] == after


def test_symbols_are_shown_and_read_back_as_labels(engine: Engine, provider: OpenAIServer) -> None:
    recipe = Recipe.read("rices(k=6)|with(symbols=words,seed=3)")
    query = engine.query_of("p", "e001")
    prompt = engine.prompt(engine.select("p", query, recipe))
    symbols = prompt.manifest["symbols"]
    assert sorted(symbols) == [f"class {number}" for number in range(4)]
    shown = json.dumps(
        [part.text for message in prompt.messages for part in message.parts if hasattr(part, "text")]
    )
    assert "class" not in shown
    assert {one["answer"] for one in prompt.manifest["demonstrations"]} <= set(symbols.values())
    provider.enqueue(completion(symbols["class 2"].upper() + "."), completion("class 2"))
    answer = engine.ask("p", query, recipe)
    assert (answer.parsed.answer, answer.parsed.how) == ("class 2", "normalised")
    failed = engine.ask("p", query, recipe, parameters={"seed": 1})
    assert failed.parsed.answer is None
    # The baseline votes on symbols and is read like a model.
    voted = engine.ask("p", query, recipe, model="offline/knn-vote")
    assert voted.reply.text in symbols.values()
    assert voted.parsed.answer in symbols


def test_summaries_are_made_once_and_stand_for_the_images(engine: Engine, provider: OpenAIServer) -> None:
    recipe = Recipe.read("rices(k=3)|with(dialect=text(summary=intent))")
    provider.enqueue(*(completion(f'"It is number {number}."') for number in range(3)), completion("class 1"))
    query = engine.query_of("p", "e001")
    answer = engine.ask("p", query, recipe)
    manifest = answer.prompt.manifest
    assert answer.parsed.answer == "class 1"
    assert [one["summary"] for one in manifest["demonstrations"]] == [
        f"It is number {number}." for number in (2, 1, 0)
    ]
    assert [one["images"] for one in manifest["demonstrations"]] == [[], [], []]
    assert len(manifest["query"]["images"]) == manifest["counts"]["images"] == 1
    assert len(provider.requests) == 4
    again = engine.prompt(engine.select("p", query, recipe))
    assert again.messages == answer.prompt.messages
    assert len(provider.requests) == 4
    with pytest.raises(InvalidInput, match="cannot put images into words"):
        engine.ask("p", query, recipe, model="offline/knn-vote")


def test_a_schema_is_sent_as_structured_output_where_the_model_supports_it(
    opened, provider: OpenAIServer
) -> None:
    engine = opened(model="openai/gpt-4o")
    schema = {"type": "object", "properties": {"count": {"type": "integer"}}, "required": ["count"]}
    engine.create_pool("j", kind="open", answer_format=f"Answer as JSON: {json.dumps(schema)}")
    engine.add("j", [draft(number, 1, labels=(), answer=f'{{"count": {number}}}') for number in range(3)])
    provider.enqueue(completion('```json\n{"count": 4}\n```'), completion('{"count": "four"}'))
    answer = engine.ask("j", engine.query_of("j", "e001"), Recipe(k=2))
    sent = provider.requests[0].json
    assert sent["response_format"]["json_schema"]["schema"]["required"] == ["count"]
    assert (answer.parsed.answer, answer.parsed.value) == ('{"count":4}', {"count": 4})
    wrong = engine.ask("j", engine.query_of("j", "e002"), Recipe(k=2))
    assert wrong.parsed.answer is None
    assert wrong.reply.text == '{"count": "four"}'


def test_a_label_that_is_only_near_is_found_by_its_meaning(opened, provider: OpenAIServer) -> None:
    engine = opened()
    engine.create_pool("animals", labels=("small cat", "big dog"))
    engine.add("animals", [draft(0, 1, labels=("small cat",)), draft(1, 2, labels=("big dog",))])
    provider.enqueue(completion("cat small"), completion("nothing of the kind at all"))
    answer = engine.ask("animals", engine.query(text="who?"), Recipe(k=2))
    assert (answer.parsed.answer, answer.parsed.how) == ("small cat", "nearest")
    assert [step.rule for step in answer.parsed.steps] == ["exact", "normalised", "found in text", "nearest"]
    failed = engine.ask("animals", engine.query(text="and who?"), Recipe(k=2))
    assert failed.parsed.answer is None


def test_the_fixed_part_is_marked_and_cached_by_anthropics_rules(opened) -> None:
    server = AnthropicServer(KEY)
    try:
        engine = opened(model="anthropic/claude-sonnet-4-5", model_api_base=server.origin)
        engine.create_pool("p", instruction="What is it?")
        engine.add("p", [draft(number, number % 4, text="seen in the garden " * 30) for number in range(40)])
        recipe = Recipe.read("hybrid(cached=k_centre,prefix=10,k=13)")
        usages = [
            engine.ask("p", engine.query(text=f"unseen {number}"), recipe).reply.usage for number in range(3)
        ]
        assert usages[0].cache_write_tokens
        assert not usages[0].cached_tokens
        for usage in usages[1:]:
            assert usage.cached_tokens == usages[0].cache_write_tokens
            assert not usage.cache_write_tokens
            assert usage.hit_rate is not None
            assert usage.hit_rate > 0.5
        short = engine.ask("p", engine.query(text="alone"), Recipe(k=1)).reply.usage
        assert not short.cache_write_tokens  # too short to be kept: no mark, no fee
    finally:
        server.close()


def test_several_labels_are_read_back_from_their_symbols(opened, provider: OpenAIServer) -> None:
    engine = opened()
    engine.create_pool("m", answer_format="List all labels that apply, separated by commas.")
    sets = [("red", "round"), ("blue",), ("red",), ("blue", "round")]
    engine.add("m", [draft(number, 1, labels=sets[number % 4]) for number in range(8)])
    recipe = Recipe.read("rices(k=4)|with(symbols=letters)")
    selection = engine.select("m", engine.query_of("m", "e001"), recipe)
    prompt = engine.prompt(selection)
    symbols = prompt.manifest["symbols"]
    assert "separated by commas" in prompt.messages[0].parts[0].text
    assert "exactly one" not in prompt.messages[0].parts[0].text
    provider.enqueue(completion(f"{symbols['red']}, {symbols['round']}"))
    answer = engine.answer(selection)
    assert answer.parsed.value == ("red", "round")
    assert answer.parsed.answer == "red, round"


def test_many_queries_are_asked_in_batches_and_each_gets_its_own_answer(
    engine: Engine, provider: OpenAIServer
) -> None:
    """The server reads the marks of each question and answers what the question's text says, one of them wrongly."""

    def reply(request: Recorded) -> Scripted:
        body = request.json
        texts = [
            part["text"]
            for message in body["messages"]
            if message["role"] == "user"
            for part in message["content"]
            if part["type"] == "text"
        ]
        asked = "\n".join(texts)
        seen = {
            f"{number} {tag}": says
            for number, tag, says in re.findall(
                r"Question (\d+) \(tag (\w+)\):\nInput: please say class (\d)", asked
            )
        }
        if not seen:
            (alone,) = re.findall(r"say class (\d)", texts[-1])
            return completion(f"class {alone}")
        lines = [f"[{mark}] class {says} [/{mark}]" for mark, says in seen.items()]
        return completion("\n".join(lines[::-1][:-1]))  # out of order, and the first is lost

    provider.answer = reply  # type: ignore[method-assign]
    queries = [engine.query(text=f"please say class {number % 4}, number {number}") for number in range(9)]
    report = engine.ask_many("p", queries, Recipe(k=4), batch_size=4, workers=2)
    assert [one.parsed.answer for one in report.answers] == [f"class {number % 4}" for number in range(9)]
    assert {one.how for one in report.answers} == {"batch", "alone"}
    assert report.total.calls == len(provider.requests)
    assert len(provider.requests) < 9
    offline = engine.ask_many("p", queries, Recipe(k=4), batch_size=4, model="offline/knn-vote")
    assert {one.how for one in offline.answers} == {"alone"}
    assert all(one.parsed.answer for one in offline.answers)


def test_only_demonstrations_that_may_be_shown_are_put_into_words(
    engine: Engine, provider: OpenAIServer
) -> None:
    recipe = Recipe.read("rices(k=20)|with(dialect=text,budget={max_tokens=3000})")
    provider.answer = lambda request: completion("A thing of some colour, seen from above.")  # type: ignore[method-assign]
    selection = engine.select("p", engine.query_of("p", "e001"), recipe)
    manifest = engine.prompt(selection).manifest
    shown = len(manifest["demonstrations"])
    assert 0 < shown < 20
    assert shown <= len(provider.requests) < 20
    assert {one["summary"] for one in manifest["demonstrations"]} == {
        "A thing of some colour, seen from above."
    }
    assert manifest["tokens"]["total"] + manifest["tokens"]["margin"] <= 3000
