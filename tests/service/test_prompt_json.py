"""What the service answers to /v1/prompts is, byte for byte, what the schema would say."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from shotsmith.domain.messages import AudioPart, ImagePart, Message, TextPart
from shotsmith.domain.selections import Prompt
from shotsmith.schemas import PromptOut, prompt_json

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20).map(TextPart)
images = st.builds(
    ImagePart, st.binary(max_size=40), st.sampled_from(["image/png", "image/jpeg"]), st.just(3), st.just(4)
)
sounds = st.builds(AudioPart, st.binary(max_size=40), st.just("audio/wav"), st.just(1.5))
parts = st.lists(texts | images | sounds, max_size=4).map(tuple)
messages = st.lists(st.builds(Message, st.sampled_from(["system", "user", "assistant"]), parts), max_size=4)
manifests = st.dictionaries(
    st.text(max_size=5),
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts.map(lambda one: one.text),
)


@given(messages.map(tuple), manifests)
def test_the_bytes_are_those_of_the_schema(messages, manifest) -> None:
    prompt = Prompt(messages, manifest)
    assert prompt_json(prompt) == PromptOut.of(prompt).model_dump_json().encode()
