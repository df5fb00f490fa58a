"""Numbers are right as numbers, however they are written."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from shotsmith.domain.errors import InvalidInput
from shotsmith.domain.examples import Pool
from shotsmith.experiments.truths import right

POOL = Pool("p", "u", "regression", "fake", "fake/1", datetime(2026, 1, 1, tzinfo=UTC), answer_format="in mm")


@pytest.mark.parametrize(
    ("answer", "expected", "is_right"),
    [
        ("4", "4.0", True),
        ("4.0", "4", True),
        ("-3.5 mm", "-3.5", True),
        ("4", "5", False),
        (None, "4", False),
    ],
)
def test_a_number_is_right_however_it_is_written(answer: str | None, expected: str, is_right: bool) -> None:
    assert right(POOL, answer, expected) is is_right


def test_a_truth_that_is_no_number_is_an_error_of_the_pool() -> None:
    with pytest.raises(InvalidInput, match="the right answer is no number"):
        right(POOL, "4", "four or so")
