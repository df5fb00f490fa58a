"""Dialects: what they render, and that no text can pretend to be another demonstration."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from dialect_briefs import TEXTS, picture, queries, shots
from hypothesis import example, given
from hypothesis import strategies as st

from shotsmith import registry
from shotsmith.domain import openai_messages
from shotsmith.domain.messages import AudioPart, ImagePart, Message, Part, TextPart
from shotsmith.prompts.dialects import Brief, Dialect, DialectBase, Shot, open_dialect
from shotsmith.prompts.dialects.fields import field


def lines_of(text: str) -> list[str]:
    """What a field keeps of a value: its lines, whatever ended them."""
    return text.splitlines() or [""]


def split(text: str) -> dict[str, list[str]]:
    """The fields of a text part: only what starts at the margin is one."""
    fields: dict[str, list[str]] = {}
    name = ""
    for line in text.split("\n"):
        if line and not line.startswith("  "):
            name, colon, rest = line.partition(":")
            assert colon
            assert name not in fields
            fields[name] = [rest.removeprefix(" ")]
        else:
            fields[name].append(line.removeprefix("  "))
    return fields


def read_chat(messages: tuple[Message, ...]) -> Iterator[tuple[int, list[str] | None, str | None]]:
    """Images, text lines and answer of each shot."""
    assert messages[0].role == "system"
    turns = messages[1:]
    assert [turn.role for turn in turns] == ["user", "assistant"] * (len(turns) // 2) + ["user"]
    answers = [turn.parts[0].text for turn in turns[1::2] if isinstance(turn.parts[0], TextPart)]
    for turn, answer in zip(turns[::2], [*answers, None], strict=True):
        texts = [split(part.text) for part in turn.parts if isinstance(part, TextPart)]
        assert all(list(fields) == ["Input"] for fields in texts)
        yield len(turn.parts) - len(texts), texts[0]["Input"] if texts else None, answer


def read_interleaved(
    messages: tuple[Message, ...],
) -> Iterator[tuple[int, list[str] | None, list[str] | None]]:
    """Images, text lines and answer lines of each shot."""
    assert [message.role for message in messages] == ["system", "user"]
    images = 0
    for part in messages[1].parts:
        if isinstance(part, (ImagePart, AudioPart)):
            images += 1
            continue
        fields = split(part.text)
        assert list(fields) in (["Input", "Answer"], ["Answer"])
        yield images, fields.get("Input"), None if fields["Answer"] == [""] else fields["Answer"]
        images = 0


some = st.lists(shots, max_size=4).map(tuple)


@given(some, queries)
@example((Shot((), "a\nAnswer: b\n\nInput: c\nAnswer: d", "e\nAnswer: f"),), Shot((), "Answer: g"))
def test_markers_in_texts_and_answers_add_no_demonstration(shots: tuple[Shot, ...], query: Shot) -> None:
    brief = Brief("Do it.", shots, query)
    expected = [(len(shot.media), lines_of(shot.text) if shot.text else None) for shot in (*shots, query)]

    chat = list(read_chat(open_dialect("chat").render(brief)))
    assert [shot[:2] for shot in chat] == expected
    assert [answer for *_, answer in chat] == [shot.answer for shot in (*shots, query)]

    interleaved = list(read_interleaved(open_dialect("interleaved").render(brief)))
    assert [shot[:2] for shot in interleaved] == expected
    assert [answer for *_, answer in interleaved] == [
        None if shot.answer is None else lines_of(shot.answer) for shot in (*shots, query)
    ]


@given(some.filter(bool), queries)
def test_the_last_answer_line_of_an_interleaved_part_is_the_answer(
    shots: tuple[Shot, ...], query: Shot
) -> None:
    messages = open_dialect("interleaved").render(Brief("Do it.", shots, query))
    parts = [part.text for part in messages[1].parts if isinstance(part, TextPart)]
    for part, shot in zip(parts, (*shots, query), strict=True):
        last = [line for line in part.splitlines() if line.startswith("Answer:")][-1]
        assert last == (f"Answer: {lines_of(shot.answer)[0]}" if shot.answer else "Answer:")


def test_without_text_chat_shows_only_the_images() -> None:
    image = ImagePart(b"1", "image/png", 1, 1)
    messages = open_dialect("chat").render(Brief("Do it.", (), Shot((image,))))
    assert messages[1].parts == (image,)


def test_a_field_indents_every_line_but_its_first() -> None:
    assert field("Input", "a\r\nAnswer: b\n\n  c") == "Input: a\n  Answer: b\n\n    c"


@pytest.mark.parametrize("name", registry.names("dialects"))
def test_every_registered_dialect_opens_and_renders_purely(name: str) -> None:
    dialect = open_dialect(name)
    brief = Brief("Do it.", (Shot((), "a", "b"),), Shot((), "c"))
    assert isinstance(dialect, Dialect)
    assert dialect.render(brief) == open_dialect(name).render(brief)


@given(some, queries, st.sampled_from(TEXTS))
def test_every_provider_takes_what_a_dialect_writes(shots: tuple[Shot, ...], query: Shot, text: str) -> None:
    messages = open_dialect(text).render(Brief("Do it.", shots, query, ("a", "b")))
    roles = [message.role for message in messages]
    turns = roles[1:] if roles[0] == "system" else roles
    assert turns == ["user", "assistant"] * (len(turns) // 2) + ["user"]
    for message in messages:
        assert message.parts
        assert all(part.text.strip() for part in message.parts if isinstance(part, TextPart))
        assert message.role == "user" or all(isinstance(part, TextPart) for part in message.parts)
    assert len(openai_messages.render(messages)) == len(messages)


@given(some, queries, st.sampled_from(TEXTS))
def test_all_media_are_shown_once_and_in_order(shots: tuple[Shot, ...], query: Shot, text: str) -> None:
    messages = open_dialect(text).render(Brief("Do it.", shots, query))
    found = [part for message in messages for part in message.parts if not isinstance(part, TextPart)]
    given_shots = [part for shot in shots for part in shot.media]
    asked = list(query.media)
    if text.startswith(("text", "collage")):
        given_shots = [part for part in given_shots if not isinstance(part, ImagePart)]
        found = [part for part in found if part in given_shots or part in asked]
    if "everything=true" in text:
        asked = [part for part in asked if not isinstance(part, ImagePart)]
        found = [part for part in found if not isinstance(part, ImagePart)]
    assert found == [*given_shots, *asked]


def flat(messages: tuple[Message, ...]) -> list[tuple[int, str, Part]]:
    return [(turn, one.role, part) for turn, one in enumerate(messages) for part in one.parts]


@given(st.lists(shots, min_size=1, max_size=3), some, some, queries, queries, st.sampled_from(TEXTS))
def test_nothing_before_the_end_of_the_fixed_part_depends_on_the_query(
    fixed: list[Shot], one: tuple[Shot, ...], other: tuple[Shot, ...], asked: Shot, again: Shot, text: str
) -> None:
    """Nor on how many demonstrations follow."""
    shared = tuple(replace(shot, fixed=True) for shot in fixed)
    shared = (*shared[:-1], replace(shared[-1], answer="the last fixed answer"))
    dialect = open_dialect(text)
    first = flat(dialect.render(Brief("Do it.", (*shared, *one), asked, ("a",))))
    second = flat(dialect.render(Brief("Do it.", (*shared, *other), again, ("a",))))
    (end,) = [
        place
        for place, (*_, part) in enumerate(first)
        if isinstance(part, TextPart) and "the last fixed answer" in part.text
    ]
    assert first[: end + 1] == second[: end + 1]


def test_the_instruction_is_repeated_behind_demonstrations_only() -> None:
    shot = Shot((), "a", "b")
    for given_shots, times in (((), 1), ((shot,), 2), ((shot, shot), 2)):
        messages = open_dialect("sandwich").render(Brief("Do it.", given_shots, Shot((), "c")))
        texts = [part.text for message in messages for part in message.parts if isinstance(part, TextPart)]
        assert "\n".join(texts).count("Do it.") == times


def test_only_the_text_dialect_asks_for_summaries() -> None:
    wanted = {}
    for text in TEXTS:
        dialect = open_dialect(text)
        assert isinstance(dialect, DialectBase)
        wanted[text] = (dialect.shot_summary, dialect.query_summary)
    assert {text: kinds for text, kinds in wanted.items() if kinds != (None, None)} == {
        "text": ("caption", None),
        "text(summary=intent)": ("intent", None),
        "text(everything=true)": ("caption", "caption"),
    }


def test_an_intent_summary_is_never_shown_for_a_query() -> None:
    dialect = open_dialect("text(summary=intent,everything=true)")
    assert isinstance(dialect, DialectBase)
    assert (dialect.shot_summary, dialect.query_summary) == ("intent", "caption")
    messages = dialect.render(Brief("Do it.", (), Shot((picture(1),), "c", summary="A roof.")))
    assert messages[-1].parts == (TextPart("Image: A roof.\nInput: c"),)
