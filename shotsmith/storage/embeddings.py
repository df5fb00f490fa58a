"""Embeddings by content hash and encoder id, so that rebuilding an index never encodes twice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from sqlalchemy import select

from ..domain.scoring import Vector
from .database import Database
from .tables import embeddings


class EmbeddingCache:
    """A persistent cache of vectors: (encoder id, content) -> vectors by space."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, encoder_id: str, contents: Sequence[str]) -> dict[str, dict[str, Vector]]:
        """Cached vectors by content key; unknown contents are absent."""
        found: dict[str, dict[str, Vector]] = {}
        with self._database.read() as connection:
            for start in range(0, len(contents), 500):
                query = select(embeddings.c.content, embeddings.c.space, embeddings.c.vector).where(
                    embeddings.c.encoder_id == encoder_id,
                    embeddings.c.content.in_(contents[start : start + 500]),
                )
                for content, space, vector in connection.execute(query):
                    found.setdefault(content, {})[space] = np.frombuffer(vector, dtype="<f4")
        return found

    def put(self, encoder_id: str, vectors: Mapping[str, Mapping[str, Vector]]) -> None:
        """Store vectors by content key and space; what is there already stays."""
        rows = [
            {
                "encoder_id": encoder_id,
                "content": content,
                "space": space,
                "vector": np.ascontiguousarray(vector, dtype="<f4").tobytes(),
            }
            for content, spaces in sorted(vectors.items())
            for space, vector in sorted(spaces.items())
        ]
        if rows:
            with self._database.write() as connection:
                connection.execute(self._database.insert(embeddings).on_conflict_do_nothing(), rows)
