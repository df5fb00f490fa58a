"""Prepared prompt images: made once, kept as blobs, so that a prompt's bytes never change under it."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import select

from .database import Database
from .tables import renders


class Render(NamedTuple):
    """Where a prepared image is and what it measures."""

    sha256: str
    mime: str
    width: int
    height: int


class Renders:
    """Remembers which blob is the prepared form of which image."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, source_sha256: str, spec: str) -> Render | None:
        """The prepared form, if it was made before."""
        query = select(renders.c.sha256, renders.c.mime, renders.c.width, renders.c.height).where(
            renders.c.source_sha256 == source_sha256, renders.c.spec == spec
        )
        with self._database.read() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else Render(*row)

    def put(self, source_sha256: str, spec: str, render: Render) -> Render:
        """Remember a prepared form; the first one stored wins and is returned."""
        row = {"source_sha256": source_sha256, "spec": spec, **render._asdict()}
        with self._database.write() as connection:
            connection.execute(self._database.insert(renders).on_conflict_do_nothing(), [row])
        return self.get(source_sha256, spec) or render
