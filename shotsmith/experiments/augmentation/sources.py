"""Real examples that others are made from, and which of them each prompt shows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple

import numpy as np

from ...domain.errors import InvalidInput
from ...domain.examples import Example, Pool, letters, normal_text
from ...domain.scoring import Keys, item_keys, keyed, seed_bytes
from ...engine import Engine
from ..bench import TRAINING
from ..truths import truth
from .flags import is_synthetic

Mode = Literal["rewording", "question", "caption", "item"]
"""What is new: the wording of the input; the input and the answer; the answer alone; everything."""


class Draw(NamedTuple):
    """What one candidate is made from.

    Attributes:
        number: Of the candidate, from 0.
        source: The example whose images, group and, in a rewording, answer it takes.
        beside: Real examples that are shown before it, for their style.
        mode: What is new.
        seed: For the model.
    """

    number: int
    source: Example
    beside: tuple[Example, ...]
    mode: Mode
    seed: int

    @property
    def shown(self) -> tuple[Example, ...]:
        """Every real example in the prompt, the source first."""
        return (self.source, *self.beside)


@dataclass(frozen=True)
class Sources:
    """The real training examples of a pool.

    Attributes:
        pool: Whose.
        examples: All that have an answer, by ascending id.
        inputs: What every real example of the pool shows and asks, whatever its split.
        wholes: The same with what it answers.
    """

    pool: Pool
    examples: tuple[Example, ...]
    inputs: frozenset[tuple[str, ...]]
    wholes: frozenset[tuple[str, ...]]

    @classmethod
    def of(cls, engine: Engine, pool: Pool, ids: Sequence[str] | None = None) -> Sources:
        """Read them.

        Args:
            engine: Holds the pool.
            pool: Which.
            ids: Only these.

        Raises:
            NotFound: No such example.
            InvalidInput: One of them is no real, active training example with an answer, or there is none at all.
        """
        everything = [one for one in engine.each_example(pool.name) if not is_synthetic(one)]
        if ids is None:
            chosen = [one for one in everything if not _refusal(pool, one)]
        else:
            chosen = [engine.example(pool, id) for id in dict.fromkeys(ids)]
            for one in chosen:
                if why := _refusal(pool, one):
                    raise InvalidInput(
                        f"examples are made from real training examples alone, and this one {why}",
                        field="sources",
                        value=one.id,
                        mend="Name others",
                    )
        found = cls(
            pool,
            tuple(sorted(chosen, key=lambda one: one.id)),
            frozenset(map(input_key, everything)),
            frozenset(map(whole_key, everything)),
        )
        if not found.usable:
            what = "has a text that could be put differently" if found.examples else "is there with an answer"
            raise InvalidInput(
                f"no real training example {what}",
                field="pool",
                value=pool.name,
                mend="Import training examples with texts",
            )
        return found

    @cached_property
    def usable(self) -> dict[str, Mode]:
        """What can be made from each example, by id; some have nothing that could be put differently."""
        found = {one.id: mode_of(self.pool, one) for one in self.examples}
        return {id: mode for id, mode in found.items() if mode is not None}

    def draws(self, count: int, shots: int, seed: int) -> Iterator[Draw]:
        """Which examples each prompt shows; the first n draws are the same whatever the count.

        Every usable example is a source once before any is for the second time. All that a prompt shows is of the
        source's group, or of no group where it has none, so that the group tells of everything a candidate comes from.
        """
        known = {one.id: one for one in self.examples}
        ids = list(self.usable)
        order = _order(item_keys(ids), seed, "augmentation")
        groups = self._groups
        for number in range(count):
            source = known[ids[order[number % len(ids)]]]
            members, keys = groups[source.group]
            near = _order(keys, seed, f"augmentation|{number}", shots)
            beside = tuple(members[place] for place in near if members[place].id != source.id)[: shots - 1]
            chance = int.from_bytes(seed_bytes(seed, f"augmentation|{number}")[:4], "little") >> 1
            yield Draw(number, source, beside, self.usable[source.id], chance)

    def references(self, rater: int, count: int, seed: int) -> tuple[Example, ...]:
        """Real examples that one rater compares with: the same for every candidate, so that prompts begin alike."""
        order = _order(self._keys, seed, f"rater|{rater}", count)
        return tuple(self.examples[place] for place in order[:count])

    @cached_property
    def _keys(self) -> Keys:
        return item_keys(one.id for one in self.examples)

    @cached_property
    def _groups(self) -> dict[str | None, tuple[list[Example], Keys]]:
        found: dict[str | None, list[Example]] = {}
        for one in self.examples:
            found.setdefault(one.group, []).append(one)
        return {group: (some, item_keys(one.id for one in some)) for group, some in found.items()}


def mode_of(pool: Pool, example: Example) -> Mode | None:
    """What can be made from an example; None where nothing can be put differently.

    A label or a measured value must stay with what it was given to, so in classification and regression only the
    wording of the input is new.
    """
    if pool.kind in ("classification", "regression"):
        return "rewording" if example.text.strip() else None
    if not example.media:
        return "item" if example.text.strip() else None
    return "caption" if pool.kind == "captioning" else "question"


def input_key(example: Example) -> tuple[str, ...]:
    """What is shown and asked, as copies are judged."""
    return example.pixel_key, _same(example.text)


def whole_key(example: Example) -> tuple[str, ...]:
    """What is shown, asked and answered."""
    return *input_key(example), _same(example.answer)


def _same(text: str) -> str:
    return letters(text) or normal_text(text)


def _order(keys: Keys, seed: int, scope: str, most: int | None = None) -> list[int]:
    """Places in keyed order; with a limit, one more than so many, for the source may be among them."""
    mixed = keyed(keys, seed, scope)
    if most is None or most + 1 >= len(mixed):
        return [int(place) for place in np.argsort(mixed, kind="stable")]
    first = np.argpartition(mixed, most)[: most + 1]
    return [int(place) for place in first[np.argsort(mixed[first], kind="stable")]]


def _refusal(pool: Pool, example: Example) -> str:
    """Why nothing is made from an example; empty where it may be."""
    if is_synthetic(example):
        return "is synthetic"
    if example.status != "active":
        return f"is {example.status}"
    if (example.split or "") not in TRAINING:
        return f"is of the split {example.split!r}"
    return "" if truth(pool, example) else "has no answer"
