"""How rows are computed on each kind of device; the batches that a GPU gets are looked at without one."""

import numpy as np
import pytest
import torch

from shotsmith.retrieval.encoders._torch import GPU_BATCH, Device, scored

RNG = np.random.default_rng(3)
WEIGHTS = torch.tensor(RNG.normal(size=(64, 16)), dtype=torch.float32)
ITEMS = [torch.tensor(row, dtype=torch.float32) for row in RNG.normal(size=(GPU_BATCH + 5, 64))]


class Model:
    """A matrix product that remembers how it was called."""

    def __init__(self):
        self.sizes, self.threads, self.types = [], set(), set()

    def __call__(self, batch):
        self.sizes.append(len(batch))
        self.threads.add(torch.get_num_threads())
        assert torch.is_inference_mode_enabled()
        rows = torch.stack(batch) @ WEIGHTS
        self.types.add(rows.dtype)
        return rows


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def test_cpu_takes_items_alone_on_one_thread_each(two_threads):
    model = Model()
    rows = Device("cpu", "fp32").rows(model, ITEMS)
    assert set(model.sizes) == {1}
    assert model.threads == {1}
    assert torch.get_num_threads() == 2
    np.testing.assert_array_equal(rows[3:4], Device("cpu", "fp32").rows(model, ITEMS[3:4]))
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-6)


def test_gpu_takes_prepared_items_in_batches_of_one_size():
    model = Model()
    gpu = Device("mps", "fp32")
    rows = gpu.rows(model, range(len(ITEMS)), prepare=ITEMS.__getitem__)
    assert model.sizes == [GPU_BATCH, GPU_BATCH]
    alone = [gpu.rows(model, [index], prepare=ITEMS.__getitem__) for index in range(len(ITEMS))]
    assert set(model.sizes) == {GPU_BATCH}
    np.testing.assert_allclose(rows, np.concatenate(alone), atol=1e-6)
    np.testing.assert_allclose(rows, Device("cpu", "fp32").rows(model, ITEMS), atol=1e-6)


def test_gpu_takes_unprepared_items_alone():
    model = Model()
    Device("mps", "fp32").rows(model, ITEMS)
    assert set(model.sizes) == {1}


def test_half_precision_is_autocast_and_rows_stay_float32():
    model = Model()
    rows = Device("cpu", "bf16").rows(model, ITEMS)
    assert model.types == {torch.bfloat16}
    assert rows.dtype == np.float32
    np.testing.assert_allclose(rows, Device("cpu", "fp32").rows(model, ITEMS), atol=2e-2)


@pytest.mark.parametrize(
    ("cuda", "bf16", "mps", "expected"),
    [
        (True, True, True, "cuda-bf16"),
        (True, False, False, "cuda-fp16"),
        (False, False, True, "mps-fp32"),
        (False, False, False, "cpu-fp32"),
    ],
)
def test_best_device(monkeypatch, cuda, bf16, mps, expected):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: bf16)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    assert str(Device.best()) == expected


def test_blank_texts_are_not_encoded():
    asked = []

    def encode(texts):
        asked.extend(texts)
        return np.ones((len(texts), 2), dtype=np.float32)

    np.testing.assert_array_equal(scored(["", "a", " \n", "b"], encode, 2), [[0, 0], [1, 1], [0, 0], [1, 1]])
    assert asked == ["a", "b"]
    assert scored([""], encode, 2).tolist() == [[0, 0]]
    assert scored([], encode, 2).shape == (0, 2)
