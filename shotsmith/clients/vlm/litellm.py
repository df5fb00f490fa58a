"""Every remote model, through litellm: one canonical request in, one reply or one clear error out."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from pydantic import SecretStr
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception,
    wait_exponential,
    wait_random,
)

from ...domain.errors import InvalidParameter, ModelError, ModelRateLimited, ModelRefused
from ...domain.messages import Reply, Request
from ...domain.openai_messages import render_marked
from ...domain.protocols import Encoder
from ...domain.scoring import canonical_json
from .failures import failure, is_transient, redact, retry_after
from .faithful import faithful, is_claude
from .pacing import Pace, Paused
from .parameters import sampling
from .usage import saved_by_cache, usage_of

_OFFLINE = {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # else the import fetches prices
    "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS": "True",  # else the first Anthropic call fetches a list of headers
    "LITELLM_MODE": "PRODUCTION",  # else the import loads .env of the working directory into the environment
    "LITELLM_LOG": "CRITICAL",  # replies and errors say it all, and its logs may show what they must not
}
_ROUNDING = 1e-3
_REMEMBERED = 256  # parameters with their values
_KEY_LENGTH = 32  # enough to tell prefixes apart; OpenAI takes 64
_BACKOFF = wait_exponential(multiplier=0.5, max=30) + wait_random(0, 1)


def load(
    model: str,
    *,
    api_base: str | None = None,
    api_key: SecretStr | None = None,
    encoder: Callable[[], Encoder] | None = None,
    pace: Pace | None = None,
) -> LiteLLM:
    """The factory of every model that no other factory claims; it needs no encoder."""
    return LiteLLM(model, api_base=api_base, api_key=api_key, pace=pace)


class LiteLLM:
    """A model at a provider, by litellm's name for it. Safe to share between threads.

    litellm is imported at the first call (about 4 s), and loads a provider at its first call, which shows in that
    one's latency. Retries happen here and nowhere else: 408, 409, 429, 5xx,
    timeouts and refused connections, after the wait that the provider asks for or an exponential one with jitter.
    Every attempt waits for its turn first; that time is neither latency nor does it count against the deadline.

    Args:
        model: "provider/model", e.g. "openai/gpt-5-mini".
        api_base: Another endpoint than the provider's own.
        api_key: Instead of the one in the provider's environment variable.
        timeout_s: For one attempt.
        attempts: How many at most.
        deadline_s: No attempt starts after this many seconds.
        sleep: How to wait between attempts.
        pace: How many calls go at once; shared by all who call this model. By default one of its own.
    """

    def __init__(
        self,
        model: str,
        *,
        api_base: str | None = None,
        api_key: SecretStr | None = None,
        timeout_s: float = 300.0,
        attempts: int = 5,
        deadline_s: float = 600.0,
        sleep: Callable[[float], None] = time.sleep,
        pace: Pace | None = None,
    ) -> None:
        self.model = model
        self.api_base = api_base
        self._api_key = api_key.get_secret_value() if api_key else None
        self._timeout_s = timeout_s
        self._attempts = attempts
        self._deadline_s = deadline_s
        self._sleep = sleep
        self._pace = pace or Pace(sleep=sleep)
        self._named: tuple[str, str] | None = None
        self._refused: dict[tuple[str, bytes], bool] = {}

    def complete(self, request: Request) -> Reply:
        """Answer one request; `Reply.notes` tells of dropped parameters, retries and missing text.

        Raises:
            ModelError: The model did not answer; the subclass says why.
            InvalidParameter: The request is for another model or endpoint, or has an unknown parameter.
            InvalidInput: An image outside a user turn, or cache marks that cannot be.
        """
        self._expect(request)
        parameters = sampling(request.parameters)
        messages = render_marked(request)
        litellm = _litellm()
        model, provider = self._provider(litellm)
        messages = faithful(messages, model=model, provider=provider)
        dropped = self._dropped(litellm, model, provider, parameters)
        taken = {name: value for name, value in parameters.items() if name not in dropped}
        call = {**_caching(request), **taken, "model": self.model, "messages": messages}
        response, attempts, latency_ms = self._send(litellm, call)
        notes = [f"{self.model} does not take {name}: dropped" for name in dropped]
        if attempts > 1:
            notes.append(f"answered at attempt {attempts}")
        return self._reply(response, latency_ms, notes)

    def _expect(self, request: Request) -> None:
        # A key must never travel to an endpoint that only a request names, nor an answer be filed under another model.
        for field, given, own in (
            ("model", request.model, self.model),
            ("api_base", request.api_base, self.api_base),
        ):
            if given != own:
                raise InvalidParameter(
                    f"this model was opened with {own!r}",
                    field=field,
                    value=repr(given),
                    mend="Write the same into the request, or open another model",
                )

    def _provider(self, litellm: Any) -> tuple[str, str]:
        """The model's name without prefix, and who has it; litellm takes its time to tell."""
        if self._named is not None:
            return self._named
        try:
            model, provider, *_ = litellm.get_llm_provider(self.model, api_base=self.api_base)
        except Exception:
            model = provider = ""
        if not model:
            raise ModelRefused(
                "the name does not say which provider has the model",
                field="model",
                value=self.model,
                mend="Write provider/model, e.g. openai/gpt-5-mini",
            )
        self._named = model, provider
        return self._named

    def _dropped(self, litellm: Any, model: str, provider: str, parameters: Mapping[str, Any]) -> list[str]:
        """The parameters that this model does not take; litellm leaves them out without a word."""
        dropped = []
        for name, value in sorted(parameters.items()):
            key = name, canonical_json(value)  # some models take a parameter, but not every value
            refused = self._refused.get(key)
            if refused is None:
                if len(self._refused) >= _REMEMBERED:
                    self._refused.clear()
                refused = self._refused[key] = _refuses(litellm, model, provider, name, value)
            if refused:
                dropped.append(name)
        return dropped

    def _send(self, litellm: Any, call: Mapping[str, Any]) -> tuple[Any, int, float]:
        """The response, at which attempt it came, and milliseconds since the first one began."""
        started, waited_s = time.perf_counter(), 0.0

        def passed() -> float:
            return time.perf_counter() - started - waited_s

        def attempt() -> Any:
            nonlocal waited_s
            with self._pace.slot(patience_s=self._deadline_s - passed()) as waited:
                waited_s += waited
                return litellm.completion(
                    **call,
                    api_base=self.api_base,
                    api_key=self._api_key,
                    timeout=min(self._timeout_s, max(self._deadline_s - passed(), 1.0)),
                    max_retries=0,
                    num_retries=0,
                    drop_params=True,
                )

        def is_last(state: RetryCallState) -> bool:
            late = passed() + state.upcoming_sleep >= self._deadline_s
            return late or state.attempt_number >= self._attempts

        retrying = Retrying(
            retry=retry_if_exception(is_transient),
            stop=is_last,
            wait=_pause,
            sleep=self._sleep,
            reraise=True,
        )
        failed: ModelError
        try:
            return retrying(attempt), retrying.statistics["attempt_number"], passed() * 1000
        except Paused as pause:
            wait = math.ceil(pause.seconds)
            failed = ModelRateLimited(
                f"the provider wants no calls for {wait} s",
                field="model",
                value=self.model,
                mend=f"Try again in {wait} s, or make fewer calls at once",
            )
        except Exception as error:
            failed = failure(
                error,
                model=self.model,
                attempts=retrying.statistics["attempt_number"],
                secrets=[self._api_key] if self._api_key else [],
            )
        # Raised out here, so that no traceback drags the provider's own error, keys and all, into a log.
        raise failed

    def _reply(self, response: Any, latency_ms: float, notes: list[str]) -> Reply:
        choice = response.choices[0] if response.choices else None
        message = choice.message if choice else None
        text = (message.content or "") if message else ""
        finish_reason = str((choice and choice.finish_reason) or "unknown")
        if not text:
            fields = getattr(message, "provider_specific_fields", None) or {}
            refusal = fields.get("refusal")
            notes.append(
                f"the model refused: {redact(refusal)}"
                if refusal
                else f"the reply has no text ({finish_reason})"
            )
        usage = usage_of(response)
        told = usage.input_tokens is not None
        cost = response._hidden_params.get("response_cost") if told else None
        return Reply(
            text=text,
            model=response.model or self.model,
            usage=usage,
            cost_usd=cost,
            latency_ms=latency_ms,
            finish_reason=finish_reason,
            notes=tuple(notes),
            alternatives=_alternatives(choice),
            saved_usd=saved_by_cache(_litellm(), response, self.model) if cost is not None else None,
        )


def _refuses(litellm: Any, model: str, provider: str, name: str, value: object) -> bool:
    if name == "extra_body" and is_claude(model, provider):
        return True  # litellm would send it as a field of that name
    try:
        litellm.get_optional_params(
            model=model, custom_llm_provider=provider, drop_params=False, **{name: value}
        )
    except Exception as error:  # any other complaint is the call's to make
        return isinstance(error, litellm.UnsupportedParamsError)
    return False


def _caching(request: Request) -> dict[str, Any]:
    """What OpenAI wants to be told beside the messages; a caller's own `prompt_cache_key` stays."""
    told: dict[str, Any] = {}
    if request.mark_kind in {"key", "breakpoint"} and (key := request.prefix_key) is not None:
        told["prompt_cache_key"] = key[:_KEY_LENGTH]
    if request.mark_kind == "breakpoint":
        # Else OpenAI also writes what only this query says, at more than the price of reading it.
        told["prompt_cache_options"] = {"mode": "explicit"}
    return told


def _pause(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    told = retry_after(error) if error else None
    return max(told or 0.0, _BACKOFF(state))


def _alternatives(choice: Any) -> tuple[tuple[str, float], ...]:
    """What the first token with any text could have been, where log probabilities were asked for and given."""
    tokens = getattr(getattr(choice, "logprobs", None), "content", None) or ()
    first = next((token for token in tokens if token.token.strip()), None)
    told = (first.top_logprobs or ()) if first else ()
    # Some providers round above 0; more than that, or NaN, is no log probability.
    found = [(one.token, math.exp(min(one.logprob, 0.0))) for one in told if one.logprob <= _ROUNDING]
    return tuple(sorted(found, key=lambda pair: (-pair[1], pair[0])))


@cache
def _litellm() -> Any:
    for name, value in _OFFLINE.items():
        os.environ.setdefault(name, value)
    import litellm

    litellm.suppress_debug_info = True
    return litellm


def check_provider(model: str, api_base: str | None = None) -> None:
    """Refuse a model's name that does not say who has the model; nothing is sent. Raises ModelRefused."""
    LiteLLM(model, api_base=api_base)._provider(_litellm())
