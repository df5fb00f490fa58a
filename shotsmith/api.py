"""Every operation as one function from request shape to response shape: what REST serves and the SDK calls."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .domain.examples import Draft, OnConflict, Query
from .domain.selections import Prompt
from .engine import Engine
from .engine.batch_answers import BatchAnswer
from .schemas import (
    AddedOut,
    AnswerIn,
    AnswerOut,
    BatchAnswerOut,
    BatchIn,
    BatchOut,
    ConfidenceOut,
    ExampleOut,
    ExamplePage,
    ExamplesIn,
    NeighboursIn,
    NeighboursOut,
    PoolIn,
    PoolOut,
    PromptIn,
    PromptOut,
    QueryIn,
    SelectionIn,
    SelectionOut,
    SelectorOut,
    ShareOut,
    image_files,
    media_files,
)
from .selectors import describe
from .selectors.schema import recipe_schema


class Api:
    """The operations on an engine in this process."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def list_pools(self) -> list[PoolOut]:
        """Every pool, by name."""
        return [PoolOut.of(pool) for pool in self.engine.pools()]

    def create_pool(self, body: PoolIn) -> PoolOut:
        """Create an empty pool."""
        return PoolOut.of(self.engine.create_pool(**body.model_dump()))

    def get_pool(self, pool: str) -> PoolOut:
        """One pool."""
        return PoolOut.of(self.engine.pool(pool))

    def delete_pool(self, pool: str) -> None:
        """Remove a pool with its examples and vectors."""
        self.engine.delete_pool(pool)

    def add_examples(self, pool: str, body: ExamplesIn) -> AddedOut:
        """Store examples: all of them or, if one is bad, none."""
        drafts = [example.draft(f"examples[{position}]") for position, example in enumerate(body.examples)]
        return self.add_drafts(pool, drafts, body.on_conflict)

    def add_drafts(self, pool: str, drafts: Sequence[Draft], on_conflict: OnConflict) -> AddedOut:
        """The same for drafts that are at hand."""
        done = self.engine.add(pool, drafts, on_conflict=on_conflict)
        return AddedOut(
            added=done.added, replaced=done.replaced, unchanged=done.unchanged, skipped=done.skipped
        )

    def list_examples(
        self,
        pool: str,
        after: str | None = None,
        limit: int = 50,
        split: str | None = None,
        label: str | None = None,
    ) -> ExamplePage:
        """One page of examples, by ascending id."""
        found = self.engine.examples(pool, after=after, limit=limit + 1, split=split, label=label)
        page = found[:limit]
        return ExamplePage(
            examples=tuple(ExampleOut.of(example) for example in page),
            next_after=page[-1].id if len(found) > limit else None,
        )

    def get_example(self, pool: str, id: str) -> ExampleOut:
        """One example."""
        return ExampleOut.of(self.engine.example(pool, id))

    def delete_example(self, pool: str, id: str) -> None:
        """Remove one example; it is never selected again."""
        self.engine.example(pool, id)
        self.engine.delete_examples(pool, [id])

    def get_image(self, sha256: str) -> bytes:
        """The original bytes of a stored image."""
        return self.engine.image(sha256)

    def list_neighbours(self, pool: str) -> dict[str, int]:
        """The names of imported neighbour lists, and how many lists each has."""
        return self.engine.neighbour_lists(pool)

    def import_neighbours(self, pool: str, name: str, body: NeighboursIn) -> NeighboursOut:
        """Store neighbour lists in place of those that had the name: all of them or, if one is bad, none."""
        done = self.engine.import_neighbours(pool, name, body.lists, skip_unknown=body.skip_unknown)
        return NeighboursOut.of(done)

    def list_selectors(self) -> list[SelectorOut]:
        """Every registered selector and stage, with its parameters."""
        return [SelectorOut.model_validate(entry) for entry in describe()]

    def recipe_schema(self) -> dict[str, Any]:
        """The JSON Schema of recipes."""
        return recipe_schema()

    def select(self, body: SelectionIn) -> SelectionOut:
        """Choose and order demonstrations for a query."""
        return SelectionOut.of(self.engine.select(body.pool, self._query(body), body.recipe))

    def build_prompt(self, body: PromptIn) -> PromptOut:
        """Choose demonstrations and render the messages that a model should receive."""
        return PromptOut.of(self.prompt(body))

    def prompt(self, body: PromptIn) -> Prompt:
        """The same before it is put on the wire."""
        selection = self.engine.select(body.pool, self._query(body), body.recipe)
        return self.engine.prompt(selection, model=body.model)

    def answer(self, body: AnswerIn) -> AnswerOut:
        """Choose demonstrations, build the prompt, ask a model and read its answer."""
        given = self.engine.ask(
            body.pool, self._query(body), body.recipe, model=body.model, parameters=body.parameters
        )
        return AnswerOut.of(given.reply, given.parsed, given.selection, given.prompt)

    def answer_many(self, body: BatchIn) -> BatchOut:
        """Ask many queries, several in a call; each ends answered, in its batch or alone, or failed."""
        report = self.engine.ask_many(
            body.pool,
            [self._asked(body.pool, query, f"queries[{place}]") for place, query in enumerate(body.queries)],
            body.recipe,
            batch_size=body.batch_size,
            model=body.model,
            parameters=body.parameters,
            retries=body.retries,
            tokens_per_query=body.tokens_per_query,
            workers=body.workers,
        )
        return BatchOut(
            answers=tuple(map(_batch_answer, report.answers)), total=ShareOut(**report.total._asdict())
        )

    def _query(self, body: SelectionIn) -> Query:
        return self._asked(body.pool, body.query, "query")

    def _asked(self, pool: str, asked: QueryIn, where: str) -> Query:
        if asked.stored and asked.id is not None:
            return self.engine.query_of(pool, asked.id, group=asked.group, metadata=asked.metadata)
        return self.engine.query(
            image_files(asked.images, where),
            asked.text,
            id=asked.id,
            group=asked.group,
            metadata=asked.metadata,
            media=media_files(asked.media, where),
        )


def _batch_answer(one: BatchAnswer) -> BatchAnswerOut:
    parsed = one.parsed
    shown = one.selection.demonstrations if one.selection else ()
    return BatchAnswerOut(
        id=one.query.id,
        answer=parsed.answer,
        parsed=parsed.how,
        confidence=None if parsed.confidence is None else ConfidenceOut(**parsed.confidence._asdict()),
        how=one.how,
        batch=one.batch,
        attempts=one.attempts,
        trail=one.trail,
        text=one.text,
        demonstrations=tuple(shot.example.id for shot in shown),
        share=ShareOut(**one.share._asdict()),
    )
