"""CLIP, SigLIP and their kin through open_clip: pictures and texts in one space. Extra: `shotsmith[clip]`.

The argument says which model:

    ViT-B-32/laion2b_s34b_b79k          a model and a pretrained tag of open_clip; downloaded once
    ViT-B-32/path/to/checkpoint.pt      a model and a checkpoint file
    path/to/tiny.json/path/to/tiny.pt   a model of your own: open_clip's JSON model config and a checkpoint file
    local-dir:path/to/directory         a directory in open_clip's format: open_clip_config.json and weights
    hf-hub:organisation/repository      a hub repository in that format; downloaded once

The first slash ends the model, so an absolute path shows two: ViT-B-32//path/to/checkpoint.pt.
One CLIP vector serves all spaces, so "image", "text" and "joint" hold the same numbers. Radford et al. 2021
(https://arxiv.org/abs/2103.00020), Cherti et al. 2023 (https://arxiv.org/abs/2212.07143).
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ...domain.errors import InvalidParameter, ShotsmithError, UnknownName
from ...domain.names import hint
from ...domain.scoring import Matrix, digest
from . import _hub
from ._torch import Device, import_extra, scored

_EXAMPLE = (
    "Write, for example, open_clip:ViT-B-32/laion2b_s34b_b79k or open_clip:ViT-B-32//path/to/checkpoint.pt"
)
_PREPROCESSING = ("size", "mean", "std", "interpolation", "resize_mode", "fill_color")
_WEIGHTS = ("open_clip_model.safetensors", "open_clip_pytorch_model.bin")
_SHOWN = 12


def load(argument: str) -> OpenClipEncoder:
    """Load the model that the argument names (see above) onto the best device.

    Raises:
        InvalidParameter: The argument is incomplete, or the files it names cannot be loaded.
        UnknownName: open_clip has no such model or pretrained tag.
        MissingExtra: open_clip is not installed.
        Unavailable: The weights are neither cached nor to be downloaded now.
    """
    open_clip = import_extra("open_clip", "clip")
    device = Device.best()
    try:
        opened = _open(open_clip, argument, device)
        return OpenClipEncoder(open_clip, opened, device)
    except ShotsmithError:
        raise
    except Exception as error:  # a broken file or a wrong config surfaces in torch as almost anything
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise InvalidParameter(
            f"open_clip cannot load the model: {reason}",
            field="encoder",
            value=argument,
            mend="Check that config, checkpoint and open_clip's version belong together",
        ) from error


class OpenClipEncoder:
    """Satisfies `Encoder` in all three spaces. Thread-safe; an empty text has no score."""

    def __init__(self, open_clip: Any, opened: _Opened, device: Device) -> None:
        self._model = opened.model.eval()
        self._tokenize = opened.tokenizer
        self._device = device
        self._lock = threading.Lock()
        preprocessing = open_clip.get_model_preprocess_cfg(self._model)
        self._preprocess = open_clip.transform.image_transform_v2(
            open_clip.transform.PreprocessCfg(**preprocessing), is_train=False
        )
        settings = {name: preprocessing.get(name) for name in _PREPROCESSING}
        self._id = f"open_clip/{opened.identity}:prep-{digest(settings)[:8]}:{device}"
        self._dim = int(self._texts(["a picture"]).shape[1])

    @property
    def id(self) -> str:
        """Model, weights, preprocessing, device and precision."""
        return self._id

    @property
    def dims(self) -> Mapping[str, int]:
        """The embedding dimension of the model, the same in all three spaces."""
        return dict.fromkeys(("image", "text", "joint"), self._dim)

    def encode_images(self, images: Sequence[Image.Image]) -> Mapping[str, Matrix]:
        """Rows for "image" and "joint", the same ones; preprocessed as the model was trained."""
        rows = self._images(images) if images else np.zeros((0, self._dim), dtype=np.float32)
        return {"image": rows, "joint": rows}

    def encode_texts(self, texts: Sequence[str]) -> Mapping[str, Matrix]:
        """Rows for "text" and "joint", the same ones; long texts are cut at the model's context length."""
        rows = scored(texts, self._texts, self._dim)
        return {"text": rows, "joint": rows}

    def _images(self, images: Sequence[Image.Image]) -> Matrix:
        return self._device.rows(self._forward(self._model.encode_image), images, prepare=self._preprocess)

    def _texts(self, texts: Sequence[str]) -> Matrix:
        return self._device.rows(self._forward(self._model.encode_text), texts, prepare=self._tokens)

    def _tokens(self, text: str) -> Any:
        # Tokenizers of transformers are not safe under threads.
        with self._lock:
            return self._tokenize([text])[0]

    def _forward(self, encode: Callable[[Any], Any]) -> Callable[[list[Any]], Any]:
        import torch

        return lambda batch: encode(torch.stack(batch).to(self._device.name))


@dataclass(frozen=True, slots=True)
class _Opened:
    identity: str
    model: Any = field(repr=False)
    tokenizer: Any = field(repr=False)


def _open(open_clip: Any, argument: str, device: Device) -> _Opened:
    name, colon, place = argument.partition(":")
    if colon and name == "local-dir":
        return _open_directory(open_clip, Path(place).expanduser(), device)
    if colon and name == "hf-hub":
        return _open_repository(open_clip, place, device)
    head, json_in_between, tail = argument.partition(".json/")
    if json_in_between:
        config = Path(f"{head}.json").expanduser()
        return _open_checkpoint(open_clip, _register(open_clip, config), tail, device, config)
    model, _, weights = argument.partition("/")
    if not model or not weights:
        raise InvalidParameter(
            "the model or its weights are missing", field="encoder", value=argument, mend=_EXAMPLE
        )
    if model not in open_clip.list_models():
        raise _unknown("open_clip has no such model", model, open_clip.list_models())
    if tag := open_clip.get_pretrained_cfg(model, weights):
        return _open_tag(open_clip, model, weights, tag, device)
    return _open_checkpoint(open_clip, model, weights, device)


def _open_directory(open_clip: Any, directory: Path, device: Device) -> _Opened:
    config = directory / "open_clip_config.json"
    if not config.is_file():
        raise InvalidParameter("no such file", field="encoder", value=str(config), mend=_EXAMPLE)
    _fetch_text_parts(json.loads(config.read_text(encoding="utf-8")).get("model_cfg", {}), tokenizer=False)
    name = f"local-dir:{directory}"
    model = open_clip.create_model(name, device=device.name, require_pretrained=True)
    return _Opened(f"local-dir/{_hub.fingerprint(directory)}", model, open_clip.get_tokenizer(name))


def _open_repository(open_clip: Any, repo: str, device: Device) -> _Opened:
    config = _hub.fetch(repo, "open_clip_config.json")
    _hub.fetch(repo, *_WEIGHTS)
    _fetch_text_parts(json.loads(config.read_text(encoding="utf-8")).get("model_cfg", {}))
    name = f"hf-hub:{repo}"
    model = open_clip.create_model(name, device=device.name, require_pretrained=True)
    # open_clip asks the hub for a newer commit: what counts is what is cached now.
    revision = _hub.commit(_hub.fetch(repo, "open_clip_config.json"))
    return _Opened(f"{name}@{revision}", model, open_clip.get_tokenizer(name))


def _open_tag(open_clip: Any, model: str, tag: str, settings: Mapping[str, Any], device: Device) -> _Opened:
    repo, _, file = settings["hf_hub"].rpartition("/")
    checkpoint = _hub.fetch(
        repo, *((str(Path(file).with_suffix(".safetensors")), file) if file else _WEIGHTS)
    )
    _fetch_text_parts(open_clip.get_model_config(model))
    opened = open_clip.create_model(
        model,
        str(checkpoint),
        device=device.name,
        require_pretrained=True,
        # What open_clip does for a tag, but not for a path; without QuickGELU the openai weights are silently off.
        force_preprocess_cfg=settings,
        force_quick_gelu=bool(settings.get("quick_gelu")),
    )
    return _Opened(f"{model}/{tag.lower().replace('-', '_')}", opened, open_clip.get_tokenizer(model))


def _open_checkpoint(
    open_clip: Any, model: str, weights: str, device: Device, config: Path | None = None
) -> _Opened:
    checkpoint = Path(weights).expanduser()
    if not checkpoint.is_file():
        if checkpoint.parent == Path():
            raise _unknown(
                f"{model} has no such pretrained tag, nor is it a file",
                weights,
                open_clip.list_pretrained_tags_by_model(model),
            )
        raise InvalidParameter("no such checkpoint file", field="encoder", value=weights, mend=_EXAMPLE)
    _fetch_text_parts(open_clip.get_model_config(model))
    opened = open_clip.create_model(model, str(checkpoint), device=device.name, require_pretrained=True)
    # A file is known by its content, so that moving it does not orphan the vectors.
    identity = f"{_hub.fingerprint(config) if config else model}/{_hub.fingerprint(checkpoint)}"
    return _Opened(identity, opened, open_clip.get_tokenizer(model))


def _register(open_clip: Any, path: Path) -> str:
    """Make a JSON model config known to open_clip, under the file's name."""
    if not path.is_file():
        raise InvalidParameter("no such model config", field="encoder", value=str(path), mend=_EXAMPLE)
    config = json.loads(path.read_text(encoding="utf-8"))
    if not {"embed_dim", "vision_cfg", "text_cfg"} <= set(config):
        raise InvalidParameter(
            "not a model config of open_clip",
            field="encoder",
            value=str(path),
            mend='The JSON object needs "embed_dim", "vision_cfg" and "text_cfg"',
        )
    if path.stem not in open_clip.list_models():
        open_clip.add_model_config(path)
    elif open_clip.get_model_config(path.stem) != config:
        raise InvalidParameter(
            "open_clip knows another model by the config's name",
            field="encoder",
            value=path.stem,
            mend="Rename the file",
        )
    return path.stem


def _fetch_text_parts(config: Mapping[str, Any], *, tokenizer: bool = True) -> None:
    """Cache what some text towers take from the hub, or fail fast; open_clip alone would retry for a long time."""
    text = config.get("text_cfg", {})
    parts = [(text.get("hf_model_name"), ["config.json"])]
    if tokenizer:
        parts.append((text.get("hf_tokenizer_name"), ["tokenizer_config.json", "tokenizer.json"]))
    for repo, files in parts:
        if repo and not Path(repo).is_dir():
            _hub.fetch(repo, *files)


def _unknown(message: str, value: str, known: Iterable[str]) -> UnknownName:
    names = sorted(known)
    shown = (
        ", ".join(names)
        if len(names) <= _SHOWN
        else f"{', '.join(names[:_SHOWN])} and {len(names) - _SHOWN} more"
    )
    return UnknownName(message, field="encoder", value=value, mend=f"{hint(value, names)}Known: {shown}")
