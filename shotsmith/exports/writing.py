"""Writing an export: query by query into tables and tensors, the manifest last."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sized
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, get_args

from .. import __version__
from ..domain.errors import Conflict, InvalidInput, InvalidParameter, NotFound
from ..domain.examples import Example, Pool, Query
from ..domain.recipes import Recipe
from ..domain.scoring import canonical_json
from ..domain.selections import Selection
from ..engine import Engine
from ..extras import writable
from . import layout
from .directory import replacing
from .growing import Table
from .packages import needed
from .parts import ImageForm, Images, Vectors


@dataclass(frozen=True, slots=True)
class Exported:
    """What `export` wrote.

    Attributes:
        path: The directory.
        manifest: What `manifest.json` says, its own hash aside.
    """

    path: Path
    manifest: Mapping[str, Any]

    @property
    def counts(self) -> Mapping[str, int]:
        """How many queries, demonstrations (rows), distinct examples and distinct images there are."""
        counts: Mapping[str, int] = self.manifest["counts"]
        return counts


def export(
    engine: Engine,
    pool: str | Pool,
    queries: Iterable[str | Query] | str | Query,
    recipe: Recipe | None,
    out: str | Path,
    *,
    images: ImageForm = "original",
    overwrite: bool = False,
    progress: Callable[[int, int | None], None] | None = None,
) -> Exported:
    """Write the demonstrations of many queries into a directory that is there whole or not at all.

    The same pool version, queries and recipe give the same bytes. Selections are written as `Engine.select` makes
    them; what belongs to prompts only, such as a budget, is left out.

    Args:
        engine: Holds the pool.
        pool: Its name, or the pool itself as `Engine.pinned` gave it.
        queries: Stored examples by id, queries as `Engine.query` makes them, or both; read one at a time.
        recipe: How to choose. Held-out examples are best asked with `evaluation`.
        out: The directory; those above it are made.
        images: Images as they were stored, or as prompts carry them.
        overwrite: Whether an earlier export in `out` is replaced.
        progress: Hears how many queries of how many are done.

    Raises:
        MissingExtra: pyarrow or safetensors is not installed.
        NotFound: No such pool or example, or an image is lost.
        InvalidInput: There is no query, or an image is damaged.
        Conflict: `out` is in use, or somebody changed the pool meanwhile.
        Unavailable: The file system refuses.
        As `Engine.select`.
    """
    for package in ("pyarrow.parquet", "safetensors.numpy"):
        needed(package)
    if images not in get_args(ImageForm):
        raise InvalidParameter(
            "no such form of images", field="images", value=images, mend=f"Use {' or '.join(_forms())}"
        )
    asked = [queries] if isinstance(queries, str | Query) else queries
    total = len(asked) if isinstance(asked, Sized) else None
    with replacing(Path(out), (*layout.CONTENTS, layout.MANIFEST), overwrite=overwrite) as place:
        chosen = engine.pinned(pool) if isinstance(pool, str) else pool
        with _Writing(engine, chosen, recipe or Recipe(), images, place) as writing:
            for done, one in enumerate(asked, start=1):
                writing.add(one)
                if progress:
                    progress(done, total)
            manifest = writing.finish()
        if engine.pool(chosen.name).version != chosen.version:
            raise Conflict(
                "the pool changed while it was exported",
                field="pool",
                value=chosen.name,
                mend="Export again",
            )
    return Exported(Path(out), manifest)


def split_ids(engine: Engine, pool: str, split: str) -> list[str]:
    """The ids of a split's active examples, ascending: what is exported for a held-out set.

    Raises:
        NotFound: No such pool.
        InvalidInput: The split has none.
    """
    found = [one.id for one in engine.each_example(pool, split=split) if one.status == "active"]
    if not found:
        raise InvalidInput(
            f"pool {pool!r} holds no example of that split",
            field="split",
            value=split,
            mend="Name another split",
        )
    return found


def _forms() -> tuple[str, ...]:
    return get_args(ImageForm)


class _Writing:
    """The files of one export while they grow."""

    def __init__(self, engine: Engine, pool: Pool, recipe: Recipe, form: ImageForm, place: Path) -> None:
        self._engine = engine
        self._pool = pool
        self._recipe = recipe
        self._form = form
        self._place = place
        # Before anything is selected: what cannot be written down is refused at once.
        self._head = _head(engine, pool, recipe, form)
        self._stack = ExitStack()
        schemas = layout.schemas()
        with ExitStack() as stack:

            def table(name: str, **options: Any) -> Table:
                made = Table(place / name, schemas[name], **options)
                stack.callback(made.close)
                return made

            self._queries = table(layout.QUERIES, compression="zstd")
            self._demonstrations = table(layout.DEMONSTRATIONS, compression="zstd")
            self._images = Images(table(layout.IMAGES, **Images.OPTIONS), engine, recipe.images, form)
            self._vectors = Vectors(engine, pool, place)
            stack.callback(self._vectors.close)
            self._stack = stack.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def add(self, asked: str | Query) -> None:
        """Select for one query and write what was chosen."""
        query, stored = self._asked(asked)
        selection = self._engine.select(self._pool, query, self._recipe)
        number = self._queries.rows
        self._add_query(number, selection, stored)
        self._add_demonstrations(number, selection)
        self._vectors.add(number, selection)

    def finish(self) -> dict[str, Any]:
        """Finish every file; return the manifest."""
        if not self._queries.rows:
            raise InvalidInput("there is no query to export for", field="queries", mend="Give at least one")
        tables = (self._queries, self._demonstrations, self._images.table)
        for table in tables:
            table.finish()
        self._vectors.finish(self._place / layout.EMBEDDINGS)
        counts = {
            "queries": self._queries.rows,
            "demonstrations": self._demonstrations.rows,
            "examples": self._vectors.examples,
            "images": self._images.table.rows,
        }
        with writable():
            files = {
                name: {
                    "sha256": layout.sha256_of(self._place / name),
                    "bytes": (self._place / name).stat().st_size,
                }
                for name in layout.CONTENTS
            }
            manifest = {**self._head, "counts": counts, "files": files}
            (self._place / layout.MANIFEST).write_bytes(layout.manifest_bytes(manifest))
        return manifest

    def _asked(self, asked: str | Query) -> tuple[Query, Example | None]:
        """A query, and the example that it is."""
        if isinstance(asked, str):
            stored = self._engine.example(self._pool, asked)
            return self._engine.query_of(self._pool, asked), stored
        if asked.id is None:
            return asked, None
        try:
            return asked, self._engine.example(self._pool, asked.id)
        except NotFound:
            return asked, None

    def _add_query(self, number: int, selection: Selection, stored: Example | None) -> None:
        query = selection.query
        row = {
            "query": number,
            "query_id": query.id,
            "query_key": query.key,
            "text": query.text,
            "answer": stored.answer if stored else None,
            "labels": list(stored.labels) if stored else None,
            "group": query.group,
            "metadata": _json(query.metadata),
            "images": self._images.of(query.media, self._recipe.images.query_max_side),
            "eligible": selection.eligible,
            "short": selection.short,
            "flags": list(selection.flags),
            "removed": [
                {"id": one.id, "reason": one.reason, "detail": one.detail} for one in selection.removed
            ],
        }
        self._queries.add(row, _size(row))

    def _add_demonstrations(self, number: int, selection: Selection) -> None:
        query = selection.query
        for shot in selection.demonstrations:
            example = shot.example
            row = {
                "query": number,
                "query_id": query.id,
                "query_key": query.key,
                "position": shot.position,
                "rank": shot.rank,
                "id": example.id,
                "text": example.text,
                "answer": example.answer,
                "labels": list(example.labels),
                "group": example.group,
                "split": example.split,
                "tags": list(example.tags),
                "metadata": _json(example.metadata),
                "score": shot.score,
                "scores": _json(shot.scores),
                "stage": shot.stage,
                "fixed": shot.fixed,
                "bare": shot.bare,
                "reason": shot.reason,
                "images": self._images.of(() if shot.bare else example.media, self._recipe.images.max_side),
            }
            self._demonstrations.add(row, _size(row))


def _head(engine: Engine, pool: Pool, recipe: Recipe, form: str) -> dict[str, Any]:
    try:
        text: str | None = recipe.text
    except InvalidParameter:  # a selector whose name the text form cannot hold
        text = None
    head = {
        "format": layout.FORMAT,
        "shotsmith": __version__,
        "pool": {
            "name": pool.name,
            "uid": pool.uid,
            "version": pool.version,
            "kind": pool.kind,
            "instruction": pool.instruction,
            "answer_format": pool.answer_format,
            "labels": engine.labels(pool),
        },
        "encoder_id": pool.encoder_id,
        "spaces": dict(sorted(engine.encoder(pool).dims.items())),
        "recipe": recipe.model_dump(mode="json"),
        "recipe_text": text,
        "images": form,
    }
    try:
        canonical_json(head)
    except ValueError:  # half surrogates in a filter
        raise InvalidParameter(
            "the recipe cannot be written as JSON",
            field="recipe",
            mend="Use proper Unicode and finite numbers",
        ) from None
    return head


def _json(value: Mapping[str, Any]) -> str:
    return canonical_json(dict(value)).decode()


def _size(row: Mapping[str, Any]) -> int:
    """About how many bytes a row takes in memory."""
    return sum(len(value) for value in row.values() if isinstance(value, str | list)) + 500
