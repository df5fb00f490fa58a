"""What went wrong in a call to a provider: which errors pass, how long to wait, and what a caller may read.

litellm's classes do not tell: a wrong key can come as BadRequestError and a refused connection as a 500. So the
status code decides, and response headers tell whether anybody answered at all.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from ...domain.errors import (
    ContextExceeded,
    ModelError,
    ModelRateLimited,
    ModelRefused,
    ModelUnauthorized,
    ModelUnavailable,
)

_TRANSIENT = frozenset({408, 409, 429})
_MISSING_KEY = re.compile(r"missing .{0,40}(api[ _]?key|credentials)", re.IGNORECASE)
_TOO_LONG = re.compile(
    r"context[ _](length|window|size)|(prompt|input) is too long|exceeds? .{0,60}\b(tokens?|context)\b"
    r"|request_too_large",  # Anthropic's 413, which litellm makes a 400
    re.IGNORECASE,
)
_MISSING_PACKAGE = re.compile(
    r"No module named '[\w.]+'"
)  # litellm's way to some models needs more than it installs
_UNREADABLE = "converting to valid response"  # a 200 that is no reply, which litellm makes a 422
_SECRET_NAME = re.compile(r"(KEY|TOKEN|SECRET|PASSWORD)$")
_DATA_URL = re.compile(r"data:[\w.+-]+/[\w.+-]+;base64,[\w+/=\\-]*")
_BASE64 = re.compile(r"[A-Za-z0-9+/]{72,}={0,2}")
_CREDENTIAL = re.compile(r"(?i:bearer\s+)[^\s\"',]+|\b(?:sk-|AIza)[\w*.-]{8,}|(?<=://)[^\s/@]+:[^\s/@]+(?=@)")
_PREFIX = re.compile(r"^(?:litellm\.\w+: ?|(?:Timeout )?\w*(?:Error|Exception)(?:: | - ))+")
_LONGEST = 500
_SHORTEST_SECRET = 6


def is_transient(error: BaseException) -> bool:
    """Whether the same call may succeed later: 408, 409, 429, 5xx, refused connections and timeouts."""
    status = _status(error)
    if status is None or _headers(error).get("x-should-retry") == "false":
        return False
    if _lacks_key(error) or _lacks_package(error):
        return False
    return status in _TRANSIENT or status >= 500 or _UNREADABLE in str(error)


def retry_after(error: BaseException, *, now: datetime | None = None) -> float | None:
    """Seconds that the provider asks to wait (`retry-after-ms`, `retry-after` as seconds or as a date), if it does."""
    headers = _headers(error)
    try:
        if told := headers.get("retry-after-ms"):
            return max(float(told) / 1000, 0.0)
        if not (told := headers.get("retry-after")):
            return None
        if told.replace(".", "", 1).isdigit():
            return float(told)
        return max((parsedate_to_datetime(told) - (now or datetime.now(UTC))).total_seconds(), 0.0)
    except (TypeError, ValueError):
        return None


def failure(
    error: BaseException, *, model: str, attempts: int = 1, secrets: Iterable[str] = ()
) -> ModelError:
    """The error that the caller gets: by status code, with the provider's reason, without keys and image data."""
    status, headers = _status(error), _headers(error)
    reason = redact(_reason(error), secrets)
    said = f"the provider answered {status}: {reason}" if headers else f"the call failed: {reason}"
    if attempts > 1:
        said += f" ({attempts} attempts)"
    kind, mend = _verdict(error, status)
    if kind is ModelRateLimited and (wait := retry_after(error)) is not None:
        mend = f"Try again in {wait:g} s, or make fewer calls at once"
    return kind(said, field="model", value=model, mend=mend)


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """Text without keys, credentials and image data, cut to 500 characters.

    Besides the given secrets, the values of environment variables that are named like one are taken out.
    """
    named = (value for name, value in os.environ.items() if _SECRET_NAME.search(name))
    planted = {value for value in (*secrets, *named) if len(value) >= _SHORTEST_SECRET}
    for value in sorted(planted, key=len, reverse=True):
        text = text.replace(value, "[secret]")
    text = _CREDENTIAL.sub("[secret]", text)
    text = _BASE64.sub("[data]", _DATA_URL.sub("[image]", text))
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _verdict(error: BaseException, status: int | None) -> tuple[type[ModelError], str]:
    known_to_litellm = type(error).__name__ == "ContextWindowExceededError"
    if known_to_litellm or status == 413 or (status == 400 and _TOO_LONG.search(str(error))):
        return ContextExceeded, "Show fewer demonstrations or smaller images"
    if status in {401, 403} or _lacks_key(error):
        mend = "Set SHOTSMITH_MODEL_API_KEY or the provider's own variable; an endpoint without keys takes any value"
        return ModelUnauthorized, mend
    if _lacks_package(error):
        return ModelRefused, "Install the package with pip, or choose another model"
    if status == 429:
        return ModelRateLimited, "Try again later, or make fewer calls at once"
    if status == 404:
        return ModelRefused, "Check the name of the model and the endpoint"
    refused = status is not None and 400 <= status < 500 and status not in _TRANSIENT
    if refused and _UNREADABLE not in str(error):
        return ModelRefused, "Change the request as the provider says"
    return ModelUnavailable, "Check the endpoint, then try again"


def _status(error: BaseException) -> int | None:
    status = getattr(error, "status_code", None)
    return status if isinstance(status, int) else None


def _headers(error: BaseException) -> Mapping[str, str]:
    headers = getattr(error, "litellm_response_headers", None) or {}
    return {str(name).lower(): str(value) for name, value in headers.items()}


def _lacks_key(error: BaseException) -> bool:
    return not _headers(error) and _MISSING_KEY.search(str(error)) is not None


def _lacks_package(error: BaseException) -> bool:
    return not _headers(error) and _MISSING_PACKAGE.search(str(error)) is not None


def _reason(error: BaseException) -> str:
    text = str(error).partition("Traceback (most recent call last)")[0].strip()
    text = _PREFIX.sub("", text) or type(error).__name__
    start = text.find("{")
    try:
        told = json.JSONDecoder().raw_decode(text, start)[0]["error"]["message"] if start >= 0 else None
    except (KeyError, TypeError, ValueError):
        return text
    return told if isinstance(told, str) else text
