"""What the torch encoders share: importing torch safely, the device, and rows that do not depend on the batch.

Matrix kernels sum in an order that depends on how many rows they are given and on how many threads share them, which
moves a cosine by about 1e-7: enough to flip a tie on the 1e-6 grid. So on a CPU every item is encoded alone and on
one thread, several items side by side. Measured against the library's own batches on one thread: ViT-B-32 takes a
tenth more CPU time, a small text model (MiniLM, short texts) five times as much. Under load it is many times faster
than threads that share one item and wait for each other. On a GPU items of one shape go in batches of one constant
size, the last one filled up.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ...domain.errors import MissingExtra
from ...domain.scoring import Matrix, unit

GPU_BATCH = 32

_import_lock = threading.Lock()
_gpu_lock = threading.Lock()
_keep_alive: list[Any] = []


def import_extra(module: str, extra: str) -> Any:
    """Import an optional package that stands on torch.

    Raises:
        MissingExtra: It, or something it needs, is not installed.
    """
    try:
        with _import_lock:
            _complete_torchvision()
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise MissingExtra(
            f"the encoder needs the package {error.name}",
            field="encoder",
            mend=f"pip install 'shotsmith[{extra}]'",
        ) from error


def _complete_torchvision() -> None:
    """Let torchvision be imported beside a torch that its compiled part was not built for.

    PyPI's torchvision is a CUDA build. Beside a CPU build of torch its library does not load, and `import
    torchvision` fails for want of two operator schemas that no encoder calls. Declaring them is enough.
    """
    import torch

    found = importlib.util.find_spec("torchvision")
    if found is None or not found.submodule_search_locations or torch.version.cuda is not None or _keep_alive:
        return
    for library in sorted(Path(found.submodule_search_locations[0]).glob("_C.*")):
        try:
            torch.ops.load_library(str(library))
        except OSError:
            continue
        return
    schemas = torch.library.Library("torchvision", "DEF")
    for operator in ("nms", "qnms"):
        schemas.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    _keep_alive.append(schemas)


@dataclass(frozen=True, slots=True)
class Device:
    """Where and in which precision a model runs. Part of an encoder's id, since vectors differ between devices.

    Attributes:
        name: As torch knows it: "cuda", "mps" or "cpu".
        precision: "fp32", or the type that autocast computes in.
    """

    name: str
    precision: str

    @classmethod
    def best(cls) -> Device:
        """CUDA before MPS before CPU; `CUDA_VISIBLE_DEVICES=` (empty) keeps off the GPU."""
        import torch

        if torch.cuda.is_available():
            return cls("cuda", "bf16" if torch.cuda.is_bf16_supported() else "fp16")
        if torch.backends.mps.is_available():
            return cls("mps", "fp32")
        return cls("cpu", "fp32")

    def __str__(self) -> str:
        return f"{self.name}-{self.precision}"

    def rows(
        self,
        forward: Callable[[list[Any]], Any],
        items: Sequence[Any],
        *,
        prepare: Callable[[Any], Any] | None = None,
    ) -> Matrix:
        """Unit rows [n, d] of one item or more, each independent of the others to the bit.

        Args:
            forward: Prepared items to a tensor or array [n, d]. On a CPU it is called from several threads at once.
            items: What to encode.
            prepare: What one item needs first, on the CPU. Prepared items are taken to be of one shape and go to a
                GPU in batches; without `prepare` each goes alone, for padding would depend on the company.
        """
        # A pool of its own for every call: nothing to shut down and nothing that a fork could break. torch keeps
        # the number of threads per thread, so that of the caller stays as it is.
        import torch

        with ThreadPoolExecutor(
            min(len(items), _cores()), initializer=torch.set_num_threads, initargs=(1,)
        ) as threads:
            if self.name == "cpu":
                alone = partial(self._alone, forward, prepare or _as_it_is)
                return unit(np.concatenate(list(threads.map(alone, items))))
            size = GPU_BATCH if prepare else 1
            parts = []
            for start in range(0, len(items), size):
                ready = list(threads.map(prepare or _as_it_is, items[start : start + size]))
                filled = ready + ready[-1:] * (size - len(ready))
                with _gpu_lock:
                    parts.append(self._compute(forward, filled)[: len(ready)])
            return unit(np.concatenate(parts))

    def _alone(self, forward: Callable[[list[Any]], Any], prepare: Callable[[Any], Any], item: Any) -> Any:
        return self._compute(forward, [prepare(item)])

    def _compute(self, forward: Callable[[list[Any]], Any], batch: list[Any]) -> Any:
        import torch

        low = {"bf16": torch.bfloat16, "fp16": torch.float16}.get(self.precision)
        with torch.inference_mode(), torch.autocast(self.name, dtype=low, enabled=low is not None):
            return torch.as_tensor(forward(batch)).float().cpu().numpy()


def scored(texts: Sequence[str], encode: Callable[[list[str]], Matrix], dim: int) -> Matrix:
    """Rows [n, dim] of texts: encoded where something is written, zeros ("no score") where a text is blank."""
    rows = np.zeros((len(texts), dim), dtype=np.float32)
    written = [index for index, text in enumerate(texts) if text.strip()]
    if written:
        rows[written] = encode([texts[index] for index in written])
    return rows


def _as_it_is(item: Any) -> Any:
    return item


def _cores() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS and Windows
        return os.cpu_count() or 1
