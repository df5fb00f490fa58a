"""The open_clip encoder on tiny random models: open_clip's own config, checkpoint, transform and tokenizer code."""

import json
import shutil
import sys

import numpy as np
import pytest
from encoder_contract import check_encoder, pictures
from PIL import Image
from tiny_models import CLIP_CONFIG, open_clip_directory, open_clip_files

from shotsmith.domain.errors import InvalidParameter, MissingExtra, Unavailable, UnknownName
from shotsmith.domain.scoring import unit
from shotsmith.retrieval.encoders import _hub, open_encoder
from shotsmith.retrieval.encoders.open_clip import load


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return open_clip_files(tmp_path_factory.mktemp("clip"))


@pytest.fixture(scope="module")
def encoder(files):
    config, checkpoint = files
    return open_encoder(f"open_clip:{config}/{checkpoint}")


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    return open_clip_directory(tmp_path_factory.mktemp("clip-directory"))


def test_keeps_the_contract(encoder):
    check_encoder(encoder, trained=False)


def test_all_spaces_hold_the_same_vectors(encoder):
    assert encoder.dims == {"image": 32, "text": 32, "joint": 32}
    images, texts = encoder.encode_images(pictures()), encoder.encode_texts(["a bus", ""])
    np.testing.assert_array_equal(images["image"], images["joint"])
    np.testing.assert_array_equal(texts["text"], texts["joint"])
    np.testing.assert_array_equal(texts["text"][1], 0)


def test_vectors_are_those_of_open_clip_itself(encoder, files):
    import open_clip
    import torch

    config, checkpoint = files
    model, _, transform = open_clip.create_model_and_transforms(config.stem, pretrained=str(checkpoint))
    with torch.inference_mode():
        images = model.eval().encode_image(torch.stack([transform(picture) for picture in pictures()]))
        texts = model.encode_text(open_clip.get_tokenizer(config.stem)(["a bus", "two dogs"]))
    np.testing.assert_allclose(encoder.encode_images(pictures())["image"], unit(images.numpy()), atol=1e-6)
    np.testing.assert_allclose(
        encoder.encode_texts(["a bus", "two dogs"])["text"], unit(texts.numpy()), atol=1e-6
    )


def test_id_is_the_content_of_the_files(encoder, files, tmp_path):
    config, checkpoint = files
    copies = shutil.copy(config, tmp_path), shutil.copy(checkpoint, tmp_path / "moved.pt")
    assert load("/".join(map(str, copies))).id == encoder.id
    assert str(tmp_path) not in encoder.id

    other_config, other_checkpoint = open_clip_files(tmp_path, "tiny-other", seed=5)
    assert load(f"{other_config}/{other_checkpoint}").id != encoder.id


def test_local_directory_with_its_own_preprocessing(directory, encoder):
    opened = load(f"local-dir:{directory}")
    check_encoder(opened, trained=False)
    assert opened.id.split(":")[1] != encoder.id.split(":")[1]

    settings = json.loads((directory / "open_clip_config.json").read_text())
    plain = directory.parent / "plain"
    shutil.copytree(directory, plain)
    (plain / "open_clip_config.json").write_text(json.dumps({"model_cfg": settings["model_cfg"]}))
    assert not np.array_equal(
        load(f"local-dir:{plain}").encode_images(pictures())["image"],
        opened.encode_images(pictures())["image"],
    )


def test_tag_brings_its_preprocessing_and_activation(files, monkeypatch, tmp_path):
    from open_clip import pretrained

    config, checkpoint = files
    tag = {"hf_hub": "org/model/", "mean": (0.5,) * 3, "std": (0.5,) * 3, "quick_gelu": True}
    monkeypatch.setitem(pretrained._PRETRAINED, config.stem, {"my_tag": tag})
    monkeypatch.setattr(_hub, "fetch", lambda repo, *names: checkpoint)
    tagged = load(f"{config.stem}/my-tag")

    spelt, _ = open_clip_files(tmp_path, "tiny-quick", quick_gelu=True)
    by_hand = load(f"{spelt}/{checkpoint}")
    np.testing.assert_array_equal(
        tagged.encode_texts(["a bus"])["text"], by_hand.encode_texts(["a bus"])["text"]
    )
    assert tagged.id.startswith(f"open_clip/{config.stem}/my_tag:prep-")
    picture = [Image.new("RGB", (40, 40), (255, 0, 0))]
    assert not np.array_equal(tagged.encode_images(picture)["image"], by_hand.encode_images(picture)["image"])


@pytest.mark.parametrize(
    "argument", ["", "ViT-B-32", "ViT-B-32/", "/weights.pt", "local-dir:", "local-dir:nowhere"]
)
def test_incomplete_argument_is_refused_with_an_example(argument):
    with pytest.raises(InvalidParameter, match="open_clip:ViT-B-32/laion2b_s34b_b79k"):
        load(argument)


@pytest.mark.parametrize(
    "argument", ["ViT-B-32/nowhere/weights.pt", "ViT-B-32//nowhere/weights.pt", "no.json/x.pt"]
)
def test_missing_file_is_named(argument):
    with pytest.raises(InvalidParameter, match=r"no such checkpoint file|no such model config") as caught:
        load(argument)
    assert caught.value.value in argument


def test_unknown_model_and_tag_get_the_nearest_ones():
    with pytest.raises(UnknownName, match=r"no such model.*Did you mean 'ViT-B-32'.* more"):
        load("ViT-B32/laion2b_s34b_b79k")
    with pytest.raises(UnknownName, match=r"no such pretrained tag.*Did you mean 'laion2b_s34b_b79k'"):
        load("ViT-B-32/laion2b_s34b")


def test_broken_files_are_refused(files, tmp_path):
    config, checkpoint = files
    broken = tmp_path / "broken.pt"
    broken.write_bytes(checkpoint.read_bytes()[:1000])
    with pytest.raises(InvalidParameter, match="open_clip cannot load the model"):
        load(f"{config}/{broken}")
    for name, content in {"a.json": "{", "b.json": "[]", "c.json": '{"embed_dim": 1}'}.items():
        (tmp_path / name).write_text(content)
        with pytest.raises(InvalidParameter, match=r"not a model config|cannot load"):
            load(f"{tmp_path / name}/{checkpoint}")


def test_directory_without_a_model_is_refused(tmp_path):
    (tmp_path / "open_clip_config.json").write_text("{}")
    with pytest.raises(InvalidParameter, match="missing 'model_cfg'"):
        load(f"local-dir:{tmp_path}")


def test_checkpoint_of_another_architecture_is_refused(files, tmp_path):
    wider = tmp_path / "tiny-wider.json"
    wider.write_text(json.dumps(CLIP_CONFIG | {"embed_dim": 48}))
    with pytest.raises(InvalidParameter, match="belong together"):
        load(f"{wider}/{files[1]}")


def test_two_configs_of_one_name_are_not_mixed_up(files, tmp_path):
    config, checkpoint = files
    (tmp_path / config.name).write_text(json.dumps(CLIP_CONFIG | {"embed_dim": 48}))
    with pytest.raises(InvalidParameter, match="Rename the file"):
        load(f"{tmp_path / config.name}/{checkpoint}")


def test_offline_mode_is_honoured():
    # The test run sets HF_HUB_OFFLINE, and nothing is cached.
    with pytest.raises(Unavailable, match="offline mode is enabled"):
        open_encoder("clip")


def test_missing_package_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "open_clip", None)
    with pytest.raises(MissingExtra, match=r"pip install 'shotsmith\[clip\]'"):
        load("ViT-B-32/laion2b_s34b_b79k")
