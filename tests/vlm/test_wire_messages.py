"""What arrives at each provider is what the messages say: every part, in order, byte for byte."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai_server import failure
from shown import Turns, joined
from wire import FAMILIES, Family, ask, said

from shotsmith.domain.errors import InvalidInput, ModelRefused
from shotsmith.domain.messages import AudioPart, ImagePart, Message, TextPart

pytestmark = [
    pytest.mark.filterwarnings(r"ignore:.*`ReadOnly` qualifier:UserWarning:pydantic\."),
    pytest.mark.usefixtures("litellm", "region"),
]

families = pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
IMAGE = ImagePart(bytes(range(256)) * 40, "image/jpeg", 1, 1)
SOUND = AudioPart(b"RIFF" + bytes(range(256)), "audio/wav", 0.5)
SPEECH = AudioPart(b"ID3" + bytes(range(256)), "audio/mpeg", 0.5)


@pytest.fixture
def region(monkeypatch):
    monkeypatch.setenv("AWS_REGION_NAME", "us-east-1")


def expected(messages: list[Message], family: Family) -> Turns:
    """The messages in the form that bodies are read back to."""
    turns = []
    for message in messages:
        items = [
            ("text", part.text) if isinstance(part, TextPart) else (part.mime, part.sha256)
            for part in message.parts
        ]
        if message.role != "user":
            items = [("text", "\n".join(text for _, text in items))]
        items = [(kind, value) for kind, value in items if kind != "text" or not family.blank(value)]
        if family.name == "gemini" and message.role == "user" and all(kind != "text" for kind, _ in items):
            items.append(("text", " "))  # litellm's own, the same in every process
        turns.append((message.role, items))
    return joined(turns)


@families
def test_every_part_arrives_in_its_place(family):
    server = family.serve()
    other = ImagePart(b"\x89PNG" + IMAGE.data, "image/png", 1, 1)
    messages = [
        said("system", "  Classify.\n", 'Labels: ["ä", "b"] '),
        said("user", "Input: ", IMAGE, " one\t", other, IMAGE),
        said("assistant", " a\n"),
        said("user", IMAGE),
        said("assistant", "b"),
        said("user", other, "Input: \u200bzwei 🐈\r\n"),
    ]
    try:
        reply = ask(family.client(server), messages)
    finally:
        server.close()
    assert reply.text == "cat"
    [request] = server.requests
    assert family.shown(request.json) == expected(messages, family)


def shows_nothing(message: Message, family: Family) -> bool:
    return all(isinstance(part, TextPart) and family.blank(part.text) for part in message.parts)


text = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
parts = st.one_of(
    text.map(TextPart),
    st.builds(
        ImagePart,
        st.binary(min_size=1, max_size=64),
        st.sampled_from(["image/png", "image/jpeg", "image/webp"]),
        st.just(1),
        st.just(1),
    ),
)
shown = st.builds(lambda parts: Message("user", tuple(parts)), st.lists(parts, min_size=1, max_size=4))
answers = text.filter(str.strip).map(lambda answer: said("assistant", answer))


@families
@settings(max_examples=25)
@given(
    instruction=text.filter(str.strip),
    shots=st.lists(st.tuples(shown, answers), max_size=4),
    query=shown,
)
def test_any_messages_arrive(served, family, instruction, shots, query):
    messages = [said("system", instruction), *(turn for shot in shots for turn in shot), query]
    server = served(family)
    if any(shows_nothing(turn, family) for turn in messages):
        with pytest.raises(ModelRefused, match="shows nothing"):
            ask(family.client(server), messages)
        return
    ask(family.client(server), messages)
    assert family.shown(server.requests[-1].json) == expected(messages, family)


@pytest.fixture(scope="module")
def served():
    """One server a family for all examples of the module."""
    servers = {}

    def serve(family):
        if family.name not in servers:
            servers[family.name] = family.serve()
        return servers[family.name]

    yield serve
    for server in servers.values():
        server.close()


@families
def test_sounds_arrive_or_are_refused_before_they_are_sent(served, family):
    server = served(family)
    before = len(server.requests)
    messages = [said("user", SOUND, "first"), said("assistant", "yes"), said("user", SPEECH, "second")]
    if family.hears:
        ask(family.client(server), messages)
        assert family.shown(server.requests[-1].json) == expected(messages, family)
    else:
        with pytest.raises(ModelRefused, match="takes no sounds"):
            ask(family.client(server), messages)
        assert len(server.requests) == before


@pytest.mark.parametrize(
    "family", [family for family in FAMILIES if family.blank("")], ids=lambda family: family.name
)
def test_an_answer_of_nothing_is_refused_instead_of_replaced(served, family):
    server = served(family)
    before = len(server.requests)
    for answer in filter(family.blank, ["", " \n"]):
        with pytest.raises(ModelRefused, match=r"turn 1 \(assistant\) shows nothing.*interleaved"):
            ask(family.client(server), [said("user", IMAGE), said("assistant", answer), said("user", IMAGE)])
    assert len(server.requests) == before
    ask(family.client(server), [said("system", ""), said("user", IMAGE)])
    assert [role for role, _ in family.shown(server.requests[-1].json)] == ["user"]


@families
def test_a_repeated_attempt_sends_the_same_bytes(family):
    server = family.serve()
    server.enqueue(failure(503), failure(529))
    messages = [said("system", "s"), said("user", IMAGE, "q")]
    try:
        ask(family.client(server), messages, {"temperature": 0.5})
    finally:
        server.close()
    assert len(server.requests) == 3
    assert len({request.body for request in server.requests}) == 1


SAMPLING = {"temperature": 0.25, "max_tokens": 7, "top_p": 0.5, "stop": ["\n\n"]}
PLACES = {
    "openai": {"temperature": 0.25, "max_tokens": 7, "top_p": 0.5, "stop": ["\n\n"]},
    "anthropic": {"temperature": 0.25, "max_tokens": 7, "top_p": 0.5, "stop_sequences": ["\n\n"]},
    "bedrock": {"temperature": 0.25, "maxTokens": 7, "topP": 0.5, "stopSequences": ["\n\n"]},
    "gemini": {"temperature": 0.25, "max_output_tokens": 7, "top_p": 0.5, "stop_sequences": ["\n\n"]},
}
SCHEMA = {
    "type": "object",
    "properties": {"answer": {"type": "string", "enum": ["cat", "dog"]}},
    "required": ["answer"],
    "additionalProperties": False,
}
STRUCTURED = {"type": "json_schema", "json_schema": {"name": "answer", "strict": True, "schema": SCHEMA}}


@families
def test_sampling_parameters_arrive_under_the_providers_names(served, family):
    server = served(family)
    reply = ask(family.client(server), [said("user", "q")], SAMPLING)
    assert reply.notes == ()
    body = server.requests[-1].json
    body = body.get("inferenceConfig", body.get("generationConfig", body))
    places = PLACES.get(family.name, PLACES["openai"])
    assert {name: body.get(name) for name in places} == places


@families
def test_the_schema_of_a_structured_output_arrives(served, family):
    server = served(family)
    reply = ask(family.client(server), [said("user", "q")], {"response_format": STRUCTURED})
    assert reply.notes == ()
    body = server.requests[-1].json
    match family.name:
        case "anthropic":
            assert body["output_format"] == {"type": "json_schema", "schema": SCHEMA}
        case "bedrock":
            told = body["outputConfig"]["textFormat"]["structure"]["jsonSchema"]["schema"]
            assert json.loads(told) == SCHEMA
        case "gemini":
            assert body["generationConfig"]["response_json_schema"] == SCHEMA
            assert body["generationConfig"]["response_mime_type"] == "application/json"
        case _:
            assert body["response_format"] == STRUCTURED


def test_images_stay_out_of_other_turns(served):
    family = FAMILIES[0]
    with pytest.raises(InvalidInput, match="only user turns"):
        ask(family.client(served(family)), [Message("assistant", (IMAGE,))])
