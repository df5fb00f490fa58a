import pytest
from hypothesis import given
from hypothesis import strategies as st

from shotsmith.clients.vlm.parse_messages import Shot, read
from shotsmith.domain.errors import ModelRefused
from shotsmith.domain.messages import ImagePart, Message, TextPart
from shotsmith.prompts.dialects import Brief, open_dialect
from shotsmith.prompts.dialects import Shot as Rendered


def image(mark: str) -> ImagePart:
    return ImagePart(mark.encode(), "image/png", 1, 1)


A, B, C = image("a"), image("b"), image("c")


def turn(role, *parts):
    return Message(role, tuple(TextPart(part) if isinstance(part, str) else part for part in parts))


def test_chat():
    reading = read(
        [
            turn("system", 'Classify.\nLabels: ["x", "y"]\nBe brief.'),
            turn("user", A, B, "Input: one\n  two"),
            turn("assistant", "x"),
            turn("user", C),
            turn("assistant", "y"),
            turn("user", A, "Input: three"),
        ]
    )
    assert reading.instruction.startswith("Classify.")
    assert reading.labels == ("x", "y")
    assert reading.demonstrations == (Shot((A, B), "one\ntwo", "x"), Shot((C,), "", "y"))
    assert reading.query == Shot((A,), "three")


@pytest.mark.parametrize("system", [True, False])
def test_interleaved(system):
    shown = [
        A,
        B,
        "Input: one\n  two\nAnswer: x",
        "Input: three\nAnswer: first\n  Answer: second",
        C,
        "Answer:",
    ]
    messages = (
        [turn("system", "Classify."), turn("user", *shown)] if system else [turn("user", "Classify.", *shown)]
    )
    reading = read(messages)
    assert reading.instruction == "Classify."
    assert reading.demonstrations == (
        Shot((A, B), "one\ntwo", "x"),
        Shot((), "three", "first\nAnswer: second"),
    )
    assert reading.query == Shot((C,), "")


def test_zero_shot_in_both_dialects():
    chat = read([turn("system", "I"), turn("user", A, "Input: q")])
    interleaved = read([turn("system", "I"), turn("user", A, "Input: q\nAnswer:")])
    assert chat == interleaved
    assert chat.query == Shot((A,), "q")
    assert chat.demonstrations == ()


def test_plain_conversations_are_understood():
    reading = read(
        [
            turn("assistant", "Hello"),
            turn("user", "one"),
            turn("user", A),
            turn("assistant", "x"),
            turn("user", "q"),
        ]
    )
    assert reading.demonstrations == (Shot((A,), "one", "x"),)
    assert reading.query == Shot((), "q")
    assert reading.instruction == ""


@pytest.mark.parametrize("messages", [[], [turn("system", "I")], [turn("user", "q"), turn("assistant", "a")]])
def test_without_a_query_nothing_is_asked(messages):
    with pytest.raises(ModelRefused, match="End with a user turn"):
        read(messages)


@pytest.mark.parametrize(
    ("instruction", "labels"),
    [
        ('Labels: ["a", "é, \\"b\\""]', ("a", 'é, "b"')),
        ('Labels: ["mine"]\nLabels: ["a"]', ("a",)),
        ('Labels: ["a"]\nLabels: none', ("a",)),
        ("Labels: [1, 2]", ()),
        ('  Labels: ["a"]', ()),
        ("Labels: a, b", ()),
    ],
)
def test_label_list(instruction, labels):
    assert read([turn("system", instruction), turn("user", A)]).labels == labels


TRICKY = st.lists(st.sampled_from(["Answer: no", "Input: x", "Answer:", "a", " b", ""]), max_size=4).map(
    "\n".join
)
TEXT = st.text(max_size=30) | TRICKY
IMAGES = [st.lists(st.sampled_from([A, B, C]), min_size=least, max_size=2).map(tuple) for least in (0, 1)]


@given(
    shots=st.lists(st.builds(Rendered, IMAGES[0], TEXT, TEXT.filter(str.strip)), max_size=4),
    query=st.builds(Rendered, IMAGES[1], TEXT),
    dialect=st.sampled_from(["chat", "interleaved"]),
)
def test_reads_back_what_the_dialects_write(shots, query, dialect):
    """Up to line ends and outer space, whatever the values say."""

    def plain(text):
        return "\n".join(text.splitlines()).strip()

    # A demonstration without any input leaves an empty turn, which reads as no demonstration.
    shots = [shot for shot in shots if shot.media or shot.text.strip()]
    reading = read(open_dialect(dialect).render(Brief("Do it.", tuple(shots), query)))
    assert reading.instruction == "Do it."
    assert reading.demonstrations == tuple(
        Shot(shot.media, plain(shot.text), plain(shot.answer)) for shot in shots
    )
    assert reading.query == Shot(query.media, plain(query.text))
