"""The arms of an experiment file."""

from __future__ import annotations

from dataclasses import replace

from ...domain.errors import InvalidParameter
from ...domain.recipes import FilterSpec, Recipe, stages_of
from ..arms import VOTES, Arm, family, plan
from ..bench import Bench
from ..room import SHARE_OF_WINDOW, Probe, doubled
from .controls import Setting, controls
from .file import ArmSpec, ExperimentFile

INSTRUCTIONS = "instructions"
"""The group of arms that differ in their instruction."""

_MOST_SHOTS = 4096


def arms_of(file: ExperimentFile, bench: Bench) -> tuple[Arm, ...]:
    """Every arm of every model, baselines first; those that ask nobody are there once.

    Raises:
        InvalidParameter: A selector or perturbation that cannot be.
    """
    models = file.models or (bench.model,)
    found: dict[str, Arm] = {}
    names: dict[tuple[str, str], str] = {}
    for model in models:
        for arm in _of_model(file, bench, model):
            own = replace(arm, model=model if arm.asks else "")
            if names.setdefault((own.name, own.model), own.key) != own.key:
                raise InvalidParameter(
                    "two arms have the same name", field="arms", value=own.name, mend="Rename your own one"
                )
            found.setdefault(own.key, own)
    return tuple(found.values())


def _of_model(file: ExperimentFile, bench: Bench, model: str) -> list[Arm]:
    base = file.base
    shots = shots_of(file, bench, model)
    arms = [
        replace(arm, group="scale" if arm.kind in ("recipe", "random") else "floor")
        for arm in plan(file.selectors, shots, base, votes=VOTES)
    ]
    size = len(bench.train)
    # Whatever their shots: they show all there is.
    arms = [_whole(arm, size) for arm in arms]
    everything = base.model_copy(update={"selector": stages_of("all"), "k": size})
    everyone = Arm("all", "recipe", size, everything, group="scale")
    if file.all_samples:
        arms.append(everyone)
    focus = _focus(file, everyone, size)
    setting = Setting(
        focus,
        frozenset(bench.engine.encoder(bench.pool).dims),
        file.category,
        media=any(one.media for one in bench.examples.values()),
        texts=any(one.text.strip() for one in bench.examples.values()),
    )
    arms += controls(file.controls, setting)
    arms += [setting.changed("perturbations", one) for one in file.perturbations]
    if file.controls or file.perturbations or file.instructions:
        arms.append(focus)
    arms += [
        replace(focus, family=f"{focus.family} · instruction {number}", instruction=text, group=INSTRUCTIONS)
        for number, text in enumerate(file.instructions, start=1)
    ]
    arms += [
        Arm(
            one.name,
            "recipe",
            one.recipe.k,
            _guarded(file, one),
            changes=one.changes,
            instruction=one.instruction,
            batch=one.batch,
            group="own",
        )
        for one in file.arms
    ]
    return arms


def _whole(arm: Arm, size: int) -> Arm:
    if arm.recipe is None or not arm.everything:
        return arm
    return replace(arm, k=size, recipe=arm.recipe.model_copy(update={"k": size}))


def _focus(file: ExperimentFile, everyone: Arm, size: int) -> Arm:
    stages = stages_of(file.focus.selector)
    if stages[0].name == "all":
        return replace(everyone, group="focus")
    k = min(file.focus.k, size)
    recipe = file.base.model_copy(update={"selector": stages, "k": k})
    return Arm(family(stages), "recipe", k, recipe, group="focus")


def _guarded(file: ExperimentFile, one: ArmSpec) -> Recipe:
    """A recipe of one's own, held to the experiment's folds and to the leak guard of evaluation."""
    splits = one.recipe.filters.splits
    if splits == FilterSpec().splits:
        splits = None  # nothing was named
    if splits is not None and file.test.split in splits:
        raise InvalidParameter(
            "the arm would show the test fold",
            field=f"arms.{one.name}.recipe.filters.splits",
            value=list(splits),
            mend=f"Leave {file.test.split!r} out",
        )
    filters = one.recipe.filters.model_copy(update={"splits": splits or tuple(file.test.training)})
    return one.recipe.model_copy(update={"filters": filters, "evaluation": True})


def shots_of(file: ExperimentFile, bench: Bench, model: str) -> tuple[int, ...]:
    """The shot grid: as given, or doubling from 1 to what the pool holds or a quarter of the context takes."""
    size = len(bench.train)
    if not size:
        raise InvalidParameter(
            "there is no training example with an answer",
            field="test.training",
            value=list(bench.training),
            mend="Import some, or name the splits that they are in",
        )
    if file.shots != "auto":
        return tuple(file.shots)
    return doubled(min(size, _MOST_SHOTS, _fitting(file, bench, model)))


def _fitting(file: ExperimentFile, bench: Bench, model: str) -> int:
    target = bench.engine.target(model)
    if not target.bounds:  # a baseline in this process takes anything
        return len(bench.train)
    window = target.facts.context_window
    return max(1, Probe.of(bench, file.base, model).shots(window / SHARE_OF_WINDOW))
