"""`compare`: every arm on the same held-out items."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from ..domain.errors import InvalidParameter
from ..domain.recipes import FilterSpec, Recipe, Stages
from ..engine import Engine
from .arms import plan
from .bench import TRAINING, Bench
from .outcomes import Outcome
from .results import Comparison, scored
from .side_by_side import side_by_side

SHOTS = (0, 1, 2, 4, 8, 16)


def compare(
    engine: Engine,
    pool: str,
    *,
    split: str = "test",
    selectors: Sequence[Stages | str] = ("rices",),
    shots: Sequence[int] = SHOTS,
    order: str = "similar_last",
    dialect: str = "chat",
    model: str | None = None,
    limit: int | None = None,
    seed: int = 0,
    workers: int = 2,
    progress: Callable[[int, int], None] | None = None,
) -> Comparison:
    """Ask held-out examples in every arm, beside zero-shot, random, majority class and kNN vote.

    Demonstrations are training examples, with the leak guard of evaluation: neither the query's group nor its
    near-duplicates. An answer is right when it reads as the example's label (classification) or equals its answer but
    for case, width and spaces; one that cannot be read is wrong. Every answer that cost something is in the call ledger
    before the next question, so a comparison that was stopped goes on where it was, for free.

    Args:
        engine: Holds the pool.
        pool: Its name.
        split: The held-out examples.
        selectors: What is compared.
        shots: How many demonstrations to try.
        order: Prompt order.
        dialect: How prompts are laid out.
        model: By default the configured one.
        limit: At most so many items, the first of a keyed order.
        seed: Of the items' order, of random draws and of resamples.
        workers: Items in work at the same time.
        progress: Hears how many items of how many are done.

    Raises:
        NotFound: No such pool.
        InvalidInput: No held-out example has a label or an answer.
        InvalidParameter: Bad shots, order or parameters of a selector.
        UnknownName: No such selector, dialect or model.
        ModelError: The model did not answer; what it answered before is kept.
    """
    fields = {"order": order, "dialect": dialect, "seed": seed, "evaluation": True}
    training = tuple(name for name in TRAINING if name != split)
    base = Recipe.read(fields).model_copy(update={"filters": FilterSpec(splits=training)})
    arms = plan(selectors, shots, base)
    if limit is not None and limit < 1:
        raise InvalidParameter("at least one item is needed", field="limit", value=limit)
    bench = Bench(engine, pool, split=split, model=model, seed=seed)
    items = bench.items[:limit]
    rows = side_by_side(lambda item: list(bench.outcomes(item, arms)), items, workers)
    stored = bench.pool
    return Comparison(
        pool=stored.name,
        pool_version=stored.version,
        pool_size=stored.size,
        encoder_id=stored.encoder_id,
        model=bench.model,
        split=split,
        seed=seed,
        shots=tuple(sorted({arm.k for arm in arms if arm.k})),
        items=items,
        truths={item: bench.truths[item] for item in items},
        held_out=len(bench.items),
        arms=scored(arms, _counted(rows, len(items), progress), seed),
        notes=caveats(bench.model),
    )


def caveats(model: str) -> tuple[str, ...]:
    """What must be said beside every number of a model that is not one."""
    if model.startswith("offline/"):
        return (f"{model} is a baseline from the literature, not a vision-language model",)
    if model.startswith("simulated/"):
        return (f"{model} is simulated: it tests instruments and says nothing about any real model",)
    if model.startswith("fake/"):
        return (f"{model} says what it was told to say; it is no model",)
    return ()


def _counted(
    rows: Iterable[list[Outcome]], total: int, progress: Callable[[int, int], None] | None
) -> Iterator[list[Outcome]]:
    for done, row in enumerate(rows, start=1):
        yield row
        if progress:
            progress(done, total)
