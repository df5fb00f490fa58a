"""The sampling parameters that a request may pass on to a model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...domain.errors import InvalidParameter
from ...domain.scoring import canonical_json

# An allowlist: litellm reads dozens of further keywords (endpoints, credentials, callbacks) that must never come
# out of a request.
SAMPLING = frozenset(
    {
        "extra_body",
        "frequency_penalty",
        "logit_bias",
        "logprobs",
        "max_completion_tokens",
        "max_tokens",
        "min_p",
        "presence_penalty",
        "prompt_cache_key",
        "prompt_cache_retention",
        "reasoning_effort",
        "repetition_penalty",
        "response_format",
        "safety_identifier",
        "seed",
        "service_tier",
        "stop",
        "store",
        "temperature",
        "thinking",
        "top_k",
        "top_logprobs",
        "top_p",
        "user",
        "verbosity",
    }
)
_OURS = frozenset({"messages", "model", "n", "stream", "stream_options", "tools"})


def sampling(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters that are set: None counts as unset.

    Provider-specific ones travel inside `extra_body`, an object that is merged into the request's body.

    Raises:
        InvalidParameter: For a name that is not a sampling parameter, or a value that JSON cannot hold.
    """
    given = {name: value for name, value in parameters.items() if value is not None}
    for name in sorted(given.keys() - SAMPLING):
        raise InvalidParameter(
            "not a sampling parameter",
            field="parameters",
            value=name,
            mend=f"Known: {', '.join(sorted(SAMPLING))}; what one provider alone knows goes into extra_body",
        )
    try:
        canonical_json(given)
    except (TypeError, ValueError) as error:
        raise InvalidParameter(
            f"the parameters are not JSON: {error}",
            field="parameters",
            mend="Use finite numbers and plain values",
        ) from None
    extra = given.get("extra_body", {})
    if not isinstance(extra, dict) or extra.keys() & _OURS:
        raise InvalidParameter(
            "extra_body must be an object and leave the call itself alone",
            field="parameters",
            value=extra,
            mend=f"Leave out {', '.join(sorted(_OURS))}",
        )
    return given
