"""Labels, lists, yes or no, text, JSON and confidence: one entry, every rule recorded."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prompt_factories import make_pool

from shotsmith.domain.errors import InvalidParameter
from shotsmith.domain.scoring import Matrix, unit
from shotsmith.prompts.parsing import (
    Confidence,
    Parsed,
    Task,
    parse,
    parse_answer,
    response_format,
    tally,
    task_of,
)
from shotsmith.retrieval.encoders import open_encoder

ANIMALS = Task("label", ("cat", "dog"))
SIGNS = Task("labels", ("edema", "fracture", "mass", "Cat, domestic", "search and rescue"))
SCHEMA = {
    "type": "object",
    "properties": {"label": {"enum": ["cat", "dog"]}, "count": {"type": "integer"}},
    "required": ["label"],
    "additionalProperties": False,
}


def embed(texts: Sequence[str]) -> Matrix:
    return open_encoder("embedded").encode_texts(texts)["text"]


# One label


@pytest.mark.parametrize(
    ("text", "how", "rules"),
    [
        ("cat", "exact", ["exact"]),
        ("Cat.", "normalised", ["exact", "normalised"]),
        ("It is a cat", "found in text", ["exact", "normalised", "found in text"]),
        ("a bird", "failed", ["exact", "normalised", "found in text"]),
    ],
)
def test_every_step_is_recorded(text: str, how: str, rules: list[str]) -> None:
    parsed = parse(text, ANIMALS)
    assert (parsed.how, [step.rule for step in parsed.steps]) == (how, rules)
    assert parsed.value == parsed.answer
    assert parsed.steps[-1].outcome == (parsed.answer or "no")


@pytest.mark.parametrize(
    ("text", "labels", "answer"),
    [
        ("an automobile", ("car", "tree", "house"), "car"),
        ("melanocytic naevi", ("melanocytic nevi", "melanoma", "dermatofibroma"), "melanocytic nevi"),
        ("annual crops", ("annual crop", "river", "highway"), "annual crop"),
    ],
)
def test_the_nearest_label_by_a_real_encoder(text: str, labels: tuple[str, ...], answer: str) -> None:
    parsed = parse(text, Task("label", labels), embed=embed, threshold=0.7)
    assert (parsed.answer, parsed.how) == (answer, "nearest")
    assert parsed.steps[-1].rule == "nearest"
    assert parsed.steps[-1].outcome.startswith(f"{answer} at 0.")
    assert parse(text, Task("label", labels)).answer is None


@pytest.mark.parametrize(
    ("text", "labels", "why"),
    [
        ("a non-malignant growth", ("malignant", "benign"), "denies"),
        ("it isn't malicious", ("malignant", "benign"), "denies"),
        ("class 7", ("class 8", "class 9"), "numbers"),
        ("-5", ("5", "6"), "numbers"),
        ("bee", ("A", "B"), "no meaning"),
        ("cat or dog", ("cat", "dog"), "several labels"),
        ("", ("cat", "dog"), "empty"),
        ("some words that go on and on and never come to any point at all", ("cat", "dog"), "long"),
        ("quantum", ("cat", "dog"), "under 0.7"),
    ],
)
def test_where_vectors_cannot_tell_nothing_is_read(text: str, labels: tuple[str, ...], why: str) -> None:
    parsed = parse(text, Task("label", labels), embed=embed)
    assert (parsed.answer, parsed.how) == (None, "failed")
    assert why in parsed.steps[-1].outcome


def test_an_encoder_that_finds_everything_alike_needs_more_than_the_threshold() -> None:
    def crowded(texts: Sequence[str]) -> Matrix:
        # All within a narrow cone, as CLIP's texts are: "pet" is hardly nearer to "cat" than "dog" is.
        return unit(np.array([[1.0, 0.05, 0.3], [1.0, 0.3, -0.2], [1.0, -0.3, -0.2]]))

    vectors = crowded([])
    assert float(vectors[0] @ vectors[1]) > 0.75
    parsed = parse("pet", ANIMALS, embed=crowded, margin=0.0)
    assert parsed.answer is None
    assert "cat at 0.860, under 0.920" in parsed.steps[-1].outcome


def test_two_labels_that_are_as_near_stay_unread() -> None:
    def tied(texts: Sequence[str]) -> Matrix:
        return unit(np.array([[1.0, 0.0]] + [[0.8, sign * 0.4] for sign in (1, -1)]))

    parsed = parse("pet", ANIMALS, embed=tied)
    assert parsed.answer is None
    assert parsed.steps[-1].outcome.startswith("ambiguous: cat")
    assert parse("pet", ANIMALS, embed=tied, margin=0.0).answer == "cat"


@given(st.text(max_size=30))
def test_a_label_task_reads_what_parse_answer_reads(text: str) -> None:
    told = parse(text, ANIMALS)
    plain = parse_answer(text, ANIMALS.labels)
    assert (told.answer, told.how, told.found) == (plain.answer, plain.how, plain.found)


# Several labels


@pytest.mark.parametrize(
    ("text", "labels", "unknown"),
    [
        ("edema, mass", ["edema", "mass"], []),
        ("mass; edema", ["edema", "mass"], []),
        ("edema|mass", ["edema", "mass"], []),
        ("Edema and Mass.", ["edema", "mass"], []),
        ("edema & mass", ["edema", "mass"], []),
        ("- mass\n- edema", ["edema", "mass"], []),
        ("1. mass\n2) edema\n", ["edema", "mass"], []),
        ("Labels: edema, mass", ["edema", "mass"], []),
        ('["mass", "edema"]', ["edema", "mass"], []),
        ('```json\n["mass", "Edema"]\n```', ["edema", "mass"], []),
        ("mass, mass", ["mass"], []),
        ("**edema**, `mass`", ["edema", "mass"], []),
        ("Cat, domestic, edema", ["edema", "Cat, domestic"], []),
        ("search and rescue and mass", ["mass", "search and rescue"], []),
        ("edema, aliens", ["edema"], ["aliens"]),
        ("It shows edema, and a small mass", ["edema", "mass"], []),
        ("edema, no fracture", ["edema"], ["no fracture"]),
        ("none", [], []),
        ("No findings.", [], []),
        ("[]", [], []),
    ],
)
def test_a_list_in_any_usual_form(text: str, labels: list[str], unknown: list[str]) -> None:
    parsed = parse(text, SIGNS)
    assert parsed.answer == ", ".join(labels)
    assert (parsed.value, parsed.unknown) == (tuple(labels), tuple(unknown))


@pytest.mark.parametrize("text", ["", "aliens", "no edema", '["aliens"]', "..."])
def test_a_list_without_any_label_fails(text: str) -> None:
    parsed = parse(text, SIGNS)
    assert (parsed.answer, parsed.how) == (None, "failed")


@given(st.sets(st.sampled_from(SIGNS.labels), min_size=1), st.data())
def test_every_list_of_labels_reads_as_itself(labels: set[str], data: st.DataObject) -> None:
    order = data.draw(st.permutations(sorted(labels)))
    between = data.draw(st.sampled_from([", ", "; ", "\n", " | ", "\n- ", " and ", ", and ", "/"]))
    expected = tuple(label for label in SIGNS.labels if label in labels)
    for text in (between.join(order), json.dumps(order), f"Answer: {between.join(order)}."):
        parsed = parse(text, SIGNS)
        assert parsed.value == expected
        assert parsed.unknown == ()


# Yes or no, text


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        *[
            (text, "yes")
            for text in ("yes", "Yes.", "**Yes**", "true", "yeah", "Answer: yes", "Yes, there is no tumour.")
        ],
        *[(text, "yes") for text in ("The answer is yes.", "I would say yes", "Yes it is")],
        *[
            (text, "no")
            for text in ("no", "No.", "FALSE", "nope!", "no, it is not", "No it is not", "The answer is no.")
        ],
        *[(text, "no") for text in ("No\nThe image shows nothing",)],
        *[
            (text, None)
            for text in ("", "maybe", "Yes and no", "yes or no", "No. Yes.", "Yes, no", "not yes")
        ],
        *[(text, None) for text in ("There is no tumour", "No tumour", "eyes", "yesterday", "nobody")],
    ],
)
def test_yes_or_no(text: str, answer: str | None) -> None:
    parsed = parse(text, Task("yes or no"))
    assert parsed.answer == answer
    assert parsed.value == (None if answer is None else answer == "yes")


def test_text_is_kept_and_normalised_beside() -> None:
    parsed = parse("Answer: A  Small\nDog", Task())
    assert (parsed.answer, parsed.how, parsed.value) == ("A  Small\nDog", "free-form", "a small dog")
    assert parse(" ", Task()).how == "failed"


# JSON


@pytest.mark.parametrize(
    "text",
    [
        '{"label": "cat", "count": 2}',
        'Here it is:\n```json\n{"count": 2, "label": "cat"}\n```\nDone.',
        'A {curly} start, then {"label": "cat", "count": 2} and {"label": "dog"}',
    ],
)
def test_json_is_the_first_object_and_canonical(text: str) -> None:
    parsed = parse(text, Task("json", schema=SCHEMA))
    assert (parsed.answer, parsed.how) == ('{"count":2,"label":"cat"}', "json")
    assert parsed.value == {"label": "cat", "count": 2}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("cat", "no JSON"),
        ('{"label": "cat"', "no JSON"),
        ('{"label": "bird"}', "$.label"),
        ('{"label": "cat", "count": 1.5}', "$.count"),
        ('{"label": "cat", "count": NaN}', "no JSON"),
        ('{"label": "cat", "label": "dog"}', "no JSON"),
        ('{"label": "bird"} {"label": "cat"}', "$.label"),
        ('["cat"]', "$: "),
        ('{"label": ' + "[" * 5000 + "]" * 5000 + "}", ""),
    ],
)
def test_json_that_the_schema_forbids_says_where(text: str, why: str) -> None:
    parsed = parse(text, Task("json", schema=SCHEMA))
    assert (parsed.answer, parsed.how) == (None, "failed")
    assert why in parsed.steps[0].outcome


def test_arrays_and_plain_values_where_the_schema_asks_for_them() -> None:
    assert parse("So: [1, 2]", Task("json", schema={"type": "array"})).value == [1, 2]
    assert parse("3.5", Task("json", schema={"type": "number"})).value == 3.5
    assert parse("null", Task("json", schema={"type": "null"})) == Parsed(
        "null", "json", steps=(("json", "as the schema says"),)
    )


def test_a_bad_schema_is_one_clear_error_and_nothing_is_fetched() -> None:
    with pytest.raises(InvalidParameter, match="not a JSON Schema"):
        parse("{}", Task("json", schema={"type": "cat"}))
    with pytest.raises(InvalidParameter, match="outside itself"):
        parse("{}", Task("json", schema={"$ref": "http://example.com/schema.json"}))
    with pytest.raises(InvalidParameter, match="needs a schema"):
        parse("{}", Task("json"))
    with pytest.raises(InvalidParameter, match="needs labels"):
        parse("cat", Task("label"))


def test_structured_output_is_strict_only_where_the_schema_is_closed() -> None:
    assert response_format(SCHEMA)["json_schema"]["strict"] is False  # count is optional
    closed = {**SCHEMA, "required": ["label", "count"]}
    assert response_format(closed, "verdict") == {
        "type": "json_schema",
        "json_schema": {"name": "verdict", "schema": closed, "strict": True},
    }
    nested = {**closed, "properties": {"label": {"type": "object"}, "count": {"type": "integer"}}}
    assert response_format(nested)["json_schema"]["strict"] is False
    with pytest.raises(InvalidParameter):
        response_format({"type": 3})


# Confidence


@pytest.mark.parametrize(
    ("text", "answer", "value"),
    [
        ("cat\nConfidence: 80%", "cat", 0.8),
        ("cat (confidence: 0.8)", "cat", 0.8),
        ("cat, confidence score 8/10.", "cat", 0.8),
        ("cat\n**Confidence:** 75 percent", "cat", 0.75),
        ("cat. I'm 90% sure.", "cat", 0.9),
        ("Confidence: 20%\nAnswer: dog", "dog", 0.2),
        ("cat\nConfidence: 85", "cat", None),
        ("cat\nConfidence: 140%", "cat", None),
        ("cat\nConfidence: 20%\nConfidence: 30%", "cat", None),
        ("cat", "cat", None),
    ],
)
def test_confidence_in_words_is_kept_apart(text: str, answer: str, value: float | None) -> None:
    parsed = parse(text, ANIMALS)
    assert parsed.answer == answer
    assert parsed.confidence == (None if value is None else Confidence(value, "verbalised"))


def test_confidence_is_no_number_and_no_part_of_a_text() -> None:
    number = parse("3.5 mm\nConfidence: 80%", Task("number", unit="mm"))
    assert (number.answer, number.confidence) == ("3.5 mm", Confidence(0.8, "verbalised"))
    assert parse("a cat\nConfidence: 80%", Task()).answer == "a cat"
    assert parse("Confidence: 80%", Task()).answer == "Confidence: 80%"


def test_log_probabilities_say_it_better() -> None:
    told = [("cat", 0.6), ("dog", 0.2), ("bird", 0.2)]
    parsed = parse("cat\nConfidence: 99%", ANIMALS, alternatives=told)
    assert parsed.confidence is not None
    assert parsed.confidence.source == "log probabilities"
    assert parsed.confidence.value == pytest.approx(0.75)
    assert parse("bird", ANIMALS, alternatives=told).confidence is None
    yes = parse("Yes.", Task("yes or no"), alternatives=[("Yes", 0.9), ("No", 0.1)])
    assert yes.confidence == Confidence(pytest.approx(0.9), "log probabilities")
    unclear = parse("cat\nConfidence: 50%", ANIMALS, alternatives=[("The", 1.0)])
    assert unclear.confidence == Confidence(0.5, "verbalised")


# Which task


@pytest.mark.parametrize(
    ("kind", "format", "labels", "task"),
    [
        ("classification", "", ("cat", "dog"), ANIMALS),
        ("classification", "Lower case.", ("cat", "dog"), ANIMALS),
        ("classification", "", (), Task()),
        ("classification", "Give all labels that apply.", ("cat", "dog"), Task("labels", ("cat", "dog"))),
        ("classification", "A list of labels, separated by commas.", ("a",), Task("labels", ("a",))),
        ("regression", "", (), Task("number")),
        ("regression", "One number in mm.", (), Task("number", unit="mm")),
        ("regression", "Answer with the length (cm)", (), Task("number", unit="cm")),
        ("regression", "One number, in square metres", (), Task("number", unit="m2")),
        ("vqa", "", (), Task()),
        ("vqa", "Answer yes or no.", (), Task("yes or no")),
        ("vqa", "yes/no", (), Task("yes or no")),
        ("vqa", "Answer with one number.", (), Task("number")),
        ("vqa", "Answer with yes, no or a number.", (), Task()),
        ("open", "One number in kg", (), Task("number", unit="kg")),
        ("captioning", "Answer yes or no.", (), Task()),
        ("open", f"JSON by this schema: {json.dumps(SCHEMA)}", (), Task("json", schema=SCHEMA)),
        ("open", 'JSON such as {"label": "cat", "type": "pet"}', (), Task()),
    ],
)
def test_the_task_follows_the_pool(kind: str, format: str, labels: tuple[str, ...], task: Task) -> None:
    assert task_of(make_pool(kind, answer_format=format), labels) == task  # type: ignore[arg-type]


def test_failures_are_counted_and_kept_with_their_replies() -> None:
    replies = {"a": "cat", "b": "a bird", "c": "Cat.", "d": "cat or dog", "e": "dog"}
    counted = tally((item, text, parse(text, ANIMALS)) for item, text in replies.items())
    assert (counted.total, counted.ways) == (5, {"exact": 2, "failed": 2, "normalised": 1})
    assert list(counted.ways) == ["exact", "failed", "normalised"]
    assert [(one.item, one.text, one.found) for one in counted.failures] == [
        ("b", "a bird", ()),
        ("d", "cat or dog", ("cat", "dog")),
    ]
    assert counted.failures[0].steps[-1].rule == "found in text"


tasks = st.sampled_from(
    [ANIMALS, SIGNS, Task(), Task("yes or no"), Task("number", unit="mm"), Task("json", schema=SCHEMA)]
)


@pytest.mark.parametrize(
    "piece", ["1", "1,", "yes, ", "{", "[", "(confidence ", "* ", "1.2.3", "and ", "Answer: ", "a-", "x 10"]
)
def test_a_long_hostile_text_is_read_in_no_time(piece: str) -> None:
    for task in (ANIMALS, SIGNS, Task(), Task("yes or no"), Task("number"), Task("json", schema=SCHEMA)):
        started = time.process_time()
        assert parse(piece * 4000, task).steps
        assert time.process_time() - started < 1


@given(st.text(max_size=60), tasks)
def test_text_of_any_kind_breaks_nothing_and_failures_are_told(text: str, task: Task) -> None:
    parsed = parse(text, task)
    assert (parsed.answer is None) == (parsed.how == "failed")
    assert parsed.steps
    assert parsed == parse(text, task)
