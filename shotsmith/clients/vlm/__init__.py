"""Vision-language models behind one seam, opened by name.

The part before the first slash decides who answers: a name registered under `shotsmith.vlms` (the built-in
`offline`, `simulated` and `fake`, or a plugin's) goes to that factory, everything else to litellm.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, cast

from pydantic import SecretStr

from ... import registry
from ...domain.errors import UnknownName
from ...domain.protocols import VLM, Encoder
from .pacing import Pace

__all__ = ["ANSWERERS", "FREE", "Pace", "VLMFactory", "is_paced", "open_model"]

#: What models begin with that read single queries only, compare by the encoder, and can do nothing but answer.
ANSWERERS = ("offline/", "simulated/")
#: What models begin with whose calls have no price, not even a simulated one.
FREE = ("offline/", "fake/")

_REMOTE = "litellm"
EXAMPLES = "offline/knn-vote, openai/gpt-5-mini or hosted_vllm/<name> with an api_base"


class VLMFactory(Protocol):
    """What an entry point under `shotsmith.vlms` names. Opening must be cheap: connect and load on the first call."""

    def __call__(
        self,
        model: str,
        *,
        api_base: str | None = None,
        api_key: SecretStr | None = None,
        encoder: Callable[[], Encoder] | None = None,
    ) -> VLM:
        """Open one model.

        Args:
            model: The whole name, prefix included.
            api_base: Another endpoint than the provider's own.
            api_key: Instead of the one in the provider's environment variable.
            encoder: Opens the encoder that offline models compare with; called only by those that need one.

        Raises:
            UnknownName: The factory has no model of that name.
        """
        ...


def open_model(
    name: str,
    *,
    api_base: str | None = None,
    api_key: SecretStr | None = None,
    encoder: Callable[[], Encoder] | None = None,
    pace: Pace | None = None,
) -> VLM:
    """Open a model by its name, e.g. "offline/knn-vote", "simulated/voter(noise=0.1)" or "openai/gpt-5-mini".

    Nothing is sent and litellm is not imported yet, so an unknown remote model shows at the first call.

    Args:
        name: See above.
        api_base: Another endpoint than the provider's own.
        api_key: Instead of the one in the provider's environment variable.
        encoder: Opens the encoder for offline and simulated models.
        pace: How many calls go at once, where `is_paced`.

    Raises:
        UnknownName: The name is blank, or an offline or simulated model that does not exist.
        InvalidParameter: An offline model without an encoder, or a parameter that a simulated one cannot use.
    """
    if not name.strip():
        raise UnknownName("no model is named", field="model", value=name, mend=f"Write {EXAMPLES}")
    claimed = _factory(name)
    known = registry.load("vlms", claimed)
    paced = {"pace": pace} if pace is not None and claimed == _REMOTE else {}
    return cast(VLMFactory, known)(name, api_base=api_base, api_key=api_key, encoder=encoder, **paced)


def is_paced(name: str) -> bool:
    """Whether a model is a provider's, called through litellm: only those are asked at a pace."""
    return bool(name.strip()) and _factory(name) == _REMOTE


def _factory(name: str) -> str:
    prefix = name.partition("/")[0]
    return prefix if prefix in registry.names("vlms") else _REMOTE
