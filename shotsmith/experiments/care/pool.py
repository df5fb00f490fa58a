"""Data care of a pool: what `suspects`, `copies`, `coverage` and `label_next` say of the examples an engine holds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ...domain.examples import Draft, Example, Query
from ...domain.recipes import MODALITIES
from ...domain.scoring import Vector
from ...engine import Engine
from .copies import TRAINING, Copies, copies
from .coverage import FEW, Coverage, coverage
from .features import features
from .influence import Logged, influence
from .labelling import Regime, label_next
from .suspects import NEIGHBOURS, Suspect, suspects


@dataclass(frozen=True, slots=True)
class Pick:
    """A draft that should be labelled: where it came from, and its id where it has one."""

    where: str
    id: str | None


def pool_suspects(
    engine: Engine, pool: str, *, neighbours: int = NEIGHBOURS, log: Iterable[Logged] = ()
) -> list[Suspect]:
    """How suspect the labels of every labelled example are, the most suspect first.

    Examples of all folds are compared, held-out ones too: a wrong label there spoils the measurement.

    Args:
        engine: Holds the pool.
        pool: Its name.
        neighbours: How many of the nearest are asked.
        log: Answers that were given with its examples shown.

    Raises:
        NotFound: No such pool.
        InvalidInput: Its examples have fewer than two labels.
    """
    labelled = {one.id: one.labels for one in _active(engine, pool) if one.labels}
    ids = list(labelled)
    stored = engine.pinned(pool)
    matrix = features(ids, {space: engine.vectors(stored, space, ids) for space in MODALITIES})
    return suspects(
        ids, list(labelled.values()), matrix, neighbours=neighbours, influences=influence(log, labelled)
    )


def pool_copies(engine: Engine, pool: str) -> list[Copies]:
    """Copies among the pool's examples and leaks across its folds. Raises NotFound."""
    return copies(_active(engine, pool), engine.pool(pool).kind)


def pool_coverage(engine: Engine, pool: str, *, few: int = FEW) -> Coverage:
    """How well each label of the pool is covered. Raises NotFound."""
    return coverage(_active(engine, pool), engine.pool(pool).labels, few=few)


def pool_label_next(
    engine: Engine, pool: str, drafts: Iterable[Draft], count: int, regime: Regime = "SSL"
) -> list[Pick]:
    """Which drafts without a label to label next, the most useful first.

    Args:
        engine: Holds the pool.
        pool: What is labelled already.
        drafts: What could be labelled, from an importer; their answers are not read.
        count: How many.
        regime: The task's.

    Raises:
        NotFound: No such pool.
        InvalidInput: A draft has nothing to compare, or a file that cannot be used.
        InvalidParameter: No such regime, or a count below 0.
    """
    stored = engine.pinned(pool)
    # Files are let go one by one; the order tells nothing of the order they came in.
    read = [
        (Pick(draft.where, draft.id), engine.query_vectors(stored, _query(engine, draft))) for draft in drafts
    ]
    read.sort(key=lambda pair: (pair[0].id or "", pair[0].where))
    given, vectors = [pick for pick, _ in read], [found for _, found in read]
    labelled = [one.id for one in _active(engine, pool) if (one.split or TRAINING) == TRAINING]
    names = [f"candidate {number}" for number in range(len(given))]
    spaces: dict[str, dict[str, Vector]] = {}
    for space in MODALITIES:
        known = engine.vectors(stored, space, labelled)
        fresh = {name: found[space] for name, found in zip(names, vectors, strict=True) if space in found}
        spaces[space] = {f"example {id}": vector for id, vector in known.items()} | fresh
    matrix = features([*names, *(f"example {id}" for id in labelled)], spaces)
    order = label_next(matrix[: len(given)], matrix[len(given) :], count, regime)
    return [given[place] for place in order]


def _query(engine: Engine, draft: Draft) -> Query:
    return engine.query(draft.images, draft.text, media=draft.media)


def _active(engine: Engine, pool: str) -> Iterator[Example]:
    return (example for example in engine.each_example(pool) if example.status == "active")
