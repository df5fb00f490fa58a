"""Answers are read or they are not; nothing is guessed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shotsmith.prompts.parsing import Parsed, parse_answer

ANIMALS = ["cat", "dog"]
FRUIT = ["apple", "green apple", "pear"]


@pytest.mark.parametrize(
    ("text", "labels", "answer"),
    [
        ("Cat", ANIMALS, "cat"),
        ("CAT.", ANIMALS, "cat"),
        ("**cat**", ANIMALS, "cat"),
        ("_cat_!", ANIMALS, "cat"),
        ("`cat`.", ANIMALS, "cat"),
        ('"cat."', ANIMALS, "cat"),
        ("“cat”", ANIMALS, "cat"),
        ("「猫」。", ["猫", "犬"], "猫"),
        ("Answer: cat", ANIMALS, "cat"),
        ("**Answer:** cat\n", ANIMALS, "cat"),
        ("answer: 'Cat'.", ANIMALS, "cat"),
        ("ｃａｔ！", ANIMALS, "cat"),  # full width
        ("green\n apple", FRUIT, "green apple"),
        ("STRASSE", ["Straße"], "Straße"),
        ("cafe\u0301", ["café"], "café"),
        ("−1", ["1", "-1"], "-1"),  # a typographic minus
        ("No", ["No.", "Yes."], "No."),
        ("N/A.", ["n/a", "a"], "n/a"),
        ("c++.", ["C", "C++"], "C++"),
        ("Yes!", ["yes!", "yes"], "yes!"),
    ],
)
def test_a_label_but_for_its_dress(text: str, labels: list[str], answer: str) -> None:
    assert parse_answer(text, labels) == Parsed(answer, "normalised")


@pytest.mark.parametrize(
    ("text", "labels", "answer"),
    [
        ("The animal is a cat.", ANIMALS, "cat"),
        ("cat, definitely a CAT", ANIMALS, "cat"),
        ("It shows a **Green Apple**.", FRUIT, "green apple"),
        ("a green apple pie", ["green", "green apple"], "green apple"),
        ("The (pear) is ripe", FRUIT, "pear"),
        ("Answer: it is a pear", FRUIT, "pear"),
        ("The answer is -1.", ["1", "-1"], "-1"),
        ("The answer is −1.", ["1", "-1"], "-1"),
        ("There are 3.", ["3", "13"], "3"),
        ("= 1,000!", ["1,000", "1", "000"], "1,000"),
        ("I write C++ daily", ["C", "C++", "C#"], "C++"),
        ("It is C# here", ["C", "C++", "C#"], "C#"),
        ("The answer is B.", ["A", "B", "C"], "B"),
        ("(B) a cat", ["A", "B", "C"], "B"),
        ("Das ist eine Straße", ["STRASSE"], "STRASSE"),
        ("It is a St. Bernard dog", ["St. Bernard", "poodle"], "St. Bernard"),
        ("This is golden_retriever", ["retriever", "golden_retriever"], "golden_retriever"),
        ("not a cat", ANIMALS, "cat"),  # negation is not understood, as documented
    ],
)
def test_exactly_one_label_in_a_text(text: str, labels: list[str], answer: str) -> None:
    assert parse_answer(text, labels) == Parsed(answer, "found in text", (answer,))


@pytest.mark.parametrize(
    ("text", "labels", "found"),
    [
        ("", ANIMALS, ()),
        (" \n", ANIMALS, ()),
        ("...", ANIMALS, ()),
        ("a bird", ANIMALS, ()),
        ("cat or dog", ANIMALS, ("cat", "dog")),
        ("Answer: cat\nAnswer: dog", ANIMALS, ("cat", "dog")),
        ("cat/dog", ANIMALS, ("cat", "dog")),
        ("a green apple beside an apple", FRUIT, ("green apple", "apple")),
        ("red green apple", ["red green", "green apple"], ("red green", "green apple")),
        ("the concatenation", ANIMALS, ()),
        ("cats", ANIMALS, ()),
        ("cat's", ANIMALS, ()),
        ("a non-malignant growth", ["malignant", "benign"], ()),
        ("cat_dog", ANIMALS, ()),
        ("It is -5", ["5"], ()),
        ("It is −5", ["5"], ()),
        ("It is –5", ["5"], ()),
        ("It is .5", ["5"], ()),
        ("It is 1.5", ["1", "5"], ()),
        ("about 1,000", ["1", "000"], ()),
        ("10-20", ["10", "20"], ()),
        ("1/2", ["1", "2"], ()),
        ("3rd", ["3"], ()),
        ("U.S. made", ["S", "U"], ()),
        ("A cat is here", ["A", "B"], ()),
        ("I think a cat", ["A", "I"], ()),
        ("it is b.", ["A", "B"], ()),
        ("some - dash + plus", ["-", "+"], ()),
        ("कमला", ["कमल"], ()),  # the vowel sign belongs to the word
        ("這是貓", ["貓"], ()),  # no spaces between words: only whole replies match
        ("Us", ["US", "us"], ("US", "us")),
    ],
)
def test_nothing_is_guessed(text: str, labels: list[str], found: tuple[str, ...]) -> None:
    assert parse_answer(text, labels) == Parsed(None, "failed", found)


@pytest.mark.parametrize(
    ("text", "answer"),
    [("  two\nlines ", "two\nlines"), ("-7", "-7"), ("Answer: -7.5", "-7.5"), ("It's 12.", "It's 12.")],
)
def test_free_form_answers_are_the_text(text: str, answer: str) -> None:
    assert parse_answer(text) == Parsed(answer, "free-form")


@pytest.mark.parametrize("text", ["", " \n", "Answer:"])
def test_free_form_silence_fails(text: str) -> None:
    assert parse_answer(text) == Parsed(None, "failed")


labels = st.lists(
    st.text(min_size=1, max_size=6).map(str.strip).filter(bool)
    | st.sampled_from([*FRUIT, "-1", "1", "A", "C++"]),
    min_size=1,
    max_size=6,
    unique=True,
)


@given(labels, st.data())
def test_every_label_reads_as_itself(labels: list[str], data: st.DataObject) -> None:
    label = data.draw(st.sampled_from(labels))
    assert parse_answer(f"\n{label} ", labels) == Parsed(label, "exact")


@given(st.text(max_size=30), labels)
def test_an_answer_is_a_label_or_nothing_in_any_order_of_labels(text: str, labels: list[str]) -> None:
    parsed = parse_answer(text, labels)
    assert parsed.answer is None or parsed.answer in labels
    assert (parsed.answer is None) == (parsed.how == "failed")
    again = parse_answer(text, labels[::-1])
    assert (again.answer, again.how, set(again.found)) == (parsed.answer, parsed.how, set(parsed.found))


@given(st.lists(st.sampled_from(["apple", "pear", "plum", "red"]), max_size=5))
def test_a_label_is_found_only_as_whole_words(words: list[str]) -> None:
    glued = "x".join(words) + "x"
    assert parse_answer(glued, ["apple", "pear", "plum"]).answer is None
    mentioned = {word for word in words if word != "red"}
    expected = mentioned.pop() if len(mentioned) == 1 else None
    assert parse_answer(" ".join(["look:", *words]), ["apple", "pear", "plum"]).answer == expected
