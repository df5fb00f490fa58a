"""A run that searches the best of several instructions."""

from __future__ import annotations

import pytest

from shotsmith.domain.errors import InvalidParameter
from shotsmith.domain.messages import Request, TextPart
from shotsmith.experiments.design import INSTRUCTIONS, ExperimentFile
from shotsmith.experiments.runs import planned, run_experiment

GOOD = "Name the class of the thing."


def obedient(request: Request) -> str:
    """Right only under the good instruction: an example's class is its number modulo 4."""
    texts = [
        part.text for message in request.messages for part in message.parts if isinstance(part, TextPart)
    ]
    if not any(GOOD in text for text in texts):
        return "class 9"
    number = int(texts[-1].split()[-1])
    return f"class {number % 4}"


def file(**fields) -> ExperimentFile:
    given = {
        "name": "searched",
        "pool": "p",
        "shots": [1],
        "focus": {"selector": "rices", "k": 1},
        "instructions": [GOOD, "Say something.", "Be brief."],
        "search": "ucb",
        "search_share": 0.75,
    }
    return ExperimentFile.read({**given, **fields})


def test_the_best_instruction_is_found_and_told_with_the_run(hired, engine):
    engine.close()
    with hired.open(obedient) as opened:
        hired.asked = 0
        found = run_experiment(opened, file())
        asked = hired.asked
        told = opened.runs.get("searched").facts["search"]
        assert list(told) == ["fake/test"]
        best = told["fake/test"]
        assert best["arms"][best["winner"]]["name"] == GOOD
        assert best["calls"] <= best["budget_calls"] == int(0.75 * 4 * len(found.items))
        assert best["confirmation"]["difference"]["value"] == pytest.approx(1)
        tried = [arm for arm in found.arms if arm.group == INSTRUCTIONS]
        assert sum(found.complete(arm) for arm in tried) == 1
        again = run_experiment(opened, file())
        assert hired.asked == asked
        assert again.outcomes == found.outcomes


def test_a_share_that_is_too_small_is_refused_before_anything_is_asked(hired, engine):
    hired.asked = 0
    with pytest.raises(InvalidParameter, match=r"search_share: .* at least .* Give 0\.38"):
        planned(engine, file(search_share=0.05))
    assert hired.asked == 0
    assert engine.runs.find("searched") is None


def test_a_search_needs_instructions():
    with pytest.raises(InvalidParameter, match="no instructions"):
        file(instructions=[])


def test_a_plan_counts_the_share(engine):
    some = planned(engine, file()).estimates
    every = planned(engine, file(search="all")).estimates
    assert every.calls - some.calls == 3 * 2
