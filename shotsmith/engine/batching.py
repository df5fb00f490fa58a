"""Asking many queries, several in a call: each ends answered or failed, and none with another's answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, Protocol

from ..domain.errors import ContextExceeded, InvalidParameter, ModelRefused, ShotsmithError
from ..domain.examples import Pool, Query
from ..domain.messages import Reply
from ..domain.recipes import Recipe
from ..domain.selections import Prompt, Selection
from ..prompts.batching import Batch, BatchDialect, plan_batches, read_blocks, together
from ..prompts.dialects import Dialect, open_dialect
from ..prompts.frames import unroll
from ..prompts.parsing import Parsed, task_of
from .answers import Answer
from .batch_answers import BatchAnswer, BatchReport, Share
from .sharing import Select, shared

Build = Callable[[Selection, Dialect], Prompt]
"""Selection, dialect -> the prompt."""
Send = Callable[[Prompt, Mapping[str, Any]], Reply]
"""Prompt, sampling parameters -> what the model says."""
Read = Callable[[Selection, Prompt, Reply], Parsed]
"""What was shown, as it was shown, what the model said to one query -> the answer."""
Ask = Callable[[Selection, Mapping[str, Any]], Answer]
"""A query's own selection, sampling parameters -> what a model answers to it alone."""

TOKENS_PER_QUERY = 60  # as ManyICL allows
RETRIES = 1
_LIMITS = ("max_tokens", "max_completion_tokens")
_FAILED = Parsed(None, "failed")


@dataclass(frozen=True, slots=True)
class BatchAsking:
    """Asks several queries in a call.

    A query whose block is missing, mismatched or unreadable is asked again alone, with demonstrations of its own, as a
    single query is; after that it has failed. A batch that is too large for the budget or the model, or that the
    provider refuses, is halved.

    Attributes:
        select: Chooses demonstrations for one query.
        build: Builds the prompt of a batch.
        send: Asks the model what a prompt asks.
        read: Reads one answer of a batch.
        ask: Asks a query alone.
        one_line: Whether an answer fits on one line (`Task.one_line`).
    """

    select: Select
    build: Build
    send: Send
    read: Read
    ask: Ask
    one_line: bool = True

    def answer(
        self,
        queries: Sequence[Query],
        recipe: Recipe,
        *,
        size: int,
        parameters: Mapping[str, Any] | None = None,
        retries: int = RETRIES,
        tokens_per_query: int = TOKENS_PER_QUERY,
        workers: int = 1,
    ) -> BatchReport:
        """Ask all queries.

        Args:
            queries: Of one pool.
            recipe: How demonstrations are chosen and shown; its seed also mixes the batches.
            size: Queries in a call, 1 to 50; 1 asks each alone.
            parameters: Sampling parameters.
            retries: How often a query is asked again alone. From the second time on with another `seed`, for the
                ledger would give the same reply to the same request.
            tokens_per_query: The longest reply to a batch, unless the parameters say: so many tokens for each query.
                Models that think before they answer need more.
            workers: Batches in work at the same time.

        Raises:
            InvalidParameter: A size, number of retries, tokens or workers out of range, or a dialect that cannot hold
                several queries.
            ModelError: The model cannot be asked at all; what it answered before is in the ledger.
        """
        for name, value, least in (
            ("retries", retries, 0),
            ("tokens_per_query", tokens_per_query, 1),
            ("workers", workers, 1),
        ):
            if value < least:
                raise InvalidParameter(f"at least {least}", field=name, value=value)
        batches = plan_batches(queries, size, recipe.seed)
        work = _Work(self, queries, recipe, dict(parameters or {}), retries, tokens_per_query)
        with ThreadPoolExecutor(workers, thread_name_prefix="batches") as threads:
            futures = [threads.submit(work.batch, batch) for batch in batches]
            try:
                found = {place: answer for one in futures for place, answer in one.result().items()}
            finally:
                threads.shutdown(cancel_futures=True)
        return BatchReport.of([found[place] for place in range(len(queries))])

    def shown(self, queries: Sequence[Query], recipe: Recipe, batch: Batch) -> tuple[Selection, Prompt]:
        """The demonstrations that the queries of a batch share, and the prompt that asks them.

        Its manifest names the batch: `id`, `seed` and the `questions` by `number`, `tag`, `id` and `key`.
        """
        own = [queries[place] for place in batch.places]
        # As prompts show videos, so that each question keeps its own pictures.
        asked = [replace(one, media=unroll(one.media, recipe.video.query_frames)) for one in own]
        selection = shared(self.select, own, recipe, together(asked, batch.tags))
        dialect = BatchDialect(open_dialect(recipe.dialect), tuple(asked), batch.tags, self.one_line)
        prompt = self.build(selection, dialect)
        questions = [
            {"number": number, "tag": tag, "id": query.id, "key": query.key}
            for number, (query, tag) in enumerate(zip(own, batch.tags, strict=True), start=1)
        ]
        told = {"id": batch.id, "seed": recipe.seed, "questions": questions}
        return selection, replace(prompt, manifest={**prompt.manifest, "batch": told})


class Batchable(Protocol):
    """What `ask_many` needs of an engine."""

    def pinned(self, pool_name: str) -> Pool:
        """A pool with its index up to date."""
        ...

    def labels(self, pool: Pool) -> Sequence[str]:
        """Its label space."""
        ...

    def select(self, pool: str | Pool, query: Query, recipe: Recipe | None = None) -> Selection:
        """Demonstrations for a query."""
        ...

    def prompt(
        self, selection: Selection, *, model: str | None = None, dialect: Dialect | None = None
    ) -> Prompt:
        """The prompt that shows a selection, in another dialect than the recipe's where one is given."""
        ...

    def send(
        self, prompt: Prompt, *, model: str | None = None, parameters: Mapping[str, Any] | None = None
    ) -> Reply:
        """What the model says to a prompt."""
        ...

    def read(self, selection: Selection, prompt: Prompt, reply: Reply) -> Parsed:
        """The answer in a reply."""
        ...

    def answer(
        self,
        selection: Selection,
        *,
        model: str | None = None,
        parameters: Mapping[str, Any] | None = None,
    ) -> Answer:
        """What the model answers to a query alone."""
        ...


def ask_many(
    engine: Batchable,
    pool: str | Pool,
    queries: Sequence[Query],
    recipe: Recipe | None = None,
    *,
    batch_size: int,
    model: str | None = None,
    parameters: Mapping[str, Any] | None = None,
    retries: int = RETRIES,
    tokens_per_query: int = TOKENS_PER_QUERY,
    workers: int = 1,
) -> BatchReport:
    """Ask many queries of a pool, several in a call; arguments and errors as `BatchAsking.answer` and `Engine.ask`."""
    return _asking(engine, pool, model).answer(
        queries,
        recipe or Recipe(),
        size=batch_size,
        parameters=parameters,
        retries=retries,
        tokens_per_query=tokens_per_query,
        workers=workers,
    )


def first_batch(
    engine: Batchable,
    pool: Pool,
    queries: Sequence[Query],
    recipe: Recipe,
    *,
    batch_size: int,
    model: str | None = None,
) -> Prompt:
    """What `ask_many` would send first; nothing is asked."""
    batch = plan_batches(queries, batch_size, recipe.seed)[0]
    return _asking(engine, pool, model).shown(queries, recipe, batch)[1]


def _asking(engine: Batchable, pool: str | Pool, model: str | None) -> BatchAsking:
    chosen = engine.pinned(pool) if isinstance(pool, str) else pool
    labels = engine.labels(chosen) if chosen.kind == "classification" else ()
    return BatchAsking(
        lambda query, recipe: engine.select(chosen, query, recipe),
        lambda selection, dialect: engine.prompt(selection, model=model, dialect=dialect),
        lambda prompt, given: engine.send(prompt, model=model, parameters=given),
        engine.read,
        lambda selection, given: engine.answer(selection, model=model, parameters=given),
        one_line=task_of(chosen, labels).one_line,
    )


@dataclass(frozen=True, slots=True)
class _Work:
    asking: BatchAsking
    queries: Sequence[Query]
    recipe: Recipe
    parameters: Mapping[str, Any]
    retries: int
    tokens_per_query: int

    def batch(self, batch: Batch) -> dict[int, BatchAnswer]:
        """Ask a batch, in halves where it is too large, and what is left over alone."""
        return self._together(
            batch, {place: BatchAnswer(self.queries[place], _FAILED, batch.id) for place in batch.places}
        )

    def _together(self, batch: Batch, states: Mapping[int, BatchAnswer]) -> dict[int, BatchAnswer]:
        count = len(batch.places)
        if count == 1:
            return {place: self._alone(state) for place, state in states.items()}
        selection: Selection | None = None
        prompt: Prompt | None = None
        try:
            selection, prompt = self.asking.shown(self.queries, self.recipe, batch)
            reply = self.asking.send(prompt, self._limited(count))
        except ShotsmithError as error:
            if not _too_much(error):
                raise
            why = f"batch of {count}: {error}"
            noted = {
                place: state.after(why, selection, prompt, called=prompt is not None)
                for place, state in states.items()
            }
            halves = [
                self._together(half, {place: noted[place] for place in half.places})
                for half in batch.halves()
            ]
            return {place: answer for half in halves for place, answer in half.items()}
        share = Share.of(reply, count)
        blocks = read_blocks(reply.text, batch.tags, one_line=self.asking.one_line)
        done: dict[int, BatchAnswer] = {}
        for place, block in zip(batch.places, blocks, strict=True):
            # Alternatives tell how the whole reply might have begun, which is a mark.
            said = replace(reply, text=block.text, alternatives=())
            answered = block.state == "answered"
            parsed = self.asking.read(selection, prompt, said) if answered else _FAILED
            read = parsed.answer is not None
            why = f"{block.state}: {block.why}" if block.why else "answered" if read else "unreadable"
            state = states[place].after(f"batch of {count}: {why}", selection, prompt, share=share)
            state = replace(state, parsed=parsed, text=block.text or reply.text)
            done[place] = state.ended("batch") if read or not self.retries else self._alone(state)
        return done

    def _alone(self, state: BatchAnswer) -> BatchAnswer:
        """Ask a query by itself, until it is read or the attempts are spent."""
        selection = self.asking.select(state.query, self.recipe)
        for attempt in range(self.retries + (not state.share.calls)):
            try:
                answer = self.asking.ask(selection, self._seeded(attempt))
            except ShotsmithError as error:
                if not _too_much(error):
                    raise
                return state.after(f"alone: {error}", selection, None).ended("alone")
            read = answer.parsed.answer is not None
            state = state.after(
                f"alone: {'answered' if read else 'unreadable'}",
                selection,
                answer.prompt,
                share=Share.of(answer.reply),
            )
            state = replace(state, parsed=answer.parsed, text=answer.reply.text)
            if read:
                break
        return state.ended("alone")

    def _limited(self, count: int) -> dict[str, Any]:
        if any(self.parameters.get(name) is not None for name in _LIMITS):
            return dict(self.parameters)
        return {**self.parameters, "max_tokens": self.tokens_per_query * count}

    def _seeded(self, attempt: int) -> dict[str, Any]:
        if not attempt:
            return dict(self.parameters)
        given = self.parameters.get("seed")
        return {**self.parameters, "seed": (self.recipe.seed if given is None else given) + attempt}


def _too_much(error: ShotsmithError) -> bool:
    """Whether fewer queries in a call may help."""
    if isinstance(error, InvalidParameter):
        return error.field == "query" or (error.field or "").startswith("budget.")
    return isinstance(error, (ContextExceeded, ModelRefused))
