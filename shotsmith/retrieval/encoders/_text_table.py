"""A table of wordpiece vectors: a text's vector is the mean over its pieces, with no network to run.

The table is fitted so that these means imitate all-MiniLM-L6-v2 (Reimers and Gurevych 2019,
https://arxiv.org/abs/1908.10084). Word order is lost; in exchange a text costs tens of microseconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from shotsmith.domain.scoring import Matrix, unit

_UNKNOWN = "[UNK]"


class TextTable:
    """The table and its tokenizer.

    Args:
        table: npz with "q", int8 [pieces, d], and its row scales "s", float16 [pieces, 1].
        vocabulary: One wordpiece a line, in the table's order; lower-case BERT.
    """

    def __init__(self, table: Path, vocabulary: Path) -> None:
        from tokenizers import Tokenizer
        from tokenizers.models import WordPiece
        from tokenizers.normalizers import BertNormalizer
        from tokenizers.pre_tokenizers import BertPreTokenizer

        with np.load(table) as arrays:
            self._rows = arrays["q"]
            self._scales = arrays["s"].astype(np.float32)
        pieces = vocabulary.read_text(encoding="utf-8").removesuffix("\n").split("\n")
        self._unknown = pieces.index(_UNKNOWN)
        self._tokenizer = Tokenizer(
            WordPiece({piece: index for index, piece in enumerate(pieces)}, unk_token=_UNKNOWN)
        )
        self._tokenizer.normalizer = BertNormalizer(lowercase=True)
        self._tokenizer.pre_tokenizer = BertPreTokenizer()

    @property
    def dim(self) -> int:
        """Columns of the table."""
        return int(self._rows.shape[1])

    @property
    def size(self) -> int:
        """Rows of the table: wordpieces."""
        return int(self._rows.shape[0])

    def __call__(self, texts: Sequence[str]) -> Matrix:
        """Unit rows, float32 [n, d]; zero for a text of which no piece is known. Thread-safe."""
        return unit(np.array([self._sum(text) for text in texts]).reshape(len(texts), self.dim))

    def pieces(self, text: str) -> list[int]:
        """Row numbers of a text's known pieces."""
        # One at a time and not `encode_batch`, whose own threads break processes that fork later. A lone
        # surrogate, which JSON can carry, is no Unicode text for the tokenizer.
        clean = text.encode("utf-8", "replace").decode("utf-8")
        return [index for index in self._tokenizer.encode(clean).ids if index != self._unknown]

    def _sum(self, text: str) -> Matrix:
        pieces = self.pieces(text)
        return np.asarray((self._rows[pieces] * self._scales[pieces]).sum(axis=0))
