"""Symbols stand for labels, one for one, and lead back to them."""

from __future__ import annotations

import random
from itertools import permutations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from shotsmith.domain.examples import normal_text
from shotsmith.domain.recipes import Recipe, SymbolKind
from shotsmith.prompts.parsing import parse_answer
from shotsmith.prompts.symbols import decode, encode, encode_answer

KINDS: tuple[SymbolKind, ...] = ("classes", "letters", "words")
label = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12) | st.sampled_from(
    [
        "Class 1",
        "class 01",
        "Group 1",
        "Category 2",
        "ＣＬＡＳＳ １",
        "cat",
        "Cat",
        "кот",
        "猫",
        "a, b",
        "a",
        "b",
        "a,b",
    ]
)
spaces = st.lists(label, min_size=1, max_size=30)
plain_label = st.text(st.characters(codec="utf-8", exclude_characters=","), min_size=1, max_size=12).filter(
    lambda text: text == text.strip()
)


@given(spaces, st.sampled_from(KINDS), st.integers())
def test_no_two_labels_share_a_symbol_and_none_begins_another(
    labels: list[str], kind: SymbolKind, seed: int
) -> None:
    symbols = encode(labels, kind, seed)
    assert list(symbols) == list(dict.fromkeys(labels))
    assert len(set(map(normal_text, symbols.values()))) == len(symbols)
    assert not {normal_text(one) for one in symbols.values()} & set(map(normal_text, labels))
    for one, other in permutations(symbols.values(), 2):
        assert not normal_text(other).startswith(normal_text(one))


@given(spaces, st.sampled_from(KINDS), st.integers(), st.randoms(use_true_random=False))
def test_the_order_of_the_labels_decides_nothing(
    labels: list[str], kind: SymbolKind, seed: int, dice: random.Random
) -> None:
    other = list(labels)
    dice.shuffle(other)
    assert encode(labels, kind, seed) == encode(other, kind, seed)


@given(spaces, st.sampled_from(KINDS), st.integers())
def test_every_label_comes_back(labels: list[str], kind: SymbolKind, seed: int) -> None:
    symbols = encode(labels, kind, seed)
    for one in labels:
        shown = encode_answer(one, symbols)
        assert shown == symbols[one]
        assert decode(shown, symbols) == one
        assert decode(f" {shown.lower()} ", symbols) == one


@given(
    st.lists(plain_label, min_size=1, max_size=8, unique_by=normal_text), st.sampled_from(KINDS), st.data()
)
def test_several_labels_come_back_in_their_order(
    labels: list[str], kind: SymbolKind, data: st.DataObject
) -> None:
    symbols = encode(labels, kind, 3)
    some = data.draw(st.lists(st.sampled_from(labels), min_size=1, max_size=5))
    answer = ", ".join(some)
    shown = encode_answer(answer, symbols)
    assert shown == ", ".join(symbols[one] for one in some)
    assert shown == encode_answer("what it says", symbols, some)
    assert decode(shown, symbols) == answer


@given(spaces, st.sampled_from(KINDS), st.data())
def test_labels_with_commas_come_back_from_the_examples_own_labels(
    labels: list[str], kind: SymbolKind, data: st.DataObject
) -> None:
    symbols = encode(labels, kind, 0)
    some = data.draw(st.lists(st.sampled_from(labels), min_size=1, max_size=4))
    shown = encode_answer("", symbols, some)
    assert shown is not None
    assert decode(shown, symbols) == ", ".join(some)


@given(spaces, st.sampled_from(KINDS), st.integers(), label)
def test_what_is_no_label_is_not_shown(labels: list[str], kind: SymbolKind, seed: int, other: str) -> None:
    symbols = encode(labels, kind, seed)
    forms = set(map(normal_text, labels))
    assume(not {normal_text(piece) for piece in [other, *other.split(",")]} & forms)
    assert encode_answer(other, symbols) is None
    assert encode_answer(f"{labels[0]}, {other}", symbols, [labels[0], other]) is None
    known = normal_text(other) in map(normal_text, symbols.values())
    assert (decode(other, symbols) is None) is not known


@given(
    st.lists(plain_label, min_size=1, max_size=20, unique_by=normal_text),
    st.sampled_from(KINDS),
    st.integers(),
)
def test_a_reply_is_read_as_the_symbol_it_names(labels: list[str], kind: SymbolKind, seed: int) -> None:
    symbols = encode(labels, kind, seed)
    space = list(symbols.values())
    for one, symbol in symbols.items():
        for reply in (symbol, f"**{symbol.upper()}**.", f"It is {symbol}, I think."):
            found = parse_answer(reply, space).answer
            assert found == symbol
            assert decode(found, symbols) == one


@pytest.mark.parametrize("kind", KINDS)
def test_the_seed_decides_which_label_gets_which(kind: SymbolKind) -> None:
    labels = [f"label {number}" for number in range(8)]
    found = {tuple(encode(labels, kind, seed).values()) for seed in range(20)}
    assert len(found) == 20


def test_what_symbols_look_like() -> None:
    labels = ["cat", "dog", "ox"]
    assert sorted(encode(labels, "classes", 0).values()) == ["Class 1", "Class 2", "Class 3"]
    ten = [f"l{number}" for number in range(10)]
    assert sorted(encode(ten, "classes", 0).values())[:2] == ["Class 01", "Class 02"]
    assert sorted(encode([*labels, "class 1"], "classes", 0).values())[0] == "Category 1"
    taken = ["Class 1", "Category 1", "Group 1"]
    assert sorted(encode(taken, "classes", 0).values()) == ["Class 2", "Class 3", "Class 4"]
    assert all(len(one) == 3 and one.isupper() for one in encode(labels, "letters", 0).values())
    assert all(len(one) == 5 and one.islower() for one in encode(labels, "words", 0).values())


def test_they_are_the_same_in_every_release() -> None:
    assert encode(["cat", "dog"], "classes", 0) == {"cat": "Class 1", "dog": "Class 2"}
    assert encode(["cat", "dog"], "letters", 7) == {"cat": "VNB", "dog": "LWG"}
    assert encode(["cat", "dog"], "words", 7) == {"cat": "telaw", "dog": "caxup"}


@pytest.mark.parametrize("kind", KINDS)
def test_a_large_label_space_gets_longer_symbols(kind: SymbolKind) -> None:
    symbols = encode([f"label {number}" for number in range(5000)], kind, 0)
    assert len(set(symbols.values())) == 5000
    assert len({len(one) for one in symbols.values()}) == 1


def test_none_changes_nothing() -> None:
    assert encode(["cat"], "none", 0) == {}
    assert encode_answer("It is a cat.", {}, ["cat"]) == "It is a cat."
    assert decode("anything", {}) == "anything"


def test_a_long_answer_of_commas_is_read_at_once() -> None:
    symbols = encode(["a", "a,,b"], "words", 0)
    assert encode_answer("," * 20_000, symbols) is None


def test_recipes_name_symbols_in_text_and_in_fields() -> None:
    recipe = Recipe.read("rices|with(symbols=words)")
    assert recipe.symbols == "words"
    assert recipe.text == "rices(k=8)|similar_last|with(symbols=words)"
    assert Recipe.read(recipe.text) == Recipe.read(recipe.model_dump(mode="json")) == recipe
