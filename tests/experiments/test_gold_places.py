"""The demonstration with the right answer first and last: what only an experiment can place."""

from __future__ import annotations

import pytest

from shotsmith import Recipe
from shotsmith.domain.errors import InvalidParameter
from shotsmith.experiments.arms import Arm
from shotsmith.experiments.bench import Bench
from shotsmith.experiments.perturbations import perturb


@pytest.mark.parametrize(("at", "place"), [(0, 0), (1, -1)])
def test_the_right_answer_stands_where_it_is_told_to(engine, at, place):
    bench = Bench(engine, "p")
    recipe = Recipe(selector="random", k=12, evaluation=True)
    plain = Arm("random", "recipe", 12, recipe)
    arm = Arm("random", "recipe", 12, recipe, changes=f"place(at={at},gold=true)")
    moved = 0
    for item in bench.items:
        before, after = bench.selection(plain, item), bench.selection(arm, item)
        labels = [shot.example.label for shot in after.demonstrations]
        assert {shot.example.id for shot in before.demonstrations} == {
            shot.example.id for shot in after.demonstrations
        }
        if bench.truths[item] in labels:
            moved += 1
            assert labels[place] == bench.truths[item]
        else:
            assert before.demonstrations == after.demonstrations
    assert moved


def test_no_recipe_can_ask_for_it(engine):
    chosen = engine.select("p", engine.query_of("p", "e034"), Recipe(selector="rices", k=4))
    with pytest.raises(InvalidParameter, match="only an experiment knows"):
        perturb(chosen, "place(gold=true)")
