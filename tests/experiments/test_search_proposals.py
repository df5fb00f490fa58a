"""Instructions that a scripted model proposes: what it sees, what is taken, and how one is then chosen."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from shotsmith.clients.vlm.fake import FakeVLM
from shotsmith.domain.errors import InvalidInput, InvalidParameter, NotFound
from shotsmith.domain.messages import ImagePart, Reply, Request, TextPart
from shotsmith.domain.recipes import Recipe
from shotsmith.experiments import Bench, Outcome
from shotsmith.experiments.arms import Arm
from shotsmith.experiments.search import Failure, best_arm, propose_instructions, split_items
from shotsmith.experiments.trials import BudgetSpent

WRONG = [Failure(f"e{number:03d}", "class 3") for number in (1, 2, 5, 6, 9, 10)]


def proposed(engine, vlm, **options):
    given = {"model": "fake/writer", "count": 2, "failures": WRONG, "vlm": vlm, **options}
    return propose_instructions(engine, "p", **given)


def replies(*answers: object) -> FakeVLM:
    return FakeVLM([one if isinstance(one, str | Reply) else json.dumps(one) for one in answers])


def shown(request: Request) -> str:
    return "\n".join(
        part.text for message in request.messages for part in message.parts if isinstance(part, TextPart)
    )


def test_the_model_sees_the_instruction_what_is_added_to_it_and_failures(engine):
    vlm = replies(["Look at the hue.", "Say what colour it has."])
    found = proposed(engine, vlm, shown=4)
    assert found.arms == ("What is it?", "Look at the hue.", "Say what colour it has.")
    assert (found.dropped, found.spent.calls) == ({}, 1)
    text = shown(vlm.requests[0])
    assert "Instruction: What is it?" in text
    assert 'Labels: ["class 0", "class 1", "class 2", "class 3"]' in text
    assert text.count("Wrongly answered query") == len(found.shown) == 4
    for item in found.shown:
        assert f"Input: thing {int(item[1:])}\nRight answer: class {int(item[1:]) % 4}" in text
    assert "What was answered: class 3" in text
    pictures = [isinstance(part, ImagePart) for part in vlm.requests[0].messages[1].parts]
    assert not any(pictures)
    # Whatever the order of the failures; with their images where that is wanted.
    again = replies(["Look at the hue.", "Say what colour it has."])
    assert proposed(engine, again, shown=4, failures=WRONG[::-1]).shown == found.shown
    assert again.requests[0].key == vlm.requests[0].key
    seeing = replies(["a", "b"])
    proposed(engine, seeing, images=True, shown=4)
    assert sum(isinstance(part, ImagePart) for part in seeing.requests[0].messages[1].parts) == 4
    assert json.loads(json.dumps(found.as_dict()))["own"] == "What is it?"


@pytest.mark.parametrize(
    ("reply", "dropped"),
    [
        ("", {"unreadable": 1}),
        ("I cannot do that.", {"unreadable": 1}),
        (Reply('["Look at the', "m", finish_reason="length"), {"unreadable": 1}),
        ([], {"unreadable": 1}),
        (["", 3, "x\x00"], {"no text": 3}),
        (["x" * 2001], {"too long": 1}),
        (["what IS  it?"], {"not new": 1}),
        (['Answer with "class 0" or "class 7".'], {"changes the labels": 1}),
        (["Look first.\nLabels: red, green"], {"changes the labels": 1}),
        (["Reply `yes` if it is one, else 'class 1'."], {"changes the labels": 1}),
    ],
)
def test_what_is_no_new_instruction_is_dropped_and_counted(engine, reply, dropped):
    good = ["Name its kind.", "It's the thing's hue that counts; answer with one label."]
    found = proposed(engine, replies(reply, good, good), count=3, max_calls=3)
    assert found.dropped == {**dropped, "not new": dropped.get("not new", 0) + 2}
    assert found.instructions[-2:] == tuple(good)
    assert found.spent.calls == 3


def test_what_a_variant_may_say(engine):
    good = [
        'Answer "class 1" only when you are sure.',
        'A thing with a "halo" is brighter than others. Answer with its class.',
        "Don't guess: answer with the label of what you see.",
    ]
    found = proposed(engine, replies([*good, "Once more."]), count=3)
    assert found.instructions == tuple(good)
    assert found.dropped == {"more than were wanted": 1}
    numbered = proposed(engine, replies(["1. Mind the hue.", "mind  the HUE.", "- Look."]))
    assert (numbered.instructions, numbered.dropped) == (("Mind the hue.", "Look."), {"not new": 1})


def test_it_is_asked_again_with_another_seed_and_no_more_often_than_allowed(engine):
    vlm = replies(["one"], ["one", "two"], ["never"])
    assert proposed(engine, vlm).instructions == ("one", "two")
    assert len({request.parameters["seed"] for request in vlm.requests}) == len(vlm.requests) == 2
    few = replies("no", "no")
    found = proposed(engine, few, max_calls=2)
    assert (found.instructions, found.dropped) == ((), {"unreadable": 2})


@pytest.mark.parametrize(
    ("changed", "field", "kind"),
    [
        ({"count": 0}, "count", InvalidParameter),
        ({"shown": 0}, "shown", InvalidParameter),
        ({"max_calls": 0}, "max_calls", InvalidParameter),
        ({"failures": []}, "failures", InvalidInput),
        ({"failures": [Failure("nope")]}, "id", NotFound),
        ({"model": "simulated/voter"}, "model", InvalidInput),
        ({"model": "openai/gpt-5-mini", "max_usd": 0.001}, "max_usd", InvalidParameter),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_asked(engine, changed, field, kind):
    vlm = replies(["one", "two"])
    with pytest.raises(kind) as caught:
        proposed(engine, vlm, **changed)
    assert caught.value.field == field
    assert vlm.requests == []


def test_dollars_are_bounded(engine):
    dear = FakeVLM(lambda request: Reply("no", "m", cost_usd=0.05))
    with pytest.raises(BudgetSpent) as caught:
        proposed(engine, dear, model="openai/gpt-5-mini", max_usd=0.06)
    assert caught.value.field == "max_usd"
    assert len(dear.requests) == 2


def test_the_best_instruction_is_found_by_a_bench(hired, engine):
    engine.close()

    def answer(request: Request) -> str:
        text = shown(request)
        if not text.startswith("Name its hue."):
            return "class 0"
        return f"class {int(text.rpartition('thing ')[2].split()[0]) % 4}"

    with hired.open(answer) as opened:
        bench = Bench(opened, "p", split="train")
        zero = Recipe(selector="none", k=0)

        def asked(instruction: str | None, items: Sequence[str]) -> list[Outcome]:
            arm = Arm("zero-shot", "zero-shot", 0, zero, instruction=instruction)
            return [next(bench.outcomes(item, [arm])) for item in items]

        search, _ = split_items(bench.items, seed=0)
        failures = [one for one in asked(None, search) if not one.correct]
        vlm = replies(["Name its hue.", "Name it well."])
        arms = proposed(opened, vlm, failures=failures).arms
        assert set(proposed(opened, replies(list(arms[1:])), failures=failures).shown) <= set(search)
        found = best_arm(
            arms,
            lambda arm, items: [one.correct for one in asked(arms[arm], items)],
            bench.items,
            budget_calls=72,
        )
        assert found.arms[found.winner].name == "Name its hue."
        assert found.better
        assert found.verdict.startswith("Take 'Name its hue.'")
