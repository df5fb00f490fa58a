"""The arms that the advisor may ask, and the grid that it saves asking."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ...domain.errors import InvalidInput, InvalidParameter
from ...domain.recipes import MODALITIES, FilterSpec, Modality, Recipe, stages_of
from ..arms import MAJORITY, VOTE, VOTES, ZERO_SHOT, Arm
from ..bench import Bench
from ..room import SHARE_OF_WINDOW, Probe, doubled

_SELECT_AT = 16
#: Other selectors of the full grid, at 16 shots.
_SELECTORS = ("mmices", "rices|mmr", "bm25", "k_centre", "dissimilar", "hybrid(prefix=8)")


@dataclass(frozen=True)
class Menu:
    """Every arm of one pool and one base recipe.

    Attributes:
        base: What all recipes have in common.
        size: Training examples.
        shots: Numbers of demonstrations to try, ascending, all below `size`.
        room: The most demonstrations that one prompt holds.
        modalities: Spaces of the pool, most usual first.
        labels: Whether the examples are labelled, so that they can be balanced.
        texts: Whether queries say anything, so that they can be asked without their images.
    """

    base: Recipe
    size: int
    shots: tuple[int, ...]
    room: int
    modalities: tuple[Modality, ...]
    labels: bool
    texts: bool

    @classmethod
    def of(cls, bench: Bench, base: Recipe, shots: Sequence[int] | None = None) -> Menu:
        """For a bench: by default shots double from 1 to half of the examples or a quarter of the context.

        Raises:
            InvalidInput: There are fewer than two labelled examples to show.
            InvalidParameter: Shots that are negative, or none above 0 and below the number of examples.
        """
        size = len(bench.train)
        if size < 2:
            raise InvalidInput(
                "there are not even two examples to show",
                field="pool",
                value=bench.pool.name,
                mend=f"Import labelled examples of split {' or '.join(map(repr, bench.training))}",
            )
        filters = base.filters
        if filters == FilterSpec() or filters.splits is None or bench.split in filters.splits:
            filters = filters.model_copy(update={"splits": bench.training})
        base = base.model_copy(update={"evaluation": True, "filters": filters})
        quarter, room = _room(bench, base, size)
        if shots is None:
            grid = list(doubled(min(size // 2, quarter)))
        else:
            grid = sorted({k for k in shots if 0 < k < size and k <= room})
            if not grid or min(shots) < 0:
                raise InvalidParameter(
                    f"none of them can be shown: there are {size:,} examples, and a prompt holds {room:,}"
                    if not grid
                    else "negative",
                    field="shots",
                    value=list(shots),
                    mend="For example 1, 4 and 16",
                )
        dims = bench.engine.encoder(bench.pool).dims
        spaces = tuple(one for one in MODALITIES if one in dims)
        labels = all(one.labels for one in bench.train)
        texts = any(one.text.strip() for one in bench.examples.values())
        found = _present(bench, spaces) or spaces or ("image",)
        return cls(base, size, tuple(grid), min(size, room), found, labels, texts)

    @property
    def zero(self) -> Arm:
        """No demonstrations."""
        return Arm(ZERO_SHOT, "zero-shot", 0, self._recipe("none", 0))

    @property
    def majority(self) -> Arm:
        """The most frequent label."""
        return Arm(MAJORITY, "majority", 0)

    def votes(self, modality: Modality) -> tuple[Arm, ...]:
        """Votes of the nearest, which cost nothing."""
        return tuple(self.vote(modality, k) for k in VOTES if k <= self.size)

    def vote(self, modality: Modality, k: int) -> Arm:
        """The vote of the nearest k."""
        name = VOTE if modality == "image" else f"{VOTE} by {modality}"
        return Arm(name, "vote", k, self._recipe(_rices(modality), k))

    def near(self, modality: Modality, k: int) -> Arm:
        """The nearest k."""
        family = "rices" if modality == "image" else f"rices by {modality}"
        return Arm(family, "recipe", k, self._recipe(_rices(modality), k))

    def fixed(self, k: int) -> Arm:
        """The same k for every query, balanced over the labels where there are any, for caches to keep."""
        if k >= self.room:
            return self.wide
        selector = "random_fixed|balanced" if self.labels else "random_fixed"
        return Arm(selector, "recipe", k, self._recipe(selector, k))

    @property
    def wide(self) -> Arm:
        """All of them, or as many as a prompt holds, in the same order for every query."""
        return Arm("random_fixed", "recipe", self.room, self._recipe("random_fixed", self.room))

    @property
    def half(self) -> Arm:
        """Half of that: what the others are compared with of which something was replaced."""
        k = max(2, self.room // 2)
        return Arm("random_fixed", "recipe", k, self._recipe("random_fixed", k))

    def hybrid(self, modality: Modality, k: int) -> Arm:
        """A fixed part for caches, and the nearest k of the others."""
        prefix = max(1, min(self.room // 2, self.room - k))
        selector = f"hybrid(prefix={prefix},similar={_rices(modality)})"
        return Arm("hybrid", "recipe", prefix + k, self._recipe(selector, prefix + k))

    def grid(self) -> tuple[Arm, ...]:
        """The full grid that nobody wants to ask: floor, scale, and other selectors at 16 shots.

        Perturbations and orders, which tell why and not what to use, are left out: they would only make it larger.
        """
        ks = [*self.shots, self.room]
        at = max((k for k in ks if k <= _SELECT_AT), default=ks[0])
        everything = Arm("all", "recipe", self.size, self._recipe("all", self.size))
        arms = [self.zero]
        if self.texts:
            arms.append(replace(self.zero, family="text-only query", changes="remove(side=query)"))
        arms += [self.near(self.modalities[0], k) for k in self.shots]
        arms += [self.fixed(k) for k in self.shots]
        arms += [everything] if self.room == self.size else [self.wide]
        arms += [self.near(modality, at) for modality in self.modalities[1:]]
        arms += [Arm(text, "recipe", at, self._recipe(text, at)) for text in _SELECTORS]
        return tuple({arm.name: arm for arm in arms}.values())

    def _recipe(self, selector: str, k: int) -> Recipe:
        return self.base.model_copy(update={"selector": stages_of(selector), "k": k})


def changed(arm: Arm, changes: str) -> Arm:
    """The arm with its selection perturbed."""
    return replace(arm, family=f"{arm.family} · {changes}", changes=changes)


def _rices(modality: Modality) -> str:
    return "rices" if modality == "image" else f"rices(modality={modality})"


def _present(bench: Bench, modalities: tuple[Modality, ...]) -> tuple[Modality, ...]:
    """The spaces in which the held-out items can be compared; joint stands in for what is there."""
    examples = bench.examples.values()
    seen = any(part.seen for one in examples for part in one.media)
    read = any(one.text.strip() for one in examples)
    there = {"image": seen, "text": read, "joint": seen and read}
    return tuple(one for one in modalities if there[one])


def _room(bench: Bench, base: Recipe, size: int) -> tuple[int, int]:
    """Demonstrations in a quarter of the model's window, and in all of a prompt."""
    if not bench.engine.target(bench.model).bounds:  # a baseline in this process takes anything
        return size, size
    probe = Probe.of(bench, base)
    limits = probe.few["budget"]["limits"]
    window = (
        limits["tokens"]["value"]
        if "tokens" in limits
        else bench.engine.target(bench.model).facts.context_window
    )
    room, quarter = probe.shots(window), probe.shots(window / SHARE_OF_WINDOW)
    if "images" in limits:
        own, more = (one["counts"]["images"] for one in (probe.few, probe.more))
        if more > own:
            room = min(room, int((limits["images"]["value"] - own) / ((more - own) / probe.k)))
    return max(1, min(size, quarter, room)), max(1, min(size, room))
