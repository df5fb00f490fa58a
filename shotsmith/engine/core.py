"""`Engine`: pools in, demonstrations, prompts and answers out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from types import TracebackType
from typing import Any, Self

from ..domain.errors import ExampleConflict, InvalidInput, NotFound
from ..domain.examples import Draft, Example, ImageFile, OnConflict, Pool, PoolKind, Query
from ..domain.media import Media
from ..domain.messages import ImagePart
from ..domain.names import check_fact, check_key, check_pool_name, check_text
from ..domain.neighbours import Imported
from ..domain.protocols import VLM, Encoder
from ..domain.recipes import Recipe
from ..domain.scoring import Vector
from ..domain.selections import Prompt, Selection
from ..prompts.build import build
from ..prompts.dialects import open_dialect
from ..retrieval.embedding import Item
from ..retrieval.encoders import open_encoder
from ..settings import Settings
from ..storage.database import now
from ..storage.pools import new_uid
from .added import Added
from .answers import Answer
from .asking import Asking
from .doctor import Checkup, visit
from .encoders import Encoders
from .indexing import Indexer
from .intake import Intake, check_labels
from .judging import ModelJudge
from .neighbours import import_lists
from .pictures import Pictures
from .selecting import Selecting
from .stores import Stores
from .views import Views

BATCH = 64


class Engine:
    """Everything Shotsmith does, in this process. Thread-safe.

    Args:
        settings: Where things are kept; by default from the environment and `shotsmith.toml`.
        serving: Whether this is a long-lived service that owns the embedded index for other processes.
    """

    def __init__(self, settings: Settings | None = None, *, serving: bool = False) -> None:
        self.settings = settings or Settings.read()
        self._stores = Stores(self.settings, serving=serving)
        self._examples = self._stores.examples
        self._intake = Intake(self._stores.blobs, self._stores.limits)
        self._pictures = Pictures(self._stores.blobs, self._stores.renders, self._stores.limits)
        self._encoders = Encoders(self.settings, self._stores.embeddings, self._pictures.load)
        self._indexer = Indexer(self._stores.index, self._examples, self._stores.outbox)
        self._views = Views(self._stores, self._encoders.embedder)
        self._selecting = Selecting(self._stores.index, self._views, self._judge)
        self._asking = Asking(self.settings, self._stores.calls, self._encoders.baseline)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Release every store. Idempotent."""
        self._intake.close()
        self._stores.close()

    # Pools

    def create_pool(
        self,
        name: str,
        *,
        kind: PoolKind = "classification",
        instruction: str = "",
        labels: Sequence[str] = (),
        answer_format: str = "",
        encoder: str | None = None,
    ) -> Pool:
        """Create an empty pool.

        Args:
            name: Letters, digits, dots, dashes and underscores.
            kind: The task family.
            instruction: What the model is asked to do.
            labels: A closed label space; without it, labels are what the examples carry.
            answer_format: How an answer should look.
            encoder: Whose vectors the pool holds; by default the configured one, else "embedded".

        Raises:
            InvalidInput: A bad name or label, or an unknown encoder.
            Conflict: The name is taken.
        """
        check_pool_name(name)
        check_labels(labels)
        check_text("instruction", instruction)
        check_text("answer_format", answer_format)
        spec = self._encoders.spec(encoder)
        pool = Pool(
            name=name,
            uid=new_uid(),
            kind=kind,
            instruction=instruction,
            labels=tuple(labels),
            answer_format=answer_format,
            encoder=spec,
            encoder_id=open_encoder(spec).id,
            created_at=now(),
        )
        return self._stores.pools.create(pool)

    def pool(self, name: str) -> Pool:
        """A pool by name. Raises NotFound, or InvalidParameter for what is no name."""
        check_pool_name(name)
        return self._stores.pools.get(name)

    def pools(self) -> list[Pool]:
        """Every pool, by name."""
        return self._stores.pools.all()

    def delete_pool(self, name: str) -> Pool:
        """Remove a pool with its examples and vectors."""
        pool = self._stores.pools.delete(name)
        self._stores.index.drop(pool.uid)
        return pool

    def labels(self, pool: Pool) -> list[str]:
        """The label space: as declared, else as the examples carry it, sorted."""
        return list(pool.labels) or self._views.of(pool).labels

    # Examples

    def add(self, pool_name: str, drafts: Sequence[Draft], *, on_conflict: OnConflict = "error") -> Added:
        """Store examples and index them: all of them or, if one is bad, none.

        Returns when they are durable and can be selected.

        Raises:
            InvalidInput: Something in a draft cannot be stored.
            ExampleConflict: An id exists with other content.
            EncoderMismatch: The pool was built with another encoder.
        """
        pool = self.pool(pool_name)
        embedder = self._encoders.embedder(pool)
        taken = self._intake.take(pool, drafts)
        try:
            write = self._examples.write(pool.uid, taken.examples, on_conflict)
        except ExampleConflict as error:
            pairs = zip(reversed(taken.examples), reversed(drafts), strict=True)
            error.field = next(f"{draft.where}: id" for example, draft in pairs if example.id == error.value)
            raise
        self._indexer.sync(pool, embedder, taken.pictures)
        return Added(*(len(ids) for ids in write))

    def add_all(
        self,
        pool_name: str,
        drafts: Iterable[Draft],
        *,
        on_conflict: OnConflict = "error",
        progress: Callable[[Added], None] | None = None,
    ) -> Added:
        """Store a stream of examples, batch by batch; each batch is durable when `progress` hears of it.

        Raises:
            As `add`; what was acknowledged before stays, so that the same call can simply be repeated.
        """
        total = Added()
        for batch in _batches(drafts):
            total += self.add(pool_name, batch, on_conflict=on_conflict)
            if progress:
                progress(total)
        self._stores.index.flush()
        return total

    def example(self, pool: str | Pool, id: str) -> Example:
        """One example. Raises NotFound."""
        chosen = self.pool(pool) if isinstance(pool, str) else pool
        check_key("id", "the id", id)
        found = self._examples.get(chosen.uid, [id])
        if id not in found:
            mend = f"List them: shotsmith pool show {chosen.name}"
            raise NotFound("no such example", field="id", value=id, mend=mend)
        return found[id]

    def examples(
        self,
        pool_name: str,
        *,
        after: str | None = None,
        limit: int = 50,
        split: str | None = None,
        label: str | None = None,
    ) -> list[Example]:
        """Up to `limit` examples by ascending id, starting after an id."""
        pool = self.pool(pool_name)
        for name, value in (("after", after), ("split", split), ("label", label)):
            check_text(name, value or "")
        return self._examples.page(pool.uid, after=after, limit=limit, split=split, label=label)

    def delete_examples(self, pool_name: str, ids: Sequence[str]) -> list[str]:
        """Remove examples; return the ids that were there."""
        pool = self.pool(pool_name)
        gone = self._examples.delete(pool.uid, ids)
        if gone:
            self._indexer.sync(pool, self._encoders.embedder(pool))
        return gone

    def image(self, sha256: str) -> bytes:
        """The original bytes of a stored image. Raises NotFound."""
        return self._stores.blobs.get(sha256)

    # Neighbour lists

    def import_neighbours(
        self, pool_name: str, name: str, lists: Mapping[str, Sequence[str]], *, skip_unknown: bool = False
    ) -> Imported:
        """Store lists of example ids by query id, best first: all or none. Raises as `neighbours.import_lists`."""
        kept = self._stores.neighbours
        return import_lists(
            self.pool(pool_name), name, lists, self._examples, kept, skip_unknown=skip_unknown
        )

    def neighbour_lists(self, pool_name: str) -> dict[str, int]:
        """How many lists there are under each name."""
        return self._stores.neighbours.names(self.pool(pool_name).uid)

    # Queries and selections

    def query(
        self,
        images: Sequence[ImageFile] = (),
        text: str = "",
        *,
        id: str | None = None,
        group: str | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> Query:
        """A query from image files and text.

        Args:
            images: What is shown, in order.
            text: What is asked.
            id: An example of the pool that this is.
            group: Its group.
            metadata: What is known of it beside content, for `matched`.

        Raises:
            InvalidImage: An image cannot be used.
            InvalidInput: There is neither an image nor a text, or a metadata value is not JSON.
        """
        check_text("query.text", text)
        for name, key in (("id", id), ("group", group)):
            if key is not None:
                check_key(f"query.{name}", f"the {name}", key)
        if not images and not text.strip():
            raise InvalidInput("neither an image nor a text", field="query", mend="Give at least one of them")
        media = tuple(self._intake.open(file)[0] for file in images)
        facts = dict(metadata or {})
        for name, value in facts.items():
            check_fact("query.metadata", name, value)
        return Query(media=media, text=text, id=id, group=group, metadata=facts)

    def query_of(
        self,
        pool: str | Pool,
        id: str,
        *,
        group: str | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> Query:
        """A stored example, asked as a query: without its answer, and never shown to itself.

        A group and metadata that are told win over those that are stored. Raises NotFound.
        """
        example = self.example(pool, id)
        media = tuple(replace(part, data=self._pictures.bytes_of(part)) for part in example.media)
        facts = {**example.metadata, **(metadata or {})}
        return Query(media, example.text, example.id, group or example.group, facts)

    def pinned(self, pool_name: str) -> Pool:
        """A pool with its index brought up to date.

        Passed instead of its name, it spares every selection the look whether something changed: for loops over many
        queries, during which the pool should be left alone.
        """
        pool = self.pool(pool_name)
        self._indexer.sync(pool, self._encoders.embedder(pool))
        return pool

    def select(self, pool: str | Pool, query: Query, recipe: Recipe | None = None) -> Selection:
        """Choose and order demonstrations for a query.

        Args:
            pool: Its name, or the pool itself as `pinned` gave it.
            query: What to answer.
            recipe: How to choose.

        Raises:
            NotFound: No such pool.
            UnknownName: No selector of that name.
            InvalidParameter: A parameter it does not have.
            EncoderMismatch: The pool was built with another encoder than the configured one.
        """
        recipe = recipe or Recipe()
        open_dialect(recipe.dialect)
        chosen = self.pinned(pool) if isinstance(pool, str) else pool
        selection = self._selecting.select(chosen, self._encoders.embedder(chosen), query, recipe)
        if isinstance(pool, str) and self.pool(pool).version != chosen.version:
            # Somebody wrote meanwhile; what was read may be of two versions.
            chosen = self.pinned(pool)
            selection = self._selecting.select(chosen, self._encoders.embedder(chosen), query, recipe)
        return selection

    def vectors(self, pool: Pool, space: str, ids: Sequence[str]) -> dict[str, Vector]:
        """Stored unit vectors by example id; those without the space are absent."""
        return self._stores.index.vectors(pool.uid, space, ids)

    def query_vectors(self, pool: Pool, query: Query) -> dict[str, Vector]:
        """A query's unit vectors by space, as `select` compares them."""
        return self._encoders.embedder(pool).query(Item(query.media, query.text))

    # Prompts and answers

    def prepared(self, part: Media, max_side: int, quality: int) -> ImagePart:
        """A picture as prompts carry it."""
        return self._pictures.prepared(part, max_side, quality)

    def prompt(self, selection: Selection) -> Prompt:
        """Render a selection into the messages a model receives, with their manifest."""
        return build(selection, labels=self.labels(selection.pool), picture=self._pictures.prepared)

    def ask(
        self,
        pool: str | Pool,
        query: Query,
        recipe: Recipe | None = None,
        *,
        model: str | None = None,
        parameters: Mapping[str, Any] | None = None,
    ) -> Answer:
        """Select, build the prompt, ask a model and read its answer.

        Args:
            pool: Where the demonstrations come from, as for `select`.
            query: What to answer.
            recipe: How to choose and show them.
            model: By default the configured one; "offline/knn-vote" is a baseline, not a language model.
            parameters: Sampling parameters, passed on.

        Raises:
            ModelError: The model did not answer.
            As `select`.
        """
        return self.answer(self.select(pool, query, recipe), model=model, parameters=parameters)

    def answer(
        self,
        selection: Selection,
        *,
        model: str | None = None,
        parameters: Mapping[str, Any] | None = None,
        remember: bool = True,
    ) -> Answer:
        """What `ask` does once the demonstrations are chosen.

        Without `remember` the ledger is left out: for thousands of answers that cost nothing to make again.
        """
        labels = self.labels(selection.pool) if selection.pool.kind == "classification" else ()
        prompt = self.prompt(selection)
        return self._asking.answer(selection, prompt, labels, model, parameters or {}, remember=remember)

    def model(self, name: str) -> VLM:
        """The model behind a name, with the call ledger in front of it."""
        return self._asking.model(name)

    # Upkeep

    def ping(self) -> None:
        """Ask every store for something small. Raises Unavailable or Busy."""
        self._stores.ping()

    def doctor(self, *, repair: bool = False) -> list[Checkup]:
        """Compare SQL, blobs and index of every pool; with `repair`, mend the index."""
        embedder = self._encoders.embedder
        return [visit(pool, self._stores, self._indexer, embedder, repair=repair) for pool in self.pools()]

    def encoder(self, pool: Pool) -> Encoder:
        """The encoder whose vectors a pool holds. Raises EncoderMismatch."""
        return self._encoders.of(pool)

    def _judge(self, pool: Pool, recipe: Recipe, model: str | None) -> ModelJudge:
        name = model or self.settings.model
        return ModelJudge(name, self._asking.reply, pool, self.labels(pool), self._pictures.prepared, recipe)


def _batches(drafts: Iterable[Draft]) -> Iterator[list[Draft]]:
    rest = iter(drafts)
    while batch := list(islice(rest, BATCH)):
        yield batch
