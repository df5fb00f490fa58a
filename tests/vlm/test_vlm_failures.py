from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shotsmith.clients.vlm.failures import failure, is_transient, redact, retry_after
from shotsmith.domain.errors import (
    ContextExceeded,
    ModelRateLimited,
    ModelRefused,
    ModelUnauthorized,
    ModelUnavailable,
)


class ProviderError(Exception):
    def __init__(self, message="no", status=None, **headers):
        super().__init__(message)
        self.status_code = status
        self.litellm_response_headers = {name.replace("_", "-"): value for name, value in headers.items()}


class ContextWindowExceededError(ProviderError):
    """As litellm calls it."""


NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry_after": "7"}, 7),
        ({"Retry_After": "0.5"}, 0.5),
        ({"retry_after_ms": "250", "retry_after": "9"}, 0.25),
        ({"retry_after": "Thu, 01 Jan 2026 12:00:30 GMT"}, 30),
        ({"retry_after": "Thu, 01 Jan 2026 11:00:00 GMT"}, 0),
        ({"retry_after": "soon"}, None),
        ({"retry_after_ms": "soon"}, None),
    ],
)
def test_retry_after_in_all_its_spellings(headers, seconds):
    assert retry_after(ProviderError(status=429, **headers), now=NOON) == seconds


def test_status_decides_what_may_pass():
    passing = {status for status in range(200, 600) if is_transient(ProviderError(status=status))}
    assert passing == {408, 409, 429, *range(500, 600)}
    assert not is_transient(ProviderError(status=503, x_should_retry="false"))
    assert not is_transient(ProviderError())
    assert not is_transient(ProviderError("Missing Gemini API key. Set it", status=500))
    assert is_transient(
        ProviderError("Missing Gemini API key. Set it", status=500, server="one that answered")
    )


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ProviderError(status=400), ModelRefused),
        (
            ProviderError("the input token count (9) exceeds the maximum number of tokens", 400),
            ContextExceeded,
        ),
        (ProviderError("max_tokens is too large", 400), ModelRefused),
        (ContextWindowExceededError("current length is 9 while limit is 8", 400), ContextExceeded),
        (ProviderError(status=413), ContextExceeded),
        (ProviderError(status=401), ModelUnauthorized),
        (ProviderError(status=403), ModelUnauthorized),
        (ProviderError("Missing credentials", 500), ModelUnauthorized),
        (ProviderError(status=404), ModelRefused),
        (ProviderError(status=408), ModelUnavailable),
        (ProviderError(status=409), ModelUnavailable),
        (ProviderError(status=418), ModelRefused),
        (ProviderError(status=429), ModelRateLimited),
        (ProviderError(status=500), ModelUnavailable),
        (ProviderError(status=200), ModelUnavailable),
        (TypeError("inside the library"), ModelUnavailable),
    ],
)
def test_kind_follows_the_status(error, kind):
    mapped = failure(error, model="openai/m")
    assert type(mapped) is kind
    assert (mapped.field, mapped.value) == ("model", "openai/m")
    assert mapped.mend


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ("litellm.RateLimitError: RateLimitError: OpenAIException - slow down", "slow down"),
        ("litellm.Timeout: Timeout Error: OpenAIException - too late", "too late"),
        (
            'litellm.NotFoundError: XException - {"error": {"message": "no model"}}. Handle with it',
            "no model",
        ),
        ('litellm.APIError: XException - {"detail": "no"}', '{"detail": "no"}'),
        ("litellm.APIConnectionError: broken {\nTraceback (most recent call last):\n  File x", "broken {"),
        ("litellm.APIError: ", "ProviderError"),
    ],
)
def test_reason_is_the_providers_own(raw, reason):
    assert (
        failure(ProviderError(raw, 400, server="x"), model="m").message
        == f"the provider answered 400: {reason}"
    )


SECRET = st.text(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_!$%", min_size=6, max_size=60
)


@given(before=st.text(max_size=40), secret=SECRET, after=st.text(max_size=40))
def test_a_given_secret_never_stays(before, secret, after):
    assert secret not in redact(f"{before}{secret}{after}", [secret]).replace("[secret]", "")


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("see data:image/png;base64,iVBORw0KGgo= there", "see [image] there"),
        ("raw " + "Ab1/" * 30 + "== end", "raw [data] end"),
        (
            "Authorization: Bearer abc.def",
            "Authorization: Bearer abc.def".replace("Bearer abc.def", "[secret]"),
        ),
        ("Incorrect API key provided: sk-abcd****wxyz.", "Incorrect API key provided: [secret]"),
        ("http://me:pw@host/v1", "http://[secret]@host/v1"),
        ("task-classification of sha256 " + "ab" * 32, "task-classification of sha256 " + "ab" * 32),
        ("no", "no"),
    ],
)
def test_what_is_taken_out(text, kept):
    assert redact(text) == kept


def test_environment_secrets_are_taken_out_and_length_is_bounded(monkeypatch):
    monkeypatch.setenv("SOME_PROVIDER_TOKEN", "hunter2hunter2")
    monkeypatch.setenv("SOME_PROVIDER_KEY", "none")
    assert redact("with hunter2hunter2, none") == "with [secret], none"
    assert len(redact("x " * 9999)) == 500
