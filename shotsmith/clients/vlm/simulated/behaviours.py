"""The behaviours: small formulas over what a prompt shows. Each is a truth that instruments can be tested against."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from pydantic import Field

from ....domain.scoring import shuffled
from ..parse_messages import Shot
from .base import Simulated
from .sight import Belief, Sight, Thought, content, share, uniform

_SIDES = {"both": ("image", "text"), "image": ("image",), "text": ("text",)}
_NUMBER = re.compile(r"\d{1,18}")


class Votes(Simulated):
    """Answers by similarity.

        p(y) ~ prior P(y) + sum over demonstrations i that answer y of exp((s_i - 1) / temperature)

    s_i is the cosine with the query, the mean over the modalities that both have; a demonstration that shares none does
    not count. Near demonstrations outweigh the prior P, far ones hardly count.
    """

    encoder: str | None = Field(
        None,
        min_length=1,
        description="What it compares with; null for the encoder of the offline baselines.",
    )
    prior: float = Field(
        0.05,
        gt=0,
        allow_inf_nan=False,
        description="Weight of its prior; a demonstration equal to the query has 1.",
    )
    temperature: float = Field(
        0.1, ge=0.001, allow_inf_nan=False, description="Difference in similarity that divides a weight by e."
    )

    def modalities(self) -> tuple[str, ...]:
        """What it compares."""
        return self.sees

    def belief(self, sight: Sight) -> Belief:
        """What it holds likely."""
        weights: dict[str, float] = defaultdict(float)
        for answer, chance in sight.prior(self.trust).items():
            weights[answer] += self.prior * chance
        found = sight.similarities(self.modalities()) if sight.shots else ()
        for shot, similarity in zip(sight.shots, found, strict=True):
            if similarity is not None:
                weights[shot.answer or ""] += math.exp((similarity - 1) / self.temperature)
        return share(weights)

    def thoughts(self, sight: Sight) -> Sequence[Thought]:
        """One: the likeliest answer."""
        belief = self.belief(sight)
        why = f"{len(sight.shots)} demonstrations weighed by similarity"
        return [Thought(1.0, belief, sight.best(belief), why)]


class Voter(Votes):
    """Answers as similar demonstrations do: gains from retrieval, and from nothing else (SSL, or KNN)."""

    name = "voter"

    modality: Literal["both", "image", "text"] = Field("both", description="What it compares.")

    def modalities(self) -> tuple[str, ...]:
        """What it compares."""
        return _SIDES[self.modality]


class TextOnly(Votes):
    """A voter that does not see images."""

    name = "text_only"
    sees = ("text",)


class ImageOnly(Votes):
    """A voter that does not read texts, only labels and answers."""

    name = "image_only"
    sees = ("image",)


class Copier(Voter):
    """Says what the demonstration at one end says, whatever is asked; else a voter.

    strength        the answer of the last demonstration (or the first, with end=first)
    1 - strength    as a voter
    """

    name = "copier"

    strength: float = Field(0.8, ge=0, le=1, description="Chance of a copy.")
    end: Literal["last", "first"] = Field("last", description="Which demonstration it copies.")

    def thoughts(self, sight: Sight) -> Sequence[Thought]:
        """A copy and a vote."""
        voted = super().thoughts(sight)
        if not sight.shots:
            return voted
        copied = sight.shots[-1 if self.end == "last" else 0].answer or ""
        copy = Thought(self.strength, {copied: 1.0}, copied, f"a copy of the {self.end} demonstration")
        left = 1 - self.strength
        return [copy, *(replace(one, chance=left * one.chance) for one in voted)]


class Biased(Voter):
    """A voter that leans to one label.

    p(y) ~ voter's p(y) exp(bias [y is the favourite])
    """

    name = "biased"

    bias: float = Field(3.0, ge=0, le=50, description="Log odds that its favourite has ahead.")
    label: str | None = Field(
        None, description="Its favourite; null for one of the options, drawn by `seed`."
    )

    def thoughts(self, sight: Sight) -> Sequence[Thought]:
        """One, that says what it leans to."""
        favourite = self._favourite(sight)

        def why(thought: Thought) -> str:
            known = favourite in thought.belief
            return f"{thought.why}, {'leaning to' if known else 'but no answer to lean to is'} {favourite}"

        return [replace(one, why=why(one)) for one in super().thoughts(sight)]

    def belief(self, sight: Sight) -> Belief:
        """What it holds likely."""
        favourite, ahead = self._favourite(sight), math.exp(self.bias)
        return share(
            {
                answer: chance * (ahead if answer == favourite else 1.0)
                for answer, chance in super().belief(sight).items()
            }
        )

    def _favourite(self, sight: Sight) -> str:
        return self.label or shuffled(sight.options, self.seed, "favourite")[0]


class Noisy(Voter):
    """A voter whose answer is often drawn at random."""

    name = "noisy"

    noise: float = Field(0.2, ge=0, le=1, description="Chance of an answer drawn at random.")


class Limited(Voter):
    """A voter that loses its way in long prompts."""

    name = "limited"

    window: int | None = Field(
        4000, ge=1, description="Tokens beyond which answers grow random; null for no such bound."
    )


class Learner(Simulated):
    """Learns a rule that only many different demonstrations reveal, whichever they are (ASL).

    The rule leads from the first whole number in a text, modulo the number of options, to an answer. A query is
    understood once u >= -needs ln(1 - U), with u different demonstrations and U in [0, 1) the query's keyed hash: a
    share of 1 - exp(-u / needs) of all queries, and each stays understood with more.

        p(y) ~ P(y) + [understood] (different demonstrations with the query's remainder that answer y)
    """

    name = "learner"

    needs: float = Field(
        100.0,
        gt=0,
        allow_inf_nan=False,
        description="Different demonstrations after which 63 % are understood.",
    )

    def thoughts(self, sight: Sight) -> Sequence[Thought]:
        """One: by the rule, or by the prior."""
        weights: dict[str, float] = defaultdict(float, sight.prior(self.trust))
        seen = {content(shot): shot for shot in sight.shots}
        needed = -self.needs * math.log(1 - uniform(self.seed, f"insight|{sight.key}"))
        own = _remainder(sight.query, len(sight.options))
        why = f"{len(seen)} different demonstrations do not show the rule: by the query alone"
        if len(seen) >= needed and own is not None:
            agreeing = [one for one in seen.values() if _remainder(one, len(sight.options)) == own]
            for shot in agreeing:
                weights[shot.answer or ""] += 1.0
            if agreeing:
                why = f"a rule from {len(seen)} different demonstrations"
        belief = share(weights)
        return [Thought(1.0, belief, sight.best(belief), why)]


class PriorOnly(Simulated):
    """Answers by the query alone: demonstrations change nothing (NO-ICL).

    p(y) = P(y)
    """

    name = "prior"

    def thoughts(self, sight: Sight) -> Sequence[Thought]:
        """One: the prior."""
        belief = sight.prior(self.trust)
        return [Thought(1.0, belief, sight.best(belief), "by the query alone")]


def _remainder(shot: Shot, options: int) -> int | None:
    found = _NUMBER.search(shot.text)
    return int(found[0]) % options if found else None


BEHAVIOURS: dict[str, type[Simulated]] = {
    kind.name: kind
    for kind in (Voter, Learner, PriorOnly, TextOnly, ImageOnly, Copier, Biased, Noisy, Limited)
}
"""Every behaviour by the name it has behind `simulated/`."""
