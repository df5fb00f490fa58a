"""What an export consists of: its files, the columns of its tables and the names of its tensors."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from ..domain.scoring import digest
from .packages import needed

FORMAT = "shotsmith-export/1"
MANIFEST = "manifest.json"
DEMONSTRATIONS = "demonstrations.parquet"
QUERIES = "queries.parquet"
IMAGES = "images.parquet"
EMBEDDINGS = "embeddings.safetensors"
CONTENTS = (DEMONSTRATIONS, QUERIES, IMAGES, EMBEDDINGS)

#: int64 [rows, 2]: query number and position of each row of `demonstrations.parquet`.
ROWS = "demonstrations.rows"


def vectors_name(of: str, space: str) -> str:
    """The tensor of the distinct vectors of "demonstrations" or "queries" in a space."""
    return f"{of}.{space}"


def row_name(of: str, space: str) -> str:
    """The tensor that says for each row of a table which vector is its own; -1 for none."""
    return f"{of}.{space}.row"


def schemas() -> dict[str, Any]:
    """The Arrow schema of each table.

    Raises:
        MissingExtra: pyarrow is not installed.
    """
    arrow = needed("pyarrow")
    text, texts = arrow.string(), arrow.list_(arrow.string())
    image = [("sha256", text), ("source_sha256", text), ("mime", text)]
    image += [("width", arrow.int32()), ("height", arrow.int32()), ("size", arrow.int64())]
    removal = arrow.struct([("id", text), ("reason", text), ("detail", text)])
    columns: dict[str, list[tuple[str, Any]]] = {
        QUERIES: [
            ("query", arrow.int64()),
            ("query_id", text),
            ("query_key", text),
            ("text", text),
            ("answer", text),
            ("labels", texts),
            ("group", text),
            ("metadata", text),
            ("images", arrow.list_(arrow.struct(image))),
            ("eligible", arrow.int64()),
            ("short", arrow.bool_()),
            ("flags", texts),
            ("removed", arrow.list_(removal)),
        ],
        DEMONSTRATIONS: [
            ("query", arrow.int64()),
            ("query_id", text),
            ("query_key", text),
            ("position", arrow.int32()),
            ("rank", arrow.int32()),
            ("id", text),
            ("text", text),
            ("answer", text),
            ("labels", texts),
            ("group", text),
            ("split", text),
            ("tags", texts),
            ("metadata", text),
            ("score", arrow.float64()),
            ("scores", text),
            ("stage", text),
            ("fixed", arrow.bool_()),
            ("bare", arrow.bool_()),
            ("reason", text),
            ("images", arrow.list_(arrow.struct(image))),
        ],
        IMAGES: [*image, ("bytes", arrow.binary())],
    }
    optional = {"query_id", "group", "split", "score"}
    found = {}
    for file, fields in columns.items():
        nullable = optional | ({"answer", "labels"} if file == QUERIES else set())
        found[file] = arrow.schema(
            [arrow.field(name, kind, nullable=name in nullable) for name, kind in fields]
        )
    return found


def sha256_of(file: Path) -> str:
    """The hash of a file."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def manifest_bytes(fields: dict[str, Any]) -> bytes:
    """A manifest as it is written, with its own hash."""
    sealed = {**fields, "sha256": digest(fields)}
    return (json.dumps(sealed, ensure_ascii=False, indent=2) + "\n").encode()


def read_manifest(data: bytes) -> dict[str, Any]:
    """The fields of a manifest.

    Raises:
        ValueError: The bytes are not what `manifest_bytes` wrote.
    """
    fields = json.loads(data)
    if not isinstance(fields, dict) or fields.pop("sha256", None) != digest(fields):
        raise ValueError("its hash is another one")
    return fields
