"""Asking many queries at once: each ends answered, retried alone or failed, and none with another's answer."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from clips import clip, film
from drafts import draft
from pictures import encoded, picture

from shotsmith.clients.vlm.fake import FakeVLM
from shotsmith.clients.vlm.ledger import LedgeredVLM, MemoryLedger
from shotsmith.domain.errors import (
    ContextExceeded,
    InvalidParameter,
    ModelRefused,
    ModelUnauthorized,
    ShotsmithError,
)
from shotsmith.domain.examples import Draft, ImageFile, MediaFile, Pool, Query
from shotsmith.domain.messages import (
    ImagePart,
    Mark,
    Message,
    Reply,
    Request,
    TextPart,
    Usage,
    canonical,
)
from shotsmith.domain.recipes import Recipe
from shotsmith.domain.selections import Prompt, Selection
from shotsmith.engine import Answer, Engine
from shotsmith.engine.batch_answers import Share
from shotsmith.engine.batching import BatchReport, ask_many
from shotsmith.prompts.build import build
from shotsmith.prompts.dialects import Dialect
from shotsmith.prompts.parsing import Parsed, parse, task_of
from shotsmith.prompts.prefix import cut

Say = Callable[[Request, list[tuple[str, str, str]]], str | Reply | Exception]
"""Request, (number, tag, right answer) of each question in it -> what the model says."""


class Bench:
    """What `ask_many` needs, around a real engine and a model that sees what it is sent."""

    def __init__(self, engine: Engine, say: Say) -> None:
        self.engine = engine
        self.say = say
        self.fake = FakeVLM(self._complete)
        self.model = LedgeredVLM(self.fake, MemoryLedger())

    def pinned(self, pool_name: str) -> Pool:
        return self.engine.pinned(pool_name)

    def labels(self, pool: Pool) -> Sequence[str]:
        return self.engine.labels(pool)

    def select(self, pool: str | Pool, query: Query, recipe: Recipe | None = None) -> Selection:
        return self.engine.select(pool, query, recipe)

    def prompt(
        self, selection: Selection, *, model: str | None = None, dialect: Dialect | None = None
    ) -> Prompt:
        labels = self.engine.labels(selection.pool)
        return build(
            selection, labels=labels, picture=self.engine._pictures.shown(selection.recipe), dialect=dialect
        )

    def send(
        self, prompt: Prompt, *, model: str | None = None, parameters: Mapping[str, Any] | None = None
    ) -> Reply:
        return self.model.complete(Request("fake/scripted", prompt.messages, dict(parameters or {})))

    def read(self, selection: Selection, prompt: Prompt, reply: Reply) -> Parsed:
        return parse(reply.text, task_of(selection.pool, self.engine.labels(selection.pool)))

    def answer(
        self,
        selection: Selection,
        *,
        model: str | None = None,
        parameters: Mapping[str, Any] | None = None,
    ) -> Answer:
        prompt = self.prompt(selection)
        reply = self.send(prompt, parameters=parameters)
        return Answer(reply, self.read(selection, prompt, reply), selection, prompt)

    def ask(self, queries: Sequence[Query], recipe: Recipe | None = None, **given: Any) -> BatchReport:
        return ask_many(self, "p", queries, recipe, **given)

    def _complete(self, request: Request) -> str | Reply | Exception:
        asked = questions(request.messages)
        texts = asked or [("", "", last_input(request.messages))]
        return self.say(request, [(number, tag, right(text)) for number, tag, text in texts])


def questions(messages: Sequence[Message]) -> list[tuple[str, str, str]]:
    """Number, tag and input text of each question in the last turn."""
    found: list[tuple[str, str, str]] = []
    for part in messages[-1].parts:
        if isinstance(part, TextPart):
            if heading := re.fullmatch(r"Question (\d+) \(tag (\w+)\):", part.text):
                found.append((heading[1], heading[2], ""))
            elif found and part.text.startswith("Input: "):
                found[-1] = (*found[-1][:2], part.text.removeprefix("Input: "))
    return found


def last_input(messages: Sequence[Message]) -> str:
    text = "\n".join(part.text for part in messages[-1].parts if isinstance(part, TextPart))
    return re.findall(r"^Input: (.*)$", text, re.MULTILINE)[-1]


def right(text: str) -> str:
    """The class of `thing <number>`: what a model that reads its questions answers."""
    return f"class {int(text.split()[-1]) % 4}"


def block(number: str, tag: str, answer: str) -> str:
    return f"[{number} {tag}] {answer} [/{number} {tag}]"


def faithful(request: Request, asked: list[tuple[str, str, str]]) -> str:
    if asked[0][1] == "":
        return asked[0][2]
    return "\n".join(block(*one) for one in asked)


def queries(engine: Engine, count: int, start: int = 500) -> list[Query]:
    return [
        engine.query([ImageFile("q.png", encoded(picture(number, hue=number % 4)))], f"thing {number}")
        for number in range(start, start + count)
    ]


def answers(report: BatchReport) -> list[str | None]:
    return [one.parsed.answer for one in report.answers]


def test_every_query_gets_its_answer_in_few_calls(engine) -> None:
    bench = Bench(engine, faithful)
    asked = queries(engine, 23)
    report = bench.ask(asked, Recipe(k=4), batch_size=5)
    assert answers(report) == [right(query.text) for query in asked]
    assert [one.query for one in report.answers] == asked
    assert {one.how for one in report.answers} == {"batch"}
    assert {one.attempts for one in report.answers} == {1}
    assert len(bench.fake.requests) == 5
    assert [request.parameters for request in bench.fake.requests] == [{"max_tokens": 300}] * 4 + [
        {"max_tokens": 180}
    ]
    assert sorted({one.batch for one in report.answers}) == sorted(
        {one.prompt.manifest["batch"]["id"] for one in report.answers if one.prompt}
    )
    assert report.tally.ways == {"exact": 23}
    images = [part for part in bench.fake.requests[0].messages[-1].parts if isinstance(part, ImagePart)]
    assert len(images) == 5


def test_the_manifest_names_the_questions(engine) -> None:
    bench = Bench(engine, faithful)
    asked = [engine.query_of("p", f"e{number:03d}") for number in range(3)]
    report = bench.ask(asked, Recipe(k=4), batch_size=3)
    prompt = report.answers[0].prompt
    assert prompt is not None
    named = prompt.manifest["batch"]["questions"]
    assert [one["number"] for one in named] == [1, 2, 3]
    assert {(one["id"], one["key"]) for one in named} == {(query.id, query.key) for query in asked}
    seen = questions(bench.fake.requests[0].messages)
    assert [(str(one["number"]), one["tag"]) for one in named] == [(number, tag) for number, tag, _ in seen]
    assert prompt.manifest["counts"]["images"] == 3 + 4
    shown = {one["id"] for one in prompt.manifest["demonstrations"]}
    assert shown.isdisjoint({query.id for query in asked})


def test_missing_swapped_and_unreadable_blocks_are_asked_again_alone(engine) -> None:
    spoiled: dict[str, str] = {}

    def say(request: Request, asked: list[tuple[str, str, str]]) -> str:
        if asked[0][1] == "":
            return asked[0][2]
        (one, two, three, four, *rest) = asked
        spoiled.update(dict.fromkeys([one[1], two[1], three[1], four[1]]))
        return "\n".join(
            [
                block(one[0], two[1], "class 0"),  # number and tag of two questions
                block(three[0], three[1], "no idea"),
                *(block(*each) for each in rest),
            ]
        )

    bench = Bench(engine, say)
    asked = queries(engine, 6)
    report = bench.ask(asked, Recipe(k=4), batch_size=6)
    assert answers(report) == [right(query.text) for query in asked]
    assert sorted(one.how for one in report.answers) == ["alone"] * 4 + ["batch"] * 2
    assert len(bench.fake.requests) == 5
    trails = sorted(one.trail for one in report.answers)
    assert trails == sorted(
        [
            ("batch of 6: answered",),
            ("batch of 6: answered",),
            ("batch of 6: mismatched: a mark whose number and tag do not belong together", "alone: answered"),
            ("batch of 6: mismatched: a mark whose number and tag do not belong together", "alone: answered"),
            ("batch of 6: missing: no block", "alone: answered"),
            ("batch of 6: unreadable", "alone: answered"),
        ]
    )
    alone = next(one for one in report.answers if one.how == "alone")
    own = engine.select("p", alone.query, Recipe(k=4))
    assert alone.selection == own
    assert bench.fake.requests[-1].parameters == {}


def test_what_cannot_be_read_in_the_end_has_failed_with_its_text(engine) -> None:
    bench = Bench(engine, lambda request, asked: "I would rather not say")
    report = bench.ask(queries(engine, 4), Recipe(k=2), batch_size=2)
    assert answers(report) == [None] * 4
    assert {one.how for one in report.answers} == {"failed"}
    assert {one.attempts for one in report.answers} == {2}
    assert (report.tally.total, report.tally.ways) == (4, {"failed": 4})
    assert {one.text for one in report.tally.failures} == {"I would rather not say"}
    assert [one.item for one in report.tally.failures] == ["0", "1", "2", "3"]
    assert len(bench.fake.requests) == 2 + 4


@pytest.mark.parametrize(("retries", "calls"), [(0, 1), (1, 3), (3, 7)])
def test_retries_are_bounded_and_draw_anew(engine, retries: int, calls: int) -> None:
    bench = Bench(engine, lambda request, asked: "hm")
    report = bench.ask(queries(engine, 2), Recipe(k=2, seed=7), batch_size=2, retries=retries)
    assert len(bench.fake.requests) == calls
    assert {one.attempts for one in report.answers} == {1 + retries}
    alone = [request.parameters for request in bench.fake.requests[1:]]
    assert alone == [{}, *({"seed": 7 + more} for more in range(1, retries))][:retries] * 2


def test_a_batch_of_one_is_asked_as_any_query_is(engine) -> None:
    bench = Bench(engine, faithful)
    asked = queries(engine, 3)
    report = bench.ask(asked, Recipe(k=2), batch_size=1)
    assert answers(report) == [right(query.text) for query in asked]
    assert [one.how for one in report.answers] == ["alone"] * 3
    assert sorted(request.key for request in bench.fake.requests) == sorted(
        Request("fake/scripted", bench.prompt(engine.select("p", query, Recipe(k=2))).messages).key
        for query in asked
    )


@pytest.mark.parametrize("error", [ContextExceeded("too long"), ModelRefused("one picture is refused")])
def test_a_batch_that_is_too_large_is_halved(engine, error: ShotsmithError) -> None:
    def say(request: Request, asked: list[tuple[str, str, str]]) -> str | Exception:
        return error if len(asked) > 2 else faithful(request, asked)

    bench = Bench(engine, say)
    asked = queries(engine, 8)
    report = bench.ask(asked, Recipe(k=2), batch_size=8)
    assert answers(report) == [right(query.text) for query in asked]
    assert len(bench.fake.requests) == 1 + 2 + 4
    assert {one.attempts for one in report.answers} == {3}
    assert report.answers[0].trail[0] == f"batch of 8: {error}"
    assert len({one.batch for one in report.answers}) == 1


def test_a_query_that_is_refused_fails_alone(engine) -> None:
    def say(request: Request, asked: list[tuple[str, str, str]]) -> str | Exception:
        refused = any("thing 502" in getattr(part, "text", "") for part in request.messages[-1].parts)
        return ModelRefused("no") if refused else faithful(request, asked)

    bench = Bench(engine, say)
    asked = queries(engine, 8)
    report = bench.ask(asked, Recipe(k=2), batch_size=8)
    assert answers(report) == [None if query.text == "thing 502" else right(query.text) for query in asked]
    failed = report.answers[2]
    assert (failed.how, failed.trail[-1]) == ("failed", "alone: no")
    assert failed.share == Share()


def test_a_batch_that_does_not_fit_the_budget_is_halved(engine) -> None:
    bench = Bench(engine, faithful)
    asked = queries(engine, 6)
    report = bench.ask(asked, Recipe(k=2, budget={"max_images": 3}), batch_size=6)
    assert answers(report) == [right(query.text) for query in asked]
    assert all(one.prompt and one.prompt.manifest["counts"]["images"] <= 3 for one in report.answers)
    assert {one.attempts for one in report.answers} == {1}
    assert all("max_images" in one.trail[0] for one in report.answers)


def test_a_model_that_cannot_be_asked_at_all_is_an_error(engine) -> None:
    bench = Bench(engine, lambda request, asked: ModelUnauthorized("wrong key"))
    with pytest.raises(ModelUnauthorized):
        bench.ask(queries(engine, 4), Recipe(k=2), batch_size=2, workers=2)


def test_shares_add_up_to_what_the_calls_took(engine) -> None:
    def say(request: Request, asked: list[tuple[str, str, str]]) -> Reply:
        text = faithful(request, asked)
        if len(asked) > 1:
            text = "\n".join(text.splitlines()[1:])
        return Reply(text, "m", Usage(100 * len(asked), 7, 30), cost_usd=0.5)

    bench = Bench(engine, say)
    asked = queries(engine, 10)
    report = bench.ask(asked, Recipe(k=2), batch_size=4)
    # Batches of 4, 4 and 2, and one of each asked again.
    assert report.total == pytest.approx(Share(6, 1000 + 300, 6 * 7, 6 * 30, 6 * 0.5))
    shares = [one.share.calls for one in report.answers if one.how == "batch"]
    assert sorted(shares) == pytest.approx([0.25] * 6 + [0.5])
    again = bench.ask(asked, Recipe(k=2), batch_size=4)
    assert answers(again) == answers(report)
    assert again.total.cost_usd == 0  # all out of the ledger
    assert len(bench.fake.requests) == 6


def test_what_a_provider_does_not_say_stays_unknown(engine) -> None:
    bench = Bench(engine, lambda request, asked: Reply(faithful(request, asked), "m"))
    report = bench.ask(queries(engine, 4), Recipe(k=2), batch_size=2)
    assert report.total == Share(pytest.approx(2), None, None, None, None)


def test_limits_on_the_reply_may_be_given(engine) -> None:
    bench = Bench(engine, faithful)
    bench.ask(queries(engine, 3), Recipe(k=2), batch_size=3, parameters={"max_completion_tokens": 9})
    bench.ask(queries(engine, 3), Recipe(k=2), batch_size=3, tokens_per_query=100)
    assert [request.parameters for request in bench.fake.requests] == [
        {"max_completion_tokens": 9},
        {"max_tokens": 300},
    ]


@pytest.mark.parametrize(
    "given", [{"batch_size": 0}, {"batch_size": 51}, {"retries": -1}, {"tokens_per_query": 0}, {"workers": 0}]
)
def test_bad_numbers_are_refused_before_anything_is_asked(engine, given: dict[str, int]) -> None:
    bench = Bench(engine, faithful)
    with pytest.raises(InvalidParameter) as caught:
        bench.ask(queries(engine, 2), Recipe(k=2), **{"batch_size": 2, **given})
    assert caught.value.field in given
    assert bench.fake.requests == []


def test_nothing_asked_is_nothing_answered(engine) -> None:
    report = Bench(engine, faithful).ask([], Recipe(k=2), batch_size=5)
    assert (report.answers, report.total, report.tally.total) == ((), Share(), 0)


def test_workers_and_the_order_of_queries_change_nothing(engine) -> None:
    asked = queries(engine, 12)
    one = Bench(engine, faithful)
    many = Bench(engine, faithful)
    first = one.ask(asked, Recipe(k=3), batch_size=4)
    second = many.ask(asked[::-1], Recipe(k=3), batch_size=4, workers=3)
    assert answers(second) == answers(first)[::-1]
    assert {request.key for request in one.fake.requests} == {request.key for request in many.fake.requests}


@pytest.mark.parametrize("dialect", ["chat", "interleaved", "numbered", "manyicl", "flamingo", "collage"])
def test_every_dialect_can_hold_a_batch(engine, dialect: str) -> None:
    bench = Bench(engine, faithful)
    asked = queries(engine, 5)
    report = bench.ask(asked, Recipe(k=3, dialect=dialect), batch_size=5)
    assert answers(report) == [right(query.text) for query in asked]
    assert {one.how for one in report.answers} == {"batch"}


@pytest.mark.parametrize("dialect", ["chat", "interleaved", "numbered"])
def test_batches_with_a_fixed_selection_share_their_beginning_with_single_queries(
    engine, dialect: str
) -> None:
    bench = Bench(engine, faithful)
    recipe = Recipe(selector="random_fixed", k=5, dialect=dialect)
    report = bench.ask(queries(engine, 7), recipe, batch_size=3)
    beginnings = set()
    for answer in report.answers:
        assert answer.prompt is not None
        assert answer.prompt.prefix is not None
        beginnings.add(str(canonical(cut(answer.prompt.messages, answer.prompt.prefix))))
    assert {answer.how for answer in report.answers} == {"batch", "alone"}
    assert len(beginnings) == 1
    assert sum(isinstance(part, ImagePart) for turn in cut(*prefix_of(report)) for part in turn.parts) == 5


def prefix_of(report: BatchReport) -> tuple[Sequence[Message], Mark]:
    prompt = report.answers[0].prompt
    assert prompt is not None
    assert prompt.prefix is not None
    return prompt.messages, prompt.prefix


def test_answers_of_a_pool_without_labels_may_take_several_lines(open_engine) -> None:
    engine = open_engine()
    engine.create_pool("p", kind="captioning")
    engine.add(
        "p",
        [draft(number, number % 4, answer=f"A thing.\nNumber {number}.", labels=()) for number in range(8)],
    )

    def say(request: Request, asked: list[tuple[str, str, str]]) -> str:
        return "\n".join(block(number, tag, f"One line.\n{answer}") for number, tag, answer in asked)

    bench = Bench(engine, say)
    asked = queries(engine, 4)
    report = bench.ask(asked, Recipe(k=2), batch_size=4)
    assert answers(report) == [f"One line.\n{right(query.text)}" for query in asked]
    assert "several lines" in bench.fake.requests[0].messages[-1].parts[-1].text  # type: ignore[union-attr]


def test_videos_and_sounds_stay_with_their_questions(open_engine) -> None:
    engine = open_engine()
    engine.create_pool("p", kind="open", instruction="What happens?")
    for number in range(3):
        file = MediaFile("a.mp4", film(number * 30, frames=10))
        engine.add("p", [Draft(where="v", id=f"v{number}", media=(file,), answer=f"class {number}")])
    bench = Bench(engine, faithful)
    asked = [
        engine.query(text="thing 1", media=[MediaFile("q.mp4", film(500, frames=10))]),
        engine.query(text="thing 2", media=[MediaFile("q.wav", clip(50))]),
        engine.query([ImageFile("q.png", encoded(picture(3)))], "thing 3"),
    ]
    recipe = Recipe.read("random(k=1)|with(video={frames=2,query_frames=3})")
    report = bench.ask(asked, recipe, batch_size=3)
    assert answers(report) == ["class 1", "class 2", "class 3"]
    assert {one.how for one in report.answers} == {"batch"}
    shown: dict[str, list[str]] = {}
    media: list[str] = []
    for part in bench.fake.requests[0].messages[-1].parts:
        if not isinstance(part, TextPart):
            media.append(type(part).__name__)
        elif part.text.startswith("Question"):
            media = []
        elif part.text.startswith("Input: "):
            shown[part.text] = media
    assert shown == {
        "Input: thing 1": ["ImagePart"] * 3,
        "Input: thing 2": ["AudioPart"],
        "Input: thing 3": ["ImagePart"],
    }


@pytest.mark.parametrize("seed", range(4))
def test_whatever_happens_to_replies_no_answer_is_another_querys(engine, seed: int) -> None:
    dice = random.Random(seed)

    def say(request: Request, asked: list[tuple[str, str, str]]) -> str:
        if asked[0][1] == "":
            return asked[0][2]
        blocks = [block(*one) for one in asked]
        dice.shuffle(blocks)
        del blocks[dice.randrange(len(blocks) + 1) :]
        letters = list("\n".join(blocks))
        for _ in range(dice.randint(0, 4)):
            if letters:
                letters[dice.randrange(len(letters))] = dice.choice("[]/x7 \n")
        return "".join(letters)

    bench = Bench(engine, say)
    asked = queries(engine, 60)
    report = bench.ask(asked, Recipe(k=1), batch_size=7)
    for query, answer in zip(asked, report.answers, strict=True):
        # A garbled label may read as nothing, never as another one.
        assert answer.parsed.answer == right(query.text)
    assert {one.how for one in report.answers} == {"batch", "alone"}
