"""Text encoders, and CLIP-like ones that see pictures too, through sentence-transformers. Extra: `shotsmith[st]`.

The argument says which model:

    all-MiniLM-L6-v2                              a model of the organisation sentence-transformers; downloaded once
    organisation/model@revision                   any hub repository, at a branch, tag or commit if one is given
    path/to/directory                             a saved model

A model that reads only texts offers "text"; one that also sees pictures (clip-ViT-B-32, for example) offers "image"
and "joint" too, all three with the same vectors. Reimers and Gurevych 2019 (https://arxiv.org/abs/1908.10084).
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ...domain.errors import InvalidParameter, ShotsmithError
from ...domain.scoring import Matrix
from . import _hub
from ._torch import Device, import_extra, scored

_EXAMPLE = "Write, for example, sentence-transformers:all-MiniLM-L6-v2 or sentence-transformers:path/to/model"
_NEVER = 10**6  # tokenizers without a limit report 10**30
_ORGANISATION = "sentence-transformers"


def load(argument: str) -> SentenceTransformersEncoder:
    """Load the model that the argument names (see above) onto the best device.

    Raises:
        InvalidParameter: The argument is empty, or what it names cannot be loaded.
        UnknownName: The hub has no such model.
        MissingExtra: sentence-transformers is not installed.
        Unavailable: The model is neither cached nor to be downloaded now.
    """
    if not argument:
        raise InvalidParameter("the model is missing", field="encoder", mend=_EXAMPLE)
    library = import_extra("sentence_transformers", "st")
    device = Device.best()
    try:
        return SentenceTransformersEncoder(*_open(library, argument, device), device)
    except ShotsmithError:
        raise
    except Exception as error:  # a broken file or a wrong config surfaces in transformers as almost anything
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise InvalidParameter(
            f"sentence-transformers cannot load the model: {reason}",
            field="encoder",
            value=argument,
            mend="Check that it is a complete sentence-transformers model",
        ) from error


class SentenceTransformersEncoder:
    """Satisfies `Encoder` in "text", and for models that see pictures in "image" and "joint". Thread-safe.

    Long texts are cut at the model's `max_seq_length`; an empty text has no score.
    """

    def __init__(self, model: Any, identity: str, device: Device) -> None:
        # Weights may be stored in half precision; on a CPU that would be slow and coarse.
        self._model = model.float().eval()
        self._device = device
        cut = _cut(model)
        seen = [space for space in ("image", "text") if model.supports(space)]
        if not seen:
            raise InvalidParameter(
                "the model reads neither texts nor pictures", field="encoder", value=identity, mend=_EXAMPLE
            )
        joint = ["joint"] if len(seen) > 1 else []
        self._image_spaces = ["image", *joint] if "image" in seen else []
        self._text_spaces = ["text", *joint] if "text" in seen else []
        probe = "a picture" if self._text_spaces else Image.new("RGB", (32, 32))
        dim = int(self._rows([probe]).shape[1])
        self._dims = dict.fromkeys([*seen, *joint], dim)
        self._id = f"sentence-transformers/{identity}:{cut or 'all'}-tokens:{device}"

    @property
    def id(self) -> str:
        """Model, revision, cut, device and precision."""
        return self._id

    @property
    def dims(self) -> Mapping[str, int]:
        """The embedding dimension of the model in each space it offers."""
        return dict(self._dims)

    def encode_images(self, images: Sequence[Image.Image]) -> Mapping[str, Matrix]:
        """Rows for "image" and "joint", the same ones; nothing from a model that reads only texts."""
        if not self._image_spaces:
            return {}
        rows = self._rows(images) if images else np.zeros((0, self._dims["image"]), dtype=np.float32)
        return dict.fromkeys(self._image_spaces, rows)

    def encode_texts(self, texts: Sequence[str]) -> Mapping[str, Matrix]:
        """Rows for "text" and, if the model sees pictures, "joint"; nothing from a model that only sees them."""
        if not self._text_spaces:
            return {}
        return dict.fromkeys(self._text_spaces, scored(texts, self._rows, self._dims["text"]))

    def _rows(self, items: Sequence[Any]) -> Matrix:
        return self._device.rows(self._forward, items)

    def _forward(self, items: list[Any]) -> Any:
        return self._model.encode(items, show_progress_bar=False)


def _cut(model: Any) -> int | None:
    """After how many tokens the model cuts a text; a model that forgot to say cuts where its positions end."""
    limit: int | None = model.max_seq_length
    if limit is None or limit > _NEVER:
        config = getattr(model.transformers_model, "config", None)
        limit = getattr(config and config.get_text_config(), "max_position_embeddings", None)
        if limit is not None:
            model.max_seq_length = limit
    return limit


def _open(library: Any, argument: str, device: Device) -> tuple[Any, str]:
    path = Path(argument).expanduser()
    if path.is_dir():
        with _without_loading_bars():
            model = library.SentenceTransformer(str(path), device=device.name)
        return model, _hub.fingerprint(path)
    if argument.startswith((".", "/", "~")) or argument.count("/") > 1:
        raise InvalidParameter("no such directory", field="encoder", value=argument, mend=_EXAMPLE)
    name, _, revision = argument.partition("@")
    repo = name if "/" in name else f"{_ORGANISATION}/{name}"
    model = _from_hub(library, repo, revision or None, device)
    found = _cached(repo, revision or None)
    return model, f"{repo}@{_hub.commit(found) if found else revision}"


def _from_hub(library: Any, repo: str, revision: str | None, device: Device) -> Any:
    open_ = partial(library.SentenceTransformer, repo, revision=revision, device=device.name)
    if _cached(repo, revision):
        try:
            with _without_loading_bars():
                return open_(local_files_only=True)
        except OSError:
            pass  # an interrupted download left only a part
    _hub.listing(repo, revision)
    with _hub.told_once(repo):
        return open_()


def _cached(repo: str, revision: str | None) -> Path | None:
    return _hub.cached(
        repo, "modules.json", "config.json", revision=revision, folder=os.getenv("SENTENCE_TRANSFORMERS_HOME")
    )


@contextmanager
def _without_loading_bars() -> Iterator[None]:
    """Hide transformers' bar about reading weights from the disk, unless the user has decided on bars."""
    from transformers.utils import logging

    if "HF_HUB_DISABLE_PROGRESS_BARS" in os.environ or not logging.is_progress_bar_enabled():
        yield
        return
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.enable_progress_bar()
