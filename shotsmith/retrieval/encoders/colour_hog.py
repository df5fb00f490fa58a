"""Colour histogram and gradients: pictures compared without a model.

A 4x4x4 RGB histogram over 2x2 cells, and histograms of oriented gradients (Dalal and Triggs 2005,
https://doi.org/10.1109/CVPR.2005.177) with 9 bins, 8x8-pixel cells and 2x2-cell blocks, on the picture squeezed to
64x64. The fallback where not even onnxruntime can run; near the embedded encoder on plain shapes and textures, far
behind it on photographs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from shotsmith.domain.errors import InvalidParameter
from shotsmith.domain.scoring import Matrix, unit

_SIDE = 64
_CELLS = 8
_BINS = 9
_DIM = 4 * 64 + (_CELLS - 1) ** 2 * 4 * _BINS


def load(spec: str = "") -> ColourHogEncoder:
    """The encoder; it has no variants.

    Raises:
        InvalidParameter: For a `spec` that is not empty.
    """
    if spec:
        raise InvalidParameter(
            "the colour-hog encoder has no variants", field="encoder", value=spec, mend='Use "colour-hog"'
        )
    return ColourHogEncoder()


class ColourHogEncoder:
    """Satisfies `Encoder` for the image space, with numpy and Pillow alone. Stateless and thread-safe."""

    @property
    def id(self) -> str:
        """Name and revision."""
        return "colour-hog/1:rgb4-hog9-squash64"

    @property
    def dims(self) -> Mapping[str, int]:
        """2020 for "image"."""
        return {"image": _DIM}

    def encode_images(self, images: Sequence[Image.Image]) -> Mapping[str, Matrix]:
        """Unit rows, float32 [n, 2020]; colour and shape weigh the same."""
        return {"image": unit(np.array([_describe(image) for image in images]).reshape(len(images), _DIM))}

    def encode_texts(self, texts: Sequence[str]) -> Mapping[str, Matrix]:
        """Nothing: texts have no space here."""
        return {}


def _describe(image: Image.Image) -> NDArray[np.float64]:
    small = image.resize((_SIDE, _SIDE), Image.Resampling.BILINEAR).convert("RGB")
    pixels = np.asarray(small)
    return np.concatenate([_colours(pixels), _gradients(pixels.mean(axis=2))])


def _colours(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    red, green, blue = np.moveaxis(pixels // 64, 2, 0).astype(np.intp)
    bins = red * 16 + green * 4 + blue
    half = _SIDE // 2
    quarters = [bins[top : top + half, left : left + half] for top in (0, half) for left in (0, half)]
    counts = np.concatenate([np.bincount(quarter.ravel(), minlength=64) for quarter in quarters])
    shares: NDArray[np.float64] = np.sqrt(counts / counts.sum())
    return shares


def _gradients(grey: NDArray[np.float64]) -> NDArray[np.float64]:
    down, right = np.gradient(grey)
    angle = np.arctan2(down, right) % np.pi
    bins = np.minimum((angle / np.pi * _BINS).astype(np.intp), _BINS - 1)
    cell = np.arange(_SIDE) * _CELLS // _SIDE
    place = (cell[:, None] * _CELLS + cell) * _BINS + bins
    weights = np.hypot(down, right).ravel()
    cells = np.bincount(place.ravel(), weights, minlength=_CELLS**2 * _BINS).reshape(_CELLS, _CELLS, _BINS)
    blocks = np.concatenate([cells[:-1, :-1], cells[1:, :-1], cells[:-1, 1:], cells[1:, 1:]], axis=2)
    blocks /= np.sqrt((blocks**2).sum(axis=2, keepdims=True) + 1e-3)
    return blocks.ravel() / max(float(np.linalg.norm(blocks)), 1e-9)
