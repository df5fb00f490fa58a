"""`shotsmith doctor`: compares SQL, blobs and index, and mends what is derived."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from ..domain.errors import Unavailable
from ..domain.examples import Pool
from ..domain.protocols import VectorIndex
from ..retrieval.embedding import Embedder
from ..storage import Blobs, Examples, Outbox
from .indexing import Indexer
from .stores import Stores


@dataclass(frozen=True, slots=True)
class Checkup:
    """What was found in one pool; every list is empty in a sound one.

    Attributes:
        pool: Its name.
        examples: How many SQL holds.
        indexed: How many points the index holds.
        pending: Changes that the index has yet to hear of.
        missing: Ids that SQL has and the index lacks.
        stale: Ids whose indexed content is not the current one.
        ghosts: Ids that the index has and SQL lacks.
        lost_blobs: Hashes of image files that are missing or damaged; only their originals can bring them back.
        unreadable: Why the index cannot be read; empty when it can.
        repaired: Whether the index was mended; the other fields tell what was found before.
    """

    pool: str
    examples: int
    indexed: int
    pending: int = 0
    missing: list[str] = field(default_factory=list)
    stale: list[str] = field(default_factory=list)
    ghosts: list[str] = field(default_factory=list)
    lost_blobs: list[str] = field(default_factory=list)
    unreadable: str = ""
    repaired: bool = False

    @property
    def sound(self) -> bool:
        """Whether SQL, blobs and index agree."""
        return not (
            self.pending or self.missing or self.stale or self.ghosts or self.lost_blobs or self.unreadable
        )


def visit(
    pool: Pool, stores: Stores, indexer: Indexer, embedder: Callable[[Pool], Embedder], *, repair: bool
) -> Checkup:
    """Examine a pool; with `repair`, mend its index."""
    checkup = examine(
        pool, examples=stores.examples, outbox=stores.outbox, blobs=stores.blobs, index=stores.index
    )
    if not repair or checkup.sound:
        return checkup
    mend(pool, checkup, examples=stores.examples, index=stores.index, indexer=indexer, embedder=embedder)
    return replace(checkup, repaired=True)


def examine(pool: Pool, *, examples: Examples, outbox: Outbox, blobs: Blobs, index: VectorIndex) -> Checkup:
    """Compare what SQL, blobs and index hold of a pool."""
    expected = examples.contents(pool.uid)
    held: dict[str, str] = {}
    unreadable = ""
    try:
        if index.exists(pool.uid):
            held = {point.id: str(point.payload.get("content", "")) for point in index.scroll(pool.uid)}
    except Unavailable as error:
        unreadable = error.message
    hashes = {part.sha256 for page in examples.each(pool.uid) for example in page for part in example.media}
    return Checkup(
        pool=pool.name,
        examples=pool.size,
        indexed=len(held),
        pending=outbox.count(pool.uid),
        missing=sorted(expected.keys() - held.keys()),
        stale=sorted(id for id in expected.keys() & held.keys() if expected[id] != held[id]),
        ghosts=sorted(held.keys() - expected.keys()),
        lost_blobs=sorted(sha256 for sha256 in hashes if not blobs.sound(sha256)),
        unreadable=unreadable,
    )


def mend(
    pool: Pool,
    checkup: Checkup,
    *,
    examples: Examples,
    index: VectorIndex,
    indexer: Indexer,
    embedder: Callable[[Pool], Embedder],
) -> None:
    """Bring the index back to what SQL holds. Lost blobs cannot be mended; their examples are left alone."""
    used = embedder(pool)
    if checkup.unreadable:
        index.drop(pool.uid)
    indexer.sync(pool, used)
    wanted = [*checkup.missing, *checkup.stale]
    lost = set(checkup.lost_blobs)
    for start in range(0, len(wanted), 256):
        batch = examples.get(pool.uid, wanted[start : start + 256]).values()
        indexer.put(
            pool, used, [example for example in batch if not lost & {part.sha256 for part in example.media}]
        )
    if checkup.ghosts:
        current = examples.contents(pool.uid)
        index.delete(pool.uid, [id for id in checkup.ghosts if id not in current])
    index.flush()
