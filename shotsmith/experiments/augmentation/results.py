"""What an augmentation came to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from ...engine import Added
from ..trials.meter import Spent
from .asking import Forecast
from .settings import Augmentation
from .writing import Candidate


@dataclass(frozen=True)
class Augmented:
    """What an augmentation made of a pool, or would take.

    Attributes:
        pool: Its name.
        model: Who made examples up.
        run: Names what was done; stored with each example.
        settings: What was asked for.
        sources: Real examples that others can be made from.
        unusable: Real training examples that have nothing that could be put differently.
        forecast: What was reckoned with.
        dropped: How many replies are no candidate, by reason.
        unread: Judgements that could not be read; the others count.
        rated: Candidates with a score.
        median: Of their scores; None without any.
        kept: The better half of them, the best first.
        added: What became of those in the pool; None where nothing was sent.
        spent: Calls and money.
        notes: What must be said beside it.
    """

    pool: str
    model: str
    run: str
    settings: Augmentation
    sources: int
    unusable: int
    forecast: Forecast
    dropped: Mapping[str, int] = field(default_factory=dict)
    unread: int = 0
    rated: int = 0
    median: float | None = None
    kept: tuple[Candidate, ...] = ()
    added: Added | None = None
    spent: Spent = field(default_factory=Spent)
    notes: tuple[str, ...] = ()

    @property
    def dry(self) -> bool:
        """Whether this only tells what it would take."""
        return self.added is None

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "pool": self.pool,
            "model": self.model,
            "run": self.run,
            "dry_run": self.dry,
            "settings": self.settings.model_dump(mode="json"),
            "sources": self.sources,
            "unusable": self.unusable,
            "forecast": asdict(self.forecast),
            "dropped": dict(self.dropped),
            "unread": self.unread,
            "rated": self.rated,
            "median": self.median,
            "kept": [
                {
                    "id": one.example.id,
                    "score": one.score,
                    "sources": list(one.sources),
                    "text": one.example.text,
                    "answer": one.example.answer,
                    "labels": list(one.example.labels),
                    "group": one.example.group,
                }
                for one in self.kept
            ],
            "added": None if self.added is None else asdict(self.added),
            "spent": self.spent.as_dict(),
            "notes": list(self.notes),
        }
