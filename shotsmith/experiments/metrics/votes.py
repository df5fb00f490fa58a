"""Whether a model says more than the vote of its demonstrations does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...domain.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class VoteAgreement:
    """A model's answers beside the votes of what it was shown (Baldassini et al. 2024, arXiv 2404.15736).

    Attributes:
        agreement: Share of the items where both say the same.
        overrides: Items where the model says something else; an answer that could not be read is one.
        override_accuracy: Share of these where the model is right; None where there are none.
        vote_accuracy: Share of these where the vote is right: what overriding has to beat.
    """

    agreement: float
    overrides: int
    override_accuracy: float | None
    vote_accuracy: float | None


def vote_agreement(
    answers: Sequence[str | None], votes: Sequence[str | None], truths: Sequence[str]
) -> VoteAgreement:
    """Compare answers with the votes of the very same demonstrations.

    Args:
        answers: What was read of each item.
        votes: What its demonstrations vote for; None where there is no vote, with which nothing agrees.
        truths: The right answers, in the same spelling.

    Raises:
        InvalidInput: Not as many of each, or none.
    """
    if not truths or not len(answers) == len(votes) == len(truths):
        raise InvalidInput("every item needs an answer, a vote and a truth", field="votes", value=len(votes))
    rows = list(zip(answers, votes, truths, strict=True))
    apart = [row for row in rows if row[0] is None or row[0] != row[1]]
    if not apart:
        return VoteAgreement(1.0, 0, None, None)
    return VoteAgreement(
        1 - len(apart) / len(rows),
        len(apart),
        sum(answer == truth for answer, _, truth in apart) / len(apart),
        sum(vote == truth for _, vote, truth in apart) / len(apart),
    )
