"""Metrics by name, word errors and resampled macro-F1."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from shotsmith.domain.errors import InvalidInput, InvalidParameter, UnknownName
from shotsmith.experiments.metrics import (
    METRICS,
    f1_columns,
    macro_f1_of,
    metric,
    metrics_for,
    word_error_rate,
    word_errors,
)
from shotsmith.experiments.statistics import resample
from shotsmith.prompts.parsing import Task, parse
from shotsmith.prompts.scoring import macro_f1

LABEL = Task("label", ("cat", "dog", "owl"))
LABELS = Task("labels", ("cat", "dog", "owl"))
NUMBER = Task("number", unit="mm")
YES_NO = Task("yes or no")
JSON = Task("json", schema={"type": "object"})
TEXT = Task()
TASKS = (LABEL, LABELS, NUMBER, YES_NO, TEXT, JSON)
LETTERS = ("a", "b", "c")


def said(task, *replies):
    return [parse(reply, task) for reply in replies]


@pytest.mark.parametrize(
    ("name", "task", "reply", "truths", "score"),
    [
        ("accuracy", LABEL, "It is a dog.", ["dog"], 1),
        ("accuracy", LABEL, "cat or dog", ["dog"], 0),  # could not be read
        ("accuracy", LABELS, "dog, cat", ["cat, dog"], 1),
        ("accuracy", LABELS, "dog", ["cat, dog"], 0),
        ("accuracy", NUMBER, "4 mm", ["4"], 1),
        ("accuracy", NUMBER, "0.4 cm", ["4 mm"], 1),
        ("accuracy", YES_NO, "Yes, it is", ["yes"], 1),
        ("accuracy", TEXT, "Red", ["blue", "red"], 1),
        ("accuracy", JSON, '{"a": 1}', ['{"a":1}'], 1),
        ("label_f1", LABELS, "dog", ["cat, dog"], 2 / 3),
        ("label_f1", LABELS, "what?", ["cat, dog"], 0),
        ("exact_match", TEXT, "The Eiffel Tower!", ["the eiffel tower"], 1),
        ("exact_match", TEXT, "", ["the eiffel tower"], 0),
        ("vqa_accuracy", TEXT, "two", ["2"] * 3 + ["3"] * 7, 0.9),
        ("token_f1", TEXT, "the red car", ["a car"], 2 / 3),
        ("numeric_error", NUMBER, "5 mm", ["4 mm"], 0.25),
        ("numeric_error", NUMBER, "-4 mm", ["4 mm"], 1),  # at most 1
        ("numeric_error", NUMBER, "5 kg", ["4 mm"], 1),
        ("numeric_error", NUMBER, "no idea", ["4 mm"], 1),
        ("numeric_error", NUMBER, "0", ["0"], 0),
        ("word_error_rate", TEXT, "the cat sat", ["The cat sat down."], 0.25),
        ("word_error_rate", TEXT, "", ["The cat sat down."], 1),
    ],
)
def test_items(name, task, reply, truths, score):
    found = metric(name, task)
    assert found.scores(task, said(task, reply), [truths]).tolist() == [pytest.approx(score)]
    assert found.value(task, said(task, reply), [truths]) == pytest.approx(score)


@pytest.mark.parametrize("name", METRICS)
def test_what_cannot_be_read_scores_worst(name):
    found = metric(name)
    worst = {"higher": 0.0, "lower": 1.0}[found.better]
    truths = {
        "label": "cat",
        "labels": "cat",
        "number": "4 mm",
        "yes or no": "no",
        "text": "a b",
        "json": '{"a":1}',
    }
    failed = {"label": "?", "labels": "?", "number": "?", "yes or no": "?", "text": "", "json": "?"}
    for task in TASKS:
        if task.kind in found.kinds:
            rights = [truths[task.kind]] * (3 if name == "vqa_accuracy" else 1)
            assert parse(failed[task.kind], task).answer is None
            assert found.value(task, said(task, failed[task.kind]), [rights]) == worst


def test_a_metric_of_all_items_is_not_always_the_mean():
    answers, truths = said(LABEL, "cat", "cat", "dog", "?"), [["cat"], ["dog"], ["dog"], ["owl"]]
    assert metric("accuracy").value(LABEL, answers, truths) == 0.5
    expected = f1_score(
        ["cat", "dog", "dog", "owl"], ["cat", "cat", "dog", "none"], average=None, labels=LABEL.labels
    )
    assert metric("macro_f1").value(LABEL, answers, truths) == pytest.approx(expected.mean())
    long, short = ["a b c d e f g h", "a"], said(TEXT, "a b c d e f g h", "b")
    assert metric("word_error_rate").value(TEXT, short, [[one] for one in long]) == pytest.approx(1 / 9)
    assert metric("macro_f1").value(LABELS, said(LABELS, "cat, dog"), [["dog"]]) == pytest.approx(0.5)


def test_every_task_has_its_usual_metric_first():
    usual = {task.kind: metrics_for(task)[0].name for task in TASKS}
    assert usual == {
        "label": "accuracy",
        "labels": "label_f1",
        "number": "accuracy",
        "yes or no": "accuracy",
        "text": "exact_match",
        "json": "accuracy",
    }
    assert all(task.kind in one.kinds for task in TASKS for one in metrics_for(task))


def test_a_metric_that_is_not_there_or_does_not_fit():
    with pytest.raises(UnknownName, match="macro_f1"):
        metric("macrof1")
    with pytest.raises(InvalidParameter, match=r"not for answers of the kind 'label'.*accuracy, macro_f1"):
        metric("word_error_rate", LABEL)
    for answers, truths in (
        ([], []),
        (said(TEXT, "a"), []),
        (said(TEXT, "a"), [[]]),
        (said(TEXT, "a"), ["a"]),
    ):
        with pytest.raises(InvalidInput):
            metric("accuracy").value(TEXT, answers, truths)
    for name, task in (("macro_f1", LABEL), ("word_error_rate", TEXT)):
        with pytest.raises(InvalidInput, match="one right answer"):
            metric(name).value(task, said(task, "cat"), [["cat", "dog"]])
    with pytest.raises(InvalidInput, match="no label"):
        metric("macro_f1").value(LABEL, said(LABEL, "cat"), [["horse"]])


words = st.lists(st.sampled_from(LETTERS), max_size=6)


@given(words, words)
@settings(max_examples=200)
def test_word_errors_are_levenshteins(one, other):
    @cache
    def distance(i: int, j: int) -> int:
        if not i or not j:
            return i + j
        same = one[i - 1] == other[j - 1]
        return min(distance(i - 1, j - 1) + (not same), distance(i - 1, j) + 1, distance(i, j - 1) + 1)

    found = word_errors(" ".join(one), " ".join(other))
    assert found == (distance(len(one), len(other)), len(other))


def test_word_error_rate():
    assert word_errors("IT’S, well, ten-fold.", "it’s well ten-fold") == (0, 3)
    assert word_errors("ａｂｃ", "abc").rate == 0
    assert word_errors(None, "").rate == word_errors("a", "").rate == 1
    assert word_errors("a b c d", "x").rate == 4
    assert word_error_rate(["a b", None], ["a c", "d e"]) == 3 / 4
    with pytest.raises(InvalidInput, match="no right answer has a word"):
        word_error_rate(["a"], ["!"])
    with pytest.raises(InvalidInput, match="every item"):
        word_error_rate([], [])


sets = st.frozensets(st.sampled_from(LETTERS))


@given(st.lists(st.tuples(st.none() | sets, sets), min_size=1, max_size=12))
def test_macro_f1_of_counts_is_macro_f1(rows):
    answers, truths = [one for one, _ in rows], [one for _, one in rows]
    assume(any(truths) or any(answers))  # without any label F1 means nothing
    found = macro_f1_of(f1_columns(answers, truths, LETTERS).mean(axis=0))
    assert float(found) == pytest.approx(macro_f1(answers, truths))


def test_macro_f1_has_an_interval():
    rng = np.random.default_rng(0)
    truths = [{LETTERS[one]} for one in rng.integers(3, size=300)]
    answers = [one if rng.random() < 0.8 else {"a"} for one in truths]
    found = resample(list(f1_columns(answers, truths, LETTERS).T), macro_f1_of, smoothed=False).interval()
    assert found.value == pytest.approx(macro_f1(answers, truths))
    assert found.low < found.value < found.high
    # About as wide as that of an accuracy of as many items.
    width = 2 * 1.96 * math.sqrt(found.value * (1 - found.value) / 300)
    assert found.high - found.low == pytest.approx(width, rel=0.35)
    with pytest.raises(InvalidInput):
        f1_columns([], [], LETTERS)
    with pytest.raises(InvalidInput):
        f1_columns([{"a"}], [{"a"}], ())
