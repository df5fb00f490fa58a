"""From a prompt to an answer: one canonical request, the ledger, the model, the parser."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from threading import Lock
from typing import Any

from ..clients.vlm import ANSWERERS, Pace, is_paced, open_model, simulated
from ..clients.vlm.ledger import Ledger, LedgeredVLM
from ..clients.vlm.warming import WarmingVLM
from ..domain.messages import Message, Reply, Request, Usage
from ..domain.protocols import VLM, Encoder
from ..domain.selections import Prompt, Selection
from ..prompts.facts import facts_of
from ..prompts.facts.model import ModelFacts
from ..prompts.facts.rules import PriceFact
from ..prompts.parsing import Embed, response_format
from ..prompts.prices import price_of
from ..prompts.target import Target
from ..prompts.tokens import Calibrations, Features, features_of
from ..settings import Settings
from .answers import Answer
from .caching import marked
from .reading import read, task_for

_IN_PROCESS = (*ANSWERERS, "fake/")
_BEHIND = 32  # reports that may wait to be learnt from


class Asking:
    """Asks models.

    Args:
        settings: Default model, endpoint, key and facts.
        ledger: What was answered before.
        encoder: Opens the encoder that offline baselines compare with.
        calibrations: What models' usage has taught about counting tokens.
    """

    def __init__(
        self,
        settings: Settings,
        ledger: Ledger,
        encoder: Callable[[], Encoder],
        calibrations: Calibrations,
    ) -> None:
        self._settings = settings
        self._ledger = ledger
        self._encoder = encoder
        self._calibrations = calibrations
        self._models: dict[str, tuple[VLM, VLM]] = {}
        self._paces: dict[str, Pace] = {}
        self._lock = Lock()
        self._reports: deque[tuple[ModelFacts, Features, Usage]] = deque()
        self._learning = Lock()

    def target(self, model: str | None) -> Target:
        """A model as prompts see it; one that runs in this process takes anything."""
        name = model or self._settings.model
        if name.startswith(simulated.PREFIX):
            facts = replace(facts_of(name, self._settings.facts), price=_price(name))
            return Target(facts, price_of(facts), bounds=True)
        if name.startswith(_IN_PROCESS):
            return Target()
        facts = facts_of(name, self._settings.facts)
        return Target(facts, price_of(facts), self._calibrations.of(facts), bounds=True)

    def answer(
        self,
        selection: Selection,
        prompt: Prompt,
        labels: Sequence[str],
        model: str | None,
        parameters: Mapping[str, Any],
        *,
        embed: Embed | None = None,
        remember: bool,
    ) -> Answer:
        """Ask a model and read its answer.

        Args:
            selection: What it is shown.
            prompt: As it is shown.
            labels: The label space.
            model: By default the configured one.
            parameters: Sampling parameters.
            embed: Embeds texts, to find the label that is nearest to a reply that names none.
            remember: Whether the ledger is asked first and told afterwards.
        """
        task = task_for(selection.pool, labels, prompt)
        if task.kind == "json" and task.schema is not None and self.target(model).facts.structured_output:
            parameters = {"response_format": response_format(task.schema), **parameters}
        reply = self.send(prompt, model, parameters, remember=remember)
        return Answer(reply, read(reply, task, prompt, embed), selection, prompt)

    def send(
        self, prompt: Prompt, model: str | None, parameters: Mapping[str, Any], *, remember: bool = True
    ) -> Reply:
        """What a model says to a prompt, whose fixed part its provider is asked to keep; arguments as `answer`."""
        target = self.target(model)
        request = marked(self._request(model, prompt.messages, parameters), prompt, target)
        return self._send(request, target, remember=remember)

    def reply(
        self,
        model: str | None,
        messages: Sequence[Message],
        parameters: Mapping[str, Any],
        *,
        remember: bool = True,
    ) -> Reply:
        """What a model says to some messages; arguments as `answer`."""
        request = self._request(model, messages, parameters)
        return self._send(request, self.target(model), remember=remember)

    def model(self, name: str, *, remember: bool = True) -> VLM:
        """The model behind a name, with the call ledger in front of it unless told otherwise."""
        with self._lock:
            if name not in self._models:
                api_base = None if name.startswith(ANSWERERS) else self._settings.model_api_base
                bare: VLM = open_model(
                    name,
                    api_base=api_base,
                    api_key=self._settings.model_api_key,
                    encoder=self._encoder,
                    pace=self._pace(name),
                )
                if not name.startswith(_IN_PROCESS):
                    bare = WarmingVLM(bare)
                self._models[name] = (bare, LedgeredVLM(bare, self._ledger))
            return self._models[name][1 if remember else 0]

    def pace(self, model: str | None) -> Pace | None:
        """How many calls go to a model at once; None for one that no provider has."""
        with self._lock:
            return self._pace(model or self._settings.model)

    def _pace(self, name: str) -> Pace | None:
        return self._paces.setdefault(name, Pace()) if is_paced(name) else None

    def _request(
        self, model: str | None, messages: Sequence[Message], parameters: Mapping[str, Any]
    ) -> Request:
        name = model or self._settings.model
        comparing = name.startswith(ANSWERERS)
        return Request(
            name,
            tuple(messages),
            dict(parameters),
            api_base=None if comparing else self._settings.model_api_base,
            revision=self._encoder().id if comparing else "",
        )

    def _send(self, request: Request, target: Target, *, remember: bool) -> Reply:
        reply = self.model(request.model, remember=remember).complete(request)
        if target.calibration is not None and not reply.from_ledger:
            self._learn(target.facts, features_of(request.messages, target.facts), reply.usage)
        return reply

    def _learn(self, facts: ModelFacts, features: Features, usage: Usage) -> None:
        """Correct counts by what a provider reported; one thread does so for all, who need not wait for it.

        Each report is a transaction that waits for the others' anyway. Only when they pile up, all wait.
        """
        self._reports.append((facts, features, usage))
        while self._reports and self._learning.acquire(blocking=len(self._reports) > _BEHIND):
            try:
                for _ in range(len(self._reports)):
                    self._calibrations.observe(*self._reports.popleft())
            finally:
                self._learning.release()


def _price(name: str) -> PriceFact:
    """What a simulated model charges, as its name says."""
    behaviour = simulated.behaviour_of(name)
    read, wrote, cached = (
        usd / 1e6 for usd in (behaviour.input_usd, behaviour.output_usd, behaviour.cached_usd)
    )
    return PriceFact(input=read, output=wrote, cache_read=cached, cache_write=read)
