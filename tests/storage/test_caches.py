from __future__ import annotations

import numpy as np
import pytest

from shotsmith.domain.errors import InvalidParameter, NotFound
from shotsmith.domain.messages import Message, Reply, Request, TextPart, Usage
from shotsmith.storage import Blobs, CallLedger, Database, EmbeddingCache, Renders
from shotsmith.storage.renders import Render


def test_vectors_come_back_bit_for_bit_and_only_for_their_encoder(database: Database) -> None:
    cache = EmbeddingCache(database)
    vector = np.array([0.1, -1e-30, np.float32(1) / 3], dtype=np.float32)
    cache.put("e1", {"image:a": {"image": vector, "joint": vector[:2]}, "image:empty": {}})
    cache.put("e1", {"image:a": {"image": vector * 2}})
    found = cache.get("e1", ["image:a", "image:b"])
    assert list(found) == ["image:a"]
    assert found["image:a"]["image"].tobytes() == vector.tobytes()
    assert found["image:a"]["joint"].dtype == np.float32
    assert cache.get("e2", ["image:a"]) == {}


def test_the_ledger_keeps_the_first_answer(database: Database) -> None:
    ledger = CallLedger(database)
    request = Request("openai/x", (Message("user", (TextPart("hi"),)),), {"temperature": 0})
    assert ledger.get(request.key) is None
    reply = Reply(
        "yes",
        "x-1",
        Usage(10, 2, 8, 1),
        0.25,
        12.5,
        "stop",
        notes=("n",),
        alternatives=(("ye", 0.75), ("no", 0.25)),
        saved_usd=-0.5,
    )
    ledger.put(request, reply)
    ledger.put(request, Reply("no", "x-1"))
    assert ledger.get(request.key) == reply


def test_the_first_render_wins(database: Database) -> None:
    renders = Renders(database)
    first, second = Render("a" * 64, "image/png", 3, 4), Render("b" * 64, "image/jpeg", 3, 4)
    assert renders.get("s" * 64, "v1") is None
    assert renders.put("s" * 64, "v1", first) == first
    assert renders.put("s" * 64, "v1", second) == first


@pytest.mark.parametrize("kind", ["file", "memory"])
def test_blobs_are_stored_once_and_checked(kind: str, tmp_path) -> None:
    blobs = Blobs(f"file://{tmp_path}" if kind == "file" else "memory://")
    sha256 = blobs.put(b"bytes")
    assert blobs.put(b"bytes") == sha256
    assert blobs.get(sha256) == b"bytes"
    assert blobs.sound(sha256)
    assert not blobs.sound("0" * 64)
    with pytest.raises(NotFound, match="doctor"):
        blobs.get("0" * 64)
    if kind == "file":
        stored = tmp_path / sha256[:2] / sha256[2:4] / sha256
        stored.chmod(0o644)
        stored.write_bytes(b"rot")
        assert not blobs.sound(sha256)
        blobs.put(b"bytes")
        assert blobs.sound(sha256)


def test_a_blob_url_of_another_kind_is_refused() -> None:
    with pytest.raises(InvalidParameter, match="file://, s3:// or memory://"):
        Blobs("gopher://x")
