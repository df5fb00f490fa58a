"""Examples that a scripted model makes up: what is asked, read, kept and stored."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from statistics import median

import pytest
from experiment_pools import draft
from hypothesis import given
from hypothesis import strategies as st

from shotsmith.clients.vlm.fake import FakeVLM
from shotsmith.domain.errors import InvalidInput, InvalidParameter, ModelRefused, NotFound
from shotsmith.domain.examples import Draft
from shotsmith.domain.messages import ImagePart, Reply, Request, TextPart
from shotsmith.domain.recipes import FilterSpec, Recipe
from shotsmith.engine import Engine
from shotsmith.experiments import held_out
from shotsmith.experiments.augmentation import SYNTHETIC, Augmentation, augment, is_synthetic
from shotsmith.experiments.augmentation.rating import better_half, read_score
from shotsmith.experiments.trials import BudgetSpent

SIX = Augmentation(count=3, raters=1, references=2, shots=3)
QUESTIONS = [
    *("How many moons has Mars?", "How many legs has a spider?", "How many sides has a hexagon?"),
    *("How many days has a week?", "How many strings has a violin?", "How many players has a chess game?"),
]


def texts(request: Request) -> list[str]:
    return [part.text for message in request.messages for part in message.parts if isinstance(part, TextPart)]


def writes(request: Request) -> bool:
    return texts(request)[0].startswith("You help to extend")


def script(write: Callable[[Request], object], rate: Callable[[Request], object] = lambda request: "4"):
    return FakeVLM(lambda request: write(request) if writes(request) else rate(request), model="fake/writer")


def in_turn(*replies: object) -> Callable[[Request], object]:
    left = iter(replies)
    return lambda request: next(left)


def said(**fields: object) -> str:
    return f"Here it is:\n```json\n{json.dumps(fields)}\n```"


def made(engine: Engine, pool: str, vlm: FakeVLM, settings: Augmentation = SIX, **options):
    options = {"model": "fake/writer", "max_calls": 1000, "workers": 1, **options}
    return augment(engine, pool, settings, vlm=vlm, **options)


@pytest.fixture
def quiz(hired) -> Iterator[Engine]:
    """Six training questions of two groups and two of none, one held-out question."""
    opened = hired.open(lambda request: "4")
    opened.create_pool("quiz", kind="vqa", instruction="Count.", answer_format="Answer with one number.")
    groups = ["a", "a", "a", "b", None, None]
    drafts = [
        Draft(f"line {number}", f"q{number}", text=text, answer=str(number), group=group, split="train")
        for number, (text, group) in enumerate(zip(QUESTIONS, groups, strict=True))
    ]
    drafts.append(Draft("line 7", "held", text="How many planets are there?", answer="8", split="test"))
    opened.add("quiz", drafts)
    yield opened
    opened.close()


def test_new_texts_come_with_group_tag_split_and_their_making(quiz):
    numbers = iter(range(6))
    scores = in_turn("1", "5", "2", "4", "3", "1")
    found = made(
        quiz,
        "quiz",
        script(lambda request: said(input=f"How many are {next(numbers)} and 1?", answer="12"), scores),
    )
    assert (found.rated, found.median, found.dropped, found.unread) == (6, 2.5, {}, 0)
    assert [one.score for one in found.kept] == [5.0, 4.0, 3.0]
    assert found.added is not None
    assert found.added.added == 3
    for one in found.kept:
        stored = quiz.example("quiz", one.example.id)
        source = quiz.example("quiz", one.sources[0])
        assert is_synthetic(stored)
        assert (stored.split, stored.tags, stored.group) == ("train", (SYNTHETIC,), source.group)
        assert (stored.answer, stored.labels, stored.media) == ("12", (), ())
        assert dict(stored.metadata) == {
            "synthetic_model": "fake/writer",
            "synthetic_sources": json.dumps(one.sources),
            "synthetic_score": one.score,
            "synthetic_run": found.run,
        }
    assert [one.id for one in held_out(quiz, "quiz")] == ["held"]


def test_what_a_prompt_shows_is_of_one_group_and_never_held_out(quiz):
    asked = []

    def write(request: Request) -> str:
        asked.append(texts(request))
        return said(input=f"How many is {len(asked)}?", answer="1")

    found = made(quiz, "quiz", script(write), Augmentation(count=10, raters=1))
    groups = dict(zip(QUESTIONS, ["a", "a", "a", "b", None, None], strict=True))
    assert len(asked) == 20
    for lines in asked:
        shown = {question for question in QUESTIONS if any(question in line for line in lines)}
        assert len({groups[question] for question in shown}) == 1
        assert not any("planets" in line for line in lines)
    by_group = {one.sources: one.example.group for one in found.kept}
    assert all({groups[QUESTIONS[int(id[1])]] for id in ids} == {group} for ids, group in by_group.items())
    # Every example is a source before any is for the second time.
    assert len({lines[-1] for lines in asked[:6]}) == 6


def test_a_group_never_sees_what_is_made_from_it(quiz):
    numbers = iter(range(40))
    made(
        quiz,
        "quiz",
        script(lambda request: said(input=f"Count to {next(numbers)}.", answer="1")),
        Augmentation(count=10, raters=1),
    )
    recipe = Recipe(selector="all", k=50, evaluation=True, filters=FilterSpec(splits=None))
    shown = quiz.select("quiz", quiz.query_of("quiz", "q0"), recipe).demonstrations
    assert {shot.example.group for shot in shown} == {"b", None}
    assert any(is_synthetic(shot.example) for shot in shown)


def test_a_repeat_costs_nothing_and_changes_nothing(quiz, hired):
    # Through the engine's own model this time: its ledger is kept on disk.
    quiz.close()
    asked: list[Request] = []

    def answer(request: Request) -> str:
        asked.append(request)
        return said(input=f"How many is {len(asked)}?", answer="1") if writes(request) else "3"

    def run(engine: Engine, **options):
        return augment(engine, "quiz", SIX, model="fake/test", max_calls=100, max_usd=1.0, **options)

    with hired.open(answer) as engine:
        first, version = run(engine), engine.pool("quiz").version
        assert first.spent.calls == len(asked) == 12
    with hired.open(answer) as engine:
        again = run(engine, workers=3)
        assert len(asked) == 12
        assert (again.spent.calls, again.spent.repeated, again.spent.usd) == (0, 12, 0.0)
        assert [one.example.id for one in again.kept] == [one.example.id for one in first.kept]
        assert (again.added.added, again.added.unchanged + again.added.skipped) == (0, 3)
        assert engine.pool("quiz").version == version
        assert again.run == first.run
        other = augment(engine, "quiz", SIX.model_copy(update={"seed": 1}), model="fake/test", max_calls=100)
        assert other.run != first.run
        assert other.added.added == 3


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        ("", "empty"),
        (said(input=" ", answer="1"), "empty"),
        (Reply('{"input": "How ma', "fake/writer", finish_reason="length"), "cut off"),
        ('{"input": "How ma', "unreadable"),
        ("How many eggs are in a dozen? 12", "unreadable"),
        (said(input="How many eggs are in a dozen?"), "unreadable"),
        (said(input="a\x00b", answer="1"), "unreadable"),
        ("I'm sorry, but I can't help with that.", "refused"),
        (Reply("", "fake/writer", notes=("the model refused: no",)), "refused"),
        (Reply("", "fake/writer", finish_reason="content_filter"), "refused"),
        (ModelRefused("blocked"), "refused"),
        (said(input="How many eggs are in a dozen?", answer="a dozen or so"), "no answer to the task"),
        (said(input="how many MOONS has mars", answer="2"), "a copy"),
        (said(input="How many planets are there??", answer="8"), "a copy"),
    ],
)
def test_replies_that_are_no_examples_are_dropped_and_counted(quiz, reply, reason):
    good = [said(input=f"How many is {number}?", answer="1") for number in range(5)]
    found = made(quiz, "quiz", script(in_turn(reply, *good)))
    assert found.dropped == {reason: 1}
    assert (found.rated, len(found.kept)) == (5, 2)


def test_a_candidate_that_was_made_before_is_a_copy(quiz):
    found = made(quiz, "quiz", script(lambda request: said(input="How many is one?", answer=1)))
    assert found.dropped == {"a copy": 5}
    assert (found.rated, found.kept, found.added.total) == (1, (), 0)


def test_unreadable_judgements_do_not_count(quiz):
    numbers = iter(range(6))
    three = SIX.model_copy(update={"raters": 3})
    judgements = ["5", "well", "3", *["I would rather not say."] * 3, *["2"] * 12]
    found = made(
        quiz,
        "quiz",
        script(lambda request: said(input=f"{next(numbers)}?", answer="1"), in_turn(*judgements)),
        three,
    )
    assert (found.unread, found.dropped, found.rated) == (4, {"not rated": 1}, 5)
    assert [one.score for one in found.kept] == [4.0, 2.0]


def test_a_model_that_refuses_everything_is_an_error(quiz):
    with pytest.raises(ModelRefused, match="no such model"):
        made(quiz, "quiz", script(lambda request: ModelRefused("no such model")))
    assert quiz.pool("quiz").size == 7


def test_pictures_stay_and_only_wordings_are_new_in_classification(engine):
    before = engine.pool("p").size
    seen = []

    def write(request: Request) -> str:
        seen.append(request)
        number = texts(request)[-1].splitlines()[0].rpartition(" ")[2]
        return said(input=f"an object, number {number}", answer="class 9")

    found = made(engine, "p", script(write), Augmentation(count=4, raters=2, references=1))
    assert engine.pool("p").size == before + 4
    for one in found.kept:
        stored, source = engine.example("p", one.example.id), engine.example("p", one.sources[0])
        assert (stored.labels, stored.answer, stored.pixel_key) == (
            source.labels,
            source.answer,
            source.pixel_key,
        )
        assert stored.text != source.text
        assert (source.split, source.tags) == ("train", ())
    pictures = [sum(isinstance(part, ImagePart) for part in one.messages[1].parts) for one in seen]
    # The source with the group "g" is alone in it, and is shown alone.
    assert set(pictures) <= {1, 4}
    assert 4 in pictures


def test_a_wording_that_says_the_label_is_dropped(engine):
    found = made(
        engine, "p", script(lambda request: said(input="A picture of Class 1 things or class 0, 2, 3."))
    )
    # Of four classes, the text names two as whole labels.
    assert set(found.dropped) <= {"gives the answer away", "a copy"}
    assert found.dropped["gives the answer away"] >= 1


def test_captions_are_new_for_pictures_that_stay(hired):
    with hired.open(lambda request: "4") as engine:
        engine.create_pool("c", kind="captioning")
        fields = {"text": "", "labels": (), "split": "train"}
        engine.add("c", [draft(n, n % 4, **fields, answer=f"thing {n}") for n in range(4)])

        def write(request: Request) -> str:
            caption = texts(request)[-1].removeprefix("Answer: ")
            return said(answer=caption.upper() if caption == "thing 1" else f"the {caption}, again")

        found = made(engine, "c", script(write), Augmentation(count=2, raters=1, shots=1))
        assert found.dropped == {"a copy": 1}
        (kept,) = found.kept
        stored, source = engine.example("c", kept.example.id), engine.example("c", kept.sources[0])
        assert (stored.text, stored.answer) == ("", f"the {source.answer}, again")
        assert stored.media == source.media


def test_what_others_may_be_made_from(engine, quiz):
    for sources, word in ((["e034"], "split 'test'"), (["e001", "none"], "no such example")):
        with pytest.raises((InvalidInput, NotFound), match=word):
            made(engine, "p", script(lambda request: said(input="x")), sources=sources)
    found = made(
        engine, "p", script(in_turn(*[said(input=f"x {n}") for n in range(6)])), sources=["e001", "e002"]
    )
    assert {one.sources[0] for one in found.kept} <= {"e001", "e002"}
    with pytest.raises(InvalidInput, match="is synthetic"):
        made(engine, "p", script(lambda request: ""), sources=[found.kept[0].example.id])
    engine.create_pool("bare")
    engine.add("bare", [draft(number, 0, text="") for number in range(3)])
    with pytest.raises(InvalidInput, match="could be put differently"):
        made(engine, "bare", script(lambda request: ""))
    engine.create_pool("none")
    with pytest.raises(InvalidInput, match="with an answer"):
        made(engine, "none", script(lambda request: ""))


def test_budgets_are_kept_before_anything_is_sent(quiz):
    silent = script(lambda request: ModelRefused("must not be asked"))
    with pytest.raises(InvalidParameter, match="up to 12 calls are needed") as caught:
        made(quiz, "quiz", silent, max_calls=11)
    assert caught.value.field == "max_calls"
    priced = {"model": "openai/gpt-5-mini"}
    with pytest.raises(InvalidParameter, match="as estimated") as caught:
        made(quiz, "quiz", silent, max_usd=0.001, **priced)
    assert caught.value.field == "max_usd"
    with pytest.raises(InvalidParameter, match="nobody knows the price"):
        made(quiz, "quiz", silent, max_usd=1.0, model="nobody/knows-it")
    with pytest.raises(InvalidParameter) as caught:
        made(quiz, "quiz", silent, max_usd=-1.0)
    assert caught.value.field == "max_usd"
    told = made(quiz, "quiz", silent, dry_run=True, max_usd=1.0, **priced)
    assert (told.dry, told.forecast.calls, told.spent.calls, silent.requests) == (True, 12, 0, [])
    assert 0.012 < told.forecast.usd < 0.1  # six replies of 1,024 tokens at $2 a million, and prompts
    assert json.loads(json.dumps(told.as_dict()))["forecast"]["calls"] == 12


def test_calls_that_cost_more_than_was_reckoned_with_stop_in_time(quiz):
    dear = script(lambda request: Reply(said(input="x y z?", answer="1"), "m", cost_usd=0.04))
    with pytest.raises(BudgetSpent, match="the budget is spent") as caught:
        made(quiz, "quiz", dear, max_usd=0.1, model="openai/gpt-5-mini")
    assert caught.value.field == "max_usd"
    assert len(dear.requests) == 3
    assert quiz.pool("quiz").size == 7


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"model": "offline/knn-vote"}, "model"),
        ({"model": "simulated/voter"}, "model"),
        ({"workers": 0}, "workers"),
        ({"parameters": {"max_tokens": 5}}, "parameters"),
    ],
)
def test_what_cannot_be_is_refused(quiz, options, field):
    with pytest.raises(InvalidInput) as caught:
        made(quiz, "quiz", script(lambda request: ""), **options)
    assert caught.value.field == field


def test_prompts_that_a_model_does_not_take_are_refused(engine):
    many = Augmentation(count=1, raters=1, shots=200, references=200)
    with pytest.raises(InvalidParameter, match="hosted_vllm/x takes") as caught:
        made(engine, "p", script(lambda request: ""), many, model="hosted_vllm/x")
    assert caught.value.field in ("shots", "references")


@pytest.mark.parametrize(
    ("reply", "score"),
    [
        (Reply("4", "m"), 4.0),
        (Reply(" **Rating:** 3.5 ", "m"), 3.5),
        (Reply("4/5", "m"), 4.0),
        (Reply("I give it 2 out of 5.", "m"), 2.0),
        (Reply("6", "m"), None),
        (Reply("4 or 5", "m"), None),
        (Reply("", "m"), None),
        (Reply("excellent", "m"), None),
        (Reply("4", "m", alternatives=(("4", 0.6), ("5", 0.2), (" 2", 0.2))), 3.8),
        (Reply("The score is 4", "m", alternatives=(("The", 0.9), ("1", 0.1))), 4.0),
    ],
)
def test_scores_are_read_or_they_are_not(reply, score):
    found = read_score(reply)
    assert found == (score if score is None else pytest.approx(score))


scores = st.dictionaries(
    st.text("abcdef", min_size=1, max_size=4), st.sampled_from([1.0, 2.5, 3.0, 4.0, 5.0])
)


@given(scores, st.integers(0, 12), st.integers(0, 3))
def test_the_better_half_is_what_lies_above_the_median(scores, most, seed):
    kept = better_half(scores, most, seed)
    assert len(kept) == len(set(kept)) == min(len(scores) // 2, most)
    assert [scores[name] for name in kept] == sorted((scores[name] for name in kept), reverse=True)
    out = [score for name, score in scores.items() if name not in kept]
    if kept and out:
        assert min(scores[name] for name in kept) >= max(out)
    if scores and most >= len(scores):
        middle = median(scores.values())
        assert all(scores[name] >= middle for name in kept)
        assert {name for name, score in scores.items() if score > middle} <= set(kept)
    # Whatever order they come in, and nested in how many are kept.
    assert better_half(dict(reversed(scores.items())), most, seed) == kept
    assert better_half(scores, most + 1, seed)[: len(kept)] == kept
