"""What many rows of an export share, written once: images by hash and vectors by example."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np

from ..domain.errors import InvalidImage
from ..domain.examples import Pool
from ..domain.media import Media
from ..domain.recipes import ImageSpec
from ..domain.selections import Selection
from ..engine import Engine
from ..extras import writable
from . import layout
from .growing import Table, Tensor
from .packages import needed

ImageForm = Literal["original", "prepared"]


class Images:
    """Writes every distinct image once, and says how rows refer to it.

    Args:
        table: Where to.
        engine: Has the images.
        sizes: How prompts carry them.
        form: Whether they are written as stored or as prompts carry them.
    """

    #: Compressed already; small row groups, so that one image is read without many others.
    OPTIONS: ClassVar[dict[str, Any]] = {
        "group_bytes": 1_000_000,
        "compression": "none",
        "use_dictionary": False,
        "write_statistics": False,
    }

    def __init__(self, table: Table, engine: Engine, sizes: ImageSpec, form: ImageForm) -> None:
        self.table = table
        self._engine = engine
        self._quality = sizes.quality
        self._form = form
        self._known: dict[tuple[str, int], dict[str, Any]] = {}
        self._written: set[str] = set()

    def of(self, media: Sequence[Media], max_side: int) -> list[dict[str, Any]]:
        """References to some media, which are written if they are new: sounds always as stored, of a video that is
        prepared the picture in its middle.

        Raises:
            NotFound: An image is lost.
            InvalidImage: It is damaged.
        """
        prepared = self._form == "prepared"
        return [self._one(part, max_side if prepared and part.seen else 0) for part in media]

    def _one(self, part: Media, max_side: int) -> dict[str, Any]:
        key = (part.sha256, max_side)
        if key not in self._known:
            image, data = self._prepared(part, max_side) if max_side else self._original(part)
            self._known[key] = image
            if image["sha256"] not in self._written:
                self._written.add(image["sha256"])
                self.table.add({**image, "bytes": data}, len(data))
        return self._known[key]

    def _original(self, part: Media) -> tuple[dict[str, Any], bytes]:
        data = part.data if part.data is not None else self._engine.image(part.sha256)
        if hashlib.sha256(data).hexdigest() != part.sha256:
            raise InvalidImage(
                "the stored image is damaged",
                field="sha256",
                value=part.sha256,
                mend="Run `shotsmith doctor`",
            )
        image = {
            "sha256": part.sha256,
            "source_sha256": part.sha256,
            "mime": part.mime,
            "width": part.width,
            "height": part.height,
            "size": len(data),
        }
        return image, data

    def _prepared(self, part: Media, max_side: int) -> tuple[dict[str, Any], bytes]:
        made = self._engine.prepared(part, max_side, self._quality)
        image = {
            "sha256": made.sha256,
            "source_sha256": part.sha256,
            "mime": made.mime,
            "width": made.width,
            "height": made.height,
            "size": len(made.data),
        }
        return image, made.data


class Vectors:
    """Collects the vectors of distinct demonstrations and of queries, and which row of a table has which.

    Args:
        engine: Has them.
        pool: Whose they are.
        folder: Where they wait.
    """

    def __init__(self, engine: Engine, pool: Pool, folder: Path) -> None:
        self._engine = engine
        self._pool = pool
        self._dims = dict(engine.encoder(pool).dims)
        self._known: dict[str, dict[str, int]] = {}
        self._tensors: dict[str, Tensor] = {}
        self._tensors[layout.ROWS] = Tensor(folder, np.int64, 2)
        for of in ("demonstrations", "queries"):
            for space, dim in self._dims.items():
                self._tensors[layout.vectors_name(of, space)] = Tensor(folder, np.float32, dim)
                self._tensors[layout.row_name(of, space)] = Tensor(folder, np.int64)

    @property
    def examples(self) -> int:
        """How many distinct demonstrations there are."""
        return len(self._known)

    def add(self, number: int, selection: Selection) -> None:
        """Take the vectors of a query and its demonstrations."""
        ids = [shot.example.id for shot in selection.demonstrations]
        fresh = [id for id in ids if id not in self._known]
        asked = self._engine.query_vectors(self._pool, selection.query)
        self._known.update((id, {}) for id in fresh)
        for space in self._dims:
            found = self._engine.vectors(self._pool, space, fresh) if fresh else {}
            for id in fresh:
                self._known[id][space] = self._put("demonstrations", space, found.get(id))
            row = self._put("queries", space, asked.get(space))
            self._tensors[layout.row_name("queries", space)].append(row)
            for id in ids:
                self._tensors[layout.row_name("demonstrations", space)].append(self._known[id][space])
        for shot in selection.demonstrations:
            self._tensors[layout.ROWS].append((number, shot.position))

    def finish(self, place: Path) -> None:
        """Write all of them into one file."""
        tensors = {name: tensor.mapped() for name, tensor in self._tensors.items()}
        # One entry of metadata: safetensors writes several in no particular order.
        metadata = {"encoder_id": self._pool.encoder_id}
        with writable():
            place.touch()
            mode = place.stat().st_mode  # safetensors writes files that only their owner may read
            needed("safetensors.numpy").save_file(tensors, place, metadata)
            place.chmod(mode)

    def close(self) -> None:
        """Let go of what waits."""
        for tensor in self._tensors.values():
            tensor.close()

    def _put(self, of: str, space: str, vector: Any) -> int:
        if vector is None:
            return -1
        tensor = self._tensors[layout.vectors_name(of, space)]
        tensor.append(vector)
        return tensor.rows - 1
