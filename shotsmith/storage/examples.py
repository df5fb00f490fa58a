"""Examples in SQL: written in whole batches together with their outbox rows."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, Text, cast, delete, insert, select, update
from sqlalchemy.sql import ColumnElement

from ..domain.errors import ExampleConflict
from ..domain.examples import Catalogue, Example, OnConflict
from ..domain.media import Media
from .database import Database, aware, now
from .pools import locked
from .tables import example_media, examples, media, outbox, pools

_CHUNK = 500  # below SQLite's limit of bound variables
_MODULUS = 1 << 256
_MEDIA = [column.name for column in media.columns]


class Write(NamedTuple):
    """What became of one batch, as ids."""

    added: list[str]
    replaced: list[str]
    unchanged: list[str]
    skipped: list[str]


class Examples:
    """Reads and writes the examples of pools."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def write(self, pool_uid: str, batch: Sequence[Example], on_conflict: OnConflict = "error") -> Write:
        """Store a batch in one transaction: all of it or nothing.

        An id with equal content is left alone. An id with other content is an error, skipped or replaced.

        Raises:
            ExampleConflict: With on_conflict="error", naming the first offending id.
        """
        done = Write([], [], [], [])
        with self._database.write() as connection:
            pool = locked(connection, pool_uid)
            known = dict(self._contents(connection, pool_uid, [example.id for example in batch]))
            fresh: dict[str, Example] = {}
            delta = 0
            for example in batch:
                content = example.content_sha256
                before = fresh[example.id].content_sha256 if example.id in fresh else known.get(example.id)
                if before == content:
                    done.unchanged.append(example.id)
                    continue
                if before is not None:
                    if on_conflict == "error":
                        raise ExampleConflict(
                            "the id exists with other content",
                            field="id",
                            value=example.id,
                            mend="Use another id, or replace or skip: --on-conflict, on_conflict",
                        )
                    if on_conflict == "skip":
                        done.skipped.append(example.id)
                        continue
                    delta -= _fingerprint(example.id, before)
                target = done.replaced if example.id in known else done.added
                if example.id not in fresh:
                    target.append(example.id)
                delta += _fingerprint(example.id, content)
                fresh[example.id] = example
            if fresh:
                self._store(connection, pool_uid, fresh, replaced=set(done.replaced))
                _account(connection, pool, delta, grown=len(done.added))
        return done

    def delete(self, pool_uid: str, ids: Sequence[str]) -> list[str]:
        """Remove examples; return the ids that were there."""
        with self._database.write() as connection:
            pool = locked(connection, pool_uid)
            known = dict(self._contents(connection, pool_uid, ids))
            for chunk in _chunks(sorted(known)):
                for table, column in ((example_media, "example_id"), (examples, "id")):
                    connection.execute(
                        delete(table).where(table.c.pool_uid == pool_uid, table.c[column].in_(chunk))
                    )
            if known:
                connection.execute(insert(outbox), _tasks(pool_uid, known))
                delta = -sum(_fingerprint(id, content) for id, content in known.items())
                _account(connection, pool, delta, grown=-len(known))
        return sorted(known)

    def get(self, pool_uid: str, ids: Iterable[str]) -> dict[str, Example]:
        """Examples by id; unknown ids are absent."""
        wanted = list(dict.fromkeys(ids))
        found: dict[str, Example] = {}
        with self._database.read() as connection:
            for chunk in _chunks(wanted):
                rows = connection.execute(_where(pool_uid, examples.c.id.in_(chunk))).all()
                found.update(_assembled(connection, pool_uid, rows))
        return {id: found[id] for id in wanted if id in found}

    def page(
        self,
        pool_uid: str,
        *,
        after: str | None = None,
        limit: int = 50,
        split: str | None = None,
        label: str | None = None,
    ) -> list[Example]:
        """Up to `limit` examples by ascending id, starting after an id."""
        query = _where(pool_uid).order_by(examples.c.id).limit(limit)
        if after is not None:
            query = query.where(examples.c.id > after)
        if split is not None:
            query = query.where(examples.c.split == split)
        if label is not None:
            query = query.where(examples.c.label == label)
        with self._database.read() as connection:
            rows = connection.execute(query).all()
            return list(_assembled(connection, pool_uid, rows).values())

    def each(self, pool_uid: str, size: int = 500, *, split: str | None = None) -> Iterator[list[Example]]:
        """Every example, or every one of a split, in pages by ascending id."""
        after: str | None = None
        while page := self.page(pool_uid, after=after, limit=size, split=split):
            yield page
            after = page[-1].id

    def catalogue(self, pool_uid: str) -> Catalogue:
        """Every active example without its content."""
        columns = [
            examples.c[name] for name in ("id", "label", "labels", "tags", "split", "group", "metadata")
        ]
        active = (examples.c.pool_uid == pool_uid, examples.c.status == "active")
        hashes: dict[str, tuple[str, ...]] = {}
        with self._database.read() as connection:
            rows = connection.execute(
                select(*columns, examples.c.content_sha256).where(*active).order_by(examples.c.id)
            ).all()
            pictures = connection.execute(
                select(example_media.c.example_id, media.c.dhash)
                .join(media, media.c.sha256 == example_media.c.sha256)
                .where(example_media.c.pool_uid == pool_uid, media.c.dhash != "")
                .order_by(example_media.c.example_id, example_media.c.position)
            )
            for id, dhash in pictures:
                hashes[id] = (*hashes.get(id, ()), dhash)
        payloads = {
            row.id: {
                "label": row.label,
                "labels": row.labels,
                "tags": row.tags,
                "split": row.split,
                "group": row.group,
                "metadata": row.metadata,
                "content": row.content_sha256,
            }
            for row in rows
        }
        return Catalogue(payloads=payloads, dhashes=hashes)

    def same_pictures(self, pool_uid: str, pixel_key: str) -> dict[str, str]:
        """Ids whose pictures are these, however encoded, with their text keys."""
        return self._keys(pool_uid, examples.c.pixel_key == pixel_key)

    def same_text(self, pool_uid: str, text_key: str) -> dict[str, str]:
        """Ids without pictures whose text is this, with their text keys."""
        return self._keys(pool_uid, examples.c.pixel_key == "", examples.c.text_key == text_key)

    def texts(self, pool_uid: str, *, pictures: bool = True) -> dict[str, str]:
        """Texts of the active examples by id, or only of those without pictures."""
        query = select(examples.c.id, examples.c.text).where(
            examples.c.pool_uid == pool_uid, examples.c.status == "active"
        )
        if not pictures:
            query = query.where(examples.c.pixel_key == "")
        with self._database.read() as connection:
            return {row.id: row.text for row in connection.execute(query)}

    def in_group(self, pool_uid: str, group: str) -> dict[str, str]:
        """Ids of a group, with their text keys."""
        return self._keys(pool_uid, examples.c.group == group)

    def label_space(self, pool_uid: str, *, every: bool = False) -> list[str]:
        """Labels in use by active examples, sorted: the first of each example, or every one."""
        # PostgreSQL cannot compare JSON.
        lists = cast(examples.c.labels, Text)
        query = (
            select(lists)
            .where(examples.c.pool_uid == pool_uid, examples.c.status == "active", examples.c.label != "")
            .distinct()
        )
        with self._database.read() as connection:
            found = connection.execute(query).scalars()
            return sorted({label for labels in found for label in json.loads(labels)[: None if every else 1]})

    def contents(self, pool_uid: str) -> dict[str, str]:
        """Content hash of every active example, by id: what the index should hold."""
        query = select(examples.c.id, examples.c.content_sha256).where(
            examples.c.pool_uid == pool_uid, examples.c.status == "active"
        )
        with self._database.read() as connection:
            return {row.id: row.content_sha256 for row in connection.execute(query)}

    def _keys(self, pool_uid: str, *conditions: ColumnElement[bool]) -> dict[str, str]:
        query = select(examples.c.id, examples.c.text_key).where(
            examples.c.pool_uid == pool_uid, examples.c.status == "active", *conditions
        )
        with self._database.read() as connection:
            return {row.id: row.text_key for row in connection.execute(query)}

    def _contents(
        self, connection: Connection, pool_uid: str, ids: Sequence[str]
    ) -> Iterator[tuple[str, str]]:
        for chunk in _chunks(list(dict.fromkeys(ids))):
            query = select(examples.c.id, examples.c.content_sha256).where(
                examples.c.pool_uid == pool_uid, examples.c.id.in_(chunk)
            )
            yield from connection.execute(query)

    def _store(
        self, connection: Connection, pool_uid: str, fresh: Mapping[str, Example], replaced: set[str]
    ) -> None:
        kept: dict[str, Any] = {}
        for chunk in _chunks(sorted(replaced)):
            query = select(examples.c.id, examples.c.created_at).where(
                examples.c.pool_uid == pool_uid, examples.c.id.in_(chunk)
            )
            kept.update(connection.execute(query).all())
            for table, column in ((example_media, "example_id"), (examples, "id")):
                connection.execute(
                    delete(table).where(table.c.pool_uid == pool_uid, table.c[column].in_(chunk))
                )
        parts = {part.sha256: _media_row(part) for example in fresh.values() for part in example.media}
        if parts:
            # Sorted, so that two writers lock rows in the same order.
            statement = self._database.insert(media).on_conflict_do_nothing()
            connection.execute(statement, [parts[sha256] for sha256 in sorted(parts)])
        moment = now()
        connection.execute(
            insert(examples),
            [_row(pool_uid, example, kept.get(example.id, moment)) for example in fresh.values()],
        )
        links = [
            {"pool_uid": pool_uid, "example_id": example.id, "position": position, "sha256": part.sha256}
            for example in fresh.values()
            for position, part in enumerate(example.media)
        ]
        if links:
            connection.execute(insert(example_media), links)
        connection.execute(insert(outbox), _tasks(pool_uid, fresh))


def _fingerprint(id: str, content: str) -> int:
    return int.from_bytes(hashlib.sha256(f"{id}\x1f{content}".encode()).digest())


def _account(connection: Connection, pool: Row[Any], delta: int, grown: int) -> None:
    # A sum modulo 2^256 of item hashes (Bellare & Micciancio's AdHASH): the same for every order of arrival.
    contents = (int(pool.contents, 16) + delta) % _MODULUS
    connection.execute(
        update(pools)
        .where(pools.c.uid == pool.uid)
        .values(contents=f"{contents:064x}", size=pool.size + grown)
    )


def _tasks(pool_uid: str, ids: Iterable[str]) -> list[dict[str, Any]]:
    moment = now()
    return [{"pool_uid": pool_uid, "example_id": id, "created_at": moment} for id in ids]


def _chunks(items: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(items), _CHUNK):
        yield items[start : start + _CHUNK]


def _where(pool_uid: str, *conditions: ColumnElement[bool]) -> Any:
    return select(examples).where(examples.c.pool_uid == pool_uid, *conditions)


def _media_row(part: Media) -> dict[str, Any]:
    return {column.name: getattr(part, column.name) for column in media.columns}


def _row(pool_uid: str, example: Example, created_at: Any) -> dict[str, Any]:
    return {
        "pool_uid": pool_uid,
        "id": example.id,
        "text": example.text,
        "answer": example.answer,
        "label": example.label or "",
        "labels": list(example.labels),
        "group": example.group or "",
        "split": example.split or "",
        "tags": sorted(example.tags),
        "metadata": dict(example.metadata),
        "status": example.status,
        "pixel_key": example.pixel_key,
        "text_key": example.text_key,
        "content_sha256": example.content_sha256,
        "created_at": created_at,
    }


def _assembled(connection: Connection, pool_uid: str, rows: Sequence[Row[Any]]) -> dict[str, Example]:
    parts: dict[str, list[Media]] = {}
    for chunk in _chunks([row.id for row in rows]):
        query = (
            select(example_media.c.example_id, media)
            .join(media, media.c.sha256 == example_media.c.sha256)
            .where(example_media.c.pool_uid == pool_uid, example_media.c.example_id.in_(chunk))
            .order_by(example_media.c.example_id, example_media.c.position)
        )
        for example_id, *columns in connection.execute(query):
            parts.setdefault(example_id, []).append(Media(**dict(zip(_MEDIA, columns, strict=True))))
    return {row.id: _example(row, tuple(parts.get(row.id, ()))) for row in rows}


def _example(row: Row[Any], pictures: tuple[Media, ...]) -> Example:
    return Example(
        id=row.id,
        media=pictures,
        text=row.text,
        answer=row.answer,
        labels=tuple(row.labels),
        group=row.group or None,
        split=row.split or None,
        tags=tuple(row.tags),
        metadata=row.metadata,
        status=row.status,
        created_at=aware(row.created_at),
    )
