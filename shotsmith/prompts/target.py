"""The model that a prompt is for: what it takes, how it counts, and what it costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..domain.errors import InvalidParameter
from ..domain.messages import Message
from ..domain.recipes import Budget
from .budget import Limit, Limits
from .facts import ModelFacts, facts_of
from .tokens import Calibration, Tokens, estimate

if TYPE_CHECKING:
    from .prices import Price

#: Bytes of a request that are kept free for what is not an image.
_NOT_COUNTED = 64 * 1024


@dataclass(frozen=True, slots=True)
class Target:
    """A model as prompts see it.

    Attributes:
        facts: What is known about it.
        price: What it costs; None where nobody knows.
        calibration: What its usage has taught about counting.
        bounds: Whether its limits bind: not for offline baselines, which take anything, nor where no model is named.
    """

    facts: ModelFacts = field(default_factory=lambda: facts_of(""))
    price: Price | None = None
    calibration: Calibration | None = None
    bounds: bool = False

    @property
    def name(self) -> str:
        """As litellm knows it; empty where no model is named."""
        return self.facts.model

    @property
    def window(self) -> str:
        """What the bound by the context window is called."""
        return f"context window of {self.name}"

    def tokens(self, messages: Sequence[Message]) -> Tokens:
        """Estimated tokens of a prompt."""
        return estimate(messages, self.facts, self.calibration)

    def count(self, messages: Sequence[Message]) -> int:
        """Estimated tokens with the margin of the estimate, for bounds that must not be broken."""
        return self.tokens(messages).safe

    def limits(self, budget: Budget) -> Limits:
        """The recipe's bounds and the model's, whichever is tighter.

        Raises:
            InvalidParameter: A bound in money for a model without a known price, or below that of the answer alone.
        """
        own = Limits(
            images=_limit("max_images", budget.max_images),
            image_bytes=_limit("max_image_bytes", budget.max_image_bytes),
            tokens=_limit("max_tokens", budget.max_tokens),
        )
        if budget.max_usd is not None:
            own = own.tightest(Limits(tokens=Limit("max_usd", self._affordable(budget))))
        if not self.bounds:
            return own
        facts = self.facts
        return own.tightest(
            Limits(
                images=Limit(f"images per request of {self.name}", facts.images_per_request),
                # Base64 makes four bytes of three.
                image_bytes=Limit(
                    f"request bytes of {self.name}", max(facts.request_bytes - _NOT_COUNTED, 0) * 3 // 4
                ),
                tokens=Limit(self.window, max(facts.context_window - budget.answer_tokens, 0)),
            )
        )

    def _affordable(self, budget: Budget) -> int:
        """The most tokens of a prompt whose call costs no more than `max_usd`."""
        assert budget.max_usd is not None
        if self.price is None:
            raise InvalidParameter(
                f"nobody knows the price of {self.name or 'no model'}",
                field="budget.max_usd",
                value=budget.max_usd,
                mend="Name a model with a known price, give one in the file of SHOTSMITH_FACTS, or use max_tokens",
            )
        low, high = -1, self.facts.context_window
        while low < high:
            middle = (low + high + 1) // 2
            if self.price.cost(middle, budget.answer_tokens) <= budget.max_usd:
                low = middle
            else:
                high = middle - 1
        if low < 0:
            raise InvalidParameter(
                f"an answer of {budget.answer_tokens:,} tokens alone costs more",
                field="budget.max_usd",
                value=budget.max_usd,
                mend="Raise budget.max_usd or lower budget.answer_tokens",
            )
        return low


def _limit(name: str, value: int | None) -> Limit | None:
    return None if value is None else Limit(name, value)
