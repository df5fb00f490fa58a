"""From a prompt to an answer: one canonical request, the ledger, the model, the parser."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from threading import Lock
from typing import Any

from ..clients.vlm import open_model
from ..clients.vlm.ledger import Ledger, LedgeredVLM
from ..domain.messages import Message, Reply, Request
from ..domain.protocols import VLM, Encoder
from ..domain.selections import Prompt, Selection
from ..prompts.parsing import parse_answer
from ..settings import Settings
from .answers import Answer

_OFFLINE = "offline/"


class Asking:
    """Asks models.

    Args:
        settings: Default model, endpoint and key.
        ledger: What was answered before.
        encoder: Opens the encoder that offline baselines compare with.
    """

    def __init__(self, settings: Settings, ledger: Ledger, encoder: Callable[[], Encoder]) -> None:
        self._settings = settings
        self._ledger = ledger
        self._encoder = encoder
        self._models: dict[str, tuple[VLM, VLM]] = {}
        self._lock = Lock()

    def answer(
        self,
        selection: Selection,
        prompt: Prompt,
        labels: Sequence[str],
        model: str | None,
        parameters: Mapping[str, Any],
        *,
        remember: bool,
    ) -> Answer:
        """Ask a model and read its answer.

        Args:
            selection: What it is shown.
            prompt: As it is shown.
            labels: The closed space its answer must come from, or empty.
            model: By default the configured one.
            parameters: Sampling parameters.
            remember: Whether the ledger is asked first and told afterwards.
        """
        reply = self.reply(model, prompt.messages, parameters, remember=remember)
        return Answer(reply, parse_answer(reply.text, labels), selection, prompt)

    def reply(
        self,
        model: str | None,
        messages: Sequence[Message],
        parameters: Mapping[str, Any],
        *,
        remember: bool = True,
    ) -> Reply:
        """What a model says to some messages; arguments as `answer`."""
        name = model or self._settings.model
        offline = name.startswith(_OFFLINE)
        request = Request(
            name,
            tuple(messages),
            dict(parameters),
            api_base=None if offline else self._settings.model_api_base,
            revision=self._encoder().id if offline else "",
        )
        return self.model(name, remember=remember).complete(request)

    def model(self, name: str, *, remember: bool = True) -> VLM:
        """The model behind a name, with the call ledger in front of it unless told otherwise."""
        with self._lock:
            if name not in self._models:
                api_base = None if name.startswith(_OFFLINE) else self._settings.model_api_base
                bare = open_model(
                    name, api_base=api_base, api_key=self._settings.model_api_key, encoder=self._encoder
                )
                self._models[name] = (bare, LedgeredVLM(bare, self._ledger))
            return self._models[name][1 if remember else 0]
