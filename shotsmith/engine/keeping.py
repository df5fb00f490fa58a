"""Pools and examples: what is kept, before anything is asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from types import TracebackType
from typing import Self

from ..domain.errors import ExampleConflict, NotFound
from ..domain.examples import Draft, Example, OnConflict, Pool, PoolKind
from ..domain.names import check_key, check_pool_name, check_text
from ..domain.neighbours import Imported
from ..prompts.parsing import task_of
from ..retrieval.encoders import open_encoder
from ..settings import Settings
from ..storage.database import now
from ..storage.pools import new_uid
from .added import Added
from .encoders import Encoders
from .indexing import Indexer
from .intake import Intake, check_labels
from .neighbours import import_lists
from .pictures import Pictures
from .stores import Stores
from .views import Views

BATCH = 64


class Keeping:
    """The half of the engine that keeps pools and examples. Thread-safe.

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
        """The label space: as declared, else as the examples carry it, sorted.

        Where an answer is one label, it is what examples have as their first; where the answer format asks for
        several, it is every label.
        """
        if pool.labels:
            return list(pool.labels)
        view = self._views.of(pool)
        several = task_of(pool, view.labels).kind == "labels"
        return view.every_label if several else view.labels

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

    def each_example(self, pool_name: str, *, split: str | None = None) -> Iterator[Example]:
        """Every example by ascending id, or every one of a split, read in pages. Raises as `pool`."""
        pool = self.pool(pool_name)
        check_text("split", split or "")
        for page in self._examples.each(pool.uid, split=split):
            yield from page

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


def _batches(drafts: Iterable[Draft]) -> Iterator[list[Draft]]:
    rest = iter(drafts)
    while batch := list(islice(rest, BATCH)):
        yield batch
