"""Every error Shotsmith raises on purpose.

ShotsmithError
├── InvalidInput              the caller sent something unusable
│   ├── InvalidImage          bytes that are not one decodable still image
│   ├── InvalidMedia          bytes that are not a sound or a video that can be shown
│   ├── UnknownName           no selector, order, dialect, encoder, importer or model of that name
│   └── InvalidParameter      a parameter that does not exist or is out of range
├── NotFound                  no such pool or example
├── Conflict                  what is stored contradicts the request
│   ├── ExampleConflict       the id exists with other content
│   └── EncoderMismatch       the pool's vectors come from another encoder
├── Busy                      another process holds what is needed; try again
├── MissingExtra              an optional dependency is not installed
├── Unavailable               a store, index or download cannot be reached
└── ModelError                a vision-language model did not answer
    ├── ModelRefused          the provider rejects the request (400, 404, 422)
    ├── ModelUnauthorized     missing or wrong API key (401, 403)
    ├── ContextExceeded       the prompt is longer than the model's window
    ├── ModelRateLimited      429 after the retries were spent
    └── ModelUnavailable      5xx, timeouts and refused connections after the retries were spent

Each error names the field, the value and the mend, and knows its HTTP status and CLI exit code.
"""

from __future__ import annotations

from typing import Any, ClassVar

_SHOWN = 120


def _shown(value: object) -> str:
    try:
        text = value if isinstance(value, str) else repr(value)
    except ValueError:  # an integer of thousands of digits
        text = f"{type(value).__name__} too large to show"
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"


def _printable(text: str) -> str:
    """Without halves of surrogate pairs, which JSON can spell and no answer or log can hold."""
    return text.encode("utf-8", "backslashreplace").decode()


class ShotsmithError(Exception):
    """Root of every deliberate error.

    Args:
        message: What is wrong, one sentence without a full stop.
        field: The input that is at fault, as the caller knows it.
        value: The offending value; long ones are cut.
        mend: What the caller can do about it.
    """

    slug: ClassVar[str] = "error"
    status: ClassVar[int] = 500
    exit_code: ClassVar[int] = 1

    def __init__(
        self, message: str, *, field: str | None = None, value: object = None, mend: str | None = None
    ) -> None:
        super().__init__(message)
        self.message = _printable(message)
        self.field = None if field is None else _printable(field)
        self.value = None if value is None else _printable(_shown(value))
        self.mend = None if mend is None else _printable(mend)

    def __str__(self) -> str:
        where = f"{self.field}: " if self.field else ""
        got = f" (got {self.value})" if self.value is not None else ""
        mend = f". {self.mend}" if self.mend else ""
        return f"{where}{self.message}{got}{mend}"

    def problem(self) -> dict[str, Any]:
        """The error as RFC 9457 problem members, without transport details."""
        members = {
            "type": f"urn:shotsmith:{self.slug}",
            "title": type(self).__name__,
            "status": self.status,
            "detail": str(self),
            "message": self.message,
            "field": self.field,
            "value": self.value,
            "mend": self.mend,
        }
        return {name: member for name, member in members.items() if member is not None}


class InvalidInput(ShotsmithError):
    """The caller sent something unusable."""

    slug = "invalid-input"
    status = 422
    exit_code = 2


class InvalidImage(InvalidInput):
    """Bytes that are not one decodable still image within the limits."""

    slug = "invalid-image"


class InvalidMedia(InvalidInput):
    """Bytes that are not one decodable sound or video within the limits, or not of the kind that is asked for."""

    slug = "invalid-media"


class UnknownName(InvalidInput):
    """No registered thing has that name."""

    slug = "unknown-name"


class InvalidParameter(InvalidInput):
    """A parameter that does not exist or is out of range."""

    slug = "invalid-parameter"


class NotFound(ShotsmithError):
    """No such pool or example."""

    slug = "not-found"
    status = 404
    exit_code = 3


class Conflict(ShotsmithError):
    """What is stored contradicts the request."""

    slug = "conflict"
    status = 409
    exit_code = 4


class ExampleConflict(Conflict):
    """The id exists already, with other content."""

    slug = "example-conflict"


class EncoderMismatch(Conflict):
    """The pool's vectors come from another encoder than the configured one."""

    slug = "encoder-mismatch"


class Busy(ShotsmithError):
    """Another process holds what is needed."""

    slug = "busy"
    status = 503
    exit_code = 5


class MissingExtra(ShotsmithError):
    """An optional dependency is not installed."""

    slug = "missing-extra"
    status = 501
    exit_code = 6


class Unavailable(ShotsmithError):
    """A store, an index or a download cannot be reached."""

    slug = "unavailable"
    status = 503
    exit_code = 6


class ModelError(ShotsmithError):
    """A vision-language model did not answer."""

    slug = "model-error"
    status = 502
    exit_code = 7


class ModelRefused(ModelError):
    """The provider rejects the request as it stands."""

    slug = "model-refused"


class ModelUnauthorized(ModelError):
    """The provider wants another API key."""

    slug = "model-unauthorized"


class ContextExceeded(ModelError):
    """The prompt is longer than the model's context window."""

    slug = "context-exceeded"
    status = 413


class ModelRateLimited(ModelError):
    """The provider still answered 429 after the retries were spent."""

    slug = "model-rate-limited"
    status = 429


class ModelUnavailable(ModelError):
    """The provider failed or could not be reached after the retries were spent."""

    slug = "model-unavailable"
    status = 503
