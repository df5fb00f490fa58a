"""What adding examples did."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Added:
    """What became of added examples, as counts."""

    added: int = 0
    replaced: int = 0
    unchanged: int = 0
    skipped: int = 0

    def __add__(self, other: Added) -> Added:
        return Added(
            self.added + other.added,
            self.replaced + other.replaced,
            self.unchanged + other.unchanged,
            self.skipped + other.skipped,
        )

    @property
    def total(self) -> int:
        """Everything that is stored now, or was deliberately left alone."""
        return self.added + self.replaced + self.unchanged + self.skipped
