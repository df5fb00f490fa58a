import numpy as np
import pytest
from encoder_contract import check_encoder
from PIL import Image

from shotsmith.domain.errors import InvalidParameter
from shotsmith.retrieval.encoders.fake import FakeEncoder, load


@pytest.mark.parametrize("spec", ["", "image", "text", "image+text", "joint"])
def test_keeps_the_contract(spec):
    check_encoder(load(spec))


def test_offers_what_the_spec_names():
    assert set(load().dims) == {"image", "text", "joint"}
    assert set(load("text+image").dims) == {"image", "text"}
    assert load("text+image").id == load("image+text").id != load().id


def test_unknown_space_is_refused():
    with pytest.raises(InvalidParameter, match="no such space"):
        load("image+sound")


def test_colour_names_find_pictures_of_that_colour():
    encoder = FakeEncoder()
    names = ["red", "blue", "yellow"]
    pictures = [Image.new("RGB", (8, 8), name) for name in names]
    scores = encoder.encode_texts(names)["joint"] @ encoder.encode_images(pictures)["joint"].T
    np.testing.assert_allclose(np.diag(scores), 1, atol=1e-6)
    assert list(scores.argmax(axis=1)) == [0, 1, 2]


def test_texts_are_near_by_the_words_they_share():
    vectors = FakeEncoder().encode_texts(["a grey cat sleeps", "the grey cat sleeps", "stock prices fall"])[
        "text"
    ]
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2] + 0.3


def test_a_text_without_words_has_no_score():
    assert not FakeEncoder().encode_texts(["", " ... "])["text"].any()
