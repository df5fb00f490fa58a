"""Models that answer offline, from nothing but the messages they are sent.

`offline/knn-vote` is the baseline of the literature: what the demonstrations alone say, without a language model
(similarity-weighted majority vote, Baldassini et al. 2024; 1-NN, Milios et al. 2023). A language model that does
not beat it adds nothing to its demonstrations.
"""

from __future__ import annotations

import difflib
import math
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from pydantic import SecretStr

from ...domain.errors import InvalidParameter, UnknownName
from ...domain.messages import Reply, Request
from ...domain.protocols import VLM, Encoder
from ...domain.scoring import Vector, cosine, quantise, unit
from .memo import EmbeddingMemo, Vectors
from .parse_messages import Reading, Shot, read

_NOT_A_MODEL = "offline baseline, not a language model"


def load(
    model: str,
    *,
    api_base: str | None = None,
    api_key: SecretStr | None = None,
    encoder: Callable[[], Encoder] | None = None,
) -> VLM:
    """The factory of `offline/...`; endpoint and key mean nothing to it.

    Raises:
        UnknownName: No offline model of that name.
        InvalidParameter: No encoder to compare with.
    """
    known = {kind.name: kind for kind in (KnnVote,)}
    if model not in known:
        close = difflib.get_close_matches(model, known, n=1)
        hint = f"Did you mean {close[0]!r}? " if close else ""
        raise UnknownName(
            "unknown offline model",
            field="model",
            value=model,
            mend=f"{hint}Known: {', '.join(sorted(known))}",
        )
    if encoder is None:
        raise InvalidParameter(
            f"{model} needs an encoder", field="encoder", mend="Pass encoder=, which opens one"
        )
    return known[model](encoder())


class KnnVote:
    """The similarity-weighted vote of the demonstrations' answers; without demonstrations, the nearest label name.

    A demonstration weighs the mean of its cosines with the query, image with image and text with text, over the
    modalities that both have, and never less than zero; several images count as the mean of their unit vectors.
    Ties go to the answer of the most similar demonstration, then to the smaller answer. The order in which
    demonstrations are shown does not matter.

    Args:
        encoder: Compares images and texts.
        capacity: Embeddings remembered between calls.
    """

    name = "offline/knn-vote"

    def __init__(self, encoder: Encoder, *, capacity: int = 4096) -> None:
        self._encoder = encoder
        self._memo = EmbeddingMemo(encoder, capacity=capacity)

    def complete(self, request: Request) -> Reply:
        """Answer from the messages; the parameters change nothing and are named in the notes.

        Raises:
            ModelRefused: The messages end without a query.
            InvalidImage: An image that cannot be decoded.
        """
        started = time.perf_counter()
        reading = read(request.messages)
        text, notes = self._vote(reading) if reading.demonstrations else self._match(reading)
        if unused := sorted(name for name, value in request.parameters.items() if value is not None):
            notes.append(f"parameters without effect: {', '.join(unused)}")
        return Reply(
            text=text,
            model=self.name,
            cost_usd=0.0,
            latency_ms=(time.perf_counter() - started) * 1000,
            notes=(_NOT_A_MODEL, *notes),
        )

    def _vote(self, reading: Reading) -> tuple[str, list[str]]:
        shots = reading.demonstrations
        # One call for all, so that the encoder can batch what is new.
        self._memo.images([image for shot in (*shots, reading.query) for image in shot.images])
        self._memo.texts([shot.text for shot in (*shots, reading.query) if shot.text])
        asked = self._features(reading.query)
        similarities = _similarities(asked, [self._features(shot) for shot in shots])
        compared = len(shots) - similarities.count(None)
        note = f"similarity-weighted vote: {compared} of {len(shots)} demonstrations compare with the query"
        if not compared:
            similarities = [1.0] * len(shots)
            note = f"plain majority: none of {len(shots)} demonstrations shares a modality with the query"
        return _winner([shot.answer or "" for shot in shots], similarities), [note]

    def _match(self, reading: Reading) -> tuple[str, list[str]]:
        """Zero-shot: the label whose name is nearest to the query in the joint space."""
        if not reading.labels:
            return "", ["no demonstrations and no label list: no answer"]
        query = [
            vectors
            for vectors in (self._images(reading.query), self._text(reading.query))
            if "joint" in vectors
        ]
        names = self._memo.texts(reading.labels)
        scores = {
            label: quantise(sum(_cosine(vectors["joint"], name["joint"]) for vectors in query) / len(query))
            for label, name in zip(reading.labels, names, strict=True)
            if query and "joint" in name
        }
        if not scores:
            return "", ["no demonstrations, and the query cannot be compared with label names: no answer"]
        best = min(scores, key=lambda label: (-scores[label], label))
        return best, ["no demonstrations: nearest label name in the joint space"]

    def _features(self, shot: Shot) -> dict[str, Vector]:
        """What is compared: one image vector and one text vector, where there are any."""
        spaces = self._encoder.dims
        found = {
            modality: vectors.get(modality if modality in spaces else "joint")
            for modality, vectors in (("image", self._images(shot)), ("text", self._text(shot)))
        }
        return {modality: vector for modality, vector in found.items() if vector is not None}

    def _images(self, shot: Shot) -> Vectors:
        # Summed in the order of their content, so that their order in the prompt cannot show in the last bit.
        rows = self._memo.images(sorted(shot.images, key=lambda image: image.sha256))
        spaces = {space for row in rows for space in row}
        means = {space: _mean([row[space] for row in rows if space in row]) for space in spaces}
        return {space: mean for space, mean in means.items() if np.any(mean)}

    def _text(self, shot: Shot) -> Vectors:
        return self._memo.texts([shot.text])[0] if shot.text else {}


def _mean(rows: Sequence[Vector]) -> Vector:
    if len(rows) == 1:
        return rows[0]
    total = np.sum(np.asarray(rows, dtype=np.float64), axis=0)
    return unit(total)


def _cosine(one: Vector, other: Vector) -> float:
    return cosine(one[None], other)[0]


def _similarities(query: Mapping[str, Vector], shots: Sequence[Mapping[str, Vector]]) -> list[float | None]:
    """Mean cosine over the modalities that query and demonstration share; None where they share none."""
    terms: list[list[float]] = [[] for _ in shots]
    for modality, vector in sorted(query.items()):
        having = [number for number, shot in enumerate(shots) if modality in shot]
        if having:
            rows = np.stack([shots[number][modality] for number in having])
            for number, score in zip(having, cosine(rows, vector), strict=True):
                terms[number].append(score)
    return [quantise(sum(scores) / len(scores)) if scores else None for scores in terms]


def _winner(answers: Sequence[str], similarities: Sequence[float | None]) -> str:
    weights: dict[str, list[float]] = defaultdict(list)
    best: dict[str, float] = defaultdict(lambda: -math.inf)
    for answer, similarity in zip(answers, similarities, strict=True):
        weights[answer].append(max(similarity or 0.0, 0.0))
        best[answer] = max(best[answer], -math.inf if similarity is None else similarity)
    # fsum rounds once, whatever the order of its terms.
    totals = {answer: quantise(math.fsum(terms)) for answer, terms in weights.items()}
    return min(totals, key=lambda answer: (-totals[answer], -best[answer], answer))
