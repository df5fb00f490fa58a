"""Several queries in a call: who shares one, how they are shown, and whose answer is whose."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prompt_factories import make_media, make_pool, make_selection, stand_in

from shotsmith.domain.errors import InvalidInput, InvalidParameter
from shotsmith.domain.examples import Example, Query
from shotsmith.domain.messages import ImagePart, Message, TextPart
from shotsmith.domain.recipes import Recipe
from shotsmith.domain.selections import Prompt
from shotsmith.prompts.batching import (
    MOST,
    BatchDialect,
    batch_prompt,
    plan_batches,
    read_blocks,
    tags_of,
    together,
)
from shotsmith.prompts.build import build
from shotsmith.prompts.dialects import Brief, Shot, open_dialect
from shotsmith.prompts.parsing import Task, parse

DIALECTS = ["chat", "interleaved", "sandwich", "numbered", "qwen", "manyicl", "flamingo", "text"]


def queries(count: int) -> list[Query]:
    return [Query(text=f"query {number}") for number in range(count)]


# Plans


@given(st.integers(0, 130), st.integers(1, MOST), st.integers(0, 5))
def test_every_query_is_in_one_batch_and_batches_are_full(count: int, size: int, seed: int) -> None:
    batches = plan_batches(queries(count), size, seed)
    assert sorted(place for batch in batches for place in batch.places) == list(range(count))
    assert [len(batch.places) for batch in batches[:-1]] == [size] * max(len(batches) - 1, 0)
    assert all(1 <= len(batch.places) <= size for batch in batches)
    assert len({batch.id for batch in batches}) == len(batches)


@given(st.permutations(range(23)), st.integers(1, 9))
def test_the_order_in_which_queries_come_changes_no_batch(order: list[int], size: int) -> None:
    given_ = queries(23)
    mixed = [given_[place] for place in order]
    straight = [[given_[place].text for place in batch.places] for batch in plan_batches(given_, size, 3)]
    assert [
        [mixed[place].text for place in batch.places] for batch in plan_batches(mixed, size, 3)
    ] == straight


def test_batches_are_mixed_and_seeds_differ() -> None:
    first = plan_batches(queries(40), 10, 0)
    assert [batch.places for batch in first] == [batch.places for batch in plan_batches(queries(40), 10, 0)]
    assert first[0].places != tuple(range(10))
    assert {batch.places for batch in first}.isdisjoint(
        batch.places for batch in plan_batches(queries(40), 10, 1)
    )


@given(st.lists(st.sampled_from("abc"), min_size=1, max_size=60), st.integers(1, 7))
def test_no_batch_crosses_pools(pools: list[str], size: int) -> None:
    batches = plan_batches(queries(len(pools)), size, 0, pools=pools)
    assert sorted(place for batch in batches for place in batch.places) == list(range(len(pools)))
    for batch in batches:
        assert len({pools[place] for place in batch.places}) == 1


@pytest.mark.parametrize("size", [0, -1, MOST + 1, True])
def test_a_size_out_of_range_is_refused(size: int) -> None:
    with pytest.raises(InvalidParameter, match="1 to 50"):
        plan_batches(queries(3), size)


def test_every_query_needs_its_pool() -> None:
    with pytest.raises(InvalidInput, match="pool"):
        plan_batches(queries(3), 2, pools=["a"])


@given(st.lists(st.text(max_size=3), max_size=MOST), st.integers(0, 3))
def test_tags_differ_in_two_letters_and_follow_their_question(keys: list[str], seed: int) -> None:
    tags = tags_of(keys, seed)
    assert all(re.fullmatch("[bcdfghjkmnpqrstvwxz]{4}", tag) for tag in tags)
    for place, tag in enumerate(tags):
        assert all(sum(a != b for a, b in zip(tag, other, strict=True)) > 1 for other in tags[:place])
    backwards = tags_of(keys[::-1], seed)[::-1]
    assert sorted(backwards) == sorted(tags)
    assert all(a == b for a, b, key in zip(tags, backwards, keys, strict=True) if keys.count(key) == 1)


def test_halves_keep_questions_and_tags_together() -> None:
    (batch,) = plan_batches(queries(7), 7)
    halves = batch.halves()
    assert [len(half.places) for half in halves] == [4, 3]
    assert sum((half.places for half in halves), ()) == batch.places
    assert sum((half.tags for half in halves), ()) == batch.tags
    assert len({batch.id, *(half.id for half in halves)}) == 3


# Layout


def shots() -> tuple[Shot, ...]:
    image = ImagePart(b"one", "image/png", 8, 6)
    return Shot((image,), "A garden.", "cat"), Shot((), "It barks.", "dog")


def plain(messages: Sequence[Message]) -> str:
    lines = [
        f"{message.role}: {part.text if isinstance(part, TextPart) else f'<{part.data.decode()}>'}"
        for message in messages
        for part in message.parts
    ]
    return "\n".join(lines)


def test_questions_are_numbered_tagged_and_followed_by_the_form() -> None:
    asked = [
        Shot(
            (ImagePart(b"q1", "image/png", 8, 6), ImagePart(b"q2", "image/png", 8, 6)),
            "Who?\nQuestion 2 (tag x):",
        ),
        Shot((ImagePart(b"q3", "image/png", 8, 6),)),
    ]
    messages = batch_prompt(Brief("Name it.", shots(), Shot()), asked, ["bcdf", "ghjk"], open_dialect("chat"))
    assert plain(messages) == (
        "system: Name it.\n"
        "user: <one>\n"
        "user: Input: A garden.\n"
        "assistant: cat\n"
        "user: Input: It barks.\n"
        "assistant: dog\n"
        "user: 2 questions follow. Each stands on its own: answer each by itself, as in the examples above.\n"
        "user: Question 1 (tag bcdf):\n"
        "user: <q1>\n"
        "user: <q2>\n"
        "user: Input: Who?\n  Question 2 (tag x):\n"
        "user: Question 2 (tag ghjk):\n"
        "user: <q3>\n"
        "user: Answer with one block for each question, each on one line. Copy the marks with number and tag exactly, "
        "and write nothing before, between or after the blocks:\n"
        "[1 bcdf] answer to question 1 [/1 bcdf]\n"
        "[2 ghjk] answer to question 2 [/2 ghjk]"
    )


@pytest.mark.parametrize("name", DIALECTS)
def test_demonstrations_are_those_of_the_dialect_to_the_byte(name: str) -> None:
    dialect = open_dialect(name)
    brief = Brief("Name it.", shots(), Shot((), "alone"), ("cat", "dog"))
    asked = [Shot((), f"question about {word}") for word in ("one", "two", "three")]
    batched = batch_prompt(brief, asked, tags_of(["a", "b", "c"]), dialect)
    single = dialect.render(brief)
    assert batched[:-1] == single[:-1]
    before = [part for part in single[-1].parts if "alone" not in getattr(part, "text", "")]
    assert list(batched[-1].parts[: len(before)]) == before
    text = plain(batched)
    assert "alone" not in text
    assert "\N{OBJECT REPLACEMENT CHARACTER}" not in text
    assert not re.search(r"(Answer|Output|Answer Choice 1):$", text, re.MULTILINE)
    assert [text.count(f"question about {word}") for word in ("one", "two", "three")] == [1, 1, 1]


def test_a_heading_above_the_query_stays() -> None:
    messages = batch_prompt(
        Brief("Name it.", (), Shot()), [Shot((), "a")], ["bcdf"], open_dialect("numbered")
    )
    assert [part.text for part in messages[-1].parts if isinstance(part, TextPart)][:2] == [
        "Query",
        "One question follows. Each stands on its own: answer each by itself.",
    ]


def test_a_dialect_that_cannot_hold_several_queries_says_so() -> None:
    class Silent:
        def render(self, brief: Brief) -> tuple[Message, ...]:
            return (Message("user", (TextPart(brief.instruction),)),)

    with pytest.raises(InvalidParameter, match="Silent"):
        batch_prompt(Brief("Name it.", (), Shot()), [Shot((), "a")], ["bcdf"], Silent())
    seen = Shot((ImagePart(b"q", "image/png", 8, 6),))
    with pytest.raises(InvalidParameter, match="into words"):
        batch_prompt(Brief("Name it.", (), Shot()), [seen], ["bcdf"], open_dialect("text(everything=true)"))
    with pytest.raises(InvalidInput, match="tag"):
        batch_prompt(Brief("Name it.", (), Shot()), [seen], [], open_dialect("chat"))


def built(name: str, asked: Sequence[Query], tags: Sequence[str]) -> Prompt:
    examples = [
        Example("a", (make_media("a"),), "Seen in the garden.", "cat"),
        Example("b", (make_media("b"),), answer="dog"),
    ]
    pool = make_pool(instruction="Name the animal.")
    selection = make_selection(examples, together(asked, tags), pool=pool, recipe=Recipe(dialect=name))
    dialect = BatchDialect(open_dialect(name), tuple(asked), tuple(tags))
    return build(selection, labels=["cat", "dog"], picture=stand_in, dialect=dialect)


def test_a_batch_goes_through_the_prompt_builder() -> None:
    asked = [
        Query((make_media("c", with_data=True),), "Who?"),
        Query(text="It purrs."),
        Query((make_media("d", with_data=True), make_media("e", with_data=True))),
    ]
    tags = tags_of([query.key for query in asked])
    prompt = built("chat", asked, tags)
    last = prompt.messages[-1].parts
    places = [number for number, part in enumerate(last) if isinstance(part, ImagePart)]
    headings = [
        number
        for number, part in enumerate(last)
        if isinstance(part, TextPart) and part.text.startswith("Question ")
    ]
    assert [sum(heading < place for heading in headings) for place in places] == [1, 3, 3]
    assert prompt.manifest["counts"]["images"] == 5
    assert len(prompt.manifest["query"]["images"]) == 3
    assert built("chat", asked, tags).messages == prompt.messages


def test_another_query_is_shown_as_the_dialect_inside_shows_it() -> None:
    asked = queries(2)
    dialect = BatchDialect(open_dialect("chat"), tuple(asked), ("bcdf", "ghjk"))
    brief = Brief("Name it.", shots(), Shot((), "another"))
    assert dialect.render(brief) == open_dialect("chat").render(brief)
    assert BatchDialect(open_dialect("collage"), tuple(asked), ("bcdf", "ghjk")).merges
    assert BatchDialect(open_dialect("text"), tuple(asked), ("bcdf", "ghjk")).shot_summary == "caption"


def test_media_that_belong_to_no_question_are_an_error() -> None:
    asked = (Query((make_media("c", with_data=True),), "Who?"), Query(text="It purrs."))
    dialect = BatchDialect(open_dialect("chat"), asked, ("bcdf", "ghjk"))
    text = together(asked, ("bcdf", "ghjk")).text
    with pytest.raises(InvalidInput, match="which question"):
        dialect.render(Brief("Name it.", (), Shot((), text)))


# Blocks

TAGS = ("bcdf", "ghjk", "mnpq")


def said(text: str, *, one_line: bool = True) -> list[str]:
    return [block.text or block.state for block in read_blocks(text, TAGS, one_line=one_line)]


@pytest.mark.parametrize(
    "text",
    [
        "[1 bcdf] cat [/1 bcdf]\n[2 ghjk] dog [/2 ghjk]\n[3 mnpq] cow [/3 mnpq]",
        "[3 mnpq] cow [/3 mnpq][1 bcdf] cat [/1 bcdf][2 ghjk] dog [/2 ghjk]",
        "Sure!\n```\n[1 bcdf] cat [/1 bcdf]\n[2 ghjk] dog [/2 ghjk]\n[3 mnpq] cow [/3 mnpq]\n```\nDone [sic].",
        "**[1 bcdf]** cat **[/1 bcdf]**\n- `[2 ghjk]` dog `[/2 ghjk]`\n> [3 mnpq] *cow* [/3 mnpq]",
        "[1 BCDF] cat [/1 Bcdf]\n[ 2  ghjk ]dog[/ 2 ghjk]\n[3. mnpq]\ncow\n[/3. mnpq]",
        "[Answer 1 bcdf] cat [/1 bcdf]\n[Question 2: ghjk] dog [end 2 ghjk]\n【3 mnpq】cow【/3 mnpq】",
        "[1 bcdf] cat [/1 bcdf]\n[2 ghjk] dog [/2 ghjk]\n[3 mnpq] cow [/3 mnpq]\n[1 bcdf] Cat [/1 bcdf]",
        "[1 bcdf] answer to question 1 [/1 bcdf]\n"
        "[1 bcdf] cat [/1 bcdf]\n[2 ghjk] dog [/2 ghjk]\n[3 mnpq] cow [/3 mnpq]",
        "Question 1 (tag bcdf): 1. [1 bcdf] cat [/1 bcdf]\n[2 ghjk] dog [/2 ghjk]\n[3 mnpq] cow [/3 mnpq]",
    ],
)
def test_whole_blocks_are_read_in_any_dress(text: str) -> None:
    read = [one.strip("*").lower() for one in said(text)]
    assert read == ["cat", "dog", "cow"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ["missing", "missing", "missing"]),
        ("cat, dog, cow", ["missing", "missing", "missing"]),
        ("1. cat\n2. dog\n3. cow", ["missing", "missing", "missing"]),
        ("[1 bcdf] cat [/1 bcdf]\n[3 mnpq] cow [/3 mnpq]", ["cat", "missing", "cow"]),
        ("[1 bcdf] cat [/1 bcdf]\n[2 ghjk] dog [/2 ghjk]\n[3 mnpq] co", ["cat", "dog", "missing"]),
        ("[1 bcdf] cat [/1 bcdf]\n[2 ghjk] [/2 ghjk]", ["cat", "missing", "missing"]),
        ("[1 ghjk] dog [/1 ghjk]\n[3 mnpq] cow [/3 mnpq]", ["mismatched", "mismatched", "cow"]),
        ("[2 bcdf] cat [/2 bcdf]\n[3 ghjk] dog [/3 ghjk]", ["mismatched", "mismatched", "mismatched"]),
        ("[1 bcdf] cat [/2 ghjk]\n[3 mnpq] cow [/3 mnpq]", ["mismatched", "mismatched", "cow"]),
        ("[1 bcdf] cat\n[2 ghjk] dog [/2 ghjk]", ["mismatched", "dog", "missing"]),
        ("[1 bcdf] cat\n[2 ghjx] dog [/2 ghjk] [/1 bcdf]", ["mismatched", "mismatched", "missing"]),
        ("[1 bcdf] cat [/1 bcdf] [1 bcdf] dog [/1 bcdf]", ["mismatched", "missing", "missing"]),
        ("[1 bcdf] cat (2 ghjk) dog [/1 bcdf]", ["mismatched", "missing", "missing"]),
        ("[1 bcdf] cat [/ dog [/1 bcdf]", ["mismatched", "missing", "missing"]),
        ("[1 bcdf] cat\ndog [/1 bcdf]", ["mismatched", "missing", "missing"]),
        ("[1 bcdf] cat [/1 bcdf] [2 ghjk] dog [/2 ghjk]", ["mismatched", "mismatched", "missing"]),
        ("cat [/1 bcdf]", ["mismatched", "missing", "missing"]),
        ("[1 bcdg] cat [/1 bcdg]", ["mismatched", "missing", "missing"]),
        ("[bcdf] cat [/bcdf]", ["mismatched", "missing", "missing"]),
        ("[1 bcdf] cat [/bcdf]", ["mismatched", "missing", "missing"]),
        ("[1bcdf] cat [/1bcdf]", ["missing", "missing", "missing"]),
        ("[9 bcdf] cat [/9 bcdf]", ["mismatched", "missing", "missing"]),
    ],
)
def test_what_is_not_surely_an_answer_is_none(text: str, expected: list[str]) -> None:
    assert said(text) == expected


def test_answers_of_several_lines_where_they_are_asked_for() -> None:
    text = '[1 bcdf]\nline one\n\nline two [note]\n[/1 bcdf]\n[2 ghjk] {"a": [1, 2]} [/2 ghjk]'
    assert said(f"{text}\n[3 mnpq] cow [/3 mnpq]", one_line=False) == [
        "line one\n\nline two [note]",
        '{"a": [1, 2]}',
        "cow",
    ]
    # One is missing: who knows whether the first did not swallow it.
    assert said(text, one_line=False) == ["mismatched", '{"a": [1, 2]}', "missing"]


@given(st.text(alphabet="[]/ 123bcdfghjkmnpq\n*", max_size=80))
def test_any_text_breaks_nothing(text: str) -> None:
    for block in read_blocks(text, TAGS):
        assert (block.state == "answered") == bool(block.text) == (not block.why)


def test_a_long_hostile_text_is_read_in_no_time() -> None:
    for text in ("[" + " " * 100_000, "[1 bcdf] " * 10_000, "[" * 100_000, "*" * 100_000, "[/" * 50_000):
        assert {block.state for block in read_blocks(text, TAGS)} <= {"missing", "mismatched"}


# Whatever a model does to a reply: 5,000 random permutations, drops and corruptions

Blocks = list[list[str]]
"""Start mark, answer, end mark."""


def permute(dice: random.Random, blocks: Blocks, tags: Sequence[str]) -> None:
    dice.shuffle(blocks)


def drop(dice: random.Random, blocks: Blocks, tags: Sequence[str]) -> None:
    for _ in range(dice.randint(1, 3)):
        if blocks:
            blocks.pop(dice.randrange(len(blocks)))


def repeat(dice: random.Random, blocks: Blocks, tags: Sequence[str]) -> None:
    blocks.insert(dice.randrange(len(blocks) + 1), list(dice.choice(blocks)))


def lose_marks(dice: random.Random, blocks: Blocks, tags: Sequence[str]) -> None:
    for _ in range(dice.randint(1, 4)):
        dice.choice(blocks)[dice.choice((0, 2))] = ""


def swap_marks(dice: random.Random, blocks: Blocks, tags: Sequence[str]) -> None:
    """The starts or the ends of two blocks, not both: that would be another answer to the question."""
    one, other, side = dice.choice(blocks), dice.choice(blocks), dice.choice((0, 2))
    one[side], other[side] = other[side], one[side]


def shift_numbers(dice: random.Random, blocks: Blocks, tags: Sequence[str]) -> None:
    step = dice.choice((-1, 1, 2))
    for block in blocks:
        for side in (0, 2):
            block[side] = re.sub(r"\d+", lambda number: str(max(int(number[0]) + step, 0)), block[side])


def lose_numbers(dice: random.Random, blocks: Blocks, tags: Sequence[str]) -> None:
    for block in blocks:
        block[0], block[2] = (re.sub(r"\d+ ", "", mark) for mark in (block[0], block[2]))


def shift_tags(dice: random.Random, blocks: Blocks, tags: Sequence[str]) -> None:
    turned = dict(zip(tags, [*tags[1:], tags[0]], strict=True))
    for block in blocks:
        for side in (0, 2):
            block[side] = re.sub(r"[a-z]{4}", lambda tag: turned.get(tag[0], tag[0]), block[side])


def dress(dice: random.Random, blocks: Blocks, tags: Sequence[str]) -> None:
    way: Callable[[str], str] = dice.choice(
        [
            lambda mark: f"**{mark}**",
            lambda mark: f"`{mark}`",
            str.upper,
            lambda mark: mark.replace("[", "[ ").replace("]", " ]"),
            lambda mark: re.sub(r"(\d+)", r"Question \1:", mark),
        ]
    )
    for block in blocks:
        block[0], block[2] = way(block[0]), way(block[2])


def chat(dice: random.Random, blocks: Blocks, tags: Sequence[str]) -> None:
    for block in blocks:
        block[0] = dice.choice(["", "Answer: ", "1. ", "Next (tag follows): ", "- "]) + block[0]
        block[2] += dice.choice(["", " ok", "\n\n", "\n---"])


HARMLESS = (permute, dress, chat)
HARMFUL = (drop, repeat, lose_marks, lose_numbers)
# Two of these could be a whole new label, which is another answer to the question and no mistake in form.
MISLABELLING = (swap_marks, shift_numbers, shift_tags)


def garble(dice: random.Random, text: str) -> str:
    letters = list(text)
    for _ in range(dice.randint(0, 6)):
        place = dice.randrange(len(letters) + 1)
        letters[place : place + dice.randint(0, 1)] = dice.choice(
            ["", "x", "[", "]", "/", "1", "b", " ", "\n"]
        )
    return "".join(letters)


def reply(
    dice: random.Random, answers: Sequence[str], tags: Sequence[str], ops: Sequence[Callable[..., None]]
) -> str:
    blocks = [
        [f"[{number} {tag}]", f" {answer} ", f"[/{number} {tag}]"]
        for number, (tag, answer) in enumerate(zip(tags, answers, strict=True), start=1)
    ]
    for op in ops:
        if blocks:
            op(dice, blocks, tags)
    return dice.choice(["\n", "\n\n", " "]).join("".join(block) for block in blocks)


@pytest.mark.parametrize("one_line", [True, False])
def test_every_accepted_answer_belongs_to_its_query(one_line: bool) -> None:
    asked = accepted = 0
    for seed in range(5000):
        dice = random.Random(seed)
        count = dice.randint(1, 12)
        tags = tags_of([f"{seed} {number}" for number in range(count)], seed)
        # Every answer has a letter of its own, so that each character of what is read tells where it comes from.
        own = [chr(0x4E00 + number) for number in range(count)]
        answers = [letter * 8 if one_line else "\n".join([letter * 4] * 3) for letter in own]
        ops = dice.choices(HARMLESS + HARMFUL, k=dice.randint(0, 4))
        if dice.random() < 0.4:
            ops.insert(dice.randint(0, len(ops)), dice.choice(MISLABELLING))
        text = garble(dice, reply(dice, answers, tags, ops))
        if dice.random() < 0.2:
            text = text[: dice.randrange(len(text) + 1)]
        for number, block in enumerate(read_blocks(text, tags, one_line=one_line)):
            asked += 1
            if block.state == "answered":
                accepted += 1
                assert own[number] in block.text, (seed, text)
                assert set(block.text).isdisjoint(set(own) - {own[number]}), (seed, text)
    assert accepted > asked / (5 if one_line else 20)


@pytest.mark.parametrize("one_line", [True, False])
def test_what_does_no_harm_loses_no_answer(one_line: bool) -> None:
    for seed in range(500):
        dice = random.Random(seed)
        count = dice.randint(1, MOST)
        tags = tags_of([str(number) for number in range(count)], seed)
        answers = [f"answer {number}" if one_line else f"answer\n{number}" for number in range(count)]
        ops = dice.choices((permute, chat), k=2) + dice.choices((permute, dress), k=1)
        if ops[-1] is dress:
            ops = [ops[-1], *ops[:-1]]
        text = reply(dice, answers, tags, ops)
        assert [block.text for block in read_blocks(text, tags, one_line=one_line)] == answers, (seed, text)


def test_labels_that_were_garbled_within_a_block_are_not_read() -> None:
    (block, *_) = read_blocks("[1 bcdf] c@t [/1 bcdf]", TAGS)
    assert block.text == "c@t"
    assert parse(block.text, Task("label", ("cat", "dog"))).answer is None
