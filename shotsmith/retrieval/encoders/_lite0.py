"""EfficientNet-Lite0 in onnxruntime: what the embedded encoder sees of a picture.

Source: Tan and Le 2019, https://arxiv.org/abs/1905.11946, in the "lite" form without squeeze-and-excitation.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from shotsmith.domain.scoring import Vector

SIZE = 224


class Lite0:
    """The network, on one CPU thread.

    Args:
        path: ONNX file with input "image" and outputs "embedding" and "logits".
    """

    def __init__(self, path: Path) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        # One thread each: sums in another order would make a vector depend on the machine's core count.
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    def __call__(self, picture: Image.Image) -> tuple[Vector, Vector]:
        """Features [1280], none negative, and ImageNet-1k logits [1000] of one picture. Thread-safe.

        Pictures go one by one: batches are no faster and would change the last bits.
        """
        features, logits = self._session.run(["embedding", "logits"], {"image": prepare(picture)[None]})
        return features[0], logits[0]


def prepare(picture: Image.Image) -> NDArray[np.float32]:
    """The network's input, float32 [3, 224, 224]: central square, bicubic, (x - 127) / 128."""
    side = min(picture.size)
    left, top = (picture.width - side) // 2, (picture.height - side) // 2
    # Cropped first, because `resize(box=...)` would let the pixels around the box bleed in.
    square = picture.crop((left, top, left + side, top + side))
    small = square.resize((SIZE, SIZE), Image.Resampling.BICUBIC).convert("RGB")
    pixels: NDArray[np.float32] = (np.asarray(small, dtype=np.float32) - np.float32(127)) / np.float32(128)
    return pixels.transpose(2, 0, 1)
