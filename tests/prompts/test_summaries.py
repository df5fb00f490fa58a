"""What a model is asked to say about images, and that nothing of an answer reaches a query."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prompt_factories import make_media

from shotsmith.domain.errors import InvalidInput
from shotsmith.domain.examples import Example, Query
from shotsmith.domain.messages import ImagePart, Message, Request, TextPart
from shotsmith.prompts.summaries import PARAMETERS, read_summary, summary_request

PICTURE = ImagePart(b"1", "image/png", 4, 4)
OTHER = ImagePart(b"2", "image/png", 4, 4)
CAT = Example("cat", (make_media("cat"),), "Who is this?", "It is SECRET.", ("HIDDEN",))


def words(messages: tuple[Message, ...]) -> str:
    return "\n".join(part.text for one in messages for part in one.parts if isinstance(part, TextPart))


def key(messages: tuple[Message, ...]) -> str:
    return Request("m", messages, PARAMETERS).key


def test_a_caption_depends_on_the_images_alone() -> None:
    asked = summary_request(CAT, "caption", [PICTURE])
    assert [message.role for message in asked] == ["system", "user"]
    assert asked[1].parts == (PICTURE,)
    query = Query(CAT.media, "Another question")
    assert summary_request(query, "caption", [PICTURE]) == asked
    assert summary_request(replace(CAT, answer="x", text="y"), "caption", [PICTURE]) == asked
    assert key(summary_request(CAT, "caption", [OTHER])) != key(asked)


def test_an_intent_summary_is_written_with_question_and_answer() -> None:
    asked = summary_request(CAT, "intent", [PICTURE, OTHER])
    assert asked[1].parts == (PICTURE, OTHER, TextPart("Input: Who is this?\nAnswer: It is SECRET."))
    labelled = replace(CAT, text=" ", answer="", labels=("a", "b"))
    assert words(summary_request(labelled, "intent", [PICTURE])).endswith("\nAnswer: a, b")
    changed = [replace(CAT, text="Why?"), replace(CAT, answer="dog")]
    assert len({key(summary_request(one, "intent", [PICTURE])) for one in (CAT, *changed)}) == 3


def test_a_symbol_keeps_the_answer_out_of_an_intent_summary() -> None:
    told = words(summary_request(CAT, "intent", [PICTURE], answer="Class 2"))
    assert told.endswith("Answer: Class 2")
    assert "SECRET" not in told
    assert "HIDDEN" not in told


@pytest.mark.parametrize(
    ("item", "kind", "pictures", "mend"),
    [
        (Query(CAT.media, "q"), "intent", [PICTURE], "Use a caption for queries"),
        (CAT, "caption", [], "Show its text instead"),
        (replace(CAT, answer=" ", labels=()), "intent", [PICTURE], "or use captions"),
    ],
)
def test_what_cannot_be_summarised_is_refused(item, kind, pictures, mend) -> None:
    with pytest.raises(InvalidInput, match=mend):
        summary_request(item, kind, pictures)


@given(st.text())
def test_a_text_cannot_stand_for_the_answer(text: str) -> None:
    *_, part = summary_request(replace(CAT, text=text), "intent", [PICTURE])[1].parts
    assert isinstance(part, TextPart)
    assert [line for line in part.text.split("\n") if line.startswith("Answer:")] == ["Answer: It is SECRET."]


@pytest.mark.parametrize(
    ("reply", "summary"),
    [
        (" A cat.\n\nOn a mat. ", "A cat. On a mat."),
        ('"A cat."', "A cat."),
        ("**A cat**", "A cat"),
        ('A "big" cat', 'A "big" cat'),
        ("“Ein Kater”", "Ein Kater"),
        ("Cats' paws'", "Cats' paws'"),
    ],
)
def test_a_reply_becomes_one_line(reply: str, summary: str) -> None:
    assert read_summary(reply) == summary


@pytest.mark.parametrize("reply", ["", " \n", '""'])
def test_a_blank_reply_is_an_error(reply: str) -> None:
    with pytest.raises(InvalidInput, match="summarised the images with nothing"):
        read_summary(reply)
