"""How right answers are: against papers' numbers, scikit-learn, and the laws that every score obeys."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import f1_score
from sklearn.preprocessing import MultiLabelBinarizer

from shotsmith.domain.errors import InvalidInput, InvalidParameter
from shotsmith.prompts.parsing import Task, parse
from shotsmith.prompts.scoring import (
    exact_match,
    macro_f1,
    score,
    set_f1,
    token_f1,
    vqa_accuracy,
    vqa_form,
    within,
)

LABELS = ("a", "b", "c", "d")
sets = st.sets(st.sampled_from(LABELS))
words = st.lists(st.sampled_from(["a", "red", "cat", "the", "dog", "2"]), max_size=5).map(" ".join)


@pytest.mark.parametrize(
    ("answer", "truth", "right"),
    [
        ("A Cat!", "a cat", 1.0),
        ("U.S.", "US", 1.0),
        ("cat", "cats", 0.0),
        (None, "cat", 0.0),
        ("", "", 1.0),
        ("-5", "5", 1.0),  # SMMILE strips punctuation; numbers have `within`
    ],
)
def test_exact_match(answer: str | None, truth: str, right: float) -> None:
    assert exact_match(answer, truth) == right


@given(st.lists(st.tuples(sets, sets), min_size=1, max_size=12))
def test_macro_f1_is_that_of_scikit_learn(pairs: list[tuple[set[str], set[str]]]) -> None:
    answers, truths = zip(*pairs, strict=True)
    seen = sorted({label for pair in pairs for labels in pair for label in labels})
    if not seen:
        assert macro_f1(answers, truths) == 1.0
        return
    spread = MultiLabelBinarizer(classes=LABELS).fit([LABELS])
    columns = [LABELS.index(label) for label in seen]
    peer = f1_score(
        spread.transform(truths), spread.transform(answers), labels=columns, average="macro", zero_division=0
    )
    assert macro_f1(answers, truths) == pytest.approx(peer)


@given(st.lists(st.tuples(st.sampled_from(LABELS), st.sampled_from(LABELS)), min_size=1, max_size=12))
def test_macro_f1_of_single_labels_is_that_of_scikit_learn(pairs: list[tuple[str, str]]) -> None:
    answers, truths = zip(*pairs, strict=True)
    peer = f1_score(truths, answers, average="macro")
    assert macro_f1([{one} for one in answers], [{one} for one in truths]) == pytest.approx(peer)


def test_an_unread_answer_costs_macro_f1_as_an_empty_one() -> None:
    assert (
        macro_f1([{"a"}, None], [{"a"}, {"a"}])
        == macro_f1([{"a"}, ()], [{"a"}, {"a"}])
        == pytest.approx(2 / 3)
    )
    with pytest.raises(InvalidInput):
        macro_f1([], [])
    with pytest.raises(InvalidInput):
        macro_f1([{"a"}], [{"a"}, {"b"}])


@given(sets, sets)
def test_set_f1_is_symmetric_and_one_only_for_equals(one: set[str], other: set[str]) -> None:
    found = set_f1(one, other)
    assert found == set_f1(other, one)
    assert 0 <= found <= 1
    assert (found == 1) == (one == other)
    assert set_f1(None, other) == 0
    if one and other:
        precision, recall = len(one & other) / len(one), len(one & other) / len(other)
        harmonic = 2 * precision * recall / (precision + recall) if precision + recall else 0
        assert found == pytest.approx(harmonic)


numbers = st.floats(-1e6, 1e6)
tolerances = st.floats(0, 10)


@given(numbers, numbers, tolerances, tolerances)
def test_a_wider_tolerance_never_makes_an_answer_wrong(
    answer: float, truth: float, narrow: float, more: float
) -> None:
    assert within(answer, truth, absolute=narrow) <= within(answer, truth, absolute=narrow + more)
    assert within(answer, truth, relative=narrow) <= within(answer, truth, relative=narrow + more)
    assert within(truth, truth) == 1
    assert within(None, truth, absolute=1e9) == 0


def test_tolerances_are_checked() -> None:
    assert within(10.5, 10, absolute=0.5) == 1
    assert within(10.5, 10, relative=0.05) == 1
    assert within(10.6, 10, absolute=0.5, relative=0.05) == 0
    with pytest.raises(InvalidParameter):
        within(1, 1, absolute=-1)


@pytest.mark.parametrize(("agree", "expected"), [(0, 0), (1, 0.3), (2, 0.6), (3, 0.9), (4, 1), (10, 1)])
def test_vqa_accuracy_of_ten_annotators(agree: int, expected: float) -> None:
    annotators = ["cat"] * agree + [f"other {number}" for number in range(10 - agree)]
    assert vqa_accuracy("A cat.", annotators) == pytest.approx(expected)


@given(
    st.sampled_from(["cat", "dog"]), st.lists(st.sampled_from(["cat", "dog", "cow"]), min_size=2, max_size=10)
)
def test_vqa_accuracy_is_the_mean_over_all_subsets_without_one(answer: str, annotators: list[str]) -> None:
    subsets = list(combinations(annotators, len(annotators) - 1))
    mean = sum(min(1, subset.count(answer) / 3) for subset in subsets) / len(subsets)
    assert vqa_accuracy(answer, annotators) == pytest.approx(mean)
    assert vqa_accuracy(None, annotators) == 0


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("The two dogs.", "2 dogs"),
        ("1,000", "1000"),
        ("2.5 m", "2.5 m"),
        ("Don't", "dont"),
        ("black-and-white", "black and white"),
        ("None", "0"),
        ("yes, it is!", "yes it is"),
    ],
)
def test_the_form_vqa_answers_are_compared_in(text: str, form: str) -> None:
    assert vqa_form(text) == form
    assert vqa_form(form) == form


@pytest.mark.parametrize(
    ("answer", "truths", "expected"),
    [
        ("the cat", ["cat"], 1.0),
        ("a red cat", ["cat"], 2 / 3),
        ("red cat", ["a blue cat", "dog"], 0.5),
        ("cat cat", ["cat"], 2 / 3),
        ("bird", ["cat"], 0.0),
        ("the", [""], 1.0),
        (None, ["cat"], 0.0),
    ],
)
def test_token_f1(answer: str | None, truths: list[str], expected: float) -> None:
    assert token_f1(answer, truths) == pytest.approx(expected)


@given(words, st.lists(words, min_size=1, max_size=4))
def test_token_f1_is_best_over_truths_and_knows_no_word_order(answer: str, truths: list[str]) -> None:
    found = token_f1(answer, truths)
    assert 0 <= found <= 1
    assert found == max(token_f1(answer, [truth]) for truth in truths)
    assert found == token_f1(" ".join(reversed(answer.split())), truths)
    assert token_f1(answer, [answer]) == 1


def test_there_must_be_something_to_compare_with() -> None:
    with pytest.raises(InvalidInput):
        token_f1("cat", [])
    with pytest.raises(InvalidInput):
        vqa_accuracy("cat", ["cat"])


@pytest.mark.parametrize(
    ("task", "reply", "truth", "expected"),
    [
        (Task("label", ("cat", "dog")), "It is a cat", "cat", 1.0),
        (Task("label", ("cat", "dog")), "bird", "cat", 0.0),
        (Task("labels", ("cat", "dog", "cow")), "cat and dog", "dog, cow", 0.5),
        (Task("labels", ("cat", "dog", "cow")), "none", "none", 1.0),
        (Task("number", unit="mm"), "0.35 cm", "3.5", 1.0),
        (Task("number"), "3.50 mm", "3.5 mm", 1.0),
        (Task("number"), "3.5 mm", "3.5 kg", 0.0),
        (Task("number"), "3.6", "3.5", 0.0),
        (Task("number"), "3-4", "3.5", 0.0),
        (Task("yes or no"), "Yes, it is.", "yes", 1.0),
        (Task("text"), "A cat.", "a cat", 1.0),
        (Task("json", schema={"type": "object"}), '{"b": 1, "a": 2}', '{"a": 2, "b": 1}', 1.0),
    ],
)
def test_an_answer_is_scored_by_its_task(task: Task, reply: str, truth: str, expected: float) -> None:
    assert score(task, parse(reply, task), truth) == expected


def test_a_truth_that_is_no_answer_is_said_and_not_scored() -> None:
    task = Task("label", ("cat", "dog"))
    with pytest.raises(InvalidInput, match="no label"):
        score(task, parse("cat", task), "bird")


def test_a_number_may_be_a_little_off() -> None:
    task = Task("number", unit="mm")
    assert score(task, parse("3.6 mm", task), "3.5", absolute=0.1001) == 1
    assert score(task, parse("3.6 mm", task), "3.5", relative=0.05) == 1
