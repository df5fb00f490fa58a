import numpy as np
import pytest
from encoder_contract import check_encoder
from PIL import Image, ImageDraw

from shotsmith.domain.errors import InvalidParameter
from shotsmith.retrieval.encoders.colour_hog import load


def test_keeps_the_contract():
    check_encoder(load())


def test_knows_pictures_only():
    assert load().dims == {"image": 2020}
    assert load().encode_texts(["a dog"]) == {}


def test_variants_are_refused():
    with pytest.raises(InvalidParameter, match="no variants"):
        load("large")


def test_colour_and_shape_both_count():
    vectors = load().encode_images([_disc("red"), _disc("red", 1), _disc("blue"), _square("red")])["image"]
    moved, recoloured, reshaped = vectors[1:] @ vectors[0]
    assert moved > recoloured
    assert moved > reshaped


def test_does_not_depend_on_the_size():
    small = _disc("red")
    vectors = load().encode_images([small, small.resize((400, 400))])["image"]
    assert vectors[0] @ vectors[1] > 0.95


@pytest.mark.parametrize("colour", ["black", "white", "grey"])
def test_a_plain_picture_has_a_unit_row(colour):
    [vector] = load().encode_images([Image.new("RGB", (10, 10), colour)])["image"]
    assert np.linalg.norm(vector) == pytest.approx(1)


def _disc(colour, shift=0):
    picture = Image.new("RGB", (100, 100), "white")
    ImageDraw.Draw(picture).ellipse((20 + shift, 20, 70 + shift, 70), fill=colour)
    return picture


def _square(colour):
    picture = Image.new("RGB", (100, 100), "white")
    ImageDraw.Draw(picture).rectangle((20, 20, 70, 70), fill=colour)
    return picture
