"""What is wrong with an experiment, found before anything is spent."""

from __future__ import annotations

from collections.abc import Sequence

from ...clients.vlm import FREE, is_paced
from ...clients.vlm.litellm import check_provider
from ...domain.errors import InvalidInput, InvalidParameter
from ...engine import Engine
from ..arms import Arm
from ..bench import Bench
from ..metrics import metric
from .file import ExperimentFile

_NAMED = 5


def bench_of(engine: Engine, file: ExperimentFile) -> Bench:
    """Where the experiment's arms are asked.

    Raises:
        NotFound: No such pool.
        InvalidInput: There is no held-out example with an answer.
        UnknownName: No such model.
    """
    for model in file.models:
        engine.model(model)
    return Bench(
        engine,
        file.pool,
        split=file.test.split,
        training=file.test.training,
        model=file.models[0] if file.models else None,
        parameters=file.parameters,
        seed=file.seeds[0],
    )


def items_of(file: ExperimentFile, bench: Bench) -> tuple[str, ...]:
    """The frozen test fold: ids in keyed order.

    Raises:
        InvalidInput: Labels of the fold that no training example has, where the file does not say what becomes of them.
    """
    items = bench.items
    if bench.pool.kind == "classification" and file.test.unseen != "keep":
        shown = {label for one in bench.train for label in one.labels or (one.answer,)}
        lost = {id: label for id in items if (label := bench.truths[id]) not in shown}
        if lost and file.test.unseen == "refuse":
            labels = sorted(set(lost.values()))
            named = ", ".join(repr(one) for one in labels[:_NAMED]) + (" …" if len(labels) > _NAMED else "")
            raise InvalidInput(
                f"{len(lost)} of {len(items)} test items have a label that no training example has: {named}",
                field="test",
                value=file.test.split,
                mend="Add training examples of them, or set test.unseen to drop or keep",
            )
        items = tuple(id for id in items if id not in lost)
        if not items:
            raise InvalidInput("no test item is left", field="test.unseen", value=file.test.unseen)
    return items[: file.test.limit]


def check(file: ExperimentFile, bench: Bench, arms: Sequence[Arm], items: Sequence[str]) -> list[str]:
    """What should be known before it runs.

    Raises:
        ModelRefused: A model whose provider nobody knows.
        UnknownName, InvalidParameter: A metric that does not exist or is not for the task, or a budget that does not
            buy one arm.
    """
    for name in file.metrics:
        metric(name, bench.task)
    for model in sorted({arm.model or bench.model for arm in arms if arm.asks}):
        if is_paced(model):
            check_provider(model, bench.engine.settings.model_api_base)
    limit = file.budget
    asking = [arm for arm in arms if arm.asks]
    least = min((_calls(arm, items, file.seeds) for arm in asking), default=0)
    if limit.calls is not None and limit.calls < least:
        raise InvalidParameter(
            f"the budget does not buy one arm: that takes {least:,} calls",
            field="budget.calls",
            value=limit.calls,
            mend="Raise it, or lower test.limit",
        )
    named = sorted({arm.model for arm in asking if arm.model and not arm.model.startswith(FREE)})
    unpriced = [model for model in named if bench.engine.target(model).price is None]
    if limit.usd is not None and unpriced:
        raise InvalidParameter(
            f"nobody knows the price of {unpriced[0]}, so a budget in money cannot be kept",
            field="budget.usd",
            value=limit.usd,
            mend="Give its price in the file of SHOTSMITH_FACTS, or bound calls instead",
        )
    notes = []
    if len(items) < len(bench.items):
        notes.append(f"{len(items)} of {len(bench.items)} held-out items are asked")
    if len(items) < 100:
        notes.append(
            f"{len(items)} items tell only large differences: 155 are needed for 10 points (80 % power)"
        )
    if len(file.seeds) == 2 and any(arm.draws for arm in asking):
        notes.append(
            "two seeds hardly tell how much draws differ, so intervals of arms that draw are wide: take one seed, or "
            "three and more"
        )
    return notes


def _calls(arm: Arm, items: Sequence[str], seeds: Sequence[int]) -> int:
    return -(-len(items) // arm.batch) * len(arm.seeds(seeds))
