"""Asking a model within a budget, every call through the ledger."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any, TypeVar

from ...clients.vlm import ANSWERERS, FREE
from ...domain.errors import InvalidInput, InvalidParameter, ShotsmithError
from ...domain.media import Media
from ...domain.messages import ImagePart, MediaPart, Message, Reply, Request
from ...domain.protocols import VLM
from ...domain.recipes import ImageSpec
from ...engine import Engine
from ...prompts import sounds
from ..trials.meter import BudgetSpent, Meter, Spending

E = TypeVar("E", bound=ShotsmithError)


@dataclass(frozen=True, slots=True)
class Forecast:
    """What calls will take at most, as estimated.

    Attributes:
        calls: How many.
        input_tokens: Of their prompts.
        output_tokens: Of their replies, all as long as they may be.
        usd: Their price; None where nobody knows it.
    """

    calls: int
    input_tokens: int
    output_tokens: int
    usd: float | None

    def __add__(self, other: Forecast) -> Forecast:
        usd = None if self.usd is None or other.usd is None else self.usd + other.usd
        return Forecast(
            self.calls + other.calls,
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            usd,
        )


class Asker:
    """Asks one model, and stops before a call that would pass the budget. Thread-safe.

    Args:
        engine: Opens the model, with the call ledger in front of it, and knows its limits and its price.
        model: Which one.
        max_calls: Calls that the ledger cannot answer, at most; None for any number.
        max_usd: What they may cost; None for anything.
        vlm: Who answers instead of the model of that name.

    Raises:
        InvalidInput: The model can only answer.
        InvalidParameter: A budget below 0, or one in dollars for a model whose price nobody knows.
    """

    def __init__(
        self,
        engine: Engine,
        model: str,
        *,
        max_calls: int | None = None,
        max_usd: float | None = None,
        vlm: VLM | None = None,
    ) -> None:
        if model.startswith(ANSWERERS):
            raise InvalidInput(
                f"{model} can only answer",
                field="model",
                value=model,
                mend="Name a vision-language model",
            )
        self.model = model
        self.target = engine.target(model)
        self._free = model.startswith(FREE)
        if max_usd is not None and self.target.price is None and not self._free:
            raise InvalidParameter(
                f"nobody knows the price of {model}",
                field="max_usd",
                value=max_usd,
                mend="Give one in the file of SHOTSMITH_FACTS, or bound the calls alone",
            )
        try:
            self.meter = Meter(Spending.read({"calls": max_calls, "usd": max_usd}))
        except InvalidParameter as error:
            raise _renamed(error) from None
        self._api_base = engine.settings.model_api_base
        self._vlm = vlm or engine.model(model)

    def forecast(self, messages: Sequence[Message], output_tokens: int, calls: float = 1) -> Forecast:
        """What so many calls like this one take at most."""
        tokens = self.target.count(messages)
        price = self.target.price
        usd = 0.0 if self._free else None if price is None else price.cost(tokens, output_tokens) * calls
        return Forecast(ceil(calls), ceil(tokens * calls), ceil(output_tokens * calls), usd)

    def affords(self, forecast: Forecast) -> None:
        """Refuse what the budget does not hold, before anything is sent.

        Raises:
            InvalidParameter: Naming the budget and what is needed.
        """
        limit = self.meter.limit
        if limit.calls is not None and forecast.calls > limit.calls:
            raise InvalidParameter(
                f"up to {forecast.calls:,} calls are needed",
                field="max_calls",
                value=limit.calls,
                mend="Allow as many, or ask for less",
            )
        if limit.usd is not None and forecast.usd is not None and forecast.usd > limit.usd:
            raise InvalidParameter(
                f"up to ${forecast.usd:.4f} are needed, as estimated",
                field="max_usd",
                value=limit.usd,
                mend="Allow as much, or ask for less",
            )

    def fits(self, messages: Sequence[Message], output_tokens: int, field: str) -> None:
        """Refuse a prompt that the model would not take.

        Raises:
            InvalidParameter: Naming the number of examples that makes it so large.
        """
        if not self.target.bounds:
            return
        facts = self.target.facts
        images = sum(isinstance(part, ImagePart) for message in messages for part in message.parts)
        tokens = self.target.count(messages) + output_tokens
        for what, needed, limit in (
            ("images", images, facts.images_per_request),
            ("tokens", tokens, facts.context_window),
        ):
            if needed > limit:
                raise InvalidParameter(
                    f"a prompt has {needed:,} {what}, and {self.model} takes {limit:,}",
                    field=field,
                    mend="Show fewer examples, or smaller images",
                )

    def ask(self, messages: tuple[Message, ...], parameters: Mapping[str, Any], output_tokens: int) -> Reply:
        """Ask once.

        Args:
            messages: What is asked.
            parameters: Sampling parameters.
            output_tokens: What the reply is reckoned with.

        Raises:
            BudgetSpent: The call would pass the budget.
            ModelError: The model did not answer.
        """
        expected = self.forecast(messages, output_tokens).usd
        try:
            with self.meter.call(expected):
                request = Request(self.model, messages, dict(parameters), api_base=self._api_base)
                reply = self._vlm.complete(request)
                self.meter.settle(
                    repeated=reply.from_ledger,
                    usd=expected if reply.cost_usd is None else reply.cost_usd,
                    input_tokens=reply.usage.input_tokens,
                    output_tokens=reply.usage.output_tokens,
                )
                return reply
        except BudgetSpent as error:
            raise _renamed(error) from None


def _renamed(error: E) -> E:
    """The error with the budget as it is called here."""
    error.field = f"max_{(error.field or '').rpartition('.')[2]}"
    return error


def showing(engine: Engine, images: ImageSpec) -> Callable[[Media], MediaPart]:
    """How prompts carry the media of stored examples; of a video the picture in its middle."""

    def show(part: Media) -> MediaPart:
        if part.kind == "audio":
            return sounds.prepare(engine.image(part.sha256), form="kept", seconds=part.seconds or 0.0)
        return engine.prepared(part, images.max_side, images.quality)

    return show
