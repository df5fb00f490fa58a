"""A fake encoder for tests and dry runs: instant, tiny, deterministic, numpy only. It understands nothing.

Pictures are compared by a coarse colour layout and texts by the words they share. The joint space knows
colours: a picture stands there as the English names of its colours, so "red" is nearest to a red picture.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from PIL import Image

from shotsmith.domain.errors import InvalidParameter
from shotsmith.domain.examples import normal_text
from shotsmith.domain.scoring import Matrix, unit

_GRID = 4
_WORD_DIM = 32
_DIMS = {"image": _GRID * _GRID * 3 + 1, "text": _WORD_DIM, "joint": _WORD_DIM}
_COLOURS = {
    "black": (0, 0, 0),
    "white": (255, 255, 255),
    "grey": (128, 128, 128),
    "red": (255, 0, 0),
    "green": (0, 160, 0),
    "blue": (0, 0, 255),
    "yellow": (255, 255, 0),
    "orange": (255, 140, 0),
    "purple": (128, 0, 128),
    "brown": (120, 70, 20),
}


def load(spec: str = "") -> FakeEncoder:
    """The fake encoder; `spec` names the spaces it offers, e.g. "image" or "image+text" (default: all three).

    Raises:
        InvalidParameter: For a space that does not exist.
    """
    return FakeEncoder(spec.split("+")) if spec else FakeEncoder()


class FakeEncoder:
    """Satisfies `Encoder` without a model.

    Args:
        spaces: The spaces on offer; leave some out to test what happens without them.

    Raises:
        InvalidParameter: For a space that does not exist.
    """

    def __init__(self, spaces: Iterable[str] = ("image", "text", "joint")) -> None:
        wanted = set(spaces)
        if unknown := wanted - _DIMS.keys():
            raise InvalidParameter(
                "no such space", field="encoder", value=min(unknown), mend=f"Use some of {', '.join(_DIMS)}"
            )
        self._dims = {space: dim for space, dim in _DIMS.items() if space in wanted}

    @property
    def id(self) -> str:
        """Name, revision and spaces."""
        return f"fake/1:{'+'.join(self._dims)}"

    @property
    def dims(self) -> Mapping[str, int]:
        """49 for "image", 32 for "text" and "joint"."""
        return dict(self._dims)

    def encode_images(self, images: Sequence[Image.Image]) -> Mapping[str, Matrix]:
        """Colour layouts ("image") and hashed colour names ("joint")."""
        grids = [_grid(image) for image in images]
        return self._offered(image=[_layout(grid) for grid in grids], joint=[_names(grid) for grid in grids])

    def encode_texts(self, texts: Sequence[str]) -> Mapping[str, Matrix]:
        """Hashed words, alike in "text" and "joint"; a text without words has the zero row."""
        rows = [_words(re.findall(r"\w+", normal_text(text))) for text in texts]
        return self._offered(text=rows, joint=rows)

    def _offered(self, **rows: list[np.ndarray]) -> dict[str, Matrix]:
        return {
            space: unit(np.array(values, dtype=np.float64).reshape(len(values), self._dims[space]))
            for space, values in rows.items()
            if space in self._dims
        }


def _grid(image: Image.Image) -> np.ndarray:
    small = image.resize((_GRID, _GRID), Image.Resampling.BOX).convert("RGB")
    return np.asarray(small, dtype=np.float64).reshape(-1, 3)


def _layout(grid: np.ndarray) -> np.ndarray:
    # The constant keeps a plain mid-grey picture from being the zero row.
    return np.append(grid / 127.5 - 1, 0.1)


def _names(grid: np.ndarray) -> np.ndarray:
    palette = np.array(list(_COLOURS.values()), dtype=np.float64)
    nearest = ((grid[:, None] - palette) ** 2).sum(axis=2).argmin(axis=1)
    names = list(_COLOURS)
    return _words(names[index] for index in nearest)


def _words(words: Iterable[str]) -> np.ndarray:
    total = np.zeros(_WORD_DIM)
    for word in words:
        hashed = hashlib.blake2b(word.encode(), digest_size=_WORD_DIM).digest()
        total += np.frombuffer(hashed, dtype=np.int8)
    return total
