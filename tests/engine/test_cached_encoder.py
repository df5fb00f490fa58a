from __future__ import annotations

import numpy as np
from pictures import picture

from shotsmith.imaging import pixel_sha256
from shotsmith.retrieval.cached import CachedEncoder
from shotsmith.retrieval.embedding import picture_key, text_key
from shotsmith.retrieval.encoders.fake import FakeEncoder
from shotsmith.storage import Database, EmbeddingCache


class Counting(FakeEncoder):
    seen = 0

    def encode_images(self, images):
        self.seen += len(images)
        return super().encode_images(images)


def test_known_pictures_are_looked_up_and_the_vectors_are_the_same(tmp_path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'c.db'}")
    cache = EmbeddingCache(database)
    inner = Counting()
    images = [picture(number) for number in range(4)]
    expected = FakeEncoder().encode_images(images)
    known = {picture_key(pixel_sha256(images[1])): {space: rows[1] for space, rows in expected.items()}}
    cache.put(inner.id, known)
    cached = CachedEncoder(inner, cache)
    assert (cached.id, cached.dims) == (inner.id, inner.dims)
    found = cached.encode_images([images[1], images[0], images[1], images[3]])
    assert inner.seen == 2
    for space, rows in found.items():
        assert np.array_equal(rows, expected[space][[1, 0, 1, 3]])
    assert cached.encode_images([images[1]]).keys() == expected.keys()
    assert all(len(rows) == 0 for rows in cached.encode_images([]).values())
    texts = cached.encode_texts(["a", "b", "a"])
    assert np.array_equal(texts["text"], FakeEncoder().encode_texts(["a", "b", "a"])["text"])
    assert text_key("a") != text_key("b")
    database.close()
