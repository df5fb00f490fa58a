"""The default encoder: ships inside the package, needs no download and no torch.

Pictures are EfficientNet-Lite0 features, texts means over a table fitted to MiniLM. They meet in the joint space by
ConSE (Norouzi et al. 2014, https://arxiv.org/abs/1312.5650): a picture stands there as the mix of the WordNet
glosses of the ImageNet classes it resembles. That joint space is weak: it finds roughly the right pictures for a
text, knows no people, and is no substitute for CLIP. Where weights can be downloaded, prefer `open_clip:...`.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from shotsmith.domain.errors import InvalidParameter
from shotsmith.domain.scoring import Matrix, Vector, unit

from ._lite0 import Lite0
from ._text_table import TextTable

WEIGHTS = Path(__file__).parent / "weights"
MODEL = "lite0-w16"
# First digits of the sha256 of weights/SHA256SUMS.
REVISION = "963ddca371db"
_PREPROCESSING = "square224-sqrt-centred-1"
_THREADS = 4


def load(spec: str = "") -> EmbeddedEncoder:
    """The embedded encoder. Instant: weights are read on first use.

    Args:
        spec: What follows "embedded:"; empty or "lite0-w16".

    Raises:
        InvalidParameter: For any other `spec`.
    """
    if spec not in ("", MODEL):
        raise InvalidParameter(
            "no such embedded model", field="encoder", value=spec, mend='Use "embedded" alone'
        )
    return EmbeddedEncoder()


class EmbeddedEncoder:
    """Satisfies `Encoder` in all three spaces. Thread-safe.

    A vector depends on its picture or text alone, never on the batch or on how many threads run.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pictures: _Pictures | None = None
        self._texts: _Texts | None = None

    @property
    def id(self) -> str:
        """Model, revision of the weights, and what is done before and after the network."""
        return f"embedded/{MODEL}@{REVISION}:{_PREPROCESSING}"

    @property
    def dims(self) -> Mapping[str, int]:
        """1280 for "image", 128 for "text" and "joint"."""
        return {"image": 1280, "text": 128, "joint": 128}

    def encode_images(self, images: Sequence[Image.Image]) -> Mapping[str, Matrix]:
        """Unit rows, float32: "image" [n, 1280] and "joint" [n, 128]."""
        with self._lock:
            encode = self._pictures = self._pictures or _Pictures()
        workers = min(len(images), os.cpu_count() or 1, _THREADS)
        if workers < 2:
            rows = [encode(image) for image in images]
        else:
            with ThreadPoolExecutor(workers, thread_name_prefix="encode") as threads:
                rows = list(threads.map(encode, images))
        return {
            space: np.array([row[space] for row in rows], dtype=np.float32).reshape(
                len(rows), self.dims[space]
            )
            for space in ("image", "joint")
        }

    def encode_texts(self, texts: Sequence[str]) -> Mapping[str, Matrix]:
        """Unit rows, float32 [n, 128]: "text" and "joint"; zero rows for texts without any known word."""
        with self._lock:
            encode = self._texts = self._texts or _Texts()
        return encode(texts)


class _Pictures:
    """One picture to its unit rows in "image" and "joint"."""

    def __init__(self) -> None:
        self._network = Lite0(WEIGHTS / "lite0_w16.onnx")
        self._mean = np.load(WEIGHTS / "image_mean.npy").astype(np.float64)
        with np.load(WEIGHTS / "conse.npz") as conse:
            self._classes = conse["classes"].astype(np.float64)
            self._temperature = float(conse["temperature"])

    def __call__(self, picture: Image.Image) -> dict[str, Vector]:
        features, logits = self._network(picture)
        # Square roots damp the few large features, the mean takes away what all pictures share.
        image = unit(np.sqrt(features)) - self._mean
        # einsum and not @: BLAS sums in an order that depends on its threads.
        joint = np.einsum("c,cd->d", _softmax(logits / self._temperature), self._classes)
        return {"image": unit(image), "joint": unit(joint)}


class _Texts:
    """Texts to unit rows in "text" and "joint"."""

    def __init__(self) -> None:
        self._table = TextTable(WEIGHTS / "st_l1_128.npz", WEIGHTS / "vocab.txt")
        with np.load(WEIGHTS / "conse.npz") as conse:
            self._mean = conse["text_mean"]

    def __call__(self, texts: Sequence[str]) -> dict[str, Matrix]:
        rows = self._table(texts)
        known = rows.any(axis=1, keepdims=True)
        return {"text": rows, "joint": unit(np.where(known, rows - self._mean, 0))}


def _softmax(logits: Vector) -> NDArray[np.float64]:
    odds = np.exp(logits.astype(np.float64) - float(logits.max()))
    return np.asarray(odds / odds.sum())
