"""What a simulated model makes of a prompt before it forms an opinion."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from ....domain.examples import normal_text
from ....domain.scoring import digest, quantise, seed_bytes, shuffled
from ..comparing import Comparer
from ..parse_messages import Reading, Shot

Belief = Mapping[str, float]
"""Answers and how likely they are thought to be; the sum is 1."""


@dataclass(frozen=True, slots=True)
class Thought:
    """A way in which a reply may come about.

    Attributes:
        chance: How likely it is this one.
        belief: What it holds likely.
        says: What it answers.
        why: For the notes.
    """

    chance: float
    belief: Belief
    says: str
    why: str


@dataclass(frozen=True)
class Sight:
    """A prompt as a simulated model sees it.

    Attributes:
        query: What is asked.
        shots: The demonstrations, in prompt order.
        labels: The label list of the instruction; empty without one.
        seed: Of the model.
        comparer: Embeds and compares; None for models that never do.
    """

    query: Shot
    shots: tuple[Shot, ...]
    labels: tuple[str, ...]
    seed: int
    comparer: Comparer | None = field(default=None, repr=False)

    @classmethod
    def of(cls, reading: Reading, sees: Sequence[str], seed: int, comparer: Comparer | None) -> Sight:
        """A reading, without what the model is blind to."""

        def blinded(shot: Shot) -> Shot:
            return Shot(
                shot.images if "image" in sees else (), shot.text if "text" in sees else "", shot.answer
            )

        shots = tuple(map(blinded, reading.demonstrations))
        return cls(blinded(reading.query), shots, reading.labels, seed, comparer)

    @cached_property
    def options(self) -> tuple[str, ...]:
        """The answers it knows of before it looks: the label list, or without one what the demonstrations answer."""
        return self.labels or tuple(sorted({shot.answer or "" for shot in self.shots}))

    @cached_property
    def key(self) -> str:
        """Identity of the query."""
        return content(self.query)

    @cached_property
    def named(self) -> str | None:
        """The option that the query's text names first, as whole words; the longest of those that begin there."""
        text = normal_text(self.query.text)
        places = []
        for option in self.options:
            name = normal_text(option)
            found = re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text) if name else None
            if found:
                places.append((found.start(), -len(name), option))
        return min(places)[2] if places else None

    def prior(self, trust: float) -> Belief:
        """What is likely by the query alone: `trust` on the option its text names, the rest on all alike."""
        count = len(self.options)
        left = 1.0 if self.named is None else 1.0 - trust
        return {option: left / count + (trust if option == self.named else 0.0) for option in self.options}

    def similarities(self, modalities: Sequence[str]) -> list[float | None]:
        """How similar each demonstration is to the query."""
        assert self.comparer is not None
        return self.comparer.similarities(self.query, self.shots, modalities)

    def best(self, belief: Belief) -> str:
        """The likeliest answer; ties by keyed hash of the query, so that demonstrations do not decide them."""
        order = shuffled(belief, self.seed, f"guess|{self.key}")
        return max(order, key=lambda answer: quantise(belief[answer]))


def content(shot: Shot) -> str:
    """Identity of what a shot shows and answers."""
    return digest([[image.sha256 for image in shot.images], shot.text, shot.answer])


def share(weights: Mapping[str, float]) -> Belief:
    """Weights, not all of them zero, as probabilities."""
    total = math.fsum(weights.values())
    return {answer: weight / total for answer, weight in weights.items()}


def uniform(seed: int, scope: str) -> float:
    """A number in [0, 1) by keyed hash."""
    return int.from_bytes(seed_bytes(seed, scope)[:7], "big") / 2**56
