"""What one arm made of one item."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

# What depends on the machine and the moment, not on what was compared.
_TIMINGS = ("selection_ms", "latency_ms", "from_ledger")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one arm made of one item.

    Attributes:
        item: Example id of the held-out query.
        answer: As it was read; None when it could not be, which counts as wrong.
        correct: Whether it is the item's label or answer.
        demonstrations: Example ids in prompt order.
        cost_usd: Price when the call was made; None for an unknown price.
        input_tokens: As the provider counts them; None where it does not say.
        output_tokens: The same.
        selection_ms: Time to choose; selections cut from one longer selection all carry its time.
        latency_ms: Time of the model's call when it was made.
        from_ledger: Whether an earlier equal call was reused.
        seed: Of the recipe.
        said: The model's reply, unread; empty where no model is asked.
        finish_reason: Why the reply stopped, e.g. "stop", "length" or "content_filter".
        error: Why there is no reply, e.g. because the prompt is too long for the model; empty where there is one.
        confidence: How sure the model is, from 0 to 1, where that is known.
        cached_tokens: Of the prompt, read from the provider's cache; None where it does not say.
        prompt_sha256: Of the prompt; empty where no model is asked.
        labels: What the demonstrations say, in prompt order.
    """

    item: str
    answer: str | None
    correct: bool
    demonstrations: tuple[str, ...] = ()
    cost_usd: float | None = 0.0
    input_tokens: int | None = None
    output_tokens: int | None = None
    selection_ms: float = 0.0
    latency_ms: float = 0.0
    from_ledger: bool = False
    seed: int = 0
    said: str = ""
    finish_reason: str = ""
    error: str = ""
    confidence: float | None = None
    cached_tokens: int | None = None
    prompt_sha256: str = ""
    labels: tuple[str, ...] = ()

    def as_dict(self, *, timings: bool = True) -> dict[str, Any]:
        """Plain JSON."""
        record = asdict(self)
        return record if timings else {name: one for name, one in record.items() if name not in _TIMINGS}

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> Outcome:
        """From what `as_dict` gave, JSON in between or not; unknown fields of other versions are passed over."""
        known = {one.name for one in fields(cls)}
        given = {name: value for name, value in record.items() if name in known}
        return cls(**given | {name: tuple(given.get(name, ())) for name in ("demonstrations", "labels")})
