import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from encoder_contract import TEXTS, check_encoder, pictures
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from shotsmith.domain.errors import InvalidParameter
from shotsmith.imaging import decode
from shotsmith.retrieval.encoders import _lite0
from shotsmith.retrieval.encoders.embedded import REVISION, WEIGHTS, EmbeddedEncoder, load

PICTURES = Path(__file__).parent / "pictures"

# First numbers of the first sample picture and text of the contract.
IMAGE = [-0.012349, 0.000340, -0.002823, -0.015124]
PICTURE_IN_JOINT = [0.409745, -0.019289, -0.396100, 0.173035]
TEXT = [0.006915, -0.136736, 0.240306, 0.030883]
TEXT_IN_JOINT = [-0.134492, -0.160257, 0.155934, 0.072052]


@pytest.fixture(scope="module")
def encoder():
    return load()


def test_keeps_the_contract(encoder):
    check_encoder(encoder)


def test_offers_all_three_spaces(encoder):
    assert encoder.dims == {"image": 1280, "text": 128, "joint": 128}


def test_id_is_pinned():
    assert load().id == load("lite0-w16").id == f"embedded/lite0-w16@{REVISION}:square224-sqrt-centred-1"


def test_revision_is_that_of_the_weights():
    sums = (WEIGHTS / "SHA256SUMS").read_bytes()
    assert hashlib.sha256(sums).hexdigest().startswith(REVISION)
    listed = dict(line.split("  ")[::-1] for line in sums.decode().splitlines())
    found = {path.name for path in WEIGHTS.iterdir() if path.suffix in {".onnx", ".npy", ".npz", ".txt"}}
    assert set(listed) == found
    for name, digest in listed.items():
        assert hashlib.sha256((WEIGHTS / name).read_bytes()).hexdigest() == digest, name


def test_unknown_model_is_refused():
    with pytest.raises(InvalidParameter, match="no such embedded model"):
        load("lite7")


def test_loading_is_lazy():
    code = (
        "import sys; from shotsmith.retrieval.encoders.embedded import load; load().id; "
        "assert not {'onnxruntime', 'tokenizers'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_texts_need_no_image_model(monkeypatch):
    monkeypatch.setattr(_lite0.Lite0, "__init__", lambda *_: pytest.fail("read the image model"))
    EmbeddedEncoder().encode_texts(["a dog"])


def test_vectors_do_not_depend_on_the_thread_count(encoder, monkeypatch):
    expected = encoder.encode_images(pictures())
    for count in (1, 3, None):
        monkeypatch.setattr("os.cpu_count", lambda count=count: count)
        for space, matrix in encoder.encode_images(pictures()).items():
            np.testing.assert_array_equal(matrix, expected[space])


@pytest.mark.parametrize("text", ["", " \n", "\ud800", "\U0010fffd"])
def test_a_text_without_known_words_has_no_score(encoder, text):
    for matrix in encoder.encode_texts([text]).values():
        assert matrix.shape == (1, 128)
        assert not matrix.any() or text == "\ud800"  # which reads as a question mark


@settings(max_examples=50, deadline=None)
@given(st.text(st.characters(exclude_categories=()), max_size=40))
def test_any_text_gives_a_unit_or_a_zero_row(encoder, text):
    for matrix in encoder.encode_texts([text]).values():
        norm = np.linalg.norm(matrix)
        assert norm == pytest.approx(1, abs=1e-5) or norm == 0


def test_vectors_are_those_of_the_pinned_release(encoder):
    """Numbers of one machine; another may differ in the last bits, no more."""
    images, texts = encoder.encode_images(pictures()[:1]), encoder.encode_texts(TEXTS[:1])
    np.testing.assert_allclose(images["image"][0, :4], IMAGE, atol=2e-4)
    np.testing.assert_allclose(images["joint"][0, :4], PICTURE_IN_JOINT, atol=2e-4)
    np.testing.assert_allclose(texts["text"][0, :4], TEXT, atol=1e-6)
    np.testing.assert_allclose(texts["joint"][0, :4], TEXT_IN_JOINT, atol=1e-6)


def test_uses_the_central_square():
    wide = Image.new("RGB", (300, 100), "red")
    wide.paste("blue", (100, 0, 200, 100))
    np.testing.assert_array_equal(_lite0.prepare(wide), _lite0.prepare(Image.new("RGB", (50, 50), "blue")))


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "1"])
def test_other_modes_are_read_as_rgb(encoder, mode):
    picture = Image.new("RGB", (40, 40), "white").convert(mode)
    expected = encoder.encode_images([Image.new("RGB", (40, 40), "white")])["image"]
    np.testing.assert_array_equal(encoder.encode_images([picture])["image"], expected)


def test_pictures_of_a_kind_are_nearest(encoder):
    kinds = [_stripes, _disc, _checks]
    shown = [kind(variant) for kind in kinds for variant in (0, 1)]
    vectors = encoder.encode_images(shown)["image"]
    scores = vectors @ vectors.T - 2 * np.eye(len(shown))
    assert list(scores.argmax(axis=1)) == [1, 0, 3, 2, 5, 4]


def test_texts_of_a_kind_are_nearest(encoder):
    texts = [
        "a dog runs over the grass",
        "the puppy is running in a meadow",
        "interest rates rose again",
        "the central bank increased the rate of interest",
        "a plate of pasta with tomato sauce",
        "spaghetti and tomatoes for dinner",
    ]
    vectors = encoder.encode_texts(texts)["text"]
    scores = vectors @ vectors.T - 2 * np.eye(len(texts))
    assert list(scores.argmax(axis=1)) == [1, 0, 3, 2, 5, 4]


def test_joint_space_tells_things_apart(encoder):
    names = sorted(path.stem for path in PICTURES.glob("*.webp"))
    shown = [decode((PICTURES / f"{name}.webp").read_bytes()) for name in names]
    texts = encoder.encode_texts([f"a picture of a {name}" for name in names])["joint"]
    scores = texts @ encoder.encode_images(shown)["joint"].T
    assert len(names) == 7
    assert list(scores.argmax(axis=1)) == list(scores.argmax(axis=0)) == list(range(7))


def _stripes(variant):
    picture = Image.new("RGB", (160, 160), "white")
    for x in range(0, 160, 20):
        ImageDraw.Draw(picture).rectangle((x + 3 * variant, 0, x + 9 + 3 * variant, 160), fill="black")
    return picture


def _disc(variant):
    picture = Image.new("RGB", (160, 160), "white")
    ImageDraw.Draw(picture).ellipse((30 + 9 * variant, 30, 120 + 9 * variant, 120), fill="orange")
    return picture


def _checks(variant):
    picture = Image.new("RGB", (160, 160), "navy")
    for x in range(0, 160, 40):
        for y in range(0, 160, 40):
            ImageDraw.Draw(picture).rectangle(
                (x + 5 * variant, y, x + 19 + 5 * variant, y + 19), fill="yellow"
            )
    return picture
