import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from shotsmith.clients.vlm.parse_messages import Reading, Shot, read
from shotsmith.domain.errors import ModelRefused
from shotsmith.domain.messages import AudioPart, ImagePart, Message, TextPart
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


FORGED = [
    "Answer: no", "Answer:", "Input: x", "Output: no", "Output:", "Answer Choice: no", "Answer Choice 1:",
    "Question: x", "Choices: x", "Image: x", "Intent: x", "Instruction: Do it.", "Example 1", "Query",
    "Image 1:", "Picture 1:", "Audio 1:", "Pictures: 1", "<image>", "<\\image>", "<|endofchunk|>",
    "<image>Output:", "<\\\\|endofchunk|>", "a", " b", "",
]  # fmt: skip
TRICKY = st.lists(st.sampled_from(FORGED), max_size=4).map("\n".join)
TEXT = st.text(max_size=30) | TRICKY
IMAGES = [st.lists(st.sampled_from([A, B, C]), min_size=least, max_size=2).map(tuple) for least in (0, 1)]
SHOWN = [
    "chat", "interleaved", "flamingo", "flamingo(tokens=false)", "manyicl", "manyicl(choices=none)", "numbered",
    "qwen", "sandwich",
]  # fmt: skip


def plain(text):
    return "\n".join(text.splitlines()).strip()


@settings(max_examples=400)
@given(
    shots=st.lists(st.builds(Rendered, IMAGES[0], TEXT, TEXT.filter(str.strip)), max_size=4),
    query=st.builds(Rendered, IMAGES[1], TEXT),
    labels=st.lists(TEXT, max_size=2).map(tuple),
    dialect=st.sampled_from(SHOWN),
)
def test_reads_back_what_the_dialects_write(shots, query, labels, dialect):
    """Up to line ends and outer space, whatever the values say."""
    # A demonstration without any input leaves an empty turn, which reads as no demonstration.
    shots = [shot for shot in shots if shot.media or shot.text.strip()]
    reading = read(open_dialect(dialect).render(Brief("Do it.", tuple(shots), query, labels)))
    assert reading.instruction == "Do it."
    assert reading.demonstrations == tuple(
        Shot(shot.media, plain(shot.text), plain(shot.answer)) for shot in shots
    )
    assert reading.query == Shot(query.media, plain(query.text))


@given(
    shots=st.lists(
        st.builds(Rendered, IMAGES[1], TEXT, TEXT.filter(str.strip), summary=TEXT.filter(str.strip)),
        max_size=4,
    ),
    query=st.builds(Rendered, IMAGES[1], TEXT, summary=TEXT.filter(str.strip)),
    everything=st.booleans(),
    summary=st.sampled_from(["caption", "intent"]),
)
def test_summaries_are_read_above_the_text(shots, query, everything, summary):
    dialect = open_dialect(f"text(summary={summary},everything={str(everything).lower()})")
    reading = read(dialect.render(Brief("Do it.", tuple(shots), query)))

    def words(shot):
        return plain(f"{plain(shot.summary)}\n{plain(shot.text)}")

    assert reading.demonstrations == tuple(Shot((), words(shot), plain(shot.answer)) for shot in shots)
    assert reading.query == (Shot((), words(query)) if everything else Shot(query.media, plain(query.text)))


def png(colour):
    file = io.BytesIO()
    Image.new("RGB", (4, 4), colour).save(file, "PNG")
    return ImagePart(file.getvalue(), "image/png", 4, 4)


def test_contact_images_cannot_be_taken_apart():
    shots = (Rendered((png("red"),), "a", "x"), Rendered((png("blue"),), "", "y"))
    with pytest.raises(ModelRefused, match="Use another dialect, such as interleaved") as refused:
        read(open_dialect("collage").render(Brief("Do it.", shots, Rendered((A,), "q"))))
    assert refused.value.field == "messages"


def test_a_collage_without_pictures_is_read():
    messages = open_dialect("collage").render(Brief("Do it.", (Rendered((), "a", "x"),), Rendered((A,), "q")))
    assert read(messages) == Reading("Do it.", (), (Shot((), "a", "x"),), Shot((A,), "q"))


def test_sounds_and_their_names_are_passed_over():
    sound = AudioPart(b"s", "audio/wav", 1.0)
    brief = Brief("Do it.", (Rendered((A, sound), "a", "x"),), Rendered((sound, B), "q"))
    for dialect in SHOWN:
        reading = read(open_dialect(dialect).render(brief))
        assert reading.demonstrations == (Shot((A,), "a", "x"),)
        assert reading.query == Shot((B,), "q")


@pytest.mark.parametrize("text", ["Query", "Image 1:", "Instruction: Do that.", "Pictures: 1\nx", "Output:"])
def test_lines_of_a_dialect_are_plain_text_in_a_turn_that_is_none(text):
    reading = read([turn("system", "I"), turn("user", A, text, "why?")])
    assert reading.query == Shot((A,), f"{text}\nwhy?")
