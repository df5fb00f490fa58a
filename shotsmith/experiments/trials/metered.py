"""An engine whose every call passes the meter, for arms of several queries a call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ...domain.messages import Reply
from ...domain.selections import Prompt, Selection
from ...engine import Engine
from ...engine.answers import Answer
from .meter import Meter


class Metered:
    """What `ask_many` needs of an engine.

    Args:
        engine: Asks.
        meter: Lets calls pass and counts them.
        check: Runs before every call and may raise.
        answered: Runs after every answer that the ledger did not have.
    """

    def __init__(
        self,
        engine: Engine,
        meter: Meter,
        check: Callable[[], None] = lambda: None,
        answered: Callable[[], None] = lambda: None,
    ) -> None:
        self._engine = engine
        self._meter = meter
        self._check = check
        self._answered = answered
        # What costs nothing is the engine's own.
        self.pinned, self.labels, self.select = engine.pinned, engine.labels, engine.select
        self.prompt, self.read = engine.prompt, engine.read

    def send(
        self, prompt: Prompt, *, model: str | None = None, parameters: Mapping[str, Any] | None = None
    ) -> Reply:
        """What the model says to a prompt. Raises BudgetSpent."""
        self._check()
        with self._meter.call(prompt.manifest["cost_usd"]):
            reply = self._engine.send(prompt, model=model, parameters=parameters)
            self._count(reply)
        return reply

    def answer(
        self,
        selection: Selection,
        *,
        model: str | None = None,
        parameters: Mapping[str, Any] | None = None,
    ) -> Answer:
        """What the model answers to a query alone. Raises BudgetSpent."""
        self._check()
        prompt = self._engine.prompt(selection, model=model)
        with self._meter.call(prompt.manifest["cost_usd"]):
            answer = self._engine.answer(selection, model=model, parameters=parameters, prompt=prompt)
            self._count(answer.reply)
        return answer

    def _count(self, reply: Reply) -> None:
        self._meter.settle(
            repeated=reply.from_ledger,
            usd=reply.cost_usd,
            input_tokens=reply.usage.input_tokens,
            output_tokens=reply.usage.output_tokens,
        )
        if not reply.from_ledger:
            self._answered()
