"""The bench: one frozen set of held-out items of a pool, and what any arm makes of one of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

from ..clients.vlm import ANSWERERS
from ..domain.errors import InvalidInput, InvalidParameter, ShotsmithError
from ..domain.examples import Example, Pool
from ..domain.messages import Reply
from ..domain.parsed import Parsed
from ..domain.recipes import Recipe
from ..domain.scoring import shuffled
from ..domain.selections import Demonstration, Prompt, Selection
from ..engine import Engine
from ..engine.batch_answers import BatchAnswer
from ..engine.batching import Batchable, ask_many, first_batch
from ..prompts.parsing import Task, task_of
from .arms import Arm
from .augmentation.flags import is_synthetic
from .choices import ONE_ONLY, Choices
from .outcomes import Outcome
from .perturbations import Perturbation, Place, read_perturbations
from .truths import majority, right, truth, vote

TRAINING = ("train", "")

Allow = Callable[[Prompt], None]
"""Hears of every prompt before it is sent, and raises where it may not be."""
Excuse = Callable[[ShotsmithError, Prompt | None], None]
"""Hears of what concerns one prompt only, such as a length that the model does not take, and of the prompt where one
was sent; it may raise it."""


class Bench:
    """Where arms are asked about held-out examples of a pool, which should be left alone meanwhile. Thread-safe.

    Args:
        engine: Holds the pool.
        pool: Its name.
        split: The held-out examples; synthetic ones among them are never asked.
        training: The splits that demonstrations come from.
        model: Who is asked by arms that name nobody; by default the configured one.
        parameters: Sampling parameters, for all arms.
        seed: Of the items' order.

    Raises:
        NotFound: No such pool.
        InvalidInput: There is no held-out example with an answer.
    """

    def __init__(
        self,
        engine: Engine,
        pool: str,
        *,
        split: str = "test",
        training: Sequence[str] = TRAINING,
        model: str | None = None,
        parameters: Mapping[str, Any] | None = None,
        seed: int = 0,
    ) -> None:
        self.engine = engine
        self.pool: Pool = engine.pinned(pool)
        self.split = split
        self.training = tuple(name for name in training if name != split)
        self.model = model or engine.settings.model
        self.parameters = dict(parameters or {})
        self.examples = {one.id: one for one in held_out(engine, pool, split=split, seed=seed)}

    @property
    def items(self) -> tuple[str, ...]:
        """Ids of the held-out examples in their keyed order, whose first n are a fair sample for every n."""
        return tuple(self.examples)

    @cached_property
    def truths(self) -> dict[str, str]:
        """The right answer to each item."""
        return {id: truth(self.pool, one) for id, one in self.examples.items()}

    @cached_property
    def task(self) -> Task:
        """What is asked, as metrics take it."""
        closed = self.engine.labels(self.pool) if self.pool.kind == "classification" else ()
        return task_of(self.pool, closed)

    @cached_property
    def train(self) -> list[Example]:
        """The labelled examples that demonstrations come from."""
        return list(labelled(self.engine, self.pool, self.training))

    @cached_property
    def majority(self) -> str | None:
        """The most frequent answer among them."""
        return majority(self.pool, self.train)

    def outcomes(
        self,
        item: str,
        arms: Sequence[Arm],
        *,
        remember: bool = True,
        excuse: Excuse | None = None,
        allow: Allow | None = None,
    ) -> Iterator[Outcome]:
        """What each arm makes of an item, in turn; each is asked when the one before was taken.

        Args:
            item: Example id.
            arms: Of one query each (`batch` 1), with the seeds they shall have.
            remember: Whether answers that cost something are looked up in the ledger and kept there.
            excuse: What it lets pass is an outcome and no error; without it nothing is let pass.
            allow: May stop a call before it is made.

        Raises:
            ModelError: The model did not answer.
            InvalidParameter: The prompt cannot be kept within its bounds.
            Whatever `allow` raises.
        """
        query = self.engine.query_of(self.pool, item)
        recipes = [arm.recipe for arm in arms if arm.recipe]
        choices = Choices(self.engine, self.pool, query, recipes, tolerant=excuse is not None)
        for arm in arms:
            yield self._outcome(arm, choices, item, remember, excuse, allow)

    def selection(self, arm: Arm, item: str) -> Selection:
        """What an arm shows for an item. Raises InvalidParameter for one that shows nothing by a recipe."""
        if arm.recipe is None:
            raise InvalidParameter("the arm asks nobody", field="arm", value=arm.name)
        query = self.engine.query_of(self.pool, item)
        return self._changed(arm, self.engine.select(self.pool, query, arm.recipe))

    def prompt(self, arm: Arm, item: str) -> Prompt:
        """What an arm sends for an item."""
        return self.engine.prompt(self.selection(arm, item), model=arm.model or self.model)

    def batch(self, arm: Arm) -> int:
        """How many queries go into a call of an arm; models that run in this process answer each alone."""
        return 1 if (arm.model or self.model).startswith(ANSWERERS) else arm.batch

    def first_batch(self, arm: Arm, items: Sequence[str]) -> Prompt:
        """What an arm of several queries a call sends first."""
        assert arm.recipe is not None
        pool = _instructed(self.pool, arm)
        queries = [self.engine.query_of(self.pool, item) for item in items]
        model = arm.model or self.model
        return first_batch(self.engine, pool, queries, arm.recipe, batch_size=self.batch(arm), model=model)

    def batched(
        self, arm: Arm, items: Sequence[str], *, workers: int = 1, through: Batchable | None = None
    ) -> list[Outcome]:
        """What an arm of several queries a call makes of items, in their order; they are batched by its seed.

        Args:
            arm: Whose recipe has the seed.
            items: Example ids.
            workers: Calls at the same time.
            through: Who asks; by default the engine.

        Raises:
            InvalidParameter: It perturbs selections, or has no recipe.
            ModelError: The model cannot be asked.
        """
        if arm.recipe is None or arm.changes:
            raise InvalidParameter(
                "an arm that asks several queries in a call has a recipe and no perturbation",
                field="arms",
                value=arm.name,
                mend="Leave batch or changes out",
            )
        pool = _instructed(self.pool, arm)
        report = ask_many(
            through or self.engine,
            pool,
            [self.engine.query_of(self.pool, item) for item in items],
            arm.recipe,
            batch_size=self.batch(arm),
            model=arm.model or self.model,
            parameters=self.parameters,
            workers=workers,
        )
        return [self._of_batch(arm, item, one) for item, one in zip(items, report.answers, strict=True)]

    def _of_batch(self, arm: Arm, item: str, one: BatchAnswer) -> Outcome:
        answer, confidence = one.parsed.answer, one.parsed.confidence
        return Outcome(
            item,
            answer,
            right(self.pool, answer, self.truths[item]),
            _ids(one.selection) if one.selection else (),
            cost_usd=one.share.cost_usd,
            input_tokens=_whole(one.share.input_tokens),
            output_tokens=_whole(one.share.output_tokens),
            cached_tokens=_whole(one.share.cached_tokens),
            seed=arm.recipe.seed if arm.recipe else 0,
            said=one.text,
            error="; ".join(one.trail) if one.how == "failed" else "",
            confidence=confidence.value if confidence else None,
            prompt_sha256=one.prompt.manifest["prompt_sha256"] if one.prompt else "",
            labels=_labels(self.pool, one.selection.demonstrations) if one.selection else (),
        )

    def _outcome(
        self,
        arm: Arm,
        choices: Choices,
        item: str,
        remember: bool,
        excuse: Excuse | None,
        allow: Allow | None,
    ) -> Outcome:
        expected = self.truths[item]
        if arm.recipe is None:
            return Outcome(item, self.majority, right(self.pool, self.majority, expected))
        empty = Outcome(item, None, False, seed=arm.recipe.seed)
        try:
            selection, took = choices.of(arm.recipe)
            if arm.asks:
                selection = self._changed(arm, selection)
        except ONE_ONLY as error:
            if excuse is None:
                raise
            excuse(error, None)
            return replace(empty, error=str(error))
        empty = replace(
            empty,
            demonstrations=_ids(selection),
            selection_ms=took,
            labels=_labels(self.pool, selection.demonstrations),
        )
        if arm.kind == "vote":
            said = vote(self.pool, selection.demonstrations)
            return replace(empty, answer=said, correct=right(self.pool, said, expected))
        model = arm.model or self.model
        prompt: Prompt | None = None
        try:
            prompt = self.engine.prompt(selection, model=model)
            if allow is not None:
                allow(prompt)
            # Thousands of free answers are not worth thousands of rows.
            kept = remember and not model.startswith("offline/")
            answer = self.engine.answer(
                selection, model=model, parameters=self.parameters, remember=kept, prompt=prompt
            )
        except ONE_ONLY as error:
            if excuse is None:
                raise
            excuse(error, prompt)
            return replace(empty, error=str(error))
        return self._answered(empty, answer.parsed, answer.reply, prompt)

    def _answered(self, empty: Outcome, parsed: Parsed, reply: Reply, prompt: Prompt) -> Outcome:
        return replace(
            empty,
            answer=parsed.answer,
            correct=right(self.pool, parsed.answer, self.truths[empty.item]),
            cost_usd=reply.cost_usd,
            input_tokens=reply.usage.input_tokens,
            output_tokens=reply.usage.output_tokens,
            cached_tokens=reply.usage.cached_tokens,
            latency_ms=reply.latency_ms,
            from_ledger=reply.from_ledger,
            said=reply.text,
            finish_reason=reply.finish_reason,
            confidence=parsed.confidence.value if parsed.confidence else None,
            prompt_sha256=prompt.manifest["prompt_sha256"],
        )

    def _changed(self, arm: Arm, selection: Selection) -> Selection:
        if arm.changes:

            def others(recipe: Recipe) -> list[Example]:
                found = self.engine.select(self.pool, selection.query, recipe)
                return [shot.example for shot in found.by_rank]

            for one in read_perturbations(arm.changes):
                step = self._meant(one, selection)
                if step is not None:
                    selection = step.apply(selection, others=others)
        return replace(selection, pool=_instructed(self.pool, arm))

    def _meant(self, change: Perturbation, selection: Selection) -> Perturbation | None:
        """A perturbation without what only an experiment can tell; None where it changes nothing."""
        if not isinstance(change, Place):
            return change
        expected = self.truths[selection.query.id or ""] if change.gold else ""
        return change.resolved(selection, lambda one: right(self.pool, truth(self.pool, one), expected))


def held_out(engine: Engine, pool: str, *, split: str = "test", seed: int = 0) -> list[Example]:
    """The labelled examples of a split that nobody made up, in the keyed order in which they are asked.

    Raises:
        NotFound: No such pool.
        InvalidInput: There are none.
    """
    stored = engine.pool(pool)
    found = {one.id: one for one in labelled(engine, stored, [split]) if not is_synthetic(one)}
    if not found:
        raise InvalidInput(
            f"pool {pool!r} holds no labelled example of that split",
            field="split",
            value=split,
            mend='Import some with split "test", or name another split',
        )
    return [found[id] for id in shuffled(found, seed, "compare")]


def labelled(engine: Engine, pool: Pool, splits: Iterable[str]) -> Iterator[Example]:
    """The active examples of some splits that have an answer, by ascending id."""
    for split in splits:
        every = engine.each_example(pool.name, split=split)
        yield from (one for one in every if one.status == "active" and truth(pool, one))


def _instructed(pool: Pool, arm: Arm) -> Pool:
    return pool if arm.instruction is None else replace(pool, instruction=arm.instruction)


def _ids(selection: Selection) -> tuple[str, ...]:
    return tuple(shot.example.id for shot in selection.demonstrations)


def _labels(pool: Pool, shots: Sequence[Demonstration]) -> tuple[str, ...]:
    return tuple(truth(pool, shot.example) for shot in shots)


def _whole(tokens: float | None) -> int | None:
    return None if tokens is None else round(tokens)
