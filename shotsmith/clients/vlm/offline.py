"""Models that answer offline, from nothing but the messages they are sent.

    offline/knn-vote            the similarity-weighted vote of the demonstrations' answers
    offline/majority-class      their most frequent answer
    offline/copy-nearest        the answer of the most similar one
    offline/random-demo-answer  the answer of one drawn at random

They are the baselines of the literature: what the demonstrations alone say, without a language model. A language model
that does not beat them adds nothing to its demonstrations.
"""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from pydantic import SecretStr

from ...domain.errors import InvalidParameter, UnknownName
from ...domain.messages import Reply, Request
from ...domain.names import hint
from ...domain.protocols import VLM, Encoder
from ...domain.scoring import Vector, cosine, digest, quantise, shuffled
from ...domain.voting import Ballot, Weighting, nearest, shares, tally, winner
from .comparing import Comparer
from .parse_messages import Reading, Shot, read

_NOT_A_MODEL = "offline baseline, not a language model"
_WEIGHTINGS = ("similarity", "uniform")


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
    known = {kind.name: kind for kind in (KnnVote, MajorityClass, CopyNearest, RandomDemoAnswer)}
    if model not in known:
        raise UnknownName(
            "unknown offline model",
            field="model",
            value=model,
            mend=f"{hint(model, known)}Known: {', '.join(sorted(known))}",
        )
    if encoder is None:
        raise InvalidParameter(
            f"{model} needs an encoder", field="encoder", mend="Pass encoder=, which opens one"
        )
    return known[model](encoder())


class _Offline:
    """What offline models share: they read the demonstrations and compare them with the query.

    A demonstration's similarity is the mean of its cosines with the query, image with image and text with text, over
    the modalities that both have; several images count as the mean of their unit vectors. The order in which
    demonstrations are shown does not matter. Without demonstrations the answer is the label whose name is nearest to
    the query.

    Args:
        encoder: Compares images and texts.
        capacity: Embeddings remembered between calls.
    """

    name: ClassVar[str]
    #: Names of the parameters that it heeds.
    heeds: ClassVar[tuple[str, ...]] = ()

    def __init__(self, encoder: Encoder, *, capacity: int = 4096) -> None:
        self._comparer = Comparer(encoder, capacity=capacity)

    def _check(self, parameters: Mapping[str, Any]) -> None:
        """Refuse what it heeds and cannot use, with demonstrations or without. Raises InvalidParameter."""
        return

    @abstractmethod
    def _decide(
        self, ballots: list[Ballot], parameters: Mapping[str, Any], reading: Reading
    ) -> tuple[tuple[tuple[str, float], ...], str]:
        """Answers with their probabilities, the chosen one first, and how it came to it."""

    def complete(self, request: Request) -> Reply:
        """Answer from the messages; parameters without effect are named in the notes.

        Raises:
            ModelRefused: The messages end without a query.
            InvalidImage: An image that cannot be decoded.
            InvalidParameter: A parameter that it heeds has no such value.
        """
        started = time.perf_counter()
        given = {name: value for name, value in request.parameters.items() if value is not None}
        reading = read(request.messages)
        self._check(given)
        alternatives: tuple[tuple[str, float], ...] = ()
        if reading.demonstrations:
            ballots, note = self._ballots(reading)
            alternatives, how = self._decide(ballots, given, reading)
            text, notes = alternatives[0][0], [f"{how}: {note}"]
        else:
            text, notes = self._match(reading)
        if unused := sorted(given.keys() - set(self.heeds)):
            notes.append(f"parameters without effect: {', '.join(unused)}")
        return Reply(
            text=text,
            model=self.name,
            cost_usd=0.0,
            latency_ms=(time.perf_counter() - started) * 1000,
            notes=(_NOT_A_MODEL, *notes),
            alternatives=alternatives,
        )

    def _ballots(self, reading: Reading) -> tuple[list[Ballot], str]:
        shots = reading.demonstrations
        similarities = self._comparer.similarities(reading.query, shots)
        compared = len(shots) - similarities.count(None)
        note = f"{compared} of {len(shots)} demonstrations compare with the query"
        if not compared:
            note = f"none of {len(shots)} demonstrations shares a modality with the query"
        answers = [shot.answer or "" for shot in shots]
        return [Ballot(*pair) for pair in zip(answers, similarities, strict=True)], note

    def _match(self, reading: Reading) -> tuple[str, list[str]]:
        """Zero-shot: the label whose name is nearest to the query in the joint space."""
        if not reading.labels:
            return "", ["no demonstrations and no label list: no answer"]
        query = [
            vectors
            for vectors in (self._comparer.images(reading.query), self._comparer.text(reading.query))
            if "joint" in vectors
        ]
        names = self._comparer.names(reading.labels)
        scores = {
            label: quantise(sum(_cosine(vectors["joint"], name["joint"]) for vectors in query) / len(query))
            for label, name in zip(reading.labels, names, strict=True)
            if query and "joint" in name
        }
        if not scores:
            return "", ["no demonstrations, and the query cannot be compared with label names: no answer"]
        best = min(scores, key=lambda label: (-scores[label], label))
        return best, ["no demonstrations: nearest label name in the joint space"]


class KnnVote(_Offline):
    """The vote of the demonstrations' answers, each weighing its similarity, never less than zero.

    Parameters: `k`, only the k most similar ones vote; `weights`, "similarity" or "uniform". Where nothing compares
    with the query, each has one vote. Ties go to the answer of the most similar demonstration, then to the smaller
    answer.
    """

    name = "offline/knn-vote"
    heeds = ("k", "weights")

    def _check(self, parameters: Mapping[str, Any]) -> None:
        weights = parameters.get("weights", _WEIGHTINGS[0])
        if weights not in _WEIGHTINGS:
            raise InvalidParameter(
                "not a way to weigh votes",
                field="weights",
                value=weights,
                mend=f"Use {' or '.join(_WEIGHTINGS)}",
            )
        _whole(parameters, "k", least=1)

    def _decide(
        self, ballots: list[Ballot], parameters: Mapping[str, Any], reading: Reading
    ) -> tuple[tuple[tuple[str, float], ...], str]:
        weights, how = parameters.get("weights", _WEIGHTINGS[0]), "similarity-weighted vote"
        if all(ballot.similarity is None for ballot in ballots):
            weights = "uniform"
        if weights == "uniform":
            how = "plain majority"
        voting = nearest(ballots, k) if (k := parameters.get("k")) else ballots
        return _chosen(voting, weights), how


class MajorityClass(_Offline):
    """The most frequent answer of the demonstrations; ties as for the vote."""

    name = "offline/majority-class"

    def _decide(
        self, ballots: list[Ballot], parameters: Mapping[str, Any], reading: Reading
    ) -> tuple[tuple[tuple[str, float], ...], str]:
        return _chosen(ballots, "uniform"), "most frequent answer"


class CopyNearest(_Offline):
    """The answer of the most similar demonstration: 1-NN, for free text as well."""

    name = "offline/copy-nearest"

    def _decide(
        self, ballots: list[Ballot], parameters: Mapping[str, Any], reading: Reading
    ) -> tuple[tuple[tuple[str, float], ...], str]:
        return _chosen(nearest(ballots, 1), "uniform"), "answer of the most similar demonstration"


class RandomDemoAnswer(_Offline):
    """The answer of a demonstration drawn at random, the same one whenever the same is asked (SMMILE).

    Parameter: `seed`.
    """

    name = "offline/random-demo-answer"
    heeds = ("seed",)

    def _check(self, parameters: Mapping[str, Any]) -> None:
        _whole(parameters, "seed")

    def _decide(
        self, ballots: list[Ballot], parameters: Mapping[str, Any], reading: Reading
    ) -> tuple[tuple[tuple[str, float], ...], str]:
        def content(shot: Shot) -> str:
            return digest([[image.sha256 for image in shot.images], shot.text, shot.answer])

        shown = {content(shot): shot.answer or "" for shot in reading.demonstrations}
        drawn = shuffled(shown, parameters.get("seed", 0), content(reading.query))[0]
        return ((shown[drawn], 1.0),), "answer of a demonstration drawn at random"


def _chosen(ballots: Sequence[Ballot], weights: Weighting) -> tuple[tuple[str, float], ...]:
    first = winner(ballots, weights)
    return tuple(sorted(shares(tally(ballots, weights)), key=lambda pair: pair[0] != first))


def _whole(parameters: Mapping[str, Any], name: str, least: int | None = None) -> None:
    given = parameters.get(name, least or 0)
    if isinstance(given, bool) or not isinstance(given, int) or (least is not None and given < least):
        bound = "" if least is None else f" from {least} on"
        raise InvalidParameter(
            f"{name} is a whole number{bound}", field=name, value=given, mend=f"Use, for example, {name}=3"
        )


def _cosine(one: Vector, other: Vector) -> float:
    return cosine(one[None], other)[0]
