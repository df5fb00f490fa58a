"""`compare`: every arm on the same held-out items."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Event

from ..domain.errors import InvalidInput, InvalidParameter
from ..domain.examples import Example, Pool
from ..domain.recipes import FilterSpec, Recipe, Stages
from ..domain.scoring import shuffled
from ..domain.selections import Selection
from ..engine import Engine
from .arms import Arm, plan
from .choices import Choices
from .results import Comparison, Outcome, scored
from .truths import majority, right, truth, vote

SHOTS = (0, 1, 2, 4, 8, 16)
_TRAINING = ("train", "")
_PAGE = 500


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
    stored = engine.pinned(pool)
    training = tuple(name for name in _TRAINING if name != split)
    fields = {"order": order, "dialect": dialect, "seed": seed, "evaluation": True}
    base = Recipe.read(fields).model_copy(update={"filters": FilterSpec(splits=training)})
    arms = plan(selectors, shots, base)
    if limit is not None and limit < 1:
        raise InvalidParameter("at least one item is needed", field="limit", value=limit)
    examples = {one.id: one for one in held_out(engine, pool, split=split, seed=seed)}
    items = list(examples)[:limit]
    name = model or engine.settings.model
    bench = _Bench(engine, stored, arms, name, majority(stored, _labelled(engine, stored, training)))
    rows = _each(lambda item: bench.outcomes(examples[item]), items, workers, progress)
    return Comparison(
        pool=stored.name,
        pool_version=stored.version,
        pool_size=stored.size,
        encoder_id=stored.encoder_id,
        model=name,
        split=split,
        seed=seed,
        shots=tuple(sorted({arm.k for arm in arms if arm.k})),
        items=tuple(items),
        truths={item: truth(stored, examples[item]) for item in items},
        held_out=len(examples),
        arms=scored(arms, rows, seed),
        notes=caveats(name),
    )


def held_out(engine: Engine, pool: str, *, split: str = "test", seed: int = 0) -> list[Example]:
    """The labelled examples of a split, in the keyed order in which `compare` asks them.

    Raises:
        NotFound: No such pool.
        InvalidInput: There are none.
    """
    found = {one.id: one for one in _labelled(engine, engine.pool(pool), [split])}
    if not found:
        raise InvalidInput(
            f"pool {pool!r} holds no labelled example of that split",
            field="split",
            value=split,
            mend='Import some with split "test", or name another split',
        )
    return [found[id] for id in shuffled(found, seed, "compare")]


def caveats(model: str) -> tuple[str, ...]:
    """What must be said beside every number of a model that is not one."""
    if model.startswith("offline/"):
        return (f"{model} is a baseline from the literature, not a vision-language model",)
    if model.startswith("simulated/"):
        return (f"{model} is simulated: it tests instruments and says nothing about any real model",)
    if model.startswith("fake/"):
        return (f"{model} says what it was told to say; it is no model",)
    return ()


@dataclass(frozen=True, slots=True)
class _Bench:
    """Where one held-out example after the other is asked in every arm."""

    engine: Engine
    pool: Pool
    arms: Sequence[Arm]
    model: str
    majority: str | None

    def outcomes(self, example: Example) -> list[Outcome]:
        query = self.engine.query_of(self.pool, example.id)
        recipes = [arm.recipe for arm in self.arms if arm.recipe]
        choices = Choices(self.engine, self.pool, query, recipes)
        expected = truth(self.pool, example)
        return [self._outcome(arm, choices, example.id, expected) for arm in self.arms]

    def _outcome(self, arm: Arm, choices: Choices, item: str, expected: str) -> Outcome:
        if arm.recipe is None:
            return Outcome(item, self.majority, right(self.pool, self.majority, expected))
        selection, took = choices.of(arm.recipe)
        ids = tuple(shot.example.id for shot in selection.demonstrations)
        if arm.kind == "vote":
            said = vote(self.pool, selection.demonstrations)
            return Outcome(item, said, right(self.pool, said, expected), ids, selection_ms=took)
        return self._asked(selection, ids, item, expected, took)

    def _asked(
        self, selection: Selection, ids: tuple[str, ...], item: str, expected: str, took: float
    ) -> Outcome:
        # Thousands of free answers are not worth thousands of rows.
        free = self.model.startswith("offline/")
        answer = self.engine.answer(selection, model=self.model, remember=not free)
        reply = answer.reply
        return Outcome(
            item,
            answer.parsed.answer,
            right(self.pool, answer.parsed.answer, expected),
            ids,
            cost_usd=reply.cost_usd,
            input_tokens=reply.usage.input_tokens,
            output_tokens=reply.usage.output_tokens,
            selection_ms=took,
            latency_ms=reply.latency_ms,
            from_ledger=reply.from_ledger,
        )


def _each(
    ask: Callable[[str], list[Outcome]],
    items: Sequence[str],
    workers: int,
    progress: Callable[[int, int], None] | None,
) -> Iterator[list[Outcome]]:
    failed = Event()

    def guarded(item: str) -> list[Outcome]:
        # Items start in order, so the one that failed is met, and its error raised, before any that is left out here.
        if failed.is_set():
            return []
        try:
            return ask(item)
        except BaseException:
            failed.set()
            raise

    with ThreadPoolExecutor(workers, thread_name_prefix="compare") as threads:
        futures = [threads.submit(guarded, item) for item in items]
        try:
            for done, future in enumerate(futures, start=1):
                yield future.result()
                if progress:
                    progress(done, len(items))
        finally:
            threads.shutdown(cancel_futures=True)


def _labelled(engine: Engine, pool: Pool, splits: Sequence[str]) -> Iterator[Example]:
    for split in splits:
        after: str | None = None
        while page := engine.examples(pool.name, after=after, limit=_PAGE, split=split):
            after = page[-1].id
            yield from (one for one in page if one.status == "active" and truth(pool, one))
