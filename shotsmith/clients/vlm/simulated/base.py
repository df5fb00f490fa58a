"""What all simulated models share: their common parameters, and how thoughts become a reply."""

from __future__ import annotations

from abc import abstractmethod
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

from pydantic import ConfigDict, Field

from ....domain.messages import Reply, Request, Usage, canonical
from ....domain.recipes import Frozen
from ....domain.scoring import digest, shuffled
from ..comparing import Comparer
from ..parse_messages import read
from .counting import prefix_tokens, prompt_tokens, text_tokens
from .sight import Sight, Thought, uniform

NOT_A_MODEL = "simulated model with known behaviour, not a language model"
NOTHING_SPENT = "its tokens, price and latency are simulated: nothing was spent"
UNKNOWN = "unknown"
"""What is said where neither labels nor demonstrations name any answer."""

_MILLION = 1e6


class Simulated(Frozen):
    """A behaviour and its parameters; `SimulatedVLM` makes a model of it.

    A reply comes about in one of these ways, drawn by keyed hash of the model's `seed`, the messages and the request's
    `seed`. With c = min(1, window / tokens of the prompt):

        c (1 - noise)        its behaviour
        1 - c (1 - noise)    an answer drawn uniformly from the options

    The options are the label list of the instruction, or without one the answers of the demonstrations. The prior of an
    option y is (1 - trust) / options + trust [the query's text names y], and 1 / options where it names none; between
    equals the query's keyed hash decides.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: ClassVar[str]
    #: What it is not blind to.
    sees: ClassVar[tuple[str, ...]] = ("image", "text")

    noise: float = Field(0.0, ge=0, le=1, description="Chance of an answer drawn at random.")
    seed: int = Field(0, description="Of all its draws.")
    trust: float = Field(
        0.9, ge=0, le=1, description="How likely it holds a label that the query's text names."
    )
    window: int | None = Field(
        None, ge=1, description="Tokens beyond which answers grow random; null for no such bound."
    )
    input_usd: float = Field(1.0, ge=0, allow_inf_nan=False, description="USD a million tokens read.")
    output_usd: float = Field(5.0, ge=0, allow_inf_nan=False, description="USD a million tokens written.")
    cached_usd: float = Field(
        0.1, ge=0, allow_inf_nan=False, description="USD a million tokens before the last cache mark."
    )

    @abstractmethod
    def thoughts(self, sight: Sight) -> Sequence[Thought]:
        """How it would answer with a clear head; chances sum to 1. Only asked where there are options."""

    def usage(self, request: Request, text: str) -> Usage:
        """Tokens of a call; what stands before the last mark counts as read from a cache that is always warm."""
        return Usage(
            prompt_tokens(request.messages),
            text_tokens(text),
            prefix_tokens(request.messages, request.marks),
        )

    def cost(self, usage: Usage) -> tuple[float, float]:
        """USD of a call, and what it would have cost more without the cache."""
        read_, wrote, cached = usage.input_tokens or 0, usage.output_tokens or 0, usage.cached_tokens or 0
        saved = cached * (self.input_usd - self.cached_usd) / _MILLION
        return (read_ * self.input_usd + wrote * self.output_usd) / _MILLION - saved, saved


class SimulatedVLM:
    """A simulated model. Equal requests have equal replies, in any process and in any order.

    Args:
        model: The name that replies give.
        behaviour: What it does.
        comparer: For behaviours that compare.
    """

    def __init__(self, model: str, behaviour: Simulated, comparer: Comparer | None = None) -> None:
        self.model = model
        self.behaviour = behaviour
        self._comparer = comparer

    def complete(self, request: Request) -> Reply:
        """Answer from the messages; parameters without effect are named in the notes.

        The reply's latency is 200 ms, and 0.01 ms a token read and 20 ms a token written; nobody waits for it.

        Raises:
            ModelRefused: The messages end without a query, or in a dialect that cannot be read.
            InvalidImage: An image that cannot be decoded.
        """
        behaviour = self.behaviour
        given = {name: value for name, value in request.parameters.items() if value is not None}
        sight = Sight.of(read(request.messages), behaviour.sees, behaviour.seed, self._comparer)
        asked = digest([canonical(request.messages), given.get("seed")])
        thoughts = self._clouded(sight, prompt_tokens(request.messages), asked)
        chosen = _drawn(thoughts, uniform(behaviour.seed, f"thought|{asked}"))
        usage = behaviour.usage(request, chosen.says)
        cost, saved = behaviour.cost(usage)
        notes = [NOT_A_MODEL, chosen.why, NOTHING_SPENT]
        if unused := sorted(given.keys() - {"seed"}):
            notes.append(f"parameters without effect: {', '.join(unused)}")
        return Reply(
            text=chosen.says,
            model=self.model,
            usage=usage,
            cost_usd=cost,
            saved_usd=saved,
            latency_ms=200 + 0.01 * (usage.input_tokens or 0) + 20 * (usage.output_tokens or 0),
            notes=tuple(notes),
            alternatives=_alternatives(thoughts),
        )

    def _clouded(self, sight: Sight, tokens: int, asked: str) -> list[Thought]:
        """Its thoughts, and the random answer that noise and too long a prompt make likely."""
        behaviour = self.behaviour
        if not sight.options:
            return [Thought(1.0, {}, UNKNOWN, "no label list and no demonstrations")]
        clear = min(1.0, (behaviour.window or tokens) / tokens) * (1 - behaviour.noise)
        thoughts = [replace(one, chance=clear * one.chance) for one in behaviour.thoughts(sight)]
        if clear < 1:
            even = dict.fromkeys(sight.options, 1 / len(sight.options))
            says = shuffled(sight.options, behaviour.seed, f"noise|{asked}")[0]
            why = "a random answer, by its noise or for a prompt beyond its window"
            thoughts.append(Thought(1 - clear, even, says, why))
        return thoughts


def _drawn(thoughts: Sequence[Thought], number: float) -> Thought:
    reached = 0.0
    for thought in thoughts:
        reached += thought.chance
        if number < reached:
            return thought
    return thoughts[-1]  # where the chances' sum falls short of 1 by rounding


def _alternatives(thoughts: Sequence[Thought]) -> tuple[tuple[str, float], ...]:
    total: dict[str, float] = defaultdict(float)
    for thought in thoughts:
        for answer, chance in thought.belief.items():
            total[answer] += thought.chance * chance
    return tuple(sorted(total.items(), key=lambda pair: (-pair[1], pair[0])))
